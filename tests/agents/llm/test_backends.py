"""Backends without a network: what is scripted, a rule, a record."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gamesim_agents.llm.backends.replay import ReplayModel
from gamesim_agents.llm.backends.scripted import ScriptedModel

from gamesim.core.errors import ModelError, PluginError, RecordError, ScenarioError
from gamesim.core.model import Capabilities, ModelReply
from gamesim.core.model_errors import AttemptTimeout, RateLimited
from gamesim.core.registry import entry, names
from gamesim.testing.check_model import check_model, question

PD = {"kind": "matrix", "horizon": 3}


def test_all_backends_are_registered_and_light() -> None:
    assert {"local", "openai", "replay", "rule", "scripted"} <= set(names("models"))
    for name in ("local", "replay", "rule", "scripted"):
        assert entry("models", name).model_json_schema()


def ask(model: Any, text: str = "?") -> ModelReply:
    reply: ModelReply = asyncio.run(model.complete(question(model.name, text)))
    return reply


def test_a_script_is_said_in_order_and_runs_out() -> None:
    model = ScriptedModel("s/x", ["one", {"move": "a"}, ModelReply(None, refusal="no"), None])
    assert [ask(model).text for _ in range(4)] == ["one", '{"move": "a"}', None, None]
    with pytest.raises(ModelError, match="run out after 4"):
        ask(model)
    endless = ScriptedModel("s/x", ["a", "b"], cycle=True)
    assert [ask(endless).text for _ in range(5)] == ["a", "b", "a", "b", "a"]
    assert ask(ScriptedModel("s/x", lambda request: request.messages[-1].content), "hello").text == "hello"


def test_a_script_can_fail() -> None:
    for written in (AttemptTimeout("late"), {"raise": "AttemptTimeout"}):
        with pytest.raises(AttemptTimeout):
            ask(ScriptedModel("s/x", [written]))
    with pytest.raises(ModelError, match="no transport error"):
        ask(ScriptedModel("s/x", [{"raise": "ValueError"}]))


def test_scripts_by_phase_and_by_agent(play: Callable[..., Any]) -> None:
    config = entry("models", "scripted")
    by_agent = config(
        answers=[{"action": "C", "reason": None}, {"action": "D", "reason": None}], by="agent", cycle=True
    ).build("s")
    played = play(PD, by_agent)
    assert [list(step.actions.values()) for step in played.steps] == [[0, 0], [1, 1], [0, 0]]
    by_phase = config(answers={"choose": [{"action": "D", "reason": None}]}, cycle=True).build("s")
    assert set(play(PD, by_phase, journal="2").steps[0].actions.values()) == {1}
    with pytest.raises(ModelError, match="no answers for phase 'choose'"):
        play(PD, config(answers={"vote": []}).build("s"), journal="3")


def test_an_agents_script_goes_on_where_a_run_was_cut(
    play: Callable[..., Any], same_table: Callable[..., None]
) -> None:
    answers = [{"action": a, "reason": None} for a in "CDD"]
    build = entry("models", "scripted")(answers=answers, by="agent").build
    whole = play(PD, build("s"), journal="whole")
    play(PD, build("s"), journal="cut", max_steps=2)
    same_table(play(PD, build("s"), journal="cut"), whole)


def test_a_record_answers_the_same_questions(
    play: Callable[..., Any], answer: Callable[..., Any], tmp_path: Path, same_table: Any
) -> None:
    first = play(PD, answer(action="D", reason=lambda request: request.context["at"].agent), journal="calls.sqlite")
    model = entry("models", "replay")(id=str(tmp_path)).build("again")
    same_table(first, play(PD, model, journal="2.sqlite"))
    with pytest.raises(RecordError, match="holds no answer"):
        play(PD, ReplayModel("again/x", tmp_path / "calls.sqlite"), seed=99, journal="3.sqlite")
    with pytest.raises(RecordError, match=r"nothing\.sqlite"):
        ReplayModel("again/x", tmp_path / "nothing.sqlite")


def test_a_record_repeats_failures_too(play: Callable[..., Any], tmp_path: Path) -> None:
    late = play(PD, lambda request: AttemptTimeout("late"), {"on_invalid": "action:D"}, journal="calls.sqlite")
    again = play(PD, ReplayModel("again/x", tmp_path), {"on_invalid": "action:D"}, journal="2.sqlite")
    assert {d.outcome for d in late.decisions("choose")} == {"timeout"}
    assert {d.action for d in again.decisions("choose")} == {None}


def test_a_rule_needs_a_name_and_a_game() -> None:
    with pytest.raises(ScenarioError, match="needs the name"):
        entry("models", "rule")().build("r")
    with pytest.raises(ModelError, match="plays games only"):
        ask(entry("models", "rule")(id="greedy").build("r"))


def test_the_contract_of_a_model() -> None:
    check_model(lambda: ScriptedModel("s/x", lambda request: json.dumps({"move": "a"})))
    check_model(lambda: ScriptedModel("s/x", [RateLimited("slow")], cycle=True))

    class Broken:
        name = "b/x"
        capabilities = Capabilities()

        def __init__(self, reply: Any) -> None:
            self.reply = reply

        async def complete(self, request: Any) -> Any:
            if isinstance(self.reply, Exception):
                raise self.reply
            return self.reply

    for reply, problem in (
        ("text", "not ModelReply"),
        (ModelReply(5), "not text"),  # type: ignore[arg-type]
        (KeyError("x"), "no transport error"),
        (ModelReply("a", extra={"x": object()}), "not JSON"),
        (ModelReply("a", finish_reason=""), "finish_reason"),
    ):
        with pytest.raises(PluginError, match=problem):
            check_model(lambda reply=reply: Broken(reply))  # type: ignore[misc]
    nameless = Broken(ModelReply("a"))
    nameless.name = "x"
    with pytest.raises(PluginError, match="name"):
        check_model(lambda: nameless)
