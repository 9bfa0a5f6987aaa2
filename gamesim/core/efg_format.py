"""The .efg format of Gambit: game trees as text, nodes in pre-order.

EFG 2 R "title" { "player" ... } ["comment"]
c "node" set ["label" { "action" probability ... }] outcome
p "node" player set ["label" { "action" ... }] outcome
t "node" outcome                                         outcome = 0, or number ["label"] [{ payoff ... }]
"""

from __future__ import annotations

import os
from fractions import Fraction

from .errors import GameFileError
from .extensive_form import CHANCE, TERMINAL, ExtensiveFormGame, TreeBuilder
from .game_files import FileLimits, Tokens, quoted, read_text, told

Outcomes = dict[int, tuple[Fraction, ...] | None]


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
    text, name = read_text(source, limits)
    tokens = Tokens(text, name, limits)
    header(tokens, "EFG", "2")
    title = tokens.string("the title")
    players = tokens.strings("names of players", limits.players)
    if tokens.at_string():
        tokens.next += 1  # a comment
    nodes = 0
    for k, token in enumerate(tokens.all):
        nodes += token in ("c", "p", "t")
        if nodes > limits.nodes:
            tokens.next = k + 1
            tokens.fail(f"more than {limits.nodes:,} nodes.")
    start = tokens.next
    try:
        build = TreeBuilder(players, name=title)
    except GameFileError as error:
        tokens.fail(error.message, hint=error.hint, back=tokens.next - 3)
    outcomes: Outcomes = {0: None}
    draws: dict[int, tuple[list[str], list[Fraction], str]] = {}
    while not tokens.ended:
        start = tokens.next
        if build.complete:
            tokens.next += 1
            tokens.fail("the tree is complete and something follows.")
        try:
            _node(tokens, build, outcomes, draws)
        except GameFileError as error:
            if error.where is not None:
                raise
            tokens.fail(error.message, hint=error.hint, back=tokens.next - start)
        if build.depth > limits.depth:
            tokens.fail(f"nested deeper than {limits.depth:,} moves.", back=tokens.next - start)
    if not build.complete:
        tokens.next += 1
        tokens.fail("the tree ends too early: a branch leads nowhere." if build.size else "the tree has no node.")
    return build.build()


def header(tokens: Tokens, kind: str, version: str) -> None:
    """``EFG 2 R`` or ``NFG 1 R``; R or D only say how numbers used to be kept."""
    found = tokens.take()
    if found != kind:
        known = {"EFG": "an .efg file", "NFG": "an .nfg file"}
        hint = (
            f"This is {known[found]}."
            if found in known
            else "Convert action-graph and workbook files with Gambit to .efg or .nfg."
            if found.startswith(("#AGG", "#BAGG", "<?xml"))
            else None
        )
        tokens.fail(f"a file that does not begin with {kind}.", hint=hint)
    tokens.expect(version, f"version {version}")
    if tokens.take() not in ("R", "D"):
        tokens.fail("R or D was expected here.")


def _node(
    tokens: Tokens, build: TreeBuilder, outcomes: Outcomes, draws: dict[int, tuple[list[str], list[Fraction], str]]
) -> None:
    kind = tokens.take()
    limits = tokens.limits
    if kind == "t":
        label = tokens.string("the node's name")
        payoffs = _outcome(tokens, len(build.players), outcomes)
        build.leaf(payoffs if payoffs is not None else [0] * len(build.players), name=label)
    elif kind == "p":
        label = tokens.string("the node's name")
        player, key = tokens.whole("a player's number"), tokens.whole("an information set's number")
        if not 1 <= player <= len(build.players):
            tokens.fail(
                f"player {player} does not exist; the game has {len(build.players)} players"
                f" ({', '.join(build.players[:8])}).",
                back=2,
            )
        actions, told_label = None, ""
        if tokens.at_string():
            told_label = tokens.string("the set's name")
            actions = tokens.strings("names of actions", limits.actions)
        payoffs = _outcome(tokens, len(build.players), outcomes)
        build.move(player - 1, key, actions, label=told_label, name=label, payoffs=payoffs)
    elif kind == "c":
        label = tokens.string("the node's name")
        key = tokens.whole("a chance set's number")
        if tokens.at_string():
            told_label = tokens.string("the set's name")
            actions, odds = _draw(tokens)
            if draws.setdefault(key, (actions, odds, told_label))[:2] != (actions, odds):
                raise GameFileError(f"chance set {key} has other actions or probabilities at another node.")
        elif key not in draws:
            raise GameFileError(f"chance set {key} comes without its actions.")
        actions, odds, told_label = draws[key]
        payoffs = _outcome(tokens, len(build.players), outcomes)
        build.chance(actions, odds, label=told_label, name=label, payoffs=payoffs)
    else:
        tokens.fail(f"'{kind[:20]}' where a node was expected.", hint="Nodes begin with c, p or t.")


def _draw(tokens: Tokens) -> tuple[list[str], list[Fraction]]:
    tokens.expect("{", "{ and actions of chance")
    actions, odds = [], []
    while tokens.peek() != "}":
        actions.append(tokens.string("an action of chance"))
        odds.append(tokens.number("a probability"))
        if odds[-1] < 0:
            tokens.fail(f"the probability {tokens.all[tokens.next - 1][:40]} is negative.")
        if len(actions) > tokens.limits.actions:
            tokens.fail(f"more than {tokens.limits.actions:,} actions.")
    tokens.next += 1
    if sum(odds) != 1:
        tokens.fail(f"probabilities of chance sum to {str(sum(odds))[:60]}.", hint="They sum to 1 exactly.")
    return actions, odds


def _outcome(tokens: Tokens, players: int, outcomes: Outcomes) -> tuple[Fraction, ...] | None:
    number = tokens.whole("an outcome's number")
    if not number:
        return None
    if tokens.at_string():
        tokens.string("the outcome's name")
    if tokens.peek() == "{":
        tokens.next += 1
        payoffs = []
        while tokens.peek() != "}":
            payoffs.append(tokens.number("a payoff"))
            if len(payoffs) > players:
                tokens.fail(f"more than {players} payoffs for {players} players.")
        tokens.next += 1
        if len(payoffs) < players:
            tokens.fail(f"{len(payoffs)} payoffs for {players} players.")
        found = tuple(payoffs)
        if outcomes.setdefault(number, found) != found:
            tokens.fail(f"outcome {number} has other payoffs than where it came first.")
    elif number not in outcomes:
        tokens.fail(f"outcome {number} comes without payoffs, and none were given before.", back=0)
    return outcomes[number]


def write_efg(game: ExtensiveFormGame, *, safe_labels: bool = False) -> str:
    """A tree as text that ``read_efg`` and Gambit read.

    Parameters
    ----------
    safe_labels : p1, h1, a1 in place of the game's own names, which then stay with us.
    """
    players = [f"p{i + 1}" for i in range(game.n)] if safe_labels else list(game.players)
    lines = [f"EFG 2 R {quoted('game' if safe_labels else game.name)} {{ {' '.join(map(quoted, players))} }}", '""', ""]
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
            shown[at] = f"{quoted('' if safe_labels else source.label)} {{ {' '.join(map(quoted, names))} }}"
        lines.append(f"p {label} {who + 1} {within[at]} {shown[at]} 0")
    return "\n".join(lines) + "\n"
