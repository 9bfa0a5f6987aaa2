"""Learners against each other in a game, and one learner against a stream of utilities; many seeds at once.

In sampled play every player draws an action and hears what the others' draws made of each of its own (or of the one it
played, if it is a bandit learner). In expected play nothing is drawn: players hear what actions earn against the others'
mixed strategies, so a match is one deterministic path, and the joint play is the average of the products.

For the joint distribution J of either, exactly [1]: the largest external regret over T is the cce_slack of J, the largest
swap regret over T its ce_gap; in two-player constant-sum games NashConv of the averages is at most (R_1 + R_2) / T.

References
----------
.. [1] Hart and Mas-Colell, "A Simple Adaptive Procedure Leading to Correlated Equilibrium", Econometrica 68, 2000.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import AnyArray, FloatArray, IntArray
from gamesim.core.errors import SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.policy import Learner
from gamesim.core.profiles import Joint, MixedProfile
from gamesim.core.seeds import CHUNK, Seeds

from .feedback import Bandit, Bound, Full, learner_of

LearnerSpec = str | Mapping[str, Any] | Learner
POINTS = 64  # of a regret curve


def play(
    game: Any,
    learners: LearnerSpec | Sequence[LearnerSpec],
    horizon: int,
    *,
    seeds: Sequence[int] = (0,),
    sample: bool = True,
    first: Sequence[Any] | None = None,
) -> Play:
    """Let learners play a game for ``horizon`` rounds, once for each seed.

    Parameters
    ----------
    game : a game in normal form, or one that has such a form.
    learners : one a player, or one for all: a registered name, ``{"rule": name, **parameters}`` or a learner.
    sample : draw actions; False plays the mixed strategies themselves, which bandit learners cannot.
    first : for each player None, or utilities in [0, 1] it is fed before the first round.

    Raises
    ------
    SolverError
        If learners, ``first`` or the horizon do not fit the game.
    ScenarioError
        For an unknown learner or parameter.

    Examples
    --------
    >>> from gamesim.core.normal_form import NormalFormGame
    >>> pennies = NormalFormGame.bimatrix([[1, -1], [-1, 1]])
    >>> done = play(pennies, "fictitious_play", 100, sample=False)
    >>> done.joint[0].round(2).tolist(), done.external[0].round(2).tolist()
    ([[0.28, 0.27], [0.24, 0.21]], [6.0, 8.0])
    """
    match = Match(game, learners, horizon, seeds=seeds, sample=sample, first=first)
    while match.round < horizon:
        match.advance()
    return match.result()


@dataclass(frozen=True, eq=False)
class Play:
    """What came of a match; B seeds, n players, regrets in the game's units and cumulative.

    Attributes
    ----------
    joint : shape (B, k_1, ..., k_n), how play was distributed; times the horizon, counts.
    averages : for each player the average strategy, (B, k_i).
    last : for each player the strategy after the last update, (B, k_i).
    external, swap : shape (B, n).
    rounds : shape (C,), the rounds at which ``curves[kind]`` (B, C, n) is known.
    bounds : for each player what its learner promises, in the game's units; None where nothing is, or the match was cut.
    warnings : what must be said beside the figures.
    """

    game: NormalFormGame
    learners: tuple[str, ...]
    horizon: int
    seeds: tuple[int, ...]
    sample: bool
    joint: FloatArray
    averages: tuple[FloatArray, ...]
    last: tuple[FloatArray, ...]
    external: FloatArray
    swap: FloatArray
    rounds: IntArray
    curves: Mapping[str, FloatArray]
    bounds: tuple[Bound | None, ...]
    warnings: tuple[str, ...] = ()

    def joint_of(self, row: int = 0) -> Joint:
        """Joint play of one seed, as ``certify`` takes it."""
        return Joint(self.joint[row])

    def average(self, row: int = 0) -> MixedProfile:
        return tuple(strategy[row] for strategy in self.averages)

    def last_iterate(self, row: int = 0) -> MixedProfile:
        return tuple(strategy[row] for strategy in self.last)


@dataclass
class _Seat:
    """One player of a match."""

    learner: Learner
    state: Any
    table: FloatArray  # (others' actions ..., k), in [0, 1]
    swaps: FloatArray  # (B, k, k): summed weight of action a times what b would have gained on it
    chances: FloatArray  # (B, CHUNK, k) of the segment
    utilities: FloatArray  # the same
    sums: FloatArray = field(default_factory=lambda: np.zeros(0))  # (B, k), of strategies


class Match:
    """A match in progress: ``advance`` plays up to the next point of the curve, ``result`` says how it stands."""

    def __init__(
        self,
        game: Any,
        learners: LearnerSpec | Sequence[LearnerSpec],
        horizon: int,
        *,
        seeds: Sequence[int] = (0,),
        sample: bool = True,
        first: Sequence[Any] | None = None,
        told: int | None = None,
    ) -> None:
        table = game.to_normal_form() if hasattr(game, "to_normal_form") else None
        if not isinstance(table, NormalFormGame):
            raise SolverError(f"a {type(game).__name__} has no normal form that learners could play.")
        if horizon < 1 or not seeds:
            raise SolverError("a match needs at least one round and one seed.")
        given: list[Any] = [learners] * table.n
        if isinstance(learners, Sequence) and not isinstance(learners, str):
            given = list(learners)
        if len(given) != table.n:
            raise SolverError(f"{len(given)} learners were given for {table.n} players.")
        if first is not None and len(first) != table.n:
            raise SolverError(f"first utilities for {len(first)} of {table.n} players.", hint="None feeds nothing.")
        self.game, self.horizon, self.sample = table, horizon, sample
        self._told = told or horizon  # the horizon that learners are told
        self.seeds = tuple(int(seed) for seed in seeds)
        self.round = 0
        self._rows = len(self.seeds)
        self._low, self._scale = float(table.payoffs.min()), table.payoff_range
        self._streams = [Seeds(seed) for seed in self.seeds]
        self._u: FloatArray = np.empty(0)
        self._joint = np.zeros((self._rows, *table.shape))
        self._stops = curve_points(horizon)
        self._curves: dict[str, list[FloatArray]] = {"external": [], "swap": []}
        self._at: list[int] = []
        self._seats = [self._seat(i, learner_of(spec), first) for i, spec in enumerate(given)]

    def _seat(self, i: int, learner: Learner, first: Sequence[Any] | None) -> _Seat:
        k, rows = self.game.shape[i], self._rows
        name = learner_name(learner)
        if learner.bandit and not self.sample:
            raise SolverError(f"{name} is a bandit learner: it learns from the actions that are drawn.", hint="Play with sample=True.")  # fmt: skip
        learner = by_row(learner)
        state = begin(learner, k, self._told, [streams.stream("learner", i) for streams in self._streams])
        if first is not None and first[i] is not None:
            fed = np.asarray(first[i], dtype=np.float64)
            if fed.shape != (k,) or learner.bandit or not np.isfinite(fed).all():
                raise SolverError(f"first utilities of {self.game.players[i]} do not fit.", hint=f"{k} numbers, for a learner with full information.")  # fmt: skip
            state = learner.update(state, Full(np.broadcast_to(fed, (rows, k))))
        table = (np.moveaxis(self.game.payoffs[i], i, -1) - self._low) / self._scale
        empty = np.empty((rows, CHUNK, k))
        return _Seat(learner, state, table, np.zeros((rows, k, k)), empty, empty.copy(), np.zeros((rows, k)))

    def advance(self) -> None:
        """Play up to CHUNK rounds, not beyond the next point of the curve."""
        stop = min(self._stops[len(self._at)], self.horizon, (self.round // CHUNK + 1) * CHUNK)
        length = stop - self.round
        actions = np.zeros((self._rows, length, self.game.n), dtype=np.int64)
        for t in range(length):
            self._step(t, actions[:, t])
        self._account(length, actions)
        self.round = stop
        if stop == self._stops[len(self._at)]:
            self._at.append(stop)
            external, swap = self._regrets()
            self._curves["external"].append(external)
            self._curves["swap"].append(swap)

    def _step(self, t: int, actions: IntArray) -> None:
        chances = [seat.learner.probabilities(seat.state) for seat in self._seats]
        for seat, mine in zip(self._seats, chances, strict=True):
            seat.chances[:, t] = mine
        if self.sample:
            u = self._uniforms(self.round + t)
            for i, seat in enumerate(self._seats):
                actions[:, i] = drawn(seat.chances[:, t], u[:, i])
        for i, seat in enumerate(self._seats):
            others = [j for j in range(self.game.n) if j != i]
            if self.sample:
                utilities = seat.table[tuple(actions[:, j] for j in others)] if others else seat.table
            else:
                utilities = _expected(seat.table, [self._seats[j].chances[:, t] for j in others])
            seat.utilities[:, t] = utilities
        for i, seat in enumerate(self._seats):
            utilities = seat.utilities[:, t].copy()
            if seat.learner.bandit:
                played = actions[:, i].copy()
                told: Any = Bandit(played, np.take_along_axis(utilities, played[:, None], axis=1)[:, 0])
            else:
                told = Full(utilities)
            seat.state = seat.learner.update(seat.state, told)

    def _account(self, length: int, actions: IntArray) -> None:
        """Book a segment: weights of actions, and what each exchange of one for another would have gained."""
        weights = []
        for i, seat in enumerate(self._seats):
            chances = seat.chances[:, :length]
            weight = np.eye(self.game.shape[i])[actions[:, :, i]] if self.sample else chances
            utilities = seat.utilities[:, :length]
            seat.sums += chances.sum(axis=1)
            earned = np.einsum("bta,btc->bac", weight, utilities)
            kept = np.einsum("bta,bta->ba", weight, utilities)
            seat.swaps += earned - kept[:, :, None]
            weights.append(weight)
        letters = "acdefghijklmnopqrsuvwxyz"[: self.game.n]
        self._joint += np.einsum(",".join(f"bt{x}" for x in letters) + f"->b{letters}", *weights)

    def _regrets(self) -> tuple[FloatArray, FloatArray]:
        """External and swap regret so far, (B, n), in the game's units."""
        external = np.stack([seat.swaps.sum(axis=1).max(axis=1) for seat in self._seats], axis=1)
        swap = np.stack([seat.swaps.max(axis=2).sum(axis=1) for seat in self._seats], axis=1)
        return external * self._scale, swap * self._scale

    def _uniforms(self, t: int) -> FloatArray:
        chunk, within = divmod(t, CHUNK)
        if within == 0 or not self._u.size:
            shape = (self.game.n, CHUNK)
            self._u = np.stack([seeds.block("match", "chunk", chunk, shape=shape) for seeds in self._streams])
        return self._u[:, :, within]

    def result(self) -> Play:
        """How the match stands after ``round`` rounds.

        Raises
        ------
        SolverError
            Before the first round.
        """
        if not self.round:
            raise SolverError("nothing was played yet.")
        external, swap = self._regrets()
        names = tuple(learner_name(seat.learner) for seat in self._seats)
        warnings = dict.fromkeys(str(getattr(seat.learner, "warning", "")) for seat in self._seats)
        averages = tuple(seat.sums / self.round for seat in self._seats)
        return Play(
            self.game,
            names,
            self.round,
            self.seeds,
            self.sample,
            self._joint / self.round,
            tuple(strategy / strategy.sum(axis=1, keepdims=True) for strategy in averages),
            tuple(
                np.broadcast_to(seat.learner.probabilities(seat.state), (self._rows, k)).copy()
                for seat, k in zip(self._seats, self.game.shape, strict=True)
            ),
            external,
            swap,
            np.array(self._at, dtype=np.int64),
            {kind: np.stack(curve, axis=1) if curve else np.zeros((self._rows, 0, self.game.n)) for kind, curve in self._curves.items()},
            tuple(
                bound_of(seat.learner, k, self.round, self._scale) if self.round == self._told else None
                for seat, k in zip(self._seats, self.game.shape, strict=True)
            ),
            tuple(text for text in warnings if text),
        )  # fmt: skip


