"""An oracle that learns by proximal policy optimisation (Schulman et al., 2017) with weighted opponents. Needs torch.

A player who minds risk learns on rewards weighed by opponent, w_b = (d value / d V_b) / s_b, with V_b her running returns
against b; so a response may mix, and at its fixed point no change of policy raises her value to first order. Weights below
zero are played as they are unless ``clip_min`` forbids it. With the variance inside cells counted too (``strategic+env``) the
learned return is ``G - a G^2 + 2 a y G``, whose maximum over y is ``E G - a Var G``; y follows the mean return.

Running returns must not lag behind the policy by much: at a memory of .1 most runs on a one-step stag hunt had made up their
mind before the weights said otherwise.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from .base import OracleConfig

if TYPE_CHECKING:
    from gamesim.core.solving import Oracle


class Ppo(OracleConfig):
    """Learns an answer by weighted PPO, a small network that mixes where that is best; needs torch (extra learn)."""

    kind: Literal["ppo"] = "ppo"
    batches: int = Field(300, ge=1, le=100_000, description="Rounds of play and learning.")
    episodes: int = Field(512, ge=8, le=1_000_000, description="Episodes in a round.")
    hidden: tuple[int, ...] = Field((32, 32), max_length=6, description="Units of the hidden layers.")
    rate: float = Field(0.001, gt=0, le=1, description="Learning rate of Adam; it falls to nothing by the end.")
    epochs: int = Field(4, ge=1, le=100, description="Passes over a round's decisions.")
    clip: float = Field(0.2, gt=0, lt=1, description="Furthest change of a choice's chance that a round rewards.")
    smoothing: float = Field(
        0.95, ge=0, le=1, description="Lambda of generalised advantages; returns are undiscounted."
    )
    entropy: float = Field(0.01, ge=0, le=10, description="Bonus for variety; it falls to nothing by the end.")
    refresh: int = Field(4, ge=1, le=10_000, description="Rounds after which opponents are weighed anew.")
    memory: float = Field(0.3, gt=0, le=1, description="Share of the newest round in the running returns.")
    clip_min: float | None = Field(None, description="Least weight of an opponent; by default none.")
    warm_start: bool = Field(True, description="Begin at the network of the own pool that is worth most, if one fits.")
    evaluate: int = Field(2000, ge=16, le=1_000_000, description="Fresh episodes that measure the gain.")

    def misfit(self, environment: Any) -> str | None:
        if environment.external or environment.batched(1) is None:
            return "It answers in environments that play many episodes at once."
        k = actions_of(environment)
        return None if k else "It answers where an action is one of a few, such as in matrix or stag_hunt."

    def build(self) -> Oracle:
        """
        Raises
        ------
        MissingExtraError
            Where torch is not installed.
        """
        from gamesim.core.errors import MissingExtraError

        if find_spec("torch") is None:
            raise MissingExtraError.of("the oracle ppo learns with torch", "learn")
        from .ppo_learning import Learning

        return Learning(self)


def actions_of(environment: Any) -> tuple[int, ...] | None:
    """How many actions each seat has; None where they are no small set."""
    from gymnasium.spaces import Discrete

    built = environment.build()
    found = [built.action_space(agent) for agent in built.possible_agents]
    return tuple(int(space.n) for space in found) if all(isinstance(s, Discrete) for s in found) else None
