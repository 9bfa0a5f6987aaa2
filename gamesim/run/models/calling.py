"""One call over the network, attempt by attempt: wait for a place, reserve, commit the intent, send, settle, judge, retry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from numpy.random import Generator

from gamesim.core.errors import LimitReached
from gamesim.core.model import ModelReply, ModelRequest
from gamesim.core.model_errors import (
    AttemptTimeout,
    AuthenticationFailed,
    DeadlineExceeded,
    FatalModelError,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    TransportError,
)
from gamesim.core.policy import Coordinates

from .budget import NOTHING, Budget, Charge
from .calls import Answer, CallJournal, Cost, Failure, Prior
from .desk import DEFAULT_MAX_TOKENS, Desk
from .prices import actual, reservation

RESUME = "Go on later with: gamesim resume RUN"
Tell = Callable[[Mapping[str, Any]], None]


class Parked(LimitReached):
    """A server asks for a longer wait than this run allows, or is down; the unit goes on with ``gamesim resume``."""

    reason = "parked"


class Stop:
    """Asked to stop: nothing new is sent, whoever waits is sent away, calls in flight may end."""

    def __init__(self) -> None:
        self.error: LimitReached | None = None
        self._event = asyncio.Event()

    def set(self, error: LimitReached) -> None:
        self.error = self.error or error
        self._event.set()

    def check(self) -> None:
        if self.error is not None:
            raise self.error

    async def pause(self, seconds: float) -> None:
        """Sleep, unless asked to stop."""
        self.check()
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        self.check()


@dataclass
class Network:
    """What all calls of a run share."""

    journal: CallJournal
    budget: Budget
    stop: Stop
    rng: Generator  # of jitter
    tell: Tell


class Call:
    """A call in progress. ``left``: seconds until its deadline; queueing and announced waits do not count."""

    def __init__(self, network: Network, desk: Desk, request: ModelRequest, at: Coordinates, prior: Prior) -> None:
        self._network, self._desk, self._at, self._prior = network, desk, at, prior
        self.id = f"{network.journal.run[:8]}-{request.key[:32]}-{at.unit[:16]}-{at.step}-{at.ordinal}"
        self._request = request
        self._max_tokens = request.params.max_tokens or DEFAULT_MAX_TOKENS
        self._charge = reservation(request, desk.price, self._max_tokens)
        self._lost = NOTHING
        self._reissue = prior.flying
        self._left = desk.clocks.deadline
        self._announced = self._queued = 0.0
        self._attempts = 0

    async def answer(self) -> Answer:
        """The answer, or the failure of the last attempt.

        Raises
        ------
        LimitReached
            If the budget, the server's announced wait, or its silence ends the unit for now.
        FatalModelError
            If no attempt can help.
        """
        prepare = getattr(self._desk.model, "prepare", None)
        if prepare is not None:
            prepare()
        try:
            return await self._attempts_until_done()
        except (LimitReached, FatalModelError):
            if self._attempts:
                self._network.journal.landed(self._at, self._prior.lost + self._lost)
            raise

    async def _attempts_until_done(self) -> Answer:
        desk, network = self._desk, self._network
        while True:
            await self._admitted()
            begin = time.monotonic()
            try:
                charge = self._charge if not self._lost.calls else replace(self._charge, calls=0)
                await network.budget.reserve(charge)
                self._queued += time.monotonic() - begin
                self._intend(charge)
                begin = time.monotonic()
                try:
                    reply = await self._sent()
                except TransportError as caught:
                    error = caught
                    lost = charge if caught.sent else NOTHING
                    self._lost += lost
                    network.budget.settle(charge, lost=lost)
                    self._bookkeep(error)
                except FatalModelError as fatal:
                    network.budget.settle(charge)
                    if isinstance(fatal, (AuthenticationFailed, QuotaExhausted)):
                        desk.fatal = fatal
                    raise
                except BaseException:  # cancelled in flight
                    network.budget.settle(charge, lost=charge)
                    raise
                else:
                    return self._answered(reply, charge, time.monotonic() - begin)
            finally:
                desk.limiter.leave()
            took = time.monotonic() - begin
            self._left -= took
            pause = self._pause_after(error)
            if pause is None:
                return self._failed(error, took)
            if pause > 0:
                self._left -= pause
                await network.stop.pause(pause)

    async def _admitted(self) -> None:
        """Wait for the breaker and for a place; park where the wait is hopeless."""
        desk, stop = self._desk, self._network.stop
        while True:
            stop.check()
            if desk.fatal is not None:
                raise desk.fatal
            if desk.limiter.wait_left > desk.clocks.park_after:
                raise waits_too_long(desk, desk.limiter.wait_left)
            wait = desk.breaker.wait_left()
            if wait > 0:
                if desk.breaker.hopeless or self._left <= 0:
                    raise Parked(f"{desk.name} does not answer.", hint=RESUME)
                pause = max(0.001, min(wait, self._left, 1.0))
                await stop.pause(pause)
                self._left -= pause
                continue
            probing, begin = desk.breaker.open, time.monotonic()
            await desk.limiter.enter(self._at.unit)
            self._queued += time.monotonic() - begin
            if stop.error is None and desk.fatal is None and desk.breaker.open == probing:
                return
            desk.limiter.leave()  # things changed in the queue

    def _intend(self, charge: Charge) -> None:
        """Commit what is at stake before it is sent. Once is enough while no attempt was lost."""
        if self._attempts and not self._lost.tokens:
            return
        try:
            self._network.journal.intend(
                self._at, self._request, self._prior.lost + self._lost + charge, again=self._reissue
            )
        except BaseException:
            self._network.budget.settle(charge)
            raise
        self._reissue = False

    async def _sent(self) -> ModelReply:
        model, clocks = self._desk.model, self._desk.clocks
        assert model is not None
        self._attempts += 1
        seconds = max(0.001, min(self._left, clocks.attempt))
        outgoing = replace(self._request, context={**self._request.context, "call": self.id})
        try:
            async with asyncio.timeout(seconds):
                return await model.complete(outgoing)
        except TimeoutError:
            raise AttemptTimeout(f"{self._desk.name}: no answer within {seconds:.3g} s.") from None

    def _bookkeep(self, error: TransportError) -> None:
        """What a failed attempt says about the server."""
        desk = self._desk
        if error.congestion:
            desk.limiter.congested()
        else:
            desk.limiter.failed()
        if not isinstance(error, RateLimited) and error.retry:
            self._tell_breaker(lambda: desk.breaker.failed(self.id, sure=isinstance(error, Overloaded)))

    def _tell_breaker(self, news: Callable[[], None]) -> None:
        breaker = self._desk.breaker
        was_open = breaker.open
        news()
        if breaker.open and not was_open:
            self._network.tell({"event": "model_down", "model": self._desk.name})

    def _pause_after(self, error: TransportError) -> float | None:
        """Seconds before the next attempt, or None when there is none."""
        desk, clocks = self._desk, self._desk.clocks
        announced = error.retry_after
        if announced is not None:
            desk.limiter.close_for(announced)
            self._announced += announced
            if announced > clocks.park_after:
                too_long = waits_too_long(desk, announced)
                desk.limiter.dismiss(too_long)
                raise too_long
            self._network.tell(
                {"event": "waiting", "model": desk.name, "seconds": announced, "until": _until(announced)}
            )
        if not error.retry or self._attempts > clocks.retries:
            return None
        if announced is not None:
            if self._announced > clocks.park_after:
                raise waits_too_long(desk, announced)
            return 0.0  # the gate keeps it waiting
        most = min(clocks.backoff_cap, clocks.backoff * 2 ** (self._attempts - 1))
        pause = float(self._network.rng.uniform(0, most))
        return pause if pause < self._left else None

    def _failed(self, error: TransportError, took: float) -> Answer:
        """The call has no answer. If its server is known to be down that is no answer of the model's: the unit parks."""
        desk = self._desk
        if isinstance(error, RateLimited):  # its attempts only slowed us down; that there was no answer counts
            self._tell_breaker(lambda: desk.breaker.failed(self.id, sure=False))
        if error.retry:
            self._tell_breaker(desk.breaker.gave_up)
        if error.retry and desk.breaker.open:
            raise Parked(f"{desk.name} does not answer: {error.message}", hint=RESUME)
        reached = error
        if isinstance(error, AttemptTimeout) and self._left <= 0:
            reached = DeadlineExceeded(f"{desk.name}: no answer within {desk.clocks.deadline:g} s.")
        failure = Failure("timeout" if reached.reason == "timeout" else "transport", reached.reason, reached.message)
        cost = self._with_lost(Cost(0 if desk.price else None, desk.price.currency if desk.price else ""))
        return Answer(
            self._request.key, None, failure, "network", cost, self._attempts, self._queued, took, http=error.http
        )

    def _answered(self, reply: ModelReply, charge: Charge, latency: float) -> Answer:
        desk, network = self._desk, self._network
        spent, cost = actual(reply.usage, desk.price, charge, self._max_tokens)
        network.budget.settle(charge, replace(spent, calls=charge.calls))
        desk.limiter.succeeded(latency)
        desk.breaker.succeeded()
        before = desk.drifted(reply)
        if before is not None:
            network.tell({"event": "model_drift", "model": desk.name, "before": before, "now": reply.served_model})
        cost = self._with_lost(cost)
        return Answer(self._request.key, reply, None, "network", cost, self._attempts, self._queued, latency, http=200)

    def _with_lost(self, cost: Cost) -> Cost:
        return replace(cost, possibly_billed=self._lost.money, possibly_billed_tokens=self._lost.tokens)


def waits_too_long(desk: Desk, seconds: float) -> Parked:
    return Parked(
        f"{desk.name} asks for a wait of {_seconds(seconds)}; this run waits up to {desk.clocks.park_after:g} s.",
        hint=f"Go on {_until(seconds)} with: gamesim resume RUN",
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min" if seconds < 86400 else "more than a day"


def _until(seconds: float) -> str:
    """When to come back."""
    if seconds > 10 * 365 * 86400:
        return "in more than ten years"
    when = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"at {when:%H:%M:%S} UTC" if seconds < 43200 else f"on {when:%Y-%m-%d %H:%M} UTC"
