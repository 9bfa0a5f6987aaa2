"""What a scenario of kind ``bench`` may say: which models play which scenarios, in which company, how often.

    kind: bench
    models: [local, rule:sustainable, {big: {backend: openai, id: some-model, api_key_env: BIG_KEY}}]
    scenarios: [commons/paper_a_harsh_mixed, {file: games/reciprocity, primary: welfare}]
    seeds: 10
    compositions: [pure, {big: 3, local: 7}, {focal: 1, background: "agent:sustainable"}]
    paraphrase: all

Under ``models`` a list names the players of the board; a mapping defines aliases, all of which play. The resolved form keeps
aliases in ``models`` and the players in ``board``, and holds every scenario whole, so that a run needs no other file.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from gamesim.core.config import Config
from gamesim.core.errors import ScenarioError, clean
from gamesim.yaml.node import Node

from .players import Player, player_of

Wordings = Literal[0, 1, 2, "all"]
WORDINGS = (0, 1, 2)
PURE = "pure"


class Anchors(Config):
    """The two ends of the scale: a number, ``rule:<policy>``, ``horizon``, ``equilibrium`` or ``optimum``."""

    zero: float | str | None = Field(None, description="What scores 0, such as rule:greedy.")
    one: float | str | None = Field(None, description="What scores 1, such as optimum.")


class Played(Config):
    """One scenario of the board."""

    file: str = Field("", max_length=500, description="A file beside the bench, or the name of a shipped scenario.")
    name: str = Field("", max_length=60, description="What tables call it; by default its own name.")
    primary: str | None = Field(None, max_length=100, description="The outcome that is scored, such as survival_time.")
    anchors: Anchors = Field(default_factory=Anchors, description="What scores 0 and 1; by default by environment.")
    set: dict[str, Any] = Field({}, description="Values put over the scenario's, by dotted path.")
    cell: int | None = Field(None, ge=0, description="Which cell, where the scenario has a sweep; they count from 0.")
    resolved: dict[str, Any] | None = Field(None, description="The whole scenario; filled in when it is loaded.")

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        given = {"file": value} if isinstance(value, str) else value
        if not isinstance(given, dict) or given.get("resolved") is not None or not isinstance(given.get("file"), str):
            return given
        data = loaded(given["file"], given.get("set") or {}, given.get("cell"))
        return {**given, "name": given.get("name") or str(data["name"])[:60], "resolved": data}

    @model_validator(mode="after")
    def _has_a_scenario(self) -> Self:
        if self.resolved is None:
            raise ValueError("file is missing, such as {file: commons/demo}")
        if self.resolved.get("sweep"):
            raise ValueError("it has a sweep; say which cell is played, such as cell: 0")
        if self.resolved.get("kind", "play") != "play" or not self.resolved.get("environment"):
            raise ValueError("a bench plays scenarios of kind play")
        return self


class Focal(Config):
    """Some seats for the tested model, the rest for a fixed background."""

    focal: int = Field(ge=-10_000, description="Seats of the tested model; -1 is all but one.")
    background: str = Field(min_length=1, max_length=200, description="Who sits in the others, such as agent:greedy.")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.focal == 0:
            raise ValueError("focal: 0 tests nobody")
        player_of(self.background)
        return self


def _with_models(schema: dict[str, Any]) -> None:
    """The key ``models`` as a bench reads it, for editors: a list of players, or a mapping of aliases."""
    schema["properties"]["models"] = {
        "description": "Who plays: a list of players, or aliases of models, all of which play.",
        "anyOf": [
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "object"}]}},
            {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "object"}]}},
        ],
    }


class BenchConfig(Config):
    """Models x scenarios x wordings x compositions x seeds; see gamesim_analysis/bench/config.py."""

    model_config = ConfigDict(json_schema_extra=_with_models)

    bench: Literal["societies"] = Field("societies", description="What is compared.")
    board: tuple[str | dict[str, Any], ...] = Field(
        (),
        max_length=64,
        description="Players: aliases of models, short forms such as rule:greedy or local, rule agents such as agent:greedy, "
        "or {name, model or agent, persona, ...}; agent may name one for each kind of environment.",
    )
    scenarios: tuple[Played, ...] = Field((), max_length=64, description="What they play.")
    seeds: int = Field(10, ge=1, le=10_000, description="Societies of each cell.")
    compositions: tuple[Literal["pure"] | Focal | dict[str, int], ...] = Field(
        ("pure",), description="pure, counts by player, or {focal: seats, background: player}."
    )
    paraphrase: Wordings = Field(0, description="Wording of the prompts; all makes it a factor.")
    gate: float = Field(0.05, ge=0, le=1, description="Share of invalid answers above which nobody is ranked.")
    resamples: int = Field(10_000, ge=100, le=100_000, description="Bootstrap draws.")

    @field_validator("compositions", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, (str, dict)) else tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _is_a_board(self) -> Self:
        if not self.board:
            raise ValueError("nobody plays. Name models, such as models: [local, rule:greedy].")
        if not self.scenarios:
            raise ValueError("nothing is played. Name scenarios, such as scenarios: [commons/paper_a_harsh_mixed].")
        names = [player.name for player in self.players]
        for kind, found in (("player", names), ("scenario", [played.name for played in self.scenarios])):
            twice = next((name for name in found if found.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"two {kind}s are called '{clean(twice, 60)}'. Give one another name.")
        if PURE not in self.compositions:
            raise ValueError("compositions must hold 'pure': pure societies are what is ranked")
        for composition in self.compositions:
            if isinstance(composition, dict):
                self._counted(composition, names)
        return self

    @staticmethod
    def _counted(composition: dict[str, int], names: list[str]) -> None:
        if len(composition) < 2 or any(count < 1 for count in composition.values()):
            raise ValueError("a mixed society names at least two players with at least one seat each")
        stranger = next((name for name in composition if name not in names), None)
        if stranger is not None:
            raise ValueError(f"composition names '{clean(stranger, 60)}', who is not on the board: {', '.join(names)}")

    @property
    def players(self) -> tuple[Player, ...]:
        """Everybody on the board, in its order."""
        return tuple(player_of(item) for item in self.board)

    @property
    def wordings(self) -> tuple[int, ...]:
        return WORDINGS if self.paraphrase == "all" else (self.paraphrase,)


def loaded(file: str, values: dict[str, Any], cell: int | None = None) -> dict[str, Any]:
    """A scenario's resolved data: a file beside the bench, or a shipped one; of a sweep the cell of that number."""
    import json

    from gamesim.scenario.resolve import load_scenario
    from gamesim.scenario.sweep import cells
    from gamesim.yaml.beside import beside

    overrides = [f"{path}={json.dumps(value)}" for path, value in values.items()]
    scenario = load_scenario(beside(file), overrides=overrides)
    if cell is None:
        return dict(scenario.data)
    found = cells(scenario)
    if scenario.sweep is None or cell >= len(found):
        raise ScenarioError(
            f"no cell {cell}; there are {len(found)}.", where=file, path="cell", hint="They count from 0."
        )
    return {**found[cell].scenario.data, "name": scenario.name}


