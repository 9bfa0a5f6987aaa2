"""A psro scenario in an environment, looked at as a whole before anything is played."""

from __future__ import annotations

from gamesim.core.errors import ScenarioError, clean, did_you_mean, listed
from gamesim.core.registry import entry
from gamesim.scenario.scenario import Scenario

from .config import PsroConfig
from .pools import PoolPolicy

MOST = 1_000_000  # profiles of a table


def check(scenario: Scenario, config: PsroConfig) -> None:
    """
    Raises
    ------
    ScenarioError
        Naming the key: an environment that is missing, a policy that does not play there, a pool that stays empty.
    """
    environment = scenario.environment
    if environment is None:
        raise ScenarioError("is missing; policies need one to play in.", path="environment")
    seats = environment.seats()
    oracle = config.the_oracle.config()
    instead = oracle.misfit(environment)
    if instead is not None:
        raise ScenarioError(
            f"oracle '{clean(oracle.kind, 40)}' does not answer in '{environment.kind}'.", path="oracle", hint=instead
        )
    for policy in (*config.pool(), *(PoolPolicy(name, spec) for name, spec in config.strangers().items())):
        model = entry("agents", policy.spec.kind)
        instead = model.model_validate(dict(policy.spec.params)).misfit(environment)
        if instead is not None:
            raise ScenarioError(
                f"policy '{clean(policy.label, 60)}' does not play in '{environment.kind}'.",
                path="policies",
                hint=instead,
            )
        if model.external or environment.external:
            raise ScenarioError(f"policy '{clean(policy.label, 60)}' is answered from outside; tables are filled by policies that decide here.", path="policies")  # fmt: skip
        if policy.seat is not None and policy.seat not in seats:
            hint = did_you_mean(policy.seat, seats) or f"Seats: {listed(list(seats))}"
            raise ScenarioError(f"no seat '{clean(policy.seat, 60)}'.", path="policies", hint=hint)
    sizes = [len(pool_of(config, seat)) for seat in seats]
    for seat, size in zip(seats, sizes, strict=True):
        if not size:
            raise ScenarioError(f"nobody is in the pool of seat '{clean(seat, 60)}'.", path="policies")
    count = 1
    for size in sizes:
        count *= size
    if count > MOST:
        raise ScenarioError(
            f"a table of {count:,} profiles; the limit is {MOST:,}.", path="policies", hint="Shorten the pools."
        )
    if config.the_samples.symmetric and any(policy.seat is not None for policy in config.pool()):
        raise ScenarioError(
            "policies have seats of their own, and seats are said to be alike.", path="samples.symmetric"
        )
    if config.meta[1].get("profile") == "symmetric" and not config.the_samples.symmetric:
        raise ScenarioError(
            "a symmetric profile pools what both seats earn.",
            path="meta_solver.profile",
            hint="Add samples.symmetric: true.",
        )


def pool_of(config: PsroConfig, seat: str) -> list[PoolPolicy]:
    """Who may sit in a seat at the beginning."""
    return [policy for policy in config.pool() if policy.seat in (None, seat)]
