"""What was asked of language models in a run and what became of it, read once from its journals.

Decisions stand in ``events/``: what play determined. What they cost and how long they took stands in ``calls.sqlite``. Both
are joined by the keys of calls. Nothing here applies to a run in which no model was asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from gamesim.core.errors import MetricError
from gamesim.core.policy import Outcome
from gamesim_analysis.stats.intervals import wilson
from gamesim_analysis.stats.results import Interval

from .cells import cells, dig, once

if TYPE_CHECKING:
    from gamesim.run.record import Record

CHOSEN = ("ok", "repaired", "injected")  # the model chose what was played
TRANSPORT = ("timeout", "transport")  # the network's fault
OUTCOMES: tuple[str, ...] = get_args(Outcome)
INVALID = tuple(outcome for outcome in OUTCOMES if outcome not in CHOSEN)
GATE = 0.05  # a model above this share of invalid answers is listed and not ranked
DAGGER = 0.10  # and marked where the interval reaches beyond this


@dataclass(frozen=True)
class Asked:
    """One decision that was asked of a model."""

    unit: str
    cell: int
    seed: int | None
    step: int
    phase: str
    agent: str
    model: str
    outcome: str
    imputed: bool
    action: Any
    calls: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rates:
    """Counts of outcomes with the rates of the failure taxonomy.

    A rate is None where nothing was asked. ``injected`` actions are legal and played: they count in ``infection``, not in
    ``invalid``. ``invalid_model`` leaves decisions that the network lost out of numerator and denominator.
    """

    counts: Mapping[str, int]
    imputed: int = 0
    fenced: int = 0

    @classmethod
    def of(cls, decisions: Iterable[Asked]) -> Rates:
        found = list(decisions)
        return cls(
            Counter(decision.outcome for decision in found),
            sum(decision.imputed for decision in found),
            sum(bool(decision.notes.get("fenced")) for decision in found),
        )

    def count(self, *outcomes: str) -> int:
        return sum(self.counts.get(outcome, 0) for outcome in outcomes)

    @property
    def asked(self) -> int:
        return sum(self.counts.values())

    @property
    def invalid(self) -> Interval:
        """Share of decisions without a valid answer, with Wilson's 95 % interval."""
        return wilson(self.count(*INVALID), self.asked)

    @property
    def invalid_model(self) -> Interval:
        lost = self.count(*TRANSPORT)
        return wilson(self.count(*INVALID) - lost, self.asked - lost)

    def share(self, *outcomes: str) -> float | None:
        return self.count(*outcomes) / self.asked if self.asked else None

    def ranked(self, gate: float = GATE) -> bool:
        """Whether a ranking may be stated: at most ``gate`` of the decisions invalid."""
        return self.asked == 0 or self.count(*INVALID) <= gate * self.asked + 1e-12

    @property
    def dagger(self) -> bool:
        """Whether the interval reaches so far that the gate may have been passed by luck."""
        return self.invalid.high is not None and self.invalid.high > DAGGER

    @property
    def silent(self) -> bool:
        """Whether not one decision was valid."""
        return self.asked > 0 and self.count(*INVALID) == self.asked

    def verdict(self, gate: float = GATE) -> str:
        """In words, for the column beside every metric.

        Examples
        --------
        >>> Rates({"ok": 95, "empty": 5}).verdict(), Rates({"empty": 12}).verdict(), Rates({"ok": 94, "illegal": 6}).verdict()
        ('ranked †', 'not ranked: 100% empty', 'not ranked: 6% invalid')
        """
        if self.ranked(gate):
            return "ranked †" if self.dagger else "ranked"
        worst, most = max(((o, self.counts.get(o, 0)) for o in INVALID), key=lambda pair: pair[1])
        if most == self.asked:
            return f"not ranked: 100% {worst}"
        return f"not ranked: {100 * self.count(*INVALID) / self.asked:.3g}% invalid"


def decisions_of(record: Record) -> list[Asked]:
    """Every decision asked of a model, in the order of the journals.

    Raises
    ------
    MetricError
        If no model was asked in this run.
    """
    found = once(record, "model decisions", lambda: _decisions(record))
    if not found:
        raise MetricError("no language model was asked in this run.", path="population")
    return found


def calls_of(record: Record) -> list[Mapping[str, Any]]:
    """Every answered call, in the order of coordinates; as ``CallJournal.rows``, with ``cell`` and the unit's short name.

    Raises
    ------
    MetricError
        If the run has no calls.
    """
    found = once(record, "model calls", lambda: _calls(record))
    if not found:
        raise MetricError("no language model was asked in this run.", path="calls.sqlite")
    return found


def by(items: Sequence[Any], *keys: Any) -> dict[tuple[Any, ...], list[Any]]:
    """Items grouped by attributes or keys, in sorted order of the groups."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for item in items:
        groups.setdefault(tuple(item[k] if isinstance(item, Mapping) else getattr(item, k) for k in keys), []).append(
            item
        )
    return dict(sorted(groups.items()))


def _calls(record: Record) -> list[Mapping[str, Any]]:
    from gamesim.run.models.calls import NAME, CallJournal

    path = record.path / NAME
    if not path.is_file():
        return []
    place = {unit.key: (unit.name, int(unit.cell.get("index", 0))) for unit in record.units}
    journal = CallJournal(path, readonly=True)
    try:
        rows: list[Mapping[str, Any]] = []
        for row in journal.rows():
            name, cell = place.get(row["unit"], (str(row["unit"])[:16], 0))
            request = row["request"] or {}
            rows.append({**row, "unit": name, "cell": cell, "model": str(request.get("model") or "unknown")})
        return rows
    finally:
        journal.close()


def _decisions(record: Record) -> list[Asked]:
    asked = {row["key"]: row["model"] for row in _or_none(record)}
    populations = {cell.index: dig(cell.data, "population", ()) for cell in cells(record)}
    found: list[Asked] = []
    for unit in record.units:
        if unit.mode != "step":
            continue  # nobody outside was asked
        cell = int(unit.cell.get("index", 0))
        seats: Mapping[str, int] = {}
        seeds: list[int] = list(unit.seeds)
        own: list[Asked] = []
        for event in record.events("begin", "action", unit=unit.key):
            if event.type == "begin":
                seats, seeds = event.data.get("seats") or {}, list(event.data.get("replicates") or seeds)
                continue
            data = event.data
            notes = data.get("notes") or {}
            calls, outcome = tuple(data.get("calls") or ()), str(data.get("outcome", "ok"))
            if not calls and outcome == "ok" and not notes.get("bundled"):
                continue  # a rule, or a question that left nothing to decide
            agent = str(event.agent)
            named = next((asked[key] for key in calls if key in asked), None)
            own.append(
                Asked(
                    unit.name,
                    cell,
                    seeds[0] if len(seeds) == 1 else None,
                    int(event.step or 0),
                    str(event.phase or ""),
                    agent,
                    named or _seated(populations.get(cell, ()), seats.get(agent)),
                    outcome,
                    bool(data.get("imputed", False)),
                    data.get("action"),
                    calls,
                    notes,
                )
            )
        found += own
    return found


def _or_none(record: Record) -> list[Mapping[str, Any]]:
    try:
        return calls_of(record)
    except MetricError:
        return []


def _seated(population: Sequence[Mapping[str, Any]], member: int | None) -> str:
    """The model of a seat as its member names it, for decisions whose calls left no answer."""
    if member is None or not 0 <= member < len(population):
        return "unknown"
    return str(population[member].get("model") or population[member].get("agent") or "unknown")
