"""The one reader of games: .efg, .nfg, game documents, tables as YAML, JSON or CSV, controlled English, and the catalog.

A .yaml or .json file holds a game document (``format: gamesim-game-1``), or a table with ``payoffs`` (see ``tables``), or an
``environment`` that has a formal game, or ``game: name`` with parameters of the catalog.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from gamesim.core.efg_format import read_efg
from gamesim.core.errors import (
    GameDocumentError,
    GameFileError,
    ScenarioError,
    UnknownKindError,
    clean,
    did_you_mean,
    split_place,
)
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.game_files import FileLimits, read_text
from gamesim.core.nfg_format import read_nfg
from gamesim.core.registry import build as build_kind
from gamesim.core.registry import entry, names
from gamesim.core.simultaneous import as_tree

from .document import Assumption, GameDocument
from .problems import Problem, Problems, error
from .tables import KEYS, PREFERENCE_KEYS, from_list, from_mapping, preferences, read_csv
from .validate import examine

Format = Literal["auto", "efg", "nfg", "yaml", "json", "csv", "english", "catalog"]
FORMATS = ("auto", "efg", "nfg", "yaml", "json", "csv", "english", "catalog")
SUFFIXES = {
    ".efg": "efg", ".nfg": "nfg", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".csv": "csv", ".txt": "english",
    ".md": "english",
}  # fmt: skip
FOREIGN = (".agg", ".bagg", ".gbt")
FORMS = "FILE.efg, .nfg, .yaml, .json, .csv, .txt (controlled English) or catalog:NAME"
BYTES, NESTING, ENGLISH = 2 << 20, 640, 20_000


@dataclass(frozen=True)
class GameFile:
    """A game and what came with it.

    Attributes
    ----------
    game : a tree, a table, or whatever the catalog holds.
    document : where the source was a game document or English.
    assumptions : what the source did not say.
    problems : warnings; errors are raised.
    payoff_mode, constraints : how payoffs are to be compared with another game's.
    format : how it was read.  name : the file, or ``text``.
    """

    game: Any
    document: GameDocument | None = None
    assumptions: tuple[Assumption, ...] = ()
    problems: tuple[Problem, ...] = ()
    payoff_mode: Literal["exact", "affine", "ordinal", "constraints"] = "exact"
    constraints: tuple[str, ...] = ()
    format: str = ""
    name: str = "text"

    @property
    def tree(self) -> ExtensiveFormGame:
        """The game as a tree; a table's players move one after another, unseen."""
        return as_tree(self.game)


def read_game(
    path_or_text: str | os.PathLike[str], *, format: Format = "auto", limits: FileLimits | None = None
) -> GameFile:
    """A game from a file, from text, or from the catalog.

    Parameters
    ----------
    path_or_text : a path, ``catalog:NAME``, or text: what holds a line break or begins with ``{``.
    format : ``auto`` goes by the file's ending, else by how the text begins.

    Raises
    ------
    GameFileError
        For what is no game file, with its place.
    GameDocumentError
        For a document with errors; ``problems`` holds all of them.
    EnglishError
        For a sentence that is not in the grammar.
    UnknownKindError
        For a name that the catalog does not have, with the nearest.
    """
    if format not in FORMATS:
        raise GameFileError(f"no format '{clean(format, 40)}'.", hint=did_you_mean(format, FORMATS) or "See --format.")
    limits = limits or FileLimits()
    if isinstance(path_or_text, str) and (path_or_text.startswith("catalog:") or format == "catalog"):
        return GameFile(catalog(path_or_text.removeprefix("catalog:")), format="catalog", name=path_or_text)
    text, name = _text(path_or_text, format, limits)
    if format == "auto" and name != "text":
        suffix = Path(path_or_text).suffix.lower()
        if suffix in FOREIGN:
            raise _no_game(str(path_or_text), suffix)
        format = SUFFIXES.get(suffix, "auto")  # type: ignore[assignment]
    return from_text(text, name, format=format, limits=limits)


def from_text(text: str, name: str = "text", *, format: str = "auto", limits: FileLimits | None = None) -> GameFile:
    """A game from its text; ``name`` is what places in messages begin with."""
    limits = limits or FileLimits()
    if not text.strip():
        raise GameFileError("there is nothing in it.", where=clean(name, 200), hint=f"Expected {FORMS}.")
    kind = format if format != "auto" else _kind(text)
    if kind in ("efg", "nfg"):
        return GameFile(_placed(read_efg if kind == "efg" else read_nfg, text, name, limits), format=kind, name=name)
    if kind == "csv":
        return GameFile(read_csv(text, clean(name, 200), limits), format=kind, name=name)
    if kind == "english":
        return _english(text, name)
    return _data(_parsed(text, name, kind), name, kind, limits)


