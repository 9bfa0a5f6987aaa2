"""Best responses to risk against their first-order conditions, written out here: any shape, scale, attitude and tremble."""

from __future__ import annotations

import numpy as np
import pytest

from gamesim.core.errors import RiskError, SolverError
from gamesim.core.risk import CVaR, Entropic, MeanVariance
from gamesim.core.risk_response import best_response
from gamesim.core.simplex import project


def slope(u: np.ndarray, s: np.ndarray, x: np.ndarray, kind: str, much: float) -> np.ndarray:
    """Gradient of mean less variance, or of the entropic certainty equivalent, from their definitions."""
    returns = x @ u
    if kind == "mean_variance":
        return u @ s - 2 * much * (u @ (s * returns) - (u @ s) * (s @ returns))
    tilted = s * np.exp(np.minimum(-much * (returns - returns[s > 0].min()), 0.0))
    return u @ (tilted / tilted.sum())


def tables(seed: int, count: int):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        k, m = int(rng.choice([1, 2, 3, 8, 20])), int(rng.choice([1, 2, 7, 20]))
        u = [
            rng.normal(size=(k, m)), rng.integers(-3, 4, size=(k, m)).astype(float), np.full((k, m), 2.0),
            rng.normal(size=(k, m)) + 100.0, np.outer(rng.normal(size=k), np.ones(m)),
        ][rng.integers(5)]  # fmt: skip
        if rng.random() < 0.3:
            u[-1] = u[0]  # a duplicate
        scale = float(rng.choice([1e-6, 1.0, 1e6]))
        s = np.eye(m)[rng.integers(m)] if rng.random() < 0.2 else rng.dirichlet(np.ones(m) * rng.choice([0.1, 1, 10]))
        floor = float(rng.choice([0.0, 0.01 / k, 0.5 / k, (1 - 1e-9) / k]))
        yield u * scale, s, floor, scale, float(rng.choice([1e-6, 0.3, 3.0, 100.0, 1e4]))


@pytest.mark.parametrize("kind", ["mean_variance", "entropic"])
def test_no_direction_leads_up_from_a_best_response(kind: str) -> None:
    for u, s, floor, scale, much in tables(0, 250):
        risk = MeanVariance(much / scale) if kind == "mean_variance" else Entropic(much / scale)
        x = best_response(u, s, risk, tremble=floor)
        assert x.sum() == pytest.approx(1, abs=1e-12)
        assert x.min() >= floor - 1e-15
        g = slope(u, s, x, kind, much / scale)
        gap = (1 - len(x) * floor) * g.max() + floor * g.sum() - g @ x
        assert gap <= 1e-9 * max(float(np.abs(u).max()), float(np.abs(g).max()))


def test_the_worst_share_is_made_as_good_as_any_mixture_makes_it() -> None:
    rng = np.random.default_rng(1)
    for u, s, floor, _, _ in tables(1, 60):
        alpha = float(rng.choice([1e-3, 0.04, 0.5, 1.0]))

        def value(x: np.ndarray, u: np.ndarray = u, s: np.ndarray = s, alpha: float = alpha) -> float:
            returns = x @ u
            return max(c - float(s @ np.maximum(c - returns, 0)) / alpha for c in returns)

        others = [floor + (1 - len(u) * floor) * y for y in (*np.eye(len(u)), *rng.dirichlet(np.ones(len(u)), size=40))]
        mine = value(best_response(u, s, CVaR(alpha), tremble=floor))
        assert mine >= max(map(value, others)) - 1e-8 * float(np.abs(u).max())


def test_projection_survives_large_numbers_and_refuses_what_is_none() -> None:
    assert project([1e300]).tolist() == [1.0]
    assert project([1e17, 1e17, -5.0]).tolist() == [0.5, 0.5, 0.0]
    with pytest.raises(SolverError, match="finite"):
        project([np.nan, 1.0])


def test_a_relative_aversion_is_relative_to_the_payoffs_it_meets() -> None:
    u, s = np.array([[40.0, 0.0], [30.0, 30.0]]), np.array([0.9, 0.1])
    relative = MeanVariance(2.0, relative=True)
    assert best_response(u, s, relative) == pytest.approx(best_response(u, s, MeanVariance(2.0 / 40.0)))
    with pytest.raises(RiskError, match="range"):
        relative.value(u[0], s)


def test_a_little_entropic_aversion_is_not_lost_in_rounding() -> None:
    x, s = np.array([4.0, 0.0]), np.array([0.75, 0.25])
    for tau in (1e-7, 1e-10):
        assert Entropic(tau).value(x, s) == pytest.approx(3.0 - tau / 2 * 3.0, abs=1e-13)
