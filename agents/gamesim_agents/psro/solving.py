"""Units that think instead of playing: the meta-strategy of a table, an oracle's answer, a frontier's solutions, their scores."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.empirical import Cell, EmpiricalGame
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import entry
from gamesim.core.risk import parse_risk
from gamesim.core.solving import MetaStrategy
from gamesim.run.contracts import Context, Unit, UnitResult

from .asking import Line
from .cells import as_data, merged
from .config import PARAMETER, ConceptKeys, PsroConfig
from .formal import PATIENT
from .pools import top_k

log = logging.getLogger(__name__)
LEAST = 1e-9  # a policy that is played less often than that is not played


def table_of(task: Mapping[str, Any], context: Context) -> EmpiricalGame:
    """The table that a task names: pools, roles, and the units of each profile."""
    pools = tuple(tuple(policy["label"] for policy in pool) for pool in task["pools"])
    cells = {tuple(profile): merged(context.result(key).data for key in keys) for profile, keys in task["cells"]}
    return EmpiricalGame(pools, tuple(task["roles"]), cells)


def squares_of(task: Mapping[str, Any], context: Context) -> dict[tuple[int, ...], Cell]:
    """Of every profile that a task names, returns and their squares as one cell."""
    return {
        tuple(profile): merged(context.result(key).data["squares"] for key in keys) for profile, keys in task["cells"]
    }


def solve(unit: Unit, context: Context) -> UnitResult:
    """Meta-strategy of the table as it is, and the cells that need more episodes before it can be trusted."""
    config = context.scenario.experiment
    assert isinstance(config, PsroConfig)
    game = table_of(unit.task, context)
    kind, given = config.meta
    found = solved(game, kind, given, context, "meta", int(unit.task["iteration"]))
    more = [list(profile) for profile in wanting(game, found.marginals, config)]
    data = {
        "table": game.as_dict(),
        "pools": unit.task["pools"],
        "more": more,
        "kind": kind,
        "given": dict(given),
        **told(found),
    }
    context.writer.event("meta", step=int(unit.task["iteration"]), **told(found))
    return UnitResult(unit.key, "complete", data=data)


def solved(
    game: EmpiricalGame, kind: str, given: Mapping[str, Any], context: Context, *stream: str | int
) -> MetaStrategy:
    found: MetaStrategy = entry("meta_solvers", kind)(game, limits=PATIENT, rng=context.seeds.stream(*stream), **given)
    return found


def told(found: MetaStrategy) -> dict[str, Any]:
    """A meta-strategy as JSON, with what vouches for it."""
    certificate = found.certificate
    return {
        "marginals": [np.asarray(m, dtype=np.float64).tolist() for m in found.marginals],
        "joint": None if found.joint is None else np.asarray(found.joint.probabilities, dtype=np.float64).tolist(),
        "gap": None if certificate is None else float(certificate.gap),
        "nash_conv": None if certificate is None else float(certificate.nash_conv),
        "raeconv": None if certificate is None else certificate.details.get("raeconv"),
        "converged": bool(found.details.get("converged", True)),
        "branch": found.details.get("branch"),
        "warnings": list(found.details.get("warnings", ())),
    }


def wanting(game: EmpiricalGame, marginals: Sequence[FloatArray], config: PsroConfig) -> list[tuple[int, ...]]:
    """Cells whose interval, weighed by how much the meta-strategy meets them, is too wide, and that may still grow.

    A cell matters to a player as much as opponents play their part of it; the weight is the largest over players, relative
    to that of the cell that matters most.
    """
    samples = config.the_samples
    if samples.half_width is None:
        return []
    low, high = game.interval(samples.confidence)
    half = np.nanmax((high - low) / 2, axis=0)
    matters: dict[tuple[int, ...], float] = {}
    for profile in np.ndindex(*game.shape):
        chances = [float(m[a]) for m, a in zip(marginals, profile, strict=True)]
        weight = max(float(np.prod(chances[:i] + chances[i + 1 :])) for i in range(game.n))
        key = game.sort(profile)[0]
        matters[key] = max(matters.get(key, 0.0), weight)
    most = max(matters.values())
    return [
        key for key in sorted(matters)
        if matters[key] / most * float(half[key]) > samples.half_width and game.cells[key].count < samples.most
    ]  # fmt: skip


def answer(unit: Unit, context: Context) -> UnitResult:
    """One more policy for a pool, as the oracle finds it."""
    config = context.scenario.experiment
    assert isinstance(config, PsroConfig)
    task = unit.task
    before = context.result(task["solved"]).data
    pools = [[AgentSpec.from_dict(policy["agent"]) for policy in pool] for pool in before["pools"]]
    weights = [np.asarray(m, dtype=np.float64) for m in before["marginals"]]
    if config.top_k is not None:
        weights = [likeliest(w, config.top_k) for w in weights]
    opponents = tuple((tuple(pools[role]), w) for role, w in zip(task["roles"], weights, strict=True))
    keys = config.the_oracle.config()
    if config.apart is not None and task["iteration"] == 1:
        log.warning("%s", config.apart)
    rng = context.seeds.stream("oracle", int(task["iteration"]), int(task["player"]))
    found = keys.build()(
        context.scenario.environment, int(task["player"]), opponents, risk=parse_risk(config.attitude), rng=rng,
        context=replace(context, broker=Line(context.broker, unit.key)),
    )  # fmt: skip
    data = {
        "agent": found.agent.as_dict(),
        "id": found.agent.id,
        "gain": float(found.gain),
        "interval": None if found.interval is None else [float(bound) for bound in found.interval],
        "exact": bool(found.exact),
        **({} if config.apart is None else {"apart": config.apart}),
    }
    told = {
        "player": int(task["player"]),
        "policy": data["id"],
        **{key: data[key] for key in ("gain", "interval", "exact")},
    }
    context.writer.event("answer", step=int(task["iteration"]), **told)
    return UnitResult(unit.key, "complete", data=data)


def likeliest(weights: FloatArray, k: int) -> FloatArray:
    """The mixture with the k likeliest policies alone."""
    kept = np.zeros_like(weights)
    kept[top_k(weights, k)] = weights[top_k(weights, k)]
    return np.asarray(kept / kept.sum())


# ---- the frontier -----------------------------------------------------------------------------------------------------


def concepts_of(config: PsroConfig) -> list[tuple[str, str, dict[str, Any], tuple[float, ...]]]:
    """What a frontier varies: label, kind, the parameters that stay, and the grid."""
    frontier = config.frontier
    assert frontier is not None
    kind, given = config.meta
    chosen: Sequence[ConceptKeys] = frontier.concepts
    if not chosen:
        kept = {key: value for key, value in given.items() if key not in (PARAMETER.get(kind), "aversion_relative")}
        chosen = (
            (ConceptKeys.model_validate({"kind": kind, **kept}),) if kind in PARAMETER else (ConceptKeys(kind="rae"),)
        )
    found = []
    for concept in chosen:
        own = concept.given()
        shown = [str(value) for key, value in own.items() if key == "variance"]
        shown += [f"{key} {value:g}" for key, value in own.items() if key in ("tremble", "eps") and value]
        inherited = {key: given[key] for key in ("profile",) if key in given}
        found.append(
            (" ".join([concept.kind, *shown]), concept.kind, {**inherited, **own}, concept.grid or frontier.grid)
        )
    return found


def solve_frontier(unit: Unit, context: Context) -> UnitResult:
    """The equilibrium of those who mind no risk, and every solution of the grid, on the training table."""
    config = context.scenario.experiment
    assert isinstance(config, PsroConfig)
    before = context.result(unit.task["solved"]).data
    game = EmpiricalGame.from_dict(before["table"])
    solutions = []
    for label, kind, given, parameter, value in frontier_rows(config):
        found = solved(game, kind, given, context, "frontier", label, repr(value))
        solutions.append(
            {"concept": label, "kind": kind, "parameter": parameter, "value": value, "given": given, **told(found)}
        )
    data = {"solutions": solutions, "table": before["table"], "pools": before["pools"]}
    return UnitResult(unit.key, "complete", data=data)


def frontier_rows(config: PsroConfig) -> list[tuple[str, str, dict[str, Any], str, float]]:
    """Solutions of a frontier: label, meta-solver and its parameters, which of them varies, and its value; Nash is the first."""
    concepts = concepts_of(config)
    base = {key: value for key, value in concepts[0][2].items() if key in ("tremble", "profile")}
    if concepts[0][1] not in ("rae", "cvar"):
        base["tremble"] = 0.0
    rows: list[tuple[str, str, dict[str, Any], str, float]] = [
        ("nash", "rae", {**base, "variance": "strategic"}, "aversion", 0.0)
    ]
    for label, kind, kept, grid in concepts:
        rows += [(label, kind, kept, PARAMETER[kind], value) for value in grid if _is_attitude(kind, value)]
    return [(label, kind, {**kept, parameter: value}, parameter, value) for label, kind, kept, parameter, value in rows]


def _is_attitude(kind: str, value: float) -> bool:
    """Whether a grid's value is one of that concept: 0 is no aversion of an entropic or CVaR player."""
    return value >= 0 if kind in ("rae", "qre") else value > 0 if kind == "rqe" else 0 < value <= 1


