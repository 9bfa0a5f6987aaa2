"""The rationality of play, its guards, and regret: against numbers worked out by hand and against Gambit."""

from __future__ import annotations

import math
from importlib.util import find_spec

import numpy as np
import pytest
from gamesim_analysis.empirical.quantal_response import fit_logit, fit_logit_qre, fit_pooled, society_regret
from gamesim_analysis.equilibrium.continuation import trace
from gamesim_analysis.equilibrium.quantal_branch import backward_logit, logit_equilibrium
from gamesim_analysis.equilibrium.sources import catalog

from gamesim.core.errors import MetricError, MissingExtraError
from gamesim.core.extensive_form import ExtensiveFormGame, TreeBuilder
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.preference_game import PreferenceGame
from gamesim.core.seeds import Seeds
from gamesim.core.solution import Solution
from gamesim.core.symmetric import SymmetricGame

DONATION = NormalFormGame.bimatrix([[2, -1], [3, 0]], [[2, 3], [-1, 0]])  # b = 3, c = 1
DILEMMA = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
PENNIES = NormalFormGame.bimatrix([[9, 0], [0, 1]], [[0, 1], [1, 0]])
FAIR = NormalFormGame.bimatrix([[1, 0], [0, 1]], [[0, 1], [1, 0]])
QUARTER = [np.array([25, 75]), np.array([25, 75])]


def scaled(game: NormalFormGame, factor: float) -> NormalFormGame:
    return NormalFormGame(game.payoffs * factor)


@pytest.mark.parametrize("belief", ["known", "empirical", "equilibrium"])
def test_a_quarter_of_givers_has_lambda_ln_3_whatever_they_expect(belief: str) -> None:
    known = [[0.25, 0.75], [0.25, 0.75]] if belief == "known" else None
    fit = fit_logit(QUARTER, DONATION, belief=belief, known=known)
    assert fit.value == pytest.approx(math.log(3), abs=1e-6)
    assert fit.log_likelihood == pytest.approx(-112.467029, abs=1e-6)
    assert fit.normalised == pytest.approx(4 * math.log(3), abs=4e-6)
    assert fit.identified
    assert not fit.below_random
    assert fit.n == 200


def test_one_player_alone_has_the_textbook_standard_error() -> None:
    fit = fit_logit([[25, 75], [0, 0]], DONATION, belief="known", known=[None, [0.5, 0.5]])
    assert fit.value == pytest.approx(math.log(3), abs=1e-6)
    assert fit.standard_error == pytest.approx(1 / math.sqrt(100 * 0.1875), abs=1e-6)
    alone = fit_logit(QUARTER, DONATION, belief="empirical", players=[1])
    assert alone.n == 100
    assert alone.standard_error == pytest.approx(0.230940, abs=1e-6)


@pytest.mark.parametrize(
    ("rationality", "cooperation"),
    [(0, 0.5), (math.log(3) / 1.25, 0.25), (1, 0.226751), (2, 0.099788), (5, 0.006481)],
)
def test_logit_equilibria_of_the_dilemma(rationality: float, cooperation: float) -> None:
    row, column = logit_equilibrium(DILEMMA, rationality)
    assert row[0] == pytest.approx(cooperation, abs=1e-6)
    assert column[0] == pytest.approx(cooperation, abs=1e-6)
    assert math.log(row[0] / row[1]) == pytest.approx(-rationality * (1 + row[0]), abs=1e-9)


@pytest.mark.parametrize(
    ("rationality", "row", "column"),
    [(0.5, 0.830671, 0.418077), (1, 0.893576, 0.312780), (2, 0.860754, 0.191078), (5, 0.701984, 0.117135)],
)
def test_logit_equilibria_of_asymmetric_pennies(rationality: float, row: float, column: float) -> None:
    first, second = logit_equilibrium(PENNIES, rationality)
    assert first[0] == pytest.approx(row, abs=1e-6)
    assert second[0] == pytest.approx(column, abs=1e-6)


def test_data_at_a_logit_equilibrium_fit_back() -> None:
    play = logit_equilibrium(PENNIES, 1.0)
    fit = fit_logit([1000 * p for p in play], PENNIES, belief="equilibrium")
    assert fit.value == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("counts", [[[60, 40], [45, 55]], [[50, 50], [50, 50]], [[100, 0], [100, 0]]])
def test_fair_pennies_tell_nothing_about_rationality(counts: list[list[int]]) -> None:
    fit = fit_logit(counts, FAIR, belief="equilibrium", clusters=[counts])
    assert not fit.identified
    assert fit.value is fit.normalised is fit.low is fit.lower_bound is None
    assert "same at every lambda" in str(fit)


