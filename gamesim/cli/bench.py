"""``gamesim bench FILE``: models beside one another over scenarios and seeds, as one leaderboard; or what gamesim itself costs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .bench_suite import PEERS, SUITES, bench_suite
from .errors import UsageError
from .flags import (
    BaseUrl,
    KeyEnv,
    LimitCalls,
    LimitCost,
    LimitWall,
    NoPreflight,
    OpenReport,
    Overrides,
    Workers,
    command,
    limits_of,
    new_app,
)
from .interpret import ModelsFile, NoCheck, OneStage, Rounds, Samples, Strict, Wanted
from .output import Output

if TYPE_CHECKING:
    from gamesim.scenario.scenario import Scenario

app = new_app()

TEXT2GAME = "text2game"


@command(app, "bench", store=True, progress=True)
def bench(
    out: Output,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help=f"A bench: a file, a name such as bench/societies, text2game, or a suite: {', '.join(SUITES)}.",
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="One more player: local, openai/<id>, rule:<policy>, an alias."),
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, metavar="N", help="Societies of each cell.")] = None,
    overrides: Overrides = None,
    workers: Workers = 1,
    limit_wall: LimitWall = None,
    limit_calls: LimitCalls = None,
    limit_cost: LimitCost = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Print the bill and what it can tell apart, and end.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Play all again under another id.")] = False,
    browse: OpenReport = False,
    data: Annotated[
        str | None, typer.Option("--data", metavar="SET", help="Of text2game: dev, own, or a folder with index.json.")
    ] = None,
    attempts: Annotated[
        int | None, typer.Option("--attempts", min=1, max=1000, metavar="N", help="Of text2game: at each game; 5.")
    ] = None,
    replay: Annotated[
        str | None, typer.Option("--replay", metavar="REC", help="Of text2game: a folder it wrote; asks nobody.")
    ] = None,
    folder: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Of text2game: where it writes; by default in the store.")
    ] = None,
    models: ModelsFile = None,
    base_url: BaseUrl = None,
    api_key_env: KeyEnv = None,
    samples: Samples = 1,
    rounds: Rounds = 3,
    one_stage: OneStage = False,
    no_backtranslation: NoCheck = False,
    strict: Strict = False,
    no_preflight: NoPreflight = False,
    peer: Annotated[
        list[str] | None,
        typer.Option("--peer", metavar="NAME", help=f"Of a suite: compare with it alone: {', '.join(PEERS)}."),
    ] = None,
) -> Mapping[str, Any]:
    """Play models x scenarios x seeds; write leaderboard.html, .csv and .json.

    The same bench continues its run: a finished society is never played again. `gamesim bench text2game` scores a model at
    turning descriptions into games; flags from --data to --no-preflight belong to it alone. `gamesim bench risk` (solvers,
    commons, llm, all) measures what gamesim costs beside its peers, one line a figure; exit 1 if a floor is missed.
    """
    wanted = Wanted(
        model[0] if model else None, models, base_url, api_key_env, replay, samples, rounds, one_stage, no_backtranslation, strict,
        no_preflight, yes, limits_of(None, limit_calls, limit_cost),
    )  # fmt: skip
    if file in SUITES:
        others = (seeds, overrides, limit_wall, data, attempts, folder)
        if wanted != Wanted(None, limits={}) or any(flag for flag in (*others, workers > 1, estimate, new, browse)):
            raise UsageError("takes --peer alone.", where=f"gamesim bench {file}")
        return bench_suite(out, file, peer or ())
    if peer:
        raise UsageError(f"--peer belongs to a suite: {', '.join(SUITES)}.", where=f"gamesim bench {file[:60]}")
    if file == TEXT2GAME:
        from .bench_text2game import bench_text2game

        if len(model or ()) > 1 or seeds is not None or overrides or new or workers > 1 or limit_wall or browse:
            raise UsageError(
                "takes one --model, and none of --seeds, --set, --new, --workers, --limit-wall, --open.", where=f"gamesim bench {TEXT2GAME}"
            )  # fmt: skip
        return bench_text2game(out, wanted, data or "dev", attempts, folder, estimate)
    plain = Wanted(model[0] if model else None, yes=yes, limits=wanted.limits)
    if wanted != plain or data or attempts or folder:
        raise UsageError("--data and the flags after it belong to: gamesim bench text2game.", where=f"gamesim bench {file[:60]}")  # fmt: skip
    from gamesim.run.runner import run
    from gamesim.run.store import default_store

    from .progress import reporter

    scenario = load(file, overrides or (), model or (), seeds)
    store = Path(out.store) if out.store else default_store()
    limits = limits_of(limit_wall, limit_calls, limit_cost)
    work = announce(scenario, out, store)
    if estimate:
        return {**work, **estimated(scenario, out, store, limits)}
    if work["model_calls"] is None and not yes:
        ask(scenario, out, store, limits)
    played: list[int] = []
    with reporter(out, work["units"]) as progress:

        def hear(event: Mapping[str, Any]) -> None:
            progress(event)
            if event.get("event") == "run_done":
                played.append(int(event.get("played", 0)))

        if new:  # for the workers too
            os.environ["GAMESIM_FRESH"] = "1"
        record = run(scenario, store=store, workers=workers, on_event=hear, new=new, limits=limits or None)
    return {**work, "played": played[0] if played else None, **finished(record, out, browse=browse)}


def load(file: str, overrides: Sequence[str], models: Sequence[str], seeds: int | None) -> Scenario:
    """The bench, with further players and another number of seeds.

    Raises
    ------
    ScenarioError
        If the file is no bench, or a player has a name that is taken.
    """
    from gamesim.core.errors import ScenarioError, clean, did_you_mean
    from gamesim.scenario.resolve import load_scenario, resolve_data

    sets = [*overrides, *([f"seeds={seeds}"] if seeds is not None else [])]
    kind = [] if any(text.startswith("kind=") for text in sets) else ["kind=bench"]
    try:
        scenario = load_scenario(file, overrides=[*kind, *sets])
    except ScenarioError as error:
        if error.where == clean(file):  # there is no such file; a suite may be meant
            error.hint = did_you_mean(file, (*SUITES, TEXT2GAME)) or error.hint
        raise
    if scenario.kind != "bench":
        raise ScenarioError(f"is of kind '{clean(scenario.kind, 40)}', not a bench.", where=clean(file, 200))
    if not models:
        return scenario
    data = dict(scenario.data)
    taken = [item if isinstance(item, str) else str(item.get("name")) for item in data["board"]]
    for name in models:
        if name in taken:
            raise ScenarioError("is on the board already.", where=f"--model {clean(name, 60)}")
        taken.append(name)
    data["board"] = [*data["board"], *models]
    return resolve_data(data, origins=scenario.origins)


def announce(scenario: Scenario, out: Output, store: Path) -> dict[str, Any]:
    """How much work a bench is, said on standard error before it begins."""
    from gamesim.core.errors import clean
    from gamesim.core.registry import entry
    from gamesim.run.models.opening import used_models
    from gamesim.run.units import experiment_of

    found: Any = entry("experiments", scenario.kind)
    cells = found.cells(scenario)
    units = len(experiment_of(scenario.kind).units(scenario, {}))
    keys: Any = scenario.experiment
    asked = used_models(scenario)
    out.note(
        f"{clean(scenario.name, 80)}   {len(keys.board)} players x {len(keys.scenarios)} scenarios x {keys.seeds} seeds: {len(cells)} different "
        f"societies   {'model calls' if asked else 'no model calls'}   store {clean(store, 80)}"
    )
    return {
        "name": scenario.name,
        "cells": len(cells),
        "replicates": keys.seeds,
        "episodes": len(cells) * keys.seeds,
        "units": units,
        "model_calls": None if asked else 0,
        "store": str(store),
    }


def estimated(scenario: Scenario, out: Output, store: Path, limits: Mapping[str, Any]) -> dict[str, Any]:
    """The bill, and the smallest difference it buys."""
    from gamesim_analysis.bench.advice import advice
    from gamesim_analysis.bench.plan import plan_of

    from gamesim.run.models.rehearsal import bill

    found = bill(scenario, store, limits or None)
    for line in found.text().splitlines():
        out.say(line)
    told = advice(plan_of(scenario))
    out.say(told.text())
    return {
        "played": 0,
        "calls": [found.calls.low, found.calls.expected, found.calls.high],
        "tokens": [found.tokens.low, found.tokens.expected, found.tokens.high],
        "money": {currency: [r.low, r.expected, r.high] for currency, r in found.money().items()},
        "unpriced": list(found.unpriced),
        "seconds": [found.seconds.low, found.seconds.expected, found.seconds.high],
        "detectable_difference": told.difference,
    }


def ask(scenario: Scenario, out: Output, store: Path, limits: Mapping[str, Any]) -> None:
    """Ask before much money or many calls; without somebody to answer that is an error.

    Raises
    ------
    ScenarioError
        Where the bill needs ``--yes`` and nobody can be asked.
    """
    import sys

    from gamesim.core.errors import ScenarioError
    from gamesim.run.models.rehearsal import bill
    from gamesim.scenario.models import config_of, used_models

    if all(config_of(name, scenario.models).free() for name in used_models(scenario)):
        return
    found = bill(scenario, store, limits or None)
    if not found.needs_confirmation():
        return
    out.note(found.text())
    if not sys.stdin.isatty() or out.json:
        raise ScenarioError("the bill is above one unit of money or 10,000 calls.", hint="Say --yes, or lower --seeds.")
    typer.confirm("Go on?", abort=True, err=True)


def finished(record: Any, out: Output, *, browse: bool = False) -> dict[str, Any]:
    """The board on the screen and in its files."""
    rows, files = show_board(record, out)
    out.exit = record.manifest.exit_code
    if browse:
        import webbrowser

        webbrowser.open(files[0].resolve().as_uri())
    return {
        "run": str(record.path),
        "id": record.id,
        "status": record.manifest.status,
        "failed": sum(unit.status == "failed" for unit in record.units),
        "board": rows,
        "files": [str(path) for path in files],
    }


def show_board(record: Any, out: Output) -> tuple[list[dict[str, Any]], list[Path]]:
    """Write the board's files, print it, and hand back its rows and files."""
    from gamesim_analysis.bench.leaderboard import leaderboard

    from gamesim.core.errors import clean

    board = leaderboard(record)
    files = board.write(record.path)
    rows = board.table()
    table = []
    for row in rows:
        score = "" if row["score"] is None else f"{row['score']:.3f}"
        if score and row["score_low"] is not None:
            score += f" [{row['score_low']:.3f}, {row['score_high']:.3f}]"
        invalid = "" if not row["asked"] else f"{100 * row['invalid_rate']:.1f}%"
        rank = "–" if row["rank"] is None else f"{row['rank']} [{row['rank_low']}, {row['rank_high']}]"
        table.append([rank, row["player"], score, row["letters"] or "", invalid, row["not_ranked"] or row["note"]])
    out.table(["rank", "player", "score", "letters", "invalid", "note"], table)
    for text in board.notes:
        out.warn(f"{text}.")
    if board.statistics.depends_on_wording:
        out.warn(f"ranking depends on wording: Kendall's tau {board.statistics.tau:.2f}.")
    for path in files:
        out.say(clean(path, 400))
    return rows, files
