"""Play of trees scored: exact regrets of uniform and equilibrium play, missing data, records, rationality."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from gamesim_analysis.equilibrium.router import solve
from gamesim_analysis.metrics.cells import CellOf
from gamesim_analysis.report.page import collect, page
from gamesim_analysis.report.study import Study
from gamesim_analysis.text2game.play_score import Played, by_set, equilibria_of, play_score, rationality, score

from gamesim.core.efg_format import read_efg
from gamesim.core.extensive_form import ExtensiveFormGame, TreeBuilder
from gamesim.core.registry import entry
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

UNIFORM = {"kuhn": 11 / 12, "liars_dice": 10 / 9, "ferry_fare": 5 / 2, "forklift_aisle": 0, "hill_and_bridge": 2 / 3,
           "ice_seller": 3 / 2, "jam_shelf": 21 / 16, "museum_or_fair": 5 / 4, "seed_loan": 13 / 8, "three_bakers": 33 / 8,
           "three_card_raise": 2 / 3, "two_night_camp": 3}  # fmt: skip


@pytest.mark.parametrize("name", UNIFORM)
def test_regret_of_uniform_play(name: str) -> None:
    game = entry("games", name)()
    found = play_score([np.ones(len(s.actions)) for s in game.sets], game)
    assert found.nash_conv == pytest.approx(UNIFORM[name], abs=1e-9)
    assert found.coverage == 1.0
    assert found.lower_bound == (False,) * game.n


@pytest.mark.slow
def test_regret_of_uniform_play_of_leduc() -> None:
    game = entry("games", "leduc")()
    found = play_score([np.ones(len(s.actions)) for s in game.sets], game)
    assert found.nash_conv == pytest.approx(1709 / 360, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in UNIFORM if name != "liars_dice"])
def test_equilibrium_play_has_no_regret(name: str) -> None:
    game = entry("games", name)()
    solution = equilibria_of(game)
    assert solution is not None
    for number, equilibrium in enumerate(solution.equilibria):
        counts = [1e6 * np.asarray(v, dtype=np.float64) for v in equilibrium.play.probabilities]
        found = play_score(counts, game, solution)
        assert found.nash_conv == pytest.approx(0, abs=1e-9), number
        assert found.distance == pytest.approx(0, abs=1e-9)
        assert found.non_credible in (None, 0.0)


def test_no_number_stands_without_its_coverage() -> None:
    """Sets taken away one by one: what cannot be known is None, never NaN, and the coverage says how much was seen."""
    game = entry("games", "kuhn")()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        kept = rng.random(len(game.sets)) < 0.6
        counts = [rng.integers(0, 9, len(s.actions)) * int(k) for s, k in zip(game.sets, kept, strict=True)]
        if not sum(c.sum() for c in counts):
            continue
        found = play_score(counts, game)
        seen = np.mean([c.sum() > 0 for c in counts])
        assert found.coverage == pytest.approx(seen)
        numbers = [*found.payoffs, *found.regrets, found.nash_conv, found.exploitability, found.relative]
        assert not any(value is not None and np.isnan(value) for value in numbers)
        assert (found.nash_conv is None) == (found.reason is not None)


def test_a_move_that_ties_with_the_equilibrium_is_credible() -> None:
    build = TreeBuilder(("Ann", "Bo"), name="tie")
    build.move(0, "a", ("left", "right", "down"))
    for paid in (2, 2, 1):
        build.leaf((paid, 0))
    game = build.build()
    solution = solve(game, "spe", every=False)
    assert play_score([[5, 5, 0]], game, solution).non_credible == 0
    assert play_score([[5, 4, 1]], game, solution).non_credible == pytest.approx(0.1)


def part_of(game: ExtensiveFormGame, counts: list) -> Played:
    return Played(CellOf(0, {}, {}), game, [np.asarray(c) for c in counts], [], 0)


DILEMMA = """EFG 2 R "dilemma" { "A" "B" }

