"""Random streams by name.

A stream's name is its key, so adding an agent, a mechanism or a sweep cell changes nobody else's numbers, and a
counterfactual run shares every draw whose name it shares.

``stream`` hands out a generator; ``block`` and ``normals`` hand out arrays. The arrays come from one generator per
thread whose 256 bits of state are set to the sha256 of (root, name), which costs a fifth of building a generator and is
what lets a thousand replicates seed themselves in milliseconds.
"""

from __future__ import annotations

import hashlib
import json
import threading
from functools import lru_cache

import numpy as np
from numpy.random import PCG64DXSM, Generator, SeedSequence

from .arrays import FloatArray

CHUNK = 128  # decisions or rounds drawn at once; a constant, so that a longer horizon leaves earlier numbers alone

_local = threading.local()


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
        """The generator of that name, at its beginning."""
        words = np.frombuffer(hashlib.sha256(_name(path)).digest(), dtype="<u4").tolist()
        return Generator(PCG64DXSM(SeedSequence(self.root, spawn_key=tuple(words))))

    def block(self, *path: str | int, shape: tuple[int, ...], out: FloatArray | None = None) -> FloatArray:
        """Uniforms in [0, 1) of that name; let the first axis be agents, so that one more leaves the others' numbers alone.

        ``out``: a contiguous array of that shape to fill; touching new memory costs more than drawing the numbers.
        """
        return self._keyed(path).random(shape, out=out)

    def normals(self, *path: str | int, shape: tuple[int, ...], out: FloatArray | None = None) -> FloatArray:
        """Standard normals of that name, agents first; ``out`` as for ``block``."""
        return self._keyed(path).standard_normal(shape, out=out)

    def episode(self, replicate: int) -> int:
        """The seed, below 2**53, that replicate hands to ``reset(seed=)``; the same in every cell of a sweep."""
        return (
            int.from_bytes(hashlib.sha256(b"%d:" % self.root + _name(("episode", replicate))).digest()[:8], "little")
            >> 11
        )

    def _keyed(self, path: tuple[str | int, ...]) -> Generator:
        generator: Generator | None = getattr(_local, "generator", None)
        if generator is None:
            generator = _local.generator = Generator(PCG64DXSM(0))
        key = hashlib.sha256(b"%d:" % self.root + _name(path)).digest()
        generator.bit_generator.state = {
            "bit_generator": "PCG64DXSM",
            "state": {
                "state": int.from_bytes(key[:16], "little"),
                "inc": int.from_bytes(key[16:], "little") | 1,  # an odd increment makes the period full
            },
            "has_uint32": 0,
            "uinteger": 0,
        }
        return generator


@lru_cache(maxsize=4096)
def _name(path: tuple[str | int, ...]) -> bytes:
    return json.dumps(
        [p if isinstance(p, str) else int(p) for p in path], ensure_ascii=True, separators=(",", ":")
    ).encode()
