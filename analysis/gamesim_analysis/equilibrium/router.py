"""Which solver answers which question of which game, and what is said of the answer.

``solve`` tries the methods of a plan in their order, keeps what each found within the limits, certifies it from the game
alone and reports which limits were met. Without Gambit the native methods remain.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from gamesim.core.errors import (
    GameTooLargeError,
    MissingExtraError,
    ParameterError,
    SolverCrashError,
    SolverError,
    SolverLimitError,
    UnsupportedGameError,
    clean,
    did_you_mean,
)
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.mechanism import Mechanism
from gamesim.core.solution import Limits, Solution
from gamesim.core.symmetric import SymmetricGame
from gamesim.core.team_game import TeamGame

from .method import capped, is_formal, joined

CONCEPTS = (
    "nash",
    "pure",
    "spe",
    "value",
    "correlated",
    "coarse",
    "team",
    "truthful",
    "rae",
    "rqe",
    "cvar",
    "regularised",
    "qre",
)
ALIASES = {"ce": "correlated", "cce": "coarse"}
ENUMERATED = 20  # strategies of two players together, up to which our own vertex enumeration is quick
FLOAT_ENUMERATED = 12  # strategies of each, up to which Gambit's is
SEARCHED = 10**6  # cells up to which pure equilibria are looked for beside the subgame-perfect ones
LABELLED = 100  # strategies of each, up to which every label is followed
POLYNOMIAL = 64  # strategy profiles up to which enumpoly is asked
SEQUENCES = 100_000  # of both players, up to which a tree is a linear program
MATRIX = 1_000_000  # cells up to which a table is one
EVERY = (("every", True),)


@dataclass(frozen=True)
class Step:
    """One method of a plan.

    Attributes
    ----------
    why : why it was chosen.
    enough : whether an answer of it ends the plan.
    """

    method: str
    why: str
    parameters: tuple[tuple[str, Any], ...] = ()
    enough: bool = True


def choose(game: Any, concept: str = "nash", every: bool = False, limits: Limits | None = None) -> list[Step]:
    """The methods to try, in their order.

    Raises
    ------
    UnsupportedGameError
        If the concept is not defined for the game.
    """
    from . import gambit

    limits = limits or Limits()
    if concept in ("rae", "rqe", "cvar"):
        return [Step("risk_averse", "players who mind risk", EVERY if every else ())]
    if isinstance(game, (TeamGame, Mechanism)) or concept in ("team", "truthful"):
        return _of_their_own(game, concept)
    reason = is_formal(game)
    if reason:
        raise UnsupportedGameError(f"{reason}.")
    tree = isinstance(game, ExtensiveFormGame)
    shape = tuple(game.strategy_count(i) for i in range(game.n)) if isinstance(game, ExtensiveFormGame) else game.shape
    fits = len(shape) * prod(shape) <= limits.cells
    recall = not isinstance(game, ExtensiveFormGame) or game.perfect_recall
    here = gambit.installed()
    if concept in ("correlated", "coarse"):
        return [Step("correlated", "a linear program over the table")]
    if concept == "regularised":
        return [Step("nash_mp", "mirror prox: the one answer, at a linear rate")]
    if concept == "qre" and every and not tree:
        return [Step("risk_averse", "every logit equilibrium that is met from many starts", EVERY)]
    if concept == "qre":
        return [Step("logit_branch", "the principal branch, traced from uniform play")]
    if concept == "pure":
        return [Step("enumpure", "every cell is compared")]
    if concept == "spe":
        if not isinstance(game, ExtensiveFormGame):
            raise UnsupportedGameError("subgame perfection is a claim about trees.", hint="Ask for --concept nash.")
        if not recall:
            raise UnsupportedGameError("subgame perfection needs players who do not forget.")
        if game.perfect_information:
            return [Step("backward_induction", "everybody sees everything")]
        return [Step("subgame_decomposition", "subgame by subgame, from the last")]
    if isinstance(game, SymmetricGame) and not fits and concept == "nash":
        return [Step("enumpure", "too many players for a table, but all alike: pure equilibria by counts")]
    table = game if isinstance(game, ExtensiveFormGame) else game.to_normal_form()
    zero_sum = len(shape) == 2 and table.is_constant_sum
    if concept == "value" and not zero_sum:
        raise UnsupportedGameError("only a two-player constant-sum game has a value.")
    steps: list[Step] = []
    if not recall:
        return [Step("enumpure", "a player forgets: pure plans only")]
    if zero_sum and not (every and concept == "nash"):
        return [_constant_sum(game, shape)]
    if constant(table):
        return [Step("enumpure", "payoffs never differ: every profile is an equilibrium, the pure ones are listed")]
    if isinstance(game, ExtensiveFormGame) and game.perfect_information:
        steps.append(Step("backward_induction", "everybody sees everything: subgame-perfect", (), False))
        if fits and len(shape) * prod(shape) <= SEARCHED:
            steps.append(Step("enumpure", "pure equilibria beside it, which may rest on empty threats", (), False))
        if not every:
            return steps
    if len(shape) == 2:
        if every:
            if fits and sum(shape) <= ENUMERATED:
                return [*steps, Step("vertex_enumeration", "two players, small: all extreme equilibria")]
            if zero_sum:
                steps.append(Step("sequence_form_lp" if tree else "zero_sum_lp", "a first equilibrium", (), False))
            if here and fits and max(shape) <= FLOAT_ENUMERATED:
                steps.append(Step("enummixed", "two players: all extreme equilibria"))
            elif fits:
                steps.append(Step("enumpure", "pure equilibria", (), False))
                if max(shape) <= LABELLED:
                    steps.append(Step("lemke_howson", "one equilibrium a label", (("labels", "all"),), False))
                else:
                    steps.append(Step("lemke_howson", "two players: one equilibrium", (), False))
                steps.append(Step("support_enumeration", "the rest, support by support, until time is up", (), False))
            elif tree and here:
                steps.append(Step("lcp", "two players, a large tree: one equilibrium"))
            return list({step.method: step for step in reversed(steps)}.values())[::-1]
        if fits and max(shape) <= 2000:
            steps.append(Step("lemke_howson", "two players: one equilibrium"))
        elif tree and here:
            steps.append(Step("lcp", "two players, a large tree", (("exact", False),)))
    else:
        if fits and not steps:
            steps.append(Step("enumpure", "pure equilibria", (), not every))
        if here:
            if fits and prod(shape) <= POLYNOMIAL:
                steps.append(Step("enumpoly", "isolated equilibria by polynomials", (), not every))
            if fits:
                steps.append(Step("gnm", "more players: the Newton method", (), not every))
            steps.append(Step("logit", "the limit of the logit branch", (), not every))
            if fits:
                steps.append(Step("simpdiv", "simplicial subdivision"))
        else:
            steps.append(Step("logit_branch", "the limit of the logit branch"))
    return steps


def _constant_sum(game: Any, shape: Sequence[int]) -> Step:
    """Linear programs, and learning in self-play beyond their size."""
    if isinstance(game, ExtensiveFormGame):
        if sum(game.sequence_count(i) for i in range(2)) > SEQUENCES:
            return Step("cfr_plus", f"two players, constant sum, more than {SEQUENCES:,} sequences")
        return Step("sequence_form_lp", "two players, constant sum")
    if prod(shape) > MATRIX:
        return Step("regret_matching", f"two players, constant sum, more than {MATRIX:,} cells")
    return Step("zero_sum_lp", "two players, constant sum")


def _of_their_own(game: Any, concept: str) -> list[Step]:
    """Teams and mechanisms, which have one question and a solver for it."""
    from .team import TRIED, cost

    kind, asked = ("team game", "team") if isinstance(game, TeamGame) else ("mechanism", "truthful")
    if not isinstance(game, (TeamGame, Mechanism)):
        raise UnsupportedGameError(f"concept '{concept}' is for {'team games' if concept == 'team' else 'mechanisms'}.", hint="Ask for --concept nash.")  # fmt: skip
    if concept != asked:
        raise UnsupportedGameError(f"concept '{concept}' is not for a {kind}.", hint=f"Ask for --concept {asked}.")
    if isinstance(game, Mechanism):
        return [Step("truthful_reports", "a mechanism: misreports are tried")]
    if cost(game) <= TRIED:
        return [Step("team_enumeration", "a small team game: every strategy of all members but one is tried")]
    return [Step("person_by_person", "a team game too large to try everything: a lower bound")]


def constant(game: Any) -> bool:
    """Whether no player's payoff ever differs."""
    if isinstance(game, ExtensiveFormGame):
        return len(set(game.payoffs)) == 1
    return bool((np.ptp(game.payoffs.reshape(game.n, -1), axis=1) == 0).all())


