"""Analysis of variance, one-way and two-way (type II sums, unequal cells welcome), and what published F values imply."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError

from .results import Measure, sample, spread


@dataclass(frozen=True)
class Effect:
    """One line of the table.

    ``f`` and ``p`` are None where no test is possible, and ``reason`` says why. ``eta2`` is the effect's sum of squares over
    the total, ``partial_eta2`` over itself plus error. From published F values the sums are in units of the error's mean square.
    """

    name: str
    ss: float
    df: int
    f: float | None
    p: float | None
    eta2: float | None
    partial_eta2: float | None
    reason: str | None = None


@dataclass(frozen=True)
class AnovaTable:
    """Effects, error and total; ``effect(name)`` finds a line."""

    effects: tuple[Effect, ...]
    error_ss: float
    error_df: int
    total_ss: float
    n: int | None  # None when read from published F values
    note: str = ""

    def effect(self, name: str) -> Effect:
        for line in self.effects:
            if line.name == name:
                return line
        raise MetricError(f"no effect '{name}'.", hint=f"Possible: {', '.join(line.name for line in self.effects)}.")


def one_way(groups: Mapping[str, ArrayLike], name: str = "group") -> AnovaTable:
    """One-way analysis of variance of samples by name.

    Examples
    --------
    >>> line = one_way({"a": [1.0, 2, 3], "b": [2.0, 3, 4], "c": [5.0, 6, 7]}).effects[0]
    >>> line.ss, line.df, line.f, round(line.p, 6)
    (26.0, 2, 13.0, 0.006592)
    """
    if len(groups) < 2:
        raise MetricError(f"an analysis of variance compares at least 2 groups, not {len(groups)}.")
    samples = {str(key): sample(values, f"group '{key}'") for key, values in groups.items()}
    joined = np.concatenate(list(samples.values()))
    centred = joined - joined.mean()
    within = float(sum(((x - x.mean()) ** 2).sum() for x in samples.values()))
    total = float((centred**2).sum())
    error_df = joined.size - len(samples)
    line = (name, max(0.0, total - within), len(samples) - 1)
    return _table([line], _clean(within, total), error_df, total, int(joined.size), spread(joined))


def two_way(
    values: ArrayLike,
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    names: tuple[str, str] = ("first", "second"),
) -> AnovaTable:
    """Two-way analysis of variance with interaction, type II sums of squares.

    Parameters
    ----------
    values : shape (n,), one row a unit (a society, not a decision)
    first, second : n labels each
    names : what to call the two factors; the interaction is ``"first x second"``

    Notes
    -----
    Each main effect is tested over the other one alone, the interaction over both (differences of residual sums of nested
    least-squares models). Cells may hold different counts and may be empty: degrees of freedom are then ranks.

    Examples
    --------
    >>> t = two_way([8, 9, 10, 4, 5, 6, 7, 8, 9, 6, 7, 8], ["A"] * 6 + ["B"] * 6, (["x"] * 3 + ["y"] * 3) * 2)
    >>> [(line.name, round(line.ss, 9), line.df) for line in t.effects]
    [('first', 0.75, 1), ('second', 18.75, 1), ('first x second', 6.75, 1)]
    """
    y = sample(values, "values", least=2)
    one, two = _dummies(first, names[0], y.size), _dummies(second, names[1], y.size)
    cells = (one[:, :, None] * two[:, None, :]).reshape(y.size, -1)
    y = y - y.mean()  # sums of squares do not depend on the origin; rounding does
    fits = {key: _residual(y, np.hstack(parts)) for key, parts in (
        ("a", [one]), ("b", [two]), ("ab", [one, two]), ("full", [cells]),
    )}  # fmt: skip
    lines = [
        (name, max(0.0, fits[small][0] - fits[large][0]), fits[large][1] - fits[small][1])
        for name, small, large in (
            (names[0], "b", "ab"), (names[1], "a", "ab"), (f"{names[0]} x {names[1]}", "ab", "full"),
        )
    ]  # fmt: skip
    empty = int((cells.sum(axis=0) == 0).sum())
    note = f"{empty} of {cells.shape[1]} cells are empty" if empty else ""
    total = float((y**2).sum())
    error = _clean(fits["full"][0], total)
    lines = [(name, _clean(ss, total), df) for name, ss, df in lines]
    return _table(lines, error, y.size - fits["full"][1], total, int(y.size), spread(sample(values)), note)


def from_f(f_values: Mapping[str, tuple[float, int]], error_df: int) -> AnovaTable:
    """The p values and effect sizes that published F values imply in a balanced design.

    Parameters
    ----------
    f_values : name -> (F, degrees of freedom), every effect of the design, or eta^2 comes out too large
    error_df : degrees of freedom of the error

    Notes
    -----
    SS_effect / SS_error = F df / error_df, hence eta^2 = F df / (sum of F df + error_df).

    Examples
    --------
    >>> t = from_f({"model": (2.37, 6), "ratio": (2.28, 2), "model x ratio": (2.24, 12)}, error_df=189)
    >>> [(round(line.p, 4), round(line.eta2, 4)) for line in t.effects]
    [(0.0313, 0.0606), (0.1051, 0.0194), (0.0115, 0.1145)]
    """
    if error_df < 1:
        raise MetricError(f"error_df must be at least 1, not {error_df}.")
    for name, (f, df) in f_values.items():
        if not (f >= 0 and np.isfinite(f)) or df < 1:
            raise MetricError(
                f"effect '{name}': F = {f} with {df} degrees of freedom; F must be finite, >= 0, and df >= 1."
            )
    lines = [(name, f * df, df) for name, (f, df) in f_values.items()]
    total = sum(ss for _, ss, _ in lines) + error_df
    return _table(lines, float(error_df), error_df, total, None, True)


def t_p_value(t: float, df: float) -> float:
    """Two-sided p of a t statistic.

    Examples
    --------
    >>> round(t_p_value(-2.78, 898), 4), round(t_p_value(-1.96, 898), 4), round(t_p_value(3.44, 238), 4)
    (0.0055, 0.0503, 0.0007)
    """
    if not np.isfinite(t) or not df > 0:
        raise MetricError(f"t = {t} with {df} degrees of freedom; t must be finite and df above 0.")
    return float(2 * stats.t.sf(abs(t), df))


def levene(groups: Mapping[str, ArrayLike]) -> Measure:
    """p of Levene's test (around medians) that the groups spread alike, the caveat beside an analysis of variance."""
    samples = [sample(values, f"group '{key}'") for key, values in groups.items()]
    if len(samples) < 2:
        return Measure.null("fewer than 2 groups")
    if any(x.size < 2 for x in samples):
        return Measure.null("a group of one has no spread")
    deviations = [np.abs(x - np.median(x)) for x in samples]
    if not any(spread(d) for d in deviations):
        return Measure.null("deviations do not vary within any group")
    return Measure(float(stats.levene(*samples, center="median").pvalue))


