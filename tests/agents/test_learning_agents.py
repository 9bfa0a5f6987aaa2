"""Learners, their adversary and stage-game Q-learners in the repeated matrix environment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gamesim_agents.rules.learner import Adversary, LearnerAgent
from gamesim_agents.rules.stage_q import StageQ, q_step, stage_value

from gamesim.core.certify import certify
from gamesim.core.errors import ScenarioError, SolverError, UnknownKindError
from gamesim.core.learners import Full, learner_of
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import entry
from gamesim.core.regrets import counterfactual_utilities
from gamesim.envs.repeated.config import Matrix
from gamesim.run.rollout import rollout
from gamesim.run.uniforms import PolicyUniforms
from gamesim.scenario.resolve import load_scenario


def played(environment: Matrix, *agents: tuple[str, dict[str, Any]], seeds: int = 2) -> Any:
    """Actions as they were played, (B, T, n)."""
    done = rollout(environment, [AgentSpec(*agent) for agent in agents], list(range(seeds)), steps=True)
    assert done.steps is not None
    return done.steps["played"].astype(int).reshape(seeds, environment.horizon, len(agents))


def replayed(rule: str, environment: Matrix, history: Any, player: int) -> Any:
    """What a learner fed with that history would play with which chance, (T, K)."""
    learner, game = learner_of(rule), environment.table
    state = learner.initial_state(game.shape[player], environment.horizon, np.random.default_rng(0))
    rows = []
    for u in counterfactual_utilities(game, history, player):
        rows.append(learner.probabilities(state))
        state = learner.update(state, Full((u - game.payoffs.min()) / game.payoff_range))
    return np.array(rows)


@pytest.mark.parametrize("noise", [0, 0.2])
def test_a_full_information_learner_hears_what_its_actions_would_have_paid(noise: float) -> None:
    """Against others who are seen to slip too, and with players of different sizes."""
    payoffs = np.random.default_rng(4).normal(size=(3, 2, 3, 2)).tolist()
    environment = Matrix(payoffs=payoffs, horizon=60, noise=noise)
    history = played(environment, *[("learner", {"rule": "fictitious_play"})] * 3)[0]
    if noise == 0:
        for player in range(3):
            chances = replayed("fictitious_play", environment, history, player)
            assert (chances[np.arange(60), history[:, player]] == 1).all()
    else:
        assert len(np.unique(history[:, 1])) > 1


def test_equal_seeds_equal_play_and_a_hedge_learns_the_best_reply() -> None:
    environment = Matrix(stage="prisoners_dilemma", horizon=400)
    first = played(environment, ("learner", {"rule": "hedge"}), ("matrix.cooperator", {}))
    again = played(environment, ("learner", {"rule": "hedge"}), ("matrix.cooperator", {}))
    assert (first == again).all()
    assert (first[:, -50:, 0] == 1).mean() > 0.95
    bandit = played(environment, ("learner", {"rule": "exp3_ix"}), ("matrix.cooperator", {}))
    assert (bandit[:, -50:, 0] == 1).mean() > 0.7


def test_the_adversary_follows_a_learner_and_gives_it_least() -> None:
    table = 1 - np.eye(5)
    environment = Matrix(payoffs=[table.tolist(), (-table).tolist()], horizon=500)
    history = played(environment, ("learner", {"rule": "ucb1"}), ("learner.adversary", {"rule": "ucb1"}))
    assert (history[..., 0] == history[..., 1]).all()  # it always knew
    game = environment.table
    for row in history:
        u = counterfactual_utilities(game, row, 0)
        assert u.sum(axis=0).max() == 400  # T (1 - 1/K), of which ucb1 got nothing
    against_hedge = played(environment, ("learner", {"rule": "hedge"}), ("learner.adversary", {"rule": "hedge"}))
    met = (against_hedge[..., 0] == against_hedge[..., 1]).mean()
    assert 0.1 < met < 0.35  # all it can do to a mixed strategy near 1/5


def test_what_does_not_fit_is_refused_when_the_scenario_is_read() -> None:
    def told(member: str, environment: str = "{kind: matrix, horizon: 10}") -> str:
        with pytest.raises(ScenarioError) as caught:
            load_scenario(f"name: x\nenvironment: {environment}\npopulation:\n  - {member}\n")
        return str(caught.value)

    assert "Did you mean 'hedge'" in told("{agent: learner, rule: hegde, count: 2}")
    assert "no parameter 'et'" in told("{agent: learner, rule: hedge, parameters: {et: 1}, count: 2}")
    assert "what every action would have paid" in told("{agent: learner, rule: hedge, feedback: bandit, count: 2}")
    assert "does not play in 'commons'" in told("{agent: learner, count: 2}", "{kind: commons, players: 2}")
    three = "{kind: matrix, payoffs: [[[[1]]], [[[1]]], [[[1]]]]}"
    assert "It plays against one other" in told("{agent: learner.adversary, count: 3}", three)
    assert "games of two" in told("{agent: stage_q, rule: nash_q, count: 3}", three)
    with pytest.raises(UnknownKindError):
        LearnerAgent(rule="hegde")

    class Endless:
        kind, table, horizon = "endless", Matrix().table, None

    assert "needs a horizon" in str(LearnerAgent().misfit(Endless()))
    assert LearnerAgent(horizon=50).misfit(Endless()) is None
    assert LearnerAgent(parameters={"eta": 0.1}).misfit(Endless()) is None


def test_warnings() -> None:
    environment = Matrix()
    assert "linearly" in LearnerAgent(rule="ucb1").warnings(environment)[0]
    assert "of the full feedback it reads" in LearnerAgent(rule="exp3", feedback="full").warnings(environment)[0]
    assert LearnerAgent().warnings(environment) == []
    assert Adversary(rule="ucb1").warnings(environment) == []
    assert "zero-sum" in StageQ(rule="minimax_q").warnings(environment)[0]
    assert StageQ(rule="minimax_q").warnings(Matrix(stage="biased_rps")) == []


# ---- stage-game Q -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "rule", "value"),
    [
        ("prisoners_dilemma", "friend_q", 50),
        ("prisoners_dilemma", "foe_q", 10),
        ("prisoners_dilemma", "nash_q", 10),
        ("biased_rps", "minimax_q", 5),
    ],
)
def test_values_learned_from_uniform_play(stage: str, rule: Any, value: float) -> None:
    rounds = 20_000
    policy = StageQ(rule=rule, step=0.1, discount=0.9, epsilon=1).build(Matrix(stage=stage, horizon=rounds + 1))
    environment = Matrix(stage=stage, horizon=rounds + 1).batched(1)
    uniforms = PolicyUniforms([7], 2)
    state, batch = policy.initial_state(1, 2, uniforms.initial(2)), environment.reset(np.array([7]))
    for t in range(rounds + 1):
        action, state = policy.act(batch.observation, state, uniforms.at(t, 2))
        if t < rounds:
            batch = environment.step(action)
    for seat in state.learned[0]:
        assert seat.valued.value == pytest.approx(value, abs=1e-6)
        assert seat.visits.sum() == rounds


def test_values_of_stage_games() -> None:
    rng = np.random.default_rng(8)
    hint = None
    for _ in range(200):  # a hint is only a first guess: the value is that of the game, whatever came before
        tables = rng.normal(size=(2, 3, 3)) + np.array([[[1.0, 0, 2], [2, 1, 0], [0, 2, 1]]] * 2) * rng.integers(0, 3)
        foe = stage_value("foe_q", tables, 0, hint=hint)
        fresh = stage_value("foe_q", tables, 0)
        assert foe.value == pytest.approx(fresh.value, abs=1e-9)
        assert (foe.strategy @ tables[0]).min() == pytest.approx(foe.value, abs=1e-8)
        hint = foe.hint
        nash = stage_value("nash_q", tables, 0)
        profile = (nash.strategy, stage_value("nash_q", tables, 1).strategy)
        certificate = certify(entry("games", "chicken")().__class__(tables), profile)
        assert certificate.relative <= 1e-9
        assert nash.payoffs is not None
        assert nash.value == nash.payoffs[0]
    three = rng.normal(size=(3, 2, 2, 2))
    assert stage_value("friend_q", three, 2).value == three[2].max()
    assert stage_value("foe_q", three, 1).value <= three[1].max()
    coordination = np.array([[[1.0, 0], [0, 3]], [[1.0, 0], [0, 2]]])
    assert stage_value("nash_q", coordination, 0).value == 3  # of three equilibria the one of largest welfare
    pennies = np.array([[[1.0, -1], [-1, 1]], [[-1.0, 1], [1, -1]]])
    with pytest.raises(SolverError, match="enumpure found no equilibrium"):
        stage_value("nash_q", pennies, 0, solver="enumpure")


def test_one_update() -> None:
    table = np.zeros((2, 2))
    new = q_step(table, (0, 1), 2.0, 10.0, step=0.5, discount=0.9)
    assert new[0, 1] == 0.5 * (2 + 9)
    assert table.sum() == 0
    decaying = StageQ(rule="friend_q").build(Matrix(horizon=30))
    done = rollout(Matrix(horizon=30), [AgentSpec("stage_q", {"rule": "friend_q"})] * 2, [1])
    assert done.returns.shape == (1, 2)
    assert decaying is not None
