"""Any registered concept by name: the router's own, and those of solvers that bring one along, such as a ranking's.

>>> from gamesim.envs.repeated.stage_games import chicken
>>> answer(chicken(), "ce").concept
'correlated'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import UnknownKindError, UnsupportedGameError
from gamesim.core.registry import entry, names
from gamesim.core.solution import Limits, Ranking, Solution

from .router import ALIASES, CONCEPTS, Step, choose, solve, wider
from .told import facts
from .told_others import FITTING

if TYPE_CHECKING:
    from .cross_check import CrossCheck


def known_concepts() -> list[str]:
    """Every concept that some solver answers."""
    brought = {concept for name in names("solvers") for concept in entry("solvers", name).concepts}
    return sorted({*CONCEPTS, *brought})


def concept_named(name: str, *, also: Sequence[str] = ()) -> str:
    """A concept from its name or alias; ``also`` are names that the caller answers, to be offered to who misspells them.

    Raises
    ------
    UnknownKindError
        With the nearest.
    """
    concept = ALIASES.get(name, name)
    if concept not in CONCEPTS:
        known = known_concepts()
        if concept not in known:
            raise UnknownKindError.named("concept", name, [*known, *ALIASES, "all", *also])
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


def meant(concept: str | None, game: Any, every: bool = False, method: str = "auto") -> tuple[str, bool]:
    """The concept asked for, where none or ``all`` is named the one that suits the game, and where only a method is the one
    that it answers; and whether all equilibria are.

    >>> from gamesim.envs.repeated.stage_games import chicken
    >>> meant("all", chicken()), meant("ce", chicken())
    (('nash', True), ('correlated', False))
    """
    if concept is None or concept == "all":
        fitting = FITTING.get(facts(game, digest=False)["kind"], "nash")
        if concept is None and method != "auto":
            answers = entry("solvers", method).concepts
            if fitting not in answers:
                fitting = next((c for c in (*CONCEPTS, *sorted(answers)) if c in answers), fitting)
        return fitting, every or concept == "all"
    return concept_named(concept), every


def solved(
    game: Any, concept: str, method: str = "auto", *, every: bool = False, limits: Limits | None = None,
    cross_check: bool = False, exact: bool = False, **parameters: Any,
) -> tuple[Solution | Ranking, CrossCheck | None]:  # fmt: skip
    """``answer`` in the order of a table, by one method or by all of them.

    Parameters
    ----------
    cross_check : ask every method; their table comes back as well.
    exact : only what is proved in fractions is listed, the rest as rejected.
    """
    from . import cross_check as every_method
    from .document import ordered

    table = every_method.cross_check(game, concept, limits, **parameters) if cross_check else None
    found = table.solution if table is not None else answer(game, concept, method=method, every=every, limits=limits, **parameters)  # fmt: skip
    if isinstance(found, Ranking):
        return found, table
    return ordered(game, _exact(found) if exact else found), table


def _exact(solution: Solution) -> Solution:
    """Only what is proved in fractions; the rest is rejected, with a note."""
    kept = tuple(e for e in solution.equilibria if e.certificate.grade == "exact")
    rest = tuple(e for e in solution.equilibria if e.certificate.grade != "exact")
    if not rest:
        return solution
    note = f"{len(rest)} answers are not exact and are listed as rejected, for only exact ones were asked."
    return replace(
        solution, equilibria=kept, rejected=(*solution.rejected, *rest), complete=False, exact=bool(kept), notes=(*solution.notes, note)
    )  # fmt: skip
