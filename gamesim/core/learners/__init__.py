"""Learners: rules that choose among a fixed set of actions and improve from what is paid.

    state = learner.initial_state(actions, horizon, rng)
    chances = learner.probabilities(state)
    state = learner.update(state, Full(utilities))        # or Bandit(action, utility)

Utilities lie in [0, 1]; a game's are scaled by its payoff range. All memory is in ``state``. The built-in learners take
leading axes: feedback of shape (B, K) makes states of B independent rows. They register under ``gamesim.learners``.

    >>> import numpy as np
    >>> learner = learner_of("hedge")
    >>> state = learner.initial_state(2, 100, np.random.default_rng(0))
    >>> state = learner.update(state, Full(np.array([1.0, 0.0])))
    >>> learner.probabilities(state).round(3)
    array([0.559, 0.441])
"""

from .feedback import Bandit, Bound, Full, learner_of
from .play import Against, Match, Play, against, play

__all__ = ["Against", "Bandit", "Bound", "Full", "Match", "Play", "against", "learner_of", "play"]
