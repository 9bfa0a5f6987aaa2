"""The stag hunt as a PettingZoo environment: one row of ``BatchedStagHunt``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from gamesim.envs.scene import Scene
from gamesim.envs.simultaneous import Simultaneous, whole

from . import picture
from .batched import BatchedStagHunt
from .rules import MOVES, STAY

if TYPE_CHECKING:
    from .config import StagHunt


class StagHuntEnvironment(Simultaneous):
    """Both hunters move at once; an action is an index of ``rules.MOVES``."""

    def __init__(self, config: StagHunt, batched: BatchedStagHunt | None = None) -> None:
        end = config.size - 1
        seen = spaces.Dict(
            {
                **{key: spaces.Box(0, end, (2,), np.int64) for key in ("own", "other", "stag")},
                "plants": spaces.Box(0, end, (2, 2), np.int64),
                **whole("round", "index"),
                "payoff": spaces.Box(-np.inf, np.inf, (), np.float64),
            }
        )
        self._hunt = batched if batched is not None else BatchedStagHunt(config, 1)
        super().__init__(config, self._hunt, [seen] * 2, [spaces.Discrete(len(MOVES))] * 2)

    def abstain(self, agent: str) -> float:
        """What a forfeited decision counts as: staying put."""
        return float(STAY)

    def scene(self) -> Scene:
        """The grid from above, in cells."""
        hunt = self._hunt
        steps = hunt.round if self.phase == "" else hunt.round - 1
        return picture.scene(hunt.grid, hunt.config.size, self.possible_agents, steps)

    def render(self) -> str:
        """The grid from north to south: hunters A and B (C where both are), the stag S, plants *."""
        grid, size = self._hunt.grid, self._hunt.config.size
        cells = [["."] * size for _ in range(size)]
        for row, column in grid.plants[0].tolist():
            cells[row][column] = "*"
        row, column = grid.stag[0].tolist()
        cells[row][column] = "S"
        (a, b), (c, d) = grid.hunters[0].tolist()
        cells[a][b], cells[c][d] = ("A", "B") if (a, b) != (c, d) else ("C", "C")
        return f"step {self._hunt.round} {self.phase or 'over'}\n" + "\n".join(" ".join(line) for line in cells)
