"""A table: named numpy columns of one length, and its forms on disk.

Columns are float64 (NaN = no value), int64, bool or text (object arrays of ``str`` and None); whole numbers and truths with
missing values are masked arrays inside and come out of ``fetch`` as floats with NaN and objects with None. Parquet and SQL
are in ``parquet``, CSV and JSON lines in ``text_forms``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.errors import MissingExtraError, RecordError, clean


class Table:
    """Columns, given or fetched when first asked for.

    Parameters
    ----------
    columns : name -> values of equal length, or a function that fetches them.

    Examples
    --------
    >>> table = Table({"agent": ["a", "b"], "reward": [1.0, None]})
    >>> table.rows()
    [{'agent': 'a', 'reward': 1.0}, {'agent': 'b', 'reward': None}]
    """

    def __init__(self, columns: Mapping[str, Any] | Callable[[], Mapping[str, Any]]) -> None:
        self._source = columns

    @cached_property
    def columns(self) -> dict[str, AnyArray]:
        """Columns in their normal form; masked arrays where whole numbers or truths are missing."""
        source = self._source() if callable(self._source) else self._source
        columns = {str(name): normal(values, str(name)) for name, values in source.items()}
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{clean(name, 40)} {length}" for name, length in list(lengths.items())[:6])
            raise RecordError(f"columns of a table differ in length: {shown}.")
        return columns

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> AnyArray:
        return _plain_array(self.columns[name])

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __repr__(self) -> str:
        return f"Table({len(self):,} rows: {', '.join(self.names)})"

    def fetch(self) -> dict[str, AnyArray]:
        """Name -> array; missing numbers are NaN, missing text and truths None."""
        return {name: _plain_array(values) for name, values in self.columns.items()}

    def rows(self) -> list[dict[str, Any]]:
        """Plain Python values, one mapping a row; None where there is no value."""
        lists = [values_of(values) for values in self.columns.values()]
        return [dict(zip(self.names, row, strict=True)) for row in zip(*lists, strict=True)]

    def pandas(self) -> Any:
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError.of("data frames need pandas", "frames") from error
        return pandas.DataFrame(self.fetch())

    def polars(self) -> Any:
        try:
            import polars
        except ImportError as error:
            raise MissingExtraError.of("data frames need polars", "frames") from error
        return polars.DataFrame({name: values_of(values) for name, values in self.columns.items()}, strict=False)

    def arrow(self) -> Any:
        try:
            import pyarrow
        except ImportError as error:
            raise MissingExtraError.of("Arrow tables need pyarrow", "frames") from error
        return pyarrow.table(
            {name: pyarrow.array(values_of(v), type=_arrow_type(v)) for name, v in self.columns.items()}
        )


def _arrow_type(values: AnyArray) -> Any:
    import pyarrow

    kinds: dict[str, Any] = {"f": pyarrow.float64(), "i": pyarrow.int64(), "b": pyarrow.bool_(), "O": pyarrow.string()}
    return kinds[values.dtype.kind]


def normal(values: Any, name: str = "") -> AnyArray:
    """A column in normal form: float64, int64, bool, or object of ``str`` and None; possibly masked whole numbers and truths.

    Raises
    ------
    RecordError
        For more than one dimension, mixed types, or objects that are neither numbers, truths nor text.
    """
    masked = isinstance(values, np.ma.MaskedArray)
    array = values if isinstance(values, np.ndarray) else np.array(list(values), dtype=object)
    if array.ndim != 1:
        raise RecordError(f"column '{clean(name, 60)}' has {array.ndim} dimensions; a column has one.")
    kind = array.dtype.kind
    if masked and not np.ma.is_masked(array):
        array, masked = np.asarray(np.ma.getdata(array)), False
    if kind == "f":
        return np.ma.filled(array.astype(np.float64), np.nan) if masked else array.astype(np.float64, copy=False)
    if kind in "iu":
        if kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
            raise RecordError(f"column '{clean(name, 60)}' holds whole numbers above 2**63 - 1.")
        return array.astype(np.int64, copy=False)
    if kind == "b":
        return array
    if kind == "U":
        return unmasked(array)
    if kind == "O":
        return _from_objects(unmasked(array) if masked else array, name)
    raise RecordError(f"column '{clean(name, 60)}' has type {array.dtype}; numbers, truths and text are possible.")


def objects(array: AnyArray) -> AnyArray:
    return np.asarray(array, dtype=object)


def unmasked(array: AnyArray) -> AnyArray:
    """Objects with None where something is masked (``filled(None)`` would take the default filling)."""
    plain = np.array(np.ma.getdata(array).astype(object))
    plain[np.ma.getmaskarray(array)] = None
    return plain


def _from_objects(array: AnyArray, name: str) -> AnyArray:
    items = array.tolist()
    kinds = set(map(type, items))
    missing = type(None) in kinds
    kinds.discard(type(None))
    if all(issubclass(kind, str) for kind in kinds):
        return (
            array if kinds <= {str} else objects(np.array([None if v is None else str(v) for v in items], dtype=object))
        )
    if all(issubclass(kind, (bool, np.bool_)) for kind in kinds):
        return _masked([bool(v) if v is not None else False for v in items], items, bool, missing)
    if all(issubclass(kind, (int, np.integer)) and not issubclass(kind, bool) for kind in kinds):
        try:
            return _masked([int(v) if v is not None else 0 for v in items], items, np.int64, missing)
        except OverflowError as error:
            raise RecordError(f"column '{clean(name, 60)}' holds whole numbers beyond 64 bits.") from error
    if all(issubclass(kind, (int, float, np.integer, np.floating)) and not issubclass(kind, bool) for kind in kinds):
        return np.array([np.nan if v is None else float(v) for v in items], dtype=np.float64)
    # A missing number among texts may come as NaN; anything else that mixes is the caller's mistake.
    if all(isinstance(v, str) or v is None or v != v for v in items):
        return objects(np.array([v if isinstance(v, str) else None for v in items], dtype=object))
    shown = ", ".join(sorted(kind.__name__ for kind in kinds)[:4])
    raise RecordError(f"column '{clean(name, 60)}' mixes {shown}; a column holds numbers, truths or text.")


def _masked(values: list[Any], items: list[Any], dtype: Any, missing: bool) -> AnyArray:
    array = np.array(values, dtype=dtype)
    return np.ma.MaskedArray(array, mask=[item is None for item in items]) if missing else array


def _plain_array(values: AnyArray) -> AnyArray:
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if values.dtype.kind == "i":
        return np.asarray(np.ma.filled(values.astype(np.float64), np.nan))
    return unmasked(values)


def values_of(values: AnyArray) -> list[Any]:
    """Python values; NaN and masked become None."""
    if isinstance(values, np.ma.MaskedArray):
        return list(values.tolist())
    if values.dtype.kind == "f":
        return [None if v != v else v for v in values.tolist()]
    return list(values.tolist())


def concatenate(parts: Sequence[Mapping[str, Any]]) -> dict[str, AnyArray]:
    """Tables below one another; a column that one of them lacks is missing there. Columns keep the order of first appearance."""
    tables = [Table(part).columns for part in parts]
    names = list(dict.fromkeys(name for table in tables for name in table))
    return {
        name: _joined([table.get(name) for table in tables], [length_of(table) for table in tables], name)
        for name in names
    }


def length_of(table: Mapping[str, AnyArray]) -> int:
    return len(next(iter(table.values()), ()))


def _joined(parts: Sequence[AnyArray | None], lengths: Sequence[int], name: str) -> AnyArray:
    filled = [(part, length) for part, length in zip(parts, lengths, strict=True) if length]
    present = [part for part, _ in filled if part is not None]
    kinds = {part.dtype.kind for part in present}
    if len(present) == len(filled) and len(kinds) == 1 and not any(isinstance(p, np.ma.MaskedArray) for p in present):
        return np.concatenate(present)
    if kinds <= {"f", "i"} and "f" in kinds:
        return np.concatenate(
            [np.full(n, np.nan) if p is None else _plain_array(p).astype(np.float64) for p, n in filled]
        )
    items: list[Any] = []
    for part, length in filled:
        items.extend([None] * length if part is None else values_of(part))
    return normal(np.array(items + [None], dtype=object)[:-1], name)
