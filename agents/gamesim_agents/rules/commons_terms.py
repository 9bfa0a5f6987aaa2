"""What a rule agent knows of the commons it plays in: the environment's configuration, reduced to what rules compute with.

Rules informed by theory (sustainable, planner, myopic best reply) use the growth law, which is not in the observation.
All speak of harvests in fish; ``play`` turns a wanted harvest into the action that the environment takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import ScenarioError
from gamesim.envs.commons.growth import GrowthLaw, grow, maximum_sustainable_yield, sustainable_harvest

if TYPE_CHECKING:
    from gamesim.envs.base import EnvironmentConfig

SLACK = 1 - 1e-15  # a harvest meant to equal the norm must not exceed it by rounding


@dataclass(frozen=True)
class Terms:
    """The rules of one commons.

    Attributes
    ----------
    catch : ``effort``: actions are efforts in [0, 1] and catch ``productivity`` times the stock each at most;
        ``request``: actions are units asked, up to ``limit``, whole if ``integer``.
    initial : stock of round 1.  minimum : stock at which the commons has collapsed.  maximum : same for a nuisance.
    divisor : agents whom f(R) is divided by, if fixed; None counts those alive.
    expected_fine : fine times the chance that a violator is inspected by its one inspector; 0 without sanctions.
    free_fines : also who kept the rules may be fined.  anyone : everybody is within reach of everybody's fines.
    quotas : a leader gives everybody a cap of its own.
    """

    catch: Literal["effort", "request"]
    productivity: float
    limit: float
    integer: bool
    law: GrowthLaw
    initial: float
    minimum: float
    maximum: float
    players: int
    horizon: int
    divisor: int | None = None
    expected_fine: float = 0.0
    free_fines: bool = False
    anyone: bool = True
    quotas: bool = False

    @property
    def nuisance(self) -> bool:
        """Whether the stock is one that nobody wants, so that harvesting is a service."""
        return self.law.law == "inverse"

    @property
    def greediest(self) -> float:
        """The action that serves only oneself, this round."""
        return 0.0 if self.nuisance else (1.0 if self.catch == "effort" else self.limit)

    def most(self, stock: FloatArray) -> FloatArray:
        """The largest harvest one agent could have, fish."""
        return self.productivity * stock if self.catch == "effort" else np.minimum(self.limit, stock)

    def play(self, harvest: FloatArray, stock: FloatArray) -> FloatArray:
        """The action nearest to taking ``harvest`` fish."""
        if self.catch == "request":
            asked = np.clip(harvest, 0.0, self.limit)
            return np.floor(asked + 1e-9) if self.integer else asked
        full = np.asarray(self.productivity * stock)
        with np.errstate(divide="ignore", invalid="ignore"):
            effort = harvest * SLACK / full
        return np.where(harvest >= full, np.where(harvest > 0, 1.0, 0.0), np.maximum(effort, 0.0))

    def check_request(self, request: float | None) -> None:
        """Raise unless a user's fixed request is legal, or unused.

        Raises
        ------
        ScenarioError
            If it lies above the limit, or is broken where whole units are asked.
        """
        if request is None or self.catch == "effort":
            return
        if request > self.limit or (self.integer and request != int(request)):
            whole = "whole units" if self.integer else "units"
            raise ScenarioError(
                f"{request:g} is no legal request.",
                path="population: commons.fixed: request",
                hint=f"Requests: {whole} from 0 to {self.limit:g}.",
            )

    def from_effort(self, effort: FloatArray) -> FloatArray:
        """An effort as an action; where units are asked, that part of the largest request, to the nearest unit."""
        if self.catch == "effort":
            return effort
        return np.floor(effort * self.limit + 0.5) if self.integer else effort * self.limit

    def from_share(self, share: FloatArray, stock: FloatArray, heads: FloatArray) -> FloatArray:
        """A part in [0, 1] of what one agent can take without hurting the others' chance of as much: of full effort, or,
        where units are asked, of an equal share of the stock."""
        return share if self.catch == "effort" else self.play(share * stock / heads, stock)

    def uniform(self, u: FloatArray) -> FloatArray:
        """Any harvest action, from a uniform number."""
        if self.catch == "effort":
            return u
        return np.minimum(np.floor(u * (np.floor(self.limit) + 1)), self.limit) if self.integer else u * self.limit

    def share(self, stock: FloatArray, heads: FloatArray) -> FloatArray:
        """One agent's part of what may be taken for ever: the maximum sustainable yield where the stock stands high enough
        for it, else what growth brings back, f(R); of a nuisance what is added each round."""
        total = sustainable_harvest(stock, self.law)
        if not self.nuisance:
            total = np.where(np.asarray(stock) >= self.best_stock, self.best_yield, total)
        heads = heads if self.divisor is None else np.asarray(float(self.divisor))
        if self.catch == "request" and self.integer:
            return np.floor(np.floor(total + 1e-9) / heads + 1e-9)
        return total / heads

    @cached_property
    def best_yield(self) -> float:
        """Maximum sustainable yield, fish a round."""
        return maximum_sustainable_yield(self.law)

    @cached_property
    def best_stock(self) -> float:
        """Stock before the harvest at which the maximum sustainable yield is taken."""
        rest = np.linspace(0.0, self.law.capacity, 6001)
        grown = grow(rest, self.law)
        best = int((grown - rest).argmax())
        return float(rest[best] if self.law.order == "grow_net" else grown[best]) * (1 - 1e-12)


def terms(environment: EnvironmentConfig, agent: str) -> Terms:
    """Read a commons' configuration.

    Raises
    ------
    ScenarioError
        If the environment is no commons.
    """
    from gamesim.envs.commons.config import Commons

    if not isinstance(environment, Commons):
        raise ScenarioError(f"agent '{agent}' plays in a commons, not in '{environment.kind}'.", path="population")
    growth, leader = environment.growth, environment.institutions.leader
    sanctions = environment.institutions.sanctions
    return Terms(
        catch="request" if environment.harvest.catch == "request" else "effort",
        productivity=environment.harvest.productivity,
        limit=environment.limit,
        integer=environment.harvest.integer,
        law=growth.law_object(),
        initial=growth.start,
        minimum=growth.minimum * growth.capacity,
        maximum=growth.maximum * growth.capacity,
        players=environment.players,
        horizon=environment.horizon,
        divisor=environment.beginners if environment.information.legacy_threshold else None,
        expected_fine=0.0 if sanctions is None else sanctions.monitoring * sanctions.fine,
        free_fines=environment.institutions.text or (sanctions is not None and sanctions.kind == "antisocial"),
        anyone=environment.institutions.network.punish.kind == "complete",
        quotas=leader is not None and leader.quotas is not None,
    )
