"""CFR+ and PCFR+ on the sequence form: approximate equilibria of large two-player constant-sum trees.

Players take turns; each sees the other's newest plan. At every information set regret matching+ turns the regrets R,
which never fall below zero, into play. CFR+ weighs plan t by t; PCFR+ expects the last regrets once more before it plays,
and weighs by t squared. The average plans converge to an equilibrium.

References
----------
.. [1] Tammelin, "Solving Large Imperfect Information Games Using CFR+", 2014.
.. [2] Farina, Kroer and Sandholm, "Faster Game Solving via Predictive Blackwell Approachability", AAAI 2021.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.errors import ParameterError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.sequence_form import SequenceForm, Treeplex, sequence_form
from gamesim.core.solution import Limits

from .method import Found, Method, fill
from .sequence_form_lp import constant_sum_tree

VARIANTS = ("cfr+", "pcfr+")
TOLERANCE = 1e-5  # regret over payoff range at which a run without a budget ends
CLOCK = 16  # iterations between two looks at the clock


@dataclass(frozen=True)
class Level:
    """Sets of one depth, which lie side by side: their sequences, and the sequences that lead to them."""

    sequences: slice
    sets: slice
    starts: IntArray  # where each set begins within ``sequences``
    leading: IntArray  # the sequences that lead to sets of this depth, each once
    groups: IntArray  # where the sets of each leading sequence begin within ``sets``
    above: IntArray  # for each of ``sequences`` the one that leads to its set


class Sweep:
    """One player's sequences, reordered by depth so that every depth is a slice.

    Attributes
    ----------
    order : (Q,), the treeplex's sequence at each place; ``order[0]`` is the empty sequence.
    """

    def __init__(self, plex: Treeplex) -> None:
        order: list[int] = [0]
        place = np.zeros(plex.sequences, dtype=np.int64)
        self.levels: list[Level] = []
        first_sets: list[int] = []
        owner: list[int] = []
        for group in plex.depths:
            group = group[np.argsort(place[plex.parent[group]], kind="stable")]  # sets of one leading sequence together
            begin, sets, starts, above = len(order), len(first_sets), [], []
            for h in group:
                starts.append(len(order) - begin)
                own = range(int(plex.first[h]), int(plex.first[h] + plex.size[h]))
                place[own] = np.arange(len(order), len(order) + len(own))
                owner += [len(first_sets)] * len(own)
                first_sets.append(len(order))
                order += own
                above += [int(place[plex.parent[h]])] * len(own)
            leads = place[plex.parent[group]]
            groups = np.flatnonzero(np.diff(leads, prepend=-1))
            self.levels.append(
                Level(
                    slice(begin, len(order)), slice(sets, len(first_sets)), np.array(starts), leads[groups], groups,
                    np.array(above),
                )
            )  # fmt: skip
        self.order = np.array(order)
        self.first = np.array(first_sets, dtype=np.int64) - 1  # without the empty sequence
        self.owner = np.array(owner, dtype=np.int64)
        self.uniform = 1.0 / np.bincount(self.owner)[self.owner] if owner else np.empty(0)
        self.strategy = np.concatenate([[1.0], self.uniform])
        self.regrets = np.zeros(len(owner))
        self.plan = self.realise()
        self.average = np.zeros(len(order))

    def realise(self) -> FloatArray:
        """The plan of the current strategy."""
        plan = self.strategy.copy()
        for level in self.levels:
            plan[level.sequences] *= plan[level.above]
        return plan

    def update(self, values: FloatArray, weight: float, predictive: bool) -> None:
        """Meet the payoffs of one's sequences, shape (Q,), which is overwritten."""
        worth = np.empty(len(self.first))
        for level in reversed(self.levels):
            here = np.add.reduceat(self.strategy[level.sequences] * values[level.sequences], level.starts)
            worth[level.sets] = here
            values[level.leading] += np.add.reduceat(here, level.groups)
        gains = values[1:] - worth[self.owner]
        self.regrets += gains
        np.maximum(self.regrets, 0.0, out=self.regrets)
        aim = np.maximum(self.regrets + gains, 0.0) if predictive else self.regrets
        total = np.add.reduceat(aim, self.first)[self.owner] if len(aim) else aim
        np.copyto(self.strategy[1:], self.uniform)
        np.divide(aim, total, out=self.strategy[1:], where=total > 0)
        self.plan = self.realise()
        self.average += weight * self.plan


