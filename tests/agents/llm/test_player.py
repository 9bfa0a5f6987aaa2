"""The language player: repair, what failed answers become, memory, samples, persona, forms."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gamesim_agents.llm.config import LanguageAgent, stand_in
from gamesim_agents.llm.grammar import gbnf
from gamesim_agents.llm.structured import longest_answer, max_tokens
from pydantic import ValidationError

from gamesim.core.errors import ModelError, ScenarioError
from gamesim.core.model import ModelReply, Params
from gamesim.core.model_errors import AttemptTimeout, ContextLength, InvalidAnswerAbort
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build

PD = {"kind": "matrix", "horizon": 4}
LAKE = {
    "kind": "commons", "players": 2, "horizon": 4, "harvest": {"productivity": 0.1},
    "institutions": {"sanctions": None, "revision": None, "voting": None},
}  # fmt: skip
GOOD = {"action": "C", "reason": None}


def reply(text: str | None = '{"action": "C", "reason": null}', **more: Any) -> ModelReply:
    return ModelReply(text, **more)


@pytest.mark.parametrize(
    ("first", "calls", "outcome"),
    [
        (reply("nonsense"), 2, "repaired"),
        (reply('{"action": "c", "reason": null}'), 2, "repaired"),
        (reply(None), 2, "repaired"),
        (reply(finish_reason="length"), 2, "repaired"),
        (reply(refusal="no"), 1, "refusal"),
        (reply(finish_reason="content_filter"), 1, "content_filter"),
        (AttemptTimeout("late"), 1, "timeout"),
        (reply('```\n{"action": "C", "reason": null}\n```'), 1, "ok"),
    ],
)
def test_who_is_asked_again(play: Callable[..., Any], first: Any, calls: int, outcome: str) -> None:
    played = play({**PD, "horizon": 1}, [[first, GOOD], [GOOD]], {"on_invalid": "action:D"})
    decision = played.steps[0].decisions["player_0"]
    mine = [call for call in played.calls if call["agent"] == "player_0"]
    assert (decision.outcome, len(mine), len(decision.calls)) == (outcome, calls, calls)
    assert decision.notes.get("fenced", False) == (outcome == "ok")


def test_the_repair_call_quotes_answer_and_error(play: Callable[..., Any]) -> None:
    played = play({**PD, "horizon": 1}, [["x" * 900, GOOD], [GOOD]])
    repair = next(call for call in played.calls if call["kind"] == "repair")
    said = [message["content"] for message in repair["request"]["messages"]]
    assert said[2] == "x" * 500
    assert "one JSON object" in said[3]
    doubled = play({**PD, "horizon": 1}, [[reply(finish_reason="length"), GOOD], [GOOD]], journal="2.sqlite").calls
    limits = {call["kind"]: call["request"]["params"]["max_tokens"] for call in doubled if call["agent"] == "player_0"}
    assert limits["repair"] == 2 * limits["action"]


def test_no_repair_where_the_scenario_wants_none(play: Callable[..., Any]) -> None:
    played = play({**PD, "horizon": 1}, [["nonsense"], [GOOD]], {"repair": 0, "on_invalid": "action:D"})
    assert len(played.calls) == 2


FAILS = {
    "malformed": ["?", "?"], "illegal": [{"effort": 7, "reason": None}] * 2, "empty": [None, None], "refusal": [reply(refusal="no")],
    "content_filter": [reply(finish_reason="content_filter")], "truncated": [reply(finish_reason="length")] * 2,
    "timeout": [{"raise": "AttemptTimeout"}], "transport": [{"raise": "ConnectionFailed"}],
}  # fmt: skip


@pytest.mark.parametrize("outcome", FAILS)
@pytest.mark.parametrize("rule", ["repeat_last", "abstain", "action:0.75", "abort_run"])
def test_what_a_failed_answer_becomes(play: Callable[..., Any], outcome: str, rule: str) -> None:
    chosen = {"effort": 0.5, "reason": None}
    script = [chosen, *FAILS[outcome], chosen, chosen]
    if rule == "abort_run":
        with pytest.raises(
            InvalidAnswerAbort, match=f"player_0 gave no valid action \\({outcome}\\) in phase 'harvest' of step 1"
        ):
            play(LAKE, [script, [chosen] * 4], {"on_invalid": rule})
        return
    played = play(LAKE, [script, [chosen] * 4], {"on_invalid": rule})
    efforts = [step.actions["player_0"] for step in played.steps]
    assert efforts == [0.5, {"repeat_last": 0.5, "abstain": 0.0, "action:0.75": 0.75}[rule], 0.5, 0.5]
    events = [event for event in played.journal.of("action") if event.get("imputed")]
    assert [(e["agent"], e["step"], e["outcome"]) for e in events] == [("player_0", 1, outcome)]
    assert [e["step"] for e in played.journal.of("forfeit")] == ([1] if rule == "abstain" else [])
    imputed = played.table["imputed"]
    assert [float(x) for x in imputed[played.table["step"] == 1]] == [1.0, 0.0]


@pytest.mark.parametrize("game", ["lake", "dilemma", "words", "fines"])
def test_whatever_is_answered_no_illegal_action_is_played(play: Callable[..., Any], game: Any) -> None:
    """Answers near legal ones, over whole episodes: an environment raises at an illegal action, and nothing else may raise."""
    rng = np.random.default_rng(5)
    values = [
        0, 1, 2, -1, 0.5, 1e400, 10**20, None, True, "C", "D", "С", "", "x" * 500, [], [1, 0], [0] * 4, {}, "\ud800",
    ]  # fmt: skip

    def near(request: Any) -> Any:
        keys = list(request.schema["properties"])
        said = {key: values[int(rng.integers(len(values)))] for key in keys if rng.random() < 0.97}
        first = request.schema["properties"][keys[0]]
        if rng.random() < 0.6 and "enum" in first:
            said[keys[0]] = first["enum"][int(rng.integers(len(first["enum"])))]
        text = json.dumps(said)
        return text if rng.random() < 0.9 else f"```json\n{text}\n```"

    games = {
        "lake": {**LAKE, "horizon": 100, "upkeep": {"starvation": "none"}},
        "dilemma": {**PD, "horizon": 100},
        "words": {"kind": "commons", "players": 4, "horizon": 25, "upkeep": {"starvation": "none"}, "institutions": {"voting": {"rule": "plurality", "norms": "text"}}},
        "fines": {"kind": "public_good", "horizon": 20, "fining": {}, "voting": {}},
    }  # fmt: skip
    chosen = games[game]
    rule = (
        "action:C" if chosen["kind"] == "matrix" else "action:0" if chosen["kind"] == "public_good" else "repeat_last"
    )
    played = play(chosen, near, {"on_invalid": rule, "memory": "none"})
    outcomes = Counter(d.outcome for step in played.steps for d in step.decisions.values())
    assert {"malformed", "illegal"} <= set(outcomes)
    assert outcomes["ok"] + outcomes["repaired"] > 10
    for step in played.steps:
        for decision in step.decisions.values():
            assert (decision.action is None) == (decision.outcome not in ("ok", "repaired"))


def test_nothing_to_repeat_is_a_forfeit_and_some_games_have_none(play: Callable[..., Any]) -> None:
    played = play({**LAKE, "horizon": 1}, [["?", "?"], [{"effort": 0.5, "reason": None}]])
    assert played.steps[0].actions["player_0"] == 0.0
    assert len(played.journal.of("forfeit")) == 1
    with pytest.raises(ModelError, match="no way to abstain"):
        play({**PD, "horizon": 1}, [["?", "?"], [GOOD]], {"on_invalid": "abstain"}, journal="2.sqlite")


def test_ten_equal_prompts_are_ten_draws(play: Callable[..., Any], answer: Callable[..., Any]) -> None:
    lake = {**LAKE, "players": 10, "horizon": 2}
    calls = play(lake, answer(), {"memory": "none"}).calls
    assert len({call["request"]["sample"] for call in calls}) == 20 or len({call["key"] for call in calls}) == 20
    assert all(call["request"]["sample"].endswith("/0") for call in calls)
    other = play(lake, answer(), {"memory": "none"}, seed=4, journal="2.sqlite").calls
    assert not {call["key"] for call in calls} & {call["key"] for call in other}


def test_the_same_question_a_second_time_is_another_sample(
    play: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    """In a game without memory in which nothing happens, prompts repeat."""
    game = {"kind": "matrix", "payoffs": [[1, 1]], "actions": [["a", "b"]], "horizon": 4}
    calls = play(game, answer(action="a"), {"memory": "none", "reason": None}).calls
    assert [call["request"]["sample"].split("/")[-1] for call in calls] == ["0", "0", "1", "2"]


def test_shared_samples_need_temperature_zero(play: Callable[..., Any], answer: Callable[..., Any]) -> None:
    shared = {"samples": "shared", "memory": "none"}
    with pytest.raises(ScenarioError, match="temperature 0"):
        play(LAKE, answer(), shared, params=Params(temperature=0.7))
    calls = play({**LAKE, "horizon": 1}, answer(), shared, params=Params(temperature=0.0)).calls
    assert {call["request"]["sample"] for call in calls} == {"shared"}


def test_memory_reaches_back_as_far_as_it_is_said_to(
    play: Callable[..., Any], answer: Callable[..., Any], text_of: Any
) -> None:
    rounds = {**PD, "horizon": 6}
    for memory, first in (({"window": 2}, 4), ("full", 1), ("none", None)):
        calls = play(rounds, answer(), {"memory": memory, "reason": None}, journal=f"{first}.sqlite").calls
        last = text_of(next(c["request"] for c in calls if c["step"] == 5))
        assert [r for r in range(1, 6) if f"Round {r}:" in last] == ([] if first is None else list(range(first, 6)))
        assert "action: C; player_0 C; player_1 C; you got 3" in last or memory == "none"


def test_a_summary_is_one_more_call_and_replaces_the_rounds(
    play: Callable[..., Any], answer: Callable[..., Any], text_of: Any
) -> None:
    memory = {"summary": {"every": 2, "max_chars": 80}}
    played = play(
        {**PD, "horizon": 6},
        answer(note=lambda request: f"note {len(text_of(request))}"),
        {"memory": memory, "reason": None},
    )
    notes = [call for call in played.calls if call["kind"] == "summary"]
    assert [call["step"] for call in notes] == [2, 2, 4, 4]
    last = text_of(next(c["request"] for c in played.calls if c["step"] == 5 and c["kind"] == "action"))
    assert "Your note: note " in last
    assert "Round 5" in last
    assert "Round 4" not in last
    decision = played.steps[2].decisions["player_0"]
    assert len(decision.calls) == 2


def test_a_prompt_that_is_too_long_loses_its_oldest_rounds(
    play: Callable[..., Any], answer: Callable[..., Any], text_of: Any
) -> None:
    def small(request: Any) -> Any:
        if text_of(request).count("Round ") > 2:
            raise ContextLength("too long")
        return answer()(request)

    played = play({**PD, "horizon": 6}, small, {"memory": "full", "reason": None})
    assert all(d.outcome == "ok" for step in played.steps for d in step.decisions.values())
    assert {event["step"] for event in played.journal.of("memory_shortened")} == {3, 4, 5}

    def tiny(request: Any) -> Any:
        raise ContextLength("too long")

    played = play({**PD, "horizon": 1}, tiny, {"on_invalid": "action:D"}, journal="2.sqlite")
    assert {d.outcome for d in played.steps[0].decisions.values()} == {"transport"}
    assert len(played.calls) == 2


def test_text_mode_asks_for_a_line(play: Callable[..., Any], text_of: Any) -> None:
    played = play(
        {**PD, "horizon": 1}, [['Well.\nANSWER: {"action": "D", "reason": null}'] * 2], {"structured": "text"}
    )
    assert set(played.steps[0].actions.values()) == {1}
    assert "ANSWER:" in text_of(played.calls[0]["request"])


def test_personas_are_named_or_drawn_for_each_seat(
    play: Callable[..., Any], answer: Callable[..., Any], text_of: Any
) -> None:
    def told(persona: Any, seed: int, journal: str) -> list[str]:
        calls = play(
            {**LAKE, "players": 6, "horizon": 1}, answer(), agent={"persona": persona}, seed=seed, journal=journal
        ).calls
        return [line for c in calls for line in text_of(c["request"]).splitlines() if line.startswith("Your character")]

    assert len(set(told("stern", 1, "a"))) == 1
    assert told("none", 1, "b") == []
    drawn = told("any", 1, "c")
    assert len(set(drawn)) > 2
    assert told("any", 1, "d") == drawn
    assert told("any", 2, "e") != drawn
    with pytest.raises(ValidationError, match="Did you mean 'stern'"):
        LanguageAgent(persona="sterm")


def test_at_least_eight_characters_are_shipped() -> None:
    from gamesim_agents.llm.personas import persona_names, persona_text

    assert len(persona_names()) >= 8
    assert len({persona_text(name) for name in persona_names()}) == len(persona_names())


def test_a_rules_place_is_taken_with_its_sentences() -> None:
    assert stand_in(AgentSpec("commons.paper_abm", {"init": "selfish", "sentence": 2}), "big") == {
        "model": "big", "disposition": "selfish", "sentence": 2,
    }  # fmt: skip
    assert stand_in(AgentSpec("commons.greedy"), "big") == {"model": "big"}


GAMES = [
    LAKE, PD, {"kind": "commons", "players": 4, "horizon": 2},
    {"kind": "commons", "players": 4, "horizon": 2, "institutions": {"voting": {"rule": "plurality", "norms": "text"}}},
    {"kind": "public_good", "horizon": 2, "fining": {}, "voting": {}}, {"kind": "fish_war", "horizon": 2},
]  # fmt: skip


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game["kind"])
def test_schemas_put_the_action_first_and_bound_every_text(play: Callable[..., Any], game: Any) -> None:
    actions = {"effort", "request", "target", "cap", "community", "choice", "action", "fines"}
    for request in play(game, "rule:random").requests:
        schema = request.schema
        keys = list(schema["properties"])
        assert keys[0] in actions
        assert schema["required"] == keys
        assert schema["additionalProperties"] is False
        assert keys[-1] == "reason"
        for value in schema["properties"].values():
            if "string" in value.get("type", ()) and "enum" not in value:
                assert value["maxLength"] > 0
        assert request.params.max_tokens == max_tokens(schema) >= longest_answer(schema) // 2 + 32
        assert gbnf(schema).startswith("root ::= ")


def test_no_environment_without_a_describer_and_no_unknown_model(play: Callable[..., Any]) -> None:
    class Silent:
        kind = "silent"

        def describer(self) -> None:
            return None

    with pytest.raises(ScenarioError, match="does not describe itself"):
        LanguageAgent().build(Silent())
    with pytest.raises(ScenarioError, match="one decision a call"):
        play(PD, "rule:random", {"calls": "bundled"})
    build("agents", "llm")


def test_answers_are_kept_word_for_word(play: Callable[..., Any]) -> None:
    hostile = {"action": "C", "reason": "\x1b[31m<script>alert(1)</script>"}
    played = play({**PD, "horizon": 1}, [[hostile], [GOOD]])
    assert played.steps[0].decisions["player_0"].notes["reason"] == hostile["reason"]
    assert json.loads(played.calls[0]["reply"]["text"]) == hostile
