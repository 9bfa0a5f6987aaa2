"""Preference games, and the gap of play that is drawn to a reference."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.certify import certify
from gamesim.core.errors import GameFileError, SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.preference_game import PreferenceGame

CYCLE = PreferenceGame([[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]], beta=0.1)


def test_a_preference_game_is_constant_sum() -> None:
    table = CYCLE.to_normal_form()
    assert table.is_constant_sum
    assert table.payoffs[1, 0, 1] == pytest.approx(0.1)
    assert CYCLE.expected([1 / 3, 1 / 3, 1 / 3]) == pytest.approx([0.5, 0.5])
    assert CYCLE.expected((0, 1)).tolist() == pytest.approx([0.9, 0.1])
    exact = PreferenceGame([[Fraction(1, 2), Fraction(9, 10)], [Fraction(1, 10), Fraction(1, 2)]])
    assert certify(exact, (0, 0)).grade == "exact"
    assert certify(exact, (1, 1)).nash_conv == Fraction(4, 5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: PreferenceGame([[0.5, 0.9], [0.2, 0.5]]), "of 0 over 1 and back are 0.9 and 0.2"),
        (lambda: PreferenceGame([[0.5, 1.5], [-0.5, 0.5]]), "probabilities that add to 1"),
        (lambda: PreferenceGame([[0.5, np.nan], [0.5, 0.5]]), "probabilities that add to 1"),
        (lambda: PreferenceGame([[0.6]]), "over itself it is 1/2"),
        (lambda: PreferenceGame([[0.5, 0.5]]), "no square table"),
        (lambda: PreferenceGame([["x"]]), "are numbers"),
        (lambda: PreferenceGame([[0.5, 1], [0, 0.5]], beta=0), "beta is 0"),
        (lambda: PreferenceGame([[0.5, 1], [0, 0.5]], reference=[1, 0]), "all entries above zero"),
        (lambda: PreferenceGame([[0.5, 1], [0, 0.5]], actions=("a", "a")), "a"),
    ],
)
def test_what_is_no_preference_game_is_refused(wrong: object, message: str) -> None:
    with pytest.raises(GameFileError, match=message):
        wrong()  # type: ignore[operator]


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.floats(0.05, 2), st.integers(2, 4), st.integers(2, 4))
def test_the_regularised_gap_by_definition(seed: int, beta: float, rows: int, columns: int) -> None:
    """Against the best strategy of a fine search around the known one: no strategy gains more, and that one gains it."""
    rng = np.random.default_rng(seed)
    game = NormalFormGame(rng.normal(size=(2, rows, columns)))
    references = [rng.dirichlet(np.ones(k)) + 0.01 for k in (rows, columns)]
    references = [r / r.sum() for r in references]
    play = [rng.dirichlet(np.ones(k)) for k in (rows, columns)]
    certificate = certify(game, play, concept="regularised", beta=beta, reference=references)

    def worth(i: int, strategy: np.ndarray) -> float:
        used = strategy > 0
        cost = float(strategy[used] @ np.log(strategy[used] / references[i][used]))
        return float(strategy @ game.action_payoffs(i, play)) - beta * cost

    gains = []
    for i in (0, 1):
        best = references[i] * np.exp((game.action_payoffs(i, play) - game.action_payoffs(i, play).max()) / beta)
        best /= best.sum()
        gains.append(worth(i, best) - worth(i, play[i]))
        others = [rng.dirichlet(np.ones(len(best))) for _ in range(20)]
        assert all(worth(i, other) <= worth(i, best) + 1e-9 for other in others)
    assert certificate.gap == pytest.approx(sum(gains), abs=1e-9)
    assert certificate.nash_conv == pytest.approx(certify(game, play).nash_conv)


def test_the_gap_of_the_preference_game_is_the_formula() -> None:
    p, beta = CYCLE.preferences, CYCLE.beta
    pi = np.array([0.2, 0.5, 0.3])
    q = np.exp(np.log(CYCLE.reference) + p @ pi / beta)
    q /= q.sum()

    def kl(x: np.ndarray) -> float:
        return float(x @ np.log(x / CYCLE.reference))

    expected = 2 * (q @ p @ pi - beta * kl(q) + beta * kl(pi) - 0.5)
    assert certify(CYCLE, pi, concept="regularised").gap == pytest.approx(expected, abs=1e-12)
    assert certify(CYCLE, (pi, pi), concept="regularised").gap == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda g: certify(g, (0, 0), concept="regularised"), "needs beta"),
        (lambda g: certify(g, (0, 0), concept="regularised", beta=-1), "above zero"),
        (lambda g: certify(g, (0, 0), concept="regularised", beta=[1, 2, 3]), "neither a number nor one for each"),
        (lambda g: certify(g, (0, 0), concept="regularised", beta=1, reference=[1, 0]), "above zero"),
        (lambda g: certify(g, (0, 0), concept="regularised", gamma=1), "unexpected keyword argument 'gamma'"),
        (lambda g: certify("chess", (0, 0), concept="regularised", beta=1), "not defined in games of type str"),
    ],
)
def test_wrong_questions_about_regularised_play(wrong: object, message: str) -> None:
    with pytest.raises(SolverError, match=message):
        wrong(NormalFormGame.bimatrix([[1, 0], [0, 1]]))  # type: ignore[operator]
