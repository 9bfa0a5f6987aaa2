"""Symmetric games by counts: own action times how many opponents play what.

A symmetric game of n players and k actions needs k * C(n+k-2, k-1) numbers instead of n * k^n: eight players with
eleven actions fit in 213,928 numbers instead of 1.7 thousand million. Columns are the counts of the n - 1 opponents in
the order of ``opponent_counts``.

    >>> hawk_dove = SymmetricGame(2, [[-1, 4], [0, 2]], ("hawk", "dove"))
    >>> hawk_dove.action_payoffs([Fraction(2, 3), Fraction(1, 3)])
    array([Fraction(2, 3), Fraction(2, 3)], dtype=object)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

import numpy as np

from .arrays import AnyArray, FloatArray, IntArray
from .errors import GameFileError, GameTooLargeError, SolverError
from .normal_form import CELLS, EXACT_CELLS, NormalFormGame
from .profiles import as_profile, distribution, fractions, is_exact


def count_vectors(players: int, actions: int) -> int:
    """How many ways ``players`` can spread over ``actions``."""
    return math.comb(players + actions - 1, actions - 1)


@cache
def opponent_counts(players: int, actions: int) -> IntArray:
    """All ways to spread players over actions, shape (columns, actions); the first action's count falls first.

    Examples
    --------
    >>> opponent_counts(2, 2)
    array([[2, 0], [1, 1], [0, 2]])
    """
    if actions == 1:
        return _frozen(np.array([[players]], dtype=np.int64))
    blocks = []
    for first in range(players, -1, -1):
        rest = opponent_counts(players - first, actions - 1)
        blocks.append(np.column_stack([np.full(len(rest), first, dtype=np.int64), rest]))
    return _frozen(np.concatenate(blocks))


@dataclass(frozen=True, eq=False, repr=False)
class SymmetricGame:
    """A symmetric game; arrays are read-only.

    Parameters
    ----------
    n : number of players, at least 1.
    payoffs : shape (k, columns); ``payoffs[a, c]`` is what a player of action a gets when her n - 1 opponents play as
        ``opponent_counts(n - 1, k)[c]`` says. Fractions and whole numbers are kept exactly in ``exact`` as well.
    actions : labels; by default "0", "1", ...
    """

    n: int
    payoffs: FloatArray
    actions: tuple[str, ...] = ()
    exact: AnyArray | None = None
    name: str = ""

    def __post_init__(self) -> None:
        given = np.asarray(self.payoffs if self.exact is None else self.exact)
        try:
            keep = self.exact is not None or (is_exact(given) and (given.dtype == object or given.size <= EXACT_CELLS))
            exact = fractions(given) if keep else None
            payoffs = (given if exact is None else exact).astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise GameFileError(f"payoffs must be numbers: {error}.") from error
        if self.n < 1 or payoffs.ndim != 2 or payoffs.size == 0:
            raise GameFileError(f"payoffs of shape {payoffs.shape} are no symmetric game of {self.n} players.")
        k, columns = payoffs.shape
        if columns != count_vectors(self.n - 1, k):
            raise GameFileError(
                f"{columns} columns of payoffs for {self.n} players and {k} actions.",
                hint=f"Expected {count_vectors(self.n - 1, k)}, one for each way the opponents can play.",
            )
        if not np.isfinite(payoffs).all():
            raise GameFileError("a payoff is not finite.", hint="Payoffs are finite numbers.")
        payoffs.setflags(write=False)
        actions = tuple(self.actions) or tuple(str(a) for a in range(k))
        if len(actions) != k or len(set(actions)) != k:
            raise GameFileError(f"{k} actions need {k} different labels, not {', '.join(actions)}.")
        for key, value in (("payoffs", payoffs), ("exact", exact), ("actions", actions)):
            object.__setattr__(self, key, value)

    @property
    def players(self) -> tuple[str, ...]:
        return tuple(f"player_{i}" for i in range(self.n))

    @property
    def k(self) -> int:
        return int(self.payoffs.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of actions of each player, as in the normal form."""
        return (self.k,) * self.n

    @cached_property
    def payoff_range(self) -> float:
        """Largest payoff minus smallest, 1 for a constant game."""
        return float(self.payoffs.max() - self.payoffs.min()) or 1.0

    @cached_property
    def _columns(self) -> dict[tuple[int, ...], int]:
        return {tuple(row): c for c, row in enumerate(opponent_counts(self.n - 1, self.k).tolist())}

    def payoff(self, action: int, opponents: Sequence[int]) -> float:
        """Payoff of an action against opponents given as counts by action."""
        column = self._columns.get(tuple(int(c) for c in opponents))
        if column is None or not 0 <= action < self.k:
            raise SolverError(f"action {action} against counts {list(opponents)} is not in a game of {self.n} players.")
        return float(self.payoffs[action, column])

    def action_payoffs(self, strategy: Any) -> AnyArray:
        """What each action earns when every opponent plays ``strategy``, shape (k,); exact where both are."""
        (mixed,) = as_profile((self.k,), (np.asarray(strategy),))
        return self._earn(self._symmetric_weights(mixed))

    def action_payoffs_against(self, opponents: Sequence[Any]) -> AnyArray:
        """What each action earns against n - 1 opponents with strategies of their own, shape (k,)."""
        if len(opponents) != self.n - 1:
            raise SolverError(f"{len(opponents)} opponents were given in a game of {self.n} players.")
        return self._earn(self._weights(as_profile((self.k,) * (self.n - 1), opponents)))

    def _earn(self, weights: AnyArray) -> AnyArray:
        if self.exact is not None and weights.dtype == object:
            likely = np.flatnonzero(weights)  # of pure play one column; sums of Fractions are slow
            return np.asarray(self.exact[:, likely] @ weights[likely])
        return np.asarray(self.payoffs @ weights.astype(np.float64))

    def _symmetric_weights(self, strategy: AnyArray) -> AnyArray:
        """Multinomial probability of each column."""
        counts = opponent_counts(self.n - 1, self.k)
        if strategy.dtype == object:
            ways = [math.factorial(self.n - 1) // math.prod(map(math.factorial, row)) for row in counts.tolist()]
            chances = [math.prod((p**c for p, c in zip(strategy, row, strict=True)), start=Fraction(w))
                       for w, row in zip(ways, counts.tolist(), strict=True)]  # fmt: skip
            return np.array(chances, dtype=object)
        from scipy.special import gammaln, xlogy

        logs = gammaln(self.n) - gammaln(counts + 1).sum(axis=1) + xlogy(counts, strategy).sum(axis=1)
        return np.asarray(np.exp(logs))

    def _weights(self, strategies: Sequence[AnyArray]) -> AnyArray:
        """Probability of each column when opponents differ: they are added one at a time."""
        exact = all(strategy.dtype == object for strategy in strategies)
        chance: dict[tuple[int, ...], Any] = {(0,) * self.k: Fraction(1) if exact else 1.0}
        for strategy in strategies:
            grown: dict[tuple[int, ...], Any] = {}
            for counts, weight in chance.items():
                for a, p in enumerate(strategy if exact else strategy.astype(np.float64)):
                    if p:
                        after = (*counts[:a], counts[a] + 1, *counts[a + 1 :])
                        grown[after] = grown.get(after, 0) + weight * p
            chance = grown
        weights = np.full(self.payoffs.shape[1], Fraction(0) if exact else 0.0, dtype=object if exact else np.float64)
        for counts, weight in chance.items():
            weights[self._columns[counts]] = weight
        return weights

    def expected(self, strategy: Any) -> Any:
        """Payoff of a player when everybody plays ``strategy``."""
        mixed = distribution(np.asarray(strategy), "the strategy")
        earned = self.action_payoffs(mixed)
        return earned @ (mixed if earned.dtype == object else mixed.astype(np.float64))

    def best_replies(self, strategy: Any, tolerance: float = 0.0) -> IntArray:
        """Indices of the actions within ``tolerance`` of the best against opponents who all play ``strategy``."""
        earned = self.action_payoffs(strategy)
        return np.flatnonzero(earned >= earned.max() - tolerance).astype(np.int64)

    @cached_property
    def _faced(self) -> tuple[IntArray, IntArray]:
        """All ways the n can spread over the actions (rows, k), and the column that a player of each action faces there, -1
        where nobody plays it."""
        totals = opponent_counts(self.n, self.k)
        faced = np.full(totals.shape, -1, dtype=np.int64)
        for row, counts in enumerate(totals.tolist()):
            for action in range(self.k):
                if counts[action]:
                    counts[action] -= 1
                    faced[row, action] = self._columns[tuple(counts)]
                    counts[action] += 1
        return totals, _frozen(faced)

    @cached_property
    def sums(self) -> FloatArray:
        """Sum of everybody's payoffs for each way to spread over the actions, in the order of ``opponent_counts(n, k)``."""
        totals, faced = self._faced
        return np.asarray(sum(totals[:, a] * self.payoffs[a, faced[:, a]] for a in range(self.k)))

    @cached_property
    def best_sum(self) -> Any:
        """The largest of them, exact where the game is."""
        if self.exact is None:
            return self.sums.max()
        totals, faced = self._faced
        near = np.flatnonzero(self.sums >= self.sums.max() - 1e-9 * self.payoff_range)[:1000]
        return max(
            sum(int(totals[r, a]) * self.exact[a, faced[r, a]] for a in range(self.k) if totals[r, a]) for r in near
        )

    @property
    def is_symmetric(self) -> bool:
        return True

    @cached_property
    def is_constant_sum(self) -> bool:
        """Whether payoffs always add up to one number, to 1e-12 of the payoff range."""
        return bool(np.ptp(self.sums) <= 1e-12 * self.payoff_range)

    def pure_equilibria(self) -> list[tuple[int, ...]]:
        """Pure equilibria up to the players' names, as action indices in rising order; no table is made.

        Examples
        --------
        >>> SymmetricGame(2, [[-1, 4], [0, 2]], ("hawk", "dove")).pure_equilibria()
        [(0, 1)]
        """
        totals, faced = self._faced
        table = self.payoffs if self.exact is None else self.exact
        best = table >= table.max(axis=0)
        stable = np.all([(faced[:, a] < 0) | best[a, faced[:, a]] for a in range(self.k)], axis=0)
        return sorted(tuple(np.repeat(np.arange(self.k), counts).tolist()) for counts in totals[stable])

    def restrict(self, actions: Sequence[int]) -> SymmetricGame:
        """The game in which everybody keeps only the named actions, in that order."""
        kept = list(actions)
        if not kept or any(not 0 <= a < self.k for a in kept):
            raise SolverError(f"actions {kept} cannot be kept.", hint=f"Actions: 0 to {self.k - 1}.")
        full = np.zeros((count_vectors(self.n - 1, len(kept)), self.k), dtype=np.int64)
        full[:, kept] = opponent_counts(self.n - 1, len(kept))
        columns = [self._columns[tuple(row)] for row in full.tolist()]
        table = (self.payoffs if self.exact is None else self.exact)[np.ix_(kept, columns)]
        return SymmetricGame(self.n, table, tuple(self.actions[a] for a in kept), name=self.name)

    def to_normal_form(self, limit: int = CELLS) -> NormalFormGame:
        """The full payoff table.

        Raises
        ------
        GameTooLargeError
            If it would hold more than ``limit`` entries.
        """
        size = self.n * self.k**self.n
        if size > limit:
            raise GameTooLargeError(f"the normal form would hold {size:,} payoffs; the limit is {limit:,}.")
        return self._whole

    @cached_property
    def _whole(self) -> NormalFormGame:
        table = self.payoffs if self.exact is None else self.exact
        full = np.empty((self.n, *self.shape), dtype=table.dtype)
        for profile in np.ndindex(*self.shape):
            totals = np.bincount(profile, minlength=self.k)
            for i, action in enumerate(profile):
                totals[action] -= 1
                full[(i, *profile)] = table[action, self._columns[tuple(totals.tolist())]]
                totals[action] += 1
        return NormalFormGame(full, (self.actions,) * self.n, name=self.name)

    def __repr__(self) -> str:
        return f"SymmetricGame({self.name or f'{self.n} players, {self.k} actions'})"


def _frozen(array: IntArray) -> IntArray:
    array.setflags(write=False)
    return array
