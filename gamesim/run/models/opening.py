"""From a scenario's ``models:`` and ``limits:`` to a Broker at work in a run directory.

broker = open_broker(scenario, run_dir, store, on_event=progress)
try: ...                    # await broker.ask(request, at)
finally: broker.close()     # or await broker.aclose()
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from gamesim.core.errors import ScenarioError, clean
from gamesim.core.model_config import Concurrency, ModelConfig, short_alias
from gamesim.core.model_errors import UnknownPriceError
from gamesim.scenario.models import config_of, used_models
from gamesim.scenario.scenario import Scenario

from ..limits import RunLimits
from .broker import Broker
from .budget import NANO, Budget
from .cache import NAME as CACHE
from .cache import CacheMode, ResponseCache
from .calls import NAME as CALLS
from .calls import CallJournal
from .desk import Desk, breaker_of, limiter_of
from .limiter import Limiter
from .prices import Price, find_price, known_prices, own_table

log = logging.getLogger(__name__)


def open_broker(
    scenario: Scenario,
    run_dir: Path,
    store: Path,
    *,
    offline: bool = False,
    on_event: Callable[[Mapping[str, Any]], None] | None = None,
    models: Iterable[str] | None = None,
    limits: Mapping[str, Any] | RunLimits | None = None,
    cache: CacheMode | None = None,
    readonly: bool = False,
    today: date | None = None,
) -> Broker:
    """The Broker of a run.

    Parameters
    ----------
    run_dir : where ``calls.sqlite`` is, or will be.
    store : where ``responses.sqlite`` is shared by all runs.
    offline : a replay: no key is read, no model built, nothing sent; answers come from the journal alone.
    models : aliases and short forms; by default all that the scenario uses.
    limits : put over the scenario's ``limits``.
    cache : put over the scenario's ``cache``.
    readonly : with ``offline``, leave the journal untouched.
    today : for the age of prices.

    Raises
    ------
    MissingKeyError, UnknownPriceError, UnknownKindError, ScenarioError
        Before anything is sent.
    """
    wanted = tuple(models) if models is not None else used_models(scenario)
    configs = {name: config_of(name, scenario.models) for name in wanted}
    budget = RunLimits.of(scenario.limits, limits)
    desks = _desks(configs, scenario, offline)
    if not offline:
        _price(desks, configs, scenario, today or datetime.now(UTC).date(), budget)
    journal = CallJournal(run_dir / CALLS, readonly=readonly and offline)
    mode: CacheMode = "off" if offline else cache or scenario.cache
    try:
        broker = Broker(
            desks,
            journal,
            ResponseCache(store / CACHE, mode),
            _budget(budget),
            offline,
            on_event or (lambda event: None),
            scenario.seeds.stream("transport"),
        )
    except BaseException:
        journal.close()
        raise
    for desk in desks.values():
        desk.served = journal.noted(f"served {desk.name}") or ""
    return broker


def priced_desks(
    scenario: Scenario, limits: RunLimits, today: date, *, models: Iterable[str] | None = None
) -> dict[str, Desk]:
    """The models that a scenario uses, or those named, with their prices, and nobody behind them to ask."""
    names = used_models(scenario) if models is None else models
    configs = {name: config_of(name, scenario.models) for name in names}
    desks = _desks(configs, scenario, offline=True)
    _price(desks, configs, scenario, today, limits)
    return desks


def _desks(configs: Mapping[str, ModelConfig], scenario: Scenario, offline: bool) -> dict[str, Desk]:
    limiters = _limiters(configs, scenario)
    desks = {}
    for name, config in configs.items():
        alias = alias_of(name, scenario)
        desks[name] = Desk(
            config.name(alias),
            None if offline else config.build(alias),
            limiters[name],
            breaker_of(config.timeouts),
            config.timeouts,
            params=config.params.build(),
            structured="json_schema" if config.structured == "auto" else config.structured,
            config=config,
        )
    return desks


def alias_of(name: str, scenario: Scenario) -> str:
    """The part of a model's name before the slash."""
    return name if name in scenario.models else short_alias(name)


def _limiters(configs: Mapping[str, ModelConfig], scenario: Scenario) -> dict[str, Limiter]:
    """One a server, whatever the number of aliases that lead to it."""
    shared: dict[str, tuple[str, Concurrency, Limiter]] = {}
    found = {}
    for name, config in configs.items():
        server = config.endpoint(alias_of(name, scenario))
        other = shared.setdefault(server, (name, config.concurrency, limiter_of(config.concurrency)))
        if other[1] != config.concurrency:
            raise ScenarioError(
                f"'{other[0]}' and '{name}' are on one server, which has one limit.",
                path=f"models.{name}.concurrency",
                hint="Write the same for both.",
            )
        found[name] = other[2]
    return found


def _price(
    desks: Mapping[str, Desk], configs: Mapping[str, ModelConfig], scenario: Scenario, today: date, limits: RunLimits
) -> None:
    """Give every desk its price; a money limit cannot be kept without one."""
    table = None
    for name, desk in desks.items():
        config = configs[name]
        if config.prices is not None:
            desk.price = Price(**config.prices.model_dump())
        elif config.free():
            desk.price = FREE
        else:
            table = known_prices() if table is None else table
            desk.price = find_price(table, alias_of(name, scenario), config.model_id())
        if desk.price is None:
            if limits.cost is not None:
                raise UnknownPriceError(
                    f"the price of '{desk.name}' is not known, and limits.cost bounds the money.",
                    path=f"models.{name}.prices",
                    hint=f"Write it down under the model, prices: {{input: .., output: .., checked: <day>}}, or in {clean(own_table())}; or bound calls.",
                )
        elif limits.cost is not None and desk.price.currency != "USD" and desk.price is not FREE:
            raise UnknownPriceError(
                f"the price of '{desk.name}' is in {desk.price.currency}, and limits.cost is in USD.",
                path=f"models.{name}.prices.currency",
            )
        elif desk.price is not FREE and desk.price.old(today):
            days = desk.price.age_days(today)
            log.warning("the price of %s was read %d days ago; check it", desk.name, days)


FREE = Price(input=0, output=0, checked=date(1970, 1, 1), source="answered on this machine")


def _budget(limits: RunLimits) -> Budget:
    money = None if limits.cost is None else int(Decimal(repr(limits.cost)) * NANO)
    return Budget({"money": money, "tokens": limits.tokens, "calls": limits.calls})


def adopt(desk: Desk, **settled: Any) -> None:
    """Give a desk what preflight settled: ``structured``, ``token_field``, ``dropped``, ``served``."""
    for key in ("structured", "served"):
        if settled.get(key):
            setattr(desk, key, settled[key])
    if desk.model is not None:
        for key in ("token_field", "dropped"):
            if key in settled and hasattr(desk.model, key):
                setattr(desk.model, key, frozenset(settled[key]) if key == "dropped" else settled[key])


__all__ = ["adopt", "alias_of", "open_broker", "priced_desks", "used_models"]
