"""``gamesim show RUN --calls``: prompts and answers behind the numbers of a run, as they were sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import RecordError, clean, did_you_mean

from .output import Output

if TYPE_CHECKING:
    from gamesim.run.record import Record

SHOWN = 20  # calls printed without --verbose
Place = tuple[str, int, str, str]


def show_calls(
    out: Output, path: Path, *, unit: str | None, step: int | None, agent: str | None, outcome: str | None
) -> dict[str, Any]:
    """Print the calls of a run that the filters leave; escapes of terminals are stripped, ``--json`` has all as recorded.

    Raises
    ------
    RecordError
        If no model was asked in this run, or no call is left by the filters.
    """
    from gamesim.run.models.calls import NAME, CallJournal
    from gamesim.run.record import Record

    if not (path / NAME).is_file():
        raise RecordError("no model was asked in this run.", where=str(path))
    record = Record(path, verify="none")
    names = {entry.key: entry.name for entry in record.units}
    chosen = None
    if unit is not None:
        chosen = record.unit(int(unit) if unit.isdecimal() and len(unit) < 6 else unit).key
    outcomes = dict(_outcomes(record))
    journal = CallJournal(path / NAME, readonly=True)
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    try:
        for row in journal.rows():
            told = _told(row, names, outcomes)
            seen |= {told["outcome"]} if outcome is not None else {told["agent"]}
            if (
                (chosen is None or row["unit"] == chosen)
                and (step is None or row["step"] == step)
                and (agent is None or row["agent"] == agent)
                and (outcome is None or told["outcome"] == outcome)
            ):
                found.append(told)
    finally:
        journal.close()
    if not found:
        wanted = outcome if outcome is not None else agent
        hint = did_you_mean(wanted, seen) if wanted is not None else None
        raise RecordError(
            "no call is left.", where=str(path), hint=hint or f"There are: {', '.join(sorted(seen)[:12])}."
        )
    for call in found if out.verbose else found[:SHOWN]:
        _print(out, call)
    if not out.verbose and len(found) > SHOWN:
        out.say(f"... and {len(found) - SHOWN:,} more calls with --verbose.")
    return {"run": str(path), "calls": found}


def _outcomes(record: Record) -> Iterator[tuple[Place, str]]:
    """What became of every decision, from the journals of units; of a decision that went well, ``ok``."""
    for entry in record.units:
        try:
            events = record.journal(entry).events
        except (RecordError, OSError):
            continue  # a unit that never began
        for event in events:
            data = event.as_dict()
            if event.type == "action":
                place = (entry.key, int(data["step"]), str(data["phase"]), str(data["agent"]))
                yield place, str((data.get("d") or data).get("outcome", "ok"))


def _told(row: Mapping[str, Any], names: Mapping[str, str], outcomes: Mapping[Place, str]) -> dict[str, Any]:
    place = (row["unit"], row["step"], row["phase"], row["agent"])
    reply, request, failure = row["reply"] or {}, row["request"] or {}, row["failure"]
    decided = outcomes.get(place)
    return {
        "unit": names.get(row["unit"], row["unit"]),
        "step": row["step"],
        "phase": row["phase"],
        "agent": row["agent"],
        "kind": row["kind"],
        "ordinal": row["ordinal"],
        "outcome": decided or (failure["outcome"] if failure else "not committed"),
        "source": row["source"],
        "model": request.get("model"),
        "messages": request.get("messages", []),
        "schema": request.get("schema"),
        "answer": reply.get("text"),
        "refusal": reply.get("refusal"),
        "finish_reason": reply.get("finish_reason"),
        "failure": failure,
        "attempts": row["attempts"],
        "latency_s": row["latency_s"],
        "cost": row["cost"],
        "key": row["key"],
    }


def _print(out: Output, call: Mapping[str, Any]) -> None:
    at = f"{call['unit'][:20]}  step {call['step']}  {call['phase']}  {call['agent']}"
    what = f"{call['kind']} {call['ordinal']}  {call['outcome']}  {call['model']}  by {call['source']}"
    out.say(f"--- {clean(at, 200)}  {clean(what, 200)}")
    for message in call["messages"]:
        _block(out, message["role"], message["content"])
    if call["failure"]:
        _block(out, "failed", f"{call['failure'].get('reason')}: {call['failure'].get('message', '')}")
    elif call["refusal"]:
        _block(out, "refusal", call["refusal"])
    else:
        _block(out, "answer", "" if call["answer"] is None else call["answer"])


def _block(out: Output, head: str, text: str) -> None:
    """Line by line, each without control characters."""
    for number, line in enumerate(text.splitlines() or [""]):
        out.say(f"{head + ':' if number == 0 else '':<11}{clean(line, 4000)}")
