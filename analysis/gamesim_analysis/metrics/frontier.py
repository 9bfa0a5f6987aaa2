"""What safety costs: solutions of a table, scored on episodes that no solution was fitted to.

A solution is a mixture of policies, so what it earns is a weighted sum over cells of a fresh table. A rate over such strata
is ``sum_c W_c x_c / n_c``; with its variance ``sum_c W_c^2 p_c (1 - p_c) / n_c`` it counts as a sample of effective size
p (1 - p) / variance, from which Wilson's interval follows. In variances p_c is (x_c + 1/2) / (n_c + 1), so that a cell that
has had no crash yet is not taken for one that has none. A ratio of two rates has the log-ratio (Katz) interval, whose
variance here is that of strata which both share: ``sum_c (W0_c / p0 - W1_c / p1)^2 p_c (1 - p_c) / n_c``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from gamesim.core.arrays import FloatArray
from gamesim.core.empirical import Cell, EmpiricalGame
from gamesim.core.errors import MetricError
from gamesim_analysis.equilibrium.risk_averse import dominated_mass

from .base import Columns, metric
from .psro import Done, columns_of, done, mixtures_over, spread_over

if TYPE_CHECKING:
    from gamesim.run.record import Record

FEWEST = 10.0  # crashes in a sample, below which a ratio is only a bound
Z = float(ndtri(0.975))
Z_ONE = float(ndtri(0.95))


@dataclass
class Strata:
    """Cells with the weight of their events, and the weights of the seats' returns."""

    cells: dict[Any, Cell] = field(default_factory=dict)
    chance: dict[Any, float] = field(default_factory=dict)
    seats: dict[Any, FloatArray] = field(default_factory=dict)

    def add(self, key: Any, cell: Cell, weight: float, seats: FloatArray) -> None:
        self.cells[key] = cell
        self.chance[key] = self.chance.get(key, 0.0) + weight
        self.seats[key] = self.seats.get(key, np.zeros(len(cell.mean))) + weight * seats

    def mean(self) -> tuple[float, float]:
        """Mean return of a seat, and its standard error."""
        value = sum(float(w @ self.cells[k].mean) for k, w in self.seats.items())
        variance = sum(float(w @ self.cells[k].covariance @ w) / self.cells[k].count for k, w in self.seats.items())
        return value, math.sqrt(max(variance, 0.0))

    def rate(self, *events: str) -> Rate:
        """How often an episode had the event; the average over several."""
        shares = {
            k: sum(cell.events.get(e, 0) for e in events) / len(events) / cell.count for k, cell in self.cells.items()
        }
        return Rate({k: (self.chance[k], shares[k], self.cells[k].count) for k in self.cells})

    def arrival(self) -> Rate | None:
        """How often a seat arrived; None where the environment does not say. Seats of an episode count as one."""
        names = arrivals(self.cells.values())
        return self.rate(*names) if names else None


def arrivals(cells: Iterable[Cell]) -> list[str]:
    """Names of the events that say who arrived."""
    return sorted({name for cell in cells for name in cell.events if name.startswith(("arrived", "arrival"))})


@dataclass(frozen=True)
class Rate:
    """A rate over strata: for each its weight, its own rate and its episodes."""

    strata: Mapping[Any, tuple[float, float, float]]

    @property
    def value(self) -> float:
        return sum(w * p for w, p, _ in self.strata.values())

    @property
    def variance(self) -> float:
        return sum(w * w * spread_of(p, n) for w, p, n in self.strata.values())

    @property
    def size(self) -> float:
        """Episodes of a simple sample that would be as sure."""
        if self.variance > 0 and 0 < self.value < 1:
            return self.value * (1 - self.value) / self.variance
        return 1.0 / sum(w * w / n for w, _, n in self.strata.values())

    @property
    def hits(self) -> float:
        return self.value * self.size

    def wilson(self, z: float = Z) -> tuple[float, float]:
        p, n = self.value, self.size
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return (0.0 if p == 0 else max(0.0, centre - half)), min(1.0, centre + half)


