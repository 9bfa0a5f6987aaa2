"""One self-contained page of what a run shows. ``build(record)`` writes it; sections are plugins (``blocks``)."""

from __future__ import annotations

from .blocks import Code, Figure, Key, Note, Panel, Points, Section, Table, Text, Tile, Tiles
from .numbers import Estimate, mean_interval, share_interval
from .page import build

__all__ = [
    "Code", "Estimate", "Figure", "Key", "Note", "Panel", "Points", "Section", "Table", "Text", "Tile", "Tiles",
    "build", "mean_interval", "share_interval",
]  # fmt: skip
