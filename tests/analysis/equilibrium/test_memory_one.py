"""Repeated play with memory: known payoffs, the chain against plain simulation, batches, tied payoffs, triggers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from gamesim_analysis.equilibrium.folk_theorem import feasible, folk_theorem
from gamesim_analysis.equilibrium.memory_one import memory_one, play_batch, repeated_payoffs
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import SolverError, UnknownKindError
from gamesim.core.memory_strategy import (
    NAMES,
    MemoryStrategy,
    as_strategy,
    memory_strategy,
    named,
    zero_determinant,
)
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.repeated_game import RepeatedGame
from gamesim.envs.repeated.stage_games import battle_of_the_sexes, matching_pennies, prisoners_dilemma, shapley

DILEMMA = prisoners_dilemma()
GENEROUS, EXTORT = "generous_tit_for_tat", (1, 8 / 9, 1 / 2, 1 / 3, 0)


def earned(p, q, **terms) -> list[float]:
    return memory_one(p, q, DILEMMA, **terms).payoffs.tolist()


# ---- known values ------------------------------------------------------------------------------------------------------


def test_random_against_a_generous_player() -> None:
    assert earned("random", GENEROUS) == pytest.approx([17 / 6, 2], abs=1e-12)
    assert earned("random", GENEROUS, turns=200) == pytest.approx([2.8391667, 1.9975], abs=1e-6)


@pytest.mark.parametrize(
    ("other", "payoffs"),
    [("random", (2.470588, 1.735294)), ("cooperator", (3.5, 2.25)), (GENEROUS, (2.707317, 1.853659))],
)
def test_extortion_takes_twice_what_it_leaves(other: str, payoffs: tuple[float, float]) -> None:
    mine, theirs = earned(EXTORT, other)
    assert (mine, theirs) == pytest.approx(payoffs, abs=1e-6)
    assert mine - 1 == pytest.approx(2 * (theirs - 1), abs=1e-12)


def test_tit_for_tat_remembers_how_it_began_and_noise_makes_it_forget() -> None:
    suspicious = (0, 1, 0, 1, 0)
    assert earned("tit_for_tat", "tit_for_tat") == [3, 3]
    assert earned("tit_for_tat", suspicious) == [2.5, 2.5]
    assert earned(suspicious, suspicious) == [1, 1]
    for first in (0, 1, 0.3):
        assert earned((first, 1, 0, 1, 0), "tit_for_tat", noise=0.01) == pytest.approx([2.25, 2.25], abs=1e-12)
    assert earned("win_stay_lose_shift", "win_stay_lose_shift", noise=0.01) == pytest.approx([2.951092] * 2, abs=1e-6)
    assert earned("win_stay_lose_shift", "win_stay_lose_shift", noise=0.001) == pytest.approx([2.995011] * 2, abs=1e-6)
    assert earned("tit_for_tat", "defector", discount=0.9) == pytest.approx([0.9, 1.4], abs=1e-12)


def test_play_may_end_in_one_of_several_classes() -> None:
    """A coin decides whether two grim players stay friends: half of all plays end at 3, half at 1."""
    timid = (0.5, 1, 0, 0, 0)
    found = memory_one(timid, timid, DILEMMA)
    assert found.classes == 2
    assert found.payoffs == pytest.approx([0.25 * 3 + 0.75 * 1] * 2, abs=1e-12)


def test_chances_too_small_for_a_linear_system() -> None:
    tiny = 1e-200
    found = memory_one((1, 1 - 1e-12, tiny, tiny, tiny), (1, 1, tiny, tiny, 3 * tiny), DILEMMA)
    assert np.isfinite(found.payoffs).all()
    assert found.outcomes.sum() == pytest.approx(1)


def test_two_rounds_back() -> None:
    patient = named("tit_for_two_tats")
    assert earned(patient, "alternator") == pytest.approx([1.5, 4.0])
    assert earned("two_tits_for_tat", "alternator") == pytest.approx([(5 + 1) / 2, (0 + 1) / 2])
    assert memory_one(patient, "defector", DILEMMA, turns=10).payoffs == pytest.approx([8 / 10, (10 + 8) / 10])


# ---- by definition -----------------------------------------------------------------------------------------------------

CHANCES = st.floats(0, 1).filter(lambda p: p == 0 or p > 1e-3)
ANY = st.lists(CHANCES, min_size=5, max_size=5)


def by_hand(p: list[float], q: list[float], turns: int, noise: float) -> np.ndarray:
    """Expected outcomes of every round, from the distribution over the last outcome."""
    slipped = [[(1 - noise) * c + noise * (1 - c) for c in strategy] for strategy in (p, q)]
    x, y = slipped[0][0], slipped[1][0]
    law = np.array([x * y, x * (1 - y), (1 - x) * y, (1 - x) * (1 - y)])
    rounds = [law]
    for _ in range(turns - 1):
        following = np.zeros(4)
        for outcome in range(4):
            x, y = slipped[0][1 + outcome], slipped[1][1 + (0, 2, 1, 3)[outcome]]
            following += law[outcome] * np.array([x * y, x * (1 - y), (1 - x) * y, (1 - x) * (1 - y)])
        law = following
        rounds.append(law)
    return np.array(rounds)


@given(ANY, ANY, st.integers(1, 40), st.sampled_from([0.0, 0.05, 0.5]), st.sampled_from([0.3, 0.9]))
@settings(max_examples=60, deadline=None)
def test_the_chain_is_the_sum_of_its_rounds(p, q, turns: int, noise: float, discount: float) -> None:
    rounds = by_hand(p, q, 400, noise)
    match = memory_one(p, q, DILEMMA, turns=turns, noise=noise)
    assert match.outcomes == pytest.approx(rounds[:turns].mean(axis=0), abs=1e-10)
    weights = (1 - discount) * discount ** np.arange(400)
    long = memory_one(p, q, DILEMMA, discount=discount, noise=noise)
    assert long.outcomes == pytest.approx(weights @ rounds, abs=1e-10)
    assert match.payoffs == pytest.approx(DILEMMA.payoffs.reshape(2, 4) @ match.outcomes, abs=1e-12)


@given(ANY, ANY)
@settings(max_examples=60, deadline=None)
def test_the_long_run_is_the_limit_of_long_matches_and_of_patience(p, q) -> None:
    limit = memory_one(p, q, DILEMMA)
    assert limit.outcomes.sum() == pytest.approx(1, abs=1e-10)
    assert memory_one(p, q, DILEMMA, turns=2**24).outcomes == pytest.approx(limit.outcomes, abs=2e-4)
    assert memory_one(p, q, DILEMMA, discount=1 - 1e-9).outcomes == pytest.approx(limit.outcomes, abs=1e-5)


@given(ANY, ANY)
@settings(max_examples=30, deadline=None)
def test_exchanging_the_players_exchanges_their_payoffs(p, q) -> None:
    one, other = earned(p, q, noise=0.02), earned(q, p, noise=0.02)
    assert one == pytest.approx(other[::-1], abs=1e-10)


@pytest.mark.parametrize("rounds", [2, 3])
def test_a_longer_table_that_says_the_same_earns_the_same(rounds: int) -> None:
    p = [0.7, 0.9, 0.2, 0.6, 0.1]
    tables = [[p[0]], *[np.tile(p[1:], 4 ** (m - 1)) for m in range(1, rounds + 1)]]
    for terms in ({}, {"turns": 7}, {"discount": 0.8}, {"noise": 0.1}):
        assert earned(memory_strategy(tables), GENEROUS, **terms) == pytest.approx(
            earned(p, GENEROUS, **terms), abs=1e-12
        )


def test_batches_of_matches_are_drawn_from_the_chain() -> None:
    """Fifty pairs: three standard errors hold each mean but for the share that chance may take."""
    rng = np.random.default_rng(5)
    outside = 0
    for _ in range(50):
        p, q = rng.random(5), rng.random(5)
        batch = play_batch(p, q, DILEMMA, matches=2000, turns=50, rng=rng, noise=0.03)
        exact = memory_one(p, q, DILEMMA, turns=50, noise=0.03).payoffs
        error = batch.payoffs.std(axis=0, ddof=1) / np.sqrt(2000)
        outside += int((np.abs(batch.payoffs.mean(axis=0) - exact) > 3 * error).sum())
        assert (batch.outcomes.sum(axis=1) == 50).all()
    assert outside <= 2


def test_certain_play_is_simulated_exactly_and_equal_seeds_give_equal_matches() -> None:
    batch = play_batch("tit_for_two_tats", "alternator", DILEMMA, matches=5, turns=200, rng=np.random.default_rng(0))
    assert (batch.payoffs == [1.5, 4.0]).all()
    again = [
        play_batch("random", GENEROUS, DILEMMA, matches=9, turns=20, rng=np.random.default_rng(3)).outcomes
        for _ in "ab"
    ]
    assert (again[0] == again[1]).all()


# ---- tied payoffs ------------------------------------------------------------------------------------------------------


@given(st.floats(1.1, 8), ANY, st.sampled_from([0.2, 0.5, 1.0]))
@settings(max_examples=40, deadline=None)
def test_extortion_ties_payoffs_whoever_plays(slope: float, other, share: float) -> None:
    half = zero_determinant(DILEMMA, slope=slope, baseline=1)
    lean = 1 - half.cooperation[1]  # after CC, at half of the largest scale
    strategy = zero_determinant(DILEMMA, slope=slope, baseline=1, scale=share * 2 * lean / (2 * slope - 2))
    mine, theirs = earned(
        strategy, [0.5 * c + 0.25 for c in other]
    )  # who errs a little, so that the start is forgotten
    assert mine - 1 == pytest.approx(slope * (theirs - 1), abs=1e-9)


def test_generosity_and_what_no_strategy_can_do() -> None:
    kind = zero_determinant(DILEMMA, slope=2, baseline=3)
    mine, theirs = earned(kind, "random")
    assert mine - 3 == pytest.approx(2 * (theirs - 3), abs=1e-12)
    with pytest.raises(SolverError, match="no strategy keeps slope 2 from baseline 4"):
        zero_determinant(DILEMMA, slope=2, baseline=4)
    with pytest.raises(SolverError, match="scale"):
        zero_determinant(DILEMMA, slope=2, baseline=1, scale=9)
    with pytest.raises(SolverError, match="two players and two actions"):
        zero_determinant(shapley(), slope=2, baseline=1)


# ---- what is refused ---------------------------------------------------------------------------------------------------


def test_wrong_strategies_and_games_are_named() -> None:
    with pytest.raises(UnknownKindError, match="Did you mean 'tit_for_tat'"):
        memory_one("tit_for_tta", "random", DILEMMA)
    with pytest.raises(SolverError, match="outside 0 to 1"):
        memory_one((1, 1, 0, 1, 1.5), "random", DILEMMA)
    with pytest.raises(SolverError, match="tables of 1, 4, 3 probabilities"):
        as_strategy([[1], [1, 1, 1, 1], [1, 0, 1]])
    with pytest.raises(SolverError, match="two players and two actions, not 3x3"):
        memory_one("random", "random", shapley())
    with pytest.raises(SolverError, match="horizon and a discount"):
        memory_one("random", "random", DILEMMA, turns=3, discount=0.5)
    with pytest.raises(SolverError, match="discount 1"):
        RepeatedGame(DILEMMA, discount=1.0)
    with pytest.raises(SolverError, match="horizon of 0"):
        RepeatedGame(DILEMMA, horizon=0)
    with pytest.raises(SolverError, match="noise"):
        RepeatedGame(DILEMMA, noise=1.0)
    with pytest.raises(SolverError, match="leads to a state"):
        MemoryStrategy(np.array([1.0]), np.array([[0, 0, 0, 1]]))


def test_every_name_plays_and_a_repeated_game_says_what_a_stream_is_worth() -> None:
    for name in NAMES:
        for terms in ({}, {"horizon": 7}, {"discount": 0.5}):
            found = repeated_payoffs(RepeatedGame(DILEMMA, noise=0.01, **terms), name, "random")
            assert found.outcomes.sum() == pytest.approx(1)
            assert found.cooperation == pytest.approx([found.outcomes[:2].sum(), found.outcomes[[0, 2]].sum()])
    stream = [[3.0, 0.0, 1.0]]
    assert RepeatedGame(DILEMMA, horizon=3).value(stream) == pytest.approx([4 / 3])
    assert RepeatedGame(DILEMMA, discount=0.5).value(stream) == pytest.approx([0.5 * 3 + 0.125])
    assert RepeatedGame(DILEMMA).players == DILEMMA.players


# ---- the folk theorem --------------------------------------------------------------------------------------------------


def test_patience_in_the_dilemma() -> None:
    found = folk_theorem(DILEMMA)
    assert found.minmax_pure == (1, 1)
    assert found.minmax == pytest.approx((1, 1))
    assert (found.target, found.critical_discount) == ((0, 0), Fraction(1, 2))
    assert found.holds(0.5)
    assert not found.holds(0.49)
    corners = {tuple(np.round(v, 9)) for v in found.vertices}
    assert corners == {(1, 1), (3, 3), (round(13 / 3, 9), 1), (1, round(13 / 3, 9))}


def test_a_trigger_holds_exactly_from_the_critical_discount_on() -> None:
    """Against grim, leaving at once or never: the better of the two changes at the critical discount."""
    for temptation, reward, punishment in ((5, 3, 1), (9, 4, 2), (4, 3.5, 0.5)):
        stage = prisoners_dilemma(temptation=temptation, reward=reward, punishment=punishment, sucker=0)
        critical = float(folk_theorem(stage, target=(0, 0)).critical_discount)
        for discount, stays in ((critical - 0.01, False), (critical + 0.01, True)):
            keep, leave = (
                memory_one(p, "grim", stage, discount=discount).payoffs[0] for p in ("cooperator", "defector")
            )
            assert (keep > leave) == stays


def test_mixing_punishes_harder_and_no_patience_holds_what_nobody_gains_from() -> None:
    sexes = folk_theorem(battle_of_the_sexes(), target=(0, 1))
    assert sexes.minmax_pure == (2, 2)
    assert sexes.minmax == pytest.approx((1.2, 1.2))
    assert sexes.critical_discount is None
    assert not sexes.holds(0.999999)
    pennies = folk_theorem(matching_pennies())
    assert pennies.target is None
    assert pennies.minmax == pytest.approx((0, 0))
    assert pennies.vertices == pytest.approx(np.zeros((1, 2)))
    assert folk_theorem(shapley()).minmax == pytest.approx((1 / 3, 1 / 3))
    assert folk_theorem(battle_of_the_sexes(), target=(0, 0)).critical_discount == 0


@given(st.integers(0, 500))
@settings(max_examples=30, deadline=None)
def test_corners_are_feasible_and_rational_and_points_beyond_them_are_not(seed: int) -> None:
    stage = NormalFormGame(np.random.default_rng(seed).integers(0, 9, size=(2, 3, 3)))
    found = folk_theorem(stage)
    assert all(a >= b - 1e-9 for a, b in zip(found.minmax_pure, found.minmax, strict=True))
    middle = found.vertices.mean(axis=0)
    for corner in found.vertices:
        assert (corner >= np.array(found.minmax) - 1e-9).all()
        assert feasible(stage, corner + 1e-7 * (middle - corner))
        beyond = corner + 1e-3 * (corner - middle)
        if np.abs(corner - middle).max() > 0.1:
            assert not feasible(stage, beyond) or (beyond < np.array(found.minmax)).any()


def test_wrong_targets_and_punishments_are_named() -> None:
    with pytest.raises(SolverError, match="no pure profile"):
        folk_theorem(DILEMMA, target=(0, 2))
    with pytest.raises(SolverError, match="no stage equilibrium"):
        folk_theorem(DILEMMA, punishments=[(0, 0), (1, 1)])
    with pytest.raises(SolverError, match="3 payoffs for 2 players"):
        feasible(DILEMMA, (1, 1, 1))
    three = NormalFormGame(np.random.default_rng(1).integers(0, 9, size=(3, 2, 2, 2)))
    assert folk_theorem(three).vertices is None
