"""Money to the billionth, at any concurrency."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest
from asking import Slow, at, broker_in, played, question, slow_desk
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.model import Message, ModelRequest, Params, Usage
from gamesim.run.models.broker import Broker
from gamesim.run.models.budget import NANO, Budget, BudgetExceeded, Charge, money_text
from gamesim.run.models.calls import Answer
from gamesim.run.models.prices import Price, reservation

# 936 bytes + 64 of overhead at 1 a million and 100 tokens of answer at 10 a million: exactly .002 at most.
PRICE = Price(input=1, output=10, checked=date(2026, 11, 1))
PROMPT = "x" * 936


def asking(number: int) -> ModelRequest:
    return ModelRequest("slow/m", (Message("user", PROMPT),), Params(max_tokens=100), None, sample=str(number))


async def ask_until_refused(broker: Broker, count: int) -> list[object]:
    return await asyncio.gather(*(broker.ask(asking(n), at(n)) for n in range(count)), return_exceptions=True)


@pytest.mark.parametrize("cap", range(1, 33))
def test_exactly_49_calls_fit_at_any_concurrency_and_the_rest_resumes(tmp_path: Path, cap: int) -> None:
    assert reservation(asking(0), PRICE, 100) == Charge(2_000_000, 1100, 1)
    model = Slow(seconds=0.0005, usage=Usage(500, 50))

    def broker(limit: float) -> Broker:
        desk = slow_desk(model, cap, price=PRICE)
        return broker_in(tmp_path, desk, budget=Budget({"money": round(limit * NANO)}))

    first = broker(0.05)
    answers = played(first, lambda b: ask_until_refused(b, 80))
    assert model.calls == 49
    assert sum(isinstance(answer, Answer) for answer in answers) == 49
    refused = [answer for answer in answers if not isinstance(answer, Answer)]
    assert all(isinstance(error, BudgetExceeded) and error.exit_code == 5 for error in refused)
    assert "0.049 of 0.05 USD" in str(refused[0])
    assert first.budget.spent == {"money": 49_000_000, "tokens": 49 * 550, "calls": 49}
    assert first.budget.possibly_billed == 0

    second = broker(0.1)
    answers = played(second, lambda b: ask_until_refused(b, 80))
    assert model.calls == 80  # the 49 came from the journal
    assert second.budget.spent["money"] == 80_000_000


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(["none", "full", "half", "zero", "lost"]), min_size=1, max_size=40),
    st.integers(0, 60_000_000),
    st.integers(1, 8),
)
def test_spent_and_possibly_billed_never_exceed_the_budget(reports: list[str], limit: int, cap: int) -> None:
    async def play() -> None:
        budget, charge, gate = Budget({"money": limit}), Charge(2_000_000, 1100, 1), asyncio.Semaphore(cap)

        async def one(report: str) -> None:
            async with gate:
                await budget.reserve(charge)
                assert budget.spent["money"] + budget.possibly_billed + budget.reserved["money"] <= limit
                await asyncio.sleep(0)
                if report == "lost":
                    budget.settle(charge, lost=charge)
                else:
                    share = {"none": 1.0, "full": 1.0, "half": 0.5, "zero": 0.0}[report]
                    budget.settle(charge, Charge(int(charge.money * share), int(1100 * share), 1))

        done = await asyncio.wait_for(asyncio.gather(*map(one, reports), return_exceptions=True), 5)
        assert all(error is None or isinstance(error, BudgetExceeded) for error in done)
        assert budget.spent["money"] + budget.possibly_billed <= limit
        assert budget.reserved == {"money": 0, "tokens": 0, "calls": 0}

    asyncio.run(play())


@pytest.mark.parametrize("limits, calls", [({"calls": 7}, 7), ({"tokens": 4000}, 6), ({"calls": 0}, 0)])
def test_calls_and_tokens_are_budgets_too(tmp_path: Path, limits: dict[str, int], calls: int) -> None:
    model = Slow(usage=Usage(500, 50))
    broker = broker_in(tmp_path, slow_desk(model, 4), budget=Budget(limits))  # type: ignore[arg-type]
    played(broker, lambda b: ask_until_refused(b, 20))
    assert model.calls == calls


def test_an_answer_without_usage_costs_its_reservation_and_says_so(tmp_path: Path) -> None:
    broker = broker_in(tmp_path, slow_desk(Slow(usage=None), price=PRICE))
    answer = played(broker, lambda b: b.ask(asking(0), at(0)))
    assert (answer.cost.money, answer.cost.estimated) == (2_000_000, True)
    assert (answer.cost.input, answer.cost.output) == (1000, 100)
    assert broker.budget.spent["money"] == 2_000_000


def test_without_a_price_the_cost_is_unknown_and_not_zero(tmp_path: Path) -> None:
    answer = played(broker_in(tmp_path, slow_desk(Slow())), lambda b: b.ask(question("slow/m"), at(0)))
    assert answer.cost.money is None


def test_reasoning_counts_as_output_and_cached_input_is_cheaper(tmp_path: Path) -> None:
    price = Price(input=1, output=10, cached_input=0.1, checked=date(2026, 11, 1))
    model = Slow(usage=Usage(500, 90, cached_input=400, reasoning=80))
    answer = played(broker_in(tmp_path, slow_desk(model, price=price)), lambda b: b.ask(asking(0), at(0)))
    assert answer.cost.money == 100 * 1000 + 400 * 100 + 90 * 10_000
    assert answer.cost.reasoning == 80


def test_money_is_written_exactly() -> None:
    assert [money_text(n) for n in (0, 1, 4_980_000_000, 10**18)] == ["0.00", "0.000000001", "4.98", "1000000000.00"]
