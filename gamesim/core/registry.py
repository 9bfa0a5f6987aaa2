"""Names to things, through entry points; the built-in kinds enter by the same door as a stranger's.

Groups: environments, agents, games, models, learners, solvers, concepts, meta_solvers, oracles, experiments, metrics,
report_sections, importers. Nothing is imported until a name is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from .errors import PluginError, ScenarioError, UnknownKindError, clean, did_you_mean

GROUPS = (
    "environments", "agents", "games", "models", "learners", "solvers", "concepts", "meta_solvers", "oracles",
    "experiments", "metrics", "report_sections", "importers",
)  # fmt: skip


@cache
def entries(group: str) -> Mapping[str, EntryPoint]:
    """All registered names of a group. Where two packages claim a name, both are named in the error that ``entry`` raises."""
    return {name: points[0] for name, points in _claims(group).items()}


@cache
def _claims(group: str) -> Mapping[str, list[EntryPoint]]:
    """All that is registered under each name; several only where packages disagree about it."""
    if group not in GROUPS:
        raise UnknownKindError.named("registry group", group, GROUPS)
    found: dict[str, list[EntryPoint]] = {}
    for point in _installed().select(group=f"gamesim.{group}"):
        claims = found.setdefault(point.name, [])
        if all(point.value != claim.value for claim in claims):  # the same thing installed twice is no quarrel
            claims.append(point)
    return dict(sorted(found.items()))


@cache
def _installed() -> Any:
    """What all distributions registered, found in one walk over them; has ``select(group=)``."""
    return entry_points()


def owner(point: EntryPoint) -> str:
    """The distribution that registered it."""
    return point.dist.name if point.dist else "an unknown distribution"


def names(group: str) -> list[str]:
    return list(entries(group))


def singular(group: str) -> str:
    return group.removesuffix("s").replace("_", "-")


def entry(group: str, name: str) -> Any:
    """The registered object: a config class, a function, an experiment class.

    Raises
    ------
    UnknownKindError
        With the nearest name, and what is installed.
    PluginError
        If importing it fails, it is not what the group holds, or two packages claim the name; names the distributions.
    """
    points = entries(group)
    if name not in points:
        raise UnknownKindError.named(
            f"{singular(group)} kind" if group in ("environments", "agents") else singular(group), name, points
        )
    claims = _claims(group)[name]
    if len(claims) > 1:
        raise PluginError(
            f"{singular(group)} '{name}' is claimed by {' and '.join(map(owner, claims))}.",
            hint="Uninstall one of them.",
        )
    found = load(points[name])
    if group in ("environments", "agents"):
        from .config import Config

        if not (isinstance(found, type) and issubclass(found, Config)):
            raise PluginError(
                f"{singular(group)} '{name}' of {owner(points[name])} is {_described(found)}, not a configuration class.",
                hint="Derive it from EnvironmentConfig or AgentConfig.",
            )
    elif not callable(found):
        raise PluginError(
            f"{singular(group)} '{name}' of {owner(points[name])} is {_described(found)}; it cannot be called."
        )
    return found


def _described(found: Any) -> str:
    return f"the class {found.__name__}" if isinstance(found, type) else f"of type {type(found).__name__}"


def load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (Exception, SystemExit) as error:  # a module that exits when imported must not end the program
        raise PluginError(
            f"'{point.name}' of {owner(point)} failed to import: {type(error).__name__}: {clean(error)}."
        ) from error


def build(group: str, spec: Mapping[str, Any] | str) -> Any:
    """A validated configuration from ``{"kind": name, **parameters}`` or a bare name."""
    parameters = {"kind": spec} if isinstance(spec, str) else dict(spec)
    kind = parameters.pop("kind")
    config = entry(group, kind)
    known = getattr(config, "model_fields", {})
    try:
        return config(**({"kind": kind, **parameters} if "kind" in known else parameters))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise ScenarioError(
            f"{clean(first['msg'])}.",
            path=".".join(filter(None, [kind, key])),
            hint=did_you_mean(key, known) if first["type"] == "extra_forbidden" else None,
        ) from error
