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

from gamesim.core.efg_format import write_efg
from gamesim.core.errors import SolverCrashError, SolverLimitError
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
    for seed in range(40):
        game = random_game(seed)
        ours = solve(game, method="vertex_enumeration")
        theirs = solve(game, method="enummixed", limits=LIMITS)
        assert plays(ours) == plays(theirs), seed
        assert theirs.exact
        assert theirs.complete
        assert theirs.versions["pygambit"]


@pytest.mark.slow
def test_zero_sum_values_are_gambits() -> None:
    for seed in range(25):
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
@pytest.mark.parametrize("method", ["lcp", "gnm", "ipa", "simpdiv", "logit", "enumpoly"])
def test_every_method_answers_with_a_certificate(method: str) -> None:
    for name in ("chicken", "ferry_fare", "museum_or_fair"):
        solution = solve(catalog(name), method=method, limits=Limits(seconds=4))
        assert solution.equilibria or solution.rejected
        assert all(e.certificate.grade != "rejected" for e in solution.equilibria)
    if method not in ("lcp",):
        assert solve(catalog("three_bakers"), method=method, limits=LIMITS).equilibria


def test_isolated_equilibria_of_the_horse_are_the_two_pure_ones() -> None:
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
    for seed in range(30):
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
H = ["0x1.0p-1", "0x1.0p-1"]
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
    game = NormalFormGame(np.eye(9, dtype=int)[None].repeat(2, axis=0))
    payload = {"form": "nfg", "text": write_nfg(game, safe_labels=True), "method": "enummixed", "parameters": {}}
    lines = [json.loads(part) for part in gambit.work(json.dumps(payload).encode())]
    assert sum("equilibrium" in line for line in lines) >= 511  # each at least once
    game = NormalFormGame(np.eye(14, dtype=int)[None].repeat(2, axis=0))
    partial = solve(game, method="lcp", exact=False, limits=Limits(seconds=3, equilibria=10**6))
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
