"""Gambit in a process of its own: agreement with native answers, limits, crashes and rubbish."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from gamesim_analysis.equilibrium import gambit, solve
from gamesim_analysis.equilibrium.sources import catalog
from gamesim_analysis.equilibrium.zero_sum_lp import zero_sum_lp

from gamesim.core.certify import certify
from gamesim.core.efg_format import write_efg
from gamesim.core.errors import SolverCrashError, SolverError, SolverLimitError
from gamesim.core.nfg_format import read_nfg, write_nfg
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry
from gamesim.core.solution import Limits
from gamesim.testing.trees import random_tree

pytestmark = pytest.mark.skipif(not gambit.installed(), reason="pygambit is not installed")
LIMITS = Limits(seconds=30)


def plays(solution):
    return {tuple(tuple(v) for v in e.play) for e in solution.equilibria}


def random_game(seed: int) -> NormalFormGame:
    rng = np.random.default_rng(seed)
    shape = rng.integers(2, 5, size=2)
    return NormalFormGame(rng.integers(0, 3 if seed % 4 == 0 else 30, size=(2, *shape)))


@pytest.mark.slow
def test_extreme_equilibria_are_gambits() -> None:
    for seed in range(16):
        game = random_game(seed)
        ours = solve(game, method="vertex_enumeration")
        theirs = solve(game, method="enummixed", limits=LIMITS)
        assert plays(ours) == plays(theirs), seed
        assert theirs.exact
        assert theirs.complete
        assert theirs.versions["pygambit"]


@pytest.mark.slow
def test_zero_sum_values_are_gambits() -> None:
    for seed in range(10):
        matrix = np.random.default_rng(seed).integers(-9, 10, size=(3, 4))
        game = NormalFormGame.bimatrix(matrix)
        assert solve(game, "value", method="lp").equilibria[0].payoffs == zero_sum_lp(game).equilibria[0].payoffs
        tree = random_tree(seed, 2, 3)
        from dataclasses import replace

        zero = replace(tree, payoffs=tuple((a, -a) for a, _ in tree.payoffs))
        ours, theirs = (solve(zero, "value", method=name) for name in ("sequence_form_lp", "lp"))
        assert float(ours.equilibria[0].payoffs[0]) == pytest.approx(float(theirs.equilibria[0].payoffs[0]), abs=1e-9)


@pytest.mark.parametrize("name", ["kuhn", "three_card_raise", "one_card_poker", "hill_and_bridge", "liars_dice"])
def test_trees_by_gambits_sequence_form(name: str) -> None:
    game = catalog(name)
    (ours,) = solve(game).equilibria
    theirs = solve(game, method="lp", limits=LIMITS)
    assert float(theirs.equilibria[0].payoffs[0]) == pytest.approx(float(ours.payoffs[0]), abs=1e-9)
    if name != "liars_dice":
        assert theirs.exact
        assert theirs.equilibria[0].payoffs == ours.payoffs


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lcp", "gnm", "ipa", "simpdiv", "logit", "enumpoly", "liap", "hp"])
def test_every_method_answers_with_a_certificate(method: str) -> None:
    """Whatever comes back is certified; what fails is listed apart with its regret, or the failure is named."""
    lacking = f"{method}_solve" in (name for name, there in gambit.features_found()[1].items() if not there)
    answered = 0
    for name in ("chicken", "ferry_fare", "museum_or_fair", "three_bakers"):
        if method == "lcp" and name == "three_bakers":
            continue
        try:
            solution = solve(catalog(name), method=method, limits=Limits(seconds=1.5))
        except SolverError as error:
            assert "Gambit" in str(error)  # noqa: PT017
            continue
        answered += bool(solution.equilibria or solution.rejected)
        assert all(e.certificate.grade != "rejected" for e in solution.equilibria)
        assert all(e.certificate.relative > 1e-4 for e in solution.rejected)
        assert solution.cpu_seconds > 0
    assert answered >= (0 if lacking else 2)


def test_features_are_found_by_looking_for_them() -> None:
    version, found = gambit.features_found()
    assert version == __import__("importlib.metadata").metadata.version("pygambit")
    assert all(found[name] for name in ("read_efg", "read_nfg", "lp_solve", "enummixed_solve", "logit_estimate"))
    assert found["nash_callback"] == found["StrategicGame"]  # both came with version 17
    import gamesim_analysis.equilibrium.gambit as module

    source = Path(module.__file__).read_text()
    assert "version <" not in source
    assert "version >" not in source
    assert "version_info" not in source


def test_only_one_module_imports_gambit() -> None:
    root = Path(__file__).parents[3]
    naming = [
        path.name
        for folder in ("gamesim", "agents", "analysis")
        for path in (root / folder).rglob("*.py")
        if "import pygambit" in path.read_text()
    ]
    assert naming == ["gambit.py"]


def test_what_a_version_lacks_disables_that_method_alone() -> None:
    class Old:
        __version__ = "16.0"

        class nash:
            lp_solve = None

        read_efg = read_nfg = Game = None

    found = gambit.features(Old)
    assert found["lp_solve"]
    assert not found["hp_solve"]
    assert not found["nash_callback"]
    assert not found["logit_estimate"]
    with pytest.raises(SolverError, match=r"this version of Gambit has no hp_solve"):
        gambit._offered(Old.nash, "hp_solve")


def test_parameters_are_passed_on_and_unknown_ones_named() -> None:
    assert len(solve(catalog("chicken"), method="lcp", stop_after=1).equilibria) == 1
    with pytest.raises(SolverError, match="Did you mean 'stop_after'"):
        solve(catalog("chicken"), method="lcp", stopafter=1)


def test_logit_points_of_tables_and_trees() -> None:
    """The prisoners' dilemma at 1 and 5, and a tree whose order of sets is kept."""
    one, five = gambit.qre_points(catalog("prisoners_dilemma"), [1, 5])
    assert float(one.play[0][1]) == pytest.approx(0.7732493551656654, abs=1e-8)
    assert float(five.play[0][1]) == pytest.approx(0.9935191661408, abs=1e-8)
    tree = catalog("jam_shelf")
    points = gambit.qre_points(tree)
    assert points[0].rationality == 0
    assert all(abs(float(v.sum()) - 1) < 1e-9 for point in points for v in point.play.probabilities)
    assert max(float(abs(v - 1 / len(v)).max()) for v in points[0].play.probabilities) < 1e-9
    assert float(certify(tree, points[-1].play).gap) < 1e-3 * tree.payoff_range


