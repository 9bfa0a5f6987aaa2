"""One regret report for all who play a repeated game: learners, rules and language models alike.

    R_i(T) = max_a sum_t [u_i(a, a_-i^t) - u_i(a^t)]                          external regret
    sum_a max_b sum_{t: a_i^t = a} [u_i(b, a_-i^t) - u_i(a, a_-i^t)]           swap regret

Both of what was played, noise included. Rounds in which a player gave no valid answer, so that a rule filled in for it, are
left out of its regret and counted; above 5 % of its rounds it is listed and not ranked. The gaps are those of the joint
distribution of the rounds that are valid for everybody, so cce_slack is the largest external regret per round, and ce_gap
the largest swap regret per round, where nothing was left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from gamesim.core.arrays import FloatArray, IntArray
from gamesim.core.certify import certify
from gamesim.core.errors import GamesimError, MetricError
from gamesim.core.learners import Play, learner_of
from gamesim.core.learners.play import bound_of, curve_points
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import Joint
from gamesim.core.regrets import counterfactual_utilities, regrets
from gamesim.core.seeds import Seeds
from gamesim_analysis.metrics.cells import CellOf, cells, dense
from gamesim_analysis.metrics.model_journal import GATE
from gamesim_analysis.stats.intervals import bootstrap

if TYPE_CHECKING:
    from gamesim.run.record import Record

Kind = Literal["external", "swap"]
Per = Literal["agent", "member"]
KINDS: tuple[Kind, ...] = get_args(Kind)
RESAMPLES = 2000
NOTE = "Opponents' moves are held fixed: against opponents who react to what one does, this is not what would have happened."
DRAWN = (
    "Bounds are about the mixed strategies; drawn actions may exceed them by chance, by about the root of the rounds."
)


@dataclass(frozen=True)
class RegretRow:
    """One kind of regret of one player, or of one member in all its seats, in one cell.

    Attributes
    ----------
    rounds, excluded : over all episodes and seats, of which ``excluded`` had no valid answer.
    regret, per_round : mean over episodes at their end, in units of payoff, with the ends of the bootstrap interval over
        seeds; None with one seed.
    bound : what its learner promises of one episode, None where nothing; ``holds`` says when.
    ranked : ``ranked``, or why not.  rank : 1 for the smallest regret per round of that kind in the cell, None if not ranked.
    """

    cell: int
    agent: str
    member: str
    kind: Kind
    episodes: int
    rounds: int
    excluded: int
    regret: float
    regret_lower: float | None
    regret_upper: float | None
    per_round: float
    per_round_lower: float | None
    per_round_upper: float | None
    bound: float | None
    holds: str | None
    ranked: str
    rank: int | None = None

    @property
    def excluded_rate(self) -> float:
        return self.excluded / self.rounds if self.rounds else 0.0


@dataclass(frozen=True, eq=False)
class RegretTable:
    """The report.

    Attributes
    ----------
    curves : columns cell, agent, kind, round, regret (mean over episodes), regret_sd, regret_n.
    gaps : columns cell, seed, rounds, excluded, cce_gap, ce_gap, cce_slack (which may be negative), one row an episode.
    notes : what must be printed beside the figures.
    """

    rows: tuple[RegretRow, ...]
    curves: Mapping[str, Any]
    gaps: Mapping[str, Any]
    notes: tuple[str, ...]

    def columns(self) -> dict[str, list[Any]]:
        names = [name for name in RegretRow.__dataclass_fields__ if name != "rank"]
        table = {name: [getattr(row, name) for row in self.rows] for name in names}
        return {**table, "excluded_rate": [r.excluded_rate for r in self.rows], "rank": [r.rank for r in self.rows]}

    def __str__(self) -> str:
        lines = [
            f"{row.agent} ({row.member}): {row.kind} regret {row.regret:.4g}, {row.per_round:.4g} a round over {row.rounds:,} rounds"
            + (f", bound {row.bound:.4g} {row.holds}" if row.bound is not None else "")
            + (f", {row.excluded:,} rounds without a valid answer left out" if row.excluded else "")
            + f"; {row.ranked}"
            for row in self.rows
        ]
        return "\n".join([*lines, *self.notes])


@dataclass
class _Line:
    """One player of one cell, gathered over episodes."""

    cell: int
    agent: str
    member: str
    final: dict[Kind, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    curve: dict[Kind, list[FloatArray]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    seeds: list[int] = field(default_factory=list)
    points: list[IntArray] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    excluded: list[int] = field(default_factory=list)
    bound: tuple[Kind, float, str] | None = None


def regret_report(source: Record | Play, *, kinds: Iterable[Kind] = KINDS, per: Per = "agent") -> RegretTable:
    """The regret report of a run, or of a match of learners.

    Parameters
    ----------
    kinds : ``external``, ``swap`` or both.
    per : a row for each ``agent`` (seat), or for each ``member`` of the population, over the seats it holds.

    Raises
    ------
    MetricError
        If the run is no repeated game in normal form, or kept no steps.
    """
    chosen = tuple(dict.fromkeys(kinds))
    wrong: list[str] = [kind for kind in chosen if kind not in KINDS]
    wrong += [] if per in get_args(Per) else [per]
    if wrong or not chosen:
        raise MetricError(f"no regret of kind or unit '{wrong[0] if wrong else ''}'.", hint="kinds: external, swap; per: agent, member.")  # fmt: skip
    lines, gaps, warnings = _of_play(source) if isinstance(source, Play) else _of_record(source)
    groups: dict[tuple[int, str], list[_Line]] = {}
    for line in lines:
        groups.setdefault((line.cell, line.agent if per == "agent" else line.member), []).append(line)
    rows = [_row(kind, who, group) for (_, who), group in groups.items() for kind in chosen]
    ranked = _ranked(rows)
    notes = [NOTE, *([DRAWN] if any(row.bound is not None for row in rows) else [])]
    notes += [
        f"{row.agent}: {row.excluded:,} of {row.rounds:,} rounds without a valid answer are left out; {row.ranked}."
        for row in rows
        if row.excluded and row.kind == chosen[0]
    ]
    curves = [_curve(kind, who, group) for (_, who), group in groups.items() for kind in chosen]
    return RegretTable(ranked, _together(curves), gaps, tuple(dict.fromkeys([*notes, *warnings])))


# ---- from records -----------------------------------------------------------------------------------------------------


def _of_record(record: Record) -> tuple[list[_Line], dict[str, Any], list[str]]:
    steps = record.sql("SELECT * FROM steps LIMIT 0").columns
    if "played" not in steps:
        raise MetricError("no rounds of a repeated game in normal form were kept.", path="record.steps")
    imputed = '"imputed"' if "imputed" in steps else "NULL"
    lines: list[_Line] = []
    gaps: dict[str, list[Any]] = {name: [] for name in ("cell", "seed", "rounds", "excluded", "cce_gap", "ce_gap", "cce_slack")}  # fmt: skip
    warnings: list[str] = []
    for cell in cells(record):
        game = _game(cell)
        found = record.sql(
            f"SELECT seed, step, agent, member, played, {imputed} AS imputed FROM steps "
            f"WHERE cell = {cell.index} AND played IS NOT NULL AND NOT isnan(played) ORDER BY seed, step"
        )
        columns = {name: dense(values) for name, values in found.columns.items()}
        mine = {name: _Line(cell.index, name, "") for name in game.players}
        for seed in np.unique(columns["seed"].astype(np.int64)):
            here = columns["seed"].astype(np.int64) == seed
            history, valid, members = _episode({name: values[here] for name, values in columns.items()}, game)
            for i, player in enumerate(game.players):
                line = mine[player]
                line.member = members[i]
                _book(line, game, i, history, valid[:, i], int(seed))
            _book_gaps(gaps, game, cell.index, int(seed), history, valid)
        warnings += _promises(cell, game, list(mine.values()))
        lines += [line for line in mine.values() if line.seeds]
    if not lines:
        raise MetricError("no rounds were kept.", path="record.steps", hint="record: {steps: all} keeps them.")
    return lines, gaps, warnings


def _game(cell: CellOf) -> NormalFormGame:
    """What is repeated in a cell.

    Raises
    ------
    MetricError
        If that is no game in normal form.
    """
    table = getattr(cell.environment(), "table", None)
    if not isinstance(table, NormalFormGame):
        raise MetricError("regret is measured in repeated games in normal form.", path="environment.kind")
    return table


def _episode(columns: Mapping[str, Any], game: NormalFormGame) -> tuple[IntArray, Any, list[str]]:
    """Actions (T, n), whether each was the player's own (T, n), and the member in each seat."""
    steps, at = np.unique(columns["step"].astype(np.int64), return_inverse=True)
    place = {name: i for i, name in enumerate(game.players)}
    who = np.array([place[str(name)] for name in columns["agent"].tolist()])
    history = np.full((len(steps), game.n), -1, dtype=np.int64)
    valid = np.ones((len(steps), game.n), dtype=bool)
    history[at, who] = columns["played"].astype(np.int64)
    valid[at, who] = np.nan_to_num(columns["imputed"].astype(np.float64)) == 0
    whole = (history >= 0).all(axis=1)
    members = dict(zip(who.tolist(), map(str, columns["member"].tolist()), strict=True))
    return history[whole], valid[whole], [members.get(i, "") for i in range(game.n)]


