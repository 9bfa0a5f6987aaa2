"""The probability simplex and its trembling version, in which every entry is at least a floor."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import FloatArray
from .errors import ParameterError


def project(values: Any, floor: float = 0.0) -> FloatArray:
    """Nearest point of the simplex whose entries are at least ``floor``.

    Parameters
    ----------
    values : shape (k,), finite.
    floor : at least 0 and below 1 / k.

    Raises
    ------
    ParameterError
        If no probability vector has such a floor, or an entry is not finite.

    References
    ----------
    .. [1] Held, Wolfe, Crowder, "Validation of subgradient optimization", Mathematical Programming 6, 1974.

    Examples
    --------
    >>> project([0.9, 0.6]).round(3).tolist(), project([9.0, 0.0, 0.0], floor=0.01).tolist()
    ([0.65, 0.35], [0.98, 0.01, 0.01])
    """
    v = np.asarray(values, dtype=np.float64)
    k = len(v)
    if not 0 <= floor < 1 / k:
        raise ParameterError(f"no distribution over {k} actions gives each at least {floor:g}.", hint=f"The floor lies in [0, 1/{k}).")  # fmt: skip
    mass = 1.0 - k * floor
    w = v - v.max()  # the answer is the same, and no large number swallows the mass
    ordered = np.sort(w)[::-1]
    surplus = np.cumsum(ordered) - mass
    last = np.flatnonzero(ordered * np.arange(1, k + 1) > surplus)
    if not len(last):
        raise ParameterError(f"no point of the simplex is nearest to {v[:5]}.", hint="Entries are finite numbers.")
    shift = surplus[last[-1]] / (last[-1] + 1.0)
    point = np.maximum(w - shift, 0.0)
    return np.asarray(floor + point * (mass / point.sum()))


def sparsify(strategy: Any, threshold: float = 1e-6) -> FloatArray:
    """A strategy without its entries below ``threshold``, scaled to sum to one again.

    Examples
    --------
    >>> sparsify([0.5, 0.5 - 1e-9, 1e-9]).tolist()[2]
    0.0
    """
    kept = np.asarray(strategy, dtype=np.float64)
    kept = np.where(kept < min(threshold, kept.max()), 0.0, kept)
    return np.asarray(kept / kept.sum())
