"""What is wrong with a game document, all of it at once; and the tree of one with which nothing is.

See ``problems`` for the codes.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, product
from typing import Any

from gamesim.core.equivalence.constraints import Outcomes, holds
from gamesim.core.errors import clean, did_you_mean, listed
from gamesim.core.expressions import ExpressionError
from gamesim.core.extensive_form import ExtensiveFormGame, TreeBuilder

from .document import GameDocument
from .expand import CHANCE_NAMES, Expansion, Flat, expand, items
from .problems import Problem, Problems, error, pointer
from .schema import people, violations
from .wording import unsaid

Key = tuple[str, ...]


def validate(document: Mapping[str, Any] | GameDocument, *, text: str | None = None) -> list[Problem]:
    """All problems of a document, in one walk, sorted by place; at most fifty, with ``total`` counting all.

    Parameters
    ----------
    document : data, as JSON or YAML give it.
    text : the description it is to hold, for W04 and W05; by default the document's own.
    """
    return examine(document, text=text).problems


def build(document: GameDocument | Mapping[str, Any]) -> ExtensiveFormGame:
    """The tree of a document.

    Raises
    ------
    GameDocumentError
        With every error in it.
    """
    found = examine(document, text="")
    if found.game is None:
        raise error(found.problems)
    return found.game


@dataclass
class Examined:
    """A document read: what is wrong, and, if no error is, the tree and the constraints by explicit names."""

    problems: Problems
    game: ExtensiveFormGame | None = None
    constraints: tuple[str, ...] = ()
    document: GameDocument | None = None


def examine(document: Mapping[str, Any] | GameDocument, *, text: str | None = None) -> Examined:
    """Everything there is to say of a document."""
    data: Any = document.plain() if isinstance(document, GameDocument) else document
    problems, unreadable = violations(data)
    if not isinstance(data, Mapping):
        return Examined(Problems.of(problems))
    tree = expand(data, unreadable)
    problems += tree.problems
    sets = _Sets(tree.nodes)
    steps = data.get("steps")
    timeline = {k: s for k, s in steps.items() if isinstance(s, Mapping)} if isinstance(steps, Mapping) else {}
    problems += _timeline(timeline, data, tree.nodes)
    _assign(tree.nodes, timeline, sets)
    allow = {one for one in items(data.get("allow")) if isinstance(one, str)}
    problems += sets.problems(allow, timeline, tree.whole)
    players = [p for p in items(data.get("players")) if isinstance(p, str)]
    problems += _players(players, tree)
    problems += _modes(data, tree)
    sound = tree.whole and not any(p.severity == "error" for p in problems)
    if not sound:
        return Examined(Problems.of(problems))
    game = _tree(data, players, tree.nodes, sets)
    constraints, wrong = _constraints(data, game, tree)
    problems += wrong
    said = data.get("description", "") if text is None else text
    problems += unsaid(said, data, tree) if said else ()
    if any(p.severity == "error" for p in problems):
        return Examined(Problems.of(problems))
    made = document if isinstance(document, GameDocument) else GameDocument.model_validate(dict(data))
    return Examined(Problems.of(problems), game, constraints, made)


# ---- information sets --------------------------------------------------------------------------------------------------


@dataclass
class _Sets:
    """Information sets of the flat tree.

    Attributes
    ----------
    key : of each move: ``("set", label)`` or ``("step", ...)``; empty for other nodes.  number : of each key.
    derived : the key that the timeline gives a move with a step, whether or not it names a set as well.
    past : of each node, for each player, own sets and actions so far.
    """

    nodes: Sequence[Flat]
    key: list[Key] = field(default_factory=list)
    number: dict[Key, int] = field(default_factory=dict)
    derived: list[Key] = field(default_factory=list)
    past: list[tuple[Any, ...]] = field(default_factory=list)

    def members(self) -> dict[Key, list[int]]:
        found: dict[Key, list[int]] = defaultdict(list)
        for x, key in enumerate(self.key):
            if key:
                found[key].append(x)
        return found

    def problems(self, allow: set[str], timeline: Mapping[str, Any], whole: bool) -> Iterator[Problem]:
        for key, members in self.members().items():
            first = self.nodes[members[0]]
            name = key[1] if key[0] == "set" else first.step
            yield from self._one_player(name, members)
            yield from self._same_actions(name, members)
            visited = self._twice(members)
            if visited is not None:
                if "absent_mindedness" not in allow:
                    above, below = visited
                    yield self.nodes[below].place.problem(
                        "E11",
                        f"{first.player} meets set '{name}' twice on one path, first at {_told(self.nodes[above])}",
                        "each set at most once a path",
                        "Name two sets, or allow absent_mindedness.",
                        at=("infoset",),
                    )
            elif "imperfect_recall" not in allow and whole:
                yield from self._recall(name, members)
        yield from self._partitions()
        yield from self._said(timeline)

    def _one_player(self, name: Any, members: Sequence[int]) -> Iterator[Problem]:
        first = self.nodes[members[0]]
        other = next((x for x in members if self.nodes[x].player != first.player), None)
        if other is not None and first.player and self.nodes[other].player:
            node = self.nodes[other]
            yield node.place.problem(
                "E07",
                f"set '{name}' of {first.player} at {_told(first)} and of {node.player} at {_told(node)}",
                "one player a set",
                at=("infoset",),
            )

    def _same_actions(self, name: Any, members: Sequence[int]) -> Iterator[Problem]:
        first = self.nodes[members[0]]
        for x in members[1:]:
            node = self.nodes[x]
            if node.player == first.player and set(node.labels) != set(first.labels):
                yield node.place.problem(
                    "E08",
                    f"set '{name}' offers {listed(first.labels)[:-1]} at {_told(first)} and {listed(node.labels)[:-1]} here",
                    "the same actions at every node of a set",
                    at=("actions",),
                )
                return

    def _twice(self, members: Sequence[int]) -> tuple[int, int] | None:
        inside = set(members)
        if len(inside) < 2:
            return None
        for x in members:
            above = self.nodes[x].parent
            while above >= 0:
                if above in inside and self.nodes[above].player == self.nodes[x].player:
                    return above, x
                above = self.nodes[above].parent
        return None

    def _recall(self, name: Any, members: Sequence[int]) -> Iterator[Problem]:
        first = self.nodes[members[0]]
        for x in members[1:]:
            node = self.nodes[x]
            if node.player == first.player and self.past[x] != self.past[members[0]]:
                mine, its = (_past(self.past[k]) for k in (members[0], x))
                yield node.place.problem(
                    "E10",
                    f"{node.player} forgets at set '{name}': {mine} at {_told(first)}, {its} here",
                    "one own past at every node of a set",
                    "Split the set, or allow imperfect_recall.",
                    at=("infoset",) if node.infoset is not None else ("step",),
                )
                return

    def _partitions(self) -> Iterator[Problem]:
        """Where a node names both a set and a step, both must say the same."""
        both = [x for x, node in enumerate(self.nodes) if node.infoset is not None and node.step and self.derived[x]]
        for one, other, told in (
            (self.key, self.derived, "tells apart what set '{}' joins"),
            (self.derived, self.key, "joins what sets '{}' and '{}' tell apart"),
        ):
            seen: dict[Key, int] = {}
            done: set[Key] = set()
            for x in both:
                y = seen.setdefault(one[x], x)
                if other[x] != other[y] and one[x] not in done:
                    done.add(one[x])
                    node = self.nodes[x]
                    what = told.format(self.nodes[y].infoset, node.infoset)
                    yield node.place.problem(
                        "E15",
                        f"step '{node.step}' {what}: {_told(self.nodes[y])} and {_told(node)}",
                        "one partition",
                        "Leave out infoset, or change what the step sees.",
                        at=("infoset",),
                    )

    def _said(self, timeline: Mapping[str, Any]) -> Iterator[Problem]:
        """Sets named without a step, against the one step of the timeline that is the player's."""
        own: dict[str, list[str]] = defaultdict(list)
        for name, step in timeline.items():
            if isinstance(step.get("actor"), str):
                own[step["actor"]].append(name)
        views: dict[int, Key] = {}
        for x, node in enumerate(self.nodes):
            if node.kind == "move" and node.infoset is not None and not node.step and len(own[node.player]) == 1:
                (name,) = own[node.player]
                views[x] = _view(self, x, name, timeline[name])
        for one, other, told in (
            (self.key, views, "hides from {} what step '{}' shows"),
            (views, self.key, "shows {} more than step '{}'"),
        ):
            seen: dict[Any, int] = {}
            done: set[str] = set()
            for x in views:
                y = seen.setdefault(one[x], x)
                node = self.nodes[x]
                if other[x] != other[y] and node.player not in done:
                    done.add(node.player)
                    yield node.place.problem(
                        "W07",
                        f"set '{node.infoset}' {told.format(node.player, own[node.player][0])}: {_told(self.nodes[y])} and {_told(node)}",
                        at=("infoset",),
                        warning=True,
                    )


