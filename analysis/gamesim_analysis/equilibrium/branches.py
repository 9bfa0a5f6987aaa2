"""The branch that an equilibrium lies on, as somebody asks for it: which parameter, how far, from where.

>>> from gamesim.core.normal_form import NormalFormGame
>>> hunt = NormalFormGame.bimatrix([[4, 0], [3, 3]], [[4, 3], [0, 3]])
>>> branch = branch_of(hunt, "rae", "aversion", {"aversion": 4, "tremble": 0.01}, start=[[1.0, 0.0]] * 2)
>>> [round(value, 4) for value in branch.turning], told(branch)[:47]
([3.0609], 'The branch turns back at aversion 3.06091. It d')
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gamesim.core.errors import RiskError, UnsupportedGameError, clean, did_you_mean, listed
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.risk import MeanVariance
from gamesim.core.risk_game import TREMBLE
from gamesim.core.solution import Limits

from .continuation import Branch, trace
from .risk_averse import risk_play
from .risk_homotopy import aversion_branch
from .starting import actions_of

TRACED = {"aversion": "rae", "rationality": "qre"}
ALSO = {"lambda": "rationality"}


def branch_of(
    game: Any, concept: str, parameter: str, given: Mapping[str, Any], *, start: Any = None, points: int = 50, limits: Limits | None = None
) -> Branch:  # fmt: skip
    """The branch in a parameter from nobody minding (aversion 0) or everybody erring (rationality 0) to its given value.

    Parameters
    ----------
    given : parameters of the concept; the traced one says how far.
    start : a profile from whose neighbourhood the equilibrium at aversion 0 is taken; by default even play.

    Raises
    ------
    UnsupportedGameError
        For a parameter that no branch is followed in, or one of another concept.
    RiskError
        Where the traced parameter is missing, or is not one number for all.
    """
    parameter = ALSO.get(parameter, parameter)
    if parameter not in TRACED:
        hint = did_you_mean(parameter, [*TRACED, *ALSO]) or f"Traced: {listed([*TRACED, *ALSO])}"
        raise UnsupportedGameError(f"no branch is followed in '{clean(parameter, 40)}'.", hint=hint)
    if TRACED[parameter] != concept:
        raise UnsupportedGameError(f"a branch in {parameter} is one of concept {TRACED[parameter]}, not {concept}.")
    to = given.get(parameter)
    if isinstance(to, bool) or not isinstance(to, (int, float)) or not to > 0:
        raise RiskError(f"how far? A branch wants {parameter} above 0, one number for all.", hint=f"Give --{'lambda' if concept == 'qre' else parameter}.")  # fmt: skip
    if concept == "qre":
        if start is not None:
            raise RiskError("the branch of quantal responses starts at even play.", hint="Leave the start out.")
        return trace(game, "rationality", float(to), points=points, limits=limits)
    tremble, variance = given.get("tremble", TREMBLE), given.get("variance", "strategic")
    if isinstance(tremble, bool) or not isinstance(tremble, (int, float)):
        raise RiskError("a branch takes one tremble for all.")
    first = risk_play(game, MeanVariance(0.0, variance), tremble=tremble, start=start)
    if not first.converged:
        raise RiskError(f"no equilibrium without aversion was found from the start; the gap is {first.gap:.3g}.", hint="Give another start.")  # fmt: skip
    return aversion_branch(
        game, to=float(to), start=(first.profile, 0.0), tremble=tremble, variance=variance, points=points, limits=limits
    )


def labels_of(game: Any) -> list[str]:
    """A name for every probability of a play, in the order of ``method.flatten``."""
    if isinstance(game, ExtensiveFormGame):
        return [
            f"{name}: {action}" for name, own in zip(game.set_names, game.sets, strict=True) for action in own.actions
        ]
    return [f"{player}: {action}" for player, own in zip(game.players, actions_of(game), strict=True) for action in own]


def told(branch: Branch) -> str:
    """Where a branch turns and where it ends, in a sentence or two."""
    name = "lambda" if branch.parameter == "rationality" else branch.parameter
    turns = ", ".join(f"{value:.6g}" for value in branch.turning)
    text = f"The branch turns back at {name} {turns}." if turns else "The branch does not turn back."
    if branch.stopped is None:
        return f"{text} It ends at {name} {branch.end.value:.6g}."
    why = "time was up" if branch.stopped == "seconds" else branch.stopped.rstrip(".")
    return f"{text} It does not come to the value that was asked for: {why}; its last point is at {name} {branch.end.value:.6g}."