def spread_of(p: float, n: float) -> float:
    """Variance of a share of n episodes, of which half a one is added that never was."""
    smooth = (p * n + 0.5) / (n + 1)
    return smooth * (1 - smooth) / n


@dataclass(frozen=True)
class Ratio:
    """How many times rarer an event is: an interval, or with ``resolved`` False only a lower bound."""

    value: float | None
    low: float | None
    high: float | None
    resolved: bool

    def __str__(self) -> str:
        if self.resolved:
            return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"
        return "below resolution" + (f", at least {self.low:.3g}" if self.low is not None else "")


def ratio(base: Rate, other: Rate) -> Ratio:
    """``base`` over ``other``.

    With fewer than ten events in either sample there is no bare ratio: ``low`` is then a one-sided 95 % bound.

    Examples
    --------
    >>> many, few = Rate({0: (1.0, 0.008, 1e5)}), Rate({1: (1.0, 0.001, 1e5)})
    >>> print(ratio(many, few))
    8 [6.5, 9.85]
    >>> print(ratio(many, Rate({1: (1.0, 5e-5, 1e5)})))
    below resolution, at least 71.1
    """
    if base.hits < FEWEST or other.hits < FEWEST:
        low, high = base.wilson(Z_ONE)[0], other.wilson(Z_ONE)[1]
        return Ratio(None, low / high if low > 0 and base.hits >= FEWEST else None, None, False)
    p0, p1 = base.value, other.value
    variance = 0.0
    for key in {*base.strata, *other.strata}:
        w0, p, n = base.strata.get(key, (0.0, 0.0, 1.0))
        w1, q, m = other.strata.get(key, (0.0, 0.0, 1.0))
        share, count = (p, n) if key in base.strata else (q, m)
        variance += (w0 / p0 - w1 / p1) ** 2 * spread_of(share, count)
    spread = Z * math.sqrt(variance)
    return Ratio(p0 / p1, p0 / p1 * math.exp(-spread), p0 / p1 * math.exp(spread), True)


def strata(
    data: Mapping[str, Any], game: EmpiricalGame, marginals: Sequence[Sequence[float]], population: str
) -> Strata:
    """The cells that a solution meets in a population: itself, opponents who play all policies alike, or strangers."""
    found = Strata()
    n = game.n
    if population not in ("self", "uniform"):
        rows = data["strangers"][population]
        seats = {row["seat"] for row in rows}
        for row in rows:
            weight = marginals[row["seat"]][row["policy"]] / len(seats)
            found.add((population, row["seat"], row["policy"]), _cell(row), weight, np.eye(n)[row["seat"]])
        return found
    for profile in np.ndindex(*game.shape):
        chances = [m[a] for m, a in zip(marginals, profile, strict=True)]
        key = game.sort(profile)[0]
        if population == "self":
            weight = float(np.prod(chances))
            if weight > 1e-12:
                found.add(key, game.cells[key], weight, np.full(n, 1.0 / n))
            continue
        for i in range(n):
            weight = chances[i] / n / math.prod(k for j, k in enumerate(game.shape) if j != i)
            if weight > 1e-12:
                found.add(key, game.cells[key], weight, game.coefficients(i, profile)[1])
    return found


def _cell(row: Mapping[str, Any]) -> Cell:
    return Cell(float(row["count"]), np.asarray(row["mean"]), np.asarray(row["comoment"]), dict(row["events"]))


def _scored(record: Record) -> list[Done]:
    units = done(record, "score")
    if not units:
        raise MetricError("this run has no frontier.", path="frontier")
    return units


def _solution(solution: Mapping[str, Any]) -> dict[str, Any]:
    """What a row calls a solution."""
    return {
        "concept": solution["concept"],
        "parameter": solution["parameter"],
        "value": float(solution["value"]),
    }


