"""Proposals of a language model, from the question to the pool; see ``llm``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from pydantic import ValidationError

from gamesim.core.errors import GamesimError
from gamesim.core.model import Message, ModelRequest
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import entry
from gamesim.core.risk import Neutral
from gamesim.core.solving import Answer, Opponents
from gamesim.envs.prompts import Prompts
from gamesim_agents.llm.structured import ANSWER_LINE, max_tokens, read_answer

from .llm import LlmOracle
from .screening import MOST, NORMAL, Mixture

PROMPTS = Path(__file__).parent / "prompts"
FIGURE = -12.34  # stands for a figure that nobody knows yet


@dataclass(frozen=True)
class Proposing:
    """The oracle."""

    config: LlmOracle

    def __call__(
        self, subject: Any, player: int, opponents: Opponents, *, risk: Any, rng: Generator, context: Any
    ) -> Answer:
        config = self.config
        screen = Mixture(subject, player, opponents, risk, rng, episodes=config.screen)
        found: list[AgentSpec] = []
        earlier: list[dict[str, Any]] = []
        for number in range(config.candidates):
            spec = self._proposal(screen, number, earlier, context)
            if spec is not None:
                found.append(spec)
                earlier.append({"policy": told(spec), "mean": screen.worth(spec)})
        known = {spec.id for spec in screen.own}
        new = [spec for spec in found if spec.id not in known]
        rival = screen.best(screen.own)
        if not new:
            return Answer(rival, 0.0, (0.0, 0.0))
        best = screen.best(new)
        # Played again, so that the bound is not that of the luckiest of several.
        gain, interval = Mixture(subject, player, opponents, risk, rng, episodes=config.screen).gain(best)
        accepted = interval[0] > 0
        context.writer.event("screened", policy=best.id, told=told(best), gain=gain, interval=list(interval), accepted=accepted)  # fmt: skip
        return Answer(best if accepted else rival, gain if accepted else min(gain, 0.0), interval)

    def rehearsed(
        self, subject: Any, player: int, pools: Sequence[Sequence[AgentSpec]], desk: Any, more: int
    ) -> list[ModelRequest]:
        """The questions of one answer, with figures as long as figures are."""
        longest = max((told(keys.made({k: low for k, (low, _) in keys.vary.items()})) for keys in self.config.family), key=len)  # fmt: skip
        texts = [[*(told(spec) for spec in pool), *[longest] * more] for pool in pools]
        profiles = product(*(texts[:player] + texts[player + 1 :]))
        others = [{"chance": FIGURE / 100, "policy": "; ".join(profile)} for profile in islice(profiles, MOST)]
        own = [{"policy": text, "mean": FIGURE, "low": FIGURE, "high": FIGURE} for text in texts[player]]
        found = Met(subject, subject.seats()[player], others, own, True)
        earlier = [{"policy": longest, "mean": FIGURE}] * self.config.candidates
        return [
            self.request(desk, found, earlier[:number], sample=f"rehearsal/{player}/{number}")
            for number in range(self.config.candidates)
        ]

    def schema(self) -> dict[str, Any]:
        """The form of a proposal."""
        numbers = {key: {"type": "number"} for keys in self.config.family for key in keys.vary}
        policy = {"type": "string", "enum": [keys.agent for keys in self.config.family]}
        properties = {"policy": policy, **numbers}
        return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}

    def _proposal(self, screen: Mixture, number: int, earlier: list[dict[str, Any]], context: Any) -> AgentSpec | None:
        """What the model proposes; None, and an event, where that cannot be read or built."""
        line, seat = context.broker, screen.subject.seats()[screen.player]
        desk = line.desk(self.config.model)
        request = self.request(desk, met(screen), earlier, sample=f"{line.unit}/{number}")
        answer = line.ask(request, step=number, phase="propose", agent=seat)
        reading = read_answer(answer, self.schema(), mode=desk.structured)
        spec, outcome, detail = None, reading.outcome, reading.detail
        if reading.fields is not None:
            spec, outcome, detail = self._made(reading.fields)
        context.writer.event(
            "proposal", step=number, phase="propose", agent=seat, calls=[answer.key], outcome=outcome, detail=detail,
            policy=None if spec is None else spec.as_dict(),
        )  # fmt: skip
        return spec

    def request(self, desk: Any, met: Met, earlier: Sequence[Mapping[str, Any]], *, sample: str) -> ModelRequest:
        """One question, asked at a desk."""
        schema = self.schema()
        system, user = self._question(met, earlier)
        form = "Answer with a JSON object of the keys " + ", ".join(schema["properties"]) + "."
        if desk.structured == "text":
            form += f" Write it on one line that begins with {ANSWER_LINE}"
        params = replace(desk.params, max_tokens=desk.params.max_tokens or max_tokens(schema))
        messages = (Message("system", system), Message("user", f"{user}\n{form}"))
        return ModelRequest(desk.name, messages, params, schema, desk.structured, sample=sample)

    def _made(self, fields: Mapping[str, Any]) -> tuple[AgentSpec | None, Any, str]:
        keys = {keys.agent: keys for keys in self.config.family}[fields["policy"]]
        numbers = {key: float(fields[key]) for key in keys.vary}
        for key, (low, high) in keys.vary.items():
            if not low <= numbers[key] <= high:
                return None, "illegal", f"{key} is {numbers[key]:g}, not between {low:g} and {high:g}"
        try:
            return keys.made(numbers), "ok", ""
        except (ValidationError, GamesimError, ValueError) as error:
            return None, "illegal", str(error)[:300]

    def _question(self, met: Met, earlier: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
        prompts, describer = Prompts(PROMPTS, "en", 0), met.subject.describer()
        rules = ""
        if describer is not None:
            rules = Prompts(describer.prompts, "en", 0).render("rules", describer.rules())
        family = []
        for keys in self.config.family:
            model = entry("agents", keys.agent)
            numbers = [
                {"name": key, "low": low, "high": high, "about": model.model_fields[key].description or key}
                for key, (low, high) in keys.vary.items()
            ]
            family.append({"policy": keys.agent, "about": (model.__doc__ or "").split("\n")[0], "numbers": numbers})
        slots = {
            "seat": met.seat, "others": met.others, "own": met.own, "earlier": list(earlier), "family": family,
            "averse": met.averse,
        }  # fmt: skip
        return prompts.render("system", {"rules": rules}), prompts.render("task", slots)


@dataclass(frozen=True)
class Met:
    """What a model is told of the mixture: who is met and how often, and what the player's own policies earned."""

    subject: Any
    seat: str
    others: Sequence[Mapping[str, Any]]
    own: Sequence[Mapping[str, Any]]
    averse: bool


def met(screen: Mixture) -> Met:
    """As play showed it."""
    others = [
        {"chance": float(s), "policy": "; ".join(told(spec) for spec in profile if spec is not None)}
        for s, profile in zip(screen.chances, screen.profiles, strict=True)
    ]
    own = []
    for spec in screen.own:
        games = screen.returns(spec)
        mean = float(sum(s * g.mean() for s, g in zip(screen.chances, games, strict=True)))
        error = np.sqrt(sum(s * s * g.var() / len(g) for s, g in zip(screen.chances, games, strict=True)))
        half = NORMAL * float(error)
        own.append({"policy": told(spec), "mean": mean, "low": mean - half, "high": mean + half})
    seat = screen.subject.seats()[screen.player]
    return Met(screen.subject, seat, others, own, not isinstance(screen.risk, Neutral))


def told(spec: AgentSpec) -> str:
    """A policy as a model reads it; a network by its kind alone."""
    if spec.kind == "network":
        return "a learned network"
    params = ", ".join(f"{key} {value}" for key, value in spec.params.items() if value is not None)
    return f"{spec.kind} ({params})" if params else spec.kind