class ByRow:
    """A learner that knows no leading axes, played once a row."""

    def __init__(self, learner: Learner) -> None:
        self.inner = learner
        self.bandit = learner.bandit

    def initial_state(self, actions: int, horizon: int | None, rng: Any) -> Any:
        return (self.inner.initial_state(actions, horizon, rng),)

    def probabilities(self, state: Any) -> FloatArray:
        return np.stack([self.inner.probabilities(one) for one in state])

    def update(self, state: Any, feedback: Any) -> Any:
        if isinstance(feedback, Full):
            told: list[Any] = [Full(row) for row in feedback.utilities]
        else:
            told = [Bandit(*pair) for pair in zip(feedback.action, feedback.utility, strict=True)]
        return tuple(self.inner.update(one, row) for one, row in zip(state, told, strict=True))


def by_row(learner: Learner) -> Learner:
    """The learner itself if it takes leading axes (it says so by ``rows = True``), else one that plays it row by row."""
    return learner if getattr(learner, "rows", False) else ByRow(learner)


def begin(learner: Learner, actions: int, horizon: int | None, rngs: Sequence[Generator]) -> Any:
    """The state of as many rows as there are generators."""
    if isinstance(learner, ByRow):
        return tuple(learner.inner.initial_state(actions, horizon, rng) for rng in rngs)
    return learner.initial_state(actions, horizon, rngs[0])


