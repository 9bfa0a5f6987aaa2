"""Attitudes to risk: how a distribution of returns is valued, and what each outcome weighs in that value.

A player who mixes over actions against opponents' joint actions b with chances s_b looks at X_b, her conditional expected
payoff. A risk measure turns (X, s) into one number; ``weights`` are w_b = (d value / d X_b) / s_b, and sum to one under s,
because every measure here is translation invariant. The same weights serve a matrix solver, a meta-solver and a learning
oracle.

============== ============================== ==========================
kind           value                          weights
============== ============================== ==========================
neutral        E X                            1
mean_variance  E X - aversion Var X           1 - 2 aversion (X - E X)
entropic       -(1/tau) log E exp(-tau X)     exp(-tau X) / E exp(-tau X)
cvar           mean of the worst share alpha  1/alpha on it, 0 elsewhere
============== ============================== ==========================

    >>> import numpy as np
    >>> X, s = np.array([4.0, 0.0]), np.array([0.75, 0.25])
    >>> [round(risk.value(X, s), 4) for risk in (Neutral(), MeanVariance(0.1), Entropic(0.5), CVaR(0.5))]
    [3.0, 2.7, 2.0911, 2.0]

References
----------
.. [1] Rockafellar, Uryasev, "Optimization of conditional value-at-risk", Journal of Risk 2, 2000.
.. [2] Mazumdar, Panaganti, Shi, "Tractable Equilibrium Computation in Markov Games through Risk Aversion", ICLR 2025
   (the entropic measure as an adversary held back by a divergence).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from .arrays import FloatArray
from .errors import RiskError, clean, did_you_mean

Variance = Literal["strategic", "strategic+env", "total"]
VARIANCES = ("strategic", "strategic+env", "total")


@dataclass(frozen=True)
class Neutral:
    """The mean, and nothing else."""

    kind: ClassVar[str] = "neutral"

    def value(self, returns: FloatArray, probabilities: FloatArray) -> float:
        return float(probabilities @ returns)

    def weights(self, returns: FloatArray, probabilities: FloatArray) -> FloatArray:
        return np.ones(len(returns))


@dataclass(frozen=True)
class MeanVariance:
    """The mean less ``aversion`` times the variance.

    Attributes
    ----------
    aversion : >= 0, in units of 1 / payoff; with ``relative`` a pure number, divided by the player's payoff range.
    variance : ``strategic``, what opponents' mixing causes; ``strategic+env``, also the variance inside cells, which
        an empirical game knows; ``total``, a diagnostic under which equilibria need not exist, refused by solvers.
    """

    aversion: float
    variance: Variance = "strategic"
    relative: bool = False
    kind: ClassVar[str] = "mean_variance"

    def __post_init__(self) -> None:
        if not (self.aversion >= 0 and np.isfinite(self.aversion)):
            raise RiskError(f"aversion {self.aversion:g} is not a finite number >= 0.")
        if self.variance not in VARIANCES:
            raise RiskError(f"no variance '{clean(self.variance, 40)}'.", hint=f"Variances: {', '.join(VARIANCES)}.")

    def for_range(self, scale: float) -> MeanVariance:
        """The same attitude in absolute units, for a player whose payoffs span ``scale``."""
        return replace(self, aversion=self.aversion / scale, relative=False) if self.relative else self

    def _is_absolute(self) -> None:
        if self.relative:
            raise RiskError(
                "a relative aversion needs the range of payoffs.", hint="for_range(range) makes it absolute."
            )

    def value(self, returns: FloatArray, probabilities: FloatArray) -> float:
        self._is_absolute()
        mean = probabilities @ returns
        return float(mean - self.aversion * (probabilities @ (returns - mean) ** 2))

    def weights(self, returns: FloatArray, probabilities: FloatArray) -> FloatArray:
        self._is_absolute()
        return np.asarray(1.0 - 2.0 * self.aversion * (returns - probabilities @ returns))


@dataclass(frozen=True)
class Entropic:
    """The certainty equivalent of exponential utility; an adversary's best tilt of the chances, held back by a divergence.

    Attributes
    ----------
    tau : > 0, in units of 1 / payoff.
    divergence : ``kl`` of the tilted from the true chances, which is the entropic measure; or ``reverse_kl``.
    """

    tau: float
    divergence: Literal["kl", "reverse_kl"] = "kl"
    kind: ClassVar[str] = "entropic"

    def __post_init__(self) -> None:
        if not (self.tau > 0 and np.isfinite(self.tau)):
            raise RiskError(f"tau {self.tau:g} is not a finite number > 0.", hint="Use neutral for no risk aversion.")
        if self.divergence not in ("kl", "reverse_kl"):
            raise RiskError(f"no divergence '{clean(self.divergence, 40)}'.", hint="Divergences: kl, reverse_kl.")

    def value(self, returns: FloatArray, probabilities: FloatArray) -> float:
        tilt = self.weights(returns, probabilities)
        live = probabilities > 0
        x, s, w = returns[live], probabilities[live], tilt[live]
        if self.divergence == "kl":
            low = float(x.min())
            less = float(s @ np.expm1(-self.tau * (x - low)))
            return low - (math.log1p(less) if less > -0.5 else math.log(s @ np.exp(-self.tau * (x - low)))) / self.tau
        return float((s * w) @ x - s @ np.log(w) / self.tau)  # D(s, p) = sum of s log(s / p), with p = s w

    def weights(self, returns: FloatArray, probabilities: FloatArray) -> FloatArray:
        if self.divergence == "kl":
            low = float(returns[probabilities > 0].min())
            tilt = np.exp(np.minimum(-self.tau * (returns - low), 700.0))
            return np.asarray(tilt / (probabilities @ tilt))
        return self._reverse(returns, probabilities)

    def _reverse(self, returns: FloatArray, probabilities: FloatArray) -> FloatArray:
        """1 / (tau (c + X)), where c is the one number above -min X at which the chances sum to one."""
        from scipy.optimize import brentq

        live = probabilities > 0
        x = returns[live] - returns[live].min()
        s = probabilities[live]
        if len(s) == 1:
            c = 1.0 / self.tau
        else:
            low, high = s[x == 0].sum() / self.tau * 0.5, 2.0 / self.tau
            c = float(
                brentq(lambda c: float((s / (self.tau * (c + x))).sum()) - 1.0, low, high, xtol=1e-300, rtol=1e-15)
            )
        shifted = c + returns - returns[live].min()
        return np.asarray(1.0 / (self.tau * np.where(live, shifted, np.maximum(shifted, c))))


@dataclass(frozen=True)
class CVaR:
    """Conditional value at risk: the mean of the worst share ``alpha`` of outcomes, 0 < alpha <= 1."""

    alpha: float
    kind: ClassVar[str] = "cvar"

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise RiskError(f"alpha {self.alpha:g} is not in (0, 1].")

    def value(self, returns: FloatArray, probabilities: FloatArray) -> float:
        return float((probabilities * self.weights(returns, probabilities)) @ returns)

    def weights(self, returns: FloatArray, probabilities: FloatArray) -> FloatArray:
        """1 / alpha below the quantile; outcomes at it share the mass that is left."""
        order = np.argsort(returns, kind="stable")
        before = np.cumsum(probabilities[order]) - probabilities[order]
        at = returns[order][np.flatnonzero(before < self.alpha)[-1]]  # the quantile
        below, tied = returns < at, returns == at
        left = max(self.alpha - float(probabilities[below].sum()), 0.0)
        share = float(probabilities[tied].sum())
        return np.where(below, 1.0 / self.alpha, np.where(tied, left / (self.alpha * share) if share > 0 else 0.0, 0.0))


RiskMeasure: TypeAlias = Neutral | MeanVariance | Entropic | CVaR
KEYS: dict[str, tuple[str, ...]] = {
    "neutral": (),
    "mean_variance": ("aversion", "aversion_relative", "variance"),
    "entropic": ("tau", "divergence"),
    "cvar": ("alpha",),
}


def parse_risk(spec: Any) -> RiskMeasure:
    """A risk measure from its form in a scenario, such as ``{kind: mean_variance, aversion_relative: .2}``.

    Raises
    ------
    RiskError
        For an unknown kind or key, a value out of range, or ``aversion`` and ``aversion_relative`` together.

    Examples
    --------
    >>> parse_risk({"kind": "cvar", "alpha": 0.1})
    CVaR(alpha=0.1)
    >>> parse_risk("neutral")
    Neutral()
    """
    if isinstance(spec, (Neutral, MeanVariance, Entropic, CVaR)):
        return spec
    given: dict[str, Any] = {"kind": spec} if isinstance(spec, str) else dict(spec or {"kind": "neutral"})
    if not isinstance(given.get("kind"), str) or given["kind"] not in KEYS:
        kind = clean(str(given.get("kind")), 40)
        raise RiskError(f"no risk kind '{kind}'.", hint=did_you_mean(kind, tuple(KEYS)) or f"Kinds: {', '.join(KEYS)}.")
    kind = given.pop("kind")
    for key in given:
        if key not in KEYS[kind]:
            raise RiskError(f"risk of kind '{kind}' takes no '{clean(str(key), 40)}'.",
                            hint=did_you_mean(str(key), KEYS[kind]) or f"Keys: {', '.join(KEYS[kind]) or 'none'}.")  # fmt: skip
    for key in ("aversion", "aversion_relative", "tau", "alpha"):
        if key in given and (isinstance(given[key], bool) or not isinstance(given[key], (int, float))):
            raise RiskError(f"{key} of risk '{kind}' is no number.")
    if kind == "neutral":
        return Neutral()
    if kind == "mean_variance":
        if ("aversion" in given) == ("aversion_relative" in given):
            raise RiskError("mean_variance takes exactly one of aversion and aversion_relative.")
        relative = "aversion_relative" in given
        aversion = given["aversion_relative" if relative else "aversion"]
        return MeanVariance(float(aversion), given.get("variance", "strategic"), relative)
    needed = "tau" if kind == "entropic" else "alpha"
    if needed not in given:
        raise RiskError(f"risk of kind '{kind}' needs '{needed}'.")
    return (
        Entropic(float(given["tau"]), given.get("divergence", "kl"))
        if kind == "entropic"
        else CVaR(float(given["alpha"]))
    )


def as_form(risk: RiskMeasure) -> Mapping[str, Any]:
    """A risk measure as a scenario writes it.

    >>> dict(as_form(MeanVariance(2.0)))
    {'kind': 'mean_variance', 'aversion': 2.0, 'variance': 'strategic'}
    """
    if isinstance(risk, MeanVariance):
        key = "aversion_relative" if risk.relative else "aversion"
        return {"kind": risk.kind, key: risk.aversion, "variance": risk.variance}
    return {"kind": risk.kind, **vars(risk)}
