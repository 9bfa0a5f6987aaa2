"""What tokens cost: tables with dates, and the charge of a request before and after it is answered.

Money is in integer units of 10^-9. An entry nobody dated is not an entry: a price without a date cannot be quoted. The
first match counts, in this order: the scenario's own ``prices``, the user's table (``GAMESIM_PRICES``, or ``prices.yaml`` in
the user's configuration folder), the shipped table.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from pydantic import Field

from gamesim.core.config import Config
from gamesim.core.errors import ScenarioError, clean
from gamesim.core.model import ModelRequest, Usage
from gamesim.core.model_config import PriceKeys

from .budget import NANO, Charge
from .calls import Cost

OLD_AFTER_DAYS = 90
OVERHEAD = 64  # bytes a chat template may add around the messages
SHIPPED = Path(__file__).parent / "prices.yaml"


class Price(PriceKeys):
    """A price of the models that match a pattern, at one endpoint or at all."""

    match: str = Field("*", description="Model id, with * and ? as wildcards.")
    endpoint: str = Field("*", description="Alias of the model in the scenario, with wildcards.")

    def age_days(self, today: date) -> int:
        return (today - self.checked).days

    def old(self, today: date) -> bool:
        return self.age_days(today) > OLD_AFTER_DAYS


class PriceTable(Config):
    """A ``prices.yaml``."""

    entries: tuple[Price, ...] = ()


def find_price(prices: Sequence[Price], endpoint: str, model: str) -> Price | None:
    """The first entry that matches."""
    for price in prices:
        if fnmatch.fnmatchcase(model, price.match) and fnmatch.fnmatchcase(endpoint, price.endpoint):
            return price
    return None


def read_prices(path: Path) -> tuple[Price, ...]:
    """The entries of a table.

    Raises
    ------
    ScenarioError
        With place and key.
    """
    from gamesim.scenario.diagnose import raise_together, validated
    from gamesim.yaml.source import load_yaml

    located = load_yaml(path)
    if located.root.value is None:
        return ()
    if not isinstance(located.root.value, dict):
        raise ScenarioError("a price table is a mapping.", where=located.root.place, hint="Begin with: entries:")
    errors: list[ScenarioError] = []
    table = validated(PriceTable, located.root, (), errors)
    raise_together(errors)
    assert table is not None
    return table.entries


def known_prices() -> tuple[Price, ...]:
    """The user's table, then the shipped one."""
    own = own_table()
    if os.environ.get("GAMESIM_PRICES") and not own.is_file():
        raise ScenarioError("GAMESIM_PRICES names no file.", where=clean(own))
    return (*(read_prices(own) if own.is_file() else ()), *read_prices(SHIPPED))


def own_table() -> Path:
    """Where the user's table lies, or would lie."""
    named = os.environ.get("GAMESIM_PRICES")
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("gamesim") / "prices.yaml"


def _nano(tokens: int, per_million: float) -> int:
    """Exact in the price as it is written, rounded up: what is kept never understates what is owed."""
    return -(-tokens * int(Decimal(repr(per_million)) * NANO) // 10**6)


def reservation(request: ModelRequest, price: Price | None, max_tokens: int) -> Charge:
    """The most an attempt can take: a token is at least one byte, and the answer at most ``max_tokens``."""
    size = prompt_bytes(request) + OVERHEAD
    money = _nano(size, price.input) + _nano(max_tokens, price.output) if price else 0
    return Charge(money=money, tokens=size + max_tokens, calls=1)


def prompt_bytes(request: ModelRequest) -> int:
    return sum(len(message.content.encode()) for message in request.messages)


def charge_of(usage: Usage, price: Price | None) -> Charge:
    """What a usage costs; hidden reasoning is part of the output already."""
    money = 0
    if price:
        cached = min(usage.cached_input, usage.input)
        cheaper = price.cached_input if price.cached_input is not None else price.input
        money = _nano(usage.input - cached, price.input) + _nano(cached, cheaper) + _nano(usage.output, price.output)
    return Charge(money=money, tokens=usage.input + usage.output, calls=1)


def actual(usage: Usage | None, price: Price | None, reserved: Charge, max_tokens: int) -> tuple[Charge, Cost]:
    """What an answer took; without a usage the reservation stands and is flagged."""
    estimated = usage is None
    if usage is None:
        usage = Usage(reserved.tokens - max_tokens, max_tokens)
        charge = Charge(reserved.money, reserved.tokens, 1)
    else:
        charge = charge_of(usage, price)
    return charge, Cost(
        money=charge.money if price else None,
        currency=price.currency if price else "",
        input=usage.input,
        output=usage.output,
        cached_input=min(usage.cached_input, usage.input),
        reasoning=usage.reasoning,
        estimated=estimated,
    )
