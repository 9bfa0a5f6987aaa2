"""JSON schemas of what every command prints with ``--json``."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
MAYBE_COUNT: Schema = {"type": ["integer", "null"], "minimum": 0}
ROWS: Schema = {"type": "array", "items": {"type": "object"}}
TEXTS: Schema = {"type": "array", "items": TEXT}
OBJECT: Schema = {"type": "object"}
SPAN: Schema = {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
SPREAD: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}  # low, expected, high
WORK: Schema = {
    "name": TEXT,
    "cells": COUNT,
    "replicates": COUNT,
    "episodes": COUNT,
    "units": COUNT,
    "model_calls": MAYBE_COUNT,
    "cpu_seconds": SPAN,
    "probe_episodes": COUNT,
    "bill": OBJECT,
    "store": TEXT,
    "played": MAYBE_COUNT,
}
RUN: Schema = {
    **WORK,
    "run": TEXT,
    "id": TEXT,
    "status": {"enum": ["running", "complete", "partial", "invalid", "failed", "stopped"]},
    "failed": COUNT,
    "resumed": COUNT,
    "digest": MAYBE_TEXT,
    "summary": ROWS,
    "report": MAYBE_TEXT,
}

# Command -> (properties, those that are always there when it succeeds).
SHAPES: dict[str, tuple[Schema, tuple[str, ...]]] = {
    "run": (RUN, ("name", "units", "played")),
    "sweep": (RUN, ("name", "units", "played")),
    "resume": (RUN, ("run", "status", "units", "summary", "report")),
    "replay": (
        {"run": TEXT, "units": COUNT, "events": COUNT, "rows": COUNT, "verified": COUNT, "notes": TEXTS},
        ("run", "units", "verified"),
    ),
    "check": ({"files": ROWS}, ("files",)),
    "list": ({"items": ROWS, "store": TEXT}, ("items",)),
    "show": ({}, ()),
    "schema": ({"schema": OBJECT, "files": TEXTS}, ()),
    "report": ({"report": TEXT, "runs": TEXTS}, ("report", "runs")),
    "compare": (
        {"base": TEXT, "effects": ROWS, "changes": OBJECT, "unmatched": OBJECT},
        ("base", "effects", "changes", "unmatched"),
    ),
    "solve": (  # whole: gamesim schema solution
        {
            "schema": TEXT,
            "game": OBJECT,
            "plan": ROWS,
            "request": OBJECT,
            "solutions": ROWS,
            "rankings": ROWS,
            "notes": TEXTS,
            "cross_check": OBJECT,
            "sampled": OBJECT,
            "repeated": OBJECT,
            "dot": TEXT,
            "mermaid": TEXT,
            "files": TEXTS,
        },
        ("game",),
    ),
    "export": ({"file": TEXT, "table": TEXT, "rows": COUNT}, ("file", "table", "rows")),
    "interpret": (
        {
            "status": {"enum": ["accepted", "disputed", "invalid", "no_game", "stopped"]},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "reason": MAYBE_TEXT,
            "difference": MAYBE_TEXT,
            "format": TEXT,
            "by": TEXT,
            "calls": COUNT,
            "notes": TEXTS,
            "classes": ROWS,
            "assumptions": ROWS,
            "contradictions": ROWS,
            "problems": ROWS,
            "samples": ROWS,
            "spent": OBJECT,
            "bill": OBJECT,
            "files": TEXTS,
        },
        (),
    ),
    "import": (
        {
            "run": TEXT,
            "status": TEXT,
            "scores": ROWS,
            "dataset": TEXT,
            "games": COUNT,
            "answers": OBJECT,
            "notes": TEXTS,
        },
        (),
    ),
    "bench": (
        {
            **RUN,
            "board": ROWS,
            "files": TEXTS,
            "calls": SPREAD,
            "tokens": SPREAD,
            "seconds": SPREAD,
            "money": OBJECT,
            "unpriced": TEXTS,
            "detectable_difference": {"type": ["number", "null"]},
            # of text2game
            "dataset": TEXT,
            "by": TEXT,
            "games": COUNT,
            "attempts": COUNT,
            "scores": OBJECT,
            "levels": OBJECT,
            "tags": OBJECT,
            "calibration": ROWS,
            "spent": OBJECT,
            "rows": ROWS,
            "caveat": TEXT,
            "published": OBJECT,
            # of a suite of benchmarks
            "suite": TEXT,
            "figures": ROWS,
            "missed": TEXTS,
            "not_compared": TEXTS,
            "broken": TEXTS,
        },
        (),
    ),
    "calibrate": ({"cells": ROWS, "shares": OBJECT, "files": TEXTS, "notes": TEXTS}, ("cells", "shares", "files")),
    "store": ({"findings": ROWS, "removed": TEXTS, "file": TEXT, "run": TEXT, "dry_run": {"type": "boolean"}}, ()),
    "new": ({"folder": TEXT, "files": TEXTS}, ("folder", "files")),
    "doctor": ({"checks": ROWS, "faults": COUNT}, ("checks", "faults")),
}

ERROR: Schema = {
    "type": "object",
    "properties": {
        "type": TEXT, "file": MAYBE_TEXT, "line": MAYBE_COUNT, "column": MAYBE_COUNT, "path": MAYBE_TEXT, "message": TEXT, "hint": MAYBE_TEXT,
        "run": MAYBE_TEXT, "exit": COUNT,
    },
    "required": ["type", "message", "exit"],
}  # fmt: skip


def output_schema(command: str) -> Schema:
    """The schema of the one object that a command prints with ``--json``."""
    properties, always = SHAPES[command]
    ended = {"command": TEXT, "exit": COUNT, "warnings": TEXTS}
    failed: Schema = {
        "type": "object",
        "properties": {
            **ended,
            "error": ERROR,
            "errors": {"type": "array", "items": ERROR},
            "more": COUNT,
            "files": ROWS,
        },
        "required": ["command", "error", "exit"],
        "additionalProperties": False,
    }
    done: Schema = {
        "type": "object",
        "properties": {**ended, **properties},
        "required": ["command", "exit", *always],
        "not": {"required": ["error"]},
        "additionalProperties": not properties or command == "show",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"gamesim {command} --json",
        "anyOf": [done, failed],
    }
