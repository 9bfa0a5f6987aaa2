"""Stage 1 of a translation: an outline of who does what, when, and knowing what, with quotes that must stand in the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gamesim.core.errors import did_you_mean, listed
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.envs.efg.document import Assumption, GameDocument
from gamesim.envs.efg.problems import Problem, pointer

Kind = Literal["payoff", "probability", "information", "order", "players", "actions", "other"]
KINDS = ("payoff", "probability", "information", "order", "players", "actions", "other")
Symbol = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_]{0,39}$")]
Short = Annotated[str, Field(max_length=300)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OutlineStep(_Part):
    id: Symbol
    actor: str
    what: Short = ""
    choices: tuple[Short, ...] = ()
    when: Short = ""
    sees: tuple[str, ...] = ()
    does_not_see: tuple[str, ...] = ()


class Quote(_Part):
    quote: Annotated[str, Field(min_length=1, max_length=1000)]
    means: Annotated[str, Field(max_length=1000)] = ""


class Unstated(_Part):
    kind: Kind = "other"
    text: Annotated[str, Field(min_length=1, max_length=300)]


class Outline(_Part):
    title: Annotated[str, Field(min_length=1, max_length=120)]
    players: Annotated[tuple[str, ...], Field(min_length=1, max_length=8)]
    steps: Annotated[tuple[OutlineStep, ...], Field(min_length=1, max_length=200)]
    payoffs: tuple[Quote, ...] = ()
    probabilities: tuple[Quote, ...] = ()
    unstated: tuple[Unstated, ...] = ()


class NoGame(_Part):
    """The answer that the text describes no game."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


def read_outline(data: Mapping[str, Any], text: str) -> tuple[Outline | NoGame | None, list[Problem]]:
    """The outline, or that there is no game; and what is wrong with it."""
    if "no_game" in data:
        return read_no_game(data)
    try:
        found = Outline.model_validate(data)
    except ValidationError as error:
        return None, shape_problems(error, list(Outline.model_fields))
    return found, list(_problems(found, text))


def read_no_game(data: Mapping[str, Any]) -> tuple[NoGame | None, list[Problem]]:
    """``{"no_game": {"reason": ...}}`` and nothing beside it."""
    if len(data) > 1:
        return None, [_problem(("no_game",), "E02", "no_game beside other keys", "either a game or no_game")]
    try:
        return NoGame.model_validate(data["no_game"]), []
    except ValidationError as error:
        return None, shape_problems(error, ["reason"], ("no_game",))


def quoted(quote: str, text: str) -> bool:
    """Whether the words stand in the text, letter by letter but for white space."""
    return " ".join(quote.split()) in " ".join(text.split())


def shape_problems(error: ValidationError, keys: list[str], before: tuple[str | int, ...] = ()) -> list[Problem]:
    """What pydantic found, as E02 with the place."""
    found = []
    for one in error.errors():
        place = (*before, *one["loc"])
        hint = did_you_mean(str(place[-1]), keys) if one["type"] == "extra_forbidden" and place else None
        found.append(_problem(place, "E02", one["msg"][:1].lower() + one["msg"][1:], "", hint or ""))
    return found


def left_open(outline: Outline | None, document: GameDocument, game: ExtensiveFormGame) -> tuple[Assumption, ...]:
    """What the outline and the document say was assumed, and what we see was: who sees what, and the order of unseen moves."""
    said = [Assumption(kind=one.kind, text=one.text) for one in outline.unstated] if outline is not None else []
    found = [
        *said,
        *document.assumptions,
        *(_visibility(outline, document, game) if outline else ()),
        *_order(document, game),
    ]
    unique: dict[tuple[str, str], Assumption] = {}
    for one in found:
        unique.setdefault((one.kind, " ".join(one.text.casefold().split())), one)
    return tuple(unique.values())[:200]


def _problem(place: tuple[str | int, ...], code: str, found: str, expected: str = "", hint: str = "") -> Problem:
    return Problem(code, "error", pointer(place), " > ".join(str(part) for part in place), found, expected, hint)


