"""Described games of others, from clones on the user's disk, as data sets for the bench; nothing is fetched or redistributed.

gameinterpreter   zczlsde/GameInterpreter (no licence): ``Dataset/<class>/<Game>.txt`` and sorted answers under
                  ``EFG/<setting>/<model>/<class>/<Game>/{Correct,Incorrect}/<n>.efg``
gama              dicelab-rhul/autoformalizing-agents (MIT): 2x2 descriptions ``DATA/GAMES/**.txt`` with their numbers in
                  ``DATA/MISC/matrices.json``
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from gamesim.core.efg_format import read_efg, write_efg
from gamesim.core.equivalence import compare
from gamesim.core.equivalence.payoffs import PayoffMode
from gamesim.core.errors import DatasetError, GamesimError, Undecided, clean
from gamesim.core.extensive_form import ExtensiveFormGame, TreeBuilder

from .saving import put

ORDER = ("D", "C", "B", "A", "Baseline")  # where a reference is looked for first
MODELS = ("GPT-4o", "GPT-4", "GPT-3.5")


@dataclass(frozen=True)
class Imported:
    """What an importer wrote.

    Attributes
    ----------
    answers : stored answers: how many, how many were labelled Correct, on how many the checker agrees with the label.
    table : by setting and model: correct by the label and by the checker, of how many.
    """

    games: int
    notes: tuple[str, ...] = ()
    answers: Mapping[str, int] = field(default_factory=dict)
    columns: tuple[str, ...] = ("setting", "model", "class", "labelled correct", "passed", "of")
    table: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True)
class _Answer:
    setting: str
    model: str
    perfect: bool
    game: str  # as ``_key``
    label: str
    path: Path


def import_gameinterpreter(clone: Path, out: Path) -> Imported:
    """A data set from a clone of GameInterpreter, and ``answers.csv`` with every stored answer scored.

    The reference of a game is an answer that its authors labelled Correct, of the full pipeline and the strongest model
    where there is one; games whose correct answers agree in the order of payoffs only are compared so.

    Raises
    ------
    DatasetError
        If the folder is no such clone.
    """
    texts = {_key(path.stem): path for path in sorted((clone / "Dataset").rglob("*.txt"))}
    stored = _answers(clone / "EFG")
    if not texts or not stored:
        raise DatasetError("is no clone of GameInterpreter: Dataset/**.txt and EFG/** are missing.", where=clean(clone, 200))  # fmt: skip
    notes: list[str] = []
    rows: list[dict[str, Any]] = []
    references: dict[str, tuple[ExtensiveFormGame, PayoffMode]] = {}
    files = {answer.path: _read(answer.path) for answer in stored}
    for key, path in texts.items():
        correct = [a for a in stored if a.game == key and a.label == "Correct" and files[a.path] is not None]
        if not correct:
            notes.append(f"{path.stem}: no answer labelled Correct can be read; left out")
            continue
        first = min(correct, key=lambda a: (ORDER.index(a.setting), MODELS.index(a.model), a.path.name))
        game = files[first.path]
        assert game is not None
        mode = _mode(game, [files[a.path] for a in correct])
        references[key] = (game, mode)
        name = re.sub(r"[^a-z0-9]+", "_", key).strip("_")
        put(out / f"{name}.txt", path.read_text("utf-8", errors="replace"))
        put(out / f"{name}.efg", write_efg(game))
        rows.append({"name": name, "text": f"{name}.txt", "efg": f"{name}.efg", "players": list(game.players), "tags": [], "payoff_mode": mode})  # fmt: skip
    scored = [(a, *_scored(a, files[a.path], references)) for a in stored if a.game in references]
    put(out / "answers.csv", _csv(scored, clone))
    _index(out, rows, {"importer": "gameinterpreter", "from": "zczlsde/GameInterpreter", "licence": "none: keep it to yourself"})  # fmt: skip
    agreed = sum((a.label == "Correct") == passed for a, _, passed in scored)
    counts = {"stored": len(scored), "correct": sum(a.label == "Correct" for a, _, _ in scored), "agreed": agreed}
    notes.append(
        f"the checker agrees with the label on {agreed} of {len(scored)} stored answers; all are in answers.csv"
    )
    return Imported(len(rows), tuple(notes), counts, table=tuple(_table(scored)))


def _answers(folder: Path) -> list[_Answer]:
    """Stored answers by their place: setting / model / class / game / label / file."""
    found = []
    for path in sorted(folder.rglob("*.efg")):
        parts = path.relative_to(folder).parts
        if (
            len(parts) != 6
            or parts[0] not in ORDER
            or parts[1] not in MODELS
            or parts[4] not in ("Correct", "Incorrect")
        ):
            continue
        perfect = parts[2].casefold().startswith("perfect")  # the other class's name is misspelt in places
        found.append(_Answer(parts[0], parts[1], perfect, _key(parts[3]), parts[4], path))
    return found


_NUMBERS = {"one": "1", "two": "2", "three": "3", "five": "5"}


def _key(name: str) -> str:
    """One spelling of a game's name: files and folders spell them in two ways."""
    words = re.findall(r"[a-z0-9]+", name.casefold())
    return " ".join(_NUMBERS.get(word, word) for word in words)


