"""The bill before the first call: calls, tokens, money and time as ranges, from the prompts a dry run rendered.

Nothing is sent. Three figures each:

- *expected*: the calls of the dry run; a token is 4 bytes of prompt, or what the journal measured for that model; an answer
  is as long as the journal's median for that kind of call, else half of what it may be (marked assumed);
- *low*: the same calls, prompts a fifth shorter, a quarter of the longest answer or the shortest quarter of those measured;
- *high*: the ceiling of calls (nobody dies, every round is played), 3 bytes a token, answers as long as they may be, and
  every call repaired once.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from gamesim.core.model import ModelRequest, Usage

from .budget import NANO, money_text
from .calls import CallJournal
from .prices import Price, charge_of, prompt_bytes

BYTES_PER_TOKEN = 4.0
REPAIR_BYTES = 500 + 200  # the answer as quoted, and the sentence that names the error
ASSUMED_LATENCY = 2.0  # seconds a call, where the journal has measured none


@dataclass(frozen=True)
class Question:
    """A prompt the dry run rendered."""

    cell: str
    kind: str
    request: ModelRequest


@dataclass(frozen=True)
class CellPlan:
    """What one cell will ask.

    Attributes
    ----------
    questions : of one society, in the dry run.
    societies : how many are played, one for each seed.
    begun : how many of them have begun in an earlier run, so that answers lie in the store; by default all.
    ceiling : calls of one society at most, by (model, kind); by default those of the dry run.
    chain : calls of one society that wait for each other; by default unknown.
    longest : bytes of the longest prompt, by (model, kind), where prompts grow beyond those of the dry run.
    repairs : whether an answer that cannot be read is asked for once more.
    """

    cell: str
    questions: Sequence[Question]
    societies: int = 1
    begun: int | None = None
    ceiling: Mapping[tuple[str, str], int] = field(default_factory=dict)
    chain: int | None = None
    longest: Mapping[tuple[str, str], int] = field(default_factory=dict)
    repairs: bool = True


@dataclass(frozen=True)
class Measured:
    """What a journal teaches: bytes per token by model, output tokens by (model, kind), seconds a call by model."""

    bytes_per_token: Mapping[str, float] = field(default_factory=dict)
    output: Mapping[tuple[str, str], Sequence[int]] = field(default_factory=dict)
    latency: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Range:
    low: float
    expected: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)


ZERO = Range(0, 0, 0)


@dataclass(frozen=True)
class Line:
    """The bill of one model in one cell; money in 10^-9 of ``currency``, None where no price is known."""

    cell: str
    model: str
    calls: Range
    cached: int
    tokens_in: Range
    tokens_out: Range
    money: Range | None
    currency: str
    assumed: bool


@dataclass(frozen=True)
class CostEstimate:
    """The whole bill."""

    lines: tuple[Line, ...]
    seconds: Range
    old_prices: tuple[str, ...] = ()

    @property
    def calls(self) -> Range:
        return sum((line.calls for line in self.lines), ZERO)

    @property
    def tokens(self) -> Range:
        return sum((line.tokens_in + line.tokens_out for line in self.lines), ZERO)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Models whose price is not known."""
        return tuple(dict.fromkeys(line.model for line in self.lines if line.money is None))

    def money(self) -> Mapping[str, Range]:
        """By currency, in units of it; models without a price are not in it."""
        found: dict[str, Range] = {}
        for line in self.lines:
            if line.money is not None and line.currency:
                found[line.currency] = found.get(line.currency, ZERO) + line.money
        return {
            currency: Range(r.low / NANO, r.expected / NANO, r.high / NANO) for currency, r in sorted(found.items())
        }

    def needs_confirmation(self, above: float = 1.0, calls: int = 10_000) -> bool:
        """Whether ``--yes`` is asked for: more than one unit of money, or many calls, at the high end."""
        return self.calls.high > calls or any(r.high > above for r in self.money().values())

    def text(self) -> str:
        """A line a model and cell, and the sum."""
        rows = [f"{line.model:<32} {line.cell:<24} {_counts(line.calls)} calls  {_money(line)}" for line in self.lines]
        total = ", ".join(
            f"{money_text(round(r.low * NANO))} to {money_text(round(r.high * NANO))} {currency} (expected {money_text(round(r.expected * NANO))})"
            for currency, r in self.money().items()
        )
        unknown = f"; cost of {', '.join(self.unpriced)} unknown" if self.unpriced else ""
        rows.append(
            f"all: {_counts(self.calls)} calls, {_counts(self.tokens)} tokens, {total or 'no money'}{unknown}, "
            f"about {self.seconds.expected:,.0f} s"
        )
        return "\n".join(rows)


def estimate(
    plans: Iterable[CellPlan],
    *,
    prices: Mapping[str, Price | None],
    measured: Measured | None = None,
    cached: Collection[str] = frozenset(),
    kept: Collection[str] = frozenset(),
    concurrency: int = 32,
    today: date | None = None,
) -> CostEstimate:
    """The bill.

    Parameters
    ----------
    prices : by model name; None where unknown.
    measured : from the journals of earlier runs.
    cached : request keys whose answers lie in the store; counted out of money and tokens.
    kept : models whose answers the store will keep: what a cell before has asked is counted out too.
    """
    known = measured or Measured()
    lines: list[Line] = []
    work: dict[str, Range] = {}
    chain = ZERO
    asked: set[str] = set()
    for plan in plans:
        by_model: dict[str, list[Question]] = {}
        for question in plan.questions:
            by_model.setdefault(question.request.model, []).append(question)
        for model, questions in by_model.items():
            line = _line(plan, model, questions, prices.get(model), known, cached, asked)
            if model in kept:
                asked |= {q.request.key for q in questions}
            lines.append(line)
            twice = 2 if plan.repairs else 1
            work[model] = work.get(model, ZERO) + replace(line.calls, high=twice * line.calls.high)
            if plan.chain is not None:
                one = plan.chain * known.latency.get(model, ASSUMED_LATENCY)
                chain = Range(max(chain.low, one), max(chain.low, one), max(chain.high, twice * one))
    old = tuple(model for model in work if today and (price := prices.get(model)) and price.old(today))
    return CostEstimate(tuple(lines), _seconds(work, known, concurrency, chain), old)


