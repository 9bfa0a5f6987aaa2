"""What solvers share: their face, the admission of what they find, and tables made from trees."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.behaviour import BehaviourProfile, as_behaviour, best_replies
from gamesim.core.certify import certify
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import GamesimError, ParameterError, UnsupportedGameError, clean, did_you_mean
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.preference_game import PreferenceGame
from gamesim.core.profiles import Joint, as_profile, distribution
from gamesim.core.reduced_form import behaviour_of
from gamesim.core.solution import Equilibrium, Limits, Ranking, Solution
from gamesim.core.solving import Support
from gamesim.core.symmetric import SymmetricGame

from .rationalise import rational

PROVED = 2000  # nodes of a tree up to which its answers are made exact
SAME = 1e-6  # sup distance below which two profiles are one


@dataclass
class Found:
    """What a method hands over, not yet certified."""

    plays: list[Any]
    covers: str = "one"
    complete: bool | None = None
    selection: str = ""
    notes: list[str] = field(default_factory=list)
    stopped: Any = None
    versions: Mapping[str, str] = field(default_factory=dict)
    of_concept: Mapping[str, Any] = field(default_factory=dict)  # parameters of the certificate
    cpu_seconds: float = 0.0  # of processes of its own
    details: Mapping[str, Any] = field(default_factory=dict)  # kept in the solution, as a branch


@dataclass(frozen=True)
class Asked:
    """What a method says of itself.

    Attributes
    ----------
    check : (game, concept) -> why the method is wrong for the game; empty if it is not.
    suits, covers, complete : which games it is for, what its list holds and whether that is all, as ``gamesim list
        solvers`` prints them.
    """

    name: str
    concepts: frozenset[str]
    description: str
    check: Callable[[Any, str], str]
    run: Callable[..., Any]
    suits: str = ""
    covers: str = ""
    complete: str = ""

    def accepts(self, game: Any, concept: str = "nash") -> Support:
        if concept not in self.concepts:
            return Support(False, f"{self.name} answers {', '.join(sorted(self.concepts))}, not {concept}")
        try:
            reason = self.check(game, concept)
        except GamesimError as error:
            reason = str(error)
        except Exception as error:  # a strange game is refused, not a reason to fall over
            reason = f"{type(error).__name__}: {error}"
        return Support(not reason, reason)

    def require(self, game: Any, concept: str, parameters: Mapping[str, Any]) -> None:
        """
        Raises
        ------
        UnsupportedGameError
            If the method is wrong for the game, with the reason, or has no such parameter.
        ParameterError
            If a parameter is of another kind than the method takes.
        """
        support = self.accepts(game, concept)
        if not support:
            raise UnsupportedGameError(f"{self.name}: {support.reason}.")
        taken = inspect.signature(self.run).parameters
        known = [name for name in taken if name not in ("game", "concept", "limits")]
        open_ended = any(
            parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()
        )  # it checks them itself
        for name in parameters:
            if name not in known and not open_ended:
                hint = did_you_mean(name, known) or f"Parameters: {', '.join(known) or 'none'}."
                raise UnsupportedGameError(f"{self.name} has no parameter '{clean(name, 40)}'.", hint=hint)
            wanted = _mistyped(str(taken[name].annotation), parameters[name]) if name in taken else ""
            if wanted:
                raise ParameterError(f"{name} of {self.name} is {clean(repr(parameters[name]), 40)}.", hint=f"Expected {wanted}.")  # fmt: skip


_KINDS: Mapping[str, tuple[Any, str]] = {
    "int": (Integral, "a whole number"), "float": (Real, "a number"), "str": (str, "text"), "bool": (bool, "true or false"),
    "None": (type(None), "nothing"),
}  # fmt: skip


def _mistyped(annotation: str, value: Any) -> str:
    """What a plainly annotated parameter takes, if the value is something else."""
    kinds = [kind.strip() for kind in annotation.split("|")]
    if any(kind not in _KINDS for kind in kinds):
        return ""
    if any(isinstance(value, _KINDS[kind][0]) and isinstance(value, bool) <= (kind == "bool") for kind in kinds):
        return ""
    return " or ".join(_KINDS[kind][1] for kind in kinds if kind != "None")


@dataclass(frozen=True)
class Method(Asked):
    """A solver as ``gamesim.core.solving.Solver`` wants it; ``run(game, concept=, limits=, **parameters)`` gives ``Found``."""

    def __call__(
        self, game: Any, *, concept: str = "nash", limits: Limits | None = None, **parameters: Any
    ) -> Solution:
        """Run the method and certify what it found; raises as ``require`` does."""
        self.require(game, concept, parameters)
        wall, cpu = time.perf_counter(), time.process_time()
        limits = limits or Limits()
        found = self.run(game, concept=concept, limits=limits, **parameters)
        solution = admit(
            game,
            found,
            concept=concept,
            method=self.name,
            parameters=parameters,
            seconds=time.perf_counter() - wall,
            cpu_seconds=time.process_time() - cpu + found.cpu_seconds,
        )
        return solution if len(solution.equilibria) <= limits.equilibria else capped(solution, limits)


@dataclass(frozen=True)
class RankingMethod(Asked):
    """A method that ranks instead of solving; ``run(game, concept=, limits=, **parameters)`` gives a ``Ranking``."""

    def __call__(self, game: Any, *, concept: str, limits: Limits | None = None, **parameters: Any) -> Ranking:
        """Run the method; raises as ``require`` does."""
        self.require(game, concept, parameters)
        ranking: Ranking = self.run(game, concept=concept, limits=limits or Limits(), **parameters)
        return ranking


CERTIFIED = {
    "pure": "nash",
    "value": "nash",
    "team": "nash",
    "truthful": "nash",
}  # concepts that are checked as another one


def admit(game: Any, found: Found, *, concept: str, method: str, **more: Any) -> Solution:
    """Certify every play from the game alone, merge what is the same, and reject what is no equilibrium."""
    listed: list[Equilibrium] = []
    rejected: list[Equilibrium] = []
    vectors = Distinct()
    asked = CERTIFIED.get(concept, concept)
    for play in found.plays:
        subject = game.to_normal_form() if isinstance(play, Joint) else game
        certificate = certify(subject, play, concept=asked, **found.of_concept)
        equilibrium = Equilibrium(play, payoffs_of(subject, play), certificate)
        if certificate.grade == "rejected":
            rejected.append(equilibrium)
            continue
        twin = vectors.near(flatten(play))
        if twin is None:
            listed.append(equilibrium)
        elif float(certificate.gap) < float(listed[twin].certificate.gap):
            listed[twin] = equilibrium
    notes = list(found.notes)
    if rejected:
        notes.append(f"{len(rejected)} answers failed the certificate and are listed as rejected.")
    return Solution(
        tuple(listed),
        concept,
        method,
        rejected=tuple(rejected),
        selection=found.selection,
        covers=found.covers,
        complete=False if rejected and found.complete else found.complete,
        exact=bool(listed) and all(e.certificate.grade == "exact" for e in listed),
        stopped=found.stopped,
        versions=found.versions,
        notes=tuple(dict.fromkeys(notes)),
        details=dict(found.details),
        **more,
    )


def capped(solution: Solution, limits: Limits) -> Solution:
    """As many equilibria as were asked for, and no claim that these are all."""
    kept = solution.equilibria[: limits.equilibria]
    return replace(solution, equilibria=kept, complete=False, stopped=solution.stopped or "count")


def joined(parts: Sequence[Solution]) -> Solution:
    """The union of what several methods found; complete only if the last word of one method says so."""
    if len(parts) == 1:
        return parts[0]
    kept: list[Equilibrium] = []
    vectors = Distinct()
    for part in parts:
        kept += [e for e in part.equilibria if vectors.near(flatten(e.play)) is None]
    answered = [part for part in parts if part.equilibria] or list(parts)
    whole = any(part.complete and part.covers == "extreme" for part in parts)
    versions: dict[str, str] = {}
    for part in parts:
        versions.update(part.versions)
    return replace(
        parts[-1],
        equilibria=tuple(kept),
        rejected=tuple(e for part in parts for e in part.rejected),
        method=" + ".join(part.method for part in answered),
        covers=parts[-1].covers if len(answered) == 1 else "those found",
        complete=whole,
        exact=bool(kept) and all(e.certificate.grade == "exact" for e in kept),
        stopped=next((part.stopped for part in parts if part.stopped), None),
        selection="the union of what the methods found",
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        versions=versions,
    )


class Distinct:
    """Vectors of one length that lie apart from each other, to find the twin of a new one among them."""

    def __init__(self) -> None:
        self._rows: AnyArray = np.zeros((0, 0))
        self._count = 0

    def near(self, vector: Any) -> int | None:
        """Number of the vector within ``SAME`` of this one; None, and it is kept, if there is none."""
        if self._count:
            apart = np.abs(self._rows[: self._count] - vector).max(axis=1, initial=0.0)
            if apart.min() <= SAME:
                return int(apart.argmin())
        if self._count == len(self._rows):
            grown = np.empty((max(16, 2 * self._count), len(vector)))
            if self._count:
                grown[: self._count] = self._rows
            self._rows = grown
        self._rows[self._count] = vector
        self._count += 1
        return None


def flatten(play: Any) -> Any:
    """A play as one vector of floats; of truth, which is one play, none."""
    if isinstance(play, str):
        return np.zeros(0)
    if isinstance(play, Joint):
        return play.probabilities.astype(np.float64).ravel()
    parts = play.probabilities if isinstance(play, BehaviourProfile) else play
    return np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts] or [np.zeros(0)])


def payoffs_of(game: Any, play: Any) -> tuple[Any, ...]:
    """Expected payoff of each player."""
    if isinstance(play, Joint):
        exact = game.exact is not None and play.probabilities.dtype == object
        table = game.exact if exact else game.payoffs
        return tuple((table[i] * play.probabilities).sum() for i in range(game.n))
    if isinstance(game, EmpiricalGame):
        game = game.to_game()
    if isinstance(game, SymmetricGame):
        profile = as_profile(game.shape, play)
        earned = [game.action_payoffs_against([*profile[:i], *profile[i + 1 :]]) for i in range(game.n)]
        return tuple(
            (own @ mixture if own.dtype == object else own @ mixture.astype(np.float64))
            for own, mixture in zip(earned, profile, strict=True)
        )
    return tuple(game.expected(play))


def table_of(game: Any, limits: Limits) -> NormalFormGame:
    """The game as a table.

    Raises
    ------
    GameTooLargeError
        If it would not fit the limit.
    """
    if isinstance(game, (NormalFormGame, SymmetricGame, PreferenceGame)):
        return game.to_normal_form()
    return game.to_normal_form(limits.cells)  # type: ignore[no-any-return]


def back(game: Any, profiles: Iterable[Any]) -> list[Any]:
    """Profiles of the table as play of the game: of a tree, behaviour, with best answers where play never comes, and
    exact where that can be proved."""
    if not isinstance(game, ExtensiveFormGame):
        return list(profiles)
    plays = [fill(game, behaviour_of(game, profile)) for profile in profiles]
    return [rational(game, play) for play in plays] if game.perfect_recall and game.size <= PROVED else plays


def fill(game: ExtensiveFormGame, play: BehaviourProfile) -> BehaviourProfile:
    """Best answers at the sets that a method left open."""
    if not play.filled or not game.perfect_recall:
        return play
    plans = best_replies(game, play, game.subgame_roots or (0,)).plans
    vectors = list(play.probabilities)
    for own, plan in zip(game.sets_of, plans, strict=True):
        for h, action in zip(own, plan, strict=True):
            if h in play.filled:
                unit = [int(a == action) for a in range(len(vectors[h]))]
                vectors[h] = distribution(unit if play.exact else np.array(unit, dtype=np.float64), "filled")
    return BehaviourProfile(as_behaviour(game, vectors).probabilities, play.filled)


def is_formal(game: Any) -> str:
    """Why a thing is no game in normal or extensive form; empty if it is."""
    if isinstance(game, (NormalFormGame, SymmetricGame, PreferenceGame, ExtensiveFormGame)):
        return ""
    return f"a {type(game).__name__} is no game in normal or extensive form"


def two_players(game: Any) -> str:
    return is_formal(game) or ("" if len(game.players) == 2 else f"the game has {len(game.players)} players, not two")