def _problems(outline: Outline, text: str) -> Iterator[Problem]:
    for key in ("payoffs", "probabilities"):
        for k, one in enumerate(getattr(outline, key)):
            if not quoted(one.quote, text):
                yield _problem((key, k, "quote"), "E02", f"'{one.quote[:80]}' does not stand in the text", "words copied from it", "What it does not say belongs under unstated.")  # fmt: skip
    before: list[str] = []
    for k, step in enumerate(outline.steps):
        place = ("steps", k)
        if step.actor not in outline.players and step.actor.casefold() not in ("chance", "nature"):
            hint = did_you_mean(step.actor, [*outline.players, "chance"]) or f"Players: {listed(outline.players)}"
            yield _problem((*place, "actor"), "E03", f"actor '{step.actor[:60]}'", "a player, or chance", hint)
        if step.id in before:
            yield _problem((*place, "id"), "E02", f"the id '{step.id}' twice", "every id once")
        for key in ("sees", "does_not_see"):
            for other in getattr(step, key):
                if other not in before:
                    expected = f"one of {listed(before)}" if before else "nothing: this is the first step"
                    yield _problem((*place, key), "E15", f"'{other[:40]}' is no earlier step", expected)
        for other in step.sees:
            if other in step.does_not_see:
                yield _problem(place, "E15", f"'{other}' both seen and not seen", "one of the two")
        before.append(step.id)


def _visibility(outline: Outline, document: GameDocument, game: ExtensiveFormGame) -> Iterator[Assumption]:
    """Pairs of steps of which the text said neither that the later actor sees the earlier one nor that he does not."""
    steps = {name: step for name, step in document.steps.items() if step.actor in document.players}
    open_pairs = _uncertain(game)
    for later in outline.steps:
        if later.id not in steps:
            continue
        for earlier in outline.steps:
            if earlier.id == later.id:
                break
            silent = earlier.id not in (*later.sees, *later.does_not_see)
            if earlier.id in steps and (earlier.id, later.id) not in open_pairs:
                continue  # where the later step comes, the earlier one has gone one way only
            if silent and earlier.actor != later.actor and earlier.id in document.steps:
                verb = "sees" if earlier.id in steps[later.id].sees else "does not see"
                yield Assumption(kind="information", text=f"at {later.id}, {later.actor} {verb} {earlier.id}: the text does not say")  # fmt: skip


def _uncertain(game: ExtensiveFormGame) -> set[tuple[str, str]]:
    """Pairs of steps with moves, the earlier of which has gone different ways before the later."""
    ways: dict[tuple[str, str], set[int]] = {}
    for node, kind in enumerate(game.kinds):
        if kind < 0:
            continue
        later, below = _step(game, node), node
        while (above := game.above[below]) >= 0:
            if game.kinds[above] >= 0:
                ways.setdefault((_step(game, above), later), set()).add(game.taken[below])
            below = above
    return {pair for pair, taken in ways.items() if len(taken) > 1}


def _step(game: ExtensiveFormGame, node: int) -> str:
    """The step that gave a move its set, from the set's name."""
    return game.set_names[game.at[node]].split(":")[0]


def _order(document: GameDocument, game: ExtensiveFormGame) -> Iterator[Assumption]:
    """Moves right after one another of which the later does not see the earlier: which stands first was ours to choose."""
    told: set[tuple[str, str]] = set()
    for node in range(game.size):
        above = game.above[node]
        if game.kinds[node] < 0 or above < 0 or game.kinds[above] < 0:
            continue
        first, second = _step(game, above), _step(game, node)
        one, other = document.steps.get(first), document.steps.get(second)
        if one is None or other is None or one.actor == other.actor or first in other.sees or (first, second) in told:
            continue
        told.add((first, second))
        yield Assumption(
            kind="order", text=f"{first} stands before {second} in the tree, and {other.actor} does not see it"
        )
