"""``gamesim solve GAME``: equilibria with a certificate each, in a table and in words."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any

import typer

from .flags import command, new_app
from .output import Output

app = new_app()

SHOWN = 40  # equilibria in the table


@command(app, "solve")
def solve(
    out: Output,
    game: Annotated[
        str, typer.Argument(metavar="GAME", help="FILE.efg, FILE.nfg, game.yaml or catalog:NAME (gamesim list games).")
    ],
    concept: Annotated[
        str | None,
        typer.Option(
            "--concept",
            help="nash, pure, spe, value, correlated, coarse, team or truthful; by default what suits the game.",
        ),
    ] = None,
    method: Annotated[str, typer.Option("--method", help="A solver (gamesim list solvers), or auto.")] = "auto",
    every: Annotated[bool, typer.Option("--all", help="All equilibria that can be had, instead of one.")] = False,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, max=86400, metavar="S", help="Stop after this long.")
    ] = 60.0,
    memory: Annotated[
        int, typer.Option("--memory", min=256, metavar="MIB", help="Most memory of a solver in its own process.")
    ] = 2048,
    objective: Annotated[
        str | None, typer.Option("--objective", help="welfare, worst, egalitarian or player:NAME (correlated play).")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say which methods would be tried and why; solve nothing.")
    ] = False,
) -> Mapping[str, Any]:
    """Equilibria of a game, each with the largest gain that anybody could make by leaving it."""
    from gamesim_analysis.equilibrium.router import ALIASES, choose
    from gamesim_analysis.equilibrium.router import solve as solve_game
    from gamesim_analysis.equilibrium.sources import read_game
    from gamesim_analysis.equilibrium.told import certificate_in_words, facts, name_of, summary, told
    from gamesim_analysis.equilibrium.told_others import FITTING

    from gamesim.core.errors import clean
    from gamesim.core.solution import Limits

    subject = read_game(game)
    limits = Limits(seconds=seconds, cpu_seconds=seconds, memory=memory << 20)
    known = facts(subject)
    default = "spe" if known.get("perfect_information") and not every and method == "auto" else "nash"
    default = FITTING.get(known["kind"], default)
    asked = ALIASES.get(concept or default, concept or default)
    if plan:
        steps = choose(subject, asked, every, limits)
        out.table(["method", "why"], [[step.method, step.why] for step in steps], limit=100)
        return {"game": known, "plan": [{"method": step.method, "why": step.why} for step in steps]}
    parameters = {} if objective is None else {"objective": objective}
    solution = solve_game(subject, asked, method=method, every=every, limits=limits, **parameters)
    out.say(f"{clean(name_of(subject, game), 80)}: {summary(subject)}")
    rows = []
    for number, equilibrium in enumerate(solution.equilibria[:SHOWN], 1):
        one = told(subject, equilibrium)
        payoffs = "(" + ", ".join(_text(value) for value in equilibrium.payoffs) + ")"
        certificate = equilibrium.certificate
        rows.append([number, payoffs, one["words"], f"{_text(certificate.gap)} {certificate.grade}"])
    if rows:
        out.table(["#", "payoffs", "how it is played", "regret"], rows, keep=2, limit=84)
    if len(solution.equilibria) > SHOWN:
        out.say(f"... and {len(solution.equilibria) - SHOWN:,} more; --json lists them all.")
    out.say(certificate_in_words(solution))
    for note in solution.notes:
        out.say(f"Note: {clean(note, 300)}")
    if solution.stopped in ("seconds", "memory", "iterations"):
        out.exit = 5
    elif solution.stopped == "crash" and not solution.equilibria:
        out.exit = 4
    elif not solution.equilibria:
        out.exit = 1
    return {
        "schema": "gamesim.solution/1",
        "game": known,
        "request": {"concept": asked, "method": method, "all": every, "seconds": seconds},
        "concept": solution.concept,
        "method": solution.method,
        "covers": solution.covers,
        "complete": solution.complete,
        "exact": solution.exact,
        "selection": solution.selection,
        "stopped": solution.stopped,
        "equilibria": [told(subject, equilibrium) for equilibrium in solution.equilibria],
        "rejected": [told(subject, equilibrium) for equilibrium in solution.rejected],
        "certificate": certificate_in_words(solution),
        "notes": list(solution.notes),
        "versions": dict(solution.versions),
        "elapsed": {"seconds": solution.seconds, "cpu_seconds": solution.cpu_seconds},
    }


def _text(value: Any) -> str:
    return str(value) if isinstance(value, (Fraction, int)) else f"{float(value):.6g}"
