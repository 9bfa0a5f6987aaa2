"""Drawings: arrays in, Vega-Lite dicts out. The data travels inside; colours are names that the page's style fills in.

Every series has a colour, a dash and a shape of the same number, so that no reading hangs on colour alone. Text from
outside enters as data, never as an expression or a field name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gamesim.core.errors import clean

from .numbers import number, thinned

Spec = Mapping[str, Any]

SERIES = 8
FEW = 40  # points that stand each for something, and are drawn so that each is seen
LETTER = 6.7  # pixels of an average letter at the size of labels, with some to spare
COLOURS = tuple(f"var(--c{i + 1})" for i in range(SERIES))
DASHES: tuple[tuple[int, ...], ...] = (
    (1, 0),
    (7, 3),
    (2, 2),
    (9, 3, 2, 3),
    (12, 4),
    (4, 4),
    (5, 2, 1, 2, 1, 2),
    (1, 3),
)
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "stroke")
WIDE, NARROW, PANEL, MIDDLE = (760, 280), (290, 220), (215, 150), (340, 200)  # plots of curves, axes outside
FULL, HALF, PHONE = 800, 410, 340  # dot plots and tables of cells, labels included

_CONFIG: dict[str, Any] = {
    "aria": False,
    "background": None,
    "font": "Liberation Sans",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "gridColor": "var(--rule)",
        "domainColor": "var(--soft)",
        "tickColor": "var(--soft)",
        "labelFontSize": 11.5,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "tickSize": 4,
        "tickCount": 5,
        "labelFlush": False,
    },
    "axisX": {"grid": False},
    "axisY": {"domain": False, "ticks": False, "titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleY": -14},
    "text": {"fontSize": 11.5, "color": "var(--ink)"},
    "line": {"strokeWidth": 2},
}  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One curve: its number (colour, dash, shape), and y over x with an optional band; NaN leaves a gap."""

    index: int
    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None


@dataclass(frozen=True)
class Mark:
    """One row of a dot plot: a value and its interval under a label; ``index`` chooses colour and shape."""

    label: str
    value: float
    low: float = np.nan
    high: float = np.nan
    index: int = 0
    group: str = ""


