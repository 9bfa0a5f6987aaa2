"""What language models answered, what failed, what was filled in for them, and what it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gamesim.core.errors import MetricError
from gamesim_analysis.metrics.model_journal import DAGGER, GATE, OUTCOMES

from ..blocks import Block, Note, Section, Table, Text, Tile, Tiles, Value
from ..numbers import Estimate, number
from ..study import Study

Rows = list[dict[str, Any]]


def section(study: Study) -> Section | None:
    from gamesim_analysis.metrics import model_calls as metrics

    rates = _rows(metrics.invalid_rates, study)
    if not rates:
        return None
    total = next(row for row in rates if row["level"] == "total")
    models = [row for row in rates if row["level"] == "model"]
    tiles = Tiles(
        (
            Tile("Decisions asked", number(total["asked"])),
            Tile("Without a valid answer", _percent(total["invalid_rate"]), f"gate {100 * GATE:g}%"),
            Tile("Valid at once", _percent(total["first_pass_rate"])),
            Tile("After one repair", _percent(total["repair_rate"])),
        )
    )
    blocks: list[Block] = [tiles]
    for row in models:
        if str(row["gate"]).startswith("not ranked"):
            blocks.append(
                Note(
                    f"{row['model']} is {row['gate']}: what this run shows of it may be the rule that filled in for it.",
                    "warning",
                )
            )
    blocks.append(_outcomes("By model", ("model",), models))
    blocks.append(_outcomes("By decision", ("model", "kind"), [r for r in rates if r["level"] == "kind"], folded=True))
    imputed = [row for row in _rows(metrics.imputation, study) if row["imputed"]]
    if imputed:
        blocks.append(_imputation(imputed))
    costs = _rows(metrics.model_costs, study)
    if costs:
        blocks.append(_costs(costs))
    for row in _rows(metrics.position_bias, study):
        share = Estimate(row["first_share"], row["first_share_lower"], row["first_share_upper"], row["n"])
        said = "more or less often than chance" if row["biased"] else "as chance would"
        blocks.append(
            Text(
                f"{row['model']} chose what stood first in {row['kind']} in {share} of {row['n']} lists, {said} ({number(row['expected'], 2)})."
            )
        )
    for row in _rows(metrics.self_agreement, study):
        blocks.append(
            Text(
                f"{row['model']} agrees with itself on {_percent(row['agreement'])} of {number(row['pairs'])} pairs of answers to one prompt."
            )
        )
    return Section("answers", "Answers of language models", tuple(blocks), order=1050)


def _rows(metric: Any, study: Study) -> Rows:
    """A metric's rows; nothing where it does not apply."""
    try:
        columns: Mapping[str, Any] = metric(study.record)
    except MetricError:
        return []
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.3g}%"


def _outcomes(title: str, keys: tuple[str, ...], rows: Rows, *, folded: bool = False) -> Table:
    used = [outcome for outcome in OUTCOMES if any(row[outcome] for row in rows)]
    cells: list[tuple[Value, ...]] = []
    for row in rows:
        low, high = 100 * row["invalid_rate_lower"], 100 * row["invalid_rate_upper"]
        invalid = Estimate(100 * row["invalid_rate"], low, high, row["asked"])
        cells.append((*(row[k] for k in keys), row["asked"], *(row[o] for o in used), invalid, row["gate"]))
    return Table(
        (*keys, "asked", *used, "invalid, %", "may be ranked"),
        tuple(cells),
        title=title,
        about=f"Decisions, not calls. Brackets: Wilson's 95 % interval; † its upper end exceeds {100 * DAGGER:g}%.",
        header=len(keys),
        folded=folded,
    )


def _imputation(rows: Rows) -> Table:
    names = ("cell", "model", "kind", "decisions", "imputed", "mean_action", "mean_action_without_imputed", "note")
    heads = ("cell", "model", "decision", "asked", "filled in", "mean action", "without those", "")
    return Table(
        heads,
        tuple(tuple(row[name] for name in names) for row in rows),
        title="Steps that a rule filled in",
        about="A failed answer becomes what `language.on_invalid` says; it is never counted as the model's choice.",
        header=3,
    )


def _costs(rows: Rows) -> Table:
    names = (
        "cell",
        "model",
        "kind",
        "calls",
        "attempts",
        "cached",
        "tokens_in",
        "tokens_out",
        "cost",
        "currency",
        "latency_p50",
        "latency_p95",
    )
    cells = tuple(tuple("unknown" if n == "cost" and row[n] is None else row[n] for n in names) for row in rows)
    return Table(
        (
            "cell",
            "model",
            "call",
            "calls",
            "attempts",
            "cached",
            "tokens in",
            "tokens out",
            "cost",
            "currency",
            "latency p50, s",
            "p95, s",
        ),
        cells,
        title="What it took",
        about="Latency of answers that were waited for in this run.",
        header=3,
        folded=True,
    )
