"""A record as a model: the same questions get the same answers, others are refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from asking import Slow, at, broker_in, played, question, slow_desk
from gamesim_agents.llm.backends.replay import Replay

from gamesim.core.errors import RecordError
from gamesim.run.models.broker import ReplayMissError


def test_a_record_answers_what_it_was_asked(tmp_path: Path) -> None:
    model = Slow()
    first = played(broker_in(tmp_path, slow_desk(model)), lambda b: b.ask(question("slow/m"), at()))
    replayed = Replay(id=str(tmp_path)).build("again")
    asked = replace(question("slow/m"), model=replayed.name)
    assert asyncio.run(replayed.complete(asked)) == first.reply
    with pytest.raises(ReplayMissError):
        asyncio.run(replayed.complete(replace(asked, sample="1/a/0")))
    with pytest.raises(RecordError):
        Replay(id=str(tmp_path / "absent")).build("again")
    assert model.calls == 1
