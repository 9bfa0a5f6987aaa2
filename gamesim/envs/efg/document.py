"""Game documents: a tree with payoffs by player name, parameters, templates and a timeline of steps, as JSON or YAML.

A document is data. Text in the place of a number is arithmetic over exact numbers, parameters and template arguments; in a
template ``{name}`` inside a label stands for an argument. A move names its information set (``infoset``), or the step of the
timeline it is (``step``), and then the set follows from what the step's actor sees.

    >>> from gamesim.envs.efg.validate import build, validate
    >>> document = {"format": "gamesim-game-1", "title": "A choice", "players": ["Ana"], "parameters": {"v": 3},
    ...     "root": {"type": "move", "player": "Ana", "infoset": "here", "actions": {
    ...         "take": {"type": "terminal", "payoffs": {"Ana": "v - 1/2"}},
    ...         "leave": {"type": "terminal", "payoffs": {"Ana": 0}}}}}
    >>> validate(document)
    []
    >>> build(document).payoffs[0]
    (Fraction(5, 2),)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame

from .schema import FORMAT

Number = int | Decimal | float | str


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Part):
    """A step of the timeline: who acts, and which earlier steps the actor sees."""

    actor: str
    what: str = ""
    sees: tuple[str, ...] = ()


class Assumption(_Part):
    """Something the description did not say."""

    kind: Literal["payoff", "probability", "information", "order", "players", "actions", "other"]
    text: str
    path: str = ""


class Terminal(_Part):
    type: Literal["terminal"] = "terminal"
    label: str | None = None
    payoffs: dict[str, Number]


class Outcome(_Part):
    label: str
    prob: Number
    node: Node


class Chance(_Part):
    type: Literal["chance"] = "chance"
    step: str | None = None
    outcomes: tuple[Outcome, ...]


class Move(_Part):
    type: Literal["move"] = "move"
    player: str
    infoset: str | None = None
    step: str | None = None
    actions: dict[str, Node]


class Use(_Part):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    type: Literal["use"] = "use"
    template: str
    arguments: dict[str, Number] = Field(alias="with")


Node = Annotated[Move | Chance | Terminal | Use, Field(discriminator="type")]


class Template(_Part):
    arguments: tuple[str, ...] = ()
    node: Node


class GameDocument(_Part):
    """A described game; ``validate`` says what is wrong with it, ``build`` makes the tree."""

    format: Literal["gamesim-game-1"] = "gamesim-game-1"
    title: str
    description: str = ""
    players: tuple[str, ...]
    parameters: dict[str, Number] = {}
    steps: dict[str, Step] = {}
    templates: dict[str, Template] = {}
    allow: tuple[Literal["imperfect_recall", "absent_mindedness"], ...] = ()
    payoff_mode: Literal["exact", "affine", "ordinal", "constraints"] = "exact"
    constraints: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    root: Node

    def plain(self) -> dict[str, Any]:
        """The document as data, without what is empty."""
        told = self.model_dump(mode="python", by_alias=True, exclude_none=True)
        kept = {key: value for key, value in told.items() if value not in ("", {}, (), []) or key == "root"}
        if kept["payoff_mode"] == "exact":
            del kept["payoff_mode"]
        found: dict[str, Any] = _plain(kept)
        return found

    def to_json(self) -> str:
        return json.dumps(self.plain(), ensure_ascii=False, indent=1) + "\n"

    def to_yaml(self) -> str:
        """Block YAML that ``read_game`` reads back."""
        return yaml_text(self.plain())


for _model in (Outcome, Move, Chance, Template, GameDocument):
    _model.model_rebuild()


def _plain(value: Any) -> Any:
    """JSON data without recursion: decimals as the text they are, empty texts of steps and assumptions left out."""
    found: list[Any] = [value]
    waiting: list[tuple[Any, Any]] = [(found, 0)]
    while waiting:
        holder, key = waiting.pop()
        item = holder[key]
        if isinstance(item, Mapping):
            holder[key] = copy = {k: v for k, v in item.items() if not (k in ("what", "path") and v == "")}
            waiting += [(copy, k) for k in copy]
        elif isinstance(item, (list, tuple)):
            holder[key] = rows = list(item)
            waiting += [(rows, k) for k in range(len(rows))]
        elif isinstance(item, (Decimal, Fraction)):
            holder[key] = str(item)
    return found[0]


def document_of(game: ExtensiveFormGame, *, title: str | None = None) -> GameDocument:
    """A tree as a document; labels lose quotes and backslashes, sets get names of their own."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for h, name in enumerate(game.set_names):
        wanted = _legal(name, 100)
        if wanted in taken:
            wanted = _legal(f"{game.players[game.sets[h].player]}: {wanted}", 110)
        while wanted in taken:
            wanted = f"{wanted[:110]} #{h + 1}"
        taken.add(wanted)
        names[h] = wanted
    players = _apart(game.players, 60)
    made: dict[int, Any] = {}
    for node in range(game.size - 1, -1, -1):
        kind, at, children = game.kinds[node], game.at[node], game.children[node]
        if kind == TERMINAL:
            paid = {name: _number(value) for name, value in zip(players, game.payoffs[at], strict=True)}
            label = game.labels[node] if game.labels else ""
            made[node] = {"type": "terminal", **({"label": _legal(label, 120)} if label else {}), "payoffs": paid}
        elif kind == CHANCE:
            draw = game.chances[at]
            made[node] = {
                "type": "chance",
                "outcomes": [
                    {"label": label, "prob": _number(p), "node": made.pop(child)}
                    for label, p, child in zip(_apart(draw.actions, 120), draw.probabilities, children, strict=True)
                ],
            }
        else:
            labels = _apart(game.sets[at].actions, 120)
            actions = {label: made.pop(child) for label, child in zip(labels, children, strict=True)}
            made[node] = {"type": "move", "player": players[kind], "infoset": names[at], "actions": actions}
    allow = []
    if game.absent_minded_sets:
        allow.append("absent_mindedness")
    if set(game.forgetful_sets) - set(game.absent_minded_sets):
        allow.append("imperfect_recall")
    data = {
        "format": FORMAT,
        "title": _legal(title or game.name or "a game", 120),
        "players": players,
        "allow": allow,
        "root": made[0],
    }
    return GameDocument.model_validate(data)


