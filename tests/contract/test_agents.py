"""Every registered agent keeps the contract in the games of its family; a new one must find its games here."""

from __future__ import annotations

from typing import Any

import pytest

from gamesim.core.registry import entry, names
from gamesim.testing import check_agent

EFFORTS = {"kind": "commons", "players": 6, "horizon": 15}
UNITS = {
    "kind": "commons", "players": 5, "horizon": 12, "growth": {"law": "doubling_cap", "capacity": 100, "minimum": 0.05},
    "harvest": {"catch": "request", "rationing": "lottery"}, "upkeep": {"consumption": 0, "starvation": "none"},
    "collapse": "stock", "institutions": {"sanctions": None, "revision": None, "voting": None},
}  # fmt: skip
BALLOTS = {**EFFORTS, "collapse": "all_dead", "institutions": {"voting": "plurality", "leader": None}}
DIM = {
    **EFFORTS, "information": {"visibility": {"sampled": 2}, "stock_visible": False},
    "institutions": {"sanctions": {"cost": 1, "misread": 0.3}},
}  # fmt: skip

SEEN = {**EFFORTS, "players": 8, "institutions": {"network": {"see": "barabasi_albert(1)", "punish": "ring(2)"}}}

GAMES: dict[str, list[Any]] = {
    "commons": [EFFORTS, UNITS, BALLOTS, DIM, SEEN],
    "auction": [
        {"kind": "position_auction", "horizon": 20},
        {
            "kind": "position_auction",
            "players": 4,
            "payment": "first_price",
            "reader": "drawn",
            "redraw": "round",
            "horizon": 20,
        },
    ],
    "hats": [{"kind": "levine_hats", "horizon": 20}, {"kind": "levine_hats", "black": 0.4, "horizon": 150}],
    "driving": [{"kind": "conflict_point", "variant": variant} for variant in ("crossing", "merge", "two_way")],
    "efg": [{"kind": "efg", "game": name, "repeat": 3} for name in ("kuhn", "seed_loan", "forklift_aisle")],
    "axelrod": [{"kind": "matrix", "horizon": 30, "noise": 0.1}],
    "efg.cfr": [{"kind": "efg", "game": name, "repeat": 3} for name in ("kuhn", "hill_and_bridge")],
    "matrix": [
        {"kind": "matrix", "horizon": 40, "noise": 0.2},
        {"kind": "matrix", "stage": "shapley", "horizon": 150},
        {
            "kind": "matrix",
            "payoffs": [[[[1, 2]], [[0, 3]]], [[[1, 2]], [[0, 3]]], [[[0, 0]], [[1, 3]]]],
            "horizon": 20,
        },
    ],
    "learner": [
        {"kind": "matrix", "horizon": 40, "noise": 0.2},
        {"kind": "matrix", "payoffs": [[[1, 2, 0.1], [0, 3, 0.7]], [[0, 0.3, 1], [1, 3, 2]]], "horizon": 140},
    ],
    "network": [{"kind": "matrix", "horizon": 40}],
    "table": [{"kind": "matrix", "horizon": 40}],
    "stag_hunt": [{"kind": "stag_hunt"}, {"kind": "stag_hunt", "size": 3, "horizon": 140, "chase": 0.9}],
    "stage_q": [{"kind": "matrix", "stage": "biased_rps", "horizon": 30}],
    "stage": [
        {"kind": "public_good", "horizon": 6, "fining": {}, "voting": {}},
        {"kind": "ostrom_gardner_walker", "horizon": 6},
        {"kind": "fish_war", "horizon": 20},
    ],
}
PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "network": [
        {"keys": ["round"], "sizes": [1, 2], "shift": [3], "scale": [2], "weights": "AACAPwAAgL8AAAAAAAAAAA=="}
    ],
    "table": [
        {
            "keys": ["last"],
            "low": [-1],
            "values": [3],
            "count": [2],
            "actions": 2,
            "weights": [0.5, 0.5],
            "tables": ["eNr7////fwZGIAIAIO0E/g==", "eNpjZIQCAAA2AAo="],
        }
    ],
    "stage.fixed": [{"choice": 1.0}],
    "axelrod": [{"strategy": "Tit For Tat"}, {"strategy": "Random"}],
    "matrix.random": [{}],
    "efg.table": [{"play": {}}],
    "matrix.memory_one": [
        {"strategy": "extort_2"},
        {"first": 0.5, "after": [1, 0.3, 1, 0.3]},
        {"after": [1, 0, 0.5, 0.2] * 4},
    ],
    "efg.best_response": [{"to": "efg.equilibrium"}, {"to": {"agent": "efg.level_k", "level": 2}}],
    "hats.block_reset": [{"block": block} for block in (2, 3, 4, 5)],
    "hats.table": [{"tables": [[1, 1, 2, 3, 3, 2, 1, 2]]}],
    "commons.paper_abm": [{"init": "altruistic"}, {"init": "selfish"}, {"init": "general"}],
    "commons.greedy": [{}],
    "learner": [{"rule": rule} for rule in names("learners")],
    "auction.learner": [{"rule": rule} for rule in ("hedge", "exp3_ix", "regret_matching_plus", "blum_mansour")],
    "learner.adversary": [{"rule": "ucb1"}, {"rule": "regret_matching"}],
    "stage_q": [{"rule": rule} for rule in ("minimax_q", "foe_q", "friend_q", "nash_q")],
}  # by default, none
INSIDE = [
    kind for kind in names("agents") if not entry("agents", kind).external and not kind.startswith("highway.")
]  # others: tests/agents/llm, tests/envs/driving/test_highway.py
CASES = [(kind, parameters) for kind in INSIDE for parameters in PARAMETERS.get(kind, [{}])]


@pytest.mark.parametrize(("kind", "parameters"), CASES, ids=[" ".join([k, *map(str, p.values())]) for k, p in CASES])
def test_agent(kind: str, parameters: dict[str, Any]) -> None:
    if kind == "axelrod":
        pytest.importorskip("axelrod")
    games = GAMES.get(kind) or GAMES[kind.split(".")[0]]
    check_agent({"kind": kind, **parameters} if parameters else kind, games, seeds=(0,))
