"""What the runner and an experiment say to each other.

Everything that plays, trains, searches or benchmarks is an Experiment: it names units in waves, and runs one unit
purely from its description. Resume, workers, dedupe, limits and progress are the runner's and are written once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from gamesim.core.config import Config
from gamesim.core.errors import RecordError

if TYPE_CHECKING:
    from gamesim.core.arrays import AnyArray, FloatArray, IntArray
    from gamesim.core.seeds import Seeds
    from gamesim.scenario.scenario import Scenario

Mode = Literal["unit", "step"]


@dataclass(frozen=True)
class Unit:
    """A block of replicates of one cell; JSON, so that it crosses processes.

    Attributes
    ----------
    key : sha256 of the canonical JSON of {resolved cell, replicates, task, kind versions, record format}.
    cell : number and swept values of the cell: ``{"index": 0, "values": {"environment.growth.rate": 0.2}}``.
    seeds : replicate numbers; replicate r is played from ``context.seeds.episode(r)``.
    task : what else an experiment needs to know.
    mode : ``unit``, run again from its seed after a crash; ``step``, journalled at every step and continued.
    """

    key: str
    cell: Mapping[str, Any]
    seeds: tuple[int, ...]
    task: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = "unit"

    @property
    def name(self) -> str:
        """Its file name: the first 16 hex digits of the key."""
        return self.key[:16]


@dataclass(frozen=True)
class UnitResult:
    """What a finished unit leaves for later waves; the same content is in its journal.

    ``status`` is ``complete``, ``invalid`` (ran, but nothing may be concluded) or ``failed`` (with ``error``).
    ``outcomes`` holds one mapping a replicate: seed, episode seed, returns by seat, and the environment's outcome.
    """

    key: str
    status: Literal["complete", "invalid", "failed"]
    outcomes: tuple[Mapping[str, Any], ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None


class UnitWriter(Protocol):
    """Where a unit writes. Nothing counts before the runner has sealed the unit."""

    def event(
        self, type: str, *, step: int | None = None, phase: str | None = None, agent: str | None = None, **data: Any
    ) -> None:
        """Append one line to ``events/<unit>.jsonl``."""
        ...

    def commit(self, *, state: str, rng: str) -> None:
        """Acknowledge all lines so far (``step`` mode): digests of the environment's state and of the streams."""
        ...

    def steps(self, columns: Mapping[str, AnyArray]) -> None:
        """Append rows to the unit's part of ``steps.parquet``; equal lengths, NaN and None become null."""
        ...

    def recorded(self) -> Sequence[Mapping[str, Any]]:
        """Committed events of an earlier, interrupted try (``step`` mode); empty otherwise."""
        ...


@dataclass(frozen=True)
class Context:
    """What a unit may use. ``scenario`` is that of the unit's cell; ``seeds`` its root; ``run`` the directory of the run.

    ``lap(number)`` notes that a part of a long unit is over: the processor time until then goes to the log, outside of all
    that is compared.
    """

    scenario: Scenario
    seeds: Seeds
    writer: UnitWriter
    store: Path
    broker: Any | None = None
    run: Path | None = None
    lap: Callable[[int], None] = field(default=lambda number: None, compare=False)

    def result(self, key: str) -> UnitResult:
        """What a unit of an earlier wave found, from its sealed journal.

        A unit that reads others names their keys in its task: a key hashes what determines a result, so the unit stays pure.

        Raises
        ------
        RecordError
            If that unit is not finished in this run.
        """
        from .journal import read_journal
        from .writer import journal_path, result_from

        path = journal_path(self.run, key[:16]) if self.run is not None else None
        if path is None or not path.is_file():
            raise RecordError(f"unit {key[:16]} is not finished in this run; nothing can be built on it.")
        contents = read_journal(path)
        if not contents.sealed:
            raise RecordError(f"unit {key[:16]} is not finished in this run; nothing can be built on it.")
        told, _, _ = result_from(Unit(key, {}, ()), contents)
        return UnitResult(key, told["status"], tuple(told["outcomes"]), told["data"])


class Experiment(Protocol):
    """Registered under ``gamesim.experiments``; the scenario's ``kind`` chooses it (default ``play``).

    Optional: ``cells(scenario) -> list[Cell]``, where what is played are scenarios of their own instead of the cells of a
    sweep; ``rewritten(root) -> root``, which spells out short forms of a file before it is checked; ``check(scenario)``,
    which refuses what only shows in the whole; ``agents(scenario)``, who plays though no population names it;
    ``work(scenario)``, how much it is in words, where that is no number of episodes; ``least(scenario)``, how many units
    there are at least, where each wave follows from the one before; and
    ``asked(label, scenario, desks) -> CellPlan``, what it asks language models of one cell where no population does. Its
    configuration may have ``warnings``, sentences that an author hears before a run, and ``asks``, models by name.
    """

    config: ClassVar[type[Config]]  # its own scenario keys
    version: ClassVar[int]

    def units(self, scenario: Scenario, done: Mapping[str, UnitResult]) -> Sequence[Unit]:
        """The next wave; empty when finished; pure in ``done``."""
        ...

    def run_unit(self, unit: Unit, context: Context) -> UnitResult:
        """Run it here, in whatever worker this is; pure in the unit (and recorded answers)."""
        ...


@dataclass(frozen=True)
class Rollout:
    """Episodes of one seating.

    Attributes
    ----------
    seeds : (B,) episode seeds.  returns : (B, n) sum of rewards by seat.
    outcome : arrays (B,), the environment's summary.
    steps : columns of the step table without ``unit`` and ``cell`` (row, step, phase, agent, action, reward, alive, facts
        of the environment), ordered by row, step, agent; None unless asked for.
    """

    seeds: IntArray
    returns: FloatArray
    outcome: Mapping[str, AnyArray]
    steps: Mapping[str, AnyArray] | None = None
