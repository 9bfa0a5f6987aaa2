"""The keys that every scenario has, whatever is played; an experiment, an environment and agents add their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from gamesim.core.config import Config
from gamesim.core.language import LanguageKeys

from .names import checked_name
from .quantities import Duration, Money, Percent

MAX_UNITS = 100_000
Text = Annotated[str, Field(max_length=4000)]
Name = Annotated[str, AfterValidator(checked_name)]


class LimitKeys(Config):
    """The only budget of a run."""

    wall: Duration | None = Field(None, description="Wall time of the whole run, such as 10min.")
    calls: int | None = Field(None, ge=0, description="Calls to language models.")
    tokens: int | None = Field(None, ge=0, description="Tokens of model calls, in and out.")
    cost: Money | None = Field(None, description="What model calls may cost in all, such as 5 USD.")
    failures: Percent = Field(
        0.05, description="Share of failed actions or units above which the run is invalid.", validate_default=False
    )


class RecordKeys(Config):
    """What is written, and how surely."""

    block: int = Field(64, ge=1, le=100_000, description="Replicates in one unit of work.")
    journal: Literal["auto", "unit", "step"] = Field(
        "auto",
        description="What is committed: whole units, or every step; auto takes steps where somebody outside answers.",
    )
    steps: Literal["all", "outcomes"] = Field("all", description="Keep every step, or each episode's outcome only.")
    durability: Literal["step", "second", "unit"] = Field("step", description="When journals are forced to the disk.")
    checkpoint_seconds: float = Field(60, gt=0, le=86_400, description="Seconds between checkpoints of learners.")


class ReportKeys(Config):
    """What the report shows."""

    title: Text | None = Field(None, description="Heading; by default the scenario's name.")
    sections: tuple[str, ...] | None = Field(None, description="Sections in order; by default all that apply.")


class RangeAxis(Config):
    """Numbers from ``start`` to below ``stop``."""

    range: Annotated[
        tuple[int | float, int | float, int | float], Field(description="[start, stop, step]; stop is left out.")
    ]


class LinspaceAxis(Config):
    """``n`` numbers evenly from ``a`` to ``b``, both included."""

    linspace: Annotated[
        tuple[int | float, int | float, Annotated[int, Field(ge=1, le=MAX_UNITS)]], Field(description="[a, b, n]")
    ]


class LogspaceAxis(Config):
    """``n`` numbers from ``10**a`` to ``10**b``, their exponents spaced evenly."""

    logspace: Annotated[
        tuple[
            Annotated[int | float, Field(ge=-300, le=300)],
            Annotated[int | float, Field(ge=-300, le=300)],
            Annotated[int, Field(ge=1, le=MAX_UNITS)],
        ],
        Field(description="[a, b, n]: exponents of ten"),
    ]


def _axis_form(value: Any) -> str | None:
    if isinstance(value, (list, tuple)):
        return "list"
    if isinstance(value, Config):
        return next(iter(type(value).model_fields))
    return (
        next((key for key in ("range", "linspace", "logspace") if key in value), None)
        if isinstance(value, dict)
        else None
    )


Axis = Annotated[
    Annotated[list[Any], Tag("list")]
    | Annotated[RangeAxis, Tag("range")]
    | Annotated[LinspaceAxis, Tag("linspace")]
    | Annotated[LogspaceAxis, Tag("logspace")],
    Discriminator(
        _axis_form,
        custom_error_type="axis_form",
        custom_error_message="an axis is a list of values, or {range: [start, stop, step]}, {linspace: [a, b, n]}, {logspace: [a, b, n]}",
    ),
]


class SweepKeys(Config):
    """The cells of the scenario."""

    mode: Literal["grid", "zip"] = Field("grid", description="All combinations, or the axes side by side.")
    axes: dict[str, Axis] = Field(
        description="Values by dotted path: a list, or {range: [start, stop, step]}, {linspace: [a, b, n]}, {logspace: [a, b, n]}.",
        min_length=1,
    )
    exclude: tuple[dict[str, Any], ...] = Field((), description="Cells to leave out: values by dotted path.")


class CommonKeys(Config):
    """The keys that every scenario has."""

    name: Name = Field(description="Words between slashes; names the run.")
    description: Text = Field("", description="What the scenario is about, in a sentence.")
    kind: str = Field("play", description="The experiment.")
    seed: int = Field(0, ge=0, lt=2**53, description="Root of every random stream.")
    replicates: int = Field(1, ge=1, description="Episodes of each cell.")
    seating: Literal["listed", "shuffled"] = Field(
        "listed",
        description="Members take the seats in the order of the file, or are shuffled once for each run's seed.",
    )
    models: dict[str, dict[str, Any] | str] = Field(
        {}, description="Language models by alias: {backend: openai, id: some-model, base_url: ..., api_key_env: ...}."
    )
    cache: Literal["read_write", "read", "off"] = Field(
        "read_write", description="Whether answers of models are taken from, and kept in, the store."
    )
    language: LanguageKeys = Field(
        default_factory=LanguageKeys, description="How language models are spoken to; read where a member is one."
    )
    sweep: SweepKeys | None = Field(None, description="Cells to play, by axes.")
    limits: LimitKeys = Field(default_factory=LimitKeys, description="The budget.")
    executor: Literal["processes", "inline"] = Field(
        "processes", description="Where units run: worker processes, or this one."
    )
    record: RecordKeys = Field(default_factory=RecordKeys, description="What is written.")
    metrics: tuple[str, ...] = Field(
        (), description="Measures beyond the environment's own; names from `gamesim list metrics`."
    )
    report: ReportKeys = Field(default_factory=ReportKeys, description="What the report shows.")
    analysis: tuple[dict[str, Any], ...] = Field((), description="Solver and metric calls on the finished run.")
    provenance: Text | None = Field(None, description="Where the numbers come from.")
