"""``leaderboard``: from the records of a bench to one board, and from a board to its files.

Nothing is ranked without its share of invalid answers beside it; who answered nonsense is listed below the line, with the
reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.errors import MetricError, clean
from gamesim_analysis.metrics.model_calls import cost_columns, rate_columns
from gamesim_analysis.metrics.model_journal import GATE, INVALID, Rates
from gamesim_analysis.stats.intervals import mean_interval
from gamesim_analysis.stats.paired import PairedEffect, align, paired_effect
from gamesim_analysis.stats.results import Interval
from gamesim_analysis.stats.survival import SurvivalCurve, kaplan_meier

from .board import Cell, Standing, Statistics, statistics
from .games import Rationality, rationality
from .players import Player
from .results import Ends, Results, Shared

if TYPE_CHECKING:
    from gamesim.run.record import Record

PLUMBING = "plumbing only"  # what a row of the embedded model says about behaviour: nothing
EXAMPLES = 5


@dataclass(frozen=True)
class Row:
    """One player of the board.

    Attributes
    ----------
    standing : its place and score.  rates : its answers.  costs : sums over its calls, as ``cost_columns``.
    reason : why it is not ranked; None if it is.
    note : what a reader must know of the row.
    """

    player: str
    standing: Standing
    rates: Rates
    costs: Mapping[str, Any]
    societies: int
    rationality: Rationality | None
    reason: str | None = None
    note: str = ""

    @property
    def cost_per_society(self) -> float | None:
        cost = self.costs.get("cost")
        return float(cost) / self.societies if cost is not None and self.societies else None


@dataclass(frozen=True)
class Replacement:
    """What it did to a society's score that some of its members were replaced, seed by seed."""

    scenario: str
    society: str
    original: str
    effect: PairedEffect


@dataclass(frozen=True)
class Company:
    """A player among others: returns a seat of focal and background members, over societies."""

    scenario: str
    player: str
    label: str
    mode: str  # resident where the focal members are the majority, visitor where they are not
    focal: Interval
    background: Interval
    rates: Rates
    n: int
    reason: str | None = None  # why it is not ranked


@dataclass(frozen=True)
class Failure:
    """An answer that could not be used, as it came."""

    player: str
    outcome: str
    scenario: str
    phase: str
    text: str


@dataclass(frozen=True)
class Leaderboard:
    """Everything a bench found; rows from best to worst, those not ranked after them."""

    name: str
    rows: tuple[Row, ...]
    statistics: Statistics
    ends: Mapping[str, Ends]
    curves: Mapping[str, Mapping[str, SurvivalCurve]] = field(default_factory=dict)
    replacements: tuple[Replacement, ...] = ()
    company: tuple[Company, ...] = ()
    failures: tuple[Failure, ...] = ()
    gate: float = GATE
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    seeds: int = 0

    def row(self, player: str) -> Row:
        for row in self.rows:
            if row.player == player:
                return row
        raise MetricError(
            f"nobody called '{clean(player, 60)}'.", hint=f"Players: {', '.join(r.player for r in self.rows)}."
        )

    @property
    def ranked(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.reason is None)

    def table(self) -> list[dict[str, Any]]:
        """One mapping a player: what stands in ``leaderboard.csv``."""
        return [_flat(row, self.ends) for row in self.rows]

    def write(self, directory: Path | str) -> list[Path]:
        """``leaderboard.html``, ``.csv`` and ``.json``."""
        from .files import write

        return write(self, Path(directory))


