"""Who answers for the population of a scenario: ``--agents llm|rules`` and ``--model``, on the same file.

A rule agent's seat on a model keeps what the two share: seat, count, role, label, and the bank of sentences that stands for
the ranges the rule draws its first dispositions from. The way back is the same map read backwards.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import MissingExtraError, ScenarioError, clean, did_you_mean

if TYPE_CHECKING:
    from gamesim.core.policy import AgentSpec
    from gamesim.scenario.scenario import Scenario

LLM = "llm"
_PLACE = ("count", "probability", "role", "seat", "label")
_FLAG = "--agents"
AXES = {"init": "disposition", "sentence": "sentence"}  # swept traits that a model's seat has too


@dataclass(frozen=True)
class Casting:
    """What the command line says of who plays.

    Attributes
    ----------
    agents : ``llm``, ``rules`` or None: as the file says.
    model : alias of the file, or a short form: ``local``, ``openai/<id>``, ``rule:<policy>``, ``scripted``.
    base_url, api_key_env : of the server of ``model``.
    """

    agents: str | None = None
    model: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None

    def __bool__(self) -> bool:
        return any(value is not None for value in vars(self).values())


def cast(scenario: Scenario, casting: Casting, tell: Callable[[str], None] = lambda _: None) -> Scenario:
    """The scenario with its population answered as the flags say.

    Where models take every seat, what their environment asks in words is asked in words (``EnvironmentConfig.spoken``), but
    for keys that somebody set; ``tell`` hears of it. A rule behind the interface of a model keeps the numbers it plays by.

    Raises
    ------
    ScenarioError
        For a word that is neither ``llm`` nor ``rules``, a flag that changes nobody, or a sweep that has no meaning any more.
    MissingExtraError
        For ``rules``, where no rule has a model's dispositions.
    """
    if not casting:
        return scenario
    agents = casting.agents
    if agents not in (None, LLM, "rules"):
        raise ScenarioError(
            f"'{clean(agents, 40)}' is not possible.",
            where=_FLAG,
            hint=did_you_mean(agents, (LLM, "rules")) or "Possible: llm, rules.",
        )
    if agents == "rules" and (casting.model or casting.base_url or casting.api_key_env):
        raise ScenarioError("rules are no models.", where="--model", hint="Drop --model, or say --agents llm.")
    if (casting.base_url or casting.api_key_env) and not casting.model:
        raise ScenarioError("whose?", where="--base-url", hint="Name the model: --model openai/<name>.")
    return _cast(scenario, casting, tell)


def _cast(scenario: Scenario, casting: Casting, tell: Callable[[str], None]) -> Scenario:
    from gamesim.scenario.resolve import resolve_data

    data = dict(scenario.data)
    model = _model(data, casting)
    lines, origins, touched = [], dict(scenario.origins), 0
    for index, (line, member) in enumerate(zip(data["population"], scenario.population, strict=True)):
        new = _line(line, member.agent, scenario, casting.agents, model)
        if new is None:
            lines.append(line)
            continue
        touched += 1
        lines.append(new)
        origins = {path: place for path, place in origins.items() if not path.startswith(f"population.{index}.")}
        origins |= {f"population.{index}.{key}": _origin(_FLAG) for key in new}
    if not touched:
        if casting.agents is None:
            raise ScenarioError("no language model plays in this file.", where="--model", hint="Add --agents llm.")
        return scenario
    data["population"] = lines
    if data.get("models") != scenario.data.get("models"):
        origins = {path: place for path, place in origins.items() if path.split(".")[0] != "models"}
        origins |= {path: _origin("--model") for path in _paths(data["models"], "models")}
    if casting.agents is not None and data.get("sweep"):
        data["sweep"], origins = _sweep(data["sweep"], casting.agents, origins)
    cast = _with_files(resolve_data(data, origins=origins, source=scenario.source), scenario)
    return _in_words(cast, tell) if agents_speak(cast, casting) else cast


def agents_speak(scenario: Scenario, casting: Casting) -> bool:
    """Whether the flags have put models into all seats, and no rule stands behind one of them."""
    from gamesim.scenario.models import config_of, used_models

    if casting.agents != LLM:
        return False
    return all(config_of(model, scenario.models).backend != "rule" for model in used_models(scenario))


def _in_words(scenario: Scenario, tell: Callable[[str], None]) -> Scenario:
    """The scenario with what its environment asks of those who speak."""
    from gamesim.scenario.resolve import resolve_data
    from gamesim.scenario.sweep import cells

    environments = [cell.scenario.environment for cell in cells(scenario)]
    spoken = [environment.spoken() for environment in environments if environment is not None]
    if not spoken or not spoken[0] or any(other != spoken[0] for other in spoken):
        return scenario  # where the cells of a sweep differ in it, the file has thought of it
    wanted = {f"environment.{path}": value for path, value in spoken[0].items()}
    if any(_set_by(scenario, path) for path in wanted):
        return scenario
    data, origins = copy.deepcopy(dict(scenario.data)), dict(scenario.origins)
    kept = ""
    for path, value in wanted.items():
        *place, key = path.split(".")
        within: Any = data
        for part in place:
            within = within[part]
        kept = kept or f"{path}={within[key]}"
        within[key] = value
        origins |= {".".join(path.split(".")[: depth + 1]): _origin(_FLAG) for depth in range(1, len(path.split(".")))}
    changes = ", ".join(f"{path}={value}" for path, value in wanted.items())
    tell(f"models speak: {changes}; to leave that out: --set {kept}")
    return _with_files(resolve_data(data, origins=origins, source=scenario.source), scenario)


def _set_by(scenario: Scenario, path: str) -> bool:
    """Whether a file or a flag has set a key; a default has not."""
    origin = scenario.origins.get(path)
    return origin is not None and not origin.place.startswith("default")


def _with_files(cast: Scenario, scenario: Scenario) -> Scenario:
    from dataclasses import replace

    return replace(cast, included=scenario.included)


def _origin(place: str) -> Any:
    from gamesim.scenario.scenario import Origin

    return Origin(place)


def _paths(data: Any, path: str) -> list[str]:
    inner = [p for key, value in data.items() for p in _paths(value, f"{path}.{key}")] if isinstance(data, dict) else []
    return [path, *inner]


def _model(data: dict[str, Any], casting: Casting) -> str | None:
    """The alias or short form that players name; ``data`` gets an alias where a short form is not enough."""
    from gamesim.core.model_config import short_alias, spelled_out
    from gamesim.scenario.models import config_of

    spec = casting.model
    if spec is None:
        return None
    models = dict(data.get("models") or {})
    more = {"base_url": casting.base_url, "api_key_env": casting.api_key_env}
    given = {key: value for key, value in more.items() if value is not None}
    if not given:
        return spec
    known = models.get(spec)
    form = {key: value for key, value in known.items() if value is not None} if known else spelled_out(spec)
    if form.get("backend") != "openai":
        config_of(spec, {})  # says so where it is a slip of the pen
        raise ScenarioError(
            f"'{clean(spec, 60)}' has no address.", where="--base-url", hint="Such as: --model openai/<name>."
        )
    alias = spec if known else short_alias(spec)
    models[alias] = {**form, **given}
    data["models"] = models
    return alias


def _line(
    line: Mapping[str, Any], agent: AgentSpec, scenario: Scenario, agents: str | None, model: str | None
) -> dict[str, Any] | None:
    """A line of the population as it shall be; None where it stays."""
    place = {key: line[key] for key in _PLACE if line.get(key) is not None}
    if agents == "rules":
        return {**_rule_for(agent, scenario), **place} if agent.kind == LLM else None
    if agent.kind == LLM:
        return {**{key: value for key, value in line.items() if value is not None}, "model": model} if model else None
    if agents == LLM:
        from gamesim_agents.llm.config import stand_in

        return {"agent": LLM, **stand_in(agent, model or "local"), **place}
    return None


def _rule_for(agent: AgentSpec, scenario: Scenario) -> dict[str, Any]:
    """The rule behind a model, or the one whose dispositions its sentences stand for."""
    from gamesim.core.registry import entry, names
    from gamesim.scenario.models import config_of

    assert scenario.environment is not None
    config = config_of(str(agent.params.get("model", "local")), scenario.models)
    if config.backend == "rule":
        rule: Any = config.build("rule")
        behind = rule.agent(scenario.environment)
        if behind is not None:
            kind = next(name for name in names("agents") if entry("agents", name) is type(behind))
            return {"agent": kind, **rule.parameters}
    family = scenario.environment.kind
    for name in names("agents"):
        if name.split(".")[0] == family and {"init", "sentence"} <= set(
            getattr(entry("agents", name), "model_fields", ())
        ):
            found = {"agent": name, "init": agent.params.get("disposition") or "general"}
            sentence = agent.params.get("sentence")
            return found if sentence is None else {**found, "sentence": sentence}
    known = [name for name in names("agents") if name.split(".")[0] == family]
    raise MissingExtraError(
        f"no rule has the dispositions of a language model in '{family}'.",
        where="--agents rules",
        hint=f"Name rules in the population: {', '.join(known[:6])}." if known else None,
    )


def _sweep(sweep: Mapping[str, Any], agents: str, origins: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Axes over traits that both have are renamed; over anything else of a member they have no meaning now."""
    names = AXES if agents == LLM else {new: old for old, new in AXES.items()}

    def renamed(path: str) -> str:
        parts = path.split(".")
        if parts[0] != "population" or parts[-1] in (*_PLACE, *names.values()):
            return path
        if parts[-1] not in names:
            raise ScenarioError(
                f"the sweep goes over '{clean(path, 80)}', which nobody has with --agents {agents}.",
                path=f"sweep.axes.{clean(path, 80)}",
                hint="Name another axis, or write the population in the file.",
            )
        return ".".join([*parts[:-1], names[parts[-1]]])

    axes = {renamed(path): values for path, values in sweep["axes"].items()}
    exclude = [{renamed(path): value for path, value in point.items()} for point in sweep.get("exclude") or ()]
    moved = {renamed(path): path for path in sweep["axes"]}
    for new, old in moved.items():
        if new != old:
            for path in [p for p in origins if p == f"sweep.axes.{old}" or p.startswith(f"sweep.axes.{old}.")]:
                origins[f"sweep.axes.{new}{path.removeprefix(f'sweep.axes.{old}')}"] = origins.pop(path)
    return {**sweep, "axes": axes, "exclude": exclude}, origins
