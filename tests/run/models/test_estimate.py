"""The bill before the first call."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

from asking import SCHEMA, at, broker_in, http_desk, played, question

from gamesim.core.model import Message, ModelRequest, Params
from gamesim.run.models.broker import Broker
from gamesim.run.models.calls import CallJournal
from gamesim.run.models.estimate import CellPlan, Measured, Question, estimate, measured_in
from gamesim.run.models.prices import Price
from gamesim.testing.fault_server import ServerProcess

PRICE = Price(input=1, output=10, checked=date(2026, 11, 1))


def asked(model: str, number: int, size: int = 400, most: int = 100, kind: str = "action") -> Question:
    request = ModelRequest(model, (Message("user", f"{number:08d}".ljust(size, "x")),), Params(max_tokens=most), SCHEMA)
    return Question("cell", kind, request)


def test_the_papers_grid_has_a_ceiling_of_840_000_calls() -> None:
    """7 models x 6 cells x 10 trials; 10 agents, 50 rounds, 4 calls each; in the dry run half of them died early."""
    models = [f"m{n}/x" for n in range(7)]
    plans = []
    for model in models:
        for cell in range(6):
            questions = [asked(model, n, kind=f"k{n % 4}") for n in range(1000)]
            ceiling = {(model, f"k{kind}"): 500 for kind in range(4)}
            plans.append(CellPlan(f"cell {cell}", questions, societies=10, ceiling=ceiling, chain=200))
    bill = estimate(plans, prices=dict.fromkeys(models, PRICE))
    assert bill.calls.high == 840_000
    assert bill.calls.expected == 420_000
    assert bill.lines[0].calls.high / 10 == 2000
    low, expected, high = (getattr(bill.money()["USD"], name) for name in ("low", "expected", "high"))
    assert abs(expected - 420_000 * (100 * 1e-6 + 50 * 1e-5)) < 1e-6 * expected
    assert low < expected < high
    assert bill.needs_confirmation()
    assert bill.seconds.expected >= 200 * 2.0
    assert "840,000" in bill.text()


def test_cached_answers_are_counted_out_and_unknown_prices_are_said() -> None:
    questions = [asked("a/x", n) for n in range(10)]
    cached = {question.request.key for question in questions[:4]}
    bill = estimate([CellPlan("c", questions)], prices={"a/x": None}, cached=cached)
    assert bill.calls.expected == 6
    assert bill.lines[0].cached == 4
    assert bill.lines[0].money is None
    assert bill.unpriced == ("a/x",)
    assert "cost of a/x unknown" in bill.text()
    everything = estimate([CellPlan("c", questions)], prices={"a/x": PRICE}, cached={q.request.key for q in questions})
    assert everything.money()["USD"].high == 0


def test_what_one_cell_has_asked_the_next_finds_in_the_store() -> None:
    """Cells of one seed share answers to identical prompts."""
    plans = [CellPlan(f"c{cell}", [asked("a/x", n) for n in range(10 + cell)]) for cell in range(3)]
    shared = estimate(plans, prices={"a/x": PRICE}, kept={"a/x"})
    assert [line.calls.expected for line in shared.lines] == [10, 1, 1]
    assert estimate(plans, prices={"a/x": PRICE}).calls.expected == 33


def test_old_prices_and_small_bills() -> None:
    bill = estimate([CellPlan("c", [asked("a/x", 0)])], prices={"a/x": PRICE}, today=date(2027, 3, 1))
    assert bill.old_prices == ("a/x",)
    assert not bill.needs_confirmation()
    assert bill.needs_confirmation(above=1e-9)


def test_the_estimate_holds_against_a_server_that_counts_as_we_do(counted: ServerProcess, tmp_path: Path) -> None:
    """Usage bytes / 4 in and a declared length out; a pilot's journal teaches that length."""
    path = "F00,out=23"
    questions = [Question("c", "action", question("big/m", "How much? " * (20 + n), f"{n}/a/0")) for n in range(30)]

    def play(count: int) -> object:
        async def ask(broker: Broker) -> None:
            await asyncio.gather(*(broker.ask(q.request, at(n)) for n, q in enumerate(questions[:count])))

        return ask

    (pilot := tmp_path / "pilot").mkdir()
    played(broker_in(pilot, http_desk(counted.url(path), price=PRICE)), play(5))  # type: ignore[arg-type]
    measured = measured_in([CallJournal(pilot / "calls.sqlite", readonly=True)])
    assert measured.output["big/m", "action"] == [23] * 5
    assert abs(measured.bytes_per_token["big/m"] - 4) < 0.1
    for known in (measured, Measured(output={("big/m", "action"): [23]})):
        bill = estimate([CellPlan("c", questions)], prices={"big/m": PRICE}, measured=known)
        (run := tmp_path / str(len(known.latency))).mkdir()
        broker = broker_in(run, http_desk(counted.url(path), price=PRICE))
        played(broker, play(30))  # type: ignore[arg-type]
        actual = broker.budget.spent["money"] / 1e9
        assert abs(bill.money()["USD"].expected - actual) / actual <= 0.10
        assert bill.money()["USD"].low <= actual <= bill.money()["USD"].high
