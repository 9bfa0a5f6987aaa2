"""A table: named numpy columns of one length, and its forms on disk.

Columns are float64 (NaN = no value), int64, bool or text (object arrays of ``str`` and None); whole numbers and truths with
missing values are masked arrays inside and come out of ``fetch`` as floats with NaN and objects with None. Parquet is
written by DuckDB on one thread with fixed settings, so equal tables give equal bytes.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.errors import MissingExtraError, RecordError, clean

from . import seal

ROW_GROUP = 122_880
_GUARDED = ("=", "+", "-", "@", "\t", "\r")


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
        lists = [_values(values) for values in self.columns.values()]
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
        return polars.DataFrame({name: _values(values) for name, values in self.columns.items()}, strict=False)

    def arrow(self) -> Any:
        try:
            import pyarrow
        except ImportError as error:
            raise MissingExtraError.of("Arrow tables need pyarrow", "frames") from error
        return pyarrow.table({name: pyarrow.array(_values(v), type=_arrow_type(v)) for name, v in self.columns.items()})


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
        return _unmasked(array)
    if kind == "O":
        return _from_objects(_unmasked(array) if masked else array, name)
    raise RecordError(f"column '{clean(name, 60)}' has type {array.dtype}; numbers, truths and text are possible.")


def _objects(array: AnyArray) -> AnyArray:
    return np.asarray(array, dtype=object)


def _unmasked(array: AnyArray) -> AnyArray:
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
            array
            if kinds <= {str}
            else _objects(np.array([None if v is None else str(v) for v in items], dtype=object))
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
        return _objects(np.array([v if isinstance(v, str) else None for v in items], dtype=object))
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
    return _unmasked(values)


def _values(values: AnyArray) -> list[Any]:
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
        name: _joined([table.get(name) for table in tables], [_length(table) for table in tables], name)
        for name in names
    }


def _length(table: Mapping[str, AnyArray]) -> int:
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
        items.extend([None] * length if part is None else _values(part))
    return normal(np.array(items + [None], dtype=object)[:-1], name)


# ---- DuckDB -------------------------------------------------------------------------------------------------------


def database(**settings: Any) -> Any:
    """An in-memory DuckDB: one thread, no extensions from the network, no look at Python variables."""
    import duckdb

    return duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            **settings,
        },
    )


_local = threading.local()


def _writing() -> Any:
    """A database for writing, kept by its thread: opening one costs more than a small table."""
    if getattr(_local, "pid", None) != os.getpid():  # a fork must not use its parent's
        _local.pid, _local.connection = os.getpid(), database()
    return _local.connection


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def register(connection: Any, name: str, columns: Mapping[str, AnyArray]) -> None:
    """Columns as a relation, without copying; typed by us, not by a look at the first values."""
    connection.execute("SET pandas_analyze_sample=0")  # objects are text, whatever the first thousand are
    raw = {f"c{number}": values for number, values in enumerate(columns.values())}
    view, hidden = quoted(name), quoted(f"_{name}")
    if not raw or not _length(columns):
        types = {"f": "DOUBLE", "i": "BIGINT", "b": "BOOLEAN", "O": "VARCHAR"}
        empty = [f"NULL::{types[values.dtype.kind]} AS {quoted(key)}" for key, values in columns.items()]
        connection.execute(f"CREATE TEMP VIEW {view} AS SELECT {', '.join(empty) or 'NULL AS empty'} WHERE false")
        return
    connection.register(f"_{name}", raw)
    chosen = []
    for (key, values), place in zip(columns.items(), raw, strict=True):
        expression = f"CASE WHEN isnan({place}) THEN NULL ELSE {place} END" if values.dtype.kind == "f" else place
        chosen.append(f"{expression} AS {quoted(key)}")
    connection.execute(f"CREATE TEMP VIEW {view} AS SELECT {', '.join(chosen)} FROM {hidden}")


def write_parquet(
    path: Path, table: Table | Mapping[str, Any], constants: Mapping[str, str | int] | None = None
) -> None:
    """Seal a table as parquet.

    Parameters
    ----------
    constants : columns of one value, put first; they cost nothing.

    Raises
    ------
    RecordError, StoreFullError
        If it cannot be written; nothing is left under ``path`` then.
    """
    columns = (table if isinstance(table, Table) else Table(table)).columns
    if not columns and not constants:
        raise RecordError("a table without columns cannot be written.", where=str(path))
    fixed = [
        f"{literal(v) if isinstance(v, str) else f'{v}::BIGINT'} AS {quoted(k)}" for k, v in (constants or {}).items()
    ]
    connection = _writing()
    try:
        register(connection, "data", columns)
        copy_query(connection, f"SELECT {', '.join([*fixed, *map(quoted, columns)])} FROM data", path)
    finally:
        connection.execute("DROP VIEW IF EXISTS data")
        connection.unregister("_data")


def copy_query(connection: Any, query: str, path: Path) -> None:
    """Seal the answer of a query as parquet, in its order."""
    import duckdb

    with seal.beside(path) as temporary:
        try:
            connection.execute(
                f"COPY ({query}) TO {literal(str(temporary))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
            )
        except duckdb.IOException as error:
            raise _disk_error(error) from error


def _disk_error(error: Exception) -> OSError:
    """DuckDB tells disk trouble in words only."""
    text = str(error)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES):
        if os.strerror(number).lower() in text.lower():
            return OSError(number, os.strerror(number))
    return OSError(errno.EIO, clean(text))


def read_parquet(paths: Sequence[Path], columns: Sequence[str] | None = None) -> dict[str, AnyArray]:
    """Columns of parquet files below one another, by name."""
    import duckdb

    connection = database()
    try:
        chosen = ", ".join(map(quoted, columns)) if columns else "*"
        return fetched(connection.execute(f"SELECT {chosen} FROM {parquet_source(paths)}"))
    except duckdb.Error as error:
        raise RecordError(f"cannot be read as a table: {clean(error)}.", where=str(paths[0])) from error
    finally:
        connection.close()


def parquet_source(paths: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(literal(str(path)) for path in paths)}], union_by_name=true)"


def fetched(cursor: Any) -> dict[str, AnyArray]:
    """A DuckDB answer as columns. Types other than numbers, truths and text arrive as text."""
    names = [column[0] for column in cursor.description or ()]
    if len(set(names)) < len(names):
        raise RecordError("two columns of the answer have one name.", hint="Name them with AS.")
    return {name: _fetched_column(values) for name, values in cursor.fetchnumpy().items()}


def _fetched_column(values: Any) -> AnyArray:
    if not isinstance(values, np.ndarray):
        return _objects(np.array([None if v is None else str(v) for v in values], dtype=object))  # an enumeration
    if values.dtype.kind in "fiub":
        return values
    if values.dtype.kind in "MmSV":
        return _objects(np.array([None if v is None else str(v) for v in _unmasked(values)], dtype=object))
    items = values.tolist()
    if all(type(item) in (str, int, float, bool, type(None)) for item in items):
        return _unmasked(values) if isinstance(values, np.ma.MaskedArray) else values
    told = [item if item is None or isinstance(item, str) else json.dumps(item, default=_told) for item in items]
    return _objects(np.array([*told, None], dtype=object)[:-1])


def _told(item: Any) -> Any:
    return item.tolist() if isinstance(item, (np.ndarray, np.generic)) else str(item)


# ---- text forms ---------------------------------------------------------------------------------------------------


def csv_cell(value: Any, *, raw: bool = False) -> str:
    """One cell of RFC 4180. Text that a spreadsheet would run as a formula gets a leading apostrophe, unless ``raw``.

    Examples
    --------
    >>> csv_cell("=cmd|x"), csv_cell(-0.5), csv_cell("-0.5"), csv_cell('say "x"')
    ("'=cmd|x", '-0.5', '-0.5', '"say ""x""\"')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    text = value
    if not raw and text.startswith(_GUARDED) and not _is_number(text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '",\r\n') or text == "" else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()


def csv_lines(table: Table, *, raw: bool = False) -> Iterator[str]:
    """RFC 4180 lines, header first. No value is an empty cell, empty text a quoted one."""
    yield ",".join(csv_cell(name, raw=raw) for name in table.names) + "\r\n"
    lists = [_values(values) for values in table.columns.values()]
    for row in zip(*lists, strict=True):
        yield ",".join(csv_cell(value, raw=raw) for value in row) + "\r\n"


def jsonl_lines(table: Table) -> Iterator[str]:
    """One JSON object a line; infinities by name, no value as null."""
    for row in table.rows():
        safe = {k: str(v) if isinstance(v, float) and v in (float("inf"), float("-inf")) else v for k, v in row.items()}
        yield json.dumps(safe, ensure_ascii=False, allow_nan=False) + "\n"
