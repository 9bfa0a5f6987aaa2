"""Who sits where: a population becomes one member a seat, and agent specs become policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gamesim.core.config import AgentConfig
from gamesim.core.errors import GamesimError, PluginError, ScenarioError, listed, named_cause
from gamesim.core.policy import AgentSpec, AsyncPolicy, Policy, Population, VectorPolicy
from gamesim.core.registry import entry
from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.core.seeds import Seeds


def seat_members(
    population: Population,
    seats: Sequence[str],
    seeds: Seeds,
    *,
    seating: Literal["listed", "shuffled"] = "listed",
    episode: int | None = None,
) -> tuple[int, ...]:
    """For every seat the index of the member who sits there.

    Members that name a seat get it; counts fill the free seats in the order of the file, or, ``shuffled``, in an order in
    which each sitter's place depends on its own stream ``("seats", member, copy)``; one member without count or
    probability takes what is left, several take one seat each where that is what is left; members with a probability are drawn for the remaining seats, seat by seat, from the
    *episode's* stream ``("seats", seat)``.

    Raises
    ------
    ScenarioError
        When members and seats do not match.
    """
    chosen: dict[str, int] = {}
    for index, member in enumerate(population):
        if member.seat is not None:
            if member.seat not in seats or member.seat in chosen:
                problem = "is taken twice" if member.seat in chosen else "does not exist"
                raise ScenarioError(
                    f"seat '{member.seat}' {problem}.",
                    path=f"population.{index}.seat",
                    hint=f"Seats: {listed(seats, 8)}",
                )
            if member.count not in (None, 1):
                raise ScenarioError("a member with a seat sits there once.", path=f"population.{index}.count")
            chosen[member.seat] = index
    free = [seat for seat in seats if seat not in chosen]
    sitters = [
        (index, copy)
        for index, member in enumerate(population)
        if member.seat is None and member.count is not None
        for copy in range(member.count)
    ]
    drawn = [
        index for index, m in enumerate(population) if m.seat is None and m.count is None and m.probability is not None
    ]
    rest = [index for index, m in enumerate(population) if m.seat is None and m.count is None and m.probability is None]
    left = len(free) - len(sitters)
    if (len(rest) > 1 and len(rest) != left) or (rest and drawn):
        raise ScenarioError(
            "more than one member leaves its count open.", path=f"population.{rest[-1]}.count", hint="Give counts."
        )
    if len(rest) == 1:
        sitters += [(rest[0], copy) for copy in range(left)]
    else:
        sitters += [(index, 0) for index in rest]
    if len(sitters) > len(free) or (len(sitters) < len(free) and not drawn):
        raise ScenarioError(
            f"the population fills {len(sitters) + len(chosen)} of {len(seats)} seats.",
            path="population",
            hint=f"Counts must sum to {len(seats)}.",
        )
    if seating == "shuffled":
        sitters.sort(key=lambda s: float(seeds.block("seats", *s, shape=(1,))[0]))
    for seat, (index, _) in zip(free, sitters, strict=False):
        chosen[seat] = index
    if drawn:
        weights = [population[index].probability or 0.0 for index in drawn]
        if episode is None:
            raise ScenarioError("members with a probability need an episode seed.", path="population")
        if abs(sum(weights) - 1) > 1e-9:
            raise ScenarioError(
                f"probabilities sum to {sum(weights):g}.", path="population", hint="They must sum to 1."
            )
        from gamesim.core.seeds import Seeds  # numpy, which checking a scenario does without

        own = Seeds(episode)
        for seat in free[len(sitters) :]:
            u = float(own.block("seats", seat, shape=(1,))[0])
            total = 0.0
            chosen[seat] = drawn[-1]
            for index, weight in zip(drawn, weights, strict=True):
                total += weight
                if u < total:
                    chosen[seat] = index
                    break
    return tuple(chosen[seat] for seat in seats)


@dataclass(frozen=True)
class Seated:
    """Seats that share one agent spec and therefore one policy."""

    spec: AgentSpec
    policy: Any
    profile: Any
    seats: tuple[int, ...]


def agent_config(spec: AgentSpec) -> AgentConfig:
    """The validated configuration of an agent."""
    config = entry("agents", spec.kind)
    kind = {"kind": spec.kind} if "kind" in config.model_fields else {}
    built: AgentConfig = config(**kind, **spec.params)
    return built


def seated(environment: EnvironmentConfig, seats: Sequence[AgentSpec]) -> list[Seated]:
    """Policies for all seats, one for each distinct spec, in order of first seat."""
    groups: dict[str, tuple[AgentSpec, list[int]]] = {}
    for index, spec in enumerate(seats):
        groups.setdefault(spec.id, (spec, []))[1].append(index)
    result = []
    for spec, indices in groups.values():
        config = agent_config(spec)
        try:
            policy, profile = config.build(environment), config.seat_profile()
            if not isinstance(policy, (VectorPolicy, Policy, AsyncPolicy)):
                raise TypeError(
                    f"build gave {type(policy).__name__}, which is no policy: it needs initial_state and act"
                )
        except GamesimError:
            raise
        except Exception as error:
            raise PluginError(
                f"agent '{spec.kind}' could not be built for '{environment.kind}': {named_cause(error)}.",
                hint=f"Can it play there? If not, its `misfit` may say so; to see more: gamesim check --plugin agents/{spec.kind}",
            ) from error
        result.append(Seated(spec, policy, profile, tuple(indices)))
    return result


def seat_profiles(groups: Sequence[Seated], count: int) -> list[Any]:
    """``options["seats"]`` of reset: one profile a seat."""
    profiles: list[Any] = [{}] * count
    for group in groups:
        for seat in group.seats:
            profiles[seat] = group.profile
    return profiles
