"""Logit equilibria: known values, every point certified, agreement with recursion and with Gambit, and the tracer itself."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from gamesim_analysis.equilibrium import gambit
from gamesim_analysis.equilibrium.continuation import Curve, Homotopy, trace
from gamesim_analysis.equilibrium.quantal_branch import (
    AgentSystem,
    LogitEquations,
    backward_logit,
    logit_branch,
    logit_equilibrium,
    qre_at,
    qre_branch,
)
from gamesim_analysis.equilibrium.router import solve
from gamesim_analysis.equilibrium.sources import catalog
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from gamesim.core.agent_form import action_values
from gamesim.core.certify import certify
from gamesim.core.errors import SolverError, UnsupportedGameError
from gamesim.core.extensive_form import ExtensiveFormGame, TreeBuilder
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.solution import Limits
from gamesim.core.symmetric import SymmetricGame
from gamesim.testing.trees import random_tree

HUNT = NormalFormGame.bimatrix([[4, 0], [3, 3]], [[4, 3], [0, 3]])


def random_table(seed: int) -> NormalFormGame:
    rng = np.random.default_rng(seed)
    shape = ((2, 2), (3, 3), (2, 2, 2), (4, 3))[seed % 4]
    return NormalFormGame(rng.integers(-5, 6, size=(len(shape), *shape)))


def trees(count: int, **options) -> list[ExtensiveFormGame]:
    """Random trees in which chance leads everywhere and somebody moves."""
    found, seed = [], 0
    while len(found) < count:
        game = random_tree(seed, players=2 + seed % 2, depth=4, **options)
        if game.sets and game.perfect_recall and not any(0 in c.probabilities for c in game.chances):
            found.append(game)
        seed += 1
    return found


# ---- known values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rationality", "defection"), [(0, 0.5), (1, 0.7732493551656654), (5, 0.9935191661408)])
def test_the_prisoners_dilemma(rationality: float, defection: float) -> None:
    solution = qre_at(catalog("prisoners_dilemma"), rationality)
    (equilibrium,) = solution.equilibria
    for vector in equilibrium.play:
        assert vector[1] == pytest.approx(defection, abs=1e-12)
    certificate = equilibrium.certificate
    assert (certificate.concept, certificate.gap_name, certificate.grade) == ("qre", "logit_residual", "float")
    assert certificate.details["rationality"] == rationality
    assert min(certificate.regrets) > 0  # who errs could gain: no Nash equilibrium is claimed


def test_the_principal_branch_ends_where_it_is_known_to() -> None:
    forklift = qre_branch(catalog("forklift_aisle")).end
    assert catalog("forklift_aisle").expected(forklift.play) == pytest.approx((2.5, 2.5), abs=1e-12)
    game = catalog("museum_or_fair")
    assert game.expected(qre_branch(game).end.play) == pytest.approx((5, 1), abs=1e-12)
    table = game.to_normal_form()
    assert table.expected(qre_branch(table).end.play) == pytest.approx((5, 1), abs=1e-12)


def test_a_crossing_is_reported_and_left_only_if_asked() -> None:
    """The subgame of museum_or_fair is symmetric: straight on, both go on mixing there, and staying at home pays."""
    game = catalog("museum_or_fair")
    left, straight = trace(game, "rationality", 40.0), trace(game, "rationality", 40.0, leave=False)
    assert left.crossings == pytest.approx(straight.crossings, abs=1e-6)
    assert len(straight.crossings) == 1
    assert game.expected(left.end.play) == pytest.approx((5, 1), abs=1e-9)
    assert game.expected(straight.end.play) == pytest.approx((3, 3), abs=1e-9)
    assert max(left.max_gap, straight.max_gap) < 1e-11


def test_the_hunt_has_three_equilibria_and_the_branch_goes_to_the_hare() -> None:
    branch = trace(HUNT, "rationality", 5.0)
    assert branch.end.play[0][0] == pytest.approx(3.059e-7, rel=1e-3)
    for start, exact in ((0.83, 0.828889), (0.99, 0.992183)):
        found = trace(HUNT, "rationality", 5.1, start=([np.array([start, 1 - start])] * 2, 5.0))
        assert found.points[0].play[0][0] == pytest.approx(exact, abs=1e-6)
        assert found.max_gap < 1e-10
    with pytest.raises(SolverError, match="no equilibrium at rationality 5"):
        trace(HUNT, "rationality", 6.0, start=([np.array([0.5, 0.5])] * 2, 5.0))


def test_a_fold_is_found_where_calculus_has_it() -> None:
    least = minimize_scalar(lambda q: np.log(q / (1 - q)) / (4 * q - 3), bounds=(0.76, 0.9999), method="bounded")
    branch = trace(HUNT, "rationality", 0.0, start=([np.array([0.992183, 0.007817])] * 2, 5.0))
    assert branch.turning == pytest.approx([least.fun], abs=1e-9)
    assert branch.stopped == "it turned back to where it began."
    assert branch.end.play[0][0] < 0.83
    assert branch.max_gap < 1e-10


def test_the_branch_in_the_answer_of_the_solver() -> None:
    solution = solve(catalog("seed_loan"), "qre")
    branch = solution.details["branch"]
    assert [e.play for e in solution.equilibria] == [branch.end.play]
    values = [point.value for point in branch.points]
    assert values == sorted(values)
    assert values[0] == 0
    assert branch.max_gap <= 1e-8
    assert solve(catalog("seed_loan"), "qre", rationality=0.3).complete
    assert solve(HUNT, "qre", rationality=0.3).complete is None


def test_the_limit_is_a_nash_equilibrium() -> None:
    for name in (
        "seed_loan",
        "selten_horse",
        "three_bakers",
        "jam_shelf",
        "stag_hunt",
        "shapley",
        "biased_rps",
        "kuhn",
    ):
        (equilibrium,) = logit_branch(catalog(name)).equilibria
        assert equilibrium.certificate.relative <= 1e-7, name
    assert logit_branch(catalog("seed_loan")).exact


# ---- by definition -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.floats(0.01, 20))
@settings(max_examples=40, deadline=None)
def test_every_point_of_a_branch_of_a_table_is_a_logit_equilibrium(seed: int, to: float) -> None:
    game = random_table(seed)
    branch = trace(game, "rationality", to, points=10)
    assert branch.stopped is None
    assert branch.end.value == to
    for point in branch.points:
        payoffs = [game.action_payoffs(i, point.play) for i in range(game.n)]
        for vector, earned in zip(point.play, payoffs, strict=True):
            weights = np.exp(point.value * (earned - earned.max()).astype(float))
            assert np.abs(vector - weights / weights.sum()).max() <= 1e-8
        assert point.certificate.gap <= 1e-8


@given(st.integers(0, 10_000), st.floats(0.01, 10), st.booleans())
@settings(max_examples=30, deadline=None)
def test_every_point_of_a_branch_of_a_tree_is_one_set_by_set(seed: int, to: float, forget: bool) -> None:
    game = random_tree(seed, depth=4, forget=forget)
    if not game.sets or game.absent_minded_sets:
        return
    branch = trace(game, "rationality", to, points=5)
    assert branch.stopped is None
    assert branch.max_gap <= 1e-8


@pytest.mark.parametrize("index", range(12))
def test_the_agent_form_counts_what_the_tree_counts_and_its_slopes_are_derivatives(index: int) -> None:
    game = trees(12)[index]
    system, rng = AgentSystem(game), np.random.default_rng(index)
    logs = np.concatenate([np.log(rng.dirichlet(np.ones(k))) for k in system.sizes])
    edges = np.cumsum([0, *system.sizes])
    play = [np.exp(logs[a:b]) for a, b in pairwise(edges)]
    low = float(min(u for payoffs in game.payoffs for u in payoffs))
    plain = (np.concatenate(action_values(game, play)) - low) / game.payoff_range
    assert system.utilities(logs) == pytest.approx(plain, abs=1e-12)
    step = 1e-6
    moved = [(system.utilities(logs + step * e) - system.utilities(logs - step * e)) / (2 * step) for e in np.eye(len(logs))]  # fmt: skip
    assert system.slopes(logs) == pytest.approx(np.stack(moved, axis=1), abs=1e-8)


def test_payoffs_of_the_agent_form_at_many_plays_at_once() -> None:
    game, rng = catalog("kuhn"), np.random.default_rng(1)
    play = [rng.dirichlet(np.ones(len(s.actions)), size=7) for s in game.sets]
    together = action_values(game, play)
    for b in range(7):
        alone = action_values(game, [vectors[b] for vectors in play])
        assert all(one == pytest.approx(many[b], abs=1e-14) for one, many in zip(alone, together, strict=True))


def test_what_play_never_comes_to_has_no_value_and_what_it_hangs_on_neither() -> None:
    game = catalog("seed_loan")
    first, second = action_values(game, [np.array([1.0, 0.0]), np.array([0.5, 0.5])])
    assert np.isfinite(first).all()
    assert np.isnan(second).all()
    first, second = action_values(game, [np.array([0.5, 0.5]), np.array([np.nan, np.nan])])
    assert np.isnan(first[1])
    assert np.isfinite([first[0], *second]).all()
    certificate = certify(game, [0, 1], concept="qre", rationality=1.0)
    assert certificate.details["unreached"] == 1


def test_a_draw_of_probability_zero_leaves_play_below_it_defined() -> None:
    """Payoffs there are what they would be had it been drawn; Gambit's equations break down on such a tree."""
    build = TreeBuilder(("A", "B"))
    build.chance(("never", "always"), (0, 1))
    build.move(0, "low", ("l", "r"))
    build.leaf((1, 0))
    build.leaf((0, 0))
    build.move(1, "high", ("l", "r"))
    build.leaf((0, 2))
    build.leaf((0, 0))
    game = build.build()
    for play in (trace(game, "rationality", 1.0).end.play, backward_logit(game, 1.0)):
        assert play[0] == pytest.approx([np.e / (1 + np.e), 1 / (1 + np.e)], abs=1e-12)
        assert play[1] == pytest.approx([np.e**2 / (1 + np.e**2), 1 / (1 + np.e**2)], abs=1e-12)


