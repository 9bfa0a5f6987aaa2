"""Societies played for an analysis: a scenario with some values changed, on the episode seeds its own runs would have.

Nothing here knows an agent but by its name in a scenario. Cells that are played from one seed share every draw whose
name they share, so their differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.errors import MetricError
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build
from gamesim.core.seeds import Seeds
from gamesim_analysis.metrics.cells import with_values

BLOCK = 500  # episodes at once: bounds memory, changes no number


@dataclass(frozen=True)
class Society:
    """Who plays what: plain environment data and one agent a seat."""

    environment: Mapping[str, Any]
    seats: tuple[AgentSpec, ...]

    def with_values(self, **values: Any) -> Society:
        """Values by dotted path with ``__`` for the dots: ``growth__rate=0.2``."""
        return self.at({path.replace("__", "."): value for path, value in values.items()})

    def at(self, values: Mapping[str, Any]) -> Society:
        """Values by dotted path below the environment."""
        return Society(with_values(self.environment, values), self.seats)

    def of(self, *members: tuple[AgentSpec, int]) -> Society:
        """The same environment with other agents, seated in that order."""
        seats = tuple(agent for agent, count in members for _ in range(count))
        return Society({**self.environment, "players": len(seats)}, seats)


def play(society: Society, replicates: int, seed: int) -> dict[str, AnyArray]:
    """Outcomes of ``replicates`` episodes, by replicate; ``returns`` has shape (replicates, N), the rest (replicates,)."""
    from gamesim.run.rollout import rollout

    seeds = Seeds(seed)
    config = build("environments", society.environment)
    parts = []
    for start in range(0, replicates, BLOCK):
        episodes = [seeds.episode(r) for r in range(start, min(start + BLOCK, replicates))]
        played = rollout(config, society.seats, episodes)
        parts.append({**played.outcome, "returns": played.returns})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def floats(outcome: Mapping[str, AnyArray], name: str) -> FloatArray:
    """A numeric outcome; an error names what there is."""
    if name not in outcome:
        raise MetricError(f"no outcome '{name}'.", path="outcome", hint=f"Outcomes: {', '.join(sorted(outcome))}.")
    return np.asarray(outcome[name], dtype=np.float64)


def first_death(outcome: Mapping[str, AnyArray], horizon: int) -> FloatArray:
    """Round of the first death, held to the horizon where nobody died (a restricted mean, not a death)."""
    when = floats(outcome, "T_first_death")
    return np.where(np.isfinite(when), when, float(horizon))


def society_of(data: Mapping[str, Any], *, seed: int = 0) -> Society:
    """The society of resolved scenario data: its environment and the agents of its seats."""
    from gamesim.core.policy import Member
    from gamesim.run.seating import seat_members

    members = tuple(_member(item) for item in data.get("population") or ())
    if not data.get("environment") or not members:
        raise MetricError("the scenario has no environment or no population.", path="environment")
    names = build("environments", data["environment"]).seats()
    if any(isinstance(member, Member) and member.probability is not None for member in members):
        raise MetricError("members are drawn by probability, so no one society can be replayed.", path="population")
    seated = seat_members(members, names, Seeds(seed), seating=data.get("seating", "listed"))
    return Society(dict(data["environment"]), tuple(members[index].agent for index in seated))


def are_rules(seats: Sequence[AgentSpec]) -> bool:
    """Whether every agent answers inside this process, so that it may be played again at will."""
    from gamesim.core.registry import entry

    return not any(entry("agents", spec.kind).external for spec in set_of(seats))


def set_of(seats: Sequence[AgentSpec]) -> list[AgentSpec]:
    """Distinct agents."""
    return list({spec.id: spec for spec in seats}.values())


def _member(item: Mapping[str, Any]) -> Any:
    """One member of a resolved population: ``{agent: kind, count: 2, ...parameters}``, or with the agent spelled out."""
    from gamesim.core.policy import Member

    given = dict(item)
    agent = given.pop("agent")
    own = {key: given.pop(key, None) for key in ("count", "probability", "seat", "label")}
    role = given.pop("role", "focal")
    spec = AgentSpec.from_dict(agent) if isinstance(agent, Mapping) else AgentSpec(agent, given)
    return Member(spec, role=role, **own)
