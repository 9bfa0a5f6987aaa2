"""Published GovSim logs, read with honest statuses: a silent model or an aborted run is never a society that survived.

A log is a JSON list of rows. Harvest rows carry the stock before and after, what each agent wanted and got, and the
transcript behind it; other rows carry talk. Nothing in a raw log says whether the run finished, nor which game it was:
both are inferred from the stock here, and said to be inferred.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gamesim.core.arrays import BoolArray, FloatArray
from gamesim.core.errors import MetricError, RecordError, clean

from .govsim_scores import GovSimScores, InverseScores, inverse_scores, refuse_inverse, scores

Rules = Literal["fishery", "inverse", "ambiguous", "unknown"]
Status = Literal["survived", "collapsed", "truncated", "invalid"]

CAPACITY = 100.0
REFILL = 50.0  # the trash game's monthly growth
FISHERY_COLLAPSE = 5.0  # stock after harvest below this
INVERSE_COLLAPSE = 95.0  # trash left above this
MONTHS = 12
MOST = 10**12
MOST_BYTES = 256 * 2**20
LABELS = ("Answer:",)
HARVEST_FIELDS = (
    "agent_id",
    "round",
    "resource_in_pool_before_harvesting",
    "resource_in_pool_after_harvesting",
    "resource_collected",
    "wanted_resource",
)
_CLOSE = 1e-6


@dataclass(frozen=True)
class Message:
    """Something said beside the harvests."""

    round: int
    agent: str
    kind: str
    text: str


@dataclass(frozen=True)
class GovSimRun:
    """One log.

    Attributes
    ----------
    rules : what the stock's movements fit: the doubling ``fishery``, the refilling ``inverse``, both (``ambiguous``) or neither
        (``unknown``, lenient reading only).
    status : ``invalid`` (every answer unreadable) before ``collapsed`` before ``survived`` (all months played) before
        ``truncated`` (neither: the run was aborted).
    before, after : shape (m,), stock around the harvest.
    taken, wanted : shape (m, N); NaN for an agent not there.
    readable : shape (m, N), whether a digit follows the last answer label of the transcript.
    marks : what is doubtful about it, in words.
    """

    name: str
    rules: Rules
    status: Status
    agents: tuple[str, ...]
    before: FloatArray
    after: FloatArray
    taken: FloatArray
    wanted: FloatArray
    readable: BoolArray
    messages: tuple[Message, ...]
    horizon: int
    marks: tuple[str, ...] = ()

    @property
    def answers(self) -> int:
        return int(np.isfinite(self.taken).sum())

    @property
    def unreadable_share(self) -> float:
        """Share of answers in which no number can be found (a heuristic that goes by the answer label)."""
        asked = np.isfinite(self.taken)
        return float((asked & ~self.readable).sum() / asked.sum()) if asked.any() else 1.0


def read_govsim_log(
    path: Path | str,
    *,
    rules: str = "auto",
    lenient: bool = False,
    months: int = MONTHS,
    labels: Sequence[str] = LABELS,
) -> GovSimRun:
    """Read ``log_env.json``, or the run directory that holds it.

    Parameters
    ----------
    rules : ``auto`` goes by the stock; ``fishery`` or ``inverse`` decides ambiguous logs and refuses logs that contradict it.
    lenient : import a log whose stock does not balance, or whose rules are unknown, and mark it.
    months : how many months the game had; a run that played them all survived.
    labels : what precedes the number in an answer, in the transcripts' language.

    Raises
    ------
    RecordError
        With the row number: not JSON, missing fields, an unbalanced stock, movements that fit no rules.
    """
    if rules not in ("auto", "fishery", "inverse"):
        raise RecordError(f"no rules '{clean(rules)}'.", path="rules", hint="Possible: auto, fishery, inverse.")
    file = Path(path)
    if file.is_dir() and file.name != "log_env.json":
        file = file / "log_env.json"
    rows = _rows(file)
    return _Reader(file, lenient, months, tuple(labels)).read(rows, rules)


def find_logs(paths: Iterable[Path | str]) -> list[Path]:
    """All ``log_env.json`` below directories, and the files named themselves; sorted, each once."""
    found: set[Path] = set()
    for item in map(Path, paths):
        if not item.exists():
            raise RecordError("no such file or directory.", where=str(item))
        below = {item} if item.is_file() else set(item.rglob("log_env.json"))
        if not below:
            raise RecordError("holds no log_env.json.", where=str(item))
        found |= below
    return sorted(found)


def govsim_metrics(run: GovSimRun, *, legacy: bool = False) -> GovSimScores:
    """GovSim's figures of one log; ambiguous rules are scored as the fishery.

    Raises
    ------
    MetricError
        For the trash game, whose figures are ``inverse_metrics``.
    """
    if run.rules == "inverse":
        raise refuse_inverse("govsim_metrics")
    return scores(run.taken, run.before, horizon=run.horizon, survived=run.status == "survived", legacy=legacy)


def inverse_metrics(run: GovSimRun) -> InverseScores:
    """Figures of the trash game of one log."""
    if run.rules == "fishery":
        raise MetricError(
            "'shortfall' is for the inverse game, and this log is a fishery.", where=run.name, path="metrics"
        )
    return inverse_scores(run.taken, survived=run.status == "survived")


def score_table(runs: Sequence[GovSimRun], *, legacy: bool = False) -> dict[str, list[Any]]:
    """One row a log: status, rules, share of unreadable answers beside every score, and what is doubtful."""
    columns = (
        "run", "rules", "status", "months", "players", "unreadable_share", "gain", "efficiency", "equality", "over_usage",
        "total_effort", "shortfall", "excess_effort", "null_reason", "marks",
    )  # fmt: skip
    table: dict[str, list[Any]] = {column: [] for column in columns}
    for run in runs:
        row: dict[str, Any] = {
            "run": run.name,
            "rules": run.rules,
            "status": run.status,
            "months": len(run.before),
            "players": len(run.agents),
            "unreadable_share": run.unreadable_share,
            "marks": "; ".join(run.marks),
        }
        if run.rules == "inverse":
            chore = inverse_metrics(run)
            row |= {
                "total_effort": chore.total_effort,
                "shortfall": chore.shortfall,
                "excess_effort": chore.excess_effort,
            }
            row["null_reason"] = "; ".join(
                filter(None, (chore.why, "gain, efficiency, over-usage: the inverse game has no harvest"))
            )
        else:
            catch = govsim_metrics(run, legacy=legacy)
            row |= {
                "gain": catch.gain,
                "efficiency": catch.efficiency,
                "equality": catch.equality,
                "over_usage": catch.over_usage,
            }
            row["null_reason"] = "; ".join(filter(None, (catch.why, "shortfall: not the inverse game")))
        for column in columns:
            table[column].append(row.get(column))
    return table


@dataclass(frozen=True)
class SurvivalCount:
    """How many societies survived of those of which it can be said, and how many are left out."""

    survived: int
    collapsed: int
    truncated: int
    invalid: int

    @property
    def share(self) -> float | None:
        """Survivors among survived and collapsed; None if there are neither."""
        known = self.survived + self.collapsed
        return self.survived / known if known else None

    def __str__(self) -> str:
        known = self.survived + self.collapsed
        return f"survived {self.survived} of {known}; left out: {self.truncated} truncated, {self.invalid} invalid"


def _shown(value: Any) -> str:
    """A value as the log has it, text in quotes, cut to what fits a line."""
    if isinstance(value, int) and abs(value) > MOST:
        return f"more than {MOST:,}"
    return clean(json.dumps(value, ensure_ascii=False), 60)


def survival_count(runs: Iterable[GovSimRun]) -> SurvivalCount:
    """Statuses counted."""
    statuses = [run.status for run in runs]
    return SurvivalCount(*(statuses.count(s) for s in ("survived", "collapsed", "truncated", "invalid")))


def _rows(file: Path) -> list[Any]:
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise RecordError(f"{size:,} bytes.", where=str(file), hint=f"A log may have {MOST_BYTES:,}.")
        text = file.read_bytes().decode("utf-8-sig")
        if not text.strip():
            raise RecordError("is empty.", where=str(file))
        data = json.loads(text, object_pairs_hook=_each_key_once)
    except OSError as error:
        raise RecordError(f"cannot be read: {error.strerror}.", where=str(file)) from error
    except UnicodeDecodeError as error:
        raise RecordError(f"is not UTF-8 text (byte {error.start}).", where=str(file)) from error
    except json.JSONDecodeError as error:
        raise RecordError("is not JSON, or was broken off.", where=f"{file}:{error.lineno}:{error.colno}") from error
    except RecursionError as error:
        raise RecordError("is nested too deeply for a log.", where=str(file)) from error
    except ValueError as error:  # a key twice, or a number of thousands of digits
        raise RecordError(
            str(error) if isinstance(error, _Twice) else "holds a number too long to read.", where=str(file)
        ) from error
    if not isinstance(data, list):
        raise RecordError("a GovSim log is a list of rows.", where=str(file))
    return data


class _Twice(ValueError):
    """Two values for one key: which was meant, nobody can say."""


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        key = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise _Twice(f"'{clean(key, 60)}' is set twice in one row.")
    return row


class _Reader:
    """One log on its way to a GovSimRun; collects marks where the reading is lenient."""

    def __init__(self, file: Path, lenient: bool, months: int, labels: tuple[str, ...]) -> None:
        self.file = file
        self.lenient = lenient
        self.months = months
        self.labels = labels
        self.marks: list[str] = []

    def read(self, rows: list[Any], rules: str) -> GovSimRun:
        harvests: dict[int, list[tuple[int, Mapping[str, Any]]]] = {}
        messages: list[Message] = []
        for number, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise self.error(number, "is not an object.")
            action = row.get("action")
            if action == "harvesting":
                self.require(number, row)
                harvests.setdefault(int(row["round"]), []).append((number, row))
            elif isinstance(action, str):
                text = next(
                    (
                        row[key]
                        for key in ("utterance", "conversation_summary", "resource_limit", action)
                        if row.get(key) is not None
                    ),
                    "",
                )
                messages.append(
                    Message(_whole(row.get("round")), str(row.get("agent_id", "framework")), action, str(text))
                )
            else:
                raise self.error(number, "has no action.", "Actions: harvesting, utterance, ...")
        if not harvests:
            raise RecordError("holds no harvest.", where=str(self.file))
        rounds = sorted(harvests)
        if rounds != list(range(rounds[0], rounds[0] + len(rounds))):
            gap = next(r for r, later in pairwise(rounds) if later != r + 1)
            self.doubt(harvests[rounds[-1]][0][0], f"rounds leave a gap after {gap}")
        agents = tuple(dict.fromkeys(str(row["agent_id"]) for r in rounds for _, row in harvests[r]))
        shape = (len(rounds), len(agents))
        taken, wanted = np.full(shape, np.nan), np.full(shape, np.nan)
        readable = np.zeros(shape, dtype=bool)
        before, after = np.zeros(len(rounds)), np.zeros(len(rounds))
        for month, r in enumerate(rounds):
            before[month], after[month] = self.balance(harvests[r])
            for number, row in harvests[r]:
                place = month, agents.index(str(row["agent_id"]))
                if np.isfinite(taken[place]):
                    raise self.error(number, f"{clean(row['agent_id'])} harvests twice in round {r}.")
                taken[place], wanted[place] = float(row["resource_collected"]), float(row["wanted_resource"])
                readable[place] = is_readable(row.get("html_interactions"), self.labels)
        first_rows = [harvests[r][0][0] for r in rounds]
        found = self.rules(before, after, first_rows, rules)
        run = GovSimRun(
            name=self.file.parent.name if self.file.name == "log_env.json" else self.file.stem,
            rules=found,
            status="truncated",
            agents=agents,
            before=before,
            after=after,
            taken=taken,
            wanted=wanted,
            readable=readable,
            messages=tuple(messages),
            horizon=self.months,
            marks=tuple(self.marks),
        )
        return _ended(run)

    def require(self, number: int, row: Mapping[str, Any]) -> None:
        missing = [field for field in HARVEST_FIELDS if row.get(field) is None]
        if missing:
            raise self.error(number, f"lacks {', '.join(missing)}.")
        if "html_interactions" not in row:  # without a transcript nobody knows whether the answer could be read
            self.doubt(number, "lacks html_interactions")
        if not isinstance(row["agent_id"], str) or not row["agent_id"].strip():
            raise self.error(number, f"agent_id is {_shown(row['agent_id'])}.", "It must be a name.")
        for field in HARVEST_FIELDS[1:]:
            value = row[field]
            whole = field == "round"
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST:
                wanted = "a whole number >= 0" if whole else "a number >= 0"
                raise self.error(number, f"{field} is {_shown(value)}.", f"It must be {wanted} and <= {MOST:,}.")
            if whole and value != int(value):
                raise self.error(number, f"round is {_shown(value)}.", "It must be a whole number.")

    def balance(self, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> tuple[float, float]:
        """Stock before and after one month's harvest; every row must say what follows from what was collected."""
        start = float(rows[0][1]["resource_in_pool_before_harvesting"])
        total = sum(float(row["resource_collected"]) for _, row in rows)
        together = all(bool(row.get("concurrent_harvesting", True)) for _, row in rows)
        expected = start
        for number, row in rows:
            own_before, own_after = (
                float(row["resource_in_pool_before_harvesting"]),
                float(row["resource_in_pool_after_harvesting"]),
            )
            had = start if together else expected
            expected = start - total if together else had - float(row["resource_collected"])
            if abs(own_before - had) > _CLOSE:
                self.doubt(number, f"stock before is {own_before:g} where {had:g} follows from the rows above")
            if abs(own_after - expected) > _CLOSE:
                self.doubt(number, f"stock after is {own_after:g}, but {had:g} less what was collected is {expected:g}")
        return start, float(rows[-1][1]["resource_in_pool_after_harvesting"])

    def rules(self, before: FloatArray, after: FloatArray, rows: Sequence[int], asked: str) -> Rules:
        following = before[1:]
        fits: dict[str, BoolArray] = {
            "fishery": np.abs(following - np.minimum(CAPACITY, 2 * after[:-1])) <= _CLOSE,
            "inverse": np.abs(following - np.minimum(CAPACITY, after[:-1] + REFILL)) <= _CLOSE,
        }
        possible = [name for name, fit in fits.items() if fit.all()]
        if asked != "auto":
            if asked not in possible:
                month = int((~fits[asked]).argmax())
                self.doubt(
                    rows[month + 1],
                    f"stock goes from {after[month]:g} to {before[month + 1]:g}, which the {asked} rules do not allow",
                )
            return "inverse" if asked == "inverse" else "fishery"
        if len(possible) == 2:
            self.marks.append("rules ambiguous: the stock moved as both games would have it; scored as the fishery")
            return "ambiguous"
        if not possible:
            month = (
                int((~(fits["fishery"] | fits["inverse"])).argmax())
                if (~(fits["fishery"] | fits["inverse"])).any()
                else 0
            )
            self.doubt(rows[month + 1], f"unknown rules: stock goes from {after[month]:g} to {before[month + 1]:g}")
            return "unknown"
        return "inverse" if possible == ["inverse"] else "fishery"

    def doubt(self, number: int, what: str) -> None:
        if not self.lenient:
            raise self.error(number, f"{what}.", "Read it with --lenient to import it marked.")
        self.marks.append(f"row {number}: {what}")

    def error(self, number: int, message: str, hint: str | None = None) -> RecordError:
        return RecordError(message, where=str(self.file), path=f"row {number}", hint=hint)


