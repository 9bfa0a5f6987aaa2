"""An episode to be watched: played again from its seed, scene by scene or frame by frame.

A recorded episode is played by those who played it; what language models answered comes from the record, and what it earns
must be what was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.errors import EnvironmentConfigError, RecordError, ReplayMismatchError, clean, listed
from gamesim.core.policy import AgentSpec
from gamesim.core.seeds import Seeds
from gamesim.envs.scene import Scene

from .aside import turned
from .episode import Episode
from .play import member_labels
from .seating import seat_members, seated
from .speaking import attached, listening, on_invalid

if TYPE_CHECKING:
    from gamesim.envs.config import EnvironmentConfig

    from .manifest import UnitEntry
    from .record import Record


@dataclass(frozen=True)
class Film:
    """What was seen, from the start to the end.

    Attributes
    ----------
    kind : of the environment.
    seats : who sat where, (seat, label).
    scenes : moments, where the environment has scenes; else none.
    frames : RGB pictures (height, width, 3), where it paints them instead; ``rate`` of them a second.
    returns : by seat.
    outcome : of the episode.
    """

    kind: str
    seats: tuple[tuple[str, str], ...]
    scenes: tuple[Scene, ...]
    frames: tuple[AnyArray, ...]
    rate: float
    returns: tuple[float, ...]
    outcome: Mapping[str, Any]


def film(
    environment: EnvironmentConfig, seats: Sequence[AgentSpec], seed: int, labels: Sequence[str] | None = None
) -> Film:
    """Play one episode and keep what it looks like.

    Parameters
    ----------
    seats : the agent of each seat, in the environment's seat order.
    seed : what ``reset(seed=)`` gets: the same as in ``rollout``.
    labels : what to call the agents.

    Raises
    ------
    EnvironmentConfigError
        If the environment has no picture.
    """
    require_picture(environment)
    episode = Episode(environment.build(), seated(environment, seats), Seeds(int(seed)))
    return turned(lambda: _filmed(environment, episode, labels or [spec.kind for spec in seats]))


def recorded_film(record: Record, replicate: int | None = None, unit: int | str | None = None) -> Film:
    """The film of an episode that a run of kind ``play`` has recorded.

    Parameters
    ----------
    replicate : its number in the run; by default the first.
    unit : only in this unit, where cells of a sweep share numbers.

    Raises
    ------
    RecordError
        If there is no such episode.
    EnvironmentConfigError
        If the environment has no picture.
    ReplayMismatchError
        If the episode earns something else than was recorded.
    """
    from gamesim.scenario.sweep import cells

    from .replay import offline_broker
    from .runner import scenario_of_run

    entry, replicate = _unit_with(record, replicate, unit)
    whole = scenario_of_run(record.path, record.manifest)
    scenario = next(
        cell.scenario for cell in cells(whole) if cell.index == int(entry.cell.get("index", 0))
    )  # what this unit's cell plays
    environment = scenario.environment
    assert environment is not None
    require_picture(environment)
    seed = scenario.seeds.episode(replicate)
    members = seat_members(
        scenario.population, environment.seats(), scenario.seeds, seating=scenario.seating, episode=seed
    )
    broker = offline_broker(scenario, record.path)
    try:
        groups = [
            attached(group, broker, scenario.language)
            for group in seated(environment, [scenario.population[index].agent for index in members])
        ]
        episode = Episode(
            listening(environment.build(), scenario.language), groups, Seeds(seed),
            on_invalid=on_invalid(environment, scenario.language), unit=entry.key,
        )  # fmt: skip
        seen = turned(lambda: _filmed(environment, episode, member_labels(scenario, members)))
    finally:
        if broker is not None:
            broker.close()
    told = next(
        (e.data for e in record.journal(entry).events if e.type == "outcome" and e.data["seed"] == replicate), None
    )
    if told is not None and list(seen.returns) != [float(value) for value in told["returns"]]:
        raise ReplayMismatchError(
            f"the episode earns {list(seen.returns)}, {told['returns']} was recorded.",
            where=f"unit {entry.name} episode {replicate}", hint="See: gamesim replay RUN --verify",
        )  # fmt: skip
    return seen


def require_picture(environment: EnvironmentConfig) -> None:
    """
    Raises
    ------
    EnvironmentConfigError
        If the environment has no picture, naming those that have.
    """
    if not environment.pictured:
        from gamesim.core.registry import entry, names

        those = [name for name in names("environments") if getattr(entry("environments", name), "pictured", "")]
        raise EnvironmentConfigError(
            f"'{clean(environment.kind, 60)}' has no picture.", path="environment.kind",
            hint=f"Pictured: {listed(those)}. In numbers: gamesim replay RUN",
        )  # fmt: skip


def _unit_with(record: Record, replicate: int | None, unit: int | str | None) -> tuple[UnitEntry, int]:
    entries = [record.unit(unit)] if unit is not None else list(record.units)
    entries = [entry for entry in entries if entry.sealed and entry.seeds]
    if not entries:
        raise RecordError("no finished episode to watch.", where=str(record.path))
    if replicate is None:
        return entries[0], int(entries[0].seeds[0])
    for entry in entries:
        if replicate in entry.seeds:
            return entry, replicate
    have = [seed for entry in entries for seed in entry.seeds]
    raise RecordError(f"no episode {replicate}.", where=str(record.path), hint=f"Episodes: {min(have)} to {max(have)}.")


async def _filmed(environment: EnvironmentConfig, episode: Episode, labels: Sequence[str]) -> Film:
    live = episode.environment
    scenes, frames = [live.scene()], live.frames() if environment.pictured == "frames" else []
    while await episode.advance() is not None:
        scenes.append(live.scene())
        if environment.pictured == "frames":
            frames += live.frames()
    return Film(
        environment.kind,
        tuple(zip(live.possible_agents, labels, strict=True)),
        tuple(scene for scene in scenes if scene is not None),
        tuple(np.asarray(frame) for frame in frames),
        float(live.metadata.get("render_fps", 2)),
        tuple(float(value) for value in episode.returns),
        dict(episode.outcome()),
    )
