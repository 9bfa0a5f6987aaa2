"""A rule agent behind the interface of a model: same prompts, schema, journal and gate, and no cost.

It reads the observation that travels beside the request and answers in the form asked for. Its trajectories equal those
of the rule itself, which proves the plumbing between question and action.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields as members
from dataclasses import is_dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from gamesim.core.config import AgentConfig
from gamesim.core.errors import ModelError, ScenarioError, UnknownKindError, clean
from gamesim.core.model import Capabilities, ModelReply, ModelRequest, Usage
from gamesim.core.policy import AgentSpec, VectorPolicy
from gamesim.core.registry import names
from gamesim.run.seating import agent_config
from gamesim.run.uniforms import PolicyUniforms

from ..form import Form

RANDOM = "random"


class RuleModel:
    """See the module."""

    def __init__(self, name: str, rule: str, parameters: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.capabilities = Capabilities(structured=("json_schema", "grammar", "text"), network=False)
        self.rule = rule
        self.parameters = dict(parameters or {})
        self._built: dict[str, tuple[Any, Any]] = {}

    def agent(self, environment: Any) -> AgentConfig | None:
        """The rule's configuration for that environment; None where answers are drawn."""
        config: AgentConfig | None = self._policy(environment)[0]
        return config

    async def complete(self, request: ModelRequest) -> ModelReply:
        from gamesim.envs.talk import PASS
        from gamesim.envs.talk import PHASE as TALK

        context = request.context
        if "form" not in context:
            raise ModelError(f"{self.name} plays games only; this question has no observation.")
        form: Form = context["form"]
        _, policy = self._policy(context["environment"])
        if context["at"].phase == TALK:
            return self._answered(form, dict(PASS), {}, request)  # rules have nothing to say
        fields: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        state = context["state"]
        for number, part in enumerate(form.description.parts):
            if policy is None:
                action = self._drawn(form, number, context["rng"])
            else:
                action, state = self._act(policy, {**context["observation"], **_arrays(part.view)}, state, context)
            fields |= form.write(part, action)
        if state is not None:
            extra["rule"] = state
        if not isinstance(policy, VectorPolicy):
            extra["rng"] = json.loads(json.dumps(context["rng"].bit_generator.state))
        return self._answered(form, fields, extra, request)

    def _answered(
        self, form: Form, fields: Mapping[str, Any], extra: Mapping[str, Any], request: ModelRequest
    ) -> ModelReply:
        answer = {key: fields.get(key, _silence(schema)) for key, schema in form.schema["properties"].items()}
        text = json.dumps(answer, ensure_ascii=False)
        if request.structured == "text":
            text = f"ANSWER: {text}"
        size = sum(len(message.content.encode()) for message in request.messages)
        return ModelReply(text, usage=Usage(size // 4, len(text.encode()) // 4), served_model=self.name, extra=extra)

    def _policy(self, environment: Any) -> tuple[Any, Any]:
        """Configuration and policy for an environment; (None, None) for draws from whatever is legal."""
        key = f"{environment.kind}:{environment.model_dump_json()}"
        if key not in self._built:
            kind = self._kind(environment)
            if kind is None:
                self._built[key] = (None, None)
            else:
                config = agent_config(AgentSpec(kind, self.parameters))
                self._built[key] = (config, config.build(environment))
        return self._built[key]

    def _kind(self, environment: Any) -> str | None:
        known = names("agents")
        if self.rule in known:
            return self.rule
        for name in (f"{environment.kind}.{self.rule}", *(n for n in known if n.split(".")[-1] == self.rule)):
            if name not in known:
                continue
            try:
                agent_config(AgentSpec(name, self.parameters)).build(environment)
            except ScenarioError:
                continue
            return name
        if self.rule == RANDOM:
            return None
        family = {name.partition(".")[2] for name in known if name.split(".")[0] == environment.kind}
        raise UnknownKindError.named("rule agent", self.rule, known if "." in self.rule or not family else family)

    def _drawn(self, form: Form, number: int, rng: np.random.Generator) -> Any:
        """A legal action of the phase's own decision, or any value of a later part's schema."""
        part = form.description.parts[number]
        if part.options:
            return part.options[int(rng.integers(len(part.options)))].action
        if number == 0:
            return form.spec.sample(rng)
        schema = part.schema or {}
        low, high = schema.get("minimum", 0), schema.get("maximum", 1)
        return float(rng.uniform(low, high))

    def _act(
        self, policy: Any, observation: Mapping[str, Any], state: Any, context: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        question, at = context["question"], context["at"]
        if not isinstance(policy, VectorPolicy):
            held = policy.initial_state(context["rng"]) if state is None else restored(state, None)
            action, after = policy.act(observation, held, context["rng"])
            return action, packed(after)
        seat = question.seats.index(at.agent)
        uniforms = _uniforms(question.seeds.root, len(question.seats))
        first = policy.initial_state(1, 1, uniforms.initial(policy.columns)[:, [seat]])
        held = first if state is None else restored(state, first)
        u = uniforms.at(question.step, policy.columns)[:, [seat]]
        from gamesim.envs.base import stacked

        chosen, after = policy.act(stacked([observation]), held, u)
        if isinstance(chosen, Mapping):
            return {key: value[0, 0] for key, value in chosen.items()}, packed(after)
        return (float(chosen[0, 0]) if chosen.ndim == 2 else chosen[0, 0]), packed(after)


@lru_cache(maxsize=8)
def _uniforms(root: int, seats: int) -> PolicyUniforms:
    return PolicyUniforms([root], seats)


def _arrays(view: Mapping[str, Any]) -> dict[str, Any]:
    return {key: np.asarray(value) for key, value in view.items()}


def _silence(schema: Mapping[str, Any]) -> Any:
    """What a rule puts where words are asked for."""
    kinds = schema.get("type", [])
    return None if "null" in ([kinds] if isinstance(kinds, str) else kinds) else ""


def _record_type(name: Any) -> Any:
    module, _, kind = str(name).partition(":")
    found = getattr(sys.modules.get(module), kind, None)
    if not (isinstance(found, type) and is_dataclass(found)):
        raise ModelError(f"a rule's recorded state is of type '{clean(name, 80)}', which is not known here.")
    return found


def packed(state: Any) -> Any:
    """A rule's state as JSON."""
    if isinstance(state, np.ndarray):
        return {"array": state.tolist(), "dtype": state.dtype.str, "shape": list(state.shape)}
    if isinstance(state, np.generic):
        return state.item()
    if is_dataclass(state) and not isinstance(state, type):
        parts = {member.name: packed(getattr(state, member.name)) for member in members(state)}
        return {"record": parts, "type": f"{type(state).__module__}:{type(state).__qualname__}"}
    if isinstance(state, Mapping):
        return {"mapping": [[packed(key), packed(value)] for key, value in state.items()]}
    if isinstance(state, (list, tuple)):
        return {"list": [packed(item) for item in state]}
    if state is None or isinstance(state, (bool, int, float, str)):
        return state
    raise ModelError(f"a rule's state of type {type(state).__name__} has no JSON form; it cannot answer for a model.")


def restored(data: Any, like: Any) -> Any:
    """The state again; records and tuples take the type of the same part of ``like``, the rule's first state. A record that
    the first state has not takes the type it says, if that is a dataclass of a module already at work."""
    if not isinstance(data, Mapping):
        return data
    if "array" in data:
        return np.array(data["array"], dtype=np.dtype(data["dtype"])).reshape(data["shape"])
    if "record" in data:
        parts = {name: restored(value, getattr(like, name, None)) for name, value in data["record"].items()}
        if is_dataclass(like) and not isinstance(like, type):
            return replace(like, **parts)
        return _record_type(data.get("type"))(**parts)
    if "mapping" in data:
        known = like if isinstance(like, Mapping) else {}
        pairs = ((restored(key, None), value) for key, value in data["mapping"])
        return {key: restored(value, known.get(key)) for key, value in pairs}
    items = data["list"]
    twins: Sequence[Any] = like if isinstance(like, (list, tuple)) and len(like) == len(items) else [None] * len(items)
    found = [restored(item, twin) for item, twin in zip(items, twins, strict=True)]
    if isinstance(like, tuple):
        return type(like)(*found) if hasattr(like, "_fields") else tuple(found)
    return found
