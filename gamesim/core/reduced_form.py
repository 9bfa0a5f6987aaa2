"""Trees as tables: reduced pure strategies, the normal form, and mixed strategies as behaviour.

A reduced strategy says what its player does at the sets that its own moves do not rule out, and nothing elsewhere.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm, prod
from typing import Any

import numpy as np

from .arrays import AnyArray, IntArray
from .behaviour import BehaviourProfile
from .errors import GameTooLargeError, UnsupportedGameError
from .extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from .normal_form import EXACT_CELLS, NormalFormGame
from .profiles import distribution

NOT_REACHED = -1


def strategies(game: ExtensiveFormGame, player: int, limit: int = 10**6) -> IntArray:
    """All reduced pure strategies.

    Returns
    -------
    Shape (strategies, own sets): the action at each own set, NOT_REACHED where own moves rule the set out. A player who
    forgets has all its plans, none of them reduced.

    Raises
    ------
    GameTooLargeError
        If there are more than ``limit``; counted first.
    """
    count = game.strategy_count(player)
    if count > limit:
        raise GameTooLargeError(
            f"{game.players[player]} has {count:,} reduced strategies.",
            hint=f"Up to {limit:,} are listed; sequence_form_lp and backward_induction need none.",
        )
    own = game.sets_of[player]
    if any(game.sets[h].player == player for h in game.forgetful_sets):
        sizes = [len(game.sets[h].actions) for h in own]
        return np.array(list(np.ndindex(*sizes)), dtype=np.int64).reshape(count, len(own))
    column = {}  # sequence -> (own set, action)
    table = np.empty((1, 0), dtype=np.int64)
    for position, h in enumerate(own):
        first, size = game.first_sequence[h], len(game.sets[h].actions)
        column.update({first + a: (position, a) for a in range(size)})
        before = game.sequences[player][game.members[h][0]]
        alive = np.ones(len(table), dtype=bool)
        if before:
            earlier, action = column[before]
            alive = table[:, earlier] == action
        times = np.where(alive, size, 1)
        rows = np.repeat(table, times, axis=0)
        start = np.repeat(np.cumsum(times) - times, times)
        choice = np.where(np.repeat(alive, times), np.arange(len(rows)) - start, NOT_REACHED)
        table = np.column_stack([rows, choice])
    return table


def normal_form(game: ExtensiveFormGame, limit: int) -> NormalFormGame:
    """See ``ExtensiveFormGame.to_normal_form``."""
    shape = tuple(game.strategy_count(i) for i in range(game.n))
    if game.n * prod(shape) > limit:
        sizes = "x".join(f"{k:,}" if k < 10**9 else f"{k:.1e}" for k in shape)
        raise GameTooLargeError(
            f"the normal form of {game.name or 'the tree'} is {sizes}: more than {limit:,} payoffs.",
            hint="Methods on the tree itself: backward_induction, sequence_form_lp.",
        )
    plans = [strategies(game, i, limit) for i in range(game.n)]
    table, scale = _whole_table(game, plans)
    labels = tuple(_names(game, i, plans[i]) for i in range(game.n))
    if table.size <= EXACT_CELLS:
        exact = np.empty(table.shape, dtype=object)
        exact.reshape(-1)[:] = [Fraction(int(value), scale) for value in table.flat]
        return NormalFormGame(exact, labels, game.players, name=game.name)
    floats = (
        table / scale
        if table.dtype != object
        else np.array([value / scale for value in table.flat]).reshape(table.shape)
    )
    return NormalFormGame(np.asarray(floats, dtype=np.float64), labels, game.players, name=game.name)


def reduced_table(game: ExtensiveFormGame) -> tuple[AnyArray, int]:
    """The normal form in whole numbers, shape (n, k_1, ..., k_n), and what to divide them by."""
    return _whole_table(game, [strategies(game, i) for i in range(game.n)])


def _whole_table(game: ExtensiveFormGame, plans: list[IntArray]) -> tuple[AnyArray, int]:
    shape = tuple(len(own) for own in plans)
    common = lcm(*(value.denominator for payoffs in game.payoffs for value in payoffs))
    odds: list[Fraction] = [Fraction(1)] * game.size
    for node in range(1, game.size):
        above = game.above[node]
        here = game.chances[game.at[above]].probabilities[game.taken[node]] if game.kinds[above] == CHANCE else 1
        odds[node] = odds[above] * here
    leaves = [node for node in range(game.size) if game.kinds[node] == TERMINAL and odds[node]]
    weights = lcm(*(odds[node].denominator for node in leaves))
    largest = max(abs(value) for payoffs in game.payoffs for value in payoffs)
    whole = common * weights * (largest + 1) < 2**53  # sums of whole numbers that a float64 holds exactly
    table: AnyArray = np.zeros((game.n, *shape), dtype=np.float64 if whole else object)
    matching: list[dict[Any, IntArray]] = [{} for _ in range(game.n)]
    for node in leaves:
        places = [_agreeing(game, node, i, plans[i], matching[i]) for i in range(game.n)]
        if all(len(place) for place in places):
            grid = np.ix_(*places)
            for i, value in enumerate(game.payoffs[game.at[node]]):
                amount = value * odds[node] * common * weights
                table[i][grid] += float(amount) if whole else int(amount)
    return table, common * weights


def _agreeing(game: ExtensiveFormGame, leaf: int, player: int, plans: IntArray, known: dict[Any, IntArray]) -> IntArray:
    """Strategies under which a player's own moves lead to a leaf."""
    own = game.sets_of[player]
    if game.perfect_recall:
        key: Any = game.sequences[player][leaf]
        if key not in known:
            keep = np.ones(len(plans), dtype=bool)
            if key:
                position = max(p for p, h in enumerate(own) if game.first_sequence[h] <= key)
                keep = plans[:, position] == key - game.first_sequence[own[position]]
            known[key] = np.flatnonzero(keep)
        return known[key]
    needed: dict[int, int] = {}
    node = leaf
    while game.above[node] >= 0:
        above = game.above[node]
        if game.kinds[above] == player:
            position = own.index(game.at[above])
            if needed.setdefault(position, game.taken[node]) != game.taken[node]:
                return np.empty(0, dtype=np.int64)  # an absent-minded player cannot do both
        node = above
    key = tuple(sorted(needed.items()))
    if key not in known:
        keep = np.ones(len(plans), dtype=bool)
        for position, action in key:
            keep &= plans[:, position] == action
        known[key] = np.flatnonzero(keep)
    return known[key]


