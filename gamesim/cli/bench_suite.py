"""``gamesim bench risk`` and its like: the scripts of ``benchmarks/``, each in a process of its own, and what they found together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import UsageError
from .output import Output

RISK = (  # P1 to P10 of docs/risk.md
    "solvers_leduc_lp", "solvers_cfr_plus", "psro_open_spiel", "solvers_alpha_rank", "risk_best_response", "driving_episodes", "psro_prd",
)  # fmt: skip
SUITES: Mapping[str, Sequence[str]] = {"risk": RISK, "solvers": ("solvers_",), "commons": ("commons_",), "llm": ("llm_",), "all": ("",)}  # fmt: skip
PEERS = {"open_spiel": ("pyspiel", "bench"), "highway": ("highway_env", "driving")}  # name: module, extra


def bench_suite(out: Output, suite: str, peers: Sequence[str]) -> Mapping[str, Any]:
    """Run the scripts of a suite one after another; exit code 1 if a floor is missed or a script ends with an error.

    Raises
    ------
    UsageError
        If no such peer is known.
    MissingExtraError
        If a peer that is named is not installed, or the scripts are not there.
    """
    _check(suite, peers)
    scripts = _scripts(suite)
    figures: list[dict[str, Any]] = []
    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="gamesim-bench-") as folder:
        told = Path(folder) / "figures.jsonl"
        wanted = {"GAMESIM_BENCH_FIGURES": str(told), "GAMESIM_BENCH_PEERS": ",".join(peers)}
        for script in scripts:
            out.note(script.name)
            code = _run(out, script, wanted)
            found = [json.loads(line) for line in told.read_text("utf-8").splitlines()] if told.exists() else []
            told.unlink(missing_ok=True)
            figures += [{"script": script.name, **one} for one in found]
            if code and not any(one["status"] == "MISSED" for one in found):
                broken.append(script.name)
    missed = [f"{one['script']}: {one['id']}" for one in figures if one["status"] == "MISSED"]
    bare = [f"{one['id']}: {one['absent']}" for one in figures if one.get("absent")]
    out.say(
        f"{suite}: {len(figures)} figures, {sum(one['status'] == 'met' for one in figures)} met, {len(missed)} missed"
    )
    for title, names in (("missed", missed), ("without its peer", bare), ("ended with an error", broken)):
        for name in names:
            out.say(f"  {title}: {name}")
    out.exit = 1 if missed or broken else 0
    return {"suite": suite, "figures": figures, "missed": missed, "not_compared": bare, "broken": broken}


def _scripts(suite: str) -> list[Path]:
    """What belongs to a suite, of ``gamesim/_benchmarks`` of a wheel or ``benchmarks`` of a checkout."""
    from gamesim.core.errors import MissingExtraError

    package = Path(__file__).resolve().parents[1]
    folder = next((f for f in (package / "_benchmarks", package.parent / "benchmarks") if (f / "_timing.py").is_file()), None)  # fmt: skip
    if folder is None:
        raise MissingExtraError("the benchmark scripts are not part of this installation.", hint="Run it in a checkout of gamesim.")  # fmt: skip
    starts = SUITES[suite]
    if suite == "risk":
        return [folder / f"{name}.py" for name in starts]
    return [path for path in sorted(folder.glob("[!_]*.py")) if path.name.startswith(tuple(starts))]


def _check(suite: str, peers: Sequence[str]) -> None:
    from gamesim.core.errors import MissingExtraError, clean, did_you_mean

    for name in peers:
        if name not in PEERS:
            hint = did_you_mean(name, PEERS) or f"Possible: {', '.join(PEERS)}."
            raise UsageError(f"no peer '{clean(name, 40)}'.", where=f"gamesim bench {suite}", hint=hint)
        module, extra = PEERS[name]
        if find_spec(module) is None:
            raise MissingExtraError.of(f"the peer {name} is not installed", extra)


def _run(out: Output, script: Path, more: Mapping[str, str]) -> int:
    """One script, its lines shown as they come."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env={**os.environ, **threads, **more}
    ) as child:
        try:
            for line in child.stdout or ():
                out.say(line.rstrip())
                sys.stdout.flush()
        except BaseException:
            child.terminate()
            raise
    return child.returncode
