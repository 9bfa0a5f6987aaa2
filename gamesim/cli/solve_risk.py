"""``gamesim solve`` of players who mind risk: their attitude as flags, the branch that an equilibrium lies on, and its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import UsageError
from .output import Output

if TYPE_CHECKING:
    from gamesim.core.solution import Limits, Ranking, Solution

Aversion = Annotated[
    str | None,
    typer.Option("--aversion", metavar="L", help="Of rae: dislike of variance, in 1/payoff; one number, or one a player: 1,2."),
]  # fmt: skip
Tremble = Annotated[
    str | None,
    typer.Option("--tremble", metavar="F", help="Of rae, cvar: least chance of every action (0.01); or one a player."),
]
Start = Annotated[
    str | None,
    typer.Option("--start", metavar="PLAY", help="Of rae, rqe, cvar: an action for all, 'S; H', or probabilities '0.9,0.1'."),
]  # fmt: skip
Trace = Annotated[
    str | None,
    typer.Option("--trace", metavar="NAME", help="Follow the branch in aversion or lambda from 0, and say where it turns."),
]  # fmt: skip

ATTITUDES = {"aversion": "rae", "aversion_relative": "rae", "alpha": "cvar", "tau": "rqe"}  # the concept of a parameter
SHOWN = 14  # points of a branch in the table
ACTIONS = 6  # columns of it


def attitude(aversion: str | None, tremble: str | None) -> dict[str, Any]:
    """What the flags say, as parameters of the concept."""
    given = {"aversion": _numbers("--aversion", aversion), "tremble": _numbers("--tremble", tremble)}
    return {key: value for key, value in given.items() if value is not None}


def _numbers(flag: str, text: str | None) -> Any:
    from gamesim.core.errors import clean

    if text is None:
        return None
    try:
        found = [float(part) for part in text.strip("[] ").split(",")]
    except ValueError:
        raise UsageError(f"'{clean(text, 40)}' is no number.", where=flag, hint="Such as 1.5, or 1,2 for one a player.") from None  # fmt: skip
    return found if len(found) > 1 else found[0]


def started(game: Any, start: str | None, every: bool) -> dict[str, Any]:
    """The start as a parameter of the solver.

    Raises
    ------
    UsageError
        Beside ``--all``, which starts everywhere.
    """
    from gamesim_analysis.equilibrium.starting import actions_of, start_of

    if start is None:
        return {}
    if every:
        raise UsageError("--all starts everywhere.", where="--start", hint="Leave one of the two out.")
    return {"start": start_of(actions_of(game), start)}


def traced(
    game: Any, answers: Sequence[Solution | Ranking], parameter: str, parameters: Mapping[str, Any], limits: Limits
) -> list[Solution | Ranking]:
    """The answers, the first one with its branch."""
    from gamesim_analysis.equilibrium.branches import branch_of

    from gamesim.core.solution import Solution

    first = answers[0]
    if not isinstance(first, Solution):
        raise UsageError("a ranking lies on no branch.", where="--trace")
    given = {key: value for key, value in parameters.items() if key != "start"}
    branch = branch_of(game, first.concept, parameter, given, start=parameters.get("start"), limits=limits)
    return [replace(first, details={**first.details, "branch": branch}), *answers[1:]]


def say_branch(out: Output, game: Any, branch: Any) -> None:
    """Points of a branch, its turning points among them, and what it does."""
    import numpy as np
    from gamesim_analysis.equilibrium.branches import labels_of, told
    from gamesim_analysis.equilibrium.method import flatten

    plays = np.array([flatten(point.play) for point in branch.points])
    labels = labels_of(game)
    moving = sorted(np.argsort(-np.ptp(plays, axis=0), kind="stable")[:ACTIONS].tolist())
    last = len(branch.points) - 1
    kept = {round(k * last / max(SHOWN - 1, 1)) for k in range(SHOWN)}
    rows = [
        [f"{p.value:.6g}", *(f"{x:.6g}" for x in plays[k, moving]), f"{float(p.certificate.gap):.2g}", "turns back" if p.turns else ""]
        for k, p in enumerate(branch.points) if k in kept or p.turns
    ]  # fmt: skip
    columns = ["lambda" if branch.parameter == "rationality" else branch.parameter, *(labels[k] for k in moving), "gap"]
    columns += [""] if branch.turning else []
    out.say()
    out.table(columns, [row[: len(columns)] for row in rows], keep=1, limit=40)
    if len(moving) < len(labels):
        out.say(
            f"The {len(moving)} probabilities of {len(labels)} that move most; --json has all, and {last + 1} points."
        )
    out.say(told(branch))
