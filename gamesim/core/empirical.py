"""Empirical games: what play of some policies paid, profile by profile.

A cell holds the count, mean and joint co-moment of the returns of one profile, so a resampled zero-sum table stays
zero-sum. Cells are sparse, and a profile is sorted within each role: players of one role draw on one pool of policies
and are interchangeable, so (tit_for_tat, defector) and (defector, tit_for_tat) are one cell.

    >>> import numpy as np
    >>> game = EmpiricalGame((("rock", "paper"),), roles=(0, 0))
    >>> game = game.add((1, 0), np.array([[1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]))
    >>> sorted(game.cells), game.missing()
    ([(0, 1)], [(0, 0), (1, 1)])
    >>> float(game.mean[0, 1, 0])              # paper against rock
    0.333...
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
from numpy.random import Generator

from .arrays import FloatArray
from .errors import ParameterError, SolverError
from .normal_form import NormalFormGame
from .policy import EMPTY
from .symmetric import SymmetricGame, opponent_counts

Profile = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Cell:
    """Returns of one profile, summed up.

    Attributes
    ----------
    count : number of episodes; infinite where the payoffs are known exactly.
    mean : (n,) by player, in the order of the sorted profile.
    comoment : (n, n), sum over episodes of the outer product of deviations from the mean.
    events : how often each kind of event happened, such as crashes.
    """

    count: float
    mean: FloatArray
    comoment: FloatArray
    events: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, returns: FloatArray, events: Mapping[str, int] = EMPTY) -> Cell:
        """A cell from returns of shape (B, n)."""
        mean = returns.mean(axis=0)
        centred = returns - mean
        return cls(float(len(returns)), mean, centred.T @ centred, dict(events))

    @property
    def covariance(self) -> FloatArray:
        """Covariance of one episode's returns, (n, n); zeros if exact, NaN below two episodes."""
        if math.isinf(self.count):
            return np.zeros_like(self.comoment)
        return self.comoment / (self.count - 1) if self.count > 1 else np.full_like(self.comoment, np.nan)

    def merge(self, other: Cell) -> Cell:
        """Both samples as one.

        References
        ----------
        .. [1] Chan, Golub, LeVeque, "Algorithms for Computing the Sample Variance", The American Statistician 37, 1983.
        """
        events = dict(sorted((Counter(self.events) + Counter(other.events)).items()))
        if math.isinf(self.count) or math.isinf(other.count):
            known, unsure = (self, other) if math.isinf(self.count) else (other, self)
            if math.isinf(unsure.count) and not np.array_equal(known.mean, unsure.mean):
                raise SolverError(
                    "two exact payoffs of one profile differ.", hint="One of the tables is of another game."
                )
            return replace(known, events=events)
        count = self.count + other.count
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        joint = self.comoment + other.comoment + np.outer(apart, apart) * (self.count * other.count / count)
        return Cell(count, mean, joint, events)


