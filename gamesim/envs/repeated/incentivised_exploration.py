"""Incentivised exploration: a principal wants agents, who only care for the present, to try an arm they think worse.

Arm 1 has been tried ``samples`` times, with rewards 0 or 1 that only the principal saw. Its mean and that of arm 2 are
drawn, independently, from known lists, each entry alike. She recommends arm 2 with probability epsilon to explore, and
otherwise the arm that her samples favour. An agent does not know which of the two moved her. With the posterior gain
G = E[mean of arm 2 - mean of arm 1 | samples], following a recommendation of arm 2 is worth epsilon E[G] + (1 - epsilon)
E[max(G, 0)], so that obedience holds if and only if

    epsilon <= E[G+] / (E[G+] - E[G]).

As a game in normal form, registered as ``incentivised_exploration``: the principal chooses epsilon from a list, the agent up
to which epsilon she obeys; beyond it she takes arm 1 come what may. The agent earns the expected reward, the principal the
chance that arm 2 is tried. To obey up to the threshold is never worse than anything else. Everything is exact.

References
----------
.. [1] Slivkins, "Introduction to Multi-Armed Bandits", Foundations and Trends in Machine Learning 12, 2019, chapter 11.
.. [2] Mansour, Slivkins, Syrgkanis, "Bayesian Incentive-Compatible Bandit Exploration", EC 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np

from gamesim.core.errors import ScenarioError
from gamesim.core.normal_form import NormalFormGame

FIRST, SECOND = (0.4, 0.6, 0.8), (0.2, 0.5, 0.7)
MOST_SAMPLES = 500


@dataclass(frozen=True)
class Obedience:
    """What the samples are worth, exactly.

    Attributes
    ----------
    gain : E[G], how much better arm 2 is beforehand.
    positive : E[max(G, 0)], what a principal who only exploits adds by recommending arm 2 where the samples favour it.
    favoured : probability of such samples.
    threshold : largest epsilon at which agents obey; 1 if they would take arm 2 anyhow.
    first : prior mean of arm 1.
    """

    gain: Fraction
    positive: Fraction
    favoured: Fraction
    threshold: Fraction
    first: Fraction


def obedience(first: Sequence[float] = FIRST, second: Sequence[float] = SECOND, samples: int = 6) -> Obedience:
    """The worth of samples and the obedience threshold.

    Parameters
    ----------
    first, second : possible means of the arms, in [0, 1], each alike; decimals are read as written.
    samples : rewards of arm 1 that the principal saw.

    Raises
    ------
    ScenarioError
        If a list is empty, a mean lies outside [0, 1], or the samples are no number from 0 to 500.

    Examples
    --------
    >>> found = obedience()
    >>> round(float(found.gain), 4), round(float(found.positive), 4), round(float(found.threshold), 4)
    (-0.1333, 0.0032, 0.0233)
    """
    ours, theirs = _means(first, "first"), _means(second, "second")
    if isinstance(samples, bool) or not isinstance(samples, int) or not 0 <= samples <= MOST_SAMPLES:
        raise ScenarioError(f"{samples} is no number of samples from 0 to {MOST_SAMPLES}.", path="samples")
    other = sum(theirs, Fraction(0)) / len(theirs)
    gain = positive = favoured = Fraction(0)
    for wins in range(samples + 1):
        weights = [comb(samples, wins) * m**wins * (1 - m) ** (samples - wins) / len(ours) for m in ours]
        chance = sum(weights, Fraction(0))
        advantage = other * chance - sum(
            (w * m for w, m in zip(weights, ours, strict=True)), Fraction(0)
        )  # times chance
        gain += advantage
        if advantage > 0:
            positive += advantage
            favoured += chance
    threshold = Fraction(1) if gain >= 0 else positive / (positive - gain)
    return Obedience(gain, positive, favoured, threshold, sum(ours, Fraction(0)) / len(ours))


def incentivised_exploration(
    first: Sequence[float] = FIRST,
    second: Sequence[float] = SECOND,
    samples: int = 6,
    epsilons: Sequence[float] = (0.0, 0.01, 0.02, 0.03, 0.1),
) -> NormalFormGame:
    """A principal chooses how often to explore, an agent up to which rate she obeys; see the module.

    Examples
    --------
    >>> game = incentivised_exploration()
    >>> best = max(game.pure_equilibria(), key=lambda cell: game.payoffs[(0, *cell)])
    >>> [labels[action] for labels, action in zip(game.actions, best)]
    ['explore 0.02', 'obey up to 0.02']
    """
    found = obedience(first, second, samples)
    chances = sorted(_means(epsilons, "epsilons"))
    if len(set(chances)) < len(chances):
        raise ScenarioError("a probability is listed twice.", path="epsilons")
    size = len(chances)
    payoffs = np.empty((2, size, size + 1), dtype=object)
    for row, epsilon in enumerate(chances):
        for obeyed in range(size + 1):  # so many of the smallest epsilons
            obeys = row < obeyed
            tried = epsilon + (1 - epsilon) * found.favoured
            better = epsilon * found.gain + (1 - epsilon) * found.positive
            payoffs[0, row, obeyed] = tried if obeys else Fraction(0)
            payoffs[1, row, obeyed] = found.first + (better if obeys else 0)
    words = [f"{float(epsilon):g}" for epsilon in chances]
    return NormalFormGame(
        payoffs,
        (tuple(f"explore {word}" for word in words), ("never obey", *(f"obey up to {word}" for word in words))),
        ("principal", "agent"),
        name="incentivised_exploration",
    )


def _means(values: Sequence[float], key: str) -> list[Fraction]:
    try:
        found = [Fraction(str(value)) for value in values]
    except (TypeError, ValueError) as error:
        raise ScenarioError("expected a list of numbers.", path=key) from error
    if not found or any(not 0 <= value <= 1 for value in found):
        raise ScenarioError("expected numbers from 0 to 1, at least one.", path=key)
    return found
