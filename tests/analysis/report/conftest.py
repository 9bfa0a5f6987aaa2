"""Run directories made by hand: the writer and the manifest are the real ones, only the play is written down here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gamesim.run.contracts import Unit, UnitResult
from gamesim.run.manifest import Manifest, UnitEntry, write_manifest
from gamesim.run.record import Record
from gamesim.run.writer import EVENTS, STEPS, TABLES, Writer

MakeRecord = Callable[..., Record]


def written(
    path: Path,
    scenario: Mapping[str, Any],
    cells: Sequence[tuple[Mapping[str, Any], Mapping[str, Any] | None, Sequence[Mapping[str, Any]]]],
    *,
    failed: Sequence[int] = (),
    status: str = "complete",
    **manifest: Any,
) -> Record:
    """A sealed run: one unit a cell from (swept values, step columns, outcomes); ``failed`` names cells whose unit failed."""
    for folder in (EVENTS, STEPS, TABLES):
        (path / folder).mkdir(parents=True)
    made = Manifest(
        id=path.name,
        name=str(scenario.get("name", "test")),
        identity="0" * 64,
        kind="play",
        seed=int(scenario.get("seed", 0)),
        scenario=scenario,
        status=status,  # type: ignore[arg-type]
        versions={"gamesim": "0.0", "numpy": "2"},
        created="2026-01-01T00:00:00+00:00",
        **manifest,
    )
    for index, (values, steps, outcomes) in enumerate(cells):
        key = hashlib.sha256(f"{path.name}{index}".encode()).hexdigest()
        cell = {"index": index, "values": dict(values)}
        seeds = [int(o["seed"]) for o in outcomes] or [0]
        entry = UnitEntry(key, cell, seeds, {}, "unit", 0, status="complete")
        made.units.append(entry)
        if index in failed:
            entry.status, entry.error = "failed", {"type": "SolverError", "message": "it <b>stopped</b>."}
            continue
        writer = Writer(Unit(key, cell, tuple(seeds)), path)
        if steps:
            writer.steps(steps)
        sealed = writer.seal(UnitResult(key, "complete", tuple(outcomes)))
        entry.rows = sealed.rows
        for name, (digest, size) in sealed.files.items():
            made.add_file(name, digest, size)
    (path / "scenario.yaml").write_text("name: as-given  # a comment\n", "utf-8")
    write_manifest(path, made)
    return Record(path)


def society(
    *, episodes: int = 12, rounds: int = 20, players: int = 6, fine: float = 10.0, rate: float = 0.4, seed: int = 1,
    members: Sequence[str] = ("altruist", "egoist"), agents: Sequence[str] | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:  # fmt: skip
    """Step columns and outcomes of small commons societies, in the environment's own columns."""
    rng = np.random.default_rng(seed)
    names = list(agents) if agents else [f"player_{i}" for i in range(players)]
    players = len(names)
    rows: list[dict[str, Any]] = []
    outcomes = []
    for episode in range(episodes):
        stock, norm, alive = 300.0, 6.0, np.ones(players, bool)
        effort, wealth, total = rng.uniform(0.1, 1.0, players), np.full(players, 40.0), 0.0
        fines, returns, step, ended = 0.0, np.zeros(players), 0, rounds
        efforts = []
        for now in range(1, rounds + 1):
            harvest = np.where(alive, 0.04 * effort * stock, 0.0)
            violation = harvest > norm
            fined = violation & (rng.uniform(size=players) < (0.5 if fine else 0.0)) & alive
            payoff = harvest - 2.0 - fine * fined
            wealth, total = wealth + payoff, total + harvest.sum()
            returns += np.where(alive, payoff, 0.0)
            left = max(0.0, stock - harvest.sum())
            after = min(300.0, left + rate * left * (1 - left / 300.0))
            living = alive & (wealth >= 0)
            proposals = rng.uniform(2, 9, players)
            chosen = float(np.median(proposals[living])) if living.any() else norm
            for phase in ("harvest", "sanction", "norm"):
                for i in np.flatnonzero(alive if phase != "norm" else living):
                    row = {"row": episode, "step": step, "phase": phase, "agent": names[i], "round": np.nan, "stock": np.nan, "norm": np.nan,
                           "effort": np.nan, "harvest": np.nan, "payoff": np.nan, "wealth": np.nan, "fines_paid": np.nan, "fines_imposed": np.nan,
                           "violation": np.nan, "proposal": np.nan, "norm_next": np.nan, "reward": 0.0, "alive": bool(living[i]), "action": 0.0}  # fmt: skip
                    if phase == "harvest":
                        row |= {
                            "round": now,
                            "stock": stock,
                            "norm": norm,
                            "effort": effort[i],
                            "harvest": harvest[i],
                            "action": effort[i],
                        }
                    elif phase == "sanction":
                        row |= {"payoff": payoff[i], "reward": payoff[i], "wealth": wealth[i], "fines_paid": float(fined[i]),
                                "fines_imposed": float(fined[(i + 1) % players]), "violation": float(violation[i]), "action": float(players)}  # fmt: skip
                    else:
                        row |= {"proposal": proposals[i], "norm_next": chosen, "action": proposals[i]}
                    row["member"] = members[i % len(members)]
                    rows.append(row)
                step += 1
            fines += fined.sum()
            efforts.append(effort[alive].mean())
            effort = np.clip(np.where(fined, effort * 0.8, effort * 1.02), 0, 1)
            dead = bool((alive & ~living).any())
            alive, stock, norm = living, after, chosen
            if stock <= 3.0 or dead:
                ended = now
                break
        censored = ended == rounds and stock > 3.0 and bool(alive.all())
        outcomes.append(
            {
                "seed": episode,
                "episode": 1000 + episode,
                "returns": returns.tolist(),
                "rounds": float(ended),
                "stock_final": stock,
                "T_s": float(ended),
                "censored": censored,
                "status": "survived" if censored else "collapsed",
                "alive_final": float(alive.sum()),
                "total_harvest": total,
                "welfare": float(returns.sum()),
                "fines": float(fines),
                "mean_effort": float(np.mean(efforts)),
            }
        )
    columns = {
        key: np.array([row[key] for row in rows], dtype=object if key in ("phase", "agent", "member") else None)
        for key in rows[0]
    }
    return columns, outcomes