def curves(
    series: Sequence[Series],
    x: str,
    y: str,
    size: tuple[int, int] = WIDE,
    *,
    stepped: bool = False,
    references: Sequence[tuple[float, str]] = (),
    marks: Sequence[tuple[float, str]] = (),
    domain: tuple[float | None, float | None] = (0.0, None),
    dots: Mapping[str, ArrayLike] | None = None,
    logarithmic: bool = False,
) -> Spec:
    """Curves with bands over a number.

    Parameters
    ----------
    logarithmic : the y axis, whose lower end is then ``domain[0]`` or the least positive value; what lies below is drawn there.
    stepped : hold each value until the next (survival, norms in force).
    references : horizontal lines (value, name).  marks : vertical ones.
    domain : ends of the y axis, None to fit.
    dots : faint points behind, ``{"x": ..., "y": ...}``.
    """
    rows: list[dict[str, Any]] = []
    band: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    floor = domain[0] or (_least([one.y for one in series]) if logarithmic else 0.0)
    if logarithmic:
        domain = (floor, domain[1])
    for place, one in enumerate(series):
        some = thinned(len(_numbers(one.x)), points(size))
        xs, ys = _numbers(one.x)[some], _numbers(one.y)[some]
        if logarithmic:
            ys = np.maximum(ys, floor)
        finite = np.isfinite(ys)
        rows += [{"x": a, "y": b if k else None, "s": one.index} for a, b, k in zip(xs, ys, finite, strict=True)]
        kept = np.flatnonzero(finite)
        if len(series) > 1 and len(kept) and not stepped:
            # A few shapes along each curve, staggered so that curves that coincide still show both.
            spots = np.unique(np.linspace(0, len(kept) - 1, 5)[:-1] + place * len(kept) / (5 * len(series)))
            shapes += [{"x": xs[kept[int(i)]], "y": ys[kept[int(i)]], "s": one.index} for i in spots]
        if one.low is not None and one.high is not None:
            lows, highs = _numbers(one.low)[some], _numbers(one.high)[some]
            sure = np.isfinite(lows) & np.isfinite(highs)
            lows, highs = _within(lows, domain), _within(highs, domain)  # drawn inside the axis
            band += [
                {"x": a, "l": b, "h": c, "s": one.index}
                for a, b, c in zip(xs[sure], lows[sure], highs[sure], strict=True)
            ]
    colour, dash, shape = _looks({one.index for one in series})
    scale: dict[str, Any] = {k: v for k, v in zip(("domainMin", "domainMax"), domain, strict=True) if v is not None}
    scale["nice"] = True
    scale["zero"] = False
    if logarithmic:
        scale |= {"type": "log", "nice": False}
    along = {
        "field": "x",
        "type": "quantitative",
        "title": x,
        "scale": {"zero": False, "nice": False},
        "axis": {"tickMinStep": 1, "tickCount": 8 if size[0] > 400 else 4},
    }
    up: dict[str, Any] = {"type": "quantitative", "title": y, "scale": scale}
    if logarithmic:
        tops = [_numbers(one.y) for one in series] + [_numbers(value) for value, _ in references]
        top = max((float(np.nanmax(v)) for v in tops if np.isfinite(v).any()), default=1.0)
        up["axis"] = {"format": "~g", "values": _decades(floor, top)}
    how = "step-after" if stepped else "linear"
    layers: list[dict[str, Any]] = []
    if dots is not None and len(_numbers(dots["x"])) <= FEW:
        marked = {
            "mark": {
                "type": "point",
                "shape": "diamond",
                "filled": True,
                "size": 42,
                "opacity": 0.75,
                "color": "var(--soft)",
            }
        }
        encoding = {"x": along, "y": {"field": "y", **up}}
        layers.append({"data": {"values": _records(x=dots["x"], y=dots["y"])}, **marked, "encoding": encoding})
    elif dots is not None:
        # Single points of one broken line with round ends: one element of the drawing instead of hundreds.
        isolated: list[dict[str, Any]] = [
            row for record in _records(x=dots["x"], y=dots["y"]) for row in (record, {"x": record["x"], "y": None})
        ]
        layers.append(
            {
                "data": {"values": [{**row, "i": i} for i, row in enumerate(isolated)]},
                "mark": {
                    "type": "line",
                    "invalid": "break-paths-filter-domains",
                    "strokeCap": "round",
                    "strokeWidth": 3.5,
                    "opacity": 0.4,
                    "color": "var(--soft)",
                },
                "encoding": {"x": along, "y": {"field": "y", **up}, "order": {"field": "i"}},
            }
        )
    if band:
        layers.append(
            {
                "data": {"values": band},
                "mark": {"type": "area", "opacity": 0.18, "interpolate": how},
                "encoding": {"x": along, "y": {"field": "l", **up}, "y2": {"field": "h"}, "color": colour},
            }
        )
    layers.append(
        {
            "data": {"values": rows},
            "mark": {"type": "line", "interpolate": how, "invalid": "break-paths-filter-domains"},
            "encoding": {"x": along, "y": {"field": "y", **up}, "color": colour, "strokeDash": dash},
        }
    )
    if shapes:
        layers.append(
            {
                "data": {"values": shapes},
                "mark": {"type": "point", "filled": True, "size": 44, "opacity": 1},
                "encoding": {"x": along, "y": {"field": "y", **up}, "color": colour, "shape": shape},
            }
        )
    for value, name in references:
        layers += _reference("y", value, name, size)
    for value, name in marks:
        layers += _reference("x", value, name, size)
    return _spec(layers, size)


@dataclass(frozen=True)
class Spot:
    """A point of a trade-off with intervals both ways; ``label`` stands beside it."""

    index: int
    x: tuple[float, float, float]  # value, low, high
    y: tuple[float, float, float]
    label: str = ""


