"""What a scenario may not say of a commons, and what it is warned of: the place, the key and the bound."""

import json

import pytest

from gamesim.core.errors import IllegalActionError, ScenarioError, UnknownKindError
from gamesim.envs.commons.config import Commons
from gamesim.scenario.resolve import load_scenario

NAMES = "environment.institutions"


def load(environment, population=None):
    population = population or [{"agent": "commons.paper_abm"}]
    text = json.dumps({"environment": {"kind": "commons"} | environment, "population": population})
    return load_scenario(text)


@pytest.mark.parametrize(
    ("environment", "path", "said"),
    [
        ({"growth": {"rate": 0}}, "environment.growth.rate", "0"),
        ({"growth": {"capacity": -3}}, "environment.growth.capacity", "0"),
        ({"harvest": {"productivity": 0}}, "environment.harvest.productivity", "0"),
        ({"upkeep": {"consumption": -1}}, "environment.upkeep.consumption", "0"),
        ({"institutions": {"sanctions": {"fine": -1}}}, f"{NAMES}.sanctions.fine", "0"),
        ({"institutions": {"sanctions": {"cost": -1}}}, f"{NAMES}.sanctions.cost", "0"),
        ({"institutions": {"revision": {"average": 1}}}, f"{NAMES}.revision.average", "1"),
        ({"growth": {"initial": 301}}, "environment.growth", "[0, capacity 300]"),
        ({"growth": {"initial": -1}}, "environment.growth.initial", "0"),
        ({"growth": {"law": "chemostat", "rate": 1.5}}, "environment.growth", "(0, 1]"),
        ({"growth": {"law": "allee"}}, "environment.growth", "(0, capacity 300)"),
        ({"growth": {"law": "allee", "allee": 400}}, "environment.growth", "(0, capacity 300)"),
        ({"players": 1}, "environment", "nobody to meet"),
        ({"players": 1, "institutions": {"sanctions": None}}, "environment", "nobody to meet"),
        ({"institutions": {"voting": {"rule": "median", "norms": "text"}}}, f"{NAMES}.voting", "choose plurality"),
        (
            {"institutions": {"voting": {"rule": "dictator", "dictator": 10}}},
            f"{NAMES}.voting.dictator",
            "seats count from 0",
        ),
        ({"institutions": {"leader": {}}}, f"{NAMES}.leader", "elected"),
        ({"institutions": {"network": {"meet": "ring(3)"}}}, f"{NAMES}.network.meet", "even"),
        ({"institutions": {"network": {"meet": "ring(10)"}}}, f"{NAMES}.network.meet", "10 neighbours among 10"),
        ({"institutions": {"network": {"see": "ring()"}}}, f"{NAMES}.network.see", "1 argument"),
        (
            {"perturbations": [{"kind": "newcomer", "at": 2, "count": 10}]},
            "environment.perturbations",
            "nobody to begin",
        ),
        ({"perturbations": [{"kind": "growth", "at": 2}]}, "environment.perturbations.0", "rate, capacity or stock"),
        (
            {"information": {"visibility": {"sampled": 10}}},
            "environment.information.visibility.sampled",
            "10 of 9 peers",
        ),
        ({"second_stock": {}, "harvest": {"catch": "request"}}, "environment", "catch effort"),
        ({"growht": {}}, "environment.growht", "growth"),
        ({"growth": {"rate": "fast"}}, "environment.growth.rate", "fast"),
        ({"horizon": 0}, "environment.horizon", "1"),
    ],
)
def test_refused(environment, path, said):
    with pytest.raises(ScenarioError) as caught:
        load(environment)
    assert caught.value.path == path, str(caught.value)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("environment", "meant"),
    [
        ({"growth": {"law": "logstic"}}, "logistic"),
        ({"institutions": {"voting": {"rule": "medain"}}}, "median"),
        ({"institutions": {"revision": {"rule": "ferm"}}}, "fermi"),
        ({"institutions": {"sanctions": {"kind": "per"}}}, "peer"),
        ({"institutions": {"network": {"meet": "rings(4)"}}}, "ring"),
        ({"perturbations": [{"kind": "newcomers", "at": 2}]}, "newcomer"),
    ],
)
def test_unknown_names_with_the_nearest(environment, meant):
    with pytest.raises(UnknownKindError, match=f"Did you mean '{meant}'"):
        load(environment)


