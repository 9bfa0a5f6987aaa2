"""A stranger's package: found, listed, checked, run and tested like what comes with gamesim; a broken one breaks nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gamesim.core.errors import ScenarioError, UnknownKindError
from gamesim.run.record import Record
from gamesim.testing import check_plugin
from gamesim.testing.plugins import KINDS, new_plugin

HERE = Path(__file__).parent
SCENARIO = HERE / "package" / "scenarios" / "lighthouse.yaml"
Run = Callable[..., Any]


def sibling(name: str) -> Any:
    """A function of this folder's conftest, which is not importable by name."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("plugin_conftest", HERE / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def test_its_own_tests_pass(gamesim: Run, tmp_path: Path) -> None:
    shutil.copytree(HERE / "package", tmp_path / "package")
    done = gamesim("-q", "-p", "no:cacheprovider", module="pytest", cwd=tmp_path / "package")
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_all_it_registers_is_checked_by_its_name(gamesim: Run, tmp_path: Path) -> None:
    script = (
        "from gamesim.testing import check_plugin\n"
        "for found in check_plugin('Gamesim_Lighthouse'): print(found.group, found.name, found.problem, found.note)\n"
    )
    (tmp_path / "checked.py").write_text(script)
    done = gamesim(module="checked", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "environments lighthouse None keeps its contract to the episode's end",
        "agents lighthouse.keeper None keeps its contract, played in lighthouse",
        "metrics lit_share None loads; a metric is checked on a record, by check_metric",
    ]
    assert gamesim("check", "--plugin", "lighthouse.keeper").returncode == 0
    with pytest.raises(UnknownKindError, match="no plugin 'gamesim-lighthose'"):
        check_plugin("gamesim-lighthose")


def test_it_is_listed_beside_the_built_in_kinds(gamesim: Run) -> None:
    for group, name in (("environments", "lighthouse"), ("agents", "lighthouse.keeper"), ("metrics", "lit_share")):
        done = gamesim("list", group, "--json")
        assert done.returncode == 0, done.stderr
        assert name in done.stdout
    assert "matrix" in gamesim("list", "environments").stdout


def test_its_scenario_is_checked_and_its_keys_are_known(gamesim: Run, tmp_path: Path) -> None:
    assert gamesim("check", str(SCENARIO)).returncode == 0
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SCENARIO.read_text().replace("nights: 6", "nigths: 6"))
    done = gamesim("check", str(wrong))
    assert done.returncode == 2
    assert "Did you mean 'nights'?" in done.stderr
    wrong.write_text(SCENARIO.read_text().replace("lighthouse.keeper", "lighthouse.keper"))
    done = gamesim("check", str(wrong))
    assert done.returncode == 2
    assert "Did you mean 'lighthouse.keeper'?" in done.stderr


def test_it_runs_and_its_metric_is_computed(gamesim: Run, tmp_path: Path) -> None:
    done = gamesim("run", str(SCENARIO), "--json", "--store", str(tmp_path / "runs"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    (run,) = [path.parent for path in (tmp_path / "runs").glob("*/manifest.json")]
    assert (run / "tables" / "lit_share.parquet").is_file()
    version = json.loads((run / "manifest.json").read_text())
    assert "lighthouse" in json.dumps(version)
    again = gamesim("replay", str(run), "--verify", cwd=tmp_path)
    assert again.returncode == 0, again.stderr


def test_its_metric_spoils_no_run_it_does_not_apply_to(gamesim: Run, tmp_path: Path) -> None:
    """It raises KeyError where there is no light; the run of another game goes on and says why it is missing."""
    done = gamesim("run", "games/grim_against_alternation", "--store", str(tmp_path / "runs"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = [path.parent for path in (tmp_path / "runs").glob("*/manifest.json")]
    missing = Record(run).table("not_applicable").fetch()
    reason = dict(zip(missing["metric"], missing["reason"], strict=True))["lit_share"]
    assert reason.startswith("metric 'lit_share' raised KeyError")


@pytest.mark.parametrize(
    "code",
    ["import no_such_module_at_all\n", "raise RuntimeError('boom')\n", "import sys\nsys.exit(0)\n", "def (\n", ""],
    ids=["import", "raise", "exit", "syntax", "empty"],
)
def test_a_broken_neighbour_is_named_and_breaks_nothing(tmp_path: Path, code: str) -> None:
    environment = sibling("virtual")(tmp_path / "venv")
    info = sibling("packages")(environment) / "gamesim_wreck-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gamesim-wreck\nVersion: 1.0\n")
    groups = "".join(f"[gamesim.{group}]\nwreck = gamesim_wreck:Wreck\n" for group in KINDS.values())
    (info / "entry_points.txt").write_text(groups)
    (info.parent / "gamesim_wreck.py").write_text(code)
    gamesim: Run = sibling("running")(environment)

    listed = gamesim("list", "environments")
    assert listed.returncode == 0, listed.stderr
    assert "matrix" in listed.stdout
    broken = gamesim("list", "--broken")
    assert "wreck" in broken.stdout
    assert "gamesim-wreck" in broken.stdout
    assert gamesim("check", "games/reciprocity").returncode == 0

    using = tmp_path / "using.yaml"
    using.write_text("environment: {kind: wreck}\npopulation: [{agent: matrix.grim, count: 2}]\n")
    refused = gamesim("check", str(using))
    assert refused.returncode == 3, refused.stderr
    assert "gamesim-wreck" in refused.stderr
    assert "Traceback" not in refused.stderr

    if "exit" in code:  # the worst of them
        played = gamesim("run", "games/grim_against_alternation", "--store", str(tmp_path / "runs"), cwd=tmp_path)
        assert played.returncode == 0, played.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_its_tests_untouched(kind: str, tmp_path: Path) -> None:
    package = new_plugin(kind, f"fresh-{kind}", tmp_path)
    environment = sibling("virtual")(tmp_path / "venv")
    sibling("install")(package, environment)
    run: Run = sibling("running")(environment)
    done = run("-q", "-p", "no:cacheprovider", module="pytest", cwd=package)
    assert done.returncode == 0, done.stdout
    name = f"fresh_{kind}"
    listed = run("list", KINDS[kind])
    assert name in listed.stdout, listed.stderr
    played = run("run", str(package / "scenarios" / f"{name}.yaml"), "--store", str(tmp_path / "runs"), cwd=tmp_path)
    assert played.returncode == 0, played.stderr
    for text in (package / "README.md", package / "pyproject.toml"):
        assert "$" not in text.read_text()


@pytest.mark.parametrize("name", ["", "My Game", "../x", "x" * 41, "class", "1st", "a__b", "con\x1b"])
def test_names_that_cannot_serve(name: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot name"):
        new_plugin("environment", name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_names_that_are_taken(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="an environment called 'matrix' is installed already"):
        new_plugin("environment", "matrix", tmp_path)
    with pytest.raises(ScenarioError, match="a module called 'gamesim_agents'"):
        new_plugin("environment", "agents", tmp_path)
    new_plugin("agent", "mine", tmp_path)
    with pytest.raises(ScenarioError, match="exists already"):
        new_plugin("agent", "mine", tmp_path)
    with pytest.raises(UnknownKindError, match="Did you mean 'agent'"):
        new_plugin("agnet", "mine", tmp_path)
