"""The width of an endpoint, its gate and its breaker, by the numbers."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from asking import QUICK, Slow, at, broker_in, http_desk, played, question, slow_desk
from hypothesis import given
from hypothesis import strategies as st

from gamesim.core.model_errors import ConnectionFailed
from gamesim.run.models.breaker import Breaker
from gamesim.run.models.broker import Broker, Parked
from gamesim.run.models.calls import Answer
from gamesim.run.models.limiter import Limiter
from gamesim.testing.fault_server import ServerProcess


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_five_separated_429s_and_the_way_back() -> None:
    clock = Clock()
    limiter = Limiter(32, clock=clock)
    widths = []
    for _ in range(5):
        clock.now += 2
        limiter.congested()
        limiter.congested()  # at once: counts no second time
        widths.append(limiter.width)
    assert widths == [25, 20, 16, 12, 9]
    for width in range(9, 32):
        for _ in range(width):
            assert limiter.width == width
            limiter.succeeded(0.1)
    assert limiter.width == 32
    for _ in range(100):
        clock.now += 2
        limiter.congested()
    assert limiter.width == 1


def test_places_go_round_the_units_and_first_come_first_served_within() -> None:
    async def order() -> list[str]:
        limiter, served = Limiter(1), []

        async def one(unit: str, name: str) -> None:
            await limiter.enter(unit)
            served.append(name)
            await asyncio.sleep(0)
            limiter.leave()

        await asyncio.gather(*(one("talkative", f"t{n}") for n in range(4)), one("quiet", "q0"), one("quiet", "q1"))
        return served

    assert asyncio.run(order()) == ["t0", "t1", "q0", "t2", "q1", "t3"]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40), st.integers(1, 4))
def test_never_more_in_flight_than_the_width_whoever_is_cancelled(plan: list[tuple[int, bool]], cap: int) -> None:
    async def play() -> None:
        limiter, most = Limiter(cap), 0

        async def one(unit: int) -> None:
            nonlocal most
            await limiter.enter(str(unit))
            try:
                most = max(most, limiter.in_flight)
                await asyncio.sleep(0)
            finally:
                limiter.leave()

        tasks = [asyncio.ensure_future(one(unit)) for unit, _ in plan]
        await asyncio.sleep(0)
        for task, (_, cancel) in zip(tasks, plan, strict=True):
            if cancel:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most <= cap
        assert limiter.in_flight == 0

    asyncio.run(play())


def test_breaker_opens_on_five_in_a_row_and_closes_after_a_probe() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    for _ in range(5):
        assert not breaker.open
        breaker.failed()
    assert breaker.open
    assert breaker.wait_left() == 30
    clock.now = 31
    assert breaker.wait_left() == 0  # the probe
    assert breaker.wait_left() == 30  # everybody else
    breaker.failed()
    assert breaker.open
    clock.now = 301
    assert breaker.hopeless
    breaker.succeeded()
    assert not breaker.open


def test_breaker_opens_when_half_of_twenty_calls_got_no_answer() -> None:
    breaker = Breaker()
    for number in range(20):
        assert not breaker.open
        if number % 2:
            breaker.succeeded()
        else:
            breaker.failed(str(number), sure=False)
            breaker.gave_up()
    breaker.gave_up()
    assert breaker.open


def test_one_request_that_breaks_whatever_it_meets_does_not_close_the_server() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.failed("the same call", sure=False)
    assert not breaker.open
    breaker.failed("another", sure=False)
    assert breaker.open


def test_retry_after_holds_the_whole_endpoint_and_no_other(counted: ServerProcess, tmp_path: Path) -> None:
    one = http_desk(counted.url("F24,retry_after=1,only=first"), "one")
    two = http_desk(counted.url("F00"), "two")
    arrivals = {}

    async def play(broker: Broker) -> None:
        first = asyncio.ensure_future(broker.ask(question("one/m", "first"), at(0)))
        while not broker.desk("one/m").limiter.wait_left:
            await asyncio.sleep(0.005)
        closed = time.monotonic()

        async def timed(model: str, number: int) -> None:
            answer = await broker.ask(question(model, str(number)), at(number, agent=model))
            assert answer.reply is not None
            arrivals.setdefault(model, []).append(time.monotonic() - closed)

        await asyncio.gather(*(timed(model, n) for n in range(1, 6) for model in ("one/m", "two/m")), first)

    played(broker_in(tmp_path, one, two), play)
    assert min(arrivals["one/m"]) >= 0.9
    assert max(arrivals["two/m"]) < 0.6


class Dead(Slow):
    """Refuses connections until it is revived."""

    alive = False

    async def complete(self, request):  # type: ignore[no-untyped-def]
        if not self.alive:
            self.calls += 1
            raise ConnectionFailed("reset.")
        return await super().complete(request)


def test_one_dead_model_parks_its_units_and_the_others_finish(tmp_path: Path) -> None:
    dead, well = Dead("dead/m"), Slow("well/m", 0.002)

    async def unit(broker: Broker, model: str, name: str) -> list[Answer]:
        found: list[Answer] = []
        for step in range(3):
            asking = (
                broker.ask(question(model, f"{name} {step}", f"{name}/{agent}/0"), at(step, unit=name, agent=agent))
                for agent in "abcd"
            )
            found += await asyncio.gather(*asking)
        return found

    async def run(broker: Broker) -> list[object]:
        names = [("dead/m", "d0"), ("well/m", "w0"), ("dead/m", "d1"), ("well/m", "w1")]
        return await asyncio.gather(*(unit(broker, *pair) for pair in names), return_exceptions=True)

    def broker() -> Broker:
        return broker_in(tmp_path, slow_desk(dead, clocks=QUICK), slow_desk(well, clocks=QUICK))

    first = played(broker(), run)
    assert isinstance(first[0], Parked)
    assert isinstance(first[2], Parked)
    assert first[0].exit_code == 5
    assert len(first[1]) == len(first[3]) == 12  # type: ignore[arg-type]
    asked = well.calls
    dead.alive = True
    dead.calls = 0
    second = played(broker(), run)
    assert all(isinstance(answers, list) and all(a.reply is not None for a in answers) for answers in second)
    assert well.calls == asked  # nothing committed is asked again
    assert dead.calls == 24


def test_always_limited_opens_the_breaker_in_the_end(counted: ServerProcess, tmp_path: Path) -> None:
    desk = http_desk(counted.url("F02"))

    async def play(broker: Broker) -> list[object]:
        found: list[object] = []
        for number in range(6):
            asking = broker.ask(question("big/m", str(number)), at(number))
            found += await asyncio.gather(asking, return_exceptions=True)
        return found

    found = played(broker_in(tmp_path, desk), play)
    assert all(isinstance(answer, Answer) and answer.failure is not None for answer in found[:4])
    assert isinstance(found[-1], Parked)
    assert desk.breaker.open


@pytest.mark.parametrize("cap", [1, 7, 32])
def test_no_more_than_the_cap_are_in_flight(tmp_path: Path, cap: int) -> None:
    model = Slow(seconds=0.005)

    async def play(broker: Broker) -> None:
        await asyncio.gather(*(broker.ask(question("slow/m", str(n)), at(n)) for n in range(60)))

    played(broker_in(tmp_path, slow_desk(model, cap)), play)
    assert model.most == min(cap, 60)
    assert model.calls == 60
