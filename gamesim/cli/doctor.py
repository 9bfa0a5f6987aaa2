"""``gamesim doctor``: what is installed, what is missing, what is wrong. Network is touched only when an endpoint is named."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .flags import command, new_app
from .output import Output

app = new_app()

CORE = (
    "numpy",
    "scipy",
    "networkx",
    "pettingzoo",
    "pydantic",
    "ruamel.yaml",
    "typer",
    "rich",
    "jinja2",
    "openai",
    "duckdb",
    "vl-convert-python",
    "rfc8785",
)
# Extra -> distributions it brings, and what it is for.
EXTRAS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "gambit": (("pygambit",), "equilibria by Gambit"),
    "abm": (("mesa",), "societies as Mesa models"),
    "frames": (("pandas", "polars", "pyarrow"), "data frames"),
    "local": (("xllamacpp",), "the embedded language model"),
    "learn": (("torch",), "oracles that learn"),
    "driving": (("highway-env",), "driving in highway-env"),
    "axelrod": (("axelrod",), "Axelrod's strategies"),
    "notebooks": (("nbclient", "ipykernel"), "notebooks"),
}


@dataclass(frozen=True)
class Check:
    """One line: ``ok``, ``absent`` (fine unless wanted) or ``fault``."""

    name: str
    state: Literal["ok", "absent", "fault"]
    message: str


@command(app, "doctor", store=True)
def doctor(
    out: Output,
    fix: Annotated[bool, typer.Option("--fix", help="Remove what dead processes left in the store.")] = False,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="URL", help="Also ask this model endpoint for its list of models."),
    ] = None,
) -> Mapping[str, Any]:
    """What is installed, what is missing, what is wrong; exit 1 if there is a fault."""
    store = _store(out)
    checks = [
        _python(),
        *_core(),
        *_extras(),
        _weights(),
        _cache(store),
        _keys(),
        _plugins(),
        _gambit(),
        _compiler(),
        _disk(store),
        _locks(store),
        _store_runs(store),
        _clock(),
        _threads(),
        _browser(),
    ]
    if endpoint is not None:
        checks.append(_endpoint(endpoint))
    if fix:
        checks.append(_fix(store))
    out.table(
        ["check", "state", "what"], [[check.name, check.state, check.message] for check in checks], keep=3, limit=160
    )
    faults = sum(check.state == "fault" for check in checks)
    out.say("no faults." if not faults else f"{faults} fault{'s' if faults != 1 else ''}.")
    out.exit = 1 if faults else 0
    return {"checks": [vars(check) for check in checks], "faults": faults}


def _store(out: Output) -> Path:
    from gamesim.run.store import default_store

    return Path(out.store) if out.store else default_store()


def _python() -> Check:
    from gamesim import __version__

    here = ".".join(map(str, sys.version_info[:3]))
    return Check(
        "gamesim", "ok" if sys.version_info >= (3, 11) else "fault", f"{__version__} on Python {here}, {sys.platform}"
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _core() -> list[Check]:
    found = {name: _version(name) for name in CORE}
    missing = [name for name, here in found.items() if here is None]
    text = ", ".join(f"{name} {here}" for name, here in found.items() if here is not None)
    checks = [Check("core", "ok", text)]
    if missing:
        checks.append(Check("core", "fault", f"missing: {', '.join(missing)}; install gamesim again"))
    return checks


def _extras() -> list[Check]:
    checks = []
    for extra, (names, purpose) in EXTRAS.items():
        found = {name: _version(name) for name in names}
        missing = [name for name, here in found.items() if here is None]
        if missing:
            checks.append(
                Check(f"[{extra}]", "absent", f"{purpose} need {', '.join(missing)}: pip install 'gamesim[{extra}]'")
            )
        else:
            checks.append(Check(f"[{extra}]", "ok", ", ".join(f"{name} {here}" for name, here in found.items())))
    return checks


def _gambit() -> Check:
    """Which of the features that gamesim uses this version of Gambit has; a missing one disables what needs it."""
    from gamesim_analysis.equilibrium import gambit

    from gamesim.core.errors import GamesimError

    if not gambit.installed():
        return Check("Gambit", "absent", "the native solvers remain")
    try:
        found, has = gambit.features_found()
    except GamesimError as error:
        return Check("Gambit", "fault", str(error))
    lacking = [name for name, there in has.items() if not there and name not in gambit.EITHER]
    told = f"{found}; {sum(has.values())} features found"
    return Check("Gambit", "ok", f"{told}, without {', '.join(lacking)}" if lacking else told)


def _weights() -> Check:
    """The embedded model's weights and whether they are the ones that were measured."""
    from gamesim.core.errors import GamesimError

    try:
        from gamesim_agents.llm.backends.local import SHA256, check_weights, weights

        path = weights()
    except (GamesimError, ImportError) as error:
        return Check("weights", "absent", str(error))
    try:
        check_weights(path, SHA256)
    except GamesimError as error:
        return Check("weights", "fault", str(error))
    return Check("weights", "ok", f"{path.name}, {path.stat().st_size:,} bytes, hash as expected")