def _book(line: _Line, game: NormalFormGame, player: int, history: IntArray, valid: Any, seed: int) -> None:
    utilities = counterfactual_utilities(game, history, player)
    actions = np.where(valid, history[:, player], -1)
    points = curve_points(len(history))
    for kind in KINDS:
        curve = regrets(actions, utilities, kind=kind)
        line.final[kind].append(float(curve[-1]))
        line.curve[kind].append(curve[points - 1])
    line.points.append(points)
    line.seeds.append(seed)
    line.rounds.append(len(history))
    line.excluded.append(int((~valid).sum()))


def _book_gaps(gaps: dict[str, list[Any]], game: NormalFormGame, cell: int, seed: int, history: IntArray, valid: Any) -> None:  # fmt: skip
    both = history[valid.all(axis=1)]
    values: tuple[float | None, float | None, float | None] = (None, None, None)
    if len(both):
        counts = np.zeros(game.shape)
        np.add.at(counts, tuple(both.T), 1.0)
        values = _gaps_of(game, counts / len(both))
    for name, value in zip(gaps, (cell, seed, len(history), len(history) - len(both), *values), strict=True):
        gaps[name].append(value)


def _gaps_of(game: NormalFormGame, joint: FloatArray) -> tuple[float, float, float]:
    """cce_gap, ce_gap and the raw slack of coarse play."""
    coarse = certify(game, Joint(joint), concept="coarse")
    return (
        float(coarse.gap),
        float(certify(game, Joint(joint), concept="correlated").gap),
        float(coarse.details["cce_slack"]),
    )


