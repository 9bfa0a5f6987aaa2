"""Names for the arrays that cross module borders, and a mapping of arrays that are made when somebody reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
AnyArray: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Mapping[str, AnyArray]


class Lazy(Mapping[str, AnyArray]):
    """Arrays by name, each made at its first reading."""

    def __init__(self, makers: Mapping[str, Callable[[], AnyArray]]) -> None:
        self._makers = makers
        self._made: dict[str, AnyArray] = {}

    def __getitem__(self, key: str) -> AnyArray:
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._makers[key]()
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, key: object) -> bool:
        return key in self._makers