def test_unknown_agent_and_counts_that_do_not_sum():
    with pytest.raises(UnknownKindError, match=r"commons\.paper_abm"):
        load({}, [{"agent": "commons.paper_amb"}])
    with pytest.raises(ScenarioError, match=r"9 of 10|sum to 10"):
        load({}, [{"agent": "commons.paper_abm", "count": 9}])


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"growth": {"rate": 0.2}}, ["upkeep", "15"]),
        ({"harvest": {"productivity": 0.05}}, ["extinction fraction"]),
        ({"harvest": {"productivity": 0.2}}, ["rationed"]),
    ],
)
def test_warnings(form, words):
    said = " ".join(Commons.model_validate(form).warnings())
    assert all(word in said for word in words)


def test_nothing_to_warn_of():
    assert Commons().warnings() == []


@pytest.mark.parametrize("short", ["none", False, None])
def test_institutions_are_switched_off_in_words(short):
    config = Commons.model_validate(
        {"institutions": dict.fromkeys(("sanctions", "revision", "voting", "leader"), short)}
    )
    rules = config.institutions
    assert (rules.sanctions, rules.revision, rules.voting, rules.leader) == (None,) * 4


def test_written_and_read_again():
    config = Commons.model_validate(
        {
            "institutions": {
                "voting": "dictator(3)",
                "revision": "best_of",
                "sanctions": {"at": [2, 5]},
                "network": {"meet": "watts_strogatz(4, 0.1)", "punish": "barabasi_albert(2)"},
            },
            "perturbations": [{"kind": "turnover", "probability": 0.1, "at": [[1, 3], [7, None]]}],
        }
    )
    assert Commons.model_validate_json(config.model_dump_json(), strict=True) == config


def test_a_network_from_a_file(tmp_path):
    path = tmp_path / "star.txt"
    path.write_text("# a star\n0 1\n0, 2\n0 3\n")
    form = {"players": 4, "horizon": 3, "upkeep": {"starvation": "none"}}
    config = Commons.model_validate(form | {"institutions": {"network": {"punish": f"edges({path})"}}})
    society = config.batched(50)
    society.reset(range(50))
    batch = society.step([[0.5] * 4] * 50)
    inspected = batch.observation["inspected"]
    assert (inspected[:, 1:] == 0).all()
    assert set(inspected[:, 0]) == {1, 2, 3}
    one_way = Commons.model_validate(form | {"institutions": {"network": {"punish": f"edges({path}, directed)"}}})
    society = one_way.batched(5)
    society.reset(range(5))
    batch = society.step([[0.5] * 4] * 5)
    assert (batch.observation["inspected"][:, 1:] == 4).all()  # nobody within reach: the mechanism is skipped
    path.write_text("0 1\n2 7\n")
    with pytest.raises(ScenarioError, match=r"star\.txt:2: '2 7' is not a link\. .*0 to 3"):
        config.batched(1).reset([0])
    missing = Commons.model_validate(form | {"institutions": {"network": {"see": "edges(no/such/file)"}}})
    with pytest.raises(ScenarioError, match="cannot read"):
        missing.batched(1).reset([0])


@pytest.mark.parametrize("effort", [-0.1, 1.1, float("nan"), "much", None, True])
def test_illegal_efforts_on_the_parallel_face(effort):
    environment = Commons.model_validate({"players": 3}).build()
    environment.reset(seed=0)
    actions = dict.fromkeys(environment.agents, 0.5) | {"player_1": effort}
    with pytest.raises(IllegalActionError, match=r"player_1 .*phase 'harvest'.*Legal: a number from 0 to 1"):
        environment.step(actions)
    with pytest.raises(IllegalActionError, match="player_2 must act"):
        environment.step({"player_0": 0.5, "player_1": 0.5})
    environment.step(dict.fromkeys(environment.agents, 0.5))


def test_a_seat_profile_out_of_bounds():
    society = Commons.model_validate({"players": 2}).batched(1)
    with pytest.raises(ScenarioError, match=r"seats\.1\.init\.effort"):
        society.reset([0], {"seats": [{}, {"init": {"effort": [0.5, 1.5]}}]})
    with pytest.raises(ScenarioError, match="greed"):
        society.reset([0], {"seats": [{}, {"init": {"greed": 1}}]})
    with pytest.raises(ScenarioError, match="1 seat profiles for 2 seats"):
        society.reset([0], {"seats": [{}]})
