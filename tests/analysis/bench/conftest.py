"""Benches small enough to be played in a second or two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gamesim_analysis.bench.leaderboard import Leaderboard, leaderboard

from gamesim.run.record import Record
from gamesim.run.reuse import forget
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

DILEMMA = """
kind: bench
name: tests/bench
scenarios: [{file: games/reciprocity, name: dilemma, set: {environment.horizon: 8}}]
seeds: 4
resamples: 400
"""
Played = Callable[..., Record]


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Play a bench; equal ones are played once a session, each in a store of its own unless one is given."""
    known: dict[tuple[str, ...], Record] = {}

    def played(text: str, *overrides: str, store: Path | None = None) -> Record:
        key = (text, *overrides)
        if store is not None:
            forget()
            return run(load_scenario(text, overrides=overrides), store=store)
        if key not in known:
            forget()
            known[key] = run(load_scenario(text, overrides=overrides), store=tmp_path_factory.mktemp("bench"))
        return known[key]

    return played


@pytest.fixture
def board(bench: Played) -> Callable[..., Leaderboard]:
    return lambda text, *overrides: leaderboard(bench(text, *overrides))
