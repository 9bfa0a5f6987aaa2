"""What may be done in each phase: one owner of legality for both faces, and how an action may be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray, IntArray
from gamesim.core.errors import IllegalActionError, clean

from .sanctions import binding_cap, breaks_rule
from .state import Institutions, SocietyState

KEYS = {"harvest": "effort", "sanction": "target", "counter": "target", "norm": "cap", "vote": "ballot"}


def legal(state: SocietyState, action: FloatArray, institutions: Institutions) -> BoolArray:
    """Whether each action (B, N) of the current phase may be played; NaN only as a text norm's missing cap."""
    config, agents = institutions.config, state.alive.shape[1]
    with np.errstate(invalid="ignore"):
        if state.phase == "harvest":
            fits: BoolArray = (action >= 0.0) & (action <= config.limit)
            whole = config.harvest.catch == "request" and config.harvest.integer
            return np.logical_and(fits, action == np.floor(action)) if whole else fits
        if state.phase == "norm":
            fits = (action >= 0.0) & np.isfinite(action)
            return np.logical_or(fits, np.isnan(action)) if config.institutions.text else fits
        fits = (action >= 0.0) & (action <= agents) & (action == np.floor(action))
    index = np.where(fits, action, agents).astype(np.int64)
    if state.phase == "vote":
        if institutions.timeline.at(state.round).election:
            return np.asarray(np.logical_and(fits, (index == agents) | _taken(state.roster.active, index)))
        count = (~np.isnan(state.choices)).sum(axis=1)[:, None]
        return np.asarray(np.logical_and(fits, (index < count) | (index == agents)))
    if state.phase == "counter":
        return np.asarray(np.logical_and(fits, (index == agents) | (_taken(state.target, index) == np.arange(agents))))
    return np.asarray(np.logical_and(fits, (index == agents) | may_fine(state, index, institutions)))


def may_fine(state: SocietyState, target: IntArray, institutions: Institutions) -> BoolArray:
    """Whether each agent (B, N) may fine its target (< N): alive, another, linked to it, and under most kinds of
    sanctions somebody who broke the rule or whom it inspected and takes for a violator."""
    agents = state.alive.shape[1]
    allowed: BoolArray = _taken(state.roster.active, target) & (target != np.arange(agents)) & (target < agents)
    allowed &= institutions.punish.linked(target)
    sanctions = institutions.timeline.at(state.round).sanctions
    if sanctions is None or sanctions.kind == "antisocial" or institutions.config.institutions.text:
        return allowed
    quota_of = None if state.quota is None else _taken(state.quota, target)
    broken = breaks_rule(_taken(state.harvest, target), binding_cap(state.norm, state.belief), quota_of)
    return np.asarray(np.logical_and(allowed, broken | ((target == state.inspected) & state.violation)))


def _taken(values: AnyArray, index: IntArray) -> AnyArray:
    """``values[b, index[b, i]]``, meaningless where the index is N."""
    return np.take_along_axis(values, np.minimum(index, values.shape[1] - 1), axis=1)


def number(action: Any, phase: str) -> float:
    """The number in an action: itself, an array of one, or the phase's entry of a mapping; NaN for None.

    Raises
    ------
    TypeError, ValueError, KeyError
        Where there is no number.
    """
    if isinstance(action, Mapping):
        action = action[KEYS[phase]]
    if action is None:
        return float("nan")
    if isinstance(action, (bool, np.bool_, str, bytes)):
        raise TypeError(f"{action!r} is not a number")
    array = np.asarray(action, dtype=np.float64)
    if array.size != 1:
        raise ValueError(f"{array.size} numbers")
    return float(array.reshape(()))


def pair(action: Any) -> tuple[float, float]:
    """Efforts on two stocks: a mapping, or an array of two; (total, NaN) for a plain number."""
    if isinstance(action, Mapping):
        if "effort_2" in action:
            return number(action, "harvest"), number({"effort": action["effort_2"]}, "harvest")
        return number(action, "harvest"), float("nan")
    array = np.asarray(action, dtype=np.float64) if not isinstance(action, (bool, str)) and action is not None else None
    if array is not None and array.size == 2:
        return float(array.ravel()[0]), float(array.ravel()[1])
    return number(action, "harvest"), float("nan")