def _ended(run: GovSimRun) -> GovSimRun:
    """The run with its status, cut after the month in which it collapsed."""
    fallen = run.after > INVERSE_COLLAPSE if run.rules == "inverse" else run.after < FISHERY_COLLAPSE
    if not run.readable[np.isfinite(run.taken)].any():
        return replace(run, status="invalid")
    if fallen.any():
        last = int(fallen.argmax()) + 1
        marks = run.marks
        if last < len(run.before):
            marks = (*marks, f"{len(run.before) - last} months after the collapse are left out")
        parts = {name: getattr(run, name)[:last] for name in ("before", "after", "taken", "wanted", "readable")}
        return replace(run, status="collapsed", marks=marks, **parts)
    return replace(run, status="survived" if len(run.before) >= run.horizon else "truncated")


_TAG = re.compile(r"<[^>]*>")


def is_readable(transcript: Any, labels: Sequence[str] = LABELS) -> bool:
    """Whether a digit follows the last answer label of a transcript (a text, or a list of them).

    Examples
    --------
    >>> is_readable(["<div>Put it after Answer: N tons.</div><div>Answer: 10 tons.</div>"])
    True
    >>> is_readable(["<div>Put it after Answer: N tons.</div><div></div>"]), is_readable([]), is_readable(None)
    (False, False, False)
    """
    if transcript is None:
        return False
    parts = transcript if isinstance(transcript, list) else [transcript]
    text = _TAG.sub(" ", " ".join(map(str, parts)))
    ends = [text.rfind(label) + len(label) for label in labels if label in text]
    return bool(ends) and any(character.isdigit() for character in text[max(ends) :])


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and np.isfinite(value) else -1