def _cache(store: Path) -> Check:
    from gamesim.run.models.cache import NAME

    path = store / NAME
    if not path.exists():
        return Check("cache", "absent", "no answers of models are kept in this store yet")
    size = sum(file.stat().st_size for file in store.glob(f"{NAME}*"))
    private = path.stat().st_mode & 0o077 == 0
    return Check(
        "cache",
        "ok" if private else "fault",
        f"{path}, {size / 2**20:.1f} MiB{'' if private else ', others can read it'}",
    )


def _keys() -> Check:
    """Names of set variables that look like a model server's key; never a value."""
    names = sorted(
        name
        for name, value in os.environ.items()
        if value and name.upper().endswith(("API_KEY", "_KEY_ENV", "_APIKEY"))
    )
    return Check("keys", "ok" if names else "absent", ", ".join(names[:20]) or "no variable named ..._API_KEY is set")


def _plugins() -> Check:
    from gamesim.core.errors import GamesimError
    from gamesim.core.registry import GROUPS, entry, names

    broken = []
    count = 0
    for group in GROUPS:
        for name in names(group):
            count += 1
            try:
                entry(group, name)
            except GamesimError as error:
                broken.append(str(error))
    if broken:
        return Check("plugins", "fault", f"{len(broken)} of {count} are broken (gamesim list --broken): {broken[0]}")
    return Check("plugins", "ok", f"{count} registered things load")


def _compiler() -> Check:
    found = next((name for name in ("c++", "g++", "clang++") if shutil.which(name)), None)
    return Check("compiler", "ok" if found else "absent", f"{found}" if found else "none; wheels need none")


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path if path.is_dir() else path.parent


def _disk(store: Path) -> Check:
    from gamesim.run.limits import FREE_DISK, MIB

    place = _existing(store.absolute())
    free = shutil.disk_usage(place).free
    writable = os.access(place, os.W_OK)
    if not writable:
        return Check("store", "fault", f"{store} cannot be written")
    return Check("store", "ok" if free >= FREE_DISK else "fault", f"{store}, {free / MIB / 1024:,.1f} GiB free")


_PROBE = """
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(0)
sys.exit(1)
"""


def _locks(store: Path) -> Check:
    """Two processes must not hold one lock: some network file systems pretend."""
    import fcntl
    import subprocess

    place = _existing(store.absolute())
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".gamesim-doctor-") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            done = subprocess.run([sys.executable, "-I", "-c", _PROBE, file.name], timeout=30, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return Check("locks", "fault", f"cannot be tried in {place}: {type(error).__name__}")
    return (
        Check("locks", "ok", "work between processes")
        if done.returncode == 0
        else Check("locks", "fault", f"do not work in {place}; choose another --store")
    )


def _store_runs(store: Path) -> Check:
    from gamesim.run.store import verify_store

    if not store.is_dir():
        return Check("runs", "ok", "none yet")
    found = verify_store(store)
    damaged = [one for one in found if one.status == "damaged"]
    if damaged:
        return Check(
            "runs", "fault", f"{len(damaged)} of {len(found)} are damaged: {damaged[0].path.name}: {damaged[0].message}"
        )
    stopped = sum(one.status == "stopped" for one in found)
    return Check("runs", "ok", f"{len(found)} intact" + (f", {stopped} can be resumed" if stopped else ""))


def _clock() -> Check:
    began, steady = time.time(), time.monotonic()
    time.sleep(0.05)
    drift = abs((time.time() - began) - (time.monotonic() - steady))
    year = time.gmtime().tm_year
    good = drift < 0.5 and year >= 2024
    return Check("clock", "ok" if good else "fault", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def _threads() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Check("processors", "ok", f"{cores}; try --workers {cores}")


def _browser() -> Check:
    import webbrowser

    known: list[Callable[[], Any]] = [lambda: webbrowser.get()]
    try:
        known[0]()
    except webbrowser.Error:
        return Check("browser", "absent", "none; reports are single files, open them elsewhere")
    return Check("browser", "ok", "reports open with --open")


def _endpoint(url: str) -> Check:
    """Whether a model endpoint answers; asked only because the user named it."""
    from urllib.error import URLError
    from urllib.parse import urlsplit
    from urllib.request import Request, urlopen

    from gamesim.core.errors import clean

    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        return Check("endpoint", "fault", f"'{clean(url, 100)}' is no http address")
    try:
        with urlopen(
            Request(url.rstrip("/") + "/models", headers={"Accept-Encoding": "identity"}), timeout=5
        ) as answer:
            answer.read(1 << 16)
            return Check("endpoint", "ok", f"{clean(url, 100)} answers {answer.status}")
    except URLError as error:
        return Check("endpoint", "fault", f"{clean(url, 100)}: {clean(error.reason, 100)}")
    except (OSError, ValueError) as error:
        return Check("endpoint", "fault", f"{clean(url, 100)}: {type(error).__name__}")


def _fix(store: Path) -> Check:
    from gamesim.run.store import prune

    gone = prune(store) if store.is_dir() else []
    return Check("fix", "ok", f"{len(gone)} leftovers removed")
