"""Behaviour strategies as policies, and the strategies that the rules for trees play."""

from __future__ import annotations

from typing import Any

import numpy as np

from gamesim.core.arrays import Arrays, FloatArray
from gamesim.core.behaviour import BehaviourProfile, as_behaviour, best_replies, uniform_behaviour
from gamesim.core.errors import ScenarioError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.registry import entry
from gamesim.core.solution import Limits


class BehaviourPolicy:
    """Draws an action from the strategy of whatever information set it is at."""

    columns = 1

    def __init__(self, tree: ExtensiveFormGame, play: BehaviourProfile) -> None:
        self.play = play
        most = max((len(s.actions) for s in tree.sets), default=1)
        self._bounds = np.ones((max(len(tree.sets), 1), most))
        for h, vector in enumerate(play.probabilities):
            sums = np.cumsum(np.asarray(vector, dtype=np.float64))
            sums[np.flatnonzero(np.asarray(vector, dtype=np.float64) > 0)[-1] :] = 1.0
            self._bounds[h, : len(sums)] = sums

    def initial_state(self, rows: int, seats: int, u: FloatArray) -> None:
        return None

    def act(self, observation: Arrays, state: None, u: FloatArray) -> tuple[FloatArray, None]:
        sets = np.maximum(np.asarray(observation["set"], dtype=np.int64), 0)
        chosen = (u[..., :1] >= self._bounds[sets]).sum(axis=-1)
        return chosen.astype(np.float64), None

    def distribution(self, observation: Arrays, state: None) -> FloatArray:
        """Chances of the actions at the set that is seen."""
        h = int(np.asarray(observation["set"]))
        return np.asarray(self.play[h], dtype=np.float64)


def equilibrium_of(tree: ExtensiveFormGame, select: str, method: str | None, number: int) -> BehaviourProfile:
    """
    Raises
    ------
    ScenarioError
        If the solver refuses the tree, or lists fewer equilibria than ``number``.
    """
    zero_sum = tree.n == 2 and tree.is_constant_sum and tree.perfect_recall
    if method is None:
        if tree.perfect_information:
            method = "backward_induction"
        elif select == "subgame_perfect" and tree.perfect_recall and not zero_sum:
            method = "subgame_decomposition"
        else:
            method = "sequence_form_lp" if zero_sum else ("lemke_howson" if tree.n == 2 else "enumpure")
    solver = entry("solvers", method)
    concept = "spe" if "spe" in solver.concepts and select == "subgame_perfect" else "nash"
    concept = concept if concept in solver.concepts else sorted(solver.concepts)[0]
    solution = solver(tree, concept=concept, limits=Limits(seconds=30))
    found = list(solution.equilibria)
    if select == "max_welfare":
        found.sort(key=lambda e: -float(sum(e.payoffs)))
    if len(found) < number:
        raise ScenarioError(f"{method} lists {len(found)} equilibria of the tree; number {number} was asked for.", hint="Name another method.")  # fmt: skip
    return as_behaviour(tree, found[number - 1].play)


def answer_to(tree: ExtensiveFormGame, play: BehaviourProfile) -> BehaviourProfile:
    """A best answer of each player to the others' part of a profile; pure."""
    actions: list[Any] = [0] * len(tree.sets)
    for own, plan in zip(tree.sets_of, best_replies(tree, play, (0,)).plans, strict=True):
        for h, action in zip(own, plan, strict=True):
            actions[h] = int(action)
    return as_behaviour(tree, actions)


def level_k(tree: ExtensiveFormGame, level: int) -> BehaviourProfile:
    """Answers to answers to uniform play."""
    play = uniform_behaviour(tree)
    for _ in range(level):
        play = answer_to(tree, play)
    return play


def learned(tree: ExtensiveFormGame, iterations: int, variant: str) -> BehaviourProfile:
    """The average plans after so many iterations of CFR+.

    Raises
    ------
    UnsupportedGameError
        Unless two players with perfect recall share a constant sum.
    """
    solution = entry("solvers", "cfr_plus")(tree, iterations=iterations, variant=variant)
    return as_behaviour(tree, solution.equilibria[0].play)