@dataclass(frozen=True, eq=False, repr=False)
class EmpiricalGame:
    """Payoffs of profiles of policies, as play estimated them.

    Parameters
    ----------
    policies : names of the policies of each role.
    roles : role of each player; by default every player has a role of her own.
    cells : by profile of policy indices, sorted within each role.

    Attributes
    ----------
    mean, variance, standard_error : (n, k_1, ..., k_n) over ordered profiles, NaN where nothing was played.
    count : (k_1, ..., k_n), 0 where nothing was played.
    """

    policies: tuple[tuple[str, ...], ...]
    roles: tuple[int, ...] = ()
    cells: Mapping[Profile, Cell] = field(default_factory=dict)

    def __post_init__(self) -> None:
        policies = tuple(tuple(pool) for pool in self.policies)
        roles = tuple(self.roles) or tuple(range(len(policies)))
        if not policies or set(roles) != set(range(len(policies))):
            raise SolverError(f"roles {roles} do not use each of the {len(policies)} pools of policies.")
        for pool in policies:
            if not pool or len(set(pool)) != len(pool):
                raise SolverError(f"a pool needs policies of different names, not {list(pool)}.")
        object.__setattr__(self, "policies", policies)
        object.__setattr__(self, "roles", roles)
        for profile in self.cells:
            if self.sort(profile)[0] != profile:
                raise SolverError(f"profile {profile} is not sorted within its roles.")

    @classmethod
    def exact(cls, game: NormalFormGame) -> EmpiricalGame:
        """A known game as a table whose cells are certain."""
        zeros = np.zeros((game.n, game.n))
        cells = {p: Cell(math.inf, game.payoffs[(slice(None), *p)].copy(), zeros) for p in np.ndindex(*game.shape)}
        return cls(game.actions, tuple(range(game.n)), cells)

    @property
    def n(self) -> int:
        return len(self.roles)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of policies each player chooses among."""
        return tuple(len(self.policies[role]) for role in self.roles)

    # --- filling -----------------------------------------------------------------------------------------------------

    def profile(self, names: Sequence[str]) -> Profile:
        """Indices of a profile given by policy names, in player order."""
        if len(names) != self.n:
            raise SolverError(f"{len(names)} policies were given for {self.n} players.")
        indices = []
        for name, role in zip(names, self.roles, strict=True):
            if name not in self.policies[role]:
                raise SolverError(
                    f"no policy '{name}' in role {role}.", hint=f"Pool: {', '.join(self.policies[role])}."
                )
            indices.append(self.policies[role].index(name))
        return tuple(indices)

    def sort(self, profile: Sequence[int]) -> tuple[Profile, tuple[int, ...]]:
        """The cell of an ordered profile, and for each of its places the player who fills it."""
        given = tuple(int(a) for a in profile)
        if len(given) != self.n or any(not 0 <= a < k for a, k in zip(given, self.shape, strict=True)):
            raise SolverError(f"profile {given} is not in a table of {'x'.join(map(str, self.shape))}.")
        seating = [0] * self.n
        for role in range(len(self.policies)):
            places = [i for i in range(self.n) if self.roles[i] == role]
            for place, player in zip(places, sorted(places, key=lambda i: (given[i], i)), strict=True):
                seating[place] = player
        return tuple(given[player] for player in seating), tuple(seating)

    def add(self, profile: Sequence[int], returns: Any, events: Mapping[str, int] = EMPTY) -> EmpiricalGame:
        """The table with more episodes of a profile.

        Parameters
        ----------
        profile : policy index of each player, in any order within a role.
        returns : shape (B, n), or (n,) for one episode; what each player of *that* order got.
        events : kinds of events and how often they happened in those episodes.
        """
        sample = np.atleast_2d(np.asarray(returns, dtype=np.float64))
        if sample.ndim != 2 or sample.shape[1] != self.n or not np.isfinite(sample).all():
            raise SolverError(
                f"returns of shape {sample.shape} must be finite, one column for each of {self.n} players."
            )
        key, seating = self.sort(profile)
        return self._with(key, Cell.of(sample[:, list(seating)], events)) if len(sample) else self

    def known(self, profile: Sequence[int], payoffs: Any) -> EmpiricalGame:
        """The table with a profile whose payoffs, shape (n,), are certain."""
        values = np.asarray(payoffs, dtype=np.float64)
        if values.shape != (self.n,) or not np.isfinite(values).all():
            raise SolverError(f"payoffs of shape {values.shape} must be finite, one for each of {self.n} players.")
        key, seating = self.sort(profile)
        return self._with(key, Cell(math.inf, values[list(seating)], np.zeros((self.n, self.n))))

    def _with(self, key: Profile, cell: Cell) -> EmpiricalGame:
        before = self.cells.get(key)
        return replace(self, cells={**self.cells, key: before.merge(cell) if before else cell})

    def merge(self, other: EmpiricalGame) -> EmpiricalGame:
        """Both tables as one; policies are matched by name, and pools united."""
        if self.roles != other.roles:
            raise SolverError(f"tables of roles {self.roles} and {other.roles} cannot be merged.")
        pools = tuple(
            (*mine, *(name for name in theirs if name not in mine))
            for mine, theirs in zip(self.policies, other.policies, strict=True)
        )
        whole = replace(self, policies=pools)
        cells = dict(self.cells)
        for theirs, cell in other.cells.items():
            names = [other.policies[role][a] for a, role in zip(theirs, self.roles, strict=True)]
            key, seating = whole.sort(whole.profile(names))
            seats = list(seating)
            moved = replace(cell, mean=cell.mean[seats], comoment=cell.comoment[np.ix_(seats, seats)])
            cells[key] = cells[key].merge(moved) if key in cells else moved
        return replace(whole, cells=cells)

    def extend(self, role: int, *names: str) -> EmpiricalGame:
        """The table with more policies in a pool; their profiles are missing until played."""
        pools = list(self.policies)
        pools[role] = (*pools[role], *names)
        return replace(self, policies=tuple(pools))

    def profiles(self) -> Iterator[Profile]:
        """All sorted profiles, in lexicographic order."""
        places = [[i for i in range(self.n) if self.roles[i] == role] for role in range(len(self.policies))]
        pools = [combinations_with_replacement(range(len(pool)), len(seats))
                 for pool, seats in zip(self.policies, places, strict=True)]  # fmt: skip
        found = []
        for choice in product(*pools):
            profile = [0] * self.n
            for seats, chosen in zip(places, choice, strict=True):
                for seat, action in zip(seats, chosen, strict=True):
                    profile[seat] = action
            found.append(tuple(profile))
        return iter(sorted(found))

    def missing(self) -> list[Profile]:
        """Profiles without a single episode, in lexicographic order."""
        return [profile for profile in self.profiles() if profile not in self.cells]

    def label(self, profile: Sequence[int]) -> str:
        """A profile by its policies' names."""
        return " / ".join(self.policies[role][a] for a, role in zip(profile, self.roles, strict=True))

    # --- reading -----------------------------------------------------------------------------------------------------

    def coefficients(self, player: int, profile: Sequence[int]) -> tuple[Profile, FloatArray]:
        """The cell of an ordered profile, and the weights (n,) that read the player's payoff off its mean.

        Players of one role with the same policy are interchangeable, so their places share the weight.
        """
        key, seating = self.sort(profile)
        own = key[seating.index(player)]
        twins = [place for place in range(self.n) if self.roles[place] == self.roles[player] and key[place] == own]
        weights = np.zeros(self.n)
        weights[twins] = 1.0 / len(twins)
        return key, weights

    @cached_property
    def _dense(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        mean, variance, error = (np.full((self.n, *self.shape), np.nan) for _ in range(3))
        count = np.zeros(self.shape)
        for profile in np.ndindex(*self.shape):
            cell = self.cells.get(self.sort(profile)[0])
            if cell is None:
                continue
            count[profile] = cell.count
            covariance = cell.covariance
            for player in range(self.n):
                weights = self.coefficients(player, profile)[1]
                entry = (player, *profile)
                mean[entry] = weights @ cell.mean
                spread = np.diag(covariance) + (0.0 if math.isinf(cell.count) else (cell.mean - mean[entry]) ** 2)
                variance[entry] = weights @ spread
                if not math.isinf(cell.count):
                    error[entry] = math.sqrt(np.maximum(weights @ covariance @ weights, 0.0) / cell.count)
                else:
                    error[entry] = 0.0
        for view in (mean, variance, error, count):
            view.setflags(write=False)
        return mean, variance, error, count

    @property
    def mean(self) -> FloatArray:
        return self._dense[0]

    @property
    def variance(self) -> FloatArray:
        """Variance of one episode's return."""
        return self._dense[1]

    @property
    def standard_error(self) -> FloatArray:
        """Standard error of ``mean``; NaN below two episodes."""
        return self._dense[2]

    @property
    def count(self) -> FloatArray:
        return self._dense[3]

    def interval(self, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Student's interval of every mean: lower and upper bounds, shape (n, k_1, ..., k_n).

        Infinite after a single episode, NaN where nothing was played, the payoff itself where it is exact.
        """
        from scipy.special import stdtrit

        if not 0 < confidence < 1:
            raise ParameterError(f"confidence {confidence} is not between 0 and 1.")
        freedom = np.where(self.count >= 2, self.count - 1, 1.0)
        quantile = stdtrit(np.where(np.isinf(freedom), 1e300, freedom), (1 + confidence) / 2)
        half = np.where(self.count == 1, np.inf, quantile * self.standard_error)
        return self.mean - half, self.mean + half

    def resample(self, rng: Generator) -> EmpiricalGame:
        """A table that might as well have been estimated: each cell's mean drawn from its sampling distribution.

        The draw is jointly normal with the cell's own covariance, so what adds to a constant in every episode adds to it
        here. Cells of fewer than two episodes, and exact ones, keep their mean.
        """
        cells = {}
        for key in sorted(self.cells):
            cell = self.cells[key]
            if 1 < cell.count < math.inf:
                factor = normal_factor(cell.covariance / cell.count)
                cell = replace(cell, mean=cell.mean + factor @ rng.standard_normal(self.n))
            cells[key] = cell
        return replace(self, cells=cells)

    def to_game(self) -> NormalFormGame | SymmetricGame:
        """The means as a game: by counts if all players share one role, else in normal form.

        Raises
        ------
        SolverError
            If profiles are missing; it names the first of them.
        """
        missing = self.missing()
        if missing:
            shown = "; ".join(self.label(profile) for profile in missing[:3]) + ("; ..." if len(missing) > 3 else "")
            raise SolverError(
                f"{len(missing)} profiles were never played: {shown}.", hint="One composition is not a game."
            )
        if len(self.policies) == 1 and self.n > 1:
            k = len(self.policies[0])
            table = np.empty((k, len(opponent_counts(self.n - 1, k))))
            for column, counts in enumerate(opponent_counts(self.n - 1, k)):
                others = np.repeat(np.arange(k), counts)
                for a in range(k):
                    key, weights = self.coefficients(0, (a, *others))
                    table[a, column] = weights @ self.cells[key].mean
            return SymmetricGame(self.n, table, self.policies[0])
        return NormalFormGame(self.mean, tuple(self.policies[role] for role in self.roles))

    def as_dict(self) -> dict[str, Any]:
        """JSON form; an infinite count is written as null."""
        cells = [
            {
                "profile": list(key),
                "count": None if math.isinf(cell.count) else cell.count,
                "mean": cell.mean.tolist(),
                "comoment": cell.comoment.tolist(),
                "events": dict(cell.events),
            }
            for key, cell in sorted(self.cells.items())
        ]
        return {"policies": [list(pool) for pool in self.policies], "roles": list(self.roles), "cells": cells}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EmpiricalGame:
        cells = {
            tuple(cell["profile"]): Cell(
                math.inf if cell["count"] is None else float(cell["count"]),
                np.asarray(cell["mean"], dtype=np.float64),
                np.asarray(cell["comoment"], dtype=np.float64),
                dict(cell["events"]),
            )
            for cell in data["cells"]
        }
        return cls(tuple(map(tuple, data["policies"])), tuple(data["roles"]), cells)

    def __repr__(self) -> str:
        total = sum(1 for _ in self.profiles())
        return f"EmpiricalGame({'x'.join(map(str, self.shape))}, {len(self.cells)} of {total} profiles played)"


def normal_factor(covariance: FloatArray) -> FloatArray:
    """L with L L' = covariance, by pivoted Cholesky.

    It stops at the matrix's rank. An eigenvalue of rounding size would enter as its square root and break the sums that
    are zero in every episode; a pivot below 1e-12 of the largest is left out instead.
    """
    rest = covariance.copy()
    factor = np.zeros_like(rest)
    floor = 1e-12 * max(float(np.diag(rest).max()), 0.0)
    for column in range(len(rest)):
        pivot = int(np.diag(rest).argmax())
        if rest[pivot, pivot] <= floor:
            break
        factor[:, column] = rest[:, pivot] / math.sqrt(rest[pivot, pivot])
        rest -= np.outer(factor[:, column], factor[:, column])
    return factor
