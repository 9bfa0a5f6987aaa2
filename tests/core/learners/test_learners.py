"""Learners keep what is promised of them, and matches add up: statements 39 to 43 and 54 of the solvers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.certify import certify
from gamesim.core.errors import PluginError, ScenarioError, SolverError, UnknownKindError
from gamesim.core.learners import Bandit, Full, Match, against, learner_of, play
from gamesim.core.learners.play import drawn
from gamesim.core.learners.swap_regret import stationary
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry, names
from gamesim.core.regrets import counterfactual_utilities, regrets
from gamesim.testing import check_learner
from gamesim.testing.installed import check_registered

STREAMS = ("stochastic", "switching", "adaptive")
SEEDS = range(20)
ALL = names("learners")
FULL = [name for name in ALL if not learner_of(name).bandit]
FED = ((0.9, 0.2, 0), None)


def game(name: str) -> NormalFormGame:
    found: NormalFormGame = entry("games", name)()
    return found


# ---- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    ("rule", "bound"), [("hedge", 49.1343), ("regret_matching", 122.474), ("regret_matching_plus", 122.474)]
)
def test_full_information_learners_keep_their_bound_on_every_seed(rule: str, bound: float, stream: Any) -> None:
    found = against(rule, stream, 5, 3000, seeds=SEEDS)
    assert found.bound is not None
    assert found.bound.value == pytest.approx(bound, abs=1e-3)
    assert found.mixed.max() <= bound


@pytest.mark.parametrize("stream", STREAMS)
def test_bandit_learners_keep_theirs_on_average_or_on_every_run(stream: Any) -> None:
    exp3, safe = (against(rule, stream, 5, 3000, seeds=SEEDS) for rule in ("exp3", "exp3_ix"))
    assert exp3.bound is not None
    assert exp3.bound.holds == "in expectation"
    assert exp3.bound.value == pytest.approx(219.734, abs=1e-3)
    assert exp3.played.mean() <= 220
    assert safe.played.max() <= 300
    assert safe.bound is not None
    assert safe.played.max() <= safe.bound.value
    if stream == "switching":  # the reason why exp3_ix is the default bandit learner
        assert exp3.played.max() > 220


def test_ucb1_is_linear_against_an_adversary_and_says_so() -> None:
    found = against("ucb1", "adaptive", 5, 3000, seeds=range(3))
    assert np.abs(found.played - 2400).max() <= 10
    assert "linearly" in play(game("shapley"), ["ucb1", "exp3_ix"], 50).warnings[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_bounds_hold_whatever_the_utilities(k: int, horizon: int, seed: int) -> None:
    table = np.random.default_rng(seed).integers(0, 3, (horizon, k)) / 2
    for rule in FULL:
        found = against(rule, lambda t, chances, u: table[t], k, horizon)
        if found.bound is not None and found.bound.kind == "external":
            assert found.mixed[0] <= found.bound.value + 1e-9, rule


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 4), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_the_swap_bound_holds_whatever_the_utilities(k: int, horizon: int, seed: int) -> None:
    learner = learner_of("blum_mansour")
    state = learner.initial_state(k, horizon, np.random.default_rng(0))
    swaps = np.zeros((k, k))
    for utilities in np.random.default_rng(seed).integers(0, 2, (horizon, k)):
        p = learner.probabilities(state)
        swaps += p[:, None] * (utilities[None] - utilities[:, None])
        state = learner.update(state, Full(utilities))
    promised = learner.bound(k, horizon)  # type: ignore[attr-defined]
    assert promised.kind == "swap"
    assert swaps.max(axis=1).sum() <= promised.value + 1e-9
    assert promised.value == pytest.approx(math.sqrt(horizon * k * math.log(k) / 2))


# ---- the protocol -----------------------------------------------------------------------------------------------------


class Stubborn:
    """A stranger's learner, as the protocol has it, without leading axes; which action, its generator decides."""

    bandit = False

    def initial_state(self, actions: int, horizon: int | None, rng: np.random.Generator) -> Any:
        return int(rng.integers(actions)), actions

    def probabilities(self, state: Any) -> Any:
        return np.eye(state[1])[state[0]]

    def update(self, state: Any, feedback: Any) -> Any:
        assert feedback.utilities.shape == (state[1],)
        return state