def _assign(nodes: Sequence[Flat], timeline: Mapping[str, Any], sets: _Sets) -> None:
    """Fill in pre-order what set each move is in and what its player did before."""
    pasts: list[dict[str, tuple[Any, ...]]] = []
    for x, node in enumerate(nodes):
        above = node.parent
        past: dict[str, tuple[Any, ...]] = {}
        if above >= 0:
            past = pasts[above]
            upper = nodes[above]
            if upper.kind == "move":
                label = upper.labels[upper.children.index(x)]
                own = past.get(upper.player, ())
                past = {**past, upper.player: (*own, (sets.key[above], label))}
        pasts.append(past)
        sets.past.append(past.get(node.player, ()))
        derived: Key = ()
        if node.kind == "move" and node.step:
            derived = _view(sets, x, node.step, timeline.get(node.step, {}))
        sets.derived.append(derived)
        key: Key = ("set", node.infoset) if node.kind == "move" and node.infoset is not None else derived
        sets.key.append(key)
        sets.number.setdefault(key, len(sets.number))


def _view(sets: _Sets, x: int, name: str, step: Mapping[str, Any]) -> Key:
    """Player, step, what is seen of the path, and the own past: the set that a step of the timeline means.

    Of the own past the last set and action suffice: a set fixes what came before it.
    """
    nodes, past = sets.nodes, sets.past[x]
    sees = step.get("sees")
    seen = {s for s in sees if isinstance(s, str)} if isinstance(sees, (list, tuple)) else set()
    node = nodes[x]
    observed: list[tuple[str, str]] = []
    below, above = x, node.parent
    while above >= 0:
        upper = nodes[above]
        if upper.step and (upper.step in seen or upper.player == node.player):
            observed.append((upper.step, upper.labels[upper.children.index(below)]))
        below, above = above, upper.parent
    observed.reverse()
    observed.sort(key=lambda pair: pair[0])
    last = [sets.number[past[-1][0]], past[-1][1]] if past else []
    told = json.dumps([node.player, name, observed, last], ensure_ascii=False)
    shown = ", ".join(f"{step} {label}" for step, label in observed)
    return ("step", told, f"{name}: {shown}" if shown else name)


