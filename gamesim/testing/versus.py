"""Behaviour tests that can be read.

    versus("matrix.tit_for_tat", "matrix.alternator", expect="CC CD DC CD")

plays a repeated matrix game and compares what was played, round by round, each player by the first letter of her action.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from gamesim.core.config import AgentConfig
from gamesim.core.policy import AgentSpec, VectorPolicy
from gamesim.core.seeds import Seeds
from gamesim.envs.base import EnvironmentConfig
from gamesim.run.episode import Episode
from gamesim.run.seating import Seated, agent_config

from .environments import environment_config

Player = AgentSpec | AgentConfig | Mapping[str, Any] | str | Any


def versus(
    *players: Player,
    expect: str | None = None,
    rounds: int | None = None,
    environment: EnvironmentConfig | Mapping[str, Any] | None = None,
    seed: int = 0,
) -> str:
    """Play and compare.

    Parameters
    ----------
    players : one for each seat: kinds, ``{"kind": ..., parameters}``, specs, configurations, or policies themselves.
    expect : rounds separated by spaces, one letter a player; a ``?`` stands for any action.
    rounds : how many to play; by default as many as are expected, else 10.
    environment : of kind ``matrix``; by default the prisoners' dilemma without noise.

    Returns
    -------
    What was played, in the form of ``expect``.

    Raises
    ------
    AssertionError
        Where it differs, with both plays one above the other.

    Examples
    --------
    >>> versus("matrix.tit_for_tat", "matrix.alternator", rounds=4)
    'CC CD DC CD'
    """
    wanted = expect.split() if expect is not None else None
    length = rounds or (len(wanted) if wanted else 10)
    given = environment if isinstance(environment, EnvironmentConfig) else {"kind": "matrix", **(environment or {})}
    config = environment_config(given)
    config = type(config)(**{**config.model_dump(), "horizon": length})
    table: Any = config.game()
    if len(players) != len(config.seats()):
        raise ValueError(f"{len(players)} players were given for {len(config.seats())} seats.")
    groups = [_seated(player, config, seat) for seat, player in enumerate(players)]
    episode = Episode(config.build(), groups, Seeds(seed), steps=True)
    asyncio.run(episode.run())
    assert episode.log is not None
    columns = episode.log.columns()
    played = ["" for _ in range(length)]
    seats = {name: i for i, name in enumerate(config.seats())}
    for step, agent, action in zip(columns["step"], columns["agent"], columns["played"], strict=True):
        played[int(step)] += table.actions[seats[str(agent)]][int(action)][0]
    text = " ".join(played)
    if wanted is not None and (len(wanted) != len(played) or any(map(_differs, wanted, played))):
        marks = " ".join(("^" if _differs(w, p) else " ") * len(p) for w, p in zip(wanted, played, strict=False))
        raise AssertionError(f"\nexpected {' '.join(wanted)}\nplayed   {text}\n         {marks}".rstrip())
    return text


def _differs(wanted: str, played: str) -> bool:
    return len(wanted) != len(played) or any(w not in ("?", p) for w, p in zip(wanted, played, strict=True))


def _seated(player: Player, config: EnvironmentConfig, seat: int) -> Seated:
    if hasattr(player, "act") or hasattr(player, "act_async"):
        kind = "vector" if isinstance(player, VectorPolicy) else "policy"
        return Seated(AgentSpec(f"{kind}.{seat}"), player, {}, (seat,))
    if isinstance(player, str):
        player = AgentSpec(player)
    elif isinstance(player, Mapping):
        player = AgentSpec(player["kind"], {key: value for key, value in player.items() if key != "kind"})
    if isinstance(player, AgentSpec):
        return Seated(player, (built := agent_config(player)).build(config), built.seat_profile(), (seat,))
    return Seated(AgentSpec(type(player).__name__), player.build(config), player.seat_profile(), (seat,))
