"""A run directory, opened read-only: manifest, units, events, steps, outcomes, tables and SQL over them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gamesim.core.errors import CorruptRecordError, RecordError, clean, did_you_mean
from gamesim.scenario.names import ID

from . import seal
from .journal import Contents, Event, read_journal
from .lock import RunLock
from .manifest import Manifest, UnitEntry, read_manifest, write_manifest
from .outcomes import outcome_columns
from .parquet import database, fetched, literal, parquet_source, quoted, register, write_parquet
from .tables import Table
from .writer import EVENTS, STEPS, TABLES, journal_path, result_from

if TYPE_CHECKING:
    from .compare import Comparison

Verify = Literal["seals", "full", "none"]
STEP_KEYS = {
    "unit": "VARCHAR",
    "cell": "BIGINT",
    "seed": "BIGINT",
    "step": "BIGINT",
    "phase": "VARCHAR",
    "agent": "VARCHAR",
}
RESERVED_TABLES = ("steps", "units", "outcomes", "failures", "events")


class Record:
    """One run.

    Parameters
    ----------
    path : the run directory; it may have been moved or copied.
    verify : ``seals`` compares every file with the hash in the manifest; ``full`` also checks every journal's chain and
        that tables agree with journals; ``none`` opens the manifest alone.

    Raises
    ------
    RecordError
        If there is no run, or a newer gamesim wrote it.
    CorruptRecordError
        If a file differs from its seal; nothing is repaired or rewritten.
    """

    def __init__(self, path: Path | str, verify: Verify = "seals") -> None:
        self.path = Path(path)
        self.manifest: Manifest = read_manifest(self.path)
        # What the scenario's ``analysis:`` asks; one that continues the run may ask otherwise.
        self.analysis: Sequence[Mapping[str, Any]] = tuple(self.manifest.scenario.get("analysis") or ())
        if verify != "none":
            for problem in self.problems(full=verify == "full"):
                raise problem

    def __repr__(self) -> str:
        sealed = sum(unit.sealed for unit in self.units)
        return f"Record({str(self.path)!r}: {self.manifest.name}, {self.manifest.status}, {sealed}/{len(self.units)} units)"

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def units(self) -> Sequence[UnitEntry]:
        return self.manifest.units

    @property
    def scenario(self) -> Mapping[str, Any]:
        """The resolved scenario, plain JSON."""
        return self.manifest.scenario

    # ---- journals --------------------------------------------------------------------------------------------------

    def unit(self, name: str | int) -> UnitEntry:
        """A unit by number, or by the beginning of its name."""
        if isinstance(name, int):
            if not 0 <= name < len(self.units):
                raise RecordError(
                    f"no unit {name}; there are {len(self.units)}.", where=str(self.path), hint="They count from 0."
                )
            return self.units[name]
        found = [unit for unit in self.units if unit.key.startswith(name)]
        if len(found) != 1 or not name:
            what = "no unit" if not found else f"{len(found)} units"
            meant = did_you_mean(name, [unit.name for unit in self.units])
            raise RecordError(f"{what} called '{clean(name, 64)}'.", where=str(self.path), hint=meant)
        return found[0]

    def journal(self, unit: UnitEntry) -> Contents:
        """A unit's journal up to its last commit."""
        return read_journal(journal_path(self.path, unit.name))

    def events(self, *types: str, unit: str | int | None = None) -> Iterator[Event]:
        """Committed events, unit after unit; all types if none is named.

        Raises
        ------
        CorruptRecordError
            With unit, line and byte, if a journal is damaged before its last commit.
        """
        for entry in self.units if unit is None else [self.unit(unit)]:
            if journal_path(self.path, entry.name).exists():
                for event in self.journal(entry).events:
                    if not types or event.type in types:
                        yield replace(event, unit=entry.name)

    # ---- tables ----------------------------------------------------------------------------------------------------

    def _listed(self, folder: str) -> list[Path]:
        return [self.path / name for name in self.manifest.files if name.startswith(f"{folder}/")]

    @property
    def tables(self) -> list[str]:
        """Names of the tables beside steps."""
        return sorted(path.stem for path in self._listed(TABLES))

    def step_files(self) -> list[Path]:
        """Parquet files of the step table, in the order of the units."""
        listed = {path.name: path for path in self._listed(STEPS)}
        ordered = [listed.pop(name) for name in (f"part-{unit.name}.parquet" for unit in self.units) if name in listed]
        return [*[listed[name] for name in sorted(listed)], *ordered]

    def steps(self, columns: Sequence[str] | None = None, where: str | Mapping[str, Any] | None = None) -> Table:
        """The step table, fetched when first read.

        Parameters
        ----------
        columns : names; all if None.
        where : an SQL condition such as ``"agent = 'agent_0' and step < 10"``, or values that columns must equal.
        """
        chosen = ", ".join(map(quoted, columns)) if columns else "*"
        return Table(lambda: self.sql(f"SELECT {chosen} FROM steps{_condition(where)}").columns)

    def outcomes(self) -> Table:
        """One row per cell and replicate; see `outcome_columns`. While a run goes on, of what is sealed so far."""
        if "outcomes" in self.tables:
            return self.table("outcomes")
        return Table(self._outcomes_from_journals)

    def _outcomes_from_journals(self) -> dict[str, Any]:
        sealed = [unit for unit in self.units if unit.sealed]
        columns = outcome_columns(
            (unit, result_from(unit.unit(), self.journal(unit))[0]["outcomes"]) for unit in sealed
        )
        none = np.array([], dtype=object)
        return columns or {"unit": none, "cell": np.array([], dtype=np.int64), "seed": np.array([], dtype=np.int64)}

    def table(self, name: str) -> Table:
        """A table by name, such as ``outcomes`` or a metric's."""
        if name == "steps":
            return self.steps()
        if name not in self.tables:
            raise RecordError(
                f"no table '{clean(name, 64)}'.",
                where=str(self.path),
                hint=f"There are: {', '.join(['steps', *self.tables])}.",
            )
        return Table(lambda: self.sql(f"SELECT * FROM {quoted(name)}").columns)

    def write_table(self, name: str, table: Table | Mapping[str, Any]) -> Path:
        """Add or replace a table of the run (a metric, a statistic); it becomes part of the digest.

        Raises
        ------
        StoreBusyError
            If a runner holds the run.
        """
        if not ID.fullmatch(name) or name in RESERVED_TABLES:
            raise RecordError(
                f"'{clean(name, 64)}' cannot name a table.",
                hint="Names match [a-z0-9][a-z0-9_-]*; steps, units, outcomes, failures and events are taken.",
            )
        with RunLock(self.path, wait=5.0):
            manifest = read_manifest(self.path)
            path = add_table(self.path, manifest, name, table)
            write_manifest(self.path, manifest)
        self.manifest = manifest
        return path

    def sql(self, query: str) -> Table:
        """Ask the run in SQL, read-only. Views: ``steps``, ``outcomes``, ``units``, ``failures`` and every table by its name.

        Raises
        ------
        RecordError
            For anything but one SELECT, for files outside the run, and with the database's words for a mistake.
        """
        import duckdb

        connection = database(temp_directory="")
        try:
            statements = connection.extract_statements(query)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise RecordError("one SELECT is possible here, nothing else.", where=str(self.path))
            self._views(connection)
            connection.execute(f"SET allowed_directories=[{literal(str(self.path.resolve()) + '/')}]")
            connection.execute("SET enable_external_access=false")
            connection.execute("SET lock_configuration=true")
            return Table(fetched(connection.execute(query)))
        except duckdb.Error as error:
            raise RecordError(f"the query failed: {clean(error, 300)}.", where=str(self.path)) from error
        finally:
            connection.close()

    def _views(self, connection: Any) -> None:
        files = [path.resolve() for path in self.step_files()]
        none = ", ".join(f"NULL::{kind} AS {name}" for name, kind in STEP_KEYS.items())
        source = f"SELECT * FROM {parquet_source(files)}" if files else f"SELECT {none} WHERE false"
        connection.execute(f"CREATE VIEW steps AS {source}")
        for path in self._listed(TABLES):
            connection.execute(f"CREATE VIEW {quoted(path.stem)} AS SELECT * FROM {parquet_source([path.resolve()])}")
        if "outcomes" not in self.tables:
            register(connection, "outcomes", self.outcomes().columns)
        register(connection, "units", unit_table(self.units).columns)
        register(connection, "failures", failure_table(self.units).columns)

    def compare(
        self, *others: Record, by: Sequence[str] = ("seed",), columns: Sequence[str] | None = None, paired: bool = True
    ) -> Comparison:
        """Outcomes of this run beside those of others, replicate by replicate; see `gamesim.run.compare`."""
        from .compare import compare

        return compare(self, others, by=by, columns=columns, paired=paired)

    # ---- integrity -------------------------------------------------------------------------------------------------

    def digest(self) -> str:
        """Sha256 over names and contents of ``events/``, ``steps.parquet/`` and ``tables/``: equal for equal runs.

        Of the sealed files, as they are now; what a death left beside them is no part of the record.
        """
        total = hashlib.sha256()
        for name in sorted(self.manifest.files):
            if name.split("/")[0] in (EVENTS, STEPS, TABLES):
                try:
                    total.update(f"{name}\0{seal.file_sha256(self.path / name)}\n".encode())
                except OSError as error:
                    raise CorruptRecordError(
                        "is missing, and the manifest lists it.", where=str(self.path / name), hint=_RESTORE
                    ) from error
        return total.hexdigest()

    def problems(self, *, full: bool = False) -> Iterator[CorruptRecordError]:
        """What is wrong with the files, one error each; nothing if the record is intact."""
        for name, entry in self.manifest.files.items():
            path = self.path / name
            if not path.is_file() or path.is_symlink():
                yield CorruptRecordError("is missing, and the manifest lists it.", where=str(path), hint=_RESTORE)
            elif path.stat().st_size != entry.bytes or seal.file_sha256(path) != entry.sha256:
                yield self._changed(path)
        if full:
            yield from self._deep_problems()

    def _changed(self, path: Path) -> CorruptRecordError:
        """The damage of a file, as exactly as its form allows: a journal names the line."""
        if path.suffix == ".jsonl":
            try:
                read_journal(path)
            except CorruptRecordError as error:
                return error
            except RecordError:
                pass
        return CorruptRecordError("was changed after it was sealed.", where=str(path), hint=_RESTORE)

    def _deep_problems(self) -> Iterator[CorruptRecordError]:
        rows = 0
        for unit in self.units:
            path = journal_path(self.path, unit.name)
            if not unit.sealed:
                continue
            try:
                contents = read_journal(path)
            except CorruptRecordError as error:
                yield error
                continue
            except RecordError as error:
                yield CorruptRecordError(error.message, where=error.where)
                continue
            if not contents.sealed or contents.ignored:
                yield CorruptRecordError("is not sealed, and the manifest says it is.", where=str(path))
            else:
                rows += result_from(unit.unit(), contents)[1]
        if self.manifest.finished and self.manifest.provenance is None:
            held = int(self.sql("SELECT count(*) AS n FROM steps")["n"][0])
            if held != rows:
                yield CorruptRecordError(
                    f"the step table has {held:,} rows, the journals say {rows:,}.", where=str(self.path / STEPS)
                )