@pytest.mark.parametrize("belief", ["known", "empirical", "equilibrium"])
def test_unfailing_best_replies_give_a_bound_and_no_number(belief: str) -> None:
    known = [None, [0.0, 1.0]] if belief == "known" else None
    counts = [[0, 100], [0, 0]] if belief == "known" else [[0, 50], [0, 50]]
    fit = fit_logit(counts, DONATION, belief=belief, known=known)
    assert fit.value is None
    assert fit.lower_bound == pytest.approx(4.2962, abs=1e-3)
    assert fit.log_likelihood == pytest.approx(0, abs=1e-9)
    assert "at least" in str(fit)


@pytest.mark.parametrize("belief", ["known", "empirical", "equilibrium"])
def test_worse_than_random_is_zero_and_says_so(belief: str) -> None:
    counts = [[75, 25], [75, 25]]
    fit = fit_logit(counts, DONATION, belief=belief, known=[[0.75, 0.25]] * 2 if belief == "known" else None)
    assert fit.value == 0
    assert fit.below_random
    assert fit.unconstrained == pytest.approx(-1.098612, abs=1e-6)
    all_worst = fit_logit(
        [[100, 0], [100, 0]], DONATION, belief=belief, known=[[1.0, 0.0]] * 2 if belief == "known" else None
    )
    assert all_worst.value == 0
    assert all_worst.below_random
    assert all_worst.unconstrained == -math.inf


@pytest.mark.parametrize("belief", ["empirical", "equilibrium"])
@pytest.mark.parametrize("factor", [0.01, 7.0, 1000.0])
def test_scaling_payoffs_divides_lambda_and_leaves_its_unit_free_form(belief: str, factor: float) -> None:
    counts = [[830, 170], [400, 600]]
    plain, other = (fit_logit(counts, game, belief=belief) for game in (PENNIES, scaled(PENNIES, factor)))
    assert plain.value is not None
    assert other.value == pytest.approx(plain.value / factor, rel=1e-6)
    assert other.normalised == pytest.approx(plain.normalised, abs=1e-6)


@pytest.mark.parametrize("belief", ["empirical", "equilibrium"])
def test_two_copies_of_a_game_are_one_with_twice_the_counts(belief: str) -> None:
    counts = [np.array([30, 70]), np.array([40, 60])]
    double = fit_logit([2 * c for c in counts], DONATION, belief=belief)
    pooled = fit_pooled([(counts, DONATION), (counts, DONATION)], belief=belief)
    rescaled = fit_pooled([(counts, DONATION), (counts, scaled(DONATION, 3))], belief=belief)
    assert pooled.normalised == pytest.approx(double.normalised, abs=1e-6)
    assert pooled.log_likelihood == pytest.approx(double.log_likelihood, abs=1e-6)
    assert rescaled.normalised == pytest.approx(double.normalised, abs=1e-6)
    assert rescaled.value is None  # the games have no unit in common


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 2, 2)])
def test_our_continuation_agrees_with_gambit(seed: int, shape: tuple[int, ...]) -> None:
    pytest.importorskip("pygambit")
    rng = Seeds(seed).stream("games")
    game = NormalFormGame(rng.normal(size=(len(shape), *shape)))
    counts = [200 * p + rng.integers(0, 20, size=len(p)) for p in logit_equilibrium(game, 1.5)]
    own, theirs = (fit_logit(counts, game, belief="equilibrium", method=method) for method in ("own", "gambit"))
    assert own.value is not None
    assert own.log_likelihood == pytest.approx(theirs.log_likelihood, abs=1e-5)
    assert own.value == pytest.approx(theirs.value, rel=1e-3)


def test_gambit_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "pygambit" else real(name, *a))
    with pytest.raises(MissingExtraError, match=r"gamesim\[gambit\]"):
        fit_logit(QUARTER, DONATION, belief="equilibrium", method="gambit")


def test_empirical_beliefs_agree_with_gambits_empirical_estimate() -> None:
    pytest.importorskip("pygambit")
    from gamesim_analysis.equilibrium.gambit import logit_estimate

    counts = [[830, 170], [400, 600]]
    rationality, _ = logit_estimate(PENNIES, counts, empirical=True)
    assert fit_logit(counts, PENNIES, belief="empirical").value == pytest.approx(rationality, abs=1e-5)


