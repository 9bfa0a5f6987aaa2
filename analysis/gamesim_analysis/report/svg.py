"""The one place where markup that the templates did not write enters a page: a drawing, checked element by element.

vl-convert draws; what it hands back is parsed, everything outside a short list of elements and attributes is refused or
dropped, coordinates are rounded, ids are made unique, and the text is written out again. Only that is marked as safe.
"""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

_NAMESPACE = "{http://www.w3.org/2000/svg}"
_ELEMENTS = frozenset(
    {
        "svg",
        "g",
        "path",
        "rect",
        "line",
        "text",
        "tspan",
        "circle",
        "defs",
        "clipPath",
        "title",
        "animate",
        "animateTransform",
    }
)
_ATTRIBUTES = frozenset(
    {
        "viewBox", "d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "r", "cx", "cy", "dx", "dy", "transform", "id",
        "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "stroke-miterlimit",
        "opacity", "stroke-linecap", "text-anchor", "font-size", "font-weight", "clip-path", "display",
        "attributeName", "type", "values", "dur", "keyTimes", "repeatCount",
    }
)  # fmt: skip
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
_STRAIGHT = re.compile(r"(?:[ML]-?[\d.]+,-?[\d.]+|Z)+")
_COMMAND = re.compile(r"([MLZ])(?:(-?[\d.]+),(-?[\d.]+))?")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
_MOVING = {  # what may change by itself, and into what
    "attributeName": re.compile(r"transform|opacity|width"), "type": re.compile(r"translate|rotate"), "dur": re.compile(r"[\d.]+s"),
    "values": re.compile(r"[-\d.,;]+"), "keyTimes": re.compile(r"[\d.;]+"), "repeatCount": re.compile(r"indefinite"),
}  # fmt: skip
_NUMERIC = frozenset({"d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height"})
_PAINT = re.compile(
    r"none|transparent|var\(--[a-z0-9-]+\)|url\(#[a-z0-9]+\)|#[0-9a-fA-F]{3,8}|[a-z]+|rgba?\([\d., %]+\)"
)


def svg(spec: Mapping[str, Any], prefix: str) -> Markup:
    """A Vega-Lite dict as an ``<svg>`` that stands inside a page.

    Parameters
    ----------
    spec : its data inside; any address in it is refused by name.
    prefix : letters and digits that make ids of this drawing unlike those of others.

    Raises
    ------
    ValueError
        If the drawing holds anything but shapes and text.
    """
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(dict(spec), allowed_base_urls=[])
    return sanitised(_without_controls(drawn), prefix)


def sanitised(text: str, prefix: str) -> Markup:
    """Checked SVG text as markup."""
    root = ElementTree.fromstring(text)
    names = (f"{prefix}{i}" for i in itertools.count())
    ids: dict[str, str] = {}
    for element in root.iter():
        if "id" in element.attrib:
            ids[element.attrib["id"]] = next(names)
    _check(root, ids)
    root.set("aria-hidden", "true")  # the figure around it carries the words
    root.set("focusable", "false")
    ElementTree.register_namespace("", _NAMESPACE[1:-1])
    written = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    return Markup(written)


def _check(element: ElementTree.Element, ids: Mapping[str, str]) -> None:
    name = element.tag.removeprefix(_NAMESPACE)
    if not element.tag.startswith(_NAMESPACE) or name not in _ELEMENTS:
        raise ValueError(f"a drawing must not hold <{name}>")
    for key, value in list(element.attrib.items()):
        kept = _attribute(key, value, ids)
        if kept is None:
            del element.attrib[key]
        else:
            element.attrib[key] = kept
    if name not in ("text", "tspan", "title"):
        element.text = None
    element.tail = None if name != "tspan" else element.tail
    for child in list(element):
        _check(child, ids)
        if name != "clipPath" and _empty(child):
            element.remove(child)


def _attribute(key: str, value: str, ids: Mapping[str, str]) -> str | None:
    """The attribute as it may stand, or None to leave it out."""
    if key not in _ATTRIBUTES:
        return None
    if key in _MOVING:
        if not _MOVING[key].fullmatch(value):
            raise ValueError(f"a drawing must not hold {key}={value!r}")
        return value
    if key in ("fill", "stroke", "clip-path"):
        if not _PAINT.fullmatch(value):
            raise ValueError(f"a drawing must not hold {key}={value!r}")
        if value.startswith("url(#"):
            return f"url(#{ids[value[5:-1]]})"
        return "none" if value == "transparent" else value
    if key == "id":
        return ids[value]
    if (key, value) in (("opacity", "1"), ("stroke-miterlimit", "10"), ("font-weight", "normal")):
        return None
    if key == "d" and _STRAIGHT.fullmatch(value):
        return _relative(value)
    return _NUMBER.sub(_short, value) if key in _NUMERIC else value


def _relative(path: str) -> str:
    """A path of straight lines in steps of a tenth, each from the point before: half the letters, the same picture."""
    out = ""
    at = start = (0, 0)
    drawing = False  # whether the letter l is still in force
    for command, x, y in _COMMAND.findall(path):
        if command == "Z":
            out, at, drawing = out + "Z", start, False
            continue
        to = (round(float(x) * 10), round(float(y) * 10))
        if command == "M":
            out += f"M{_tenths(to[0])},{_tenths(to[1])}"
            start, drawing = to, False
        else:
            across, down = _tenths(to[0] - at[0]), _tenths(to[1] - at[1])
            before = "l" if not drawing else "" if across[0] == "-" else " "
            out += f"{before}{across}{'' if down[0] == '-' else ','}{down}"
            drawing = True
        at = to
    return out


def _tenths(value: int) -> str:
    text = f"{value / 10:.1f}".removesuffix(".0")
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _short(match: re.Match[str]) -> str:
    text = f"{float(match[0]):.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _empty(element: ElementTree.Element) -> bool:
    """Left by the drawing program without anything to see."""
    name = element.tag.removeprefix(_NAMESPACE)
    if name in ("g", "defs"):
        return len(element) == 0
    if name == "path":
        return element.get("d", "") in ("", "M0,0h0v0h0Z") or element.get("display") == "none" or _unpainted(element)
    return name == "rect" and _unpainted(element)


def _unpainted(element: ElementTree.Element) -> bool:
    return element.get("fill", "none") == "none" and element.get("stroke", "none") == "none"


def _without_controls(text: str) -> str:
    """XML knows no control characters; labels are cleaned before, this is for what slipped through."""
    return _CONTROLS.sub("�", text)