def learner_name(learner: Learner) -> str:
    inner = getattr(learner, "inner", learner)
    return str(getattr(inner, "name", type(inner).__name__))


def bound_of(learner: Learner, actions: int, horizon: int, scale: float) -> Bound | None:
    """What a learner promises after ``horizon`` rounds of utilities that span ``scale``; None if it promises nothing."""
    promise = getattr(getattr(learner, "inner", learner), "bound", None)
    found: Bound | None = promise(actions, horizon) if promise is not None else None
    return None if found is None else replace(found, value=found.value * scale)


def curve_points(horizon: int) -> IntArray:
    """Rounds at which a curve is kept: all of a short match, else 64 in even steps on a logarithmic scale."""
    if horizon <= POINTS:
        return np.arange(1, horizon + 1)
    return np.unique(np.round(np.geomspace(1, horizon, POINTS)).astype(np.int64))


def drawn(chances: FloatArray, u: FloatArray) -> IntArray:
    """The actions that uniforms (...) mean under distributions (..., K); an action of probability zero is never drawn."""
    summed = np.cumsum(chances, axis=-1)
    below = (summed <= u[..., None] * summed[..., -1:]).sum(axis=-1)
    last = chances.shape[-1] - 1 - (chances[..., ::-1] > 0).argmax(axis=-1)
    return np.asarray(np.minimum(below, last))