@metric("frontier", default=True, order=303)
def frontier(record: Record) -> Columns:
    """What safety costs: mean, crash rate, ratio and arrival of every solution on fresh episodes, by population."""
    rows = [{"cell": unit.cell, **row} for unit in _scored(record) for row in scores(unit.data)]
    return columns_of(rows)


def scores(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a solution and population; the first solution is the equilibrium of those who mind no risk.

    ``mean_low`` and the like are intervals of the solutions as they stand. ``mean_table_low`` and the like say how far another
    training table of as many episodes might have moved them: 2.5 and 97.5 % over ``redraws`` of it, against itself alone.
    """
    game, training = EmpiricalGame.from_dict(data["table"]), EmpiricalGame.from_dict(data["training"])
    rows = []
    tables = redrawn_scores(data, game)
    for population in data["populations"]:
        kept = [strata(data, game, solution["marginals"], population) for solution in data["solutions"]]
        base = kept[0]
        mean0, crash0 = base.mean()[0], base.rate("crash")
        arrival0 = share.value if (share := base.arrival()) is not None else None
        for solution, own, table in zip(data["solutions"], kept, tables, strict=True):
            mean, error = own.mean()
            crash, arrived = own.rate("crash"), own.arrival()
            arrival = None if arrived is None else arrived.value
            low, high = crash.wilson()
            ends = (None, None) if arrived is None else arrived.wilson()
            times = ratio(crash0, crash)
            is_base = solution is data["solutions"][0]
            stuck = arrival is not None and arrival0 is not None and arrival < arrival0 / 2
            rows.append({
                "population": population, **_solution(solution),
                "mean": mean, "mean_low": mean - Z * error, "mean_high": mean + Z * error,
                "mean_change": (mean - mean0) / abs(mean0) if mean0 else None,
                "crash": crash.value, "crash_low": low, "crash_high": high, "crashes": crash.hits, "episodes": crash.size,
                "ratio": 1.0 if is_base else times.value, "ratio_low": 1.0 if is_base else times.low, "ratio_high": 1.0 if is_base else times.high,
                "below_resolution": not (is_base or times.resolved), "arrival": arrival, "arrival_low": ends[0], "arrival_high": ends[1],
                "arrival_change": (arrival - arrival0) / arrival0 if arrival is not None and arrival0 else None,
                "affordable": mean >= mean0 - data["delta"] * abs(mean0), "frozen": bool(stuck or mean < mean0 - 0.5 * abs(mean0)),
                "dominated": dominated(training, solution["marginals"]), "gap": solution["gap"], "converged": bool(solution["converged"]),
                "branch": solution["branch"] or "", "in_sample": bool(data["in_sample"]),
                **(table if population == "self" else dict.fromkeys(table)),
            })  # fmt: skip
            if rows[-1]["below_resolution"]:
                rows[-1] |= {"ratio_table_low": None, "ratio_table_high": None}
    return rows


def redrawn_scores(data: Mapping[str, Any], game: EmpiricalGame) -> list[dict[str, float | None]]:
    """For each solution, what it scores on the fresh cells over redraws of the training table: bounds by name, and how many.

    A ratio is taken within each draw, for Nash of that draw plays in the same table.
    """
    per_seat, crash, arrival = _dense_scores(game)
    found: list[dict[str, float | None]] = []
    base: dict[int, float] = {}
    for place, draws in enumerate(drawn(data)):
        scored = {}
        for d, marginals in enumerate(draws):
            if marginals is not None:
                chance = reduce(np.multiply.outer, (np.asarray(m, dtype=np.float64) for m in marginals))
                live = chance > 0
                scored[d] = [float(chance[live] @ values[live]) for values in (per_seat, crash, arrival)]
        if not place:
            base = {d: values[1] for d, values in scored.items()}
        times = [base[d] / values[1] for d, values in scored.items() if d in base and values[1] > 0]
        columns = {"mean": 0, "crash": 1, "arrival": 2}
        row: dict[str, float | None] = {}
        for name, at in columns.items():
            row[f"{name}_table_low"], row[f"{name}_table_high"] = spread_over([v[at] for v in scored.values()])
        row["ratio_table_low"], row["ratio_table_high"] = spread_over(times if len(times) == len(scored) else [])
        found.append({**row, "redraws": float(len(scored))})
    return found


def drawn(data: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """The redraws of every solution; none where the run did not draw."""
    return data.get("draws") or [()] * len(data["solutions"])


def _dense_scores(game: EmpiricalGame) -> tuple[FloatArray, FloatArray, FloatArray]:
    """By ordered profile the mean of a seat, how often somebody crashes, and how often a seat arrives; NaN where nothing was played."""
    names = arrivals(game.cells.values())
    crash, arrival = np.full(game.shape, np.nan), np.full(game.shape, np.nan)
    for profile in np.ndindex(*game.shape):
        cell = game.cells.get(game.sort(profile)[0])
        if cell is not None:
            crash[profile] = cell.events.get("crash", 0) / cell.count
            if names:
                arrival[profile] = sum(cell.events.get(name, 0) for name in names) / len(names) / cell.count
    return np.asarray(game.mean.mean(axis=0)), crash, arrival


@metric("solutions", default=True, order=305)
def solutions(record: Record) -> Columns:
    """Who plays what under every solution of a frontier, and how far another training table might have moved that."""
    rows: list[dict[str, Any]] = []
    for unit in _scored(record):
        pools = [[policy["label"] for policy in pool] for pool in unit.data["pools"]]
        roles = EmpiricalGame.from_dict(unit.data["table"]).roles
        for solution, draws in zip(unit.data["solutions"], drawn(unit.data), strict=True):
            low, high = mixtures_over(draws, solution["marginals"])
            for i, m in enumerate(solution["marginals"]):
                rows += [
                    {"cell": unit.cell, **_solution(solution),
                     "player": i, "policy": pools[roles[i]][a], "probability": p, "low": low[i][a], "high": high[i][a]}
                    for a, p in enumerate(m)
                ]  # fmt: skip
    return columns_of(rows)


def dominated(game: EmpiricalGame, marginals: Sequence[Sequence[float]]) -> float:
    """Largest chance of strictly dominated policies over players."""
    found = 0.0
    for i in range(game.n):
        table = np.moveaxis(game.mean[i], i, 0).reshape(game.shape[i], -1)
        found = max(found, dominated_mass(table, np.asarray(marginals[i], dtype=np.float64)))
    return found


def chosen(rows: Sequence[Mapping[str, Any]], population: str = "self") -> dict[str, Mapping[str, Any]]:
    """By concept, the frontier point: the largest parameter whose mean is affordable."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if row["population"] == population and row["affordable"] and row["concept"] != "nash":
            before = found.get(row["concept"])
            if before is None or row["value"] > before["value"]:
                found[row["concept"]] = row
    return found


@metric(
    "safety",
    main={
        "mean_nash": "mean return of those who mind no risk, on fresh episodes",
        "crash_1000_nash": "their crashes in 1000 episodes",
        "mean": "mean return at the frontier point of the first concept: the most averse that gives up no more than delta",
        "crash_1000": "crashes in 1000 episodes there",
        "crash_ratio": "how many times fewer; empty where that is below resolution",
        "arrival_nash": "share of seats that arrive, minding no risk",
        "arrival": "share that arrives at the frontier point",
    },
    order=31,
)
def safety(record: Record) -> Columns:
    """What safety costs, in one row: the frontier point of the first concept beside those who mind no risk."""
    rows = []
    for unit in _scored(record):
        own = [row for row in scores(unit.data) if row["population"] == "self"]
        points = chosen(own)
        base, point = (own[0] if own else {}), next(iter(points.values()), {})
        rows.append({
            "cell": unit.cell, "seed": 0, "mean_nash": base.get("mean"), "crash_1000_nash": _thousand(base), "arrival_nash": base.get("arrival"),
            "parameter": point.get("value"), "mean": point.get("mean"), "crash_1000": _thousand(point), "crash_ratio": point.get("ratio"),
            "arrival": point.get("arrival"),
        })  # fmt: skip
    return columns_of(rows)


def _thousand(row: Mapping[str, Any]) -> float | None:
    return 1000 * float(row["crash"]) if row else None


# ---- where the spread comes from ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """Variance of a player's return in three parts: inside cells, own mixing, opponents' mixing; they add to ``total``."""

    mean: float
    environment: float
    own: float
    strategic: float
    total: float


def variance_split(game: EmpiricalGame, marginals: Sequence[Any], player: int) -> Split:
    """The law of total variance for one player of a sampled table.

    Examples
    --------
    >>> from gamesim.core.normal_form import NormalFormGame
    >>> stag = EmpiricalGame.exact(NormalFormGame.bimatrix([[4, 0], [3, 3]], [[4, 3], [0, 3]]))
    >>> split = variance_split(stag, [[0.5, 0.5], [0.5, 0.5]], 0)
    >>> split.own, split.strategic, split.total
    (1.25, 1.0, 2.25)
    """
    mixed = [np.asarray(m, dtype=np.float64) for m in marginals]
    u = np.moveaxis(game.mean[player], player, 0).reshape(game.shape[player], -1)
    within = np.moveaxis(game.variance[player], player, 0).reshape(game.shape[player], -1)
    s = np.ones(1)
    for j, m in enumerate(mixed):
        if j != player:
            s = np.outer(s, m).ravel()
    sigma = mixed[player]
    live = np.outer(sigma, s) > 0
    u, within = np.where(live, u, 0.0), np.where(live, within, 0.0)
    x = sigma @ u
    mean = float(x @ s)
    environment = float(sigma @ within @ s)
    own = float((sigma @ u**2 - x**2) @ s)
    strategic = float(s @ (x - mean) ** 2)
    total = float(sigma @ (within + u**2) @ s) - mean**2
    return Split(mean, environment, own, strategic, total)


@metric("risk", default=True, order=304)
def risk(record: Record) -> Columns:
    """Spread of a player's return under every solution of a frontier, split into environment, own mixing and opponents' mixing."""
    rows: list[dict[str, Any]] = []
    for unit in _scored(record):
        training = EmpiricalGame.from_dict(unit.data["training"])
        table = unit.data["table"]
        fresh = EmpiricalGame.from_dict(table)
        worst = _worst(unit.data)
        for place, solution in enumerate(unit.data["solutions"]):
            game = fresh if _covers(fresh, solution["marginals"]) else training
            for i in range(game.n):
                split = variance_split(game, solution["marginals"], i)
                rows.append({
                    "cell": unit.cell, **_solution(solution),
                    "player": i, "mean": split.mean, "sd": math.sqrt(max(split.total, 0.0)), "variance": split.total,
                    "environment": split.environment, "own_mixing": split.own, "strategic": split.strategic,
                    "worst_held_out": worst[place][0], "worst_held_out_low": worst[place][1], "worst_held_out_high": worst[place][2],
                })  # fmt: skip
    return columns_of(rows)


def _covers(game: EmpiricalGame, marginals: Sequence[Sequence[float]]) -> bool:
    """Whether all that a solution plays was played here."""
    return all(
        game.sort(p)[0] in game.cells
        for p in np.ndindex(*game.shape)
        if math.prod(m[a] for m, a in zip(marginals, p, strict=True)) > 0
    )


def _worst(data: Mapping[str, Any]) -> list[tuple[float | None, float | None, float | None]]:
    """The least mean over held-out populations, with its interval, for every solution."""
    game = EmpiricalGame.from_dict(data["table"])
    found: list[tuple[float | None, float | None, float | None]] = []
    for solution in data["solutions"]:
        means = [
            strata(data, game, solution["marginals"], p).mean()
            for p in data["populations"]
            if p not in ("self", "uniform")
        ]
        mean, error = min(means, default=(None, None))
        found.append(
            (None, None, None) if mean is None or error is None else (mean, mean - Z * error, mean + Z * error)
        )
    return found