def solve(
    game: Any,
    concept: str = "nash",
    *,
    method: str | None = "auto",
    every: bool = False,
    limits: Limits | None = None,
    **parameters: Any,
) -> Solution:
    """Equilibria of a game, certified.

    Parameters
    ----------
    game : a ``NormalFormGame``, ``SymmetricGame``, ``PreferenceGame``, ``ExtensiveFormGame``, ``TeamGame`` or ``Mechanism``.
    concept : ``nash``, ``all`` (every Nash equilibrium), ``pure``, ``spe``, ``value``, ``correlated`` (``ce``) or ``coarse``
        (``cce``); ``team`` of a team game,
        ``truthful`` of a mechanism; ``rae``, ``rqe`` or ``cvar`` of players who mind risk; ``regularised`` of play drawn to a
        reference; ``qre`` of players who err.
    method : a registered solver; ``auto`` or None to choose.
    every : all equilibria that can be had, instead of one.
    limits : time and memory; what was found when one is met comes back with ``stopped``.
    parameters : of the named method, such as ``objective="egalitarian"``, or ``rationality=2.0`` for ``qre``.

    Raises
    ------
    UnsupportedGameError
        If the concept or the named method is wrong for the game.
    MissingExtraError
        If only Gambit could answer and it is not installed.
    ParameterError
        For an unknown concept, or a parameter out of its range.
    SolverError
        If a named method found nothing because it failed.

    Examples
    --------
    >>> from gamesim.core.normal_form import NormalFormGame
    >>> chicken = NormalFormGame.bimatrix([[6, 2], [7, 0]], [[6, 7], [2, 0]])
    >>> [tuple(map(str, e.payoffs)) for e in solve(chicken, every=True).equilibria]
    [('2', '7'), ('14/3', '14/3'), ('7', '2')]
    """
    from gamesim.core.registry import entry

    if concept == "all":
        concept, every = "nash", True
    concept = ALIASES.get(concept, concept)
    if concept not in CONCEPTS:
        raise ParameterError(f"no concept '{clean(concept, 40)}'.", hint=did_you_mean(concept, CONCEPTS) or f"Concepts: {', '.join(CONCEPTS)}.")  # fmt: skip
    limits = limits or Limits()
    if method not in (None, "auto"):
        solver = entry("solvers", method)
        solution: Solution = solver(game, concept=concept, limits=limits, **wider(method, every, parameters))
        return solution
    return follow(game, choose(game, concept, every, limits), concept, limits, parameters)


