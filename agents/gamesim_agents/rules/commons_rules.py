"""Rule agents of the commons as vector policies: what each does in every phase.

A rule answers every phase: how much to harvest, whom to fine, whether to strike back at who fined it, which cap to
propose, which proposal or candidate to vote for. ``CommonsRule``
holds the common answers, and each rule overrides what makes it itself. Rules are stateless unless they say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray

from .commons_sight import Sight
from .commons_terms import Terms

HARVEST, SANCTION, NORM, VOTE, COUNTER = range(5)


@dataclass(frozen=True)
class CommonsRule:
    """Common answers.

    Attributes
    ----------
    terms : what the rule knows of the environment.
    punish : probability of fining a violator it has inspected.
    norm : the cap it proposes, fish per round; None proposes its own belief.
    """

    terms: Terms
    punish: float = 0.0
    norm: float | None = None
    columns: ClassVar[int] = 1

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return None

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        sight = Sight(observation, self.terms)
        phase = int(sight.get("phase").flat[0])
        if phase == HARVEST:
            action, state = self.harvest_with(sight, state, u)
        elif phase == SANCTION:
            action = self.target(sight, u[..., 0])
        elif phase == NORM:
            action = np.maximum(0.0, self.proposal(sight, u[..., 0]))
        elif phase == COUNTER:
            action = self.answer(sight, u[..., 0])
        else:
            action = sight.ballot(sight.filled(self.wish(sight, u[..., 0])))
        return sight.filled(action), state

    def harvest_with(self, sight: Sight, state: Any, u: FloatArray) -> tuple[FloatArray, Any]:
        """The action of the harvest phase; rules with a memory override this one."""
        return self.harvest(sight, u[..., 0]), state

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        raise NotImplementedError

    def target(self, sight: Sight, u: FloatArray) -> AnyArray:
        """Whom to fine: the inspected agent if it broke the rule, with probability ``punish``."""
        return self.if_violation(sight, u, self.punish)

    def answer(self, sight: Sight, u: FloatArray) -> AnyArray:
        """Whom to strike back at, of those who have just fined it: nobody."""
        return np.full(sight.shape, sight.players)

    def proposal(self, sight: Sight, u: FloatArray) -> FloatArray:
        return sight.own("belief") if self.norm is None else sight.filled(self.norm)

    def wish(self, sight: Sight, u: FloatArray) -> FloatArray:
        """The cap it votes for: the proposal nearest to what it would propose."""
        return self.proposal(sight, u)

    @staticmethod
    def if_violation(sight: Sight, u: FloatArray, probability: FloatArray | float) -> AnyArray:
        fines = np.asarray(sight.get("violation"), dtype=bool) & (u < probability)
        return np.where(fines, sight.get("inspected"), sight.players)


@dataclass(frozen=True)
class PaperAbm(CommonsRule):
    """Plays its own disposition: effort, belief and readiness to punish, which the environment's imitation changes."""

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        return self.terms.from_effort(sight.own("effort"))

    def target(self, sight: Sight, u: FloatArray) -> AnyArray:
        return self.if_violation(sight, u, sight.own("punish"))


@dataclass(frozen=True)
class Sustainable(CommonsRule):
    """Takes its share of what the stock can give for ever, and proposes that share as the cap."""

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        return self.terms.play(self.share(sight), sight.stock)

    def share(self, sight: Sight) -> FloatArray:
        return sight.filled(self.terms.share(sight.stock, sight.alive))

    def proposal(self, sight: Sight, u: FloatArray) -> FloatArray:
        return self.share(sight) if self.norm is None else sight.filled(self.norm)


@dataclass(frozen=True)
class Greedy(CommonsRule):
    """Takes all it may (of a nuisance: removes nothing), fines nobody, wants the highest cap."""

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        return sight.filled(self.terms.greediest)

    def proposal(self, sight: Sight, u: FloatArray) -> FloatArray:
        return sight.filled(self.terms.most(sight.stock) if self.norm is None else self.norm)

    def wish(self, sight: Sight, u: FloatArray) -> FloatArray:
        proposals = np.asarray(sight.get("proposals"), dtype=np.float64)
        return sight.filled(np.where(np.isnan(proposals), -np.inf, proposals).max(axis=-1))


@dataclass(frozen=True)
class Fixed(CommonsRule):
    """The same effort, or the same request, in every round."""

    effort: float = 0.5
    request: float | None = None

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        if self.terms.catch == "request" and self.request is not None:
            return self.terms.play(sight.filled(self.request), sight.stock)
        return self.terms.from_effort(sight.filled(self.effort))


@dataclass(frozen=True)
class ConditionalCooperator(CommonsRule):
    """Takes ``slope`` times what the others took on average last time; starts with ``start``, an effort."""

    slope: float = 1.0
    start: float = 0.5

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        others = sight.mean_of_others("harvest")
        first = self.terms.from_share(sight.filled(self.start), sight.stock, sight.alive)
        known = ~np.isnan(others) & (sight.own("round") > 1)
        return np.where(known, self.terms.play(self.slope * np.nan_to_num(others), sight.stock), first)


