"""The registry: built-in kinds and strangers' by the same door, and what is said of those that cannot be used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gamesim.core import registry
from gamesim.core.config import Config
from gamesim.core.errors import PluginError, ScenarioError, UnknownKindError


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Put a distribution with entry points on the path, as a wheel's metadata would."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(name: str, group: str, entries: dict[str, str], code: str = "") -> None:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = "".join(f"{key} = {value}\n" for key, value in entries.items())
        (info / "entry_points.txt").write_text(f"[gamesim.{group}]\n{lines}")
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.delitem(sys.modules, name, raising=False)
        registry._installed.cache_clear()
        registry._claims.cache_clear()
        registry.entries.cache_clear()

    yield put
    registry._installed.cache_clear()
    registry._claims.cache_clear()
    registry.entries.cache_clear()


def test_every_registered_name_loads() -> None:
    for group in registry.GROUPS:
        for name in registry.names(group):
            assert callable(registry.entry(group, name)), f"{group} {name}"


def test_unknown_names_say_what_was_likely_meant() -> None:
    with pytest.raises(UnknownKindError, match=r"no environment kind 'matrx'\. Did you mean 'matrix'\? Installed: "):
        registry.entry("environments", "matrx")
    with pytest.raises(UnknownKindError, match="Did you mean 'agents'"):
        registry.names("agent")


def test_a_strangers_kind_is_found_and_built(install) -> None:  # type: ignore[no-untyped-def]
    code = "from gamesim.core.config import AgentConfig\nclass Mine(AgentConfig):\n    'Mine.'\n    level: int = 1\n"
    install("stranger", "agents", {"mine": "stranger:Mine"}, code)
    built = registry.build("agents", {"kind": "mine", "level": 3})
    assert isinstance(built, Config)
    assert built.level == 3  # type: ignore[attr-defined]
    with pytest.raises(ScenarioError, match=r"mine\.levl: .* Did you mean 'level'"):
        registry.build("agents", {"kind": "mine", "levl": 3})
    with pytest.raises(ScenarioError, match=r"mine\.level: "):
        registry.build("agents", {"kind": "mine", "level": "x"})


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise RuntimeError('boom\\x1b[31m')\n", "RuntimeError: boom�[31m"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
        ("x = = 1\n", "SyntaxError"),
        ("", "AttributeError"),
        ("def Mine(): ...\n", "is of type function, not a configuration class"),
        ("class Mine: ...\n", "is the class Mine, not a configuration class"),
    ],
)
def test_a_broken_plugin_is_named_and_breaks_nothing_else(install, code: str, said: str) -> None:  # type: ignore[no-untyped-def]
    install("broken", "agents", {"mine": "broken:Mine"}, code)
    with pytest.raises(PluginError) as caught:
        registry.entry("agents", "mine")
    assert said in str(caught.value)
    assert "broken" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3
    assert "mine" in registry.names("agents")
    assert registry.entry("agents", "matrix.grim")


def test_two_packages_that_claim_one_name_are_both_named(install) -> None:  # type: ignore[no-untyped-def]
    install("first", "metrics", {"same": "first:run"}, "def run(record): ...\n")
    install("second", "metrics", {"same": "second:run"}, "def run(record): ...\n")
    with pytest.raises(PluginError, match=r"metric 'same' is claimed by (first and second|second and first)"):
        registry.entry("metrics", "same")


def test_what_cannot_be_called_is_no_metric(install) -> None:  # type: ignore[no-untyped-def]
    install("number", "metrics", {"three": "number:three"}, "three = 3\n")
    with pytest.raises(PluginError, match="of type int; it cannot be called"):
        registry.entry("metrics", "three")


def test_names_import_no_plugin() -> None:
    code = (
        "import sys; from gamesim.core import registry\n"
        "[registry.names(group) for group in registry.GROUPS]\n"
        "heavy = {'torch','ray','mesa','pygambit','openai','pandas','pettingzoo','scipy','gamesim_agents','gamesim_analysis'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_configurations_load_no_simulation() -> None:
    """`gamesim list`, `schema` and `check` import every configuration and none of these."""
    code = (
        "import sys; from gamesim.core import registry\n"
        "[registry.entry(g, n) for g in ('environments','agents') for n in registry.names(g)]\n"
        "heavy = {'torch','ray','mesa','pygambit','openai','pandas','pettingzoo'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
