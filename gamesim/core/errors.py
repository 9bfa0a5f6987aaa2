"""Every error a user can meet, as one tree.

    GamesimError
    ├── ScenarioError            bad scenario, override or configuration          exit 2
    │   ├── UnknownKindError     a name no installed package registers
    │   ├── EnvironmentConfigError  a simulator gives another environment than was asked for
    │   └── OverrideError        a ``--set`` or ``--axis`` that cannot apply
    ├── GameError                a game that makes no sense                       exit 2
    │   └── GameFileError        unreadable or oversized game file
    │       ├── GameDocumentError  a game document with problems, all of them told
    │       └── EnglishError     a sentence that is not in the grammar
    ├── DatasetError             an index of described games that does not hold   exit 2
    ├── Undecided                a comparison of games that its budget ended      exit 5
    ├── IllegalActionError       a policy or user played what may not be played   exit 4
    ├── MissingExtraError        an optional dependency is absent                 exit 3
    ├── PluginError              somebody's plugin failed to import or to behave  exit 3
    ├── SolverError              a computation could not answer                   exit 4
    │   ├── SolverCrashError
    │   ├── SolverLimitError     time or memory was over                          exit 5
    │   ├── UnsupportedGameError the method is wrong for this game                exit 2
    │   │   └── NotZeroSumError
    │   ├── ParameterError       a play or a parameter out of range; a GameError too   exit 2
    │   ├── GameTooLargeError    what it would have to build is too large         exit 2
    │   ├── NotSymmetricError    seats that were said to be alike are not         exit 2
    │   └── RiskError            an attitude to risk out of range, or not for this game   exit 2
    ├── ModelError               a language model could not be asked              exit 4
    ├── MetricError              a measure does not apply to this record          exit 4
    ├── LimitReached             a budget or time limit stopped the run           exit 5
    └── RecordError              a run directory cannot be read or written        exit 6
        ├── StoreBusyError
        ├── StoreFullError
        ├── CorruptRecordError
        ├── ReplayMismatchError  (``replay --verify`` that differs exits 1)
        └── DeterminismError

A message is one line, ``place: path: what came. what was possible or likeliest meant.``
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal


class GamesimError(Exception):
    """Root of the tree.

    Parameters
    ----------
    message : what came, and what was wrong with it; ends with a full stop.
    where : the place, such as ``scenarios/a.yaml:14:7`` or ``--set environment.players=eight``.
    path : the dotted key, such as ``population.0.forgiveness``.
    hint : what was possible, or likeliest meant.
    """

    exit_code: ClassVar[int] = 70

    def __init__(
        self, message: str, *, where: str | None = None, path: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.where, self.path) if part)
        text = f"{place}: {self.message}" if place else self.message
        return f"{text} {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.where, self.path, self.hint, dict(self.__dict__)))

    def as_dict(self) -> dict[str, object]:
        """JSON form: type, file, line, column, path, message, hint, exit."""
        file, line, column = split_place(self.where)
        return {
            "type": type(self).__name__,
            "file": file,
            "line": line,
            "column": column,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
            "exit": self.exit_code,
        }


def _rebuild(
    kind: type[GamesimError],
    message: str,
    where: str | None,
    path: str | None,
    hint: str | None,
    state: dict[str, object],
) -> GamesimError:
    error = kind.__new__(kind)
    GamesimError.__init__(error, message, where=where, path=path, hint=hint)
    error.__dict__.update(state)
    return error


class ScenarioError(GamesimError):
    exit_code = 2

    @classmethod
    def together(cls, errors: Sequence[ScenarioError], limit: int = 20) -> ScenarioError:
        """One error that reports up to ``limit`` of several, then their count."""
        if len(errors) == 1:
            return errors[0]
        combined = type(errors[0])(errors[0].message, where=errors[0].where, path=errors[0].path, hint=errors[0].hint)
        combined.others = tuple(errors[1:limit])
        combined.more = max(0, len(errors) - limit)
        return combined

    others: tuple[ScenarioError, ...] = ()
    more: int = 0


ALSO_CALLED = {
    "repeated": "matrix",
    "normal_form": "matrix",
    "extensive_form": "efg",
    "tree": "efg",
}  # in the literature


class UnknownKindError(ScenarioError):
    """No installed package registers that name."""

    @classmethod
    def named(cls, what: str, name: str, known: Iterable[str], **place: str | None) -> UnknownKindError:
        options = sorted(known)
        other = ALSO_CALLED.get(name, "")
        meant = f"Did you mean '{other}'?" if other in options else did_you_mean(name, options)
        shown = f"Installed: {listed(options)}" if options else "None is installed."
        hint = f"{meant} {shown}" if meant else shown
        return cls(f"no {what} '{clean(name)}'.", hint=hint, **place)


class EnvironmentConfigError(ScenarioError):
    """A simulator would silently give something else than was asked for, such as fewer agents."""


class OverrideError(ScenarioError):
    pass


class GameError(GamesimError):
    exit_code = 2


class GameFileError(GameError):
    pass


class GameDocumentError(GameFileError):
    """Everything wrong with a game document; ``problems`` holds them as data."""

    problems: tuple[object, ...] = ()
    others: tuple[GameDocumentError, ...] = ()
    more: int = 0


class EnglishError(GameFileError):
    """A sentence that controlled English does not hold, or that contradicts another.

    Attributes
    ----------
    line : where the sentence begins.  sentence : as written.  nearest : the nearest form, with an example.
    """

    line: int = 0
    sentence: str = ""
    nearest: str = ""


class DatasetError(GamesimError):
    exit_code = 2


class Undecided(GamesimError):
    """Neither yes nor no: what was allowed did not suffice to tell."""

    exit_code = 5


class IllegalActionError(GamesimError):
    exit_code = 4


class MissingExtraError(GamesimError):
    exit_code = 3

    @classmethod
    def of(cls, purpose: str, extra: str) -> MissingExtraError:
        return cls(f"{purpose}: pip install 'gamesim[{extra}]'.")


class PluginError(GamesimError):
    exit_code = 3


class SolverError(GamesimError):
    exit_code = 4
    partial: tuple[bytes, ...] = ()  # answers that came before a crash or a limit
    cpu_seconds: float = 0.0  # that its process had used


class SolverCrashError(SolverError):
    pass


class SolverLimitError(SolverError):
    exit_code = 5
    limit: Literal["seconds", "memory"] = "seconds"


class UnsupportedGameError(SolverError):
    exit_code = 2


class NotZeroSumError(UnsupportedGameError):
    pass


class ParameterError(SolverError, GameError):
    """A play that is no play of the game, or a parameter out of its range."""

    exit_code = 2


class GameTooLargeError(SolverError):
    exit_code = 2


class NotSymmetricError(SolverError):
    """Two seats were said to be alike, and a policy earns something else in the other one."""

    exit_code = 2


class RiskError(SolverError):
    """An attitude to risk is out of range, or asks what the game does not know."""

    exit_code = 2


class ModelError(GamesimError):
    exit_code = 4


class MetricError(GamesimError):
    exit_code = 4


class LimitReached(GamesimError):
    exit_code = 5


class RecordError(GamesimError):
    exit_code = 6


class StoreBusyError(RecordError):
    pass


class StoreFullError(RecordError):
    pass


class CorruptRecordError(RecordError):
    pass


class ReplayMismatchError(RecordError):
    pass


class DeterminismError(RecordError):
    pass


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The likeliest meant of ``options``: letters swapped, else near in spelling, else begun alike (``cfr`` for ``cfr_plus``)."""
    options = list(options)
    found = [option for option in options if sorted(option) == sorted(word)]
    found = found or difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if not found and len(word) >= 3:
        found = sorted((option for option in options if option.startswith(word)), key=len)
    return found[0] if found else None


