"""The commons over B rows at once: one step is one phase, and no loop runs over agents or replicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, FloatArray, IntArray, Lazy
from gamesim.core.errors import IllegalActionError, ScenarioError
from gamesim.envs.base import Batch, Environment

from .actions import KEYS, CommonsAction, legal
from .beginning import Profiles, found_society
from .deciding import norm, vote
from .draws import Draws
from .harvesting import harvest
from .observe import facts, observation, outcome
from .perturbations import Timeline
from .society import counter, finish_phase, play_round, sanction
from .state import Institutions, SocietyState
from .streams import draws_of

if TYPE_CHECKING:
    from .config import Commons


@dataclass(frozen=True)
class Trajectory:
    """A fused run; NaN after a row's end.

    Attributes
    ----------
    stock : (B, T), after each round.  norm : (B, T), in force in it.  harvest, effort, fines, alive : (B, T), sum of
    catches, mean effort of who acted, number of fines, head count after the round.
    returns : (B, N).  outcome : (B,) summaries as in ``Batch``.
    """

    stock: FloatArray
    norm: FloatArray
    harvest: FloatArray
    effort: FloatArray
    fines: FloatArray
    alive: FloatArray
    returns: FloatArray
    outcome: Arrays


class BatchedCommons:
    """See ``gamesim.envs.commons.environment`` for the rules; row b equals ``CommonsEnv`` reset with ``seeds[b]``.

    Parameters
    ----------
    rows : B.
    """

    def __init__(self, config: Commons, rows: int) -> None:
        self.config = config
        self.rows = rows
        self._timeline = Timeline(config)
        self._profiles: Profiles = None
        self._seeds: IntArray = np.zeros(rows, dtype=np.int64)
        self._draws: Draws | None = None
        self._institutions: Institutions | None = None
        self._state: SocietyState | None = None

    @property
    def state(self) -> SocietyState:
        if self._state is None:
            raise RuntimeError("reset the environment first")
        return self._state

    @property
    def institutions(self) -> Institutions:
        if self._institutions is None:
            raise RuntimeError("reset the environment first")
        return self._institutions

    @property
    def draws(self) -> Draws:
        if self._draws is None:
            raise RuntimeError("reset the environment first")
        return self._draws

    def reset(self, seeds: Sequence[int] | IntArray, options: Mapping[str, Any] | None = None) -> Batch:
        """Start B episodes. ``options["seats"]``: one seat profile a seat, with initial ranges of the traits."""
        if len(seeds) != self.rows:
            raise ValueError(f"{len(seeds)} seeds for {self.rows} rows")
        self._seeds = np.asarray(seeds, dtype=np.int64)
        self._profiles = (options or {}).get("seats")
        if self._profiles is not None and len(self._profiles) != self.config.players:
            raise ScenarioError(
                f"{len(self._profiles)} seat profiles for {self.config.players} seats.", path="options.seats"
            )
        self._draws = draws_of(self.config, self._seeds).recycle(self._draws)
        self._institutions = Institutions.of(self.config, self._draws, self._timeline)
        self._state = found_society(self._institutions, self._draws, self._profiles)
        return self._batch(np.zeros(self._state.alive.shape), {})

    def step(self, actions: AnyArray | Arrays) -> Batch:
        """Play one phase.

        Parameters
        ----------
        actions : (B, N) float64, entries of who does not act ignored; or a mapping with the phase's key (``effort``,
            ``target``, ``cap``, ``ballot``; ``effort_2`` beside ``effort`` for two stocks).

        Raises
        ------
        IllegalActionError
            Naming agent, phase and what is legal; nothing has changed then.
        """
        before = self.state
        action, second = self._decoded(actions, before)
        state = before.copy()
        self._play(state, action, second)
        finish_phase(state, self.institutions, self.draws, self._profiles)
        self._state = state
        resolved = state.payoff is not before.payoff
        reward = np.where(before.roster.active, state.payoff, 0.0) if resolved else np.zeros(state.alive.shape)
        return self._batch(reward, facts(before, state, self.institutions))

    def _play(self, state: SocietyState, action: FloatArray, second: FloatArray | None) -> None:
        institutions, draws = self.institutions, self.draws
        if state.phase == "harvest":
            harvest(state, action, institutions, draws, second)
        elif state.phase == "norm":
            norm(state, action, institutions, draws)
        else:
            whole = np.where(state.roster.active, action, 0.0).astype(np.int64)
            if state.phase == "vote":
                vote(state, whole, institutions, draws)
            elif state.phase == "sanction":
                sanction(state, whole)
            else:
                counter(state, whole)

    def _decoded(self, actions: AnyArray | Arrays, state: SocietyState) -> tuple[FloatArray, FloatArray | None]:
        second: FloatArray | None = None
        if isinstance(actions, Mapping):
            if state.phase == "harvest" and "effort_2" in actions:
                second = np.asarray(actions["effort_2"], dtype=np.float64)
            actions = actions[KEYS[state.phase]]
        action = np.array(actions, dtype=np.float64)  # a copy: the state keeps it
        if action.shape != state.alive.shape:
            raise ValueError(f"actions have shape {action.shape}, not {state.alive.shape}")
        allowed = legal(state, action, self.institutions)
        if second is not None:
            if self.config.second_stock is None:
                raise IllegalActionError("effort_2 without a second stock.", path="effort_2")
            allowed = allowed & (np.isnan(second) | ((second >= 0.0) & (action + second <= 1.0)))
        wrong = state.roster.active & ~allowed
        if wrong.any():
            row, seat = (int(i) for i in np.argwhere(wrong)[0])
            played = f"{action[row, seat]:g}" + ("" if second is None else f" and {second[row, seat]:g}")
            spec = self.row_spec(row, seat)
            raise IllegalActionError(
                f"{self.config.seats()[seat]} played {played} in phase '{state.phase}'"
                + (f" of row {row}." if self.rows > 1 else "."),
                path=self.config.seats()[seat],
                hint=f"Legal: {spec.text()}.",
            )
        return action, second

    def row_spec(self, row: int, seat: int) -> CommonsAction:
        """What one agent of one row may do now."""
        one = np.array([row])
        return CommonsAction(self.state.some(one), self._narrowed(one), seat)

    def _narrowed(self, rows: IntArray) -> Institutions:
        of = self.institutions
        return Institutions(
            of.config, of.timeline, of.meet.some(rows), of.see.some(rows), of.punish.some(rows), of.rationed
        )

    def row(self, b: int) -> Environment:
        """The PettingZoo face of row b as it stands now; it goes on by itself and leaves the batch alone."""
        from .environment import CommonsEnv

        one = np.array([b])
        alone = BatchedCommons(self.config, 1)
        alone._timeline, alone._profiles, alone._seeds = self._timeline, self._profiles, self._seeds[one]
        alone._draws = draws_of(self.config, alone._seeds)
        alone._institutions = self._narrowed(one)
        alone._state = self.state.some(one)
        return CommonsEnv.under_way(alone)

    def run(self, horizon: int | None = None) -> Trajectory:
        """Play on with everybody following its disposition, without observations in between.

        Equal, bit for bit, to a rollout of ``commons.paper_abm`` in every seat.

        Parameters
        ----------
        horizon : rounds to play, at most the configuration's.
        """
        state, institutions, draws = self.state, self.institutions, self.draws
        last = self.config.horizon if horizon is None else min(self.config.horizon, state.round - 1 + horizon)
        returns = np.zeros(state.alive.shape)
        first = state.round
        kept = np.full((7, max(0, last - first + 1), self.rows), np.nan)
        while state.round <= last and (state.roster.everyone or state.roster.count.any()):
            before, place = state, state.round - first
            state = play_round(state, None, institutions, draws, self._profiles)
            returns += state.payoff
            kept[0, place], kept[1, place] = state.stock, state.norm_before
            kept[2, place] = state.taken if state.taken_second is None else state.taken + state.taken_second
            kept[3, place], kept[4, place] = state.effort_round, before.roster.count
            kept[5, place] = state.fines_round
            kept[6, place] = state.roster.count if state.roster.everyone else state.alive.sum(axis=1)
            if not before.roster.everyone:
                kept[:, place, before.done] = np.nan
            self._state = state
            if not state.roster.everyone and state.done.all():
                kept = kept[:, : place + 1]
                break
        stock, norms, harvested, effort, acting, fines, alive = kept.transpose(0, 2, 1)
        mean = effort / np.maximum(acting, 1.0)
        return Trajectory(stock, norms, harvested, mean, fines, alive, returns, outcome(state, institutions))

    def _batch(self, reward: FloatArray, made: Arrays) -> Batch:
        state = self.state
        over = state.done & ~state.truncated
        known = institutions_arrivals(state, self._timeline)
        return Batch(
            phase="" if state.done.all() else state.phase,
            observation=observation(state, self.institutions, self.draws),
            reward=reward,
            terminated=(known & ~state.alive) | over[:, None],
            truncated=state.truncated,
            needs_action=state.roster.active,
            facts=made if isinstance(made, Lazy) else Lazy({}),
            outcome=outcome(state, self.institutions),
            alive=state.alive,
        )


def institutions_arrivals(state: SocietyState, timeline: Timeline) -> AnyArray:
    """Which seats have been taken so far, (1, N)."""
    return (np.arange(state.alive.shape[1]) < timeline.at(state.round).arrivals)[None]
