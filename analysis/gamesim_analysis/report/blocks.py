"""What a section of a report is made of: words, tables, figures, notes, code. Data only; nobody writes HTML.

Text may hold `code` in backticks and nothing else. Everything is escaped when the page is drawn, so names that agents,
models or files brought in may stand anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, overload

from .numbers import Estimate

Value = str | int | float | bool | Estimate | None


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    lead: bool = False  # larger: the answer, said first
    template: ClassVar[str] = "text"


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    items: tuple[str, ...]
    template: ClassVar[str] = "points"


@dataclass(frozen=True)
class Note:
    """A caveat or a warning that must stand beside what it is about."""

    text: str
    kind: str = "caveat"  # caveat | warning | failure
    template: ClassVar[str] = "note"


@dataclass(frozen=True)
class Code:
    """Commands or a file, as typed; ``wrap`` breaks long lines instead of scrolling them."""

    text: str
    label: str = ""
    folded: bool = False
    wrap: bool = False
    template: ClassVar[str] = "code"


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Attributes
    ----------
    rows : one tuple a row, as long as ``columns``; an ``Estimate`` shows as ``154 [148, 160]`` and is three columns
        and an n in the download.
    about : what a reader must know to read it: n, what brackets mean, units.
    header : how many leading columns name the row.
    download : rows for the CSV where it holds more than the table shows; same columns unless ``download_columns``.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    title: str = ""
    about: str = ""
    header: int = 1
    folded: bool = False
    download: Sequence[tuple[Value, ...]] | None = None
    download_columns: tuple[str, ...] | None = None
    template: ClassVar[str] = "table"


class LazyRows(Sequence[tuple[Value, ...]]):
    """Rows made when they are read: a download may keep a few hundred of a hundred thousand."""

    def __init__(self, size: int, make: Callable[[int], tuple[Value, ...]]) -> None:
        self._size, self._make = size, make

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> tuple[Value, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[Value, ...]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self._make(i) for i in range(*place.indices(self._size))]
        return self._make(range(self._size)[place])


@dataclass(frozen=True)
class Key:
    """One entry of a legend: colour, dash and shape number ``index`` and its name; ``kind`` line | point | square."""

    index: int
    name: str
    kind: str = "line"


@dataclass(frozen=True)
class Panel:
    """One drawing. ``narrow`` is drawn in its place on a phone; by default the same.

    ``spec`` is a Vega-Lite dict, or SVG text of this package. ``strip``: too wide to shrink, so it is scrolled sideways.
    """

    spec: Mapping[str, Any] | str
    title: str = ""
    narrow: Mapping[str, Any] | None = None
    strip: bool = False


@dataclass(frozen=True)
class Figure:
    """Drawings that belong together, their numbers, and what they show in words.

    Attributes
    ----------
    alt : what a reader who cannot see it would want said.
    caption : how to read it: n, what bands mean.
    """

    title: str
    alt: str
    caption: str
    panels: tuple[Panel, ...]
    table: Table
    legend: tuple[Key, ...] = ()
    template: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Tile:
    """One key figure: what it is, its value, and what to hold it against."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Tiles:
    """Key figures in a row."""

    tiles: tuple[Tile, ...]
    template: ClassVar[str] = "tiles"


Block = Text | Points | Note | Code | Table | Figure | Tiles


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    id : anchor and the name that ``--sections`` takes, ``[a-z][a-z0-9-]*``.
    order : where it stands; the built-in ones are at multiples of 100 (summary 100 ... method 1200).
    """

    id: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)
    order: int = 850
