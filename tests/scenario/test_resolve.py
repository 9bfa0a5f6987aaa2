"""Scenarios as users write them: what is read, what is refused and where, what beats what, and who set each value."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamesim.core.canonical import digest
from gamesim.core.errors import OverrideError, ScenarioError, UnknownKindError
from gamesim.scenario.identity import identity
from gamesim.scenario.resolve import dump, load_scenario, resolve_data
from gamesim.scenario.sweep import cells

Complaint = Callable[..., list[str]]


def test_of_several_forms_the_one_that_was_written_is_explained() -> None:
    """``init`` is a word or a mapping; a mapping with a misspelt key is not told that words are possible."""
    text = """
environment: {kind: commons, players: 2}
population:
  - {agent: commons.paper_abm, init: {efort: [0, 1], belief: [2, 8], punish: [0, 1]}}
"""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(text)
    assert str(caught.value) == "<text>:4:39: population.0.init.efort: unknown key. Did you mean 'effort'?"
    assert not caught.value.others
    with pytest.raises(ScenarioError, match=r"population.0.init: 'selfsh' is not possible. Did you mean 'selfish'?"):
        load_scenario(text.replace("{efort: [0, 1], belief: [2, 8], punish: [0, 1]}", "selfsh"))


def test_several_complaints_keep_the_kind_of_the_first() -> None:
    with pytest.raises(UnknownKindError) as caught:
        load_scenario("environment: {kind: comons}\npopulation: [{agent: commons.gredy}]\n")
    assert [type(one).__name__ for one in caught.value.others] == ["UnknownKindError"]


def test_what_is_read(base: str) -> None:
    scenario = load_scenario(base)
    assert scenario.environment is not None
    assert scenario.environment.seats() == ("player_0", "player_1", "player_2", "player_3")
    assert [member.agent.kind for member in scenario.population] == ["pond.calm", "pond.fierce"]
    assert scenario.population[0].agent.params == {"forgiveness": 0.2, "patience": 3}
    assert scenario.population[0].count == 3
    assert (scenario.seed, scenario.replicates, scenario.kind) == (0, 1, "play")
    assert (scenario.record.block, scenario.limits.failures) == (64, 0.05)
    assert scenario.data["population"][1] == {
        "agent": "pond.fierce", "count": 1, "probability": None, "role": "focal", "seat": None, "label": None, "bite": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name:", "sed: 3\nname:", "ScenarioError: <text>:1:1: sed: unknown key. Did you mean 'seed'?"),
        ("players", "plyers", "ScenarioError: <text>:2:27: environment.plyers: unknown key. Did you mean 'players'?"),
        ("forgiveness", "forgivness", "ScenarioError: <text>:4:34: population.0.forgivness: unknown key. Did you mean 'forgiveness'?"),
        ("count: 3", "cuont: 3", "ScenarioError: <text>:4:24: population.0.cuont: unknown key. Did you mean 'count'?"),
        ("4}", "4, growth: {law: logistic, rat: 1}}", "<text>:2:63: environment.growth.rat: unknown key. Did you mean 'rate'?"),
        ("pond.calm", "pond.clam", "UnknownKindError: <text>:4:13: population.0.agent: no agent kind 'pond.clam'. Did you mean 'pond.calm'?"),
        ("kind: pond", "kind: pnod", "UnknownKindError: <text>:2:21: environment.kind: no environment kind 'pnod'. Did you mean 'pond'?"),
        ("kind: pond", "kind: os.system", "UnknownKindError: <text>:2:21: environment.kind: no environment kind 'os.system'."),
        ("kind: pond", "kind: http://x/y.py", "UnknownKindError: <text>:2:21: environment.kind: no environment kind 'http://x/y.py'."),
        ("kind: pond", "kind: 3", "ScenarioError: <text>:2:21: environment.kind: expected the name of an environment."),
        ("kind: pond, ", "", "ScenarioError: <text>:2:14: environment.kind: is missing."),
        ("name:", "kind: plya\nname:", "UnknownKindError: <text>:1:7: kind: no experiment 'plya'. Did you mean 'play'?"),
        ("players: 4", "players: 5", "<text>:4:3: population: counts sum to 4; the environment has 5 seats. Make them sum to 5."),
        ("count: 3", "count: 7", "<text>:4:3: population: counts sum to 8; the environment has 4 seats."),
        ("players: 4", "players: '4'", "environment.players: expected a whole number >= 1 and <= 10000, got '4'."),
        ("players: 4", "players: 1e3", "<text>:2:36: environment.players: expected a whole number >= 1 and <= 10000, got 1000.0."),
        ("players: 4", "players: 0", "environment.players: expected a whole number >= 1 and <= 10000, got 0."),
        ("players: 4", "players: -1", "environment.players: expected a whole number >= 1 and <= 10000, got -1."),
        ("players: 4", "players: 1000000000", "environment.players: expected a whole number >= 1 and <= 10000, got 1000000000."),
        ("players: 4", "horizon: 1000000000", "environment.horizon: expected a whole number >= 1 and <= 10000, got 1000000000."),
        ("players: 4", "players: 4, open: no", "<text>:2:45: environment.open: expected true or false, got 'no'."),
        ("players: 4", "players: 4, motto: 012", "environment.motto: expected text, got 12."),
        ("players: 4", "players: 4, horizon: 12:30:00", "environment.horizon: expected a whole number >= 1 and <= 10000, got '12:30:00'."),
        ("players: 4", "players: 4, payoffs: [1, x]", "<text>:2:52: environment.payoffs.1: expected a number, got 'x'."),
        ("players: 4", "players: 4, payoffs: 3", "environment.payoffs: expected a list, got 3."),
        ("players: 4", "players: 4, growth: {law: logstic}", "UnknownKindError: <text>:2:53: environment.growth.law: no law 'logstic'. Did you mean 'logistic'?"),
        ("players: 4", "players: 4, growth: {rate: 1}", "environment.growth: needs the key 'law'."),
        (
            "players: 4",
            "players: 4, growth: {lwa: logistic, rate: 1}",
            "ScenarioError: <text>:2:48: environment.growth.lwa: unknown key. Did you mean 'law'?",
        ),
        ("players: 4", "players: 4, growth: {law: logistic, rate: 0}", "environment.growth.rate: expected a number > 0, got 0."),
        ("players: 4", "players: 4, ruler: elect", "environment.ruler: 'elect' is not possible. Did you mean 'elected'? Possible: none, elected."),
        ("name:", "seed: -1\nname:", "<text>:1:7: seed: expected a whole number >= 0"),
        ("name:", "replicates: 0\nname:", "<text>:1:13: replicates: expected a whole number >= 1, got 0."),
        ("name:", "replicates: 1000000000\nname:", "<text>:1:13: replicates: 15,625,000 units of work; the limit is 100,000."),
        ("name:", "limits: {wall: 10}\nname:", "<text>:1:16: limits.wall: 10 has no unit: write '10s', '10min' or '10h'."),
        ("name:", "limits: {wall: 10 parsecs}\nname:", "limits.wall: '10 parsecs' is no duration"),
        ("name:", "limits: {failures: 0.05}\nname:", "limits.failures: 0.05 has no unit: write '5%'."),
        ("name:", "limits: {failures: 500%}\nname:", "limits.failures: '500%' is more than 100%."),
        ("name:", "limits: {cost: 3}\nname:", "limits.cost: 3 has no unit: write '3 USD'."),
        ("name:", "limits: {cost: 3 EUR}\nname:", "limits.cost: '3 EUR' is no amount of money"),
        ("name:", "limits: {calls: -1}\nname:", "limits.calls: expected a whole number >= 0 (or null), got -1."),
        ("name:", "record: {steps: some}\nname:", "record.steps: 'some' is not possible. Possible: all, outcomes."),
        ("name:", "metrics: [survivl]\nname:", "UnknownKindError: <text>:1:11: metrics.0: no metric 'survivl'. Did you mean 'survival'?"),
        ("count: 3", "probability: 0.999", "population: probabilities sum to 0.999. They must sum to 1."),
        ("count: 3", "count: 3, probability: 0.5", "population.0.probability: a member has a count or a probability, not both."),
        ("count: 3", "seat: player_9", "population.0.seat: no seat 'player_9'. Did you mean 'player_"),
        ("count: 3", "seat: player_1, count: 2", "population.0.seat: a member with a seat sits there once."),
        ("count: 3", "count: 3, role: focla", "population.0.role: 'focla' is not possible. Did you mean 'focal'?"),
        ("- {agent: pond.fierce, count: 1}", "- pond.fierce", "<text>:5:5: population.1: expected a member."),
        ("environment: {kind: pond, players: 4}", "environment: pond", "<text>:2:14: environment: expected a mapping."),
        ("environment: {kind: pond, players: 4}", "", "environment: is missing."),
    ],
)  # fmt: skip
def test_bad_scenarios(base: str, complaint: Complaint, old: str, new: str, message: str) -> None:
    assert old in base
    began = time.process_time()
    told = complaint(lambda: load_scenario(base.replace(old, new, 1)))
    assert time.process_time() - began <= 2
    assert any(message in line for line in told), told
    assert all("\n" not in line and "0x" not in line for line in told)


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../b", "/x", "a/", "a//b", "''", "' '", "CON", "x/nul", "aux.txt", "lpt1", '"a\\tb"', '"a\\u202eb"', '"\\u0085"', "x" * 300, '"a\\\\b"', "---/x", "."],
)  # fmt: skip
def test_hostile_names(base: str, complaint: Complaint, name: str) -> None:
    if name == "---/x":
        name = "'---/x'"
    (told,) = complaint(lambda: load_scenario(base.replace("pond/first", name, 1)))
    assert told.startswith("ScenarioError: <text>:1:7: name: ")
    assert len(told) < 200


def test_a_root_that_is_no_mapping_and_no_scenario_at_all(complaint: Complaint, tmp_path: Path) -> None:
    assert "a scenario is a mapping of keys." in complaint(lambda: load_scenario("- 1\n- 2\n"))[0]
    assert "no such file." in complaint(lambda: load_scenario(tmp_path / "absent.yaml"))[0]
    assert "is a directory." in complaint(lambda: load_scenario(tmp_path))[0]


def test_many_errors_come_together_twenty_of_them(base: str) -> None:
    keys = "\n".join(f"unknown_{i}: 1" for i in range(25))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(f"{base}{keys}\n")
    assert len(caught.value.others) == 19
    assert caught.value.more == 5
    lines = [int(str(error.where).split(":")[1]) for error in (caught.value, *caught.value.others)]
    assert lines == sorted(lines)


def deletions(text: str, word: str) -> list[str]:
    return [text.replace(word, word[:i] + word[i + 1 :], 1) for i in range(len(word))]


def test_a_letter_left_out_of_a_key_is_found(base: str) -> None:
    full = (
        base
        + "seed: 3\nreplicates: 2\nlimits: {wall: 10min}\nrecord: {block: 8, durability: step}\nprovenance: ours\ndescription: d\nseating: listed\n"
    )
    words = ["environment", "population", "players", "agent", "count", "forgiveness", "seed", "replicates", "limits", "record", "provenance", "description", "seating", "wall", "block", "durability"]  # fmt: skip
    tried = right = 0
    for word in words:
        for text in deletions(full, word + ":"):
            if (
                word + ":" in text.split("\n")[0]
                or text == full
                or not any(f"{word[:i]}{word[i + 1 :]}:" in text for i in range(len(word)))
            ):
                continue
            try:
                load_scenario(text)
            except ScenarioError as error:
                tried += 1
                right += any(f"Did you mean '{word}'?" in str(one) for one in (error, *error.others))
    assert tried > 80
    assert right / tried >= 0.95


# --- what beats what -----------------------------------------------------------------------------------------------------------


def test_set_beats_file_beats_include_beats_default(tmp_path: Path) -> None:
    (tmp_path / "low.yaml").write_text("environment: {players: 2, horizon: 7, motto: low}\nseed: 1\n")
    (tmp_path / "mid.yaml").write_text("environment: {horizon: 8, motto: mid}\n")
    top = tmp_path / "top.yaml"
    top.write_text(
        "name: x\ninclude: [low.yaml, mid.yaml]\nenvironment: {kind: pond, motto: top}\npopulation: [{agent: pond.calm, count: 2}]\n"
    )
    scenario = load_scenario(top, overrides=["environment.motto=set", "record.block=3"])
    assert scenario.data["environment"] == {
        "kind": "pond", "players": 2, "horizon": 8, "growth": {"law": "logistic", "rate": 0.6, "capacity": 100.0}, "open": False,
        "motto": "set", "payoffs": [1.0, 2.0], "ruler": None,
    }  # fmt: skip
    origins = {path: origin.place for path, origin in scenario.origins.items()}
    assert origins["environment.motto"] == "--set environment.motto=set"
    assert origins["environment.players"].endswith("low.yaml:1:24")
    assert origins["environment.horizon"].endswith("mid.yaml:1:24")
    assert origins["environment.kind"] == f"{top}:3:21"
    assert origins["environment.open"] == "default"
    assert origins["record.block"] == "--set record.block=3"
    assert origins["seed"].endswith("low.yaml:2:7")

    def paths(data: Any, prefix: str = "") -> list[str]:
        items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
        return [path for key, value in items for path in (f"{prefix}{key}", *paths(value, f"{prefix}{key}."))]

    assert set(paths(scenario.data)) == set(origins)
    assert scenario.included.keys() == {"low.yaml", "mid.yaml"}


def test_lists_are_replaced_whole(tmp_path: Path, base: str) -> None:
    (tmp_path / "low.yaml").write_text("environment: {payoffs: [9, 8, 7]}\n")
    (tmp_path / "top.yaml").write_text(base.replace("players: 4", "players: 4, payoffs: [5]") + "include: [low.yaml]\n")
    assert load_scenario(tmp_path / "top.yaml").data["environment"]["payoffs"] == [5.0]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("environment.players=eight", "ScenarioError: --set environment.players=eight: expected a whole number >= 1 and <= 10000."),
        ("environment.plyers=8", "OverrideError: --set environment.plyers=8: no key 'environment.plyers'. Did you mean 'players'?"),
        ("environment.growth.rte=1", "OverrideError: --set environment.growth.rte=1: no key 'environment.growth.rte'. Did you mean 'rate'?"),
        ("foo=1", "OverrideError: --set foo=1: no key 'foo'."),
        ("foo.bar.baz=1", "OverrideError: --set foo.bar.baz=1: no key 'foo'."),
        ("population.7.count=1", "OverrideError: --set population.7.count=1: 'population' has no entry '7'. It has population.0 to population.1."),
        ("population.-1.count=1", "OverrideError: --set population.-1.count=1: 'population' has no entry '-1'."),
        ("population.0.cont=1", "no key 'population.0.cont'. Did you mean 'count'?"),
        ("seed.x=1", "OverrideError: --set seed.x=1: 'seed' is a single value; nothing lies under it."),
        ("environment.players.x=1", "'environment.players' is a single value"),
        ("environment", "OverrideError: --set environment: '=' is missing."),
        ("=3", "the path before '=' has an empty part."),
        ("a..b=3", "the path before '=' has an empty part."),
        ("environment.motto=a, b", "one value was expected. A list is written [a, b]."),
        ("environment.motto=[a", "cannot be read"),
        ("environment.motto=!!python/object:os.system x", "cannot be read: tag '!!python/object:os.system' is not read."),
        ("environment.players=&a [*a]", "cannot be read"),
        ("include=[x.yaml]", "OverrideError: --set include=[x.yaml]: 'include' cannot be set."),
        ("environment.motto=" + "[" * 40, "cannot be read: nested deeper than 32 levels."),
    ],
)  # fmt: skip
def test_overrides_that_cannot_apply(base: str, complaint: Complaint, override: str, message: str) -> None:
    told = complaint(lambda: load_scenario(base, overrides=[override]))
    assert any(message in line for line in told), told


def test_overrides_that_contradict_each_other(base: str, complaint: Complaint) -> None:
    assert complaint(lambda: load_scenario(base, overrides=["seed=1", "seed=2"])) == [
        "OverrideError: --set seed=2: 'seed' is set twice. Keep one."
    ]
    told = complaint(
        lambda: load_scenario(base, overrides=["environment.growth={law: inverse}", "environment.growth.pace=2"])
    )
    assert "overlaps with --set environment.growth={law: inverse}" in told[0]
    swept = base + "sweep: {axes: {environment.growth.rate: [0.1, 0.2]}}\n"
    told = complaint(lambda: load_scenario(swept, overrides=["environment.growth.rate=0.3"]))
    assert told == ["OverrideError: --set environment.growth.rate=0.3: 'environment.growth.rate' is swept. Use --axis."]


def test_what_set_can_say(base: str) -> None:
    sets = [
        "environment.motto=",
        "population.0.count=2",
        "population.1.count=2",
        "environment.payoffs=[3, 4e0]",
        "limits.wall=5min",
        "seed=012",
    ]
    scenario = load_scenario(base, overrides=sets)
    assert scenario.data["environment"]["motto"] == ""
    assert scenario.data["environment"]["payoffs"] == [3.0, 4.0]
    assert [member.count for member in scenario.population] == [2, 2]
    assert scenario.limits.wall == 300
    assert scenario.seed == 12


def test_set_below_a_default_keeps_its_siblings(base: str) -> None:
    scenario = load_scenario(base, overrides=["environment.growth.rate=0.1"])
    assert scenario.data["environment"]["growth"] == {"law": "logistic", "rate": 0.1, "capacity": 100.0}
    switched = load_scenario(base, overrides=["environment.growth={law: inverse}"])
    assert switched.data["environment"]["growth"] == {"law": "inverse", "pace": 0.5}


# --- includes ------------------------------------------------------------------------------------------------------------------


def test_includes_stay_inside(tmp_path: Path, base: str, complaint: Complaint) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret.yaml").write_text("seed: 5\n")
    (home / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    for name, message in {
        "../secret.yaml": "lies outside the scenario's directory.",
        "link.yaml": "lies outside the scenario's directory.",
        str(tmp_path / "secret.yaml"): "is not a relative path.",
        "absent.yaml": "no such file: 'absent.yaml'.",
        ".": "no such file",
    }.items():
        (home / "a.yaml").write_text(f"{base}include: ['{name}']\n")
        (told,) = complaint(lambda: load_scenario(home / "a.yaml"))
        assert message in told
        assert f"{home / 'a.yaml'}:6:11: include" in told


def test_includes_in_a_circle_too_deep_and_too_many(tmp_path: Path, base: str, complaint: Complaint) -> None:
    top = tmp_path / "a.yaml"
    top.write_text(base + "include: [b.yaml]\n")
    (tmp_path / "b.yaml").write_text("include: [c.yaml]\n")
    (tmp_path / "c.yaml").write_text("include: [a.yaml]\n")
    assert (
        "files include each other in a circle: a.yaml -> b.yaml -> c.yaml -> a.yaml."
        in complaint(lambda: load_scenario(top))[0]
    )
    for i in range(6):
        (tmp_path / f"d{i}.yaml").write_text(f"include: [d{i + 1}.yaml]\n")
    (tmp_path / "d6.yaml").write_text("seed: 4\n")
    top.write_text(base + "include: [d0.yaml]\n")
    assert "includes are nested deeper than 4." in complaint(lambda: load_scenario(top))[0]
    top.write_text(base + "include: [d3.yaml]\n")
    assert load_scenario(top).seed == 4
    for i in range(17):
        (tmp_path / f"e{i}.yaml").write_text("seed: 4\n")
    top.write_text(base + f"include: [{', '.join(f'e{i}.yaml' for i in range(17))}]\n")
    assert "more than 16 files are included." in complaint(lambda: load_scenario(top))[0]


def test_errors_in_an_included_file_name_that_file(tmp_path: Path, base: str, complaint: Complaint) -> None:
    (tmp_path / "b.yaml").write_text("# parts\nenvironment: {plyers: 3}\n")
    (tmp_path / "a.yaml").write_text(base + "include: [b.yaml]\n")
    assert "b.yaml:2:15: environment.plyers: unknown key." in complaint(lambda: load_scenario(tmp_path / "a.yaml"))[0]


# --- sweeps --------------------------------------------------------------------------------------------------------------------


def keys_of(scenario: Any) -> list[str]:
    return [digest(identity(cell.scenario)) for cell in cells(scenario)]


def test_a_grid_and_its_keys(base: str) -> None:
    sweep = "sweep: {axes: {environment.growth.rate: [0.1, 0.2, 0.3], environment.open: [true, false], seed: {range: [0, 5, 1]}}}\n"
    scenario = load_scenario(base + sweep)
    found = cells(scenario)
    assert len(found) == 30
    assert len(set(keys_of(scenario))) == 30
    assert found[0].values == {"environment.growth.rate": 0.1, "environment.open": True, "seed": 0}
    assert found[1].values["seed"] == 1
    assert found[-1].scenario.data["environment"]["growth"]["rate"] == 0.3
    assert found[3].scenario.origins["seed"].place == "sweep"
    other = load_scenario(
        base
        + "sweep: {axes: {seed: [4], environment.growth.rate: {linspace: [0.1, 0.3, 3]}, environment.open: [false]}}\n"
    )
    assert set(keys_of(other)) < set(keys_of(scenario))
    alone = load_scenario(base.replace("players: 4", "players: 4, growth: {law: logistic, rate: 0.2}") + "seed: 3\n")
    assert keys_of(alone)[0] in keys_of(scenario)


def test_comments_order_names_and_limits_change_no_key(base: str) -> None:
    reference = keys_of(load_scenario(base))
    turned = "\n".join(["# a comment", *reversed(base.strip().split("\n")[:2]), *base.strip().split("\n")[2:]])
    assert keys_of(load_scenario(turned)) == reference
    assert (
        keys_of(
            load_scenario(
                base.replace(
                    "{agent: pond.calm, count: 3, forgiveness: 0.2}",
                    "{forgiveness: 2.0e-1, count: 3, agent: pond.calm}",
                )
            )
        )
        == reference
    )
    assert (
        keys_of(
            load_scenario(base.replace("pond/first", "other") + "limits: {wall: 1h}\nreplicates: 9\ndescription: x\n")
        )
        == reference
    )
    assert keys_of(load_scenario(base, overrides=["seed=0", "environment.horizon=5"])) == reference
    for change in (
        "seed=1",
        "environment.horizon=6",
        "population.0.patience=4",
        "seating=shuffled",
        "language={on_invalid: abstain}",
    ):
        assert keys_of(load_scenario(base, overrides=[change])) != reference


def test_axes_of_numbers(base: str) -> None:
    def values(axis: str) -> list[Any]:
        scenario = load_scenario(base + f"sweep: {{axes: {{environment.growth.rate: {axis}}}}}\n")
        return [cell.values["environment.growth.rate"] for cell in cells(scenario)]

    assert values("{range: [0.1, 0.4, 0.1]}") == [0.1, 0.2, 0.3]
    assert values("{range: [4, 1, -1]}") == [4, 3, 2]
    assert values("{linspace: [0.1, 0.5, 5]}") == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert values("{linspace: [2, 10, 5]}") == [2, 4, 6, 8, 10]
    assert values("{logspace: [-2, 1, 4]}") == pytest.approx([0.01, 0.1, 1, 10], rel=1e-12)


def test_zip_and_exclude(base: str) -> None:
    zipped = base + "sweep: {mode: zip, axes: {population.0.count: [1, 2, 3], population.1.count: [3, 2, 1]}}\n"
    with pytest.raises(ScenarioError, match="counts sum to"):
        load_scenario(zipped.replace("mode: zip", "mode: grid"))
    assert [[m.count for m in cell.scenario.population] for cell in cells(load_scenario(zipped))] == [
        [1, 3],
        [2, 2],
        [3, 1],
    ]
    sweep = "sweep: {axes: {environment.open: [true, false], seed: [1, 2, 3]}, exclude: [{seed: 2}, {environment.open: true, seed: 3}]}\n"
    assert [tuple(cell.values.values()) for cell in cells(load_scenario(base + sweep))] == [
        (True, 1),
        (False, 1),
        (False, 3),
    ]


def test_a_sweep_over_kinds_takes_only_what_was_written(base: str) -> None:
    text = (
        base
        + "sweep: {axes: {population.1.agent: [pond.fierce, pond.calm], environment.growth: [{law: inverse}, {law: logistic, rate: 1}]}}\n"
    )
    scenario = load_scenario(text)
    kinds = [
        (c.scenario.population[1].agent.kind, c.scenario.data["environment"]["growth"]["law"]) for c in cells(scenario)
    ]
    assert kinds == [
        ("pond.fierce", "inverse"),
        ("pond.fierce", "logistic"),
        ("pond.calm", "inverse"),
        ("pond.calm", "logistic"),
    ]
    again = resolve_data(scenario.data, origins={path: origin.place for path, origin in scenario.origins.items()})
    assert [cell.scenario for cell in cells(again)] == [cell.scenario for cell in cells(scenario)]


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("{axes: {environment.growth.rte: [1]}}", "environment.growth.rte: unknown key. Did you mean 'rate'?"),
        ("{axes: {environment.growth.rate: [0.1, 0]}}", "<text>:6:47: environment.growth.rate: expected a number > 0, got 0."),
        ("{axes: {environment.growth.rate: []}}", "an axis needs values."),
        ("{axes: {}}", "sweep.axes"),
        ("{mode: grid}", "sweep.axes: is missing."),
        ("{mode: zp, axes: {seed: [1]}}", "sweep.mode: 'zp' is not possible. Did you mean 'zip'?"),
        ("{mode: zip, axes: {seed: [1, 2], environment.open: [true]}}", "axes that are zipped need one length, not seed 2, environment.open 1."),
        ("{axes: {seed: [1, 1]}}", "1 stands twice on the axis."),
        ("{axes: {seed: {range: [0, 1]}}}", "sweep.axes.seed.range"),
        ("{axes: {seed: {range: [0, 1, 0]}}}", "the step of a range is not 0."),
        ("{axes: {seed: {range: [0, 100000000, 1]}}}", "a range of 100,000,000 values; the limit is 100,000."),
        ("{axes: {seed: {rnge: [0, 1, 1]}}}", "expected a list of values, or {range"),
        ("{axes: {seed: {linspace: [0, 1, 1000000]}}}", "sweep.axes.seed.linspace.2: expected a whole number"),
        ("{axes: {seed: {range: [0, 1000, 1]}, environment.horizon: {range: [1, 1001, 1]}}}", "1,000,000 cells; the limit is 100,000 units."),
        ("{axes: {name: [a, b]}}", "'name' cannot be swept."),
        ("{axes: {replicates: [1, 2]}}", "'replicates' cannot be swept."),
        ("{axes: {environment: [{kind: pond}], environment.players: [4]}}", "overlaps with the axis 'environment'."),
        ("{axes: {seed: [1, 2]}, exclude: [{sed: 1}]}", "'sed' is no axis. Did you mean 'seed'?"),
        ("{axes: {seed: [1, 2]}, exclude: [{seed: 3}]}", "excludes no cell."),
        ("{axes: {seed: [1, 2]}, exclude: [{seed: 1}, {seed: 2}]}", "every cell is excluded."),
        ("{axes: {population.9.count: [1]}}", "'population' has no entry '9'."),
        ("[1]", "sweep: expected a mapping"),
    ],
)  # fmt: skip
def test_bad_sweeps(base: str, complaint: Complaint, sweep: str, message: str) -> None:
    began = time.process_time()
    told = complaint(lambda: load_scenario(f"{base}sweep: {sweep}\n"))
    assert time.process_time() - began <= 2
    assert any(message in line for line in told), told
    assert all("<text>:" in line for line in told), told


def test_a_hundred_thousand_cells_load_in_two_seconds(base: str) -> None:
    began = time.process_time()
    scenario = load_scenario(base + "sweep: {axes: {environment.growth.rate: {linspace: [0.1, 1, 100000]}}}\n")
    assert time.process_time() - began <= 2
    assert scenario.sweep is not None


def test_axes_of_the_command_line(base: str) -> None:
    scenario = load_scenario(base, axes=["environment.growth.rate=0.1,0.2", "seed={range: [0, 3, 1]}"])
    assert len(cells(scenario)) == 6
    zipped = load_scenario(base, axes=["environment.growth.rate=0.1,0.2", "seed=1,2"], axis_mode="zip")
    assert [tuple(cell.values.values()) for cell in cells(zipped)] == [(0.1, 1), (0.2, 2)]
    own = base + "sweep: {axes: {seed: {range: [0, 3, 1]}}, exclude: [{seed: 1}]}\n"
    joined = load_scenario(own, axes=["environment.open=true,false"])
    assert len(cells(joined)) == 4
    replaced = load_scenario(base + "sweep: {axes: {seed: {range: [0, 3, 1]}}}\n", axes=["seed={linspace: [0, 8, 3]}"])
    assert [cell.values["seed"] for cell in cells(replaced)] == [0, 4, 8]
    with pytest.raises(
        OverrideError, match=r"--axis environment\.plyers=3: no key 'environment\.plyers'\. Did you mean 'players'"
    ):
        load_scenario(base, axes=["environment.plyers=3"])
    with pytest.raises(OverrideError, match="swept twice"):
        load_scenario(base, axes=["seed=1", "seed=2"])
    with pytest.raises(OverrideError, match="an axis needs values"):
        load_scenario(base, axes=["seed="])


# --- round trip ----------------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")), max_size=30).map(
    lambda text: text.replace("\u2028", "").replace("\u2029", "")
)
numbers = st.floats(1e-9, 1e9, allow_nan=False) | st.integers(1, 10**6)
growths = st.one_of(
    st.fixed_dictionaries({"law": st.just("logistic")}, optional={"rate": numbers, "capacity": numbers}),
    st.fixed_dictionaries({"law": st.just("inverse")}, optional={"pace": numbers}),
)
environments = st.fixed_dictionaries(
    {"kind": st.just("pond"), "players": st.just(4)},
    optional={
        "horizon": st.integers(1, 10_000), "growth": growths, "open": st.booleans(), "motto": texts,
        "payoffs": st.lists(st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9), max_size=4), "ruler": st.sampled_from([None, "none", "elected"]),
    },
)  # fmt: skip
scenarios = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["a", "a/b", "Pond 7", "x_y-z"]),
        "environment": environments,
        "population": st.just(
            [{"agent": "pond.calm", "count": 3, "label": "no"}, {"agent": "pond.fierce", "seat": "player_2", "bite": 2}]
        ),
    },
    optional={
        "description": texts, "seed": st.integers(0, 2**53 - 1), "replicates": st.integers(1, 10_000), "seating": st.sampled_from(["listed", "shuffled"]),
        "language": st.fixed_dictionaries(
            {},
            optional={
                "memory": st.sampled_from(["none", "full", {"window": 3}]),
                "reason": st.none() | st.fixed_dictionaries({"max_chars": st.integers(1, 500)}),
                "on_invalid": st.sampled_from(["abstain", "action:C", None]),
                "paraphrase": st.integers(0, 2),
            },
        ),
        "limits": st.fixed_dictionaries(
            {}, optional={"wall": st.sampled_from(["90s", "10min", "2h", "0.25s", "1d", "250ms"]), "calls": st.integers(0, 9), "cost": st.sampled_from([0, "5 USD", "$0.07"]), "failures": st.sampled_from(["5%", "0.1%", 0, "100%"])}
        ),
        "record": st.fixed_dictionaries({}, optional={"block": st.integers(1, 99), "steps": st.sampled_from(["all", "outcomes"])}),
        "sweep": st.sampled_from(
            [None, {"axes": {"seed": [1, 2]}}, {"mode": "zip", "axes": {"environment.horizon": {"range": [1, 4, 1]}}}, {"axes": {"environment.motto": ["no", "1e3", ""]}}]
        ),
        "analysis": st.lists(st.fixed_dictionaries({"welfare": st.sampled_from([None, {}])}), max_size=2),
        "provenance": texts,
    },
)  # fmt: skip


def check_round_trip(data: dict[str, Any]) -> None:
    scenario = resolve_data(data)
    again = load_scenario(dump(scenario))
    assert again == scenario
    assert again.data == scenario.data
    assert resolve_data(scenario.data) == scenario
    assert resolve_data(scenario.data, origins=scenario.origins) == scenario
    assert digest(identity(again)) == digest(identity(scenario))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scenarios)
def test_resolving_the_dump_of_a_resolved_scenario_changes_nothing(data: dict[str, Any]) -> None:
    check_round_trip(data)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scenarios)
def test_a_thousand_round_trips(data: dict[str, Any]) -> None:
    check_round_trip(data)
