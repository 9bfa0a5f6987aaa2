"""Team games: members who see different things act once, and all get the same.

A state w is drawn with chance ``chances[w]``. Member i sees the signal ``seen[w, i]`` and nothing else, and chooses an
action; everybody gets ``payoffs[w, a_1, ..., a_n]``. Nobody can tell anybody anything. A member's strategy is one action a
signal, shape (S_i,), or one distribution a signal, shape (S_i, k_i); a play holds one strategy a member. Some best play is
always pure. Numbers are exact.

    >>> from fractions import Fraction
    >>> agree = TeamGame([Fraction(1, 2)] * 2, [[0, 0], [1, 0]], [[[1, 0], [0, 0]], [[0, 0], [0, 1]]])
    >>> agree.value(([0, 1], [0]))           # the second member sees nothing and can be right half of the time
    Fraction(1, 2)

References
----------
.. [1] Marschak and Radner, "Economic Theory of Teams", Yale University Press, 1972.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from .arrays import AnyArray, IntArray
from .errors import GameFileError, GameTooLargeError, SolverError
from .normal_form import CELLS, NormalFormGame
from .profiles import distribution, fractions, is_exact

TeamPlay: TypeAlias = tuple[AnyArray, ...]


@dataclass(frozen=True, eq=False, repr=False)
class TeamGame:
    """See the module; arrays are read-only.

    Parameters
    ----------
    chances : shape (W,), positive whole numbers or Fractions that sum to 1.
    seen : shape (W, n), whole numbers from 0 on.
    payoffs : shape (W, k_1, ..., k_n), whole numbers or Fractions; floats are taken as the fractions they are.
    signals : labels of each member's signals, by default "0", "1", ...
    actions : labels of each member's actions, by default "0", "1", ...

    Raises
    ------
    GameFileError
        If shapes do not fit, or the chances are no distribution.
    """

    chances: AnyArray
    seen: IntArray
    payoffs: AnyArray
    signals: tuple[tuple[str, ...], ...] = ()
    actions: tuple[tuple[str, ...], ...] = ()
    players: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        payoffs, seen = np.asarray(self.payoffs), np.asarray(self.seen)
        try:
            chances = distribution(fractions(self.chances), "the law of the states")
            payoffs = payoffs if is_exact(payoffs) and payoffs.dtype != object else fractions(payoffs)
        except (TypeError, ValueError, OverflowError) as error:
            raise GameFileError("chances and payoffs must be finite numbers.") from error
        except SolverError as error:
            raise GameFileError(error.message, hint=error.hint) from None
        states, n = len(chances), payoffs.ndim - 1
        if n < 1 or payoffs.size == 0 or len(payoffs) != states or seen.shape != (states, n) or seen.dtype.kind != "i":
            raise GameFileError(
                f"{states} chances, signals of shape {seen.shape} and payoffs of shape {payoffs.shape} are no team game.",
                hint="Expected (W,), whole numbers (W, n) and (W, k_1, ..., k_n).",
            )
        if int(seen.min()) < 0 or 0 in chances:
            raise GameFileError("signals are numbered from 0 on, and every state has a chance.")
        sizes = [1 + int(own.max()) for own in seen.T]
        signals = tuple(map(tuple, self.signals)) or tuple(tuple(map(str, range(s))) for s in sizes)
        actions = tuple(map(tuple, self.actions)) or tuple(tuple(map(str, range(k))) for k in payoffs.shape[1:])
        players = tuple(self.players) or tuple(f"player_{i}" for i in range(n))
        for what, labels, needed in (("signals", signals, sizes), ("actions", actions, payoffs.shape[1:])):
            if len(labels) != n or any(len(a) < k for a, k in zip(labels, needed, strict=True)):
                raise GameFileError(f"the labels of {what} do not fit the game.", hint=f"Needed: {list(needed)}.")
        if len(players) != n or len(set(players)) != n:
            raise GameFileError(f"{len(set(players))} different names were given for {n} members.")
        seen = seen.astype(np.int64)
        for array in (seen, payoffs):
            array.setflags(write=False)
        for key, value in (
            ("chances", chances), ("seen", seen), ("payoffs", payoffs), ("signals", signals), ("actions", actions), ("players", players),
        ):  # fmt: skip
            object.__setattr__(self, key, value)

    def __repr__(self) -> str:
        return f"TeamGame({self.name or 'unnamed'}: {self.n} members, {len(self.chances)} states)"

    @property
    def n(self) -> int:
        return len(self.players)

    @property
    def shape(self) -> tuple[int, ...]:
        """Actions of each member."""
        return tuple(map(len, self.actions))

    @property
    def sights(self) -> tuple[int, ...]:
        """Signals of each member."""
        return tuple(map(len, self.signals))

    def strategy_count(self, player: int) -> int:
        """Pure strategies of a member."""
        return int(self.shape[player] ** self.sights[player])

    @cached_property
    def _scaled(self) -> tuple[AnyArray, int]:
        weight = math.lcm(*(chance.denominator for chance in self.chances))
        weights = np.array([int(chance * weight) for chance in self.chances], dtype=object)
        unit = math.lcm(*(p.denominator for p in self.payoffs.flat)) if self.payoffs.dtype == object else 1
        whole = (self.payoffs * unit).astype(object) if self.payoffs.dtype == object else self.payoffs.astype(object)
        table = whole * weights.reshape(-1, *[1] * self.n)
        small = sum(int(abs(row).max()) for row in table.reshape(len(table), -1)) < 2**62
        table = np.array([int(value) for value in table.flat], dtype=np.int64 if small else object).reshape(table.shape)
        table.setflags(write=False)
        return table, weight * unit

    @property
    def table(self) -> AnyArray:
        """Chance times payoff as whole numbers over ``scale``, shape (W, k_1, ..., k_n)."""
        return self._scaled[0]

    @property
    def scale(self) -> int:
        return self._scaled[1]

    @cached_property
    def payoff_range(self) -> float:
        """Largest minus smallest payoff, 1 where all are alike."""
        return float(self.payoffs.max() - self.payoffs.min()) or 1.0

    def as_play(self, play: Sequence[Any]) -> TeamPlay:
        """A checked play.

        Raises
        ------
        SolverError
            If it does not fit the game; names the member.
        """
        parts = [np.asarray(part) for part in play]
        if len(parts) != self.n:
            raise SolverError(f"{len(parts)} strategies were given for {self.n} members.")
        checked = []
        for i, part in enumerate(parts):
            s, k, who = self.sights[i], self.shape[i], f"the strategy of {self.players[i]}"
            if part.shape == (s, k):
                rows = [distribution(row, f"{who} at signal {self.signals[i][at]}") for at, row in enumerate(part)]
                checked.append(np.array(rows, dtype=object if all(r.dtype == object for r in rows) else np.float64))
            elif part.shape == (s,) and part.dtype.kind in "iu":
                if part.min() < 0 or part.max() >= k:
                    raise SolverError(f"{who} names an action that there is not.", hint=f"Actions: 0 to {k - 1}.")
                checked.append(part.astype(np.int64))
            else:
                raise SolverError(f"{who} has shape {part.shape}.", hint=f"Expected ({s},) actions or ({s}, {k}).")
        return tuple(checked)

    def earned(self, player: int, play: Sequence[Any]) -> AnyArray:
        """What each action of one member brings at each of its signals while the others play as they do.

        Returns
        -------
        Shape (S_i, k_i); chance of the signal times expected payoff. Fractions where the others' play is exact, else floats.
        """
        parts = self.as_play(play)
        others = [j for j in range(self.n) if j != player]
        rows, pure = self.table, all(parts[j].ndim == 1 for j in others)
        exact = pure or all(parts[j].ndim == 1 or parts[j].dtype == object for j in others)
        if pure:
            place: list[Any] = [parts[j][self.seen[:, j]] for j in range(self.n)]
            place[player] = slice(None)
            rows = rows[(np.arange(len(rows)), *place)]
        else:
            rows = rows.astype(object if exact else np.float64)
            for j in others:
                odds = parts[j] if parts[j].ndim == 2 else np.eye(self.shape[j], dtype=np.int64)[parts[j]]
                spread = [len(rows), *[1] * self.n]
                spread[1 + j] = self.shape[j]
                rows = (rows * odds[self.seen[:, j]].reshape(spread)).sum(axis=1 + j, keepdims=True)
            rows = rows.reshape(len(rows), -1)
        found = np.zeros((self.sights[player], self.shape[player]), dtype=rows.dtype)
        np.add.at(found, self.seen[:, player], rows)
        return fractions(found) / self.scale if exact else found / self.scale

    def value(self, play: Sequence[Any]) -> Any:
        """The expected common payoff: a Fraction where the play is exact."""
        parts = self.as_play(play)
        return _followed(self.earned(0, parts), parts[0])

    def expected(self, play: Sequence[Any]) -> tuple[Any, ...]:
        """The same for each member."""
        return (self.value(play),) * self.n

    def gains(self, play: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[tuple[int, ...], ...]]:
        """What each member could add to the common payoff by changing its own strategy alone, and that best strategy."""
        parts = self.as_play(play)
        gains, replies = [], []
        for i, own in enumerate(parts):
            earned = self.earned(i, parts)
            best = earned.argmax(axis=1)
            gain = _followed(earned, best) - _followed(earned, own)
            gains.append(max(gain, type(gain)(0)))
            replies.append(tuple(map(int, best)))
        return tuple(gains), tuple(replies)

    def to_normal_form(self, limit: int = CELLS) -> NormalFormGame:
        """The table over all pure strategies, with the payoff of each member the common one.

        Raises
        ------
        GameTooLargeError
            If it had more than ``limit`` entries.
        """
        counts = [self.strategy_count(i) for i in range(self.n)]
        if self.n * math.prod(counts) > limit:
            raise GameTooLargeError(
                f"the table over all strategies has {self.n} x {' x '.join(f'{c:.3g}' for c in counts)} entries.",
                hint=f"Up to {limit:,} are built; ask for --concept team.",
            )
        plans = [
            np.array(np.unravel_index(np.arange(c), (k,) * s)).T
            for c, k, s in zip(counts, self.shape, self.sights, strict=True)
        ]
        total = np.zeros(counts, dtype=object)
        for row, seen in zip(self.table, self.seen, strict=True):
            total += row[np.ix_(*(plan[:, s] for plan, s in zip(plans, seen, strict=True)))]
        common = fractions(total) / self.scale
        labels = tuple(tuple(" ".join(self.actions[i][a] for a in plan) for plan in own) for i, own in enumerate(plans))
        return NormalFormGame(np.stack([common] * self.n), labels, self.players, name=self.name)


def _followed(earned: AnyArray, own: AnyArray) -> Any:
    """The payoff of a strategy, from what each action earns at each signal."""
    return (earned[np.arange(len(own)), own] if own.ndim == 1 else earned * own).sum()