class Heavy(Stubborn):
    def probabilities(self, state: Any) -> Any:
        return np.full(state[1], 0.4)


class Careless(Stubborn):
    def update(self, state: Any, feedback: Any) -> Any:
        feedback.utilities[0] = 7
        return state


class Moody(Stubborn):
    turns = 0

    def update(self, state: Any, feedback: Any) -> Any:
        self.turns += 1
        return self.turns % state[1], state[1]


@pytest.mark.parametrize("rule", ALL)
def test_every_learner_keeps_the_contract(rule: str) -> None:
    check_learner(rule)
    check_registered("learners", rule)


def test_broken_learners_are_found() -> None:
    check_learner(Stubborn())
    for learner, told in ((Heavy(), "no distribution"), (Careless(), "update changed"), (Moody(), "built anew")):
        with pytest.raises(PluginError, match=told):
            check_learner(learner)


@pytest.mark.parametrize("rule", ALL)
def test_rows_are_independent(rule: str) -> None:
    done = play(game("biased_rps"), rule, 200, seeds=(3, 4, 5))
    for row, seed in enumerate((3, 4, 5)):
        alone = play(game("biased_rps"), rule, 200, seeds=(seed,))
        assert (alone.joint[0] == done.joint[row]).all()
        assert all((a[0] == b[row]).all() for a, b in zip(alone.averages, done.averages, strict=True))


def test_horizons_names_parameters_and_feedback_that_do_not_fit_are_refused() -> None:
    rng = np.random.default_rng(0)
    for rule in ("hedge", "exp3", "exp3_ix", "blum_mansour"):
        with pytest.raises(ScenarioError, match="needs a horizon"):
            learner_of(rule).initial_state(3, None, rng)
        learner_of({"rule": rule, "eta": 0.1}).initial_state(3, None, rng)
    for rule in ("regret_matching", "ucb1", "fictitious_play", "optimistic_hedge"):
        learner_of(rule).initial_state(3, None, rng)
    with pytest.raises(UnknownKindError, match="Did you mean 'hedge'"):
        learner_of("hegde")
    with pytest.raises(ScenarioError, match=r"no parameter 'etta'\. Did you mean 'eta'"):
        learner_of({"rule": "hedge", "etta": 1})
    with pytest.raises(ScenarioError, match="eta is a positive number"):
        learner_of({"rule": "hedge", "eta": -1})
    hedge = learner_of("hedge")
    state = hedge.initial_state(2, 9, rng)
    with pytest.raises(ScenarioError, match="what every action would have paid"):
        hedge.update(state, Bandit(np.int64(0), np.float64(1)))  # type: ignore[arg-type]
    with pytest.raises(SolverError, match="bandit learner"):
        play(game("shapley"), "exp3", 10, sample=False)
    with pytest.raises(SolverError, match="3 learners were given for 2"):
        play(game("shapley"), ["hedge"] * 3, 10)
    with pytest.raises(SolverError, match="first utilities of player_0"):
        play(game("shapley"), "hedge", 10, first=((1, 2), None))


def test_a_strangers_learner_plays_row_by_row() -> None:
    done = play(game("shapley"), [Stubborn(), "regret_matching"], 100, seeds=range(12))
    mine = done.averages[0]
    assert set(mine.max(axis=1)) == {1.0}
    assert len(set(mine.argmax(axis=1).tolist())) > 1  # rows have generators of their own
    assert certify(done.game, done.last_iterate()).regrets[1] == 0


def test_stationary_distributions() -> None:
    rng = np.random.default_rng(1)
    chains = rng.dirichlet(np.ones(5), (7, 5))
    found = stationary(chains)
    assert np.abs(np.einsum("ba,bac->bc", found, chains) - found).max() < 1e-14
    assert stationary(np.array([[1.0, 0.0], [1e-200, 1.0]])) == pytest.approx([1.0, 0.0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=5).filter(any), st.floats(0, 0.999999))
def test_what_has_no_chance_is_never_drawn(weights: list[float], u: float) -> None:
    p = np.array(weights) / sum(weights)
    assert p[drawn(p, np.float64(u))] > 0  # type: ignore[arg-type]


# ---- matches ----------------------------------------------------------------------------------------------------------


