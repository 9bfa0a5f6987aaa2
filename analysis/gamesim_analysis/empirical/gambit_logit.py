"""The logit fit by Gambit, as a task for a process of its own (``gamesim.run.isolate``).

Gambit is GPL-2.0-or-later and optional: this module is imported by the worker alone, and only bytes go in and out.
"""

from __future__ import annotations

import json
from typing import Any


def estimate(payload: bytes) -> bytes:
    """Maximum likelihood on counts along the principal branch.

    Parameters
    ----------
    payload : JSON ``{"payoffs": [...], "counts": [[...], ...], "empirical": false}``; payoffs[i][a_1]...[a_n].

    Returns
    -------
    JSON ``{"rationality", "log_likelihood", "play"}``.
    """
    import io

    import pygambit

    data = json.loads(payload)
    game = pygambit.read_nfg(io.BytesIO(nfg(data["payoffs"]).encode()))
    counts = game.mixed_strategy_profile(data=data["counts"])
    found = pygambit.qre.logit_estimate(counts, use_empirical=bool(data["empirical"]))
    play = [[float(p) for _, p in found.profile[player]] for player in game.players]
    told = {"rationality": float(found.lam), "log_likelihood": float(found.log_like), "play": play}
    return json.dumps(told).encode()


def nfg(payoffs: Any) -> str:
    """The game in Gambit's file format, which every version of it reads; profiles count up in the first player's action.

    Examples
    --------
    >>> nfg([[[3, 0], [5, 1]], [[3, 5], [0, 1]]]).splitlines()[-1]
    '3.0 3.0 5.0 0.0 0.0 5.0 1.0 1.0'
    """
    import numpy as np

    table = np.asarray(payoffs, dtype=np.float64)
    names = " ".join(f'"{i}"' for i in range(len(table)))
    sizes = " ".join(map(str, table.shape[1:]))
    # All players' payoffs of a profile stand together; the first player's action changes fastest.
    rows = np.moveaxis(table, 0, -1).transpose(*range(table.ndim - 2, -1, -1), table.ndim - 1)
    numbers = " ".join(repr(float(value)) for value in rows.ravel())
    return f'NFG 1 R "" {{ {names} }} {{ {sizes} }}\n\n{numbers}\n'
