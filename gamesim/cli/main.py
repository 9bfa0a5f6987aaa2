"""The command ``gamesim``: finds the module of a command when it is asked for, and ends as the table of exit codes says."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gamesim.core.errors import GamesimError, did_you_mean

from .errors import UsageError, bug, report
from .flags import Stopped, Unread, current
from .output import Output

# Name -> what it does. The module is imported when the command is asked for.
COMMANDS = {
    "run": "Play a scenario; the same scenario continues its run.",
    "sweep": "Play a scenario over axes given here.",
    "resume": "Go on with a run that was stopped.",
    "replay": "Play back a run, or prove that it can be played again.",
    "check": "Validate scenarios, count and estimate their work; play nothing.",
    "list": "What is installed: kinds, scenarios, runs.",
    "show": "A scenario, a run, an event, or a kind with its keys.",
    "schema": "JSON schemas of scenarios, kinds and of what --json prints.",
    "report": "Write report.html of one or more runs.",
    "compare": "Paired differences between runs, with intervals.",
    "solve": "Equilibria of a game, each with its certificate.",
    "interpret": "A described game as a checked one, with all that was assumed.",
    "export": "A table of a run as csv, parquet, jsonl or arrow.",
    "import": "Foreign data as a run.",
    "bench": "Models beside one another, as one leaderboard.",
    "calibrate": "Where findings hold over parameters that were left open.",
    "store": "Care of runs: verify, prune, pack, unpack.",
    "new": "A plugin package that passes its tests.",
    "doctor": "What is installed, what is missing, what is wrong.",
}
RENAMED = {"list": "list_", "import": "import_"}  # words that Python keeps


class LazyGroup(TyperGroup):
    """Commands by name, each in a module of its own."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"gamesim.cli.{RENAMED.get(cmd_name, cmd_name)}")
        found = typer.main.get_command(module.app)
        found.name = cmd_name
        return found

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], COMMANDS) or f"Commands: {', '.join(COMMANDS)}."
            raise UsageError(f"no command '{_shown(args[0])}'.", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """From the table above, so that help imports no command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"max_content_width": 120},
)


def _version(value: bool) -> None:
    if value:
        from gamesim import __version__

        print(f"gamesim {__version__}")
        raise typer.Exit()


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Put any agents into any game and measure them against equilibrium."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and end the process."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    code = run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # `gamesim list | head` has read enough
        _drop_stdout()
        code = code if code else 0
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line; the exit code."""
    current.clear()
    try:
        return _invoke(arguments)
    except (BrokenPipeError, Unread):
        _drop_stdout()
        return 0
    except GamesimError as error:
        return report(error, _out(arguments))
    except Stopped as stopped:
        return _interrupted(stopped.cause, arguments)
    except KeyboardInterrupt as error:
        return _interrupted(error, arguments)
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 1
    except MemoryError as error:
        return bug(error, _out(arguments), arguments)
    except Exception as error:
        return bug(error, _out(arguments), arguments)


_ClickError: Any = typer.BadParameter.__mro__[2]  # ClickException, of whichever click this typer brings


def _invoke(arguments: list[str]) -> int:
    group = typer.main.get_command(app)
    try:
        result = group.main(args=arguments, prog_name="gamesim", standalone_mode=False)
    except typer.Exit as ending:
        return int(ending.exit_code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _ClickError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            return 2
        raise _usage(error) from None
    return result if isinstance(result, int) else 0


def _usage(error: Any) -> UsageError:
    """Click's complaint in our words, with the nearest flag."""
    command = error.ctx.command_path if getattr(error, "ctx", None) is not None else "gamesim"
    name = type(error).__name__
    if name == "NoSuchOption":
        flags = sorted({flag for parameter in error.ctx.command.params for flag in parameter.opts}) if error.ctx else []
        hint = did_you_mean(error.option_name, flags) or f"See: {command} --help"
        return UsageError(f"no flag '{_shown(error.option_name)}'.", where=command, hint=hint)
    if name == "NoSuchCommand" or "No such command" in error.format_message():
        given = getattr(error, "command_name", None) or error.format_message().split("'")[1::2][0]
        options = list(getattr(error.ctx.command, "commands", {})) if error.ctx else []
        hint = did_you_mean(given, options) or f"Commands: {', '.join(options)}."
        return UsageError(f"no command '{_shown(given)}'.", where=command, hint=hint)
    message = " ".join(str(error.format_message()).split()).rstrip(".")
    return UsageError(f"{_shown(message, 300)}.", where=command, hint=f"See: {command} --help")


def _shown(text: str, limit: int = 60) -> str:
    from gamesim.core.errors import clean

    return clean(text, limit)


def _out(arguments: list[str]) -> Output:
    """The output of the command that ran, or what the flags say if none had begun."""
    if current:
        return current[-1]
    name = next((word for word in arguments if not word.startswith("-")), "")
    return Output(
        command=name if name in COMMANDS else "",
        json="--json" in arguments,
        verbose="--verbose" in arguments,
        no_color="--no-color" in arguments,
    )


def _interrupted(error: KeyboardInterrupt, arguments: list[str]) -> int:
    """A run says how to go on; anything else just ends."""
    code = int(getattr(error, "exit_code", 130))
    message = str(error) or "interrupted."
    out = _out(arguments)
    if out.json:
        from .output import as_json

        path = getattr(error, "path", None)
        told = {"type": "Interrupted", "message": message, "run": str(path) if path else None, "exit": code}
        print(as_json({"command": out.command, "error": told, "exit": code}))
    else:
        print(message, file=sys.stderr)
    return code


def _drop_stdout() -> None:
    """Nobody reads any more; what is still buffered must not raise at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
