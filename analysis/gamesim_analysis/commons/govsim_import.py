"""``gamesim import govsim PATH...``: GovSim logs as one run directory, an episode a log, with scores and provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .govsim_log import CAPACITY, LABELS, MONTHS, GovSimRun, find_logs, read_govsim_log, score_table, survival_count

if TYPE_CHECKING:
    from gamesim.run.record import Record


def import_govsim(
    paths: Iterable[Path | str],
    *,
    rules: str = "auto",
    lenient: bool = False,
    legacy: bool = False,
    months: int = MONTHS,
    labels: Sequence[str] = LABELS,
    store: Path | str | None = None,
    name: str = "import/govsim",
) -> Record:
    """Read logs, or directories of them, into one run.

    Parameters
    ----------
    rules, lenient, months, labels : as in ``read_govsim_log``.
    legacy : score by five agents whoever was there, as the released code does.
    store : where runs are kept.

    Returns
    -------
    The record: steps and messages of every log, ``outcomes`` with statuses, and the table ``govsim_scores``. Logs of both
    games together give a record without an environment, whose scores stand in that table alone.
    """
    from gamesim.run.imported import write_imported

    files = find_logs(paths)
    runs = [read_govsim_log(file, rules=rules, lenient=lenient, months=months, labels=labels) for file in files]
    provenance = {
        "source": "govsim",
        "files": {file.parent.name + "/" + file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        "rules": rules,
        "lenient": lenient,
        "legacy": legacy,
        "months": months,
        "labels": list(labels),
        "survival": str(survival_count(runs)),
        "notes": [
            f"{survival_count(runs)}.",
            *(
                f"{run.name}: {run.unreadable_share:.0%} of its answers are unreadable."
                for run in runs
                if run.unreadable_share
            ),
            *(f"{run.name}: {mark}." for run in runs for mark in run.marks),
        ],
    }
    return write_imported(
        name,
        steps=_steps(runs),
        outcomes=[_outcome(index, run) for index, run in enumerate(runs)],
        tables={"govsim_scores": score_table(runs, legacy=legacy), "messages": _messages(runs)},
        events=[
            {
                "type": "message",
                "step": message.round,
                "agent": message.agent,
                "seed": index,
                "kind": message.kind,
                "text": message.text,
            }
            for index, run in enumerate(runs)
            for message in run.messages
        ],
        provenance=provenance,
        scenario=_scenario(name, runs, months, legacy),
        store=store,
    )


def _steps(runs: Sequence[GovSimRun]) -> dict[str, Any]:
    """One row for each log, month and agent."""
    rows: list[tuple[Any, ...]] = []
    for seed, run in enumerate(runs):
        for month in range(len(run.before)):
            over = month + 1 == len(run.before) and run.status == "collapsed"
            for seat, agent in enumerate(run.agents):
                got = float(run.taken[month, seat])
                if np.isfinite(got):
                    rows.append(
                        (seed, month, "harvest", agent, float(run.wanted[month, seat]), got, not over, month + 1, float(run.before[month]),
                         got, got, float(run.after[month]), "ok" if run.readable[month, seat] else "malformed", run.name)
                    )  # fmt: skip
    names = (
        "seed", "step", "phase", "agent", "action", "reward", "alive", "round", "stock", "harvest", "payoff", "stock_after",
        "answer", "log",
    )  # fmt: skip
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _outcome(seed: int, run: GovSimRun) -> dict[str, Any]:
    months = len(run.before)
    collapsed = run.status == "collapsed"
    return {
        "seed": seed,
        "episode": seed,
        "log": run.name,
        "status": run.status,
        "rules": run.rules,
        "rounds": months,
        "T_s": months,
        "T_stock": months if collapsed else None,
        "T_first_death": None,
        "T_all_dead": None,
        "censored": not collapsed,
        "stock_final": float(run.after[-1]),
        "total_harvest": float(np.nansum(run.taken)),
        "unreadable_share": run.unreadable_share,
        "marks": "; ".join(run.marks),
        "returns": {agent: float(np.nansum(run.taken[:, seat])) for seat, agent in enumerate(run.agents)},
    }


def _messages(runs: Sequence[GovSimRun]) -> dict[str, list[Any]]:
    table: dict[str, list[Any]] = {key: [] for key in ("seed", "log", "round", "agent", "kind", "text")}
    for seed, run in enumerate(runs):
        for message in run.messages:
            for key, value in zip(
                table, (seed, run.name, message.round + 1, message.agent, message.kind, message.text), strict=True
            ):
                table[key].append(value)
    return table


def _scenario(name: str, runs: Sequence[GovSimRun], months: int, legacy: bool) -> dict[str, Any]:
    """What the logs say of their game, as a resolved scenario; no environment where they are of several games."""
    laws = {"inverse" if run.rules == "inverse" else "doubling_cap" for run in runs}
    sizes = {len(run.agents) for run in runs}
    scenario: dict[str, Any] = {"name": name, "replicates": len(runs), "seed": 0}
    if len(laws) == 1 and len(sizes) == 1:
        scenario["environment"] = {
            "kind": "commons",
            "players": sizes.pop(),
            "horizon": months,
            "growth": {"law": laws.pop(), "capacity": CAPACITY, "minimum": 0.05, "tested": "after_harvest"},
            "harvest": {"catch": "request", "rationing": "lottery"},
            "upkeep": {"consumption": 0, "initial_wealth": 0, "starvation": "none"},
            "collapse": "stock",
            "institutions": {"sanctions": None, "revision": None, "voting": None},
            "information": {"legacy_threshold": legacy},
        }
    return scenario
