"""What each action at each information set of a tree earns, its player's own later play held fixed: the agent form.

The agents of one player at different sets decide apart. The payoff of an action is the expected one given that play has
come to the set, with beliefs by Bayes' rule from everybody's play.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays import FloatArray
from .errors import UnsupportedGameError
from .extensive_form import CHANCE, TERMINAL, ExtensiveFormGame


def require_present_minded(game: ExtensiveFormGame) -> None:
    """
    Raises
    ------
    UnsupportedGameError
        If a path meets an information set twice: its agent would decide twice at once.
    """
    if game.absent_minded_sets:
        h = game.absent_minded_sets[0]
        who = game.players[game.sets[h].player]
        raise UnsupportedGameError(f"a path meets {game.set_names[h]} of {who} twice: it has no agent form.")


def action_values(game: ExtensiveFormGame, play: Sequence[FloatArray]) -> list[FloatArray]:
    """Conditional expected payoff of every action to the player who takes it.

    Parameters
    ----------
    play : one array (..., k) an information set, of common leading shape; NaN where it is not known.

    Returns
    -------
    One array (..., k) a set. NaN where play does not come to the set, or where the value depends on what is not known.

    Raises
    ------
    UnsupportedGameError
        If a path meets an information set twice.

    Examples
    --------
    >>> from gamesim.core.extensive_form import TreeBuilder
    >>> build = TreeBuilder(("Leader", "Follower"))
    >>> build.move(0, 1, ("in", "out")); build.move(1, 1, ("fight", "share"))
    >>> build.leaf((-1, -1)); build.leaf((2, 1)); build.leaf((0, 3))
    >>> [v.tolist() for v in action_values(build.build(), [np.array([.5, .5]), np.array([.25, .75])])]
    [[1.25, 0.0], [-1.0, 1.0]]
    """
    require_present_minded(game)
    lead = np.asarray(play[0]).shape[:-1] if len(play) else ()
    with np.errstate(divide="ignore"):
        chances = [[float(p) for p in c.probabilities] for c in game.chances]
        odds: list[FloatArray] = [np.ones(lead)] * game.size
        logs: list[FloatArray] = [np.zeros(lead)] * game.size  # of reaching a node; products of small chances vanish
        for node in range(1, game.size):
            above = game.above[node]
            taken, at = game.taken[node], game.at[above]
            p = np.full(lead, chances[at][taken]) if game.kinds[above] == CHANCE else np.asarray(play[at])[..., taken]
            odds[node] = p
            dead = (p == 0) | (logs[above] == -np.inf)
            logs[node] = np.where(dead, -np.inf, logs[above] + np.log(p))
    values: list[FloatArray] = [np.zeros((*lead, game.n))] * game.size
    for node in range(game.size - 1, -1, -1):
        if game.kinds[node] == TERMINAL:
            values[node] = np.broadcast_to([float(u) for u in game.payoffs[game.at[node]]], (*lead, game.n))
            continue
        below = [np.where((odds[c] == 0)[..., None], 0.0, odds[c][..., None] * values[c]) for c in game.children[node]]
        values[node] = np.sum(below, axis=0)
    found = []
    for h, information in enumerate(game.sets):
        here = np.stack([logs[node] for node in game.members[h]])
        top = here.max(axis=0)
        with np.errstate(invalid="ignore"):
            weight = np.exp(here - top)  # NaN where nobody comes here
            weight /= weight.sum(axis=0)
        options = []
        for a in range(len(information.actions)):
            earned = np.stack([values[game.children[node][a]][..., information.player] for node in game.members[h]])
            options.append(np.where(weight == 0, 0.0, weight * earned).sum(axis=0))
        found.append(np.stack(options, axis=-1))
    return found
