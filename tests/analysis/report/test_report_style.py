"""Colours as a reader needs them: text at 4.5 to 1 and shapes at 3 to 1, by day and by night."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from gamesim_analysis.report.charts import COLOURS, DASHES, SHAPES

CSS = (files("gamesim_analysis.report") / "style.css").read_text("utf-8")
VARIABLES = {
    name: (day, night) for name, day, night in re.findall(r"(--[a-z0-9]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)
}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    a, b = sorted((luminance(one), luminance(two)), reverse=True)
    return (a + 0.05) / (b + 0.05)


def mixed(over: str, under: str, opacity: float) -> str:
    parts = [round(opacity * int(over[i : i + 2], 16) + (1 - opacity) * int(under[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{p:02x}" for p in parts)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["--paper", "--card"])
@pytest.mark.parametrize("text", ["--ink", "--soft", "--accent", "--warn"])
def test_text_can_be_read(text: str, ground: str, mode: int) -> None:
    assert contrast(VARIABLES[text][mode], VARIABLES[ground][mode]) >= 4.5


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("colour", COLOURS)
def test_curves_can_be_seen(colour: str, mode: int) -> None:
    assert contrast(VARIABLES[colour[4:-1]][mode], VARIABLES["--paper"][mode]) >= 3


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_numbers_on_tinted_cells_can_be_read(mode: int) -> None:
    deepest = mixed(VARIABLES["--c1"][mode], VARIABLES["--paper"][mode], 0.45)
    assert contrast(VARIABLES["--ink"][mode], deepest) >= 4.5


def test_every_series_has_a_second_code() -> None:
    assert len(set(DASHES)) == len(set(SHAPES)) == len(set(COLOURS)) == 8


def test_every_colour_in_use_is_defined_and_print_is_light() -> None:
    used = set(re.findall(r"var\((--[a-z0-9]+)\)", CSS))
    assert used <= set(re.findall(r"(--[a-z0-9]+):", CSS))
    printed = CSS[CSS.index("@media print") :]
    assert "color-scheme: light;" in printed
    assert "break-inside: avoid" in printed