def rewritten(root: Node) -> Node:
    """The tree with a list under ``models`` told apart: players go to ``board``, aliases stay.

    A mapping under ``models`` puts all its aliases on the board, unless ``board`` names some.
    """
    if not isinstance(root.value, dict):
        return root
    models = root.child("models")
    board = root.child("board")
    if models is None or models.value is None:
        return root
    if isinstance(models.value, dict):
        if board is not None or not models.value:
            return root
        names = [Node(alias, child.key_place or child.place) for alias, child in models.value.items()]
        return Node({**root.value, "board": Node(names, models.place, models.key_place)}, root.place)
    if not isinstance(models.value, list):
        return root
    if board is not None and not board.place.startswith("--"):
        raise ScenarioError(
            "players stand under models, or under board.", where=board.place, path="board", hint="Keep one."
        )
    aliases: dict[str, Node] = {}
    players: list[Node] = []
    for item in models.value:
        if isinstance(item.value, dict) and len(item.value) == 1 and not {"name", "model", "agent"} & set(item.value):
            ((alias, config),) = item.value.items()
            aliases[alias] = config
            players.append(Node(alias, item.place))
        else:
            players.append(item)
    changed = {
        **root.value,
        "models": Node(aliases, models.place, models.key_place),
        "board": board or Node(players, models.place, models.key_place),  # one of the command line stands
    }
    return Node(changed, root.place)
