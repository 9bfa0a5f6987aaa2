"""The game that a run played: its policies as strategies, the returns of its episodes as payoffs.

A run gives one profile for each composition of its population. One composition is not a game: what is missing is named.
Seats that the environment's own game treats alike, or of which nothing is known, share one pool of policies, so that a
population in another order is the same profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.canonical import canonical
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import MetricError, UnsupportedGameError, clean, did_you_mean, listed

if TYPE_CHECKING:
    from gamesim.run.record import Record
    from gamesim.scenario.scenario import Cell, Scenario

NAMED = 6  # missing profiles that an error names


@dataclass(frozen=True)
class RunGame:
    """What a run says of a game.

    Attributes
    ----------
    game : its table; complete, or ``whole_game`` refuses it.
    players : seats in the order of the table.
    episodes : how many returns stand behind it.
    notes : how seats became players, and which episodes were left out.
    """

    game: EmpiricalGame
    players: tuple[str, ...]
    episodes: int
    notes: tuple[str, ...] = ()


def run_game(record: Record, where: Mapping[str, Any] | None = None) -> RunGame:
    """The table of a run, complete or not.

    Parameters
    ----------
    where : values of swept paths that choose one game where a sweep varies more than who plays.

    Raises
    ------
    UnsupportedGameError
        If the cells are not of one game, or ``where`` names none.
    MetricError
        If the run plays no environment, or keeps no returns.
    """
    from gamesim.core.seeds import Seeds
    from gamesim.run.seating import seat_members
    from gamesim.scenario.resolve import resolve_data
    from gamesim.scenario.sweep import cells
    from gamesim_analysis.metrics.cells import cells as cells_of

    scenario = resolve_data(record.scenario, origins=getattr(record.manifest, "origins", None))
    numbers = {canonical(dict(cell.values)): cell.index for cell in cells_of(record)}
    known = [replace(cell, index=numbers[canonical(dict(cell.values))]) for cell in cells(scenario) if canonical(dict(cell.values)) in numbers]  # fmt: skip
    chosen = _one_game(known, where or {})
    environment = chosen[0].scenario.environment
    if environment is None:
        raise MetricError("this run plays no environment, so it has no game.", path="environment")
    seats = tuple(environment.seats())
    names = _names([cell.scenario for cell in chosen])
    rows, left_out = _returns(record, len(seats))
    by_cell = {cell.index: cell.scenario for cell in chosen}
    found: dict[tuple[str, ...], list[Any]] = {}
    for cell, replicate, returns in rows:
        if cell not in by_cell:
            continue
        own = by_cell[cell]
        seeds = Seeds(own.seed)
        sitting = seat_members(own.population, seats, seeds, seating=own.seating, episode=seeds.episode(replicate))
        found.setdefault(tuple(names[_key(own.population[m])] for m in sitting), []).append(returns)
    if not found:
        raise MetricError("no episode of this run has returns.", path="outcomes.returns")
    alike = _alike(environment, len(seats))
    pools = _pools(found, alike, len(seats))
    roles = (0,) * len(seats) if alike else tuple(range(len(seats)))
    game = EmpiricalGame(pools, roles)
    for profile, sample in found.items():
        game = game.add(game.profile(profile), np.array(sample))
    notes = [
        "Seats are interchangeable: who sits where is not part of the game."
        if alike
        else "Every seat is a player of its own; a policy in another seat is another strategy."
    ]
    if left_out:
        notes.append(f"{left_out:,} episodes without a return of every seat are left out.")
    return RunGame(game, seats, sum(map(len, found.values())), tuple(notes))


def whole_game(found: RunGame) -> EmpiricalGame:
    """The table, if every profile was played.

    Raises
    ------
    UnsupportedGameError
        Naming the profiles that are missing, and how to play them.
    """
    game = found.game
    missing = game.missing()
    if missing:
        total = len(missing) + len(game.cells)
        shown = "; ".join(game.label(profile) for profile in missing[:NAMED])
        more = f"; and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        raise UnsupportedGameError(
            f"one composition is not a game: {len(missing):,} of {total:,} profiles were never played: {shown}{more}.",
            hint="Sweep who plays, as scenarios/games/tournament.yaml does.",
        )
    if len(game.cells) == 1:
        raise UnsupportedGameError(
            f"one composition is not a game: only {game.label(next(iter(game.cells)))} was played, and nobody had a choice.",
            hint="Sweep who plays, as scenarios/games/tournament.yaml does.",
        )
    return game


def _one_game(found: Sequence[Cell], where: Mapping[str, Any]) -> list[Cell]:
    """The cells that differ in who plays and in nothing else."""
    swept = dict.fromkeys(path for cell in found for path in cell.values)
    others = [path for path in swept if path.split(".")[0] != "population"]
    for path in where:
        if path not in others:
            hint = did_you_mean(path, others) or (f"Swept beside who plays: {listed(others)}" if others else "Nothing but who plays was swept.")  # fmt: skip
            raise UnsupportedGameError(f"'{clean(path, 80)}' does not tell games of this run apart.", hint=hint)
    kept = [cell for cell in found if all(str(cell.values.get(path)) == str(value) for path, value in where.items())]
    games = dict.fromkeys(tuple((path, str(cell.values.get(path))) for path in others) for cell in kept)
    if len(games) != 1:
        which = "; ".join(", ".join(f"{path}={value}" for path, value in game) for game in list(games or _all(found, others))[:NAMED])  # fmt: skip
        raise UnsupportedGameError(
            f"this run holds {len(games)} games." if games else "no cell of this run is so.",
            hint=f"Choose one with --where: {clean(which, 400)}.",
        )
    return kept


def _all(found: Sequence[Cell], others: Sequence[str]) -> dict[tuple[tuple[str, str], ...], None]:
    return dict.fromkeys(tuple((path, str(cell.values.get(path))) for path in others) for cell in found)


def _key(member: Any) -> str:
    """Who a member is, whatever seat it takes."""
    return canonical([member.label, member.agent.kind, dict(member.agent.params)]).decode()


def _names(scenarios: Sequence[Scenario]) -> dict[str, str]:
    """A name for every policy of the run: its label or kind, with the parameters that tell twins apart."""
    members = {_key(m): m for own in scenarios for m in own.population}
    names: dict[str, str] = {}
    for key, member in members.items():
        twins = [o for o in members.values() if o.label == member.label and o.agent.kind == member.agent.kind]
        differing = [
            f"{path}={value}"
            for path, value in member.agent.params.items()
            if any(other.agent.params.get(path) != value for other in twins)
        ]
        names[key] = clean(" ".join([member.label or member.agent.kind, *differing]), 200)
    kinds = {name.rsplit(".", 1)[0] for name in names.values()}
    if len(kinds) == 1 and all("." in name.split(" ")[0] for name in names.values()):
        names = {key: name.split(".", 1)[1] for key, name in names.items()}
    return names


def _returns(record: Record, n: int) -> tuple[list[tuple[int, int, tuple[float, ...]]], int]:
    """Cell, replicate and returns of every episode that has them all, and how many have not."""
    from gamesim_analysis.metrics.cells import outcomes
    from gamesim_analysis.metrics.generic import returns_of

    columns = outcomes(record)
    _, returns = returns_of(columns)
    whole = np.isfinite(returns).all(axis=1) & (returns.shape[1] == n)
    rows = [
        (int(cell), int(seed), tuple(map(float, values)))
        for cell, seed, values, kept in zip(columns["cell"], columns["seed"], returns, whole, strict=True)
        if kept
    ]
    return rows, int((~whole).sum())


def _alike(environment: Any, n: int) -> bool:
    """Whether seats are interchangeable: by the environment's formal game, else assumed."""
    game = environment.game()
    if game is None:
        return n > 1
    return n > 1 and bool(getattr(game, "is_symmetric", True))


def _pools(found: Mapping[tuple[str, ...], Any], alike: bool, n: int) -> tuple[tuple[str, ...], ...]:
    if alike:
        return (tuple(sorted({name for profile in found for name in profile})),)
    return tuple(tuple(sorted({profile[i] for profile in found})) for i in range(n))
