"""What the Broker promises: committed before seen, asked once, resumed without asking again."""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from asking import QUICK, Slow, at, broker_in, http_desk, played, question, slow_desk

from gamesim.core.errors import LimitReached, ReplayMismatchError, ScenarioError
from gamesim.core.model import SHARED, ModelReply
from gamesim.core.model_errors import AttemptTimeout, ConnectionFailed, UnknownModelError
from gamesim.run.models.broker import Broker, ReplayMissError
from gamesim.run.models.calls import Answer, CallJournal
from gamesim.testing.fault_server import ServerProcess


async def ten_agents(broker: Broker, sample: str = "0/{}/0", **params: float) -> list[Answer]:
    asking = (broker.ask(question("slow/m", sample=sample.format(n), **params), at(agent=str(n))) for n in range(10))
    return list(await asyncio.gather(*asking))


def test_ten_agents_with_one_prompt_are_ten_samples_and_a_new_run_of_them_is_free(tmp_path: Path) -> None:
    model = Slow()
    first = played(broker_in(tmp_path, slow_desk(model), cache="read_write"), ten_agents)
    assert model.calls == 10
    assert len({answer.key for answer in first}) == 10
    (second_run := tmp_path / "second").mkdir()
    (second_run / "store").symlink_to(tmp_path / "store")
    again = played(broker_in(second_run, slow_desk(model), cache="read_write"), ten_agents)
    assert model.calls == 10
    assert {answer.source for answer in again} == {"cache"}
    assert sum(answer.cost.money or 0 for answer in again) == 0
    assert [answer.reply for answer in again] == [answer.reply for answer in first]


def test_shared_samples_are_one_call_at_temperature_zero_and_refused_elsewhere(tmp_path: Path) -> None:
    model = Slow(seconds=0.01)
    played(broker_in(tmp_path, slow_desk(model)), lambda b: ten_agents(b, SHARED, temperature=0.0))
    assert model.calls == 1
    with pytest.raises(ScenarioError, match="temperature 0"):
        played(
            broker_in(tmp_path, slow_desk(model)),
            lambda b: b.ask(question("slow/m", sample=SHARED, temperature=0.7), at(9)),
        )


def test_a_counterfactual_pays_only_for_what_differs(tmp_path: Path) -> None:
    """Thirty rounds; the second play differs from round 15 on."""
    model = Slow()

    def play(unit: str, shock: int) -> object:
        async def society(broker: Broker) -> None:
            for step in range(30):
                text = f"round {step}" + (", and punishment is off" if step >= shock else "")
                await asyncio.gather(
                    *(broker.ask(question("slow/m", text, f"7/{a}/0"), at(step, unit=unit, agent=a)) for a in "abc")
                )

        return society

    broker = broker_in(tmp_path, slow_desk(model), cache="read_write")
    played(broker, play("base", 30))  # type: ignore[arg-type]
    assert model.calls == 90
    broker = broker_in(tmp_path, slow_desk(model), cache="read_write")
    played(broker, play("shocked", 15))  # type: ignore[arg-type]
    assert model.calls == 90 + 45
    rows = [row for row in CallJournal(tmp_path / "calls.sqlite", readonly=True).rows() if row["unit"] == "shocked"]
    assert {row["source"] for row in rows if row["step"] < 15} == {"cache"}
    assert {row["source"] for row in rows if row["step"] >= 15} == {"network"}


def test_an_answer_is_committed_before_it_is_seen_and_found_again(tmp_path: Path) -> None:
    model = Slow()

    async def once(broker: Broker) -> Answer:
        answer = await broker.ask(question("slow/m"), at())
        with_others = CallJournal(tmp_path / "calls.sqlite", readonly=True)
        assert [row["key"] for row in with_others.rows()] == [answer.key]
        with_others.close()
        return answer

    first = played(broker_in(tmp_path, slow_desk(model)), once)
    again = played(broker_in(tmp_path, slow_desk(model)), lambda b: b.ask(question("slow/m"), at()))
    assert again.source == "journal"
    assert (again.reply, again.cost, again.attempts) == (first.reply, first.cost, first.attempts)
    assert model.calls == 1


def test_another_question_at_recorded_coordinates_is_a_mismatch_that_shows_where(tmp_path: Path) -> None:
    model = Slow()
    played(broker_in(tmp_path, slow_desk(model)), lambda b: b.ask(question("slow/m", "The stock is 40 tons."), at()))
    with pytest.raises(ReplayMismatchError, match=r"messages\.0\.content: .*40 tons.*41 tons"):
        played(
            broker_in(tmp_path, slow_desk(model)), lambda b: b.ask(question("slow/m", "The stock is 41 tons."), at())
        )
    assert model.calls == 1


def test_a_question_that_was_only_sent_must_be_the_same_too(tmp_path: Path) -> None:
    model = Slow(seconds=60)

    async def killed(broker: Broker) -> None:
        task = asyncio.ensure_future(broker.ask(question("slow/m", "before"), at()))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    played(broker_in(tmp_path, slow_desk(model)), killed)
    with pytest.raises(ReplayMismatchError, match=r"before.*after"):
        played(broker_in(tmp_path, slow_desk(model)), lambda b: b.ask(question("slow/m", "after"), at()))
    model.seconds = 0
    broker = broker_in(tmp_path, slow_desk(model))
    lost = broker.budget.lost["tokens"]
    assert lost > 0  # what was in flight may be billed
    answer = played(broker, lambda b: b.ask(question("slow/m", "before"), at()))
    assert answer.cost.possibly_billed_tokens == lost
    with_all = CallJournal(tmp_path / "calls.sqlite", readonly=True)
    assert with_all.reissued() == 1
    assert with_all.totals()[1].tokens == lost


