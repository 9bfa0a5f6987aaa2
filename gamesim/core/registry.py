"""Names to things, through entry points; the built-in kinds enter by the same door as a stranger's.

Groups: environments, agents, games, models, learners, solvers, meta_solvers, oracles, experiments, metrics,
report_sections, importers. Nothing is imported until a name is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from .errors import PluginError, UnknownKindError, clean

GROUPS = (
    "environments", "agents", "games", "models", "learners", "solvers", "meta_solvers", "oracles", "experiments",
    "metrics", "report_sections", "importers",
)  # fmt: skip


@cache
def entries(group: str) -> Mapping[str, EntryPoint]:
    """All registered names of a group. Where two packages claim a name, both are named in the error that ``entry`` raises."""
    if group not in GROUPS:
        raise UnknownKindError.named("registry group", group, GROUPS)
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=f"gamesim.{group}"):
        found.setdefault(point.name, point)
    return dict(sorted(found.items()))


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
        If importing it fails; names the distribution.
    """
    points = entries(group)
    if name not in points:
        raise UnknownKindError.named(
            f"{singular(group)} kind" if group in ("environments", "agents") else singular(group), name, points
        )
    return load(points[name])


def load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        owner = point.dist.name if point.dist else "an unknown distribution"
        raise PluginError(
            f"'{point.name}' of {owner} failed to import: {type(error).__name__}: {clean(error)}."
        ) from error


def build(group: str, spec: Mapping[str, Any] | str) -> Any:
    """A validated configuration from ``{"kind": name, **parameters}`` or a bare name."""
    parameters = {"kind": spec} if isinstance(spec, str) else dict(spec)
    kind = parameters.pop("kind")
    config = entry(group, kind)
    known = getattr(config, "model_fields", {})
    return config(**({"kind": kind, **parameters} if "kind" in known else parameters))
