"""A stranger's packages, installed for the tests of this folder without touching the environment they run in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

collect_ignore = ["package"]  # it is installed and then tested, not imported from here

HERE = Path(__file__).parent
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def install(package: Path, environment: Path) -> None:
    """Build a package with its own build system and put it into a virtual environment; no network, no isolation."""
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
        [*command, "--no-build-isolation", "--target", str(packages(environment)), str(package)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def packages(environment: Path) -> Path:
    """Where a virtual environment keeps what is installed."""
    return Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))


def virtual(folder: Path) -> Path:
    """A bare virtual environment that also sees everything installed here; made in a tenth of a second.

    Workers start isolated from PYTHONPATH, so a package must lie where an installer puts it to be found everywhere.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    here = sysconfig.get_path("purelib")
    (packages(folder) / "outer.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    return folder


@pytest.fixture(scope="session")
def lighthouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which the lighthouse package is installed."""
    source = tmp_path_factory.mktemp("source") / "lighthouse"
    shutil.copytree(HERE / "package", source)  # building leaves nothing in the repository
    folder = virtual(tmp_path_factory.mktemp("environment") / "venv")
    install(source, folder)
    return folder


def running(environment: Path) -> Command:
    """Python modules, or by default gamesim, as they run in that environment."""

    def run(*arguments: str, cwd: Path | None = None, module: str | None = None) -> subprocess.CompletedProcess[str]:
        variables = {key: value for key, value in os.environ.items() if key not in ("GAMESIM_STORE", "PYTHONPATH")}
        start = ["-m", module] if module else ["-c", "from gamesim.cli.main import main; main()"]
        return subprocess.run(
            [str(environment / "bin" / "python"), *start, *arguments],
            capture_output=True,
            text=True,
            cwd=cwd or environment.parent,
            env={**variables, "NO_COLOR": "1"},
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def gamesim(lighthouse: Path) -> Command:
    return running(lighthouse)
