"""Models and journals for translations: a Broker where no scenario is, and the folders that hold recorded translations.

A record is a folder with ``calls.sqlite`` (every question and its answer) and ``translation.json`` or ``bench.json`` (the
model and the settings). Two come with the package, made with the scripted backend, which answers what a file says; they
show the machinery and tell nothing about any model:

    repaired   one sample whose first tree has two mistakes and whose second has none
    voted      three samples, two of which are one game written in two ways
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from gamesim.core.canonical import digest
from gamesim.core.errors import RecordError, ScenarioError, clean, did_you_mean
from gamesim.core.model import Message, ModelRequest, Params
from gamesim.core.model_config import Clocks, ModelConfig, short_alias
from gamesim.core.policy import Population
from gamesim.run.limits import RunLimits
from gamesim.run.models.broker import Broker
from gamesim.run.models.calls import NAME as CALLS
from gamesim.run.models.calls import CallJournal
from gamesim.run.models.estimate import CellPlan, CostEstimate, Question, estimate
from gamesim.run.models.opening import open_broker, priced_desks
from gamesim.run.models.prices import prompt_bytes
from gamesim.scenario.models import config_of, models_of_data, read_models
from gamesim.scenario.scenario import Scenario

from .prompting import QUOTED, TOLD, check_question, outline_question, tree_question
from .translate import MAX_TOKENS, Settings

BYTES, COMPLAINT = 3, 400  # a token of an answer that is sent back, and a problem told with it, at their longest

RECORDS = ("repaired", "voted")
PATIENCE = Clocks(attempt=300, deadline=900)  # a tree is a long answer
CONTEXT = 8192  # tokens that questions and answers may need together


def model_named(
    spec: str, *, file: Path | None = None, base_url: str | None = None, api_key_env: str | None = None
) -> tuple[str, ModelConfig]:
    """The alias and configuration of a model.

    Parameters
    ----------
    spec : ``openai/<id>``, ``local``, or an alias of ``file``, a YAML file with ``models:``.
    base_url, api_key_env : of an OpenAI-compatible server.

    Raises
    ------
    UnknownKindError, ScenarioError
    """
    known = _models_of(file) if file is not None else {}
    config = config_of(spec, known)
    alias = spec if spec in known else short_alias(spec)
    given = {k: v for k, v in {"base_url": base_url, "api_key_env": api_key_env}.items() if v is not None}
    if given:
        if config.backend != "openai":
            raise ScenarioError(f"'{clean(spec, 60)}' has no address.", where="--base-url", hint="Such as: --model openai/<name>.")  # fmt: skip
        config = type(config).model_validate({**config.model_dump(by_alias=True), **given})
    if "timeouts" not in config.model_fields_set:
        config = config.model_copy(update={"timeouts": PATIENCE})
    return alias, config.with_context(CONTEXT)


def _models_of(file: Path) -> Mapping[str, ModelConfig]:
    from gamesim.scenario.diagnose import raise_together
    from gamesim.yaml.source import load_yaml

    errors: list[ScenarioError] = []
    found = read_models(load_yaml(file).root, errors)
    raise_together(errors)
    if not found:
        raise ScenarioError("names no models.", where=str(file), hint="Such as: models: {big: {backend: openai, id: some-model}}")  # fmt: skip
    return found


def broker_for(
    alias: str,
    config: ModelConfig,
    folder: Path,
    *,
    limits: Mapping[str, Any] | None = None,
    offline: bool = False,
    on_event: Any = None,
) -> Broker:
    """A Broker for one model, with its journal in a folder.

    Parameters
    ----------
    offline : a replay: no key is read, no model built, nothing sent, nothing written.
    """
    if not offline:
        folder.mkdir(parents=True, exist_ok=True)
    broker = open_broker(
        _scenario(alias, config),
        folder,
        folder,
        offline=offline,
        readonly=True,
        models=[alias],
        limits=limits,
        cache="off",
        on_event=on_event,
    )
    for desk in broker.desks.values():
        desk.structured = "text"
    return broker


def _scenario(alias: str, config: ModelConfig) -> Scenario:
    """One that plays nothing: what opens a Broker reads models, limits and seeds from a scenario."""
    return Scenario("text2game", "play", 0, 1, None, Population(()), None, None, models={alias: config}, cache="off")


def _bytes(questions: Sequence[Question], kind: str) -> int:
    """Mean length of the prompts of a kind."""
    sizes = [prompt_bytes(question.request) for question in questions if question.kind == kind]
    return round(sum(sizes) / max(1, len(sizes)))


def bill(
    texts: Sequence[str],
    alias: str,
    config: ModelConfig,
    settings: Settings,
    *,
    attempts: int = 1,
    limits: Mapping[str, Any] | None = None,
) -> CostEstimate:
    """What translations would cost; nothing is sent. Outlines and words for games are taken to be as long as their texts."""
    today = datetime.now(UTC).date()
    desk = priced_desks(_scenario(alias, config), RunLimits.of(None, limits), today, models=[alias])[alias]
    asked: list[tuple[str, tuple[Message, ...]]] = []
    for text in texts:
        if settings.two_stage:
            asked.append(("outline", outline_question(text)))
        asked.append(("tree", tree_question(text, {"outline": text} if settings.two_stage else None)))
        if settings.backtranslate:
            asked.append(("check", check_question(text, text)))
    questions = [
        Question(
            "text2game",
            kind,
            ModelRequest(desk.name, messages, Params(max_tokens=desk.params.max_tokens or MAX_TOKENS[kind])),
        )
        for kind, messages in asked
    ]
    # At most: every round repairs a tree, the longest answer there is, and the game that came of a contradiction is checked too.
    trees, checks = 1 + settings.rounds, (1 + (settings.rounds > 0)) * settings.backtranslate
    most = {kind: BYTES * (desk.params.max_tokens or tokens) for kind, tokens in MAX_TOKENS.items()}
    repaired = settings.rounds / trees * (min(QUOTED, most["tree"]) + TOLD * COMPLAINT)
    longest = {"tree": repaired + settings.two_stage * most["outline"], "check": most["tree"]}
    plan = CellPlan(
        "text2game", questions, settings.samples * attempts, 0,
        {(desk.name, kind): count * len(texts) for kind, count in (("tree", trees), ("check", checks))}, settings.most_calls(),
        {(desk.name, kind): _bytes(questions, kind) + round(more) for kind, more in longest.items()}, repairs=False,
    )  # fmt: skip
    return estimate([plan], prices={desk.name: desk.price}, concurrency=config.concurrency.cap, today=today)


def description(alias: str, config: ModelConfig, settings: Settings, text: str) -> dict[str, Any]:
    """What a record says of itself: model and settings, and an identity that another text, model or setting does not have."""
    determines = {key: value for key, value in config.determines().items() if key not in ("answers", "cycle")}
    known = {"text": text, "alias": alias, "model": determines, "settings": asdict(settings)}
    return {
        "identity": digest(known),
        "model": {"alias": alias, "config": models_of_data({alias: config})[alias]},
        "settings": asdict(settings),
    }


def record_folder(name: str) -> Path:
    """A recorded translation: a folder, its ``calls.sqlite``, or the name of a shipped one.

    Raises
    ------
    RecordError
    """
    path = Path(name)
    if path.name == CALLS and path.is_file():
        return path.parent
    if (path / CALLS).is_file():
        return path
    if name in RECORDS:
        return Path(str(files("gamesim_analysis.text2game") / "data" / "records" / name))
    hint = did_you_mean(name, RECORDS) or f"A folder with {CALLS}, or a shipped record: {', '.join(RECORDS)}."
    raise RecordError(f"'{clean(name, 80)}' is no record.", where="--replay", hint=hint)


def read_record(folder: Path, file: str = "translation.json") -> tuple[str, ModelConfig, Settings, dict[str, Any]]:
    """The model, the settings and the whole description of a record.

    Raises
    ------
    RecordError
    """
    try:
        data = json.loads((folder / file).read_text("utf-8"))
        model = data["model"]
        return str(model["alias"]), _config(model["config"]), Settings(**data["settings"]), data
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{file} cannot be read: {clean(error, 120)}.", where=str(folder)) from None


def _config(data: Mapping[str, Any]) -> ModelConfig:
    from gamesim.core.registry import entry

    found: ModelConfig = entry("models", data["backend"]).model_validate(dict(data))
    return found


def open_record(folder: Path, alias: str, config: ModelConfig) -> Broker:
    """A Broker that answers from a record alone."""
    CallJournal(folder / CALLS, readonly=True).close()  # says so if it is no journal
    return broker_for(alias, config, folder, offline=True)
