"""The one door to language models: journal, cache, budget, limits and retries, in this order, for all societies of a run.

``ask`` answers from the journal of this run, then from the store's cache, then from the model. An answer is committed before
the caller sees it. What no attempt could answer comes back as a failure; it never becomes an answer.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.random import Generator

from gamesim.core.errors import LimitReached, RecordError, ScenarioError, StoreFullError, UnknownKindError
from gamesim.core.model import SHARED, ModelRequest
from gamesim.core.model_errors import TransportError, UnknownModelError
from gamesim.core.policy import Coordinates
from gamesim.core.seeds import Seeds

from ..aside import turned
from .budget import Budget
from .cache import ResponseCache
from .calling import Call, Network, Parked, Stop
from .calls import Answer, CallJournal, Cost, Failure, Prior
from .desk import Desk

__all__ = ["Broker", "Parked", "ReplayMissError"]

FULL_DISK_PAUSE = 1.0  # seconds before an answer that found no room is written a second time


class ReplayMissError(RecordError):
    """A replay asked for an answer that the record does not hold; nothing was sent."""


@dataclass
class Broker:
    """See the module.

    Attributes
    ----------
    desks : by the alias, or short form, that a scenario uses.
    offline : answer from the journal alone.
    on_event : hears ``waiting`` (a server announced a wait), ``model_down``, ``model_drift`` at once.
    rng : of the jitter between attempts.
    answered : calls of this process by source (``journal``, ``cache``, ``network``, ``process``), and ``failed`` ones.
    """

    desks: Mapping[str, Desk]
    journal: CallJournal
    cache: ResponseCache | None = None
    budget: Budget = field(default_factory=Budget)
    offline: bool = False
    on_event: Callable[[Mapping[str, Any]], None] = lambda event: None
    rng: Generator = field(default_factory=lambda: Seeds(0).stream("transport"))
    answered: Counter[str] = field(default_factory=Counter)
    _asking: dict[str, asyncio.Future[Answer]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name = {desk.name: desk for desk in self.desks.values()}
        self._stop = Stop()
        self._network = Network(self.journal, self.budget, self._stop, self.rng, lambda event: self.on_event(event))
        spent, lost = self.journal.totals()
        self.budget.carry(spent, lost)

    def desk(self, model: str) -> Desk:
        """What is known of a model, by its alias or short form in the scenario.

        Raises
        ------
        UnknownModelError
        """
        if model not in self.desks:
            named = UnknownKindError.named("model", model, self.desks)
            raise UnknownModelError(named.message, path="model", hint=named.hint)
        return self.desks[model]

    async def ask(self, request: ModelRequest, at: Coordinates) -> Answer:
        """The answer to a question asked at those coordinates.

        Raises
        ------
        ReplayMismatchError
            If another question was recorded there; nothing is sent.
        ReplayMissError
            If this is a replay and the record holds no answer.
        LimitReached
            If the unit must stop for now (``BudgetExceeded``, ``Parked``, ``QuotaExhausted``, a stop that was asked for).
        FatalModelError
            If no attempt can help, such as a refused key.
        """
        recorded = self.journal.find(at, request)
        if recorded is not None:
            self.answered["journal"] += 1
            return recorded
        if self.offline:
            raise ReplayMissError(
                "no recorded answer.",
                where=str(self.journal.path.parent),
                path=f"unit {at.unit[:16]} step {at.step} {at.phase} {at.agent}",
            )
        self._stop.check()
        desk = self._named(request.model)
        if request.sample == SHARED and request.params.temperature != 0:
            raise ScenarioError("samples can be shared at temperature 0 only.", path="language.samples")
        prior = self.journal.prior(at, request)
        assert desk.model is not None
        if not desk.model.capabilities.network:
            answer = await self._in_process(desk, request)
        else:
            answer = self._cached(request) or await self._once(desk, request, at, prior)
        if prior.lost.tokens:
            owed = answer.cost.possibly_billed + prior.lost.money
            tokens = answer.cost.possibly_billed_tokens + prior.lost.tokens
            answer = replace(answer, cost=replace(answer.cost, possibly_billed=owed, possibly_billed_tokens=tokens))
        await self._commit(at, request, answer)
        self.answered["failed" if answer.reply is None else answer.source] += 1
        return answer

    def stop(self, error: LimitReached) -> None:
        """Send nothing more: who waits is sent away with the error, calls in flight may end."""
        self._stop.set(error)
        self.budget.end(error)
        for desk in self.desks.values():
            desk.limiter.dismiss(error)

    @property
    def in_flight(self) -> int:
        return sum(
            limiter.in_flight for limiter in {id(desk.limiter): desk.limiter for desk in self.desks.values()}.values()
        )

    async def aclose(self) -> None:
        """End all connections, then the files."""
        for desk in self._by_name.values():
            close = getattr(desk.model, "aclose", None) or getattr(desk.model, "close", None)
            if close is not None:
                done = close()
                if inspect.isawaitable(done):
                    await done
        self._close_files()

    def close(self) -> None:
        """As ``aclose``, where no event loop runs."""
        turned(self.aclose)

    def _close_files(self) -> None:
        self.journal.close()
        if self.cache is not None:
            self.cache.close()

    def _named(self, name: str) -> Desk:
        if name not in self._by_name:
            return self.desk(name)
        return self._by_name[name]

    def _cached(self, request: ModelRequest) -> Answer | None:
        reply = self.cache.get(request) if self.cache is not None else None
        return Answer(request.key, reply, None, "cache") if reply is not None else None

    @staticmethod
    async def _in_process(desk: Desk, request: ModelRequest) -> Answer:
        assert desk.model is not None
        begin = time.monotonic()
        try:
            reply = await desk.model.complete(request)
        except TransportError as error:
            failure = Failure("timeout" if error.reason == "timeout" else "transport", error.reason, error.message)
            return Answer(request.key, None, failure, "process", attempts=1)
        return Answer(request.key, reply, None, "process", attempts=1, latency_s=time.monotonic() - begin)

    async def _once(self, desk: Desk, request: ModelRequest, at: Coordinates, prior: Prior) -> Answer:
        """Ask; where answers are kept for all, equal questions in flight are one question."""
        shares = request.sample == SHARED or (self.cache is not None and self.cache.mode == "read_write")
        if not shares:
            return await Call(self._network, desk, request, at, prior).answer()
        while (asked := self._asking.get(request.key)) is not None:
            try:
                answer = await asyncio.shield(asked)
            except asyncio.CancelledError:
                if asked.cancelled() and not _being_cancelled():
                    continue  # the one who asked was cancelled, not we
                raise
            return replace(answer, source="cache" if answer.reply else "network", cost=Cost(), attempts=0)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asking[request.key] = future
        try:
            answer = await Call(self._network, desk, request, at, prior).answer()
        except asyncio.CancelledError:
            future.cancel()
            raise
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # retrieved: nobody else may be waiting
            raise
        else:
            if answer.reply is not None and self.cache is not None:
                self.cache.put(request, answer.reply)
            future.set_result(answer)
            return answer
        finally:
            del self._asking[request.key]

    async def _commit(self, at: Coordinates, request: ModelRequest, answer: Answer) -> None:
        """Write an answer that is paid for; a full disk gets a second chance before the run stops."""
        try:
            self.journal.answer(at, request, answer)
        except StoreFullError:
            await asyncio.sleep(FULL_DISK_PAUSE)
            self.journal.answer(at, request, answer)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