def _names(game: ExtensiveFormGame, player: int, plans: IntArray) -> tuple[str, ...]:
    own = game.sets_of[player]
    if not own:
        return ("does not move",)
    labels = [
        " ".join("*" if a < 0 else game.sets[h].actions[a] for h, a in zip(own, plan, strict=True)) for plan in plans
    ]
    if len(set(labels)) < len(labels):  # labels with blanks in them can read alike
        labels = [f"{label} [{number}]" for number, label in enumerate(labels, 1)]
    return tuple(labels)


def behaviour_of(game: ExtensiveFormGame, profile: Any) -> BehaviourProfile:
    """The behaviour that does what mixed reduced strategies do (Kuhn's theorem).

    Parameters
    ----------
    profile : one mixed strategy a player over ``strategies(game, player)``.

    Returns
    -------
    Sets that a player's own mixture never reaches play their first action and are named in ``filled``.

    Raises
    ------
    UnsupportedGameError
        If a player forgets and mixes: no behaviour need do the same.
    """
    vectors: list[AnyArray] = [np.empty(0)] * len(game.sets)
    filled = set()
    forgetful = {game.sets[h].player for h in game.forgetful_sets}
    for i, own in enumerate(game.sets_of):
        mixed = np.asarray(profile[i])
        plans = strategies(game, i)
        if i in forgetful and np.count_nonzero(mixed) > 1:
            raise UnsupportedGameError(f"{game.players[i]} forgets and mixes; no behaviour need do the same.")
        for position, h in enumerate(own):
            weights = [
                sum((mixed[s] for s in np.flatnonzero(plans[:, position] == a)), start=mixed.flat[0] * 0)
                for a in range(len(game.sets[h].actions))
            ]
            total = sum(weights)
            if not total > (0 if mixed.dtype == object else 1e-12):
                filled.add(h)
                weights, total = [mixed.flat[0] * 0 + int(a == 0) for a in range(len(weights))], 1
            shares = np.empty(len(weights), dtype=object)
            shares[:] = [weight / total for weight in weights]
            vectors[h] = distribution(shares if mixed.dtype == object else shares.astype(np.float64), game.set_names[h])
    return BehaviourProfile(tuple(vectors), frozenset(filled))


def mixed_of(game: ExtensiveFormGame, play: BehaviourProfile) -> tuple[AnyArray, ...]:
    """Mixed reduced strategies that do what a behaviour profile does."""
    found = []
    for i, own in enumerate(game.sets_of):
        plans = strategies(game, i)
        weights = np.empty(len(plans), dtype=object)
        weights[:] = [
            prod((play[h][a] for h, a in zip(own, plan, strict=True) if a >= 0), start=Fraction(1)) for plan in plans
        ]
        found.append(weights if play.exact else weights.astype(np.float64))
    return tuple(found)
