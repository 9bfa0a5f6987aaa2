"""Alpha-rank, the replicator, finite populations: known numbers, exact laws, and simulation against them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from gamesim_analysis.equilibrium.alpha_rank import alpha_rank, log_fixation, ranking
from gamesim_analysis.equilibrium.dynamics import (
    fermi_process,
    fixation_probability,
    moran_process,
    pairwise_comparison,
    replicator,
    replicator_equation,
    small_mutations,
    two_strategies,
)
from gamesim_analysis.equilibrium.markov_chain import closed_classes, stationary, stationary_of_logs
from gamesim_analysis.equilibrium.sources import catalog
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import GameTooLargeError, SolverError, UnsupportedGameError
from gamesim.core.normal_form import NormalFormGame

RPS = [[0, -1, 1], [1, 0, -1], [-1, 1, 0]]
HAWK_DOVE = [[-0.5, 2], [0, 1]]
UNEVEN = [[0, -0.1, 0.2], [0.1, 0, -0.3], [-0.2, 0.3, 0]]


def test_chains_too_large_to_hold_are_refused_before_they_are_made() -> None:
    with pytest.raises(GameTooLargeError, match="53,820,000 moves"):
        alpha_rank(np.zeros((2, 300, 300)))


def test_known_laws_of_alpha_rank() -> None:
    assert alpha_rank(RPS).law == pytest.approx([1 / 3] * 3)
    assert alpha_rank([[3, 0], [5, 1]], alpha=1, population=50).law == pytest.approx([0, 1], abs=1e-6)
    law = alpha_rank(UNEVEN, alpha=1, population=10).law
    assert law == pytest.approx([0.49021113, 0.21228751, 0.29750136], abs=1e-7)
    assert law.sum() == pytest.approx(1, abs=1e-14)


def test_strong_selection_gives_no_nan_and_names_the_sinks() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cycle = alpha_rank(UNEVEN, alpha=1e4, population=10)
        apart = alpha_rank([[1, 0], [0, 2]], alpha=1e4)  # both strategies keep out the other
    assert np.isfinite(cycle.law).all()
    assert [sink.tolist() for sink in cycle.sinks] == [[0, 1, 2]]
    assert apart.law == pytest.approx([1, 0]) or apart.law == pytest.approx([0.5, 0.5])
    assert [sink.tolist() for sink in apart.sinks] in ([[0], [1]], [[0, 1]])
    coordination = ranking(NormalFormGame.bimatrix([[1, 0], [0, 2]], [[1, 0], [0, 2]]), concept="alpharank", alpha=1e4, populations="several")  # fmt: skip
    assert not coordination.unique
    assert coordination.details["sinks"] == [["0 / 0"], ["1 / 1"]]
    assert coordination.order[0] == "1 / 1"  # harder to leave
    assert any("sink components" in note for note in coordination.notes)


@settings(max_examples=60)
@given(st.floats(-800, 800).filter(lambda x: abs(x) > 1e-6), st.integers(2, 60))
def test_fixation_in_logarithms(x: float, m: int) -> None:
    direct = (1 - np.exp(-abs(x))) / (1 - np.exp(-m * abs(x)))
    expected = np.log(direct) - (m - 1) * abs(x) * (x < 0)
    assert float(log_fixation(np.array(x), m)) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert float(log_fixation(np.array(0.0), m)) == pytest.approx(-np.log(m))


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 70))
def test_stationary_laws_by_definition(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    rates = rng.random((n, n)) ** 4
    np.fill_diagonal(rates, 0)
    for law in (stationary(rates), stationary_of_logs(np.log(np.maximum(rates, 1e-300)))):
        assert law @ rates == pytest.approx(law * rates.sum(axis=1), abs=1e-12)
        assert law.sum() == pytest.approx(1)


def test_tiny_chances_keep_their_digits() -> None:
    chances = np.array([[0, 1e-180, 1e-200], [2e-180, 0, 1e-190], [1e-3, 0, 0]])
    law = stationary(chances)
    assert law[:2] == pytest.approx([2 / 3, 1 / 3])
    assert law[2] == pytest.approx((law[0] * 1e-200 + law[1] * 1e-190) / 1e-3, rel=1e-9)
    big = np.zeros((60, 60))
    big[np.arange(60), (np.arange(60) + 1) % 60] = 10.0 ** -np.arange(60)
    expected = 10.0 ** np.arange(60.0)
    assert stationary(big) == pytest.approx(expected / expected.sum(), rel=1e-12)
    assert np.isnan(stationary(np.zeros((2, 2)))).all()
    assert [c.tolist() for c in closed_classes(np.array([[0, 1, 0], [0, 0, 0], [1, 0, 0]]))] == [[1]]


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_several_populations_are_each_others_context(seed: int) -> None:
    """The chain of the whole product, built move by move."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 4, size=rng.integers(2, 4)))
    game = rng.integers(-3, 4, size=(len(shape), *shape)).astype(float)
    found = alpha_rank(game, alpha=0.7, population=5)
    cells = list(np.ndindex(*shape))
    chances = np.zeros((len(cells), len(cells)))
    for a, cell in enumerate(cells):
        for player, k in enumerate(shape):
            for other in range(k):
                if other != cell[player]:
                    moved = (*cell[:player], other, *cell[player + 1 :])
                    x = 0.7 * (game[(player, *moved)] - game[(player, *cell)])
                    rho = (1 - np.exp(-x)) / (1 - np.exp(-5 * x)) if x else 0.2
                    chances[a, cells.index(moved)] = rho / sum(size - 1 for size in shape)
    law = found.law.ravel()
    assert law @ chances == pytest.approx(law * chances.sum(axis=1), abs=1e-12)
    assert found.marginals[0].sum() == pytest.approx(1)


