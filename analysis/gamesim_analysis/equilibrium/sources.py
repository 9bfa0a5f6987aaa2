"""Games by name: files, matrices, scenarios, runs, standard input and the catalog.

``read_source`` takes, in this order: ``-`` (standard input), ``catalog:NAME``, a run directory, a file by its ending
(.efg, .nfg, .yaml, .json, .csv) or its first letters, a name of the catalog, of a packaged scenario, of a run in the store.

A game.yaml or .json holds ``payoffs`` with optional ``players`` and ``actions`` (a table; numbers, or text such as "1/3"),
or an ``environment`` that has a formal game, or ``game: name`` with parameters of the catalog:

    players: [Row, Column]
    actions: [[up, down], [left, right]]
    payoffs: [[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]]      # by player, then by each player's action

A .csv holds one matrix of the row player, who plays against the column player for these stakes (zero-sum), or two matrices
with an empty line between them, or two numbers in each cell (``3 0`` or ``3; 0``). A first row or column of names is kept.

    >>> read_text_game("3 3,0 5\\n5 0,1 1\\n", "csv").payoffs[1]
    array([[3., 5.],
           [0., 1.]])
"""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.efg_format import read_efg
from gamesim.core.errors import GameFileError, GamesimError, ScenarioError, UnknownKindError, clean, did_you_mean
from gamesim.core.game_files import FileLimits, Tokens, read_text
from gamesim.core.nfg_format import read_nfg
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import build, entry, names

if TYPE_CHECKING:
    from gamesim_analysis.empirical.run_game import RunGame

FOREIGN = (".agg", ".bagg", ".gbt")
FORMS = "FILE.efg, FILE.nfg, FILE.yaml, FILE.json, FILE.csv, a run, a scenario, catalog:NAME or - for standard input"
KEYS = ("payoffs", "players", "actions", "name", "title")


@dataclass(frozen=True, eq=False)
class Source:
    """A game and where it came from.

    Attributes
    ----------
    name : for people.
    notes : what was assumed in reading.
    sampled : of a run, the table that its episodes gave.
    """

    game: Any
    name: str
    notes: tuple[str, ...] = ()
    sampled: RunGame | None = None


def read_game(source: str, *, limits: FileLimits | None = None) -> Any:
    """A game; see ``read_source``."""
    return read_source(source, limits=limits).game


def read_source(
    source: str,
    *,
    limits: FileLimits | None = None,
    store: str | None = None,
    where: Mapping[str, Any] | None = None,
) -> Source:
    """A game from a file, standard input, the catalog, a scenario or a run.

    Parameters
    ----------
    store : where runs named by their id lie.
    where : which game of a run whose sweep varied more than who plays.

    Raises
    ------
    GameFileError
        For a file that is no game, with its place; for a name that nothing has, with the nearest.
    UnknownKindError
        For ``catalog:NAME`` that the catalog does not have.
    UnsupportedGameError
        For a run that is no whole game, naming what is missing.
    """
    limits = limits or FileLimits()
    if source == "-":
        return _named(read_text_game(_standard_input(limits), "", "standard input", limits), "standard input")
    if source.startswith("catalog:"):
        name = source.removeprefix("catalog:")
        return _named(catalog(name), name)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in FOREIGN:
        raise GameFileError(
            f"files of type {suffix} are not read.",
            where=clean(source, 200),
            hint="Convert it with Gambit to .nfg or .efg.",
        )
    try:
        exists, folder = path.exists(), path.is_dir()
    except (OSError, ValueError):
        exists = folder = False
    if folder:
        return _run(source, store, where)
    if suffix in (".efg", ".nfg", ".json", ".csv") or (exists and suffix not in (".yaml", ".yml")):
        return _file(path, suffix, limits)
    if exists or (suffix in (".yaml", ".yml") and not _scenario(source)):
        return _yaml(source, limits)
    if source in names("games"):
        return _named(catalog(source), source)
    if _scenario(source):
        return _yaml(source, limits)
    return _stored(source, store, where)


def _named(game: Any, name: str, *notes: str) -> Source:
    return Source(game, str(game.name or name), tuple(notes))


