"""The line to a model: under which name requests carry it, how it wants answers formed, with which parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from gamesim.core.model import Params, Structured


@dataclass(frozen=True)
class Line:
    """``config`` is the model's configuration, where the Broker knows it."""

    name: str
    structured: Structured
    params: Params
    config: Any = None


def line_of(broker: Any, spec: str, wanted: Structured | Literal["auto"] = "auto") -> Line:
    """The line that a player's ``model:`` means, an alias or a short form such as ``rule:commons.greedy``.

    Raises
    ------
    UnknownModelError
        If the run has no such model.
    """
    desk = broker.desk(spec)
    return Line(desk.name, desk.structured if wanted == "auto" else wanted, desk.params, getattr(desk, "config", None))
