"""What a scenario's ``analysis:`` asks of its run: calls of metrics by name, each with parameters.

    analysis:
      - regret: {kinds: [external], per: member}

The metric is then computed, also where ``metrics:`` lists others, and reads its parameters here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from gamesim.core.config import Config
from gamesim.core.errors import MetricError, clean, did_you_mean

if TYPE_CHECKING:
    from gamesim.run.record import Record

Keys = TypeVar("Keys", bound=Config)


def calls(record: Record) -> list[tuple[str, Mapping[str, Any]]]:
    """Name and parameters of each call; the scenario was checked when it was read."""
    return [(name, parameters or {}) for entry in record.analysis for name, parameters in entry.items()]


def asks(record: Record, name: str) -> bool:
    """Whether the scenario calls a metric."""
    return any(called == name for called, _ in calls(record))


def parameters_of(record: Record, name: str, keys: type[Keys]) -> Keys:
    """The parameters of a call, or the defaults where the scenario makes none.

    Raises
    ------
    MetricError
        With the key that is wrong.
    """
    given = [parameters for called, parameters in calls(record) if called == name]
    try:
        return keys(**(given[-1] if given else {}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        hint = did_you_mean(key, keys.model_fields) if first["type"] == "extra_forbidden" else None
        raise MetricError(f"{clean(first['msg'])}.", path=f"analysis.{name}.{key}", hint=hint) from error