def _table(
    lines: Sequence[tuple[str, float, int]],
    error_ss: float,
    error_df: int,
    total_ss: float,
    n: int | None,
    varies: bool,
    note: str = "",
) -> AnovaTable:
    effects = []
    for name, ss, df in lines:
        eta2 = min(1.0, ss / total_ss) if varies else None
        partial = ss / (ss + error_ss) if ss + error_ss > 0 and varies else None
        reason = None
        if df < 1:
            reason = "no degrees of freedom: a factor with one level, or confounded with the other"
        elif error_df < 1:
            reason = "no degrees of freedom for error: one observation in each cell"
        elif not varies:
            reason = "all values are equal"
        elif error_ss == 0:
            reason = "no variation within cells"
        if reason is None:
            f = (ss / df) / (error_ss / error_df)
            effects.append(Effect(name, ss, df, f, float(stats.f.sf(f, df, error_df)), eta2, partial))
        else:
            effects.append(Effect(name, ss, df, None, None, eta2, partial, reason))
    return AnovaTable(tuple(effects), error_ss, error_df, total_ss, n, note)


def _clean(ss: float, total: float) -> float:
    """Zero where only rounding is left of a sum of squares."""
    return 0.0 if ss <= 1e-13 * total else float(ss)


def _dummies(labels: Sequence[Hashable], name: str, n: int) -> FloatArray:
    """Indicator columns (n, levels), in order of first appearance."""
    if len(labels) != n:
        raise MetricError(f"factor '{name}' has {len(labels)} labels for {n} values.")
    levels = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    out = np.zeros((n, len(levels)))
    out[np.arange(n), [levels[label] for label in labels]] = 1.0
    return out


def _residual(y: FloatArray, design: FloatArray) -> tuple[float, int]:
    """Residual sum of squares and rank of a least-squares fit."""
    solution, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    return float(((y - design @ solution) ** 2).sum()), int(rank)
