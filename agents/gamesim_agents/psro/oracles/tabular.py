"""An oracle that learns a table: an action for each situation, where actions and what is seen of the game are few.

Rounds of play against the meta-strategy, mostly by what looks best so far, give each (situation, action) a value: the
lambda-return that followed it, later rounds counting more. What is kept is the best action of every situation that was met.

A player who minds risk weighs opponents by w_b = (d value / d V_b) / s_b and her best answer may be mixed. One table plays
pure, so tables are learned one after the other, each against the weights at the mixture so far (Frank-Wolfe: her objective is
concave in the mixture), and mixed as that objective is largest. The class of answers is therefore: mixtures of tables, one of
which is drawn for each episode. With variance inside cells counted too (``strategic+env``) a table is learned on
``w_b G - a (G - y_b)^2``, paid at the end, where y_b follows the mean return against b.

What a table cannot see it cannot use: the oracle is no proof of a best response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ..table import MOST, UNSEEN
from .base import OracleConfig
from .ppo import actions_of

if TYPE_CHECKING:
    from gamesim.core.solving import Oracle

    from ..table_policy import Places

OF_FEW = 100_000  # values of one number, above which it is none of a few


class Tabular(OracleConfig):
    """Learns an answer by rounds of play as a table of what to do where; several tables, mixed, where risk is minded."""

    kind: Literal["tabular"] = "tabular"
    keys: tuple[str, ...] | None = Field(
        None, max_length=20, description="Parts of what is seen that make a situation; by default all with few values."
    )
    batches: int = Field(150, ge=1, le=100_000, description="Rounds of play and learning for each table.")
    episodes: int = Field(512, ge=8, le=1_000_000, description="Episodes in a round.")
    explore: float = Field(0.05, ge=0, le=1, description="Share of even draws in play; it begins at 1.")
    smoothing: float = Field(0.9, ge=0, le=1, description="Lambda of the returns; they are undiscounted.")
    refreshes: int = Field(10, ge=1, le=50, description="Most tables, where opponents are weighed anew after each.")
    evaluate: int = Field(2000, ge=16, le=1_000_000, description="Fresh episodes that measure the gain.")

    def misfit(self, environment: Any) -> str | None:
        if environment.external or environment.batched(1) is None:
            return "It answers in environments that play many episodes at once."
        actions = actions_of(environment)
        if actions is None or max(actions) >= UNSEEN:
            return "It answers where an action is one of a few, such as in matrix, efg or stag_hunt; elsewhere use candidates, or llm with numbers to vary."
        seen = parts(environment)
        for key in self.keys or ():
            if key not in seen:
                return f"keys: '{key}' is none of the parts with few values: {', '.join(seen) or 'none'}; ppo reads numbers of any kind."
        found = places(environment, self.keys)
        if not found.keys:
            return "Nothing of what is seen there has few values; ppo reads numbers of any kind."
        if found.size * max(actions) > 5 * MOST or found.size > MOST:
            sizes = ", ".join(f"{key} ({values**count:,})" for key, _, values, count in zip(found.keys, found.low, found.values, found.count, strict=True))  # fmt: skip
            return f"{found.size:,} situations of {max(actions)} actions are too many. Name fewer parts under keys, of {sizes}; or use ppo."
        return None

    def build(self) -> Oracle:
        from .tabular_learning import Learning

        return Learning(self)


def parts(environment: Any) -> dict[str, tuple[int, int, int]]:
    """What is seen in few whole numbers: by key the least value, how many values, and how many numbers.

    A count of rounds without a bound of its own is bounded by the horizon.
    """
    from gymnasium.spaces import Box, Dict, Discrete
    from numpy import prod

    built = environment.build()
    spaces = [built.observation_space(agent) for agent in built.possible_agents]
    found: dict[str, tuple[int, int, int]] = {}
    for key, space in spaces[0].spaces.items() if isinstance(spaces[0], Dict) else ():
        if key == "action_mask":
            continue
        if isinstance(space, Discrete):
            found[key] = (int(space.start), int(space.n), 1)
        elif isinstance(space, Box) and space.dtype.kind in "biu":
            low, high = int(space.low.min()), int(space.high.max())
            horizon = getattr(environment, "horizon", None)
            if key == "round" and high > OF_FEW and isinstance(horizon, int):
                high = horizon
            if high - low < OF_FEW:
                found[key] = (low, high - low + 1, int(prod(space.shape)))
    return found


def places(environment: Any, keys: tuple[str, ...] | None) -> Places:
    """The situations that a table tells apart; by default by all parts that vary but the round."""
    from ..table_policy import Places

    seen = parts(environment)
    chosen = keys or tuple(key for key, (_, values, _) in sorted(seen.items()) if values > 1 and key not in ("round", "index"))  # fmt: skip
    low, values, count = ([seen[key][i] for key in chosen] for i in range(3))
    return Places(chosen, tuple(low), tuple(values), tuple(count))
