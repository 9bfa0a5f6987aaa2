"""Free talk around any game: a wrapper whose extra phase ``talk`` comes in every round, before or after its first decision.

Who speaks is who is told of in words: seats whose profile says ``speaks``. Rules sit in the same society, are not asked in
this phase and draw the same numbers as without it; what they would hear does not reach them. A message reaches its readers as
data in ``info["messages"]``, without control characters and cut to the limit. Protocols: ``simultaneous`` (all speak at once,
``rounds`` times), ``round_robin`` (one after the other), ``chosen_speaker`` (who speaks names who is next).
A talk ends when its utterances are spent, or when twice in a row everybody has passed. With ``injection`` one seat, whoever
sits there, is not asked but says the planted text whenever a talk begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from gamesim.core.arrays import AnyArray, Arrays
from gamesim.core.errors import IllegalActionError, ModelError, clean
from gamesim.core.language import Communication, Injection
from gamesim.core.policy import EMPTY, ActionSpec

from .base import Environment, Event, illegal, require_movers
from .scene import Scene
from .words import delivered

PHASE = "talk"
ALL = "all"
PASS = {"act": "pass", "to": ALL}


@dataclass(frozen=True)
class TalkAction:
    """Speak or pass, to whom, and, where speakers are chosen, who speaks next; the words travel beside it."""

    others: tuple[str, ...]
    chooses: bool = False

    def legal(self, action: Any) -> bool:
        if not isinstance(action, Mapping) or action.get("act") not in ("speak", "pass"):
            return False
        known = {"act", "to", "next"} if self.chooses else {"act", "to"}
        if not set(action) <= known or action.get("to", ALL) not in (ALL, *self.others):
            return False
        return action.get("next") is None or action["next"] in self.others

    def sample(self, rng: Generator) -> Any:
        return self.parse({"act": ("speak", "pass")[int(rng.integers(2))], "to": ALL})

    def text(self) -> str:
        return f"act: speak or pass; to: all, {', '.join(self.others)}" + (
            "; next: who speaks next" if self.chooses else ""
        )

    def json_schema(self) -> Mapping[str, Any]:
        keys: dict[str, Any] = {"act": {"enum": ["speak", "pass"]}, "to": {"enum": [ALL, *self.others]}}
        if self.chooses:
            keys["next"] = {"enum": [*self.others, None]}
        return {"type": "object", "properties": keys, "required": list(keys), "additionalProperties": False}

    def parse(self, value: Any) -> Any:
        if not self.legal(value):
            raise IllegalActionError(f"{clean(value, 60)} is nothing to say.", hint=f"Legal: {self.text()}.")
        return {key: value.get(key) for key in ("act", "to", *(["next"] if self.chooses else []))}


class TalkEnvironment(Environment):
    """See the module. Everything but the talk is the inner environment's."""

    def __init__(self, inner: Environment, keys: Communication, injection: Injection | None = None) -> None:
        self.inner = inner
        self.keys = keys
        self.injection = injection
        self.possible_agents = list(inner.possible_agents)
        self.metadata = dict(inner.metadata)
        self.render_mode = inner.render_mode
        self.repeats = inner.repeats
        self.aside = False
        self._speakers: frozenset[str] = frozenset()
        self._messages: list[dict[str, Any]] = []
        self._spent: dict[str, int] = {}
        self._seen: dict[str, Any] = {}
        self._infos: dict[str, dict[str, Any]] = {}
        self._events: list[Event] = []
        self._said: dict[str, str] = {}
        self._first = ""
        self._round = 0
        self._talked = 0

    # -- the game ----------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)  # what an inner environment has beside the protocol, such as ``abstain``

    @property
    def agents(self) -> list[str]:
        return list(self.inner.agents)

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        observations, infos = self.inner.reset(seed=seed, options=options)
        profiles = (options or {}).get("seats") or []
        self._speakers = frozenset(
            name for name, profile in zip(self.possible_agents, profiles, strict=False) if (profile or {}).get("speaks")
        )
        self._messages, self._spent, self._events = [], dict.fromkeys(self.possible_agents, 0), []
        self._seen, self._infos = dict(observations), {agent: dict(info) for agent, info in infos.items()}
        self._first, self._round, self._talked = self.inner.phase, 0, 0
        self._arrive(new_round=True)
        return dict(self._seen), self._told()

    def step(self, actions: Mapping[str, Any]) -> Any:
        if self.aside:
            return self._talk(actions)
        before = self.inner.phase
        observations, rewards, terminated, truncated, infos = self.inner.step(actions)
        self._seen.update(observations)
        self._infos.update({agent: dict(info) for agent, info in infos.items()})
        self._arrive(new_round=self.inner.phase == self._first, after=before == self._first)
        return observations, rewards, terminated, truncated, self._told()

    def movers(self) -> tuple[str, ...]:
        return tuple(self._turn) if self.aside else self.inner.movers()

    def action_spec(self, agent: str) -> ActionSpec:
        if not self.aside:
            return self.inner.action_spec(agent)
        others = tuple(name for name in self._order if name != agent)
        return TalkAction(others, self.keys.protocol == "chosen_speaker")

    def abstain(self, agent: str) -> Any:
        """Who says nothing usable passes."""
        if self.aside:
            return self.action_spec(agent).parse(PASS)
        forfeit = getattr(self.inner, "abstain", None)
        if forfeit is None:
            raise ModelError(f"{agent} gave no valid action and this game has no way to abstain.", path=self.phase)
        return forfeit(agent)

    def hear(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        if self.aside:
            self._said = {agent: said.get("say", "") for agent, said in texts.items()}
        else:
            self.inner.hear(texts)

    def events(self) -> list[Event]:
        drained, self._events = self._events, []
        return [*self.inner.events(), *drained]

    def facts(self) -> Arrays:
        return EMPTY if self._quiet else self.inner.facts()

    def outcome(self) -> Mapping[str, float | str | None]:
        return self.inner.outcome()

    def scene(self) -> Scene | None:
        return self.inner.scene()

    def frames(self) -> list[AnyArray]:
        return self.inner.frames()

    def observation_of(self, agent: str) -> Any | None:
        return self.inner.observation_of(agent)

    def observation_space(self, agent: str) -> Any:
        return self.inner.observation_space(agent)

    def action_space(self, agent: str) -> Any:
        return self.inner.action_space(agent)

    # -- the talk ----------------------------------------------------------------------------------------------------

    _quiet = False

    def _arrive(self, *, new_round: bool = False, after: bool = False) -> None:
        """After a step of the game: begin a talk if it is time for one."""
        self.phase, self.aside, self._quiet = self.inner.phase, False, False
        self._round += new_round and bool(self.inner.agents)
        due = new_round if self.keys.when == "before" else after
        carrier = self.injection.carrier if self.injection is not None else None
        present = [agent for agent in self.inner.agents if agent in self._speakers and agent != carrier]
        if due and self._talked < self._round and len(present) + (carrier in self.inner.agents) > 1 and present:
            self._talked = self._round
            self._begin(present, carrier)

    def _begin(self, present: Sequence[str], carrier: str | None) -> None:
        self.phase, self.aside = PHASE, True
        self._left = self.keys.utterances
        if self.injection is not None and carrier is not None and carrier in self.inner.agents:
            self._say(carrier, ALL, delivered(self.injection.text, self.keys.max_chars))
        self._passes = 0
        self._turns = 0
        self._order = list(present)
        self._turn = self._open(self._order if self.keys.protocol == "simultaneous" else self._order[:1])
        if not self._turn:
            self._end("utterances" if self._left <= 0 else "chars_per_agent")

    def _open(self, wanted: Sequence[str]) -> list[str]:
        """Those of ``wanted`` who may still speak, as many as utterances are left."""
        most = self.keys.chars_per_agent
        able = [agent for agent in wanted if most is None or self._spent[agent] < most]
        return able[: self._left]

    def _talk(self, actions: Mapping[str, Any]) -> Any:
        require_movers(self._turn, actions, PHASE)
        for agent in self._turn:
            if not self.action_spec(agent).legal(actions[agent]):
                raise illegal(agent, PHASE, actions[agent], self.action_spec(agent))
        acting, chosen = list(self._turn), None
        for agent in acting:
            action, words = actions[agent], self._words(agent)
            self._turns += 1
            if action["act"] == "speak" and words:
                self._say(agent, str(action.get("to") or ALL), words)
                self._passes = 0
            else:
                self._passes += 1
            chosen = action.get("next")
        self._said = {}
        self._quiet = True
        self._next(acting, chosen)
        told = list(self.inner.agents)
        seen = {agent: self._seen[agent] for agent in told if agent in self._seen}
        over = dict.fromkeys(told, False)
        return seen, dict.fromkeys(told, 0.0), over, dict(over), self._told()

    def _words(self, agent: str) -> str:
        most = self.keys.max_chars
        if self.keys.chars_per_agent is not None:
            most = min(most, self.keys.chars_per_agent - self._spent[agent])
        return delivered(self._said.get(agent, ""), most)

    def _say(self, agent: str, to: str, words: str) -> None:
        self._left -= 1
        self._spent[agent] += len(words)
        message = {"from": agent, "to": to, "text": words, "round": self._round}
        self._messages.append(message)
        self._events.append(Event("message", agent, {"to": to, "text": words}))

    def _next(self, acting: Sequence[str], chosen: str | None) -> None:
        """Who speaks now, or the end of the talk."""
        if self._left <= 0:
            self._end("utterances")
            return
        if self._passes >= 2 * len(self._order):
            self._end("passes")
            return
        if self.keys.protocol == "simultaneous":
            over = self._turns >= self.keys.rounds * len(self._order)
            self._turn = [] if over else self._open(self._order)
            if over:
                self._end(None)
                return
        else:
            place = self._order.index(chosen if chosen in self._order else acting[-1])
            rest = self._order[place:] + self._order[:place]
            wanted = rest if chosen in self._order else rest[1:] + rest[:1]
            self._turn = self._open(wanted)[:1]
        if not self._turn:
            self._end("chars_per_agent")

    def _end(self, spent: str | None) -> None:
        if spent is not None:
            self._events.append(Event("talk_ended", None, {"by": spent}))
        self.phase, self.aside = self.inner.phase, False

    def _told(self) -> dict[str, dict[str, Any]]:
        """Infos with the messages that each may read; one's own are among them."""
        found = {}
        for agent in self.inner.agents:
            mine = [m for m in self._messages if m["to"] == ALL or agent in (m["to"], m["from"])]
            found[agent] = {**self._infos.get(agent, {}), "messages": mine}
        return found

    _order: list[str] = []
    _turn: list[str] = []
    _left = _passes = _turns = 0
