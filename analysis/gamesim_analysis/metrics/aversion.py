"""Where an equilibrium leads as players mind risk more: branches in the aversion of what a psro run solved, with their turns.

A branch begins at aversion 0: at the equilibrium of those who mind no risk that even play leads to, and at pure profiles that
are equilibria there. Every point is certified; nothing is played.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import GamesimError, MetricError
from gamesim.core.registry import entry
from gamesim.core.risk import MeanVariance
from gamesim.core.risk_game import TREMBLE, risk_table
from gamesim_analysis.equilibrium.method import SAME
from gamesim_analysis.equilibrium.risk_averse import risk_play
from gamesim_analysis.equilibrium.risk_homotopy import aversion_branch
from gamesim_analysis.equilibrium.starting import actions_of

from .base import Columns, metric
from .cells import cells as cells_of
from .cells import once
from .psro import columns_of, done, last_tables

if TYPE_CHECKING:
    from gamesim.run.record import Record

STRATEGIES = 24  # of both players, up to which a branch is followed
STARTS = 3
BEYOND = 2.0  # where no grid says how far: so many times the meta-solver's aversion


@dataclass(frozen=True)
class Task:
    """A table, the variance and tremble of its players, whether they play alike, and how far to go."""

    cell: int
    label: str
    game: Any
    variance: str
    tremble: float
    symmetric: bool
    to: float


@metric("aversion_branch", default=True, order=306)
def branches(record: Record) -> Columns:
    """PSRO: equilibria by aversion from several starts, point by point, with the places where the branch turns back."""
    return once(record, "aversion branches", lambda: _branches(record))


def _branches(record: Record) -> Columns:
    rows: list[dict[str, Any]] = []
    for task in _tasks(record):
        rows += _followed(task)
    if not rows:
        raise MetricError("no table of two players here is solved under an aversion to variance.")
    return columns_of(rows)


def _tasks(record: Record) -> list[Task]:
    found: list[Task] = []
    for unit in done(record, "score"):
        game = EmpiricalGame.from_dict(unit.data["training"])
        own: dict[str, list[Mapping[str, Any]]] = {}
        for solution in unit.data["solutions"][1:]:
            if solution["kind"] == "rae" and "given" in solution:
                own.setdefault(solution["concept"], []).append(solution)
        for label, solutions in own.items():
            found.append(
                _task(unit.cell, label, game, solutions[0]["given"], max(float(s["value"]) for s in solutions))
            )
    scored = {task.cell for task in found}
    for cell, unit in last_tables(record).items():
        aversion = _number(dict(unit.data.get("given") or {}).get("aversion"))
        if cell not in scored and unit.data.get("kind") == "rae" and aversion > 0:
            game = EmpiricalGame.from_dict(unit.data["table"])
            found.append(_task(cell, "rae", game, unit.data["given"], BEYOND * aversion))
    if done(record, "iterate"):
        found += [task for cell in cells_of(record) if (task := _formal(cell.index, cell.data)) is not None]
    return [task for task in found if _small(task)]


def _task(cell: int, label: str, game: Any, given: Mapping[str, Any], to: float) -> Task:
    tremble = min(float(given.get("tremble", TREMBLE)), 0.5 / max(game.shape))  # as meta-solvers have it
    variance, symmetric = given.get("variance", "strategic"), given.get("profile") == "symmetric"
    return Task(cell, label, game, variance, tremble, symmetric, to)


def _formal(cell: int, data: Mapping[str, Any]) -> Task | None:
    """The whole matrix of a formal game whose players mind variance; pools tremble there, actions do not."""
    risk, given = (
        dict(part) if isinstance(part, Mapping) else {} for part in (data.get("risk"), data.get("meta_solver"))
    )
    aversion = _number(risk.get("aversion", given.get("aversion")))
    named = data.get("game")
    if not aversion > 0 or named is None:
        return None
    keys: Mapping[str, Any] = named if isinstance(named, Mapping) else {"game": str(named)}
    game = entry("games", str(keys["game"]))(**dict(keys.get("params") or {}))
    if not hasattr(game, "shape"):
        return None
    return Task(cell, "rae", game.to_normal_form(), "strategic", 0.0, False, BEYOND * aversion)


def _number(value: Any) -> float:
    """One aversion for everybody in payoff units; 0 where it is anything else."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def _small(task: Task) -> bool:
    shape = tuple(task.game.shape)
    return len(shape) == 2 and min(shape) > 1 and sum(shape) <= STRATEGIES and task.to > 0


def _starts(task: Task) -> list[tuple[str, Sequence[Any]]]:
    """Equilibria at aversion 0: what even play leads to, and pure ones."""
    rest = MeanVariance(0.0)
    even = risk_play(task.game, rest, tremble=task.tremble, symmetric=task.symmetric)
    found: list[tuple[str, Sequence[Any]]] = [("from uniform", even.profile)] if even.converged else []
    names, table = actions_of(task.game), risk_table(task.game, rest, task.tremble)
    scale = max(float(np.ptp(u)) for u in table.payoffs) or 1.0
    for pure in np.ndindex(*task.game.shape):
        if task.symmetric and len(set(pure)) > 1:
            continue
        profile = table.project([np.eye(k)[a] for k, a in zip(task.game.shape, pure, strict=True)])
        apart = [np.abs(np.concatenate(profile) - np.concatenate(list(other))).max() for _, other in found]
        if table.first_order(profile) <= 1e-9 * scale and all(distance > SAME for distance in apart):
            found.append(("from " + ", ".join(own[a] for own, a in zip(names, pure, strict=True)), profile))
    return found[:STARTS]


def _followed(task: Task) -> list[dict[str, Any]]:
    names = actions_of(task.game)
    rows: list[dict[str, Any]] = []
    for label, profile in _starts(task):
        place = {"cell": task.cell, "concept": task.label, "start": label}
        try:
            branch = aversion_branch(
                task.game, to=task.to, start=(profile, 0.0), tremble=task.tremble, variance=task.variance
            )
        except GamesimError as error:
            rows.append({**place, "point": 0, "aversion": None, "player": 0, "policy": "", "probability": None, "gap": None, "turns": False, "stopped": error.message})  # fmt: skip
            continue
        for k, point in enumerate(branch.points):
            for i, own in enumerate(point.play):
                rows += [
                    {
                        **place, "point": k, "aversion": point.value, "player": i, "policy": names[i][a], "probability": float(p),
                        "gap": float(point.certificate.gap), "turns": bool(point.turns), "stopped": branch.stopped or "",
                    }
                    for a, p in enumerate(own)
                ]  # fmt: skip
    return rows