def test_a_symmetric_game_by_counts_fits_as_its_table() -> None:
    game = SymmetricGame(3, [[5, 2, 0], [6, 3, 1]])
    table = game.to_normal_form()
    apart = fit_logit([[20, 80], [30, 70], [25, 75]], table, belief="equilibrium")
    for counts in ([[20, 80], [30, 70], [25, 75]], [75, 225]):
        assert fit_logit(counts, game, belief="equilibrium").normalised == pytest.approx(apart.normalised, abs=1e-6)
    told_apart = fit_logit([[20, 80], [30, 70], [25, 75]], game, belief="empirical")
    assert told_apart.normalised == pytest.approx(
        fit_logit([[20, 80], [30, 70], [25, 75]], table, belief="empirical").normalised
    )
    assert fit_logit([75, 225], game, belief="empirical").n == 300


def test_the_fit_is_the_maximum_of_the_likelihood() -> None:
    rng = Seeds(3).stream("x")
    for _ in range(20):
        game = NormalFormGame(rng.normal(size=(2, 3, 4)))
        counts = [rng.integers(0, 50, size=3), rng.integers(1, 50, size=4)]
        fit = fit_logit(counts, game, belief="empirical")
        mixtures = [c / c.sum() for c in counts]
        utilities = [game.action_payoffs(i, mixtures) for i in range(2)]

        def likelihood(x: float, utilities: list = utilities, counts: list = counts) -> float:
            return sum(float(n @ (x * u - np.log(np.exp(x * u).sum()))) for n, u in zip(counts, utilities, strict=True))

        grid = np.linspace(0, 20, 2001)
        assert fit.value is not None
        assert likelihood(fit.value) >= max(likelihood(x) for x in grid) - 1e-9


def test_intervals_resample_societies_and_need_them_to_add_up() -> None:
    rng = Seeds(5).stream("play")
    societies = [[rng.multinomial(20, [0.25, 0.75]), rng.multinomial(20, [0.25, 0.75])] for _ in range(30)]
    total = [sum(s[i] for s in societies) for i in range(2)]
    for belief in ("empirical", "equilibrium"):
        fit = fit_logit(total, DONATION, belief=belief, clusters=societies)
        again = fit_logit(total, DONATION, belief=belief, clusters=societies)
        assert fit.low < fit.value < fit.high
        assert (fit.low, fit.high) == (again.low, again.high)
        assert fit.high - fit.low < 4 * 1.96 * fit_logit(total, DONATION, belief="empirical").standard_error
    alike = fit_logit([[250, 750], [250, 750]], DONATION, clusters=[[[25, 75], [25, 75]]] * 10)
    assert alike.low == pytest.approx(alike.high) == pytest.approx(alike.value)
    with pytest.raises(MetricError, match="do not add up"):
        fit_logit(total, DONATION, clusters=societies[1:])


def test_bootstrap_draws_agree_with_fits_of_the_draws_themselves() -> None:
    from gamesim_analysis.empirical.choice_fit import Choices, fit, resampled

    rng = Seeds(9).stream("x")
    payoffs = rng.normal(size=(5, 2, 3))
    counts = rng.integers(0, 30, size=(5, 2, 3)).astype(float)
    found = resampled(counts, payoffs)
    for b in range(5):
        alone = fit(Choices(list(counts[b]), list(payoffs[b])))
        assert found[b] == pytest.approx(alone.estimate, abs=1e-7)


def test_a_preference_and_the_dilemma_with_three_quarters_of_a_choice() -> None:
    preference = PreferenceGame([[0.5, 0.8], [0.2, 0.5]])
    for method in ("own", "gambit") if find_spec("pygambit") else ("own",):
        fit = fit_logit([[75, 25], [75, 25]], preference, belief="equilibrium", method=method)
        assert fit.value == pytest.approx(math.log(3) / 0.3, abs=1e-6)
        assert fit.log_likelihood == pytest.approx(-112.46702893, abs=1e-7)
        again = fit_logit(QUARTER, DILEMMA, belief="equilibrium", method=method)
        assert again.value == pytest.approx(math.log(3) / 1.25, abs=1e-6)
    assert fit_logit(QUARTER, DILEMMA, belief="empirical").value == pytest.approx(math.log(3) / 1.25, abs=1e-6)


# ---- trees ---------------------------------------------------------------------------------------------------------

LOAN = catalog("seed_loan")
LENT = [[300, 100], [25, 50]]  # Keep, Lend; Repay, Abscond


