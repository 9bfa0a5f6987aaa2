"""Who can meet, see and punish whom, and how a partner is drawn from a uniform: memory linear in agents and links.

A partner is the floor(u n)-th of the n eligible agents in agent order. In a complete network these are all alive others,
which needs only each agent's rank among the alive; in any other network they are the alive ends of its own links.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from gamesim.core.arrays import BoolArray, FloatArray, IntArray
from gamesim.core.errors import ScenarioError
from gamesim.core.seeds import Seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Graph

# Up to so many agents a drawn network is shown N - 1 wide whatever its largest degree: observations then have one shape for
# every seed, and sums over neighbours the same rounding alone and in a batch. Larger societies are as wide as they need.
DRAWN_WIDTH = 200


@dataclass(frozen=True)
class Roster:
    """Who takes part, per row: computed when somebody joins or leaves, read every round.

    Attributes
    ----------
    active : (B, N).  count : (B,), how many.  everyone : all of them in all rows.
    members : (B, N), the active agents in agent order, then the others.  rank : (B, N), place among the active.
    """

    active: BoolArray
    count: IntArray
    everyone: bool
    members: IntArray
    rank: IntArray
    offset: IntArray  # (B, 1), where a row begins in a raveled (B, N)
    own: IntArray  # (B, N), where an agent stands in it

    @classmethod
    def of(cls, active: BoolArray) -> Roster:
        rows, agents = active.shape
        offset = np.arange(0, rows * agents, agents)[:, None]
        own = np.arange(rows * agents).reshape(active.shape)
        everyone = bool(active.all())
        if everyone:
            places = np.broadcast_to(np.arange(agents), active.shape)
            return cls(active, np.full(rows, agents), True, places, places, offset, own)
        return cls(
            active,
            active.sum(axis=1),
            False,
            np.argsort(~active, axis=1, kind="stable"),
            np.cumsum(active, axis=1) - active,
            offset,
            own,
        )

    def of_partner(self, values: FloatArray, partner: IntArray) -> FloatArray:
        """``values[b, partner[b, i]]``; what stands there is meaningless where the partner is N (nobody)."""
        return values.ravel().take(partner if len(values) == 1 else self.offset + partner, mode="clip")


class Network(Protocol):
    complete: bool  # everybody is everybody's neighbour

    def partner(self, u: FloatArray, roster: Roster) -> tuple[IntArray, FloatArray]:
        """For uniforms (C, B, N) an eligible partner each, N where there is none or the agent is out; and the rest of the
        uniform, u n - floor(u n), which is uniform whatever the partner."""
        ...

    def linked(self, target: IntArray) -> BoolArray:
        """Whether each agent of (B, N) is linked to its target (< N)."""
        ...

    def reach(self, seat: int) -> BoolArray:
        """Whom one agent of the first row is linked to, (N,)."""
        ...

    def neighbours(self) -> IntArray | None:
        """(1 or B, N, widest), -1 where there are fewer; None where everybody is everybody's neighbour."""
        ...

    def some(self, rows: IntArray) -> Network:
        """The networks of some rows."""
        ...


class Complete:
    """Everybody meets everybody else."""

    complete = True

    def __init__(self, players: int) -> None:
        self._players = players

    def partner(self, u: FloatArray, roster: Roster) -> tuple[IntArray, FloatArray]:
        agents = u.shape[-1]
        others = (roster.count - 1)[:, None]
        place = u * np.maximum(others, 0)
        chosen: IntArray = place.astype(np.int64)
        place -= chosen
        chosen += chosen >= roster.rank
        chosen = roster.members.ravel().take(roster.offset + chosen, mode="clip")
        return np.where(roster.active & (others > 0), chosen, agents), place

    def linked(self, target: IntArray) -> BoolArray:
        return np.ones(target.shape, dtype=bool)

    def reach(self, seat: int) -> BoolArray:
        return np.asarray(np.arange(self._players) != seat)

    def neighbours(self) -> IntArray | None:
        return None

    def some(self, rows: IntArray) -> Network:
        return self


