"""Agents as data: their identity is their content, and protocols tell the three kinds of policy apart."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gamesim.core.canonical import plain
from gamesim.core.policy import AgentSpec, AsyncPolicy, Decision, Policy, VectorPolicy


def test_identity_is_content() -> None:
    one = AgentSpec("rule", {"a": 1, "b": [1, 2]})
    assert one.id == AgentSpec("rule", {"b": (1, 2), "a": 1.0}).id
    assert one.id != AgentSpec("rule", {"a": 1, "b": [2, 1]}).id
    assert one.id != AgentSpec("rule2", {"a": 1, "b": [1, 2]}).id
    assert one.id != AgentSpec("rule", {"a": 1, "b": [1, 2]}, {"weights": "0" * 64}).id


def test_specs_cross_processes_as_json() -> None:
    spec = AgentSpec("net", {"layers": [64, 64]}, {"weights": "ab" * 32})
    assert AgentSpec.from_dict(json.loads(json.dumps(plain(spec.as_dict())))).id == spec.id
    assert AgentSpec.from_dict({"kind": "x"}) == AgentSpec("x")


def test_protocols_tell_policies_apart() -> None:
    class Single:
        def initial_state(self, rng: Any) -> None: ...
        def act(self, observation: Any, state: Any, rng: Any) -> Any: ...

    class Vector:
        columns = 0

        def initial_state(self, rows: int, seats: int, u: Any) -> Any: ...
        def act(self, observation: Any, state: Any, u: Any) -> Any: ...

    class Waits:
        def initial_state(self, rng: Any) -> None: ...
        async def act_async(self, observation: Any, state: Any, rng: Any, at: Any) -> Any: ...

    assert isinstance(Single(), Policy)
    assert not isinstance(Single(), VectorPolicy)
    assert isinstance(Vector(), VectorPolicy)
    assert isinstance(Waits(), AsyncPolicy)
    assert not isinstance(Waits(), Policy)


def test_values_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        AgentSpec("x").kind = "y"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Decision(1).action = 2  # type: ignore[misc]
