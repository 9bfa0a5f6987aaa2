"""A tiny environment with two kinds of agents, registered for these tests alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from gamesim.core import registry
from gamesim.core.config import AgentConfig, Config
from gamesim.core.errors import ScenarioError
from gamesim.envs.config import EnvironmentConfig


class Logistic(Config):
    law: Literal["logistic"] = "logistic"
    rate: float = Field(0.6, gt=0, description="Growth a round.")
    capacity: float = Field(100, gt=0)


class Inverse(Config):
    law: Literal["inverse"] = "inverse"
    pace: float = Field(0.5, gt=0)


class Pond(EnvironmentConfig):
    """A pond."""

    kind: Literal["pond"] = "pond"
    players: int = Field(4, ge=1, le=10_000)
    horizon: int = Field(5, ge=1, le=10_000)
    growth: Annotated[Logistic | Inverse, Field(discriminator="law")] = Logistic()
    open: bool = False
    motto: str = "calm"
    payoffs: tuple[float, ...] = (1.0, 2.0)
    ruler: Literal["none", "elected"] | None = None

    def seats(self) -> tuple[str, ...]:
        return tuple(f"player_{i}" for i in range(self.players))


class Calm(AgentConfig):
    """Forgives."""

    version: ClassVar[int] = 3
    forgiveness: float = Field(0.5, ge=0, le=1)
    patience: int = Field(3, ge=0)


class Fierce(AgentConfig):
    """Bites."""

    bite: float = 1.0


class Point:
    """An entry point that is already loaded."""

    dist = None

    def __init__(self, name: str, found: Any) -> None:
        self.name = name
        self.found = found

    def load(self) -> Any:
        return self.found


@pytest.fixture(autouse=True)
def pond(monkeypatch: pytest.MonkeyPatch) -> None:
    real = registry._claims
    ours: dict[str, Mapping[str, Any]] = {
        "environments": {"pond": Point("pond", Pond)},
        "agents": {"pond.calm": Point("pond.calm", Calm), "pond.fierce": Point("pond.fierce", Fierce)},
    }

    def claims(group: str) -> Mapping[str, list[Any]]:
        return {**real(group), **{name: [point] for name, point in ours.get(group, {}).items()}}

    def entries(group: str) -> Mapping[str, Any]:
        return {name: points[0] for name, points in claims(group).items()}

    monkeypatch.setattr(registry, "_claims", claims)
    monkeypatch.setattr(registry, "entries", entries)
    monkeypatch.setattr("gamesim.scenario.json_schema.entries", entries)


BASE = """name: pond/first
environment: {kind: pond, players: 4}
population:
  - {agent: pond.calm, count: 3, forgiveness: 0.2}
  - {agent: pond.fierce, count: 1}
"""


@pytest.fixture
def base() -> str:
    return BASE


@pytest.fixture
def complaint() -> Callable[..., list[str]]:
    """All errors of a refused scenario, as ``Type: message``."""

    def told(action: Callable[[], object]) -> list[str]:
        with pytest.raises(ScenarioError) as caught:
            action()
        error = caught.value
        assert error.exit_code == 2
        return [f"{type(one).__name__}: {one}" for one in (error, *error.others)]

    return told