class Links:
    """A network given by its links, one set for all rows or one a row.

    Parameters
    ----------
    sources, targets : (R, E), R = 1 or B, ordered by source, then target.
    players : N.
    width : columns of ``neighbours``; by default the largest degree.
    """

    complete = False

    def __init__(self, sources: IntArray, targets: IntArray, players: int, width: int | None = None) -> None:
        self._players = players
        self._width = width
        self._sources, self._targets = sources, targets
        sets, links = sources.shape
        offset = np.arange(sets)[:, None] * players
        counts = np.bincount((sources + offset).ravel(), minlength=sets * players).reshape(sets, players)
        self._degree = counts
        self._start = np.cumsum(counts, axis=1) - counts
        self._keys = sources * players + targets
        self._links = links

    def partner(self, u: FloatArray, roster: Roster) -> tuple[IntArray, FloatArray]:
        rows, agents = u.shape[-2:]
        if self._links == 0:
            return np.full(u.shape, agents), u
        start = np.broadcast_to(self._start, (rows, agents))
        degree = np.broadcast_to(self._degree, (rows, agents))
        targets = np.broadcast_to(self._targets, (rows, self._links)).ravel()
        base = np.arange(rows)[:, None] * self._links
        if roster.everyone:
            place = u * degree
            chosen = place.astype(np.int64)
            met = targets.take(base + start + chosen, mode="clip")
            return np.where(degree > 0, met, agents), place - chosen
        # Count the alive ends along the links of each row, then find the one with the wanted number.
        ends = np.broadcast_to(self._targets, (rows, self._links))
        seen = np.zeros((rows, self._links + 1), dtype=np.int64)
        np.cumsum(np.take_along_axis(roster.active, ends, axis=1), axis=1, out=seen[:, 1:])
        before = np.take_along_axis(seen, start, axis=1)
        eligible = np.take_along_axis(seen, start + degree, axis=1) - before
        lift = np.arange(rows)[:, None] * (self._links + 1)
        place = u * eligible
        chosen = place.astype(np.int64)
        link = np.searchsorted((seen + lift).ravel(), before + chosen + 1 + lift, side="left") - lift - 1
        met = targets.take(base + link, mode="clip")
        return np.where(roster.active & (eligible > 0), met, agents), place - chosen

    def linked(self, target: IntArray) -> BoolArray:
        rows, agents = target.shape
        key = np.arange(agents) * self._players + target
        sets = len(self._keys)
        lift = (np.arange(rows) if sets > 1 else np.zeros(rows, dtype=np.int64))[:, None] * self._players**2
        keys = (self._keys + np.arange(sets)[:, None] * self._players**2).ravel()
        if not len(keys):
            return np.zeros(target.shape, dtype=bool)
        place = np.minimum(np.searchsorted(keys, key + lift), len(keys) - 1)
        found: BoolArray = (keys[place] == key + lift) & (target < agents)
        return found

    def reach(self, seat: int) -> BoolArray:
        reached = np.zeros(self._players, dtype=bool)
        reached[self._targets[0][self._sources[0] == seat]] = True
        return reached

    def neighbours(self) -> IntArray | None:
        sets = len(self._sources)
        widest = self._width or max(1, int(self._degree.max(initial=0)))
        table = np.full((sets, self._players, widest), -1)
        column = np.arange(self._links) - np.take_along_axis(self._start, self._sources, axis=1)
        table[np.arange(sets)[:, None], self._sources, column] = self._targets
        return table

    def some(self, rows: IntArray) -> Network:
        if len(self._sources) == 1:
            return self
        return Links(self._sources[rows], self._targets[rows], self._players, self._width)


def build(graph: Graph, name: str, players: int, roots: Sequence[Seeds]) -> Network:
    """The network of each replicate; random ones are drawn with networkx from stream ("society", "network", name)."""
    if graph.kind == "complete":
        return Complete(players)
    width: int | None = None
    if graph.kind in ("watts_strogatz", "barabasi_albert"):
        drawn = [_links(_random(graph, players, root.stream("society", "network", name))) for root in roots]
        width = players - 1 if players <= DRAWN_WIDTH else None
    elif graph.kind == "edges":
        drawn = [_read(Path(str(graph.file)), players, graph.directed)]
    else:
        drawn = [_links(_regular(graph, players))]
    return Links(np.stack([pair[0] for pair in drawn]), np.stack([pair[1] for pair in drawn]), players, width)


def _random(graph: Graph, players: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    import networkx

    if graph.kind == "watts_strogatz":
        return list(networkx.watts_strogatz_graph(players, graph.neighbours, graph.rewiring, seed=rng).edges)
    return list(networkx.barabasi_albert_graph(players, graph.links, seed=rng).edges)


def _regular(graph: Graph, players: int) -> IntArray | list[tuple[int, int]]:
    """A ring, or the most nearly square grid that wraps around; a prime number of agents makes that a ring."""
    import networkx

    if graph.kind == "ring":
        seats = np.arange(players)
        steps = range(1, int(graph.neighbours or 2) // 2 + 1)
        return np.concatenate([np.stack([seats, (seats + step) % players], axis=1) for step in steps])
    height = max(h for h in range(1, int(players**0.5) + 1) if players % h == 0)
    grid = networkx.grid_2d_graph(height, players // height, periodic=True)
    return [(a[0] * (players // height) + a[1], b[0] * (players // height) + b[1]) for a, b in grid.edges]


def _links(edges: IntArray | list[tuple[int, int]], directed: bool = False) -> tuple[IntArray, IntArray]:
    """Sources and targets, ordered, without loops or doubles; each undirected edge in both directions."""
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    ends = ends if directed else np.concatenate([ends, ends[:, ::-1]])
    ends = np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)
    return ends[:, 0], ends[:, 1]


def _read(path: Path, players: int, directed: bool) -> tuple[IntArray, IntArray]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"cannot read the network file: {error}.", where=str(path)) from error
    edges: list[tuple[int, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].replace(",", " ").split()
        if not words:
            continue
        if len(words) != 2 or not all(word.isdigit() and int(word) < players for word in words):
            raise ScenarioError(
                f"'{line.strip()[:60]}' is not a link.",
                where=f"{path}:{number}",
                hint=f"Write two seat numbers from 0 to {players - 1}.",
            )
        edges.append((int(words[0]), int(words[1])))
    return _links(edges, directed)
