"""The grid from above: hunters, the stag, plants."""

from __future__ import annotations

from collections.abc import Sequence

from gamesim.envs.scene import Mark, Scene, Thing

from .rules import Grid

PACE = 0.6  # seconds of a step in a film
BESIDE = 0.16  # of a cell: hunters do not hide one another


def scene(grid: Grid, size: int, names: Sequence[str], steps: int) -> Scene:
    """The first row of ``grid`` after so many steps."""
    ground = tuple(
        Mark("line", line)
        for k in range(size + 1)
        for line in (((0.0, float(k)), (float(size), float(k))), ((float(k), 0.0), (float(k), float(size))))
    )

    def at(cell: Sequence[int], aside: float = 0.0) -> tuple[float, float]:
        return cell[1] + 0.5 + aside, size - cell[0] - 0.5

    plants, stag, hunters = grid.plants[0].tolist(), grid.stag[0].tolist(), grid.hunters[0].tolist()
    things = [Thing(f"plant {k}", "plant", *at(cell), length=0.5, width=0.5) for k, cell in enumerate(plants)]
    things.append(Thing("stag", "disc", *at(stag), length=0.72, width=0.72, letter="S"))
    things += [
        Thing(name, "disc", *at(cell, BESIDE * (2 * i - 1)), length=0.44, width=0.44, player=i, letter="AB"[i])
        for i, (name, cell) in enumerate(zip(names, hunters, strict=True))
    ]
    return Scene((-0.1, -0.1), (size + 0.1, size + 0.1), ground, tuple(things), PACE * steps, leap=1.5)
