"""A scenario, typed: who plays what, how often, within which limits. The YAML side is in ``gamesim.yaml`` and ``resolve``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gamesim.core.config import Config
from gamesim.core.model_config import ModelConfig
from gamesim.core.policy import Population
from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.core.seeds import Seeds


@dataclass(frozen=True)
class Origin:
    """Where a resolved value came from: ``default``, ``--set``, ``sweep``, or ``file:line:column``."""

    place: str


@dataclass(frozen=True)
class Cell:
    """One point of the sweep: the swept values by dotted path, and the scenario they give."""

    index: int
    values: Mapping[str, Any]
    scenario: Scenario


@dataclass(frozen=True)
class Scenario:
    """A resolved scenario.

    Attributes
    ----------
    kind : the experiment, by default ``play``; ``experiment`` holds its own keys.
    limits, record, sweep : typed common keys (``gamesim.scenario.common``).
    seating : ``listed`` seats members in the order of the file; ``shuffled`` draws the seats from stream ``("seats",)``.
    models : configurations of language models by alias.  cache : how their answers are kept in the store.
    data : the resolved scenario as plain JSON, defaults included: what ``show --resolved`` prints and the manifest keeps.
    origins : for every dotted path of ``data``, where its value came from.
    """

    name: str
    kind: str
    seed: int
    replicates: int
    environment: EnvironmentConfig | None
    population: Population
    limits: Any
    record: Any
    sweep: Any | None = None
    experiment: Config | None = None
    description: str = ""
    seating: Literal["listed", "shuffled"] = "listed"
    language: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    analysis: tuple[Mapping[str, Any], ...] = ()
    provenance: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)
    source: str | None = field(default=None, compare=False)  # the file as given
    included: Mapping[str, str] = field(default_factory=dict, compare=False)  # texts of the files it includes, by path
    executor: Literal["processes", "inline"] = "processes"
    models: Mapping[str, ModelConfig] = field(default_factory=dict)
    cache: Literal["read_write", "read", "off"] = "read_write"

    @property
    def external(self) -> bool:
        """Whether the environment or any member is answered from outside this process."""
        from gamesim.core.registry import entry

        agents = (entry("agents", member.agent.kind) for member in self.population)
        return bool(self.environment is not None and self.environment.external) or any(a.external for a in agents)

    @property
    def stepwise(self) -> bool:
        """Whether the journal is kept by the step; then each replicate is a unit of its own."""
        journal: str = self.record.journal
        return journal == "step" or (journal == "auto" and self.external)

    @property
    def seeds(self) -> Seeds:
        from gamesim.core.seeds import Seeds  # numpy, which checking a scenario does without

        return Seeds(self.seed)
