"""The repeated stage games as environments: both faces alike, illegal play refused, theory met in simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from gamesim.core.errors import IllegalActionError
from gamesim.core.policy import AgentSpec
from gamesim.envs.commons import fish_war
from gamesim.envs.commons.stage_actions import Fines, decode_fines, encode_fines
from gamesim.envs.commons.stage_config import FishWar, OstromGardnerWalker, PublicGood, StageGame
from gamesim.run.rollout import rollout

GAMES = [
    OstromGardnerWalker(horizon=4),
    OstromGardnerWalker(players=3, endowment=25, tokens="real", horizon=3, voting={"rule": "mean"}),
    PublicGood(horizon=4),
    PublicGood(horizon=4, fining={"most": 3}, voting={}),
    FishWar(players=3, horizon=6),
]
NAMES = [f"{g.kind}{'+fines' if g.fining else ''}{'+vote' if g.voting else ''}" for g in GAMES]


def play_single(config: StageGame, seed: int, choose: np.random.Generator) -> list[tuple[object, ...]]:
    environment = config.build()
    observations, _ = environment.reset(seed=seed)
    history: list[tuple[object, ...]] = [(environment.phase, observations)]
    while environment.agents:
        actions = {agent: environment.action_spec(agent).sample(choose) for agent in environment.movers()}
        history.append((environment.phase, actions, *environment.step(actions), dict(environment.facts())))
    return history


@pytest.mark.parametrize("config", GAMES, ids=NAMES)
def test_a_row_of_the_batch_equals_the_single_environment(config: StageGame) -> None:
    singles = [play_single(config, seed, np.random.default_rng(seed)) for seed in range(3)]
    batched = config.batched(3)
    batch = batched.reset(np.arange(3))
    agents = config.seats()
    for step in range(1, len(singles[0])):
        actions = np.array([[single[step][1][agent] for agent in agents] for single in singles], dtype=np.float64)
        assert batch.phase == singles[0][step][0]
        batch = batched.step(actions)
        for row, single in enumerate(singles):
            _, _, observations, rewards, _, truncated, _, facts = single[step]
            assert batch.reward[row].tolist() == list(rewards.values())
            assert set(truncated.values()) == {bool(batch.truncated[row])}
            for agent_index, agent in enumerate(agents):
                for key, value in observations[agent].items():
                    whole = batch.observation[key]
                    mine = whole[row, 0] if whole.shape[1] == 1 else whole[row, agent_index]
                    np.testing.assert_array_equal(mine, value, err_msg=key)
            for key, value in facts.items():
                np.testing.assert_array_equal(batch.facts[key][row], value, err_msg=key)
    assert batch.done.all()


@pytest.mark.parametrize("config", GAMES, ids=NAMES)
def test_observations_and_sampled_actions_lie_in_their_spaces(config: StageGame) -> None:
    environment = config.build()
    observations, _ = environment.reset(seed=0)
    rng = np.random.default_rng(1)
    while environment.agents:
        for agent, observation in observations.items():
            assert set(observation) == set(environment.observation_space(agent).spaces)
        actions = {agent: environment.action_spec(agent).sample(rng) for agent in environment.movers()}
        observations, *_ = environment.step(actions)


def test_a_row_can_be_taken_out_and_played_on() -> None:
    config = PublicGood(horizon=3, fining={})
    batched = config.batched(2)
    batched.reset(np.arange(2))
    batched.step(np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]]))
    row = batched.row(1)
    assert row.phase == "sanction"
    _, rewards, *_ = row.step(dict.fromkeys(row.agents, 0.0))
    assert rewards["player_0"] == pytest.approx(20 - 5 + 0.4 * 26)
    assert batched.phase == "sanction"  # the batch itself has not moved


@pytest.mark.parametrize(
    ("config", "action"),
    [(PublicGood(), 20.5), (PublicGood(), 21), (PublicGood(), -1), (PublicGood(), float("nan")), (PublicGood(), "ten"),
     (PublicGood(tokens="real"), 20.01), (FishWar(), 0.0), (FishWar(), 1.01)],
)  # fmt: skip
def test_illegal_choices_are_refused_on_both_faces(config: StageGame, action: object) -> None:
    environment = config.build()
    environment.reset(seed=0)
    fine = 0.5 if config.kind == "fish_war" else 1.0
    actions: dict[str, object] = dict.fromkeys(environment.agents, fine)
    actions["player_1"] = action
    with pytest.raises(IllegalActionError, match=r"player_1.*choose.*from"):
        environment.step(actions)
    if isinstance(action, float | int):
        batched = config.batched(1)
        batched.reset(np.arange(1))
        with pytest.raises(IllegalActionError, match="player_1"):
            batched.step(np.array([[actions[agent] for agent in config.seats()]], dtype=np.float64))


def test_fines_travel_as_lists_or_codes_but_never_to_oneself() -> None:
    spec = Fines(players=4, own=1, most=3)
    assert spec.parse([0, 0, 2, 3]) == encode_fines(np.array([0, 0, 2, 3]), 3)
    assert spec.legal(spec.parse([3, 0, 0, 1]))
    assert decode_fines(np.array(spec.parse([3, 0, 0, 1])), 4, 3).tolist() == [3, 0, 0, 1]
    for wrong in ([0, 1, 0, 0], [0, 0, 4, 0], [0, 0, 0], -1, 4.0**4, [0, 0, 0.5, 0]):
        assert not spec.legal(wrong)


def specs(*agents: str | tuple[str, dict[str, object]]) -> list[AgentSpec]:
    return [AgentSpec(a) if isinstance(a, str) else AgentSpec(a[0], a[1]) for a in agents]


def choices(config: StageGame, agents: Sequence[AgentSpec], rounds: int | None = None) -> np.ndarray:
    """What was chosen, shape (rounds, N)."""
    steps = rollout(config, agents, [1], steps=True).steps
    assert steps is not None
    chosen = steps["action"][steps["phase"] == "choose"].reshape(-1, config.players)
    return chosen[:rounds]


def test_equilibrium_players_earn_66_and_the_optimum_more() -> None:
    config = OstromGardnerWalker(horizon=10)
    nash = rollout(config, specs(*["stage.equilibrium"] * 8), [0])
    assert nash.returns[0].tolist() == [660.0] * 8
    assert nash.outcome["efficiency"][0] == pytest.approx(128 / 324)
    real = OstromGardnerWalker(horizon=1, tokens="real")
    best = rollout(real, specs(*["stage.optimum"] * 8), [0])
    assert best.returns[0].tolist() == [90.5] * 8
    assert best.outcome["efficiency"][0] == pytest.approx(1.0)


def test_best_repliers_settle_at_the_equilibrium_when_they_are_two() -> None:
    config = OstromGardnerWalker(players=2, endowment=36, tokens="real", horizon=40)
    played = choices(config, specs(("stage.best_reply", {"first": 0}), ("stage.best_reply", {"first": 36})))
    np.testing.assert_allclose(played[-1], 24.0, atol=1e-9)  # 72 / (2 + 1)


def test_free_rider_among_contributors_earns_44() -> None:
    result = rollout(PublicGood(horizon=1), specs("stage.free_rider", *["stage.optimum"] * 3), [0])
    assert result.returns[0].tolist() == [44, 24, 24, 24]


def test_punishers_discipline_a_fearful_free_rider() -> None:
    config = PublicGood(horizon=5, fining={"fee": 1, "fine": 3})
    agents = specs("stage.fearful_free_rider", *[("stage.punisher", {"fines": 2})] * 3)
    assert choices(config, agents)[:, 0].tolist() == [0, 20, 20, 20, 20]
    result = rollout(config, agents, [0])
    assert result.outcome["fines"][0] == 6
    assert result.returns[0].tolist() == [44 - 18 + 4 * 32] + [24 - 2 + 4 * 32] * 3
    assert choices(PublicGood(horizon=5), agents)[:, 0].tolist() == [0] * 5  # nobody can fine: rides free for ever


def test_conditional_cooperators_follow_each_other_down() -> None:
    agents = specs("stage.free_rider", *[("stage.conditional_cooperator", {"first": 18})] * 3)
    assert choices(PublicGood(horizon=4, tokens="real"), agents).tolist() == [
        [0, 18, 18, 18], [0, 12, 12, 12], [0, 8, 8, 8], pytest.approx([0, 16 / 3, 16 / 3, 16 / 3]),
    ]  # fmt: skip


def test_a_voted_norm_is_seen_in_the_next_round_and_punishers_enforce_it() -> None:
    config = PublicGood(horizon=2, fining={}, voting={"rule": "median"})
    steps = rollout(config, specs(("stage.fixed", {"choice": 6}), *["stage.punisher"] * 3), [0], steps=True).steps
    assert steps is not None
    assert steps["norm_next"][steps["phase"] == "norm"].reshape(2, 4)[0].tolist() == [20.0] * 4
    assert steps["fines_paid"][steps["phase"] == "sanction"].reshape(2, 4)[:, 0].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("players", "share", "stock"), [(1, 0.64, 0.50606), (2, 0.390244, 0.363892), (5, 0.179775, 0.217054)]
)
def test_fish_war_simulation_meets_levhari_and_mirman(players: int, share: float, stock: float) -> None:
    config = FishWar(players=players, elasticity=0.4, discount=0.9, horizon=500)
    result = rollout(config, specs(*["stage.equilibrium"] * players), [0], steps=True)
    assert result.steps is not None
    assert result.steps["action"] == pytest.approx(np.full(500 * players, share), abs=1e-6)
    assert result.outcome["stock_final"][0] == pytest.approx(stock, abs=1e-6)
    exact = fish_war.steady_stock(players * fish_war.equilibrium_share(players, 0.4, 0.9), 0.4)
    assert result.outcome["stock_final"][0] == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("players", [1, 2, 5])
def test_no_other_share_pays_against_the_equilibrium(players: int) -> None:
    """By definition: the discounted utility of player 0 peaks at the equilibrium share, on a grid of deviations."""
    share = fish_war.equilibrium_share(players, 0.4, 0.9)
    config = FishWar(players=players, horizon=300)
    weights = 0.9 ** np.arange(300)

    def worth(own: float) -> float:
        agents = specs(("stage.fixed", {"choice": own}), *["stage.equilibrium"] * (players - 1))
        steps = rollout(config, agents, [0], steps=True).steps
        assert steps is not None
        return float(weights @ steps["reward"].reshape(300, players)[:, 0])

    best = worth(share)
    assert all(worth(share + change) < best for change in (-0.05, -0.01, -1e-3, 1e-3, 0.01, 0.05))
    assert fish_war.best_reply_share((players - 1) * share, 0.4, 0.9) == pytest.approx(share, abs=1e-6)


def test_greed_empties_the_sea_but_utilities_stay_finite() -> None:
    result = rollout(FishWar(horizon=5), specs(*[("stage.fixed", {"choice": 0.9})] * 2), [0])
    assert result.outcome["T_emptied"][0] == 1
    assert np.isfinite(result.returns).all()
    calm = rollout(FishWar(horizon=5), specs(*["stage.optimum"] * 2), [0])
    assert calm.outcome["discounted"][0] > result.outcome["discounted"][0]


def test_agents_of_other_games_are_refused_by_name() -> None:
    from gamesim.core.errors import ScenarioError
    from gamesim.envs.commons.config import Commons

    with pytest.raises(ScenarioError, match=r"stage\.punisher.*commons"):
        rollout(Commons(), specs(*["stage.punisher"] * 10), [0])
    with pytest.raises(ScenarioError, match=r"commons\.greedy.*public_good"):
        rollout(PublicGood(), specs(*["commons.greedy"] * 4), [0])
    with pytest.raises(ScenarioError, match="legal choice"):
        rollout(PublicGood(), specs(*[("stage.fixed", {"choice": 25})] * 4), [0])


def test_a_configuration_gives_its_formal_game() -> None:
    three = OstromGardnerWalker(players=3)
    table = three.to_normal_form([0, 4.5, 8, 10])
    assert table.shape == (4, 4, 4)
    assert table.exact[0, 2, 1, 0] == three.rules().payoffs(np.array([[8, 4.5, 0]]), np.array([0.0]))[0, 0]
    assert PublicGood().to_normal_form(2).pure_equilibria() == [(0, 0, 0, 0)]
    assert OstromGardnerWalker().game().actions == tuple(str(x) for x in range(11))
    assert len(OstromGardnerWalker(endowment=25).game().actions) == 6
    assert len(PublicGood().game().actions) == 21
    assert FishWar().game() is None
