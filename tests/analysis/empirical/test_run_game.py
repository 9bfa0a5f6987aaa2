"""The game that a run played: its table, what is missing, intervals that reach the equilibrium, the shipped tournament."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gamesim_analysis.empirical.resampling import resampled
from gamesim_analysis.empirical.run_game import run_game, whole_game
from gamesim_analysis.empirical.sampled import certified, spread
from gamesim_analysis.equilibrium.router import solve

from gamesim.cli import main as command_line
from gamesim.core.certify import certify
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import UnsupportedGameError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.symmetric import SymmetricGame
from gamesim.run.record import Record
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

RULES = ("matrix.cooperator", "matrix.defector", "matrix.tit_for_tat")
PAIR = """
environment: {{kind: matrix, stage: {stage}, horizon: 10, noise: {noise}}}
population:
  - {{agent: {first}, seat: player_0}}
  - {{agent: matrix.defector, seat: player_1}}
replicates: {replicates}
seed: 3
{sweep}
"""
SWEEP = """
sweep:
  axes:
    population.0.agent: [matrix.cooperator, matrix.defector, matrix.tit_for_tat]
    population.1.agent: [matrix.cooperator, matrix.defector, matrix.tit_for_tat]
"""


def played(tmp_path: Path, stage: str = "prisoners_dilemma", noise: float = 0.0, replicates: int = 2, sweep: str = SWEEP, first: str = "matrix.cooperator") -> Record:  # fmt: skip
    text = PAIR.format(stage=stage, noise=noise, replicates=replicates, sweep=sweep, first=first)
    return run(load_scenario(f"name: pair\n{text}"), store=tmp_path / "runs")


def test_a_sweep_of_who_plays_is_a_game(tmp_path: Path) -> None:
    found = run_game(played(tmp_path))
    game = whole_game(found)
    assert game.policies == (("cooperator", "defector", "tit_for_tat"),)
    assert found.episodes == 18
    table = game.to_game()
    assert isinstance(table, SymmetricGame)
    payoffs = table.to_normal_form().payoffs[0]
    assert payoffs.tolist() == [[30, 0, 30], [50, 10, 14], [30, 9, 30]]  # by hand: ten rounds of 3, 0, 5, 1
    assert table.to_normal_form().pure_equilibria() == [(1, 1), (2, 2)]


def test_one_composition_is_no_game_and_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedGameError, match=r"one composition is not a game: 2 of 3 profiles were never played: cooperator / cooperator; defector / defector"):  # fmt: skip
        whole_game(run_game(played(tmp_path, sweep="")))
    with pytest.raises(UnsupportedGameError, match="only defector / defector was played"):
        whole_game(run_game(played(tmp_path, sweep="", first="matrix.defector")))


def test_a_sweep_of_more_than_who_plays_must_be_told_which(tmp_path: Path) -> None:
    record = played(tmp_path, sweep=f"{SWEEP}    environment.horizon: [5, 10]\n")
    with pytest.raises(UnsupportedGameError, match=r"2 games.*environment.horizon=5; environment.horizon=10"):
        run_game(record)
    with pytest.raises(UnsupportedGameError, match=r"Did you mean 'environment\.horizon'"):
        run_game(record, {"environment.horizn": 5})
    with pytest.raises(UnsupportedGameError, match="no cell of this run is so"):
        run_game(record, {"environment.horizon": 7})
    short, long = (whole_game(run_game(record, {"environment.horizon": h})) for h in ("5", 10))
    assert np.allclose(short.mean[0][1, 0] * 2, long.mean[0][1, 0])


def test_seats_of_an_asymmetric_game_are_players_of_their_own(tmp_path: Path) -> None:
    found = run_game(played(tmp_path, stage="matching_pennies", sweep=SWEEP.replace(", matrix.tit_for_tat", "")))
    game = whole_game(found)
    assert game.roles == (0, 1)
    table = game.to_game()
    assert isinstance(table, NormalFormGame)
    assert table.payoffs[0].tolist() == [[10, -10], [-10, 10]]
    (equilibrium,) = solve(table, every=True).equilibria
    assert [m.tolist() for m in equilibrium.play] == [[0.5, 0.5], [0.5, 0.5]]


def test_intervals_reach_the_equilibrium(tmp_path: Path) -> None:
    found = run_game(played(tmp_path, noise=0.1, replicates=30))
    game = whole_game(found)
    solution = certified(game, solve(game.to_game(), every=True))
    for equilibrium in solution.equilibria:
        certificate = equilibrium.certificate
        assert certificate.arithmetic == "sampled"
        low, high = certificate.interval
        assert low <= float(certificate.gap) + 1e-9
        assert high > 0
        assert certificate.gap == certify(game, equilibrium.play).gap
    one, two = (spread(found, solution, draws=40, seed=5) for _ in range(2))
    assert one == two
    assert one != spread(found, solution, draws=40, seed=6)
    for own in one["equilibria"]:
        assert 0 <= own["stays"] <= 1
        for actions in own["probabilities"].values():
            for _, low, high in actions.values():
                assert 0 <= low <= high <= 1
    assert one["fewest_episodes"] == 30


def test_draws_of_a_certain_table_never_move() -> None:
    pennies = NormalFormGame.bimatrix([[1.0, -1.0], [-1.0, 1.0]])
    game = EmpiricalGame.exact(pennies)
    half = np.array([0.5, 0.5])
    (found,) = resampled(
        game, [(half, half)], lambda g: [e.play for e in solve(g.to_game(), every=True).equilibria], np.random.default_rng(0), 5
    )  # fmt: skip
    assert (found.stays, found.again, found.regret) == (1.0, 1.0, (0.0, 0.0))
    assert [side.tolist() for side in (*found.low, *found.high)] == [[0.5, 0.5]] * 4
    (unsolved,) = resampled(game, [(half, half)], None, np.random.default_rng(0), 3)
    assert unsolved.again is None


def test_the_interval_of_a_mixture_covers_the_true_one() -> None:
    """Games with known payoffs and known noise: the 95 % of the draws hold the true probability in most of 40 repeats."""
    truth = NormalFormGame.bimatrix([[2.0, -1.0], [-1.0, 1.0]])  # row mixes 2/5, 3/5
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(40):
        game = EmpiricalGame(truth.actions, (0, 1))
        for cell in np.ndindex(2, 2):
            noise = rng.normal(size=(60, 1)) * 0.5
            game = game.add(cell, truth.payoffs[(slice(None), *cell)] + noise * np.array([1.0, -1.0]))
        (found,) = resampled(game, _mixed(game), _mixed, rng, 80)
        held += bool(found.low[0][0] <= 0.4 <= found.high[0][0])
    assert held >= 35


def _mixed(game: EmpiricalGame) -> list[tuple[np.ndarray, np.ndarray]]:
    """The mixed equilibrium of a 2x2 game, in closed form."""
    a, b = game.mean
    x = (b[1, 1] - b[1, 0]) / (b[0, 0] - b[0, 1] - b[1, 0] + b[1, 1])
    y = (a[1, 1] - a[0, 1]) / (a[0, 0] - a[0, 1] - a[1, 0] + a[1, 1])
    return [(np.array([x, 1 - x]), np.array([y, 1 - y]))]


def test_a_population_by_counts_is_a_game_of_all_compositions(tmp_path: Path) -> None:
    """Three seats, two rules, every count: the sorted profiles are the four compositions."""
    text = """name: counts
