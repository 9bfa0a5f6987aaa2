"""The .efg format of Gambit: game trees as text, nodes in pre-order.

EFG 2 R "title" { "player" ... } ["comment"]
c "node" set ["label" { "action" probability ... }] outcome
p "node" player set ["label" { "action" ... }] outcome
t "node" outcome                                         outcome = 0, or number "label" { payoff ... }, later the number alone
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fractions import Fraction

from .errors import GameFileError, clean
from .extensive_form import CHANCE, TERMINAL, ExtensiveFormGame, TreeBuilder
from .game_files import FileLimits, Tokens, quoted, read_text, told

NODES = {
    "c": 'c "name" set "label" { "action" probability ... } outcome',
    "p": 'p "name" player set "label" { "action" ... } outcome',
    "t": 't "name" outcome; outcome is 0 or number "label" { payoff ... }',
}


def read_efg(source: str | os.PathLike[str], *, limits: FileLimits | None = None) -> ExtensiveFormGame:
    """A tree from a file, or from its text.

    Parameters
    ----------
    source : a path; a ``str`` with a line break is the text itself.

    Raises
    ------
    GameFileError
        With file, line and column, for whatever is not a game within the limits.
    """
    limits = limits or FileLimits()
    tokens = Tokens(*read_text(source, limits), limits)
    title, players = tokens.opening("EFG")
    if tokens.at_string():
        tokens.next += 1  # a comment
    nodes = 0
    for k, token in enumerate(tokens.all):
        nodes += token in NODES
        if nodes > limits.nodes:
            tokens.next = k + 1
            tokens.fail(f"more than {limits.nodes:,} nodes.", hint="Read with larger limits if you trust the file.")
    build = TreeBuilder(players, name=title)
    known = _Known()
    while not tokens.ended:
        start = tokens.next
        if build.complete:
            tokens.next += 1
            tokens.fail("the tree is complete and something follows.", hint="Every branch has its node already.")
        try:
            _node(tokens, build, known)
        except GameFileError as error:
            if error.where is not None:
                raise
            tokens.fail(error.message, hint=error.hint, back=tokens.next - start)
        if build.depth > limits.depth:
            tokens.fail(
                f"nested deeper than {limits.depth:,} moves.",
                hint="Read with larger limits if you trust the file.",
                back=tokens.next - start,
            )
    if not build.complete:
        tokens.next += 1
        tokens.grammar = ""
        tokens.fail(
            "the tree ends too early: a branch leads nowhere." if build.size else "the tree has no node.",
            hint="Nodes come in pre-order, one below every action.",
        )
    return build.build()


@dataclass
class _Known:
    """What nodes before said, for those that only refer to it."""

    outcomes: dict[int, tuple[Fraction, ...] | None] = field(default_factory=lambda: {0: None})
    draws: dict[int, tuple[list[str], list[Fraction], str]] = field(default_factory=dict)
    labels: dict[tuple[int, int], str] = field(default_factory=dict)


def _node(tokens: Tokens, build: TreeBuilder, known: _Known) -> None:
    kind = tokens.take()
    tokens.grammar = NODES.get(kind, "a node, which begins with c, p or t")
    if kind == "t":
        label = tokens.string("the node's name")
        payoffs = _outcome(tokens, len(build.players), known)
        build.leaf(payoffs if payoffs is not None else [0] * len(build.players), name=label)
    elif kind == "p":
        label = tokens.string("the node's name")
        player, key = tokens.whole("a player's number"), tokens.whole("an information set's number", signed=True)
        if not 1 <= player <= len(build.players):
            tokens.fail(
                f"player {player} does not exist; the game has {len(build.players)} players"
                f" ({', '.join(build.players[:8])}).",
                back=2,
            )
        actions, told_label = None, ""
        if tokens.at_string():
            told_label = tokens.string("the set's name")
            if known.labels.setdefault((player, key), told_label) != told_label:
                tokens.fail(f"information set {key} of {build.players[player - 1]} has another name at another node.")
            actions = tokens.strings("names of actions", tokens.limits.actions)
        payoffs = _outcome(tokens, len(build.players), known)
        build.move(player - 1, key, actions, label=told_label, name=label, payoffs=payoffs)
    elif kind == "c":
        label = tokens.string("the node's name")
        key = tokens.whole("a chance set's number", signed=True)
        if tokens.at_string():
            told_label = tokens.string("the set's name")
            actions, odds = _draw(tokens)
            if known.draws.setdefault(key, (actions, odds, told_label)) != (actions, odds, told_label):
                raise GameFileError(f"chance set {key} has another name, actions or probabilities at another node.")
        elif key not in known.draws:
            raise GameFileError(f"chance set {key} comes without its actions.")
        actions, odds, told_label = known.draws[key]
        payoffs = _outcome(tokens, len(build.players), known)
        build.chance(actions, odds, label=told_label, name=label, payoffs=payoffs)
    else:
        tokens.fail(f"'{clean(kind, 20)}' where a node was expected.")


def _draw(tokens: Tokens) -> tuple[list[str], list[Fraction]]:
    tokens.expect("{", "{ and actions of chance")
    actions, odds = [], []
    while tokens.peek() != "}":
        actions.append(tokens.string("an action of chance"))
        odds.append(tokens.number("a probability"))
        if odds[-1] < 0:
            tokens.fail(
                f"the probability {clean(tokens.all[tokens.next - 1], 40)} is negative.", hint="They are 0 to 1."
            )
        if len(actions) > tokens.limits.actions:
            tokens.fail(f"more than {tokens.limits.actions:,} actions.")
    tokens.next += 1
    if sum(odds) != 1:
        tokens.fail(f"probabilities of chance sum to {clean(sum(odds), 60)}.", hint="They sum to 1 exactly.")
    return actions, odds


def _outcome(tokens: Tokens, players: int, known: _Known) -> tuple[Fraction, ...] | None:
    number = tokens.whole("an outcome's number")
    if not number:
        return None
    if tokens.at_string():
        tokens.string("the outcome's name")
        tokens.expect("{", "{ and payoffs")
        payoffs = tokens.payoffs(players)
        if known.outcomes.setdefault(number, payoffs) != payoffs:
            tokens.fail(f"outcome {number} has other payoffs than where it came first.")
    elif number not in known.outcomes:
        tokens.fail(
            f"outcome {number} comes without payoffs, and none were given before.",
            hint=f'Write {number} "" {{ {" ".join(["0"] * min(players, 8))} }} where it comes first.',
        )
    return known.outcomes[number]


def write_efg(game: ExtensiveFormGame, *, safe_labels: bool = False) -> str:
    """A tree as text that ``read_efg`` and Gambit read.

    Parameters
    ----------
    safe_labels : p1, h1, a1 in place of the game's own names, which then stay with us.
    """
    players = [f"p{i + 1}" for i in range(game.n)] if safe_labels else list(game.players)
    lines = [f"EFG 2 R {quoted('game' if safe_labels else game.name)} {{ {' '.join(map(quoted, players))} }}", '""', ""]
    titles = _titles(game)
    within = {h: k + 1 for own in game.sets_of for k, h in enumerate(own)}
    known: dict[tuple[Fraction, ...], int] = {}
    shown: dict[int, str] = {}
    for node in range(game.size):
        who, at = game.kinds[node], game.at[node]
        label = quoted(game.labels[node] if game.labels and not safe_labels else "")
        if who == TERMINAL:
            payoffs = game.payoffs[at]
            number = known.setdefault(payoffs, len(known) + 1)
            lines.append(f't {label} {number} "" {{ {", ".join(map(told, payoffs))} }}')
            continue
        if who == CHANCE:  # a set of its own each time: Gambit asks also of chance that it does not forget
            draw = game.chances[at]
            names = [f"a{a + 1}" for a in range(len(draw.actions))] if safe_labels else list(draw.actions)
            inside = " ".join(f"{quoted(a)} {told(p)}" for a, p in zip(names, draw.probabilities, strict=True))
            lines.append(f"c {label} {node + 1} {quoted('' if safe_labels else draw.label)} {{ {inside} }} 0")
            continue
        if at not in shown:
            source = game.sets[at]
            names = [f"a{a + 1}" for a in range(len(source.actions))] if safe_labels else list(source.actions)
            shown[at] = f"{quoted('' if safe_labels else titles[at])} {{ {' '.join(map(quoted, names))} }}"
        lines.append(f"p {label} {who + 1} {within[at]} {shown[at]} 0")
    return "\n".join(lines) + "\n"


def _titles(game: ExtensiveFormGame) -> list[str]:
    """Names of the sets as they are written: Gambit 17 wants those of one player to differ."""
    titles = [information.label for information in game.sets]
    for own in game.sets_of:
        taken: set[str] = set()
        for h in own:
            label, number = titles[h], 2
            while titles[h] and titles[h] in taken:
                titles[h], number = f"{label[:240]} #{number}", number + 1
            taken.add(titles[h])
    return titles