def problems_of(failure: GameFileError) -> list[Problem]:
    """What a reader refused, as problems: those of a document, or E17 with line and column."""
    if isinstance(failure, GameDocumentError) and failure.problems:
        return [p for p in failure.problems if isinstance(p, Problem)]
    _, line, column = split_place(failure.where)
    path = f"line {line}, column {column or 1}" if line is not None else (failure.path or "")
    return [Problem("E17", "error", "", path, failure.message, "", failure.hint or "")]


def catalog(name: str, **parameters: Any) -> Any:
    """A registered game."""
    if name not in names("games"):
        raise UnknownKindError.named("game", name, names("games"))
    return entry("games", name)(**parameters)


# ---- what it is --------------------------------------------------------------------------------------------------------


def _text(source: str | os.PathLike[str], format: str, limits: FileLimits) -> tuple[str, str]:
    if isinstance(source, str) and "\n" not in source:
        if source.lstrip().startswith("{"):
            source = f"{source}\n"
        elif not source.strip():
            raise GameFileError("there is nothing in it.", where="text", hint=f"Expected {FORMS}.")
        elif not _exists(source):
            suffix = Path(source).suffix.lower()
            if format == "english" or (suffix not in {*SUFFIXES, *FOREIGN} and _is_prose(source)):
                source = f"{source}\n"
            elif suffix not in SUFFIXES:
                raise _no_game(source, suffix)
    return read_text(source, limits)


def _exists(source: str) -> bool:
    try:
        return Path(source).exists()
    except (OSError, ValueError):
        return False


def _is_prose(text: str) -> bool:
    """Whether words end in a full stop: English, of whatever kind."""
    return bool(re.search(r"\w[.;](\s|$)", text)) and len(re.findall(r"[A-Za-z]{2,}", text)) >= 3


def _no_game(source: str, suffix: str) -> GameFileError:
    where = clean(source, 200)
    if suffix in FOREIGN:
        return GameFileError(
            f"files of type {suffix} are not read.", where=where, hint="Convert it with Gambit to .nfg or .efg."
        )
    if source in names("games"):
        return GameFileError(f"no file '{clean(source, 80)}'.", hint=f"Did you mean 'catalog:{source}'?")
    meant = did_you_mean(f"catalog:{source}", [f"catalog:{name}" for name in names("games")])
    return GameFileError(f"'{clean(source, 80)}' is no game.", hint=meant or f"Expected {FORMS}.")


def _kind(text: str) -> str:
    head = text.lstrip()
    for kind in ("efg", "nfg"):
        if head.startswith((f"{kind.upper()} ", f"{kind.upper()}\n")):
            return kind
    if head[0] in "[{":
        return "json"
    if re.search(r"^(format|root|payoffs|environment|game)\s*:(\s|$)", text, re.MULTILINE):
        return "yaml"
    if _is_prose(text):
        return "english"
    return "yaml" if re.match(r"\w+\s*:", head) else "csv"


def _placed(read: Any, text: str, name: str, limits: FileLimits) -> Any:
    """Read a text so that mistakes are told with the name of its file."""
    try:
        return read(text if "\n" in text else f"{text}\n", limits=limits)
    except GameFileError as failure:
        where = failure.where or "text"
        raise GameFileError(
            failure.message, where=name + where.removeprefix("text"), path=failure.path, hint=failure.hint
        ) from None


# ---- data --------------------------------------------------------------------------------------------------------------


def _refused(found: str, expected: str, name: str, line: int, column: int, hint: str = "") -> GameDocumentError:
    told = Problem("E01", "error", "", f"line {line}, column {column}", found, expected, hint)
    return error(Problems.of([told]), name)


def _parsed(text: str, name: str, kind: str) -> Any:
    if len(text) > BYTES or len(text.encode("utf-8", "surrogatepass")) > BYTES:
        told = Problem("E14", "error", "", "", f"{len(text):,} characters", "up to 2 MB")
        raise error(Problems.of([told]), name)
    return parse_json(text, name) if kind == "json" else _parse_yaml(text, name)


def parse_json(text: str, name: str = "text") -> Any:
    """One JSON value, numbers by their digits.

    Raises
    ------
    GameDocumentError
        E01 with line and column: no JSON, a key twice, NaN, a second value, or nesting beyond 640.
    """

    def constant(word: str) -> Any:
        at = re.search(rf"(?<![\w\"]){re.escape(word)}", text)
        raise _refused(f"not JSON: {word} is no number", "finite numbers", name, *_line(text, at.start() if at else 0))

    _scan(text, name)
    try:
        return json.loads(text, parse_float=Decimal, parse_int=_integer, parse_constant=constant)
    except json.JSONDecodeError as failure:
        what = "a second value follows" if failure.msg == "Extra data" else f"not JSON: {failure.msg.lower()}"
        raise _refused(what, "one JSON object", name, failure.lineno, failure.colno) from None
    except RecursionError:
        raise _refused("nested too deeply", f"up to {NESTING} levels", name, 1, 1) from None


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= 210 else digits[:201] + "!"  # refused as too long where it is used


