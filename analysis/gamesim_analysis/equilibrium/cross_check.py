"""Every method that takes a game, asked the same question: one table of what each found and whether they agree.

Answers are compared as what happens: strategies of a table, chances of the leaves of a tree (moves that are never reached
do not count), payoffs of subgame-perfect play. A list that claims to be complete must hold what the others found, or their
mixtures. In a two-player constant-sum game values may not differ by more than the certificates allow.

    >>> from gamesim.core.normal_form import NormalFormGame
    >>> chicken = NormalFormGame.bimatrix([[6, 2], [7, 0]], [[6, 7], [2, 0]])
    >>> table = cross_check(chicken, methods=("vertex_enumeration", "lemke_howson", "zero_sum_lp"))
    >>> [(row.method, row.count, row.verdict) for row in table.rows]
    [('vertex_enumeration', 3, 'agree'), ('lemke_howson', 1, 'subset')]
    >>> table.refused
    (('zero_sum_lp', 'the game is not constant-sum: payoffs add to 12 in the first cell and to 9 at 0, 1'),)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.behaviour import BehaviourProfile
from gamesim.core.errors import GamesimError
from gamesim.core.extensive_form import TERMINAL, ExtensiveFormGame
from gamesim.core.reduced_form import mixed_of
from gamesim.core.solution import Equilibrium, Limits, Solution

from .method import SAME, flatten, joined

Verdict = Literal["agree", "subset", "differ", "no answer"]
COARSE = 1e-2  # distance below which an approximate answer is taken for a sharper one
STRATEGIES = 4096  # of a tree, up to which claims of completeness are checked in its table


@dataclass(frozen=True, eq=False)
class Row:
    """What one method said.

    Attributes
    ----------
    count : equilibria that passed their certificates.
    payoffs : their distinct payoff vectors, in order of their listing.
    regret : the largest certified gap among them; None if there are none.
    verdict : ``agree``: it holds everything that any method found, up to mixtures of a complete list; ``subset``: all it
        holds is certified, and others found more; ``differ``: see ``reason``; ``no answer``: it failed or was stopped
        before it found anything.
    reason : for ``differ`` whose certificate fails or what is missing, for ``no answer`` why.
    """

    method: str
    count: int
    payoffs: tuple[tuple[Any, ...], ...]
    regret: Any | None
    cpu_seconds: float
    verdict: Verdict
    reason: str = ""
    covers: str = ""
    complete: bool | None = None
    stopped: str | None = None
    solution: Solution | None = None


@dataclass(frozen=True, eq=False)
class CrossCheck:
    """One row a method that takes the game, in the order they were asked.

    Attributes
    ----------
    refused : methods that do not take the game, with their reasons.
    solution : the union of what was found.
    """

    concept: str
    rows: tuple[Row, ...]
    refused: tuple[tuple[str, str], ...]
    solution: Solution
    seconds: float

    @property
    def agreed(self) -> bool:
        """Whether no method differs."""
        return all(row.verdict != "differ" for row in self.rows)


def cross_check(
    game: Any,
    concept: str = "nash",
    limits: Limits | None = None,
    *,
    methods: Sequence[str] | None = None,
    **parameters: Any,
) -> CrossCheck:
    """Ask every method that takes the game and compare.

    Parameters
    ----------
    limits : of the whole; each method may use its share of the time that is left, and quick ones leave more to the rest.
    methods : names of solvers; by default all that are registered, native ones first.
    parameters : of the question, such as ``rationality``, for every method.
    """
    from gamesim.core.registry import entry, names

    from . import gambit
    from .router import ALIASES

    concept = ALIASES.get(concept, concept)
    limits = limits or Limits()
    start = time.perf_counter()
    asked, refused = [], []
    for name in methods or sorted(names("solvers"), key=lambda name: (name in gambit.COVERS, name)):
        support = entry("solvers", name).accepts(game, concept)
        if support:
            asked.append(name)
        else:
            refused.append((name, support.reason))
    answers: list[Solution | str] = []
    for number, name in enumerate(asked):
        left = limits.seconds - (time.perf_counter() - start)
        share = max(0.1, left / (len(asked) - number))
        own = replace(limits, seconds=share, cpu_seconds=min(limits.cpu_seconds, share + 1.0))
        try:
            found = entry("solvers", name)(game, concept=concept, limits=own, **parameters)
            answers.append(found if isinstance(found, Solution) else "it ranks instead of solving")
        except GamesimError as error:
            answers.append(str(error))
    rows = _rows(game, concept, asked, answers)
    solutions = [answer for answer in answers if isinstance(answer, Solution)]
    union = joined(solutions) if solutions else Solution((), concept, "cross-check", complete=False)
    return CrossCheck(concept, rows, tuple(refused), union, time.perf_counter() - start)


def _rows(game: Any, concept: str, asked: Sequence[str], answers: Sequence[Solution | str]) -> tuple[Row, ...]:
    found = [(k, e) for k, answer in enumerate(answers) if isinstance(answer, Solution) for e in answer.equilibria]
    found.sort(key=lambda pair: float(pair[1].certificate.gap))  # sharper answers name the groups
    groups: list[FloatArray] = []
    held: list[set[int]] = [set() for _ in asked]
    member: list[Equilibrium] = []
    for k, equilibrium in found:
        at = _outcome(game, concept, equilibrium)
        near = COARSE if equilibrium.certificate.grade == "approximate" else SAME
        group = next((g for g, other in enumerate(groups) if np.abs(other - at).max(initial=0.0) <= near), None)
        if group is None:
            group = len(groups)
            groups.append(at)
            member.append(equilibrium)
        held[k].add(group)
    return tuple(
        _row(game, concept, name, answer, own, member, found)
        for name, answer, own in zip(asked, answers, held, strict=True)
    )


def _row(
    game: Any,
    concept: str,
    name: str,
    answer: Solution | str,
    held: set[int],
    groups: Sequence[Equilibrium],
    found: Sequence[tuple[int, Equilibrium]],
) -> Row:
    if isinstance(answer, str):
        return Row(name, 0, (), None, 0.0, "no answer", answer)
    failing = (
        _worst_rejected(answer) or _wrong_value(game, answer, found) or _missing(game, concept, answer, held, groups)
    )
    wanted = {g for g, equilibrium in enumerate(groups) if answer.covers != "pure" or _is_pure(equilibrium)}
    verdict: Verdict = "subset"
    reason = failing
    if failing:
        verdict = "differ"
    elif held >= wanted or _whole(answer, concept) or (held and answer.covers == "one" and _has_value(game)):
        verdict = "agree"
    elif not answer.equilibria and answer.stopped:
        verdict, reason = "no answer", f"it was stopped ({answer.stopped})"
    payoffs = tuple(dict.fromkeys(equilibrium.payoffs for equilibrium in answer.equilibria))
    return Row(
        name,
        len(answer.equilibria),
        payoffs,
        answer.max_gap,
        answer.cpu_seconds,
        verdict,
        reason,
        answer.covers,
        answer.complete,
        answer.stopped,
        answer,
    )


def _whole(answer: Solution, concept: str) -> bool:
    """Whether a list claims to hold everything of this concept."""
    return answer.complete is True and (concept == "spe" or "SPE" not in answer.covers)


def _has_value(game: Any) -> bool:
    return len(game.players) == 2 and bool(getattr(game, "is_constant_sum", False))


def _outcome(game: Any, concept: str, equilibrium: Equilibrium) -> FloatArray:
    """What two answers share if they are one."""
    if concept == "spe":
        return np.array([float(u) for u in equilibrium.payoffs])
    if isinstance(game, ExtensiveFormGame) and isinstance(equilibrium.play, BehaviourProfile):
        return _leaves(game, equilibrium.play)
    return np.asarray(flatten(equilibrium.play))


def _leaves(game: ExtensiveFormGame, play: BehaviourProfile) -> FloatArray:
    """How likely each leaf is."""
    reach = np.ones(game.size)
    for node in range(1, game.size):
        above, taken = game.above[node], game.taken[node]
        at = game.at[above]
        chance = play[at][taken] if game.kinds[above] >= 0 else game.chances[at].probabilities[taken]
        reach[node] = reach[above] * float(chance)
    return reach[[kind == TERMINAL for kind in game.kinds]]


def _worst_rejected(answer: Solution) -> str:
    if not answer.rejected:
        return ""
    worst = max(equilibrium.certificate.relative for equilibrium in answer.rejected)
    return (
        f"{len(answer.rejected)} of its answers fail their certificate (regret up to {worst:.2g} of the payoff range)"
    )


def _wrong_value(game: Any, answer: Solution, found: Sequence[tuple[int, Equilibrium]]) -> str:
    """In a two-player constant-sum game two values differ by no more than the two regrets."""
    if not _has_value(game) or not found:
        return ""
    sharp = found[0][1]
    for equilibrium in answer.equilibria:
        apart = abs(float(equilibrium.payoffs[0]) - float(sharp.payoffs[0]))
        if apart > equilibrium.certificate.bound + sharp.certificate.bound + 1e-9 * game.payoff_range:
            return f"its value is {apart:.2g} from that of a sharper certificate"
    return ""


def _missing(game: Any, concept: str, answer: Solution, held: set[int], groups: Sequence[Equilibrium]) -> str:
    """What a list that says it is complete does not hold, though it is certified."""
    if not _whole(answer, concept):
        return ""
    listed = [_mixed(game, equilibrium) for equilibrium in answer.equilibria]
    for group, equilibrium in enumerate(groups):
        if group in held or equilibrium.certificate.grade == "approximate":
            continue
        if answer.covers == "pure" and not _is_pure(equilibrium):
            continue
        play = _mixed(game, equilibrium)
        if answer.covers == "extreme" and (play is None or _is_mixture(play, listed)):
            continue
        payoffs = ", ".join(f"{float(u):.6g}" for u in equilibrium.payoffs)
        return f"it says that it is complete and misses an equilibrium with payoffs ({payoffs})"
    return ""


def _is_pure(equilibrium: Equilibrium) -> bool:
    return bool(np.isin(flatten(equilibrium.play), (0.0, 1.0)).all())


def _mixed(game: Any, equilibrium: Equilibrium) -> tuple[FloatArray, ...] | None:
    """A play of a game as strategies of its table, if it has a small one."""
    play = equilibrium.play
    if isinstance(game, ExtensiveFormGame) and isinstance(play, BehaviourProfile):
        if prod(game.strategy_count(i) for i in range(game.n)) > STRATEGIES:
            return None
        play = mixed_of(game, play)
    return tuple(np.asarray(vector, dtype=np.float64) for vector in play) if isinstance(play, tuple) else None


def _is_mixture(play: tuple[FloatArray, ...], listed: Sequence[tuple[FloatArray, ...] | None]) -> bool:
    """Whether each player's strategy is a mixture of strategies of that player that are listed."""
    from scipy.optimize import nnls

    for player, own in enumerate(play):
        columns = np.array([other[player] for other in listed if other is not None]).T
        if not columns.size:
            return False
        _, distance = nnls(np.vstack([columns, np.ones(columns.shape[1])]), np.append(own, 1.0))
        if distance > 10 * SAME:
            return False
    return True
