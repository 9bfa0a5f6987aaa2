"""What an oracle must offer to be named in a scenario.

    class MyOracle(OracleConfig):
        kind: Literal["mine"] = "mine"
        episodes: int = 1000                              # its own keys, checked when the scenario is

        def build(self) -> Oracle:                        # heavy imports wait here
            def answer(subject, player, opponents, *, risk, rng, context) -> Answer: ...
            return answer

``subject`` is the environment's configuration, ``player`` the number of a seat, ``opponents`` for every player her pool and
the meta-strategy's weights over it (her own too, as what is to be improved on). ``context.result`` reads earlier units; all
randomness comes from ``rng``. What comes back is an ``AgentSpec``: data, which the registry builds again in any worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gamesim.core.config import Config

if TYPE_CHECKING:
    from gamesim.core.model import ModelRequest
    from gamesim.core.policy import AgentSpec
    from gamesim.core.solving import Oracle


class OracleConfig(Config):
    """Keys of an oracle.

    Attributes
    ----------
    exact : whether its answers are proved to be best ones; then a gain below the tolerance ends the loop as it is, else the
        upper end of the gain's interval must be below it.
    """

    kind: str
    version: ClassVar[int] = 1
    exact: ClassVar[bool] = False

    @property
    def asks(self) -> tuple[str, ...]:
        """Language models, by alias or short form, that it asks through ``context.broker``, an ``asking.Line``."""
        return ()

    def labels(self) -> Mapping[str, str]:
        """What tables call answers that have names of their own, by the policy's id."""
        return {}

    def questions(
        self, environment: Any, player: int, pools: Sequence[Sequence[AgentSpec]], desks: Mapping[str, Any], more: int = 0
    ) -> Sequence[ModelRequest]:  # fmt: skip
        """What it asks models for one answer, in its words but with made-up figures: for the bill, before anything is played.

        Parameters
        ----------
        pools : of every player.
        desks : of the models, by the names in ``asks``.
        more : policies that have joined each pool since.
        """
        return ()

    def build(self) -> Oracle:
        raise NotImplementedError

    def misfit(self, environment: Any) -> str | None:
        """What it answers instead, as a sentence; None where it can play in that environment. Imports nothing heavy."""
        return None