def leaderboard(
    records: Record | Sequence[Record], *, gate: float | None = None, seed: int | None = None
) -> Leaderboard:
    """The board of a bench.

    Parameters
    ----------
    records : of kind bench; several are read as one, if they play the same scenarios and no player twice.
    gate : share of invalid answers above which nobody is ranked; by default the bench's own.
    seed : of the bootstrap; by default the bench's own.

    Raises
    ------
    MetricError
        If a record is no bench, or several do not fit together.
    """
    from gamesim.run.record import Record

    given = [records] if isinstance(records, Record) else list(records)
    if not given:
        raise MetricError("there is no bench to read.", path="records")
    all_results = [Results(record) for record in given]
    first = all_results[0]
    limit = first.plan.config.gate if gate is None else gate
    root = first.scenario.seed if seed is None else seed
    table: dict[str, dict[str, Cell]] = {}
    owners: dict[str, Results] = {}
    for results in all_results:
        _fits(first, results)
        for player, cells in results.table().items():
            if player in table:
                raise MetricError(f"'{clean(player, 60)}' stands in two of these runs.", path="records")
            table[player], owners[player] = cells, results
    rates = {player: results.rates(_cells(results, player)) for player, results in owners.items()}
    reasons = {player: _reason(player, owners[player], table[player], rates[player], limit) for player in table}
    found = statistics(
        {player: cells for player, cells in table.items() if cells},
        [player for player, reason in reasons.items() if reason is None],
        seed=root,
        resamples=first.plan.config.resamples,
    )
    rational: dict[str, Rationality] = {}
    for results in all_results:
        rational |= rationality(results, seed=root)
    standings = {standing.player: standing for standing in found.standings}
    nothing = Interval(None, None, None, 0.95, "percentile", "no society was finished")
    order = [standing.player for standing in found.standings] + sorted(set(table) - set(standings))
    rows = []
    for player in order:
        results = owners[player]
        played = _cells(results, player)
        rows.append(
            Row(
                player,
                standings.get(player, Standing(player, nothing, {})),
                rates[player],
                cost_columns(results.calls(played)),
                results.societies(played),
                rational.get(player),
                reasons[player],
                _note(results, player),
            )
        )
    return Leaderboard(
        name=first.scenario.name,
        rows=tuple(rows),
        statistics=found,
        ends=first.ends,
        curves=_curves(table, first.ends),
        replacements=tuple(r for results in all_results for r in _replacements(results)),
        company=tuple(c for results in all_results for c in _company(results, limit)),
        failures=tuple(f for player in order for f in _failures(owners[player], player)),
        gate=limit,
        notes=(*found.notes, *_absences(all_results)),
        versions=dict(given[0].manifest.versions),
        seeds=first.plan.config.seeds,
    )


# ---- rows ----------------------------------------------------------------------------------------------------------


def _fits(first: Results, other: Results) -> None:
    if {n: (e.zero, e.one, e.scale.column) for n, e in first.ends.items()} != {
        n: (e.zero, e.one, e.scale.column) for n, e in other.ends.items()
    }:
        raise MetricError(
            "these runs do not score the same scenarios between the same anchors.",
            where=str(other.record.path),
            path="scenarios",
        )


def _cells(results: Results, player: str) -> set[int]:
    return {entry.cell for entry in results.plan.entries if entry.role == "pure" and entry.player == player}


def _reason(player: str, results: Results, cells: Mapping[str, Cell], rates: Rates, gate: float) -> str | None:
    """Why a player is not ranked, or None."""
    if not rates.ranked(gate):
        return rates.verdict(gate).removeprefix("not ranked: ")
    scenarios = list(results.plan.scales)
    if len(cells) < len(scenarios):
        missing = [name for name in scenarios if name not in cells]
        return f"played {len(cells)} of {len(scenarios)} scenarios; not {', '.join(missing)}"
    return None


def _note(results: Results, player: str) -> str:
    from gamesim.scenario.models import config_of

    (found,) = [p for p in results.plan.config.players if p.name == player]
    if found.model is None:
        return "rule"
    return PLUMBING if config_of(found.model, results.scenario.models).backend == "local" else ""


def _absences(all_results: Sequence[Results]) -> list[str]:
    notes = []
    for results in all_results:
        for name, players in results.plan.absent.items():
            if players:
                notes.append(
                    f"{', '.join(players)} {'does' if len(players) == 1 else 'do'} not know the game of {name}"
                )
        short = [unit for unit in results.record.units if unit.status in ("failed", "pending")]
        if short:
            notes.append(f"{len(short)} of {len(results.record.units)} units are not finished")
    return notes


def _curves(table: Mapping[str, Mapping[str, Cell]], ends: Mapping[str, Ends]) -> dict[str, dict[str, SurvivalCurve]]:
    found: dict[str, dict[str, SurvivalCurve]] = {}
    for player in sorted(table):
        for scenario, cell in table[player].items():
            if cell.lives is not None and np.size(cell.lives[0]):
                found.setdefault(scenario, {})[player] = kaplan_meier(*cell.lives)
    return {scenario: found[scenario] for scenario in ends if scenario in found}


# ---- company -------------------------------------------------------------------------------------------------------


def _mean_scores(results: Results, entries: Sequence[Any]) -> dict[int, float]:
    """Score by seed, the mean over wordings."""
    each = [results.scored(entry) for entry in entries]
    common = set.intersection(*(set(one) for one in each)) if each else set()
    return {seed: float(np.mean([one[seed] for one in each])) for seed in sorted(common)}