@dataclass(frozen=True)
class Averaged:
    """Average plans of both players in the order of the treeplexes, and what they cost.

    ``regrets`` is what each player could gain, shape (2,).
    """

    plans: tuple[FloatArray, FloatArray]
    iterations: int
    regrets: FloatArray
    cpu_seconds: float

    @property
    def nash_conv(self) -> float:
        return float(self.regrets.sum())


def average_plans(
    form: SequenceForm,
    *,
    iterations: int | None = None,
    cpu_seconds: float | None = None,
    variant: str = "cfr+",
    tolerance: float = 0.0,
    seconds: float = float("inf"),
) -> Averaged:
    """Iterate until one of the budgets is spent or nobody can gain more than ``tolerance``.

    Parameters
    ----------
    iterations, cpu_seconds, seconds : budgets; an iteration updates both players.
    tolerance : in units of payoff; looked at after 64, 128, 256, ... iterations.

    Raises
    ------
    ParameterError
        For an unknown variant or a budget that is not positive.
    """
    if variant not in VARIANTS:
        raise ParameterError(f"no variant '{variant}' of CFR.", hint=f"Variants: {', '.join(VARIANTS)}.")
    for name, budget in (("iterations", iterations), ("cpu_seconds", cpu_seconds)):
        if budget is not None and not budget > 0:
            raise ParameterError(f"{name} is {budget}.", hint="Budgets are positive.")
    predictive = variant == "pcfr+"
    sweeps = [Sweep(plex) for plex in form.plexes]
    tables = [
        form.matrices[0][sweeps[0].order][:, sweeps[1].order].tocsr(),
        form.matrices[1][sweeps[0].order][:, sweeps[1].order].T.tocsr(),
    ]
    begin, wall = time.process_time(), time.monotonic()
    done, look = 0, 64
    while iterations is None or done < iterations:
        done += 1
        weight = float(done * done if predictive else done)
        for own, other, table in ((sweeps[0], sweeps[1], tables[0]), (sweeps[1], sweeps[0], tables[1])):
            own.update(table @ other.plan, weight, predictive)
        if done % CLOCK == 0:
            if cpu_seconds is not None and time.process_time() - begin >= cpu_seconds:
                break
            if time.monotonic() - wall >= seconds:
                break
        if tolerance and done == look:
            look *= 2
            if form.regrets(_averages(sweeps)).max() <= tolerance:
                break
    plans = _averages(sweeps)
    return Averaged(plans, done, form.regrets(plans), time.process_time() - begin)


def _averages(sweeps: list[Sweep]) -> tuple[FloatArray, FloatArray]:
    found = []
    for sweep in sweeps:
        plan = np.empty(len(sweep.order))
        plan[sweep.order] = sweep.average / sweep.average[0]
        found.append(plan)
    return found[0], found[1]


def _run(
    game: ExtensiveFormGame,
    *,
    concept: str,
    limits: Limits,
    iterations: int | None = None,
    cpu_seconds: float | None = None,
    variant: str = "cfr+",
    tolerance: float = TOLERANCE,
) -> Found:
    form = sequence_form(game)
    budgeted = iterations is not None or cpu_seconds is not None
    goal = 0.0 if budgeted else tolerance * game.payoff_range
    most = min(limits.cpu_seconds, cpu_seconds or np.inf)
    found = average_plans(
        form, iterations=iterations, cpu_seconds=most, variant=variant, tolerance=goal, seconds=limits.seconds
    )
    asked = found.iterations == iterations or (cpu_seconds is not None and found.cpu_seconds >= cpu_seconds)
    over = not asked and found.regrets.max() > goal
    return Found(
        [fill(game, form.profile(found.plans))],
        covers="one",
        complete=None,
        selection="the average of play that learns, from uniform",
        notes=[f"{found.iterations:,} iterations of {variant}."],
        stopped="seconds" if over else None,
    )


cfr_plus = Method(
    "cfr_plus",
    frozenset({"nash", "value"}),
    "CFR+ (or variant='pcfr+'): an approximate equilibrium of a large two-player constant-sum tree.",
    constant_sum_tree,
    _run,
    suits="large constant-sum trees of two players",
    covers="one, approximate",
    complete="no",
)
