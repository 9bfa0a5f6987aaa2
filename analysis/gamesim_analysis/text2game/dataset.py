"""Described games: a folder with ``index.json``, a text and a reference for each game, and what is known of its equilibria.

Two sets come with the package: ``dev`` (ten games) and ``own`` (25 games more and a text that is no game). Each game also has
a twin in controlled English, which says the same without a model.

    >>> games = load_dataset("own")
    >>> games["dam_share"].players, games["plum_jam"].expected
    (('Ulla', 'Tor'), 'no_game')
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from gamesim.core.equivalence.payoffs import MODES, PayoffMode
from gamesim.core.errors import DatasetError, GameFileError, clean, did_you_mean, listed
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.envs.efg.reading import read_game

SHIPPED = ("dev", "own")
TAGS = frozenset(
    [
        "1p",
        "2p",
        "3p",
        "4p",
        "2x2",
        "absent-minded",
        "ambiguous",
        "auction",
        "bargaining",
        "centipede",
        "chance",
        "chance-after-moves",
        "cheap-talk",
        "constant-sum",
        "constraints",
        "coordination",
        "finite-horizon",
        "forward-induction",
        "imperfect-information",
        "imperfect-recall",
        "mixed-equilibrium",
        "multiple-equilibria",
        "no-game",
        "ordinal",
        "outside-option",
        "parameters",
        "perfect-information",
        "poker",
        "private-information",
        "public-good",
        "repeated",
        "resource-allocation",
        "sequential",
        "signalling",
        "simultaneous",
        "symmetric",
        "threshold",
        "trust",
        "ultimatum",
        "voting",
        "zero-sum",
    ]
)
EXPECTATIONS = ("pure_payoffs", "spe_payoffs", "extreme_payoffs", "enumpoly_payoffs", "value_to_first")


@dataclass(frozen=True)
class DescribedGame:
    """One entry.

    Attributes
    ----------
    text : the description, as its author wrote it.
    reference, english : files; None where the text is no game.
    expected : ``game``, or ``no_game`` if the right answer is that there is none.
    expected_assumptions : kinds of assumptions a translation has to state.
    known : what is known of the equilibria, rationals as text.
    """

    name: str
    text: str
    reference: Path | None
    english: Path | None
    players: tuple[str, ...]
    tags: tuple[str, ...]
    payoff_mode: PayoffMode = "exact"
    constraints: tuple[str, ...] = ()
    expected: Literal["game", "no_game"] = "game"
    expected_assumptions: tuple[str, ...] = ()
    known: Mapping[str, Any] = field(default_factory=dict)

    def game(self) -> ExtensiveFormGame:
        """The reference.

        Raises
        ------
        DatasetError
            If there is none, or its file is no game.
        """
        if self.reference is None:
            raise DatasetError(f"'{self.name}' has no reference: its text is no game.")
        try:
            return read_game(self.reference).tree
        except GameFileError as error:
            raise DatasetError(f"the reference cannot be read: {error}", where=self.name) from None


@dataclass(frozen=True)
class Dataset(Mapping[str, DescribedGame]):
    """Entries by name, in the order of the index."""

    folder: Path
    entries: Mapping[str, DescribedGame]

    def __getitem__(self, name: str) -> DescribedGame:
        return self.entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def load_dataset(source: str | Path) -> Dataset:
    """A shipped set by name, or a folder with ``index.json``.

    Raises
    ------
    DatasetError
        For a missing or broken index, an entry without a text or reference, a name that stands twice, an unknown tag.
    """
    folder = Path(source)
    if str(source) in SHIPPED and not folder.is_dir():
        folder = Path(str(files("gamesim_analysis.text2game") / "data" / str(source)))
    index = folder / "index.json"
    where = clean(index, 300)
    try:
        data = json.loads(index.read_text("utf-8"))
    except OSError:
        hint = did_you_mean(str(source), SHIPPED) or f"Shipped: {listed(SHIPPED)}"
        raise DatasetError("no data set here.", where=where, hint=hint) from None
    except ValueError as error:
        raise DatasetError(f"no JSON: {clean(error)}.", where=where) from None
    rows = data.get("games") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DatasetError("no list of games.", where=where, hint='Expected {"games": [{"name": ..., "text": ...}]}.')
    found: dict[str, DescribedGame] = {}
    for number, row in enumerate(rows):
        entry = _entry(folder, row, where, number)
        if entry.name in found:
            raise DatasetError("the name stands twice.", where=where, path=entry.name)
        found[entry.name] = entry
    return Dataset(folder, found)


def _entry(folder: Path, row: Mapping[str, Any], where: str, number: int) -> DescribedGame:
    name = str(row.get("name") or f"entry {number + 1}")

    def fail(what: str, hint: str | None = None) -> DatasetError:
        return DatasetError(what, where=where, path=clean(name, 80), hint=hint)

    def file(key: str, needed: bool) -> Path | None:
        value = row.get(key)
        if value is None:
            if needed:
                raise fail(f"no '{key}'.")
            return None
        path = folder / str(value)
        if folder.resolve() not in path.resolve().parents:
            raise fail(f"'{key}' leads out of the folder.")
        if not path.is_file():
            raise fail(f"the file {clean(value, 80)} of '{key}' is missing.")
        return path

    tags = tuple(str(tag) for tag in row.get("tags") or ())
    for tag in tags:
        if tag not in TAGS:
            raise fail(
                f"unknown tag '{clean(tag, 40)}'.", did_you_mean(tag, TAGS) or f"Tags: {listed(sorted(TAGS), 50)}"
            )
    mode = row.get("payoff_mode", "exact")
    if mode not in MODES:
        raise fail(
            f"unknown payoff mode '{clean(mode, 40)}'.", did_you_mean(str(mode), MODES) or f"Modes: {listed(MODES)}"
        )
    expected = row.get("expected", "game")
    if expected not in ("game", "no_game"):
        raise fail(f"expected is '{clean(expected, 40)}'.", "game or no_game.")
    text = file("text", True)
    assert text is not None
    return DescribedGame(
        name,
        text.read_text("utf-8"),
        file("efg", expected == "game"),
        file("english", False),
        tuple(str(p) for p in row.get("players") or ()),
        tags,
        mode,
        tuple(str(c) for c in row.get("constraints") or ()),
        expected,
        tuple(str(kind) for kind in row.get("expected_assumptions") or ()),
        {key: row[key] for key in EXPECTATIONS if key in row},
    )
