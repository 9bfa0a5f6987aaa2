"""One model as the Broker sees it: where it is asked, what is known of it, and how it has been doing."""

from __future__ import annotations

from dataclasses import dataclass, field

from gamesim.core.errors import GamesimError
from gamesim.core.model import Model, ModelReply, Params, Structured
from gamesim.core.model_config import Clocks, Concurrency, ModelConfig

from .breaker import Breaker
from .limiter import Limiter
from .prices import Price

DEFAULT_MAX_TOKENS = 512  # of a request that names none; players always name one


@dataclass
class Desk:
    """What one alias of ``models:`` has become.

    Attributes
    ----------
    model : None in an offline replay, which asks nobody.
    limiter : shared by all models of one server.
    structured, params : what requests to it say unless a player knows better.
    served : what the server last called itself.
    config : as the scenario has it, where it comes from one.
    fatal : why it is asked no more in this process.
    """

    name: str
    model: Model | None
    limiter: Limiter = field(default_factory=Limiter)
    breaker: Breaker = field(default_factory=Breaker)
    clocks: Clocks = field(default_factory=Clocks)
    price: Price | None = None
    params: Params = field(default_factory=Params)
    structured: Structured = "json_schema"
    served: str = ""
    config: ModelConfig | None = None
    fatal: GamesimError | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        *,
        concurrency: Concurrency | None = None,
        clocks: Clocks | None = None,
        price: Price | None = None,
        limiter: Limiter | None = None,
    ) -> Desk:
        """A desk for a model, with limits as a scenario writes them."""
        clocks = clocks or Clocks()
        return cls(
            model.name, model, limiter or limiter_of(concurrency or Concurrency()), breaker_of(clocks), clocks, price
        )

    def drifted(self, reply: ModelReply) -> str | None:
        """The name the server used until now, if it calls itself something else since this reply."""
        before, now = self.served, reply.served_model
        if now:
            self.served = now
        return before if before and now and before != now else None


def limiter_of(concurrency: Concurrency) -> Limiter:
    return Limiter(concurrency.cap, concurrency.start, concurrency.floor)


def breaker_of(clocks: Clocks) -> Breaker:
    return Breaker(probe_every=clocks.probe_every, give_up_after=clocks.give_up_after)
