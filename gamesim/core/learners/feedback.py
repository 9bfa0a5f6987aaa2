"""What learners are told, what is promised of them, and how they are found by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.errors import PluginError, ScenarioError, did_you_mean, listed
from gamesim.core.policy import Learner
from gamesim.core.registry import entry


@dataclass(frozen=True, eq=False)
class Full:
    """What every action would have paid, shape (..., K), in [0, 1]."""

    utilities: FloatArray


@dataclass(frozen=True, eq=False)
class Bandit:
    """What was played, and what it paid; both of shape (...), utility in [0, 1]."""

    action: IntArray
    utility: FloatArray


@dataclass(frozen=True)
class Bound:
    """A promise about regret after T rounds, for utilities in [0, 1].

    Attributes
    ----------
    kind : the regret that is bounded.
    holds : when: ``always`` (whatever the utilities, for the mixed strategies), ``in expectation``, ``with probability .95``,
        ``for independent rewards``.
    """

    kind: Literal["external", "swap"]
    value: float
    holds: str = "always"


def learner_of(given: str | Mapping[str, Any] | Learner) -> Learner:
    """A learner from its registered name, ``{"rule": name, **parameters}``, or itself.

    Raises
    ------
    UnknownKindError
        With the nearest registered name.
    ScenarioError
        If a parameter is unknown or cannot be used.
    """
    if not isinstance(given, (str, Mapping)):
        return given
    parameters = {"rule": given} if isinstance(given, str) else dict(given)
    name = parameters.pop("rule", None)
    if not isinstance(name, str):
        raise ScenarioError("no learner is named.", path="rule", hint="Such as: {rule: hedge}")
    maker = entry("learners", name)
    known = list(inspect.signature(maker).parameters)
    for key in parameters:
        if key not in known:
            hint = did_you_mean(key, known) or f"Parameters of {name}: {listed(known) if known else 'none'}."
            raise ScenarioError(f"learner '{name}' has no parameter '{key}'.", path=key, hint=hint)
    try:
        learner: Learner = maker(**parameters)
    except (TypeError, ValueError) as error:
        raise ScenarioError(f"learner '{name}' cannot be made of these values: {error}.", path="parameters") from error
    missing = [part for part in ("bandit", "initial_state", "probabilities", "update") if not hasattr(learner, part)]
    if missing:
        raise PluginError(f"learner '{name}' has no {missing[0]}.")
    return learner


def known_horizon(rule: str, horizon: int | None) -> int:
    """The horizon, which sets a step size that was not given.

    Raises
    ------
    ScenarioError
        If there is none.
    """
    if horizon is None or horizon < 1:
        raise ScenarioError(
            f"learner '{rule}' needs a horizon: its step size depends on how many rounds are played.",
            path="horizon",
            hint="Give a horizon, or the step size as parameter eta.",
        )
    return horizon


def checked_eta(eta: float | None) -> None:
    if eta is not None and not (isinstance(eta, (int, float)) and 0 < eta < np.inf):
        raise ValueError(f"eta is a positive number, not {eta!r}")


def softmax(logits: FloatArray) -> FloatArray:
    """exp(logits), normalised along the last axis."""
    weights: FloatArray = np.exp(logits - logits.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def only_full(rule: str, feedback: Any) -> FloatArray:
    """Utilities of full feedback.

    Raises
    ------
    ScenarioError
        If the feedback tells of the played action alone.
    """
    if not isinstance(feedback, Full):
        raise ScenarioError(
            f"learner '{rule}' needs to know what every action would have paid.", hint="Bandit learners: exp3_ix, exp3, ucb1."
        )  # fmt: skip
    return feedback.utilities


def only_bandit(rule: str, feedback: Any) -> tuple[IntArray, FloatArray]:
    """Action and utility of bandit feedback.

    Raises
    ------
    ScenarioError
        If the feedback does not say what was played.
    """
    if not isinstance(feedback, Bandit):
        raise ScenarioError(f"learner '{rule}' learns from the action it played and what that paid.")
    return np.asarray(feedback.action), np.asarray(feedback.utility, dtype=np.float64)


def one_hot(index: IntArray, k: int) -> FloatArray:
    """Probability one on an index, shape (..., k)."""
    return np.eye(k)[index]