@dataclass(frozen=True)
class CommonsAction:
    """The ActionSpec of one agent in the current phase of a society of one row."""

    state: SocietyState
    institutions: Institutions
    seat: int

    def legal(self, action: Any) -> bool:
        config = self.institutions.config
        try:
            if self.state.phase == "harvest" and config.second_stock is not None:
                first, second = pair(action)
                if not np.isnan(second):
                    return first >= 0.0 and second >= 0.0 and first + second <= 1.0
                value = first
            else:
                value = number(action, self.state.phase)
        except (TypeError, ValueError, KeyError, OverflowError):
            return False
        actions = np.full(self.state.alive.shape, np.nan)
        actions[0, self.seat] = value
        return bool(legal(self.state, actions, self.institutions)[0, self.seat])

    def options(self) -> list[int]:
        """The legal whole numbers of a phase that chooses among agents or proposals."""
        state, agents, seat = self.state, self.state.alive.shape[1], self.seat
        active = state.roster.active[0]
        if state.phase == "vote":
            if self.institutions.timeline.at(state.round).election:
                found = np.flatnonzero(active)
            else:
                found = np.flatnonzero(~np.isnan(state.choices[0]))
        elif state.phase == "counter":
            found = np.flatnonzero(state.target[0] == seat)
        else:
            found = np.flatnonzero(self._finable() & active)
        return [*(int(option) for option in found), agents]

    def _finable(self) -> BoolArray:
        """Whom this agent may fine, (N,); the same as ``may_fine`` says of one target each."""
        state, agents, seat = self.state, self.state.alive.shape[1], self.seat
        allowed: BoolArray = self.institutions.punish.reach(seat) & (np.arange(agents) != seat)
        sanctions = self.institutions.timeline.at(state.round).sanctions
        if sanctions is None or sanctions.kind == "antisocial" or self.institutions.config.institutions.text:
            return allowed
        caps = binding_cap(state.norm, state.belief)
        cap = caps[:, seat, None] if caps.shape[1] > 1 else caps
        broken = breaks_rule(state.harvest, cap, state.quota)[0]
        inspected = (np.arange(agents) == state.inspected[0, seat]) & state.violation[0, seat]
        return np.asarray(np.logical_and(allowed, broken | inspected))

    def sample(self, rng: Generator) -> Any:
        config = self.institutions.config
        if self.state.phase == "harvest":
            if config.second_stock is not None:
                total, share = rng.random(), rng.random()
                return {"effort": total * share, "effort_2": total - total * share}
            if config.harvest.catch == "request" and config.harvest.integer:
                return float(rng.integers(0, int(config.limit) + 1))
            return float(rng.random() * config.limit)
        if self.state.phase == "norm":
            return float(rng.random() * self.top)
        return float(rng.choice(self.options()))

    @property
    def top(self) -> float:
        """A cap that no harvest can exceed: what is drawn when caps are drawn at random."""
        return self.institutions.config.growth.capacity

    def text(self) -> str:
        config, agents = self.institutions.config, self.state.alive.shape[1]
        phase = self.state.phase
        if phase == "harvest":
            if config.second_stock is not None:
                return "two efforts >= 0 that sum to at most 1 (effort, effort_2), or their total"
            kind = "a whole number" if config.harvest.catch == "request" and config.harvest.integer else "a number"
            return f"{kind} from 0 to {config.limit:g}"
        if phase == "norm":
            return "a number >= 0" + (", or none" if config.institutions.text else "")
        some = ", ".join(str(option) for option in self.options()[:12] if option != agents)
        if phase == "vote":
            what = "a candidate's seat" if self.institutions.timeline.at(self.state.round).election else "a proposal"
            return f"{what} ({some or 'there is none'}), or {agents} for no ballot"
        return f"the seat of somebody who may be fined ({some or 'nobody now'}), or {agents} for nobody"

    def json_schema(self) -> Mapping[str, Any]:
        config = self.institutions.config
        if self.state.phase == "harvest":
            whole = config.harvest.catch == "request" and config.harvest.integer
            schema = {"type": "integer" if whole else "number", "minimum": 0, "maximum": config.limit}
            if config.second_stock is None:
                return schema
            keys = {"effort": schema, "effort_2": schema}
            return {"type": "object", "properties": keys, "required": list(keys), "additionalProperties": False}
        if self.state.phase == "norm":
            return {"type": ["number", "null"] if config.institutions.text else "number", "minimum": 0}
        agents = self.state.alive.shape[1]
        return {"enum": [option for option in self.options() if option != agents] + [None]}

    def parse(self, value: Any) -> Any:
        """The action in a JSON value; null means nobody, or no ballot.

        Raises
        ------
        IllegalActionError
        """
        agents = self.state.alive.shape[1]
        if value is None and self.state.phase in ("sanction", "counter", "vote"):
            return float(agents)
        if not self.legal(value):
            raise IllegalActionError(
                f"{clean(value, 60)} cannot be played in phase '{self.state.phase}'.", hint=f"Legal: {self.text()}."
            )
        if isinstance(value, Mapping) and self.state.phase == "harvest" and "effort_2" in value:
            return {key: float(value[key]) for key in ("effort", "effort_2")}
        return number(value, self.state.phase)
