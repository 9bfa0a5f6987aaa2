"""Running the command line as a user does: another process, real files, a store of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "gamesim.cli.main"]
TINY = """name: tiny
environment: {kind: matrix, horizon: 8}
population:
  - {agent: matrix.tit_for_tat, count: 1}
  - {agent: matrix.defector, count: 1}
replicates: 3
metrics: [welfare]
report: {sections: [summary]}
"""


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "GAMESIM_STORE", "COLUMNS")}
    return {**kept, "OMP_NUM_THREADS": "1", **more}


@dataclass
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        assert self.out.count("\n") == 1, self.out
        data: dict[str, Any] = json.loads(self.out)
        assert data["exit"] == self.code
        return data


Run = Callable[..., Ended]


@pytest.fixture
def gamesim(tmp_path: Path) -> Run:
    """Run ``gamesim`` in an empty folder and wait for it."""

    def run(*arguments: str, code: int | None = 0, **env: str) -> Ended:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env=environment(**env),
            capture_output=True,
            text=True,
            timeout=180,
            stdin=subprocess.DEVNULL,
        )
        ended = Ended(done.returncode, done.stdout, done.stderr)
        assert code is None or ended.code == code, ended
        assert "Traceback" not in ended.err
        return ended

    return run


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one finished run of the tiny scenario; not to be changed."""
    folder = tmp_path_factory.mktemp("played")
    (folder / "tiny.yaml").write_text(TINY)
    done = subprocess.run(
        [*COMMAND, "run", "tiny.yaml", "--quiet"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return next((folder / "runs").glob("tiny-*"))
