"""A block of iterations on a formal game, from where the block before it ended.

Only the codes of the pools cross from unit to unit: plans, tables and samples are made again from them, so what a block
finds does not depend on how often the run was stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.canonical import canonical, digest
from gamesim.core.empirical import EmpiricalGame
from gamesim.core.errors import NotSymmetricError, UnsupportedGameError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.registry import entry
from gamesim.core.risk import MeanVariance, Neutral, RiskMeasure, parse_risk
from gamesim.core.risk_game import risk_table
from gamesim.core.solution import Limits
from gamesim.run.contracts import Context, Unit, UnitResult

from .anytime import regret_matched
from .config import PsroConfig
from .correlated import COARSE, step_correlated
from .exact import Code, State, mixture, not_zero_sum, restored, step
from .polytopes import Polytope, Simplices, Treeplexes, polytope

log = logging.getLogger(__name__)

PATIENT = Limits(seconds=3600.0, cpu_seconds=3600.0)  # a clock that ends a solver would end purity; the run has a limit


def run_block(unit: Unit, context: Context) -> UnitResult:
    """Iterations of the loop; each leaves an event ``iteration`` in the journal."""
    config = context.scenario.experiment
    assert isinstance(config, PsroConfig)
    subject = subject_of(config)
    after = unit.task.get("after")
    before: Any = context.result(after).data if after else {"codes": _first(subject, config, context), "iteration": 0}
    state = restored(subject, before["codes"], int(before["iteration"]))
    if config.apart is not None and not after:
        log.warning("%s", config.apart)
    constant = subject.n == 2 and subject.game.is_constant_sum
    risks = _risks(subject, config)
    stopped = None
    for _ in range(int(unit.task["iterations"])):
        state = _stepped(config, state, context, risks, constant)
        context.writer.event("iteration", step=state.iteration, **_told(state, risks))
        context.lap(state.iteration)
        if state.gain <= config.stop.tolerance:
            stopped = "tolerance"
        elif not any(code is not None for code in state.added):
            stopped = "no new policy"
        if stopped:
            break
    data = {"codes": [[code if code is None else list(code) for code in pool] for pool in state.codes]}
    marginals = [np.asarray(m).tolist() for m in state.marginals]
    found = {
        **data,
        "iteration": state.iteration,
        "meta": marginals,
        "stopped": stopped,
        "converged": stopped == "tolerance"
        and bool(state.details.get("converged", True)),  # the last table was solved too
        **({} if config.apart is None else {"apart": config.apart}),
    }
    return UnitResult(unit.key, "complete", data=found)


def subject_of(config: PsroConfig) -> Polytope:
    """Policies of the formal game that a scenario names; the last games are kept."""
    return _subject(canonical(config.the_game.model_dump(mode="json")))


@lru_cache(maxsize=2)
def _subject(keys: bytes) -> Polytope:
    import json

    told = json.loads(keys)
    return polytope(entry("games", told["game"])(**told["params"]))


def _first(subject: Polytope, config: PsroConfig, context: Context) -> list[list[Code | None]]:
    """Pools of one policy each.

    Raises
    ------
    UnsupportedGameError
        For even play in a matrix whose players mind risk: the spread of a policy that mixes is hidden from a table of pools.
    """
    minds = isinstance(subject, Simplices) and config.attitude["kind"] != "neutral"
    start = config.start or ("first" if minds else "uniform")
    if start == "uniform" and minds:
        raise UnsupportedGameError("even play mixes, and a table of pools does not see what that risks.", hint="Use start: first or random.")  # fmt: skip
    if start == "uniform":
        return [[None] for _ in range(subject.n)]
    return [
        [subject.arbitrary(i, context.seeds.stream("start", i) if start == "random" else None)]
        for i in range(subject.n)
    ]


def _risks(subject: Polytope, config: PsroConfig) -> list[RiskMeasure]:
    measure = parse_risk(config.attitude)
    if isinstance(measure, MeanVariance):
        if measure.variance == "strategic+env":
            raise UnsupportedGameError("the cells of a formal game hold expected payoffs and no variance.", hint="Use variance: strategic.")  # fmt: skip
        return [measure.for_range(span) for span in _ranges(subject)]
    return [measure] * subject.n


def _ranges(subject: Polytope) -> list[float]:
    """What each player's payoffs span, 1 where they are all alike."""
    if isinstance(subject, Treeplexes):
        met = subject.form.odds > 0
        payoffs = (subject.form.weights[met] / subject.form.odds[met, None]).T
    else:
        payoffs = subject.game.payoffs
    return [float(np.ptp(own)) or 1.0 for own in payoffs]


