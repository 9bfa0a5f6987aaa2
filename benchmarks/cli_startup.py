"""What `gamesim --help` and `gamesim check` cost, against a plain typer program and bare imports.

Peers: a two-command typer application with plain help; what a checker of YAML files imports at least, by name, since
`import pydantic` alone loads next to nothing in its present versions (that ratio is printed too). CPU seconds of child processes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from _timing import ceiling, child_medians, end, line

PLAIN = """
import typer
app = typer.Typer(rich_markup_mode=None, add_completion=False)
@app.command()
def one(name: str = typer.Argument(..., help="A name.")): ...
@app.command()
def two(count: int = typer.Option(1, help="How often.")): ...
app()
"""
IMPORTS = "from pydantic import BaseModel, Field; from ruamel.yaml import YAML"
HEAVY = ("ray", "torch", "mesa", "pygambit", "openai", "pettingzoo", "duckdb", "pandas", "rich")
SCENARIO = "commons/paper_a_harsh_mixed"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN)
        gamesim = [sys.executable, "-c", "from gamesim.cli.main import main; main()"]
        help_, peer = child_medians([*gamesim, "--help"], [sys.executable, str(plain), "--help"])
        check, imports, bare = child_medians(
            [*gamesim, "check", SCENARIO], [sys.executable, "-c", IMPORTS], [sys.executable, "-c", "import pydantic, ruamel.yaml"]
        )  # fmt: skip
    code = f"import sys; sys.argv = ['gamesim', '--help']\nfrom gamesim.cli.main import main\ntry: main()\nexcept SystemExit: pass\nfinally: print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.strip()
    line("help_cpu_s", help_, "s")
    line("check_cpu_s", check, "s")
    line("check_vs_bare_imports", check / bare, "x")
    print(f"help_loads {loaded}")
    end(
        ceiling("help_vs_plain_typer", help_ / peer, 2.0, "x"),
        ceiling("help_cpu", help_, 0.5, "s"),
        ceiling("check_vs_imports", check / imports, 4.0, "x"),
        loaded == "[]",
    )


if __name__ == "__main__":
    main()