def _number(value: Fraction) -> int | str:
    return int(value) if value.denominator == 1 and abs(value) < 2**53 else str(value)


def _legal(text: str, most: int) -> str:
    kept = "".join("'" if c == '"' else " " if c == "\\" or ord(c) < 32 or ord(c) == 127 else c for c in text)
    return kept[:most] or "-"


def _apart(labels: Sequence[str], most: int) -> list[str]:
    """Legal labels, with a number where two have become one."""
    found: list[str] = []
    for label in labels:
        legal = _legal(label, most)
        number = 2
        while legal in found:
            legal = f"{_legal(label, most - 8)} #{number}"
            number += 1
        found.append(legal)
    return found


def yaml_text(data: Any) -> str:
    """Plain data as block YAML; written without recursion, texts quoted where they could be read as something else."""
    lines: list[str] = []
    waiting: list[tuple[str, Any, int]] = [("", data, 0)]  # what stands before it, value, indentation
    while waiting:
        head, value, depth = waiting.pop()
        pad = "  " * depth
        if isinstance(value, Mapping) and value:
            if head:
                lines.append(head)
            inner = depth + bool(head)
            waiting += [("  " * inner + f"{_scalar(key)}:", item, inner) for key, item in reversed(list(value.items()))]
        elif isinstance(value, (list, tuple)) and value:
            if all(not isinstance(item, (Mapping, list, tuple)) for item in value):
                lines.append(f"{head} [{', '.join(_scalar(item) for item in value)}]")
                continue
            lines.append(head)
            waiting += [(f"{pad}  -", item, depth + 1) for item in reversed(value)]
        else:
            empty = "{}" if isinstance(value, Mapping) else "[]" if isinstance(value, (list, tuple)) else None
            lines.append(f"{head} {empty or _scalar(value)}")
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        simple = value.replace("_", "a").replace(" ", "a").replace("-", "a")
        plain = simple.isalpha() and value == value.strip() and value[0].isalpha() and value.isascii()
        if plain and value.lower() not in ("null", "true", "false", "yes", "no", "on", "off", "y", "n"):
            return value
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
