"""Games in normal form.

Player i of n has k_i actions; ``payoffs[i, a_1, ..., a_n]`` is what i gets when the players choose a_1, ..., a_n. Where a
game is given in Fractions they are kept beside the floats, so that certificates can be exact.

    >>> import numpy as np
    >>> pennies = NormalFormGame.bimatrix([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    >>> pennies.expected((np.array([.5, .5]), np.array([.5, .5])))
    array([0., 0.])
    >>> pennies.is_zero_sum
    True
    >>> pennies.best_replies(0, (0, 1))      # against tails the first player wants tails
    array([1])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import AnyArray, FloatArray, IntArray
from .errors import GameFileError, SolverError
from .profiles import as_profile, fractions, is_exact

if TYPE_CHECKING:
    from .symmetric import SymmetricGame

CELLS = 10**7  # largest payoff table that is built without being asked for
EXACT_CELLS = 10**5  # up to here whole-numbered arrays are kept as Fractions too; a Fraction costs a microsecond


@dataclass(frozen=True, eq=False, repr=False)
class NormalFormGame:
    """A finite game in normal form; arrays are read-only.

    Parameters
    ----------
    payoffs : shape (n, k_1, ..., k_n), finite. Fractions, and whole numbers in tables of up to 10^5
        entries, are kept exactly in ``exact`` as well.
    actions : labels of each player's actions; by default "0", "1", ...
    players : labels of the players; by default "player_0", ...
    exact : same shape, Fractions; ``payoffs`` is then derived from it.

    Raises
    ------
    GameFileError
        If the shape does not fit, a payoff is not finite, or labels repeat.
    """

    payoffs: FloatArray
    actions: tuple[tuple[str, ...], ...] = ()
    players: tuple[str, ...] = ()
    exact: AnyArray | None = None
    name: str = ""

    def __post_init__(self) -> None:
        given = np.asarray(self.payoffs if self.exact is None else self.exact)
        try:
            keep = self.exact is not None or (is_exact(given) and (given.dtype == object or given.size <= EXACT_CELLS))
            exact = fractions(given) if keep else None
            payoffs = (given if exact is None else exact).astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise GameFileError("payoffs must be numbers.") from error
        n = payoffs.shape[0] if payoffs.ndim else 0
        if n == 0 or payoffs.ndim != n + 1 or payoffs.size == 0:
            raise GameFileError(
                f"payoffs of shape {payoffs.shape} are no game in normal form.",
                hint="Expected (n, k_1, ..., k_n): first the player, then one axis of actions a player.",
            )
        if not np.isfinite(payoffs).all():
            raise GameFileError("a payoff is not finite.", hint="Payoffs are finite numbers.")
        payoffs.setflags(write=False)
        players = tuple(self.players) or tuple(f"player_{i}" for i in range(n))
        actions = tuple(tuple(labels) for labels in self.actions) or tuple(
            tuple(str(a) for a in range(k)) for k in payoffs.shape[1:]
        )
        _labels(players, n, "players")
        if len(actions) != n:
            raise GameFileError(f"{len(actions)} lists of action labels for {n} players.")
        for player, labels, size in zip(players, actions, payoffs.shape[1:], strict=True):
            _labels(labels, size, f"actions of {player}")
        for key, value in (("payoffs", payoffs), ("exact", exact), ("players", players), ("actions", actions)):
            object.__setattr__(self, key, value)

    @classmethod
    def bimatrix(cls, row: Any, column: Any = None, **labels: Any) -> NormalFormGame:
        """Two players, each payoff matrix of shape (k_1, k_2); without ``column`` the game is zero-sum."""
        first = np.asarray(row)
        return cls(np.array([first, -first if column is None else np.asarray(column)]), **labels)

    @property
    def n(self) -> int:
        return len(self.players)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of actions of each player."""
        return self.payoffs.shape[1:]

    @cached_property
    def payoff_range(self) -> float:
        """Largest payoff minus smallest over all players (1 for a constant game): the scale of a relative regret."""
        return float(self.payoffs.max() - self.payoffs.min()) or 1.0

    @cached_property
    def is_constant_sum(self) -> bool:
        """Whether payoffs add to one constant: exactly if the game is exact, else within 1e-12 of the payoff range."""
        if self.exact is not None:
            total = self.exact.sum(axis=0)
            return bool((total == total.flat[0]).all())
        total = self.payoffs.sum(axis=0)
        return bool(np.ptp(total) <= 1e-12 * self.payoff_range)

    @cached_property
    def is_zero_sum(self) -> bool:
        """Whether payoffs add to zero everywhere; tolerance as for ``is_constant_sum``."""
        table = self.payoffs if self.exact is None else self.exact
        tolerance = 1e-12 * self.payoff_range if self.exact is None else 0
        return self.is_constant_sum and bool(abs(table.sum(axis=0).flat[0]) <= tolerance)

    @cached_property
    def is_symmetric(self) -> bool:
        """Whether exchanging any two players, with their actions, leaves the payoffs exactly as they are."""
        if len(set(self.shape)) != 1:
            return False
        table = self.payoffs if self.exact is None else self.exact
        for i in range(self.n - 1):  # exchanges of neighbours generate all permutations
            players = list(range(self.n))
            players[i], players[i + 1] = players[i + 1], players[i]
            if not (table[players].transpose(0, *(1 + p for p in players)) == table).all():
                return False
        return True

    def action_payoffs(self, player: int, profile: Any) -> AnyArray:
        """What each of a player's actions earns in expectation against the others, shape (k_i,).

        Exact (an object array of Fractions) if the game and the others' strategies are.
        """
        return self._against(player, as_profile(self.shape, profile))

    def _against(self, player: int, mixed: tuple[AnyArray, ...]) -> AnyArray:
        others = [strategy for j, strategy in enumerate(mixed) if j != player]
        exact = self.exact is not None and all(is_exact(strategy) for strategy in others)
        source = self.exact[player] if exact and self.exact is not None else self.payoffs[player]
        table: AnyArray = np.moveaxis(source, player, 0)
        for strategy in reversed(others):  # the last axis each time, so that earlier axes keep their places
            table = np.asarray(table @ (strategy if exact else strategy.astype(np.float64)))
        return table

    def expected(self, profile: Any) -> AnyArray:
        """Expected payoff of each player, shape (n,)."""
        mixed = as_profile(self.shape, profile)
        tables = [self._against(i, mixed) for i in range(self.n)]
        return np.array([table @ _like(mine, table) for mine, table in zip(mixed, tables, strict=True)])

    def best_replies(self, player: int, profile: Any, tolerance: float = 0.0) -> IntArray:
        """Indices of the actions within ``tolerance`` of the best against the others' strategies."""
        payoffs = self.action_payoffs(player, profile)
        return np.flatnonzero(payoffs >= payoffs.max() - tolerance).astype(np.int64)

    def pure_equilibria(self) -> list[tuple[int, ...]]:
        """All pure Nash equilibria, in lexicographic order; compared exactly."""
        table = self.payoffs if self.exact is None else self.exact
        stable = np.ones(self.shape, dtype=bool)
        for i in range(self.n):
            stable &= np.asarray(table[i] == table[i].max(axis=i, keepdims=True), dtype=bool)
        return [tuple(int(a) for a in index) for index in np.argwhere(stable)]

    def restrict(self, actions: Sequence[Sequence[int] | None]) -> NormalFormGame:
        """The game in which each player keeps only the named actions, in that order; None keeps all."""
        if len(actions) != self.n:
            raise SolverError(f"{len(actions)} restrictions were given for {self.n} players.")
        kept = [list(range(k)) if some is None else list(some) for k, some in zip(self.shape, actions, strict=True)]
        for player, some, size in zip(self.players, kept, self.shape, strict=True):
            if not some or any(not 0 <= a < size for a in some):
                raise SolverError(
                    f"{player} cannot be restricted to actions {some}.", hint=f"Actions: 0 to {size - 1}."
                )
        table = (self.payoffs if self.exact is None else self.exact)[np.ix_(range(self.n), *kept)]
        labels = tuple(tuple(old[a] for a in some) for old, some in zip(self.actions, kept, strict=True))
        return NormalFormGame(table, labels, self.players, name=self.name)

    def to_normal_form(self, limit: int = CELLS) -> NormalFormGame:
        return self

    def to_symmetric(self) -> SymmetricGame:
        """The same game as own action times opponents' counts.

        Raises
        ------
        SolverError
            If the game is not symmetric.
        """
        from .symmetric import SymmetricGame, opponent_counts

        if not self.is_symmetric:
            raise SolverError("the game is not symmetric.", hint="Only a symmetric game has a form by counts.")
        k = self.shape[0]
        others = [tuple(np.repeat(np.arange(k), counts)) for counts in opponent_counts(self.n - 1, k)]
        table = (self.payoffs if self.exact is None else self.exact)[0]
        payoffs = np.array([[table[(a, *rest)] for rest in others] for a in range(k)], dtype=table.dtype)
        return SymmetricGame(self.n, payoffs, self.actions[0], name=self.name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NormalFormGame):
            return NotImplemented
        same = self.players == other.players and self.actions == other.actions
        return same and bool((self.payoffs == other.payoffs).all()) and (self.exact is None) == (other.exact is None)

    def __hash__(self) -> int:
        return hash((self.players, self.actions, self.payoffs.tobytes()))

    def __repr__(self) -> str:
        sizes = "x".join(str(k) for k in self.shape)
        return f"NormalFormGame({self.name or sizes}{', exact' if self.exact is not None else ''})"


def cells(shape: Sequence[int]) -> int:
    """Number of entries of a payoff table, counted before it is built."""
    return len(shape) * math.prod(shape)


def _like(strategy: AnyArray, payoffs: AnyArray) -> AnyArray:
    return strategy if payoffs.dtype == object else strategy.astype(np.float64)


def _labels(labels: Sequence[str], expected: int, what: str) -> None:
    if len(labels) != expected:
        raise GameFileError(f"{len(labels)} labels for the {expected} {what}.")
    if len(set(labels)) != len(labels):
        raise GameFileError(f"labels of the {what} repeat: {', '.join(labels)}.")
