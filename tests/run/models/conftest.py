"""A fault server in a process of its own; and ``asking`` is importable by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gamesim.testing.fault_server import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    with ServerProcess() as running:
        yield running


@pytest.fixture
def counted(server: ServerProcess) -> ServerProcess:
    server.reset()
    return server
