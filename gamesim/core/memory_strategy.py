"""Strategies of two-action repeated games that look back a fixed number of rounds, as stochastic automata.

A round has four outcomes in the player's own view: CC, CD, DC, DD, its own action first; C is the first action of the stage
game, D the last. A strategy is a state that outcomes move, and in each state a probability of C. Memory-n strategies have as
states the histories of up to n rounds, so the first rounds, which have shorter ones, are part of the same table.

    >>> tit_for_tat = named("tit_for_tat")
    >>> tit_for_tat.cooperation.tolist()             # at first, then after CC, CD, DC, DD
    [1.0, 1.0, 0.0, 1.0, 0.0]

References
----------
.. [1] Nowak, Sigmund, "A strategy of win-stay, lose-shift that outperforms tit-for-tat", Nature 364, 1993.
.. [2] Press, Dyson, "Iterated Prisoner's Dilemma contains strategies that dominate any evolutionary opponent", PNAS 109, 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import FloatArray, IntArray
from .errors import ParameterError, UnknownKindError

OUTCOMES = ("CC", "CD", "DC", "DD")  # own action first
SEEN_BY_OTHER = (0, 2, 1, 3)  # the same outcomes in the other player's view
LONGEST = 3  # rounds that a table looks back at most


@dataclass(frozen=True, eq=False)
class MemoryStrategy:
    """A stochastic automaton, which begins in state 0.

    Attributes
    ----------
    cooperation : shape (S,), probability of C in each state.
    after : shape (S, 4), the state that each outcome leads to.
    """

    cooperation: FloatArray
    after: IntArray
    name: str = ""

    def __post_init__(self) -> None:
        chances, moves = np.array(self.cooperation, dtype=np.float64), np.array(self.after, dtype=np.int64)
        if chances.ndim != 1 or moves.shape != (len(chances), 4) or not len(chances):
            raise ParameterError(f"{chances.shape} probabilities and moves of shape {moves.shape} make no automaton.")
        if not ((chances >= 0) & (chances <= 1)).all():  # a NaN fails too
            raise ParameterError("a probability of cooperation lies outside 0 to 1.")
        if moves.min() < 0 or moves.max() >= len(chances):
            raise ParameterError(f"an outcome leads to a state outside 0 to {len(chances) - 1}.")
        for name, value in (("cooperation", chances), ("after", moves)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)


def memory_strategy(tables: Sequence[Any], name: str = "") -> MemoryStrategy:
    """A strategy by tables of probabilities of C, one for each length of history.

    Parameters
    ----------
    tables : the m-th has 4^m entries, for the last m outcomes in the order CC, CD, DC, DD, the latest one changing fastest;
        the first, of one entry, is the opening move. The last one, m = n <= 3, serves for ever.

    Examples
    --------
    >>> patient = memory_strategy([[1], [1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 1, 0] + [1, 1, 1, 1, 1, 0, 1, 0]])   # tit for two tats
    >>> len(patient.cooperation)
    21
    """
    rows = [np.asarray(table, dtype=np.float64).reshape(-1) for table in tables]
    n = len(rows) - 1
    if not 1 <= n <= LONGEST or any(len(row) != 4**m for m, row in enumerate(rows)):
        sizes = ", ".join(str(len(row)) for row in rows)
        raise ParameterError(
            f"tables of {sizes} probabilities are no strategy.",
            hint=f"1, then 4, then 16 ... up to {LONGEST} rounds back.",
        )
    first = [(4**m - 1) // 3 for m in range(n + 1)]
    after = np.empty((first[n] + 4**n, 4), dtype=np.int64)
    for m in range(n + 1):
        for place in range(4**m):
            for outcome in range(4):
                longer = 4 * place + outcome
                after[first[m] + place, outcome] = first[m + 1] + longer if m < n else first[n] + longer % 4**n
    return MemoryStrategy(np.concatenate(rows), after, name)


def memory_one(first: float, after: Sequence[float], name: str = "") -> MemoryStrategy:
    """The strategy that opens with C with probability ``first`` and then plays C with a probability by the last outcome."""
    return memory_strategy([[first], after], name)


_MEMORY_ONE: dict[str, tuple[float, tuple[float, float, float, float]]] = {
    "cooperator": (1, (1, 1, 1, 1)),
    "defector": (0, (0, 0, 0, 0)),
    "random": (0.5, (0.5, 0.5, 0.5, 0.5)),
    "alternator": (1, (0, 0, 1, 1)),
    "tit_for_tat": (1, (1, 0, 1, 0)),
    "suspicious_tit_for_tat": (0, (1, 0, 1, 0)),
    "generous_tit_for_tat": (1, (1, 1 / 3, 1, 1 / 3)),
    "win_stay_lose_shift": (1, (1, 0, 0, 1)),
    "firm_but_fair": (1, (1, 0, 1, 2 / 3)),
    "extort_2": (1, (8 / 9, 1 / 2, 1 / 3, 0)),
}
_MEMORY_TWO: dict[str, tuple[Sequence[float], Sequence[float]]] = {
    # by the last outcome while there is only one, then by the last two
    "tit_for_two_tats": ((1, 1, 1, 1), [float(not (a in (1, 3) and b in (1, 3))) for a in range(4) for b in range(4)]),
    "two_tits_for_tat": ((1, 0, 1, 0), [float(a in (0, 2) and b in (0, 2)) for a in range(4) for b in range(4)]),
}
_AUTOMATA: dict[str, tuple[Sequence[float], Sequence[Sequence[int]]]] = {
    "grim": ((1, 0), ((0, 1, 0, 1), (1, 1, 1, 1))),  # D for ever once the other has played D
}
NAMES = (*_MEMORY_ONE, *_MEMORY_TWO, *_AUTOMATA)


def named(name: str) -> MemoryStrategy:
    """A strategy of the literature.

    Raises
    ------
    UnknownKindError
        With the nearest name.
    """
    if name in _MEMORY_ONE:
        return memory_one(*_MEMORY_ONE[name], name=name)
    if name in _MEMORY_TWO:
        return memory_strategy([[1], *_MEMORY_TWO[name]], name)
    if name in _AUTOMATA:
        cooperation, after = _AUTOMATA[name]
        return MemoryStrategy(np.array(cooperation), np.array(after), name)
    raise UnknownKindError.named("strategy", name, NAMES)


def as_strategy(given: Any) -> MemoryStrategy:
    """A strategy from itself, its name, five numbers (first, after CC, CD, DC, DD), or tables as in ``memory_strategy``."""
    if isinstance(given, MemoryStrategy):
        return given
    if isinstance(given, str):
        return named(given)
    parts = list(given)
    if len(parts) == 5 and all(np.ndim(part) == 0 for part in parts):
        return memory_one(parts[0], parts[1:])
    return memory_strategy(parts)


def from_settings(
    name: str | None, first: float | None, after: Sequence[float] | None, opening: Sequence[Sequence[float]] | None
) -> MemoryStrategy:
    """A strategy as a scenario names it: by name, or by probabilities of the last n rounds.

    Parameters
    ----------
    after : 4^n probabilities.  opening : the tables of 1 to n - 1 rounds; by default those rounds follow mutual cooperation,
        which comes first in every table.
    """
    if name is not None or after is None:
        return named(name or "")
    rounds = {4: 1, 16: 2, 64: 3}.get(len(after), 0)
    tables = (
        [list(table) for table in opening] if opening is not None else [list(after[: 4**m]) for m in range(1, rounds)]
    )
    return memory_strategy([[1.0 if first is None else first], *tables, after])


def zero_determinant(
    stage: Any, *, slope: float, baseline: float, scale: float | None = None, first: float = 1.0
) -> MemoryStrategy:
    """The memory-one strategy that ties long-run payoffs: own - baseline = slope (other's - baseline), whatever the other does.

    Parameters
    ----------
    stage : a symmetric game of two players and two actions.
    slope : at least 1.
    baseline : from the payoff of mutual defection, which makes it an extortion, to that of mutual cooperation, which makes it
        generous: it then bears more of what is lost.
    scale : how strongly it answers, up to the largest that keeps probabilities in [0, 1]; by default half of that.

    Raises
    ------
    ParameterError
        If no memory-one strategy does this.

    Examples
    --------
    >>> from gamesim.core.normal_form import NormalFormGame
    >>> dilemma = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
    >>> zero_determinant(dilemma, slope=2, baseline=1).cooperation[1:].round(6).tolist()         # Extort-2
    [0.888889, 0.5, 0.333333, 0.0]

    References
    ----------
    .. [1] Press, Dyson, PNAS 109, 2012, equations 8 to 13.
    """
    payoffs = _two_by_two(stage)
    own, other = payoffs.reshape(2, 4)
    lean = (own - baseline) - slope * (other - baseline)
    repeat = np.array([1.0, 1.0, 0.0, 0.0])  # of C; lean must lower what is 1 and raise what is 0
    room = np.where(repeat == 1, -lean, lean)
    if (room < -1e-12).any():
        outcome = OUTCOMES[int(room.argmin())]
        raise ParameterError(f"no strategy keeps slope {slope:g} from baseline {baseline:g}: after {outcome} it would need a probability outside 0 to 1.")  # fmt: skip
    most = 1 / room.max() if room.max() > 0 else 1.0
    scale = most / 2 if scale is None else scale
    if not 0 < scale <= most * (1 + 1e-12):
        raise ParameterError(f"scale {scale:g} is not in (0, {most:g}].")
    return memory_one(first, np.clip(repeat + scale * lean, 0, 1).tolist(), f"zero-determinant {slope:g}")


def _two_by_two(stage: Any) -> FloatArray:
    """Payoffs (2, 2, 2) of a stage game with two players of two actions."""
    table = stage.to_normal_form()
    if table.shape != (2, 2):
        sizes = "x".join(str(k) for k in table.shape)
        raise ParameterError(f"strategies with memory are of games of two players and two actions, not {sizes}.")
    payoffs: FloatArray = table.payoffs
    return payoffs
