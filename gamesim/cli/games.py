"""What ``check`` and ``show`` do with a game: a file in any format, or one of the catalog."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import GameFileError, clean

from .output import Output

if TYPE_CHECKING:
    from gamesim.core.equivalence import Verdict
    from gamesim.envs.efg.problems import Problem
    from gamesim.envs.efg.reading import GameFile

GAMES = (".efg", ".nfg", ".json", ".txt", ".md", ".agg", ".bagg", ".gbt")
_DATA = re.compile(r"^(format|root|payoffs|game)\s*:", re.MULTILINE)
_SCENARIO = re.compile(r"^(kind|environment|population|include)\s*:", re.MULTILINE)


def is_game(thing: str) -> bool:
    """Whether a name or path is a game and no scenario or run, told by its ending and its first 64 KiB."""
    if thing.startswith("catalog:"):
        return True
    path = Path(thing)
    suffix = path.suffix.lower()
    if suffix in GAMES:
        return True
    if suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(1 << 16).decode("utf-8", "replace")
    except OSError:
        return False
    return bool(_DATA.search(head)) and not _SCENARIO.search(head)


# ---- check -------------------------------------------------------------------------------------------------------------


def check_game(
    out: Output, file: str, *, equals: str | None, payoffs: str | None, players: Sequence[str], strict: bool
) -> tuple[dict[str, Any], int]:
    """All problems of a game file; with ``equals`` the level on which it is the reference. The result and the exit code."""
    from gamesim.envs.efg.reading import problems_of, read_game

    try:
        source = read_game(file)
    except GameFileError as failure:
        problems = problems_of(failure)
        from gamesim.core.errors import EnglishError

        if isinstance(failure, EnglishError) or len(problems) == 1:
            raise
        told = _tell(out, file, problems)
        out.say(f"{clean(file, 200)}: {_count(problems, 'error')}, {_count(problems, 'warning')}")
        return {"file": file, "ok": False, "problems": told, "errors": [failure.as_dict()], "warnings": []}, 2
    tree = source.tree
    problems = list(source.problems)
    result: dict[str, Any] = {
        "file": file,
        "ok": True,
        "format": source.format,
        "players": list(tree.players),
        "nodes": tree.size,
        "leaves": len(tree.payoffs),
        "information_sets": len(tree.sets),
        "payoff_mode": source.payoff_mode,
        "assumptions": [f"{a.kind}: {a.text}" for a in source.assumptions],
        "notes": list(getattr(source.game, "notes", ())),
    }
    out.say(f"{clean(file, 200)}: ok   {facts(tree)}")
    for assumption in source.assumptions:
        out.say(f"  assumed, {assumption.kind}: {clean(assumption.text, 300)}")
    for note in result["notes"]:
        out.say(f"  note: {clean(note, 300)}")
    result["problems"] = _tell(out, file, problems)
    result["warnings"] = [str(problem) for problem in problems]
    code = 0
    if strict and any(p.code in ("W04", "W05", "W07") for p in problems):
        result["ok"], code = False, 2
    if equals is not None:
        result["equals"], passed = _compared(out, source, read_game(equals), equals, payoffs, players)
        code = code or (0 if passed else 1)
    return result, code


def facts(tree: Any) -> str:
    """A tree in one line."""
    forgets = [tree.players[tree.sets[h].player] for h in tree.forgetful_sets]
    parts = [
        f"{tree.n} player{'s' if tree.n > 1 else ''}",
        f"{tree.size:,} nodes",
        f"{len(tree.payoffs):,} leaves",
        f"{len(tree.sets):,} information sets",
        "perfect information" if tree.perfect_information else "imperfect information",
    ]
    if forgets:
        parts.append(f"{', '.join(dict.fromkeys(forgets))} forgets")
    return ", ".join(parts)


def _tell(out: Output, file: str, problems: Sequence[Problem]) -> list[dict[str, Any]]:
    for problem in problems:
        line = f"{file}: {problem}"
        if problem.severity == "warning":
            out.warn(line)
        else:
            out.say(clean(line, 1000))
    return [problem.as_dict() for problem in problems]


def _count(problems: Sequence[Problem], severity: str) -> str:
    count = sum(problem.severity == severity for problem in problems)
    return f"{count} {severity}{'' if count == 1 else 's'}"


def _compared(
    out: Output, source: GameFile, reference: GameFile, name: str, payoffs: str | None, players: Sequence[str]
) -> tuple[dict[str, Any], bool]:
    from gamesim.core.equivalence import compare
    from gamesim.core.equivalence.payoffs import payoff_mode

    mode = payoff_mode(payoffs or reference.payoff_mode)
    g, h = reference.tree, source.tree
    verdict = compare(
        g, h, payoffs=mode, constraints=reference.constraints, players=_matching(g.players, h.players, players)
    )
    told = verdict_as_dict(verdict, g.players, h.players)
    out.say(f"  {verdict.level}: {_sentence(verdict, g.players, h.players)}")
    if verdict.undecided:
        out.say(f"  undecided: {', '.join(verdict.undecided)}")
    for note in verdict.notes:
        out.say(f"  note: {clean(note, 300)}")
    return {"reference": name, "payoffs": mode, **told}, verdict.passed


def _matching(mine: Sequence[str], its: Sequence[str], pairs: Sequence[str]) -> tuple[int, ...] | None:
    """``--players Ana=First`` for each player of the reference, as positions."""
    from gamesim.core.errors import did_you_mean

    from .errors import UsageError

    if not pairs:
        return None
    found: dict[str, str] = {}
    for pair in pairs:
        own, sign, other = pair.partition("=")
        for name, known, which in ((own, mine, "the reference"), (other, its, "the file")):
            if not sign or name not in known:
                raise UsageError(
                    f"'{clean(name, 60)}' is no player of {which}.",
                    where=f"--players {clean(pair, 80)}",
                    hint=did_you_mean(name, known) or f"Players: {', '.join(known)}; written REFERENCE=FILE.",
                )
        found[own] = other
    if len(found) != len(mine) or len(set(found.values())) != len(its):
        raise UsageError(
            "every player of the reference needs one of the file.",
            where="--players",
            hint=f"Players: {', '.join(mine)}.",
        )
    return tuple(its.index(found[name]) for name in mine)


def _sentence(verdict: Verdict, mine: Sequence[str], its: Sequence[str]) -> str:
    said = {
        "EXACT": "the same game, written alike.",
        "ISO": "the same game under other names, or with branches in another order.",
        "ISO-I": "the same game; unobserved moves, or chance, come in another order.",
        "RSF": f"the same reduced strategic form, another tree: {verdict.difference}",
        "EQPAY": f"the same equilibrium payoffs only: {verdict.difference}",
        "LOADS": f"another game: {verdict.difference}",
        "FAIL": f"another game: {verdict.difference}",
    }[verdict.level]
    if verdict.maps is not None and verdict.passed:
        pairs = [(mine[i], its[k]) for i, k in enumerate(verdict.maps.players)]
        if any(a != b for a, b in pairs):
            said += f" Players: {', '.join(f'{a} is {b}' for a, b in pairs)}."
    return clean(said, 1000)


def verdict_as_dict(verdict: Verdict, mine: Sequence[str], its: Sequence[str]) -> dict[str, Any]:
    """A verdict as data, its certificate included."""
    maps = verdict.maps
    found: dict[str, Any] = {
        "level": verdict.level,
        "passed": verdict.passed,
        "difference": verdict.difference or None,
        "undecided": list(verdict.undecided),
        "notes": list(verdict.notes),
        "seconds": verdict.seconds,
    }
    if maps is not None:
        found["players"] = {mine[i]: its[k] for i, k in enumerate(maps.players)}
        found["maps"] = {key: value for key, value in vars(maps).items() if key != "players"}
    return found


# ---- show --------------------------------------------------------------------------------------------------------------


def show_game(
    out: Output, thing: str, *, svg: str | None, dot: bool, mermaid: bool, ascii_: bool, words: bool
) -> Mapping[str, Any]:
    """A game's facts and its tree as an outline; or a picture, or its description in words."""
    from gamesim.envs.efg.reading import read_game

    source = read_game(thing)
    game, tree = source.game, source.tree
    title = tree.name or Path(thing).stem
    data: dict[str, Any] = {
        "file": thing,
        "format": source.format,
        "name": title,
        "players": list(tree.players),
        "nodes": tree.size,
        "leaves": len(tree.payoffs),
        "information_sets": len(tree.sets),
        "assumptions": [f"{a.kind}: {a.text}" for a in source.assumptions],
        "outline": outline(tree),
    }
    if svg is not None:
        from gamesim_analysis.equilibrium.draw import draw

        from .solve import put

        put(Path(svg), draw(game))
        data["files"] = [svg]
    if dot or mermaid:
        from gamesim_analysis.equilibrium import tree_text

        for wanted, key, write in ((dot, "dot", tree_text.dot), (mermaid, "mermaid", tree_text.mermaid)):
            if wanted:
                data[key] = write(game)
                out.say(data[key].rstrip("\n"))
        return data
    if ascii_:
        from gamesim_analysis.equilibrium.ascii_text import ascii_text

        data["ascii"], data["renamed"] = ascii_text(game)
        out.say(data["ascii"].rstrip("\n"))
        for label, said in data["renamed"].items():
            out.note(f"{said} stands for {clean(label, 80)}")
        return data
    out.say(f"{clean(title, 120)}: {facts(tree)}")
    for assumption in source.assumptions:
        out.say(f"  assumed, {assumption.kind}: {clean(assumption.text, 300)}")
    if words:
        from gamesim.envs.efg.describe_game import describe_game

        data["words"] = describe_game(game)
        lines = data["words"].splitlines()
    else:
        lines = data["outline"]
    for line in lines:
        out.say(clean(line, 400))
    for path in data.get("files", ()):
        out.note(f"wrote {clean(path, 300)}")
    return data