_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)


def _scan(text: str, name: str) -> None:
    """Refuse deep nesting and keys that stand twice, which the parser would not tell with their place."""
    open_keys: list[set[str] | None] = []
    tokens = list(_JSON_TOKEN.finditer(text))
    for k, token in enumerate(tokens):
        sign = token[0]
        if sign in "{[":
            open_keys.append(set() if sign == "{" else None)
            if len(open_keys) > NESTING:
                raise _refused("nested too deeply", f"up to {NESTING} levels", name, *_line(text, token.start()))
        elif sign in "}]":
            if open_keys:
                open_keys.pop()
        elif sign[0] == '"' and k + 1 < len(tokens) and tokens[k + 1][0] == ":" and open_keys:
            keys = open_keys[-1]
            if keys is not None:
                if sign in keys:
                    raise _refused(
                        f"the key {clean(sign, 60)} twice", "every key once", name, *_line(text, token.start())
                    )
                keys.add(sign)


def _line(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _parse_yaml(text: str, name: str) -> Any:
    from gamesim.yaml.source import YamlLimits, load_yaml

    limits = YamlLimits(size=BYTES, depth=NESTING, nodes=400_000, aliases=10_000, digits=210)
    try:
        return load_yaml(text, limits=limits, name=name, decimals=True).data
    except ScenarioError as failure:
        _, line, column = split_place(failure.where)
        raise _refused(failure.message.rstrip("."), "one YAML document", name, line or 1, column or 1, failure.hint or "") from None  # fmt: skip


def _data(data: Any, name: str, kind: str, limits: FileLimits) -> GameFile:
    where = clean(name, 200)
    if isinstance(data, list) and kind == "json":
        return GameFile(from_list(data, where, limits), format=kind, name=name)
    if not isinstance(data, Mapping):
        raise GameFileError("a game is a mapping.", where=where, hint="Keys: format, title, players, root; or payoffs.")
    if "format" in data or "root" in data:
        return document_file(data, name, kind)
    if "payoffs" in data:
        return GameFile(from_mapping(data, where, limits), format=kind, name=name)
    if "preferences" in data:
        return GameFile(preferences(data, where, limits), format=kind, name=name)
    if "game" in data:
        spec = data["game"]
        spec = {"kind": spec} if isinstance(spec, str) else dict(spec) if isinstance(spec, Mapping) else {}
        found = spec.pop("kind", spec.pop("name", ""))
        try:
            return GameFile(catalog(str(found), **_floats(spec)), format=kind, name=name)
        except TypeError as failure:
            raise ScenarioError(f"game '{clean(found, 40)}' does not take these parameters: {clean(failure)}.", where=where) from None  # fmt: skip
    if "environment" in data:
        game = build_kind("environments", _floats(data["environment"])).game()
        if game is None:
            raise GameFileError("this environment has no formal game.", where=where)
        return GameFile(game, format=kind, name=name)
    known = [*KEYS, *PREFERENCE_KEYS, "game", "environment", "format", "root"]
    meant = next((hint for key in data if (hint := did_you_mean(str(key), known))), None)
    raise GameFileError(
        "neither payoffs, preferences, game, environment nor format is there.",
        where=where,
        hint=meant or "A game document begins with format: gamesim-game-1.",
    )


def _floats(data: Any) -> Any:
    """Decimals as the floats that configurations take."""
    if isinstance(data, Mapping):
        return {key: _floats(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_floats(value) for value in data]
    return float(data) if isinstance(data, Decimal) else data


def document_file(data: Mapping[str, Any] | GameDocument, name: str = "text", kind: str = "document") -> GameFile:
    """A game document, read; all of its errors are raised together."""
    found = examine(data)
    if found.game is None or found.document is None:
        raise error(found.problems, clean(name, 200))
    document = found.document
    return GameFile(
        found.game,
        document,
        document.assumptions,
        tuple(found.problems),
        document.payoff_mode,
        found.constraints,
        kind,
        name,
    )


def _english(text: str, name: str) -> GameFile:
    from .english import parse_english

    if len(text) > ENGLISH:
        raise GameFileError(f"{len(text):,} characters; up to {ENGLISH:,} are read as English.", where=clean(name, 200))
    return document_file(parse_english(text, name=name), name, "english")
