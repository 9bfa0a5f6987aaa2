"""Meta-solvers: equilibria where they promise them, inequalities where those define them, certificates everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.meta_solvers.nash import is_zero_sum

from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import RiskError, SolverError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry, names
from gamesim.core.solution import Limits

PARAMETERS = {
    "rae": {"aversion": 0.5},
    "cvar": {"alpha": 0.5},
    "rqe": {"tau": 1.0, "eps": 0.2},
    "qre": {"rationality": 2.0},
    "prd": {"steps": 2000},
    "regret_matching": {"steps": 2000},
}
ROCK_PAPER_SCISSORS = NormalFormGame.bimatrix([[0, -1, 2], [1, 0, -1], [-1, 1, 0]])


def play(name: str, game: NormalFormGame | EmpiricalGame, **more: object):
    table = game if isinstance(game, EmpiricalGame) else EmpiricalGame.exact(game)
    parameters = {**PARAMETERS.get(name, {}), **more}
    return entry("meta_solvers", name)(table, limits=Limits(seconds=20), rng=np.random.default_rng(0), **parameters)


@pytest.mark.parametrize("name", names("meta_solvers"))
def test_every_meta_solver_answers_with_distributions_and_a_certificate(name: str) -> None:
    for game in (ROCK_PAPER_SCISSORS, NormalFormGame(np.random.default_rng(3).uniform(size=(2, 3, 4)))):
        found = play(name, game)
        assert [len(m) for m in found.marginals] == list(game.shape)
        assert all(m.min() >= 0 and m.sum() == pytest.approx(1) for m in found.marginals)
        assert found.certificate is not None
        again = play(name, game)
        assert all((a == b).all() for a, b in zip(found.marginals, again.marginals, strict=True))


@pytest.mark.parametrize("name,bound", [("nash", 1e-9), ("regret_matching", 2e-2), ("prd", 0.2)])
def test_zero_sum_tables_are_solved(name: str, bound: float) -> None:
    assert float(play(name, ROCK_PAPER_SCISSORS).certificate.gap) <= bound


def test_general_sum_nash_selects() -> None:
    stag = NormalFormGame.bimatrix([[4, 0], [3, 3]], [[4, 3], [0, 3]])
    assert play("nash", stag, select="max_welfare").marginals[0].tolist() == [1.0, 0.0]
    assert play("nash", stag, select="max_entropy").marginals[0] == pytest.approx([0.75, 0.25])
    with pytest.raises(SolverError, match="Did you mean 'max_welfare'"):
        play("nash", stag, select="max_welfar")


@pytest.mark.parametrize("name,concept", [("mgce", "correlated"), ("mgcce", "coarse")])
def test_least_norm_equilibria_satisfy_their_inequalities(name: str, concept: str) -> None:
    from gamesim.core.certify import certify

    for seed in range(12):
        game = NormalFormGame(np.random.default_rng(seed).uniform(size=(2, 4, 3)))
        found = play(name, game)
        assert float(certify(game, found.joint, concept=concept).gap) <= 1e-8
        other = entry("solvers", "correlated")(game, concept=concept, limits=Limits()).equilibria[0].play
        norm = lambda joint: float((joint.probabilities.astype(float) ** 2).sum())  # noqa: E731
        assert norm(found.joint) <= norm(other) + 1e-9
    three = NormalFormGame(np.random.default_rng(1).uniform(size=(3, 2, 2, 2)))
    assert float(certify(three, play(name, three).joint, concept=concept).gap) <= 1e-8
    even = play(name, NormalFormGame.bimatrix([[1, -1], [-1, 1]]))
    assert even.joint.probabilities == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["mgce", "mgcce"])
def test_least_norm_equilibria_of_many_small_tables(name: str) -> None:
    """By the definitions, written out; a third of these tables hold small whole numbers, with many ties."""
    rng = np.random.default_rng(1)
    for number in range(300):
        shape = [(2, 1, 3), (2, 2), (2, 3), (3, 3), (2, 2, 2), (1, 4), (3, 2, 2)][number % 7]
        size = (len(shape), *shape)
        u = rng.integers(-2, 3, size=size).astype(float) if number % 3 == 0 else rng.uniform(size=size)
        p = np.asarray(play(name, NormalFormGame(u)).joint.probabilities, dtype=float)
        for i, k in enumerate(shape):
            own, told = np.moveaxis(u[i], i, 0).reshape(k, -1), np.moveaxis(p, i, 0).reshape(k, -1)
            if name == "mgce":
                gains = own @ told.T - (own * told).sum(axis=1)
            else:
                gains = own @ told.sum(axis=0) - (own * told).sum()
            assert gains.max() <= 1e-8 * max(float(np.ptp(u)), 1e-300)


def test_a_sampled_table_is_zero_sum_within_its_errors() -> None:
    rng = np.random.default_rng(0)
    table = EmpiricalGame((("a", "b"), ("c", "d")))
    for profile in np.ndindex(2, 2):
        gain = rng.normal(size=200) + profile[0] - profile[1]
        table = table.add(profile, np.column_stack([gain, -gain + rng.normal(size=200)]))
    assert is_zero_sum(table)
    assert not is_zero_sum(table.add((0, 0), np.full((4000, 2), 1.0)))


def test_a_missing_profile_is_named() -> None:
    table = EmpiricalGame((("a", "b"), ("c", "d"))).known((0, 0), [1, -1])
    for name in names("meta_solvers"):
        with pytest.raises(SolverError, match="never played"):
            play(name, table)
    with pytest.raises(RiskError, match="exactly one"):
        play("rae", ROCK_PAPER_SCISSORS, aversion_relative=1.0)


@pytest.mark.parametrize(
    "name,given,word",
    [("qre", {"rationality": -1.0}, "rationality"), ("qre", {"rationality": float("nan")}, "rationality"),
     ("rae", {"profile": "symetric"}, "Did you mean 'symmetric'"), ("rae", {"tremble": -0.1}, "tremble"),
     ("rae", {"tremble": "much"}, "tremble"), ("regret_matching", {"steps": 0}, "steps")],
)  # fmt: skip
def test_wrong_parameters_are_named(name: str, given: dict[str, object], word: str) -> None:
    with pytest.raises(SolverError, match=word):
        play(name, ROCK_PAPER_SCISSORS, **given)


def test_a_tremble_too_large_for_a_pool_is_eased_and_told() -> None:
    found = play("rae", ROCK_PAPER_SCISSORS, tremble=0.4)
    assert min(float(m.min()) for m in found.marginals) >= 0.5 / 3 - 1e-12
    assert any("0.4 is too large for 3" in text for text in found.details["warnings"])
    assert play("rae", ROCK_PAPER_SCISSORS, tremble=0.3).details["warnings"] == ()


def test_symmetric_play_needs_a_game_alike_from_all_three_seats() -> None:
    with pytest.raises(RiskError, match="3 seats"):
        play("rae", NormalFormGame(np.random.default_rng(0).uniform(size=(3, 2, 2, 2))), profile="symmetric")
    counts = np.indices((2, 2, 2)).sum(axis=0)  # how many play the second action
    alike = np.array([np.random.default_rng(1).uniform(size=(2, 4))[own, counts] for own in np.indices((2, 2, 2))])
    assert play("rae", NormalFormGame(alike), profile="symmetric").details["converged"]
