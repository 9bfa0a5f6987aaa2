"""Request keys: equal for equal questions, different for every part that determines the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gamesim.core.model import Message, ModelRequest, Params

BASE = ModelRequest(
    "big/some-model",
    (Message("system", "You fish."), Message("user", "How much?")),
    Params(temperature=0.7, max_tokens=40),
    {"type": "object", "properties": {"effort": {"type": "number"}, "reason": {"type": "string"}}},
    sample="7/Ann/0",
)


def test_the_digest_of_a_fixture_is_pinned() -> None:
    assert BASE.key == "b51d307e8423e2011f5337ba478a5947feef4e969814a4167b899a6716335589"


def test_the_order_of_keys_does_not_matter_nor_does_what_is_not_sent() -> None:
    turned = {"properties": {"reason": {"type": "string"}, "effort": {"type": "number"}}, "type": "object"}
    assert replace(BASE, schema=turned).key == BASE.key
    assert replace(BASE, context={"observation": 1}).key == BASE.key


@pytest.mark.parametrize(
    "change",
    [
        {"model": "small/some-model"},
        {"model": "big/other-model"},
        {"params": Params(temperature=0.8, max_tokens=40)},
        {"params": Params(temperature=0.7, max_tokens=40, seed=1)},
        {"params": Params(temperature=0.7, max_tokens=40, extra={"top_k": 1})},
        {"messages": (Message("system", "You fish."), Message("user", "How much? "))},
        {"messages": (Message("user", "You fish."), Message("user", "How much?"))},
        {"schema": None},
        {"structured": "text"},
        {"sample": "8/Ann/0"},
        {"sample": "7/Ben/0"},
        {"sample": "7/Ann/1"},
    ],
)
def test_each_part_that_determines_the_answer_changes_the_key(change: dict[str, object]) -> None:
    assert replace(BASE, **change).key != BASE.key  # type: ignore[arg-type]


def test_a_lone_surrogate_becomes_what_can_be_sent() -> None:
    message = Message("user", "a\ud800b 😀")
    assert message.content == "a\ufffdb 😀"
    assert len(replace(BASE, messages=(message,)).key) == 64
