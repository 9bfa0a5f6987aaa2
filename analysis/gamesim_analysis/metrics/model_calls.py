"""How language models answered, and what it took: beside every metric of a run in which models played.

Rates count decisions, not calls; Wilson's interval stands beside every rate. Cost, tokens and clocks come from the call
journal, so a resumed run counts what all its processes did.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.errors import MetricError
from gamesim_analysis.stats.intervals import wilson

from .base import Columns, metric
from .cells import scenario_of
from .model_journal import CHOSEN, OUTCOMES, Rates, by, calls_of, decisions_of

if TYPE_CHECKING:
    from gamesim.run.record import Record

LEVELS: Mapping[str, tuple[str, ...]] = {
    "total": (),
    "cell": ("cell",),
    "model": ("model",),
    "kind": ("model", "phase"),
    "agent": ("model", "agent"),
    "unit": ("cell", "unit"),
    "cell and model": ("cell", "model"),
}
MOVED = 0.01  # share of imputed steps above which a figure may be moved by them
CAP = 32  # calls in flight where a model's configuration does not say


@metric("invalid_rates")
def invalid_rates(record: Record) -> Columns:
    """Outcomes of decisions asked of models: in total and by cell, model, kind of decision, agent and unit."""
    decisions = decisions_of(record)
    rows: list[dict[str, Any]] = []
    for level, keys in LEVELS.items():
        for values, group in by(decisions, *keys).items():
            rows.append({"level": level, **dict(zip(keys, values, strict=True)), **rate_columns(Rates.of(group))})
    names = ("level", "cell", "unit", "model", "phase", "agent", *rate_columns(Rates({})))
    return {("kind" if name == "phase" else name): [row.get(name) for row in rows] for name in names}


def rate_columns(rates: Rates) -> dict[str, Any]:
    """One row's columns."""
    invalid, alone = rates.invalid, rates.invalid_model
    return {
        "asked": rates.asked,
        **{outcome: rates.count(outcome) for outcome in OUTCOMES},
        "invalid_rate": invalid.estimate,
        "invalid_rate_lower": invalid.low,
        "invalid_rate_upper": invalid.high,
        "invalid_rate_model": alone.estimate,
        "first_pass_rate": rates.share("ok"),
        "repair_rate": rates.share("repaired"),
        "infection_rate": rates.share("injected"),
        "imputed": rates.imputed,
        "fenced": rates.fenced,
        "gate": rates.verdict() if rates.asked else None,
    }


@metric("model_costs", stored=False)
def model_costs(record: Record) -> Columns:
    """Calls, attempts, tokens, money and clocks by cell, model and kind of call."""
    rows = []
    for (cell, model, kind), group in by(calls_of(record), "cell", "model", "kind").items():
        rows.append({"cell": cell, "model": model, "kind": kind, **cost_columns(group)})
    return {name: [row[name] for row in rows] for name in rows[0]}


