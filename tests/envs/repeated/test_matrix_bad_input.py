"""A stage game that a scenario cannot have: the place, what came, what was possible; never a hang, never a foreign message."""

from __future__ import annotations

import time

import pytest

from gamesim.core.errors import ScenarioError, UnknownKindError
from gamesim.scenario.json_schema import scenario_schema
from gamesim.scenario.resolve import load_scenario

SCENARIO = "environment: {kind: matrix, %s}\npopulation: [{agent: matrix.random}]\n"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("stage: {game: prisoners_dilemma, temptatio: 7}", "environment.stage.temptatio: unknown key. Did you mean 'temptation'?"),
        ("stage: {game: prisoners_dilemma, x: 7}", "environment.stage.x: unknown key. Possible: temptation, reward, punishment, sucker."),
        ("stage: {game: prisoners_dilemm}", "environment.stage.game: no game 'prisoners_dilemm'. Did you mean 'prisoners_dilemma'?"),
        ("stage: prisoners_dilemm", "environment.stage: no game 'prisoners_dilemm'. Did you mean 'prisoners_dilemma'?"),
        ("stage: {temptation: 7}", "stage needs the name of a game"),
        ("stage: {game: prisoners_dilemma, temptation: abc}", "environment.stage: 'prisoners_dilemma' cannot be made of these values."),
        ("stage: {game: prisoners_dilemma, temptation: 0}", "environment.stage: payoffs 0, 3, 1, 0 make no prisoners' dilemma."),
        ("stage: {game: public_good, players: -1}", "environment.stage.players: expected a whole number >= 2 and <= 10000, got -1."),
        ("stage: {game: public_good, players: 1000000000}", "environment.stage.players: expected a whole number"),
        ("stage: {game: public_good, players: true}", "environment.stage.players: expected a whole number"),
        ("stage: {game: public_good, endowment: 1000000000000}", "environment.stage.endowment: 1000000000000 whole tokens"),
        ("stage: {game: public_good, endowment: -3}", "environment.stage.endowment: expected a number >= 0, got -3."),
        ("stage: {game: public_good, endowment: '1e999999999'}", "environment.stage: '1e999999999' is no number of a game."),
        ("stage: {game: public_good, points: []}", "environment.stage.points: 0 actions are not possible."),
        ("stage: {game: public_good, points: 1}", "environment.stage.points: 1 actions are not possible."),
        ("stage: {game: public_good, points: [0, -1]}", "environment.stage.points: -1 tokens cannot be given."),
        ("stage: {game: public_good, players: 40}", "has more than 10,000,000 entries by counts."),
        ("stage: levine_hats", "environment.stage: 'levine_hats' has no normal form"),
        ("stage: leduc", "environment.stage: "),
        ("payoffs: [[1, 2], [3]]", "environment.payoffs: rows differ in length."),
        ("payoffs: [[[1, a], [3, 4]], [[1, 2], [3, 4]]]", "environment.payoffs: payoffs must be numbers."),
        ("payoffs: [[[1.0e+308, 1], [3, 4]], [[1, 2], [3, 4]]]", "environment.payoffs: payoffs lie between -1e+15 and 1e+15."),
        ("payoffs: []", "environment.payoffs: payoffs of shape (0,) are no game in normal form."),
    ],
)  # fmt: skip
def test_stage_games_that_cannot_be(keys: str, told: str) -> None:
    began = time.process_time()
    with pytest.raises(ScenarioError) as caught:
        load_scenario(SCENARIO % keys)
    assert time.process_time() - began < 2
    assert caught.value.where is not None
    assert str(caught.value).startswith("<text>:1:")
    assert told in str(caught.value)


@pytest.mark.parametrize(("said", "meant"), [("repeated", "matrix"), ("extensive_form", "efg")])
def test_other_names_of_a_kind_lead_to_it(said: str, meant: str) -> None:
    with pytest.raises(UnknownKindError, match=f"no environment kind '{said}'. Did you mean '{meant}'"):
        load_scenario(SCENARIO.replace("matrix, %s", said))


def test_the_schema_knows_the_parameters_of_registered_games() -> None:
    from jsonschema import Draft202012Validator

    schema = Draft202012Validator(scenario_schema())

    def accepted(stage: object) -> bool:
        data = {"environment": {"kind": "matrix", "stage": stage}, "population": [{"agent": "matrix.random"}]}
        return schema.is_valid(data)

    assert accepted("stag_hunt")
    assert accepted({"game": "stag_hunt", "hare": 2})
    assert not accepted({"game": "stag_hunt", "hair": 2})
    assert not accepted({"gme": "stag_hunt"})