def test_many_profiles_by_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    from gamesim_analysis.equilibrium import alpha_rank as module

    game = np.random.default_rng(1).normal(size=(2, 6, 7))
    exact = alpha_rank(game, alpha=0.5)
    monkeypatch.setattr(module, "DIRECT", 10)
    monkeypatch.setattr(module, "BY_LOGARITHMS", 10)
    iterated = alpha_rank(game, alpha=0.5)
    assert iterated.how == "iteration from uniform"
    assert iterated.law == pytest.approx(exact.law, abs=1e-9)


def test_it_is_open_spiels_alpha_rank() -> None:
    alpharank = pytest.importorskip("open_spiel.python.egt.alpharank")
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(6, 6)), rng.normal(size=(2, 4, 5))
    theirs = alpharank.compute([one], m=20, alpha=1.0)[2]
    assert alpha_rank(one, alpha=1.0, population=20).law == pytest.approx(theirs, abs=1e-10)
    theirs = alpharank.compute([two[0], two[1]], m=20, alpha=1.0)[2]
    assert alpha_rank(two, alpha=1.0, population=20).law.ravel() == pytest.approx(theirs, abs=1e-10)


def test_rankings_of_games() -> None:
    assert ranking(catalog("rock_paper_scissors"), concept="alpharank").names == ("rock", "paper", "scissors")
    assert ranking(catalog("matching_pennies"), concept="alpharank").names[1] == "heads / tails"
    pd = ranking(catalog("prisoners_dilemma"), concept="alpharank", alpha=1.0)
    assert pd.order[0] == "D"
    assert pd.names == ("C", "D")
    assert ranking(catalog("kuhn"), concept="alpharank").scores.sum() == pytest.approx(1)
    with pytest.raises(UnsupportedGameError, match="answers alpharank, not nash"):
        ranking(catalog("chicken"), concept="nash")
    with pytest.raises(SolverError, match="and this is none"):
        ranking(catalog("matching_pennies"), concept="alpharank", populations="one")
    with pytest.raises(SolverError, match="alpha is above zero"):
        alpha_rank(RPS, alpha=0)
    with pytest.raises(SolverError, match="neither"):
        alpha_rank(np.zeros((2, 3)))


def test_the_replicator() -> None:
    assert replicator(HAWK_DOVE, [0.1, 0.9], [0, 60])[-1] == pytest.approx([2 / 3, 1 / 3], abs=1e-6)
    path = replicator(RPS, [0.5, 0.3, 0.2], np.linspace(0, 100, 11))
    assert path.prod(axis=1) == pytest.approx([0.03] * 11, abs=1e-6)
    both = replicator(RPS, [[0.5, 0.3, 0.2], [1, 0, 0]], [0, 10, 100])
    assert both.shape == (2, 3, 3)
    assert both[0, 2] == pytest.approx(path[-1], abs=1e-6)
    assert both[1, 2] == pytest.approx([1, 0, 0])
    with pytest.raises(SolverError, match="no distributions"):
        replicator(RPS, [0.5, 0.3, 0.3], [0, 1])


def test_the_exact_law_of_a_finite_population() -> None:
    chain = two_strategies(HAWK_DOVE, 100, selection=1.0, mutation=1e-3)
    law = chain.stationary()
    assert law @ np.arange(101) == pytest.approx(69.0277, abs=1e-4)
    assert law @ (chain.up + chain.down) == pytest.approx(0.208467, abs=1e-4)
    assert law[:-1] * chain.up[:-1] == pytest.approx(law[1:] * chain.down[1:], rel=1e-9)


