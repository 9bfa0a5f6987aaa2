"""Cells of an environment's table: batches of episodes of one profile, and how they add up.

A batch has its own random stream: ``("cell", key, batch)`` where the key hashes environment and policies, or, with common
random numbers, ``("cell", batch)``, so that cells differ by who plays and not by luck. Episodes that score solutions come
from ``("fresh", ...)``: no solution was ever fitted to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import AnyArray
from gamesim.core.canonical import digest
from gamesim.core.empirical import Cell, EmpiricalGame, normal_factor
from gamesim.core.errors import NotSymmetricError
from gamesim.core.policy import AgentSpec
from gamesim.run.contracts import Context, Unit, UnitResult

if TYPE_CHECKING:
    from gamesim.envs.config import EnvironmentConfig

AT_ONCE = 20_000  # episodes of one unit, as near as batches allow
APART = 4.0  # standard errors


def identity_of(environment: EnvironmentConfig) -> dict[str, Any]:
    """What of an environment determines episodes."""
    return {"version": type(environment).version, "config": environment.model_dump(mode="json", by_alias=True)}


def play(unit: Unit, context: Context) -> UnitResult:
    """Episodes of one profile: count, mean, co-moment, and how many episodes had each kind of event."""
    from gamesim.run.rollout import rollout

    task, environment = unit.task, context.scenario.environment
    assert environment is not None
    specs = [AgentSpec.from_dict(policy) for policy in task["policies"]]
    key = digest({"environment": identity_of(environment), "policies": [spec.id for spec in specs]})
    drawn = []
    for batch in range(*task["batches"]):
        name = ("fresh" if task["for"] == "fresh" else "cell", *(() if task["common"] else (key,)), batch)
        drawn.append(context.seeds.stream(*name).integers(0, 2**53, size=int(task["batch"])))
    played = rollout(environment, specs, np.concatenate(drawn))
    cell = Cell.of(played.returns, counted(played.outcome))
    squares = Cell.of(np.hstack([played.returns, played.returns**2]))
    return UnitResult(unit.key, "complete", data={**as_data(cell), "squares": as_data(squares)})


def counted(outcome: Mapping[str, AnyArray]) -> dict[str, int]:
    """Episodes in which something happened: outcome columns that are 0 or 1 throughout.

    Examples
    --------
    >>> counted({"crash": np.array([0.0, 1.0]), "duration": np.array([3.0, 0.5]), "won": np.array([True, True])})
    {'crash': 1, 'won': 2}
    """
    found = {}
    for name, values in outcome.items():
        if values.dtype.kind in "bfiu" and np.isin(values, (0, 1)).all():
            found[name] = int(values.sum())
    return dict(sorted(found.items()))


def as_data(cell: Cell) -> dict[str, Any]:
    return {
        "count": cell.count,
        "mean": cell.mean.tolist(),
        "comoment": cell.comoment.tolist(),
        "events": dict(cell.events),
    }


def cell_from(data: Mapping[str, Any]) -> Cell:
    mean, comoment = (np.asarray(data[key], dtype=np.float64) for key in ("mean", "comoment"))
    return Cell(float(data["count"]), mean, comoment, {key: int(value) for key, value in data["events"].items()})


def merged(parts: Iterable[Mapping[str, Any]]) -> Cell:
    """Results of the units of one cell as one cell; what is an event in all of them stays one."""
    cells = [cell_from(data) for data in parts]
    kept = set.intersection(*(set(cell.events) for cell in cells))
    whole = cells[0]
    for cell in cells[1:]:
        whole = whole.merge(cell)
    return Cell(whole.count, whole.mean, whole.comoment, {k: v for k, v in whole.events.items() if k in kept})


def redrawn_table(game: EmpiricalGame, squares: Mapping[tuple[int, ...], Cell], rng: Generator) -> EmpiricalGame:
    """A table that might as well have been estimated: means **and** variances from their joint sampling distribution.

    Attitudes that see the variance inside cells owe more to chance in it than in the means: one crash in ten thousand episodes
    hardly moves a mean, but the variance. Means of returns and of their squares, (2n,), are drawn jointly normal.

    Parameters
    ----------
    squares : of each profile the returns and their squares as one cell of 2n columns; where it is missing or thin, the mean
        alone is drawn as ``EmpiricalGame.resample`` does.
    """
    found = dict(game.resample(rng).cells)
    for profile in sorted(squares):
        cell, both = game.cells[profile], squares[profile]
        if not 1 < both.count < np.inf:
            continue
        n, covariance = len(cell.mean), both.covariance / both.count
        scale = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
        moved = both.mean + scale * (normal_factor(covariance / np.outer(scale, scale)) @ rng.standard_normal(2 * n))
        spread = np.diag(cell.covariance)
        again = np.maximum(moved[n:] - moved[:n] ** 2, 0.0) * both.count / (both.count - 1)
        ratio = np.sqrt(np.divide(again, spread, out=np.ones(n), where=spread > 0))
        found[profile] = replace(cell, mean=moved[:n], comoment=cell.comoment * np.outer(ratio, ratio))
    return replace(game, cells=found)


def check_seats(first: str, pairs: Sequence[tuple[str, Cell, Cell]]) -> None:
    """Seats are alike if a policy earns the same in each, the first policy sitting in all the others.

    Parameters
    ----------
    first : the first policy.
    pairs : for each policy its name, the cell in which it sits last, and the one in which it sits first.

    Raises
    ------
    NotSymmetricError
        Naming the two cells that lie more than four standard errors apart.
    """
    for name, last, ahead in pairs:
        n = len(last.mean)
        others = np.full(n - 1, 1.0 / (n - 1))
        for who, a, b in (
            (name, np.eye(n)[-1], np.eye(n)[0]),
            (first, np.append(others, 0.0), np.append(0.0, others)),
        ):
            apart = float(a @ last.mean - b @ ahead.mean)
            error = float(np.sqrt(a @ last.covariance @ a / last.count + b @ ahead.covariance @ b / ahead.count))
            size = float(np.abs(np.concatenate([last.mean, ahead.mean])).max())
            if abs(apart) > APART * error + 1e-9 * size:
                here, there = f"({', '.join([first] * (n - 1) + [name])})", f"({', '.join([name] + [first] * (n - 1))})"
                raise NotSymmetricError(
                    f"cells {here} and {there} differ: '{who}' earns {a @ last.mean:.4g} in the one, {b @ ahead.mean:.4g} in the other, "
                    f"{abs(apart) / error if error else np.inf:.1f} standard errors apart.",
                    hint="Leave symmetric out.",
                )  # fmt: skip
