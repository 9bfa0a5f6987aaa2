"""Axelrod's strategies in our games and ours in its matches; skipped where Axelrod is not installed."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from gamesim.bridges.axelrod import AxelrodAgent, as_player, strategy_class
from gamesim.core.errors import MissingExtraError, ScenarioError, UnknownKindError
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build
from gamesim.run.rollout import rollout

HERE = importlib.util.find_spec("axelrod") is not None
needs = pytest.mark.skipif(not HERE, reason="Axelrod is not installed: pip install 'gamesim[axelrod]'")
MATCH = {"kind": "matrix", "horizon": 200}


def played(first: Any, second: Any, **environment: Any) -> list[tuple[str, str]]:
    """The actions of one match of ours, as letters."""
    config = build("environments", {**MATCH, **environment})
    specs = [AgentSpec(s["kind"], {k: v for k, v in s.items() if k != "kind"}) for s in (first, second)]
    steps = rollout(config, specs, np.array([4]), steps=True).steps
    assert steps is not None
    return [("CD"[int(a)], "CD"[int(b)]) for a, b in np.asarray(steps["played"]).reshape(-1, 2)]


def theirs(name: str) -> dict[str, Any]:
    return {"kind": "axelrod", "strategy": name}


@pytest.mark.skipif(HERE, reason="Axelrod is installed")
def test_without_axelrod_the_line_that_installs_it() -> None:
    agent = AxelrodAgent(strategy="Tit For Tat")
    for attempt in (lambda: agent.build(build("environments", MATCH)), lambda: as_player("matrix.grim")):
        with pytest.raises(MissingExtraError, match=r"pip install 'gamesim\[axelrod\]'"):
            attempt()


@needs
def test_tit_for_tat_against_alternator_move_by_move() -> None:
    import axelrod

    known = axelrod.Match((axelrod.TitForTat(), axelrod.Alternator()), turns=200).play()
    guest = axelrod.Match((as_player("matrix.tit_for_tat"), as_player("matrix.alternator")), turns=200, seed=1).play()
    mixed = axelrod.Match((as_player("matrix.tit_for_tat"), axelrod.Alternator()), turns=200, seed=1).play()
    assert known == guest == mixed
    letters = [(str(a), str(b)) for a, b in known]
    assert played({"kind": "matrix.tit_for_tat"}, {"kind": "matrix.alternator"}) == letters
    assert played(theirs("Tit For Tat"), theirs("Alternator")) == letters
    assert played(theirs("TitForTat"), {"kind": "matrix.alternator"}) == letters


@needs
@pytest.mark.parametrize("name", ["Grudger", "Adaptive", "Gradual", "Evolved FSM 16", "Meta Hunter", "BackStabber"])
def test_deterministic_strategies_play_here_as_there(name: str) -> None:
    import axelrod

    for other in ("Alternator", "Tit For Tat", "Cycler DC"):
        players = (strategy_class(name)(), strategy_class(other)())
        known = [(str(a), str(b)) for a, b in axelrod.Match(players, turns=60, seed=2).play()]
        assert played(theirs(name), theirs(other), horizon=60) == known


@needs
def test_a_player_that_is_not_at_hand_is_taken_through_the_history() -> None:
    config = build("environments", {**MATCH, "horizon": 40})
    rng = np.random.default_rng(0)
    for name in ("Random", "Gradual", "ZD-Extort-2", "Adaptive"):
        kept, lost = (AxelrodAgent(strategy=name).build(config) for _ in range(2))
        states = [kept.initial_state(np.random.default_rng(7))] * 2
        last = [-1, -1]
        for _ in range(40):
            lost._live.clear()
            seen = {"last": np.array(last), "index": np.array(0)}
            (one, first), (two, second) = kept.act(seen, states[0], rng), lost.act(seen, states[1], rng)
            assert (one, first) == (two, second), name
            states, last = [first, second], [one, int(rng.random() < 0.5)]


@needs
def test_stochastic_rules_of_ours_are_seeded_by_axelrods_match() -> None:
    import axelrod

    def match(seed: int) -> Any:
        rule = {"kind": "matrix.memory_one", "first": 0.5, "after": [0.5] * 4}
        return axelrod.Match((as_player(rule), axelrod.Cooperator()), turns=100, seed=seed).play()

    assert match(1) == match(1) != match(2)
    found = axelrod.Match((as_player("matrix.random"), axelrod.Defector()), turns=400, seed=3)
    found.play()
    assert 0.4 < found.normalised_cooperation()[0] < 0.6


@needs
def test_what_cannot_play_is_named() -> None:
    with pytest.raises(UnknownKindError, match="Did you mean 'Tit For Tat'"):
        strategy_class("Tit For Tatt")
    with pytest.raises(ScenarioError, match="reads or changes its opponent"):
        strategy_class("Darwin")
    shapley = build("environments", {"kind": "matrix", "stage": "shapley"})
    with pytest.raises(ScenarioError, match="two players have two actions"):
        AxelrodAgent(strategy="Tit For Tat").build(shapley)
    with pytest.raises(ScenarioError, match="cannot be made"):
        AxelrodAgent(strategy="Tit For Tat", parameters={"eyes": 2}).build(build("environments", MATCH))
