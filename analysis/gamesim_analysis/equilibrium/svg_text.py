"""Writing SVG as text: escaped, rounded, and the same bytes for the same drawing. No script, font, link or style.

Colours are attributes. ``FILE`` has colours that stand on white paper, for a file of its own; ``PAGE`` names the report's,
which follow its light and dark styles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gamesim.core.errors import clean

LETTER = 6.4  # width of an average letter at size 11, with some to spare


@dataclass(frozen=True)
class Palette:
    """Colours of a drawing; ``players`` in their order, repeated where there are more."""

    paper: str
    ink: str
    soft: str
    rule: str
    card: str
    players: tuple[str, ...]

    def player(self, i: int) -> str:
        return self.players[i % len(self.players)]


_HEX = ("#0b6aa8", "#bf4b00", "#007a5a", "#9a4580", "#836300", "#4a4f57", "#2a7f9e", "#a02c3c")
FILE = Palette("#ffffff", "#20242a", "#5a616b", "#d8d3c9", "#f5f2ec", _HEX)
PAGE = Palette("none", "var(--ink)", "var(--soft)", "var(--rule)", "var(--card)", tuple(f"var(--c{i})" for i in range(1, 9)))  # fmt: skip


def escape(text: object) -> str:
    """Text for content and attributes; control characters are replaced."""
    kept = clean(text, 300)
    kept = "".join("�" if "\ud800" <= c <= "\udfff" or c in "￾￿" else c for c in kept)
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def cut(text: str, letters: int) -> str:
    """A label cut to so many letters."""
    return clean(text, letters)


def width(text: str, size: float = 11) -> float:
    """About how wide a text is, in pixels; measured in letters, so that no font is asked."""
    return len(text) * LETTER * size / 11


def px(value: float) -> str:
    """A coordinate with one digit, without a negative zero."""
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@dataclass
class Drawing:
    """Elements of one picture, in the order in which they are painted."""

    wide: float
    high: float
    title: str
    palette: Palette = FILE
    parts: list[str] = field(default_factory=list)

    def add(self, name: str, content: str | None = None, /, **attributes: Any) -> None:
        self.parts.append(element(name, content, **attributes))

    def text(self, x: float, y: float, said: str, *, size: float = 11, anchor: str = "middle", fill: str | None = None, **more: Any) -> None:  # fmt: skip
        self.add("text", escape(said), x=px(x), y=px(y), font_size=px(size), text_anchor=anchor, fill=fill or self.palette.ink, **more)  # fmt: skip

    def line(self, x1: float, y1: float, x2: float, y2: float, **more: Any) -> None:
        self.add("line", None, x1=px(x1), y1=px(y1), x2=px(x2), y2=px(y2), **more)

    def done(self) -> str:
        paper = element("rect", None, width=px(self.wide), height=px(self.high), fill=self.palette.paper) if self.palette.paper != "none" else ""  # fmt: skip
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {px(self.wide)} {px(self.high)}" width="{px(self.wide)}"'
            f' height="{px(self.high)}" role="img" font-family="Helvetica, Arial, sans-serif">'
        )
        return "\n".join([head, f"<title>{escape(self.title)}</title>", *([paper] if paper else []), *self.parts, "</svg>", ""])  # fmt: skip


def element(name: str, content: str | None = None, /, **attributes: Any) -> str:
    """One element; ``class_`` and ``stroke_width`` become ``class`` and ``stroke-width``; None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{value if key == "d" else escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )  # a path is ours, numbers throughout, and may be long
    return f"<{name}{given}/>" if content is None else f"<{name}{given}>{content}</{name}>"


def path(points: Sequence[tuple[float, float]], closed: bool = False) -> str:
    """Straight lines through points, as the attribute ``d``."""
    return "M" + "L".join(f"{px(x)},{px(y)}" for x, y in points) + ("Z" if closed else "")