def test_many_chains_do_as_the_law_says() -> None:
    chain = two_strategies(HAWK_DOVE, 100, selection=1.0, mutation=1e-3)
    law = chain.stationary()
    rng = np.random.default_rng(11)
    start = rng.choice(101, size=4096, p=law)
    run = pairwise_comparison(
        HAWK_DOVE, 100, selection=1.0, mutation=1e-3, chains=4096, generations=400, rng=rng, start=start, record=True
    )
    means = run.record.mean(axis=0)
    assert abs(means.mean() - 69.0277) <= 3 * means.std() / 64
    moved = (np.diff(run.record.astype(int), axis=0) != 0).mean(axis=0)
    assert abs(moved.mean() - 0.208467) <= 3 * moved.std() / 64
    assert run.mean == pytest.approx(means.mean())
    assert run.steps == run.record.size == run.visits.sum()
    assert (run.counts == run.record[-1]).all()
    again = pairwise_comparison(
        HAWK_DOVE, 100, selection=1.0, mutation=1e-3, chains=4, generations=50, rng=np.random.default_rng(1), start=50
    )
    twice = pairwise_comparison(
        HAWK_DOVE, 100, selection=1.0, mutation=1e-3, chains=4, generations=50, rng=np.random.default_rng(1), start=50
    )
    assert (again.counts == twice.counts).all()


def test_fixation() -> None:
    assert fixation_probability([[1, 1], [1, 1]], 10, selection=1.0) == pytest.approx(0.1, abs=1e-12)
    assert fixation_probability([[1, 1], [1, 1]], 10, selection=1.0, process="moran") == pytest.approx(0.1, abs=1e-12)
    better = [[1.05, 1.05], [1, 1]]
    assert fixation_probability(better, 10, selection=1.0) == pytest.approx(0.123950129, abs=1e-8)
    assert fixation_probability([[1.1, 1.1], [1, 1]], 10, selection=1.0, process="moran") == pytest.approx(0.147950359, abs=1e-8)  # fmt: skip
    assert fixation_probability([[2, 2], [1, 1]], 20, selection=1.0, process="moran") == pytest.approx(0.500000477, abs=1e-8)  # fmt: skip


def test_simulated_fixation_is_the_exact_one() -> None:
    exact = fixation_probability(HAWK_DOVE, 12, selection=0.5, process="fermi", mutants=2)
    run = pairwise_comparison(
        HAWK_DOVE,
        12,
        selection=0.5,
        mutation=0.0,
        chains=20_000,
        generations=4000,
        rng=np.random.default_rng(2),
        start=2,
    )
    ended = np.isin(run.counts, (0, 12))
    assert ended.mean() > 0.999
    share = (run.counts == 12).mean()
    assert abs(share - exact) <= 3 * np.sqrt(exact * (1 - exact) / 20_000) + (1 - ended.mean())


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from(["fermi", "moran"]))
def test_rare_mutations_are_the_limit(seed: int, process: str) -> None:
    matrix = np.random.default_rng(seed).integers(1, 5, size=(2, 2)).astype(float)
    limit = small_mutations(matrix, 8, selection=0.5, process=process)
    law = two_strategies(matrix, 8, selection=0.5, mutation=1e-7, process=process).stationary()
    assert [law[8], law[0]] == pytest.approx(limit.tolist(), abs=1e-4)


def test_methods_of_evolution() -> None:
    game = NormalFormGame.bimatrix(HAWK_DOVE, np.array(HAWK_DOVE).T, actions=(("hawk", "dove"),) * 2)
    flow = replicator_equation(game, concept="evolution")
    assert flow.scores == pytest.approx([2 / 3, 1 / 3], abs=1e-6)
    exact = fermi_process(game, concept="evolution", population=100, mutation=1e-3)
    assert exact.scores[0] == pytest.approx(0.690277, abs=1e-5)
    assert exact.order == ("hawk", "dove")
    assert moran_process(game, concept="evolution", selection=0.3).scores.sum() == pytest.approx(1)
    turning = replicator_equation(NormalFormGame.bimatrix(RPS, np.array(RPS).T), concept="evolution", start=[0.5, 0.3, 0.2])  # fmt: skip
    assert not turning.unique
    with pytest.raises(SolverError, match="rare mutations only"):
        fermi_process(NormalFormGame.bimatrix(RPS, np.array(RPS).T), concept="evolution", mutation=0.1)
    with pytest.raises(SolverError, match="fitness is below zero"):
        moran_process(game, concept="evolution", selection=1.0)
    with pytest.raises(UnsupportedGameError, match="no symmetric game of two players"):
        fermi_process(catalog("matching_pennies"), concept="evolution")
