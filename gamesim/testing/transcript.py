"""A whole run as text to be read, one step a paragraph: what was decided, what happened, who got what.

After a change of rules, regenerate the transcripts and read the difference: it is the review. Numbers have six
significant digits, so that a transcript is the same on every machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gamesim.core.canonical import jsonable
from gamesim.core.seeds import Seeds
from gamesim.run.episode import Episode, Step
from gamesim.run.seating import seat_members, seated
from gamesim.scenario.resolve import load_scenario
from gamesim.scenario.scenario import Scenario

ALONE = 6  # up to so many agents are written one by one; of more, the least, mean and largest


def transcript(scenario: Scenario | Path | str, *, replicate: int = 0, steps: int | None = None) -> str:
    """Play one replicate and write it down.

    Parameters
    ----------
    scenario : resolved, or its file or name; of a sweep, the base scenario is played.
    replicate : which one; its seed is that of a run of the same file.
    steps : show only the first so many steps; the episode is played to its end either way.
    """
    resolved = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    environment = resolved.environment
    if environment is None:
        raise ValueError(f"{resolved.name} plays no environment.")
    seed = resolved.seeds.episode(replicate)
    names = environment.seats()
    members = seat_members(resolved.population, names, resolved.seeds, seating=resolved.seating, episode=seed)
    groups = seated(environment, [resolved.population[index].agent for index in members])
    episode = Episode(environment.build(), groups, Seeds(seed))
    lines = [f"scenario     {resolved.name}", f"seed         {resolved.seed}, replicate {replicate}, episode {seed}"]
    differing = {"kind": environment.kind, **environment.model_dump(mode="json", exclude_defaults=True)}
    lines += [f"environment  {line}" for line in _wrapped(_inline(differing))]
    for group in groups:
        lines.append(f"{_seats(group.seats, len(names)):<12} {group.spec.kind} {_inline(group.spec.params)}".rstrip())
    return "\n".join([*lines, *asyncio.run(_played(episode, names, steps))]) + "\n"


async def _played(episode: Episode, names: Sequence[str], shown: int | None) -> list[str]:
    lines: list[str] = []
    while not episode.done:
        step = await episode.advance()
        if step is None:
            break
        if shown is None or step.number < shown:
            lines += ["", *_step(step, names)]
    if shown is not None and episode.number > shown:
        lines += ["", f"... {episode.number - shown} more steps"]
    lines += ["", f"after {episode.number} steps"]
    lines += [f"  returns       {_spread(dict(zip(names, episode.returns.tolist(), strict=True)))}"]
    lines += [f"  {key:<13} {_value(value)}" for key, value in sorted(episode.outcome().items())]
    return lines


def _step(step: Step, names: Sequence[str]) -> Iterator[str]:
    yield f"step {step.number}  {step.phase}"
    yield f"  actions       {_spread(step.actions)}"
    for key in sorted(step.facts):
        values = np.asarray(step.facts[key], dtype=np.float64)
        if np.isnan(values).all():
            continue
        if values.ndim == 0:
            yield f"  {key:<13} {_value(values[()])}"
        else:
            yield f"  {key:<13} {_spread({n: v for n, v in zip(names, values.tolist(), strict=True) if v == v})}"
    if any(step.rewards.values()):
        yield f"  rewards       {_spread(step.rewards)}"
    for event in step.events:
        yield f"  * {' '.join(filter(None, [event.type, event.agent]))} {_inline(event.data)}".rstrip()


def _spread(values: Mapping[str, Any]) -> str:
    """Few values one by one; many as a summary, if they are numbers."""
    if len(values) > 1 and len({_value(value) for value in values.values()}) == 1:
        return f"all {len(values)}: {_value(next(iter(values.values())))}"
    if len(values) <= ALONE:
        return "  ".join(f"{name} {_value(value)}" for name, value in values.items()) or "-"
    flat = [value if isinstance(value, (int, float, np.generic)) else None for value in values.values()]
    if any(value is None for value in flat):
        return "  ".join(f"{name} {_value(value)}" for name, value in values.items())
    numbers = np.array(flat, dtype=np.float64)
    low, mean, high = (_value(float(f(numbers))) for f in (np.min, np.mean, np.max))
    return f"{len(numbers)} agents: {low} to {high}, mean {mean}"


def _value(value: Any) -> str:
    value = jsonable(value)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return "-" if value is None else str(value)
    if isinstance(value, (int, float)):
        number = float(f"{float(value):.6g}")
        return f"{0.0 if number == 0 else number:g}" if abs(number) < 1e6 else f"{number:.6g}"
    return _inline(value) if isinstance(value, Mapping) else "[" + ", ".join(_value(item) for item in value) + "]"


def _inline(data: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={_nested(value)}" for key, value in data.items())


def _nested(value: Any) -> str:
    return "{" + _inline(value) + "}" if isinstance(value, Mapping) else _value(value)


def _wrapped(text: str, width: int = 100) -> list[str]:
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [*lines, line]


def _seats(seats: Sequence[int], total: int) -> str:
    """``seats 0-4``, ``seats 0,2``, ``all seats``."""
    if len(seats) == total:
        return "all seats"
    runs: list[list[int]] = []
    for seat in seats:
        if runs and runs[-1][1] == seat - 1:
            runs[-1][1] = seat
        else:
            runs.append([seat, seat])
    return "seats " + ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