def did_you_mean(word: str, options: Iterable[str]) -> str | None:
    """``"Did you mean 'commons'?"``, or None when nothing is near.

    Examples
    --------
    >>> did_you_mean("comons", ["battle", "commons"])
    "Did you mean 'commons'?"
    """
    found = nearest(word, options)
    return f"Did you mean '{found}'?" if found else None


def listed(options: Sequence[str], limit: int = 12) -> str:
    """The end of a sentence that says what is possible.

    Examples
    --------
    >>> listed(["a", "b"]), listed(["a", "b", "c"], 2)
    ('a, b.', 'a, b, ...')
    """
    return ", ".join(options[:limit]) + (", ..." if len(options) > limit else ".")


def named_cause(error: BaseException) -> str:
    """Somebody else's exception in a few words, without addresses.

    Examples
    --------
    >>> named_cause(KeyError("last")), named_cause(NotImplementedError())
    ("KeyError: 'last'", 'NotImplementedError')
    """
    text = re.sub(r" at 0x[0-9a-f]+", "", clean(error)).rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def split_place(where: str | None) -> tuple[str | None, int | None, int | None]:
    """``"a.yaml:14:7"`` as ``("a.yaml", 14, 7)``; parts that are absent are None."""
    if where is None:
        return None, None, None
    parts = where.rsplit(":", 2)
    numbers: list[int] = []
    while len(parts) > 1 and parts[-1].isdigit():
        numbers.insert(0, int(parts.pop()))
    numbers = numbers[:2]
    line = numbers[0] if numbers else None
    column = numbers[1] if len(numbers) > 1 else None
    return ":".join(parts), line, column


_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: object, limit: int = 200) -> str:
    """Text from files, models and plugins, made safe for a terminal: no control characters, no bidi overrides."""
    kept = "".join("�" if (ord(c) < 32 or 127 <= ord(c) < 160 or c in _BIDI) else c for c in str(text))
    kept = kept.encode("utf-8", "replace").decode("utf-8")
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"