def test_a_path_that_meets_a_set_twice_has_no_agent_form() -> None:
    build = TreeBuilder(("Driver",))
    build.move(0, "road", ("exit", "on"))
    build.leaf((0,))
    build.move(0, "road")
    build.leaf((4,))
    build.leaf((1,))
    with pytest.raises(UnsupportedGameError, match="no agent form"):
        solve(build.build(), "qre", rationality=1.0)
    with pytest.raises(UnsupportedGameError, match="twice"):
        action_values(build.build(), [np.array([0.5, 0.5])])


# ---- agreement ---------------------------------------------------------------------------------------------------------


def test_recursion_and_tracing_agree_under_perfect_information() -> None:
    seen = [game for game in trees(12) if game.perfect_information][:4]
    assert len(seen) >= 3
    for game in seen:
        for rationality in (-2.0, 0.3, 3.0):
            traced = trace(game, "rationality", rationality, points=1).end.play
            for one, other in zip(backward_logit(game, rationality).probabilities, traced.probabilities, strict=True):
                assert one == pytest.approx(other, abs=1e-9)
    with pytest.raises(UnsupportedGameError, match="perfect information"):
        backward_logit(catalog("kuhn"), 1.0)


def test_a_symmetric_game_by_counts_has_the_branch_of_its_table() -> None:
    game = SymmetricGame(3, [[5, 2, 0], [6, 3, 1]])
    for rationality in (0.5, 2.0):
        short, long = logit_equilibrium(game, rationality), logit_equilibrium(game.to_normal_form(), rationality)
        assert all(a == pytest.approx(b, abs=1e-10) for a, b in zip(short, long, strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_gambit_agrees_on_tables(seed: int) -> None:
    pytest.importorskip("pygambit")
    game = random_table(seed)
    for point in gambit.qre_points(game, [0.3, 1.0, 3.0], Limits(seconds=60)):
        for own, theirs in zip(logit_equilibrium(game, point.rationality), point.play, strict=True):
            assert own == pytest.approx(np.asarray(theirs, dtype=float), abs=1e-7)


@pytest.mark.parametrize("index", range(8))
def test_gambit_agrees_on_trees(index: int) -> None:
    pytest.importorskip("pygambit")
    game = trees(8)[index]
    for point in gambit.qre_points(game, [0.3, 1.0, 3.0], Limits(seconds=60)):
        own = trace(game, "rationality", point.rationality, points=1).end.play
        for h in range(len(game.sets)):
            assert own[h] == pytest.approx(np.asarray(point.play[h], dtype=float), abs=1e-7)


# ---- the tracer on other equations -------------------------------------------------------------------------------------


class Hunters(Homotopy):
    """Both hunters alike and averse to the variance of what the other makes them earn; nobody is surer than 99 %."""

    parameter, smooth = "aversion", False
    floor = 0.01

    def __init__(self, game: NormalFormGame) -> None:
        (a, c), (b, d) = game.payoffs[0]
        self.game, self.c, self.d, self.b, self.k = game, c, d, b, (a - c) - (b - d)

    def gain(self, q: float, aversion: float) -> float:
        risk = 2 * aversion * q * (1 - q) * self.k * ((self.b - self.d) + q * self.k)
        return (self.c - self.d) + self.k * q - risk

    def beginning(self):
        return np.array([1 - self.floor]), 0.0

    def residual(self, x, value):
        return x - np.clip(x + self.gain(x[0], value), self.floor, 1 - self.floor)

    def jacobian(self, x, value):
        q = x[0]
        if not self.floor < q + self.gain(q, value) < 1 - self.floor:
            return np.array([[1.0, 0.0]])
        in_q = self.k - 2 * value * self.k * ((self.b - self.d) * (1 - 2 * q) + self.k * (2 * q - 3 * q * q))
        return -np.array([[in_q, -2 * q * (1 - q) * self.k * ((self.b - self.d) + q * self.k)]])

    def play(self, x):
        return [np.array([x[0], 1 - x[0]])] * 2

    def unknowns(self, play):
        return np.array([play[0][0]])

    def certify(self, play, value):
        return certify(self.game, play)


def test_a_branch_that_turns_at_a_corner() -> None:
    """Stag with 99 % is an equilibrium up to lamS; the curve of mixed ones leaves from there and goes back."""
    f = Hunters.floor
    k = 4.0
    last = ((0 - 3) + k * (1 - f)) / (2 * f * (1 - f) * k * ((3 - 3) + (1 - f) * k))
    branch = trace(HUNT, Hunters, 10.0)
    assert branch.parameter == "aversion"
    assert branch.turning == pytest.approx([last], abs=2e-3)
    assert branch.stopped == "it turned back to where it began."
    for point in branch.points:
        q = point.play[0][0]
        assert Hunters(HUNT).residual(np.array([q]), point.value) == pytest.approx(0, abs=1e-9)
    assert branch.end.play[0][0] == pytest.approx(0.75, abs=0.05)  # towards the mixed Nash equilibrium


def test_derivatives_by_differences_serve_where_none_are_given() -> None:
    equations = LogitEquations(random_table(2))
    x, _ = equations.beginning()
    assert Homotopy.jacobian(equations, x, 0.7) == pytest.approx(equations.jacobian(x, 0.7), abs=1e-8)


def test_time_runs_out_and_what_was_traced_is_kept() -> None:
    branch = trace(catalog("kuhn"), "rationality", 1e6, limits=Limits(seconds=1e-9))
    assert branch.stopped == "seconds"
    assert branch.points[0].value == 0
    solution = solve(catalog("kuhn"), "qre", rationality=1e6, limits=Limits(seconds=0.06))
    assert solution.stopped == "seconds"
    assert not solution.equilibria


def test_wrong_requests_are_named() -> None:
    with pytest.raises(SolverError, match=r"no branch in 'rationalty'. Did you mean 'rationality'"):
        trace(HUNT, "rationalty", 1.0)
    with pytest.raises(SolverError, match="finite"):
        trace(HUNT, "rationality", np.inf)
    with pytest.raises(SolverError, match="every action is played"):
        trace(HUNT, "rationality", 1.0, start=((0, 0), 0.5))
    with pytest.raises(SolverError, match="rationality"):
        certify(HUNT, (0, 0), concept="qre")
    with pytest.raises(SolverError, match="no finite number"):
        certify(HUNT, (0, 0), concept="qre", rationality=float("nan"))


def test_the_same_curve_every_time() -> None:
    walks = [[point.where for point in Curve(LogitEquations(random_table(1))).walk(50.0)] for _ in range(2)]
    assert all((a == b).all() for a, b in zip(*walks, strict=True))
