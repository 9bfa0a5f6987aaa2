"""Flags that commands share, and the decorator that gives every command the common ones."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from .output import Output

PROGRESS = ("auto", "bars", "plain", "json", "none")


def new_app(help: str | None = None) -> typer.Typer:
    return typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False, help=help)


def _progress(value: str) -> str:
    if value not in PROGRESS:
        from gamesim.core.errors import did_you_mean

        from .errors import UsageError

        raise UsageError(
            f"no progress '{value[:40]}'.",
            where="--progress",
            hint=did_you_mean(value, PROGRESS) or f"Possible: {', '.join(PROGRESS)}.",
        )
    return value


_COMMON: Mapping[str, tuple[Any, Any]] = {
    "json": (Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")], False),
    "quiet": (Annotated[bool, typer.Option("--quiet", "-q", help="No notes, no progress.")], False),
    "verbose": (Annotated[bool, typer.Option("--verbose", "-v", help="Say more; show traces of errors.")], False),
    "no_color": (Annotated[bool, typer.Option("--no-color", help="No colours; so does NO_COLOR.")], False),
}
_STORE = (
    Annotated[str | None, typer.Option("--store", metavar="DIR", help="Directory of runs [GAMESIM_STORE, else runs].")],
    None,
)
_PROGRESS = (
    Annotated[
        str, typer.Option("--progress", metavar="HOW", callback=_progress, help="auto, bars, plain, json or none.")
    ],
    "auto",
)

current: list[Output] = []  # what the running command writes to, for whoever reports its end

Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Set a key, such as environment.players=8.")
]
Workers = Annotated[int, typer.Option("--workers", "-j", min=1, max=1024, metavar="N", help="Processes that play.")]
LimitWall = Annotated[
    str | None, typer.Option("--limit-wall", metavar="TIME", help="Stop after this long, such as 10min; resumable.")
]
LimitCalls = Annotated[
    int | None, typer.Option("--limit-calls", min=0, metavar="N", help="Most calls to language models.")
]
LimitCost = Annotated[
    str | None,
    typer.Option(
        "--limit-cost", "--budget", metavar="MONEY", help="Most that calls may cost, such as '5 USD'; +5: so much more."
    ),
]
Model = Annotated[
    str | None,
    typer.Option("--model", metavar="SPEC", help="Who plays: an alias, local, openai/<name>, rule:<policy>."),
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Where the model's server is, such as http://127.0.0.1:8000/v1."),
]
KeyEnv = Annotated[
    str | None, typer.Option("--api-key-env", metavar="NAME", help="Environment variable that holds the server's key.")
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Take no answer from the store's cache, and keep none there.")
]
NoPreflight = Annotated[bool, typer.Option("--no-preflight", help="No call to each model before the first unit.")]
OpenReport = Annotated[bool, typer.Option("--open", help="Open the report in a browser.")]


class Stopped(Exception):
    """An interruption on its way past typer, which would forget what it says."""

    def __init__(self, cause: KeyboardInterrupt) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Unread(Exception):
    """Nobody reads the output any more, as after ``| head``; typer would call that a failure."""


def command(
    app: typer.Typer, name: str, *, store: bool = False, progress: bool = False
) -> Callable[[Callable[..., Mapping[str, Any]]], Callable[..., Mapping[str, Any]]]:
    """Register ``function(out, ...)`` as a command with the common flags; what it returns is the object of ``--json``."""

    def register(function: Callable[..., Mapping[str, Any]]) -> Callable[..., Mapping[str, Any]]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        common = {**_COMMON, **({"store": _STORE} if store else {}), **({"progress": _PROGRESS} if progress else {})}
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for key, (annotation, default) in common.items()
        ]

        def run(**given: Any) -> None:
            flags = {key: given.pop(key) for key in common}
            out = Output(command=name, **flags)
            current.append(out)
            try:
                out.finish(function(out, **given))
                sys.stdout.flush()
            except KeyboardInterrupt as error:
                raise Stopped(error) from error
            except BrokenPipeError as error:
                raise Unread from error
            if out.exit:
                raise typer.Exit(out.exit)

        ours = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        run.__signature__ = inspect.Signature([*ours, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*ours, *shared]}
        run.__doc__ = function.__doc__
        run.__name__ = function.__name__
        app.command(name.split()[-1])(run)
        return function

    return register


def limits_of(wall: str | None, calls: int | None = None, cost: str | None = None) -> dict[str, Any]:
    """Limits of the command line, under the rules of the scenario's."""
    from gamesim.core.errors import ScenarioError
    from gamesim.run.limits import More
    from gamesim.scenario.quantities import duration, money

    found: dict[str, Any] = {}
    for flag, key, value, read in (("--limit-wall", "wall", wall, duration), ("--limit-cost", "cost", cost, money)):
        if value is not None:
            try:
                text = value.removeprefix("+").strip() if key == "cost" else value
                bare = text.replace(".", "", 1).isdecimal()
                amount = read(f"{text} USD" if bare and key == "cost" else float(text) if bare else text)
                found[key] = More(float(amount)) if text != value and value.startswith("+") else amount
            except ValueError as error:
                raise ScenarioError(f"{error}.", where=f"{flag} {value[:60]}") from None
    if calls is not None:
        found["calls"] = calls
    return found
