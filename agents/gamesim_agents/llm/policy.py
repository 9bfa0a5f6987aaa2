"""A language model as a policy: from an observation to a question, from an answer to a decision.

All memory is in the state, which is JSON. A failed answer is reported as such; what is played instead is the runner's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from numpy.random import Generator

from gamesim.core.describe import Describer, Description, Part, Words
from gamesim.core.errors import GamesimError, ScenarioError, clean
from gamesim.core.language import LanguageKeys, Summary
from gamesim.core.model import SHARED, Message, ModelRequest
from gamesim.core.policy import Coordinates, Decision, Outcome, Question
from gamesim.core.seeds import Seeds
from gamesim.envs.prompts import said
from gamesim.envs.talk import PHASE as TALK

from . import memory as remembering
from .config import LanguageAgent
from .form import REASON, Form
from .line import Line, line_of
from .speech import Speech
from .structured import REPAIRABLE, Reading, max_tokens, read_answer

State = dict[str, Any]
QUOTED = 500  # characters of a failed answer that a repair call quotes
UNPLAYABLE = (GamesimError, TypeError, ValueError, KeyError, OverflowError, IndexError)


@dataclass(frozen=True)
class Asked:
    """What became of one question: its reading, the action if it has one, and the calls it took."""

    reading: Reading
    action: Any = None
    calls: tuple[str, ...] = ()
    state: State | None = None
    notes: Mapping[str, Any] | None = None


class LanguagePolicy:
    """See the module. ``attach`` binds it to the run's Broker; unbound it cannot be asked."""

    reads_question = True

    def __init__(
        self,
        config: LanguageAgent,
        environment: Any,
        describer: Describer,
        broker: Any = None,
        language: LanguageKeys | None = None,
    ) -> None:
        self.config = config
        self.environment = environment
        self.language = language or LanguageKeys()
        self.describer = describer
        if self.language.calls == "bundled":
            bundled = describer.bundled()
            if bundled is None:
                raise ScenarioError(
                    f"environment '{environment.kind}' asks one decision a call.",
                    path="language.calls",
                    hint="Keep faithful.",
                )
            self.describer = bundled
        self.speech = Speech(self.describer.prompts, self.language)
        self._broker = broker
        self._line: Line | None = None
        if broker is not None:
            self._line = line_of(broker, config.model, self.language.structured)
            if self.language.samples == "shared" and self._line.params.temperature != 0:
                raise ScenarioError(
                    "shared samples need temperature 0.",
                    path="language.samples",
                    hint=f"Model '{config.model}' is asked at temperature {self._line.params.temperature}.",
                )

    def attach(self, broker: Any, language: LanguageKeys | Mapping[str, Any] | None = None) -> LanguagePolicy:
        """This policy, bound for one run."""
        keys = language if isinstance(language, LanguageKeys) else LanguageKeys(**dict(language or {}))
        return LanguagePolicy(self.config, self.environment, self.environment.describer(), broker, keys)

    @property
    def model(self) -> str:
        return self.config.model

    def seat_profile(self) -> Mapping[str, Any]:
        """What the environment should know of who sits here: a rule in a model's place brings its own traits."""
        profile = dict(self.config.seat_profile())
        own = getattr(self._line.config, "seat_profile", None) if self._line is not None else None
        return profile if own is None else {**profile, **own(self.environment)}

    def initial_state(self, rng: Generator) -> State:
        return {"memory": remembering.nothing(), "personal": None, "asked": {}, "calls": 0, "pending": {}, "rule": None}

    def act(self, observation: Any, state: State, rng: Generator) -> tuple[Any, State]:
        raise ScenarioError("a language player is asked through a run; use act_async.")

    async def act_async(
        self, observation: Any, state: State, rng: Generator, at: Coordinates, question: Question | None = None
    ) -> tuple[Decision, State]:
        """Ask the model what to do. ``question`` is what the Episode knows beside the observation."""
        if question is None or self._line is None:
            raise ScenarioError("a language player is asked through a run with an open broker.")
        pending = state["pending"].get(at.phase)
        if pending is not None:
            state = {**state, "pending": {k: v for k, v in state["pending"].items() if k != at.phase}}
            return self._settled_before(pending, question), state
        description = self.describer.describe(observation, at.agent, question.info)
        if at.phase == TALK:
            description = self._talk(description)
        state = self._beginning(state, question, at.agent)
        if description.round > state["memory"]["round"]:
            recap = self.describer.recap(observation, at.agent, question.info)
            line = None if recap is None else self.speech.game.render("recap", recap)
            turned = remembering.turned(state["memory"], description.round, line, self.language.memory)
            state = {**state, "memory": turned}
        calls: tuple[str, ...] = ()
        if remembering.note_due(state["memory"], self.language.memory):
            calls, state = await self._note(observation, state, rng, at, question, description)
        first = description.parts[0]
        if first.options is not None and not first.options:
            return Decision(question.spec.parse(None), calls=calls), state  # a list of nothing leaves nothing to ask
        form = self._form(description, question, at)
        asked = await self._ask(form, observation, state, rng, at, question)
        assert asked.state is not None
        return self._decided(form, replace(asked, calls=calls + asked.calls), at)

    # -- one decision ----------------------------------------------------------------------------------------------

    def _beginning(self, state: State, question: Question, agent: str) -> State:
        """Character and first personal sentence, drawn once for each seat."""
        if "persona" in state:
            return state
        chosen = self.config.persona
        names = (chosen,) if isinstance(chosen, str) else chosen
        drawn = drawn_persona(names, question, agent)
        return {**state, "persona": drawn, "personal": first_sentence(self.config.sentences(), question, agent)}

    def _talk(self, description: Description) -> Description:
        """The question in a talk, put in the situation of the decision that it comes before."""
        keys = self.language.communication
        assert keys is not None
        slots = {**description.slots, "chooses": keys.protocol == "chosen_speaker"}
        return Description(
            "talk", slots, (Part(TALK, "act"),), (Words("say", keys.max_chars, cut=True),), description.round
        )

    def _form(self, description: Description, question: Question, at: Coordinates) -> Form:
        orders = {
            part.key: question.seeds.stream("ballots", at.agent, description.round, part.phase)
            .permutation(len(part.options))
            .tolist()
            for part in description.parts
            if part.options
        }
        asks = self.language.reason is not None and at.phase != TALK
        reason = self.language.reason.max_chars if asks and self.language.reason is not None else None
        return Form(description, question.spec, orders, reason)

    def _settled_before(self, pending: Mapping[str, Any], question: Question) -> Decision:
        """A decision that was asked for together with an earlier one."""
        if pending.get("outcome") is not None:
            return Decision(None, outcome=pending["outcome"], notes={"bundled": True})
        try:
            action = question.spec.parse(pending["value"])
            if question.spec.legal(action):
                return Decision(action, text=pending.get("text", {}), notes={"bundled": True})
        except UNPLAYABLE:
            pass
        return Decision(None, outcome="illegal", notes={"bundled": True})

    def _decided(self, form: Form, asked: Asked, at: Coordinates) -> tuple[Decision, State]:
        assert asked.state is not None
        reading, state, notes = asked.reading, asked.state, dict(asked.notes or {})
        if reading.fields is None or asked.action is None:
            failed = {part.phase: {"outcome": reading.outcome} for part in form.description.parts[1:]}
            notes["detail"] = clean(reading.detail)
            state = {**state, "pending": {**state["pending"], **failed}}
            return Decision(None, outcome=reading.outcome, calls=asked.calls, notes=notes), state
        fields = reading.fields
        text = {
            w.key: str(fields[w.key]).strip() for w in form.description.words if str(fields.get(w.key) or "").strip()
        }
        if fields.get(REASON):
            notes["reason"] = fields[REASON]
        notes |= {"options": form.places(fields)} if form.places(fields) else {}
        if at.phase != TALK:  # what was said comes back among the messages
            state = {**state, "memory": remembering.added(state["memory"], _happened(form, fields))}
        if text.get("personal"):
            state["personal"] = text["personal"]
        ahead = form.ahead(fields)
        outcome: Outcome = self._canary(reading.outcome, fields, at.agent)
        if ahead and text:
            last = list(ahead)[-1] if "norm" not in ahead else "norm"
            ahead[last] = {**ahead[last], "text": text}
            text = {}
        state["pending"] = {**state["pending"], **ahead}
        return Decision(asked.action, text, outcome, asked.calls, notes), state

    def _canary(self, outcome: Outcome, fields: Mapping[str, Any], agent: str) -> Outcome:
        planted = self.language.injection
        if planted is None or agent == planted.carrier:
            return outcome
        return "injected" if any(isinstance(v, str) and planted.canary in v for v in fields.values()) else outcome

    # -- calls -----------------------------------------------------------------------------------------------------

    async def _ask(
        self, form: Form, observation: Any, state: State, rng: Generator, at: Coordinates, question: Question
    ) -> Asked:
        """One question with its repair call; the memory is shortened while the prompt is too long."""
        assert self._line is not None
        limit = self._line.params.max_tokens or max_tokens(form.schema)
        calls: list[str] = []
        notes: dict[str, Any] = {}
        forgotten = 0
        while True:
            messages = self._messages(form, state, at, question)
            here = replace(at, ordinal=len(calls))
            answer, state = await self._call(form, messages, limit, observation, state, rng, here, question)
            calls.append(answer.key)
            too_long = answer.failure is not None and answer.failure.reason == "context_length"
            shorter = remembering.shortened(state["memory"]) if too_long else None
            if shorter is None:
                break
            forgotten += 1
            state = {**state, "memory": shorter}
        reading, action = self._read(form, answer)
        if reading.outcome in REPAIRABLE and self.language.repair:
            notes["first"] = reading.outcome
            said_before = (answer.reply.text if answer.reply is not None else None) or ""
            again = (
                *messages,
                Message("assistant", said_before[:QUOTED]),
                Message("user", self.speech.own.render("repair", {"error": reading.detail.rstrip(".")})),
            )
            more = 2 * limit if reading.outcome == "truncated" else limit
            where = replace(at, kind="repair", ordinal=len(calls))
            answer, state = await self._call(form, again, more, observation, state, rng, where, question)
            calls.append(answer.key)
            reading, action = self._read(form, answer)
            if reading.outcome == "ok":
                reading = replace(reading, outcome="repaired")
        notes |= {"fenced": True} if reading.fenced else {}
        notes |= {"memory_shortened": forgotten} if forgotten else {}
        return Asked(reading, action, tuple(calls), state, notes)

    def _read(self, form: Form, answer: Any) -> tuple[Reading, Any]:
        """The reading of an answer, and the action it means; an action that may not be played makes it illegal."""
        assert self._line is not None
        reading = read_answer(answer, form.checked, mode=self._line.structured)
        if reading.fields is None:
            return reading, None
        try:
            return reading, form.action(reading.fields)
        except UNPLAYABLE as error:
            detail = clean(error.message if isinstance(error, GamesimError) else str(error))
            return replace(reading, outcome="illegal", fields=None, detail=detail), None

    def _messages(self, form: Form, state: State, at: Coordinates, question: Question) -> tuple[Message, ...]:
        assert self._line is not None
        kind = self.language.memory
        parts = self.speech.question(
            form,
            rules=self.describer.rules(),
            persona=state.get("persona"),
            personal=state["personal"],
            memory=state["memory"],
            since=remembering.since(state["memory"], kind),
            info=question.info,
            tag=delimiter(question.seeds.root),
            as_line=self._line.structured == "text",
        )
        return tuple(Message(role, text) for role, text in parts)  # type: ignore[arg-type]

    async def _call(
        self,
        form: Form,
        messages: tuple[Message, ...],
        limit: int,
        observation: Any,
        state: State,
        rng: Generator,
        at: Coordinates,
        question: Question,
    ) -> tuple[Any, State]:
        assert self._line is not None
        mark = hashlib.sha256("\0".join(message.content for message in messages).encode()).hexdigest()[:16]
        occurrence = state["asked"].get(mark, 0)
        sample = f"{question.seeds.root}/{at.agent}/{occurrence}"
        if self.language.independent_cells:
            sample = f"{at.unit}/{sample}"
        request = ModelRequest(
            self._line.name,
            messages,
            replace(self._line.params, max_tokens=limit),
            form.schema,
            self._line.structured,
            SHARED if self.language.samples == "shared" else sample,
            context={
                "observation": observation,
                "state": state["rule"],
                "rng": rng,
                "at": at,
                "question": question,
                "environment": self.environment,
                "form": form,
                "number": state["calls"],
            },
        )
        answer = await self._broker.ask(request, at)
        state = {**state, "asked": {**state["asked"], mark: occurrence + 1}, "calls": state["calls"] + 1}
        extra = answer.reply.extra if answer.reply is not None else {}
        if "rule" in extra:
            state["rule"] = extra["rule"]
        if "rng" in extra:
            rng.bit_generator.state = extra["rng"]
        return answer, state

    async def _note(
        self,
        observation: Any,
        state: State,
        rng: Generator,
        at: Coordinates,
        question: Question,
        description: Description,
    ) -> tuple[tuple[str, ...], State]:
        """Have the model write its note; a failed note leaves the last one."""
        kind = self.language.memory
        assert isinstance(kind, Summary)
        words = Words("note", kind.summary.max_chars, first=True)
        form = Form(Description("summary", {}, (), (words,), description.round), question.spec, {}, None)
        messages = self._messages(form, state, at, question)
        where = replace(at, kind="summary")
        answer, state = await self._call(
            form, messages, max_tokens(form.schema), observation, state, rng, where, question
        )
        assert self._line is not None
        reading = read_answer(answer, form.schema, mode=self._line.structured)
        text = str(reading.fields["note"]).strip() if reading.fields else None
        return (answer.key,), {**state, "memory": remembering.noted(state["memory"], text)}


