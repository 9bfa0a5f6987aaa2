"""How the figures were made, with which versions, and how to check that the run is the one it says it is."""

from __future__ import annotations

from gamesim.core.errors import RecordError, clean

from ..blocks import Block, Points, Section, Table, Value
from ..study import Study, as_mapping
from .common import compares

_METHOD = (
    "An episode is one society, or one play of the game, from its own seed. Replicate r has the same seed in every condition, so that conditions "
    "share every draw with the same name and differences between them are taken episode by episode.",
    "Means have Student's 95 % intervals over episodes; shares have Wilson's; survival curves are Kaplan and Meier's with log-log bands from Greenwood's "
    "variance. Agents of one episode are never counted as independent.",
    "Intervals are not adjusted for how many are shown. One in twenty is expected to miss its value.",
    "Figures are summed by the database from the step table; this page holds sums, and only one followed society in full.",
)


@compares
def section(study: Study) -> Section | None:
    blocks: list[Block] = [Points(_METHOD)]
    rows: list[tuple[Value, ...]] = []
    for name, manifest in zip(study.names, study.manifests, strict=True):
        rows += [(name, clean(k), clean(v)) for k, v in sorted(as_mapping(manifest.get("versions") or {}).items())]
    if rows:
        blocks.append(_table(rows, ("run", "library", "version"), "Versions that played", len(study.records)))
    facts: list[tuple[Value, ...]] = []
    for index, (name, manifest) in enumerate(zip(study.names, study.manifests, strict=True)):
        scenario = study.scenarios[index]
        for key, value in (
            ("run", manifest.get("id")),
            ("scenario", scenario.get("name")),
            ("provenance", scenario.get("provenance")),
            ("root seed", manifest.get("seed", scenario.get("seed"))),
            ("status", manifest.get("status")),
            ("identity", manifest.get("identity")),
            ("digest", _digest(study, index)),
            ("played", manifest.get("created")),
            ("platform", manifest.get("platform")),
            ("units", len(manifest.get("units") or ()) or None),
        ):
            if value not in (None, "", {}):
                facts.append((name, key, clean(value, 400)))
        imported = as_mapping(manifest.get("provenance") or {})
        facts += [(name, f"imported {clean(k)}", clean(v, 400)) for k, v in imported.items()]
    blocks.append(_table(facts, ("run", "what", "value"), "Provenance", len(study.records)))
    seeds = _seeds(study)
    if seeds is not None:
        blocks.append(seeds)
    return Section("method", "Method and provenance", tuple(blocks), order=1200)


def _table(rows: list[tuple[Value, ...]], columns: tuple[str, ...], title: str, runs: int) -> Table:
    """Without the column ``run`` where there is one run only."""
    if runs == 1:
        return Table(columns[1:], tuple(row[1:] for row in rows), title)
    return Table(columns, tuple(rows), title, header=2)


def _digest(study: Study, index: int) -> str | None:
    try:
        found = study.records[index].digest()
    except (RecordError, AttributeError):
        return None
    return str(found)


def _seeds(study: Study) -> Table | None:
    """Episode seeds of the first replicates, so that one society can be played alone."""
    if "episode" not in study.episodes:
        return None
    first = study.episodes["condition"] == 0
    pairs = sorted(zip(study.episodes["seed"][first].tolist(), study.episodes["episode"][first].tolist(), strict=True))
    rows: tuple[tuple[Value, ...], ...] = tuple((int(a), str(int(b))) for a, b in pairs[:200])
    more = f" The first {len(rows)} of {len(pairs):,}." if len(rows) < len(pairs) else ""
    return Table(
        ("replicate", "episode seed"),
        rows,
        "Seeds of the episodes",
        f"The same in every condition; `reset(seed=...)` plays one of them alone.{more}",
        folded=True,
    )
