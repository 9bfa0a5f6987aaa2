"""What a scenario may say about a language model: the base of every backend's configuration, under ``models:``.

A backend registers a subclass of ``ModelConfig`` in the entry-point group ``gamesim.models``; heavy imports wait in ``build``.
A short name such as ``openai/some-model`` or ``rule:commons.greedy`` stands for the same configuration with defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field

from .config import Config
from .model import Params

if TYPE_CHECKING:
    from .model import Model


class ParamKeys(Config):
    """Sampling parameters; what is left out is the server's to choose."""

    temperature: float | None = Field(None, ge=0, le=10)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1, description="By default enough for the longest legal answer.")
    seed: int | None = None
    stop: tuple[str, ...] = ()
    extra: dict[str, Any] = Field({}, description="Fields passed on to the server as they are.")

    def build(self) -> Params:
        return Params(self.temperature, self.top_p, self.max_tokens, self.seed, self.stop, self.extra)


class Concurrency(Config):
    """Calls in flight to one server; 429, 503 and 529 lower the number, successes raise it again."""

    cap: int = Field(32, ge=1, le=1000)
    start: int | None = Field(None, ge=1, description="By default the cap.")
    floor: int = Field(1, ge=1)


class Clocks(Config):
    """How long to wait for whom, in seconds."""

    attempt: float = Field(60, gt=0, description="One HTTP request.")
    deadline: float = Field(120, gt=0, description="One call over all attempts; announced waits stop it.")
    park_after: float = Field(120, ge=0, description="Longer announced waits park the unit until resume.")
    retries: int = Field(5, ge=0, le=100)
    backoff: float = Field(0.5, gt=0, description="Full jitter: up to backoff * 2**k before retry k.")
    backoff_cap: float = Field(60, gt=0)
    probe_every: float = Field(
        30, gt=0, description="While a server fails, one call this often finds out whether it is back."
    )
    give_up_after: float = Field(300, ge=0, description="Failing longer than this parks at once.")


class PriceKeys(Config):
    """Prices per 10^6 tokens, as somebody read them on a day."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(None, ge=0, description="By default the price of input.")
    currency: str = Field("USD", pattern="^[A-Z]{3}$")
    checked: date = Field(description="When this price was read; after 90 days it is called old.")
    source: str = Field("", description="Where it was read.")


class ModelConfig(Config):
    """One alias of ``models:``."""

    version: ClassVar[int] = 1
    cached: ClassVar[bool] = False  # whether its answers cost enough to be kept in the store, for all runs

    backend: str
    id: str = Field("", max_length=200, description="What the server, or the backend, calls the model.")
    params: ParamKeys = Field(default_factory=ParamKeys, description="Sampling parameters.")
    structured: Literal["auto", "json_schema", "grammar", "text"] = Field(
        "auto", description="How the form of an answer is asked for; auto is settled by one call before the run."
    )
    concurrency: Concurrency = Field(default_factory=Concurrency, description="Calls in flight.")
    timeouts: Clocks = Field(default_factory=Clocks, description="Clocks and retries.")
    prices: PriceKeys | None = Field(None, description="By default from the price table.")

    def model_id(self) -> str:
        return self.id or self.backend

    def name(self, alias: str) -> str:
        """``<alias>/<id>``, as requests carry it."""
        return f"{alias}/{self.model_id()}"

    def endpoint(self, alias: str) -> str:
        """Aliases of equal endpoint share one limit of calls in flight."""
        return alias

    def free(self) -> bool:
        """Whether it costs nothing, whatever the price table says."""
        return True

    def check(self, environment: Any) -> None:
        """Raise a ScenarioError where it cannot play in an environment of that configuration."""

    def with_context(self, tokens: int) -> Self:
        """Itself, or a copy that has room for so many tokens, where the room is this process's to give."""
        return self

    def determines(self) -> dict[str, Any]:
        """What of it determines answers: not addresses, keys, clocks, limits or prices."""
        return {"version": self.version, **self.model_dump(mode="json", exclude={"concurrency", "timeouts", "prices"})}

    def build(self, alias: str) -> Model:
        raise NotImplementedError


_ALIASES = {"mock": "rule"}


def spelled_out(data: Mapping[str, Any] | str) -> dict[str, Any]:
    """The mapping behind a short form.

    Examples
    --------
    >>> spelled_out("openai/gpt-x")
    {'backend': 'openai', 'id': 'gpt-x'}
    >>> spelled_out({"backend": "rule:commons.greedy"})
    {'backend': 'rule', 'id': 'commons.greedy'}
    >>> spelled_out("local")
    {'backend': 'local'}
    """
    found = {"backend": data} if isinstance(data, str) else dict(data)
    backend = found.get("backend")
    if isinstance(backend, str):
        cut = min((place for place in (backend.find(":"), backend.find("/")) if place > 0), default=-1)
        if cut > 0:
            found["id"] = backend[cut + 1 :]
            backend = backend[:cut]
        found["backend"] = _ALIASES.get(backend, backend)
    return found


def short_alias(spec: str) -> str:
    """The alias under which a short form goes: its backend."""
    return str(spelled_out(spec)["backend"])
