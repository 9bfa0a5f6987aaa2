"""The three stage games in one shape: what may be chosen, what it pays, what becomes of the stock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gamesim.core.arrays import FloatArray

from . import fish_war
from .stage_games import appropriation, contribution

if TYPE_CHECKING:
    from .stage_config import FishWar, OstromGardnerWalker, PublicGood


@dataclass(frozen=True)
class StageRules:
    """A repeated simultaneous game.

    Attributes
    ----------
    low, high, integer : the choices.
    payoffs : (choices (B, N), stock (B,)) to payoffs (B, N).
    next_stock : (choices (B, N), stock (B,)) to the next round's stock (B,); None where nothing carries over.
    initial_stock : before the first round; NaN where there is none.
    worst, best : sum of payoffs a round that counts as efficiency 0 and 1; NaN where that is not defined.
    discount : weight of the next round in the outcome ``discounted``.
    """

    low: float
    high: float
    integer: bool
    payoffs: Callable[[FloatArray, FloatArray], FloatArray]
    next_stock: Callable[[FloatArray, FloatArray], FloatArray] | None = None
    initial_stock: float = np.nan
    worst: float = np.nan
    best: float = np.nan
    discount: float = np.nan


def appropriation_rules(config: OstromGardnerWalker) -> StageRules:
    """Efficiency is the share of the largest rent: 0 when the resource earns no more than the outside."""

    def payoffs(tokens: FloatArray, _: FloatArray) -> FloatArray:
        return appropriation(
            tokens, endowment=config.endowment, outside=config.outside, linear=config.linear, quadratic=config.quadratic
        )

    most = config.players * config.endowment
    used = min(most, max(0.0, (config.linear - config.outside) / (2 * config.quadratic)))
    safe = config.players * config.outside * config.endowment
    rent = used * (config.linear - config.outside - config.quadratic * used)
    return StageRules(0.0, config.endowment, config.tokens == "integer", payoffs, worst=safe, best=safe + rent)


def contribution_rules(config: PublicGood) -> StageRules:
    """Efficiency is what cooperation gained: 0 when nobody gives, 1 at the largest sum of payoffs."""

    def payoffs(tokens: FloatArray, _: FloatArray) -> FloatArray:
        return contribution(tokens, endowment=config.endowment, mpcr=config.mpcr)

    kept = config.players * config.endowment
    gained = kept * max(0.0, config.mpcr * config.players - 1)
    return StageRules(0.0, config.endowment, config.tokens == "integer", payoffs, worst=kept, best=kept + gained)


def fish_war_rules(config: FishWar) -> StageRules:
    def payoffs(shares: FloatArray, stock: FloatArray) -> FloatArray:
        return np.log(fish_war.catches(stock, shares))

    def next_stock(shares: FloatArray, stock: FloatArray) -> FloatArray:
        left = stock - fish_war.catches(stock, shares).sum(axis=-1)
        return fish_war.regrow(left, config.elasticity, config.floor)

    return StageRules(
        config.least_share, 1.0, False, payoffs, next_stock, initial_stock=config.initial, discount=config.discount
    )
