"""Rule agents of the commons, as a scenario names them: ``commons.paper_abm``, ``commons.greedy`` and so on.

Every agent answers every phase: it harvests, may fine, proposes a cap, votes. What they share is here once; what each
does is in ``commons_rules`` and ``commons_learning``, imported when a policy is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gamesim.core.config import AgentConfig, Config

from .priors import ALTRUISTIC, RANGES, SELFISH, ranges

if TYPE_CHECKING:
    from gamesim.core.policy import VectorPolicy


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"a range is [lowest, highest], not [{bounds[0]:g}, {bounds[1]:g}]")
    return bounds


Share = Annotated[float, Field(ge=0, le=1)]
ShareRange = Annotated[tuple[Share, Share], AfterValidator(_ordered)]
FishRange = Annotated[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]], AfterValidator(_ordered)]


class InCommons(AgentConfig):
    """Plays in a commons only."""

    def misfit(self, environment: Any) -> str | None:
        from gamesim.envs.commons.config import Commons

        return None if isinstance(environment, Commons) else "It plays in commons."


class CommonsAgent(InCommons):
    """What all rule agents of the commons can be told."""

    punish: Share = Field(0.0, description="Probability of fining a violator it has inspected.")
    norm: float | None = Field(None, ge=0, description="Cap it proposes, fish per round; null leaves it to the rule.")

    def effort_range(self) -> tuple[float, float]:
        """The effort that others would copy from it before its first harvest."""
        return RANGES["general"]["effort"]

    def seat_profile(self) -> Mapping[str, Any]:
        belief = RANGES["general"]["belief"] if self.norm is None else (self.norm, self.norm)
        return {
            "init": {"effort": list(self.effort_range()), "belief": list(belief), "punish": [self.punish, self.punish]}
        }

    def common(self, environment: Any, name: str) -> dict[str, Any]:
        from .commons_terms import terms

        return {"terms": terms(environment, name), "punish": self.punish, "norm": self.norm}


class Dispositions(Config):
    """Explicit ranges that initial dispositions are drawn from, uniformly."""

    effort: ShareRange = Field(RANGES["general"]["effort"], description="Effort, in [0, 1].")
    belief: FishRange = Field(RANGES["general"]["belief"], description="Cap believed right, fish per round.")
    punish: ShareRange = Field(RANGES["general"]["punish"], description="Readiness to fine a violator, in [0, 1].")


class PaperAbm(InCommons):
    """The agent of arXiv 2510.14401: plays its disposition, which imitation changes in the course of play."""

    init: Literal["general", "altruistic", "selfish"] | Dispositions = Field(
        "general", description="Population type that the initial disposition is drawn from, or explicit ranges."
    )
    punish_init: Literal["table3", "text"] = Field(
        "table3", description="Which types punish more: the paper's Table 3 (selfish) or its text (altruistic)."
    )
    sentence: int | None = Field(
        None, ge=1, le=8, description="Narrow the type to one of the eight sentences of its bank; null draws from all."
    )

    @model_validator(mode="after")
    def _sentence_has_a_type(self) -> Self:
        if self.sentence is not None and self.init not in ("altruistic", "selfish"):
            raise ValueError("sentence belongs to init altruistic or selfish")
        return self

    def seat_profile(self) -> Mapping[str, Any]:
        if isinstance(self.init, Dispositions):
            return {"init": {key: list(value) for key, value in self.init.model_dump().items()}}
        init = ranges(self.init, self.punish_init)
        if self.sentence is not None:
            prior = (ALTRUISTIC if self.init == "altruistic" else SELFISH)[self.sentence - 1]
            narrow = prior.init()
            init = narrow if self.punish_init == "table3" else {**narrow, "punish": init["punish"]}
        return {"init": init}

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import PaperAbm as Rule
        from .commons_terms import terms

        return Rule(terms(environment, "commons.paper_abm"))


class Sustainable(CommonsAgent):
    """Takes its share of the maximum sustainable yield, or of what growth brings back when the stock stands lower."""

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import Sustainable as Rule

        return Rule(**self.common(environment, "commons.sustainable"))


class Greedy(CommonsAgent):
    """Takes all it may: effort 1, or the largest request. Where harvesting is a chore, it does none."""

    def effort_range(self) -> tuple[float, float]:
        return 1.0, 1.0

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import Greedy as Rule

        return Rule(**self.common(environment, "commons.greedy"))


class Fixed(CommonsAgent):
    """The same in every round."""

    effort: Share = Field(0.5, description="Effort; where units are asked, this part of the largest request.")
    request: float | None = Field(None, ge=0, description="Units asked each round, where units are asked.")

    def effort_range(self) -> tuple[float, float]:
        return self.effort, self.effort

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import Fixed as Rule

        common = self.common(environment, "commons.fixed")
        common["terms"].check_request(self.request)
        return Rule(**common, effort=self.effort, request=self.request)


class ConditionalCooperator(CommonsAgent):
    """Takes what the others took on average in the last round, times a slope."""

    slope: float = Field(1.0, ge=0, description="Harvest = slope x mean of the others' last harvests.")
    start: Share = Field(
        0.5, description="Effort in the first round; where units are asked, this part of an equal share of the stock."
    )

    def effort_range(self) -> tuple[float, float]:
        return self.start, self.start

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import ConditionalCooperator as Rule

        return Rule(**self.common(environment, "commons.conditional_cooperator"), slope=self.slope, start=self.start)


class NormFollower(CommonsAgent):
    """Takes exactly what the norm (or its quota) allows, and fines those who take more."""

    punish: Share = Field(1.0, description="Probability of fining a violator it has inspected.")
    e_max: Share = Field(1.0, description="Largest effort, however generous the norm.")

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import NormFollower as Rule

        return Rule(**self.common(environment, "commons.norm_follower"), e_max=self.e_max)


class FreeRider(NormFollower):
    """Keeps the norm but leaves the work of punishing to others."""

    punish: Share = Field(0.0, le=0, description="Never fines.")


class Cheater(NormFollower):
    """Keeps the norm most of the time; with probability q takes all it may."""

    punish: Share = Field(0.0, description="Probability of fining a violator it has inspected.")
    q: Share = Field(0.3, description="Probability of cheating in a round.")

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import Cheater as Rule

        return Rule(**self.common(environment, "commons.cheater"), e_max=self.e_max, q=self.q)


class Vengeful(NormFollower):
    """Keeps the norm and fines the largest harvester it sees (with sanctions of kind antisocial also an innocent one)."""

    punish: Share = Field(1.0, description="Probability of fining, each round.")

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import Vengeful as Rule

        return Rule(**self.common(environment, "commons.vengeful"), e_max=self.e_max)


class Antisocial(CommonsAgent):
    """Takes all it may and fines the most modest of those who kept the norm, which needs sanctions of kind antisocial."""

    punish: Share = Field(1.0, description="Probability of fining, each round.")

    def effort_range(self) -> tuple[float, float]:
        return 1.0, 1.0

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import Antisocial as Rule

        return Rule(**self.common(environment, "commons.antisocial"))


class CounterPunisher(CommonsAgent):
    """Takes all it may and strikes back when it has been fined; at the very one who fined it with sanctions of kind counter."""

    punish: Share = Field(1.0, description="Probability of striking back.")

    def effort_range(self) -> tuple[float, float]:
        return 1.0, 1.0

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import CounterPunisher as Rule

        return Rule(**self.common(environment, "commons.counter_punisher"))


class MyopicBestReply(CommonsAgent):
    """Maximises the payoff of this round alone: full effort, unless the fine it expects outweighs the gain."""

    expected_punish: Share = Field(
        0.0, description="Probability it gives to being fined when inspected in violation; 0 ignores fines."
    )

    def effort_range(self) -> tuple[float, float]:
        return 1.0, 1.0

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import MyopicBestReply as Rule

        common = self.common(environment, "commons.myopic_best_reply")
        return Rule(**common, expected_punish=self.expected_punish)


class Planner(CommonsAgent):
    """Maximises its own discounted harvest by dynamic programming, taking the others' last effort as given."""

    discount: float = Field(0.95, ge=0, lt=1, description="Weight of the next round.")

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_learning import Planner as Rule

        return Rule(**self.common(environment, "commons.planner"), discount=self.discount)


