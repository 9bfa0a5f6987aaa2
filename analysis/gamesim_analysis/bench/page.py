"""``leaderboard.html``: the board as one page that needs no script and asks nobody for anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gamesim_analysis.metrics.model_journal import DAGGER
from gamesim_analysis.report.blocks import (
    Block,
    Code,
    Figure,
    Key,
    Note,
    Panel,
    Points,
    Section,
    Table,
    Text,
    Tile,
    Tiles,
    Value,
)  # fmt: skip
from gamesim_analysis.report.charts import FULL, PANEL, WIDE, Mark, Series, curves, dots
from gamesim_analysis.report.numbers import Estimate, count, number
from gamesim_analysis.stats.multiple import multiple_comparison_note
from gamesim_analysis.stats.results import Interval
from gamesim_analysis.stats.survival import SurvivalCurve

from .board import CENSORED, LOG_RANK, TAU
from .leaderboard import Leaderboard, Row

if TYPE_CHECKING:
    from gamesim_analysis.stats.anova import AnovaTable

DRAWN = 3  # survival curves that one drawing holds legibly


def page(board: Leaderboard) -> str:
    """The page as text."""
    from gamesim_analysis.report.page import draw

    parts = (
        _standing(board),
        _scenarios(board),
        _survival(board),
        _tests(board),
        _wordings(board),
        _company(board),
        _answers(board),
        _failures(board),
        _method(board),
    )
    facts = [
        count(len(board.rows), "player"),
        count(len(board.ends), "scenario"),
        f"{board.seeds} seeds",
        f"gate {100 * board.gate:g}% invalid answers",
    ]
    return draw(
        [part for part in parts if part is not None],
        title=board.name,
        eyebrow="gamesim leaderboard",
        facts=facts,
        colophon="This file is complete in itself: it loads nothing and runs nothing.",
    )


def _interval(found: Interval | None, n: int = 0) -> Value:
    if found is None or found.estimate is None:
        return None
    missing = found.low is None or found.high is None
    low, high = (math.nan, math.nan) if missing else (found.low, found.high)
    assert low is not None
    assert high is not None
    return Estimate(found.estimate, low, high, n)


def _name(row: Row) -> str:
    dagger = " †" if row.reason is None and row.rates.asked and row.rates.dagger else ""
    return f"{row.player}{dagger}" + (f" ({row.note})" if row.note else "")


# ---- the board -----------------------------------------------------------------------------------------------------


def _standing(board: Leaderboard) -> Section:
    ranked = board.ranked
    blocks: list[Block] = []
    if ranked:
        best = ranked[0]
        first = best.standing.probabilities[0] if best.standing.probabilities else math.nan
        blocks.append(
            Text(
                f"{best.player} scores highest, {_range(best.standing.score)}; it comes first in {100 * first:.0f}% of bootstrap draws.",
                lead=True,
            )
        )
    else:
        blocks.append(Text("Nobody can be ranked.", lead=True))
    blocks += [Note(text + ".", "warning") for text in board.notes]
    if board.statistics.depends_on_wording:
        assert board.statistics.tau is not None
        blocks.append(
            Note(
                f"Ranking depends on wording: Kendall's tau between the boards of two wordings falls to {board.statistics.tau:.2f}.",
                "warning",
            )
        )
    if any(row.note == "plumbing only" for row in board.rows):
        blocks.append(
            Note(
                "Rows of the embedded model say nothing about behaviour: they show that the machinery works.", "caveat"
            )
        )
    if ranked:
        blocks.append(_figure(board))
        blocks.append(Table(*_columns(board, ranked), title="Ranked", about=_about(board), header=2))
        blocks.append(_chances(board))
    if len(ranked) < len(board.rows):
        rest = [row for row in board.rows if row.reason is not None]
        names, rows = _columns(board, rest)
        table = tuple((row.reason or "", *cells[1:]) for row, cells in zip(rest, rows, strict=True))
        blocks.append(
            Table(
                ("reason", *names[1:]),
                table,
                title="Not ranked",
                about="Listed with what is known; no place is claimed.",
                header=2,
            )
        )
    return Section("board", "The board", tuple(blocks), order=100)


def _columns(board: Leaderboard, rows: Sequence[Row]) -> tuple[tuple[str, ...], tuple[tuple[Value, ...], ...]]:
    rational = any(row.rationality is not None for row in rows)
    asked = any(row.rates.asked for row in rows)
    names = ["rank", "player", "score", "letters"]
    names += ["invalid, %", "first pass, %", "repaired, %"] if asked else []
    names += ["lambda, unit-free", "NashConv", "regret"] if rational else []
    names += ["calls", "tokens", "cost / society", "latency p50, s"] if asked else []
    table = []
    for row in rows:
        standing = row.standing
        place = "–" if standing.rank is None else f"{standing.rank} [{standing.low}, {standing.high}]"
        cells: list[Value] = [place, _name(row), _interval(standing.score), standing.letters or "–"]
        if asked:
            cells += _answer_cells(row)
        if rational:
            own = row.rationality
            said = "–" if own is None else str(own.fit) if own.fit is not None else f"not identified: {own.reason}"
            cells += [said, own.nash_conv if own else None, own.regret if own else None]
        if asked:
            cells += _cost_cells(row)
        table.append(tuple(cells))
    return tuple(names), tuple(table)


def _answer_cells(row: Row) -> list[Value]:
    if not row.rates.asked:
        return [None, None, None]
    invalid = row.rates.invalid
    assert invalid.estimate is not None
    assert invalid.low is not None
    assert invalid.high is not None
    first, repaired = row.rates.share("ok"), row.rates.share("repaired")
    return [
        Estimate(100 * invalid.estimate, 100 * invalid.low, 100 * invalid.high, row.rates.asked),
        None if first is None else 100 * first,
        None if repaired is None else 100 * repaired,
    ]


def _cost_cells(row: Row) -> list[Value]:
    if not row.rates.asked:
        return [None, None, None, None]
    costs = row.costs
    each = row.cost_per_society
    money = "unknown" if each is None else "0" if each == 0 else f"{each:.4g} {costs['currency'] or ''}".strip()
    return [costs["calls"], costs["tokens_in"] + costs["tokens_out"], money, costs["latency_p50"]]


def _about(board: Leaderboard) -> str:
    letters = board.statistics.letters
    said = (
        f"Players who share a letter are not told apart at 0.05 ({letters.method})."
        if letters.letters is not None
        else f"No letters: {letters.reason}."
    )
    return (
        "Score: 0 and 1 are the anchors of each scenario, computed; mean over scenarios of the mean over seeds, 95 % percentile bootstrap "
        f"with seeds drawn jointly for all players. Rank [95 % of its bootstrap ranks]. {said} Invalid: Wilson's interval over decisions; "
        f"† its upper end exceeds {100 * DAGGER:g}%. Lambda: logit choice against observed play, in payoff ranges, intervals over societies; "
        "it describes the stage game only."
    )


def _figure(board: Leaderboard) -> Figure:
    marks, rows = [], []
    for row in board.ranked:
        score = row.standing.score
        assert score.estimate is not None
        low = math.nan if score.low is None else score.low
        high = math.nan if score.high is None else score.high
        marks.append(Mark(row.player, score.estimate, low, high))
        rows.append((row.player, Estimate(score.estimate, low, high, board.seeds)))
    said = "; ".join(f"{row.player} {_range(row.standing.score)}" for row in board.ranked)
    return Figure(
        "Scores",
        f"Scores of {len(marks)} players with intervals: {said}.",
        "0 is the lower anchor of every scenario, 1 the upper one; whiskers are 95 % bootstrap intervals.",
        (Panel(dots(marks, "score", FULL)),),
        Table(("player", "score"), tuple(rows)),
    )


def _chances(board: Leaderboard) -> Table:
    ranks = len(board.ranked)
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (row.player, *(round(p, 4) for p in row.standing.probabilities)) for row in board.ranked
    )
    return Table(
        ("player", *(f"rank {k + 1}" for k in range(ranks))),
        rows,
        title="Probability of each rank",
        about="Share of bootstrap draws; ties share their ranks.",
        folded=True,
    )


def _range(score: Interval) -> str:
    if score.estimate is None:
        return "–"
    if score.low is None or score.high is None:
        return number(score.estimate, 2)
    return f"{number(score.estimate, 2)} [{number(score.low, 2)}, {number(score.high, 2)}]"


# ---- scenarios and lives -------------------------------------------------------------------------------------------


def _scenarios(board: Leaderboard) -> Section:
    names = list(board.ends)
    rows = tuple((row.player, *(_interval(row.standing.by_scenario.get(name)) for name in names)) for row in board.rows)
    scores = Table(("player", *names), rows, title="Score by scenario", about="95 % bootstrap intervals over seeds.")
    scales = Table(
        ("scenario", "scored", "scores 0", "value", "scores 1", "value "),
        tuple((n, e.scale.primary, e.scale.zero.text, e.zero, e.scale.one.text, e.one) for n, e in board.ends.items()),
        title="What is scored, between which anchors",
        about="Anchors are computed: played on the same seeds, or taken from theory.",
    )
    found = board.statistics.by_scenario
    letters = Table(
        ("player", *(f"{name} ({found[name].method})" for name in names)),
        tuple(
            (row.player, *((found[n].letters or {}).get(row.player, found[n].reason or "–") for n in names))
            for row in board.ranked
        ),
        title="Letters by scenario",
        about=f"Where more than {100 * CENSORED:g}% of a cell reach the horizon, lifetimes are compared by log-rank tests instead of means.",
        folded=True,
    )
    return Section(
        "scenarios", "Scenario by scenario", (scores, scales, *([letters] if board.ranked else [])), order=200
    )


def _survival(board: Leaderboard) -> Section | None:
    if not board.curves:
        return None
    blocks: list[Block] = [_lives(scenario, found) for scenario, found in board.curves.items()]
    return Section("survival", "How long societies last", tuple(blocks), order=300)


def _lives(scenario: str, found: Mapping[str, SurvivalCurve]) -> Figure:
    lines = {name: _line(curve, 0 if len(found) > DRAWN else i) for i, (name, curve) in enumerate(found.items())}
    if len(found) <= DRAWN:
        panels = [Panel(_drawing(list(lines.values()), WIDE), "", _drawing(list(lines.values()), PANEL))]
        keys = tuple(Key(i, name) for i, name in enumerate(found)) if len(found) > 1 else ()
    else:
        panels = [Panel(_drawing([line], PANEL), name) for name, line in lines.items()]
        keys = ()
    ends = "; ".join(
        f"{name}: {number(float(c.survival[-1]), 2)} after {c.times[-1]:g} rounds" for name, c in found.items()
    )
    rows = tuple(
        (name, float(c.times[i]), int(c.at_risk[i]), int(c.events[i]), int(c.censored[i]),
         Estimate(float(c.survival[i]), float(c.low[i]), float(c.high[i]), c.n))
        for name, c in found.items() for i in range(len(c.times))
    )  # fmt: skip
    table = Table(("player", "round", "at risk", "collapsed", "censored", "standing"), rows, header=2)
    return Figure(
        scenario,
        f"Share of societies standing in {scenario}. {ends}.",
        "Kaplan-Meier with 95 % log-log bands; a society that reaches the horizon is censored there and never counts as a collapse.",
        tuple(panels),
        table,
        keys,
    )


def _line(c: SurvivalCurve, index: int) -> Series:
    return Series(index, np.r_[0, c.times], np.r_[1, c.survival], np.r_[1, c.low], np.r_[1, c.high])


def _drawing(lines: Sequence[Series], size: tuple[int, int]) -> Mapping[str, object]:
    return curves(lines, "round", "share standing", size, stepped=True, domain=(0.0, 1.0))


# ---- tests ---------------------------------------------------------------------------------------------------------


def _tests(board: Leaderboard) -> Section | None:
    found = board.statistics.anova
    if found is None:
        return None
    blocks: list[Block] = [_anova(found)]
    levene = board.statistics.levene
    said = f"p = {levene.value:.4f}" if levene.value is not None else f"not defined: {levene.reason}"
    blocks.append(Text(f"Levene's test that all cells spread alike: {said}."))
    method = board.statistics.letters.method
    if method.startswith(LOG_RANK):
        blocks.append(
            Note("Letters come from log-rank tests, as many societies were only ended by the horizon.", "caveat")
        )
    pairs = len(board.ranked) * (len(board.ranked) - 1) // 2
    blocks.append(Text(multiple_comparison_note(pairs)))
    return Section("tests", "Tests", tuple(blocks), order=400)


def _anova(found: AnovaTable) -> Table:
    rows: list[tuple[Value, ...]] = [
        (e.name, e.ss, e.df, e.f, e.p if e.reason is None else e.reason, e.eta2, e.partial_eta2) for e in found.effects
    ]
    rows.append(("error", found.error_ss, found.error_df, None, "", None, None))
    rows.append(("total", found.total_ss, (found.n or 1) - 1, None, "", None, None))
    return Table(
        ("effect", "SS", "df", "F", "p", "eta squared", "partial eta squared"),
        tuple((r[0], r[1], r[2], r[3], _p(r[4]), r[5], r[6]) for r in rows),
        title="Analysis of variance of scores",
        about="Type II sums of squares; one observation a society. Players who are not ranked are left out.",
    )


def _p(value: Value) -> Value:
    if not isinstance(value, float):
        return value
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def _wordings(board: Leaderboard) -> Section | None:
    found = board.statistics.wordings
    if not found:
        return None
    words = len(found[0].means)
    rows = tuple((w.player, *w.means, _interval(w.spread), w.share) for w in found)
    table = Table(
        ("player", *(f"wording {i}" for i in range(words)), "spread", "share of variance"),
        rows,
        title="Score by wording of the prompts",
        about="Spread: largest minus smallest mean, with its bootstrap interval (which cannot reach below 0).",
    )
    tau = board.statistics.tau
    said = (
        "Kendall's tau is not defined for one player."
        if tau is None
        else f"Smallest Kendall's tau between the boards of two wordings: {tau:.2f}."
    )
    blocks: list[Block] = [table, Text(said)]
    if board.statistics.depends_on_wording:
        blocks.append(Note(f"Ranking depends on wording (tau below {TAU:g}).", "warning"))
    return Section("wordings", "Wording", tuple(blocks), order=500)


# ---- company -------------------------------------------------------------------------------------------------------


def _company(board: Leaderboard) -> Section | None:
    blocks: list[Block] = []
    if board.company:
        rows = []
        place: dict[tuple[str, str], int] = {}
        for c in board.company:
            if c.reason is None:
                place[c.scenario, c.label] = place.get((c.scenario, c.label), 0) + 1
            rank = f"not ranked: {c.reason}" if c.reason else str(place[c.scenario, c.label])
            rows.append(
                (
                    c.scenario,
                    c.label,
                    c.player,
                    c.mode,
                    rank,
                    _interval(c.focal, c.n),
                    _interval(c.background, c.n),
                    c.n,
                )
            )
        blocks.append(
            Table(
                ("scenario", "company", "player", "mode", "rank", "focal return", "background return", "n"),
                tuple(rows),
                title="Focal and background",
                about="Mean return a seat of the tested members and of the others, Student's 95 % intervals over societies. Invalid answers of "
                "either side gate the row.",
                header=3,
            )
        )
    if board.replacements:
        rows2: tuple[tuple[Value, ...], ...] = tuple(
            (r.scenario, r.society, r.original, _interval(r.effect.effect, r.effect.n), r.effect.t_p, r.effect.n)
            for r in board.replacements
        )
        blocks.append(
            Table(
                ("scenario", "society", "instead of all", "effect on the score", "p", "n"),
                rows2,
                title="Replacement effects",
                about="Score of the mixed society minus that of the original one, paired by seed, Student's 95 % interval.",
                header=3,
            )
        )
    return Section("company", "In company", tuple(blocks), order=600) if blocks else None


# ---- answers -------------------------------------------------------------------------------------------------------


def _answers(board: Leaderboard) -> Section | None:
    asked = [row for row in board.rows if row.rates.asked]
    if not asked:
        return None
    total = sum(row.rates.asked for row in asked)
    invalid = sum(round((row.rates.invalid.estimate or 0.0) * row.rates.asked) for row in asked)
    used = sorted({outcome for row in asked for outcome, n in row.rates.counts.items() if n})
    tiles = Tiles(
        (
            Tile("Decisions asked", number(total)),
            Tile("Without a valid answer", f"{100 * invalid / total:.2g}%"),
            Tile("Calls", number(sum(int(row.costs["calls"]) for row in asked))),
        )
    )
    outcomes = Table(
        ("player", "asked", *used, "invalid, network apart, %", "infection, %", "fenced"),
        tuple(
            (
                row.player,
                row.rates.asked,
                *(row.rates.count(outcome) for outcome in used),
                _percent(row.rates.invalid_model.estimate),
                _percent(row.rates.share("injected")),
                row.rates.fenced,
            )
            for row in asked
        ),
        title="What became of decisions",
    )
    names = ("calls", "attempts", "cached", "tokens_in", "tokens_in_cached", "tokens_reasoning", "tokens_out", "cost", "currency",
             "share_estimated", "possibly_billed", "latency_p50", "latency_p95", "latency_p99", "queue_p95")  # fmt: skip
    costs = Table(
        ("player", *(name.replace("_", " ") for name in names)),
        tuple(
            (
                row.player,
                *("unknown" if name == "cost" and row.costs[name] is None else row.costs[name] for name in names),
            )
            for row in asked
        ),
        title="What it took",
        about="Pure societies only. Latency and queue in seconds, of answers that were waited for in this run.",
    )
    return Section("answers", "Answers and their price", (tiles, outcomes, costs), order=700)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _failures(board: Leaderboard) -> Section | None:
    if not board.failures:
        return None
    rows = tuple((f.player, f.outcome, f.scenario, f.phase, f.text) for f in board.failures)
    table = Table(
        ("player", "outcome", "scenario", "decision", "answer"),
        rows,
        title="Answers that could not be used",
        about="Up to five of each kind and player, as they came, cut to 600 characters.",
        header=2,
    )
    return Section("failures", "Failures", (table,), order=800)


def _method(board: Leaderboard) -> Section:
    lines = (
        "The unit of analysis is the society: decisions within one are not independent.",
        "Societies of one scenario share their seeds across players, so differences are paired.",
        f"A player with more than {100 * board.gate:g}% invalid answers is listed and not ranked; its figures may be those of the rule that "
        "fills in for it.",
        "Hosted models are not reproducible; their recorded answers are.",
    )
    versions = "\n".join(f"{name} {version}" for name, version in sorted(board.versions.items()))
    blocks: list[Block] = [Points(lines)]
    if versions:
        blocks.append(Code(versions, "Versions", folded=True))
    return Section("method", "How this was measured", tuple(blocks), order=1200)
