"""Any registered concept by name: the router's own, and those of solvers that bring one along, such as a ranking's.

>>> from gamesim.envs.repeated.stage_games import chicken
>>> answer(chicken(), "ce").concept
'correlated'
"""

from __future__ import annotations

from typing import Any

from gamesim.core.errors import UnknownKindError, UnsupportedGameError
from gamesim.core.registry import entry, names
from gamesim.core.solution import Limits, Ranking, Solution

from .router import ALIASES, CONCEPTS, Step, choose, solve, wider


def known_concepts() -> list[str]:
    """Every concept that some solver answers."""
    brought = {concept for name in names("solvers") for concept in entry("solvers", name).concepts}
    return sorted({*CONCEPTS, *brought})


def concept_named(name: str) -> str:
    """A concept from its name or alias.

    Raises
    ------
    UnknownKindError
        With the nearest.
    """
    concept = ALIASES.get(name, name)
    if concept not in CONCEPTS:
        known = known_concepts()
        if concept not in known:
            raise UnknownKindError.named("concept", name, [*known, *ALIASES, "all"])
    return concept


def plan(game: Any, concept: str, every: bool = False, limits: Limits | None = None) -> list[Step]:
    """The methods to try; of a concept that the router does not know, those registered for it that take the game.

    Raises
    ------
    UnsupportedGameError
        If none takes it, with the reasons.
    """
    concept = concept_named(concept)
    if concept in CONCEPTS:
        return choose(game, concept, every, limits)
    steps, reasons = [], []
    for name in names("solvers"):
        solver = entry("solvers", name)
        if concept in solver.concepts:
            support = solver.accepts(game, concept)
            if support:
                steps.append(Step(name, f"it answers {concept}"))
            else:
                reasons.append(f"{name}: {support.reason}")
    if not steps:
        raise UnsupportedGameError(f"no method for '{concept}' takes this game: {'; '.join(reasons)}.")
    return steps


def answer(
    game: Any,
    concept: str = "nash",
    *,
    method: str = "auto",
    every: bool = False,
    limits: Limits | None = None,
    **parameters: Any,
) -> Solution | Ranking:
    """``solve`` for every concept; methods that rank answer with a ``Ranking``.

    Raises
    ------
    UnknownKindError
        For a concept or method that nobody registers, with the nearest.
    UnsupportedGameError
        If the concept or the named method is wrong for the game.
    """
    concept = concept_named(concept)
    if method == "auto" and concept not in CONCEPTS:
        method = plan(game, concept)[0].method
    if method != "auto":
        solver = entry("solvers", method)
        found: Solution | Ranking = solver(
            game, concept=concept, limits=limits or Limits(), **wider(method, every, parameters)
        )
        return found
    return solve(game, concept, every=every, limits=limits, **parameters)
