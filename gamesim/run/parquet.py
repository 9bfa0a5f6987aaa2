"""Tables in DuckDB: parquet written on one thread with fixed settings, so that equal tables give equal bytes; and SQL."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.errors import RecordError, clean

from . import seal
from .tables import Table, length_of, objects, unmasked

ROW_GROUP = 122_880  # rows; fixed, for it shapes the bytes


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
    if not raw or not length_of(columns):
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
    texts = {column[0] for column in cursor.description or () if str(column[1]) == "VARCHAR"}
    return {name: _fetched_column(values, name in texts) for name, values in cursor.fetchnumpy().items()}


def _fetched_column(values: Any, text: bool) -> AnyArray:
    if text and isinstance(values, np.ndarray):
        return unmasked(values) if isinstance(values, np.ma.MaskedArray) else values
    if not isinstance(values, np.ndarray):
        return objects(np.array([None if v is None else str(v) for v in values], dtype=object))  # an enumeration
    if values.dtype.kind in "fiub":
        return values
    if values.dtype.kind in "MmSV":
        return objects(np.array([None if v is None else str(v) for v in unmasked(values)], dtype=object))
    items = values.tolist()
    if all(type(item) in (str, int, float, bool, type(None)) for item in items):
        return unmasked(values) if isinstance(values, np.ma.MaskedArray) else values
    told = [item if item is None or isinstance(item, str) else json.dumps(item, default=_told) for item in items]
    return objects(np.array([*told, None], dtype=object)[:-1])


def _told(item: Any) -> Any:
    return item.tolist() if isinstance(item, (np.ndarray, np.generic)) else str(item)
