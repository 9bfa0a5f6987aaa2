"""Every scenario that comes with gamesim: it loads, its schema accepts it, and a misspelt key is found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gamesim.core.errors import ScenarioError
from gamesim.scenario.json_schema import scenario_schema
from gamesim.scenario.packaged import find_scenario, packaged_names, packaged_root
from gamesim.scenario.resolve import dump, load_scenario
from gamesim.yaml.source import load_yaml

NAMES = packaged_names()


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    document = scenario_schema()
    Draft202012Validator.check_schema(document)
    json.dumps(document, allow_nan=False)
    return Draft202012Validator(document)


def test_there_are_some() -> None:
    assert len(NAMES) >= 3
    assert packaged_root() is not None


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_the_schema_accepts_it(name: str, schema: Draft202012Validator) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    data = load_yaml(find_scenario(name)).data
    assert list(schema.iter_errors(data)) == []
    resolved = load_scenario(dump(scenario))
    assert resolved == scenario
    assert list(schema.iter_errors(json.loads(json.dumps(scenario.data)))) == []


def keys(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    found = [(*path, key) for key, _ in items if isinstance(key, str)]
    return found + [deeper for key, value in items for deeper in keys(value, (*path, key))]


def renamed(data: Any, path: tuple[Any, ...], new: str) -> Any:
    if len(path) == 1:
        return {new if key == path[0] else key: value for key, value in data.items()}
    if isinstance(data, dict):
        return {key: renamed(value, path[1:], new) if key == path[0] else value for key, value in data.items()}
    return [renamed(value, path[1:], new) if index == path[0] else value for index, value in enumerate(data)]


FREE = ("language", "analysis")  # mappings whose keys belong to others


def test_a_letter_left_out_is_named_and_the_schema_refuses_it(schema: Draft202012Validator) -> None:
    """All single-letter deletions of keys of four letters and more, in every shipped scenario."""
    tried = right = 0
    echoes: list[object] = []  # "is missing" beside the misspelling that says so already
    seen: set[tuple[str, ...]] = set()
    for name in NAMES:
        data = load_yaml(find_scenario(name)).data
        for path in keys(data):
            signature = tuple(str(part) for part in path if isinstance(part, str))
            key = path[-1]
            if len(key) < 4 or signature in seen or path[0] in FREE or "axes" in path[:-1] or "exclude" in path[:-1]:
                continue
            if path[:-1] == ("models",):  # names that the scenario gives
                continue
            seen.add(signature)
            for index in range(len(key)):
                wrong = key[:index] + key[index + 1 :]
                if len(path) == 1 and wrong in schema.schema["properties"]:
                    continue  # it is another key
                broken = renamed(data, path, wrong)
                tried += 1
                assert list(schema.iter_errors(broken)), (name, path, wrong)
                try:
                    load_scenario(json.dumps(broken, indent=1), include_root=find_scenario(name).parent)
                except ScenarioError as error:
                    right += f"Did you mean '{key}'?" in str(error)  # first, not somewhere behind what follows from it
                    echoes += [(name, path, wrong) for one in (error, *error.others) if one.message == "is missing."]
    assert tried > 300
    assert not echoes
    assert right / tried >= 0.95, f"{right} of {tried}"


def test_unknown_kinds_and_values_are_refused_by_the_schema(schema: Draft202012Validator) -> None:
    data = load_yaml(find_scenario("commons/demo")).data
    for wrong in (
        {**data, "kind": "plya"},
        {**data, "environment": {**data["environment"], "kind": "comons"}},
        {**data, "environment": {**data["environment"], "players": "eight"}},
        {**data, "population": [{"agent": "commons.gredy", "count": 3}]},
        {**data, "limits": {"wall": 10}},
        {**data, "sweep": {"axes": {"seed": {"rnge": [1, 2, 3]}}}},
    ):
        assert list(schema.iter_errors(wrong))


def test_names_and_paths_find_scenarios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_scenario("commons/demo").name == "demo.yaml"
    assert find_scenario("commons/demo.yaml") == find_scenario("commons/demo")
    with pytest.raises(ScenarioError, match=r"commons/dmo: no such file\. Did you mean 'commons/demo'\?"):
        find_scenario("commons/dmo")
    with pytest.raises(ScenarioError, match="no such file"):
        find_scenario("../commons/demo")


def test_checking_a_scenario_loads_nothing_heavy() -> None:
    code = """
import sys, time
from gamesim.scenario.resolve import load_scenario
from gamesim.scenario.json_schema import scenario_schema
load_scenario("commons/demo"); scenario_schema()
heavy = {"pettingzoo", "gymnasium", "duckdb", "pandas", "torch", "ray", "mesa", "pygambit", "openai", "rich", "matplotlib"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
