"""From YAML to a Scenario: defaults, includes, the file, a cell of the sweep, and what the command line sets, in that order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from gamesim.core.config import Config
from gamesim.core.errors import OverrideError, ScenarioError, UnknownKindError, clean, nearest, split_place
from gamesim.core.registry import entry, names
from gamesim.envs.config import EnvironmentConfig
from gamesim.yaml.beside import reading
from gamesim.yaml.node import Node, dotted, planted

from .common import MAX_UNITS, CommonKeys
from .diagnose import as_scenario_error, placed, raise_together, validated
from .identity import identity as identity
from .includes import Document, read_document, relative
from .members import Line, check_seats, read_members, unknown_key
from .models import config_of, models_in_use, models_of_data, read_models, with_models_spelled_out
from .names import checked_name
from .origins import origins_of, written
from .overrides import applied, check_overrides, parse_axis, parse_override
from .packaged import find_scenario, packaged_root
from .scenario import Origin, Scenario
from .secrets import refuse_secret_overrides, refuse_secrets
from .sweep import cells_from, check_axes, count_units, points, swept_paths, with_axes

CHECKED_CELLS = 256  # so many cells are validated when a scenario is loaded; the others when they are built
_PARTS = frozenset({"environment", "population"})


def load_scenario(
    source: Path | str,
    *,
    overrides: Sequence[str] = (),
    axes: Sequence[str] = (),
    axis_mode: Literal["grid", "zip"] = "grid",
    include_root: Path | None = None,
) -> Scenario:
    """Read, merge and check a scenario.

    Parameters
    ----------
    source : a path, the name of a packaged scenario, or YAML text.
    overrides : ``a.b=c``, as after ``--set``.
    axes : ``a.b=v1,v2``, as after ``--axis``.
    axis_mode : how the axes of ``axes`` combine where the file has no sweep of its own.
    include_root : where included files may lie; by default the directory of the file.

    Raises
    ------
    ScenarioError
        With place, dotted path and what was possible; several complaints come together.
    """
    refuse_secret_overrides((*overrides, *axes))
    document = _document(source, include_root)
    with reading(_file(source)):
        return _loaded(source, document, overrides, axes, axis_mode)


def _loaded(
    source: Path | str,
    document: Document,
    overrides: Sequence[str],
    axes: Sequence[str],
    axis_mode: Literal["grid", "zip"],
) -> Scenario:
    sets = [parse_override(text) for text in overrides]
    root = with_axes(document.root, [parse_axis(text) for text in axes], axis_mode)
    check_overrides(sets, swept_paths(root))
    bare: list[Mapping[str, Any] | None] = []

    def defaults() -> Mapping[str, Any] | None:
        if not bare:
            try:
                bare.append(build(_named(root, source)).data)
            except ScenarioError:  # the override may be what makes it valid
                bare.append(None)
        return bare[0]

    for override in sets:
        root = applied(root, override, defaults)
    root = _named(root, source)
    scenario = replace(build(root), source=document.text, included=document.included)
    _check_sweep(root, scenario)
    return scenario


def resolve_data(
    data: Mapping[str, Any],
    *,
    origins: Mapping[str, Any] | None = None,
    source: str | None = None,
    name: str = "<data>",
) -> Scenario:
    """The scenario of resolved data, as ``Scenario.data`` and the manifest keep it.

    Parameters
    ----------
    origins : those of the scenario, as ``Origin`` or as text; with them, sweeps over kinds find the same cells again.
    """
    known = {
        path: value if isinstance(value, Origin) else Origin(str(value)) for path, value in (origins or {}).items()
    }
    root = written(data, known) if known else planted(dict(data), name)
    if isinstance(root.value, dict) and "name" not in root.value and "name" in data:  # it came from the file's own name
        root = replace(root, value={"name": Node(data["name"], "default", None, "default"), **root.value})
    scenario = replace(build(root), source=source)
    return replace(scenario, origins=known) if known else scenario


def dump(scenario: Scenario) -> str:
    """The resolved scenario as YAML that resolves to the same."""
    import io

    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.allow_unicode = True
    yaml.representer.sort_base_mapping_type_on_output = False
    stream = io.StringIO()
    yaml.dump(_thawed(scenario.data), stream)
    return stream.getvalue()


def _thawed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thawed(item) for key, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, (list, tuple)) else value


def _is_text(source: Path | str) -> bool:
    return isinstance(source, str) and (
        "\n" in source or ": " in source or source.lstrip().startswith("{") or not source.strip()
    )


def _file(source: Path | str) -> Path | None:
    """The file meant, or None where the source is YAML text."""
    return None if _is_text(source) else find_scenario(source)


def _document(source: Path | str, include_root: Path | None) -> Document:
    if _is_text(source):
        return read_document(source, include_root=include_root)
    given = Path(source)
    found = find_scenario(source)
    return read_document(found, include_root=include_root, name=clean(given if given.exists() else relative(found)))


def _named(root: Node, source: Path | str) -> Node:
    """A scenario without a name is called after its file."""
    if not isinstance(root.value, dict) or "name" in root.value:
        return root
    name = "scenario"
    if isinstance(source, Path) or "\n" not in source:
        path = Path(source)
        packaged = packaged_root()
        if packaged is not None and path.resolve().is_relative_to(packaged):
            path = path.resolve().relative_to(packaged).with_suffix("")
            candidate = path.as_posix()
        else:
            candidate = path.stem
        try:
            name = checked_name(candidate)
        except ValueError:
            name = "scenario"
    return replace(root, value={"name": Node(name, "default", None, "default"), **root.value})


def build(root: Node) -> Scenario:
    """The scenario of a merged tree."""
    assert isinstance(root.value, dict)
    refuse_secrets(root)
    errors: list[ScenarioError] = []
    experiment, config = _experiment(root, errors)
    raise_together(errors)  # without its kind nobody can say what else is wrong
    if hasattr(experiment, "rewritten"):  # an experiment may have short forms of its own
        root = experiment.rewritten(root)
    root = with_models_spelled_out(root)
    assert isinstance(root.value, dict)
    own_fields = {info.alias or name for name, info in config.model_fields.items()} - {"kind"}
    known = set(CommonKeys.model_fields) | _PARTS | own_fields
    groups: dict[str, dict[str, Node]] = {"common": {}, "own": {}}
    for key, child in root.value.items():
        if key in own_fields:
            groups["own"][key] = child
        elif key in CommonKeys.model_fields:
            groups["common"][key] = child
        elif key not in _PARTS:
            errors.append(unknown_key(child, (key,), known | {"include"}, set(root.value)))
    misspelt, found = bool(errors), list[ScenarioError]()
    common = validated(CommonKeys, replace(root, value=groups["common"]), (), errors)
    own = validated(config, replace(root, value=groups["own"]), (), found)
    # Where a key is misspelt, a complaint about the whole is its echo.
    errors += [error for error in found if error.path or error.where != root.place or not misspelt]
    needs = getattr(experiment, "needs", ("environment", "population"))
    environment = _environment(root, errors, "environment" in needs)
    lines = _population(root, environment, errors, "population" in needs)
    models = read_models(root, errors)
    raise_together(sorted(errors, key=_order))
    assert common is not None
    assert own is not None
    _check_names(common, root)
    data = {
        **{
            key: value
            for key, value in common.model_dump(mode="json").items()
            if key in ("name", "description", "kind")
        },
        **own.model_dump(mode="json", by_alias=True, exclude={"kind"}),
        "environment": None if environment is None else environment.model_dump(mode="json", by_alias=True),
        "population": [dict(line.data) for line in lines],
        "models": models_of_data(models),
    }
    data |= {key: value for key, value in common.model_dump(mode="json").items() if key not in data}
    scenario = Scenario(
        name=common.name,
        kind=common.kind,
        seed=common.seed,
        replicates=common.replicates,
        environment=environment,
        population=tuple(line.member for line in lines),
        limits=common.limits,
        record=common.record,
        sweep=common.sweep,
        experiment=own,
        description=common.description,
        seating=common.seating,
        language=common.language.model_dump(mode="json", exclude_defaults=True),
        metrics=common.metrics,
        report=common.report.model_dump(mode="json"),
        analysis=common.analysis,
        provenance=common.provenance,
        data=data,
        origins=origins_of(data, root),
        executor=common.executor,
        models=models,
        cache=common.cache,
    )
    _check_models(scenario, root)
    _check_misfits(scenario, root)
    if hasattr(experiment, "check"):  # an experiment may refuse what only shows in the whole
        try:
            experiment.check(scenario)
        except ScenarioError as error:
            raise placed(error, root, ()) from None
    return scenario


def _experiment(root: Node, errors: list[ScenarioError]) -> tuple[Any, type[Config]]:
    node = root.child("kind")
    kind = node.value if node is not None and isinstance(node.value, str) else "play"
    try:
        experiment = entry("experiments", kind)
    except UnknownKindError as error:
        assert node is not None
        errors.append(as_scenario_error(error, node, ("kind",)))
        return None, Config
    return experiment, experiment.config


def _environment(root: Node, errors: list[ScenarioError], needed: bool) -> EnvironmentConfig | None:
    node = root.child("environment")
    if node is None or node.value is None:
        if needed:
            errors.append(
                ScenarioError(
                    "is missing.",
                    where=(node or root).place,
                    path="environment",
                    hint="Such as: environment: {kind: commons}",
                )
            )
        return None
    if not isinstance(node.value, dict):
        errors.append(
            ScenarioError("expected a mapping.", where=node.place, path="environment", hint="Such as: {kind: commons}")
        )
        return None
    kind = node.child("kind")
    misspelt = nearest("kind", node.value) if kind is None else None
    if misspelt is not None:
        errors.append(unknown_key(node.value[misspelt], ("environment", misspelt), {"kind"}, set()))
        return None
    if kind is None or not isinstance(kind.value, str):
        errors.append(
            ScenarioError(
                "is missing." if kind is None else "expected the name of an environment.",
                where=(kind or node).place,
                path="environment.kind",
                hint=f"Installed: {', '.join(names('environments')[:12])}.",
            )
        )
        return None
    try:
        model: type[EnvironmentConfig] = entry("environments", kind.value)
    except UnknownKindError as error:
        errors.append(as_scenario_error(error, kind, ("environment", "kind")))
        return None
    return validated(model, node, ("environment",), errors)


def _population(
    root: Node, environment: EnvironmentConfig | None, errors: list[ScenarioError], needed: bool
) -> list[Line]:
    node = root.child("population")
    if node is None or node.value is None or (node.value == [] and not needed):
        if needed:
            errors.append(
                ScenarioError(
                    "is missing.",
                    where=(node or root).place,
                    path="population",
                    hint="Such as: population: [{agent: commons.greedy, count: 4}]",
                )
            )
        return []
    lines = read_members(node, errors)
    if environment is not None and isinstance(node.value, list) and len(lines) == len(node.value):
        check_seats(environment, lines, node, root.child("environment") or root, errors)
    return lines


def _check_names(common: CommonKeys, root: Node) -> None:
    """Measures are names of what is installed."""
    installed = names("metrics")
    for index, metric in enumerate(common.metrics):
        if metric not in installed:
            spot = root.nearest(("metrics", index))
            raise as_scenario_error(UnknownKindError.named("metric", metric, installed), spot, ("metrics", index))
    for index, call in enumerate(common.analysis):
        spot = root.nearest(("analysis", index))
        if len(call) != 1 or not isinstance(next(iter(call.values())), (dict, type(None))):
            raise ScenarioError(
                "expected the name of one metric, with its parameters.",
                where=spot.place,
                path=f"analysis.{index}",
                hint="Such as: - regret: {per: member}",
            )
        name = next(iter(call))
        if name not in installed:
            raise as_scenario_error(UnknownKindError.named("metric", name, installed), spot, ("analysis", index))
        _check_parameters(name, call[name] or {}, root.nearest(("analysis", index, name)), ("analysis", index, name))


def _check_parameters(name: str, given: Mapping[str, Any], node: Node, path: tuple[str | int, ...]) -> None:
    """Parameters of a metric, where it says what it takes; a plain function of a plugin does not."""
    metric = entry("metrics", name)
    if not given or not hasattr(metric, "keys"):
        return
    if metric.keys is None:
        raise ScenarioError(f"'{clean(name, 60)}' takes no parameters.", where=node.place, path=dotted(path))
    errors: list[ScenarioError] = []
    validated(metric.keys, node, path, errors)
    raise_together(errors)


def _check_models(scenario: Scenario, root: Node) -> None:
    """Every model that somebody asks has an alias, or a short form of a backend that is installed."""
    for name in (*models_in_use(scenario.population), *getattr(scenario.experiment, "asks", ())):
        try:
            config_of(name, scenario.models)
        except UnknownKindError as error:
            error.path = None  # where the name stands is looked for
            raise placed(error, root, ()) from None


def _check_misfits(scenario: Scenario, root: Node) -> None:
    """What ``analysis:`` asks can be had of what is played; cells of other environments are not looked at."""
    if {"environment", "environment.kind"} & set(swept_paths(root)):
        return
    for index, call in enumerate(scenario.analysis):
        name = next(iter(call))
        misfit = getattr(entry("metrics", name), "misfit", None)
        reason = misfit(scenario) if misfit is not None else ""
        if reason:
            path = ("analysis", index, name)
            raise placed(ScenarioError(f"'{clean(name, 60)}' does not apply: {reason}.", path=dotted(path)), root, ())


def _check_sweep(root: Node, scenario: Scenario) -> None:
    if scenario.sweep is not None:
        check_axes(scenario.sweep, root)
        count = len(points(scenario.sweep, root.child("sweep")))
        every = (
            range(count)
            if count <= CHECKED_CELLS
            else sorted({0, count - 1, *range(0, count, count // CHECKED_CELLS + 1)})
        )
        cells_from(root, scenario, only=list(every))
    units = count_units(scenario)
    if units > MAX_UNITS:
        spot = root.nearest(("replicates",)) if scenario.sweep is None else root.nearest(("sweep",))
        overriding = spot.place.startswith("--")
        raise (OverrideError if overriding else ScenarioError)(
            f"{units:,} units of work; the limit is {MAX_UNITS:,}.",
            where=spot.place,
            path=None if overriding else ("replicates" if scenario.sweep is None else "sweep"),
            hint="Lower replicates, or raise record.block.",
        )


def _order(error: ScenarioError) -> tuple[str, int, int]:
    file, line, column = split_place(error.where)
    return (file or "", line or 0, column or 0)


from_data = resolve_data