OUTLINED = 200  # lines of an outline


def outline(tree: Any) -> list[str]:
    """The tree, a line a node: who moves at which set, what chance draws, what is paid."""
    from gamesim.core.extensive_form import CHANCE, TERMINAL

    lines: list[str] = []
    depth = [0] * tree.size
    for node in range(tree.size):
        if len(lines) == OUTLINED:
            return [*lines, f"... and {tree.size - OUTLINED:,} nodes more."]
        above = tree.above[node]
        head = ""
        if above >= 0:
            depth[node] = depth[above] + 1
            label = tree.history(node)[-1]
            if tree.kinds[above] == CHANCE:
                label += f" ({tree.chances[tree.at[above]].probabilities[tree.taken[node]]})"
            head = f"{label}: "
        kind, at = tree.kinds[node], tree.at[node]
        if kind == TERMINAL:
            paid = zip(tree.players, tree.payoffs[at], strict=True)
            text = ", ".join(f"{name} {value}" for name, value in paid)
        elif kind == CHANCE:
            text = "chance"
        else:
            members = len(tree.members[at])
            hidden = f", one of {members} nodes not told apart" if members > 1 else ""
            text = f"{tree.players[kind]} at {tree.set_names[at]}{hidden}"
        lines.append(f"{'  ' * depth[node]}{head}{text}")
    return lines