def test_near_misses_are_polished_and_far_ones_are_not() -> None:
    from gamesim_analysis.equilibrium.rationalise import polish

    game = catalog("three_bakers").to_normal_form()
    exact = next(e.play for e in solve(game, method="enumpoly").equilibria if abs(float(e.payoffs[0]) - 1) < 1e-9 and abs(float(e.payoffs[2]) - 1) < 1e-9)  # fmt: skip
    rng = np.random.default_rng(0)
    near = [
        np.abs(np.asarray(v, dtype=float) + rng.normal(0, 3e-3, len(v)) * (np.asarray(v, dtype=float) > 0))
        for v in exact
    ]
    near = [v / v.sum() for v in near]
    assert certify(game, near).gap > 1e-4
    assert float(certify(game, polish(game, near)).gap) <= 1e-12
    far = tuple(np.eye(k)[0] for k in catalog("prisoners_dilemma").shape)
    assert all((a == b).all() for a, b in zip(polish(catalog("prisoners_dilemma"), far), far, strict=True))


def test_all_of_kuhn_in_three_seconds_keeps_the_value_and_leaves_no_child() -> None:
    import gamesim.run.isolate as isolate

    solution = solve(catalog("kuhn"), every=True, limits=Limits(seconds=3))
    assert solution.equilibria[0].payoffs == (Fraction(-1, 18), Fraction(1, 18))
    assert solution.complete is False
    assert solution.stopped == "seconds"
    with pytest.raises(SolverLimitError, match="limit of 1 s"):
        solve(catalog("kuhn"), method="enummixed", limits=Limits(seconds=1))
    for workers in isolate._idle.values():
        for worker in workers:
            assert not Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().strip()


def test_isolated_equilibria_of_the_horse_are_the_two_pure_ones() -> None:
    horse = solve(catalog("selten_horse"), method="enumpoly", limits=LIMITS)
    pure = solve(catalog("selten_horse"), "pure", limits=LIMITS)
    assert pure.complete
    assert {e.payoffs for e in horse.equilibria} == {e.payoffs for e in pure.equilibria}
    assert len(horse.equilibria) == len(pure.equilibria) == 2


def test_isolated_equilibria_of_three_bakers() -> None:
    game = catalog("three_bakers")
    found = solve(game, method="enumpoly", limits=LIMITS)
    got = sorted(tuple(round(float(u), 6) for u in e.payoffs) for e in found.equilibria)
    wanted = [(1, 1, 1), *((1, 1, 3.75), (1, 3.75, 1), (3.75, 1, 1)), (1, 4, 4), (4, 1, 4), (4, 4, 1)]
    assert got == sorted(tuple(map(float, u)) for u in wanted)


def test_decimals_cross_exactly() -> None:
    p = np.array([[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]])
    game = NormalFormGame.bimatrix(p, 1 - p)
    assert game.is_constant_sum
    (equilibrium,) = solve(game, method="lp").equilibria
    assert [float(x) for x in equilibrium.play[0]] == pytest.approx([2 / 9, 1 / 3, 4 / 9])


def test_gambit_reads_what_we_write() -> None:
    import io

    pygambit = pytest.importorskip("pygambit")
    for seed in range(10):
        tree = random_tree(seed, 2, 3)
        assert len(pygambit.read_efg(io.StringIO(write_efg(tree))).players) == 2
        table = tree.to_normal_form()
        assert read_nfg(write_nfg(table)).payoffs.tolist() == table.payoffs.tolist()
        assert len(pygambit.read_nfg(io.StringIO(write_nfg(table))).players) == 2


