"""From a description in plain words to a checked game, by a language model: outline, tree, repair, back-translation, vote.

A model's answer is data: it is read by a strict reader and checked by ``gamesim.envs.efg.validate``; nothing of it is
executed, and what fails the check is never a game. All calls go through the Broker, so they are journalled before they are
used, a killed translation goes on from its journal, and a replay sends nothing.

    outline(text)          who can do what, when, knowing what; quotes must stand in the text
    tree(text, outline)    a game document
    check(text, words)     contradictions between the text and our own words for the game
    vote                   several samples: one answer where the games are one under ISO-I

Every answer that cannot be used costs a round: it goes back with its problems, each with its place.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gamesim.core.errors import GameFileError, LimitReached, ScenarioError, clean
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.model import Message, ModelReply, ModelRequest
from gamesim.core.policy import Coordinates
from gamesim.envs.efg.describe_game import describe_game
from gamesim.envs.efg.document import Assumption, GameDocument
from gamesim.envs.efg.problems import Problem
from gamesim.envs.efg.reading import parse_json, problems_of
from gamesim.envs.efg.validate import examine
from gamesim.run.models.broker import Broker
from gamesim.run.models.calls import Answer

from . import prompting
from .backtranslate import Contradiction, read_contradictions
from .outline import NoGame, Outline, left_open, read_no_game, read_outline
from .vote import VoteClass, first_difference, vote

Status = Literal["accepted", "disputed", "invalid", "no_game", "stopped"]
Stage = Literal["outline", "tree", "check"]
MAX_TOKENS: Mapping[str, int] = {
    "outline": 4000,
    "tree": 8000,
    "check": 1500,
}  # of an answer, if the model's params say nothing
LONGEST = 20_000  # characters of a description
STRICT = frozenset({"W04", "W05", "W07"})  # warnings that --strict makes errors
DOUBT = 0.5  # confidence is at most this while a contradiction stands, or the check could not be read
_FENCE = re.compile(r"\A```[a-zA-Z0-9_-]*[ \t]*\n(.*?)\n?```\Z", re.DOTALL)


@dataclass(frozen=True)
class Settings:
    """How a translation is made.

    Attributes
    ----------
    rounds : repairs that a sample may cost, over all its stages.
    samples : independent translations that vote.
    min_agreement : share of the samples below which the winner is disputed.
    """

    rounds: int = 3
    samples: int = 1
    min_agreement: float = 0.5
    two_stage: bool = True
    backtranslate: bool = True
    strict: bool = False

    def most_calls(self) -> int:
        """Calls of one sample at most: the stages, every repair, and the check after a repair that a check asked for."""
        return 1 + self.two_stage + self.rounds + (1 + (self.rounds > 0)) * self.backtranslate


@dataclass(frozen=True)
class Spent:
    """What calls took.

    Attributes
    ----------
    tokens_in, tokens_out : as the server counted them.
    money : in 10^-9 of ``currency``; None where no price is known.
    seconds : the model's, added up, not those that passed: samples are asked at once.
    """

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    money: int | None = 0
    currency: str = ""
    seconds: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        money = None if self.money is None or other.money is None else self.money + other.money
        return Spent(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            money,
            self.currency or other.currency,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class Round:
    """One call: what came back, and what was wrong with it.

    Attributes
    ----------
    outcome : ``ok``, ``problems``, or how the answer failed: malformed, truncated, empty, refusal, content_filter, timeout, transport.
    """

    stage: Stage
    number: int
    outcome: str
    answer: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One translation on its own.

    Attributes
    ----------
    assumptions : the outline's, the document's and ours.  problems : warnings.
    contradictions : that still stand.  checked : False where the answer to the back-translation could not be read.
    repaired : answers that were sent back.
    """

    index: int
    status: Literal["accepted", "invalid", "no_game", "stopped"]
    rounds: tuple[Round, ...] = ()
    outline: Outline | None = None
    document: GameDocument | None = None
    game: ExtensiveFormGame | None = None
    assumptions: tuple[Assumption, ...] = ()
    problems: tuple[Problem, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    checked: bool = True
    reason: str = ""
    spent: Spent = Spent()
    repaired: int = 0


@dataclass(frozen=True)
class Translation:
    """What became of a description.

    Attributes
    ----------
    document, game : of the winner; of a ``disputed`` translation the leading candidate, which is not accepted.
    confidence : share of the samples in the winner's class, at most one half while a contradiction stands.
    classes : answers that are one game, the winner first.
    difference : of a disputed translation, the first difference between its two largest classes.
    reason : why there is no accepted game.
    """

    text: str
    model: str
    settings: Settings
    status: Status
    samples: tuple[Sample, ...]
    classes: tuple[VoteClass, ...] = ()
    confidence: float = 0.0
    document: GameDocument | None = None
    game: ExtensiveFormGame | None = None
    difference: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def winner(self) -> Sample | None:
        """The sample that stands for the winning class."""
        return self.samples[self.classes[0].chosen] if self.classes else None

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        return self.winner.assumptions if self.winner is not None else ()

    @property
    def contradictions(self) -> tuple[Contradiction, ...]:
        return self.winner.contradictions if self.winner is not None else ()

    @property
    def problems(self) -> tuple[tuple[Problem, ...], ...]:
        """By round, of the winner, or of the first sample where nobody won."""
        shown = self.winner or (self.samples[0] if self.samples else None)
        return tuple(r.problems for r in shown.rounds) if shown is not None else ()

    @property
    def spent(self) -> Spent:
        return sum((sample.spent for sample in self.samples), Spent())

    @property
    def calls(self) -> int:
        return self.spent.calls

    @property
    def tokens(self) -> int:
        return self.spent.tokens_in + self.spent.tokens_out

    @property
    def cost(self) -> float | None:
        """In the currency of the prices; None where no price is known."""
        return None if self.spent.money is None else self.spent.money / 1e9


def translate(
    text: str,
    broker: Broker,
    *,
    model: str,
    rounds: int = 3,
    samples: int = 1,
    min_agreement: float = 0.5,
    two_stage: bool = True,
    backtranslate: bool = True,
    strict: bool = False,
) -> Translation:
    """Translate a description; see the module.

    Parameters
    ----------
    model : alias of a desk of the broker.
    strict : numbers of the text that are not in the game, payoffs that are not in the text, and sets against what is said to
        be seen are errors, to be repaired like others.

    Raises
    ------
    ScenarioError
        For no text, one that is too long, no samples, or several at temperature 0, which would be one.
    FatalModelError
        Where no attempt can help, such as a refused key.
    """
    settings = Settings(rounds, samples, min_agreement, two_stage, backtranslate, strict)
    return asyncio.run(translated(text, broker, model, settings))


async def translated(text: str, broker: Broker, model: str, settings: Settings, unit: str = "") -> Translation:
    """As ``translate``, where an event loop runs; samples are asked at once.

    Parameters
    ----------
    unit : what stands before the sample's number in the coordinates of calls, if one journal holds several translations.
    """
    checked_text(text)
    desk = broker.desk(model)
    check_settings(settings, desk.params.temperature)
    samplers = [_Sampler(text, broker, model, settings, k, unit) for k in range(settings.samples)]
    found = await asyncio.gather(*(sampler.run() for sampler in samplers))
    return _settled(text, desk.name, settings, found)


def checked_text(text: str, where: str | None = None) -> str:
    """The text, if it can be described.

    Raises
    ------
    ScenarioError
    """
    if not text.strip():
        raise ScenarioError("there is no text.", where=where)
    if len(text) > LONGEST:
        raise ScenarioError(f"{len(text):,} characters; a description has at most {LONGEST:,}.", where=where)
    if any(ord(c) < 32 and c not in "\t\n\r\f" for c in text):
        raise ScenarioError("holds control characters; is it text?", where=where)
    return text


def check_settings(settings: Settings, temperature: float | None) -> None:
    """Refuse what has no meaning.

    Raises
    ------
    ScenarioError
    """
    if not 1 <= settings.samples <= 99:
        raise ScenarioError("between 1 and 99 samples.", where="samples")
    if not 0 <= settings.rounds <= 20:
        raise ScenarioError("between 0 and 20 rounds.", where="rounds")
    if settings.samples > 1 and temperature == 0:
        raise ScenarioError(
            "several samples at temperature 0 would be one.", where="samples", hint="Raise the model's temperature, or take 1."
        )  # fmt: skip


# ---- one sample --------------------------------------------------------------------------------------------------------

Judge = Callable[[Mapping[str, Any]], tuple[Any, Sequence[Problem]]]


@dataclass(frozen=True)
class _Valid:
    """A document that passed, with its tree, its warnings, and the answer it stood in."""

    document: GameDocument
    game: ExtensiveFormGame
    problems: tuple[Problem, ...]
    answer: str


class _Sampler:
    def __init__(self, text: str, broker: Broker, model: str, settings: Settings, index: int, unit: str) -> None:
        self.text, self.broker, self.settings, self.index = text, broker, settings, index
        self.desk = broker.desk(model)
        self.unit = f"{unit}sample {index + 1}"
        self.left = settings.rounds
        self.rounds: list[Round] = []
        self.spent = Spent()
        self.outline: Outline | None = None
        self.reason = ""

    async def run(self) -> Sample:
        try:
            return await self._run()
        except LimitReached as stop:
            return self._end("stopped", reason=stop.message)

    async def _run(self) -> Sample:
        outline: Outline | NoGame | None = None
        if self.settings.two_stage:
            outline = await self._until("outline", prompting.outline_question(self.text), self._outline)
            if outline is None:
                return self._end("invalid")
            if isinstance(outline, NoGame):
                return self._end("no_game", reason=outline.reason)
            self.outline = outline
        told = outline.model_dump(mode="json") if outline is not None else None
        question = prompting.tree_question(self.text, told)
        found = await self._until("tree", question, self._tree)
        if found is None:
            return self._end("invalid")
        if isinstance(found, NoGame):
            return self._end("no_game", reason=found.reason)
        if not self.settings.backtranslate:
            return self._accepted(found)
        contradictions = await self._check(found)
        if contradictions and self.left > 0:
            self.left -= 1
            wrong = tuple(c.problem() for c in contradictions)
            self.rounds[-1] = replace(self.rounds[-1], problems=wrong)
            again = await self._until("tree", question, self._tree, prompting.repair(found.answer, wrong))
            if isinstance(again, _Valid):
                found, contradictions = again, await self._check(again)
        return self._accepted(found, contradictions or (), checked=contradictions is not None)

    def _accepted(self, found: _Valid, contradictions: tuple[Contradiction, ...] = (), checked: bool = True) -> Sample:
        assumptions = left_open(self.outline, found.document, found.game)
        document = found.document.model_copy(update={"description": self.text, "assumptions": assumptions})
        return replace(
            self._end("accepted"),
            document=document,
            game=found.game,
            assumptions=assumptions,
            problems=found.problems,
            contradictions=contradictions,
            checked=checked,
            reason="",
        )

    def _end(self, status: Literal["accepted", "invalid", "no_game", "stopped"], reason: str = "") -> Sample:
        told = reason or self.reason
        used = self.settings.rounds - self.left
        return Sample(
            self.index,
            status,
            tuple(self.rounds),
            self.outline,
            reason=clean(told, 600),
            spent=self.spent,
            repaired=used,
        )

    # -- what an answer says --

    def _outline(self, data: Mapping[str, Any]) -> tuple[Any, Sequence[Problem]]:
        return read_outline(data, self.text)

    def _tree(self, data: Mapping[str, Any]) -> tuple[Any, Sequence[Problem]]:
        if "no_game" in data and not self.settings.two_stage:
            return read_no_game(data)
        found = examine(data, text=self.text)
        problems = [
            replace(p, severity="error") if self.settings.strict and p.code in STRICT else p for p in found.problems
        ]
        if found.game is None or found.document is None:
            return None, problems
        return _Valid(found.document, found.game, tuple(problems), ""), problems

    async def _check(self, found: _Valid) -> tuple[Contradiction, ...] | None:
        """What contradicts the text; None if the answer could not be read."""

        def judge(data: Mapping[str, Any]) -> tuple[Any, Sequence[Problem]]:
            return read_contradictions(data, self.text)

        question = prompting.check_question(self.text, describe_game(found.game))
        value, round_ = await self._ask("check", question, judge)
        self.rounds.append(round_)
        return value if round_.outcome == "ok" else None

    # -- asking --

    async def _until(self, stage: Stage, base: Sequence[Message], judge: Judge, more: Sequence[Message] = ()) -> Any:
        """The first answer without errors, or None; each further try is a round and holds the problems of the last answer alone."""
        while True:
            value, round_ = await self._ask(stage, (*base, *more), judge)
            self.rounds.append(round_)
            if round_.outcome == "ok":
                return replace(value, answer=round_.answer) if isinstance(value, _Valid) else value
            wrong = [p for p in round_.problems if p.severity == "error"]
            self.reason = f"{stage}: {wrong[0]}" if wrong else f"{stage}: {round_.outcome}"
            if not wrong or self.left <= 0:
                return None
            self.left -= 1
            more = prompting.repair(round_.answer, wrong)

    async def _ask(self, stage: Stage, messages: Sequence[Message], judge: Judge) -> tuple[Any, Round]:
        number = len(self.rounds)
        limit = self.desk.params.max_tokens or MAX_TOKENS[stage]
        at = Coordinates(self.unit, number, stage, f"sample {self.index + 1}", "text2game")
        request = ModelRequest(
            self.desk.name,
            tuple(messages),
            replace(self.desk.params, max_tokens=limit),
            schema=None,  # a tree with free keys fits no server's strict form; ours is checked here
            structured="text",
            sample=f"text2game/{self.unit}/{number}",
            context={"at": at, "number": number},
        )
        answer = await self.broker.ask(request, at)
        self.spent += _spent(answer)
        text, outcome, problems = said(answer)
        value = None
        if outcome == "ok":
            data, problems = read_data(text)
            outcome = "malformed" if data is None else outcome
            if data is not None:
                value, found = judge(data)
                problems = tuple(found)
                outcome = "problems" if any(p.severity == "error" for p in found) else "ok"
        return value, Round(stage, number + 1, outcome, text, tuple(problems))


def _spent(answer: Answer) -> Spent:
    cost = answer.cost
    tokens = cost.input, cost.output
    usage = answer.reply.usage if answer.reply is not None else None
    if tokens == (0, 0) and usage is not None:  # answered in this process
        tokens = usage.input, usage.output
    return Spent(1, *tokens, cost.money, cost.currency, round(answer.latency_s, 3))


def said(answer: Answer) -> tuple[str, str, tuple[Problem, ...]]:
    """The words of an answer, ``ok`` or how it failed, and what a repair call should say of it."""
    reply = answer.reply
    if reply is None:
        failure = answer.failure
        return failure.message if failure else "", failure.reason if failure else "transport", ()
    text = reply.text or ""
    if reply.finish_reason == "content_filter" or reply.refusal:
        return (
            text or str(reply.refusal),
            "content_filter" if reply.finish_reason == "content_filter" else "refusal",
            (),
        )
    return text, *_whole(reply, text)


def _whole(reply: ModelReply, text: str) -> tuple[str, tuple[Problem, ...]]:
    if reply.finish_reason == "length":
        return "truncated", (_problem("the answer was cut off", "a shorter one; write what recurs as a template"),)
    if not text.strip():
        return "empty", (_problem("the answer is empty", "one JSON object"),)
    return "ok", ()


def _problem(found: str, expected: str) -> Problem:
    return Problem("E01", "error", "", "the answer", found, expected)


def read_data(text: str) -> tuple[Mapping[str, Any] | None, tuple[Problem, ...]]:
    """The one JSON object of an answer, perhaps in a code fence; or None, and what is wrong.

    Examples
    --------
    >>> read_data('{"a": 1} {"b": 2}')[1][0].found
    'a second value follows'
    """
    stripped = text.strip()
    fence = _FENCE.match(stripped)
    if fence:
        stripped = fence[1].strip()
    if not stripped.startswith("{"):
        return None, (_problem("the answer is no JSON object", "one JSON object and nothing else"),)
    try:
        data = parse_json(stripped, "answer")
    except GameFileError as error:
        return None, tuple(problems_of(error))
    return data, ()


# ---- all samples -------------------------------------------------------------------------------------------------------


def _settled(text: str, model: str, settings: Settings, samples: Sequence[Sample]) -> Translation:
    found = Translation(text, model, settings, "invalid", tuple(samples), notes=_notes(settings))
    stopped = next((sample for sample in samples if sample.status == "stopped"), None)
    if stopped is not None:
        return replace(found, status="stopped", reason=stopped.reason)
    classes = vote(samples)
    if not classes:
        return replace(found, reason=samples[0].reason)
    best, share = classes[0], len(classes[0].members) / settings.samples
    winner = samples[best.chosen]
    confidence = min(share, DOUBT) if winner.contradictions or not winner.checked else share
    found = replace(found, classes=classes, confidence=confidence, document=winner.document, game=winner.game)
    if share < settings.min_agreement:
        reason, difference = _dispute(samples, classes)
        return replace(found, status="disputed", reason=reason, difference=difference)
    if best.kind == "no_game":
        return replace(found, status="no_game", reason=winner.reason)
    if not winner.checked:
        notes = (
            *found.notes,
            "the answer to the back-translation could not be read: the game is not checked against the text",
        )
        found = replace(found, notes=notes)
    return replace(found, status="accepted")


def _notes(settings: Settings) -> tuple[str, ...]:
    return ("an even number of samples can tie",) if settings.samples > 1 and settings.samples % 2 == 0 else ()


def _dispute(samples: Sequence[Sample], classes: Sequence[VoteClass]) -> tuple[str, str]:
    sizes = ", ".join(str(len(one.members)) for one in classes)
    silent = len(samples) - sum(len(one.members) for one in classes)
    told = f"{len(samples)} samples, of one mind in groups of {sizes}" + (
        f"; {silent} without an answer" if silent else ""
    )
    difference = ""
    if len(classes) > 1:
        g, h = (samples[one.chosen].game for one in classes[:2])
        difference = first_difference(g, h) if g is not None and h is not None else "one says that there is no game."
    return told, difference
