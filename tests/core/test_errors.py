"""The error tree: one line, exit codes of the table, and what a terminal may be shown."""

from __future__ import annotations

import copy
import inspect
import pickle  # to prove that errors cross processes whole; nothing is ever read from a file by it

import pytest

from gamesim.core import errors
from gamesim.core.errors import (
    GamesimError,
    MissingExtraError,
    ScenarioError,
    UnknownKindError,
    clean,
    did_you_mean,
    split_place,
)

TREE = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, GamesimError)}
EXITS = {
    "GamesimError": 70, "ScenarioError": 2, "EnvironmentConfigError": 2, "UnknownKindError": 2, "OverrideError": 2, "GameError": 2, "GameFileError": 2,
    "GameDocumentError": 2, "EnglishError": 2, "DatasetError": 2, "Undecided": 5,
    "IllegalActionError": 4, "MissingExtraError": 3, "PluginError": 3, "SolverError": 4, "SolverCrashError": 4,
    "ParameterError": 2, "UnsupportedGameError": 2, "NotZeroSumError": 2, "NotSymmetricError": 2, "GameTooLargeError": 2,
    "SolverLimitError": 5, "RiskError": 2, "ModelError": 4, "MetricError": 4, "LimitReached": 5, "RecordError": 6, "StoreBusyError": 6,
    "StoreFullError": 6, "CorruptRecordError": 6, "ReplayMismatchError": 6, "DeterminismError": 6,
}  # fmt: skip


def test_the_tree_is_the_one_drawn_with_its_exit_codes() -> None:
    assert {name: kind.exit_code for name, kind in TREE.items()} == EXITS
    for name in TREE:
        assert name in (errors.__doc__ or "")


@pytest.mark.parametrize("kind", TREE.values())
def test_errors_cross_processes_whole(kind: type[GamesimError]) -> None:
    error = kind("went wrong.", where="a.yaml:3:7", path="x.y", hint="Try z.")
    error.partial = [b"1"]  # type: ignore[attr-defined]
    for other in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(other) is kind
        assert str(other) == str(error) == "a.yaml:3:7: x.y: went wrong. Try z."
        assert other.partial == [b"1"]


def test_json_form() -> None:
    data = ScenarioError(
        "unknown key.", where="s/a.yaml:14:7", path="population.0.x", hint="Did you mean 'y'?"
    ).as_dict()
    assert data == {
        "type": "ScenarioError", "file": "s/a.yaml", "line": 14, "column": 7, "path": "population.0.x",
        "message": "unknown key.", "hint": "Did you mean 'y'?", "exit": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("where", "parts"),
    [
        (None, (None, None, None)), ("a.yaml", ("a.yaml", None, None)), ("a.yaml:3", ("a.yaml", 3, None)),
        ("C:/a.yaml:3:4", ("C:/a.yaml", 3, 4)), ("--set x=1", ("--set x=1", None, None)),
    ],
)  # fmt: skip
def test_places_come_apart(where: str | None, parts: tuple[object, ...]) -> None:
    assert split_place(where) == parts


def test_unknown_kinds_name_the_nearest_and_what_there_is() -> None:
    assert str(UnknownKindError.named("environment kind", "comons", ["matrix", "commons"])) == (
        "no environment kind 'comons'. Did you mean 'commons'? Installed: commons, matrix."
    )
    assert str(UnknownKindError.named("model", "x", [])) == "no model 'x'. None is installed."
    many = [f"kind_{i:02}" for i in range(40)]
    assert str(UnknownKindError.named("kind", "zzz", many)).endswith("kind_11, ...")


def test_missing_extras_say_the_command() -> None:
    assert str(MissingExtraError.of("equilibria need Gambit", "gambit")) == (
        "equilibria need Gambit: pip install 'gamesim[gambit]'."
    )


def test_nothing_near_is_not_guessed() -> None:
    assert did_you_mean("forgivness", ["forgiveness", "players"]) == "Did you mean 'forgiveness'?"
    assert did_you_mean("zzz", ["forgiveness"]) is None


def test_several_errors_come_as_one() -> None:
    several = [ScenarioError(f"wrong {i}.") for i in range(25)]
    together = ScenarioError.together(several)
    assert together.message == "wrong 0."
    assert len(together.others) == 19
    assert together.more == 5
    assert ScenarioError.together(several[:1]) is several[0]


@pytest.mark.parametrize("bad", ["\x1b[31m", "\x00", "\x9b", "\u202e", "\u2066", "\r\n", "\ud800", "\u200f", "\x7f"])
def test_text_of_others_cannot_drive_a_terminal(bad: str) -> None:
    shown = clean(f"name{bad}x")
    assert shown.encode("utf-8")
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u200f\u202e\u2066" for c in shown)
    assert len(clean("x" * 1000)) == 200