def test_a_limit_keeps_what_was_found() -> None:
    solve(catalog("chicken"), method="lcp")  # a warm worker
    start = time.monotonic()
    with pytest.raises(SolverLimitError, match="limit of"):
        solve(catalog("kuhn"), method="enummixed", limits=Limits(seconds=2))
    assert time.monotonic() - start < 4
    assert solve(catalog("chicken"), method="lcp").equilibria  # the next one works


STUBS = """
import json, os, signal, time
def two_at_the_end(payload):
    yield json.dumps({"start": {"version": "16.7.0", "streams": False}}).encode()
    while True: pass
def two_then_loop(payload):
    yield json.dumps({"equilibrium": [["1", "0"], ["0", "1"]]}).encode()
    yield json.dumps({"equilibrium": [["0", "1"], ["1", "0"]]}).encode()
    while True: pass
def killed(payload): os.kill(os.getpid(), signal.SIGKILL)
def segfault(payload): os.kill(os.getpid(), signal.SIGSEGV)
def greedy(payload):
    held = []
    while True: held.append(bytearray(1 << 26))
def rubbish(payload): yield b"\\xff not json"
"""


@pytest.fixture
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "gambit_stubs.py").write_text(STUBS)
    import gamesim.run.isolate as isolate

    real = isolate.isolated
    task = ["two_then_loop"]

    def routed(name, payload, **given):
        return real(f"gambit_stubs:{task[0]}", payload, limits=given["limits"], path=[str(tmp_path)])

    monkeypatch.setattr(isolate, "isolated", routed)
    return task


def test_equilibria_stream_until_the_limit(stubs) -> None:
    solution = solve(catalog("chicken"), method="gnm", limits=Limits(seconds=1))
    assert len(solution.equilibria) == 2
    assert solution.stopped == "seconds"
    assert solution.complete is False
    assert any("limit" in note for note in solution.notes)


def test_a_version_that_does_not_stream_says_that_nothing_was_kept(stubs) -> None:
    stubs[0] = "two_at_the_end"
    with pytest.raises(SolverLimitError, match="gives no partial answers"):
        solve(catalog("chicken"), method="gnm", limits=Limits(seconds=1))


@pytest.mark.parametrize(
    ("task", "error", "message"),
    [
        ("killed", SolverCrashError, "SIGKILL"),
        ("segfault", SolverCrashError, "SIGSEGV"),
        ("greedy", SolverLimitError, "memory"),
        ("rubbish", SolverCrashError, "no line of JSON"),
    ],
)
def test_a_child_that_fails_is_an_error_below_and_a_note_above(stubs, task, error, message) -> None:
    stubs[0] = task
    limits = Limits(seconds=5, memory=512 << 20)
    with pytest.raises(error, match=message):
        solve(catalog("chicken"), method="gnm", limits=limits)
    large = NormalFormGame(np.random.default_rng(1).integers(0, 5, size=(3, 2, 2, 2)))
    solution = solve(large, every=True, limits=limits)
    assert any(message in note for note in solution.notes)
    assert solution.complete is False
    stubs[0] = "two_then_loop"
    assert len(solve(catalog("chicken"), method="gnm", limits=Limits(seconds=1)).equilibria) == 2


@pytest.mark.slow
def test_real_gambit_streams() -> None:
    """The callback's equilibria come one by one, before the solver's last word."""
    if "nash_callback" not in __import__("inspect").signature(__import__("pygambit").nash.enummixed_solve).parameters:
        pytest.skip("this version reports only at its end")
    game = NormalFormGame(np.eye(8, dtype=int)[None].repeat(2, axis=0))
    payload = {
        "form": "nfg",
        "text": write_nfg(game, safe_labels=True),
        "method": "enummixed",
        "parameters": {},
        "act": "solve",
    }
    lines = [json.loads(part) for part in gambit.work(json.dumps(payload).encode())]
    assert sum("equilibrium" in line for line in lines) >= 255  # each at least once
    game = NormalFormGame(
        np.eye(20, dtype=int)[None].repeat(2, axis=0)
    )  # a million equilibria: no machine is done in time
    partial = solve(game, method="lcp", exact=False, limits=Limits(seconds=4, equilibria=10**6))
    assert partial.stopped == "seconds"
    assert partial.equilibria
    assert partial.complete is False
    few = solve(game, method="lcp", exact=False, limits=Limits(seconds=10, equilibria=3))
    assert len(few.equilibria) == 3
    assert few.stopped == "count"


def test_solve_on_a_tree_without_gambit_methods_starts_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    import gamesim.run.isolate as isolate

    monkeypatch.setattr(isolate, "isolated", lambda *a, **k: pytest.fail("a child was started"))
    assert solve(catalog("kuhn")).equilibria[0].payoffs[0] == Fraction(-1, 18)
    assert entry("solvers", "vertex_enumeration")(catalog("shapley")).complete
