"""What was chosen in the formal game of each cell of a run: a table, players alike by counts, or a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray, IntArray
from gamesim.core.errors import MetricError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.symmetric import SymmetricGame
from gamesim_analysis.metrics.cells import CellOf, cells, dense, once

from .counts import Game, index_of, labels_of, owner_of, sizes_of

if TYPE_CHECKING:
    from gamesim.run.record import Record

    from .quantal_response import Belief, RationalityFit

CHOICE = "choose"  # the phase of the formal game in environments that repeat a table
RESAMPLES = 200


@dataclass(frozen=True, eq=False)
class Observed:
    """Choices of one cell, one entry a choice.

    Attributes
    ----------
    seeds, agents, members : of which episode, from which seat, by which member of the population.
    places, actions : who decides in the formal game (a player, an information set; 0 where players are alike) and what.
    valid : False where a rule filled in for a failed answer.
    rounds : rounds of an episode.
    """

    cell: CellOf
    game: Game
    seeds: IntArray
    agents: AnyArray
    members: AnyArray
    places: IntArray
    actions: IntArray
    valid: BoolArray
    rounds: int

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.game.k,) if isinstance(self.game, SymmetricGame) else sizes_of(self.game)

    def episodes(self, mine: BoolArray | None = None) -> list[list[FloatArray]]:
        """Valid choices counted, for each episode one vector a place; ``mine`` keeps some."""
        kept = self.valid if mine is None else self.valid & mine
        ends: IntArray = np.cumsum(self.sizes, dtype=np.int64)
        known, row = np.unique(self.seeds, return_inverse=True)
        table = np.zeros((len(known), int(ends[-1])))
        column = (ends - self.sizes)[self.places] + self.actions
        np.add.at(table, (row[kept], column[kept]), 1.0)
        return [np.split(line, ends[:-1]) for line in table]

    def counts(self, mine: BoolArray | None = None) -> list[FloatArray]:
        """The same over all episodes."""
        each = self.episodes(mine)
        return [np.sum([episode[p] for episode in each], axis=0) for p in range(len(self.sizes))]

    def fit(self, mine: BoolArray | None, belief: Belief) -> RationalityFit:
        """The logit rationality of some choices, or of all.

        With empirical beliefs everybody is taken to expect what all were seen to do. Where the choices to be explained are
        not all those of some players, that expectation is held fixed while episodes are drawn again.

        Raises
        ------
        MetricError
            If nothing valid was chosen, or the game says nothing of what was.
        """
        from .quantal_response import fit_logit

        total = self.counts()
        counted, each = (total, self.episodes()) if mine is None else (self.counts(mine), self.episodes(mine))
        alike = isinstance(self.game, SymmetricGame)

        def given(vectors: list[FloatArray]) -> Any:
            return vectors[0] if alike else vectors

        players, known = None, None
        if mine is not None and belief == "empirical":
            there = {p for p, vector in enumerate(total) if vector.any()}
            own = {p for p, vector in enumerate(counted) if vector.any()}
            owners = {owner_of(self.game, p) for p in own}
            theirs = {p for p in there if owner_of(self.game, p) in owners}
            if not alike and own == theirs and all((counted[p] == total[p]).all() for p in own):
                players, counted, each = sorted(owners), total, self.episodes()
            else:
                belief = "known"
                known = given([v / v.sum() if v.any() else None for v in total])  # type: ignore[misc]
        clusters = [given(episode) for episode in each]
        return fit_logit(
            given(counted), self.game, belief=belief, known=known, players=players, clusters=clusters,
            resamples=RESAMPLES, repeated=self.rounds > 1,
        )  # fmt: skip


def observed(record: Record) -> list[Observed]:
    """What was chosen, cell by cell; read once for a record.

    Raises
    ------
    MetricError
        If a cell has no formal game that is a table or a tree, or its steps were not kept.
    """
    return once(record, "choices in formal games", lambda: [_observed(record, cell) for cell in cells(record)])


def _observed(record: Record, cell: CellOf) -> Observed:
    environment = cell.environment()
    game = environment.game()
    if not isinstance(game, (NormalFormGame, SymmetricGame, ExtensiveFormGame)):
        raise MetricError(
            f"'{environment.kind}' has no formal game that is a table or a tree.", path="environment.kind"
        )
    steps = record.sql("SELECT * FROM steps LIMIT 0").columns
    tree = isinstance(game, ExtensiveFormGame)
    if "action" not in steps or (tree and "set" not in steps):
        raise MetricError("no steps were kept.", path="record.steps", hint="record: {steps: all} keeps them.")
    imputed = '"imputed"' if "imputed" in steps else "NULL"
    place = '"set"' if tree else "0"
    where = '"set" IS NOT NULL AND NOT isnan("set")' if tree else f"phase = '{CHOICE}' AND action IS NOT NULL"
    found = record.sql(
        f"SELECT seed, agent, member, {place} AS place, action, {imputed} AS imputed FROM steps "
        f"WHERE cell = {cell.index} AND {where} ORDER BY seed, step, agent"
    ).columns
    columns = {name: dense(values) for name, values in found.items()}
    if not len(columns["seed"]):
        raise MetricError("nobody's choices were kept.", path="record.steps")
    agents, chosen = columns["agent"].astype(str), columns["action"].astype(np.float64)
    places, actions = columns["place"].astype(np.int64), chosen.astype(np.int64)
    if not tree:
        seats = {name: i for i, name in enumerate(environment.seats())}
        places = np.array([seats[agent] for agent in agents.tolist()])
        if environment.kind != "matrix":  # there an action is an index already
            labels = labels_of(game)
            pairs, at = np.unique(np.column_stack([places, chosen]), axis=0, return_inverse=True)
            actions = np.array([index_of(action, labels[int(seat)]) for seat, action in pairs])[at.ravel()]
        if isinstance(game, SymmetricGame):
            places = np.zeros_like(places)
    rounds = int(getattr(environment, "horizon", None) or getattr(environment, "repeat", None) or 1)
    valid = np.nan_to_num(columns["imputed"].astype(np.float64)) == 0
    return Observed(cell, game, columns["seed"].astype(np.int64), agents, columns["member"].astype(str), places, actions, valid, rounds)  # fmt: skip
