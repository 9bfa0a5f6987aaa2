"""The two oracles that learn nothing: exact answers of formal games, and none at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .base import OracleConfig

if TYPE_CHECKING:
    from gamesim.core.solving import Oracle


class Exact(OracleConfig):
    """Best answers of formal games: the best action of a matrix, backward induction in a tree; ties against everybody even."""

    kind: Literal["exact"] = "exact"
    exact: ClassVar[bool] = True

    def misfit(self, environment: Any) -> str | None:
        return "It answers formal games, such as game: kuhn."

    def build(self) -> Oracle:
        from .formal import answer

        return answer


class Nobody(OracleConfig):
    """Nobody answers: the pool stays as it is, and the meta-strategy of its table is the result."""

    kind: Literal["none"] = "none"
