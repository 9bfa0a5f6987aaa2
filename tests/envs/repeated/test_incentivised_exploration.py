"""Statement 61 of the solvers: what samples are worth, and how much exploration agents bear."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from gamesim.core.errors import ScenarioError
from gamesim.envs.repeated.config import Matrix
from gamesim.envs.repeated.incentivised_exploration import incentivised_exploration, obedience


def test_the_numbers_of_the_statement() -> None:
    found = obedience((0.4, 0.6, 0.8), (0.2, 0.5, 0.7), 6)
    assert float(found.gain) == pytest.approx(-0.1333, abs=1e-4)
    assert float(found.positive) == pytest.approx(0.0032, abs=1e-4)
    assert float(found.threshold) == pytest.approx(0.0233, abs=1e-4)
    assert found.threshold == found.positive / (found.positive - found.gain)


def test_the_worth_of_samples_is_what_simulation_finds() -> None:
    rng = np.random.default_rng(3)
    first, second, samples, n = np.array([0.3, 0.9]), np.array([0.1, 0.5, 0.6]), 4, 400_000
    means, others = first[rng.integers(0, 2, n)], second[rng.integers(0, 3, n)]
    wins = rng.binomial(samples, means)
    gain = others - means
    found = obedience(first.tolist(), second.tolist(), samples)
    favoured = np.isin(wins, [k for k in range(samples + 1) if gain[wins == k].mean() > 0])
    assert float(found.gain) == pytest.approx(gain.mean(), abs=3e-3)
    assert float(found.positive) == pytest.approx((gain * favoured).mean(), abs=3e-3)
    assert float(found.favoured) == pytest.approx(favoured.mean(), abs=3e-3)


@pytest.mark.parametrize("epsilon", [0.0, 0.0233, 0.0234, 0.5, 1.0])
def test_obedience_pays_exactly_up_to_the_threshold(epsilon: float) -> None:
    found = obedience()
    game = incentivised_exploration(epsilons=[epsilon])
    never, obey = game.exact[1, 0]  # type: ignore[index]
    assert (obey >= never) == (Fraction(str(epsilon)) <= found.threshold)


def test_more_samples_allow_more_exploration_and_a_better_arm_any() -> None:
    thresholds = [obedience(samples=m).threshold for m in (0, 2, 6, 20)]
    assert thresholds[0] == 0
    assert thresholds == sorted(thresholds)
    assert obedience((0.2,), (0.5,)).threshold == 1


def test_it_is_a_stage_of_repeated_games_and_nonsense_is_refused() -> None:
    environment = Matrix(stage={"game": "incentivised_exploration", "samples": 3, "epsilons": [0, 0.5]})
    assert environment.seats() == ("principal", "agent")
    for wrong in ({"samples": -1}, {"first": []}, {"second": [1.5]}, {"epsilons": [0.1, 0.1]}, {"first": ["x"]}):
        with pytest.raises(ScenarioError):
            Matrix(stage={"game": "incentivised_exploration", **wrong})