def _told(node: Flat) -> str:
    return " > ".join(("root", *node.place.labels))


def _past(past: tuple[Any, ...]) -> str:
    return "after " + ", ".join(label for _, label in past) if past else "with no own move before"


# ---- the rest ----------------------------------------------------------------------------------------------------------


def _timeline(timeline: Mapping[str, Any], data: Mapping[str, Any], nodes: Sequence[Flat]) -> Iterator[Problem]:
    players = [p for p in items(data.get("players")) if isinstance(p, str)]
    paths: dict[str, set[str]] = defaultdict(set)  # step -> steps before it on some path
    before: list[frozenset[str]] = []
    told: set[tuple[str, str]] = set()
    for node in nodes:
        above = node.parent
        here = before[above] if above >= 0 else frozenset()
        if above >= 0 and nodes[above].step:
            here |= {str(nodes[above].step)}
        before.append(here)
        if not node.step:
            continue
        paths[node.step] |= here
        step = timeline.get(node.step)
        if step is None:
            if ("", node.step) not in told:
                told.add(("", node.step))
                hint = did_you_mean(node.step, timeline) or (f"Steps: {listed(list(timeline))}" if timeline else "")
                yield node.place.problem(
                    "E15", f"no step '{clean(node.step, 40)}'", "a name in steps", hint, at=("step",)
                )
            continue
        actor = step.get("actor")
        mover = node.player if node.kind == "move" else "chance"
        chance = isinstance(actor, str) and actor.casefold() in CHANCE_NAMES
        if (
            isinstance(actor, str)
            and actor != mover
            and not (chance and node.kind == "chance")
            and (mover, node.step) not in told
        ):
            told.add((mover, node.step))
            if chance or actor in players:
                yield node.place.problem(
                    "E15", f"step '{node.step}' of {actor} where {mover} moves", "the step's actor moves", at=("step",)
                )
    for name, step in timeline.items():
        actor, sees = step.get("actor"), step.get("sees")
        if isinstance(actor, str) and actor not in players and actor.casefold() not in CHANCE_NAMES:
            hint = did_you_mean(actor, [*players, "chance"]) or f"Players: {listed(players)}"
            path = ("steps", name, "actor")
            yield Problem("E03", "error", pointer(path), people(path), f"actor '{clean(actor, 60)}'", "a player, or chance", hint)  # fmt: skip
        for k, other in enumerate(sees if isinstance(sees, (list, tuple)) else ()):
            if isinstance(other, str) and name in paths and other not in paths[name]:
                place = ("steps", name, "sees", k)
                hint = did_you_mean(other, sorted(paths[name])) or ""
                yield Problem("E15", "error", pointer(place), people(place), f"step '{name}' sees '{clean(other, 40)}', which comes before it on no path", f"one of {listed(sorted(paths[name]))}" if paths[name] else "no step", hint)  # fmt: skip