def wider(method: str, every: bool, parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters of a method that was named, where all equilibria are wanted and it can list more than one."""
    listing: dict[str, dict[str, Any]] = {"lemke_howson": {"labels": "all"}, "risk_averse": {"every": True}}
    return {**(listing.get(method, {}) if every else {}), **parameters}


def follow(game: Any, plan: Sequence[Step], concept: str, limits: Limits, parameters: dict[str, Any]) -> Solution:
    """Try the methods of a plan and join what they found."""
    from gamesim.core.registry import entry

    from . import gambit

    start, cpu = time.perf_counter(), time.process_time()
    parts: list[Solution] = []
    notes: list[str] = []
    failed: list[SolverError] = []
    for number, step in enumerate(plan):
        left = limits.seconds - (time.perf_counter() - start)
        if left <= 0.05:
            notes.append(f"No time was left for {step.method}.")
            failed.append(SolverLimitError(f"{limits.seconds:g} s were over before {step.method}."))
            break
        share = left if number == len(plan) - 1 else max(0.05, left * 0.7)
        own = replace(limits, seconds=share)
        try:
            found = entry("solvers", step.method)(game, concept=concept, limits=own, **{**dict(step.parameters), **parameters})  # fmt: skip
        except SolverError as error:
            notes.append(f"{step.method}: {error}")
            failed.append(error)
            continue
        parts.append(found)
        perfect = "SPE" in found.covers and concept != "spe"  # all of those is not all of what was asked
        if perfect and found.complete:
            notes.append(f"Every subgame-perfect payoff vector is listed ({found.method}).")
        if found.equilibria and (step.enough or (found.complete and found.covers != "pure" and not perfect)):
            break
        if number < len(plan) - 1 and len(joined(parts).equilibria) >= limits.equilibria:
            return _timed(capped(joined(parts), limits), notes, start, cpu)
    if not plan:
        if not gambit.installed():
            raise MissingExtraError.of("this game is beyond the native methods and needs Gambit", "gambit")
        raise GameTooLargeError("no method takes a game of this size.", hint="Ask for --concept pure, or a --method.")
    if not parts:
        if not gambit.installed() and len(game.players) > 2 and not failed:
            raise MissingExtraError.of("equilibria of more than two players need Gambit", "gambit")
        if len(failed) == 1:
            raise failed[0]
        return Solution((), concept, "auto", complete=False, stopped=_why(failed), notes=tuple(notes))
    if not any(part.equilibria for part in parts) and not gambit.installed() and len(game.players) > 2 and concept == "nash":  # fmt: skip
        notes.append("No pure equilibrium exists; mixed ones of more than two players need pip install 'gamesim[gambit]'.")  # fmt: skip
    union = joined(parts)
    if failed:
        union = replace(union, complete=False, stopped=union.stopped or _why(failed))
    if len(union.equilibria) > limits.equilibria:
        union = capped(union, limits)
    return _timed(union, notes, start, cpu)


def _timed(solution: Solution, notes: Sequence[str], start: float, cpu: float) -> Solution:
    return replace(
        solution,
        notes=tuple(dict.fromkeys((*solution.notes, *notes))),
        seconds=time.perf_counter() - start,
        cpu_seconds=time.process_time() - cpu,
    )


def _why(failed: Sequence[SolverError]) -> Any:
    for error in failed:
        if isinstance(error, SolverLimitError):
            return error.limit
    return "crash" if any(isinstance(error, SolverCrashError) for error in failed) else None


def every_nash(game: ExtensiveFormGame, limits: Limits) -> Solution:
    """All Nash equilibria that can be had of a tree, for the methods that need them."""
    return solve(game, "nash", every=True, limits=limits)
