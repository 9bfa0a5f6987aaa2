"""``gamesim solve GAME``: equilibria with a certificate each, in a table, in words, as pictures and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import UsageError
from .flags import BaseUrl, KeyEnv, command, new_app
from .interpret import ModelsFile, Samples, Translator, Wanted
from .output import Output, as_json
from .solve_repeated import REPEATED, Discount, figure, refuse_others, repeated
from .solve_risk import ATTITUDES, Aversion, Start, Trace, Tremble, attitude, say_branch, started, traced

if TYPE_CHECKING:
    from gamesim.core.solution import Equilibrium, Limits, Ranking, Solution

app = new_app()

SHOWN = 40  # equilibria in the table
TOLD = 12  # equilibria told in words
MOST_DRAWS = 10_000
OF_SAMPLES = ("rae", "rqe", "cvar")  # concepts that need what a run says of variance, not its means alone


@command(app, "solve", store=True)
def solve(
    out: Output,
    game: Annotated[
        str | None,
        typer.Argument(
            metavar="GAME",
            help="FILE.efg, .nfg, .yaml, .json, .csv or .txt (controlled English), a name (gamesim list games), a scenario, a run, or - for standard input.",
        ),
    ] = None,
    concept: Annotated[
        str | None,
        typer.Option(
            "--concept",
            help="nash, all, pure, spe, value, correlated, coarse, team, truthful, rae, ..., folk, memory_one; by default what suits the game.",
        ),
    ] = None,
    method: Annotated[str, typer.Option("--method", help="A solver (gamesim list solvers), or auto.")] = "auto",
    every: Annotated[bool, typer.Option("--all", help="All equilibria that can be had, instead of one.")] = False,
    stop_after: Annotated[
        int | None, typer.Option("--stop-after", min=1, metavar="N", help="List at most so many equilibria.")
    ] = None,
    wall: Annotated[
        str, typer.Option("--limit-wall", "--seconds", metavar="TIME", help="Stop after this long, such as 60s.")
    ] = "60s",
    cpu: Annotated[
        str | None,
        typer.Option("--limit-cpu", metavar="TIME", help="Most processor time of a solver in its own process."),
    ] = None,
    memory: Annotated[
        str, typer.Option("--limit-memory", "--memory", metavar="SIZE", help="Its most memory, such as 2GiB.")
    ] = "2GiB",
    exact: Annotated[
        bool, typer.Option("--exact", help="Only equilibria proved in fractions count; others are listed as rejected.")
    ] = False,
    cross: Annotated[
        bool, typer.Option("--cross-check", help="Ask every method that takes the game; say whether they agree.")
    ] = False,
    rationality: Annotated[
        float | None,
        typer.Option("--lambda", min=0, metavar="L", help="Rationality of quantal responses, in 1/payoff."),
    ] = None,
    beta: Annotated[
        float | None, typer.Option("--beta", metavar="B", help="Strength of the pull towards a reference.")
    ] = None,
    objective: Annotated[
        str | None, typer.Option("--objective", help="welfare, worst, egalitarian or player:NAME (correlated play).")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=VALUE",
            help="A parameter of a game of the catalog (crash=-10), or of the method (alpha=.1).",
        ),
    ] = None,
    aversion: Aversion = None,
    tremble: Tremble = None,
    start: Start = None,
    trace: Trace = None,
    discount: Discount = None,
    words: Annotated[
        bool, typer.Option("--explain", "--words", help="Say how and why each equilibrium is played.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say which methods would be tried and why; solve nothing.")
    ] = False,
    svg: Annotated[
        str | None,
        typer.Option(
            "--svg",
            "--draw",
            metavar="FILE",
            help="Write a picture of the game and equilibrium 1; with --trace of the branch.",
        ),
    ] = None,
    dot: Annotated[bool, typer.Option("--dot", help="Print the game as DOT (Graphviz), and nothing else.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print the game as Mermaid, and nothing else.")] = False,
    folder: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Write solution.json, game.svg and report.html there.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", metavar="PATH=VALUE", help="Of a run whose sweep varied more than who plays: which game."
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", min=0, max=MOST_DRAWS, help="Of a run: how often its table is drawn again.")
    ] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of those draws.")] = 0,
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="A game in words, or @FILE; prose needs a --model.")
    ] = None,
    model: Translator = None,
    models: ModelsFile = None,
    base_url: BaseUrl = None,
    api_key_env: KeyEnv = None,
    samples: Samples = 1,
    replay: Annotated[
        str | None, typer.Option("--replay", metavar="REC", help="Of --text: answer from a record; ask nobody.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Of --text: solve what samples dispute; ask nothing.")
    ] = False,
) -> Mapping[str, Any]:
    """Equilibria of a game, each with the largest gain that anybody could make by leaving it."""
    from gamesim_analysis.equilibrium.concepts import concept_named, solved
    from gamesim_analysis.equilibrium.concepts import plan as plan_of
    from gamesim_analysis.equilibrium.document import crossed, document
    from gamesim_analysis.equilibrium.method import table_of
    from gamesim_analysis.equilibrium.sources import parameters_of, read_source
    from gamesim_analysis.equilibrium.told import facts

    from gamesim.core.errors import clean

    limits = _limits(wall, cpu, memory, stop_after)
    given = _params(param or ())
    rules = {name: given.pop(name) for name in list(given) if name in parameters_of(game)}
    parameters = {**_parameters(rationality, beta, objective), **attitude(aversion, tremble), **given}
    if concept is not None and concept not in ("all", *REPEATED):
        concept_named(concept, also=REPEATED)
    if discount is not None and concept not in REPEATED:
        raise UsageError("is of repeated play.", where="--discount", hint="Ask for --concept folk or memory_one.")
    _known_method(method)
    if text is not None or replay is not None:
        from .interpret import source_of

        if game is not None:
            raise UsageError("either GAME or --text.", where="gamesim solve")
        source = source_of(out, text, Wanted(model, models, base_url, api_key_env, replay, samples, yes=yes))
        game = "--text"
    elif model is not None or models is not None or samples != 1:
        raise UsageError("a model reads what --text says, not a GAME.", where="--model", hint="gamesim solve --text @FILE --model ...")  # fmt: skip
    elif game is None:
        raise UsageError("a GAME is needed, or --text.", where="gamesim solve", hint="Such as: gamesim solve game.efg")
    else:
        source = read_source(game, store=out.store, where=_pairs("--where", where or ()), parameters=rules)
    subject = source.game
    for text in source.assumptions:  # above any equilibrium
        out.say(clean(text, 300))
    if concept in REPEATED:
        refuse_others(
            {"--method": method != "auto", "--plan": plan, "--svg": svg, "--dot": dot, "--mermaid": mermaid, "--out": folder, "--cross-check": cross,
             "--lambda": rationality, "--beta": beta, "--objective": objective, "--aversion": aversion, "--tremble": tremble, "--start": start, "--trace": trace}, concept,
        )  # fmt: skip
        return repeated(out, concept, source, discount, given)
    asked, every = _concept(concept, every, parameters, subject, method)
    if plan:
        steps = plan_of(subject, asked, every, limits)
        out.table(["method", "why"], [[step.method, step.why] for step in steps], limit=100)
        return {"game": facts(subject), "plan": [{"method": step.method, "why": step.why} for step in steps]}
    request = {
        "game": game, "concept": asked, "method": method, "all": every, "limit_wall": f"{limits.seconds:g}s", "limit_cpu": f"{limits.cpu_seconds:g}s",
        "limit_memory": limits.memory, "stop_after": stop_after, "exact": exact, "cross_check": cross, **parameters,
    }  # fmt: skip
    if asked in OF_SAMPLES and not hasattr(subject, "shape") and hasattr(subject, "to_normal_form"):
        subject = table_of(subject, limits)
        out.note("players mind risk over the table of their plans; a tremble acts on whole plans")
    solvable = source.sampled.game if source.sampled is not None and asked in OF_SAMPLES else subject
    parameters = {**parameters, **started(solvable, start, every)}
    found, table = solved(
        solvable, asked, method, every=every, limits=limits, cross_check=cross, exact=exact, **parameters
    )
    answers: list[Solution | Ranking] = [found]
    if trace is not None:
        answers = traced(solvable, answers, trace, parameters, limits)
    sampled = None
    if source.sampled is not None:
        answers, sampled = _sampled(source.sampled, answers, draws, seed)
    told = document(subject, answers, request, (*source.assumptions, *source.notes), cross_check=crossed(table) if table else None, sampled=sampled)  # fmt: skip
    first = next((answer for answer in answers if hasattr(answer, "equilibria")), None)
    texts = _texts(subject, first, dot, mermaid)
    if texts:
        for text in texts.values():
            out.say(text.rstrip("\n"))
    else:
        _say(out, _Shown(subject, source.name, answers, source.notes, sampled, words, trace is not None), table)
    again = _again(
        game,
        out,
        {**request, "parameters": parameters, "rules": rules, "start_text": start, "trace": trace},
        draws,
        seed,
        where,
    )
    page = _Page(source.name, again, source.notes, table, sampled, trace)
    files = _write(out, subject, answers, first, told, svg, folder, page)
    out.exit = _exit(answers, table)
    return {**told, **texts, **({"files": files} if files else {})}


# ---- what was asked --------------------------------------------------------------------------------------------------


def _limits(wall: str, cpu: str | None, memory: str, stop_after: int | None) -> Limits:
    from gamesim.core.solution import Limits

    seconds = _time("--limit-wall", wall)
    return Limits(
        seconds=seconds,
        cpu_seconds=_time("--limit-cpu", cpu) if cpu is not None else seconds,
        memory=_size(memory),
        **({} if stop_after is None else {"equilibria": stop_after}),
    )


def _time(flag: str, text: str) -> float:
    """Seconds; a bare number is seconds already."""
    from gamesim.core.errors import clean
    from gamesim.scenario.quantities import duration

    try:
        seconds = float(text) if text.replace(".", "", 1).isdecimal() else duration(text)
    except ValueError as error:
        raise UsageError(f"{error}.", where=f"{flag} {clean(text, 60)}") from None
    if not 0.1 <= seconds <= 86_400:
        raise UsageError("a limit lies between 0.1s and 1d.", where=f"{flag} {clean(text, 60)}")
    return seconds


def _size(text: str) -> int:
    """Bytes; a bare number is MiB."""
    from gamesim.scenario.quantities import size as of

    try:
        size = of(f"{text}MiB" if text.strip().replace(".", "", 1).isdecimal() else text)
    except ValueError as error:
        raise UsageError(f"{error}.", where="--limit-memory") from None
    if not 256 << 20 <= size <= 1 << 40:
        raise UsageError("a limit of memory lies between 256MiB and 1024GiB.", where="--limit-memory")
    return size


def _parameters(rationality: float | None, beta: float | None, objective: str | None) -> dict[str, Any]:
    from gamesim_analysis.equilibrium.correlated import OBJECTIVES

    from gamesim.core.errors import clean, did_you_mean

    if objective is not None and objective not in OBJECTIVES and not objective.startswith("player:"):
        hint = did_you_mean(objective, OBJECTIVES) or f"Objectives: {', '.join(OBJECTIVES)}, player:NAME."
        raise UsageError(f"no objective '{clean(objective, 40)}'.", where="--objective", hint=hint)
    given = {"rationality": rationality, "beta": beta, "objective": objective}
    return {key: value for key, value in given.items() if value is not None}


def _concept(given: str | None, every: bool, parameters: Mapping[str, Any], game: Any, method: str) -> tuple[str, bool]:
    """The concept that was named, or that the other flags or the game mean; and whether all of it is wanted."""
    from gamesim_analysis.equilibrium.concepts import meant

    if given is None:
        spoken = {"objective": "correlated", "rationality": "qre", **ATTITUDES, "beta": "regularised"}
        given = next((concept for name, concept in spoken.items() if name in parameters), None)
    return meant(given, game, every, method)


def _known_method(method: str) -> None:
    from gamesim.core.errors import UnknownKindError
    from gamesim.core.registry import names

    if method != "auto" and method not in names("solvers"):
        raise UnknownKindError.named("method", method, ["auto", *names("solvers")], where="--method")


def _pairs(flag: str, given: Sequence[str]) -> dict[str, str]:
    from gamesim.core.errors import clean

    found = {}
    for text in given:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise UsageError(f"'{clean(text, 80)}' has no '='.", where=flag, hint="Write NAME=VALUE.")
        found[path.strip()] = value.strip()
    return found


def _params(given: Sequence[str]) -> dict[str, Any]:
    """Parameters of a method; values as YAML has them."""
    from gamesim.yaml.source import load_yaml

    return {name: load_yaml(f"[{value}\n]", name="--param").data[0] for name, value in _pairs("--param", given).items()}


# ---- solving ---------------------------------------------------------------------------------------------------------


def _sampled(
    found: Any, answers: list[Solution | Ranking], draws: int, seed: int
) -> tuple[list[Solution | Ranking], dict[str, Any]]:
    """Equilibria of the mean table, certified with the intervals of its cells, and how they fare in tables drawn again."""
    from gamesim_analysis.empirical.sampled import certified, spread

    from gamesim.core.solution import Ranking

    solved: list[Solution | Ranking] = [
        answer if isinstance(answer, Ranking) else certified(found.game, answer) for answer in answers
    ]
    first = next((answer for answer in solved if not isinstance(answer, Ranking)), None)
    told = spread(found, first, draws=draws, seed=seed)
    return solved, told


def _exit(answers: Sequence[Solution | Ranking], table: Any) -> int:
    code = 0
    for answer in answers:
        stopped, found = getattr(answer, "stopped", None), getattr(answer, "equilibria", (1,))
        if stopped in ("seconds", "memory", "iterations"):
            code = max(code, 5)
        elif stopped == "crash" and not found:
            code = max(code, 4)
        elif getattr(answer, "details", {}).get("converged") is False:
            code = max(code, 3)
        elif not found:
            code = max(code, 1)
    return code or int(table is not None and not table.agreed)


# ---- saying ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shown:
    game: Any
    name: str
    answers: Sequence[Solution | Ranking]
    notes: Sequence[str]
    sampled: dict[str, Any] | None
    words: bool
    traced: bool = False


def _say(out: Output, shown: _Shown, table: Any) -> None:
    from gamesim_analysis.equilibrium.told import summary
    from gamesim_analysis.equilibrium.words import explain_ranking

    from gamesim.core.errors import clean
    from gamesim.core.solution import Ranking

    out.say(f"{clean(shown.name, 80)}: {summary(shown.game)}")
    for answer in shown.answers:
        if isinstance(answer, Ranking):
            out.say(explain_ranking(answer))
        else:
            _say_solution(out, shown, answer)
    if table is not None:
        _say_table(out, table)
    if shown.sampled is not None:
        _say_sampled(out, shown.sampled)
    own = [note for answer in shown.answers if not isinstance(answer, Ranking) for note in answer.notes]
    for note in dict.fromkeys([*shown.notes, *own]):  # a ranking is told with its notes
        out.say(f"Note: {clean(note, 300)}")


def _say_solution(out: Output, shown: _Shown, solution: Solution) -> None:
    from gamesim_analysis.equilibrium.document import concept_of, regretted
    from gamesim_analysis.equilibrium.told import certificate_in_words
    from gamesim_analysis.equilibrium.told import words as played
    from gamesim_analysis.equilibrium.words import explain, note_of

    game = shown.game
    rows = []
    listed = solution.equilibria or (solution.rejected if solution.details.get("converged") is False else ())
    for number, equilibrium in enumerate(listed[:SHOWN], 1):
        payoffs = "(" + ", ".join(figure(value) for value in equilibrium.payoffs) + ")"
        concept = concept_of(game, solution, equilibrium)
        rows.append([number, payoffs, played(game, equilibrium), _regret(equilibrium), concept, note_of(game, equilibrium)])  # fmt: skip
    if rows:
        columns = ["#", "payoffs", "how it is played", "regret" if regretted(solution) else "gap", "concept", "note"]
        used = [k for k, name in enumerate(columns) if name != "note" or any(row[k] for row in rows)]
        used = [k for k in used if columns[k] != "concept" or len({row[k] for row in rows}) > 1 or len(used) == 6]
        out.table([columns[k] for k in used], [[row[k] for k in used] for row in rows], keep=2, limit=84)
    if len(solution.equilibria) > SHOWN:
        out.say(f"... and {len(solution.equilibria) - SHOWN:,} more; --json lists them all.")
    if len(solution.equilibria) > 1:
        out.say(_counted(solution))
    out.say(certificate_in_words(solution))
    if shown.traced and "branch" in solution.details:
        say_branch(out, game, solution.details["branch"])
    _say_welfare(out, game, solution)
    if shown.words:
        for number, equilibrium in enumerate(solution.equilibria[:TOLD], 1):
            out.say(f"\nEquilibrium {number}")
            out.say(explain(game, equilibrium))
        if len(solution.equilibria) > TOLD:
            out.say(f"\n... and {len(solution.equilibria) - TOLD:,} more.")


def _counted(solution: Solution) -> str:
    import numpy as np
    from gamesim_analysis.equilibrium.method import flatten

    pure = sum(bool(np.isin(flatten(e.play), (0.0, 1.0)).all()) for e in solution.equilibria)
    vectors = len({e.payoffs for e in solution.equilibria})
    kind = f"{len(solution.equilibria):,} pure equilibria" if pure == len(solution.equilibria) else f"{len(solution.equilibria):,} equilibria, {pure:,} of them pure"  # fmt: skip
    return f"{kind}, {vectors:,} payoff vector{'s' if vectors > 1 else ''}."


def _say_welfare(out: Output, game: Any, solution: Solution) -> None:
    from gamesim_analysis.equilibrium.document import PRICED
    from gamesim_analysis.equilibrium.welfare import welfare

    worth = welfare(game, solution)
    if worth.anarchy is not None and solution.concept in PRICED:
        out.say(f"Welfare: at best {figure(worth.optimum)}; price of anarchy {figure(worth.anarchy)}, of stability {figure(worth.stability)} ({worth.of}).")  # fmt: skip


def _regret(equilibrium: Equilibrium) -> str:
    certificate = equilibrium.certificate
    gap = certificate.gap if isinstance(certificate.gap, (Fraction, int)) or certificate.bound > 2 * certificate.rounding else 0  # fmt: skip
    if certificate.interval is not None:
        low, high = certificate.interval
        return f"{figure(gap)} [{low:.3g}, {'unknown' if high is None else f'{high:.3g}'}] sampled"
    return f"{figure(certificate.gap)} {certificate.grade}"


def _say_table(out: Output, table: Any) -> None:
    rows = [
        [row.method, row.count, "; ".join("(" + ", ".join(figure(v) for v in payoffs) + ")" for payoffs in row.payoffs[:4]),
         "" if row.regret is None else figure(row.regret), row.verdict, row.reason]
        for row in table.rows
    ]  # fmt: skip
    out.say()
    out.table(["method", "found", "payoffs", "regret", "verdict", "why"], rows, limit=60)
    out.say("No method contradicts another." if table.agreed else "Methods differ.")


def _say_sampled(out: Output, sampled: Mapping[str, Any]) -> None:
    out.say(f"{sampled['episodes']:,} episodes of {sampled['profiles']:,} profiles; regret: 95 % for all deviations at once, and the estimate leans upwards.")  # fmt: skip
    for number, own in enumerate(sampled["equilibria"][:SHOWN], 1):
        parts = []
        for player, actions in own["probabilities"].items():
            said = [f"{action} {p:.2f} [{low:.2f}, {high:.2f}]" for action, (p, low, high) in actions.items() if low is not None and (p > 1e-9 or high > 0.005)]  # fmt: skip
            parts.append(f"{player}: {', '.join(said)}" if said else "")
            if own["alike"]:
                parts[-1] = parts[-1].replace(f"{player}: ", "everybody: ", 1)
                break
        again = "" if own["found_again"] is None else f", found again in {own['found_again']:.0%} of {sampled['draws']:,} draws"  # fmt: skip
        out.say(
            f"  {number}  itself an equilibrium in {own['stays']:.0%}{again}  {'  '.join(part for part in parts if part)}"
        )


# ---- writing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Page:
    name: str
    command: str
    notes: Sequence[str]
    table: Any
    sampled: dict[str, Any] | None
    trace: str | None = None


def _texts(game: Any, solution: Any, dot: bool, mermaid: bool) -> dict[str, str]:
    if not (dot or mermaid):
        return {}
    from gamesim_analysis.equilibrium import draw

    play = draw.play_to_draw(game, solution)
    return {
        **({"dot": draw.dot(game, play)} if dot else {}),
        **({"mermaid": draw.mermaid(game, play)} if mermaid else {}),
    }


def _write(
    out: Output, game: Any, answers: Sequence[Solution | Ranking], solution: Any, told: Mapping[str, Any], svg: str | None, folder: str | None, page: _Page
) -> list[str]:  # fmt: skip
    """Pictures and pages, beside first and then renamed."""
    if svg is None and folder is None:
        return []
    import json

    from gamesim_analysis.equilibrium.draw import draw, draw_traced
    from gamesim_analysis.equilibrium.method import is_formal
    from gamesim_analysis.equilibrium.told import by_counts

    from gamesim.core.errors import clean

    files: dict[Path, str] = {}
    picture = None if svg is None and (is_formal(game) or by_counts(game)) else draw(game, solution)
    tree = not hasattr(game, "shape")
    branch = None if solution is None or page.trace is None or tree else draw_traced(game, solution)
    if svg is not None and picture is not None:
        files[Path(svg)] = branch or picture
    if folder is not None:
        from gamesim_analysis.equilibrium.page import solution_page

        place = Path(folder)
        files[place / "solution.json"] = json.dumps(json.loads(as_json(told)), indent=2, ensure_ascii=False) + "\n"
        if picture is not None:
            files[place / "game.svg"] = picture
        if branch is not None:
            files[place / "branch.svg"] = branch
        files[place / "report.html"] = solution_page(
            game, answers, name=page.name, command=page.command, notes=page.notes, cross_check=page.table, sampled=page.sampled
        )  # fmt: skip
    for path, text in files.items():
        put(path, text)
        out.note(f"wrote {clean(path, 300)}")
    return [str(path) for path in files]


def put(path: Path, content: str | bytes) -> None:
    """Write a file, beside first and then renamed."""
    import os
    import tempfile

    from gamesim.core.errors import StoreFullError, clean

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".solve-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
            os.chmod(name, 0o644)
            os.replace(name, path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreFullError(f"cannot be written: {clean(error.strerror)}.", where=clean(path, 300)) from None


def _again(
    game: str, out: Output, request: Mapping[str, Any], draws: int, seed: int, where: Sequence[str] | None
) -> str:
    """What to type to have the page again."""
    import json
    import shlex

    words = ["gamesim", "solve", game, "--concept", "all" if request["all"] and request["concept"] == "nash" else str(request["concept"])]  # fmt: skip
    if request["method"] != "auto":
        words += ["--method", str(request["method"])]
    if request["all"] and request["concept"] != "nash":
        words.append("--all")
    names = {"rationality": "--lambda", "beta": "--beta", "objective": "--objective", "stop_after": "--stop-after"}
    for key, flag in names.items():
        if request.get(key) is not None:
            words += [flag, str(request[key])]
    shown = ("rationality", "beta", "objective", "start")
    plain = {key: value for key, value in request["parameters"].items() if key not in shown}
    for key, value in {**request["rules"], **plain}.items():
        words += ["--param", f"{key}={json.dumps(value)}"]
    for flag, text in (("--start", request["start_text"]), ("--trace", request["trace"])):
        words += [flag, text] if text is not None else []
    words += [flag for key, flag in (("exact", "--exact"), ("cross_check", "--cross-check")) if request[key]]
    for pair in where or ():
        words += ["--where", pair]
    if (draws, seed) != (200, 0):
        words += ["--draws", str(draws), "--seed", str(seed)]
    return shlex.join([*words, "--out", "DIR"])