@pytest.mark.parametrize(
    ("belief", "value", "log_likelihood"),
    [("empirical", 0.330903, -284.388619), ("equilibrium", 0.302921, -278.868932)],
)
def test_a_loan_that_is_not_always_repaid(belief: str, value: float, log_likelihood: float) -> None:
    fit = fit_logit_qre(LENT, LOAN, belief=belief)
    assert fit.value == pytest.approx(value, abs=1e-6)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-6)
    assert fit.normalised == pytest.approx(value * LOAN.payoff_range, abs=1e-5)
    assert (fit.n, fit.left_out) == (475, 0)


def test_the_fit_of_a_tree_is_the_best_of_its_recursion() -> None:
    fit = fit_logit(LENT, LOAN, belief="equilibrium")

    def likelihood(rationality: float) -> float:
        play = backward_logit(LOAN, rationality)
        return sum(float(np.array(n) @ np.log(p)) for n, p in zip(LENT, play.probabilities, strict=True))

    assert likelihood(fit.value) == pytest.approx(fit.log_likelihood, abs=1e-9)
    assert fit.log_likelihood >= max(likelihood(x) for x in np.linspace(0, 5, 501))


@pytest.mark.parametrize("name", ["seed_loan", "kuhn", "three_card_raise"])
def test_our_fit_of_a_tree_agrees_with_gambit(name: str) -> None:
    pytest.importorskip("pygambit")
    game = catalog(name)
    play = trace(game, "rationality", 1.0, points=1).end.play
    counts = [np.round(100 * p + 3 * h % 5) for h, p in enumerate(play.probabilities)]
    own, theirs = (fit_logit(counts, game, belief="equilibrium", method=method) for method in ("own", "gambit"))
    assert own.log_likelihood >= theirs.log_likelihood - 1e-6
    assert own.value == pytest.approx(theirs.value, rel=1e-4)


def test_empirical_payoffs_of_a_tree_agree_with_gambits() -> None:
    pytest.importorskip("pygambit")
    from gamesim_analysis.equilibrium.gambit import logit_estimate

    rationality, log_likelihood = logit_estimate(LOAN, LENT, empirical=True)
    fit = fit_logit(LENT, LOAN, belief="empirical")
    assert fit.value == pytest.approx(rationality, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-5)


def test_guards_hold_on_trees() -> None:
    best = [[80, 0], [0, 40]]  # keep, for it would not be repaid
    for belief in ("known", "equilibrium"):
        fit = fit_logit(best, LOAN, belief=belief, known=[[0.9, 0.1], [0, 1]] if belief == "known" else None)
        assert fit.value is None
        assert fit.lower_bound > 0
    pennies = tree_of_pennies()
    for counts in ([[60, 40], [45, 55]], [[1, 99], [99, 1]]):
        assert not fit_logit(counts, pennies, belief="equilibrium").identified
    worse = fit_logit([[10, 90], [90, 10]], LOAN, belief="equilibrium")
    assert (worse.value, worse.below_random) == (0, True)
    assert worse.unconstrained < 0


def tree_of_pennies() -> ExtensiveFormGame:
    """Matching pennies: the second player does not see the first one's coin."""
    build = TreeBuilder(("Even", "Odd"))
    build.move(0, "coin", ("heads", "tails"))
    for first in (1, -1):
        build.move(1, "coin", ("heads", "tails"))
        build.leaf((first, -first))
        build.leaf((-first, first))
    return build.build()


def test_decisions_that_nobody_can_weigh_are_left_out_and_counted() -> None:
    """What lending leads to was never seen, so the lender's choices say nothing of beliefs by frequency."""
    with pytest.raises(MetricError, match="nobody was seen at"):
        fit_logit([[400, 0], [0, 0]], LOAN, belief="empirical")
    fit = fit_logit([[300, 100], [25, 50]], LOAN, belief="known", known=[[0.75, 0.25], None])
    assert (fit.n, fit.left_out) == (75, 400)
    assert fit_logit([[400, 0], [0, 0]], LOAN, belief="equilibrium").n == 400


def test_societies_playing_a_tree_give_an_interval() -> None:
    rng = Seeds(3).stream("play")
    play = backward_logit(LOAN, 0.4)
    societies = [[rng.multinomial(10, np.asarray(p, dtype=float)) for p in play.probabilities] for _ in range(40)]
    total = [sum(s[h] for s in societies) for h in range(2)]
    for belief in ("empirical", "equilibrium"):
        fit = fit_logit(total, LOAN, belief=belief, clusters=societies)
        assert fit.low < fit.value < fit.high
        assert fit.low < 0.4 < fit.high
    with pytest.raises(MetricError, match="counts of 1 information sets"):
        fit_logit([[1, 2]], LOAN)


