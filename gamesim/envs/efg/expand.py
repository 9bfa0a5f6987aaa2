"""Templates and arithmetic carried out: a game document as a flat tree, counted before it is made.

The walk goes on past whatever is wrong, so that all problems of a document are told at once; a node that cannot be read
is left out with what lies below it. Nothing recurses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from gamesim.core.errors import clean, did_you_mean, listed, nearest
from gamesim.core.expressions import ExpressionError, checked, evaluate, named, names_in

from .problems import Part, Problem, pointer
from .schema import Path, Unreadable, people, refused_number

NODES, DEPTH = 20_000, 200
CHANCE_NAMES = ("chance", "nature")

Values = Mapping[str, Fraction]


@dataclass
class Place:
    """Where a node stands in the document, and on which path of the game.

    Attributes
    ----------
    path : parts of the JSON pointer.  used : the pointer of the use that brought the node here, if a template did.
    labels : actions that lead here.
    """

    path: Path
    used: str
    labels: tuple[str, ...]

    def problem(
        self,
        code: str,
        found: str,
        expected: str = "",
        hint: str = "",
        *,
        at: Sequence[Part] = (),
        warning: bool = False,
    ) -> Problem:
        where = pointer((*self.path, *at)) + (f" (used at {self.used})" if self.used else "")
        told = " > ".join(("root", *self.labels))
        return Problem(code, "warning" if warning else "error", where, told, found, expected, hint)


@dataclass
class Flat:
    """A node of the expanded tree; nodes stand in pre-order.

    Attributes
    ----------
    kind : ``move``, ``chance`` or ``terminal``.
    parent : its number, or -1.
    labels : of actions or outcomes.  children : their nodes, in the same order; -1 for one that could not be read.
    odds : probabilities, or None where one is missing.  payoffs : by player, those that could be read.
    own : how the payoff of each player was written.
    """

    kind: str
    place: Place
    parent: int
    player: str = ""
    infoset: str | None = None
    step: str | None = None
    labels: list[str] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    odds: list[Fraction] | None = None
    payoffs: dict[str, Fraction] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True)
class Argument:
    """What a template was given: the text for labels, and the number, if it is one."""

    text: str
    value: Fraction | None


@dataclass
class Expansion:
    """The flat tree of a document, its parameters, and what was found wrong on the way."""

    nodes: list[Flat] = field(default_factory=list)
    parameters: dict[str, Fraction] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    whole: bool = True  # whether every node could be read


def expand(document: Mapping[str, Any], unreadable: Unreadable) -> Expansion:
    """See the module; ``unreadable`` holds the nodes that the schema refused."""
    found = Expansion()
    players = [p for p in items(document.get("players")) if isinstance(p, str)]
    found.parameters = _parameters(document, found.problems)
    templates = _templates(document)
    bad = _cyclic(templates, found.problems)
    if not _fits(document, templates, bad, unreadable, found.problems):
        found.whole = False
        return found
    _walk(document, templates, bad, unreadable, players, found)
    return found


def amount(value: Any, values: Values) -> Fraction:
    """A number of a document: a number, or an expression over names.

    Raises
    ------
    ExpressionError
        With the column, for anything else.
    """
    if isinstance(value, (int, Fraction)):
        return checked(Fraction(value))
    if isinstance(value, (float, Decimal)):
        return evaluate(repr(value) if isinstance(value, float) else str(value))
    return evaluate(str(value), named(values))


def folded(label: str) -> str:
    """A label as people read it: NFC, case and spaces aside."""
    return " ".join(unicodedata.normalize("NFC", label).casefold().split())


def items(value: Any) -> Sequence[Any]:
    """A list, or nothing where something else stands in its place."""
    return value if isinstance(value, (list, tuple)) else ()


def _parameters(document: Mapping[str, Any], problems: list[Problem]) -> dict[str, Fraction]:
    """Values of the parameters, each of which may use any other: a mapping has no order."""
    given = document.get("parameters")
    named_ones = {k: v for k, v in given.items() if isinstance(k, str)} if isinstance(given, Mapping) else {}
    values = dict.fromkeys(named_ones, Fraction(1))  # of a wrong one, so that what uses it is not wrong as well
    left = {name: value for name, value in named_ones.items() if not refused_number(value)}
    while left:
        ready = [name for name, value in left.items() if not _needs(value) & set(left)]
        for name in ready or list(left):
            value, path = left.pop(name), ("parameters", name)
            try:
                if not ready:
                    raise ExpressionError(f"'{name}' leads back to itself", 1)
                values[name] = amount(value, values)
            except ExpressionError as error:
                problems.append(_expression(Place(path, "", ()), (), value, error, values, people(path)))
    return values


def _needs(value: Any) -> set[str]:
    return names_in(value) if isinstance(value, str) else set()


def _expression(
    place: Place, at: Sequence[Part], value: Any, error: ExpressionError, values: Values, path: str = ""
) -> Problem:
    unknown = sorted(names_in(str(value)) - set(values)) if isinstance(value, str) else []
    hint = (did_you_mean(unknown[0], values) if unknown else None) or (f"Names: {listed(list(values))}" if unknown and values else "")  # fmt: skip
    told = place.problem("E13", f"'{clean(value, 80)}': {error}", "+ - * / ( ), numbers and names", hint, at=at)
    return Problem(told.code, told.severity, told.pointer, path or told.path, told.found, told.expected, told.hint)


# ---- templates ---------------------------------------------------------------------------------------------------------


def _templates(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    given = document.get("templates")
    if not isinstance(given, Mapping):
        return {}
    return {name: t for name, t in given.items() if isinstance(name, str) and isinstance(t, Mapping) and "node" in t}


def _below(node: Any) -> list[Any]:
    """Children of a raw node, as far as they can be read."""
    if not isinstance(node, Mapping):
        return []
    if node.get("type") == "move" and isinstance(node.get("actions"), Mapping):
        return list(node["actions"].values())
    if node.get("type") == "chance":
        return [o["node"] for o in items(node.get("outcomes")) if isinstance(o, Mapping) and "node" in o]
    return []


def _uses(node: Any) -> set[str]:
    found, waiting = set(), [node]
    while waiting:
        x = waiting.pop()
        if isinstance(x, Mapping) and x.get("type") == "use" and isinstance(x.get("template"), str):
            found.add(x["template"])
        waiting += _below(x)
    return found


def _cyclic(templates: Mapping[str, Mapping[str, Any]], problems: list[Problem]) -> set[str]:
    """Templates that use themselves, or one that does."""
    needs = {name: _uses(template["node"]) & set(templates) for name, template in templates.items()}
    left = dict(needs)
    while True:  # what needs nothing that is left, is sound
        sound = [name for name, used in left.items() if not used & set(left)]
        if not sound:
            break
        for name in sound:
            del left[name]
    for name in left:
        path: Path = ("templates", name)
        circle = listed(sorted(needs[name] & set(left)))
        told = Problem("E12", "error", pointer(path), people(path), f"template '{name}' leads back to itself through {circle}", "templates that do not use themselves")  # fmt: skip
        if _on_circle(name, needs):
            problems.append(told)
    return set(left)


def _on_circle(name: str, needs: Mapping[str, set[str]]) -> bool:
    seen: set[str] = set()
    waiting = list(needs[name])
    while waiting:
        other = waiting.pop()
        if other == name:
            return True
        if other not in seen:
            seen.add(other)
            waiting += needs.get(other, ())
    return False


def _fits(
    document: Mapping[str, Any],
    templates: Mapping[str, Mapping[str, Any]],
    bad: set[str],
    unreadable: Unreadable,
    problems: list[Problem],
) -> bool:
    """Count nodes and depth of the expanded tree without making it."""
    sizes: dict[str, tuple[int, int]] = dict.fromkeys(bad, (0, 0))
    pending = [name for name in templates if name not in bad]
    while pending:
        pending, before = [], pending
        for name in before:
            if _uses(templates[name]["node"]) & set(templates) <= set(sizes):
                sizes[name] = _size(templates[name]["node"], sizes)
            else:
                pending.append(name)
    whole = len(problems)
    written: list[tuple[Path, int, int]] = [(("root",), *_size(document.get("root"), sizes))]
    written += [(("templates", name), *_size(templates[name]["node"], {})) for name in templates]
    for path, count, depth in written:
        told = f"{count:,} nodes" if count <= 10**15 else "more than 10^15 nodes"
        if count > NODES:
            problems.append(Problem("E14", "error", pointer(path), people(path), told, f"up to {NODES:,}", "Counted before anything was expanded."))  # fmt: skip
        if depth > DEPTH:
            problems.append(Problem("E14", "error", pointer(path), people(path), f"{depth:,} moves in a row", f"up to {DEPTH}"))  # fmt: skip
    return len(problems) == whole


def _size(node: Any, sizes: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    count = deepest = 0
    waiting = [(node, 0)]
    while waiting:
        x, depth = waiting.pop()
        if isinstance(x, Mapping) and x.get("type") == "use":
            name = x.get("template")
            inner, more = sizes.get(name, (0, 0)) if isinstance(name, str) else (0, 0)
            count += inner
            deepest = max(deepest, depth + more)
            continue
        count += 1
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in _below(x)]
    return count, deepest


# ---- the walk ----------------------------------------------------------------------------------------------------------


@dataclass
class _Waiting:
    node: Any
    place: Place
    scope: Mapping[str, Argument]
    parent: int
    slot: int
    original: Path  # where the node is written, in the root or in a template


def _walk(
    document: Mapping[str, Any],
    templates: Mapping[str, Mapping[str, Any]],
    bad: set[str],
    unreadable: Unreadable,
    players: Sequence[str],
    found: Expansion,
) -> None:
    waiting = [_Waiting(document.get("root"), Place(("root",), "", ()), {}, -1, 0, ("root",))]
    problems, told = found.problems, set[tuple[str, str]]()

    def tell(problem: Problem) -> None:
        """Once for each place in a template, however often it is used."""
        key = (problem.code, problem.pointer.split(" (used at")[0])
        if key not in told:
            told.add(key)
            problems.append(problem)

    while waiting:
        now = waiting.pop()
        node, place = now.node, now.place
        if not isinstance(node, Mapping) or now.original in unreadable:
            found.whole = False
            continue
        values = {**found.parameters, **{k: a.value for k, a in now.scope.items() if a.value is not None}}
        texts = {name: argument.text for name, argument in now.scope.items()}
        if node["type"] == "use":
            inner = _used(node, place, templates, bad, values, texts, tell)
            if inner is None:
                found.whole = False
                continue
            name, scope = inner
            path: Path = ("templates", name, "node")
            used = place.used or pointer(place.path)
            below = Place(path, used, place.labels)
            waiting.append(_Waiting(templates[name]["node"], below, scope, now.parent, now.slot, path))
            continue
        number = len(found.nodes)
        flat = Flat(node["type"], place, now.parent)
        found.nodes.append(flat)
        if now.parent >= 0:
            found.nodes[now.parent].children[now.slot] = number
        if flat.kind == "terminal":
            _terminal(flat, node, values, texts, players, tell)
            continue
        if flat.kind == "move":
            _move(flat, node, texts, players, tell)
            children: list[tuple[Path, Any]] = [(("actions", key), child) for key, child in node["actions"].items()]
        else:
            _chance(flat, node, values, texts, tell)
            children = [(("outcomes", k, "node"), outcome["node"]) for k, outcome in enumerate(node["outcomes"])]
        _alike(flat, tell)
        flat.children = [-1] * len(children)
        for slot, (at, child) in reversed(list(enumerate(children))):
            below = Place((*place.path, *at), place.used, (*place.labels, flat.labels[slot]))
            waiting.append(_Waiting(child, below, now.scope, number, slot, (*now.original, *at)))


def _filled(text: str, texts: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: texts.get(m[1], m[0]), text) if texts else text


def _move(flat: Flat, node: Mapping[str, Any], texts: Mapping[str, str], players: Sequence[str], tell: Any) -> None:
    flat.player = _filled(node["player"], texts)
    flat.infoset = _filled(node["infoset"], texts) if node.get("infoset") is not None else None
    flat.step = node.get("step")
    flat.labels = [_filled(label, texts) for label in node["actions"]]
    if flat.player not in players:
        hint = did_you_mean(flat.player, players) or f"Players: {listed(list(players))}"
        tell(flat.place.problem("E03", f"player '{clean(flat.player, 60)}'", "one of players", hint, at=("player",)))
        flat.player = nearest(flat.player, players) or ""  # so that one slip is one problem
    if len(flat.labels) == 1:
        tell(
            flat.place.problem(
                "W01", f"{flat.player} has one action, '{flat.labels[0]}'", at=("actions",), warning=True
            )
        )


def _chance(flat: Flat, node: Mapping[str, Any], values: Values, texts: Mapping[str, str], tell: Any) -> None:
    flat.step = node.get("step")
    flat.labels = [_filled(outcome["label"], texts) for outcome in node["outcomes"]]
    odds: list[Fraction] = []
    for k, outcome in enumerate(node["outcomes"]):
        at = ("outcomes", k, "prob")
        here = Place(flat.place.path, flat.place.used, (*flat.place.labels, flat.labels[k]))
        if refused_number(outcome["prob"]):
            continue
        try:
            p = amount(outcome["prob"], values)
        except ExpressionError as error:
            if error.message.startswith(("unknown name", "division", "a number of", "an expr", "parenth")):
                tell(_expression(here, at, outcome["prob"], error, values))
            else:
                tell(here.problem("E05", f"'{clean(outcome['prob'], 60)}'", "a probability such as 3/4 or 0.75", at=at))
            continue
        if 0 < p <= 1:
            odds.append(p)
        else:
            hint = "Leave out what cannot happen." if not p else ""
            tell(here.problem("E05", f"probability {p}", "more than 0, at most 1", hint, at=at))
    if len(odds) == len(flat.labels):
        flat.odds = odds
        total = sum(odds, Fraction(0))
        if total != 1:
            hint = f"{1 - total} is missing." if total < 1 else f"{total - 1} too much."
            tell(flat.place.problem("E06", f"probabilities sum to {total}", "1", hint, at=("outcomes",)))
    if len(flat.labels) == 1:
        tell(flat.place.problem("W03", f"chance has one outcome, '{flat.labels[0]}'", at=("outcomes",), warning=True))


def _terminal(
    flat: Flat, node: Mapping[str, Any], values: Values, texts: Mapping[str, str], players: Sequence[str], tell: Any
) -> None:
    flat.label = _filled(node["label"], texts) if node.get("label") else ""
    given = {_filled(name, texts): value for name, value in node["payoffs"].items()}
    missing, extra = [p for p in players if p not in given], [p for p in given if p not in players]
    if missing or extra:
        parts = [f"no payoff of {listed(missing)[:-1]}"] if missing else []
        parts += [f"a payoff of {listed(extra)[:-1]}, who does not play"] if extra else []
        hint = next((m for m in (did_you_mean(p, missing) for p in extra) if m), "")
        tell(flat.place.problem("E04", " and ".join(parts), f"one payoff for each of {listed(list(players))[:-1]}", hint, at=("payoffs",)))  # fmt: skip
    for name, value in given.items():
        if refused_number(value):
            continue
        try:
            flat.payoffs[name] = amount(value, values)
            flat.own[name] = value
        except ExpressionError as error:
            tell(_expression(flat.place, ("payoffs", name), value, error, values))


def _alike(flat: Flat, tell: Any) -> None:
    seen: dict[str, str] = {}
    pairs = []
    for label in flat.labels:
        if folded(label) in seen:
            pairs.append(f"'{clean(seen[folded(label)], 60)}' and '{clean(label, 60)}'")
        seen.setdefault(folded(label), label)
    if pairs:
        at = ("actions",) if flat.kind == "move" else ("outcomes",)
        tell(flat.place.problem("E09", f"{listed(pairs)[:-1]} read alike", "labels that differ", at=at))


def _used(
    node: Mapping[str, Any],
    place: Place,
    templates: Mapping[str, Mapping[str, Any]],
    bad: set[str],
    values: Values,
    texts: Mapping[str, str],
    tell: Any,
) -> tuple[str, dict[str, Argument]] | None:
    name, given = node["template"], node["with"]
    if name not in templates:
        hint = did_you_mean(name, templates) or (f"Templates: {listed(list(templates))}" if templates else "")
        tell(place.problem("E12", f"no template '{clean(name, 60)}'", "a name in templates", hint, at=("template",)))
        return None
    if name in bad:
        return None  # told where the circle is
    wanted = [a for a in items(templates[name].get("arguments")) if isinstance(a, str)]
    if set(wanted) != set(given):
        missing, extra = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
        parts = [f"missing: {', '.join(missing)}"] if missing else []
        parts += [f"extra: {', '.join(map(str, extra))}"] if extra else []
        tell(place.problem("E12", f"arguments of '{name}', {'; '.join(parts)}", f"arguments {listed(wanted) if wanted else 'none'}", at=("with",)))  # fmt: skip
        return None
    scope = {}
    for key, value in given.items():
        text = _filled(value, texts) if isinstance(value, str) else str(value)
        if text in texts:
            text = texts[text]  # an outer argument passed on
        if refused_number(value):
            return None
        try:
            number: Fraction | None = amount(_filled(value, texts) if isinstance(value, str) else value, values)
            if isinstance(value, str) and names_in(text) and number is not None:
                text = str(number)
        except ExpressionError:
            number = None
        scope[key] = Argument(text, number)
    return name, scope
