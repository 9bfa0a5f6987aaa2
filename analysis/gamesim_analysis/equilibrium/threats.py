"""Empty threats: moves promised where play never comes, and that nobody would carry out.

An equilibrium may rest on them, for off its path nothing is lost by promising. Where the subgame around an information set
can reach it, the subgame's own play weighs its nodes; elsewhere a move is listed only if another is better at every node,
whatever the belief.

References
----------
.. [1] Selten, "Reexamination of the Perfectness Concept for Equilibrium Points in Extensive Games", International Journal
   of Game Theory 4, 1975.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from gamesim.core.behaviour import BehaviourProfile, as_behaviour, best_replies, node_values, reach
from gamesim.core.certify import certify
from gamesim.core.extensive_form import CHANCE, ExtensiveFormGame
from gamesim.core.profiles import Joint

WORK = 400_000  # nodes visited to find out which threats an equilibrium rests on
TOLERANCE = 1e-9  # of the payoff range, below which a gain is rounding


@dataclass(frozen=True)
class Threat:
    """A move that loses if it has to be made.

    Attributes
    ----------
    at : information set.  promised, better : actions of it.
    gain : what the mover would gain by the better one, at that set.
    values : what each action is worth there, where that depends on no belief.
    why : ``subgame`` where the play of its subgame weighs the nodes, ``any belief`` where the better move is better at
        every node (the gain is then the smallest).
    needed : whether the equilibrium rests on it: with the better move there, somebody would rather play otherwise.
    """

    at: int
    promised: int
    better: int
    gain: Any
    values: tuple[Any, ...] | None
    why: Literal["subgame", "any belief"] = "subgame"
    needed: bool = True


def tolerance(game: Any, exact: bool) -> float:
    return 0.0 if exact else TOLERANCE * game.payoff_range


def local_reach(game: ExtensiveFormGame, play: BehaviourProfile) -> list[Any]:
    """Probability with which play comes to each node from the root of the smallest subgame that holds it."""
    roots = set(game.subgame_roots or (0,))
    one = reach(game, play)[0]
    found = [one] * game.size
    for node in range(1, game.size):
        if node in roots:
            continue
        above = game.above[node]
        at, taken = game.at[above], game.taken[node]
        odds: Any = game.chances[at].probabilities[taken] if game.kinds[above] == CHANCE else play[at][taken]
        found[node] = found[above] * (odds if play.exact else float(odds))
    return found


def action_values(game: ExtensiveFormGame, h: int, weights: list[Any], values: list[list[Any]]) -> tuple[Any, ...]:
    """What each action of a set is worth to its mover, its nodes weighed by ``weights`` (not all zero)."""
    who, nodes = game.sets[h].player, game.members[h]
    total = sum(weights[node] for node in nodes)
    return tuple(
        sum(weights[node] * values[game.children[node][a]][who] for node in nodes) / total
        for a in range(len(game.sets[h].actions))
    )


def threats(game: ExtensiveFormGame, play: Any) -> tuple[Threat, ...]:
    """The empty threats of a profile, in the order of the sets; none where a player forgets."""
    profile = as_behaviour(game, play)
    if not game.perfect_recall:
        return ()
    slack = tolerance(game, profile.exact)
    values, reached, local = node_values(game, profile), reach(game, profile), local_reach(game, profile)
    found = []
    for h, nodes in enumerate(game.members):
        if any(reached[node] for node in nodes):
            continue
        used = [a for a, p in enumerate(profile[h]) if p > slack]
        if any(local[node] for node in nodes) or len(nodes) == 1:
            weights = local if any(local[node] for node in nodes) else [1] * game.size
            worth = action_values(game, h, weights, values)
            best, worst = max(worth), min(used, key=lambda a: worth[a])
            if best - worth[worst] > slack:
                why: Literal["subgame", "any belief"] = "subgame" if weights is local else "any belief"
                found.append(Threat(h, worst, worth.index(best), best - worth[worst], worth, why))
        else:
            found += _at_every_node(game, h, used, values, slack)[:1]
    found = found or _in_two_steps(game, profile, slack)
    if len(found) * game.size > WORK:
        return tuple(found)
    return tuple(replace(threat, needed=_needed(game, profile, threat, slack)) for threat in found)


def _needed(game: ExtensiveFormGame, profile: BehaviourProfile, threat: Threat, slack: float) -> bool:
    vectors = list(profile.probabilities)
    unit = [type(p)(int(a == threat.better)) for a, p in enumerate(vectors[threat.at])]
    vectors[threat.at] = np.array(unit, dtype=vectors[threat.at].dtype)
    return bool(max(best_replies(game, BehaviourProfile(tuple(vectors))).gains[0]) > slack)


def is_subgame_perfect(game: Any, play: Any) -> bool | None:
    """Whether play is an equilibrium in every subgame; None where that is no question: a table, or a player who forgets."""
    if not isinstance(game, ExtensiveFormGame) or isinstance(play, Joint) or not game.perfect_recall:
        return None
    return certify(game, play, concept="spe").grade != "rejected"


def _at_every_node(game: ExtensiveFormGame, h: int, used: list[int], values: Any, slack: float) -> list[Threat]:
    """Moves that another beats at every node of a set."""
    who, found = game.sets[h].player, []
    for a in used:
        for b in range(len(game.sets[h].actions)):
            gains = [values[game.children[v][b]][who] - values[game.children[v][a]][who] for v in game.members[h]]
            if min(gains) > slack:
                found.append(Threat(h, a, b, min(gains), None, "any belief"))
    return sorted(found, key=lambda threat: -threat.gain)


def _in_two_steps(game: ExtensiveFormGame, profile: BehaviourProfile, slack: float) -> list[Threat]:
    """Where no single change helps in a subgame but two of one player do: the first of them, with the gain of both."""
    roots = game.subgame_roots or (0,)
    replies = best_replies(game, profile, roots)
    plan = {h: a for own, plan in zip(game.sets_of, replies.plans, strict=True) for h, a in zip(own, plan, strict=True)}
    for root in reversed(roots):
        if root == 0:
            continue
        gains = replies.gains[root]
        for i, gain in enumerate(gains):
            if gain <= slack:
                continue
            for h in game.sets_of[i]:
                inside = root <= game.members[h][0] < game.end[root]
                if inside and profile[h][plan[h]] <= slack:
                    promised = max(range(len(profile[h])), key=lambda a: profile[h][a])
                    return [Threat(h, promised, plan[h], gain, None)]
    return []
