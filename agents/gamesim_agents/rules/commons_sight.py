"""What the rules of the commons read: the observation arrays, and what several rules compute of them.

Arrays are (B, n) for the n seats a policy plays, or (B, 1) where all see the same. What others did is summed or searched
without ever holding an array of all pairs of agents: over the public board, or over the k agents each one sees.
"""

from __future__ import annotations

import numpy as np

from gamesim.core.arrays import AnyArray, Arrays, BoolArray, FloatArray, IntArray

from .commons_terms import Terms

BUDGET = 2**20  # entries of the largest temporary array


class Sight:
    """One phase's observation as some seats see it."""

    def __init__(self, observation: Arrays, terms: Terms) -> None:
        self._seen = observation
        self.terms = terms
        self.index: IntArray = np.asarray(observation["index"])
        self.shape = self.index.shape
        self.players: int = observation["board_alive"].shape[-1]

    def get(self, key: str) -> AnyArray:
        return np.asarray(self._seen[key])

    def has(self, key: str) -> bool:
        return key in self._seen

    def own(self, key: str) -> FloatArray:
        """An array of the seats' own, shape (B, n); NaN where the environment has none."""
        if not self.has(key):
            return np.full(self.shape, np.nan)
        return np.asarray(np.broadcast_to(self.get(key), self.shape), dtype=np.float64)

    def filled(self, value: FloatArray | float) -> FloatArray:
        """Anything that broadcasts, as (B, n)."""
        return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), self.shape))

    @property
    def alive(self) -> FloatArray:
        """Number of agents alive, shape (B, 1) or (B, n)."""
        return np.asarray(np.maximum(1.0, self.get("board_alive").sum(axis=-1).astype(np.float64)))

    @property
    def stock(self) -> FloatArray:
        """The stock now; where it is hidden, the last one that catches give away, or the initial one."""
        if self.has("stock"):
            return np.asarray(self.get("stock"), dtype=np.float64)
        effort, known = self._board("effort")
        harvest, _ = self._board("harvest")
        own_effort, own_harvest = self._mine(self.get("board_effort")), self._mine(self.get("board_harvest"))
        if self.terms.catch != "effort":
            return self.filled(self.terms.initial)
        with np.errstate(divide="ignore", invalid="ignore"):
            others = np.where(known & (effort > 0), harvest / effort, -np.inf).max(axis=-1)
            mine = np.where(own_effort > 0, own_harvest / own_effort, -np.inf)
        best = np.maximum(others, mine) / self.terms.productivity
        return np.where(np.isfinite(best), best, self.terms.initial)

    @property
    def cap(self) -> FloatArray:
        """What the agent may take by the rules in force: its quota, else the norm, else its own belief."""
        norm, quota = self.own("norm"), self.own("quota")
        cap = np.where(np.isnan(norm), self.own("belief"), norm)
        return np.where(np.isnan(quota), cap, quota)

    def _board(self, key: str) -> tuple[FloatArray, BoolArray]:
        """What is known of others: values (B, ., m) and which of them count (alive and known)."""
        values = np.asarray(self.get(f"board_{key}"), dtype=np.float64)
        alive = np.asarray(self.get("board_alive"), dtype=bool)
        if self.has("visible"):
            visible = np.asarray(self.get("visible"))
            place = np.maximum(visible, 0)
            values, alive = np.take_along_axis(values, place, axis=-1), np.take_along_axis(alive, place, axis=-1)
            alive = alive & (visible >= 0) & (visible != self.index[..., None])
        return values, alive & np.isfinite(values)

    def mean_of_others(self, key: str) -> FloatArray:
        """Mean of the others' last known ``effort``, ``harvest`` or ``wealth``, shape (B, n); NaN where nobody is known."""
        values, counts = self._board(key)
        total = np.where(counts, values, 0.0).sum(axis=-1)
        number = counts.sum(axis=-1).astype(np.float64)
        if not self.has("visible"):  # the whole board: leave oneself out
            mine, known = self._mine(values), self._mine(counts).astype(bool)
            total = total - np.where(known, mine, 0.0)
            number = number - known
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.filled(np.where(number > 0, total / number, np.nan))

    def extreme_other(self, key: str, *, largest: bool, among: tuple[str, FloatArray] | None = None) -> IntArray:
        """Index of the other agent with the largest or smallest last value, shape (B, n); N where there is none.

        ``among``: ``("<=", cap)`` or ``(">", cap)``, shape (B, 1) or (B, n), keeps only values on that side.
        """
        values, counts = self._board(key)
        if among is not None:
            side, cap = among
            limit = np.asarray(cap)[..., None]
            if not self.has("visible"):
                limit = limit[:, :1]  # the norm is everybody's
            with np.errstate(invalid="ignore"):
                counts = counts & ((values > limit) if side == ">" else (values <= limit))
        score = np.where(counts, values if largest else -values, -np.inf)
        if self.has("visible"):
            best = score.argmax(axis=-1)
            found = np.take_along_axis(np.asarray(self.get("visible")), best[..., None], axis=-1)[..., 0]
            return np.where(
                np.isfinite(np.take_along_axis(score, best[..., None], axis=-1)[..., 0]), found, self.players
            )
        first = score.argmax(axis=-1)
        without = score.copy()
        np.put_along_axis(without, first[..., None], -np.inf, axis=-1)
        second = without.argmax(axis=-1)
        chosen = np.where(self.index == first, second, first)
        worth = np.where(
            self.index == first,
            np.take_along_axis(without, second[..., None], axis=-1)[..., 0],
            np.take_along_axis(score, first[..., None], axis=-1)[..., 0],
        )
        return np.where(np.isfinite(worth), chosen, self.players)

    def pick_other(self, u: FloatArray) -> IntArray:
        """The floor(u * m)-th of the m alive others that are seen, in agent order; N where there is none."""
        _, counts = self._board("alive")
        if self.has("visible"):
            rank = np.floor(u * counts.sum(axis=-1))
            place = _nth(counts, rank)
            found = np.take_along_axis(
                np.asarray(self.get("visible")), np.minimum(place, counts.shape[-1] - 1)[..., None], axis=-1
            )
            return np.where(place < counts.shape[-1], found[..., 0], self.players)
        me = self._mine(counts).astype(bool)
        number = counts.sum(axis=-1) - me
        before: FloatArray = np.take_along_axis(
            np.cumsum(counts, axis=-1) - counts, self._place(counts), axis=-1
        ).reshape(self.shape)
        rank = np.floor(u * number)
        rank = rank + (me & (rank >= before))  # skip oneself
        order = np.argsort(~counts, axis=-1, kind="stable")  # the alive ones first, in agent order
        place = np.minimum(rank, self.players - 1).astype(np.int64)
        if order.shape[1] == 1:
            chosen = np.take_along_axis(order[:, 0], place, axis=-1)
        else:
            chosen = np.take_along_axis(order, place[..., None], axis=-1)[..., 0]
        return np.where(number > 0, chosen, self.players)

    def permitted(self, target: AnyArray) -> AnyArray:
        """The target where it may be fined, N elsewhere: within reach, and guilty unless the rules let anybody be fined.

        Guilty is who took more than the norm (or one's own belief), or whom one inspected and takes for a violator. Where
        it cannot be known (a network of punishing, quotas of others) only the inspected agent is within reach.
        """
        target = np.asarray(target, dtype=np.int64)
        seen = target == self.get("inspected")
        allowed = seen & (np.asarray(self.get("violation"), dtype=bool) | self.terms.free_fines)
        if self.terms.anyone and self.terms.free_fines:
            allowed = np.full(self.shape, True)
        elif self.terms.anyone and not self.terms.quotas:
            board = np.asarray(self.get("board_harvest"), dtype=np.float64)
            place = np.minimum(target, self.players - 1)
            place = place[:, None, :] if board.shape[1] == 1 else place[..., None]
            taken = np.take_along_axis(board, place, axis=-1).reshape(self.shape)
            norm = self.own("norm")
            allowed = allowed | (taken > np.where(np.isnan(norm), self.own("belief"), norm))
        return np.where(allowed & (target < self.players) & (target != self.index), target, self.players)

    def ballot(self, wanted: FloatArray) -> FloatArray:
        """The vote for what is nearest to what one wants, shape (B, n): the 0-based index of that proposal, the lower on
        ties, or at an election the seat of the first who made it; N (no ballot) where nothing is proposed."""
        place = self._nearest(np.asarray(self.get("proposals"), dtype=np.float64), wanted)
        if not (self.has("election") and bool(self.get("election").flat[0])):
            return place
        best = self.proposed(np.minimum(place, self.players - 1).astype(np.int64))
        seat = self._nearest(np.asarray(self.get("board_proposal"), dtype=np.float64), best)
        return np.where(place < self.players, seat, place)

    def proposed(self, place: IntArray) -> FloatArray:
        """The distinct proposals at some places of their list, shape (B, n)."""
        proposals = np.asarray(self.get("proposals"), dtype=np.float64)
        index = place[:, None, :] if proposals.shape[1] == 1 else place[..., None]
        return np.asarray(np.take_along_axis(proposals, index, axis=-1).reshape(self.shape))

    def _nearest(self, options: FloatArray, wanted: FloatArray) -> FloatArray:
        """Place of the first option nearest to what is wanted, N where there is none."""
        result = np.full(self.shape, float(self.players))
        width = max(1, BUDGET // max(1, self.shape[0] * options.shape[-1]))
        for start in range(0, self.shape[1], width):  # by blocks of agents, so that memory stays linear
            part = slice(start, start + width)
            board = options if options.shape[1] == 1 else options[:, part]
            distance = np.abs(board - wanted[:, part, None])
            found = np.isfinite(distance).any(axis=-1)
            place = np.where(np.isnan(distance), np.inf, distance).argmin(axis=-1)
            result[:, part] = np.where(found, place, float(self.players))
        return result

    def _place(self, board: AnyArray) -> IntArray:
        """Indices that take each seat's own entry of a board: (B, 1, n) from (B, 1, N), (B, n, 1) from (B, n, N)."""
        return self.index[:, None, :] if board.shape[1] == 1 else self.index[..., None]

    def _mine(self, board: AnyArray) -> FloatArray:
        return np.take_along_axis(board, self._place(board), axis=-1).reshape(self.shape).astype(np.float64)


def _nth(mask: BoolArray, rank: FloatArray) -> IntArray:
    """Place of the rank-th True along the last axis; its length where there are not so many."""
    hit = mask & (np.cumsum(mask, axis=-1) == rank[..., None] + 1)
    return np.asarray(np.where(hit.any(axis=-1), hit.argmax(axis=-1), mask.shape[-1]))
