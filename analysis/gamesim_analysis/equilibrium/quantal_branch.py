"""Logit quantal response equilibria, and their principal branch from uniform play on.

In a logit equilibrium of rationality lambda every action is chosen with probability proportional to exp(lambda u), u taken
against equilibrium play: by strategy in a table, by information set in a tree (the agent form). The solutions form curves in
(play, lambda); the one that starts at uniform play with lambda = 0 is the principal branch. Unknowns are logarithms of
probabilities, in which rare actions keep their digits. In a tree with perfect information there is one equilibrium at every
lambda, found by backward recursion.

Equations have payoffs divided by the game's payoff range; what is told has lambda in 1/payoff.

References
----------
.. [1] McKelvey, Palfrey, "Quantal response equilibria for normal form games", Games and Economic Behavior 10, 1995.
.. [2] McKelvey, Palfrey, "Quantal response equilibria for extensive form games", Experimental Economics 1, 1998.
.. [3] Turocy, "A dynamic homotopy interpretation of the logistic quantal response equilibrium correspondence", GEB 51, 2005.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from gamesim.core.agent_form import require_present_minded
from gamesim.core.arrays import FloatArray
from gamesim.core.behaviour import BehaviourProfile, as_behaviour
from gamesim.core.certify import certify
from gamesim.core.errors import SolverError, UnsupportedGameError
from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from gamesim.core.logit import logit_choice
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.preference_game import PreferenceGame
from gamesim.core.profiles import MixedProfile, as_profile
from gamesim.core.solution import Certificate, Limits, Solution
from gamesim.core.symmetric import SymmetricGame, opponent_counts

from .continuation import Branch, Curve, Homotopy, trace
from .method import Found, Method, is_formal

REACH = 1000.0  # how far branches are traced: an action worth a thousandth of the payoff range less is then rare by a factor e
LIMIT = 1e7  # how far to look for the Nash equilibrium at the branch's end
NASH = 1e-9  # regret, relative to the payoff range, at which the limit is taken for reached
Game = NormalFormGame | SymmetricGame | PreferenceGame | ExtensiveFormGame


class System(Protocol):
    """What actions earn, in log probabilities; payoffs scaled to range 1."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Actions of each block of unknowns: a player, all players of a symmetric game, or an information set."""
        ...

    @property
    def copies(self) -> int:
        """Players that a block stands for."""
        ...

    def utilities(self, logs: FloatArray) -> FloatArray:
        """Payoff of every action, blocks after one another."""
        ...

    def slopes(self, logs: FloatArray) -> FloatArray:
        """Derivatives of ``utilities`` in the logs, square."""
        ...


class NormalSystem:
    """One block a player."""

    copies = 1

    def __init__(self, game: NormalFormGame) -> None:
        self.sizes = game.shape
        self._tables = (game.payoffs - game.payoffs.min()) / game.payoff_range
        self._edges = np.cumsum([0, *game.shape])

    def _play(self, logs: FloatArray) -> list[FloatArray]:
        return [np.exp(logs[a:b]) for a, b in pairwise(self._edges)]

    def utilities(self, logs: FloatArray) -> FloatArray:
        play = self._play(logs)
        return np.concatenate([self._kept(i, (i,), play) for i in range(len(play))])

    def slopes(self, logs: FloatArray) -> FloatArray:
        play, edges = self._play(logs), self._edges
        out = np.zeros((len(logs), len(logs)))
        for i in range(len(play)):
            for j in range(len(play)):
                if i != j:
                    table = self._kept(i, (i, j), play)
                    out[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] = table * play[j]
        return out

    def _kept(self, player: int, axes: tuple[int, ...], play: list[FloatArray]) -> FloatArray:
        """A player's payoffs with all axes averaged over but those named, which come first, in that order."""
        table = np.moveaxis(self._tables[player], axes, range(len(axes)))
        for j in reversed([j for j in range(len(play)) if j not in axes]):
            table = table @ play[j]
        return np.asarray(table)


class SymmetricSystem:
    """One block for all: everybody plays alike, as on the principal branch of a symmetric game."""

    def __init__(self, game: SymmetricGame) -> None:
        from scipy.special import gammaln

        self.sizes = (game.k,)
        self.copies = game.n
        self._table = (game.payoffs - game.payoffs.min()) / game.payoff_range
        self._counts = opponent_counts(game.n - 1, game.k).astype(np.float64)
        self._ways = gammaln(game.n) - gammaln(self._counts + 1).sum(axis=1)

    def _chances(self, logs: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self._ways + self._counts @ logs))

    def utilities(self, logs: FloatArray) -> FloatArray:
        return np.asarray(self._table @ self._chances(logs))

    def slopes(self, logs: FloatArray) -> FloatArray:
        return np.asarray((self._table * self._chances(logs)) @ self._counts)


