"""Pictures of games: trees, tables, triangles and branches as SVG text of our own, the same bytes every time."""

from __future__ import annotations

from typing import Any

from gamesim.core.behaviour import as_behaviour
from gamesim.core.errors import UnsupportedGameError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.profiles import Joint, as_profile
from gamesim.core.solution import Equilibrium, Solution

from .draw_branch import branch_picture, draw_branch
from .draw_simplex import draw_simplex
from .draw_table import draw_table
from .draw_tree import draw_tree
from .method import is_formal
from .starting import actions_of
from .svg_text import FILE, Palette
from .tree_text import dot, mermaid

__all__ = [
    "dot",
    "draw",
    "draw_branch",
    "draw_simplex",
    "draw_table",
    "draw_traced",
    "draw_tree",
    "mermaid",
    "play_to_draw",
]


def draw(game: Any, solution: Any = None, *, palette: Palette = FILE) -> str:
    """A game as SVG.

    Parameters
    ----------
    solution : a ``Solution`` (its first equilibrium is drawn), an ``Equilibrium``, or play of the game.

    Raises
    ------
    UnsupportedGameError
        For what is neither a tree nor a table.

    Examples
    --------
    >>> from gamesim.envs.efg.poker import kuhn
    >>> picture = draw(kuhn())
    >>> picture.count('class="node"'), picture.count('class="edge"'), picture.count('class="information-set"')
    (55, 54, 12)
    """
    if is_formal(game):
        raise UnsupportedGameError(f"a {type(game).__name__} cannot be drawn.", hint="Trees and tables can.")
    play = play_to_draw(game, solution)
    if isinstance(game, ExtensiveFormGame):
        return draw_tree(game, play, palette=palette)
    return draw_table(game.to_normal_form(), play, palette=palette)


def draw_traced(game: Any, solution: Solution, *, palette: Palette = FILE) -> str:
    """The branch that a solution brings along, with its turning points."""
    branch = solution.details["branch"]
    return branch_picture(game.players, actions_of(game), branch, name=game.name, palette=palette)


def play_to_draw(game: Any, solution: Any) -> Any:
    """The play that a picture shows: of the first equilibrium; None where there is none, or where it is correlated."""
    if isinstance(solution, Solution):
        solution = solution.equilibria[0] if solution.equilibria else None
    play = solution.play if isinstance(solution, Equilibrium) else solution
    if play is None or isinstance(play, Joint):
        return None
    return (
        as_behaviour(game, play)
        if isinstance(game, ExtensiveFormGame)
        else as_profile(game.to_normal_form().shape, play)
    )
