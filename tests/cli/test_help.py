"""Help is quick and imports nothing heavy; commands and flags that do not exist are met with the nearest."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from gamesim.cli.main import COMMANDS

HEAVY = "{'ray', 'highway_env', 'torch', 'mesa', 'pygambit', 'openai', 'httpx2', 'xllamacpp', 'jinja2', 'pettingzoo', 'duckdb', 'pandas', 'rich', 'matplotlib', 'polars', 'pyarrow', 'scipy.stats'}"
PLAIN = """
import typer
app = typer.Typer(rich_markup_mode=None, add_completion=False)
@app.command()
def one(name: str = typer.Argument(..., help="A name.")): ...
@app.command()
def two(count: int = typer.Option(1, help="How often.")): ...
app()
"""


def cpu(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, check=True, capture_output=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_costs_at_most_twice_a_plain_typer_program() -> None:
    ours = [sys.executable, "-c", "from gamesim.cli.main import main; main(['--help'])"]
    plain = [sys.executable, "-c", PLAIN, "--help"]
    pairs = [(cpu(ours), cpu(plain)) for _ in range(5)]
    help_, peer = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert help_ <= 0.5
    assert help_ <= 2 * peer


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list"],
        ["schema"],
        ["check", "commons/demo"],
        ["run", "--help"],
        ["show", "commons/demo"],
        ["solve", "--help"],
        ["check", "driving/crossing", "driving/merge", "driving/two_way"],
        ["check", "league/psro_kuhn", "league/psro_stag_hunt"],
        ["check", "games/learners_zero_sum"],
    ],
)
def test_what_only_looks_loads_nothing_heavy(arguments: list[str]) -> None:
    numpy = {"numpy"} if arguments == ["check", "commons/demo"] else set()
    code = f"""
import sys
from gamesim.cli.main import run
code = run({arguments!r})
assert code == 0, code
print(sorted(({HEAVY} | {numpy}) & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.splitlines()[-1] == "[]"


def test_help_names_every_command(gamesim: Callable[..., Any]) -> None:
    text = gamesim("--help").out
    assert all(f"  {name} " in text for name in COMMANDS)
    assert gamesim("--version").out.startswith("gamesim 0")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_and_the_common_flags(gamesim: Callable[..., Any], name: str) -> None:
    text = gamesim(name, "--help").out
    if name == "store":
        text = gamesim(name, "verify", "--help").out
    elif name == "import":
        text = gamesim(name, "govsim", "--help").out
    elif name == "calibrate":
        text = gamesim(name, "commons", "--help").out
    assert all(flag in text for flag in ("--json", "--quiet", "--verbose", "--no-color", "--help"))
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "UsageError: no command 'rnu'. Did you mean 'run'?"),
        (["xyzzy"], "UsageError: no command 'xyzzy'. Commands: run, sweep"),
        (["run", "commons/demo", "--sed", "3"], "UsageError: gamesim run: no flag '--sed'. Did you mean '--seed'?"),
        (["store", "verfy"], "UsageError: gamesim store: no command 'verfy'. Did you mean 'verify'?"),
        (["run"], "UsageError: gamesim run: Missing argument 'FILE'. See: gamesim run --help"),
        (["run", "commons/demo", "-j", "0"], "UsageError: gamesim run: Invalid value for '--workers'"),
        (["run", "commons/demo", "--progress", "bras"], "UsageError: --progress: no progress 'bras'. Did you mean 'bars'?"),
        (["check"], "UsageError: gamesim check: nothing to check."),
        (["compare", "x"], "UsageError: gamesim compare: a comparison needs two runs."),
        (["run", "commons/dmo"], "ScenarioError: commons/dmo: no such file. Did you mean 'commons/demo'?"),
        (["run", "."], "ScenarioError: .: is a directory."),
        (["list", "metics"], "no list 'metics'. Did you mean 'metrics'?"),
        (["schema", "environments/comons"], "Did you mean 'environments/commons'?"),
        (["show", "commons/dmo"], "ScenarioError: show: no scenario, run or kind 'commons/dmo'. Did you mean 'commons/demo'?"),
        (["run", "commons/demo", "--set", "environment.plyers=3"], "OverrideError: --set environment.plyers=3: no key 'environment.plyers'. Did you mean 'players'?"),
        (["run", "commons/demo", "--limit-wall", "10"], "ScenarioError: --limit-wall 10: 10 has no unit: write '10s', '10min' or '10h'."),
        (["run", "commons/demo", "--agents", "rulse"], "--agents: 'rulse' is not possible. Did you mean 'rules'?"),
        (["sweep", "commons/demo"], "OverrideError: --axis: a sweep needs an axis."),
        (["new", "enviroment", "x"], "Did you mean 'environment'?"),
        (["run", "league/psro_kuhn", "--set", "kind=pro"], "UnknownKindError: --set kind=pro: no experiment 'pro'. Did you mean 'psro'?"),
        (["run", "league/psro_kuhn", "--set", "meta_solver=nsh"], "ScenarioError: --set meta_solver=nsh: no meta-solver 'nsh'. Did you mean 'nash'?"),
        (["run", "league/psro_kuhn", "--set", "oracle=exat"], "ScenarioError: --set oracle=exat: no oracle 'exat'. Did you mean 'exact'?"),
        (["run", "league/psro_kuhn", "--set", "meta_solver={kind: rae, avrsion: 1}"], "no key 'meta_solver.avrsion'. Did you mean 'aversion'?"),
        (["run", "driving/crossing", "--set", "policies.thresholds=[a]"], "--set policies.thresholds=[a]: expected a number."),
        (["run", "games/kuhn_poker", "--set", "population.0.agent=efg.equilibrum"], "Did you mean 'efg.equilibrium'?"),
        (["run", "commons/demo", "--agents", "llm", "--model", "local/nothere.gguf"], "Another gguf file: {backend: local, path: FILE.gguf}"),
        (["solve", "kuhn", "--method", "cfr"], "--method: no method 'cfr'. Did you mean 'cfr_plus'?"),
        (["solve", "chicken", "--concept", "correlated", "--objective", "player:X"], "no player 'X'. Players: player_0, player_1."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_command_lines_end_with_two_and_one_line(
    gamesim: Callable[..., Any], arguments: list[str], message: str
) -> None:
    ended = gamesim(*arguments, code=2)
    assert message in ended.err
    assert ended.out == ""
    assert len(ended.err.strip().splitlines()) == 1
