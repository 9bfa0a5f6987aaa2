"""A stranger's packages, installed for the tests of this folder without touching the environment they run in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

collect_ignore = ["package"]  # it is installed and then tested, not imported from here

HERE = Path(__file__).parent
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def install(package: Path, site: Path) -> None:
    """Build a package with its own build system and unpack it into a folder; no network, no isolation."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
    ]
    done = subprocess.run(
        [*command, "--no-build-isolation", "--target", str(site), str(package)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the lighthouse package is installed."""
    import shutil

    source = tmp_path_factory.mktemp("source") / "lighthouse"
    shutil.copytree(HERE / "package", source)  # building leaves nothing in the repository
    folder = tmp_path_factory.mktemp("site")
    install(source, folder)
    return folder


def running(site: Path) -> Command:
    """Python, or gamesim, as it is where those packages are installed."""

    def run(*arguments: str, cwd: Path | None = None, module: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(site), "NO_COLOR": "1"}
        environment.pop("GAMESIM_STORE", None)
        start = ["-m", module] if module else ["-c", "import sys; from gamesim.cli.main import main; sys.exit(main())"]
        return subprocess.run(
            [sys.executable, *start, *arguments],
            capture_output=True,
            text=True,
            cwd=cwd or site.parent,
            env=environment,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def gamesim(site: Path) -> Command:
    return running(site)