def test_offline_answers_from_the_record_and_nothing_else(tmp_path: Path) -> None:
    model = Slow()
    played(broker_in(tmp_path, slow_desk(model)), lambda b: b.ask(question("slow/m"), at()))
    before = (tmp_path / "calls.sqlite").read_bytes()
    replay = Broker({}, CallJournal(tmp_path / "calls.sqlite", readonly=True), offline=True)

    async def ask(broker: Broker) -> None:
        assert (await broker.ask(question("slow/m"), at())).reply is not None
        with pytest.raises(ReplayMissError, match="step 1 harvest a"):
            await broker.ask(question("slow/m", "more"), at(1))

    played(replay, ask)
    assert model.calls == 1
    assert (tmp_path / "calls.sqlite").read_bytes() == before


def test_equal_questions_in_flight_are_one_even_if_the_first_asker_is_cancelled(tmp_path: Path) -> None:
    model = Slow(seconds=0.05)

    async def play(broker: Broker) -> list[object]:
        tasks = [asyncio.ensure_future(broker.ask(question("slow/m"), at(unit=str(n)))) for n in range(4)]
        await asyncio.sleep(0.01)
        assert model.now == 1
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = played(broker_in(tmp_path, slow_desk(model), cache="read_write"), play)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(isinstance(answer, Answer) and answer.reply is not None for answer in found[1:])
    assert model.calls == 2


def test_stopping_sends_waiters_away_and_lets_calls_in_flight_end(tmp_path: Path) -> None:
    model = Slow(seconds=0.05)

    async def play(broker: Broker) -> list[object]:
        tasks = [asyncio.ensure_future(broker.ask(question("slow/m", str(n)), at(n))) for n in range(10)]
        await asyncio.sleep(0.02)
        assert broker.in_flight == 3
        broker.stop(LimitReached("interrupted."))
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = played(broker_in(tmp_path, slow_desk(model, 3)), play)
    assert sum(isinstance(answer, Answer) for answer in found) == model.calls == 3
    assert sum(isinstance(error, LimitReached) for error in found) == 7


def test_model_drift_is_told(counted: ServerProcess, tmp_path: Path) -> None:
    model, told = Slow(), []

    async def play(broker: Broker) -> None:
        await broker.ask(question("slow/m", "1"), at(1))
        model.complete = renamed  # type: ignore[method-assign]
        await broker.ask(question("slow/m", "2"), at(2))
        await broker.ask(question("slow/m", "3"), at(3))

    async def renamed(request: object) -> ModelReply:
        return ModelReply("{}", served_model="m-2026-12")

    played(broker_in(tmp_path, slow_desk(model), on_event=told.append), play)
    assert told == [{"event": "model_drift", "model": "slow/m", "before": "m", "now": "m-2026-12"}]


def test_what_was_sent_is_possibly_billed_and_what_was_refused_is_not(counted: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    refused = http_desk("http://127.0.0.1:9/v1", clocks=QUICK)
    answer = played(broker_in(tmp_path / "closed", refused), lambda b: b.ask(question("big/m"), at()))
    assert answer.failure.reason == "connection"
    assert answer.cost.possibly_billed_tokens == 0  # nobody was there to bill it
    answer = played(broker_in(tmp_path, http_desk(counted.url("F19"))), lambda b: b.ask(question("big/m"), at()))
    assert answer.cost.possibly_billed_tokens == 6 * (len("How much?") + 64 + 40)
    assert AttemptTimeout("x").sent
    assert ConnectionFailed("x").sent


def test_idempotency_keys_are_one_a_call_and_the_same_after_a_resume(counted: ServerProcess, tmp_path: Path) -> None:
    async def two(broker: Broker) -> None:
        await asyncio.gather(*(broker.ask(question("big/m", "same", f"0/{n}/0"), at(agent=str(n))) for n in "ab"))

    played(broker_in(tmp_path, http_desk(counted.url("F04"))), two)
    hits = counted.said()["hits"]["F04"]
    assert sorted(hits.values()) == [3, 3]


def test_unknown_names_are_errors_with_the_likeliest_meant(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'slow/m'"):
        played(broker_in(tmp_path, slow_desk(Slow())), lambda b: b.ask(question("slow/n"), at()))


def test_files_are_private(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        broker = broker_in(tmp_path, slow_desk(Slow()), cache="read_write")

        async def ask(b: Broker) -> None:
            await b.ask(question("slow/m"), at())
            for path in [*tmp_path.glob("calls.sqlite*"), *tmp_path.glob("store/*")]:
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700

        played(broker, ask)
    finally:
        os.umask(previous)


def test_the_context_of_a_request_reaches_the_model_and_is_not_recorded(tmp_path: Path) -> None:
    model = Slow()
    asked = replace(question("slow/m"), context={"observation": object()})
    played(broker_in(tmp_path, slow_desk(model)), lambda b: b.ask(asked, at()))
    assert set(model.asked[0].context) == {"observation", "call"}
