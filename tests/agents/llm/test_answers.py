"""From an answer to a decision: every fault has its name, and nothing illegal is ever played."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gamesim_agents.llm.structured import check_shape, max_tokens, read_answer

from gamesim.core.model import ModelReply
from gamesim.core.seeds import Seeds
from gamesim.core.strict_json import Malformed, read_object
from gamesim.run.models.calls import Answer, Failure

EFFORT = {
    "type": "object",
    "properties": {"effort": {"type": "number", "minimum": 0, "maximum": 1}, "reason": {"type": ["string", "null"], "maxLength": 20}},
    "required": ["effort", "reason"],
    "additionalProperties": False,
}  # fmt: skip
MOVE = {
    "type": "object",
    "properties": {"action": {"type": "string", "enum": ["cooperate", "défect"]}},
    "required": ["action"],
    "additionalProperties": False,
}


def reading(text: str | None, schema: Any = EFFORT, mode: Any = "json_schema", **reply: Any) -> Any:
    return read_answer(Answer("k", ModelReply(text, **reply), None, "process"), schema, mode=mode)


MALFORMED = {
    "wrong type": '{"effort": "0.5", "reason": null}',
    "missing key": '{"effort": 0.5}',
    "extra key": '{"effort": 0.5, "reason": null, "stock": 1}',
    "NaN": '{"effort": NaN, "reason": null}',
    "Infinity": '{"effort": Infinity, "reason": null}',
    "10^400": '{"effort": 1e400, "reason": null}',
    "10^400 written out": '{"effort": 1' + "0" * 400 + ', "reason": null}',
    "duplicate keys": '{"effort": 0.5, "effort": 0.1, "reason": null}',
    "JSON nested in a string": '"{\\"effort\\": 0.5, \\"reason\\": null}"',
    "two objects": '{"effort": 0.5, "reason": null} {"effort": 0.1, "reason": null}',
    "prose around JSON": 'I choose {"effort": 0.5, "reason": null}',
    "100,000-deep brackets": '{"effort": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "lone surrogate": '{"effort": 0.5, "reason": "\\ud800"}',
    "no JSON": "0.5 tons",
    "a list": "[0.5]",
    "true for a number": '{"effort": true, "reason": null}',
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_malformed(text: str) -> None:
    assert reading(text).outcome == "malformed"


def test_numbers_and_labels_out_of_bounds_are_illegal() -> None:
    assert reading('{"effort": 1.5, "reason": null}').outcome == "illegal"
    assert reading('{"effort": 0.5, "reason": "' + "x" * 21 + '"}').outcome == "illegal"
    for label in ("Cooperate", "соoperate", "kooperieren", "cooperate "):
        assert reading(json.dumps({"action": label}), MOVE).outcome == "illegal", label
    assert reading('{"action": 1}', MOVE).outcome == "malformed"


def test_labels_compare_after_nfc() -> None:
    assert reading(json.dumps({"action": "défect"}), MOVE).outcome == "ok"


def test_a_fence_is_accepted_and_counted() -> None:
    read = reading('```json\n{"effort": 0.5, "reason": null}\n```')
    assert (read.outcome, read.fenced, read.fields["effort"]) == ("ok", True, 0.5)
    assert not reading('{"effort": 0.5, "reason": "\\u001b[31m<script>"}').fenced


def test_what_no_answer_is_called() -> None:
    good = '{"effort": 0.5, "reason": null}'
    assert reading("   ").outcome == "empty"
    assert reading(None).outcome == "empty"
    assert reading(good, finish_reason="length").outcome == "truncated"
    assert reading(good, finish_reason="content_filter").outcome == "content_filter"
    assert reading(good, refusal="I cannot").outcome == "refusal"
    for kind in ("timeout", "transport"):
        failed = Answer("k", None, Failure(kind, "x", "y"), "network")  # type: ignore[arg-type]
        assert read_answer(failed, EFFORT).outcome == kind


def test_text_mode_wants_one_answer_line() -> None:
    line = 'Let me think.\nANSWER: {"effort": 0.5, "reason": null}'
    assert reading(line, mode="text").outcome == "ok"
    assert reading('{"effort": 0.5, "reason": null}', mode="text").outcome == "malformed"
    assert reading(line + "\n" + line, mode="text").outcome == "malformed"


def test_ten_thousand_answers_give_no_exception_and_no_illegal_action() -> None:
    rng = Seeds(1).stream("answers")
    atoms = [
        "0.5",
        "2",
        "-1",
        "null",
        "true",
        '"C"',
        '"x"',
        "[]",
        "{}",
        "1e999",
        "NaN",
        '"\\ud800"',
        "9" * 30,
        "0.1e-5",
        "",
    ]
    keys = ['"effort"', '"reason"', '"action"', "effort", '""', '"effort" ']
    glue = ["{", "}", ":", ",", " ", "\n", "```", "```json\n", "ANSWER: ", "I say ", "\x00", "é", "[", "]"]
    fine = 0
    for _ in range(10_000):
        if rng.random() < 0.4:  # near a legal one
            text = f'{{"effort": {rng.choice(atoms)}, "reason": {rng.choice(atoms)}}}'
        else:
            text = "".join(rng.choice([*atoms, *keys, *glue]) for _ in range(rng.integers(1, 12)))
        read = reading(str(text), mode=("json_schema", "text")[int(rng.integers(2))])
        if read.outcome == "ok":
            fine += 1
            assert type(read.fields["effort"]) in (int, float)
            assert 0 <= read.fields["effort"] <= 1
        else:
            assert read.fields is None
    assert fine > 20


def test_any_cut_or_changed_byte_is_read_without_exception(answer: Callable[..., Any]) -> None:
    good = '```json\n{"effort": 0.25, "reason": "a \\"word\\" é"}\n```'
    rng = np.random.default_rng(0)
    for place in range(len(good)):
        for text in (good[:place], good[:place] + chr(int(rng.integers(1, 0x3000))) + good[place + 1 :]):
            read = reading(text)
            assert read.fields is None or 0 <= read.fields["effort"] <= 1


def test_objects_are_read_strictly() -> None:
    assert read_object(' {"a": {"b": [1, 2.5]}} ') == ({"a": {"b": [1, 2.5]}}, False)
    for text in ("", "{", "}{", '{"a": 1}}', '{"a": 9223372036854775808}', "{'a': 1}"):
        with pytest.raises(Malformed):
            read_object(text)


def test_lists_are_held_to_their_length() -> None:
    schema = {
        "properties": {
            "fines": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 3, "maxItems": 3}
        }
    }
    assert check_shape({"fines": [0, 1, 2]}, schema)[0] == "ok"
    assert check_shape({"fines": [0, 1]}, schema)[0] == "illegal"
    assert check_shape({"fines": [0, 1, -2]}, schema)[0] == "illegal"
    assert check_shape({"fines": [0, 1, "2"]}, schema)[0] == "malformed"


def test_the_limit_of_tokens_is_half_the_longest_answer() -> None:
    longest = '{"effort": 0.123456789012345678, "reason": "' + "😀" * 20 + '"}'
    assert max_tokens(EFFORT) >= len(longest.encode()) / 2 + 32 - 12
