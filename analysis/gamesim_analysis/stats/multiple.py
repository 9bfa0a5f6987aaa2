"""Many tests at once: Holm's adjustment, and the sentence a table prints under itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gamesim.core.errors import MetricError


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjusted p values, in the order given; a None (no test was possible) stays None and is not counted.

    References
    ----------
    .. [1] Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    """
    known = [(p, i) for i, p in enumerate(p_values) if p is not None]
    for p, i in known:
        if not 0 <= p <= 1:
            raise MetricError(f"p_values[{i}] is {p}; a p value lies in 0..1.")
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, i) in enumerate(sorted(known)):
        running = max(running, min(1.0, (len(known) - rank) * p))
        adjusted[i] = running
    return adjusted


def multiple_comparison_note(tests: int, alpha: float = 0.05) -> str:
    """What to expect of so many tests if nothing at all were going on.

    Examples
    --------
    >>> multiple_comparison_note(20)
    '20 tests at 0.05: if no effect were real, 1.0 would still be expected to look significant, and at least one would with probability 0.64 were they independent.'
    """
    if tests < 0:
        raise MetricError(f"tests must be at least 0, not {tests}.")
    some = -np.expm1(tests * np.log1p(-alpha))
    return (
        f"{tests} {'test' if tests == 1 else 'tests'} at {alpha:g}: if no effect were real, {tests * alpha:.1f} would still be expected to "
        f"look significant, and at least one would with probability {some:.2f} were they independent."
    )
