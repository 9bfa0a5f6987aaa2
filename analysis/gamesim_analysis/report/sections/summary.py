"""The answer first: what came out, in sentences with intervals, then as key figures and a table a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..blocks import Block, Note, Section, Table, Text, Tile, Tiles, Value
from ..numbers import Estimate, count, mean_interval, number, share_interval
from ..study import Condition, Study, shown
from .common import BRACKETS, by_condition, compares

FEW = 3  # conditions that fit side by side

# outcome -> what it is called in sentences and tables; the first known ones of an environment are its main figures
COMMONS: Mapping[str, str] = {
    "stock_final": "stock at the end",
    "T_s": "rounds until collapse or the end",
    "total_harvest": "total harvest",
    "welfare": "welfare (sum of payoffs)",
    "mean_effort": "mean effort",
    "fines": "fines",
}


@compares
def section(study: Study) -> Section | None:
    if (
        not study.n_episodes and study.scenarios[0].get("kind") == "psro"
    ):  # tables are made of cells; their sections tell
        failed = _failures(study)
        return Section("summary", "What came out", tuple(failed), order=100) if failed else None
    if not study.n_episodes:
        reason = "No episode of this run was finished, so there is nothing to conclude from it."
        return Section("summary", "What came out", (Note(reason, "failure"), *_failures(study)), order=100)
    blocks: list[Block] = [*_failures(study)]
    blocks += commons(study) if study.environment == "commons" and "T_s" in study.episodes else generic(study)
    return Section("summary", "What came out", tuple(blocks), order=100)


def commons(study: Study) -> list[Block]:
    lasted = survival(study)
    ends = (
        [mean_interval(study.measure("stock_final", c.index)) for c in study.conditions]
        if "stock_final" in study.episodes
        else []
    )
    horizons = {study.conditions[c.index].get("environment.horizon") for c in study.conditions}
    horizon = horizons.pop() if len(horizons) == 1 else None
    span = f"all {horizon} rounds" if horizon else "to the horizon"
    blocks: list[Block] = []
    if len(study.conditions) == 1:
        share = lasted[0]
        text = f"Of {count(share.n, 'society', 'societies')}, {round(share.value * share.n):,} lasted {span}: a share of {share}."
        if ends:
            text += f" {_when(study, horizon)} the stock was {ends[0]}{_of_capacity(study.conditions[0])}."
        blocks.append(Text(text, lead=True))
    elif len(study.conditions) == 2:
        blocks += [Text(text, lead=True) for text in _two(study, lasted, ends, horizon)]
    else:
        blocks += [Text(text, lead=True) for text in _many(study, lasted, ends, span, horizon)]
    blocks.append(_tiles(study, lasted))
    measures: dict[str, Sequence[Value]] = {"n": [e.n for e in lasted], "survival": lasted}
    for name, meaning in COMMONS.items():
        if name in study.episodes:
            measures[meaning] = [mean_interval(study.measure(name, c.index)) for c in study.conditions]
    about = f"Survival is the share of societies that did not collapse before the horizon. {BRACKETS}"
    blocks.append(main_figures(study, measures, about, list(COMMONS.items())))
    return blocks


def main_figures(
    study: Study, measures: Mapping[str, Sequence[Value]], about: str, names: Sequence[tuple[str, str]]
) -> Table:
    """A row a condition; where conditions are few a row a measure, and for two of them the paired difference."""
    if len(study.conditions) > FEW:
        return by_condition(study, measures, "Main figures", about)
    columns = {meaning: name for name, meaning in names}
    counts = [int(str(n)) for n in measures["n"]]
    head = [f"{c.label} (n = {n:,})" for c, n in zip(study.conditions, counts, strict=True)]
    gaps = {}
    if len(study.conditions) == 2:
        found = {meaning: study.pairs(name, 0, 1) for meaning, name in columns.items()}
        gaps = {meaning: mean_interval(pair[0] - pair[1]) for meaning, pair in found.items() if pair is not None}
    rows: list[tuple[Value, ...]] = []
    for meaning, values in measures.items():
        if meaning != "n":
            rows.append((meaning, *values, *([gaps.get(meaning)] if gaps else [])))
    extra = ["difference on shared draws"] if gaps else []
    if gaps:
        about += " The difference is first minus second, episode by episode."
    return Table(("figure", *head, *extra), tuple(rows), "Main figures", about)


def survival(study: Study) -> list[Estimate]:
    """Share of societies that reached the horizon without collapse, by condition."""
    found = []
    for c in study.conditions:
        chosen = study.episodes["condition"] == c.index
        if "censored" in study.episodes:
            flags = study.measure("censored", c.index)
            flags = flags[np.isfinite(flags)]
            found.append(share_interval(int(flags.sum()), len(flags)))
        else:
            status = study.episodes["status"][chosen]
            found.append(share_interval(int(np.sum(status == "survived")), len(status)))
    return found


def phrase(study: Study, condition: Condition) -> str:
    """A condition as the beginning of a clause: ``with fine 10``, ``without sanctions``."""
    if len(condition.values) == 1 and len(study.records) == 1:
        ((path, value),) = condition.values.items()
        name = path.rsplit(".", 1)[-1].replace("_", " ")
        if condition.label.startswith("no "):
            return f"without {condition.label.removeprefix('no ')}"
        others = {shown(c.values[path]) for c in study.conditions} - {shown(value)}
        return f"with {name}" if others == {"off"} and isinstance(value, (Mapping, bool)) else f"with {condition.label}"
    return f"in “{condition.label}”"


def _when(study: Study, horizon: object) -> str:
    """Whether everybody reached the end, so that it has a number."""
    rounds = study.episodes.get("rounds")
    everybody = rounds is not None and horizon is not None and bool(np.all(rounds.astype(float) == float(str(horizon))))
    return f"After round {horizon}" if everybody else "When play ended"


def _of_capacity(condition: Condition) -> str:
    capacity = condition.get("environment.growth.capacity")
    return f" of a capacity of {shown(capacity)}" if capacity is not None else ""


def _two(study: Study, lasted: Sequence[Estimate], ends: Sequence[Estimate], horizon: object) -> list[str]:
    one, two = study.conditions
    first, second = phrase(study, one), phrase(study, two)
    sentences = []
    if ends:
        when = _when(study, horizon).lower()
        sentences.append(
            f"{_upper(first)} the stock {when} was {ends[0]}; {second}, {ends[1]}.{_difference(study, 'stock_final', one.index, two.index)}"
        )
    sentences.append(
        f"The share of societies that lasted to the end was {lasted[0]} {first} and {lasted[1]} {second} "
        f"(n = {lasted[0].n:,} and {lasted[1].n:,}).{_difference(study, 'T_s', one.index, two.index, ' rounds of life')}"
    )
    return sentences


def _difference(study: Study, name: str, one: int, two: int, unit: str = "") -> str:
    pair = study.pairs(name, one, two)
    if pair is None:
        return ""
    gap = mean_interval(pair[0] - pair[1])
    if gap.n and not np.any(pair[0] - pair[1]):
        return f" On the same random draws there is no difference in any of {count(gap.n, 'pair')}."
    verdict = "" if not gap.bounded or gap.low > 0 or gap.high < 0 else "; the interval includes zero"
    return f" On the same random draws the difference is {gap}{unit} ({count(gap.n, 'pair')}{verdict})."


def _many(study: Study, lasted: Sequence[Estimate], ends: Sequence[Estimate], span: str, horizon: object) -> list[str]:
    low, high = (
        min(range(len(lasted)), key=lambda i: lasted[i].value),
        max(range(len(lasted)), key=lambda i: lasted[i].value),
    )
    n = len(study.conditions)
    if lasted[low].value == lasted[high].value:
        first = (
            f"In each of the {n} conditions the share of societies that lasted {span} was {number(lasted[low].value)}."
        )
    else:
        first = (
            f"Over {n} conditions, the share of societies that lasted {span} ran from {lasted[low]} "
            f"({study.name(low)}) to {lasted[high]} ({study.name(high)})."
        )
    sentences = [first]
    if ends:
        low, high = min(range(n), key=lambda i: ends[i].value), max(range(n), key=lambda i: ends[i].value)
        sentences.append(
            f"{_when(study, horizon)} the stock was lowest, {ends[low]}, for {study.name(low)}, and highest, {ends[high]}, for {study.name(high)}."
        )
    return sentences


def _tiles(study: Study, lasted: Sequence[Estimate]) -> Tiles:
    def over(name: str) -> tuple[str, str]:
        values = [mean_interval(study.measure(name, c.index)) for c in study.conditions]
        if len(values) == 1:
            e = values[0]
            return number(
                e.value, None if e.value != int(e.value) else 0
            ), f"95 %: {_ends(e)}, n = {e.n:,}" if e.bounded else f"n = {e.n:,}"
        known = [e.value for e in values if e.known]
        if not known:
            return "–", ""
        if len(known) == 2 == len(values):
            return f"{number(known[0])} | {number(known[1])}", f"{study.name(0)} | {study.name(1)}"
        return (
            f"{number(min(known))} – {number(max(known))}",
            f"smallest and largest mean of {count(len(values), 'condition')}",
        )

    def shares() -> tuple[str, str]:
        if len(lasted) == 1:
            return number(lasted[0].value), f"95 %: {_ends(lasted[0])}, n = {lasted[0].n:,}"
        known = [e.value for e in lasted if e.known]
        if len(known) == 2:
            return f"{known[0]:.2f} | {known[1]:.2f}", f"{study.name(0)} | {study.name(1)}"
        return (
            f"{number(min(known))} – {number(max(known))}",
            f"smallest and largest of {count(len(lasted), 'condition')}",
        )

    tiles = [Tile("Societies that lasted", *shares())]
    for name, label in (
        ("stock_final", "Stock at the end, fish"),
        ("total_harvest", "Total harvest, fish"),
        ("fines", "Fines"),
    ):
        if name in study.episodes:
            tiles.append(Tile(label, *over(name)))
    return Tiles(tuple(tiles))


def _ends(e: Estimate) -> str:
    text = str(e)
    return text[text.index("[") :] if e.bounded else "–"


def generic(study: Study) -> list[Block]:
    names = [name for name in study.measures() if name != "rounds"][:6]
    welfare = study.returns.sum(axis=1) if study.returns.size else None
    blocks: list[Block] = []
    measures: dict[str, Sequence[Value]] = {}
    if welfare is not None:
        totals = [mean_interval(welfare[study.episodes["condition"] == c.index]) for c in study.conditions]
        measures["sum of returns"] = totals
        if len(totals) == 1:
            text = f"Over {count(totals[0].n, 'episode')} the seats earned {totals[0]} together."
        elif len(totals) == 2:
            first, second = (phrase(study, c) for c in study.conditions)
            text = f"{_upper(first)} the seats earned {totals[0]} together; {second}, {totals[1]}."
        else:
            low, high = (
                min(range(len(totals)), key=lambda i: totals[i].value),
                max(range(len(totals)), key=lambda i: totals[i].value),
            )
            text = (
                f"Over {len(totals)} conditions, what the seats earned together ran from {totals[low]} ({study.name(low)}) "
                f"to {totals[high]} ({study.name(high)})."
            )
        blocks.append(Text(text, lead=True))
    for name in names:
        measures[name.replace("_", " ")] = [mean_interval(study.measure(name, c.index)) for c in study.conditions]
    if not measures:
        return [Note("The episodes of this run report no figures of their own.")]
    counts = [int(np.sum(study.episodes["condition"] == c.index)) for c in study.conditions]
    given = [(name, name.replace("_", " ")) for name in names]
    return [*blocks, main_figures(study, {"n": counts, **measures}, f"n is episodes. {BRACKETS}", given)]


def _failures(study: Study) -> list[Block]:
    """A word of warning first, where units are missing."""
    if not study.failed_units:
        return []
    total = sum(len(m.get("units") or ()) for m in study.manifests)
    return [
        Note(
            f"{count(len(study.failed_units), 'unit')} of {total:,} did not complete; everything below is about the others. "
            "See Failures for which, why, and what they could change.",
            "warning",
        )
    ]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