def _absolute(subject: Polytope, given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a meta-solver with an aversion relative to payoffs of the game: a table of pools spans less."""
    relative = given.get("aversion_relative")
    if relative is None:
        return dict(given)
    each = relative if isinstance(relative, (list, tuple)) else [relative] * subject.n
    rest = {key: value for key, value in given.items() if key != "aversion_relative"}
    return {**rest, "aversion": [much / span for much, span in zip(each, _ranges(subject), strict=True)]}


def _stepped(config: PsroConfig, state: State, context: Context, risks: list[RiskMeasure], constant: bool) -> State:
    """One iteration with the scenario's meta-solver; the linear program of exact zero-sum tables needs no certificate."""
    kind, given = config.meta
    learnt, leading = config.regret, None
    if learnt is not None:
        episodes = None if config.samples is None else learnt.episodes
        rng = context.seeds.stream("regret", state.iteration)
        leading = regret_matched(state.subject, state.plans, learnt.steps, episodes, rng)
    if config.samples is None and kind == "nash" and constant and not given:
        return step(state, None, risk=risks, anytime=config.anytime == "exact", leading=leading, population=constant)
    if config.samples is None:
        game = EmpiricalGame.exact(NormalFormGame(state.table))
    else:
        game = sampled(state, config.samples.initial, config.samples.common_random_numbers, context)
    found = entry("meta_solvers", kind)(
        game, limits=PATIENT, rng=context.seeds.stream("meta", state.iteration), **_absolute(state.subject, given)
    )
    state = replace(state, details={"converged": bool(found.details.get("converged", True))})
    if found.joint is None:
        return step(state, lambda table: found.marginals, risk=risks, leading=leading, population=constant)
    if not all(isinstance(risk, Neutral) for risk in risks):
        raise UnsupportedGameError(
            "answers to correlated play mind no risk.", hint="Leave risk out, or use another meta-solver."
        )
    joint = np.asarray(found.joint.probabilities, dtype=np.float64)
    return step_correlated(state, joint, coarse=COARSE.get(kind, True))


def sampled(state: State, episodes: int, common: bool, context: Context) -> EmpiricalGame:
    """The table of a state's pools, every cell estimated from episodes of its own stream."""
    subject = state.subject
    named = [[digest([j, code])[:16] for code in pool] for j, pool in enumerate(state.codes)]
    game = EmpiricalGame(tuple(map(tuple, named)))
    cells: dict[tuple[int, ...], Any] = {}
    for profile in np.ndindex(*game.shape):
        plans = [pool[a] for pool, a in zip(state.plans, profile, strict=True)]
        key = "-".join(own[a] for own, a in zip(named, profile, strict=True))
        rng = context.seeds.stream("cell", 0) if common else context.seeds.stream("cell", key, 0)
        cells |= game.add(profile, subject.sample(plans, episodes, rng)).cells
    return EmpiricalGame(game.policies, game.roles, cells)


def _told(state: State, risks: Sequence[RiskMeasure]) -> dict[str, Any]:
    """An iteration as the journal keeps it. ``gaps`` of a matrix game are those of the whole game at tremble 0."""
    gaps: Sequence[float] = state.gaps
    if isinstance(state.subject, Simplices) and not all(isinstance(risk, Neutral) for risk in risks):
        mixed = [mixture(pool[: len(w)], w) for pool, w in zip(state.plans, state.marginals, strict=True)]
        gaps = risk_table(state.subject.game, list(risks)).gap(mixed).gaps
    return {
        "pools": [len(pool) for pool in state.codes],
        "meta": [np.asarray(m).tolist() for m in state.marginals],
        "added": [code is not None for code in state.added],
        "payoffs": list(state.payoffs),
        "exploitability": state.exploitability,
        "nash_conv": state.nash_conv,
        "population": None if np.isnan(state.population) else state.population,
        "raeconv": float(sum(gaps)),
        "gains": list(state.gains),
    }


def check_game(config: PsroConfig) -> None:
    """What only the game itself shows of a scenario.

    Raises
    ------
    NotZeroSumError
        If play is to be anytime, and the game has not two players whose payoffs add to a constant.
    NotSymmetricError
        If seats were said to be alike, and a policy of the first pools earns something else elsewhere.
    """
    subject = subject_of(config)
    if config.anytime and not (subject.n == 2 and subject.game.is_constant_sum):
        raise not_zero_sum(subject)
    if config.the_samples.symmetric:
        _check_symmetric(subject)


def _check_symmetric(subject: Polytope) -> None:
    """Cells are those of actions in a matrix; in a tree of even play, and then of sequences: each player's own actions on a path."""
    whole = isinstance(subject, Simplices)
    tables: list[Sequence[FloatArray]] = [
        list(subject.game.payoffs if whole else restored(subject, [[None]] * subject.n, 0).table)
    ]
    if isinstance(subject, Treeplexes) and subject.n == 2:
        tables.append([np.asarray(matrix.toarray()) for matrix in subject.form.matrices])
    for table in tables:
        if subject.n != 2 or table[0].shape[0] != table[0].shape[1]:
            raise NotSymmetricError(
                "seats are alike where two players have the same policies.", hint="Leave symmetric out."
            )
        apart = np.abs(table[0] - table[1].T)
        i, j = (int(k) for k in np.unravel_index(int(apart.argmax()), apart.shape))
        if apart[i, j] > 1e-9 * max(subject.scale, 1e-300):
            raise NotSymmetricError(f"cells ({i}, {j}) and ({j}, {i}) differ: {table[0][i, j]:.6g} in the first seat, {table[1][j, i]:.6g} in the second.", hint="Leave symmetric out.")  # fmt: skip