def needed(
    solutions: Sequence[Mapping[str, Any]], roles: Sequence[int], shape: Sequence[int], populations: Sequence[str],
    draws: Sequence[Any] = (),
) -> tuple[list[tuple[int, ...]], dict[str, list[tuple[int, int]]]]:  # fmt: skip
    """Profiles that scoring solutions takes, and for strangers the (seat, policy) that meets them.

    ``draws`` are marginals that are scored against themselves alone.
    """
    n = len(shape)
    profiles: set[tuple[int, ...]] = set()
    meets: set[tuple[int, int]] = set()
    for solution in solutions:
        played = [[a for a, p in enumerate(m) if p > LEAST] for m in solution["marginals"]]
        if "self" in populations:
            profiles |= {p for p in np.ndindex(*shape) if all(a in own for a, own in zip(p, played, strict=True))}
        for i in range(n):
            if "uniform" in populations:
                profiles |= {p for p in np.ndindex(*shape) if p[i] in played[i]}
            if roles[i] not in roles[:i]:
                meets |= {(i, a) for a in played[i]}
    for marginals in draws if "self" in populations else ():
        profiles |= set(product(*([a for a, p in enumerate(m) if p > LEAST] for m in marginals)))
    strangers = [name for name in populations if name not in ("self", "uniform")]
    return sorted(profiles), {name: sorted(meets) for name in strangers}


def score(unit: Unit, context: Context) -> UnitResult:
    """The fresh table beside the solutions; what they are worth is arithmetic that reports do."""
    task = unit.task
    before = context.result(task["frontier"]).data
    strangers = {
        name: [
            {"seat": seat, "policy": a, **as_data(merged(context.result(key).data for key in keys))}
            for seat, a, keys in rows
        ]
        for name, rows in task["strangers"].items()
    }
    table = before["table"] if task["in_sample"] else table_of(task, context).as_dict()
    draws = [context.result(key).data["draws"] for key in task["bootstraps"]]
    data = {
        "draws": draws, "solutions": before["solutions"], "pools": before["pools"], "training": before["table"], "table": table,
        "strangers": strangers, "populations": task["populations"], "delta": task["delta"], "in_sample": task["in_sample"],
    }  # fmt: skip
    return UnitResult(unit.key, "complete", data=data)
