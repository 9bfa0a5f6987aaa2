"""The contracts of everything one installed package registers: what ``gamesim check --plugin NAME`` does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gamesim.core.errors import GamesimError, PluginError, UnknownKindError
from gamesim.core.registry import GROUPS, entries, entry, owner

from .agents import check_agent
from .environments import check_environment, environment_config


@dataclass(frozen=True)
class Checked:
    """One registered name.

    Attributes
    ----------
    problem : the first promise that is not kept; None if all are.
    note : what was checked, or why not all could be.
    """

    group: str
    name: str
    problem: str | None
    note: str


def check_plugin(distribution: str) -> list[Checked]:
    """Check all that a distribution registers, in the order of the groups.

    Environments and agents are played to the episode's end with their defaults; agents in the environments of the same
    package, of the family they are named after, and in ``matrix``, as far as they take them. Of the rest it is checked
    that it can be loaded; a metric is checked on a record by ``check_metric``.

    Raises
    ------
    UnknownKindError
        If no installed distribution of that name registers anything.
    """
    wanted = _normal(distribution)
    owners = {owner(point) for group in GROUPS for point in entries(group).values()}
    if wanted not in map(_normal, owners):
        raise UnknownKindError.named("plugin", distribution, owners)
    mine = {
        group: [name for name, point in entries(group).items() if _normal(owner(point)) == wanted] for group in GROUPS
    }
    return [_checked(group, name, mine["environments"]) for group in GROUPS for name in mine[group]]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _checked(group: str, name: str, environments: list[str]) -> Checked:
    try:
        if group == "environments":
            check_environment(name)
            return Checked(group, name, None, "played to the episode's end")
        if group == "agents":
            fitting = list(_fitting(name, environments))
            if not fitting:
                return Checked(
                    group, name, None, "loaded; it takes none of the environments at hand, so it was not played"
                )
            check_agent(name, fitting)
            return Checked(group, name, None, f"played in {', '.join(config.kind for config in fitting)}")
        entry(group, name)
        return Checked(group, name, None, "loaded")
    except PluginError as error:
        return Checked(group, name, str(error), "")
    except GamesimError as error:  # parameters without a default, an environment that does not fit
        return Checked(group, name, None, f"loaded; not played with its defaults: {error}")


def _fitting(agent: str, environments: list[str]) -> Iterator[Any]:
    """Environments at hand that the agent can be built for."""
    from gamesim.core.registry import build

    config = build("agents", agent)
    family = [agent.split(".")[0]] if agent.split(".")[0] in entries("environments") else []
    for kind in dict.fromkeys([*family, *environments, "matrix"]):
        try:
            environment = environment_config(kind)
            config.build(environment)
        except Exception:  # whatever it raises says that this is not its game
            continue
        yield environment
