"""The step table in the making: what happened at each step, by row and agent, turned into columns at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, BoolArray, FloatArray
from gamesim.core.errors import PluginError

KEYS = ("row", "step", "phase", "agent", "action", "reward", "alive")
RESERVED = frozenset(
    {*KEYS, "unit", "cell", "seed", "member"}
)  # columns of a record's step table that no fact may be called


class StepLog:
    """Collects (B, N) arrays a step; ``columns`` gives one row for each step and agent alive before it, by row, step, agent."""

    def __init__(self, agents: Sequence[str]) -> None:
        self.agents = np.array(agents, dtype=object)
        self._phases: list[str] = []
        self._arrays: dict[str, list[AnyArray]] = {key: [] for key in ("before", "action", "reward", "alive")}
        self._facts: dict[str, dict[int, AnyArray]] = {}

    def add(
        self, phase: str, before: BoolArray, action: FloatArray, reward: FloatArray, alive: BoolArray, facts: Arrays
    ) -> None:
        """One step: who was alive ``before`` it in rows still running, what they did, and what it led to; all (B, N).

        Raises
        ------
        PluginError
            If a fact has the name of a column that says whose row it is, which it would overwrite.
        """
        taken = sorted(RESERVED & set(facts))
        if taken:
            raise PluginError(
                f"the environment has a fact '{taken[0]}', a column of every step table.", hint="Give it another name."
            )
        for key, value in facts.items():
            self._facts.setdefault(key, {})[len(self._phases)] = np.asarray(value)
        self._phases.append(phase)
        for key, array in (("before", before), ("action", action), ("reward", reward), ("alive", alive)):
            self._arrays[key].append(array.copy())

    def columns(self) -> dict[str, AnyArray]:
        if not self._phases:
            return {key: np.empty(0) for key in KEYS}
        mask = self._stack(self._arrays["before"])  # (B, T, N)
        row, step, agent = np.nonzero(mask)
        phases = np.array(self._phases, dtype=object)
        columns: dict[str, AnyArray] = {"row": row, "step": step, "phase": phases[step], "agent": self.agents[agent]}
        for key in ("action", "reward", "alive"):
            columns[key] = self._stack(self._arrays[key])[mask]
        for key, by_step in self._facts.items():
            columns[key] = self._fact(by_step, mask.shape)[row, step, agent]
        return columns

    def _fact(self, by_step: Mapping[int, AnyArray], shape: tuple[int, ...]) -> FloatArray:
        rows, steps, agents = shape
        filled = np.full((steps, rows, agents), np.nan)
        for step, value in by_step.items():
            filled[step] = value[:, None] if value.ndim == 1 else value
        return filled.transpose(1, 0, 2)

    @staticmethod
    def _stack(arrays: Sequence[AnyArray]) -> AnyArray:
        return np.stack(arrays).transpose(1, 0, 2)
