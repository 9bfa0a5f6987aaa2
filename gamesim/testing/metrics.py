"""``check_metric``: a metric is a function of a record that changes nothing and answers with the columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gamesim.core.canonical import canonical, jsonable
from gamesim.core.errors import GamesimError, named_cause
from gamesim.core.registry import entry

from .compare import difference
from .playing import Broken, broken


def check_metric(metric: Callable[[Any], Any] | str, record: Any) -> None:
    """Raise unless a metric keeps its promises on a record.

    It answers with named columns of one length that JSON can hold; it answers the same when asked again and of the
    record opened anew; it leaves every file of the run as it was. A metric that does not apply raises MetricError.

    Parameters
    ----------
    metric : the function, or a registered name.
    record : a ``Record`` of a run the metric applies to, or the path of one.

    Raises
    ------
    MetricError
        If the metric does not apply to this record.
    PluginError
        With the first promise that is not kept.
    """
    from gamesim.run.record import Record

    path = Path(record) if isinstance(record, (str, Path)) else Path(record.path)
    what = (
        f"metric '{metric if isinstance(metric, str) else getattr(metric, 'name', getattr(metric, '__name__', '?'))}'"
    )
    function = entry("metrics", metric) if isinstance(metric, str) else metric
    try:
        before = _files(path)
        opened = Record(path)
        first = _columns(function(opened))
        if found := difference(_columns(function(opened)), first, "table"):
            raise Broken(f"asked again it answers otherwise: {found}")
        if found := difference(_columns(function(Record(path))), first, "table"):
            raise Broken(f"asked of the record opened anew it answers otherwise: {found}")
        if _files(path) != before:
            raise Broken("it changed files of the run")
    except Broken as problem:
        raise broken(what, problem) from problem
    except GamesimError:
        raise
    except Exception as error:
        raise broken(what, f"raised {named_cause(error)}") from error


def _columns(answer: Any) -> dict[str, list[Any]]:
    columns = answer.fetch() if hasattr(answer, "fetch") else answer
    if not isinstance(columns, Mapping) or not columns:
        raise Broken(f"it answered with {type(answer).__name__}, not with named columns")
    table: dict[str, list[Any]] = {}
    for name, values in columns.items():
        if not isinstance(name, str) or np.ndim(values) != 1:
            raise Broken(f"column {name!r} is not a list of values under a name")
        table[name] = list(jsonable(np.asarray(values)))
    if len({len(values) for values in table.values()}) > 1:
        raise Broken(f"columns differ in length: {', '.join(f'{k} {len(v)}' for k, v in table.items())}")
    canonical(table)
    return table


def _files(path: Path) -> dict[str, bytes]:
    import hashlib

    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).digest()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }
