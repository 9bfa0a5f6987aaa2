"""A solved game as one JSON document, ``gamesim.solution/1``, and its schema.

Exact numbers are text such as "-1/18", floats are numbers, what cannot be known is null with a reason beside it. Two solves
of the same game differ in ``elapsed`` and in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gamesim.core.profiles import Joint
from gamesim.core.solution import Equilibrium, Ranking, Solution

from .continuation import Branch
from .method import flatten, is_formal
from .threats import is_subgame_perfect
from .told import certificate_in_words, facts, number, played, told
from .welfare import entropy, welfare
from .words import note_of

FORMAT = "gamesim.solution/1"
CONCEPTS = {
    "nash": "Nash",
    "pure": "Nash",
    "value": "Nash",
    "spe": "subgame-perfect",
    "correlated": "correlated",
    "coarse": "coarse correlated",
}


PRICED = ("nash", "pure", "spe", "value")  # concepts of which prices of anarchy and stability are told


def regretted(solution: Solution) -> bool:
    """Whether the gap of a solution is what somebody gains by leaving it."""
    return solution.concept in CONCEPTS


def ordered(game: Any, solution: Solution) -> Solution:
    """The same with its equilibria in the order of a table: subgame-perfect first, then pure, then by the sum of payoffs."""

    if is_formal(game):
        return solution

    def key(equilibrium: Equilibrium) -> tuple[bool, bool, float]:
        play = flatten(equilibrium.play)
        pure = bool(np.isin(play, (0.0, 1.0)).all())
        return (is_subgame_perfect(game, equilibrium.play) is False, not pure, -float(sum(equilibrium.payoffs)))

    return replace(solution, equilibria=tuple(sorted(solution.equilibria, key=key)))


def concept_of(game: Any, solution: Solution, equilibrium: Equilibrium) -> str:
    """What an equilibrium is called: subgame-perfect where it is, else what was asked."""
    proper = len(getattr(game, "subgame_roots", ())) > 1  # without a subgame of its own the word would say nothing
    if solution.concept in ("nash", "pure", "value", "spe") and proper and is_subgame_perfect(game, equilibrium.play):
        return "subgame-perfect"
    return CONCEPTS.get(solution.concept, solution.concept)


def one(game: Any, solution: Solution, equilibrium: Equilibrium) -> dict[str, Any]:
    """An equilibrium of a document."""
    found = told(game, equilibrium)
    details = {key: _plain(value) for key, value in equilibrium.certificate.details.items() if key not in ("intervals", "reason", "incentives")}  # fmt: skip
    if equilibrium.certificate.interval is not None:
        found["certificate"]["interval"] = list(equilibrium.certificate.interval)
    if details:
        found["certificate"]["details"] = details
    mixed = {} if is_formal(game) else {"entropy": entropy(game, equilibrium.play)}
    return {
        "concept": concept_of(game, solution, equilibrium),
        **found,
        **mixed,
        "note": note_of(game, equilibrium),
    }


def solved(game: Any, solution: Solution) -> dict[str, Any]:
    """A solution of a document."""
    worth = welfare(game, solution)
    return {
        "concept": solution.concept,
        "method": solution.method,
        "parameters": {key: _plain(value) for key, value in solution.parameters.items()},
        "selection": solution.selection,
        "covers": solution.covers,
        "complete": solution.complete,
        "exact": solution.exact,
        "max_gap": None if solution.max_gap is None else number(solution.max_gap),
        "stopped": solution.stopped,
        "equilibria": [one(game, solution, equilibrium) for equilibrium in solution.equilibria],
        "rejected": [one(game, solution, equilibrium) for equilibrium in solution.rejected],
        "metrics": {
            "optimum": _maybe(worth.optimum),
            "welfare": [number(value) for value in worth.equilibria],
            "price_of_anarchy": _maybe(worth.anarchy),
            "price_of_stability": _maybe(worth.stability),
            "of": worth.of,
            "reason": worth.reason,
        },
        "certificate": certificate_in_words(solution),
        "notes": list(solution.notes),
        "versions": dict(solution.versions),
        **({"branch": branched(game, solution.details["branch"])} if "branch" in solution.details else {}),
        **({"converged": solution.details["converged"]} if "converged" in solution.details else {}),
        "elapsed": {"seconds": solution.seconds, "cpu_seconds": solution.cpu_seconds},
    }


def branched(game: Any, branch: Branch) -> dict[str, Any]:
    """A branch of a document, point by point."""
    return {
        "parameter": branch.parameter,
        "points": [
            {
                "value": point.value,
                "profile": played(game, point.play)[0],
                "gap": number(point.certificate.gap),
                "regrets": [number(value) for value in point.certificate.regrets],
                "turns": point.turns,
            }
            for point in branch.points
        ],
        "turning": list(branch.turning),
        "crossings": list(branch.crossings),
        "steps": branch.steps,
        "halvings": branch.halvings,
        "stopped": branch.stopped,
    }


def ranked(ranking: Ranking) -> dict[str, Any]:
    """A ranking of a document."""
    return {
        "method": ranking.method,
        "parameters": {key: _plain(value) for key, value in ranking.parameters.items()},
        "names": list(ranking.names),
        "scores": [float(score) for score in ranking.scores],
        "order": list(ranking.order),
        "unique": ranking.unique,
        "details": {key: _plain(value) for key, value in ranking.details.items()},
        "notes": list(ranking.notes),
    }


def document(
    game: Any, answers: Sequence[Solution | Ranking], request: Mapping[str, Any], notes: Sequence[str] = (), **more: Any
) -> dict[str, Any]:
    """Everything that was found, as plain data.

    Parameters
    ----------
    request : what was asked, so that it can be asked again.
    more : ``cross_check``, ``sampled``: further parts that are there only where they were asked for.
    """
    return {
        "schema": FORMAT,
        "game": facts(game),
        "request": dict(request),
        "solutions": [solved(game, answer) for answer in answers if isinstance(answer, Solution)],
        "rankings": [ranked(answer) for answer in answers if isinstance(answer, Ranking)],
        "notes": list(notes),
        **{key: value for key, value in more.items() if value is not None},
    }


def crossed(table: Any) -> dict[str, Any]:
    """An agreement table of a document."""
    return {
        "concept": table.concept,
        "agreed": table.agreed,
        "rows": [
            {
                "method": row.method,
                "count": row.count,
                "payoffs": [[number(value) for value in payoffs] for payoffs in row.payoffs],
                "regret": _maybe(row.regret),
                "verdict": row.verdict,
                "reason": row.reason,
                "covers": row.covers,
                "complete": row.complete,
                "stopped": row.stopped,
                "elapsed": {"cpu_seconds": row.cpu_seconds},
            }
            for row in table.rows
        ],
        "refused": [{"method": method, "reason": reason} for method, reason in table.refused],
        "elapsed": {"seconds": table.seconds},
    }


def _maybe(value: Any) -> Any:
    return None if value is None else number(value)


def _plain(value: Any) -> Any:
    """Details as JSON: exact numbers as text, arrays as lists, anything else as its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Joint):
        return _plain(value.probabilities)
    try:
        return number(value) if not isinstance(value, int) else value
    except (TypeError, ValueError):
        return type(value).__name__


