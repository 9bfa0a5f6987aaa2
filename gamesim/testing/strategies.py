"""hypothesis strategies for games, profiles and matrix scenarios, for property tests of solvers, agents and environments."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.symmetric import SymmetricGame, count_vectors

try:
    from hypothesis import strategies as st
except ImportError as error:  # pragma: no cover - only without the extra
    from gamesim.core.errors import MissingExtraError

    raise MissingExtraError.of("property tests need hypothesis", "dev") from error

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

SMALL = st.integers(-6, 6)  # few values, so that ties and degenerate games are drawn often


@st.composite
def normal_form_games(
    draw: DrawFn,
    *,
    players: tuple[int, int] = (1, 3),
    actions: tuple[int, int] = (1, 4),
    payoffs: SearchStrategy[Any] = SMALL,
) -> NormalFormGame:
    """Games in normal form of ``players[0]`` to ``players[1]`` players; whole payoffs make them exact."""
    n = draw(st.integers(*players))
    shape = tuple(draw(st.integers(*actions)) for _ in range(n))
    return NormalFormGame(_table(draw, (n, *shape), payoffs))


@st.composite
def zero_sum_matrices(
    draw: DrawFn, *, actions: tuple[int, int] = (1, 6), payoffs: SearchStrategy[Any] = SMALL
) -> FloatArray:
    """Payoff matrices of the row player of zero-sum games."""
    shape = (draw(st.integers(*actions)), draw(st.integers(*actions)))
    return _table(draw, shape, payoffs).astype(np.float64)


@st.composite
def symmetric_games(
    draw: DrawFn,
    *,
    players: tuple[int, int] = (2, 4),
    actions: tuple[int, int] = (1, 3),
    payoffs: SearchStrategy[Any] = SMALL,
) -> SymmetricGame:
    """Symmetric games by counts."""
    n, k = draw(st.integers(*players)), draw(st.integers(*actions))
    return SymmetricGame(n, _table(draw, (k, count_vectors(n - 1, k)), payoffs))


@st.composite
def mixed_profiles(draw: DrawFn, shape: tuple[int, ...], *, exact: bool = False) -> tuple[AnyArray, ...]:
    """Mixed profiles over so many actions a player, pure ones among them."""
    profile = []
    for size in shape:
        weights = draw(st.lists(st.integers(0, 5), min_size=size, max_size=size).filter(any))
        total = sum(weights)
        vector = np.array([Fraction(w, total) for w in weights], dtype=object)
        profile.append(vector if exact else vector.astype(np.float64))
    return tuple(profile)


@st.composite
def matrix_scenarios(draw: DrawFn, *, horizon: int = 12, replicates: int = 3) -> dict[str, Any]:
    """Scenarios of repeated games as the data of a YAML file: a game of any size, and rules that play it."""
    game = draw(normal_form_games(players=(1, 3), actions=(1, 3)))
    rules = ("alternator", "cooperator", "defector", "grim", "random", "tit_for_tat")
    return {
        "name": draw(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True).filter(_portable)),
        "environment": {
            "kind": "matrix",
            "payoffs": game.payoffs.tolist(),
            "horizon": draw(st.integers(1, horizon)),
            "noise": draw(st.sampled_from([0.0, 0.1, 0.5])),
        },
        "population": [{"agent": f"matrix.{draw(st.sampled_from(rules))}", "seat": seat} for seat in game.players],
        "replicates": draw(st.integers(1, replicates)),
        "seed": draw(st.integers(0, 2**32)),
    }


def _portable(name: str) -> bool:
    return not {"con", "prn", "aux", "nul"} & set(name.split("/"))


def _table(draw: DrawFn, shape: tuple[int, ...], payoffs: SearchStrategy[Any]) -> AnyArray:
    size = int(np.prod(shape))
    return np.array(draw(st.lists(payoffs, min_size=size, max_size=size))).reshape(shape)