def scenario(**extra: Any) -> dict[str, Any]:
    environment = {
        "kind": "commons", "players": 6, "horizon": 20,
        "growth": {"law": "logistic", "rate": 0.4, "capacity": 300.0},
        "harvest": {"catch": "effort", "productivity": 0.04},
        "upkeep": {"consumption": 2.0, "initial_wealth": 40.0},
        "institutions": {"sanctions": {"fine": 10.0}, "voting": {"rule": "median"}},
    }  # fmt: skip
    base = {
        "name": "commons/tried", "description": "Societies written down for a test.", "kind": "play", "seed": 7, "replicates": 12,
        "environment": environment, "population": [{"agent": {"kind": "commons.paper_abm", "params": {}}, "count": 3, "label": "altruist"}],
        "provenance": "calibrated by gamesim, not the authors' values",
    }  # fmt: skip
    return {**base, **extra}


def matrix_play(actions: Sequence[str] = ("cooperate", "defect"), *, episodes: int = 10, steps: int = 12, seed: int = 3,
                members: Sequence[str] = ("tit", "tat"), agents: Sequence[str] = ("row", "column"),
                phase: str = "move") -> tuple[dict[str, Any], list[dict[str, Any]]]:  # fmt: skip
    """Step columns and outcomes of a game that is no commons."""
    rng = np.random.default_rng(seed)
    rows, outcomes = [], []
    for episode in range(episodes):
        returns = dict.fromkeys(agents, 0.0)
        for step in range(steps):
            for agent, member in zip(agents, members, strict=True):
                reward = float(rng.normal(1.0))
                returns[agent] += reward
                rows.append({"row": episode, "step": step, "phase": phase, "agent": agent, "member": member, "reward": reward,
                             "action": str(actions[int(rng.integers(len(actions)))]), "alive": True})  # fmt: skip
        outcomes.append({"seed": episode, "episode": 50 + episode, "returns": returns, "rounds": float(steps)})
    text = ("phase", "agent", "member", "action")
    return {
        key: np.array([row[key] for row in rows], dtype=object if key in text else None) for key in rows[0]
    }, outcomes


@pytest.fixture
def make_record(tmp_path: Path) -> MakeRecord:
    """``make_record(name, scenario, cells, ...)``: a sealed run in a temporary store."""
    return lambda name, *args, **more: written(tmp_path / name, *args, **more)


@pytest.fixture(scope="session")
def commons_pair(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Two cells on the same draws: with a fine of 10 and without one."""
    path = tmp_path_factory.mktemp("store") / "pair"
    key = "environment.institutions.sanctions.fine"
    cells = [({key: fine}, *society(fine=fine)) for fine in (10.0, 0.0)]
    return written(path, scenario(), cells)


@pytest.fixture(scope="session")
def commons_single(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return written(tmp_path_factory.mktemp("store") / "single", scenario(), [({}, *society())])


@pytest.fixture
def play() -> Any:
    """The makers of play, for tests that vary them."""
    from types import SimpleNamespace

    return SimpleNamespace(society=society, scenario=scenario, matrix=matrix_play)