def _line(
    plan: CellPlan,
    model: str,
    questions: Sequence[Question],
    price: Price | None,
    measured: Measured,
    cached: Collection[str],
    shared: Collection[str],
) -> Line:
    """The bill of a model in a cell; ``shared`` are the keys of what cells before have asked."""
    calls = tokens_in = tokens_out = money = ZERO
    found, assumed = 0, False
    n = plan.societies
    begun = n if plan.begun is None else plan.begun
    by_kind: dict[str, list[Question]] = {}
    for question in questions:
        by_kind.setdefault(question.kind, []).append(question)
    for kind, asked in by_kind.items():
        keys = [question.request.key for question in asked]
        again = sum(key in shared for key in keys)
        known = again * n + sum(key in cached and key not in shared for key in keys) * begun
        new = [question for question, key in zip(asked, keys, strict=True) if key not in cached and key not in shared]
        found += known
        ceiling = max(plan.ceiling.get((model, kind), len(asked)), len(asked)) * n - known
        n_low, n_high = len(asked) * n - known, (2 if plan.repairs else 1) * ceiling
        calls += Range(n_low, n_low, ceiling)
        if not n_low and not ceiling:
            continue
        each_in, each_out, guessed = _tokens(model, kind, new or asked, measured, plan.longest.get((model, kind), 0))
        assumed = assumed or guessed
        inside = Range(
            n_low * each_in.low, n_low * each_in.expected, n_high * each_in.high + (n_high - ceiling) * REPAIR_BYTES / 3
        )
        outside = Range(n_low * each_out.low, n_low * each_out.expected, n_high * each_out.high)
        tokens_in, tokens_out = tokens_in + inside, tokens_out + outside
        money = money + _charges(inside, outside, price)
    return Line(
        plan.cell,
        model,
        calls,
        found,
        tokens_in,
        tokens_out,
        money if price else None,
        price.currency if price else "",
        assumed,
    )


def _tokens(
    model: str, kind: str, asked: Sequence[Question], measured: Measured, longest: int = 0
) -> tuple[Range, Range, bool]:
    """Tokens in and out of one call, and whether the output is assumed."""
    size = statistics.fmean(prompt_bytes(question.request) for question in asked)
    most = statistics.fmean(question.request.params.max_tokens or 512 for question in asked)
    ratio = measured.bytes_per_token.get(model, BYTES_PER_TOKEN)
    inside = Range(size / (1.25 * ratio), size / ratio, max(size, longest) / min(ratio, 3))
    seen = sorted(measured.output.get((model, kind), ()))
    if not seen:
        return inside, Range(most / 4, most / 2, most), True
    return inside, Range(seen[len(seen) // 4], statistics.median(seen), most), False


def _charges(inside: Range, outside: Range, price: Price | None) -> Range:
    def one(tokens_in: float, tokens_out: float) -> float:
        return float(charge_of(Usage(round(tokens_in), round(tokens_out)), price).money)

    return Range(one(inside.low, outside.low), one(inside.expected, outside.expected), one(inside.high, outside.high))


def _seconds(work: Mapping[str, Range], measured: Measured, concurrency: int, chain: Range) -> Range:
    """Work divided by what may be in flight, and never less than the longest chain of calls that wait for each other."""
    busy = ZERO
    for model, calls in work.items():
        latency = measured.latency.get(model, ASSUMED_LATENCY) / concurrency
        busy = busy + Range(calls.low * latency, calls.expected * latency, calls.high * latency)
    return Range(max(busy.low, chain.low), max(busy.expected, chain.expected), max(busy.high, chain.high))


def measured_in(journals: Iterable[CallJournal]) -> Measured:
    """Ratios of earlier runs: only answers from the network with a usage of their own teach."""
    size: dict[str, int] = {}
    tokens: dict[str, int] = {}
    output: dict[tuple[str, str], list[int]] = {}
    latency: dict[str, list[float]] = {}
    for journal in journals:
        for row in journal.rows():
            cost, request = row["cost"], row["request"]
            if row["source"] != "network" or not row["reply"] or cost["estimated"] or not request:
                continue
            model = request["model"]
            size[model] = size.get(model, 0) + sum(len(m["content"].encode()) for m in request["messages"])
            tokens[model] = tokens.get(model, 0) + cost["input"]
            output.setdefault((model, row["kind"]), []).append(cost["output"])
            latency.setdefault(model, []).append(row["latency_s"])
    ratios = {model: size[model] / count for model, count in tokens.items() if count}
    return Measured(ratios, output, {model: statistics.median(times) for model, times in latency.items()})


def _counts(r: Range) -> str:
    return f"{r.expected:,.0f}" if r.low == r.high else f"{r.low:,.0f} to {r.high:,.0f}"


def _money(line: Line) -> str:
    if line.money is None:
        return "cost unknown"
    assumed = " (length of answers assumed)" if line.assumed else ""
    return f"{money_text(round(line.money.low))} to {money_text(round(line.money.high))} {line.currency}{assumed}"