class AgentSystem:
    """One block an information set: each is an agent of its own, and payoffs are conditional on coming there.

    All sums over the tree are sparse products: of leaves, and of the nodes of sets, with the actions on their paths. Weights
    are relative to the likeliest node of the set, so that sets which play hardly comes to keep their digits; at a set that only
    a draw of probability 0 leads to, beliefs are as if it had been drawn.

    Raises
    ------
    UnsupportedGameError
        If a path meets a set twice.
    """

    copies = 1

    def __init__(self, game: ExtensiveFormGame) -> None:
        from scipy.sparse import csr_matrix

        require_present_minded(game)
        self.sizes = tuple(len(s.actions) for s in game.sets)
        first = np.cumsum([0, *self.sizes])[:-1]
        low = float(min(value for payoffs in game.payoffs for value in payoffs))
        chance = [0.0] * game.size  # log probability by chance alone, leaving out what it never draws
        never = [0] * game.size  # how often chance would have to draw what it never draws
        paths: list[tuple[int, ...]] = [()] * game.size
        for node in range(1, game.size):
            above, taken = game.above[node], game.taken[node]
            chance[node], never[node], paths[node] = chance[above], never[above], paths[above]
            if game.kinds[above] == CHANCE:
                odds = float(game.chances[game.at[above]].probabilities[taken])
                chance[node] += float(np.log(odds)) if odds else 0.0
                never[node] += not odds
            else:
                paths[node] = (*paths[above], int(first[game.at[above]]) + taken)
        least = [min(never[node] for node in nodes) for nodes in game.members]
        places = [node for h, nodes in enumerate(game.members) for node in nodes if never[node] == least[h]]
        leaves = [node for node in range(game.size) if game.kinds[node] == TERMINAL]
        size = int(sum(self.sizes))

        def incidence(nodes: Sequence[int]) -> Any:
            rows = np.repeat(np.arange(len(nodes)), [len(paths[node]) for node in nodes])
            columns = np.array([k for node in nodes for k in paths[node]], dtype=np.int64)
            return csr_matrix((np.ones(len(columns)), (rows, columns)), shape=(len(nodes), size))

        self._set_paths, self._leaf_paths = incidence(places), incidence(leaves)
        self._set_chance = np.array([chance[node] for node in places])
        self._leaf_chance = np.array([chance[node] for node in leaves])
        self._set_of = np.array([game.at[node] for node in places], dtype=np.int64)
        self._owner = np.repeat(np.arange(len(self.sizes)), self.sizes)
        # For every action and every leaf beyond it, what its player gets there.
        pairs = self._leaf_paths.tocoo()
        counts = np.array([never[node] for node in leaves])[pairs.row] == np.array(least)[self._owner[pairs.col]]
        self._leaf, self._action = pairs.row[counts], pairs.col[counts]
        gains = np.array([[float(u) for u in game.payoffs[game.at[node]]] for node in leaves])
        whose = np.array([s.player for s in game.sets], dtype=np.int64)
        self._gain = (gains[self._leaf, whose[self._owner[self._action]]] - low) / game.payoff_range

    def _weights(self, logs: FloatArray) -> tuple[Any, FloatArray, FloatArray]:
        """Payoff times relative weight by action and leaf; relative weight by node of a set; and their sums by set."""
        from scipy.sparse import csr_matrix

        here = self._set_chance + self._set_paths @ logs
        top = np.full(len(self.sizes), -np.inf)
        np.maximum.at(top, self._set_of, here)
        there = (self._leaf_chance + self._leaf_paths @ logs)[self._leaf]
        earned = self._gain * np.exp(there - logs[self._action] - top[self._owner[self._action]])
        odds = np.exp(here - top[self._set_of])
        shape = (len(logs), len(self._leaf_chance))
        table = csr_matrix((earned, (self._action, self._leaf)), shape=shape)
        return table, odds, np.bincount(self._set_of, odds, len(self.sizes)).astype(np.float64)

    def utilities(self, logs: FloatArray) -> FloatArray:
        earned, _, total = self._weights(logs)
        return np.asarray(earned.sum(axis=1)).ravel() / total[self._owner]

    def slopes(self, logs: FloatArray) -> FloatArray:
        from scipy.sparse import csr_matrix

        earned, odds, total = self._weights(logs)
        own = np.asarray(earned.sum(axis=1)).ravel()
        gained = (earned @ self._leaf_paths).toarray()
        gained[np.arange(len(own)), np.arange(len(own))] -= (
            own  # its own probability is no part of what an action earns
        )
        rows = csr_matrix((odds, (self._set_of, np.arange(len(odds)))), shape=(len(self.sizes), len(odds)))
        reached = (rows @ self._set_paths).toarray()[self._owner]
        share = total[self._owner][:, None]
        return np.asarray(gained / share - (own[:, None] / share) * (reached / share))