def _replacements(results: Results) -> list[Replacement]:
    plan = results.plan
    found = []
    for scenario in plan.scales:
        societies: dict[tuple[str, str, tuple[str, ...]], list[Any]] = {}
        for role in ("mixed", "focal"):
            for entry in plan.find(role, scenario):
                societies.setdefault((entry.label, entry.player, entry.members), []).append(entry)
        for (label, player, members), entries in societies.items():
            mixed = _mean_scores(results, entries)
            tested = any(entries[0].focal)
            for base in dict.fromkeys(members[1:] if tested else members):
                pure = plan.find("original", scenario, player=base) or plan.find("pure", scenario, player=base)
                if not tested:
                    pure = plan.find("pure", scenario, player=base)
                original = _mean_scores(results, pure)
                common = sorted(set(mixed) & set(original))
                if common:
                    on, off, _ = align({s: mixed[s] for s in common}, {s: original[s] for s in common})
                    name = f"{player}: {label}" if tested else label
                    found.append(Replacement(scenario, name, base, paired_effect(on, off)))
    return found


def _company(results: Results, gate: float) -> list[Company]:
    found = []
    for scenario in results.plan.scales:
        groups: dict[tuple[str, str], list[Any]] = {}
        for entry in results.plan.find("focal", scenario):
            groups.setdefault((entry.label, entry.player), []).append(entry)
        for (label, player), entries in groups.items():
            parts = [results.shared(entry) for entry in entries]
            focal, background = (_over_wordings(parts, side) for side in ("focal", "background"))
            if not focal:
                continue
            rates = results.rates({entry.cell for entry in entries})
            tested, others = parts[0].seats
            found.append(
                Company(
                    scenario,
                    player,
                    label,
                    "resident" if tested > others else "visitor",
                    mean_interval(focal),
                    mean_interval(background),
                    rates,
                    len(focal),
                    None if rates.ranked(gate) else rates.verdict(gate).removeprefix("not ranked: "),
                )
            )
    order = list(results.plan.scales)
    return sorted(
        found, key=lambda c: (order.index(c.scenario), c.label, c.reason is not None, -(c.focal.estimate or 0.0))
    )


def _over_wordings(parts: Sequence[Shared], side: str) -> list[float]:
    """Returns by seed, the mean over wordings."""
    each = [dict(zip(part.seeds, getattr(part, side).tolist(), strict=True)) for part in parts]
    common = sorted(set.intersection(*(set(one) for one in each)))
    return [float(np.mean([one[seed] for one in each])) for seed in common]


# ---- answers -------------------------------------------------------------------------------------------------------


def _failures(results: Results, player: str) -> list[Failure]:
    """Up to five answers of each kind that could not be used."""
    cells = _cells(results, player)
    texts = {call["key"]: _said(call) for call in results.calls(cells)}
    names = {cell.index: str(cell.values["scenario"]) for cell in results.plan.cells}
    found: dict[str, list[Failure]] = {}
    for decision in results.decisions(cells):
        own = found.setdefault(decision.outcome, [])
        if decision.outcome in INVALID and len(own) < EXAMPLES:
            text = next((texts[key] for key in decision.calls if key in texts), "no answer was kept")
            own.append(Failure(player, decision.outcome, names[decision.cell], decision.phase, text))
    return [failure for outcome in INVALID for failure in found.get(outcome, [])]


def _said(call: Mapping[str, Any]) -> str:
    reply, failure = call["reply"], call["failure"]
    if reply is None:
        return f"({(failure or {}).get('reason') or 'no answer'})"
    text = reply.get("refusal") or reply.get("text")
    return "(nothing)" if not text else str(text)[:600]


def _flat(row: Row, ends: Mapping[str, Ends]) -> dict[str, Any]:
    standing, fit = row.standing, row.rationality.fit if row.rationality else None
    return {
        "rank": standing.rank,
        "rank_low": standing.low,
        "rank_high": standing.high,
        "player": row.player,
        "score": standing.score.estimate,
        "score_low": standing.score.low,
        "score_high": standing.score.high,
        "letters": standing.letters,
        **{f"score.{name}": _estimate(standing.by_scenario.get(name)) for name in ends},
        **{f"p_rank_{k + 1}": p for k, p in enumerate(standing.probabilities)},
        "not_ranked": row.reason,
        "note": row.note,
        "societies": row.societies,
        **{k: v for k, v in rate_columns(row.rates).items() if k != "gate"},
        "rationality": fit.normalised if fit else None,
        "rationality_low": fit.normalised_low if fit else None,
        "rationality_high": fit.normalised_high if fit else None,
        "rationality_says": str(fit) if fit else (row.rationality.reason if row.rationality else None),
        "nash_conv": row.rationality.nash_conv if row.rationality else None,
        "regret": row.rationality.regret if row.rationality else None,
        **row.costs,
        "cost_per_society": row.cost_per_society,
    }


def _estimate(interval: Interval | None) -> float | None:
    return None if interval is None else interval.estimate


__all__ = ["Company", "Failure", "Leaderboard", "Player", "Replacement", "Row", "leaderboard"]
