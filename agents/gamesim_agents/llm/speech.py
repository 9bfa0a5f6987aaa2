"""How a question is put: the sections of the game's prompts and of our own, in a fixed order, what is shared first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gamesim.core.language import LanguageKeys
from gamesim.envs.prompts import Prompts
from gamesim.envs.words import delivered

from .form import Form
from .personas import persona_text

REMEMBERED = 10_000
OWN = Path(__file__).parent / "templates"


class Speech:
    """Both sets of templates in the scenario's language and wording."""

    def __init__(self, folder: Path, language: LanguageKeys) -> None:
        self.language = language
        self.game = Prompts(folder, language.lang, language.paraphrase)
        self.own = Prompts(OWN, language.lang, language.paraphrase)
        self._forms: dict[str, str] = {}  # rendered forms of answers, by schema; the same few come again and again
        self._systems: dict[str, str] = {}  # and the first messages, by delimiter
        self._rounds: dict[
            tuple[int, tuple[str, ...]], str
        ] = {}  # and what was remembered of rounds, question after question

    def question(
        self,
        form: Form,
        *,
        rules: Mapping[str, Any],
        persona: str | None,
        personal: str | None,
        memory: Mapping[str, Any],
        since: int,
        info: Mapping[str, Any],
        tag: str,
        as_line: bool,
    ) -> list[tuple[str, str]]:
        """Role and text of each message: one for all agents alike, one for this agent.

        Parameters
        ----------
        since : first round whose messages are quoted.
        tag : around other players' words.
        as_line : ask for one line of text that holds the object.
        """
        description = form.description
        quoted = self.language.communication is not None or bool(info.get("quoted"))
        parts: list[str] = []
        if persona is not None:
            parts.append(self.own.render("persona", {"text": persona_text(persona, self.language.lang)}))
        if personal:
            parts.append(self.own.render("personal", {"text": delivered(personal, 1000)}))
        if memory["note"]:
            parts.append(self.own.render("note", {"text": memory["note"]}))
        lines = [self._round(number, what) for number, what in memory["past"]]
        if memory["now"]:
            lines.append(self._round(memory["round"], memory["now"]))
        if lines and self.language.memory != "none":
            parts.append(self.own.render("memory", {"lines": lines}))
        heard = [quote(m["from"], m["text"], tag) for m in info.get("messages", ()) if m["round"] >= since]
        if heard:
            parts.append(self.own.render("heard", {"lines": heard}))
        if description.template == "summary":
            parts.append(self.own.render("summary", {}))
        else:
            slots = {**description.slots, **self._lists(form, tag)}
            situation = self.game.render("situation", slots)
            parts += [situation] if situation else []
            task = self.own if description.template == "talk" else self.game
            parts.append(task.render(description.template, slots))
        parts.append(self._form(form.schema, as_line))
        return [("system", self._system(rules, tag if quoted else "")), ("user", "\n".join(parts))]

    def _round(self, number: int, what: Sequence[str]) -> str:
        """A line of memory."""
        key = (number, tuple(what))
        if key not in self._rounds:
            if len(self._rounds) >= REMEMBERED:
                self._rounds.clear()
            self._rounds[key] = self.own.render("round", {"round": number, "parts": what})
        return self._rounds[key]

    def _system(self, rules: Mapping[str, Any], tag: str) -> str:
        """The first message, the same for all agents: rules, language, and how to take what others say."""
        if tag not in self._systems:
            slots = {"rules": self.game.render("rules", rules), "quoted": bool(tag), "tag": tag}
            self._systems[tag] = self.own.render("system", slots)
        return self._systems[tag]

    def _lists(self, form: Form, tag: str) -> dict[str, Any]:
        """``options``: the lines of the list to choose from, in this reader's order."""
        found: dict[str, Any] = {}
        for part in form.description.parts:
            if part.options is not None:
                found["options"] = [
                    {"place": place, "text": option.text} for place, option in enumerate(form.options(part), start=1)
                ]
        return found

    def _form(self, schema: Mapping[str, Any], as_line: bool) -> str:
        key = f"{as_line} {json.dumps(schema)}"
        if key not in self._forms:
            section = "form_line" if as_line else "form"
            self._forms[key] = self.own.render(section, {"keys": self._keys(schema)})
        return self._forms[key]

    def _keys(self, schema: Mapping[str, Any]) -> list[dict[str, str]]:
        return [
            {"name": name, "form": self.own.render("value", form_of(value)).replace("\n", " ")}
            for name, value in schema["properties"].items()
        ]


def form_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Values for the section ``value``, which says in words what a key may hold."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    found: dict[str, Any] = {
        "labels": None, "kind": "number", "longest": None, "count": None,
        "low": schema.get("minimum"), "high": schema.get("maximum"), "optional": "null" in kinds,
    }  # fmt: skip
    if "enum" in schema:
        labels = [label for label in schema["enum"] if label is not None]
        found["optional"] = None in schema["enum"]
        found["labels"] = [json.dumps(label, ensure_ascii=False) for label in labels] or ["null"]
    elif "string" in kinds:
        found |= {"kind": "text", "longest": schema.get("maxLength", 200)}
    elif "array" in kinds:
        items = schema.get("items", {})
        found |= {
            "kind": "list",
            "count": schema["maxItems"],
            "low": items.get("minimum"),
            "high": items.get("maximum"),
        }
    elif "integer" in kinds:
        found["kind"] = "integer"
    return found


def quote(speaker: str, text: str, tag: str) -> str:
    """Another player's words between delimiters that they cannot hold."""
    inside = delivered(text, 10_000)
    while tag in inside:  # taking it out may bring it together anew
        inside = inside.replace(tag, "")
    return f"<{tag}>{speaker}: {inside}</{tag}>"
