"""The uniforms that vector policies decide with, the same on both faces.

A policy that uses ``columns`` numbers a decision reads the block ``("policy", columns, "chunk", k)`` of the episode:
agent-major, CHUNK decisions a chunk. So what an agent draws depends on its seat, the step and the episode, and on
nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.seeds import CHUNK, Seeds


class PolicyUniforms:
    def __init__(self, episodes: Sequence[int] | IntArray, agents: int) -> None:
        self._episodes = episodes
        self._agents = agents
        self._chunks: dict[int, tuple[int, FloatArray]] = {}

    def initial(self, columns: int) -> FloatArray:
        """Shape (B, N, columns), for ``initial_state``."""
        return self._draw(columns, "init", (self._agents, columns))

    def at(self, step: int, columns: int) -> FloatArray:
        """Shape (B, N, columns), for the decision of that step."""
        if columns == 0:
            return np.empty((len(self._episodes), self._agents, 0))
        number, within = divmod(step, CHUNK)
        held = self._chunks.get(columns)
        if held is None or held[0] != number:
            block = self._draw(columns, number, (self._agents, CHUNK, columns))
            held = self._chunks[columns] = (number, block)
        return held[1][:, :, within]

    def _draw(self, columns: int, chunk: int | str, shape: tuple[int, ...]) -> FloatArray:
        if columns == 0:
            return np.empty((len(self._episodes), *shape))
        path: tuple[str | int, ...] = ("policy", columns, "chunk", chunk)
        return np.stack([Seeds(int(seed)).block(*path, shape=shape) for seed in self._episodes])
