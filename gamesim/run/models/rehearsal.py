"""A society played before anything is spent: random legal actions, every prompt rendered, nothing sent.

It gives what preflight asks first and what the bill is made of.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

from gamesim.core.errors import RecordError
from gamesim.core.model import Model, ModelRequest
from gamesim.core.policy import AsyncPolicy, Coordinates
from gamesim.core.registry import entry
from gamesim.core.seeds import Seeds
from gamesim.scenario.scenario import Scenario
from gamesim.scenario.sweep import cells

from ..aside import turned
from ..episode import Episode
from ..limits import RunLimits
from ..seating import seat_members, seated
from ..speaking import attached, listening, on_invalid
from .cache import NAME as CACHE
from .cache import ResponseCache
from .calls import NAME as CALLS
from .calls import Answer, CallJournal
from .desk import Desk
from .estimate import CellPlan, CostEstimate, Measured, Question, estimate, measured_in
from .opening import priced_desks, used_models

JOURNALS = 20  # of earlier runs in the store, the newest first, teach how long answers are


@dataclass
class Rehearsal:
    """Stands where the Broker stands; a rule that draws legal answers answers for every model.

    Attributes
    ----------
    questions : all that was asked, with its coordinates.
    """

    desks: Mapping[str, Desk]
    actor: Model
    questions: list[tuple[Coordinates, ModelRequest]] = field(default_factory=list)

    def desk(self, model: str) -> Desk:
        return self.desks[model]

    async def ask(self, request: ModelRequest, at: Coordinates) -> Answer:
        self.questions.append((at, request))
        reply = await self.actor.complete(request)
        return Answer(request.key, replace(reply, text=_worded(reply.text or "", request, at.agent)), None, "process")


def _worded(text: str, request: ModelRequest, agent: str) -> str:
    """An answer with words where rules are silent, half as long as they may be: proposals are voted on, notes are resent."""
    head, mark, body = text.partition("{")
    fields = json.loads(mark + body)
    for key, schema in ((request.schema or {}).get("properties") or {}).items():
        kinds = schema.get("type", ())
        if "enum" not in schema and "string" in ([kinds] if isinstance(kinds, str) else kinds) and not fields.get(key):
            most = int(schema.get("maxLength", 80))
            fields[key] = (f"{agent} says so. " * most)[: max(1, most // 2)].strip()
    return head + json.dumps(fields)


@dataclass(frozen=True)
class Rehearsed:
    """One society.

    Attributes
    ----------
    rounds : how often the first phase came.
    steps : phases in which somebody was asked.
    """

    questions: tuple[tuple[Coordinates, ModelRequest], ...]
    rounds: int
    steps: int


def rehearse(
    cell: Scenario, desks: Mapping[str, Desk], *, until: Iterable[str] | None = None, replicate: int = 0
) -> Rehearsed:
    """Play one society of a cell with random legal actions.

    Parameters
    ----------
    desks : of the models in it, which nobody asks.
    until : stop as soon as each of these models (by the name requests carry) was asked once; none: after the first phase.
    replicate : which of the cell's societies.
    """
    stand_in = Rehearsal(desks, entry("models", "rule")(backend="rule", id="random").build("rehearsal"))
    return turned(lambda: _play(cell, stand_in, None if until is None else set(until), replicate))


async def _play(cell: Scenario, stand_in: Rehearsal, until: set[str] | None, replicate: int) -> Rehearsed:
    environment, seeds = cell.environment, cell.seeds
    assert environment is not None
    root = seeds.episode(replicate)
    members = seat_members(cell.population, environment.seats(), seeds, seating=cell.seating, episode=root)
    specs = [cell.population[index].agent for index in members]
    groups = [
        attached(group, stand_in, cell.language) if _speaks(group.policy) else group
        for group in seated(environment, specs)
    ]
    episode = Episode(
        listening(environment.build(), cell.language),
        groups,
        Seeds(root),
        on_invalid=on_invalid(environment, cell.language),
        unit="rehearsal",
        steps=False,
    )
    phases: Counter[str] = Counter()
    first = ""
    while (step := await episode.advance()) is not None:
        first = first or step.phase
        phases[step.phase] += 1
        if until is not None and until <= {request.model for _, request in stand_in.questions}:
            break
    asked = tuple(stand_in.questions)
    return Rehearsed(asked, phases[first], len({at.step for at, _ in asked}))


def _speaks(policy: Any) -> bool:
    return isinstance(policy, AsyncPolicy)


def first_questions(scenario: Scenario, desks: Mapping[str, Desk], names: Iterable[str]) -> dict[str, ModelRequest]:
    """The first question that the scenario has for each of these models, by their names in it."""
    found: dict[str, ModelRequest] = {}
    wanted = {desks[name].name: name for name in names}
    outside = getattr(entry("experiments", scenario.kind), "asked", None)
    for cell in cells(scenario):
        missing = {name for name in wanted if wanted[name] not in found}
        here = {desks[model].name for model in used_models(cell.scenario)} & missing
        if not here:
            continue
        requests = []
        if cell.scenario.population:
            requests = [request for _, request in rehearse(cell.scenario, desks, until=here).questions]
        elif outside is not None:
            requests = [question.request for question in outside("", cell.scenario, desks).questions]
        for request in requests:
            if request.model in here:
                found.setdefault(wanted[request.model], request)
    return found


def plan_of(label: str, cell: Scenario, desks: Mapping[str, Desk], cached: Container[str] = frozenset()) -> CellPlan:
    """What one cell will ask, from one society of it.

    The ceiling: as many calls in every round of the whole horizon as the fullest round of the rehearsal had of that kind.
    """
    played = rehearse(cell, desks)
    horizon = getattr(cell.environment, "horizon", None)
    scale = max(1.0, horizon / played.rounds) if isinstance(horizon, int) and played.rounds else 1.0
    at_once: dict[tuple[str, str, str], Counter[int]] = {}
    for at, request in played.questions:
        at_once.setdefault((request.model, at.kind, at.phase), Counter())[at.step] += 1
    most: Counter[tuple[str, str]] = Counter()
    for (model, kind, _), steps in at_once.items():
        cut = scale > 1 and len(steps) == played.rounds - 1  # the last round ended before its end
        times = len(steps) + int(cut)
        most[model, kind] += ceil(max(steps.values()) * times * scale)
    return CellPlan(
        label,
        [Question(label, at.kind, request) for at, request in played.questions],
        societies=cell.replicates,
        begun=_begun(cell, desks, cached) if any(request.key in cached for _, request in played.questions) else None,
        ceiling=dict(most),
        chain=ceil(played.steps * scale),
    )


def _begun(cell: Scenario, desks: Mapping[str, Desk], cached: Container[str]) -> int:
    """How many of a cell's societies have put their first questions in an earlier run."""
    opening = (rehearse(cell, desks, until=(), replicate=number).questions for number in range(cell.replicates))
    return sum(any(request.key in cached for _, request in asked) for asked in opening)


