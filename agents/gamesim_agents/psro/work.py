"""What units of a psro run do, by the name in their task."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gamesim.run.contracts import Context, Unit, UnitResult
from gamesim.run.reuse import borrowed

from .bootstrap import bootstrap, bootstrap_block
from .cells import play
from .formal import run_block
from .solving import answer, score, solve, solve_frontier


def run_unit(unit: Unit, context: Context) -> UnitResult:
    """Take a finished unit of the store over, or do what the task says."""
    return borrowed(unit, context) or TASKS[unit.task["do"]](unit, context)


TASKS: Mapping[str, Callable[[Unit, Context], UnitResult]] = {
    "iterate": run_block,
    "redraw": bootstrap_block,
    "play": play,
    "solve": solve,
    "answer": answer,
    "bootstrap": bootstrap,
    "frontier": solve_frontier,
    "score": score,
}
