"""``check_environment``: the whole contract of an environment, played to the episode's end.

from gamesim.testing import check_environment

def test_contract():
    check_environment("my_game")
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gamesim.core.canonical import jsonable
from gamesim.core.errors import GamesimError, named_cause
from gamesim.core.registry import build
from gamesim.envs.base import EnvironmentConfig

from .batching import check_batched
from .compare import without_nan
from .legal_view import legal_view
from .playing import Broken, Play, broken, play, same


def environment_config(environment: EnvironmentConfig | Mapping[str, Any] | str) -> EnvironmentConfig:
    """A configuration from itself, from ``{"kind": ..., parameters}``, or from a kind's name."""
    if isinstance(environment, EnvironmentConfig):
        return environment
    built: EnvironmentConfig = build("environments", environment)
    return built


def check_environment(
    environment: EnvironmentConfig | Mapping[str, Any] | str,
    *,
    seeds: Sequence[int] = (0, 1),
    rows: int = 3,
    max_steps: int = 10_000,
    pettingzoo: bool = True,
) -> None:
    """Raise unless an environment keeps its promises.

    It is played with legal random actions to the episode's end, and compared step by step (observations, rewards,
    terminations, truncations, events, facts, outcome):

    - again with the same seed, on a fresh environment and on the used one;
    - with the seats' empty profiles, as the runner resets it;
    - against an agent that overwrites the observations it gets;
    - after illegal, missing and superfluous actions, each of which must raise IllegalActionError and change nothing;
    - row by row against its batched face, bit for bit, where it has one.

    Besides, observations handed out must never change later, every mover's spec must sample, describe and parse legal
    actions, and PettingZoo's ``parallel_api_test`` and ``parallel_seed_test`` must pass on ``legal_view``.

    Parameters
    ----------
    environment : a configuration, ``{"kind": ..., parameters}``, or a registered kind.
    seeds : episodes to play.
    rows : rows of the batched face.
    max_steps : an episode that is longer fails; give a configuration with a shorter horizon.

    Raises
    ------
    PluginError
        With the first promise that is not kept: where, and the two values that differ.
    """
    config = environment_config(environment)
    what = f"environment '{config.kind}'"
    try:
        _configuration(config)
        for seed in seeds:
            try:
                _episodes(config, seed, max_steps)
            except Broken as problem:
                raise broken(what, problem, seed) from problem
        check_batched(config, [*seeds, *range(100, 100 + max(0, rows - len(seeds)))], max_steps)
        if pettingzoo:
            _pettingzoo(config, max_steps)
    except Broken as problem:
        raise broken(what, problem) from problem
    except GamesimError:
        raise
    except Exception as error:
        raise broken(what, f"raised {named_cause(error)}") from error


def _configuration(config: EnvironmentConfig) -> None:
    kind = type(config)
    if not (kind.__doc__ or "").strip() or kind.__doc__ == EnvironmentConfig.__doc__:
        raise Broken(f"{kind.__name__} has no docstring; `gamesim list` shows its first line")
    if kind(**config.model_dump(mode="json", by_alias=True)) != config:
        raise Broken("the configuration changes when it is written as JSON and read again")
    kind.model_json_schema()
    seats = config.seats()
    if not seats or len(set(seats)) != len(seats):
        raise Broken(f"seats {seats} must be different names")
    if list(config.build().possible_agents) != list(seats):
        raise Broken(f"possible_agents are {config.build().possible_agents}, seats are {list(seats)}")


def _episodes(config: EnvironmentConfig, seed: int, max_steps: int) -> None:
    used = config.build()
    reference = play(used, seed, max_steps=max_steps)
    _agree(reference, play(config.build(), seed, max_steps=max_steps), "two plays with equal seeds differ")
    _agree(reference, play(used, seed, max_steps=max_steps), "an environment reset after use plays otherwise")
    profiles: dict[str, Any] = {"seats": [{} for _ in config.seats()]}
    seated = play(config.build(), seed, max_steps=max_steps, options=profiles)
    _agree(reference, seated, "empty seat profiles change the play")
    careless = play(config.build(), seed, max_steps=max_steps, careless=True)
    _agree(reference, careless, "an agent that overwrites its observation changes the play")
    probed = play(config.build(), seed, max_steps=max_steps, probing=True)
    _agree(reference, probed, "a refused action changes the play")
    _spaces(config, reference)


def _agree(first: Play, second: Play, problem: str) -> None:
    if found := same(first, second):
        raise Broken(f"{problem}: {found}")


def _spaces(config: EnvironmentConfig, record: Play) -> None:
    """Observations lie in their spaces; NaN, which no space contains, counts as any value."""
    environment = config.build()
    moments = [record.first, *(moment.observations for moment in record.moments)]
    for observations in moments[:: max(1, len(moments) // 50)]:
        for agent, seen in observations.items():
            space = environment.observation_space(agent)
            if not (space.contains(seen) or space.contains(_placed(space, seen))):
                raise Broken(f"an observation of {agent} is not in its observation_space: {_outside(space, seen)}")


def _placed(space: Any, seen: Any) -> Any:
    """The observation with NaN replaced by the lowest value of its box."""
    if hasattr(space, "spaces") and isinstance(seen, Mapping):
        return {key: _placed(space.spaces[key], item) if key in space.spaces else item for key, item in seen.items()}
    if hasattr(space, "low") and isinstance(seen, (np.ndarray, float, np.floating)):
        array = np.asarray(seen)
        low = np.where(np.isfinite(space.low), space.low, 0).astype(array.dtype)
        return np.where(np.isnan(array), low, array).astype(array.dtype) if array.dtype.kind == "f" else seen
    return without_nan(seen)


def _outside(space: Any, seen: Any) -> str:
    if hasattr(space, "spaces") and isinstance(seen, Mapping):
        if set(space.spaces) != set(seen):
            return f"keys {sorted(seen)}, space {sorted(space.spaces)}"
        for key, item in seen.items():
            if not space.spaces[key].contains(_placed(space.spaces[key], item)):
                return f"'{key}' is {jsonable(item)} ({getattr(item, 'dtype', type(item).__name__)}), space {space.spaces[key]}"
    return f"{jsonable(seen)}, space {space}"


def _pettingzoo(config: EnvironmentConfig, max_steps: int) -> None:
    from pettingzoo.test import parallel_api_test, parallel_seed_test

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parallel_api_test(legal_view(config.build()), num_cycles=min(1000, max_steps))
            parallel_seed_test(lambda: legal_view(config.build()), num_cycles=min(500, max_steps))
        except AssertionError as error:
            raise Broken(f"PettingZoo's test fails on its legal view: {error}".rstrip(".")) from error
