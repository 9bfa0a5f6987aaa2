"""The README's commands run as they stand there, and its Python too."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
SHELL = [
    line.split("  #")[0].strip()
    for kind, text in BLOCKS
    if kind == "bash"
    for line in text.splitlines()
    if line.strip()
]
COMMANDS = [line for line in SHELL if not line.startswith("make ")]
PYTHON = [text for kind, text in BLOCKS if kind == "python"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what a command may read beside itself, so that runs land elsewhere."""
    for name in ("scenarios", "tests"):
        (tmp_path / "clone").mkdir(exist_ok=True)
        (tmp_path / "clone" / name).symlink_to(ROOT / name)
    return tmp_path / "clone"


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }


def test_the_two_commands_lead() -> None:
    assert SHELL[:2] == ["make demo", "make test"]


@pytest.mark.slow
def test_shell_blocks_run_in_order(folder: Path) -> None:
    for command in COMMANDS:
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_blocks_run(number: int, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PYTHON[number]],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def test_make_is_here() -> None:
    assert shutil.which("make")
