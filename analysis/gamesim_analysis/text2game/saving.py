"""What a translation leaves behind: the game in three forms, its assumptions, the page, and every round of every sample.

Files are written beside and renamed. Only an accepted translation leaves ``game.*``; a disputed one leaves its two largest
candidates under names that say so, and any other leaves none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gamesim.core.efg_format import write_efg
from gamesim.core.errors import clean
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.solution import Ranking, Solution
from gamesim.envs.efg.document import Assumption, GameDocument
from gamesim.envs.efg.problems import Problem
from gamesim_analysis.equilibrium.draw import draw
from gamesim_analysis.equilibrium.page import solution_page
from gamesim_analysis.report.blocks import Block, Code, Note, Points, Section, Table, Text
from gamesim_analysis.report.page import write

from .translate import Sample, Spent, Translation

GAME = ("game.yaml", "game.efg", "game.svg", "game.html", "assumptions.md")
CANDIDATES = ("candidate-1.yaml", "candidate-1.efg", "candidate-2.yaml", "candidate-2.efg")


def save(
    found: Translation,
    folder: Path,
    told: Mapping[str, Any],
    *,
    command: str,
    answers: Sequence[Solution | Ranking] = (),
) -> list[Path]:
    """Write a translation into a folder.

    Parameters
    ----------
    told : what the record says of itself (``opening.description``).
    command : what to type to have it again.
    answers : equilibria, for the page.

    Returns
    -------
    The files written, those for the reader first.
    """
    for name in (*GAME, *CANDIDATES):
        (folder / name).unlink(missing_ok=True)
    written: list[Path] = []
    if found.status == "accepted" and found.game is not None and found.document is not None:
        written += save_game(
            found.game, found.document, folder, text=found.text, assumptions=found.assumptions, command=command,
            answers=answers, translation=found,
        )  # fmt: skip
    elif found.status == "disputed":
        for number, one in enumerate(found.classes[:2], 1):
            sample = found.samples[one.chosen]
            if sample.game is not None and sample.document is not None:
                written.append(put(folder / f"candidate-{number}.yaml", sample.document.to_yaml()))
                written.append(put(folder / f"candidate-{number}.efg", write_efg(sample.game)))
    data = {**told, **as_data(found)}
    written.append(put(folder / "translation.json", json.dumps(data, ensure_ascii=False, indent=1) + "\n"))
    put(folder / "text.txt", found.text)
    return written


def save_game(
    game: ExtensiveFormGame,
    document: GameDocument,
    folder: Path,
    *,
    text: str,
    assumptions: Sequence[Assumption],
    command: str,
    answers: Sequence[Solution | Ranking] = (),
    translation: Translation | None = None,
    problems: Sequence[Problem] = (),
) -> list[Path]:
    """Write ``game.yaml``, ``game.efg``, ``game.svg``, ``assumptions.md`` and ``game.html``."""
    page = solution_page(
        game, answers, name=document.title, command=command, eyebrow="gamesim interpretation",
        before=[*_sections(text, assumptions, translation, problems), *([] if answers else [_unsolved()])],
    )  # fmt: skip
    return [
        put(folder / "game.yaml", document.to_yaml()),
        put(folder / "game.efg", write_efg(game)),
        put(folder / "game.svg", draw(game)),
        put(folder / "assumptions.md", assumptions_text(document.title, assumptions)),
        put(folder / "game.html", page),
    ]


def assumptions_text(title: str, assumptions: Sequence[Assumption]) -> str:
    """The list as Markdown."""
    lines = [f"# What was assumed: {clean(title, 120)}", ""]
    lines += [f"- {one.kind}: {clean(one.text, 300)}" for one in assumptions] or ["Nothing."]
    return "\n".join(lines) + "\n"


def as_data(found: Translation) -> dict[str, Any]:
    """A translation as JSON, with every round of every sample; no clock and no path, so that a replay gives the same bytes."""
    return {
        "status": found.status,
        "confidence": found.confidence,
        "reason": found.reason or None,
        "difference": found.difference or None,
        "notes": list(found.notes),
        "classes": [{"kind": c.kind, "samples": [k + 1 for k in c.members], "chosen": c.chosen + 1} for c in found.classes],
        "assumptions": [one.model_dump() for one in found.assumptions],
        "contradictions": [one.as_dict() for one in found.contradictions],
        "spent": spent_as_data(found.spent),
        "samples": [_sample(sample) for sample in found.samples],
        "by": found.model,
    }  # fmt: skip


def spent_as_data(spent: Spent) -> dict[str, Any]:
    """Calls, tokens, and money in units of its currency."""
    data = asdict(spent)
    return {**data, "money": None if spent.money is None else spent.money / 1e9, "seconds": round(spent.seconds, 3)}


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "sample": sample.index + 1,
        "status": sample.status,
        "reason": sample.reason or None,
        "repaired": sample.repaired,
        "rounds": [
            {
                "stage": r.stage,
                "round": r.number,
                "outcome": r.outcome,
                "problems": [p.as_dict() for p in r.problems],
                "answer": r.answer,
            }
            for r in sample.rounds
        ],
        "outline": sample.outline.model_dump(mode="json") if sample.outline is not None else None,
        "document": sample.document.plain() if sample.document is not None else None,
        "assumptions": [one.model_dump() for one in sample.assumptions],
        "contradictions": [one.as_dict() for one in sample.contradictions],
    }


# ---- the page ----------------------------------------------------------------------------------------------------------


def _sections(
    text: str, assumptions: Sequence[Assumption], found: Translation | None, problems: Sequence[Problem]
) -> list[Section]:
    assumed: list[Block] = []
    if assumptions:
        assumed.append(Text(f"The text leaves {len(assumptions)} things open. The game, and everything below, rests on them.", lead=True))  # fmt: skip
        assumed.append(Table(("kind", "assumed"), tuple((a.kind, clean(a.text, 300)) for a in assumptions), header=2))
    else:
        assumed.append(Text("Nothing had to be assumed.", lead=True))
    if found is not None:
        against = [clean(contradiction.told(), 650) for contradiction in found.contradictions]
        assumed += [Note(f"{said[0].upper()}{said[1:]}.", "warning") for said in against]
        problems = found.winner.problems if found.winner is not None else ()
        assumed += [Note(clean(note, 300)) for note in found.notes]
    if problems:
        assumed.append(Points(tuple(clean(str(p), 400).replace("`", "'") for p in problems)))
    sections = [
        Section("text", "The text", (Code(text, "as it was given", wrap=True),)),
        Section("assumptions", "Assumptions first", tuple(assumed)),
    ]
    if found is not None:
        sections.append(Section("translation", "How it was translated", tuple(_told(found))))
    return sections


def _told(found: Translation) -> list[Block]:
    rows = tuple(
        (str(s.index + 1), s.status, str(len(s.rounds)), str(s.repaired), ", ".join(dict.fromkeys(p.code for r in s.rounds for p in r.problems)), s.spent.tokens_in + s.spent.tokens_out)
        for s in found.samples
    )  # fmt: skip
    share = f"{len(found.classes[0].members)} of {len(found.samples)}" if found.classes else "none"
    lead = f"Confidence {found.confidence:.2f}: {share} samples of {clean(found.model, 120)} gave this game."
    about = "Games are one where they are isomorphic up to the order of moves nobody sees. Agreement of samples is not truth: all may err alike."  # fmt: skip
    return [Text(lead, lead=True), Table(("sample", "status", "calls", "sent back", "problems", "tokens"), rows, about=about)]  # fmt: skip


def _unsolved() -> Section:
    return Section("unsolved", "Not solved yet", (Code("gamesim solve game.yaml --explain", "Its equilibria"),))


def put(path: Path, text: str) -> Path:
    """Write a file, beside first and then renamed."""
    write(path, text)
    return path