def _standard_input(limits: FileLimits) -> str:
    data = sys.stdin.buffer.read(limits.bytes + 1) if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    if len(data) > limits.bytes:
        raise GameFileError(f"larger than {limits.bytes:,} bytes.", where="standard input")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise GameFileError(f"byte {error.start + 1} is not UTF-8.", where="standard input") from None


def _file(path: Path, suffix: str, limits: FileLimits) -> Source:
    """A file that stands on its own."""
    if suffix == ".efg":
        game: Any = read_efg(path, limits=limits)
    elif suffix == ".nfg":
        game = read_nfg(path, limits=limits)
    else:
        text, name = read_text(path, limits)
        game = read_text_game(text, suffix.lstrip("."), name, limits)
    return _named(game, path.stem)


def read_text_game(text: str, kind: str = "", where: str = "text", limits: FileLimits | None = None) -> Any:
    """A game from its text.

    Parameters
    ----------
    kind : ``efg``, ``nfg``, ``json``, ``yaml`` or ``csv``; by default as the text begins.

    Raises
    ------
    GameFileError
        For what is no game.
    """
    limits = limits or FileLimits()
    start = text.lstrip()
    if not start:
        raise GameFileError("there is nothing in it.", where=where, hint=f"Expected {FORMS}.")
    if not kind:
        first = start.split(None, 1)[0]
        kind = first.lower() if first in ("EFG", "NFG") else "json" if start[0] in "[{" else "yaml" if _is_yaml(start) else "csv"  # fmt: skip
    if kind in ("efg", "nfg"):
        return (read_efg if kind == "efg" else read_nfg)(text if "\n" in text else text + "\n", limits=limits)
    if kind == "json":
        return _from_json(text, where, limits)
    if kind == "yaml":
        return _from_mapping(_loaded(text, where), where, limits)
    return read_csv(text, where, limits)


def _is_yaml(text: str) -> bool:
    key = text.split("\n", 1)[0].split(":", 1)
    return len(key) == 2 and key[0].strip().isidentifier()


def _from_json(text: str, where: str, limits: FileLimits) -> Any:
    """A mapping as in game.yaml, or a bare list: a matrix or a table."""

    def refused(constant: str) -> Any:
        raise ValueError(f"{constant} is no number of JSON")

    try:
        data = json.loads(text, parse_float=Decimal, parse_constant=refused)
    except json.JSONDecodeError as error:
        raise GameFileError(f"not JSON: {clean(error.msg)}.", where=f"{where}:{error.lineno}:{error.colno}") from None
    except RecursionError:
        raise GameFileError("nested too deeply.", where=where) from None
    except ValueError as error:
        raise GameFileError(f"not JSON: {clean(error)}.", where=where) from None
    if isinstance(data, list):
        return _table({"payoffs": _by_player(data)}, where, limits)
    return _from_mapping(data, where, limits)


def _loaded(text: str, where: str) -> Any:
    from gamesim.yaml.source import load_yaml

    return load_yaml(text, name=where, decimals=True).data


