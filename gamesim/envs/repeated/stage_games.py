"""Named games in normal form, registered under ``gamesim.games``. Payoffs are whole numbers, so certificates are exact."""

from __future__ import annotations

from gamesim.core.errors import ScenarioError
from gamesim.core.normal_form import NormalFormGame

MOVES = (("C", "D"), ("C", "D"))


def prisoners_dilemma(
    temptation: float = 5, reward: float = 3, punishment: float = 1, sucker: float = 0
) -> NormalFormGame:
    """Two players, C or D; D is better whatever the other does, and both prefer CC to DD.

    Examples
    --------
    >>> prisoners_dilemma().pure_equilibria()
    [(1, 1)]
    """
    if not temptation > reward > punishment > sucker:
        raise ScenarioError(
            f"payoffs {temptation:g}, {reward:g}, {punishment:g}, {sucker:g} make no prisoners' dilemma.",
            hint="Needed: temptation > reward > punishment > sucker.",
        )
    row = [[reward, sucker], [temptation, punishment]]
    return NormalFormGame.bimatrix(row, _transposed(row), actions=MOVES, name="prisoners_dilemma")


def chicken(swerve: float = 3, yielded: float = 1, forced: float = 5, crash: float = 0) -> NormalFormGame:
    """Two players, C (swerve) or D (drive on): each wants to do what the other does not."""
    row = [[swerve, yielded], [forced, crash]]
    return NormalFormGame.bimatrix(row, _transposed(row), actions=MOVES, name="chicken")


def stag_hunt(stag: float = 4, alone: float = 0, hare: float = 3) -> NormalFormGame:
    """Two players, C (stag) or D (hare): stag pays only together, hare always."""
    row = [[stag, alone], [hare, hare]]
    return NormalFormGame.bimatrix(row, _transposed(row), actions=MOVES, name="stag_hunt")


def symmetric_2x2(a: float = 4, b: float = 3, c: float = 0, d: float = 3) -> NormalFormGame:
    """Two players alike, S or H: S earns a against S and c against H, H earns b against S and d against H; a stag hunt.

    The letters are those of ``gamesim_analysis.equilibrium.risk_2x2.thresholds``.

    Examples
    --------
    >>> symmetric_2x2(10, 2, 1, 3).pure_equilibria()
    [(0, 0), (1, 1)]
    """
    row = [[a, c], [b, d]]
    return NormalFormGame.bimatrix(row, _transposed(row), actions=(("S", "H"),) * 2, name="symmetric_2x2")


def battle_of_the_sexes() -> NormalFormGame:
    """Two players who want to meet, at different places."""
    return NormalFormGame.bimatrix(
        [[3, 0], [0, 2]], [[2, 0], [0, 3]], actions=(("opera", "fight"),) * 2, name="battle_of_the_sexes"
    )


def matching_pennies() -> NormalFormGame:
    """Zero-sum: the first player wants the coins to match."""
    return NormalFormGame.bimatrix([[1, -1], [-1, 1]], actions=(("heads", "tails"),) * 2, name="matching_pennies")


def rock_paper_scissors() -> NormalFormGame:
    """Zero-sum, each action beats one other."""
    return NormalFormGame.bimatrix(
        [[0, -1, 1], [1, 0, -1], [-1, 1, 0]], actions=(("rock", "paper", "scissors"),) * 2, name="rock_paper_scissors"
    )


def shapley() -> NormalFormGame:
    """Three actions each, on which fictitious play cycles for ever.

    References
    ----------
    .. [1] Shapley, "Some Topics in Two-Person Games", Advances in Game Theory, 1964.
    """
    return NormalFormGame.bimatrix([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], name="shapley")


def _transposed(row: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*row, strict=True)]