# ---- the schema ------------------------------------------------------------------------------------------------------

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {
    "description": "An exact number as text, a float as a number.",
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d+(/\d+)?$"}],
}
MAYBE: Schema = {"anyOf": [*NUMBER["anyOf"], {"type": "null"}]}
TRUTH: Schema = {"type": ["boolean", "null"]}
MIXTURE: Schema = {"type": "object", "additionalProperties": NUMBER}


def _object(properties: Mapping[str, Schema], optional: Sequence[str] = ()) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }


def solution_schema() -> Schema:
    """JSON schema 2020-12 of the document."""
    certificate = _object(
        {
            "concept": TEXT, "gap": NUMBER, "gap_name": TEXT, "regrets": {"type": "array", "items": NUMBER}, "nash_conv": NUMBER,
            "relative": {"type": "number", "minimum": 0}, "grade": {"enum": ["exact", "float", "approximate", "rejected"]},
            "arithmetic": {"enum": ["exact", "float", "sampled"]}, "rounding": {"type": "number", "minimum": 0},
            "guarantee": {"enum": ["proved", "heuristic"]}, "best_responses": {"type": "object"},
            "monotone": TRUTH, "least_utility": {"type": ["number", "null"]}, "least_payment": {"type": ["number", "null"]}, "misreport": {"type": ["object", "null"]},
            "interval": {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2},
            "reason": TEXT, "details": {"type": "object"},
        },
        ("nash_conv", "best_responses", "monotone", "least_utility", "least_payment", "misreport", "interval", "reason", "details"),
    )  # fmt: skip
    equilibrium: Schema = _object(
        {
            "concept": TEXT,
            "profile": {
                "description": "By player, of a tree also by information set: the probability of each action. A member of a team has an action by signal, who reports truly the words 'the type'.",
                "type": "object",
                "additionalProperties": {"anyOf": [
                    MIXTURE, {"type": "object", "additionalProperties": {"anyOf": [MIXTURE, TEXT]}}, {"const": "the type"},
                ]},
            },
            "joint": {"type": "array", "items": _object({"profile": TEXTS, "probability": NUMBER})},
            "words": TEXT, "payoffs": {"type": "array", "items": NUMBER}, "welfare": NUMBER, "certificate": certificate,
            "entropy": {"type": "number", "minimum": 0}, "common_payoff": NUMBER, "note": TEXT,
        },
        ("profile", "joint", "welfare", "entropy", "common_payoff"),
    )  # fmt: skip
    elapsed: Schema = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}}
    values: Schema = {"type": "array", "items": {"type": "number"}}
    point = _object(
        {
            "value": {"type": "number"}, "profile": equilibrium["properties"]["profile"], "gap": NUMBER,
            "regrets": {"type": "array", "items": NUMBER}, "turns": {"type": "boolean"},
        }
    )  # fmt: skip
    branch = _object(
        {
            "parameter": TEXT, "points": {"type": "array", "items": point}, "turning": values, "crossings": values,
            "steps": COUNT, "halvings": COUNT, "stopped": {"type": ["string", "null"]},
        }
    )  # fmt: skip
    solution = _object(
        {
            "concept": TEXT, "method": TEXT, "parameters": {"type": "object"}, "selection": TEXT, "covers": TEXT, "complete": TRUTH,
            "exact": {"type": "boolean"}, "max_gap": MAYBE, "stopped": {"enum": [None, "seconds", "memory", "crash", "count", "iterations"]},
            "equilibria": {"type": "array", "items": equilibrium}, "rejected": {"type": "array", "items": equilibrium},
            "metrics": _object({
                "optimum": MAYBE, "welfare": {"type": "array", "items": NUMBER}, "price_of_anarchy": MAYBE, "price_of_stability": MAYBE,
                "of": TEXT, "reason": TEXT,
            }),
            "certificate": TEXT, "notes": TEXTS, "versions": {"type": "object", "additionalProperties": TEXT}, "branch": branch, "converged": TRUTH, "elapsed": elapsed,
        },
        ("branch", "converged"),
    )  # fmt: skip
    ranking = _object(
        {
            "method": TEXT, "parameters": {"type": "object"}, "names": TEXTS, "scores": {"type": "array", "items": {"type": "number"}},
            "order": TEXTS, "unique": {"type": "boolean"}, "details": {"type": "object"}, "notes": TEXTS,
        }
    )  # fmt: skip
    row = _object(
        {
            "method": TEXT, "count": COUNT, "payoffs": {"type": "array", "items": {"type": "array", "items": NUMBER}}, "regret": MAYBE,
            "verdict": {"enum": ["agree", "subset", "differ", "no answer"]}, "reason": TEXT, "covers": TEXT, "complete": TRUTH,
            "stopped": {"type": ["string", "null"]}, "elapsed": elapsed,
        }
    )  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FORMAT,
        "description": "A solved game: what gamesim solve --json prints and --out writes.",
        **_object(
            {
                "schema": {"const": FORMAT},
                "game": {
                    "type": "object",
                    "properties": {"kind": TEXT, "name": TEXT, "players": TEXTS, "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
                    "required": ["kind", "players", "sha256"],
                },
                "request": {"type": "object"},
                "solutions": {"type": "array", "items": solution},
                "rankings": {"type": "array", "items": ranking},
                "notes": TEXTS,
                "cross_check": _object({"concept": TEXT, "agreed": {"type": "boolean"}, "rows": {"type": "array", "items": row}, "refused": {"type": "array", "items": _object({"method": TEXT, "reason": TEXT})}, "elapsed": elapsed}),
                "sampled": {"type": "object"},
            },
            ("cross_check", "sampled"),
        ),
    }  # fmt: skip
