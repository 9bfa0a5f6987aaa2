"""A rule behind the interface of a model plays what the rule plays itself, in every game that describes itself."""

from collections.abc import Callable
from typing import Any

import pytest

from gamesim.core.errors import ScenarioError
from gamesim.core.registry import build, entry, names

C = {"kind": "commons", "players": 4, "horizon": 5, "collapse": "all_dead"}
NONE = {"sanctions": None, "revision": None, "voting": None}
UNITS = {"catch": "request", "rationing": "lottery"}
FREE = {"consumption": 0, "starvation": "none"}
GAMES: dict[str, dict[str, Any]] = {
    "commons": C,
    "counter": {**C, "institutions": {"voting": "plurality", "sanctions": {"kind": "counter", "cost": 1}}},
    "sentences": {**C, "institutions": {"voting": {"rule": "plurality", "norms": "text"}}},
    "leader": {**C, "institutions": {"leader": {"every": 2, "quotas": "equal"}, "sanctions": {"kind": "pool"}}},
    "units": {**C, "growth": {"law": "doubling_cap", "capacity": 100}, "harvest": UNITS, "upkeep": FREE, "institutions": NONE},
    "chore": {**C, "growth": {"law": "inverse", "capacity": 100, "initial": 0}, "harvest": UNITS, "upkeep": FREE, "institutions": NONE},
    "two": {**C, "second_stock": {"law": "logistic", "capacity": 200}},
    "dim": {
        **C, "information": {"visibility": {"sampled": 2}, "stock_visible": False},
        "perturbations": [{"kind": "newcomer", "at": 3, "count": 1}, {"kind": "turnover", "probability": 0.2}],
    },
    "dilemma": {"kind": "matrix", "horizon": 8, "noise": 0.1},
    "shapley": {"kind": "matrix", "stage": "shapley", "horizon": 8},
    "public_good": {"kind": "public_good", "horizon": 4, "fining": {}, "voting": {}},
    "appropriation": {"kind": "ostrom_gardner_walker", "players": 4, "horizon": 3, "tokens": "real"},
    "fish_war": {"kind": "fish_war", "horizon": 5},
    "hats": {"kind": "levine_hats", "horizon": 3},
    "auction": {"kind": "position_auction", "horizon": 3},
    "cards": {"kind": "efg", "game": "kuhn", "repeat": 3},
    "crossing": {"kind": "conflict_point", "horizon": 1},
    "overtaking": {"kind": "conflict_point", "variant": "two_way", "horizon": 1},
    "stag_hunt": {"kind": "stag_hunt", "horizon": 6},
}  # fmt: skip
FAMILY = {
    "commons": "commons",
    "matrix": "matrix",
    "public_good": "stage",
    "ostrom_gardner_walker": "stage",
    "fish_war": "stage",
    "conflict_point": "driving",
    "efg": "efg",
    "stag_hunt": "stag_hunt",
    "levine_hats": "hats",
    "position_auction": "auction",
}
PARAMETERS = {"efg.table": {"play": {}}, "stage.fixed": {"choice": 1.0}}


def test_every_game_that_describes_itself_is_here() -> None:
    described = set()
    for name in names("environments"):
        try:
            config = build("environments", name)
        except ScenarioError:
            continue  # needs keys
        if config.describer() is not None:
            described.add(name)
    assert described <= {game["kind"] for game in GAMES.values()}


def cases() -> list[Any]:
    found = []
    for name, game in GAMES.items():
        for kind in names("agents"):
            if kind.split(".")[0] != FAMILY[game["kind"]] or kind in PARAMETERS:
                continue
            try:
                build("agents", kind).build(build("environments", game))
            except (ScenarioError, ValueError):
                continue  # another game's, or one that needs keys
            found.append(pytest.param(game, kind, id=f"{name}-{kind}"))
    return found


@pytest.mark.parametrize(("game", "kind"), cases())
def test_the_same_steps(game: Any, kind: str, play: Callable[..., Any], same_table: Callable[..., None]) -> None:
    spoken = play(game, f"rule:{kind}")
    same_table(spoken, play(game, f"agent:{kind}", journal="other.sqlite"))
    assert spoken.calls
    assert all(d.outcome == "ok" for step in spoken.steps for d in step.decisions.values())


def test_beside_rules_and_each_other(play: Callable[..., Any], same_table: Callable[..., None]) -> None:
    """Half of a society behind the interface, half not."""
    rules = ["commons.paper_abm", "commons.greedy", "commons.random", "commons.norm_follower"]
    mixed = [f"rule:{rules[0]}", f"agent:{rules[1]}", f"rule:{rules[2]}", f"agent:{rules[3]}"]
    same_table(play(C, mixed), play(C, [f"agent:{rule}" for rule in rules], journal="other.sqlite"))


def test_from_the_journal_alone(play: Callable[..., Any], same_table: Callable[..., None]) -> None:
    """Asked a second time, everything is answered from the journal, and play and streams are the same."""
    for rule in ("commons.q_learner", "commons.random", "random"):
        first = play(C, f"rule:{rule}", journal=f"{rule}.sqlite")
        again = play(C, f"rule:{rule}", journal=f"{rule}.sqlite")
        same_table(first, again)
        assert first.journal.events == again.journal.events


def test_short_names_find_the_rule_of_the_game(play: Callable[..., Any], same_table: Callable[..., None]) -> None:
    same_table(play(C, "rule:greedy"), play(C, "agent:commons.greedy", journal="other.sqlite"))
    same_table(play(C, "mock:greedy"), play(C, "agent:commons.greedy", journal="third.sqlite"))
    with pytest.raises(ScenarioError, match="Did you mean"):
        play(C, "rule:commons.greddy", journal="fourth.sqlite")


def test_parameters_of_a_rule(play: Callable[..., Any]) -> None:
    model = entry("models", "rule")(id="commons.fixed", parameters={"effort": 0.125}).build("fixed")
    played = play(C, model)
    efforts = {action for step in played.steps if step.phase == "harvest" for action in step.actions.values()}
    assert efforts == {0.125}
