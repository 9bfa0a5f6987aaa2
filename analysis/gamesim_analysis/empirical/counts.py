"""What players of a formal game did, as counts of their actions, in one form for every kind of game."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.symmetric import SymmetricGame

Game = NormalFormGame | SymmetricGame


@dataclass(frozen=True)
class Counts:
    """Valid, non-imputed choices.

    Attributes
    ----------
    by_player : n vectors, the i-th of length k_i; all zero where nothing is known of a player.
    alike : the players of a symmetric game are not told apart; then there is one vector, of all of them together.
    """

    by_player: tuple[FloatArray, ...]
    alike: bool = False

    @property
    def total(self) -> float:
        return float(sum(counts.sum() for counts in self.by_player))

    def frequencies(self) -> list[FloatArray | None]:
        """The mixture that each vector shows, or None without data."""
        return [counts / counts.sum() if counts.sum() > 0 else None for counts in self.by_player]


def as_counts(counts: Any, game: Game) -> Counts:
    """Checked counts.

    Parameters
    ----------
    counts : n vectors, the i-th of length k_i, >= 0; or, for a symmetric game, one vector of length k for all players.

    Raises
    ------
    MetricError
        If they do not fit the game.
    """
    if isinstance(counts, Counts):
        return counts
    given = list(counts)
    one = isinstance(game, SymmetricGame) and len(given) == game.k and all(np.ndim(x) == 0 for x in given)
    rows = [given] if one else given
    sizes = (game.shape[0],) if one else game.shape
    if len(rows) != len(sizes):
        raise MetricError(f"counts of {len(rows)} players for a game of {len(sizes)}.", path="counts")
    vectors = []
    for player, (row, size) in enumerate(zip(rows, sizes, strict=True)):
        try:
            vector = np.asarray(row, dtype=np.float64)
        except (TypeError, ValueError):
            raise MetricError("counts must be numbers.", path=f"counts.{player}") from None
        if vector.shape != (size,):
            raise MetricError(
                f"counts of shape {vector.shape}; player {player} has {size} actions.", path=f"counts.{player}"
            )
        if not (np.isfinite(vector).all() and (vector >= 0).all()):
            raise MetricError("counts must be finite and at least 0.", path=f"counts.{player}")
        vectors.append(vector)
    return Counts(tuple(vectors), alike=one)


def payoffs_against(game: Game, player: int, others: Sequence[FloatArray | None]) -> FloatArray | None:
    """What each action of a player earns against mixtures of the others; None where one of them is not known.

    Parameters
    ----------
    others : n mixtures, the player's own not read; or one, in a symmetric game whose players are alike.
    """
    if isinstance(game, SymmetricGame) and len(others) == 1:
        (mixture,) = others
        return None if mixture is None else np.asarray(game.action_payoffs(mixture), dtype=np.float64)
    rest = [mixture for j, mixture in enumerate(others) if j != player]
    known = [mixture for mixture in rest if mixture is not None]
    if len(known) < len(rest):
        return None
    if isinstance(game, SymmetricGame):
        return np.asarray(game.action_payoffs_against(known), dtype=np.float64)
    full = [
        np.full(size, 1.0 / size) if j == player else np.asarray(others[j])
        for j, size in enumerate(game.shape)
    ]  # fmt: skip
    return np.asarray(game.action_payoffs(player, full), dtype=np.float64)


def average_payoffs_against(game: Game, player: int, others: Sequence[Any]) -> FloatArray:
    """As ``payoffs_against`` for many sets of mixtures at once: arrays (B, k_j); the answer has shape (B, k_player)."""
    if isinstance(game, SymmetricGame):
        return np.array(
            [payoffs_against(game, player, [mixture[b] for mixture in others]) for b in range(len(others[0]))]
        )
    letters = "abcdefghijklmnopqrstuvwxyz"[: game.n]
    rest = [j for j in range(game.n) if j != player]
    terms = ",".join([letters, *(f"Z{letters[j]}" for j in rest)])
    mixtures = [np.asarray(others[j]) for j in rest]
    return np.asarray(np.einsum(f"{terms}->Z{letters[player]}", game.payoffs[player], *mixtures, optimize=True))