@pytest.mark.slow
def test_cluster_intervals_cover_the_truth() -> None:
    p = 1 / (1 + math.e)
    rng = Seeds(11).stream("simulated")
    hits = 0
    for number in range(1000):
        given = rng.binomial(10, p, size=(50, 2))  # ten decisions of each of two players
        societies = [[[c, 10 - c], [d, 10 - d]] for c, d in given.tolist()]
        totals = given.sum(axis=0)
        fit = fit_logit(
            [[totals[0], 500 - totals[0]], [totals[1], 500 - totals[1]]],
            DONATION,
            belief="empirical",
            clusters=societies,
            rng=Seeds(number).stream("bootstrap"),
            resamples=1000,
        )
        hits += fit.low <= 1 <= fit.high
    assert 910 <= hits <= 960


def test_wrong_counts_are_named() -> None:
    for counts, message in (
        ([[1, 2]], "counts of 1 players for a game of 2"),
        ([[1, 2, 3], [1, 2]], "counts of shape"),
        ([[1, -2], [1, 2]], "at least 0"),
        ([["a", 1], [1, 2]], "must be numbers"),
        ([[0, 0], [0, 0]], "nobody's choices"),
    ):
        with pytest.raises(MetricError, match=message):
            fit_logit(counts, DONATION)
    with pytest.raises(MetricError, match="no belief 'emprical'"):
        fit_logit(QUARTER, DONATION, belief="emprical")  # type: ignore[arg-type]
    with pytest.raises(MetricError, match="known beliefs need"):
        fit_logit(QUARTER, DONATION, belief="known")
    with pytest.raises(MetricError, match="expects of the others is not known"):
        fit_logit([[5, 5], [0, 0]], DONATION)


def test_a_fit_of_repeated_play_is_labelled() -> None:
    assert fit_logit(QUARTER, DONATION, repeated=True).label == "stage-game description"


# ---- regret ------------------------------------------------------------------------------------------------------------


def test_regret_of_the_dilemma() -> None:
    together = society_regret([[10, 0], [10, 0]], DILEMMA)
    assert together.regrets == (2, 2)
    assert together.nash_conv == 4
    assert together.normalised == pytest.approx(0.8)
    assert (together.welfare, together.best_welfare, together.welfare_ratio) == (6, 6, 1)
    apart = society_regret([[0, 10], [0, 10]], DILEMMA)
    assert apart.nash_conv == 0
    assert apart.welfare_ratio == pytest.approx(1 / 3)


def test_regret_and_distance_in_asymmetric_pennies() -> None:
    equilibrium = [np.array([0.5, 0.5]), np.array([0.1, 0.9])]
    found = society_regret([[50, 50], [50, 50]], PENNIES, equilibria=[equilibrium])
    assert found.regrets == pytest.approx((2.0, 0.0))
    assert found.distances == pytest.approx((0.0, 0.4))
    assert found.distance == pytest.approx(0.4)
    assert (found.nearest, found.complete) == (0, None)


def test_the_nearest_of_several_equilibria_and_what_is_known_of_the_set() -> None:
    from gamesim.core.certify import certify
    from gamesim.core.profiles import pure
    from gamesim.core.solution import Equilibrium

    hunt = NormalFormGame.bimatrix([[4, 0], [3, 3]], [[4, 3], [0, 3]])
    plays = [pure((2, 2), (0, 0)), pure((2, 2), (1, 1))]
    solution = Solution(
        tuple(Equilibrium(p, tuple(hunt.expected(p)), certify(hunt, p)) for p in plays),
        "nash",
        "by hand",
        complete=False,
    )
    found = society_regret([[1, 9], [2, 8]], hunt, solution)
    assert (found.nearest, found.complete) == (1, False)
    assert found.distances == pytest.approx((0.1, 0.2))


def test_players_without_data_are_not_filled_in() -> None:
    found = society_regret([[5, 5], [0, 0]], DILEMMA)
    assert found.regrets == (None, None)
    assert found.nash_conv is found.normalised is found.welfare is None
    assert found.reason == "no data of player 1"


def test_regret_by_counts_is_regret_in_the_table() -> None:
    game = SymmetricGame(3, [[5, 2, 0], [6, 3, 1]])
    counts = [[20, 80], [30, 70], [25, 75]]
    short, long = society_regret(counts, game), society_regret(counts, game.to_normal_form())
    assert short.regrets == pytest.approx(long.regrets)
    assert short.best_welfare == long.best_welfare
    alike = society_regret([75, 225], game, equilibria=[[0.0, 1.0]])
    assert alike.regrets == pytest.approx(society_regret([[25, 75]] * 3, game).regrets)
    assert alike.distances == pytest.approx((0.25,) * 3)
