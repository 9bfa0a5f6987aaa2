"""What a scenario may say of a game tree that is played: kind ``efg``.

One of ``game`` (a registered name, ``{game: name, parameters}`` or a game document), ``file`` and ``english`` says which.
Everybody who moves chooses one action at an information set; chance is drawn from the stream ("environment", "chance"),
so that counterfactual runs share it. Rewards are 0 until a leaf, then its payoffs. ``repeat`` plays the tree that many
times, independently; with ``rotate`` the seats move on by one role each time.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from gamesim.core.errors import GamesimError, ScenarioError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.envs.config import EnvironmentConfig
from gamesim.yaml.beside import beside

if TYPE_CHECKING:
    from gamesim.envs.base import BatchedEnvironment, Environment

    from .describer import TreeDescriber

NODES = 200_000


class ExtensiveForm(EnvironmentConfig):
    """Any game tree, or table, played move by move; see gamesim/envs/efg/config.py."""

    kind: Literal["efg"] = "efg"
    given: str | dict[str, Any] | None = Field(
        None,
        alias="game",
        description="A registered game by name, {game: name, parameters}, or a game document (gamesim schema game).",
    )
    file: str | None = Field(
        None, max_length=1000, description="A game file: .efg, .nfg, .yaml, .json, .csv or controlled English."
    )
    source: str | None = Field(None, description="The text of the file, read when the scenario is; a record keeps it.")
    english: str | None = Field(None, max_length=20_000, description="The game in controlled English.")
    rules: Literal["generated", "original", "both"] = Field(
        "generated",
        description="What language models read: our words for the tree, the document's own description, or both.",
    )
    repeat: int = Field(1, ge=1, le=1_000_000, description="Plays of the tree in one episode.")
    rotate: bool = Field(False, description="Seats move on by one role with every play.")

    @model_validator(mode="before")
    @classmethod
    def _reads_its_file(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("file"), str) or data.get("source") is not None:
            return data
        from gamesim.core.game_files import FileLimits, read_text

        try:
            text, _ = read_text(beside(data["file"]), FileLimits())
        except GamesimError as error:
            raise ScenarioError(str(error), path="file") from error
        return {**data, "source": text}

    @model_validator(mode="after")
    def _is_a_game(self) -> ExtensiveForm:
        named = {"game": self.given, "file": self.file, "english": self.english}
        given = [key for key, value in named.items() if value is not None]
        if len(given) != 1:
            raise ValueError(
                f"exactly one of game, file and english says which game; {', '.join(given) or 'none'} was given."
            )
        try:
            tree = self.tree
        except ScenarioError:
            raise
        except GamesimError as error:
            raise ScenarioError(str(error), path=given[0]) from error
        if tree.size > NODES:
            raise ValueError(f"the tree has {tree.size:,} nodes; {NODES:,} are played.")
        if self.rules != "generated" and not self.description:
            raise ValueError(f"rules: {self.rules} needs a game document with a description.")
        return self

    @cached_property
    def _read(self) -> Any:
        from .reading import SUFFIXES, GameFile, catalog, document_file, from_text

        if self.file is not None:
            suffix = PurePath(self.file).suffix.lower()
            return from_text(self.source or "", self.file, format=SUFFIXES.get(suffix, "auto"))
        if self.english is not None:
            return from_text(self.english, format="english")
        if isinstance(self.given, dict) and "format" in self.given:
            return document_file(self.given, "game")
        given = dict(self.given) if isinstance(self.given, dict) else {"game": self.given}
        name = given.pop("game", None)
        if not isinstance(name, str):
            raise ScenarioError("game needs the name of a game, or a game document.", path="game")
        try:
            return GameFile(catalog(name, **given), name=name)
        except TypeError as error:
            raise ScenarioError(f"'{name}' cannot be made of these values.", path="game") from error

    @cached_property
    def tree(self) -> ExtensiveFormGame:
        """The game; a table's players move one after another, unseen."""
        found: ExtensiveFormGame = self._read.tree
        return found

    @property
    def description(self) -> str:
        """What the document says of itself, or nothing."""
        document = self._read.document
        return str(document.description) if document is not None and document.description else ""

    def game(self) -> ExtensiveFormGame:
        return self.tree

    def seats(self) -> tuple[str, ...]:
        return self.tree.players

    def build(self) -> Environment:
        from .environment import TreeEnvironment

        return TreeEnvironment(self)

    def batched(self, rows: int) -> BatchedEnvironment:
        from .batched import BatchedTree

        return BatchedTree(self, rows)

    def describer(self) -> TreeDescriber:
        from .describer import TreeDescriber

        return TreeDescriber(self)

    def warnings(self) -> list[str]:
        if self.rotate and self.repeat == 1:
            return ["rotate has no effect: the tree is played once."]
        return []
