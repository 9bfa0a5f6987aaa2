"""Who plays: policies, what they may decide, and how a population is written down.

    action, state = policy.act(observation, state, rng)

A policy keeps no secrets: all memory is in ``state``, so a run can be cut, resumed, batched, forked and replayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

from .canonical import digest

if TYPE_CHECKING:
    from numpy.random import Generator

    from .arrays import AnyArray, Arrays, FloatArray
    from .seeds import Seeds

EMPTY: Mapping[str, Any] = MappingProxyType({})

Obs = TypeVar("Obs", contravariant=True)
Act = TypeVar("Act", covariant=True)
State = TypeVar("State")

# ``ok, repaired`` are choices; the middle group failed; an ``injected`` action is legal and is played.
Outcome = Literal[
    "ok", "repaired",
    "malformed", "illegal", "empty", "truncated", "refusal", "content_filter", "timeout", "transport",
    "injected",
]  # fmt: skip


@runtime_checkable
class Policy(Protocol[Obs, Act, State]):
    """Maps an observation and a state to an action and the next state.

    Optional: ``distribution(observation, state) -> FloatArray``, for exact scoring.
    """

    def initial_state(self, rng: Generator) -> State: ...
    def act(self, observation: Obs, state: State, rng: Generator) -> tuple[Act, State]: ...


@runtime_checkable
class VectorPolicy(Protocol):
    """A policy over B rows and n seats at once; the single environment is B = 1 of the same code.

    Observations broadcast to (B, n, ...): what all agents see alike may come as (B, 1, ...).
    """

    @property
    def columns(self) -> int:
        """Uniforms used per agent and decision; a constant of the class will do."""
        ...

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> Any:
        """State whose arrays lead with (B, n); ``u`` has shape (B, n, columns)."""
        ...

    def act(self, observation: Arrays, state: Any, u: FloatArray) -> tuple[AnyArray | Arrays, Any]:
        """Actions as float64 (B, n), or a mapping of such arrays; entries of agents who do not move are ignored."""
        ...


@runtime_checkable
class AsyncPolicy(Protocol):
    """A policy that may wait for somebody else, such as a language model; asked for all movers at once.

    Where it has an attribute ``reads_question`` that is true, ``act_async`` is given a Question as its last argument.
    """

    def initial_state(self, rng: Generator) -> Any: ...
    async def act_async(
        self, observation: Any, state: Any, rng: Generator, at: Coordinates
    ) -> tuple[Decision, Any]: ...


@dataclass(frozen=True)
class Decision:
    """What an agent decided: an action, or None with the way in which the answer failed.

    Attributes
    ----------
    calls : keys of the calls that it took.
    notes : what else the journal should keep of it, as JSON: a reason, the order in which options were shown.
    """

    action: Any | None
    text: Mapping[str, str] = field(default_factory=dict)
    outcome: Outcome = "ok"
    calls: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What a policy that reads may know beside its observation.

    Attributes
    ----------
    spec : what it may do now, the judge of its answer.
    seats : names of all seats, in order.
    seeds : the episode's streams.
    step : decisions of the game before this one, talk not counted; where a rule finds its uniforms.
    info : what the environment says in words, as JSON: norms, proposals, messages heard.
    """

    spec: ActionSpec
    seats: tuple[str, ...]
    seeds: Seeds
    step: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Coordinates:
    """Where in a run a decision is asked; equal coordinates mean the same question."""

    unit: str
    step: int
    phase: str
    agent: str
    kind: str = "action"
    ordinal: int = 0


@dataclass(frozen=True)
class AgentSpec:
    """An agent as data: it crosses processes, enters unit keys, and is built again by the registry."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    artefacts: Mapping[str, str] = field(default_factory=dict)  # name -> sha256

    @property
    def id(self) -> str:
        return digest({"kind": self.kind, "params": self.params, "artefacts": self.artefacts})

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "params": dict(self.params), "artefacts": dict(self.artefacts)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AgentSpec:
        return cls(data["kind"], data.get("params", {}), data.get("artefacts", {}))


@dataclass(frozen=True)
class Member:
    """One line of a population."""

    agent: AgentSpec
    count: int | None = None
    probability: float | None = None
    role: Literal["focal", "background"] = "focal"
    seat: str | None = None
    label: str | None = None  # how tables name this member; default: kind plus what differs


Population = tuple[Member, ...]


class ActionSpec(Protocol):
    """What one agent may do now; the one owner of legality."""

    def legal(self, action: Any) -> bool: ...
    def sample(self, rng: Generator) -> Any: ...
    def text(self) -> str: ...
    def json_schema(self) -> Mapping[str, Any]: ...
    def parse(self, value: Any) -> Any: ...


class Learner(Protocol):
    """A no-regret or evolutionary learner over a fixed set of actions; an adapter makes it a policy."""

    bandit: bool

    def initial_state(self, actions: int, horizon: int | None, rng: Generator) -> Any: ...
    def probabilities(self, state: Any) -> FloatArray: ...
    def update(self, state: Any, feedback: Any) -> Any: ...
