"""Where an institution matters: paper A's findings over a grid of the parameters that the paper leaves open.

Each grid cell checks the targets on shared draws and scores them as effect over standard error. Beside every score
stand the fine rate (an institution that fines nobody proves nothing), deaths, and the share of runs that only the horizon
ended. The agents are named in scenarios; nothing here imports them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.errors import ScenarioError, UnknownKindError, did_you_mean

from .findings import CHECKS, Findings, findings_of, preset

if TYPE_CHECKING:
    from gamesim.run.tables import Table

TARGETS = tuple(CHECKS)

PATHS: Mapping[str, str] = {
    "alpha": "harvest.productivity",
    "c": "upkeep.consumption",
    "P0": "upkeep.initial_wealth",
    "delta": "institutions.revision.selection",
    "sigma": "institutions.revision.mutation",
    "R0": "growth.initial",  # given as a share of the capacity
}
AXES = (*PATHS, "punish_init")
DEFAULT_GRID: Mapping[str, tuple[Any, ...]] = {
    "alpha": (0.03, 0.04, 0.05),
    "c": (1.0, 2.0),
    "P0": (10.0, 40.0, 100.0),
    "delta": (0.2,),
    "sigma": (0.05,),
    "R0": (1.0,),
    "punish_init": ("table3",),
}
INERT = 0.01  # fines an agent-round
CENSORED = 0.5


@dataclass(frozen=True)
class CalibrationRow:
    """One grid cell: its parameters and what was found there."""

    parameters: Mapping[str, Any]
    findings: Findings

    @property
    def fine_rate(self) -> float:
        """Mean fines an agent-round over all conditions played."""
        rates = list(self.findings.fine_rates.values())
        return float(np.mean(rates)) if rates else float("nan")


@dataclass(frozen=True)
class Calibration:
    """The whole map."""

    targets: tuple[str, ...]
    rows: tuple[CalibrationRow, ...]
    replicates: int
    seed: int

    def share(self, target: str) -> float:
        """Share of grid cells where the finding holds."""
        return sum(row.findings.verdict(target) == "holds" for row in self.rows) / len(self.rows)

    def table(self) -> Table:
        """One row a grid cell: parameters; verdict, score, effect and effect size of each target; fine rate, censoring, deaths."""
        from gamesim.run.tables import Table

        columns: dict[str, list[Any]] = {axis: [row.parameters[axis] for row in self.rows] for axis in AXES}
        for target in self.targets:
            columns[f"{target}_verdict"] = [row.findings.verdict(target) for row in self.rows]
            columns[f"{target}_score"] = [_number(row.findings.score(target)) for row in self.rows]
            weakest = [min(row.findings.claims(target), key=lambda line: _order(line.score)) for row in self.rows]
            columns[f"{target}_effect"] = [line.effect for line in weakest]
            columns[f"{target}_size"] = [line.effect / line.scale if line.scale else None for line in weakest]
        columns["fine_rate"] = [_number(row.fine_rate) for row in self.rows]
        columns["censored_share"] = [_number(row.findings.censored) for row in self.rows]
        columns["deaths_share"] = [_number(row.findings.deaths) for row in self.rows]
        columns["replicates"] = [self.replicates] * len(self.rows)
        columns["seed"] = [self.seed] * len(self.rows)
        return Table(columns)

    def lines(self) -> Iterator[str]:
        """What the command prints."""
        swept = [axis for axis in AXES if len({row.parameters[axis] for row in self.rows}) > 1]
        head = [*swept, *(f"{target} score" for target in self.targets), "fine rate", "censored", "deaths"]
        yield "  ".join(f"{name:>12}" for name in head)
        for row in self.rows:
            scores = []
            for target in self.targets:
                mark = {"holds": "+", "fails": "-", "open": " "}[row.findings.verdict(target)]
                score = row.findings.score(target)
                scores.append(f"{score:11.1f}{mark}" if np.isfinite(score) else f"{'no spread':>12}")
            given = [f"{row.parameters[axis]!s:>12}" for axis in swept]
            ends = [f"{value:12.4f}" for value in (row.fine_rate, row.findings.censored, row.findings.deaths)]
            yield "  ".join([*given, *scores, *ends])
        yield (
            f"score: weakest claim's effect over its standard error, {self.replicates} paired societies a condition; "
            "+ the 95 % interval lies on the claimed side, - on the other."
        )
        for target in self.targets:
            yield f"{target} holds in {self.share(target):.0%} of {len(self.rows)} cells"
        rates = [row.fine_rate for row in self.rows]
        yield f"fine rate {min(rates):.4f} to {max(rates):.4f} an agent-round; inert (at most {INERT}) in {sum(r <= INERT for r in rates)} of {len(rates)} cells"
        censored = [row.findings.censored for row in self.rows]
        yield f"censoring share {min(censored):.2f} to {max(censored):.2f}; above {CENSORED:.0%} in {sum(c > CENSORED for c in censored)} of {len(censored)} cells"
        yield "Calibrated by gamesim; paper A does not give these parameters. Its claim that mixed groups do best is not a target."

    def warnings(self) -> list[str]:
        """What makes a score worth less, one sentence each."""
        found = []
        if any(row.fine_rate == 0 for row in self.rows):
            found.append(
                "in some cells nobody is ever fined though punishment is on: they say nothing about enforcement."
            )
        if any(row.findings.censored > CENSORED for row in self.rows):
            found.append(
                "in some cells the horizon ends more than half of the runs: survival times there are cut short."
            )
        return found

    def write(self, directory: Path | str) -> list[Path]:
        """``calibration.parquet`` and the map, ``calibration_map.html``: one panel a target, marked by verdict and score."""
        from gamesim.run.parquet import write_parquet

        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        table, page = folder / "calibration.parquet", folder / "calibration_map.html"
        write_parquet(table, self.table())
        page.write_text(self.map(), encoding="utf-8")
        return [table, page]

    def map(self) -> str:
        """A self-contained page with a table a target: grid cells coloured by verdict, with score and fine rate."""
        from html import escape

        swept = [axis for axis in AXES if len({row.parameters[axis] for row in self.rows}) > 1] or ["alpha"]
        across, down = swept[0], swept[1:]
        tops = sorted({row.parameters[across] for row in self.rows}, key=str if across == "punish_init" else None)
        colours = {"holds": "#b7e0c2", "fails": "#f2c0b0", "open": "#e6e6e6"}
        parts = []
        for target in self.targets:
            lines: dict[tuple[Any, ...], dict[Any, str]] = {}
            for row in self.rows:
                verdict, score = row.findings.verdict(target), row.findings.score(target)
                mark = {"holds": "●", "fails": "✕", "open": "○"}[verdict]
                shown = f"{score:.1f}" if np.isfinite(score) else "no spread"
                cell = f'<td style="background:{colours[verdict]}">{mark} {shown}<br><small>fines {row.fine_rate:.3f}</small></td>'
                lines.setdefault(tuple(row.parameters[axis] for axis in down), {})[row.parameters[across]] = cell
            head = "".join(f"<th>{escape(axis)}</th>" for axis in down) + "".join(
                f"<th>{escape(f'{across} {top}')}</th>" for top in tops
            )
            body = "".join(
                "<tr>"
                + "".join(f"<th>{escape(str(v))}</th>" for v in key)
                + "".join(row.get(top, "<td></td>") for top in tops)
                + "</tr>"
                for key, row in lines.items()
            )
            parts.append(
                f"<h2>{target}: holds in {self.share(target):.0%} of cells</h2><table><tr>{head}</tr>{body}</table>"
            )
        note = "● the whole interval is on the claimed side, ✕ on the other, ○ neither; number: effect over standard error."
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Calibration map</title>'
            "<style>body{font:15px system-ui;margin:2em;color-scheme:light}td,th{padding:.3em .7em;text-align:right;border:1px solid #ccc}"
            "table{border-collapse:collapse}</style>"
            f"<h1>Where the findings hold</h1><p>{escape(note)} {self.replicates} paired societies a condition, seed {self.seed}. "
            "Calibrated by gamesim, not the authors' values.</p>" + "".join(parts) + "</html>"
        )


def calibrate(
    targets: Sequence[str] = TARGETS,
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    replicates: int = 40,
    seed: int = 0,
    on_cell: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Check the targets in every cell of a grid.

    Parameters
    ----------
    targets : among F1 to F4.
    grid : values by axis (alpha, c, P0, delta, sigma, R0 as a share of the capacity, punish_init); axes left out keep the
        default grid's first value.
    replicates : societies a condition.
    on_cell : called with (cells done, cells in all).

    Raises
    ------
    UnknownKindError, ScenarioError
        For an unknown target or axis, an empty axis, or values no scenario may have.
    """
    for target in targets:
        if target not in TARGETS:
            raise UnknownKindError.named("calibration target", target, TARGETS)
    if not targets:
        raise ScenarioError("no target.", path="targets", hint=f"Possible: {', '.join(TARGETS)}.")
    if replicates < 2:
        raise ScenarioError(f"{replicates} replicates give no interval.", path="replicates", hint="At least 2.")
    cells = grid_cells(grid if grid is not None else DEFAULT_GRID)
    rows = []
    for index, parameters in enumerate(cells):
        rows.append(
            CalibrationRow(parameters, check_cell(parameters, tuple(targets), replicates=replicates, seed=seed))
        )
        if on_cell is not None:
            on_cell(index + 1, len(cells))
    return Calibration(tuple(targets), tuple(rows), replicates, seed)


