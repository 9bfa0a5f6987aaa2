"""A plugin's agent that cannot be built says who it is and what went wrong, in one line."""

from __future__ import annotations

from typing import Any

import pytest

from gamesim.core.config import AgentConfig
from gamesim.core.errors import PluginError
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import build
from gamesim.run import seating


class Reckless(AgentConfig):
    """Expects a game where there is none."""

    def build(self, environment: Any) -> Any:
        return environment.game().shape


class Lost(AgentConfig):
    """Builds something that plays nothing."""

    def build(self, environment: Any) -> Any:
        return object()


def test_what_is_no_policy_is_not_seated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seating, "entry", lambda group, name: Lost)
    with pytest.raises(PluginError, match=r"agent 'lost' .*build gave object, which is no policy"):
        seating.seated(build("environments", "commons"), [AgentSpec("lost")] * 10)


def test_the_agent_and_the_environment_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seating, "entry", lambda group, name: Reckless)
    with pytest.raises(PluginError) as caught:
        seating.seated(build("environments", "commons"), [AgentSpec("reckless")] * 10)
    assert str(caught.value).startswith(
        "agent 'reckless' could not be built for 'commons': AttributeError: 'NoneType' object has no attribute 'shape'."
    )