def _floats(data: Any) -> Any:
    """Decimals as floats, for parameters that are no payoffs."""
    if isinstance(data, Mapping):
        return {key: _floats(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_floats(value) for value in data]
    return float(data) if isinstance(data, Decimal) else data


def _by_player(data: list[Any]) -> list[Any]:
    """``payoffs`` of a bare list: one matrix is zero-sum, a list of players' tables stays, cells of payoffs are turned."""
    shape = np.array(data, dtype=object).shape if data else ()
    if len(shape) == 2:
        return [data, [[_minus(value) for value in row] for row in data]]
    if len(shape) >= 3 and shape[0] != len(shape) - 1 and shape[-1] == len(shape) - 1:
        turned: list[Any] = np.moveaxis(np.array(data, dtype=object), -1, 0).tolist()
        return turned
    return data


def _minus(value: Any) -> Any:
    """The negative of a number, or of the text of one."""
    if isinstance(value, str):
        return value[1:] if value.startswith("-") else f"-{value}"
    return -value if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else value


def read_csv(text: str, where: str = "text", limits: FileLimits | None = None) -> NormalFormGame:
    """A two-player game from comma-separated text; see the head of this module.

    Raises
    ------
    GameFileError
        With line and column of what is no number.
    """
    limits = limits or FileLimits()
    reader = Tokens("", where, limits)
    blocks: list[list[tuple[int, list[str]]]] = [[]]
    delimiter = next((mark for mark in ("\t", ",", ";") if mark in text), ",")
    try:
        for line, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True), 1):
            if any(cell.strip() for cell in row):
                blocks[-1].append((line, [cell.strip() for cell in row]))
            elif blocks[-1]:
                blocks.append([])
    except csv.Error as error:
        raise GameFileError(f"not readable as CSV: {clean(error)}.", where=where) from None
    blocks = [block for block in blocks if block]
    if not 1 <= len(blocks) <= 2:
        raise GameFileError(f"{len(blocks)} matrices.", where=where, hint="One (zero-sum), or two with an empty line between them.")  # fmt: skip
    labels: list[tuple[tuple[str, ...], ...]] = []
    matrices: list[list[list[list[Fraction]]]] = []
    for block in blocks:
        rows, own = _without_labels(block)
        labels.append(own)
        matrices.append([[_cell(cell, reader, f"{where}:{line}:{k + 1}") for k, cell in enumerate(row)] for line, row in rows])  # fmt: skip
    widths = {len(row) for matrix in matrices for row in matrix}
    if len(widths) != 1 or len({len(matrix) for matrix in matrices}) != 1:
        raise GameFileError("rows differ in length.", where=where)
    depth = {len(cell) for matrix in matrices for row in matrix for cell in row}
    if len(matrices) == 2 or depth == {1}:
        if depth != {1}:
            raise GameFileError("two matrices hold one number a cell.", where=where)
        first = [[cell[0] for cell in row] for row in matrices[0]]
        second = [[cell[0] for cell in row] for row in matrices[1]] if len(matrices) == 2 else [[-v for v in row] for row in first]  # fmt: skip
    elif depth == {2}:
        first, second = ([[cell[k] for cell in row] for row in matrices[0]] for k in range(2))
    else:
        raise GameFileError("cells hold one number, or two.", where=where, hint="Such as 3 or '3 0'.")
    payoffs = np.empty((2, len(first), len(first[0])), dtype=object)
    payoffs[0], payoffs[1] = first, second
    return NormalFormGame(payoffs, labels[0] if all(labels[0]) and labels[0] else ())


def _parts(cell: str) -> list[str]:
    """The numbers of a cell, as text."""
    return re.split(r"[\s;|,]+", cell.strip("() ")) if cell.strip("() ") else []


def _is_number(cell: str) -> bool:
    parts = _parts(cell)
    return bool(parts) and all(re.fullmatch(r"[-+]?[\d./]+([eE][-+]?\d+)?", part) for part in parts)


def _without_labels(
    block: Sequence[tuple[int, list[str]]],
) -> tuple[list[tuple[int, list[str]]], tuple[tuple[str, ...], ...]]:
    """A block without its names, and the names of rows and columns; numbered where only one side has them."""
    rows = [(line, list(row)) for line, row in block]
    first = rows[0][1]
    named_columns = len(rows) > 1 and all(first[1:]) and not any(_is_number(cell) for cell in first)
    head = rows.pop(0)[1] if named_columns else []
    named_rows = all(len(row) > 1 and not _is_number(row[0]) for _, row in rows)
    left = [row.pop(0) for _, row in rows] if named_rows else []
    if named_rows and head and len(head) == len(rows[0][1]) + 1:
        head = head[1:]
    if not head and not left:
        return rows, ()
    columns = tuple(head) if len(head) == len(rows[0][1]) else tuple(str(k) for k in range(len(rows[0][1])))
    return rows, (tuple(left) if left else tuple(str(k) for k in range(len(rows))), columns)


def _cell(cell: str, reader: Tokens, where: str) -> list[Fraction]:
    parts = _parts(cell)
    if not parts:
        raise GameFileError("an empty cell.", where=where, hint="Every cell holds a payoff.")
    try:
        return [reader._number(part, "a payoff") for part in parts]
    except GameFileError as error:
        raise GameFileError(error.message, where=where, hint=error.hint) from None


# ---- runs and scenarios ----------------------------------------------------------------------------------------------


def _run(source: str, store: str | None, where: Mapping[str, Any] | None) -> Source:
    from gamesim.run.record import Record
    from gamesim.run.store import resolve_run
    from gamesim_analysis.empirical.run_game import run_game, whole_game

    record = Record(resolve_run(source, store))
    found = run_game(record, where)
    game = whole_game(found).to_game()
    name = str(record.manifest.name)
    return Source(replace(game, name=name), name, found.notes, found)


