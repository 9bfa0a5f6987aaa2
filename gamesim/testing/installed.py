"""The contracts of everything one installed package registers: what ``gamesim check --plugin NAME`` does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gamesim.core.errors import GamesimError, PluginError, UnknownKindError
from gamesim.core.registry import GROUPS, build, entries, entry, owner

from .agents import check_agent, playable
from .environments import check_environment
from .learners import check_learner


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

    Environments and agents are played to the episode's end with their defaults, agents in what ``playable`` finds,
    learners by ``check_learner``. Of the rest it is checked that it can be loaded; a metric is checked on a record by ``check_metric``.

    Raises
    ------
    UnknownKindError
        If no installed distribution of that name registers anything.
    """
    wanted = _normal(distribution)
    owners = {owner(point) for group in GROUPS for point in entries(group).values()}
    if wanted not in map(_normal, owners):
        raise UnknownKindError.named("plugin", distribution, owners)
    return [
        _checked(group, name)
        for group in GROUPS
        for name, point in entries(group).items()
        if _normal(owner(point)) == wanted
    ]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def check_registered(group: str, name: str) -> str:
    """Check one registered name, with its defaults.

    Returns
    -------
    What was checked, such as ``keeps its contract, played in matrix``.

    Raises
    ------
    PluginError
        With the first promise that is not kept.
    """
    if group == "environments":
        check_environment(name)
        return "keeps its contract to the episode's end"
    if group == "agents":
        fitting = playable(build("agents", name), name)
        if not fitting:
            return "loads; no environment at hand fits it, so it was not played"
        check_agent(name, fitting)
        return f"keeps its contract, played in {', '.join(config.kind for config in fitting)}"
    if group == "learners":
        check_learner(name)
        return "keeps its contract over rounds of drawn utilities"
    entry(group, name)
    return "loads; a metric is checked on a record, by check_metric" if group == "metrics" else "loads"


def _checked(group: str, name: str) -> Checked:
    try:
        return Checked(group, name, None, check_registered(group, name))
    except PluginError as error:
        return Checked(group, name, str(error), "")
    except GamesimError as error:  # parameters without a default, an environment that does not fit
        return Checked(group, name, None, f"loaded; not played with its defaults: {error}")