def test_biased_rock_paper_scissors() -> None:
    rps = game("biased_rps")
    hedge, optimistic, swap = (
        play(rps, rule, 20_000, sample=False) for rule in ("hedge", "optimistic_hedge", "blum_mansour")
    )
    assert certify(rps, hedge.average()).nash_conv <= 0.005
    assert certify(rps, hedge.last_iterate()).nash_conv >= 0.05
    assert certify(rps, optimistic.last_iterate()).nash_conv <= 1e-3
    assert certify(rps, swap.joint_of(), concept="correlated").gap <= 0.003


def test_shapley_tells_external_from_swap_regret() -> None:
    shapley = game("shapley")
    hedge, swap = (play(shapley, rule, 20_000, sample=False, first=FED) for rule in ("hedge", "blum_mansour"))
    assert certify(shapley, hedge.joint_of(), concept="coarse").gap <= 0.005
    assert certify(shapley, hedge.joint_of(), concept="correlated").gap >= 0.08
    assert certify(shapley, swap.joint_of(), concept="correlated").gap <= 0.01
    still = play(shapley, "hedge", 500, sample=False)
    assert certify(shapley, still.joint_of(), concept="correlated").gap == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("sample", [True, False])
def test_regret_is_the_gap_of_the_joint(sample: bool) -> None:
    rng = np.random.default_rng(5)
    for number in range(100):
        shape = tuple(rng.integers(1, 4, rng.integers(2, 4)))
        table = NormalFormGame(rng.normal(size=(len(shape), *shape)) * 3)
        rules = [FULL, ALL][sample]
        picked = [rules[i] for i in rng.integers(0, len(rules), len(shape))]
        done = play(table, picked, 150, seeds=(number,), sample=sample)
        coarse, correlated = (certify(table, done.joint_of(), concept=c) for c in ("coarse", "correlated"))
        assert coarse.details["cce_slack"] == pytest.approx(done.external.max() / 150, abs=1e-12)
        assert correlated.gap == pytest.approx(done.swap.max() / 150, abs=1e-12)
        assert done.joint.sum() == pytest.approx(1)


def test_nash_conv_of_averages_is_bounded_by_the_sum_of_regrets_in_zero_sum_games() -> None:
    rng = np.random.default_rng(6)
    for number in range(100):
        table = NormalFormGame.bimatrix(rng.normal(size=rng.integers(2, 6, 2)))
        rule = FULL[number % len(FULL)]
        done = play(table, rule, 100, sample=False)
        assert certify(table, done.average()).nash_conv <= done.external.sum() / 100 + 1e-12


def test_a_sampled_match_has_the_regret_of_its_history() -> None:
    """The same figure from the actions one by one: learners that play surely leave no doubt what was played."""
    shapley = game("shapley")
    match = Match(shapley, "fictitious_play", 300)
    rounds = []
    while match.round < 300:
        match.advance()
        rounds.append(match.round)
    done = match.result()
    history = []
    sums: list[Any] = [np.zeros(3), np.zeros(3)]
    for _ in range(300):
        cell = (int(sums[0].argmax()), int(sums[1].argmax()))
        history.append(cell)
        sums[0] += shapley.payoffs[0][:, cell[1]]
        sums[1] += shapley.payoffs[1][cell[0], :]
    played = np.array(history)
    for i in range(2):
        utilities = counterfactual_utilities(shapley, played, i)
        for kind, total in (("external", done.external), ("swap", done.swap)):
            curve = regrets(played[:, i], utilities, kind=kind)  # type: ignore[arg-type]
            assert total[0, i] == pytest.approx(curve[-1])
            assert done.curves[kind][0, :, i] == pytest.approx(curve[done.rounds - 1])
    assert (done.joint[0] * 300).round(9).sum() == 300


def test_fictitious_play_falls_as_one_over_root_t_in_pennies() -> None:
    pennies = game("matching_pennies")
    for horizon, value in ((100, 0.14), (1000, 0.044), (10_000, 0.014)):
        done = play(pennies, "fictitious_play", horizon)
        assert certify(pennies, done.average()).nash_conv == pytest.approx(value, abs=1e-9)


@pytest.mark.slow
def test_fictitious_play_cycles_in_shapleys_game() -> None:
    done = play(game("shapley"), "fictitious_play", 100_000)
    assert certify(done.game, done.average()).nash_conv >= 0.28
