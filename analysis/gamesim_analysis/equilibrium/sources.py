"""Games by name: whatever ``gamesim.envs.efg.reading`` reads, and besides standard input, scenarios and runs.

``read_source`` takes, in this order: ``-`` (standard input), ``catalog:NAME``, a run directory, a file by its ending
(.efg, .nfg, .yaml, .json, .csv, .txt) or its first letters, a name of the catalog, of a packaged scenario, of a run in the
store.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import GameFileError, GamesimError, ScenarioError, clean, did_you_mean
from gamesim.core.game_files import FileLimits, read_text
from gamesim.core.registry import entry, names
from gamesim.envs.efg import reading
from gamesim.envs.efg.reading import FOREIGN, SUFFIXES, GameFile, catalog, from_text

if TYPE_CHECKING:
    from gamesim_analysis.empirical.run_game import RunGame

FORMS = "FILE.efg, FILE.nfg, FILE.yaml, FILE.json, FILE.csv, FILE.txt in controlled English, a run, a scenario, catalog:NAME or - for standard input"
YAML = (".yaml", ".yml")


@dataclass(frozen=True, eq=False)
class Source:
    """A game and where it came from.

    Attributes
    ----------
    name : for people.
    notes : what was assumed in reading.
    sampled : of a run, the table that its episodes gave.
    assumptions : what a description did not say.
    environment : of a scenario, what plays the game.
    """

    game: Any
    name: str
    notes: tuple[str, ...] = ()
    sampled: RunGame | None = None
    assumptions: tuple[str, ...] = ()
    environment: Any = None


def read_game(source: str, *, limits: FileLimits | None = None) -> Any:
    """A game; see ``read_source``."""
    return read_source(source, limits=limits).game


def read_source(
    source: str,
    *,
    limits: FileLimits | None = None,
    store: str | None = None,
    where: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Source:
    """A game from a file, standard input, the catalog, a scenario or a run.

    Parameters
    ----------
    store : where runs named by their id lie.
    where : which game of a run whose sweep varied more than who plays.
    parameters : of a game of the catalog; see ``parameters_of``.

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
    if parameters:
        return _of_catalog(source.removeprefix("catalog:"), parameters)
    if source == "-":
        return _read(from_text(_standard_input(limits), "standard input", limits=limits), "standard input")
    if source.startswith("catalog:"):
        return _read(reading.read_game(source), source.removeprefix("catalog:"))
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
    if folder and ((path / "manifest.json").exists() or source not in names("games")):  # --out kuhn made a folder kuhn
        return _run(source, store, where)
    if (suffix in SUFFIXES and suffix not in YAML) or (exists and not folder and suffix not in YAML):
        return _read(reading.read_game(path, limits=limits), path.stem)
    if (exists and not folder) or (suffix in YAML and not _scenario(source)):
        return _yaml(source, limits)
    if source in names("games"):
        return _read(reading.read_game(f"catalog:{source}"), source)
    if _scenario(source):
        return _yaml(source, limits)
    return _stored(source, store, where)


def parameters_of(source: str | None) -> tuple[str, ...]:
    """Names of the parameters of a game of the catalog; of anything else none."""
    name = (source or "").removeprefix("catalog:")
    if name not in names("games") or (name == source and Path(name).is_file()):
        return ()
    return tuple(inspect.signature(entry("games", name)).parameters)


def _of_catalog(name: str, parameters: Mapping[str, Any]) -> Source:
    given = ", ".join(f"{key}={value}" for key, value in parameters.items())
    try:
        game = catalog(name, **parameters)
    except GamesimError:
        raise
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise GameFileError(f"no {name} with {clean(given, 80)}: {clean(str(error), 120)}.", where="--param") from None
    return Source(game, f"{getattr(game, 'name', '') or name} ({given})")


def _read(found: GameFile, name: str) -> Source:
    assumed = tuple(f"Assumed: {assumption.text}" for assumption in found.assumptions)
    warned = tuple(str(problem) for problem in found.problems)
    return Source(found.game, str(getattr(found.game, "name", "") or name), warned, None, assumed)


def _standard_input(limits: FileLimits) -> str:
    data = sys.stdin.buffer.read(limits.bytes + 1) if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    if len(data) > limits.bytes:
        raise GameFileError(f"larger than {limits.bytes:,} bytes.", where="standard input")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise GameFileError(f"byte {error.start + 1} is not UTF-8.", where="standard input") from None


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

    path = Path(source) if Path(source).exists() else None
    path = path or (find_scenario(source) if _scenario(source) else Path(source))
    text, name = read_text(path, limits)
    if re.search(r"^(population|include|kind)\s*:", text, re.MULTILINE):
        scenario = load_scenario(source)
        game = scenario.environment.game() if scenario.environment is not None else None
        if game is None:
            raise GameFileError("this scenario has no formal game.", where=clean(source, 200), hint="Run it over several compositions and solve the run.")  # fmt: skip
        return Source(
            game, str(game.name or scenario.name), of_one_round(scenario.environment), environment=scenario.environment
        )
    return _read(from_text(text, name, format="yaml", limits=limits), path.stem)


def of_one_round(environment: Any) -> tuple[str, ...]:
    """How the formal game of an environment differs from what is played there, a sentence each."""
    notes = []
    rounds = getattr(environment, "horizon", None) or getattr(environment, "repeat", None)
    if isinstance(rounds, int) and rounds > 1:
        notes.append(f"This is the game of one round; the scenario plays {rounds:,}.")
    if getattr(environment, "noise", 0):
        notes.append(f"Actions are those that players intend; another one is played with probability {environment.noise:g}, and payoffs are expected ones.")  # fmt: skip
    if getattr(environment, "fining", None) is not None:
        notes.append("Fines are played as well; this is the game without them.")
    return tuple(notes)


__all__ = ["Source", "catalog", "read_game", "read_source"]
