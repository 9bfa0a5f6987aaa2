"""What players of a formal game did, as counts of their actions, in one form for every kind of game."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gamesim.core.agent_form import action_values
from gamesim.core.arrays import FloatArray
from gamesim.core.errors import MetricError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.symmetric import SymmetricGame

Table = NormalFormGame | SymmetricGame
Game = Table | ExtensiveFormGame


def sizes_of(game: Game) -> tuple[int, ...]:
    """Actions of each who decides: a player, or in a tree an information set."""
    return tuple(len(s.actions) for s in game.sets) if isinstance(game, ExtensiveFormGame) else game.shape


def owner_of(game: Game, place: int) -> int:
    """The player who decides there."""
    return game.sets[place].player if isinstance(game, ExtensiveFormGame) else place


def name_of(game: Game, place: int) -> str:
    if isinstance(game, ExtensiveFormGame):
        return f"{game.players[game.sets[place].player]} at {game.set_names[place]}"
    return f"player {place}"


def labels_of(game: Game) -> list[tuple[str, ...]]:
    """Names of the actions of each who decides."""
    if isinstance(game, SymmetricGame):
        return [game.actions] * game.n
    return [s.actions for s in game.sets] if isinstance(game, ExtensiveFormGame) else list(game.actions)


def index_of(action: float, labels: Sequence[str]) -> int:
    """Which action has a label that is this number.

    Raises
    ------
    MetricError
        If none has.
    """
    for place, label in enumerate(labels):
        try:
            if abs(float(label) - action) <= 1e-9:
                return place
        except ValueError:
            continue
    raise MetricError(f"action {action:g} is not among those of the formal game.", path="environment.tokens")


@dataclass(frozen=True)
class Counts:
    """Valid, non-imputed choices.

    Attributes
    ----------
    by_player : n vectors, the i-th of length k_i, in a tree one an information set; all zero where nothing is known.
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
    counts : n vectors, the i-th of length k_i, >= 0; for a symmetric game also one vector of length k for all players; for a
        tree one vector an information set, in the order of ``game.sets``.

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
    sizes = sizes_of(game)[:1] if one else sizes_of(game)
    if len(rows) != len(sizes):
        what = "information sets" if isinstance(game, ExtensiveFormGame) else "players"
        raise MetricError(f"counts of {len(rows)} {what} for a game of {len(sizes)}.", path="counts")
    vectors = []
    for player, (row, size) in enumerate(zip(rows, sizes, strict=True)):
        try:
            vector = np.asarray(row, dtype=np.float64)
        except (TypeError, ValueError):
            raise MetricError("counts must be numbers.", path=f"counts.{player}") from None
        if vector.shape != (size,):
            raise MetricError(
                f"counts of shape {vector.shape}; {name_of(game, player)} has {size} actions.", path=f"counts.{player}"
            )
        if not (np.isfinite(vector).all() and (vector >= 0).all()):
            raise MetricError("counts must be finite and at least 0.", path=f"counts.{player}")
        vectors.append(vector)
    return Counts(tuple(vectors), alike=one)


def payoffs_against(game: Game, mixtures: Sequence[FloatArray | None]) -> list[FloatArray | None]:
    """What each action of everybody who decides earns against mixtures of the others; None where they leave it open.

    Parameters
    ----------
    mixtures : as ``Counts.frequencies`` has them. In a tree own play at other sets counts among the others'.
    """
    sizes = sizes_of(game)[: len(mixtures)]
    if isinstance(game, ExtensiveFormGame):
        play = [np.full(k, np.nan) if mixture is None else mixture for mixture, k in zip(mixtures, sizes, strict=True)]
        return [None if np.isnan(values).any() else values for values in action_values(game, play)]
    found: list[FloatArray | None] = []
    for player in range(len(mixtures)):
        rest = list(mixtures) if len(mixtures) == 1 else [m for j, m in enumerate(mixtures) if j != player]
        if len(mixtures) == 1 and not isinstance(game, SymmetricGame):
            rest = []  # a player alone
        known = [mixture for mixture in rest if mixture is not None]
        if len(known) < len(rest):
            found.append(None)
        elif isinstance(game, SymmetricGame):
            values = game.action_payoffs(known[0]) if len(mixtures) == 1 else game.action_payoffs_against(known)
            found.append(np.asarray(values, dtype=np.float64))
        else:
            full = [m if m is not None else np.full(k, 1.0 / k) for m, k in zip(mixtures, sizes, strict=True)]
            found.append(np.asarray(game.action_payoffs(player, full), dtype=np.float64))
    return found


def average_payoffs_against(game: Game, mixtures: Sequence[Any]) -> list[FloatArray]:
    """As ``payoffs_against`` for many sets of mixtures at once: arrays (B, k_j) in and out; NaN where it is open."""
    if isinstance(game, ExtensiveFormGame):
        return action_values(game, mixtures)
    if isinstance(game, SymmetricGame):
        rows = [payoffs_against(game, [mixture[b] for mixture in mixtures]) for b in range(len(mixtures[0]))]
        return [np.array([row[i] for row in rows]) for i in range(len(mixtures))]
    letters = "abcdefghijklmnopqrstuvwxyz"[: game.n]
    found = []
    for player in range(game.n):
        rest = [j for j in range(game.n) if j != player]
        terms = ",".join([letters, *(f"Z{letters[j]}" for j in rest)])
        others = [np.asarray(mixtures[j]) for j in rest]
        if not rest:
            found.append(np.broadcast_to(game.payoffs[0], np.shape(mixtures[0])))
            continue
        found.append(
            np.asarray(np.einsum(f"{terms}->Z{letters[player]}", game.payoffs[player], *others, optimize=True))
        )
    return found
