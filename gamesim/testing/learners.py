"""``check_learner``: the whole contract of a learner.

from gamesim.testing import check_learner

def test_contract():
    check_learner("my_learner")
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from gamesim.core.errors import GamesimError, named_cause
from gamesim.core.learners import Bandit, Full, learner_of
from gamesim.core.policy import Learner
from gamesim.core.seeds import Seeds

from .compare import difference
from .playing import Broken, broken

ROUNDS = 60


def check_learner(learner: str | Mapping[str, Any] | Learner) -> None:
    """Raise unless a learner keeps its promises, with 1, 2 and 5 actions over 60 rounds of drawn utilities.

    It plays distributions; states and feedback that it is given stay as they were; the same state and feedback give the
    same again, also from a learner built anew; with ``rows = True`` rows learn as they would alone.

    Raises
    ------
    PluginError
        With the first promise that is not kept.
    """
    what = f"learner '{learner if isinstance(learner, str) else getattr(learner, 'name', learner)}'"
    try:
        for actions in (1, 2, 5):
            _plays(learner, actions)
            if getattr(learner_of(learner), "rows", False):
                _rows_alike(learner, actions)
    except Broken as problem:
        raise broken(what, problem) from problem
    except GamesimError:
        raise
    except Exception as error:
        raise broken(what, f"raised {named_cause(error)}") from error


def _plays(learner: Any, actions: int) -> None:
    mine, anew = learner_of(learner), learner_of(learner)
    state, other = (one.initial_state(actions, ROUNDS, Seeds(1).stream("learner")) for one in (mine, anew))
    rng = Seeds(2).stream("utilities", actions)
    for step in range(ROUNDS):
        chances = np.asarray(mine.probabilities(state))
        where = f"with {actions} actions in round {step + 1}"
        if chances.shape != (actions,):
            raise Broken(f"probabilities have shape {chances.shape} {where}")
        if not (np.isfinite(chances).all() and chances.min() >= 0 and abs(chances.sum() - 1) <= 1e-9):
            raise Broken(f"{chances} is no distribution, {where}")
        told = _told(mine, rng, chances)
        before = deepcopy((state, told))
        after, again = mine.update(state, told), anew.update(other, deepcopy(told))
        if found := difference((state, vars(told)), (before[0], vars(before[1])), "what it was given"):
            raise Broken(f"update changed {found}, {where}")
        if found := difference(mine.probabilities(after), anew.probabilities(again), "probabilities"):
            raise Broken(f"a learner built anew plays otherwise, {where}: {found}")
        state, other = after, again


def _told(learner: Learner, rng: np.random.Generator, chances: Any) -> Full | Bandit:
    utilities = rng.random(chances.shape)
    if not learner.bandit:
        return Full(utilities)
    action = np.asarray(rng.integers(0, chances.shape[-1], chances.shape[:-1]))
    return Bandit(action, np.take_along_axis(utilities, action[..., None], axis=-1)[..., 0])


def _rows_alike(learner: Any, actions: int) -> None:
    mine = learner_of(learner)
    state = mine.initial_state(actions, ROUNDS, Seeds(1).stream("learner"))
    apart = [state] * 3
    rng = Seeds(3).stream("utilities", actions)
    for step in range(ROUNDS):
        together = np.broadcast_to(mine.probabilities(state), (3, actions))
        for row in range(3):
            if found := difference(np.asarray(mine.probabilities(apart[row])).reshape(actions), together[row].copy(), "probabilities"):  # fmt: skip
                raise Broken(f"row {row} learns otherwise alone, with {actions} actions in round {step + 1}: {found}")
        told = _told(mine, rng, together)
        state = mine.update(state, told)
        apart = [mine.update(one, type(told)(*(v[row] for v in vars(told).values()))) for row, one in enumerate(apart)]