class QLearner(CommonsAgent):
    """Learns from its own payoffs which effort is worth most at which level of the stock (tabular Q-learning)."""

    learning_rate: Share = Field(0.2, description="Step size.")
    discount: float = Field(0.9, ge=0, lt=1, description="Weight of the next round.")
    epsilon: Share = Field(0.1, description="Probability of trying an effort at random.")
    bins: int = Field(8, ge=1, le=64, description="Levels of the stock it tells apart.")
    levels: int = Field(6, ge=2, le=64, description="Efforts it chooses among, evenly spaced from 0 to 1.")

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_learning import QLearner as Rule

        return Rule(
            **self.common(environment, "commons.q_learner"),
            learning_rate=self.learning_rate,
            discount=self.discount,
            epsilon=self.epsilon,
            bins=self.bins,
            levels=self.levels,
        )


class NewcomerGreedy(CommonsAgent):
    """Takes all it may in its first rounds after joining, then (perhaps) learns to take its share."""

    greed: Share = Field(1.0, description="Part of all it may take: its effort, or this part of the largest request.")
    rounds: int | None = Field(None, ge=1, description="Rounds of greed before it takes its share; null stays greedy.")

    def effort_range(self) -> tuple[float, float]:
        return self.greed, self.greed

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import NewcomerGreedy as Rule

        common = self.common(environment, "commons.newcomer_greedy")
        return Rule(**common, greed=self.greed, rounds=self.rounds)


class Random(CommonsAgent):
    """Anything legal, uniformly: a smoke test and a floor for comparisons."""

    def build(self, environment: Any) -> VectorPolicy:
        from .commons_rules import Random as Rule

        return Rule(**self.common(environment, "commons.random"))
