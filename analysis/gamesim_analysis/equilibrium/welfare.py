"""What equilibria are worth to everybody together, against the best that pure play could reach.

Price of anarchy = optimum over the worst listed equilibrium, price of stability = optimum over the best; only where no payoff
is negative, and said of the whole set of equilibria only where the list is complete.

References
----------
.. [1] Koutsoupias and Papadimitriou, "Worst-Case Equilibria", STACS 1999.
.. [2] Anshelevich et al., "The Price of Stability for Network Design with Fair Cost Allocation", FOCS 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from gamesim.core.behaviour import BehaviourProfile, as_behaviour, reach
from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from gamesim.core.profiles import Joint
from gamesim.core.solution import Equilibrium, Solution
from gamesim.core.symmetric import SymmetricGame

CELLS = 10**6  # entries of a table that are searched for the optimum


@dataclass(frozen=True)
class Welfare:
    """Sums of payoffs.

    Attributes
    ----------
    optimum : the largest sum that a pure profile reaches; None where the table would be too large to search.
    equilibria : the sum in each listed equilibrium.
    anarchy, stability : prices; None with ``reason``.
    of : ``all equilibria`` where the list is complete, else ``those found``.
    """

    optimum: Any | None
    equilibria: tuple[Any, ...]
    anarchy: Any | None
    stability: Any | None
    of: str
    reason: str = ""


def welfare(game: Any, solution: Solution) -> Welfare:
    """Sums of payoffs of the equilibria of a solution, and the prices where they mean something."""
    from .method import is_formal

    sums = tuple(sum(equilibrium.payoffs) for equilibrium in solution.equilibria)
    if is_formal(game):
        return Welfare(None, sums, None, None, "those found", is_formal(game))
    best = optimum(game)
    whole = bool(solution.complete) and solution.concept == "nash" and solution.covers in ("extreme", "isolated")
    of = "all equilibria" if whole else "those found"
    reason = (
        "no equilibrium is listed" if not sums
        else "the table is too large to search for the optimum" if best is None
        else "some payoffs are negative" if lowest(game) < 0
        else "an equilibrium is worth nothing" if min(sums) == 0
        else ""
    )  # fmt: skip
    if reason:
        return Welfare(best, sums, None, None, of, reason)
    return Welfare(best, sums, best / min(sums), best / max(sums), of)


def lowest(game: Any) -> Any:
    if isinstance(game, ExtensiveFormGame):
        return min(value for payoffs in game.payoffs for value in payoffs)
    return game.payoffs.min() if isinstance(game, SymmetricGame) else game.to_normal_form().payoffs.min()


def optimum(game: Any) -> Any | None:
    """The largest sum of payoffs over pure profiles.

    Examples
    --------
    >>> from gamesim.envs.repeated.stage_games import prisoners_dilemma
    >>> from gamesim.envs.efg.catalog import ferry_fare
    >>> optimum(prisoners_dilemma()), optimum(ferry_fare())
    (Fraction(6, 1), Fraction(6, 1))
    """
    if isinstance(game, ExtensiveFormGame):
        if game.perfect_information:
            return _planned(game)
        if game.n * prod(game.strategy_count(i) for i in range(game.n)) > CELLS:
            return None
    if isinstance(game, SymmetricGame):
        return game.best_sum
    if prod(getattr(game, "shape", (1,))) * len(game.players) > CELLS:
        return None
    table = game.to_normal_form()
    sums = table.payoffs.sum(axis=0)
    if table.exact is None:
        return sums.max()
    near = np.argwhere(sums >= sums.max() - 1e-9 * table.payoff_range)  # only these are worth adding up exactly
    return max(sum(table.exact[(i, *cell)] for i in range(table.n)) for cell in map(tuple, near[:1000]))


def _planned(game: ExtensiveFormGame) -> Fraction:
    """With perfect information everybody could agree, node by node."""
    worth: list[Fraction] = [Fraction(0)] * game.size
    for node in range(game.size - 1, -1, -1):
        who, at, below = game.kinds[node], game.at[node], game.children[node]
        if who == TERMINAL:
            worth[node] = sum(game.payoffs[at], Fraction(0))
        elif who == CHANCE:
            worth[node] = sum((p * worth[child] for p, child in zip(game.chances[at].probabilities, below, strict=True)), Fraction(0))  # fmt: skip
        else:
            worth[node] = max(worth[child] for child in below)
    return worth[0]


def entropy(game: Any, play: Any) -> float:
    """How mixed play is, in nats: the sum of the players' entropies, those of a tree's sets weighed by how likely they are."""
    if isinstance(play, Joint):
        return _entropy(play.probabilities.ravel())
    if isinstance(game, ExtensiveFormGame):
        profile = as_behaviour(game, play)
        likely = reach(game, profile)
        return float(sum(float(sum(likely[v] for v in nodes)) * _entropy(profile[h]) for h, nodes in enumerate(game.members)))  # fmt: skip
    return float(sum(_entropy(mixture) for mixture in play))


def _entropy(mixture: Any) -> float:
    p = np.asarray(mixture, dtype=np.float64)
    p = p[p > 0]
    return float(-(p * np.log(p)).sum()) + 0.0


def distance_to_set(play: Any, solution: Solution | Sequence[Equilibrium]) -> float | None:
    """Sup-distance from play to the nearest listed equilibrium; None where none is listed.

    Examples
    --------
    >>> from gamesim.envs.repeated.stage_games import matching_pennies
    >>> from .router import solve
    >>> round(distance_to_set([[0.8, 0.2], [0.5, 0.5]], solve(matching_pennies(), every=True)), 12)
    0.3
    """
    from .method import flatten

    listed = solution.equilibria if isinstance(solution, Solution) else tuple(solution)
    if isinstance(play, (Joint, BehaviourProfile)):
        flat = flatten(play)
    else:
        flat = np.concatenate([np.asarray(part, dtype=np.float64) for part in play])
    return min((float(np.abs(flatten(e.play) - flat).max(initial=0.0)) for e in listed), default=None)
