"""Which episode of a run to watch: one by number, or the first in which something happened.

A run of kind ``play`` has recorded its episodes. One of kind ``psro`` has kept counts and means of its cells alone, so two
of its policies meet again, on episodes from the stream ``("film",)`` that stand in no table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.errors import RecordError, ScenarioError, clean, did_you_mean, listed
from gamesim.core.policy import AgentSpec
from gamesim.core.seeds import Seeds
from gamesim.run.film import Film, film, recorded_film, require_picture

from ..metrics.cells import cells, scenario_of
from ..metrics.psro import KIND, final_tables

if TYPE_CHECKING:
    from gamesim.envs.config import EnvironmentConfig
    from gamesim.run.record import Record

MANY, FEW = 4000, 40  # episodes looked through: where they are played at once, and one by one


@dataclass(frozen=True)
class Wanted:
    """An episode by number, or the first of which all ``outcomes`` have these values."""

    number: int | None = None
    outcomes: tuple[tuple[str, float], ...] = ()

    @classmethod
    def read(cls, text: str) -> Wanted:
        """``7``, ``crash`` or ``crash=0,timeout=0``.

        Raises
        ------
        ScenarioError

        Examples
        --------
        >>> Wanted.read("7").number, Wanted.read("crash,timeout=0").outcomes
        (7, (('crash', 1.0), ('timeout', 0.0)))
        """
        if text.isdecimal() and len(text) < 10:
            return cls(int(text))
        pairs = [part.partition("=")[::2] for part in text.split(",")]
        try:
            return cls(None, tuple((name.strip(), float(value) if value else 1.0) for name, value in pairs))
        except ValueError:
            raise ScenarioError(f"{clean(text, 60)} names no episode.", where="--episode", hint="A number, or outcomes such as crash or crash=0,timeout=0.") from None  # fmt: skip

    def __str__(self) -> str:
        return " and ".join(f"{name} = {value:g}" for name, value in self.outcomes) or f"number {self.number}"

    def meets(self, outcomes: Mapping[str, Any]) -> Any:
        """Whether outcomes, one value each or arrays of many, are as wanted."""
        return np.logical_and.reduce([np.asarray(outcomes[name]) == value for name, value in self.outcomes])


FIRST = Wanted(0)


def film_of(
    record: Record,
    wanted: Wanted | None = None,
    *,
    unit: int | str | None = None,
    policies: Sequence[str] | None = None,
) -> Film:
    """A film of one episode of a run.

    Parameters
    ----------
    wanted : by default the first.
    unit : of a run of kind ``play``: only among its episodes.
    policies : of a run of kind ``psro``: labels, one a seat; by default who most likely meet under the last meta-strategy.

    Raises
    ------
    RecordError
        If the run has no such episode.
    EnvironmentConfigError
        If the environment has no picture.
    """
    if scenario_of(record).get("kind") == KIND:
        return cast_film(record, wanted or FIRST, casts(record, policies)[0])
    if policies:
        raise ScenarioError(
            "policies are chosen where a pool of them was solved.",
            where="--policies",
            hint="This run's seats are taken.",
        )
    if wanted is None or not wanted.outcomes:
        return recorded_film(record, None if wanted is None else wanted.number, unit)
    rows = record.outcomes().rows()
    if unit is not None:
        rows = [row for row in rows if row["unit"] == record.unit(unit).name]
    if rows:
        _check(record, wanted, [name for name, value in rows[0].items() if isinstance(value, (int, float))])
    row = next((row for row in rows if wanted.meets(row)), None)
    if row is None:
        raise RecordError(f"none of {len(rows):,} episodes has {wanted}.", where=str(record.path))
    return recorded_film(record, int(row["seed"]), row["unit"])


@dataclass(frozen=True)
class Cast:
    """Policies of a pool, one a seat, and how likely they meet."""

    labels: tuple[str, ...]
    specs: tuple[AgentSpec, ...]
    probability: float


def casts(record: Record, policies: Sequence[str] | None = None) -> list[Cast]:
    """Who may meet, the likeliest under the last meta-strategy first; or those named.

    Raises
    ------
    RecordError
        If a formal game was played.
    ScenarioError
        For a policy that is in no pool, with the nearest name.
    """
    tables = list(final_tables(record).values())
    if not tables:
        raise RecordError("a formal game was played; it has no picture.", where=str(record.path), hint="See: gamesim show GAME --svg FILE")  # fmt: skip
    last, roles = tables[-1], tables[-1].task["roles"]
    pools: list[list[Any]] = [last.task["pools"][role] for role in roles]
    chances = last.data["marginals"]
    if policies is not None and len(policies) != len(roles):
        raise ScenarioError(f"{len(policies)} policies for {len(roles)} seats.", where="--policies", hint="One a seat: A,B")  # fmt: skip
    if policies is not None:
        for label, pool in zip(policies, pools, strict=True):
            known = [policy["label"] for policy in pool]
            if label not in known:
                raise ScenarioError(f"no policy '{clean(label, 60)}'.", where="--policies", hint=did_you_mean(label, known) or f"Policies: {listed(known)}")  # fmt: skip
    found = []
    for chosen in product(*(range(len(pool)) for pool in pools)):
        members = [pool[a] for pool, a in zip(pools, chosen, strict=True)]
        labels = tuple(member["label"] for member in members)
        if policies is None or labels == tuple(policies):
            chance = float(np.prod([chances[i][a] for i, a in enumerate(chosen)]))
            found.append(Cast(labels, tuple(AgentSpec.from_dict(m["agent"]) for m in members), chance))
    return sorted(found, key=lambda cast: -cast.probability)


def cast_film(record: Record, wanted: Wanted, cast: Cast) -> Film:
    """The film of an episode in which a cast meets.

    Raises
    ------
    RecordError
        If no episode of those looked through will do.
    """
    environment = cells(record)[-1].environment()
    require_picture(environment)
    seeds = Seeds(int(scenario_of(record)["seed"])).stream("film").integers(0, 2**53, size=MANY)
    seed = (
        seeds[wanted.number % MANY] if wanted.number is not None else _first(record, environment, cast, wanted, seeds)
    )
    return film(environment, cast.specs, int(seed), cast.labels)


def _first(record: Record, environment: EnvironmentConfig, cast: Cast, wanted: Wanted, seeds: Any) -> int:
    from gamesim.run.rollout import rollout

    at_once = environment.batched(1) is not None
    most, block = (MANY, 1000) if at_once else (FEW, 1)
    for start in range(0, most, block):
        outcome = rollout(environment, cast.specs, seeds[start : start + block]).outcome
        _check(record, wanted, list(outcome))
        hits = np.flatnonzero(wanted.meets(outcome))
        if len(hits):
            return int(seeds[start + hits[0]])
    raise RecordError(
        f"none of {most:,} episodes of {' and '.join(cast.labels)} has {wanted}.",
        where=str(record.path), hint="Other policies: --policies A,B",
    )  # fmt: skip


def _check(record: Record, wanted: Wanted, known: Sequence[str]) -> None:
    for name, _ in wanted.outcomes:
        if name not in known:
            raise RecordError(f"no outcome '{clean(name, 60)}'.", where=str(record.path), hint=did_you_mean(name, known) or f"Outcomes: {listed(list(known))}")  # fmt: skip
