"""Team games and mechanisms in words and as JSON; tables and trees are in ``told``."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Any

import numpy as np

from gamesim.core.canonical import digest
from gamesim.core.mechanism import Mechanism
from gamesim.core.solution import Equilibrium, Solution
from gamesim.core.team_game import TeamGame

SIGNALS_TOLD = 16  # of a member in one line
FITTING = {
    "team": "team",
    "mechanism": "truthful",
    "preference": "regularised",
}  # kind of game -> the concept that is asked for by default


def facts(game: TeamGame | Mechanism) -> dict[str, Any]:
    """What is known of a game before it is solved."""
    if isinstance(game, TeamGame):
        sums = hashlib.sha256()
        for array in (game.seen, game.table.astype(str)):
            sums.update(repr((array.shape, array.tolist())).encode())
        return {
            "kind": "team", "name": game.name, "players": list(game.players), "states": len(game.chances),
            "signals": list(game.sights), "actions": list(game.shape), "sha256": sums.hexdigest(),
        }  # fmt: skip
    spaces = [[space.low, space.high] if not space.values else list(space.values) for space in game.types]
    known = {"kind": "mechanism", "name": game.name, "players": list(game.players), "types": spaces, **dict(game.facts)}
    return {**known, "sha256": digest(known)}


def summary(game: TeamGame | Mechanism) -> str:
    """One line about a game."""
    if isinstance(game, TeamGame):
        signals, actions = ("x".join(map(str, sizes)) for sizes in (game.sights, game.shape))
        return (
            f"{game.n} members, {len(game.chances):,} states, {signals} signals, {actions} actions, one common payoff"
        )
    told = ", ".join(f"{name} {value}" for name, value in game.facts)
    return f"{game.n} bidders" + (f", {told}" if told else "")


def told(game: TeamGame | Mechanism, equilibrium: Equilibrium) -> dict[str, Any]:
    """An answer as JSON."""
    certificate = equilibrium.certificate
    found: dict[str, Any] = {
        "words": words(game, equilibrium),
        "payoffs": [number(value) for value in equilibrium.payoffs],
        "certificate": {
            "concept": certificate.concept,
            "gap": number(certificate.gap),
            "gap_name": certificate.gap_name,
            "regrets": [number(value) for value in certificate.regrets],
            "relative": certificate.relative,
            "grade": certificate.grade,
            "arithmetic": certificate.arithmetic,
            "rounding": certificate.rounding,
            "guarantee": certificate.guarantee,
        },
    }
    if isinstance(game, TeamGame):
        return {
            "profile": _strategies(game, equilibrium.play),
            "common_payoff": number(equilibrium.payoffs[0]),
            **found,
        }
    tried = certificate.details["incentives"]
    found["certificate"] |= {
        "reason": certificate.details["reason"],
        "monotone": None if tried.fall is None else tried.fall <= 1e-12,
        "least_utility": tried.least_utility,
        "least_payment": tried.least_payment,
        "misreport": None if tried.worst is None else vars(tried.worst),
    }
    return {"profile": dict.fromkeys(game.players, "the type"), **found}


def _strategies(game: TeamGame, play: Any) -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = {}
    for player, signals, actions, own in zip(game.players, game.signals, game.actions, play, strict=True):
        table[player] = {
            signal: actions[int(row)]
            if np.ndim(row) == 0
            else {action: number(p) for action, p in zip(actions, row, strict=True) if p}
            for signal, row in zip(signals, own, strict=True)
        }
    return table


def words(game: TeamGame | Mechanism, equilibrium: Equilibrium) -> str:
    """How it is played, in one line."""
    if isinstance(game, Mechanism):
        if equilibrium.certificate.grade == "rejected":
            return f"all report their types; but {_misreport(equilibrium)}"
        return "all report their types"
    parts = []
    for player, own in _strategies(game, equilibrium.play).items():
        said = [f"{signal}: {action}" for signal, action in list(own.items())[:SIGNALS_TOLD]]
        parts.append(f"{player} {', '.join(said)}" + (", ..." if len(own) > SIGNALS_TOLD else ""))
    return "; ".join(parts)


def _misreport(equilibrium: Equilibrium) -> str:
    """The misreport that gains most, for truth that is no equilibrium."""
    found = equilibrium.certificate.details["incentives"]
    at = int(np.argmax(found.gains))
    return f"{found.worst.player} of type {found.worst.types[at]:.4g} gains {found.worst.gain:.4g} by reporting {found.worst.report:.4g}"


def certificate_in_words(solution: Solution) -> str:
    """What was checked, and what is claimed of the answer."""
    if not solution.equilibria:
        if solution.concept == "truthful" and solution.rejected:
            return f"Reporting the truth is no equilibrium: {_misreport(solution.rejected[0])} ({solution.method})."
        return f"{solution.method} found none."
    certificate = solution.equilibria[0].certificate
    if solution.concept == "truthful":
        return (
            f"Certificate: no misreport gains more than {certificate.bound:.2g} ({certificate.details['reason']}, checked apart "
            f"from the solver); a sample, no proof ({solution.method})."
        )
    gain = "anything: exact fractions" if solution.exact else f"more than {certificate.bound:.2g}"
    whole = (
        "no play is worth more, for every strategy was tried"
        if solution.complete
        else "a lower bound of the best: a better play is not ruled out"
    )
    if solution.stopped:
        whole += f"; the search was ended by its limit ({solution.stopped})"
    return f"Certificate: no member alone can add {gain}, checked apart from the solver; {whole} ({solution.method})."


def number(value: Any) -> Any:
    """Exact numbers as text, floats as they are."""
    return str(value) if isinstance(value, (Fraction, int)) else float(value)