@dataclass(frozen=True)
class NormFollower(CommonsRule):
    """Takes what the norm allows, with at most effort ``e_max``; without a norm, what its own belief allows."""

    e_max: float = 1.0

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        return self.within_norm(sight)

    def within_norm(self, sight: Sight) -> FloatArray:
        played = self.terms.play(sight.cap, sight.stock)
        return np.minimum(played, sight.filled(self.terms.from_effort(sight.filled(self.e_max))))


@dataclass(frozen=True)
class Cheater(NormFollower):
    """Follows the norm, but with probability ``q`` takes all it may."""

    q: float = 0.3

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        return np.where(u < self.q, self.terms.greediest, self.within_norm(sight))


@dataclass(frozen=True)
class Vengeful(NormFollower):
    """Follows the norm and fines whoever harvested most of those it sees; the guilty alone, where the rules protect others."""

    def target(self, sight: Sight, u: FloatArray) -> AnyArray:
        worst = sight.extreme_other("harvest", largest=not self.terms.nuisance)
        return np.where(u < self.punish, sight.permitted(worst), sight.players)


@dataclass(frozen=True)
class Antisocial(Greedy):
    """Takes all it may and fines those who kept the norm, most modest first, where the rules let it."""

    def target(self, sight: Sight, u: FloatArray) -> AnyArray:
        modest = sight.extreme_other("harvest", largest=self.terms.nuisance, among=("<=", sight.get("norm")))
        return np.where(u < self.punish, sight.permitted(modest), sight.players)


@dataclass(frozen=True)
class CounterPunisher(Greedy):
    """Takes all it may and strikes back: at once at who fined it, where there is such a stage; else, in the round after
    a fine, at the violator it inspects."""

    def target(self, sight: Sight, u: FloatArray) -> AnyArray:
        return self.if_violation(sight, u, np.where(sight.own("fines") > 0, self.punish, 0.0))

    def answer(self, sight: Sight, u: FloatArray) -> AnyArray:
        return np.where(u < self.punish, sight.get("fined_by"), sight.players)


@dataclass(frozen=True)
class MyopicBestReply(Greedy):
    """Maximises this round's payoff alone: all it may take, unless the fine it expects outweighs what breaking the norm gains.

    ``expected_punish`` is the probability it gives to a violator being fined when inspected.
    """

    expected_punish: float = 0.0

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        greedy = sight.filled(self.terms.greediest)
        gain = sight.filled(self.terms.most(sight.stock)) - sight.cap
        deterred = gain < self.expected_punish * self.terms.expected_fine
        return np.where(deterred, self.terms.play(sight.cap, sight.stock), greedy)


@dataclass(frozen=True)
class NewcomerGreedy(Sustainable):
    """Takes the part ``greed`` of all it may for its first ``rounds`` harvests, then its sustainable share; None never learns."""

    greed: float = 1.0
    rounds: int | None = None

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        return np.zeros((rows, seats))  # harvests made so far

    def harvest_with(self, sight: Sight, state: Any, u: FloatArray) -> tuple[FloatArray, Any]:
        modest = self.terms.play(self.share(sight), sight.stock)
        full = self.terms.from_effort(sight.filled(0.0 if self.terms.nuisance else self.greed))
        greedy = np.full(sight.shape, True) if self.rounds is None else state < self.rounds
        return np.where(greedy, full, modest), state + np.asarray(sight.get("alive"), dtype=bool)


@dataclass(frozen=True)
class Random(CommonsRule):
    """Anything legal, uniformly."""

    columns: ClassVar[int] = 2

    def harvest(self, sight: Sight, u: FloatArray) -> FloatArray:
        return self.terms.uniform(u)

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray, Any]:
        sight = Sight(observation, self.terms)
        phase = int(sight.get("phase").flat[0])
        if phase == HARVEST:
            action: AnyArray = self.terms.uniform(u[..., 0])
        elif phase == SANCTION:
            action = np.where(u[..., 1] < 0.5, sight.permitted(sight.pick_other(u[..., 0])), sight.players)
        elif phase == COUNTER:
            action = np.where(u[..., 1] < 0.5, sight.get("fined_by"), sight.players)
        elif phase == NORM:
            action = u[..., 0] * self.terms.most(np.asarray(self.terms.initial))
        else:
            proposals = np.asarray(sight.get("proposals"), dtype=np.float64)
            choices = np.isfinite(proposals).sum(axis=-1)
            place = np.floor(u[..., 0] * np.maximum(choices, 1)).astype(np.int64)
            action = sight.ballot(sight.proposed(place))
        return sight.filled(action), state
