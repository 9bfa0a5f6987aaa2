"""Games by name: .efg and .nfg files, game.yaml, and the catalog.

A game.yaml holds ``payoffs`` with optional ``players`` and ``actions`` (a table; numbers, or text such as "1/3"), or an
``environment`` that has a formal game, or ``game: name`` with parameters of the catalog:

    players: [Row, Column]
    actions: [[up, down], [left, right]]
    payoffs: [[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]]      # by player, then by each player's action
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from gamesim.core.efg_format import read_efg
from gamesim.core.errors import GameFileError, ScenarioError, UnknownKindError, clean, did_you_mean
from gamesim.core.game_files import FileLimits, Tokens
from gamesim.core.nfg_format import read_nfg
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import build, entry, names

FOREIGN = (".agg", ".bagg", ".gbt")


def read_game(source: str, *, limits: FileLimits | None = None) -> Any:
    """A game from a path or ``catalog:NAME``.

    Raises
    ------
    GameFileError
        For a file that is no game, with its place.
    UnknownKindError
        For a name that the catalog does not have, with the nearest.
    """
    limits = limits or FileLimits()
    if source.startswith("catalog:"):
        return catalog(source.removeprefix("catalog:"))
    suffix = Path(source).suffix.lower()
    if suffix == ".efg":
        return read_efg(Path(source), limits=limits)
    if suffix == ".nfg":
        return read_nfg(Path(source), limits=limits)
    if suffix in (".yaml", ".yml"):
        return read_yaml(source, limits)
    if suffix in FOREIGN:
        raise GameFileError(
            f"files of type {suffix} are not read.",
            where=clean(source, 200),
            hint="Convert it with Gambit to .nfg or .efg.",
        )
    if source in names("games"):
        raise GameFileError(f"no file '{clean(source, 80)}'.", hint=f"Did you mean 'catalog:{source}'?")
    meant = did_you_mean(f"catalog:{source}", [f"catalog:{name}" for name in names("games")])
    raise GameFileError(
        f"'{clean(source, 80)}' is no game.", hint=meant or "Expected FILE.efg, FILE.nfg, game.yaml or catalog:NAME."
    )


def catalog(name: str, **parameters: Any) -> Any:
    """A registered game."""
    if name not in names("games"):
        raise UnknownKindError.named("game", name, names("games"))
    return entry("games", name)(**parameters)


def read_yaml(source: str, limits: FileLimits) -> Any:
    from gamesim.yaml.source import load_yaml

    where = clean(source, 200)
    data = load_yaml(Path(source)).data
    if not isinstance(data, Mapping):
        raise GameFileError("a game is a mapping.", where=where, hint="Keys: players, actions, payoffs.")
    if "payoffs" in data:
        return _table(data, where, limits)
    if "game" in data:
        spec = data["game"]
        spec = {"kind": spec} if isinstance(spec, str) else dict(spec)
        kind = spec.pop("kind", spec.pop("name", ""))
        try:
            return catalog(str(kind), **spec)
        except TypeError as error:
            raise ScenarioError(f"game '{clean(kind, 40)}' does not take these parameters: {clean(error)}.", where=where) from None  # fmt: skip
    if "environment" in data:
        game = build("environments", data["environment"]).game()
        if game is None:
            raise GameFileError("this environment has no formal game.", where=where)
        return game
    raise GameFileError("neither payoffs, game nor environment is there.", where=where)


def _table(data: Mapping[str, Any], where: str, limits: FileLimits) -> NormalFormGame:
    unknown = sorted(set(data) - {"players", "actions", "payoffs", "name", "title"})
    if unknown:
        raise GameFileError(
            f"unknown key '{clean(unknown[0], 40)}'.", where=where, hint=did_you_mean(str(unknown[0]), ("players", "actions", "payoffs", "name")) or "Keys: players, actions, payoffs, name."
        )  # fmt: skip
    reader = Tokens("", where, limits)

    def exact(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [exact(item) for item in value]
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise GameFileError(f"the payoff '{clean(value, 40)}' is no number.", where=where)
        if (isinstance(value, float) and value != value) or value in (float("inf"), float("-inf")):
            raise GameFileError(f"the payoff {value} is not finite.", where=where)
        try:
            return Fraction(value) if isinstance(value, int) else reader._number(str(value).strip(), "a payoff")
        except GameFileError as error:
            raise GameFileError(error.message, where=where, path="payoffs", hint=error.hint) from None

    try:
        payoffs = np.array(exact(data["payoffs"]), dtype=object)
        return NormalFormGame(
            payoffs,
            tuple(tuple(str(a) for a in own) for own in data.get("actions") or ()),
            tuple(str(p) for p in data.get("players") or ()),
            name=str(data.get("name") or data.get("title") or ""),
        )
    except ValueError:
        raise GameFileError("rows of the payoffs differ in length.", where=where) from None
    except GameFileError as error:
        raise GameFileError(error.message, where=error.where or where, path=error.path, hint=error.hint) from None
