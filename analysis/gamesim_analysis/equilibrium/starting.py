"""Where to start from, as people write it: an action, an action a player, or probabilities.

>>> start_of((("S", "H"), ("S", "H")), "S")
[[1.0, 0.0], [1.0, 0.0]]
>>> start_of((("S", "H"), ("S", "H")), "0.9, 0.1; H")
[[0.9, 0.1], [0.0, 1.0]]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import RiskError, clean, did_you_mean, listed
from gamesim.core.symmetric import SymmetricGame

FORM = "One action for all, one a player with ';' between players, or probabilities with ',' between them."


def actions_of(game: Any) -> tuple[tuple[str, ...], ...]:
    """Names of the actions of each player; of an empirical game its policies."""
    if isinstance(game, EmpiricalGame):
        return tuple(tuple(map(str, game.policies[role])) for role in game.roles)
    if isinstance(game, SymmetricGame):  # players who are alike may be too many for a table
        return (game.actions,) * game.n
    return tuple(tuple(map(str, own)) for own in game.to_normal_form().actions)


def start_of(actions: Sequence[Sequence[str]], text: str) -> list[list[float]]:
    """A profile from its text; see the module's head.

    Raises
    ------
    RiskError
        For an action that a player does not have, with the nearest, and for probabilities that are none.
    """
    parts = [part.strip() for part in text.split(";")]
    if len(parts) == 1:
        parts *= len(actions)
    if len(parts) != len(actions):
        raise RiskError(f"{len(parts)} strategies for {len(actions)} players.", where=f"start {clean(text, 60)}", hint=FORM)  # fmt: skip
    return [_strategy(own, part) for own, part in zip(actions, parts, strict=True)]


def _strategy(own: Sequence[str], text: str) -> list[float]:
    if text in own:
        return [1.0 if text == action else 0.0 for action in own]
    if text == "uniform":
        return [1.0 / len(own)] * len(own)
    try:
        chances = [float(word) for word in text.split(",")]
    except ValueError:
        hint = did_you_mean(text, own) or f"Actions: {listed(own)} {FORM}"
        raise RiskError(f"no action '{clean(text, 40)}'.", where="start", hint=hint) from None
    if len(chances) != len(own):
        raise RiskError(f"{len(chances)} probabilities for {len(own)} actions.", where=f"start {clean(text, 40)}", hint=f"Actions: {listed(own)}")  # fmt: skip
    if min(chances) < 0 or abs(sum(chances) - 1) > 1e-9:
        raise RiskError(f"{clean(text, 40)} are no probabilities.", where="start", hint="They lie in [0, 1] and sum to 1.")  # fmt: skip
    return chances