def tradeoff(spots: Sequence[Spot], x: str, y: str, size: tuple[int, int] = WIDE) -> Spec:
    """Points with crosses for their intervals, joined in their order within each series."""
    data = [
        {"o": o, "s": p.index, "t": p.label, "x": p.x[0], "xl": p.x[1], "xh": p.x[2], "y": p.y[0], "yl": max(p.y[1], 0.0), "yh": p.y[2]}
        for o, p in enumerate(spots)
    ]  # fmt: skip
    colour, dash, shape = _looks({p.index for p in spots})
    across = {"type": "quantitative", "title": x, "scale": {"zero": False, "nice": True}, "axis": {"tickCount": 6 if size[0] > 400 else 3, "grid": True}}  # fmt: skip
    up = {"type": "quantitative", "title": y, "scale": {"zero": True, "nice": True}}
    at = {"x": {"field": "x", **across}, "y": {"field": "y", **up}}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.55}, "encoding": {"x": {"field": "xl", **across}, "x2": {"field": "xh"}, "y": at["y"], "color": colour}},
        {"mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.55}, "encoding": {"x": at["x"], "y": {"field": "yl", **up}, "y2": {"field": "yh"}, "color": colour}},
        {"mark": {"type": "line"}, "encoding": {**at, "color": colour, "strokeDash": dash, "order": {"field": "o"}}},
        {"mark": {"type": "point", "filled": True, "size": 60, "opacity": 1}, "encoding": {**at, "color": colour, "shape": shape}},
        {"mark": {"type": "text", "align": "right", "baseline": "bottom", "dx": -6, "dy": -4}, "encoding": {**at, "text": {"field": "t", "type": "nominal"}}},
    ]  # fmt: skip
    return _spec([{"data": {"values": data}, **layer} for layer in layers], size)


def stacked(rows: Sequence[tuple[str, Sequence[float]]], x: str, total: int = FULL) -> Spec:
    """A bar of parts that add up for each labelled row, first on top; part i has colour i."""
    side = _side([label for label, _ in rows], 0.42 * total)
    data = [
        {"k": k, "s": i, "l": sum(parts[:i]), "h": sum(parts[: i + 1])}
        for k, (_, parts) in enumerate(rows) for i in range(len(parts))
    ]  # fmt: skip
    labels = [{"k": k, "t": _fitting(label, side - 18)} for k, (label, _) in enumerate(rows)]
    colour, _, _ = _looks(range(max((len(parts) for _, parts in rows), default=0)))
    across = {"type": "quantitative", "title": x, "scale": {"zero": True, "nice": True}, "axis": {"grid": True, "tickCount": 6 if total > 500 else 3}}  # fmt: skip
    down = {
        "field": "k",
        "type": "ordinal",
        "axis": None,
        "scale": {"domain": list(range(len(rows))), "paddingInner": 0.3},
    }
    layers: list[dict[str, Any]] = [
        {"data": {"values": data}, "mark": {"type": "bar", "stroke": "var(--paper)", "strokeWidth": 1}, "encoding": {"x": {"field": "l", **across}, "x2": {"field": "h"}, "y": down, "color": colour}},
        {"data": {"values": labels}, "mark": {"type": "text", "align": "right", "baseline": "middle"}, "encoding": {"x": {"value": -10}, "y": {**down, "bandPosition": 0.5}, "text": {"field": "t", "type": "nominal"}}},
    ]  # fmt: skip
    return _spec(
        layers, (total - side - 16, 24 * max(1, len(rows))), {"left": side, "right": 16, "top": 6, "bottom": 42}
    )


def points(size: tuple[int, int]) -> int:
    """How many points of a curve are drawn: one for every four pixels."""
    return size[0] // 4


