"""A small crossing for tests of psro, how such scenarios are played anew, and the words of a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from gamesim_analysis.report import build

from gamesim.run.record import Record
from gamesim.run.reuse import forget
from gamesim.run.runner import run
from gamesim.scenario.resolve import load_scenario

RAE = {"kind": "rae", "tremble": 0.0, "profile": "symmetric"}
CROSSING: dict[str, Any] = {
    "kind": "psro",
    "name": "crossing",
    "environment": {"kind": "conflict_point", "variant": "crossing"},
    "policies": {"kind": "gap_acceptance", "thresholds": [-9, -1, 0, 1, 9]},
    "samples": {"initial": 400, "batch": 200, "symmetric": True},
    "meta_solver": {**RAE, "aversion": 0.1, "variance": "strategic+env"},
}


def played(store: Path, data: dict[str, Any], **how: Any) -> Record:
    forget()
    return run(load_scenario(json.dumps(data)), store=store, **how)


def page(record: Record) -> str:
    return build(record).read_text("utf-8")


def words(text: str) -> str:
    text = re.sub(r"<style.*?</style>|<script.*?</script>|<svg.*?</svg>", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
