"""``gamesim interpret FILE``: a described game becomes a checked one, with all that had to be assumed."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gamesim.core.errors import GamesimError

from .errors import UsageError
from .flags import BaseUrl, KeyEnv, LimitCalls, LimitCost, NoPreflight, command, limits_of, new_app
from .output import Output

if TYPE_CHECKING:
    from gamesim_analysis.text2game.translate import Settings, Translation

    from gamesim.core.model_config import ModelConfig
    from gamesim.envs.efg.reading import GameFile

app = new_app()

EXIT = {"accepted": 0, "disputed": 1, "invalid": 1, "no_game": 1, "stopped": 5}
GAMES = (".efg", ".nfg", ".yaml", ".yml", ".json", ".csv")  # files that are games already

Translator = Annotated[
    str | None,
    typer.Option("--model", metavar="SPEC", help="Who translates: openai/<id>, local, or an alias of --models."),
]
ModelsFile = Annotated[
    Path | None, typer.Option("--models", metavar="FILE", help="A YAML file with models:, such as a scenario.")
]
Samples = Annotated[
    int, typer.Option("--samples", metavar="K", help="Independent translations that vote, such as 3 or 5.")
]
Rounds = Annotated[
    int, typer.Option("--rounds", metavar="N", help="Answers that may be sent back with their problems.")
]
OneStage = Annotated[bool, typer.Option("--one-stage", help="Ask for the tree at once, without an outline.")]
NoCheck = Annotated[
    bool, typer.Option("--no-backtranslation", help="Do not hold our words for the game against the text.")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Numbers that only text or game has, and sets against what is said to be seen, are errors.")
]  # fmt: skip
Estimate = Annotated[bool, typer.Option("--estimate", help="Print what it would cost, and end.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]


class NotAcceptedError(GamesimError):
    """A description of which no game was accepted."""

    exit_code = 1


@dataclass(frozen=True)
class Wanted:
    """Who translates, and how, as the flags say."""

    model: str | None = None
    models: Path | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    replay: str | None = None
    samples: int = 1
    rounds: int = 3
    one_stage: bool = False
    no_backtranslation: bool = False
    strict: bool = False
    no_preflight: bool = False
    yes: bool = False
    limits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        from gamesim_analysis.text2game.translate import Settings

        return Settings(
            self.rounds, self.samples, two_stage=not self.one_stage, backtranslate=not self.no_backtranslation, strict=self.strict
        )  # fmt: skip

    def named(self) -> tuple[str, ModelConfig]:
        from gamesim_analysis.text2game.opening import model_named

        assert self.model is not None
        return model_named(self.model, file=self.models, base_url=self.base_url, api_key_env=self.api_key_env)


@command(app, "interpret", store=True)
def interpret(
    out: Output,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A description, a game file, or - for standard input.")
    ] = None,
    model: Translator = None,
    models: ModelsFile = None,
    base_url: BaseUrl = None,
    api_key_env: KeyEnv = None,
    samples: Samples = 1,
    rounds: Rounds = 3,
    replay: Annotated[
        str | None,
        typer.Option("--replay", metavar="REC", help="Answer from a record (a folder, repaired, voted); ask nobody."),
    ] = None,
    folder: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Where files go, or NAME.efg; by default in the store.")
    ] = None,
    strict: Strict = False,
    one_stage: OneStage = False,
    no_backtranslation: NoCheck = False,
    solve: Annotated[bool, typer.Option("--solve", help="Solve the game too; put its equilibria on the page.")] = False,
    steps: Annotated[bool, typer.Option("--show-steps", help="Print the outline, every round and the vote.")] = False,
    estimate: Estimate = False,
    yes: Yes = False,
    no_preflight: NoPreflight = False,
    limit_calls: LimitCalls = None,
    limit_cost: LimitCost = None,
) -> Mapping[str, Any]:
    """Turn a description into a game, an assumption list, a drawing and a page.

    Game files and controlled English need no model. Prose needs one; the same command goes on where it was stopped.
    """
    wanted = Wanted(
        model, models, base_url, api_key_env, replay, samples, rounds, one_stage, no_backtranslation, strict, no_preflight,
        yes, limits_of(None, limit_calls, limit_cost),
    )  # fmt: skip
    typed = ["gamesim", "interpret", *([file] if file else []), *_flags(wanted), *(["--solve"] if solve else [])]
    again = shlex.join(typed)
    if model is None and replay is None:
        return _offline(out, file, folder, again, solve, strict)
    if replay is None and file is not None and Path(file).suffix.lower() in GAMES:
        out.warn("the file is a game already; no model is asked")
        return _offline(out, file, folder, again, solve, strict)
    if replay is not None:
        replays_alone(out, wanted)
    text = _text(file, replay)
    if estimate:
        return estimated(out, [text], wanted)
    place, told = _place(out, folder, wanted, text, Path(file).stem if file and file != "-" else "text")
    found = translated(out, text, wanted, place, told)
    return _finish(out, found, place, told, folder, again, solve, steps)


# ---- without a model ---------------------------------------------------------------------------------------------------


def _offline(
    out: Output, file: str | None, folder: str | None, again: str, solve: bool, strict: bool
) -> Mapping[str, Any]:
    from gamesim_analysis.text2game.saving import save_game

    from gamesim.envs.efg.document import document_of

    if file is None:
        raise UsageError("a FILE is needed, or - for standard input.", where="gamesim interpret")
    source = without_model(_text(file, None) if file == "-" else None, file)
    document = source.document or document_of(source.tree)
    wrong = _strictly(source.problems) if strict else ()
    if wrong:
        from gamesim.envs.efg.problems import error

        raise error(wrong, file)
    answers = _answers(source.tree) if solve else ()
    place = _folder(out, folder, Path(file).stem if file != "-" else "text", document.to_json())
    written = save_game(
        source.tree, document, place, text=_given(file, source), assumptions=source.assumptions, command=again,
        answers=answers, problems=source.problems,
    )  # fmt: skip
    written = _alone(written, folder)
    out.say(f"accepted without a model, from {source.format}")
    say_assumptions(out, source.assumptions)
    for problem in source.problems:
        out.say(f"  {problem}")
    _solved(out, source.tree, document.title, answers)
    _wrote(out, written)
    data = {"status": "accepted", "confidence": 1.0, "format": source.format, "calls": 0}
    return {
        **data,
        "assumptions": [one.model_dump() for one in source.assumptions],
        "problems": [problem.as_dict() for problem in source.problems],
        "files": [str(path) for path in written],
    }


def without_model(text: str | None, name: str) -> GameFile:
    """A game file, or controlled English.

    Raises
    ------
    EnglishError
        For prose: with the nearest form, and that a model reads it.
    """
    from gamesim.envs.efg.reading import from_text, read_game

    return from_text(text, name) if text is not None else read_game(Path(name) if Path(name).exists() else name)


def _strictly(problems: Sequence[Any]) -> tuple[Any, ...]:
    from dataclasses import replace

    from gamesim_analysis.text2game.translate import STRICT

    return tuple(replace(p, severity="error") for p in problems if p.code in STRICT)


def _given(file: str, source: GameFile) -> str:
    """The text as it came, for the page; of other files their description, if any."""
    if source.format == "english" and file != "-":
        return _read(file)
    return (source.document.description if source.document is not None else "") or f"(read from {source.format})"


# ---- with a model ------------------------------------------------------------------------------------------------------


def _text(file: str | None, replay: str | None) -> str:
    """The description.

    Raises
    ------
    ScenarioError
        For none, a binary file, or a text that is too long.
    """
    from gamesim_analysis.text2game.opening import record_folder
    from gamesim_analysis.text2game.translate import checked_text

    if file is None:
        if replay is None:
            raise UsageError("a FILE is needed, or - for standard input.", where="gamesim interpret")
        return checked_text(_read(str(record_folder(replay) / "text.txt")), replay)
    return checked_text(_read(file), file)


def _read(file: str) -> str:
    from gamesim.core.errors import ScenarioError, clean

    try:
        data = sys.stdin.buffer.read(1 << 20) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}.", where=clean(file, 200)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"byte {error.start + 1} is not UTF-8.", where=clean(file, 200)) from None


def _place(out: Output, folder: str | None, wanted: Wanted, text: str, stem: str) -> tuple[Path, dict[str, Any]]:
    """Where files go, and what the record says of itself; a folder holds one translation.

    Raises
    ------
    ScenarioError
        If another translation is there.
    """
    import json

    from gamesim_analysis.text2game.opening import description, read_record, record_folder
    from gamesim_analysis.text2game.saving import put

    from gamesim.core.errors import ScenarioError, clean

    if wanted.replay is not None:
        _, _, _, told = read_record(record_folder(wanted.replay))
        told = {key: told[key] for key in ("identity", "model", "settings")}
        return _folder(out, folder, stem, told["identity"]), told
    alias, config = wanted.named()
    told = description(alias, config, wanted.settings, text)
    place = _folder(out, folder, stem, told["identity"])
    before = place / "translation.json"
    if before.is_file():
        try:
            known = json.loads(before.read_text("utf-8")).get("identity")
        except (OSError, ValueError, AttributeError):
            known = None
        if known != told["identity"]:
            raise ScenarioError("another text, model or setting was translated there.", where=clean(place, 200), hint="Name another --out.")  # fmt: skip
    else:
        put(before, json.dumps({**told, "status": "begun"}, ensure_ascii=False, indent=1) + "\n")
    return place, told


def _folder(out: Output, folder: str | None, stem: str, identity: str) -> Path:
    import hashlib

    from gamesim.run.store import default_store

    if folder is not None and not folder.endswith(".efg"):
        return Path(folder)
    store = Path(out.store) if out.store else default_store()
    mark = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return store / "interpret" / f"{''.join(c if c.isalnum() or c in '-_' else '_' for c in stem)[:40]}-{mark}"


def translated(out: Output, text: str, wanted: Wanted, place: Path, told: Mapping[str, Any]) -> Translation:
    """The translation, from a model or from a record."""
    from gamesim_analysis.text2game.opening import broker_for, open_record, read_record, record_folder
    from gamesim_analysis.text2game.translate import check_settings
    from gamesim_analysis.text2game.translate import translated as ask

    from gamesim.run.aside import turned
    from gamesim.run.models.preflight import preflight

    if wanted.replay is not None:
        source = record_folder(wanted.replay)
        alias, config, settings, _ = read_record(source)
        broker = open_record(source, alias, config)
    else:
        alias, config = wanted.named()
        settings = wanted.settings
        check_settings(settings, config.params.temperature)
        if settings.samples > 1 and settings.samples % 2 == 0:
            out.warn("an even number of samples can tie")
        confirm(out, [text], wanted)
        broker = broker_for(alias, config, place, limits=wanted.limits, on_event=_hear(out))

    async def work() -> Translation:
        try:
            if wanted.replay is None and not wanted.no_preflight:
                await preflight(broker)
            return await ask(text, broker, alias, settings)
        finally:
            await broker.aclose()

    return turned(work)


def replays_alone(out: Output, wanted: Wanted) -> None:
    """A record brings its model and its settings.

    Raises
    ------
    UsageError
        If a model is named beside it.
    """
    if wanted.model is not None or wanted.models is not None:
        raise UsageError("a replay asks nobody.", where="--replay", hint="Drop --model, or --replay.")
    if wanted.settings != Wanted().settings:
        out.warn("a replay keeps the record's own samples, rounds and stages")


def _hear(out: Output) -> Any:
    def hear(event: Mapping[str, Any]) -> None:
        if event.get("event") in ("waiting", "model_down"):
            out.note(f"{event.get('event')}: {event.get('model', '')}")

    return hear


def estimated(out: Output, texts: Sequence[str], wanted: Wanted, attempts: int = 1) -> dict[str, Any]:
    """The bill, printed."""
    from .billing import as_data

    found = _bill(texts, wanted, attempts)
    for line in found.text().splitlines():
        out.say(line)
    return {"bill": as_data(found)}


def _bill(texts: Sequence[str], wanted: Wanted, attempts: int) -> Any:
    from gamesim_analysis.text2game.opening import bill

    if wanted.model is None:
        raise UsageError("whose bill?", where="--estimate", hint="Name a model: --model openai/<id>.")
    alias, config = wanted.named()
    return bill(texts, alias, config, wanted.settings, attempts=attempts, limits=wanted.limits)


def confirm(out: Output, texts: Sequence[str], wanted: Wanted, attempts: int = 1) -> None:
    """Say what it may cost before anything is sent, and ask before much is spent.

    Raises
    ------
    ScenarioError
        If somebody should be asked and nobody is there.
    """
    from gamesim.core.errors import ScenarioError

    _, config = wanted.named()
    if config.free():
        return
    found = _bill(texts, wanted, attempts)
    out.note(found.text().splitlines()[-1])
    if wanted.yes or not found.needs_confirmation():
        return
    if not sys.stdin.isatty() or out.json:
        raise ScenarioError(f"up to {found.calls.high:,.0f} calls; nobody is here to be asked.", where="--model", hint="Say --yes.")  # fmt: skip
    typer.confirm("Go on?", abort=True, err=True)


def source_of(out: Output, given: str | None, wanted: Wanted) -> Any:
    """The game of ``gamesim solve --text``.

    Raises
    ------
    NotAcceptedError
        If there is none, or samples dispute it and ``--yes`` was not said.
    """
    from gamesim_analysis.equilibrium.sources import Source
    from gamesim_analysis.text2game.saving import save

    from gamesim.core.errors import LimitReached, clean

    if wanted.model is None and wanted.replay is None:
        assert given is not None
        source = without_model(None, given[1:]) if given.startswith("@") else without_model(f"{given}\n", "--text")
        assumed = tuple(f"Assumed: {one.text}" for one in source.assumptions)
        return Source(source.game, source.tree.name or "text", tuple(str(p) for p in source.problems), None, assumed)
    if wanted.replay is not None:
        replays_alone(out, wanted)
    text = _spoken(given, wanted)
    place, told = _place(out, None, wanted, text, "text")
    found = translated(out, text, wanted, place, told)
    save(found, place, told, command=shlex.join(["gamesim", "solve", "--text", text[:200], *_flags(wanted)]))
    say_translation(out, found, assumptions=False)
    out.note(f"the translation is in {place}")
    if found.status == "stopped":
        raise LimitReached(found.reason or "stopped.", hint="The same command goes on from here.")
    if found.game is None or found.document is None or not (found.status == "accepted" or wanted.yes):
        hint = "A disputed game is solved with --yes." if found.status == "disputed" else None
        raise NotAcceptedError(f"{found.status}: {clean(found.reason, 300) or 'no game'}.", where="--text", hint=hint)
    assumed = tuple(f"Assumed: {one.text}" for one in found.assumptions)
    return Source(found.game, found.document.title, (), None, assumed)


def _spoken(given: str | None, wanted: Wanted) -> str:
    from gamesim_analysis.text2game.translate import checked_text

    if given is None or given.startswith("@"):
        return _text(given.removeprefix("@") if given else None, wanted.replay)
    return checked_text(given, "--text")


# ---- saying ------------------------------------------------------------------------------------------------------------


def _finish(
    out: Output, found: Translation, place: Path, told: Mapping[str, Any], folder: str | None, again: str, solve: bool, steps: bool
) -> Mapping[str, Any]:  # fmt: skip
    from gamesim_analysis.text2game.saving import as_data, save

    answers = _answers(found.game) if solve and found.status == "accepted" else ()
    written = _alone(save(found, place, told, command=again, answers=answers), folder)
    if steps:
        show_steps(out, found)
    say_translation(out, found)
    if found.document is not None and answers:
        _solved(out, found.game, found.document.title, answers)
    _wrote(out, written)
    out.exit = EXIT[found.status]
    if found.status == "stopped":
        out.note("the same command goes on from here")
    data = as_data(found)
    if not steps:
        data = {key: value for key, value in data.items() if key != "samples"}
    return {**data, "files": [str(path) for path in written]}


def say_translation(out: Output, found: Translation, *, assumptions: bool = True) -> None:
    """Status and assumptions, before anything else is said of the game."""
    from gamesim.core.errors import clean

    spent = found.spent
    money = "" if not spent.money else f", {spent.money / 1e9:.4f} {spent.currency}"
    share = f"{len(found.classes[0].members)} of {len(found.samples)} samples" if found.classes else f"{len(found.samples)} samples"  # fmt: skip
    out.say(f"{found.status}   confidence {found.confidence:.2f} ({share})   {clean(found.model, 80)}: {spent.calls} calls, {spent.tokens_in + spent.tokens_out:,} tokens{money}")  # fmt: skip
    if found.reason:
        out.say(f"  {clean(found.reason, 400)}")
    if found.difference:
        out.say(f"  first difference: {clean(found.difference, 400)}")
    say_assumptions(out, found.assumptions if assumptions else ())
    for one in found.contradictions:
        out.say(f"  contradiction: {clean(one.told(), 450)}")
    for problem in found.winner.problems if found.winner is not None else ():
        out.say(f"  {clean(problem, 400)}")
    for note in found.notes:
        out.note(note)


def say_assumptions(out: Output, assumptions: Sequence[Any]) -> None:
    from gamesim.core.errors import clean

    for one in assumptions:
        out.say(f"  assumed, {one.kind}: {clean(one.text, 300)}")


def show_steps(out: Output, found: Translation) -> None:
    """Outline, rounds and votes."""
    from gamesim.core.errors import clean

    for sample in found.samples:
        out.say(f"sample {sample.index + 1}: {sample.status}")
        if sample.outline is not None:
            for step in sample.outline.steps:
                sees = f", sees {', '.join(step.sees)}" if step.sees else ""
                out.say(f"  step {clean(step.id, 40)}: {clean(step.actor, 60)}: {clean(' | '.join(step.choices), 200)}{sees}")  # fmt: skip
        for r in sample.rounds:
            out.say(f"  round {r.number}: {r.stage}: {r.outcome}")
            for problem in r.problems:
                out.say(f"    {clean(problem, 300)}")
    for number, one in enumerate(found.classes, 1):
        out.say(f"answer {number}: {one.kind}, samples {', '.join(str(k + 1) for k in one.members)}")


def _answers(game: Any) -> tuple[Any, ...]:
    from gamesim_analysis.equilibrium.concepts import meant, solved

    from gamesim.core.solution import Limits

    return (solved(game, meant(None, game)[0], every=True, limits=Limits(20.0, 20.0))[0],)


def _solved(out: Output, game: Any, name: str, answers: Sequence[Any]) -> None:
    from .solve import _say, _Shown

    if answers:
        _say(out, _Shown(game, name, answers, (), None, True), None)


def _alone(written: list[Path], folder: str | None) -> list[Path]:
    """With ``--out NAME.efg`` that file beside the rest."""
    from gamesim_analysis.text2game.saving import put

    if folder is None or not folder.endswith(".efg"):
        return written
    efg = next((path for path in written if path.name == "game.efg"), None)
    return [put(Path(folder), efg.read_text("utf-8")), *written] if efg is not None else written


def _wrote(out: Output, written: Sequence[Path]) -> None:
    from gamesim.core.errors import clean

    for path in written:
        out.note(f"wrote {clean(path, 300)}")


def _flags(wanted: Wanted) -> list[str]:
    """The flags that matter for having it again."""
    found: list[str] = []
    for flag, value in (("--model", wanted.model), ("--models", wanted.models), ("--base-url", wanted.base_url), ("--replay", wanted.replay)):  # fmt: skip
        found += [flag, str(value)] if value is not None else []
    found += ["--samples", str(wanted.samples)] if wanted.samples != 1 else []
    found += ["--rounds", str(wanted.rounds)] if wanted.rounds != 3 else []
    for flag, given in (("--one-stage", wanted.one_stage), ("--no-backtranslation", wanted.no_backtranslation), ("--strict", wanted.strict)):  # fmt: skip
        found += [flag] if given else []
    return found
