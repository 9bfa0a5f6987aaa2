"""How likely a violator is fined when everybody inspects one random peer, and which fine makes violating not pay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim_analysis.stats.results import Measure


@dataclass(frozen=True)
class Deterrence:
    """What one violator among ``players`` faces in a round.

    Attributes
    ----------
    probability : fined at least once.  expected_fines : mean number of fines
    per_inspector : chance that one given peer fines the violator
    """

    players: int
    probability: float
    expected_fines: float
    per_inspector: float

    def expected_payment(self, fine: float, *, counting: bool = False) -> float:
        """What violating costs on average: one fine if fined at all, or every fine if ``counting``."""
        return fine * (self.expected_fines if counting else self.probability)

    def fine_needed(self, gain: float, *, counting: bool = False) -> Measure:
        """The smallest fine at which violating for that gain does not pay on average."""
        if gain <= 0:
            return Measure(0.0)
        chance = self.expected_fines if counting else self.probability
        return Measure(gain / chance) if chance > 0 else Measure.null("violators are never fined")


def deterrence(monitoring: float, punishing: float, players: int, *, misread: float = 0.0) -> Deterrence:
    """A violator's chances when each of the others draws one peer, inspects it and punishes.

    Parameters
    ----------
    monitoring, punishing : m and p in [0, 1]
    players : N >= 2 alive agents, the violator included
    misread : chance in [0, 1] that a violation is seen as none

    Notes
    -----
    A given peer draws the violator with probability 1/(N - 1), independently of the other peers, so fines are binomial with
    N - 1 trials: their mean m p does not depend on N, and none comes with probability (1 - m p/(N - 1))**(N - 1).

    Examples
    --------
    >>> d = deterrence(0.5, 0.6, 8)
    >>> round(d.probability, 6), round(d.expected_fines, 12)
    (0.264069, 0.3)
    """
    for name, value in (("monitoring", monitoring), ("punishing", punishing), ("misread", misread)):
        if not 0 <= value <= 1:
            raise MetricError(f"{name} must lie in 0..1, not {value}.")
    if players < 2:
        raise MetricError(f"players must be at least 2, not {players}: nobody to meet.")
    each = monitoring * punishing * (1 - misread) / (players - 1)
    none = math.exp((players - 1) * math.log1p(-each)) if each < 1 else 0.0
    return Deterrence(players, 1 - none, each * (players - 1), each)


def probability_fined(monitoring: float, punishing: float, players: int) -> float:
    """The chance that a violator is fined at least once in a round, 1 - (1 - m p/(N - 1))**(N - 1).

    Examples
    --------
    >>> round(probability_fined(1.0, 0.3, 8), 6)
    0.264069
    """
    return deterrence(monitoring, punishing, players).probability


def simulate_fines(monitoring: float, punishing: float, players: int, rounds: int, rng: Generator) -> FloatArray:
    """Numbers of fines on one violator in each of ``rounds`` rounds, drawn step by step as the environment does.

    Returns
    -------
    Shape (rounds,): peers that drew the violator, inspected it and punished it.
    """
    deterrence(monitoring, punishing, players)  # refuses what is out of range
    u = rng.random((rounds, players - 1, 3))
    drawn = (u[..., 0] * (players - 1)).astype(int) == 0  # the violator stands first among the others' eligible peers
    return np.asarray((drawn & (u[..., 1] < monitoring) & (u[..., 2] < punishing)).sum(axis=1), dtype=np.float64)
