"""Every registered environment keeps the contract, in several configurations; a new one must be added here."""

from __future__ import annotations

from typing import Any

import pytest

from gamesim.core.registry import names
from gamesim.testing import check_environment

LATENT: dict[str, Any] = {"kind": "commons", "players": 6, "horizon": 12}
UNITS = {"catch": "request", "rationing": "lottery"}
NONE = {"sanctions": None, "revision": None, "voting": None}

CONFIGURATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "commons": {
        "paper": LATENT,
        "to_the_last": {**LATENT, "collapse": "all_dead", "upkeep": {"consumption": 6, "initial_wealth": 5}},
        "bare": {**LATENT, "institutions": NONE},
        "govsim": {
            **LATENT, "players": 5, "growth": {"law": "doubling_cap", "capacity": 100, "minimum": 0.05}, "harvest": UNITS,
            "upkeep": {"consumption": 0, "starvation": "none"}, "collapse": "stock", "institutions": NONE,
        },
        "inverse": {
            **LATENT, "growth": {"law": "inverse", "capacity": 100, "initial": 0}, "harvest": UNITS,
            "upkeep": {"consumption": 0, "starvation": "none"}, "collapse": "stock", "institutions": NONE,
        },
        "ballots": {**LATENT, "institutions": {"voting": "plurality", "sanctions": {"kind": "graduated", "cost": 1}}},
        "borda": {**LATENT, "institutions": {"voting": "borda", "sanctions": {"kind": "counter"}}},
        "leader": {**LATENT, "institutions": {"leader": {"every": 4, "quotas": "equal"}, "sanctions": {"kind": "pool"}}},
        "networks": {
            **LATENT, "players": 8,
            "institutions": {"network": {"meet": "ring(2)", "see": "lattice", "punish": "barabasi_albert(2)"}},
        },
        "seen_at_random": {**LATENT, "players": 8, "institutions": {"network": {"see": "watts_strogatz(2,0.3)"}}},
        "unclear": {
            **LATENT, "growth": {"noise_sd": 0.2}, "information": {"visibility": {"sampled": 2}, "stock_visible": False},
            "institutions": {"sanctions": {"misread": 0.2, "monitoring": 0.6}},
        },
        "newcomers": {
            **LATENT, "collapse": "all_dead",
            "perturbations": [{"kind": "newcomer", "at": 4, "count": 2}, {"kind": "turnover", "probability": 0.1}],
        },
        "shocks": {**LATENT, "perturbations": [{"kind": "growth", "at": 5, "stock": 40}, {"kind": "fine", "at": 3, "fine": 1}]},
        "two_stocks": {**LATENT, "second_stock": {"law": "logistic", "capacity": 200}},
        "one_by_one": {**LATENT, "harvest": {"catch": "shuffled"}, "growth": {"order": "grow_net"}},
    },
    "conflict_point": {
        "crossing": {}, "merge": {"variant": "merge", "crash_cost": 3}, "two_way": {"variant": "two_way", "horizon": 9},
    },
    "efg": {
        "cards": {"game": "kuhn"}, "again": {"game": "seed_loan", "repeat": 4, "rotate": True}, "table": {"game": "shapley"},
    },
    "fish_war": {"plain": {"horizon": 20}, "voting": {"players": 3, "horizon": 8, "voting": {"rule": "mean"}}},
    "matrix": {
        "dilemma": {"horizon": 30},
        "chicken": {"stage": {"game": "driving_chicken", "crash_cost": 5}, "horizon": 1},
        "noisy": {"stage": "shapley", "horizon": 150, "noise": 0.2},
        "three": {"payoffs": [[[[1, 2]], [[0, 3]]], [[[1, 2]], [[0, 3]]], [[[0, 0]], [[1, 3]]]], "horizon": 5, "noise": 0.5},
        "alone": {"payoffs": [[3, 1, 2]], "horizon": 4, "noise": 0.5},
        "parameters": {"stage": {"game": "public_good", "players": 3, "endowment": 4}, "horizon": 5},
    },
    "ostrom_gardner_walker": {
        "integer": {"horizon": 6}, "real": {"horizon": 6, "tokens": "real", "endowment": 25},
        "fines_and_votes": {"players": 4, "horizon": 5, "fining": {}, "voting": {}},
    },
    "levine_hats": {
        "pair": {"horizon": 20}, "tall": {"hats": 40, "horizon": 5, "black": 0.3}, "four": {"players": 4, "hats": 1, "horizon": 140},
    },
    "position_auction": {
        "vcg": {"horizon": 20}, "alone": {"players": 1, "slots": 3, "ads": 1, "horizon": 4, "redraw": "round"},
        "drawn": {"players": 4, "ads": 1, "clicks": "cascade", "reader": "drawn", "redraw": "round", "horizon": 140},
        "first_price": {"payment": "first_price", "values": [1, 0.5, 0], "weights": [[2, 1], [1, 1], [3, 0.5]], "horizon": 5},
        "myerson": {"payment": "myerson", "low": 0.5, "high": 2, "appeal": [1, 2, 3], "cap": 1.5, "horizon": 5},
    },
    "stag_hunt": {"plain": {}, "tame": {"size": 4, "chase": 0, "horizon": 9}, "long": {"size": 2, "chase": 1, "horizon": 140}},
    "public_good": {"plain": {}, "fines_and_votes": {"fining": {}, "voting": {}}, "real": {"tokens": "real", "mpcr": 0.7}},
}  # fmt: skip

CASES = [(kind, case) for kind, cases in CONFIGURATIONS.items() for case in cases]


ELSEWHERE = ["highway_merge", "highway_two_way"]  # need an extra: tests/envs/driving/test_highway.py


def test_every_environment_is_here() -> None:
    assert sorted([*CONFIGURATIONS, *ELSEWHERE]) == names("environments")


@pytest.mark.parametrize(("kind", "case"), CASES, ids=[f"{kind}-{case}" for kind, case in CASES])
def test_environment(kind: str, case: str) -> None:
    check_environment({"kind": kind, **CONFIGURATIONS[kind][case]})