def _players(players: Sequence[str], tree: Expansion) -> Iterator[Problem]:
    moving = {node.player for node in tree.nodes if node.kind == "move"}
    for k, name in enumerate(players):
        if tree.whole and name not in moving:
            yield Problem("W02", "warning", pointer(("players", k)), f"players > {name}", f"{name} never moves")


def _modes(data: Mapping[str, Any], tree: Expansion) -> Iterator[Problem]:
    if data.get("payoff_mode") == "ordinal" and any(node.kind == "chance" for node in tree.nodes):
        yield Problem("W06", "warning", "/payoff_mode", "payoff_mode", "payoffs known by their order only, with chance moves", "", "An order does not fix expected payoffs.")  # fmt: skip


def _constraints(
    data: Mapping[str, Any], game: ExtensiveFormGame, tree: Expansion
) -> tuple[tuple[str, ...], list[Problem]]:
    """Constraints by explicit outcomes, and what is wrong with them."""
    outcomes = Outcomes.of(game)
    problems: list[Problem] = []
    explicit: list[str] = []
    for k, text in enumerate(data.get("constraints") or ()):
        path = ("constraints", str(k))

        def wrong(found: str, expected: str = "", hint: str = "", path: tuple[str, ...] = path) -> None:
            problems.append(Problem("E16", "error", pointer(path), people(path), found, expected, hint))

        try:
            ok, told = holds(text, outcomes, lambda i, leaf: game.payoffs[leaf][i], tree.parameters)
        except ExpressionError as bad:
            wrong(
                f"'{clean(text, 80)}': {bad}",
                "such as Ana[Low/Accept] > Ana[High/Reject]",
                f"Outcomes: {listed(list(outcomes.leaves), 6)}",
            )
            continue
        if not ok:
            wrong(f"'{clean(text, 80)}' does not hold: {told}", "payoffs that satisfy it")
        explicit += _spelled(text, game, tree)
    return tuple(explicit), problems


def _spelled(text: str, game: ExtensiveFormGame, tree: Expansion) -> list[str]:
    """A constraint over parameters, once for each player who is paid them, by the outcomes where they are."""
    leaves = [node for node in tree.nodes if node.kind == "terminal"]
    bare = re.sub(r"\[[^\]]*\]", "", text)
    used = [name for name in tree.parameters if re.search(rf"\b{name}\b", bare)]
    if not used:
        return [text]
    pattern = re.compile(r"\b(" + "|".join(used) + r")\b(?![^\[]*\])")
    found = []
    for player in game.players:
        places = {
            name: ["/".join(node.place.labels) for node in leaves if str(node.own.get(player, "")).strip() == name]
            for name in used
        }
        if all(places.values()):
            for chosen in islice(product(*places.values()), 200):
                by = {name: f"{player}[{path}]" for name, path in zip(places, chosen, strict=True)}
                found.append(pattern.sub(lambda m, by=by: by[m[1]], text))  # type: ignore[misc]
    return found or [text]


def _tree(data: Mapping[str, Any], players: Sequence[str], nodes: Sequence[Flat], sets: _Sets) -> ExtensiveFormGame:
    build = TreeBuilder(players, name=str(data.get("title", "")))
    number = {name: i for i, name in enumerate(players)}
    first: dict[Key, list[str]] = {}
    waiting = [0]
    while waiting:
        x = waiting.pop()
        node = nodes[x]
        if node.kind == "terminal":
            build.leaf([node.payoffs[name] for name in players], name=node.label)
            continue
        children = node.children
        if node.kind == "chance":
            build.chance(node.labels, node.odds or [Fraction(0)])
        else:
            key = sets.key[x]
            order = first.setdefault(key, node.labels)
            if order != node.labels:
                by = dict(zip(node.labels, children, strict=True))
                children = [by[label] for label in order]
            label = key[1] if key[0] == "set" else key[2][:120]
            build.move(number[node.player], key, order, label=label)
        waiting += reversed(children)
    return build.build()


def expanded(document: GameDocument | Mapping[str, Any]) -> GameDocument:
    """The same game without templates, steps, parameters and expressions.

    Raises
    ------
    GameDocumentError
        If the document has errors.
    """
    from .document import document_of

    found = examine(document)
    if found.game is None or found.document is None:
        raise error(found.problems)
    source = found.document
    made = document_of(found.game, title=source.title)
    kept = {key: getattr(source, key) for key in ("description", "payoff_mode", "assumptions", "allow")}
    return made.model_copy(update={**kept, "constraints": found.constraints})
