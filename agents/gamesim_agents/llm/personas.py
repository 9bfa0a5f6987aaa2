"""Shipped characters that a language player may have: ``personas/*.yaml``, one sentence each."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "personas"


@cache
def persona_names() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in FOLDER.glob("*.yaml")))


@cache
def persona_text(name: str, lang: str = "en") -> str:
    """What a model is told of its character; the shipped ones are in English and serve every language."""
    from ruamel.yaml import YAML

    data = YAML(typ="safe", pure=True).load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return str(data["text"])