environment: {kind: public_good, players: 3, horizon: 2}
population:
  - {agent: stage.free_rider, count: 0}
  - {agent: stage.optimum}
sweep: {axes: {population.0.count: [0, 1, 2, 3]}}
replicates: 2
seed: 1
"""
    found = run_game(run(load_scenario(text), store=tmp_path / "runs"))
    game = whole_game(found)
    assert len(game.cells) == 4
    table = game.to_game()
    assert isinstance(table, SymmetricGame)
    best = solve(table, "pure").equilibria
    assert [[int(m.argmax()) for m in e.play] for e in best] == [[0, 0, 0]]  # all ride free


def test_the_shipped_tournament_is_solved_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = load_scenario("games/tournament", overrides=["replicates=6"])
    record = run(scenario, store=tmp_path / "runs")
    answers = []
    for _ in range(2):
        code = command_line.run(["solve", str(record.path), "--all", "--draws", "20", "--json", "--out", str(tmp_path / "o")])  # fmt: skip
        assert code == 0
        answers.append(json.loads(capsys.readouterr().out))
    for answer in answers:
        for solution in answer["solutions"]:
            solution.pop("elapsed")
    assert answers[0] == answers[1]
    found = answers[0]
    assert found["game"]["strategies"] == [5, 5]
    assert found["sampled"]["profiles"] == 15
    assert all(e["certificate"]["interval"][1] >= 0 for e in found["solutions"][0]["equilibria"])
    assert (tmp_path / "o" / "report.html").stat().st_size < 1_000_000
    code = command_line.run(["solve", record.path.name, "--store", str(tmp_path / "runs"), "--draws", "5"])
    out = capsys.readouterr().out
    assert code == 0
    assert "in the game behind the episodes at most" in out
    assert "itself an equilibrium in" in out


def test_a_run_of_one_composition_ends_with_exit_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = played(tmp_path, sweep="")
    assert command_line.run(["solve", str(record.path)]) == 2
    err = capsys.readouterr().err
    assert "one composition is not a game" in err
    assert "Sweep who plays" in err
