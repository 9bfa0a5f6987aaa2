"""What every environment is: a PettingZoo ParallelEnv that says who must act, what is legal, and what happened.

One step is one phase, on both faces. ``BatchedEnvironment`` carries a leading axis of rows; row b of it equals the
``Environment`` reset with ``seeds[b]``, bit for bit. Family packages keep their rules as plain functions and let these
two faces adapt them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pettingzoo import ParallelEnv

from gamesim.core.arrays import AnyArray, Arrays, BoolArray, FloatArray, IntArray
from gamesim.core.errors import IllegalActionError
from gamesim.core.policy import EMPTY, ActionSpec

from .config import EnvironmentConfig as EnvironmentConfig
from .scene import Scene


@dataclass(frozen=True)
class Event:
    """Something that happened beside actions and rewards: a norm, a vote, a sanction, a death."""

    type: str
    agent: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


class Environment(ParallelEnv[str, Any, Any]):
    """One row. ``step`` plays one phase: exactly ``movers()`` give an action.

    Attributes
    ----------
    phase : what is being decided now, such as ``harvest``; empty before reset and after the end.
    aside : this phase is not part of the game itself, such as talk: who does not move is not asked, and draws nothing.
    repeats : phases in which repeating one's last action makes sense for who gives no valid one; None = all.
    """

    metadata: dict[str, Any] = {"name": "environment_v0", "render_modes": ["ansi"]}
    phase: str = ""
    aside: bool = False
    repeats: frozenset[str] | None = None

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start an episode. ``options["seats"]``: one ``AgentConfig.seat_profile()`` for each seat, in agent order."""
        raise NotImplementedError

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        raise NotImplementedError

    def movers(self) -> tuple[str, ...]:
        """Who must act now; by default all live agents."""
        return tuple(self.agents)

    def action_spec(self, agent: str) -> ActionSpec:
        """What that agent may do now."""
        raise NotImplementedError

    def observation_of(self, agent: str) -> Any | None:
        """What a seat would see now that does not play: yet to join, or dead. None: its last observation will do.

        A vector policy decides for several seats at once and is shown all of them, as on the batched face.
        """
        return None

    def hear(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        """Free text of this phase by agent and field, given before ``step``; by default ignored."""

    def events(self) -> list[Event]:
        """What happened since the last call; drained by the runner."""
        return []

    def facts(self) -> Arrays:
        """What the last step fixed, for the step table: arrays of shape (N,) by seat, or () for the society; NaN = no value."""
        return EMPTY

    def outcome(self) -> Mapping[str, float | str | None]:
        """Summary of the episode, once it is over."""
        return EMPTY

    def scene(self) -> Scene | None:
        """What it looks like now, to be drawn and filmed; None where it has no picture."""
        return None

    def frames(self) -> list[AnyArray]:
        """RGB pictures (height, width, 3) of what happened since the last call, the newest last; none where it paints none.

        ``metadata["render_fps"]`` says how many make a second.
        """
        return [self.render()] if "rgb_array" in self.metadata.get("render_modes", ()) else []

    def check_actions(self, actions: Mapping[str, Any]) -> None:
        """Raise unless exactly the movers act, each legally."""
        movers = self.movers()
        require_movers(movers, actions, self.phase)
        for agent in movers:
            spec = self.action_spec(agent)
            if not spec.legal(actions[agent]):
                raise illegal(agent, self.phase, actions[agent], spec)


def require_movers(movers: Iterable[str], actions: Mapping[str, Any], phase: str) -> None:
    expected = set(movers)
    for agent in actions:
        if agent not in expected:
            raise IllegalActionError(
                f"{agent} gave an action in phase '{phase}' but does not move now.",
                path=agent,
                hint=f"Movers: {', '.join(sorted(expected)) or 'nobody'}.",
            )
    for agent in movers:
        if agent not in actions:
            raise IllegalActionError(f"{agent} must act in phase '{phase}' but gave no action.", path=agent)


def illegal(agent: str, phase: str, action: Any, spec: ActionSpec) -> IllegalActionError:
    return IllegalActionError(
        f"{agent} played {action!r} in phase '{phase}'.", path=agent, hint=f"Legal: {spec.text()}."
    )


@dataclass(frozen=True)
class Batch:
    """What a batched environment hands back: where it stands now, and what the last step did.

    Attributes
    ----------
    phase : what the movers must decide now; all rows are in the same phase. Empty when every row is done.
    observation : arrays that broadcast to (B, N, ...); may be a lazy mapping that computes an array when it is read.
    reward : (B, N) of the last step.
    terminated : (B, N), agents whose play is over.  truncated : (B,), rows that reached their horizon.
    needs_action : (B, N), who must act now; all False in a row that is done, and only there.
    facts : what the last step fixed, (B, N) by seat or (B,) by row; NaN = no value. Goes into the step table.
    outcome : (B,) summaries, final where the row is done.
    alive : (B, N), who takes part now, where that is not the same as not being terminated: survivors of a society that
        has collapsed, seats whose agents arrive later.
    """

    phase: str
    observation: Arrays
    reward: FloatArray
    terminated: BoolArray
    truncated: BoolArray
    needs_action: BoolArray
    facts: Arrays
    outcome: Arrays
    alive: BoolArray | None = None

    @property
    def living(self) -> BoolArray:
        """(B, N), for the step table."""
        return np.logical_not(self.terminated) if self.alive is None else self.alive

    @property
    def done(self) -> BoolArray:
        return np.logical_not(self.needs_action.any(axis=1))


@runtime_checkable
class BatchedEnvironment(Protocol):
    """Many rows at once, from ``EnvironmentConfig.batched(rows)``; used where every policy at the table is a VectorPolicy."""

    def reset(self, seeds: IntArray, options: Mapping[str, Any] | None = None) -> Batch:
        """Start all rows; ``seeds`` has shape (B,), and row b draws from ``Seeds(seeds[b])`` alone. ``reward`` is zero."""
        ...

    def step(self, actions: AnyArray | Arrays) -> Batch:
        """Play one phase in every row that is not done; a row that is done keeps its outcome and earns nothing more.

        ``actions`` are float64 of shape (B, N), or arrays by key where actions are mappings. Entries of those who do not
        move are ignored (NaN is customary); an illegal action of a mover raises IllegalActionError.
        """
        ...

    def row(self, b: int) -> Environment:
        """The single environment that goes on as row b does from here, sharing nothing with the batch."""
        ...


def own(array: AnyArray, seats: slice | IntArray) -> AnyArray:
    """The part of an observation array that some seats see: public arrays come as (B, 1, ...) and stay whole."""
    return array if array.shape[1] == 1 else array[:, seats]


class SeatView(Mapping[str, AnyArray]):
    """An observation as some seats see it, sliced when read."""

    def __init__(self, observation: Arrays, seats: slice | IntArray) -> None:
        self._observation = observation
        self._seats = seats

    def __getitem__(self, key: str) -> AnyArray:
        return own(self._observation[key], self._seats)

    def __iter__(self) -> Any:
        return iter(self._observation)

    def __len__(self) -> int:
        return len(self._observation)


def stacked(observations: Iterable[Mapping[str, Any]]) -> dict[str, AnyArray]:
    """Observations of n agents of one environment as arrays (1, n, ...), the form that vector policies read."""
    rows = list(observations)
    return {key: np.stack([np.asarray(row[key]) for row in rows])[None] for key in rows[0]} if rows else {}
