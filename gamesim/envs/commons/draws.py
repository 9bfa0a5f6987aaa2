"""The society's random numbers: one named block per mechanism, replicate and chunk of rounds, laid out by round.

Blocks are drawn agent-major, ``(agents, CHUNK, columns)``, so that one more agent at the end, a longer horizon or a
mechanism switched off changes nobody's numbers; they are then turned round-major, ``(round, column, row, agent)``,
because a round reads all rows and agents at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray, IntArray
from gamesim.core.seeds import CHUNK, Seeds

TURN = 512  # agents turned round at once: the piece stays in the cache
AHEAD = 32_768  # numbers made ready at once, for the same reason


@dataclass(frozen=True)
class Stream:
    """One mechanism's numbers.

    Attributes
    ----------
    path : its name, without chunk.  columns : numbers per agent and round.  normal : standard normals, not uniforms.
    shared : one for the whole society instead of one per agent.
    """

    path: tuple[str | int, ...]
    columns: int = 1
    normal: bool = False
    shared: bool = False


class Draws:
    """The numbers of B replicates.

    Parameters
    ----------
    seeds : (B,), what ``reset`` was given.
    players : N.
    streams : by name.
    rounds : how many decisions or rounds there can be; no chunk is laid out beyond it.
    """

    def __init__(
        self, seeds: Sequence[int] | IntArray, players: int, streams: Mapping[str, Stream], rounds: int
    ) -> None:
        self.roots = [Seeds(int(seed)) for seed in seeds]
        self.streams = streams
        self._players = players
        self._rounds = rounds
        self._held: dict[str, tuple[int, FloatArray]] = {}
        self._spare: dict[str, FloatArray] = {}
        self._scratch: FloatArray = np.empty(0)
        self._ready: dict[str, tuple[int, int, tuple[AnyArray, ...]]] = {}

    def at(self, name: str, number: int, rows: BoolArray | None = None) -> FloatArray:
        """Shape (columns, B, N) for round ``number`` from 0; (columns, B, 1) where the stream is shared.

        Read it at once: the next chunk is laid into the same memory.

        ``rows`` : which replicates still need numbers; the others get zeros.
        """
        chunk, within = divmod(number, CHUNK)
        held = self._held.get(name)
        if held is None or held[0] != chunk:
            held = self._held[name] = (chunk, self._load(name, chunk, rows))
        return np.asarray(held[1][within])

    def ready(
        self, name: str, number: int, rows: BoolArray | None, make: Callable[[FloatArray], tuple[AnyArray, ...]]
    ) -> tuple[AnyArray, ...]:
        """What ``make`` makes of a round's numbers, made for several rounds at once.

        Parameters
        ----------
        make : from (rounds, columns, B, N) to arrays that lead with rounds; always the same for a name.
        """
        first, end, made = self._ready.get(name, (0, 0, ()))
        if not first <= number < end:
            self.at(name, number, rows)
            chunk, within = divmod(number, CHUNK)
            block = self._held[name][1]
            width = max(1, AHEAD // block[0].size)
            start = within - within % width
            part = block[start : start + width]
            made = make(part)
            first = chunk * CHUNK + start
            self._ready[name] = (first, first + len(part), made)
        return tuple(array[number - first] for array in made)

    def once(self, *path: str | int, columns: int) -> FloatArray:
        """A block that is drawn once an episode, shape (B, N, columns)."""
        return np.stack([root.block(*path, shape=(self._players, columns)) for root in self.roots])

    def exponentials(self, rows: IntArray, *path: str | int, ticks: int) -> FloatArray:
        """Standard exponentials of some rows, shape (rows, N, ticks)."""
        shape = (self._players, ticks)
        return np.asarray(-np.log1p(-np.stack([self.roots[row].block(*path, shape=shape) for row in rows])))

    def recycle(self, used: Draws | None) -> Draws:
        """Take over the memory of draws that nobody reads any more."""
        if used is not None and used._players == self._players and len(used.roots) == len(self.roots):
            self._spare = {name: array for name, (_, array) in used._held.items()}
            self._scratch = used._scratch
        return self

    def _load(self, name: str, chunk: int, rows: BoolArray | None) -> FloatArray:
        stream = self.streams[name]
        agents = 1 if stream.shared else self._players
        length = min(CHUNK, self._rounds - chunk * CHUNK)
        laid = self._memory(name, (length, stream.columns, len(self.roots), agents))
        path = (*stream.path, "chunk", chunk)
        shape = (agents, CHUNK, stream.columns)
        # Small societies are turned many rows at once, a large one in pieces.
        group = max(1, TURN // agents)
        drawn = self._drawing((min(group, len(self.roots)), *shape))
        for first in range(0, len(self.roots), group):
            some = self.roots[first : first + group]
            for place, root in enumerate(some):
                if rows is not None and not rows[first + place]:
                    drawn[place] = 0.0
                    continue
                draw = root.normals if stream.normal else root.block
                draw(*path, shape=shape, out=drawn[place])
            for start in range(0, agents, TURN):
                part = slice(start, start + TURN)
                turned = drawn[: len(some), part, :length].transpose(2, 3, 0, 1)
                laid[:, :, first : first + len(some), part] = turned
        return laid

    def _drawing(self, shape: tuple[int, ...]) -> FloatArray:
        size = int(np.prod(shape))
        if self._scratch.size < size:
            self._scratch = np.empty(size)
        return self._scratch[:size].reshape(shape)

    def _memory(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        held = self._held.get(name)
        for array in (held[1] if held is not None else None, self._spare.pop(name, None)):
            if array is not None and array.shape == shape:
                return array
        return np.empty(shape)