def _happened(form: Form, fields: Mapping[str, Any]) -> list[str]:
    """What was decided, as the memory keeps it."""
    found = []
    lists = {part.key: part for part in form.description.parts if part.options}
    for key, value in fields.items():
        if value is None or value == "" or key in ("personal", REASON):
            continue
        if key in lists:
            found.append(f"{key}: {form.options(lists[key])[int(value) - 1].text}")
        else:
            found.append(f"{key}: {said(value)}")
    return found


def drawn_persona(names: tuple[str, ...], question: Question, agent: str) -> str | None:
    """The character of a seat: the one named, or drawn from the stream ``("persona", agent)``."""
    from .personas import persona_names

    options = persona_names() if names == ("any",) else tuple(name for name in names if name != "none")
    if not options:
        return None
    if len(options) == 1:
        return options[0]
    return options[int(question.seeds.stream("persona", agent).integers(len(options)))]


def first_sentence(sentences: tuple[str, ...], question: Question, agent: str) -> str | None:
    """The first personal sentence of a seat; the environment draws the same one from its profile."""
    if not sentences:
        return None
    return sentences[int(question.seeds.stream("personal", agent).integers(len(sentences)))]


@lru_cache(maxsize=64)
def delimiter(root: int) -> str:
    """What stands around other players' words in the episode of that seed; none of them can know it beforehand."""
    drawn = Seeds(root).stream("delimiter").integers(2**62)
    return "says-" + hashlib.sha256(str(int(drawn)).encode()).hexdigest()[:12]
