"""Scripted translations for tests: documents by hand, and a Broker over a model that says what is written."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from gamesim_agents.llm.backends.scripted import ScriptedModel
from gamesim_analysis.text2game.dataset import load_dataset
from gamesim_analysis.text2game.translate import Translation, translate

from gamesim.envs.efg.document import document_of
from gamesim.run.models.broker import Broker
from gamesim.run.models.calls import CallJournal
from gamesim.run.models.desk import Desk

DEV = load_dataset("dev")
LOAN = DEV["seed_loan"]
AGREED: dict[str, Any] = {"contradictions": []}


def document(name: str = "seed_loan") -> dict[str, Any]:
    return document_of(DEV[name].game()).plain()


def without(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The loan with other numbers: ``drought`` is its probability, ``paid`` what Lender gets for keeping."""
    found = copy.deepcopy(document)
    actions = found["root"]["actions"]
    if "drought" in changes:
        actions["Lend seed"]["outcomes"][1]["prob"] = changes["drought"]
    if "kept" in changes:
        actions["Keep seed"]["payoffs"]["Lender"] = changes["kept"]
    if "player" in changes:
        found["root"]["player"] = changes["player"]
    return found


def outline(name: str = "seed_loan", **more: Any) -> dict[str, Any]:
    players = list(DEV[name].players)
    step = {"id": "first", "actor": players[0], "what": "chooses", "choices": ["a", "b"], "when": "", "sees": [], "does_not_see": []}  # fmt: skip
    return {
        "title": name,
        "players": players,
        "steps": [step],
        "payoffs": [],
        "probabilities": [],
        "unstated": [],
        **more,
    }


def broker(model: Any, folder: Path) -> Broker:
    return Broker({"scripted": Desk.of(model)}, CallJournal(folder / "calls.sqlite"))


def told(script: Any, folder: Path, text: str = LOAN.text, **settings: Any) -> tuple[Translation, ScriptedModel]:
    """The translation that a script gives, and the model with the requests it was sent."""
    model = ScriptedModel("scripted/test", script)
    asked = broker(model, folder)
    try:
        return translate(text, asked, model="scripted", **settings), model
    finally:
        asked.close()


def phase(request: Any) -> str:
    return str(request.context["at"].phase)
