"""Answers from the journal of an earlier run: the same questions get the same answers, and there are no others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from gamesim.core.canonical import digest
from gamesim.core.errors import clean
from gamesim.core.model import Capabilities, ModelReply, ModelRequest
from gamesim.core.model_config import ModelConfig
from gamesim.core.model_errors import ConnectionFailed
from gamesim.run.models.calls import CallJournal, reply_from_json


class Replay(ModelConfig):
    """``id`` is a run directory, or its ``calls.sqlite``."""

    backend: Literal["replay"] = "replay"

    def build(self, alias: str) -> ReplayModel:
        return ReplayModel(self.name(alias), Path(self.id))


class ReplayModel:
    """Finds answers by everything that determines a question but the model's name, which differs here.

    Raises
    ------
    RecordError
        Where the journal cannot be read, or, on asking, does not hold the question; nothing is ever sent.
    """

    def __init__(self, name: str, record: Path) -> None:
        self.name = name
        self.capabilities = Capabilities(structured=("json_schema", "grammar", "text"), network=False)
        self.path = record / "calls.sqlite" if record.is_dir() else record
        self._answers = _answers(self.path)

    async def complete(self, request: ModelRequest) -> ModelReply:
        found = self._answers.get(_question(request.identity()))
        if found is None:
            from gamesim.run.models.broker import ReplayMissError

            raise ReplayMissError("the record holds no answer to this question.", where=str(self.path))
        reply, failure = found
        if reply is None:
            raise ConnectionFailed(f"as recorded: {clean((failure or {}).get('message', 'no answer'))}")
        return reply


def _question(identity: Mapping[str, Any]) -> str:
    return digest({key: value for key, value in identity.items() if key != "model"})


def _answers(path: Path) -> dict[str, tuple[ModelReply | None, Mapping[str, Any] | None]]:
    journal = CallJournal(path, readonly=True)
    try:
        return {
            _question(row["request"]): (reply_from_json(row["reply"]) if row["reply"] else None, row["failure"])
            for row in journal.rows()
            if row["request"]
        }
    finally:
        journal.close()
