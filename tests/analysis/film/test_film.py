"""Films: what was played is what is seen, the drawing moves by itself and asks nobody, and the right episode is found."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from gamesim_analysis.film.choosing import Wanted, casts, film_of
from gamesim_analysis.film.drawing import _corners, draw_film, told
from gamesim_analysis.film.frames import gif
from gamesim_analysis.report.page import page
from gamesim_analysis.report.study import Study
from gamesim_analysis.report.svg import sanitised

from gamesim.core.errors import EnvironmentConfigError, RecordError, ReplayMismatchError, ScenarioError
from gamesim.core.policy import AgentSpec
from gamesim.envs.driving.config import ConflictPoint
from gamesim.envs.markov.stag_hunt.config import StagHunt
from gamesim.run.film import film, recorded_film
from gamesim.run.record import Record
from gamesim.run.rollout import rollout
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

GO = [AgentSpec("driving.gap_acceptance", {"threshold": -9.0})] * 2


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return run(load_scenario("driving/drive"), store=tmp_path_factory.mktemp("drive"))


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Record:
    small = ["samples={initial: 200, batch: 200, symmetric: true}", "frontier={grid: [0.1], evaluate: 200}"]
    return run(load_scenario("driving/crossing", overrides=small), store=tmp_path_factory.mktemp("crossing"))


@pytest.mark.parametrize("variant", ["crossing", "merge", "two_way"])
def test_a_film_shows_what_was_played(variant: str) -> None:
    config = ConflictPoint(variant=variant)
    played = rollout(config, GO, np.arange(60), steps=True)
    crashed = int(played.outcome["crash"].argmax())
    seen = film(config, GO, crashed)
    assert seen.returns == tuple(played.returns[crashed]) == (-10.0, -10.0)
    cars = [thing for thing in seen.scenes[-1].things if thing.player is not None]
    assert len(cars) == 2
    assert np.hypot(cars[0].x - cars[1].x, cars[0].y - cars[1].y) < 6  # they are seen where they hit each other
    assert [thing.shown for thing in seen.scenes[-1].things if thing.shape == "burst"] == [True]
    assert not any(t.shown for scene in seen.scenes[:-1] for t in scene.things if t.shape == "burst")
    steps = played.steps
    assert steps is not None
    mine = (steps["row"] == crashed) & (steps["agent"] == config.seats()[0])
    where = [next(t for t in scene.things if t.player == 0).x for scene in seen.scenes[1:]]
    np.testing.assert_array_equal(where, steps["place"][mine])


@pytest.mark.parametrize("config,agents", [
    (ConflictPoint(), GO),
    (ConflictPoint(variant="two_way"), GO),
    (StagHunt(), [AgentSpec("stag_hunt.guard"), AgentSpec("stag_hunt.hunt")]),
])  # fmt: skip
def test_a_drawing_moves_by_itself_and_asks_nobody(config: object, agents: list[AgentSpec]) -> None:
    text = draw_film(film(config, agents, 0, ["<b>&", "other"]))  # type: ignore[arg-type]
    root = ElementTree.fromstring(text)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names <= {"svg", "title", "g", "rect", "path", "circle", "text", "animate", "animateTransform"}
    assert "href" not in text
    assert "<b>" not in text
    moving = [e for e in root.iter() if e.tag.endswith(("animate", "animateTransform"))]
    assert len(moving) >= 3
    for element in moving:
        times = [float(t) for t in element.attrib["keyTimes"].split(";")]
        assert len(times) == len(element.attrib["values"].split(";"))
        assert times == sorted(times)
        assert times[0] == 0
        assert times[-1] == 1
    assert sanitised(text, "x").count("<animate") == len(moving)  # a page lets it in as it is


def test_what_a_page_lets_move_is_a_short_list() -> None:
    bad = '<svg xmlns="http://www.w3.org/2000/svg"><rect width="1"><animate attributeName="href" values="1" dur="1s"/></rect></svg>'
    with pytest.raises(ValueError, match="attributeName"):
        sanitised(bad, "x")
    with pytest.raises(ValueError, match="values"):
        sanitised(bad.replace("href", "width").replace('values="1"', 'values="javascript:1"'), "x")


def test_left_out_moments_lie_on_the_line() -> None:
    times = np.arange(50) / 10
    values = np.stack([np.sin(times), np.full(50, 3.0)], axis=1) * 20
    keys = _corners(times, values, 0.25)
    assert keys[0] == 0
    assert keys[-1] == 49
    assert len(keys) < 25
    drawn = np.interp(times, times[keys], values[keys, 0])
    assert np.abs(drawn - values[:, 0]).max() <= 0.25


def test_a_recorded_episode_is_found_by_number_and_by_what_happened(drive: Record) -> None:
    rows = drive.outcomes().rows()
    first = next(row for row in rows if row["crash"] == 1)
    seen = film_of(drive, Wanted.read("crash"))
    assert seen.outcome["crash"] == 1
    assert seen.outcome["duration"] == first["duration"]
    assert seen.seats == (("car_0", "push"), ("car_1", "fair"))
    assert told(seen).startswith("conflict_point: car_0 (push), car_1 (fair); crash after")
    safe = film_of(drive, Wanted.read("crash=0,timeout=0"))
    assert (safe.outcome["crash"], safe.outcome["timeout"]) == (0, 0)
    assert film_of(drive, Wanted.read("7")).outcome["duration"] == rows[7]["duration"]
    assert film_of(drive, unit=1).outcome["duration"] == rows[64]["duration"]
    with pytest.raises(RecordError, match=r"no episode 100.*0 to 99"):
        film_of(drive, Wanted.read("100"))
    with pytest.raises(RecordError, match="Did you mean 'crash'"):
        film_of(drive, Wanted.read("crush"))
    with pytest.raises(RecordError, match="none of 100 episodes has arrived_0 = 7"):
        film_of(drive, Wanted.read("arrived_0=7"))
    with pytest.raises(ScenarioError, match="names no episode"):
        Wanted.read("crash=often")
    with pytest.raises(ScenarioError, match="This run's seats are taken"):
        film_of(drive, policies=["go", "go"])


def test_an_episode_that_plays_otherwise_now_is_not_shown(drive: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamesim.envs.driving.rules.FASTEST", 9.0)
    with pytest.raises(ReplayMismatchError, match="was recorded"):
        film_of(drive, Wanted.read("crash=0"))


def test_policies_of_a_pool_meet_again(crossing: Record) -> None:
    met = casts(crossing)
    assert sum(cast.probability for cast in met) == pytest.approx(1)
    assert met[0].probability == max(cast.probability for cast in met)
    seen = film_of(crossing, Wanted.read("crash"), policies=["go", "fair"])
    assert seen.outcome["crash"] == 1
    assert [label for _, label in seen.seats] == ["go", "fair"]


def test_a_report_shows_a_crash_beside_a_safe_episode(drive: Record, crossing: Record) -> None:
    for record in (drive, crossing):
        text = page(Study([record]), ["watch"])
        assert text.count("<svg") == 2
        assert "animateTransform" in text
        assert "; crash after" in text
        assert "; over after" in text
        assert "could not be made" not in text


def test_what_has_no_picture_is_told(tmp_path: Path) -> None:
    record = run(load_scenario("games/grim_against_alternation"), store=tmp_path)
    with pytest.raises(EnvironmentConfigError, match=r"'matrix' has no picture.*conflict_point"):
        film_of(record)
    assert 'id="watch"' not in page(Study([record]))
    formal = run(load_scenario("league/psro_kuhn", overrides=["stop.iterations=1"]), store=tmp_path)
    with pytest.raises(RecordError, match="formal game"):
        film_of(formal)


@pytest.mark.skipif(find_spec("highway_env") is None, reason="needs the extra driving: highway-env")
def test_highway_env_is_filmed_frame_by_frame(tmp_path: Path) -> None:
    from PIL import Image

    record = run(load_scenario("driving/highway_merge", overrides=["replicates=1", "environment.horizon=6"]), store=tmp_path)  # fmt: skip
    seen = recorded_film(record)
    assert len(seen.frames) == 1 + 60  # the start, and every tenth of a second
    assert seen.rate == 10
    moving = Image.open(io.BytesIO(gif(seen)))
    assert moving.n_frames > 30  # type: ignore[attr-defined]
    assert moving.size == seen.frames[0].shape[1::-1]
    with pytest.raises(ValueError, match="frames"):
        draw_film(seen)