def grid_cells(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of the axes' values, checked.

    Examples
    --------
    >>> [cell["alpha"] for cell in grid_cells({"alpha": [0.03, 0.05]})]
    [0.03, 0.05]
    """
    for axis, values in grid.items():
        if axis not in AXES:
            raise ScenarioError(
                f"no axis '{axis}'.", path="grid", hint=did_you_mean(axis, AXES) or f"Axes: {', '.join(AXES)}."
            )
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise ScenarioError("an axis is a list of values.", path=f"grid.{axis}")
        for value in values:
            if axis == "punish_init":
                if value not in ("table3", "text"):
                    raise ScenarioError(f"punish_init {value!r}.", path=f"grid.{axis}", hint="Possible: table3, text.")
            elif isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ScenarioError(f"{value!r} is not a number.", path=f"grid.{axis}")
    full = {axis: tuple(grid.get(axis, DEFAULT_GRID[axis][:1])) for axis in AXES}
    return [dict(zip(full, values, strict=True)) for values in itertools.product(*full.values())]


def check_cell(parameters: Mapping[str, Any], targets: tuple[str, ...], *, replicates: int, seed: int) -> Findings:
    """The findings under one cell's parameters; keys left out have preset A's values."""
    base = preset("A")
    capacity = float(base.environment["growth"]["capacity"])
    values = {path: parameters[axis] for axis, path in PATHS.items() if axis in parameters}
    if "growth.initial" in values:
        values["growth.initial"] = float(values["growth.initial"]) * capacity
    return findings_of(
        base.at(values),
        targets,
        replicates=replicates,
        seed=seed,
        punish_init=str(parameters.get("punish_init", "table3")),
    )


def read_grid(path: Path | str) -> dict[str, list[Any]]:
    """A grid from a YAML file: ``alpha: [0.03, 0.05]`` and so on, one axis a line."""
    from gamesim.yaml.source import load_yaml

    data = load_yaml(Path(path)).data
    if not isinstance(data, Mapping):
        raise ScenarioError("a grid is a mapping of axes to lists.", where=str(path))
    grid = {str(axis): values for axis, values in data.items()}
    grid_cells(grid)
    return grid


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _order(score: float | None) -> float:
    return float("inf") if score is None else score


__all__ = ["AXES", "DEFAULT_GRID", "TARGETS", "Calibration", "calibrate", "read_grid"]