def _stored(source: str, store: str | None, where: Mapping[str, Any] | None) -> Source:
    """A run by its id, or an error that names the nearest of everything that can be named."""
    from gamesim.run.store import default_store, resolve_run, runs
    from gamesim.scenario.packaged import packaged_names

    try:
        path = resolve_run(source, store)
    except (GamesimError, OSError, ValueError):
        path = None
    if path is not None and (path / "manifest.json").exists():
        return _run(str(path), store, where)
    known = [*names("games"), *packaged_names(), *(run.name for run in runs(Path(store) if store else default_store()))]
    raise GameFileError(f"'{clean(source, 80)}' is no game.", hint=did_you_mean(source, known) or f"Expected {FORMS}.")


def _scenario(source: str) -> bool:
    from gamesim.scenario.packaged import find_scenario

    try:
        return find_scenario(source).is_file()
    except ScenarioError:
        return False


def _yaml(source: str, limits: FileLimits) -> Source:
    """A game.yaml, or a scenario whose environment has a formal game."""
    from gamesim.scenario.packaged import find_scenario
    from gamesim.scenario.resolve import load_scenario
    from gamesim.yaml.source import load_yaml

    path = Path(source) if Path(source).exists() else None
    path = path or (find_scenario(source) if _scenario(source) else Path(source))
    data = load_yaml(path, decimals=True).data
    if isinstance(data, Mapping) and ("population" in data or "include" in data or "kind" in data):
        scenario = load_scenario(source)
        game = scenario.environment.game() if scenario.environment is not None else None
        if game is None:
            raise GameFileError("this scenario has no formal game.", where=clean(source, 200), hint="Run it over several compositions and solve the run.")  # fmt: skip
        return Source(game, str(game.name or scenario.name), _horizon(scenario.environment))
    return _named(_from_mapping(data, clean(source, 200), limits), path.stem)


def _horizon(environment: Any) -> tuple[str, ...]:
    rounds = getattr(environment, "horizon", None) or getattr(environment, "rounds", None)
    if isinstance(rounds, int) and rounds > 1:
        return (f"This is the game of one round; the scenario plays {rounds:,}.",)
    return ()


def catalog(name: str, **parameters: Any) -> Any:
    """A registered game."""
    if name not in names("games"):
        raise UnknownKindError.named("game", name, names("games"))
    return entry("games", name)(**parameters)


def _from_mapping(data: Any, where: str, limits: FileLimits) -> Any:
    if not isinstance(data, Mapping):
        raise GameFileError("a game is a mapping.", where=where, hint="Keys: players, actions, payoffs.")
    if "payoffs" in data:
        return _table(data, where, limits)
    if "game" in data:
        spec = _floats(data["game"])
        spec = {"kind": spec} if isinstance(spec, str) else dict(spec)
        kind = spec.pop("kind", spec.pop("name", ""))
        try:
            return catalog(str(kind), **spec)
        except TypeError as error:
            raise ScenarioError(f"game '{clean(kind, 40)}' does not take these parameters: {clean(error)}.", where=where) from None  # fmt: skip
    if "environment" in data:
        game = build("environments", _floats(data["environment"])).game()
        if game is None:
            raise GameFileError("this environment has no formal game.", where=where)
        return game
    known = [*KEYS, "game", "environment"]
    meant = next((hint for key in data if (hint := did_you_mean(str(key), known))), None)
    raise GameFileError("neither payoffs, game nor environment is there.", where=where, hint=meant)


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
        if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
            raise GameFileError(f"the payoff '{clean(value, 40)}' is no number.", where=where)
        if isinstance(value, (float, Decimal)) and not math.isfinite(value):
            raise GameFileError(f"the payoff {value} is not finite.", where=where)
        try:
            return Fraction(value) if isinstance(value, int) else reader._number(str(value).strip(), "a payoff")
        except GameFileError as error:
            raise GameFileError(error.message, where=where, path="payoffs", hint=error.hint) from None

    try:
        payoffs = np.array(exact(data["payoffs"]), dtype=object)
        if any(isinstance(value, list) for value in payoffs.flat):
            raise ValueError
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
