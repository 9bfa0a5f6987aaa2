"""``check_solver``: a solver says which games it takes and why not the others, keeps its limits, and repeats itself.

What it lists is certified again here, from the game alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from gamesim.core.certify import certify
from gamesim.core.errors import GamesimError, MissingExtraError, SolverError, named_cause
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry
from gamesim.core.solution import Limits, Ranking, Solution
from gamesim.core.solving import Support

from .playing import Broken, broken
from .trees import random_tree

CHECKED = {
    "nash": "nash",
    "pure": "nash",
    "value": "nash",
    "spe": "spe",
    "correlated": "correlated",
    "coarse": "coarse",
}
STRANGE = (None, 3, "a game", object(), [[1, 2], [3, 4]])
SLACK = 1.0  # seconds of its own CPU beyond its limit


def standard_games() -> list[Any]:
    """Small games of every kind that solvers meet: degenerate, constant-sum, of one, two and three players, trees."""
    rng = np.random.default_rng(7)
    tables = [
        NormalFormGame.bimatrix([[6, 2], [7, 0]], [[6, 7], [2, 0]], name="chicken"),
        NormalFormGame.bimatrix([[1, -1], [-1, 1]], name="matching pennies"),
        NormalFormGame(np.array(rng.integers(0, 2, size=(2, 3, 3)), dtype=object), name="degenerate"),
        NormalFormGame(rng.normal(size=(2, 3, 4)), name="floats"),
        NormalFormGame(np.array(rng.integers(0, 9, size=(3, 2, 2, 2)), dtype=object), name="three players"),
        NormalFormGame(np.array([[1, 3, 3]], dtype=object), name="one player"),
        NormalFormGame(np.zeros((2, 2, 2), dtype=object), name="constant"),
    ]
    return [*tables, *(random_tree(seed, players, 3) for seed, players in ((3, 2), (4, 3)))]


def check_solver(solver: Any, games: Iterable[Any] | None = None, *, seconds: float = 2.0) -> None:
    """Raise unless a solver keeps its promises.

    ``accepts`` never raises and gives a reason when it declines; a game that was declined is refused with
    UnsupportedGameError; every equilibrium listed passes its certificate; a second call answers the same; with a tenth of a
    second it stops in time, and says so. A computation that fails with a SolverError has answered.

    Parameters
    ----------
    solver : the solver, or a registered name.
    games : to try it on; by default ``standard_games``.
    seconds : limit of each call.

    Raises
    ------
    PluginError
        With the first promise that is not kept.
    """
    name = solver if isinstance(solver, str) else getattr(solver, "name", "?")
    what = f"solver '{name}'"
    try:
        found = entry("solvers", solver) if isinstance(solver, str) else solver
        concepts = found.concepts
        if found.name != name or not isinstance(concepts, frozenset) or not concepts:
            raise Broken("it has a name and a frozenset of concepts")
        for thing in STRANGE:
            _declines(found, thing, min(concepts))
        for game in standard_games() if games is None else games:
            _declines(found, game, "no such concept")
            for concept in sorted(concepts):
                _on(found, game, concept, seconds)
    except Broken as problem:
        raise broken(what, problem) from problem
    except MissingExtraError:
        raise
    except Exception as error:
        raise broken(what, f"raised {named_cause(error)}") from error


def _asked(solver: Any, game: Any, concept: str) -> Support:
    try:
        support = solver.accepts(game, concept)
    except Exception as error:
        raise Broken(f"accepts({_told(game)}, '{concept}') raised {named_cause(error)}") from error
    if not isinstance(support, Support) or not (support.ok or support.reason):
        raise Broken(f"accepts({_told(game)}, '{concept}') declines without a reason")
    return support


def _declines(solver: Any, game: Any, concept: str) -> None:
    if _asked(solver, game, concept):
        raise Broken(f"it accepts {_told(game)} for concept '{concept}'")
    try:
        solver(game, concept=concept, limits=Limits())
    except GamesimError as error:
        if not str(error):
            raise Broken(f"it refuses {_told(game)} without a reason") from None
        return
    raise Broken(f"it declines {_told(game)} for concept '{concept}' and answers all the same")


def _on(solver: Any, game: Any, concept: str, seconds: float) -> None:
    if not _asked(solver, game, concept):
        _declines(solver, game, concept)
        return
    first = _answer(solver, game, concept, seconds)
    if isinstance(first, Solution):
        _certified(game, concept, first)
    if first is not None and not getattr(first, "stopped", None):
        second = _answer(solver, game, concept, seconds)
        if second is not None and not getattr(second, "stopped", None) and _said(second) != _said(first):
            raise Broken(f"asked again about {_told(game)} it answers otherwise")
    _answer(solver, game, concept, 0.1)


def _answer(solver: Any, game: Any, concept: str, seconds: float) -> Solution | Ranking | None:
    """What it answers; None for a failure that it names. Its own CPU is what counts: the machine may be busy."""
    begin = time.process_time()
    try:
        answer = solver(game, concept=concept, limits=Limits(seconds=seconds, cpu_seconds=max(seconds, 1.0)))
    except MissingExtraError:
        raise
    except SolverError as error:
        if not str(error):
            raise Broken(f"it fails on {_told(game)} without a reason") from None
        answer = None
    taken = time.process_time() - begin
    if taken > seconds + SLACK:
        raise Broken(f"on {_told(game)} it used {taken:.1f} s of CPU with a limit of {seconds:g} s")
    if answer is not None and not isinstance(answer, (Solution, Ranking)):
        raise Broken(f"it answers with a {type(answer).__name__}, not a Solution or a Ranking")
    return answer


def _certified(game: Any, concept: str, solution: Solution) -> None:
    if concept not in CHECKED:
        return
    for equilibrium in solution.equilibria:
        subject = game if isinstance(equilibrium.play, tuple) or hasattr(game, "sets") else game.to_normal_form()
        if concept in ("correlated", "coarse"):
            subject = game.to_normal_form()
        certificate = certify(subject, equilibrium.play, concept=CHECKED[concept])
        if certificate.grade == "rejected":
            raise Broken(f"on {_told(game)} it lists play with a gap of {float(certificate.gap):.3g}")


def _said(answer: Solution | Ranking) -> Any:
    if isinstance(answer, Ranking):
        return answer.names, tuple(np.round(answer.scores, 9))
    return [tuple(round(float(u), 9) for u in e.payoffs) for e in answer.equilibria], answer.complete, answer.covers


def _told(game: Any) -> str:
    return getattr(game, "name", "") or type(game).__name__
