"""What a language player remembers: plain JSON inside its policy state.

``past`` holds finished rounds, each ``[round, [what happened, ...]]``; ``now`` the round being played; ``note`` what the
model wrote for itself, and ``noted`` the last round it covers.
"""

from __future__ import annotations

from typing import Any

from gamesim.core.language import Memory, Summary, Window

State = dict[str, Any]


def nothing() -> State:
    return {"round": 0, "now": [], "past": [], "note": None, "noted": 0}


def turned(memory: State, round_: int, recap: str | None, kind: Memory) -> State:
    """The memory at the beginning of a later round: the one before becomes the past, as far back as the kind reaches."""
    if round_ <= memory["round"]:
        return memory
    past = memory["past"]
    happened = [*memory["now"], *([recap] if recap else [])]
    if memory["round"] and happened and kind != "none":
        past = [*past, [memory["round"], happened]][-reach(kind) :]
    return {**memory, "round": round_, "now": [], "past": past}


def reach(kind: Memory) -> int:
    """How many rounds are kept at most."""
    if isinstance(kind, Window):
        return kind.window
    return kind.summary.every if isinstance(kind, Summary) else 1_000_000


def added(memory: State, parts: list[str]) -> State:
    return {**memory, "now": [*memory["now"], *parts]}


def shortened(memory: State) -> State | None:
    """Without its oldest round; None where nothing is left to forget."""
    if memory["past"]:
        return {**memory, "past": memory["past"][1:]}
    return {**memory, "now": []} if memory["now"] else None


def note_due(memory: State, kind: Memory) -> bool:
    """Whether the model is to write its note before it goes on."""
    return (
        isinstance(kind, Summary)
        and memory["round"] - 1 - memory["noted"] >= kind.summary.every
        and bool(memory["past"])
    )


def noted(memory: State, text: str | None) -> State:
    """With a new note in place of the past; without one the last note and the past stay, and the next try is as far off."""
    done = {**memory, "noted": memory["round"] - 1}
    return done if text is None else {**done, "note": text, "past": []}


def since(memory: State, kind: Memory) -> int:
    """The first round whose messages are still in mind."""
    if kind == "none":
        return int(memory["round"])
    if isinstance(kind, Summary):
        return int(memory["noted"]) + 1
    return int(memory["round"]) - reach(kind)