def dots(rows: Sequence[Mark], x: str, total: int = FULL, *, zero: bool = False) -> Spec:
    """A dot and its interval for each row, first on top; ``zero`` draws the line that an effect must clear.

    ``total`` is the width in all, labels included; labels that do not fit are cut (the table has them whole).
    """
    side = _side([m.label for m in rows], 0.42 * total)
    labels = [_fitting(m.label, side - 18) for m in rows]
    data = [
        {"k": i, "t": t, "v": _finite(m.value), "l": _finite(m.low), "h": _finite(m.high), "s": m.index}
        for i, (m, t) in enumerate(zip(rows, labels, strict=True))
    ]
    colour, _, shape = _looks({m.index for m in rows})
    axis = {"grid": True, "tickCount": 6 if total > 500 else 3}
    across = {"type": "quantitative", "title": x, "scale": {"zero": zero, "nice": True}, "axis": axis}
    down = {"field": "k", "type": "ordinal", "axis": None, "scale": {"domain": list(range(len(rows)))}}
    sure = [d for d in data if d["l"] is not None and d["h"] is not None]
    layers: list[dict[str, Any]] = []
    if zero:
        line = {"mark": {"type": "rule", "color": "var(--soft)"}, "encoding": {"x": {"datum": 0}}}
        layers.append({"data": {"values": [{}]}, **line})
    if sure:
        layers.append(
            {
                "data": {"values": sure},
                "mark": {"type": "rule", "strokeWidth": 2.5},
                "encoding": {"x": {"field": "l", **across}, "x2": {"field": "h"}, "y": down, "color": colour},
            }
        )
    layers += [
        {
            "data": {"values": [d for d in data if d["v"] is not None]},
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {"x": {"field": "v", **across}, "y": down, "color": colour, "shape": shape},
        },
        {
            "data": {"values": data},
            "mark": {"type": "text", "align": "right", "baseline": "middle"},
            "encoding": {"x": {"value": -10}, "y": down, "text": {"field": "t", "type": "nominal"}},
        },
    ]
    margins = {"left": side, "right": 16, "top": 6, "bottom": 42}
    return _spec(layers, (total - side - 16, 24 * max(1, len(rows))), margins)


def heat(values: ArrayLike, rows: Sequence[str], columns: Sequence[str], total: int = FULL, *, digits: int = 2) -> Spec:
    """A matrix as tinted cells with their numbers; the tint runs from the smallest value to the largest."""
    table = np.asarray(values, dtype=np.float64)
    known = table[np.isfinite(table)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    span = (high - low) or 1.0
    data = [
        {"r": r, "c": c, "o": round(0.06 + 0.39 * (float(v) - low) / span, 3), "t": number(float(v), digits)}
        for (r, c), v in np.ndenumerate(table)
        if np.isfinite(v)
    ]
    side = _side(rows, 0.35 * total)
    names = [_fitting(name, side - 18) for name in rows]
    each = min((total - side - 10) / max(1, len(columns)), 110.0)
    x = {"field": "c", "type": "ordinal", "axis": None, "scale": {"domain": list(range(len(columns)))}}
    y = {"field": "r", "type": "ordinal", "axis": None, "scale": {"domain": list(range(len(rows)))}}
    text = {"field": "t", "type": "nominal"}
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": data},
            "mark": {"type": "rect", "color": "var(--c1)", "stroke": "var(--paper)", "strokeWidth": 2},
            "encoding": {"x": x, "y": y, "fillOpacity": {"field": "o", "type": "quantitative", "scale": None}},
        },
        {
            "data": {"values": data},
            "mark": {"type": "text", "baseline": "middle"},
            "encoding": {"x": x, "y": y, "text": text},
        },
        {
            "data": {"values": [{"r": i, "t": name} for i, name in enumerate(names)]},
            "mark": {"type": "text", "align": "right", "baseline": "middle"},
            "encoding": {"x": {"value": -8}, "y": y, "text": text},
        },
        {
            "data": {"values": [{"c": i, "t": _fitting(name, each - 6)} for i, name in enumerate(columns)]},
            "mark": {"type": "text", "baseline": "bottom"},
            "encoding": {"x": x, "y": {"value": -6}, "text": text},
        },
    ]
    size = (int(each * max(1, len(columns))), 30 * max(1, len(rows)))
    return _spec(layers, size, {"left": side, "right": 10, "top": 26, "bottom": 4})


