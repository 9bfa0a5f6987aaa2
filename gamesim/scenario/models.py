"""The key ``models``: aliases of language models, each a configuration that an installed backend understands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gamesim.core.errors import ScenarioError, UnknownKindError, clean
from gamesim.core.model_config import ModelConfig, spelled_out
from gamesim.core.policy import Population
from gamesim.core.registry import entry, names
from gamesim.yaml.node import Node

from .diagnose import as_scenario_error, validated
from .scenario import Scenario
from .sweep import cells

_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,59}")


def read_models(root: Node, errors: list[ScenarioError]) -> dict[str, ModelConfig]:
    """The configurations under ``models``; complaints go to ``errors``."""
    node = root.child("models")
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        hint = "Such as: models: {big: {backend: openai, id: some-model}}"
        errors.append(ScenarioError("expected a mapping of aliases.", where=node.place, path="models", hint=hint))
        return {}
    found = {}
    for alias, child in node.value.items():
        config = _one(alias, child, errors)
        if config is not None:
            found[alias] = config
    return found


def _one(alias: str, node: Node, errors: list[ScenarioError]) -> ModelConfig | None:
    path = ("models", alias)

    def complain(message: str, hint: str, where: str) -> None:
        errors.append(ScenarioError(message, where=where, path=clean(".".join(path), 120), hint=hint))

    if not _ALIAS.fullmatch(alias):
        complain("no alias.", "Letters, digits, _ . and -, beginning with a letter.", node.key_place or node.place)
        return None
    node = _spelled_out(node)
    backend = node.child("backend")
    if not isinstance(node.value, dict) or backend is None or not isinstance(backend.value, str):
        complain(
            "says no backend.",
            f"Such as: {{backend: openai, id: some-model}}. Installed: {', '.join(names('models'))}.",
            (backend or node).place,
        )
        return None
    try:
        model: type[ModelConfig] = entry("models", backend.value)
    except UnknownKindError as error:
        errors.append(as_scenario_error(error, backend, (*path, "backend")))
        return None
    return validated(model, node, path, errors)


def with_models_spelled_out(root: Node) -> Node:
    """The tree with short forms of ``models`` written out, so that what they set is known to be set, not a default."""
    node = root.child("models")
    if not isinstance(root.value, dict) or node is None or not isinstance(node.value, dict):
        return root
    models = replace(node, value={alias: _spelled_out(child) for alias, child in node.value.items()})
    return replace(root, value={**root.value, "models": models})


def _spelled_out(node: Node) -> Node:
    """``openai/x`` as the mapping it stands for; every part keeps the place of the whole."""
    if isinstance(node.value, str):
        return replace(node, value={key: replace(node, value=text) for key, text in spelled_out(node.value).items()})
    backend = node.child("backend")
    if isinstance(node.value, dict) and backend is not None and isinstance(backend.value, str):
        parts = {key: replace(backend, value=text) for key, text in spelled_out({"backend": backend.value}).items()}
        return replace(node, value={**node.value, **parts})
    return node


def models_of_data(models: Mapping[str, ModelConfig]) -> dict[str, Any]:
    """The plain JSON of ``models``, defaults included."""
    return {alias: config.model_dump(mode="json", by_alias=True) for alias, config in models.items()}


def models_in_use(population: Population) -> tuple[str, ...]:
    """The aliases and short forms that members name as their ``model``, in order."""
    named = [member.agent.params.get("model") for member in population]
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str)))


def used_models(scenario: Scenario) -> tuple[str, ...]:
    """Aliases and short forms that any cell of the scenario asks, in order: those of members, and what an experiment's
    configuration names in ``asks``."""
    if scenario.sweep is None and scenario.population:
        return models_in_use(scenario.population)
    asked = [
        name
        for cell in cells(scenario)
        for name in (*models_in_use(cell.scenario.population), *getattr(cell.scenario.experiment, "asks", ()))
    ]
    return tuple(dict.fromkeys(asked))


def config_of(model: str, models: Mapping[str, ModelConfig]) -> ModelConfig:
    """The configuration behind an alias, or behind a short form such as ``openai/some-model``.

    Raises
    ------
    UnknownKindError
        If it is neither. ScenarioError : if the short form lacks what its backend needs.
    """
    if model in models:
        return models[model]
    data = spelled_out(model)
    if data["backend"] not in names("models"):
        meant = data["backend"] if data.get("id") else model
        raise UnknownKindError.named("model", meant, {*models, *names("models")}, path="model")
    errors: list[ScenarioError] = []
    from gamesim.yaml.node import planted

    from .diagnose import raise_together

    config = validated(entry("models", data["backend"]), planted(data, f"model {clean(model, 80)}"), (), errors)
    raise_together(errors)
    assert isinstance(config, ModelConfig)
    return config