p "" 1 1 "" { "C" "D" } 0
p "" 2 1 "" { "C" "D" } 0
t "" 1 "" { 3, 3 }
t "" 2 "" { 0, 5 }
p "" 2 1 "" { "C" "D" } 0
t "" 3 "" { 5, 0 }
t "" 4 "" { 1, 1 }
"""


def test_rationality_of_known_counts() -> None:
    dilemma = read_efg(DILEMMA)
    for belief in ("empirical", "equilibrium"):
        fit = rationality(part_of(dilemma, [[25, 75], [25, 75]]), belief=belief)
        assert fit.value == pytest.approx(np.log(3) / 1.25, abs=1e-6)
    loan = entry("games", "seed_loan")()
    assert [s.actions for s in loan.sets] == [("Keep seed", "Lend seed"), ("Repay", "Abscond")]
    counts = part_of(loan, [[300, 100], [25, 50]])
    assert rationality(counts).value == pytest.approx(0.330903, abs=1e-5)
    assert rationality(counts, belief="equilibrium").value == pytest.approx(0.302921, abs=1e-4)


@pytest.mark.parametrize("belief", ["empirical", "equilibrium"])
def test_rationality_that_play_does_not_tell(belief: str) -> None:
    """Matching pennies has one quantal response equilibrium for all lambdas; all best replies give a bound and no point."""
    dilemma = read_efg(DILEMMA)
    pennies = replace(dilemma, payoffs=tuple((Fraction(k), Fraction(-k)) for k in (1, -1, -1, 1)))
    # Against frequencies other than one half each choice pays otherwise: only equilibrium beliefs are flat for any counts.
    for counts in [[[50, 50], [50, 50]], [[70, 30], [20, 80]], [[9, 1], [0, 10]]][: 1 if belief == "empirical" else 3]:
        fit = rationality(part_of(pennies, counts), belief=belief)
        assert not fit.identified
        assert fit.value is None
        assert "not identified" in str(fit)
    best = rationality(part_of(dilemma, [[0, 100], [0, 100]]), belief=belief)
    assert best.value is None
    assert best.lower_bound > 0
    assert str(best).startswith("at least")


def test_large_trees_say_that_the_branch_was_not_followed() -> None:
    game = entry("games", "liars_dice")()
    told = rationality(part_of(game, [np.ones(len(s.actions)) for s in game.sets]), belief="equilibrium")
    assert "not fitted: more than" in told


def test_unseen_sets_bound_the_regret_from_below_or_leave_it_out() -> None:
    game = entry("games", "ferry_fare")()
    counts = [np.ones(len(s.actions)) for s in game.sets]
    whole = play_score(counts, game)
    skipper = game.players.index("Skipper")
    unseen = next(h for h, s in enumerate(game.sets) if s.player != skipper)
    counts[game.sets_of[skipper][0]] = np.array([0.0 if k == 0 else 1.0 for k in range(len(counts[0]))])
    counts[unseen] = np.zeros(len(counts[unseen]))
    part = play_score(counts, game)
    assert part.coverage < 1
    assert part.lower_bound[skipper]
    assert part.regrets[skipper] is not None
    assert whole.lower_bound == (False, False)
    counts = [np.ones(len(s.actions)) for s in game.sets]
    counts[unseen] = np.zeros(len(counts[unseen]))
    lost = play_score(counts, game)
    assert lost.nash_conv is None
    assert "without data" in lost.reason


def test_moves_no_credible_plan_makes_are_counted() -> None:
    game = entry("games", "ferry_fare")()
    counts = [np.zeros(len(s.actions)) for s in game.sets]
    for h, s in enumerate(game.sets):
        counts[h][s.actions.index("Refuse") if "Refuse" in s.actions else 0] = 10
    found = play_score(counts, game, equilibria_of(game))
    assert 0 < found.non_credible <= 1


def test_a_record_is_scored(tmp_path) -> None:
    record = run(load_scenario("games/seed_loan", overrides=["replicates=120"]), store=tmp_path)
    table = score(record)
    assert table["player"] == ["Lender", "Grower"]
    assert table["regret"][0] > 0.5
    assert table["coverage"][0] <= 1
    assert table["low"][0] is None or table["low"][0] <= table["exploitability"][0] <= table["high"][0] + 1e-9
    assert all(isinstance(text, str) for text in table["rationality_in_words"])
    assert table["rationality_of_all_in_words"][0] == table["rationality_of_all_in_words"][1]
    assert table["rationality_at_equilibrium"][0] > 0
    seen = by_set(record)
    assert sum(seen["count"]) == table["moves"][0] + table["moves"][1]


def text_of(section) -> str:
    return repr(section.blocks)


def test_the_report_draws_play_beside_the_equilibrium(tmp_path) -> None:
    record = run(load_scenario("games/seed_loan", overrides=["replicates=60"]), store=tmp_path)
    study = Study([record])
    (section,) = collect(study, ["play"])
    text = text_of(section)
    assert text.count('class="seen"') == text.count('class="equilibrium"') == 4
    for said in ("NashConv", "non-credible", "coverage", "the subgame-perfect equilibrium found by backward_induction (the only one)", "leans upwards"):  # fmt: skip
        assert said in text, said
    assert page(study, ["play"]) == page(Study([record]), ["play"])
    assert "could not be made" not in page(study)


def test_the_report_says_what_it_does_not_know(tmp_path) -> None:
    """Nobody reached the traveller's other places; three conditions; a tree in which a player forgets."""
    ferry = """
name: ferry
environment: {kind: efg, game: ferry_fare}
population: [{agent: efg.equilibrium, count: 2}]
replicates: 5
"""
    (section,) = collect(Study([run(load_scenario(ferry), store=tmp_path)]), ["play"])
    assert "no data" in text_of(section)
    assert "lower bound" in text_of(section)
    swept = """
name: swept
environment: {kind: efg, game: kuhn, repeat: 3, rotate: true}
population: [{agent: efg.uniform, count: 2}]
replicates: 6
sweep: {axes: {environment.repeat: [1, 2, 3, 4]}}
"""
    (section,) = collect(Study([run(load_scenario(swept), store=tmp_path)]), ["play"])
    assert "The first 3 of 4 conditions are drawn" in text_of(section)
    assert "Seats went round" in text_of(section)
    driver = tmp_path / "driver.efg"
    driver.write_text(
        'EFG 2 R "driver" { "D" }\n\np "" 1 1 "" { "exit" "go" } 0\nt "" 1 "" { 0 }\np "" 1 1 "" { "exit" "go" } 0\n'
        't "" 2 "" { 4 }\nt "" 3 "" { 1 }\n'
    )
    forgets = f"name: driver\nenvironment: {{kind: efg, file: {driver}}}\npopulation: [{{agent: efg.uniform, count: 1}}]\nreplicates: 9\n"
    (section,) = collect(Study([run(load_scenario(forgets), store=tmp_path)]), ["play"])
    assert "a player forgets" in text_of(section)