def cost_columns(calls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sums over calls; money is None where the price of one that was paid for is not known."""
    costs = [call["cost"] or {} for call in calls]
    paid = [cost for call, cost in zip(calls, costs, strict=True) if call["source"] == "network"]
    known = all(cost.get("money") is not None for cost in paid)
    currencies = sorted({cost["currency"] for cost in paid if cost.get("currency")})
    asked = [call for call in calls if call["source"] in ("network", "process")]
    latency = [float(call["latency_s"]) for call in asked if call["latency_s"] is not None and call["reply"]]
    queue = [float(call["queue_s"]) for call in asked if call["queue_s"] is not None]
    return {
        "calls": len(calls),
        "attempts": sum(int(call["attempts"] or 0) for call in calls),
        "cached": sum(call["source"] == "cache" for call in calls),
        "failed": sum(call["reply"] is None for call in calls),
        "tokens_in": sum(int(cost.get("input") or 0) for cost in costs),
        "tokens_in_cached": sum(int(cost.get("cached_input") or 0) for cost in costs),
        "tokens_reasoning": sum(int(cost.get("reasoning") or 0) for cost in costs),
        "tokens_out": sum(int(cost.get("output") or 0) for cost in costs),
        "cost": sum(cost["money"] for cost in paid) / 1e9 if known and len(currencies) <= 1 else None,
        "currency": currencies[0] if len(currencies) == 1 else None,
        "share_estimated": sum(bool(cost.get("estimated")) for cost in paid) / len(paid) if paid else None,
        "possibly_billed": sum(int(cost.get("possibly_billed") or 0) for cost in costs) / 1e9,
        "latency_p50": _quantile(latency, 0.50),
        "latency_p95": _quantile(latency, 0.95),
        "latency_p99": _quantile(latency, 0.99),
        "queue_p95": _quantile(queue, 0.95),
    }


@metric("model_parallelism", stored=False)
def model_parallelism(record: Record) -> Columns:
    """How close the run came to the shortest time that its phases, the latency and the cap on calls in flight allow."""
    calls = [call for call in calls_of(record) if call["source"] in ("network", "process") and call["reply"]]
    if not calls:
        raise MetricError("every answer came from a journal or the cache; nothing was waited for.", path="calls.sqlite")
    latency = float(np.mean([float(call["latency_s"] or 0.0) for call in calls]))
    cap = _cap(record, {call["model"] for call in calls})
    chains = [
        [len(phase) for phase in by(unit, "step", "phase", "ordinal").values()]
        for unit in by(calls, "unit").values()
    ]  # fmt: skip
    ideal = ideal_seconds(chains, cap, latency)
    total = sum(float(call["latency_s"] or 0.0) for call in calls)
    wall = _wall(record)
    return {
        "calls": [len(calls)],
        "cap": [cap],
        "latency": [latency],
        "t_ideal": [ideal],
        "t_wall": [wall or None],
        "parallel_efficiency": [ideal / wall if wall else None],
        "mean_concurrency": [total / wall if wall else None],
        "reissued_in_flight": [_reissued(record)],
        "null_reason": ["" if wall else "the run's log does not say how long it took"],
    }


def ideal_seconds(chains: Sequence[Sequence[int]], cap: int, latency: float) -> float:
    """The shortest time for societies whose phases follow one another: the longest chain, or all calls through the cap.

    Parameters
    ----------
    chains : for each society the calls of its phases, which wait for each other.
    cap : calls in flight.  latency : mean seconds of a call.

    Examples
    --------
    >>> ideal_seconds([[100] * 15], cap=32, latency=0.5)
    30.0
    >>> ideal_seconds([[1] * 12] * 320, cap=32, latency=1.0)  # many talkative societies fill the cap
    120.0
    """
    longest = max((sum(math.ceil(n / cap) for n in chain) for chain in chains), default=0)
    return latency * max(longest, sum(map(sum, chains)) / cap)


@metric("imputation")
def imputation(record: Record) -> Columns:
    """What steps that a rule filled in for a failed answer did to the actions: with them, and with them dropped."""
    decisions = decisions_of(record)
    rows = []
    for (cell, model, phase), group in by(decisions, "cell", "model", "phase").items():
        imputed = [d for d in group if d.imputed]
        share = len(imputed) / len(group)
        everything, chosen = _mean(d.action for d in group), _mean(d.action for d in group if not d.imputed)
        rows.append(
            {
                "cell": cell,
                "model": model,
                "kind": phase,
                "decisions": len(group),
                "imputed": len(imputed),
                "imputed_share": share,
                "mean_action": everything,
                "mean_action_without_imputed": chosen,
                "note": "may be moved by imputation" if share > MOVED else "",
            }
        )
    return {name: [row[name] for row in rows] for name in rows[0]}


@metric("position_bias")
def position_bias(record: Record) -> Columns:
    """How often the option listed first was chosen, where options are listed in shuffled order, against 1/M."""
    shown: list[dict[str, Any]] = []
    for decision in decisions_of(record):
        for key, place in (decision.notes.get("options") or {}).items():
            order, chosen = list(place.get("shown") or ()), place.get("place")
            if decision.outcome in CHOSEN and len(order) > 1 and isinstance(chosen, int):
                shown.append(
                    {"model": decision.model, "kind": decision.phase, "key": key, "order": order, "place": chosen}
                )
    rows = []
    for (model, kind, key), group in by(shown, "model", "kind", "key").items():
        if len({tuple(item["order"]) for item in group}) == 1 and len(group) > 1:
            continue  # always in the same order: place and option cannot be told apart
        first = sum(item["place"] == 1 for item in group)
        share = wilson(first, len(group))
        expected = float(np.mean([1 / len(item["order"]) for item in group]))
        assert share.low is not None
        assert share.high is not None
        rows.append(
            {
                "model": model,
                "kind": kind,
                "question": key,
                "n": len(group),
                "first_share": share.estimate,
                "first_share_lower": share.low,
                "first_share_upper": share.high,
                "expected": expected,
                "biased": not share.low <= expected <= share.high,
            }
        )
    if not rows:
        raise MetricError("no options were listed in shuffled order.", path="calls.sqlite")
    return {name: [row[name] for row in rows] for name in rows[0]}


@metric("self_agreement")
def self_agreement(record: Record) -> Columns:
    """How alike a model answers one and the same prompt: the share of equal actions over pairs of its samples."""
    calls = [call for call in calls_of(record) if call["reply"] and call["request"] and call["kind"] == "action"]
    prompts: dict[tuple[str, str], dict[str, str]] = {}
    for call in calls:
        request = {key: value for key, value in call["request"].items() if key != "sample"}
        prompt = json.dumps(request, sort_keys=True)
        # Equal keys are one draw, seen twice.
        prompts.setdefault((call["model"], prompt), {})[call["key"]] = _action(call["reply"].get("text"))
    rows = []
    for model in sorted({model for model, _ in prompts}):
        agreeing = pairs = repeated = 0
        for (own, _), answers in prompts.items():
            if own != model or len(answers) < 2:
                continue
            n, counts = len(answers), np.unique(list(answers.values()), return_counts=True)[1]
            agreeing += int((counts * (counts - 1) // 2).sum())
            pairs += n * (n - 1) // 2
            repeated += 1
        if pairs:
            rows.append({"model": model, "prompts": repeated, "pairs": pairs, "agreement": agreeing / pairs})
    if not rows:
        raise MetricError("no prompt was asked twice.", path="calls.sqlite")
    return {name: [row[name] for row in rows] for name in rows[0]}


def invalid_by_cell(found: Mapping[str, Columns]) -> dict[int, dict[str, Any]]:
    """The summary's share of invalid answers by cell, from the metric's columns."""
    columns = found.get("invalid_rates")
    if columns is None:
        return {}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {int(row["cell"]): row for row in rows if row["level"] == "cell"}


def _action(text: str | None) -> str:
    """The first field of an answer, which is the action; the whole text where it is no object."""
    try:
        answer = json.loads(text or "")
    except ValueError:
        return (text or "").strip()
    return json.dumps(next(iter(answer.values()), None)) if isinstance(answer, dict) else json.dumps(answer)


def _quantile(values: Sequence[float], at: float) -> float | None:
    return float(np.quantile(values, at)) if values else None


def _mean(actions: Iterable[Any]) -> float | None:
    values = [float(a) for a in actions if isinstance(a, (int, float)) and not isinstance(a, bool) and math.isfinite(a)]
    return float(np.mean(values)) if values else None


def _cap(record: Record, models: set[str]) -> int:
    """Calls that may be in flight: the sum over the models in use, each by its alias."""
    configured = scenario_of(record).get("models") or {}
    caps = {}
    for name in models:
        alias = name.split("/", 1)[0]
        own = configured.get(alias) if isinstance(configured, Mapping) else None
        concurrency = own.get("concurrency") if isinstance(own, Mapping) else None
        caps[alias] = int((concurrency or {}).get("cap", CAP))
    return sum(caps.values())


def _wall(record: Record) -> float:
    """Seconds that processes worked on the run, from ``log.jsonl``; the time between a stop and a resume does not count."""
    from datetime import datetime

    from gamesim.run.progress import LOG

    total, began, last = 0.0, None, None
    try:
        lines = (record.path / LOG).read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        try:
            entry = json.loads(line)
            at = datetime.fromisoformat(entry["at"]).timestamp()
        except (ValueError, KeyError, TypeError):
            continue  # a torn line
        if entry.get("event") == "run_started":
            total += last - began if began is not None and last is not None else 0.0
            began = at
        last = at
    return total + (last - began if began is not None and last is not None else 0.0)


def _reissued(record: Record) -> int:
    from gamesim.run.models.calls import NAME, CallJournal

    journal = CallJournal(record.path / NAME, readonly=True)
    try:
        return journal.reissued()
    finally:
        journal.close()
