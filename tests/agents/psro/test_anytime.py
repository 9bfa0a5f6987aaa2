"""Anytime play: mixtures whose exploitability falls as pools grow, by a linear program and by learning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gamesim_agents.psro.anytime import least_exploitable, regret_matched
from gamesim_agents.psro.exact import State, mixture, polytope, start, step

from gamesim.core.errors import GamesimError, NotZeroSumError, ScenarioError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry
from gamesim.run.record import Record
from gamesim.run.replay import replay
from gamesim.scenario.resolve import load_scenario
from tests.psro_runs import played

KUHN = {"kind": "psro", "game": "kuhn", "anytime": "regret", "stop": {"iterations": 8, "checkpoint": 2}}


def zero_sum_game(seed: int, k: int = 7) -> NormalFormGame:
    rng = np.random.default_rng(seed)
    a = rng.uniform(size=(k, k)) if seed % 2 else rng.integers(-3, 4, size=(k, k)).astype(float)
    return NormalFormGame(np.array([a, -a]))


def grown(game: Any, iterations: int, **how: Any) -> State:
    state = start(polytope(game), [(0,), (0,)] if isinstance(game, NormalFormGame) else None)
    for _ in range(iterations):
        state = step(state, anytime=True, **how)
        if state.gain <= 1e-9:
            break
    return state


def exploited(state: State, mixtures: Any) -> float:
    """What unrestricted opponents take from both mixtures together, less the constant, halved."""
    found = 0.0
    for i in range(2):
        pair: list[Any] = [None, None]
        pair[i] = mixture(state.plans[i], mixtures[i])
        slope = state.subject.gradient(1 - i, pair)
        found += float(state.subject.answer(1 - i, slope)[0] @ slope)
    return found / 2


@pytest.mark.parametrize("seed", range(12))
def test_it_ends_at_an_equilibrium(seed: int) -> None:
    """A least exploitable mixture has several best answers; that one of them is in the pool already must not end the loop."""
    state = grown(zero_sum_game(seed), 40)
    assert state.gain <= 1e-9
    assert state.nash_conv < 1e-9


def test_kuhn_ends_at_its_value() -> None:
    state = grown(entry("games", "kuhn")(), 12)
    assert state.nash_conv < 1e-9
    assert state.value == pytest.approx(-1 / 18, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kuhn", "leduc"])
def test_thirty_iterations_never_rise(name: str) -> None:
    """Statement 22: no rise above 1e-9, and what ``nash`` plays on the same pools is no less exploitable."""
    state = start(polytope(entry("games", name)()))
    curve = []
    for _ in range(30):
        state = step(state, anytime=True)
        curve.append(state.exploitability)
    assert (np.diff(curve) <= 1e-9).all()
    plain = step(state, population=True)
    assert plain.population <= plain.exploitability + 1e-9


@pytest.mark.parametrize("game", ["kuhn", 3, 4], ids=str)
def test_what_is_learnt_is_nearly_the_least_exploitable(game: str | int) -> None:
    """Within a hundredth of the payoff range when payoffs are known, and three hundredths when they are sampled, on average."""
    state = grown(entry("games", game)() if isinstance(game, str) else zero_sum_game(game), 3)
    scale, (_, least) = state.subject.scale, least_exploitable(state.subject, state.plans)
    rng = np.random.default_rng(0)
    known = exploited(state, regret_matched(state.subject, state.plans, 500, None, rng))
    assert least - 1e-9 <= known <= least + 0.01 * scale
    sampled = [exploited(state, regret_matched(state.subject, state.plans, 500, 2, rng)) for _ in range(5)]
    assert np.mean(sampled) <= least + 0.03 * scale


def exploitabilities(record: Record) -> list[float]:
    return [float(event.data["exploitability"]) for event in record.events("iteration")]


def test_learnt_play_of_sampled_kuhn_improves_and_repeats(tmp_path: Path) -> None:
    sampled = {**KUHN, "samples": {"initial": 1000}, "anytime": {"kind": "regret", "steps": 150, "episodes": 5}}
    here = played(tmp_path / "a", sampled)
    curve = exploitabilities(here)
    assert curve[-1] < 0.05 < 0.4 < curve[0]
    assert played(tmp_path / "b", sampled, workers=2).digest() == here.digest()
    assert replay(here.path, verify=True).verified == len(here.units) > 1
    cut = played(tmp_path / "c", {**sampled, "stop": {"iterations": 8, "checkpoint": 3}})
    assert exploitabilities(cut) == curve  # where blocks end does not show


def test_learnt_play_of_known_kuhn(tmp_path: Path) -> None:
    curve = exploitabilities(played(tmp_path / "a", KUHN))
    assert curve[-1] < 0.01


@pytest.mark.slow
def test_learnt_play_falls_in_expectation(tmp_path: Path) -> None:
    curves = []
    for seed in range(8):
        data = {**KUHN, "seed": seed, "samples": {"initial": 300}, "anytime": {"kind": "regret", "steps": 200}}
        curve = exploitabilities(played(tmp_path / f"s{seed}", data))
        curves.append(curve + [curve[-1]] * (8 - len(curve)))
    assert (np.diff(np.mean(curves, axis=0)) <= 0.01).all()


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"game": "chicken"}, "its payoffs do not add to a constant. Leave anytime out, and name a meta-solver: nash"),
        ({"game": "three_bakers"}, "it has 3 players"),
        ({"meta_solver": "prd"}, "stands where 'prd' would"),
        ({"risk": {"kind": "entropic", "tau": 1}}, "Leave risk out"),
        ({"anytime": "exact", "samples": {"initial": 100}}, "Use anytime: regret"),
        ({"anytime": {"kind": "regret", "step": 3}}, "Did you mean 'steps'"),
        ({"anytime": "regrets"}, "Did you mean 'regret'"),
    ],
)
def test_it_says_what_is_wrong(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(GamesimError) as caught:
        load_scenario(json.dumps({**KUHN, **changes}))
    assert words in str(caught.value)
    assert isinstance(caught.value, (NotZeroSumError, ScenarioError))
