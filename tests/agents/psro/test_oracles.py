"""Oracles that propose and learn: what enters a pool, what does not, and what a weighted learner ends at."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gamesim_agents.psro.network import Network
from gamesim_agents.psro.network_policy import NetworkPolicy, written
from gamesim_agents.psro.oracles.llm import LlmOracle
from gamesim_agents.psro.oracles.ppo import Ppo
from gamesim_agents.psro.oracles.screening import Mixture
from pydantic import ValidationError

from gamesim.core.errors import ScenarioError
from gamesim.core.policy import AgentSpec
from gamesim.core.risk import MeanVariance, Neutral
from gamesim.envs.repeated.config import Matrix
from gamesim.run.record import Record
from gamesim.run.replay import replay
from gamesim.run.reuse import forget
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

HUNT = Matrix(payoffs=[[[4, 0], [3, 3]], [[4, 3], [0, 3]]], horizon=1)
STAG, HARE = AgentSpec("matrix.cooperator"), AgentSpec("matrix.defector")
POOLS = (((STAG, HARE), np.array([0.5, 0.5])), ((STAG, HARE), np.array([0.99, 0.01])))

PSRO: dict[str, Any] = {
    "kind": "psro",
    "name": "proposals",
    "environment": {"kind": "stag_hunt"},
    "policies": [{"agent": "stag_hunt.hunt"}],
    "samples": {"initial": 100, "batch": 50},
    "meta_solver": {"kind": "rae", "aversion": 0.01, "tremble": 0.01},
    "models": {
        "designer": {
            "backend": "scripted",
            "by": "agent",
            "answers": [{"policy": "stag_hunt.forage"}, {"policy": "stag_hunt.guard"}, "Let us all be friends."],
        }
    },
    "oracle": {
        "kind": "llm",
        "model": "designer",
        "family": [{"agent": "stag_hunt.guard"}, {"agent": "stag_hunt.forage"}],
        "screen": 100,
    },
    "stop": {"iterations": 3, "tolerance": 0.01},
}


@pytest.fixture(autouse=True)
def _lends_nothing() -> None:
    forget()


# ---- screening ---------------------------------------------------------------------------------------------------------


def test_worth_is_the_gradient_of_the_players_objective() -> None:
    """One-step stag hunt, exactly: w_b = 1 - 2 lam (X_b - E X) at even play."""
    mixture = Mixture(HUNT, 0, POOLS, MeanVariance(4.0), np.random.default_rng(0), episodes=200)
    x = np.array([3.5, 1.5])  # half stag, half hare, against a stag and a hare
    s = np.array([0.99, 0.01])
    w = 1 - 8 * (x - s @ x)
    assert mixture.weights == pytest.approx(w)
    assert mixture.worth(STAG) == pytest.approx(float((s * w) @ [4, 0]))
    assert mixture.worth(HARE) == pytest.approx(float((s * w) @ [3, 3]))
    gain, (low, high) = mixture.gain(STAG)
    assert (gain, low, high) == pytest.approx((0, 0, 0))  # stag is the best of the pool


def test_variance_inside_cells_counts_where_it_is_asked_for() -> None:
    noisy = Matrix(payoffs=[[[2, 0], [0.9, 0.9]], [[0, 0], [0, 0]]], horizon=1, noise=0.5)
    even = ((STAG, HARE), np.array([0.5, 0.5]))
    pools = (even, ((STAG,), np.ones(1)))
    neutral = Mixture(noisy, 0, pools, Neutral(), np.random.default_rng(0), episodes=4000)
    averse = Mixture(noisy, 0, pools, MeanVariance(1.0, "strategic+env"), np.random.default_rng(0), episodes=4000)
    spread = neutral.returns(STAG)[0].var(ddof=1)
    assert averse.worth(STAG) == pytest.approx(neutral.worth(STAG) - spread)


# ---- language models ---------------------------------------------------------------------------------------------------


def play(tmp_path: Path, name: str = "a", **more: Any) -> Record:
    return run(load_scenario(json.dumps(PSRO | more)), store=tmp_path / name)


def events(record: Record, kind: str) -> list[dict[str, Any]]:
    return [dict(event.data) for event in record.events(kind)]


def test_a_proposal_enters_only_if_play_confirms_it(tmp_path: Path) -> None:
    record = play(tmp_path)
    pools = [solved["pools"] for unit in record.units if "pools" in (solved := _data(record, unit))][-1]
    assert [[policy["agent"]["kind"] for policy in pool] for pool in pools] == [
        ["stag_hunt.hunt", "stag_hunt.guard"]
    ] * 2
    outcomes = [event["outcome"] for event in events(record, "proposal")]
    assert outcomes.count("malformed") == len(outcomes) / 3  # what is no policy is an event, and nothing more
    screened = events(record, "screened")
    assert {event["told"]: event["accepted"] for event in screened} == {
        "stag_hunt.guard": True,
        "stag_hunt.forage": False,
    }
    assert all(event["interval"][0] > 0 for event in screened if event["accepted"])


def test_a_replay_asks_nobody(tmp_path: Path) -> None:
    record = play(tmp_path)
    assert replay(record.path, verify=True).verified == len(
        record.units
    )  # offline: a question without record is an error
    forget()
    assert play(tmp_path, "b").digest() == record.digest()


def _data(record: Record, unit: Any) -> dict[str, Any]:
    return record.journal(unit).events[-1].data.get("data") or {}


@pytest.mark.parametrize(
    "answer,outcome",
    [
        ({"policy": "driving.gap_acceptance", "threshold": 1}, "ok"),
        ({"policy": "driving.gap_acceptance", "threshold": 11}, "illegal"),
        ({"policy": "driving.gap_acceptance", "threshold": "wide"}, "malformed"),
        ({"policy": "matrix.grim", "threshold": 1}, "illegal"),
    ],
)
def test_a_proposal_keeps_to_its_family(answer: dict[str, Any], outcome: str) -> None:
    from gamesim.core.model import ModelReply, Params
    from gamesim.envs.driving.config import ConflictPoint

    told: list[dict[str, Any]] = []
    asked: list[Any] = []

    class Line:
        unit = "u"

        def desk(self, model: str) -> Any:
            return SimpleNamespace(name="m", structured="json_schema", params=Params())

        def ask(self, request: Any, **at: Any) -> Any:
            asked.append(request)
            return SimpleNamespace(reply=ModelReply(json.dumps(answer)), failure=None, key="k")

    writer = SimpleNamespace(event=lambda type, **data: told.append({"type": type, **data}))
    family = [{"agent": "driving.gap_acceptance", "vary": {"threshold": [-9, 9]}}]
    oracle = LlmOracle.model_validate({"model": "m", "family": family, "candidates": 1, "screen": 400})
    go = AgentSpec("driving.gap_acceptance", {"threshold": -9.0, "threshold_sd": 0.0, "bias_sd": None})
    pools = (((go,), np.ones(1)),) * 2
    context = SimpleNamespace(broker=Line(), writer=writer)
    found = oracle.build()(ConflictPoint(), 0, pools, risk=Neutral(), rng=np.random.default_rng(0), context=context)
    assert told[0]["outcome"] == outcome
    assert found.exact is False
    if outcome == "ok":  # against a driver who never yields, yielding gains
        assert found.agent.params["threshold"] == 1
        assert found.interval[0] > 0
    else:
        assert found.agent.id == go.id
    text = asked[0].messages[1].content
    assert "between -9 and 9" in text
    assert "threshold -9" in text


def test_families_that_make_no_sense_are_refused() -> None:
    def oracle(*family: dict[str, Any]) -> LlmOracle:
        return LlmOracle.model_validate({"model": "m", "family": family})

    for bad in (
        [{"agent": "driving.gap_acceptance", "vary": {"threshold": [9, -9]}}],
        [{"agent": "driving.gap_acceptance", "vary": {"treshold": [-9, 9]}}],
        [{"agent": "driving.gap_acceptance", "vary": {"threshold": [-900, 9]}}],
        [{"agent": "stag_hunt.guard"}, {"agent": "stag_hunt.guard"}],
        [],
    ):
        with pytest.raises((ValidationError, ScenarioError)):
            oracle(*bad)
    with pytest.raises(ScenarioError, match=r"driving\.gap_acceptance: It drives in conflict_point"):
        load_scenario(
            json.dumps(PSRO | {"oracle": {**PSRO["oracle"], "family": [{"agent": "driving.gap_acceptance"}]}})
        )


# ---- learning ----------------------------------------------------------------------------------------------------------


def test_a_network_draws_by_its_chances_and_refuses_what_does_not_fit() -> None:
    parts = ((np.array([[0.0, 0.0]]), np.log([0.25, 0.75])),)
    keys: dict[str, Any] = {"keys": ["round"], "sizes": [1, 2], "shift": [0.0], "scale": [1.0]}
    policy = NetworkPolicy.of(Network(**keys, weights=written(parts)))
    seen = {"round": np.ones((4000, 1))}
    assert policy.distribution(seen)[0, 0] == pytest.approx([0.25, 0.75], abs=1e-6)
    actions, _ = policy.act(seen, None, np.linspace(0, 1, 4000, endpoint=False)[:, None, None])
    assert actions.mean() == pytest.approx(0.75, abs=1e-3)
    with pytest.raises(ValidationError, match="need 4 finite"):
        Network(**keys, weights=written(parts[:1] * 2))
    with pytest.raises(ScenarioError, match="'round'"):
        policy.distribution({"place": np.zeros((1, 1))})


def test_ppo_says_where_it_plays() -> None:
    from gamesim.envs.driving.config import ConflictPoint

    assert Ppo().misfit(HUNT) is None
    assert "few" in str(Ppo().misfit(ConflictPoint()))


def stag_share(spec: AgentSpec) -> float:
    policy = NetworkPolicy.of(Network(**spec.params))
    seen = HUNT.batched(1).reset(np.array([0])).observation
    return float(policy.distribution({key: value[:, :1] for key, value in seen.items()})[0, 0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_weighted_ppo_mixes_as_the_closed_form_says(seed: int) -> None:
    """Best response of aversion 4 to a partner who hunts stag with .99: (.96 / 1.2672) stag."""
    oracle = Ppo().build()
    averse = oracle.learned(HUNT, 0, POOLS, MeanVariance(4.0), np.random.default_rng(seed))  # type: ignore[attr-defined]
    assert stag_share(averse) == pytest.approx(0.757576, abs=0.05)
    neutral = oracle.learned(HUNT, 0, POOLS, MeanVariance(0.0), np.random.default_rng(seed))  # type: ignore[attr-defined]
    assert stag_share(neutral) >= 0.95


@pytest.mark.slow
def test_ppo_answers_in_a_run(tmp_path: Path) -> None:
    oracle = {"kind": "ppo", "batches": 40, "episodes": 64, "rate": 0.01, "evaluate": 200}
    record = play(tmp_path, oracle=oracle, models={}, risk="neutral", meta_solver="uniform", stop={"iterations": 2, "tolerance": 0.01})  # fmt: skip
    answers = events(record, "answer")
    assert record.manifest.status == "complete"
    assert all(
        not answer["exact"] and answer["interval"][0] <= answer["gain"] <= answer["interval"][1] for answer in answers
    )


def test_ppo_begins_at_the_best_network_of_the_own_pool() -> None:
    """Too short to learn much, it keeps what it began with; without a warm start it is near even play."""
    short = Ppo(batches=1, episodes=64, hidden=(8, 8), epochs=1, evaluate=64)
    probe = short.build().learned(HUNT, 0, POOLS, Neutral(), np.random.default_rng(0))  # type: ignore[attr-defined]
    inside = probe.params["sizes"][0]
    pool = [STAG]
    for lean in (4.0, -4.0):
        parts = tuple((np.zeros((a, b)), np.zeros(b)) for a, b in ((inside, 8), (8, 8)))
        weights = written((*parts, (np.zeros((8, 2)), np.array([lean, 0.0]))))
        pool.append(AgentSpec("network", {**probe.params, "weights": weights}))
    pools = ((tuple(pool), np.array([1.0, 0, 0])), POOLS[1])
    warm = short.build().learned(HUNT, 0, pools, Neutral(), np.random.default_rng(0))  # type: ignore[attr-defined]
    assert stag_share(warm) > 0.9  # against a likely stag hunter the network that hunts stag is worth more
    cold = short.model_copy(update={"warm_start": False}).build()
    assert stag_share(cold.learned(HUNT, 0, pools, Neutral(), np.random.default_rng(0))) < 0.7  # type: ignore[attr-defined]
    other = short.model_copy(update={"hidden": (4,)}).build()  # no network of the pool fits
    assert stag_share(other.learned(HUNT, 0, pools, Neutral(), np.random.default_rng(0))) < 0.7  # type: ignore[attr-defined]
