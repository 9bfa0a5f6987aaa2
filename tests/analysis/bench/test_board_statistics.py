"""The statistics of a board on made-up scores: what does not depend on order, ties, gates, wordings, letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from gamesim_analysis.bench.board import LOG_RANK, Cell, Standing, Statistics, statistics

from gamesim.core.errors import MetricError
from gamesim.core.seeds import Seeds


def cell(values: Sequence[float] | Mapping[int, float], wordings: int = 1) -> Cell:
    by_seed = dict(values) if isinstance(values, Mapping) else dict(enumerate(map(float, values)))
    return Cell(dict.fromkeys(range(wordings), by_seed))


def table(scores: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, dict[str, Cell]]:
    return {player: {s: cell(v) for s, v in cells.items()} for player, cells in scores.items()}


def at(found: Statistics, player: str) -> Standing:
    return next(s for s in found.standings if s.player == player)


@pytest.fixture
def scores() -> dict[str, dict[str, list[float]]]:
    rng = Seeds(5).stream("scores")
    shift = {"p": 0.0, "q": 0.05, "r": 1.0}
    return {
        player: {s: list(add + rng.normal(0, 0.3, size=8)) for s in ("lake", "pasture")}
        for player, add in shift.items()
    }


def test_neither_the_order_of_players_nor_of_seeds_nor_of_scenarios_matters(scores: dict) -> None:
    plain = statistics(table(scores), list(scores))
    turned = {
        player: {s: cell(dict(reversed(list(enumerate(scores[player][s]))))) for s in ("pasture", "lake")}
        for player in ("r", "q", "p")
    }
    other = statistics(turned, ["q", "r", "p"])
    assert [s.player for s in plain.standings] == [s.player for s in other.standings]
    for one, two in zip(plain.standings, other.standings, strict=True):
        assert one.score.low == pytest.approx(two.score.low, abs=1e-12)
        assert one.score.high == pytest.approx(two.score.high, abs=1e-12)
        assert one.probabilities == pytest.approx(two.probabilities)
        assert (one.rank, one.low, one.high, one.letters) == (two.rank, two.low, two.high, two.letters)
    assert [e.ss for e in plain.anova.effects] == pytest.approx([e.ss for e in other.anova.effects])


def test_constant_scores_have_intervals_without_width() -> None:
    found = statistics(table({"a": {"s": [0.3] * 5}, "b": {"s": [0.7] * 5}}), ["a", "b"])
    for player, value in (("a", 0.3), ("b", 0.7)):
        score = at(found, player).score
        assert score.low == score.high == score.estimate == pytest.approx(value)
    assert at(found, "b").probabilities == (1.0, 0.0)
    assert found.letters.letters is None
    assert found.letters.reason is not None


def test_a_planted_difference_gets_another_letter_and_none_does_not() -> None:
    rng = Seeds(12).stream("planted")
    noise = rng.normal(0, 1.0, size=(3, 10))
    found = statistics(
        table({"low": {"s": noise[0]}, "same": {"s": noise[1]}, "high": {"s": noise[2] + 3.0}}), ["low", "same", "high"]
    )
    letters = found.letters.letters
    assert letters is not None
    assert not set(letters["high"]) & (set(letters["low"]) | set(letters["same"]))
    assert set(letters["low"]) & set(letters["same"])
    assert found.letters.method == "Tukey HSD"
    assert at(found, "high").rank == 1
    assert at(found, "high").probabilities[0] > 0.99


def test_the_table_of_the_books_gives_its_analysis_of_variance() -> None:
    data = {"A": ([8, 9, 10], [4, 5, 6]), "B": ([7, 8, 9], [6, 7, 8]), "C": ([3, 4, 5], [5, 6, 7])}
    found = statistics(table({p: {"x": x, "y": y} for p, (x, y) in data.items()}), list(data)).anova
    assert found is not None
    by_name = {e.name: e for e in found.effects}
    assert (by_name["model"].ss, by_name["scenario"].ss) == pytest.approx((21.0, 4.5))
    assert by_name["model x scenario"].p == pytest.approx(0.000849, abs=1e-6)
    assert (found.error_ss, found.error_df) == (pytest.approx(12.0), 12)


def test_who_is_not_ranked_is_listed_with_a_score_and_no_place() -> None:
    data = table({"a": {"s": [0.1, 0.2, 0.3]}, "b": {"s": [0.5, 0.6, 0.4]}, "silent": {"s": [1.0, 1.0, 1.0]}})
    found = statistics(data, ["a", "b"])
    assert [s.player for s in found.standings] == ["b", "a", "silent"]
    silent = at(found, "silent")
    assert silent.rank is None
    assert silent.letters is None
    assert silent.score.estimate == 1.0
    assert at(found, "b").rank == 1


def test_a_player_of_some_scenarios_is_listed_and_cannot_be_ranked() -> None:
    data = table({"a": {"s": [0.1, 0.2], "t": [0.3, 0.4]}, "b": {"s": [0.5, 0.6]}})
    found = statistics(data, ["a"])
    b = at(found, "b")
    assert b.score.estimate is None
    assert b.by_scenario["s"].estimate == pytest.approx(0.55)
    with pytest.raises(MetricError, match="did not play every scenario"):
        statistics(data, ["a", "b"])


def test_equal_players_share_a_rank() -> None:
    found = statistics(table({"a": {"s": [0.1, 0.5]}, "b": {"s": [0.1, 0.5]}, "c": {"s": [0.0, 0.1]}}), ["a", "b", "c"])
    assert [at(found, p).rank for p in "abc"] == [1, 1, 3]
    assert at(found, "a").probabilities == pytest.approx((0.5, 0.5, 0.0))


def test_only_seeds_that_everybody_finished_are_compared() -> None:
    data = {"a": {"s": cell({0: 0.0, 1: 1.0, 2: 9.0})}, "b": {"s": cell({0: 0.5, 1: 0.5})}}
    found = statistics(data, ["a", "b"])
    assert at(found, "a").score.estimate == pytest.approx(0.5)
    assert found.notes == ("1 of 3 seeds of s are left out: not everybody finished them",)


# ---- lifetimes ---------------------------------------------------------------------------------------------------------


def living(times: Sequence[float], seen: Sequence[int], horizon: float = 20) -> Cell:
    return Cell({0: {i: t / horizon for i, t in enumerate(times)}}, (list(times), [bool(x) for x in seen]))


def test_letters_come_from_log_rank_tests_where_the_horizon_ends_much() -> None:
    short, long = (
        living([2, 3, 3, 4, 5, 2, 4, 3], [1] * 8),
        living([20, 20, 19, 20, 20, 18, 20, 20], [0, 0, 1, 0, 0, 1, 0, 0]),
    )
    found = statistics({"short": {"lake": short}, "long": {"lake": long}}, ["short", "long"])
    assert found.letters.method == LOG_RANK
    assert found.letters.letters == {"long": "a", "short": "b"}
    seen = statistics(
        {"short": {"lake": short}, "long": {"lake": living([9, 8, 9, 7, 9, 8, 9, 9], [1] * 8)}}, ["short", "long"]
    )
    assert seen.letters.method == "Tukey HSD"


def test_several_scenarios_of_lifetimes_are_strata() -> None:
    cells = {
        "short": living([2, 3, 3, 4, 5, 2, 4, 3], [1] * 8),
        "long": living([20, 20, 19, 20, 20, 18, 20, 20], [0, 0, 1, 0, 0, 1, 0, 0]),
    }
    found = statistics({p: {"lake": c, "sea": c} for p, c in cells.items()}, list(cells))
    assert "stratified" in found.letters.method
    assert found.letters.letters == {"long": "a", "short": "b"}
    assert found.by_scenario["sea"].method == LOG_RANK


# ---- wordings ----------------------------------------------------------------------------------------------------------


def worded(*rows: Sequence[float]) -> Cell:
    return Cell({w: dict(enumerate(map(float, row))) for w, row in enumerate(rows)})


def test_players_who_read_turn_the_board_and_those_who_do_not_have_no_spread() -> None:
    data = {
        "reads": {"s": worded([0.9, 0.8, 0.9], [0.1, 0.2, 0.1], [0.5, 0.5, 0.4])},
        "deaf": {"s": worded(*[[0.5, 0.6, 0.55]] * 3)},
        "steady": {"s": worded(*[[0.3, 0.35, 0.3]] * 3)},
    }
    found = statistics(data, list(data))
    by_name = {w.player: w for w in found.wordings}
    assert by_name["deaf"].spread.estimate == by_name["deaf"].spread.low == by_name["deaf"].spread.high == 0
    assert by_name["reads"].spread.estimate == pytest.approx(0.8667 - 0.1333, abs=1e-3)
    assert by_name["reads"].spread.low <= by_name["reads"].spread.estimate <= by_name["reads"].spread.high
    assert by_name["reads"].share > 0.9
    assert by_name["deaf"].share == pytest.approx(0)
    assert found.tau == pytest.approx(-1 / 3)
    assert found.depends_on_wording


def test_one_wording_is_no_factor() -> None:
    found = statistics(table({"a": {"s": [0.1, 0.2]}, "b": {"s": [0.5, 0.6]}}), ["a", "b"])
    assert found.wordings == ()
    assert found.tau is None
    assert not found.depends_on_wording


def test_no_rank_is_claimed_beyond_what_the_draws_show() -> None:
    rng = Seeds(77).stream("x")
    found = statistics(table({p: {"s": rng.normal(size=6)} for p in "abcdef"}), list("abcdef"))
    for standing in found.standings:
        assert standing.low <= standing.rank <= standing.high
        inside = sum(standing.probabilities[standing.low - 1 : standing.high])
        assert inside >= 0.95 - 1e-9
    assert np.allclose(np.sum([s.probabilities for s in found.standings], axis=0), 1)