def _looks(numbers: Iterable[int]) -> tuple[dict[str, Any], ...]:
    """Colour, dash and shape of the field ``s``, which numbers what is drawn."""
    domain = sorted(numbers)
    ranges: list[list[Any]] = [[looks[i % SERIES] for i in domain] for looks in (COLOURS, DASHES, SHAPES)]
    return tuple(
        {"field": "s", "type": "nominal", "legend": None, "scale": {"domain": domain, "range": found}}
        for found in ranges
    )


def _side(labels: Sequence[str], most: float) -> int:
    """Room for labels left of a plot: a little more than their letters need in any sans serif."""
    return int(min(max((len(label) for label in labels), default=0) * LETTER + 18, most))


def _fitting(label: str, width: float) -> str:
    """A label cut to a width; here, because the drawing program measures text at a third of a second a chart."""
    return clean(label, max(3, round(width / LETTER)))


def _reference(axis: str, value: float, name: str, size: tuple[int, int]) -> list[dict[str, Any]]:
    across = axis == "y"
    place = {axis: {"datum": value, "type": "quantitative"}}
    label = {"x": {"value": size[0]}, **place} if across else {**place, "y": {"value": 2}}
    return [
        {
            "data": {"values": [{}]},
            "mark": {"type": "rule", "strokeDash": [3, 3], "color": "var(--soft)"},
            "encoding": place,
        },
        {
            "data": {"values": [{"t": clean(name, 80)}]},
            "mark": {
                "type": "text",
                "align": "right" if across else "left",
                "baseline": "bottom" if across else "top",
                "dy": -3 if across else 0,
                "dx": 0 if across else 4,
                "color": "var(--soft)",
            },
            "encoding": {**label, "text": {"field": "t", "type": "nominal"}},
        },
    ]


def _spec(layers: Sequence[Mapping[str, Any]], size: tuple[int, int], margins: Mapping[str, int] | None = None) -> Spec:
    """``margins`` fixes what stands around the plot; by default it is measured."""
    return {
        "autosize": {"type": "none" if margins else "pad"},
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": size[0],
        "height": size[1],
        "padding": margins or {"left": 4, "right": 10, "top": 6, "bottom": 2},
        "config": _CONFIG,
        "layer": list(layers),
    }


def _numbers(values: ArrayLike) -> Any:
    return np.asarray(values, dtype=np.float64)


def _within(values: Any, domain: tuple[float | None, float | None]) -> Any:
    return values if domain == (None, None) else np.clip(values, domain[0], domain[1])


def _least(values: Sequence[ArrayLike]) -> float:
    """Lower end of a logarithmic axis: the least positive value, but no less than a millionth of a millionth."""
    every = np.concatenate([_numbers(v) for v in values])
    some = every[np.isfinite(every) & (every > 1e-12)]
    return float(some.min()) if some.size else 1e-12


def _decades(low: float, high: float) -> list[float]:
    """Ticks of a logarithmic axis: powers of ten, with 2 and 5 between where there are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(max(high, low * 1.01))) + 1)
    every = max(1, len(powers) // 7)
    steps = (1, 2, 5) if len(powers) <= 4 else (1,)
    return [float(f"{k}e{power}") for power in powers if power % every == 0 for k in steps]


def _finite(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


def _records(**columns: ArrayLike) -> list[dict[str, Any]]:
    arrays = {key: _numbers(value) for key, value in columns.items()}
    sure = np.logical_and.reduce([np.isfinite(a) for a in arrays.values()])
    return [
        dict(zip(arrays, map(float, row), strict=True)) for row in zip(*(a[sure] for a in arrays.values()), strict=True)
    ]
