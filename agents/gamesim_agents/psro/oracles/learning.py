"""What oracles that learn by rounds of play share: who is met how often in a round, and how the answer is judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray
from gamesim.core.policy import AgentSpec
from gamesim.core.solving import Answer, Opponents

from .screening import Mixture
from .sitting import Decide, Played, play


class Learner(ABC):
    """An oracle whose answer is learned, and then measured on ``config.evaluate`` fresh episodes."""

    config: Any

    def __call__(
        self, subject: Any, player: int, opponents: Opponents, *, risk: Any, rng: Generator, context: Any = None
    ) -> Answer:
        found = self.learned(subject, player, opponents, risk, rng)
        gain, interval = Mixture(subject, player, opponents, risk, rng, episodes=self.config.evaluate).gain(found)
        return Answer(found, gain, interval, exact=False)

    @abstractmethod
    def learned(self, subject: Any, player: int, opponents: Opponents, risk: Any, rng: Generator) -> AgentSpec:
        """The answer, as data."""


class Rounds:
    """Rounds of play against every joint opponent of a mixture.

    Attributes
    ----------
    share : (m,), what an episode against each counts; rare opponents are met oftener than in the mixture, and count for less.
    """

    def __init__(self, mixture: Mixture, episodes: int) -> None:
        self.mixture, self.counts = mixture, mixture.shared_out(episodes)
        self.share: FloatArray = mixture.chances * self.counts.sum() / self.counts

    def play(self, decide: Decide, rng: Generator) -> tuple[list[Played], FloatArray]:
        """One round of new episodes, and the mean return, (m,), by joint opponent."""
        mixture = self.mixture
        found = [
            play(mixture.subject, mixture.player, profile, rng.integers(0, 2**53, int(count)), decide)
            for profile, count in zip(mixture.profiles, self.counts, strict=True)
        ]
        return found, np.array([played.reward.sum(axis=0).mean() for played in found])