def system_of(game: Game) -> System:
    if isinstance(game, ExtensiveFormGame):
        return AgentSystem(game)
    return SymmetricSystem(game) if isinstance(game, SymmetricGame) else NormalSystem(game.to_normal_form())


class LogitEquations(Homotopy):
    """The logit equilibria of a game as a curve in log probabilities and rationality."""

    parameter = "rationality"

    def __init__(self, game: Game) -> None:
        self.game, self.unit = game, game.payoff_range
        self.system = system_of(game)
        self._edges = np.cumsum([0, *self.system.sizes])
        self._first = np.repeat(self._edges[:-1], self.system.sizes)

    def split(self, logs: FloatArray) -> list[FloatArray]:
        """Log probabilities by block."""
        return [logs[a:b] for a, b in pairwise(self._edges)]

    def beginning(self) -> tuple[FloatArray, float]:
        return np.concatenate([np.full(k, -np.log(k)) for k in self.system.sizes]), 0.0

    def allowed(self, x: FloatArray) -> bool:
        return bool(x.max() <= 1)  # a probability above e is no guess

    def residual(self, x: FloatArray, value: float) -> FloatArray:
        gap = x - value * self.system.utilities(x)
        found = np.asarray(gap - gap[self._first])
        found[self._edges[:-1]] = np.add.reduceat(np.exp(x), self._edges[:-1]) - 1.0  # in the row of each first action
        return found

    def jacobian(self, x: FloatArray, value: float) -> FloatArray:
        utilities = self.system.utilities(x)
        whole = np.column_stack([np.eye(len(x)) - value * self.system.slopes(x), -utilities])
        found: FloatArray = whole - whole[self._first]
        found[self._edges[:-1]] = 0.0
        found[self._first, np.arange(len(x))] += np.exp(x)
        return found

    def at_rest(self, x: FloatArray, value: float) -> bool:
        return certify(self.game, self.play(x)).relative <= NASH

    def towards(self, direction: FloatArray) -> float:
        first = float(direction[self._edges[:-1]].sum())
        return float(np.sign(first)) if abs(first) > 1e-3 * np.abs(direction).max() else super().towards(direction)

    def play(self, x: FloatArray) -> MixedProfile | BehaviourProfile:
        blocks = [np.exp(block) / np.exp(block).sum() for block in self.split(x)]
        if isinstance(self.game, ExtensiveFormGame):
            return as_behaviour(self.game, blocks)
        return tuple(block.copy() for block in blocks for _ in range(self.system.copies))

    def unknowns(self, play: Any) -> FloatArray:
        if isinstance(self.game, ExtensiveFormGame):
            vectors = as_behaviour(self.game, play).probabilities
        else:
            vectors = as_profile(self.game.shape, play)[: len(self.system.sizes)]
        flat = np.concatenate([np.asarray(v, dtype=np.float64) for v in vectors])
        if flat.min() <= 0:
            raise SolverError(
                "in a logit equilibrium every action is played.", hint="Start where none has probability 0."
            )
        logs: FloatArray = np.log(flat)
        return logs

    def certify(self, play: Any, value: float) -> Certificate:
        return certify(self.game, play, concept="qre", rationality=float(value))


def logit_equilibrium(game: Game, rationality: float) -> MixedProfile | BehaviourProfile:
    """The logit equilibrium on the principal branch, where the branch first comes to this rationality.

    Parameters
    ----------
    rationality : lambda, in 1/payoff; negative for players who shun what pays.

    Returns
    -------
    One vector a player; of a tree a behaviour profile.

    Examples
    --------
    >>> game = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
    >>> [round(float(p), 6) for p in logit_equilibrium(game, 1.0)[0]]
    [0.226751, 0.773249]
    """
    if isinstance(game, ExtensiveFormGame) and game.perfect_information:
        return backward_logit(game, rationality)
    branch = trace(game, "rationality", rationality, points=1)
    if branch.stopped is not None:
        raise SolverError(f"no logit equilibrium was found at rationality {rationality:.6g}: {branch.stopped}")
    play: MixedProfile | BehaviourProfile = branch.end.play
    return play


def backward_logit(game: ExtensiveFormGame, rationality: float) -> BehaviourProfile:
    """The one logit equilibrium of a tree with perfect information, from the leaves up.

    Raises
    ------
    UnsupportedGameError
        If somebody cannot see where play stands.
    """
    if not game.perfect_information:
        raise UnsupportedGameError("the recursion needs perfect information.")
    values = np.zeros((game.size, game.n))
    vectors: list[Any] = [None] * len(game.sets)
    for node in range(game.size - 1, -1, -1):
        who, at = game.kinds[node], game.at[node]
        if who == TERMINAL:
            values[node] = [float(u) for u in game.payoffs[at]]
            continue
        below = values[game.children[node]]
        if who == CHANCE:
            odds = np.array([float(p) for p in game.chances[at].probabilities])
        else:
            odds = vectors[at] = logit_choice(below[:, who], rationality)
        values[node] = odds @ below
    return as_behaviour(game, vectors)


