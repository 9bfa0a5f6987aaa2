"""How an oracle, which is a plain function, asks a language model through the run's Broker.

In a run the Broker lives on an event loop and the oracle in a thread beside it, so a question is handed over and waited for.
In a replay nobody turns a loop, and the answer comes from the record.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from gamesim.core.errors import ScenarioError
from gamesim.core.model import ModelRequest
from gamesim.core.policy import Coordinates

LOOP: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("the loop of the run's Broker", default=None)


@dataclass(frozen=True)
class Line:
    """The Broker as one unit of work may use it.

    Attributes
    ----------
    broker : that of the run; None where no model is asked.
    unit : key of the unit, part of a question's coordinates.
    """

    broker: Any
    unit: str

    def desk(self, model: str) -> Any:
        """
        Raises
        ------
        ScenarioError
            Where the run asks no models. UnknownModelError : where it does not know this one.
        """
        if self.broker is None:
            raise ScenarioError("this run asks no models.", path="oracle.model")
        return self.broker.desk(model)

    def ask(self, request: ModelRequest, *, step: int, phase: str, agent: str) -> Any:
        """The answer; raises as ``Broker.ask`` does. ``step`` counts the questions of the unit."""
        at = Coordinates(self.unit, step, phase, agent, "oracle")
        question = self.broker.ask(replace(request, context={"at": at, "number": step}), at)
        loop = LOOP.get()
        if loop is None:
            return asyncio.run(question)
        return asyncio.run_coroutine_threadsafe(question, loop).result()
