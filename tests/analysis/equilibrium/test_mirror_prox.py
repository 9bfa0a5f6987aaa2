"""Nash mirror prox: closed forms, the promised rate, and its cousins."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from gamesim_analysis.equilibrium import solve
from gamesim_analysis.equilibrium.mirror_prox import iterates, nash_mirror_prox, nash_mp

from gamesim.core.errors import SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.preference_game import PreferenceGame

CYCLE = PreferenceGame([[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]], beta=0.1)


def random_preferences(rng: np.random.Generator, n: int) -> np.ndarray:
    above = np.triu(rng.random((n, n)), 1)
    p = above + np.tril(1 - above.T, -1)
    np.fill_diagonal(p, 0.5)
    return p


@pytest.mark.parametrize(("a", "beta"), [(0.8, 0.1), (0.6, 1.0), (0.9, 0.05)])
def test_two_actions_in_closed_form(a: float, beta: float) -> None:
    (found,) = nash_mirror_prox(PreferenceGame([[0.5, a], [1 - a, 0.5]], beta=beta)).equilibria
    assert found.play[0][0] == pytest.approx(1 / (1 + np.exp(-(a - 0.5) / beta)), abs=1e-12)
    assert (found.play[0] == found.play[1]).all()


def test_a_cycle_is_played_alike() -> None:
    (found,) = nash_mirror_prox(PreferenceGame([[0.5, 1, 0], [0, 0.5, 1], [1, 0, 0.5]], beta=0.01)).equilibria
    assert found.play[0] == pytest.approx([1 / 3] * 3, abs=1e-12)


def test_both_gaps_of_a_known_answer() -> None:
    solution = solve(CYCLE, "regularised")
    (found,) = solution.equilibria
    assert found.play[0] == pytest.approx([0.27435063, 0.27924156, 0.44640781], abs=1e-8)
    assert found.certificate.gap <= 1e-10
    assert found.certificate.nash_conv == pytest.approx(0.05291, abs=1e-4)
    assert solution.complete
    assert solution.covers == "unique"
    assert solution.method == "nash_mp"
    (nash,) = solve(CYCLE).equilibria
    assert nash.play[0] == pytest.approx([2 / 9, 1 / 3, 4 / 9], abs=1e-9)


def test_it_is_gambits_logit_equilibrium() -> None:
    pygambit = pytest.importorskip("pygambit")
    p = CYCLE.preferences
    kind = getattr(pygambit, "StrategicGame", None) or pygambit.Game
    (found,) = pygambit.qre.logit_solve_lambda(kind.from_arrays(p, p.T), lam=10.0)
    theirs = [float(chance) for mixed in found.profile for _, chance in mixed][:3]
    (ours,) = nash_mirror_prox(CYCLE).equilibria
    assert ours.play[0] == pytest.approx(theirs, abs=1e-8)


@pytest.mark.parametrize("beta", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("n", [3, 10, 100])
def test_the_divergence_shrinks_as_promised(n: int, beta: float) -> None:
    rng = np.random.default_rng(n)
    p, reference = random_preferences(rng, n), rng.dirichlet(np.ones(n))
    (best,) = nash_mirror_prox(PreferenceGame(p, reference, beta)).equilibria
    star = best.play[0]
    steps = itertools.islice(iterates(lambda x: (p @ x[0],), (np.log(reference),), beta=beta), 400)
    apart = [float(star @ (np.log(star) - logs[0])) for logs in steps]
    ratios = [b / a for a, b in itertools.pairwise(apart) if a > 1e-8]
    assert max(ratios) <= 1 / (1 + 2 * beta) + 1e-9


def test_it_makes_the_iterates_of_egpo() -> None:
    rng = np.random.default_rng(4)
    p, reference, beta = random_preferences(rng, 7), rng.dirichlet(np.ones(7)), 0.05
    step = 2 / (1 + 2 * beta)
    logits = pull = np.log(reference)

    def probabilities(x: np.ndarray) -> np.ndarray:
        weights = np.exp(x - x.max())
        return weights / weights.sum()

    for (ours,) in itertools.islice(iterates(lambda x: (p @ x[0],), (pull,), beta=beta), 100):
        half = (1 - step * beta) * logits + step * (beta * pull + p @ probabilities(logits))
        logits = (1 - step * beta) * logits + step * (beta * pull + p @ probabilities(half))
        assert np.exp(ours) == pytest.approx(probabilities(logits), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_zero_sum_tables(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=rng.integers(2, 7, size=2)) * 10
    game = NormalFormGame.bimatrix(a, 5 - a)
    (found,) = nash_mp(game, concept="regularised", beta=1.5).equilibria
    assert found.certificate.grade == "float"
    x, y = found.play
    for mine, earned in ((x, a @ y), (y, -(x @ a))):
        response = np.exp((earned - earned.max()) / 1.5)
        assert mine == pytest.approx(response / response.sum(), abs=1e-9)


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(SolverError, match="0 < eta <= 2"):
        nash_mirror_prox(CYCLE, eta=2.5)
    with pytest.raises(SolverError, match="beta is above zero"):
        nash_mirror_prox(CYCLE, beta=-1.0)
    with pytest.raises(SolverError, match="needs beta"):
        nash_mp(CYCLE.to_normal_form(), concept="regularised")
    cut = nash_mirror_prox(CYCLE, queries=4)
    assert cut.rejected
    assert not cut.equilibria


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_logit_equilibrium_that_the_branch_reaches(seed: int) -> None:
    rng = np.random.default_rng(seed)
    game = NormalFormGame.bimatrix(rng.integers(-4, 5, size=rng.integers(2, 5, size=2)))
    (mine,) = nash_mp(game, concept="qre", rationality=0.7).equilibria
    (theirs,) = solve(game, "qre", rationality=0.7).equilibria
    for a, b in zip(mine.play, theirs.play, strict=True):
        assert a == pytest.approx(np.asarray(b, dtype=float), abs=1e-8)
