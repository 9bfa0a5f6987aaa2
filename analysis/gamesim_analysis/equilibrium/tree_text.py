"""Games as DOT (Graphviz) and Mermaid text: for documents that draw themselves."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.envs.efg.describe_game import number

from .svg_text import FILE, cut

LETTERS = 40


def dot(game: Any, play: Any = None) -> str:
    """A tree for Graphviz; information sets are dashed lines without weight. A table becomes one node with an HTML-free label."""
    if not isinstance(game, ExtensiveFormGame):
        return _table_dot(game.to_normal_form())
    lines = [f"digraph {_quoted(game.name or 'game')} {{", "  rankdir=TB;", '  node [fontname="Helvetica"];']
    for node, who in enumerate(game.kinds):
        if who == TERMINAL:
            shape = f"shape=plaintext, label={_quoted(_payoffs(game, node))}"
        elif who == CHANCE:
            shape = 'shape=square, label="chance"'
        else:
            shape = f"shape=circle, color={_quoted(FILE.player(who))}, label={_quoted(cut(game.players[who], LETTERS))}"
        lines.append(f"  n{node} [{shape}];")
    for node in range(1, game.size):
        label, played = _edge(game, node, play)
        lines.append(f"  n{game.above[node]} -> n{node} [label={_quoted(label)}{', penwidth=3' if played else ''}];")
    for nodes in game.members:
        if len(nodes) > 1:
            lines.append(f"  {' -> '.join(f'n{v}' for v in nodes)} [style=dashed, dir=none, constraint=false];")
    return "\n".join([*lines, "}", ""])


def mermaid(game: Any, play: Any = None) -> str:
    """A tree for Mermaid; information sets are dotted links, moves that are played thick ones."""
    if not isinstance(game, ExtensiveFormGame):
        return _table_mermaid(game.to_normal_form())
    lines = ["flowchart TD"]
    for node, who in enumerate(game.kinds):
        if who == TERMINAL:
            lines.append(f'  n{node}["{_safe(_payoffs(game, node))}"]')
        elif who == CHANCE:
            lines.append(f'  n{node}["chance"]')
        else:
            lines.append(f'  n{node}(("{_safe(cut(game.players[who], LETTERS))}"))')
    for node in range(1, game.size):
        label, played = _edge(game, node, play)
        lines.append(f'  n{game.above[node]} {"==>" if played else "-->"}|"{_safe(label)}"| n{node}')
    for nodes in game.members:
        lines += [f"  n{one} -.- n{other}" for one, other in pairwise(nodes)]
    return "\n".join([*lines, ""])


def _edge(game: ExtensiveFormGame, node: int, play: Any) -> tuple[str, bool]:
    above = game.above[node]
    at, taken = game.at[above], game.taken[node]
    if game.kinds[above] == CHANCE:
        drawn = game.chances[at]
        return f"{cut(drawn.actions[taken], LETTERS)} {number(drawn.probabilities[taken])}", False
    action = cut(game.sets[at].actions[taken], LETTERS)
    if play is None:
        return action, False
    chance = play[at][taken]
    played = bool(chance > (0 if play[at].dtype == object else 1e-9))
    return (f"{action} {number(chance)}", True) if played else (action, False)


def _payoffs(game: ExtensiveFormGame, node: int) -> str:
    return ", ".join(number(value) for value in game.payoffs[game.at[node]])


def _cells(game: NormalFormGame) -> list[tuple[str, str]]:
    import numpy as np

    table: Any = game.payoffs if game.exact is None else game.exact
    return [
        (" / ".join(cut(game.actions[i][a], LETTERS) for i, a in enumerate(cell)), ", ".join(number(table[i][cell]) for i in range(game.n)))
        for cell in np.ndindex(*game.shape)
    ]  # fmt: skip


def _table_dot(game: NormalFormGame) -> str:
    lines = [f"digraph {_quoted(game.name or 'game')} {{", "  node [shape=box];", "  game [shape=plaintext];"]
    for k, (cell, payoffs) in enumerate(_cells(game)):
        lines += [f"  c{k} [label={_quoted(payoffs)}];", f"  game -> c{k} [label={_quoted(cell)}];"]
    return "\n".join([*lines, "}", ""])


def _table_mermaid(game: NormalFormGame) -> str:
    lines = ["flowchart LR", '  game["' + _safe(cut(game.name or "game", LETTERS)) + '"]']
    lines += [f'  game -->|"{_safe(cell)}"| c{k}["{_safe(payoffs)}"]' for k, (cell, payoffs) in enumerate(_cells(game))]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    safe = cut(text, 200).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{safe}"'


def _safe(text: str) -> str:
    """Mermaid takes entities inside quotes."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;").replace("#", "&#35;")  # fmt: skip
