"""networkx, asked of the coloured graph of nodes, sets and actions, says the same on every pair of the benchmark."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from gamesim.core.equivalence import isomorphism

FOLDER = Path(__file__).parents[3] / "benchmarks"


def test_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("equivalence_networkx", FOLDER / "equivalence_networkx.py")
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    pairs = benchmark.pairs()
    assert len(pairs) == 135
    verdicts = [isomorphism(g, h) is not None for g, h in pairs]
    assert verdicts == [benchmark.by_networkx(g, h) for g, h in pairs]
    assert 0 < sum(verdicts) < 135
    sys.modules.pop("_timing", None)
