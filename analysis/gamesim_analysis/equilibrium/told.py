"""Solutions in words and as JSON: exact numbers stay exact, as text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from gamesim.core.behaviour import reach
from gamesim.core.efg_format import write_efg
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.mechanism import Mechanism
from gamesim.core.nfg_format import write_nfg
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.preference_game import PreferenceGame
from gamesim.core.profiles import Joint
from gamesim.core.solution import Equilibrium, Limits, Solution
from gamesim.core.symmetric import SymmetricGame
from gamesim.core.team_game import TeamGame

from . import told_others
from .starting import actions_of

SETS_TOLD = 8  # of a player in one line


def name_of(game: Any, source: str) -> str:
    return str(game.name or Path(source.removeprefix("catalog:")).stem)


def facts(game: Any, *, digest: bool = True) -> dict[str, Any]:
    """What is known of a game before it is solved; the hash of a large one takes seconds."""
    if isinstance(game, (TeamGame, Mechanism)):
        return told_others.facts(game)
    if isinstance(game, ExtensiveFormGame):
        return {
            "kind": "extensive",
            "name": game.name,
            "players": list(game.players),
            "nodes": game.size,
            "sets": len(game.sets),
            "perfect_information": game.perfect_information,
            "perfect_recall": game.perfect_recall,
            "constant_sum": game.is_constant_sum,
            "subgames": len(game.subgame_roots),
            "notes": list(game.notes),
            **({"sha256": digest_of(game)} if digest else {}),
        }
    table = tabled(game)
    preference = isinstance(game, PreferenceGame)
    return {
        "kind": "preference" if preference else "normal",
        **({"beta": game.beta, "reference": game.reference.tolist()} if preference else {}),
        "name": game.name,
        "players": list(table.players),
        "strategies": list(table.shape),
        "constant_sum": table.is_constant_sum,
        "symmetric": table.is_symmetric,
        **({"sha256": digest_of(game)} if digest else {}),
    }


def digest_of(game: Any) -> str:
    """The sha256 of a game: of its file, or of its payoffs by counts where that would be too large."""
    if isinstance(game, (TeamGame, Mechanism)):
        return str(told_others.facts(game)["sha256"])
    if isinstance(game, ExtensiveFormGame):
        return hashlib.sha256(write_efg(game).encode()).hexdigest()
    table = tabled(game)
    if isinstance(table, NormalFormGame):
        return hashlib.sha256(write_nfg(table).encode()).hexdigest()
    head = repr((table.n, table.actions, table.exact is not None)).encode()
    return hashlib.sha256(head + table.payoffs.tobytes()).hexdigest()


def tabled(game: Any) -> NormalFormGame | SymmetricGame:
    """A game in normal form as a table, or by counts where players are alike and the table would be too large."""
    if by_counts(game):
        return game  # type: ignore[no-any-return]
    table: NormalFormGame = game.to_normal_form()
    return table


def by_counts(game: Any) -> bool:
    """Whether players are alike and too many for a table."""
    return isinstance(game, SymmetricGame) and game.n * prod(game.shape) > Limits().cells


def summary(game: Any) -> str:
    """One line about a game."""
    if isinstance(game, (TeamGame, Mechanism)):
        return told_others.summary(game)
    known = facts(game, digest=False)
    words = [f"{len(known['players'])} players"]
    if known["kind"] == "extensive":
        words.append(f"{known['nodes']:,} nodes")
        words.append("perfect information" if known["perfect_information"] else f"{known['sets']:,} information sets")
        words.append("perfect recall" if known["perfect_recall"] else "a player forgets")
    else:
        words.append("x".join(str(k) for k in known["strategies"]) + " strategies")
    words.append("constant-sum" if known["constant_sum"] else "general-sum")
    return ", ".join(words)


def number(value: Any) -> Any:
    """Exact numbers as text, floats as they are."""
    return str(value) if isinstance(value, (Fraction, int)) else float(value)


def told(game: Any, equilibrium: Equilibrium) -> dict[str, Any]:
    """An equilibrium as JSON: play by player, set and action."""
    if isinstance(game, (TeamGame, Mechanism)):
        return told_others.told(game, equilibrium)
    certificate = equilibrium.certificate
    play, kind = played(game, equilibrium.play)
    players = list(game.players)
    replies: dict[str, Any] = {}
    for i, reply in enumerate(certificate.best_responses):
        if isinstance(reply, tuple) and isinstance(game, ExtensiveFormGame):
            replies[players[i]] = {
                game.set_names[h]: game.sets[h].actions[a] for h, a in zip(game.sets_of[i], reply, strict=True)
            }
        elif isinstance(game, ExtensiveFormGame):
            replies[players[i]] = reply
        else:
            replies[players[i]] = actions_of(game)[i][int(reply)]  # type: ignore[arg-type]
    return {
        kind: play,
        "words": words(game, equilibrium),
        "payoffs": [number(value) for value in equilibrium.payoffs],
        "welfare": number(sum(equilibrium.payoffs)),
        "certificate": {
            "concept": certificate.concept,
            "gap": number(certificate.gap),
            "gap_name": certificate.gap_name,
            "regrets": [number(value) for value in certificate.regrets],
            "nash_conv": number(certificate.nash_conv),
            "relative": certificate.relative,
            "grade": certificate.grade,
            "arithmetic": certificate.arithmetic,
            "rounding": certificate.rounding,
            "guarantee": certificate.guarantee,
            "best_responses": replies,
            **({"reason": certificate.details["reason"]} if "reason" in certificate.details else {}),
            "details": {
                key: plain for key, value in certificate.details.items() if (plain := _plain(value)) is not None
            },
        },
    }


def _plain(value: Any) -> Any:
    """Numbers, and lists and mappings of numbers, as JSON has them; None for anything else."""
    if isinstance(value, (int, float, Fraction, np.floating)) and np.isfinite(float(value)):
        return value if isinstance(value, bool) else number(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return None


def played(game: Any, play: Any) -> tuple[Any, str]:
    """Play by player, set and action, or joint play by profile; and which of the two, ``profile`` or ``joint``."""
    if isinstance(play, Joint):
        table = game.to_normal_form()
        cells = []
        for cell in np.ndindex(*table.shape):
            if play.probabilities[cell]:
                cells.append({"profile": [table.actions[i][a] for i, a in enumerate(cell)], "probability": number(play.probabilities[cell])})  # fmt: skip
        return cells, "joint"
    if isinstance(game, ExtensiveFormGame):
        return {
            player: {
                game.set_names[h]: {a: number(p) for a, p in zip(game.sets[h].actions, play[h], strict=True)}
                for h in own
            }
            for player, own in zip(game.players, game.sets_of, strict=True)
        }, "profile"
    return {
        player: {action: number(p) for action, p in zip(own, vector, strict=True)}
        for player, own, vector in zip(game.players, actions_of(game), play, strict=True)
    }, "profile"


def words(game: Any, equilibrium: Equilibrium) -> str:
    """How an equilibrium is played, in one line."""
    if isinstance(game, (TeamGame, Mechanism)):
        return told_others.words(game, equilibrium)
    play = equilibrium.play
    if isinstance(play, Joint):
        cells, _ = played(game, play)
        parts = [f"{'/'.join(cell['profile'])} {_short(cell['probability'])}" for cell in cells]
        return "a referee draws " + ", ".join(parts[:8]) + (", ..." if len(parts) > 8 else "")
    parts = []
    if isinstance(game, ExtensiveFormGame):
        reached = reach(game, play)
        for player, own in zip(game.players, game.sets_of, strict=True):
            said = []
            for h in own[:SETS_TOLD]:
                mixed = _mixed(game.sets[h].actions, play[h])
                off = not any(reached[node] for node in game.members[h])
                said.append(f"({mixed})" if off else mixed)
            if said:
                parts.append(f"{player} {', '.join(said)}" + (", ..." if len(own) > SETS_TOLD else ""))
        return "; ".join(parts)
    return "; ".join(
        f"{player} {_mixed(own, vector)}"
        for player, own, vector in zip(game.players, actions_of(game), play, strict=True)
    )


def _mixed(actions: Any, vector: Any) -> str:
    used = [
        (action, p) for action, p in zip(actions, vector, strict=True) if p > (0 if vector.dtype == object else 1e-9)
    ]
    if len(used) == 1:
        return str(used[0][0])
    return " + ".join(f"{_short(number(p))} {action}" for action, p in used)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


LISTS = {
    "one": "one equilibrium",
    "pure": "the pure equilibria",
    "extreme": "the extreme equilibria",
    "isolated": "isolated equilibria",
    "accessible": "equilibria that the paths reach",
    "unique": "answers",
}
MINDED = {
    "rae": "want (mean less aversion times variance)",
    "rqe": "want (entropic value and what they pay for precision)",
    "cvar": "want (the mean of their worst share alpha)",
}
GAINS = {
    "correlated": "by disobeying the referee",
    "coarse": "by refusing the referee beforehand",
    "spe": "by another plan, in any subgame",
    "regularised": "once straying from the reference is paid for",
}


def certificate_in_words(solution: Solution) -> str:
    """The sentence under the table: what nobody can gain, how that is known, and whether the list is whole."""
    if solution.concept in ("team", "truthful"):
        return told_others.certificate_in_words(solution)
    if solution.concept in MINDED and (solution.equilibria or solution.rejected):
        return _of_risk(solution)
    found = solution.equilibria
    what = LISTS.get(solution.covers, solution.covers)
    if not found:
        if solution.complete:
            return f"{solution.method} proved that there is none of this kind ({what})."
        return f"{solution.method} found none" + (
            f" before its limit ({solution.stopped})." if solution.stopped else "."
        )
    if solution.concept == "qre":
        return _of_logit(solution)
    how = GAINS.get(solution.concept, "by leaving the play")
    partial = any(e.certificate.guarantee == "heuristic" for e in found)
    if any(e.certificate.arithmetic == "sampled" for e in found):
        gain = _sampled(found, how)
    elif solution.exact:
        gain = f"no player can gain anything {how}: exact fractions, checked apart from the solver"
    else:
        largest = max(e.certificate.bound for e in found)
        gain = f"no player can gain more than {largest:.2g} {how}: floats with all rounding counted, checked apart from the solver"  # fmt: skip
    if partial:
        gain += " (only pure plans, for a player forgets)"
    whole = (
        f"the list of {what} is complete"
        if solution.complete
        else "one equilibrium is listed; there may be others"
        if len(found) == 1
        else "there may be others"
    )
    if solution.stopped:
        whole = f"{len(found)} found before the limit ({solution.stopped}), the list is incomplete"
    return f"Certificate: {gain}; {whole} ({solution.method})."


def _of_risk(solution: Solution) -> str:
    """The gap of players who mind risk, what they could truly gain of what they want, and whether that is an equilibrium."""
    found = solution.equilibria or solution.rejected
    largest = max(found, key=lambda e: e.certificate.bound).certificate
    gaps = [e.certificate.details for e in found]
    regret = max(max(float(value) for value in details["risk_regrets"]) for details in gaps)
    total = max(float(details["raeconv"]) for details in gaps)
    many = "one equilibrium is listed" if len(found) == 1 else f"{len(found)} equilibria are listed"
    if solution.details.get("converged") is False:
        many = "NOT converged: this is the closest point, and no equilibrium to the tolerance"
    reached = f" (branch: {solution.selection})" if solution.selection and len(found) == 1 else ""
    return (
        f"Certificate: in units of what players {MINDED[solution.concept]}, the largest gap is {largest.bound:.2g}, the exact regret at most "
        f"{max(regret, 0.0):.2g}, raeconv {total:.2g}: floats with all rounding counted, checked apart from the solver; {many}{reached}; there may be others ({solution.method})."
    )


def _of_logit(solution: Solution) -> str:
    """What a logit equilibrium is checked for, and what its players could gain by erring less."""
    gap = max(e.certificate.bound for e in solution.equilibria)
    regret = max(float(value) for e in solution.equilibria for value in e.certificate.regrets)
    rationality = solution.equilibria[0].certificate.details["rationality"]
    whole = "there is no other" if solution.complete else "there may be others"
    return (
        f"Certificate: every probability is within {gap:.2g} of what the logit rule answers at lambda {rationality:.6g}, checked"
        f" apart from the solver; who erred no more could gain up to {regret:.4g}; {whole} ({solution.method})."
    )


def _sampled(found: Sequence[Equilibrium], how: str) -> str:
    """A regret in the table of means, and how large it can be in the game that the episodes came from."""
    highs = [e.certificate.interval[1] for e in found if e.certificate.interval is not None]
    known = [high for high in highs if high is not None]
    mean = max(e.certificate.bound for e in found)
    open_ = f"at most {max(known):.3g} with 95 % confidence each" if len(known) == len(highs) and known else "an amount that is not bounded, for a profile was played less than twice"  # fmt: skip
    return (
        f"in the table of means no player can gain more than {mean:.2g} {how}; in the game behind the episodes {open_}"
    )
