"""What was run, and the commands that run it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from gamesim.core.errors import clean
from gamesim_analysis.metrics.cells import dig

from ..blocks import Block, Code, Section, Table, Text, Value
from ..numbers import count
from ..study import Study, flattened, shown
from .common import compares


@compares
def section(study: Study) -> Section | None:
    blocks: list[Block] = []
    for index, scenario in enumerate(study.scenarios):
        if len(study.records) > 1:
            blocks.append(Text(f"Run {index + 1}: `{study.names[index]}`."))
        blocks.append(Text(_sentence(study, index)))
        blocks.append(Code(_commands(study, index), "To see it again, run it again, or take it apart:"))
        source = _source(study, index)
        if source:
            blocks.append(Code(source, "The scenario file as given", folded=True))
        blocks.append(Code(yaml(scenario), "The scenario as played, defaults included", folded=True))
    if study.several and len(study.records) == 1:
        blocks.append(_sweep(study))
    if len(study.records) > 1:
        blocks.append(_differences(study))
    return Section("setup", "What was run", tuple(blocks), order=200)


def _sentence(study: Study, index: int) -> str:
    scenario, manifest = study.scenarios[index], study.manifests[index]
    cells = sum(c.record == index for c in study.conditions)
    replicates = scenario.get("replicates")
    seats = dig(scenario, "environment.players")
    who = _population(scenario.get("population") or ())
    game = scenario.get("game")  # a formal one, where no environment is
    called = game.get("game", "?") if isinstance(game, Mapping) else game
    parts = (
        [f"Game `{clean(called)}`"]
        if game and not scenario.get("environment")
        else [
            f"Environment `{clean(dig(scenario, 'environment.kind', '?'))}`"
            + (f" with {shown(seats)} players" if seats else "")
        ]
    )
    if who:
        parts.append(f"played by {who}")
    sentence = ", ".join(parts) + "."
    if scenario.get("kind") == "psro":
        replicates = None  # cells have episodes of their own number
    runs = (
        f" {count(cells, 'condition')}, {count(int(replicates), 'episode')} each"
        if replicates
        else f" {count(cells, 'condition')}"
    )
    shared = " Conditions share their random draws, replicate by replicate." if study.several else ""
    return f"{sentence}{runs}, from root seed {clean(scenario.get('seed', manifest.get('seed', '?')))}.{shared}"


def _population(members: Any) -> str:
    names = []
    for member in members:
        agent = member.get("agent", "?") if isinstance(member, Mapping) else member
        kind = agent.get("kind", "?") if isinstance(agent, Mapping) else agent
        extra = member.get("label") or member.get("init") if isinstance(member, Mapping) else None
        many = member.get("count") if isinstance(member, Mapping) else None
        name = f"`{clean(kind)}`" + (f" ({clean(extra)})" if isinstance(extra, str) else "")
        names.append(f"{many} {name}" if many else name)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _commands(study: Study, index: int) -> str:
    manifest, scenario = study.manifests[index], study.scenarios[index]
    run = clean(str(manifest.get("id") or study.names[index]))
    name = clean(str(scenario.get("name") or "scenario"))
    where = f"runs/{run}"
    lines = [
        f"# {name}: play it again, from the file that the run keeps",
        f"gamesim run {shlex.quote(where + '/scenario.yaml')} --new",
        "# prove that it would come out the same",
        f"gamesim replay {shlex.quote(where)} --verify",
        "# this page, and the numbers under it",
        f"gamesim report {shlex.quote(where)}",
        f"gamesim export {shlex.quote(where)} --table steps --format csv",
    ]
    return "\n".join(lines)


def _source(study: Study, index: int) -> str:
    path = getattr(study.records[index], "path", None)
    if path is None:
        return ""
    file = path / "scenario.yaml"
    try:
        return file.read_text("utf-8", "replace")[:40_000] if file.is_file() and not file.is_symlink() else ""
    except OSError:
        return ""


def _sweep(study: Study) -> Table:
    paths = list(study.conditions[0].values)
    rows: list[tuple[Value, ...]] = []
    for path in paths:
        levels = list(dict.fromkeys(shown(c.values[path]) for c in study.conditions))
        rows.append((path, len(levels), ", ".join(levels[:20]) + (", …" if len(levels) > 20 else "")))
    return Table(
        ("key", "levels", "values"),
        tuple(rows),
        "What was varied",
        f"{count(len(study.conditions), 'condition')} in all.",
    )


def _differences(study: Study) -> Table:
    """The paths at which the scenarios of several records differ."""
    flat = [flattened({k: v for k, v in s.items() if k not in ("source", "sweep")}) for s in study.scenarios]
    paths = dict.fromkeys(path for one in flat for path in one)
    rows: list[tuple[Value, ...]] = []
    for path in paths:
        values = [shown(one[path]) if path in one else "not set" for one in flat]
        if len(set(values)) > 1:
            rows.append((path, *values))
    return Table(("key", *study.names), tuple(rows[:60]), "Where the scenarios differ", f"{count(len(rows), 'key')}.")


def yaml(data: Any, indent: int = 0) -> str:
    """Plain data as YAML that reads back the same; scalars are written as JSON where they could be taken for something else.

    Examples
    --------
    >>> print(yaml({"a": {"b": 1, "c": [{"d": "x: y"}, 2]}, "e": None, "f": []}))
    a:
      b: 1
      c:
        - d: "x: y"
        - 2
    e: null
    f: []
    """
    pad = "  " * indent
    if isinstance(data, Mapping) and data:
        lines = []
        for key, value in data.items():
            nested = isinstance(value, (Mapping, list, tuple)) and value
            lines.append(
                f"{pad}{_scalar(str(key))}:" + (f"\n{yaml(value, indent + 1)}" if nested else f" {_scalar(value)}")
            )
        return "\n".join(lines)
    if isinstance(data, (list, tuple)) and data:
        lines = []
        for value in data:
            if isinstance(value, (Mapping, list, tuple)) and value:
                inner = yaml(value, indent + 1)
                lines.append(f"{pad}- {inner[len(pad) + 2 :]}")
            else:
                lines.append(f"{pad}- {_scalar(value)}")
        return "\n".join(lines)
    return pad + _scalar(data)


_WORDS = ("null", "true", "false", "yes", "no", "on", "off", "~")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        plain = value.replace("_", "a").replace("/", "a").replace(".", "a").replace("-", "a").replace(" ", "a")
        starts = value[:1].isalpha()
        safe = plain.isascii() and plain.isalnum() and starts and value == value.strip() and value.lower() not in _WORDS
        return value if safe else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    return json.dumps(value, default=str)
