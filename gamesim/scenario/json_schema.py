"""The JSON schema (2020-12) of a scenario, for editors and for other programs: common keys and every installed kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gamesim.core.errors import PluginError, UnknownKindError
from gamesim.core.registry import entries, load, singular

from .common import CommonKeys
from .members import MEMBER_KEYS, MemberKeys

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def scenario_schema() -> Schema:
    """What a scenario file may hold. Kinds whose plugin fails to import are left out."""
    environments, agents, experiments = (_loaded(group) for group in ("environments", "agents", "experiments"))
    backends = _loaded("models")
    configs = {f"experiment.{name}": experiment.config for name, experiment in experiments.items()}
    models: dict[str, type[BaseModel]] = {
        "common": CommonKeys,
        "member": MemberKeys,
        **{f"environment.{name}": model for name, model in environments.items()},
        **{f"agent.{name}": model for name, model in agents.items()},
        **{f"model.{name}": model for name, model in backends.items()},
        **configs,
    }
    found, shared = models_json_schema(
        [(model, "validation") for model in models.values()], ref_template="#/$defs/{model}"
    )
    definitions: Schema = shared.get("$defs", {})

    def of(name: str) -> Schema:
        """The object schema of a model, its references resolved one step."""
        schema = found[models[name], "validation"]
        return dict(definitions[schema["$ref"].rsplit("/", 1)[1]]) if "$ref" in schema else dict(schema)

    common = of("common")
    member = of("member")
    properties: Schema = dict(common["properties"])
    properties["kind"] = {**properties["kind"], "enum": sorted(experiments)}
    properties["include"] = {
        "description": "Files whose values lie below this file's own.",
        "type": ["array", "null"],
        "items": {"type": "string"},
    }
    properties["models"] = {
        **{key: text for key, text in properties["models"].items() if key != "anyOf"},
        "type": "object",
        "additionalProperties": {
            "anyOf": [{"type": "string"}] + [{**of(f"model.{name}"), "title": name} for name in backends]
        },
    }
    properties["environment"] = {
        "description": "What is played.",
        "anyOf": [_environment(name, of(f"environment.{name}")) for name in environments] + [{"type": "null"}],
    }
    properties["population"] = {
        "description": "Who plays.",
        "type": ["array", "null"],
        "items": {"anyOf": [_member(name, of(f"agent.{name}"), member) for name in agents]},
    }
    own = {name: of(f"experiment.{name}") for name in experiments}
    for name, experiment in experiments.items():
        written = getattr(experiment, "written", {})  # what it rewrites before its configuration reads it
        own[name] = {**own[name], "properties": {**own[name].get("properties", {}), **written}}
    # A key that some experiment understands in its own way, such as a bench's models, is left to the branches.
    shared_keys = {key for schema in own.values() for key in schema.get("properties", {})} & (
        set(properties) - {"kind"}
    )
    common_keys = {key: properties[key] for key in shared_keys}
    properties |= {key: {"description": properties[key].get("description", "")} for key in shared_keys}
    branches = [_experiment(name, schema, common_keys) for name, schema in own.items()]
    branches.append(_whole({name: of(f"environment.{name}").get("required", []) for name in environments}))
    schema: Schema = {
        "$schema": DIALECT,
        "title": "gamesim scenario",
        "type": "object",
        "properties": properties,
        "allOf": branches,
        "unevaluatedProperties": False,
        "$defs": definitions,
    }
    return _pruned(schema)


def kind_schema(group: str, name: str) -> Schema:
    """The schema of one kind's own keys."""
    points = entries(group)
    if name not in points:
        raise UnknownKindError.named(singular(group), name, points)
    loaded = load(points[name])
    model = getattr(loaded, "config", loaded)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return {"$schema": DIALECT, "title": name, "description": (loaded.__doc__ or "").strip()}
    return {"$schema": DIALECT, **model.model_json_schema()}


def _loaded(group: str) -> dict[str, Any]:
    found = {}
    for name, point in entries(group).items():
        try:
            found[name] = load(point)
            model = getattr(found[name], "config", found[name])
            if not (isinstance(model, type) and issubclass(model, BaseModel)):
                raise PluginError("it says nothing of what a scenario may say.")
        except PluginError:
            found.pop(name, None)  # `gamesim list --broken` names it
    return found


def _environment(name: str, schema: Schema) -> Schema:
    own = dict(schema.get("properties", {}))
    own["kind"] = {"const": name, "description": "Family of environments."}
    own_schema = {key: value for key, value in schema.items() if key != "required"}
    return {**own_schema, "title": name, "type": "object", "properties": own, "additionalProperties": False}


def _whole(required: Mapping[str, list[str]]) -> Schema:
    """A file that includes others may leave to them what an environment needs, such as its kind."""
    whole = [
        {"properties": {"kind": {"const": name}}, "required": sorted({"kind", *keys})}
        for name, keys in required.items()
    ]
    then = {"properties": {"environment": {"anyOf": [*whole, {"type": "null"}]}}}
    return {"if": {"not": {"required": ["include"]}}, "then": then}


def _member(name: str, schema: Schema, member: Schema) -> Schema:
    own = {
        key: value for key, value in schema.get("properties", {}).items() if key != "kind" and key not in MEMBER_KEYS
    }
    required = sorted({"agent", *(key for key in schema.get("required", []) if key in own)})
    agent = {"agent": {"const": name, "description": _first_line(schema)}}
    return {
        "title": name,
        "description": schema.get("description", ""),
        "type": "object",
        "properties": {**member["properties"], **agent, **own},
        "required": required,
        "additionalProperties": False,
    }


def _experiment(name: str, schema: Schema, common: Schema) -> Schema:
    own = {**common, **{key: value for key, value in schema.get("properties", {}).items() if key != "kind"}}
    chosen: Schema = {"properties": {"kind": {"const": name}}}
    if name != "play":
        chosen["required"] = ["kind"]  # absent means play
    then: Schema = {"properties": own}
    if schema.get("required"):
        then["required"] = [key for key in schema["required"] if key in own]
    return {"if": chosen, "then": then}


def _first_line(schema: Mapping[str, Any]) -> str:
    return str(schema.get("description", "")).split("\n")[0]


def _pruned(schema: Schema) -> Schema:
    """Definitions that something refers to, and no others."""
    definitions = schema["$defs"]
    wanted: set[str] = set()
    queue: list[Any] = [{key: value for key, value in schema.items() if key != "$defs"}]
    while queue:
        item = queue.pop()
        if isinstance(item, dict):
            reference = item.get("$ref")
            if isinstance(reference, str):
                name = reference.rsplit("/", 1)[1]
                if name not in wanted:
                    wanted.add(name)
                    queue.append(definitions[name])
            queue.extend(item.values())
        elif isinstance(item, list):
            queue.extend(item)
    return {**schema, "$defs": {name: definitions[name] for name in sorted(wanted)}}