def bill(scenario: Scenario, store: Path, limits: Mapping[str, Any] | RunLimits | None = None) -> CostEstimate:
    """What a run of the scenario will ask and cost; nothing is sent and nothing written.

    Raises
    ------
    UnknownPriceError
        If money is limited and a price is not known.
    """
    today = datetime.now(UTC).date()
    desks = priced_desks(scenario, RunLimits.of(scenario.limits, limits), today)
    caps = {id(desk.limiter): desk.limiter.cap for desk in desks.values()}
    with _Stored(store) as stored:
        cached: Any = stored if scenario.cache != "off" else frozenset()
        plans, outside = [], getattr(entry("experiments", scenario.kind), "asked", None)
        for cell in cells(scenario):
            label = ", ".join(f"{path.split('.')[-1]}={value}" for path, value in cell.values.items()) or scenario.name
            if cell.scenario.population:
                plans.append(plan_of(label, cell.scenario, desks, cached))
            elif outside is not None:
                plans.append(outside(label, cell.scenario, desks))
        return estimate(
            plans,
            prices={desk.name: desk.price for desk in desks.values()},
            measured=measured(store),
            cached=cached,
            kept={desk.name for desk in desks.values() if desk.config is not None and desk.config.cached}
            if scenario.cache == "read_write"
            else frozenset(),
            concurrency=max(1, min(caps.values(), default=1)),
            today=today,
        )


def measured(store: Path) -> Measured:
    """What earlier runs in a store teach of answers' lengths."""
    paths = sorted(store.glob(f"*/{CALLS}"), key=lambda path: path.stat().st_mtime, reverse=True)[:JOURNALS]
    journals = []
    try:
        for path in paths:
            with suppress(RecordError):
                journals.append(CallJournal(path, readonly=True))
        return measured_in(journals)
    except RecordError:
        return Measured()  # a damaged journal of another run teaches nothing
    finally:
        for journal in journals:
            journal.close()


class _Stored:
    """The keys in a store's cache, looked up when asked for."""

    def __init__(self, store: Path) -> None:
        self._cache = ResponseCache(store / CACHE, "read") if (store / CACHE).exists() else None

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        if self._cache is not None:
            self._cache.close()

    def __contains__(self, key: object) -> bool:
        return self._cache is not None and self._cache.holds(str(key))
