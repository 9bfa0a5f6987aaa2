"""Pools of policies: who is in them, and what they are called. A policy's identity is the hash of its description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import ScenarioError, clean
from gamesim.core.policy import AgentSpec

if TYPE_CHECKING:
    from gamesim.core.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class PoolPolicy:
    """A policy with the name that tables give it; ``seat`` None joins every pool."""

    label: str
    spec: AgentSpec
    seat: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"label": self.label, "agent": self.spec.as_dict(), "id": self.spec.id}


def labelled(keys: Sequence[Any]) -> tuple[PoolPolicy, ...]:
    """Policies with labels: the one given, or the kind and, where kinds repeat, the parameters that differ.

    Raises
    ------
    ScenarioError
        If two policies of one pool have the same label or are the same.
    """
    specs = [key.spec() for key in keys]
    found = []
    for key, spec in zip(keys, specs, strict=True):
        twins = [other for other in specs if other.kind == spec.kind]
        differing = [
            f"{name}={value}" for name, value in spec.params.items() if any(o.params.get(name) != value for o in twins)
        ]
        found.append(PoolPolicy(key.label or " ".join([spec.kind, *differing]), spec, key.seat))
    for what, marks in (
        ("are called", [(p.seat, p.label) for p in found]), ("are the same as", [(p.seat, p.spec.id) for p in found]),
    ):  # fmt: skip
        twice = next((p for p, mark in zip(found, marks, strict=True) if marks.count(mark) > 1), None)
        if twice is not None:
            raise ScenarioError(
                f"two policies {what} '{clean(twice.label, 60)}'.", hint="Leave one out, or label them."
            )
    return tuple(found)


def top_k(weights: FloatArray, k: int) -> IntArray:
    """Places of the k largest weights, the largest first; of ties the first.

    Examples
    --------
    >>> import numpy as np
    >>> top_k(np.array([0.1, 0.7, 0.2]), 1).tolist(), top_k(np.array([0.1, 0.7, 0.2]), 2).tolist()
    ([1], [1, 2])
    """
    return (-weights).argsort(kind="stable")[:k]
