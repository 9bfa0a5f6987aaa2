"""How much solutions of a sampled table owe to chance: the table drawn again from what its episodes allow, and solved again.

Each draw takes every cell's mean and variance from their sampling distribution. What the draws say is arithmetic that
``gamesim_analysis.metrics`` does.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from gamesim.core.empirical import Cell, EmpiricalGame
from gamesim.core.errors import SolverError
from gamesim.core.registry import entry
from gamesim.run.contracts import Context, Unit, UnitResult

from .cells import redrawn_table
from .config import PsroConfig
from .exact import restored
from .formal import sampled, subject_of
from .solving import LEAST, frontier_rows, solved, squares_of


def redrawn(
    game: EmpiricalGame, squares: Mapping[tuple[int, ...], Cell], kind: str, given: Mapping[str, Any], near: Any, draws: int,
    context: Context, *stream: str | int,
) -> list[list[list[float]] | None]:  # fmt: skip
    """Marginals of the table drawn again and again from what its episodes allow; None where a draw was not solved.

    A draw's stream depends on its number alone, so solutions of one table share their draws and may be compared within them.
    Where the meta-solver can, it looks near the solution that is reported, as other equilibria are other solutions.
    """
    closer = {"near": near} if "near" in inspect.signature(entry("meta_solvers", kind)).parameters else {}
    found: list[list[list[float]] | None] = []
    for draw in range(draws):
        other = redrawn_table(game, squares, context.seeds.stream("bootstrap", draw))
        try:
            play = solved(other, kind, {**given, **closer}, context, *stream)
        except SolverError:
            found.append(None)
            continue
        shares = [np.where(np.asarray(m) > LEAST, m, 0.0).tolist() for m in play.marginals]
        found.append(shares if play.details.get("converged", True) else None)
    return found


def bootstrap(unit: Unit, context: Context) -> UnitResult:
    """Redraws of the table behind a meta-strategy, or behind one solution of a frontier, each solved again."""
    config = context.scenario.experiment
    assert isinstance(config, PsroConfig)
    task = unit.task
    before = context.result(task["of"]).data
    game = EmpiricalGame.from_dict(before["table"])
    squares = squares_of(task, context)
    stream: tuple[str | int, ...]
    if "solution" in task:
        label, kind, given, _, value = frontier_rows(config)[int(task["solution"])]
        near = before["solutions"][int(task["solution"])]["marginals"]
        stream = ("frontier", label, repr(value))
    else:
        kind, given = config.meta
        near, stream = before["marginals"], ("meta", int(task["iteration"]))
    draws = redrawn(game, squares, kind, given, near, int(task["draws"]), context, *stream)
    return UnitResult(unit.key, "complete", data={"draws": draws})


def bootstrap_block(unit: Unit, context: Context) -> UnitResult:
    """Redraws of the sampled table behind the last meta-strategy, each solved again."""
    config = context.scenario.experiment
    assert isinstance(config, PsroConfig)
    before = context.result(unit.task["of"]).data
    subject, at = subject_of(config), int(before["iteration"])
    codes = [pool[: len(m)] for pool, m in zip(before["codes"], before["meta"], strict=True)]
    samples, (kind, given) = config.the_samples, config.meta
    game = sampled(restored(subject, codes, at), samples.initial, samples.common_random_numbers, context)
    draws = redrawn(game, {}, kind, given, before["meta"], int(unit.task["draws"]), context, "meta", at - 1)
    return UnitResult(unit.key, "complete", data={"draws": draws})