def _read(path: Path) -> ExtensiveFormGame | None:
    try:
        return read_efg(path)
    except (GamesimError, OSError):
        return None


def _mode(reference: ExtensiveFormGame, correct: Sequence[ExtensiveFormGame | None]) -> PayoffMode:
    """Exact where most answers labelled Correct are the reference so; else by order of payoffs, where more are."""
    counts = Counter[PayoffMode]()
    modes: tuple[PayoffMode, ...] = ("exact", "ordinal")
    for mode in modes:
        for game in correct:
            if game is not None and _passes(reference, game, mode)[1]:
                counts[mode] += 1
    return "ordinal" if 2 * counts["exact"] <= len(correct) and counts["ordinal"] > counts["exact"] else "exact"


def _passes(reference: ExtensiveFormGame, game: ExtensiveFormGame, mode: PayoffMode) -> tuple[str, bool]:
    try:
        verdict = compare(reference, game, payoffs=mode)
    except Undecided:
        return "LOADS", False
    return verdict.level, verdict.passed


def _scored(
    answer: _Answer, game: ExtensiveFormGame | None, references: Mapping[str, tuple[ExtensiveFormGame, PayoffMode]]
) -> tuple[str, bool]:
    reference, mode = references[answer.game]
    return ("FAIL", False) if game is None else _passes(reference, game, mode)


def _csv(scored: Sequence[tuple[_Answer, str, bool]], clone: Path) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["setting", "model", "class", "game", "label", "level", "passed", "file"])
    for a, level, passed in scored:
        kind = "perfect" if a.perfect else "imperfect"
        writer.writerow(
            [a.setting, a.model, kind, a.game, a.label, level, passed, a.path.relative_to(clone).as_posix()]
        )
    return text.getvalue()


def _table(scored: Sequence[tuple[_Answer, str, bool]]) -> list[tuple[Any, ...]]:
    groups: dict[tuple[str, str, str], list[tuple[_Answer, str, bool]]] = {}
    for row in scored:
        kind = "perfect" if row[0].perfect else "imperfect"
        groups.setdefault((row[0].setting, row[0].model, kind), []).append(row)
    return [
        (*key, sum(a.label == "Correct" for a, _, _ in rows), sum(passed for _, _, passed in rows), len(rows))
        for key, rows in sorted(groups.items())
    ]


# ---- GAMA --------------------------------------------------------------------------------------------------------------

# Which profiles the four cells of matrices.json are, as (row action, column action), by family of names. The file does not
# say; these are the orders under which every matrix of a family is a game of that family.
CELLS: Mapping[str, tuple[tuple[int, int], ...]] = {
    "pd": ((0, 0), (1, 0), (0, 1), (1, 1)),
    "sh": ((0, 0), (0, 1), (1, 0), (1, 1)),
    "hd": ((0, 0), (1, 0), (0, 1), (1, 1)),
    "bs": ((0, 0), (1, 1), (0, 1), (1, 0)),
    "mp": ((0, 0), (0, 1), (1, 1), (1, 0)),
}