_RESTORE = "Nothing was rewritten; restore it from a copy, or play again with --new."


def add_table(directory: Path, manifest: Manifest, name: str, table: Table | Mapping[str, Any]) -> Path:
    """Seal a table and list it in the manifest, which the caller writes."""
    seal.make_directory(directory / TABLES)
    path = directory / TABLES / f"{name}.parquet"
    write_parquet(path, table)
    with seal.storing(path):
        manifest.add_file(f"{TABLES}/{path.name}", seal.file_sha256(path), path.stat().st_size)
    return path


def _condition(where: str | Mapping[str, Any] | None) -> str:
    if not where:
        return ""
    if isinstance(where, str):
        return f" WHERE ({where}\n)"  # the line break ends a comment, the bracket is then ours again
    terms = []
    for name, value in where.items():
        if value is None:
            terms.append(f"{quoted(name)} IS NULL")
        elif isinstance(value, str):
            terms.append(f"{quoted(name)} = {literal(value)}")
        elif isinstance(value, (bool, int, float, np.number)):
            terms.append(f"{quoted(name)} = {value}")
        else:
            raise RecordError(f"a column cannot equal a {type(value).__name__}.", path=f"where.{clean(name, 60)}")
    return f" WHERE {' AND '.join(terms)}"


def unit_table(units: Sequence[UnitEntry]) -> Table:
    """The units of a manifest as a table."""
    return Table(
        {
            "unit": _text([unit.name for unit in units]),
            "cell": np.array([int(unit.cell.get("index", 0)) for unit in units], dtype=np.int64),
            "replicates": np.array([len(unit.seeds) for unit in units], dtype=np.int64),
            "mode": _text([unit.mode for unit in units]),
            "wave": np.array([unit.wave for unit in units], dtype=np.int64),
            "status": _text([unit.status for unit in units]),
            "tries": np.array([unit.tries for unit in units], dtype=np.int64),
            "rows": np.array([unit.rows for unit in units], dtype=np.int64),
        }
    )


def failure_table(units: Sequence[UnitEntry]) -> Table:
    """Units that failed, with the cause."""
    failed = [unit for unit in units if unit.status == "failed"]
    return Table(
        {
            "unit": _text([unit.name for unit in failed]),
            "cell": np.array([int(unit.cell.get("index", 0)) for unit in failed], dtype=np.int64),
            "tries": np.array([unit.tries for unit in failed], dtype=np.int64),
            "type": _text([str((unit.error or {}).get("type", "")) for unit in failed]),
            "message": _text([clean((unit.error or {}).get("message", "")) for unit in failed]),
        }
    )


def _text(items: list[str]) -> Any:
    return np.array([*items, None], dtype=object)[:-1]
