"""Tournaments of repeated two-action games: what pairs of strategies earned, beside what their Markov chain says they earn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import GamesimError, MetricError
from gamesim.core.memory_strategy import MemoryStrategy, from_settings, memory_one, named
from gamesim.core.repeated_game import RepeatedGame
from gamesim_analysis.equilibrium.memory_one import repeated_payoffs

from .base import Columns, metric
from .cells import CellOf, cells, outcomes
from .generic import returns_of

if TYPE_CHECKING:
    from gamesim.run.record import Record


@dataclass(frozen=True)
class _Pair:
    """One cell: who met, per round what they earned, and exactly."""

    cell: int
    names: tuple[str, str]
    played: FloatArray  # (2,)
    errors: FloatArray  # standard errors, (2,); NaN of one match
    n: int
    exact: FloatArray  # NaN where a strategy is no automaton
    reason: str


@metric("round_robin")
def round_robin(record: Record) -> Columns:
    """Mean payoff per round of each pair that met, as played and exact, and how many standard errors lie between."""
    pairs = _pairs(record)
    rows = []
    for pair in pairs:
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.abs(pair.played - pair.exact) / pair.errors
        same = np.abs(pair.played - pair.exact) <= 1e-12
        rows.append((pair.cell, *pair.names, *pair.played, *pair.exact, *pair.errors, float(np.nanmax(np.where(same, 0.0, apart), initial=0.0)) if not pair.reason else np.nan, pair.n, pair.reason))  # fmt: skip
    head = (
        "cell", "first", "second", "played_first", "played_second", "exact_first", "exact_second", "error_first", "error_second",
        "errors_apart", "matches", "null_reason",
    )  # fmt: skip
    return dict(zip(head, map(list, zip(*rows, strict=True)), strict=True))


@metric("tournament")
def tournament(record: Record) -> Columns:
    """Each strategy's payoff per round, an average over those it met, itself included; the best comes first."""
    pairs = _pairs(record)
    if len(pairs) < 2:
        raise MetricError("one pair is no tournament.", path="sweep")
    met: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for pair in pairs:
        for me in (0, 1):
            against = met.setdefault(pair.names[me], {}).setdefault(pair.names[1 - me], [])
            against.append((float(pair.played[me]), float(pair.exact[me])))
    scores = {name: np.mean([np.mean(seen, axis=0) for seen in own.values()], axis=0) for name, own in met.items()}
    order = sorted(scores, key=lambda name: (-scores[name][0], name))
    return {
        "strategy": order,
        "played": [float(scores[name][0]) for name in order],
        "exact": [float(scores[name][1]) for name in order],
        "opponents": [len(met[name]) for name in order],
    }


def _pairs(record: Record) -> list[_Pair]:
    columns = outcomes(record)
    _, returns = returns_of(columns)
    found = []
    for cell in cells(record):
        if cell.get("environment.kind") != "matrix":
            raise MetricError("only repeated matrix games are tournaments of strategies.", path="environment.kind")
        config: Any = cell.environment()
        if config.table.shape != (2, 2):
            raise MetricError("strategies with memory are of games of two players and two actions.", path="environment")
        members = _seated(cell, config.seats())
        mine = returns[columns["cell"] == cell.index] / config.horizon
        mine = mine[np.isfinite(mine).all(axis=1)]
        if not len(mine):
            continue
        names = (_name(members[0]), _name(members[1]))
        exact, reason = np.full(2, np.nan), ""
        try:
            game = RepeatedGame(config.table, horizon=config.horizon, noise=config.noise)
            exact = repeated_payoffs(game, *(_strategy(member) for member in members)).payoffs
        except GamesimError as error:
            reason = error.message
        errors = mine.std(axis=0, ddof=1) / np.sqrt(len(mine)) if len(mine) > 1 else np.full(2, np.nan)
        found.append(_Pair(cell.index, names, mine.mean(axis=0), errors, len(mine), exact, reason))
    if not found:
        raise MetricError("no match was finished.", path="outcomes")
    return found


def _seated(cell: CellOf, seats: tuple[str, ...]) -> list[Mapping[str, Any]]:
    """The member in each seat."""
    members = cell.get("population", [])
    if cell.get("seating", "listed") != "listed" or any(member.get("probability") is not None for member in members):
        raise MetricError("who sat where changes from match to match.", path="population")
    placed: dict[str, Mapping[str, Any]] = {m["seat"]: m for m in members if m.get("seat") is not None}
    rest = [m for m in members if m.get("seat") is None for _ in range(m.get("count") or 1)]
    free = [seat for seat in seats if seat not in placed]
    if len(rest) != len(free):
        raise MetricError("the members do not fill the two seats one by one.", path="population")
    placed.update(zip(free, rest, strict=True))
    return [placed[seat] for seat in seats]


def _name(member: Mapping[str, Any]) -> str:
    kind = str(member["agent"]).removeprefix("matrix.")
    return str(member.get("label") or member.get("strategy") or kind)


def _strategy(member: Mapping[str, Any]) -> MemoryStrategy:
    """The automaton that an agent is."""
    kind = member["agent"]
    if kind == "matrix.memory_one":
        return from_settings(*(member.get(key) for key in ("strategy", "first", "after", "opening")))
    if kind in ("matrix.cooperator", "matrix.defector", "matrix.tit_for_tat", "matrix.grim"):
        return named(kind.removeprefix("matrix."))
    if kind == "matrix.alternator":  # by the clock, whatever came out
        return MemoryStrategy(np.array([1.0, 0.0]), np.array([[1] * 4, [0] * 4]), "alternator")
    if kind == "matrix.random":
        weights = member.get("weights") or (1.0, 1.0)
        share = float(weights[0] / sum(weights))
        return memory_one(share, [share] * 4, "random")
    raise MetricError(f"'{kind}' is no automaton whose payoffs could be computed.", path="population")
