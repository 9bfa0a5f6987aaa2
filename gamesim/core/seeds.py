"""Random streams by name.

A stream's name is its spawn key, so adding an agent, a mechanism or a sweep cell changes nobody else's numbers,
and a counterfactual run shares every draw whose name it shares.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

from .arrays import FloatArray

CHUNK = 128  # decisions or rounds drawn at once; a constant, so that a longer horizon leaves earlier numbers alone


class Seeds:
    """All streams below one root seed.

    Examples
    --------
    >>> Seeds(7).stream("agent", "player_3").random() == Seeds(7).stream("agent", "player_3").random()
    True
    >>> Seeds(7).stream("agent", "player_3").random() == Seeds(7).stream("agent", "player_4").random()
    False
    """

    def __init__(self, root: int) -> None:
        if root < 0:
            raise ValueError(f"a seed is a whole number >= 0, not {root}")
        self.root = int(root)

    def stream(self, *path: str | int) -> Generator:
        """The generator of that name; always at its beginning."""
        return Generator(PCG64(SeedSequence(self.root, spawn_key=_spawn_key(path))))

    def block(self, *path: str | int, shape: tuple[int, ...]) -> FloatArray:
        """Uniforms in [0, 1) of that name; the first axis is agents, so that one more agent leaves the others' numbers alone."""
        return self.stream(*path).random(shape)

    def episode(self, replicate: int) -> int:
        """The seed, below 2**53, that replicate hands to ``reset(seed=)``; the same in every cell of a sweep."""
        words = SeedSequence(self.root, spawn_key=_spawn_key(("episode", replicate))).generate_state(1, np.uint64)
        return int(words[0] >> np.uint64(11))


def _spawn_key(path: tuple[str | int, ...]) -> tuple[int, ...]:
    name = json.dumps([p if isinstance(p, str) else int(p) for p in path], ensure_ascii=True, separators=(",", ":"))
    return tuple(np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype="<u4").tolist())
