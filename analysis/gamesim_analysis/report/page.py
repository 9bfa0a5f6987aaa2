"""``build``: sections are collected, drawn by the templates, and written as one file that asks nobody for anything.

Escaping is the first wall against text that would like to be markup; the content policy is the second. No clock, host or
path of this machine enters, so that the same record gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gamesim
from gamesim.core.errors import GamesimError, PluginError, RecordError, UnknownKindError, clean
from gamesim.core.registry import entries, load

from . import reading
from .blocks import Block, Note, Section
from .numbers import count
from .study import Study

if TYPE_CHECKING:
    from jinja2 import Environment

    from gamesim.run.record import Record

SectionFunction = Callable[[Any], Section | None]
LIMIT = 1_000_000  # bytes of a page; the drawing of a larger one says so


def build(record: Record | Sequence[Record], out: Path | None = None, sections: Sequence[str] | None = None) -> Path:
    """Write the report of a record, or one that compares several.

    Parameters
    ----------
    out : by default ``report.html`` in the run's directory (the first of several).
    sections : names registered under ``gamesim.report_sections``, in the order wanted; by default all that have something
        to say.

    Returns
    -------
    The path written.

    Raises
    ------
    UnknownKindError
        For a section that nobody registers, with the nearest name.
    RecordError
        If there is no record to report.
    """
    records: list[Record] = list(record) if isinstance(record, Sequence) else [record]
    if not records:
        raise RecordError("there is no run to report.", hint="Name one or more run directories.")
    study = Study(records)
    target = Path(out) if out is not None else Path(records[0].path) / "report.html"
    write(target, page(study, sections))
    return target


def page(study: Study, sections: Sequence[str] | None = None) -> str:
    """The page as text."""
    made = collect(study, sections)
    scenario = study.scenarios[0]
    return draw(
        made,
        title=study.title,
        description=clean(scenario.get("description") or "", 2000) if len(study.records) == 1 else "",
        eyebrow="gamesim report" if len(study.records) == 1 else f"gamesim comparison of {len(study.records)} runs",
        facts=_facts(study),
        colophon=_colophon(study),
        script=_asset("report.js"),
    )


def draw(
    sections: Sequence[Section],
    *,
    title: str,
    eyebrow: str,
    facts: Sequence[str],
    colophon: str,
    description: str = "",
    script: str = "",
) -> str:
    """Sections as a page that asks nobody for anything; without ``script`` its policy lets none run."""
    allowed = f"script-src '{_sha256(script)}'; " if script else ""
    policy = (
        f"default-src 'none'; {allowed}style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    template = _environment()
    template.globals["drawing"] = reading.Drawings()
    text = template.get_template("page.html").render(
        title=clean(title),
        description=description,
        eyebrow=eyebrow,
        facts=[clean(fact) for fact in facts],
        sections=sections,
        version=gamesim.__version__,
        policy=policy,
        style=reading.own(_asset("style.css")),
        script=reading.own(script),
        colophon=colophon,
    )
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def collect(study: Study, names: Sequence[str] | None = None) -> list[Section]:
    """The sections that have something to say, in order, or in that of ``names``. One that fails says so and spoils no other."""
    points = entries("report_sections")
    chosen = list(points) if names is None else list(names)
    for name in chosen:
        if name not in points:
            raise UnknownKindError.named("report section", name, points)
    made = [section for name in chosen for section in _run(name, study, points)]
    seen: dict[str, int] = {}
    unique = []
    if names is None:
        made.sort(key=lambda s: (s.order, s.id))
    for section in made:
        seen[section.id] = seen.get(section.id, 0) + 1
        again = f"{section.id}-{seen[section.id]}" if seen[section.id] > 1 else section.id
        unique.append(Section(again, clean(section.title), tuple(section.blocks), section.order))
    return unique


def _run(name: str, study: Study, points: Mapping[str, Any]) -> list[Section]:
    title = name.replace("-", " ").replace("_", " ").capitalize()
    try:
        function: SectionFunction = load(points[name])
        if len(study.records) == 1 or getattr(function, "compares", False):
            made = [(function(study), "")]
        else:  # it knows one record at a time
            made = [(function(Study([one])), label) for one, label in zip(study.records, study.names, strict=True)]
        for section, _ in made:
            if section is not None and not isinstance(section, Section):
                raise PluginError(f"a section is a Section or None, not {type(section).__name__}.")
            for block in section.blocks if section is not None else ():
                if not isinstance(block, Block):
                    raise PluginError(f"a section is made of blocks, not {type(block).__name__}.")
    except PluginError as error:
        return [_failed(name, title, str(error))]
    except GamesimError as error:
        return [_failed(name, title, f"{type(error).__name__}: {error}")]
    except Exception as error:  # a stranger's section, or a flaw of ours: the rest of the page is still worth having
        return [_failed(name, title, f"{type(error).__name__}: {clean(error)}")]
    return [
        Section(s.id, f"{s.title} ({label})" if label else s.title, s.blocks, s.order)
        for s, label in made
        if s is not None
    ]


def _failed(name: str, title: str, reason: str) -> Section:
    note = Note(f"This section could not be made. {clean(reason, 400)}", "failure")
    return Section(reading.anchor(name), title, (note,), order=1150)


def _facts(study: Study) -> list[str]:
    facts = []
    cells = len(study.conditions)
    if cells > 1:
        facts.append(count(cells, "condition"))
    if study.n_episodes:
        facts.append(count(study.n_episodes, "episode"))
    seeds = sorted({str(s["seed"]) for s in study.scenarios if s.get("seed") is not None})
    if seeds:
        facts.append(f"seed {', '.join(map(clean, seeds))}")
    facts += [f"status: {clean(s)}" for s in dict.fromkeys(str(m.get("status") or "unknown") for m in study.manifests)]
    provenance = [s.get("provenance") for s in study.scenarios]
    facts += [clean(p) for p in dict.fromkeys(p for p in provenance if p)]
    return facts


def _colophon(study: Study) -> str:
    versions = {str(reading.version_of(manifest)) for manifest in study.manifests}
    played = f"Played by gamesim {', '.join(sorted(map(clean, versions)))}; drawn" if versions - {""} else "Drawn"
    return (
        f"{played} by gamesim {gamesim.__version__}. This file is complete in itself: it loads nothing, and reads the same "
        "without JavaScript. Colours, dashes and shapes say the same thing."
    )


@cache
def _asset(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8").strip()


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(str(files(__package__) / "templates")),
        autoescape=True,
        finalize=reading.printable,  # every expression, so that no place is forgotten
        undefined=StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    environment.filters.update(reading.FILTERS)
    environment.tests["estimate"] = reading.is_estimate
    return environment


def write(path: Path, text: str) -> None:
    """Write beside, then rename: nobody ever opens half a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".report-", suffix=".html")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise RecordError(f"the report cannot be written: {error.strerror}.", where=str(path)) from error