def _promises(cell: CellOf, game: NormalFormGame, lines: Sequence[_Line]) -> list[str]:
    """Give each line the bound of its learner; what must be said of the learners in this cell."""
    warnings = []
    for label, member in _members(cell).items():
        if member.get("agent") != "learner":
            continue
        try:
            learner = learner_of({"rule": member.get("rule", "hedge"), **(member.get("parameters") or {})})
        except GamesimError:
            continue  # its package is not installed here
        warning = str(getattr(learner, "warning", ""))
        if warning:
            warnings.append(warning)
        for line in lines:
            if line.member != label or len(set(line.rounds)) != 1:
                continue
            horizon, k = line.rounds[0], game.shape[game.players.index(line.agent)]
            found = bound_of(learner, k, horizon, game.payoff_range)
            if found is not None and member.get("horizon") in (
                None,
                horizon,
            ):  # else its step was made for other rounds
                line.bound = (found.kind, found.value, found.holds)
    return warnings


def _members(cell: CellOf) -> dict[str, Mapping[str, Any]]:
    """The members of a cell by the names that tables give them."""
    from gamesim.run.play import member_labels
    from gamesim.scenario.resolve import resolve_data

    population = [line for line in cell.get("population") or () if isinstance(line, Mapping)]
    data = {key: value for key, value in cell.data.items() if key != "sweep"}
    return dict(zip(member_labels(resolve_data(data)), population, strict=False))


# ---- from matches -----------------------------------------------------------------------------------------------------