def import_gama(clone: Path, out: Path) -> Imported:
    """A data set from a clone of autoformalizing-agents: its 2x2 descriptions that state numbers.

    Raises
    ------
    DatasetError
        If the folder is no such clone, or a matrix has another shape.
    """
    matrices = clone / "DATA" / "MISC" / "matrices.json"
    try:
        known = json.loads(matrices.read_text("utf-8"))
    except (OSError, ValueError):
        raise DatasetError("is no clone of autoformalizing-agents: DATA/MISC/matrices.json is missing.", where=clean(clone, 200)) from None  # fmt: skip
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    skipped = 0
    done: set[str] = set()
    for path in sorted((clone / "DATA" / "GAMES").rglob("*.txt")):
        family = path.name.split("_")[0]
        if path.name not in known or family not in CELLS or path.name in done:
            skipped += path.name not in done
            continue
        done.add(path.name)
        game = _table_game(path.stem, family, known[path.name])
        if game is None:
            notes.append(f"{path.stem}: its numbers are no game of the family '{family}'; left out")
            continue
        put(out / path.name, path.read_text("utf-8", errors="replace"))
        put(out / f"{path.stem}.efg", write_efg(game))
        rows.append({"name": path.stem, "text": path.name, "efg": f"{path.stem}.efg", "players": list(game.players), "tags": ["2p", "2x2", "simultaneous"]})  # fmt: skip
    if not rows:
        raise DatasetError("holds no description whose numbers are known.", where=clean(clone / "DATA" / "GAMES", 200))
    licence = next((p.read_text("utf-8", errors="replace") for p in sorted(clone.glob("LICEN[CS]E*"))), "")
    put(out / "LICENSE.gama", licence or "MIT, dicelab-rhul/autoformalizing-agents; its licence file was not found in the clone.\n")  # fmt: skip
    _index(out, rows, {"importer": "gama", "from": "dicelab-rhul/autoformalizing-agents", "licence": "MIT, see LICENSE.gama"})  # fmt: skip
    if skipped:
        notes.append(f"{skipped} descriptions without known numbers were left out")
    return Imported(len(rows), tuple(notes))


def _table_game(name: str, family: str, cells: Sequence[Sequence[float]]) -> ExtensiveFormGame | None:
    if len(cells) != 4 or any(len(cell) != 2 for cell in cells):
        raise DatasetError("a matrix has four cells of two payoffs.", where=name)
    paid = {place: [Fraction(str(x)) for x in cell] for place, cell in zip(CELLS[family], cells, strict=True)}
    if not _is(family, paid):
        return None
    build = TreeBuilder(["Player 1", "Player 2"], name=name)
    build.move(0, "row", ["A", "B"], label="row")
    for row in range(2):
        build.move(1, "column", ["A", "B"], label="column")
        for column in range(2):
            build.leaf(paid[row, column])
    return build.build()


def _is(family: str, paid: Mapping[tuple[int, int], Sequence[Fraction]]) -> bool:
    """Whether payoffs have the shape of their family."""
    u, v = ({place: cell[i] for place, cell in paid.items()} for i in range(2))
    symmetric = all(u[a, b] == v[b, a] for a, b in paid)
    if family == "pd":
        return symmetric and u[1, 0] > u[0, 0] > u[1, 1] > u[0, 1]
    if family == "sh":
        return symmetric and u[0, 0] > u[1, 0] >= u[1, 1] > u[0, 1]
    if family == "hd":
        return symmetric and u[1, 0] > u[0, 0] > u[0, 1]
    if family == "bs":
        return min(u[0, 0], u[1, 1]) > max(u[0, 1], u[1, 0]) and min(v[0, 0], v[1, 1]) > max(v[0, 1], v[1, 0])
    return all(u[place] + v[place] == 0 for place in paid) and min(u[0, 0], u[1, 1]) > max(u[0, 1], u[1, 0])


def _index(out: Path, rows: Sequence[Mapping[str, Any]], source: Mapping[str, Any]) -> None:
    put(out / "source.json", json.dumps(dict(source), indent=1) + "\n")
    put(out / "index.json", json.dumps({"format": "gambit EFG 2 R", "games": list(rows)}, indent=1) + "\n")