def _expected(table: FloatArray, strategies: Sequence[FloatArray]) -> FloatArray:
    """Utilities of one player against mixed strategies (B, k_j) of the others, (B, k)."""
    if not strategies:
        return table[None]
    out = np.tensordot(strategies[0], table, axes=(1, 0))
    for strategy in strategies[1:]:
        out = np.einsum("bj,bj...->b...", strategy, out)
    return np.asarray(out)


Stream = Callable[[int, FloatArray, FloatArray], AnyArray]


@dataclass(frozen=True, eq=False)
class Against:
    """Regret of one learner against a stream of utilities, per seed, shape (B,).

    Attributes
    ----------
    mixed : max over a of the sum over t of u_t(a) - p_t . u_t: of the strategies, which is what bounds are about.
    played : the same of the actions that were drawn.
    """

    mixed: FloatArray
    played: FloatArray
    bound: Bound | None


def against(
    learner: LearnerSpec,
    stream: Stream | Literal["stochastic", "switching", "adaptive"],
    actions: int,
    horizon: int,
    *,
    seeds: Sequence[int] = (0,),
) -> Against:
    """One learner against a stream of utilities.

    Parameters
    ----------
    stream : ``stochastic`` (Bernoulli rewards, the first action's mean .6, the others' .5), ``switching`` (action 0 pays 1
        in the first third of the rounds and action 1 afterwards, nothing else does), ``adaptive`` (the most likely action pays 0, all
        others 1), or a function of the round from 0, the strategies (B, K) and uniforms (B, K) giving utilities (B, K) in
        [0, 1].

    Examples
    --------
    >>> against("ucb1", "adaptive", 5, 1000).mixed
    array([800.])
    """
    if isinstance(stream, str):
        kinds: dict[str, Stream] = {"stochastic": _stochastic, "switching": _switching(horizon), "adaptive": _adaptive}
        if stream not in kinds:
            raise SolverError(f"no stream '{stream}'.", hint=f"Streams: {', '.join(kinds)}.")
        stream = kinds[stream]
    rule, rows = by_row(learner_of(learner)), len(seeds)
    streams = [Seeds(int(seed)) for seed in seeds]
    state = begin(rule, actions, horizon, [one.stream("learner", 0) for one in streams])
    total, mixed, played = np.zeros((rows, actions)), np.zeros(rows), np.zeros(rows)
    u: FloatArray = np.empty(0)
    for t in range(horizon):
        chunk, within = divmod(t, CHUNK)
        if within == 0:
            shape = (CHUNK, actions + 1)
            u = np.stack([one.block("against", "chunk", chunk, shape=shape) for one in streams])
        chances = np.broadcast_to(rule.probabilities(state), (rows, actions))
        utilities = np.broadcast_to(np.asarray(stream(t, chances, u[:, within, 1:]), dtype=np.float64), (rows, actions))
        action = drawn(chances, u[:, within, 0])
        paid = np.take_along_axis(utilities, action[:, None], axis=1)[:, 0]
        state = rule.update(state, Bandit(action, paid) if rule.bandit else Full(utilities))
        total += utilities
        mixed += (chances * utilities).sum(axis=1)
        played += paid
    best = total.max(axis=1)
    return Against(best - mixed, best - played, bound_of(rule, actions, horizon, 1.0))


def _stochastic(t: int, chances: FloatArray, u: FloatArray) -> AnyArray:
    means = np.full(chances.shape[1], 0.5)
    means[0] = 0.6
    return np.asarray(u < means)


def _switching(horizon: int) -> Stream:
    def stream(t: int, chances: FloatArray, u: FloatArray) -> AnyArray:
        k = chances.shape[1]
        return np.asarray(np.eye(k)[0 if 3 * t < horizon else min(1, k - 1)])

    return stream


def _adaptive(t: int, chances: FloatArray, u: FloatArray) -> AnyArray:
    return np.asarray(np.arange(chances.shape[1]) != chances.argmax(axis=1)[:, None])