def _of_play(play: Play) -> tuple[list[_Line], dict[str, Any], list[str]]:
    lines = []
    count = len(play.seeds)
    for i, player in enumerate(play.game.players):
        line = _Line(0, player, play.learners[i])
        for kind, final in (("external", play.external), ("swap", play.swap)):
            line.final[kind] = [float(x) for x in final[:, i]]  # type: ignore[index]
            line.curve[kind] = list(play.curves[kind][:, :, i])  # type: ignore[index]
        line.seeds, line.points = list(play.seeds), [play.rounds] * count
        line.rounds, line.excluded = [play.horizon] * count, [0] * count
        bound = play.bounds[i]
        line.bound = None if bound is None else (bound.kind, bound.value, bound.holds)
        lines.append(line)
    found = [_gaps_of(play.game, joint) for joint in play.joint]
    gaps = {
        "cell": [0] * count, "seed": list(play.seeds), "rounds": [play.horizon] * count, "excluded": [0] * count,
        "cce_gap": [gap[0] for gap in found], "ce_gap": [gap[1] for gap in found], "cce_slack": [gap[2] for gap in found],
    }  # fmt: skip
    return lines, gaps, list(play.warnings)


# ---- rows and curves --------------------------------------------------------------------------------------------------


def _by_seed(group: Sequence[_Line], values: Sequence[Sequence[float]]) -> FloatArray:
    """One figure a seed: the mean over the seats of the group."""
    found: dict[int, list[float]] = {}
    for line, own in zip(group, values, strict=True):
        for seed, value in zip(line.seeds, own, strict=True):
            found.setdefault(seed, []).append(value)
    return np.array([np.mean(found[seed]) for seed in sorted(found)])


def _row(kind: Kind, who: str, group: Sequence[_Line]) -> RegretRow:
    total = _by_seed(group, [line.final[kind] for line in group])
    each = [
        [r / max(1, n - x) for r, n, x in zip(line.final[kind], line.rounds, line.excluded, strict=True)]
        for line in group
    ]
    name = ("regret", group[0].cell, who, kind)
    whole = bootstrap(total, Seeds(0).stream(*name, "total"), resamples=RESAMPLES)
    mean = bootstrap(_by_seed(group, each), Seeds(0).stream(*name, "per round"), resamples=RESAMPLES)
    rounds, excluded = (sum(sum(getattr(line, key)) for line in group) for key in ("rounds", "excluded"))
    promised = {line.bound for line in group}
    bound = promised.pop() if len(promised) == 1 else None
    kept = bound is not None and (bound[0] == kind or (bound[0] == "swap" and kind == "external"))
    bad = rounds > 0 and excluded > GATE * rounds + 1e-12
    assert whole.estimate is not None
    assert mean.estimate is not None
    return RegretRow(
        group[0].cell,
        who,
        " + ".join(dict.fromkeys(line.member for line in group)),
        kind,
        len(total),
        rounds,
        excluded,
        whole.estimate,
        whole.low,
        whole.high,
        mean.estimate,
        mean.low,
        mean.high,
        bound[1] if kept and bound is not None else None,
        bound[2] if kept and bound is not None else None,
        f"not ranked: {100 * excluded / rounds:.3g}% invalid" if bad else "ranked",
    )


def _ranked(rows: Sequence[RegretRow]) -> tuple[RegretRow, ...]:
    """Rows with their ranks; equal figures share one."""
    from dataclasses import replace

    out = []
    for row in rows:
        rivals = [r.per_round for r in rows if (r.cell, r.kind, r.ranked) == (row.cell, row.kind, "ranked")]
        out.append(replace(row, rank=1 + sum(x < row.per_round for x in rivals)) if row.ranked == "ranked" else row)
    return tuple(out)


def _curve(kind: Kind, who: str, group: Sequence[_Line]) -> dict[str, list[Any]]:
    """Mean curve over seats and seeds, where all episodes have the point."""
    paths = [dict(zip(points.tolist(), curve.tolist(), strict=True)) for line in group for points, curve in zip(line.points, line.curve[kind], strict=True)]  # fmt: skip
    common = sorted(set.intersection(*(set(path) for path in paths)))
    table = np.array([[path[t] for t in common] for path in paths])
    n = len(paths)
    spread = table.std(axis=0, ddof=1) if n > 1 else np.full(len(common), np.nan)
    return {
        "cell": [group[0].cell] * len(common), "agent": [who] * len(common), "kind": [kind] * len(common), "round": common,
        "regret": table.mean(axis=0).tolist(), "regret_sd": spread.tolist(), "regret_n": [n] * len(common),
    }  # fmt: skip


def _together(tables: Sequence[Mapping[str, Sequence[Any]]]) -> dict[str, list[Any]]:
    return {name: [value for table in tables for value in table[name]] for name in tables[0]}