def qre_branch(game: Game, *, to: float | None = None, points: int = 50, limits: Limits | None = None) -> Branch:
    """The principal branch of logit equilibria.

    Parameters
    ----------
    to : lambda in 1/payoff; by default where an action worth a thousandth of the payoff range less is rare by a factor e.
    points : about how many are kept; each is certified.
    """
    return trace(game, "rationality", REACH / game.payoff_range if to is None else to, points=points, limits=limits)


def qre_at(game: Game, lam: float, *, limits: Limits | None = None) -> Solution:
    """The logit equilibrium of rationality ``lam`` on the principal branch, certified.

    Examples
    --------
    >>> game = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
    >>> (equilibrium,) = qre_at(game, 5.0).equilibria
    >>> round(float(equilibrium.play[0][1]), 9), equilibrium.certificate.grade
    (0.993519166, 'float')
    """
    return logit_branch(game, concept="qre", limits=limits, rationality=lam)


# ---- as a solver -----------------------------------------------------------------------------------------------------


def _check(game: Any, concept: str) -> str:
    reason = is_formal(game)
    if reason:
        return reason
    if isinstance(game, ExtensiveFormGame):
        if game.absent_minded_sets:
            return "a path meets an information set twice: there is no agent form"
        if concept == "nash" and not game.perfect_recall:
            return "a player forgets: what her sets do apart is no plan of hers"
    return ""


def _run(game: Any, *, concept: str, limits: Limits, rationality: float | None = None, points: int = 50) -> Found:
    if concept == "nash":
        return _limit(game, limits)
    if rationality is None:
        branch = qre_branch(game, points=points, limits=limits)
        end = branch.end
        return Found(
            [end.play],
            selection=f"the principal branch from uniform play, at lambda {end.value:.6g}",
            notes=_remarks(branch),
            stopped="seconds" if branch.stopped == "seconds" else None,
            of_concept={"rationality": end.value},
            details={"branch": branch},
        )
    if isinstance(game, ExtensiveFormGame) and game.perfect_information:
        play: Any = backward_logit(game, rationality)
        return Found(
            [play],
            complete=True,
            selection="the only one: perfect information",
            of_concept={"rationality": rationality},
        )
    branch = qre_branch(game, to=rationality, points=1, limits=limits)
    if branch.stopped is not None:
        why = "seconds" if branch.stopped == "seconds" else None
        return Found([], stopped=why, notes=[f"The branch was followed to lambda {branch.end.value:.6g} only."])
    return Found(
        [branch.end.play],
        selection="the principal branch from uniform play",
        notes=_remarks(branch),
        of_concept={"rationality": rationality},
    )


def _remarks(branch: Branch) -> list[str]:
    """What a reader of one point of a branch should know of the way there."""
    found = []
    if branch.stopped not in (None, "seconds"):
        found.append(f"The branch ends early: {branch.stopped}")
    if branch.turning:
        found.append(f"The branch turns back at lambda {', '.join(f'{v:.6g}' for v in branch.turning)}.")
    if branch.crossings:
        at = ", ".join(f"{v:.6g}" for v in branch.crossings)
        found.append(
            f"Other branches cross at lambda {at}; unless play is at rest there, the one towards first actions is taken."
        )
    return found


def _limit(game: Any, limits: Limits) -> Found:
    """The Nash equilibrium that the principal branch runs to."""
    from .rationalise import rational

    equations = LogitEquations(game)
    curve = Curve(equations, leave=True)
    point, stopped, notes = curve.start, None, []
    try:
        for number, point in enumerate(curve.walk(LIMIT, limits.seconds)):
            if number % 10 == 0 and certify(game, equations.play(point.x)).relative <= NASH:
                break
        else:
            stopped = None if point.value >= LIMIT else "seconds"
    except SolverError as error:
        notes = [f"The branch ends early: {error.message}"]
    play = rational(game, equations.play(point.x))
    return Found(
        [play], selection="the limit of the principal branch of logit equilibria", stopped=stopped, notes=notes
    )


logit_branch = Method(
    "logit_branch",
    frozenset({"qre", "nash"}),
    "Logit equilibria on the principal branch, traced from uniform play; its limit is a Nash equilibrium.",
    _check,
    _run,
    suits="tables, and trees by information set",
    covers="one: the principal branch",
    complete="only with perfect information",
)
