"""Equilibria in words: what each mover knows, plays and could get, and why it is an equilibrium.

Every sentence follows from the game and the play alone, so the same input gives the same bytes. Nothing is called good or
likely; where something is better, the number stands beside it.

    >>> from gamesim.envs.repeated.stage_games import matching_pennies
    >>> from .router import solve
    >>> game = matching_pennies()
    >>> print(explain(game, solve(game, every=True).equilibria[0]))
    player_0 expects 0, player_1 0.
    player_0 plays 1/2 heads + 1/2 tails. Worth to player_0: heads 0 v tails 0. Indifferent between heads and tails.
    player_1 plays 1/2 heads + 1/2 tails. Worth to player_1: heads 0 v tails 0. Indifferent between heads and tails.
    player_1 mixes so that player_0 gains equally from heads and tails.
    player_0 mixes so that player_1 gains equally from heads and tails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gamesim.core.arrays import AnyArray
from gamesim.core.behaviour import BehaviourProfile, as_behaviour, node_values, reach
from gamesim.core.extensive_form import TERMINAL, ExtensiveFormGame
from gamesim.core.mechanism import Mechanism
from gamesim.core.normal_form import NormalFormGame
from gamesim.core.profiles import Joint, MixedProfile, as_profile, is_exact
from gamesim.core.solution import Equilibrium, Ranking
from gamesim.core.symmetric import SymmetricGame
from gamesim.core.team_game import TeamGame
from gamesim.envs.efg.describe_game import describe_game, history, knowledge, knows, number, one_of, places
from gamesim.envs.efg.describe_game import told as label

from . import told_others
from .starting import actions_of
from .threats import Threat, action_values, local_reach, threats, tolerance
from .told import tabled

__all__ = ["describe_game", "dominated", "explain", "explain_ranking", "note_of", "threats"]

MINDED = {
    "rae": "Worths are means alone; players here also mind how much they vary, and tremble.",
    "cvar": "Worths are means alone; players here value the mean of their worst share, and tremble.",
    "rqe": "Worths are means alone; players here also mind risk, and pay for precision.",
    "qre": "Players here err: what is worth less is played less, not never.",
}
SETS = 120  # information sets told one by one
ACTIONS = 24  # actions of a table whose value is told
BELIEFS = 8  # nodes of a set told with their belief
WORK = 400_000  # nodes visited to find out whose mixing keeps whom indifferent


def explain(game: Any, equilibrium: Any, *, sets: int = SETS) -> str:
    """Why play is an equilibrium, or where it is none.

    Parameters
    ----------
    equilibrium : an ``Equilibrium``, or play: of a tree by information set, of a table by player, or a ``Joint``.
    sets : information sets told before the rest is counted.

    Returns
    -------
    Lines of text without a last line break. Probabilities and values are fractions where play is exact.
    """
    play = equilibrium.play if isinstance(equilibrium, Equilibrium) else equilibrium
    if isinstance(game, (TeamGame, Mechanism)):
        return told_others.words(game, equilibrium)
    if isinstance(play, Joint):
        coarse = isinstance(equilibrium, Equilibrium) and equilibrium.certificate.concept == "coarse"
        return "\n".join(_referee(game.to_normal_form(), play, coarse))
    if isinstance(game, ExtensiveFormGame):
        return "\n".join(_tree(game, as_behaviour(game, play), sets))
    concept = equilibrium.certificate.concept if isinstance(equilibrium, Equilibrium) else "nash"
    return "\n".join(_table(tabled(game), play, MINDED.get(concept, "")))


def note_of(game: Any, equilibrium: Equilibrium) -> str:
    """The empty threats of a Nash equilibrium of a tree, in a few words; empty where there is none."""
    if not isinstance(game, ExtensiveFormGame) or isinstance(equilibrium.play, Joint):
        return ""
    found = threats(game, equilibrium.play)
    if not found:
        return ""
    where = places(game)
    chosen = [threat for threat in found if threat.needed] or list(found)
    said = [f"{label(game.sets[t.at].actions[t.promised])} {where[t.at]}, which loses {number(t.gain)}" for t in chosen[:2]]  # fmt: skip
    more = f" and {len(chosen) - 2} more" if len(chosen) > 2 else ""
    return ("rests on " if chosen[0].needed else "promises ") + " and ".join(said) + more


def explain_ranking(ranking: Ranking) -> str:
    """What a method that ranks says; no claim of equilibrium."""
    scores = dict(zip(ranking.names, ranking.scores, strict=True))
    lines = [f"{ranking.method} ranks {len(ranking.names):,} strategies; it claims no equilibrium."]
    lines += [f"{place}. {label(name)} {number(float(scores[name]))}" for place, name in enumerate(ranking.order, 1)]
    if not ranking.unique:
        lines.append("The ranking is not unique: another start of the method could end elsewhere.")
    return "\n".join([*lines, *ranking.notes])


# ---- trees -----------------------------------------------------------------------------------------------------------


def _tree(game: ExtensiveFormGame, play: BehaviourProfile, most: int) -> Iterator[str]:
    values, reached, local = node_values(game, play), reach(game, play), local_reach(game, play)
    where, slack = places(game), tolerance(game, play.exact)
    empty = {threat.at: threat for threat in threats(game, play)}
    yield _expects(game.players, values[0])
    told = 0
    for i, player in enumerate(game.players):
        for h in game.sets_of[i]:
            told += 1
            if told > most:
                continue
            on = any(reached[node] for node in game.members[h])
            yield f"{label(player)}, {where[h]} ({knows(game, h)}):"
            verb = "plays" if on else "would play"
            yield f"  {verb} {_mix(game.sets[h].actions, play[h])}. " + (
                _on_path(game, h, play, reached, values, slack)
                if on
                else _off_path(game, h, play, local, values, empty.get(h))
            )
    if told > most:
        yield f"... and {told - most:,} more places."
    if not game.perfect_recall:
        yield "A player forgets: values at a set are those of one move, and only pure plans were checked."
    for threat in empty.values():
        yield _threat(game, threat, where)
    yield from _never(game, play, reached, where)
    yield from _indifference(game, play, reached, values, where)


def _on_path(game: ExtensiveFormGame, h: int, play: BehaviourProfile, reached: Any, values: Any, slack: float) -> str:
    actions, mover = game.sets[h].actions, label(game.players[game.sets[h].player])
    worth = action_values(game, h, reached, values)
    text = f"Worth to {mover}: {_values(actions, worth)}. {_verdict(actions, worth, play[h], slack)}"
    nodes = game.members[h]
    if len(nodes) == 1:
        return text
    total = sum(reached[node] for node in nodes)
    beliefs = sorted(((reached[node] / total, -node) for node in nodes), reverse=True)
    differ = _differing(game, h)
    said = [f"{number(p)} on {differ[-node]}" for p, node in beliefs[:BELIEFS] if p]
    rest = sum(1 for p, _ in beliefs[BELIEFS:] if p)
    return text + f" Believes: {', '.join(said)}" + (f" and {rest} more." if rest else ".")


def _off_path(
    game: ExtensiveFormGame, h: int, play: BehaviourProfile, local: Any, values: Any, threat: Threat | None
) -> str:
    text = "Off the path: not reached, so no belief follows."
    nodes = game.members[h]
    actions = game.sets[h].actions
    if any(local[node] for node in nodes) or len(nodes) == 1:
        weights = local if any(local[node] for node in nodes) else [1] * game.size
        text += f" If play came there: {_values(actions, action_values(game, h, weights, values))}."
    if threat is not None:
        text += f" {label(actions[threat.better])} would be better by {number(threat.gain)}."
    return text


def _differing(game: ExtensiveFormGame, h: int) -> dict[int, str]:
    """What tells the nodes of a set apart, in words."""
    open_moves = {who for who, _ in knowledge(game, h).open}
    known = [action for _, action in knowledge(game, h).known]
    names = {}
    for node in game.members[h]:
        rest = list(known)
        said = []
        for who, _, action in history(game, node):
            text = label(action)
            if text in rest:
                rest.remove(text)
            elif (label(game.players[who]) if who >= 0 else "chance") in open_moves:
                said.append(text)
        names[node] = ", ".join(said) or f"node {node + 1}"
    return names


def _threat(game: ExtensiveFormGame, threat: Threat, where: Sequence[str]) -> str:
    information = game.sets[threat.at]
    mover = label(game.players[information.player])
    promised, better = (label(information.actions[a]) for a in (threat.promised, threat.better))
    values = f" ({number(threat.values[threat.better])} v {number(threat.values[threat.promised])})" if threat.values else ""  # fmt: skip
    belief = ", whatever the belief" if threat.why == "any belief" and len(game.members[threat.at]) > 1 else ""
    rests = "" if threat.needed else " The equilibrium does not rest on it."
    return f"Empty threat: {mover} promises {promised} {where[threat.at]}, where {better} gains {number(threat.gain)}{values}{belief}.{rests}"  # fmt: skip


def _never(game: ExtensiveFormGame, play: BehaviourProfile, reached: Any, where: Sequence[str]) -> Iterator[str]:
    """Actions that are dominated whatever happens, and those that play on the path leaves out."""
    beaten = dominated(game)
    for h, a, b in beaten[:SETS]:
        actions = game.sets[h].actions
        yield f"Dominated: {label(actions[a])} {where[h]} of {label(game.players[game.sets[h].player])}; {label(actions[b])} pays more whatever is played afterwards."  # fmt: skip
    known = {(h, a) for h, a, _ in beaten}
    unused = [
        f"{label(action)} {where[h]} ({label(game.players[game.sets[h].player])})"
        for h, nodes in enumerate(game.members)
        if any(reached[node] for node in nodes)
        for a, action in enumerate(game.sets[h].actions)
        if not play[h][a] and (h, a) not in known
    ]
    if unused:
        more = f" and {len(unused) - SETS} more" if len(unused) > SETS else ""
        yield f"Never used where play comes: {', '.join(unused[:SETS])}{more}."


def dominated(game: ExtensiveFormGame) -> list[tuple[int, int, int]]:
    """Moves that another beats at every node of their set whatever is played afterwards: (set, action, the better one)."""
    low: list[list[Any]] = [[]] * game.size
    high: list[list[Any]] = [[]] * game.size
    for node in range(game.size - 1, -1, -1):
        if game.kinds[node] == TERMINAL:
            low[node] = high[node] = list(game.payoffs[game.at[node]])
        else:
            below = game.children[node]
            low[node] = [min(low[child][i] for child in below) for i in range(game.n)]
            high[node] = [max(high[child][i] for child in below) for i in range(game.n)]
    found = []
    for h, nodes in enumerate(game.members):
        who = game.sets[h].player
        size = range(len(game.sets[h].actions))
        for a in size:
            better = next(
                (b for b in size if b != a and all(low[game.children[v][b]][who] > high[game.children[v][a]][who] for v in nodes)),
                None,
            )  # fmt: skip
            if better is not None:
                found.append((h, a, better))
    return found


def _indifference(
    game: ExtensiveFormGame, play: BehaviourProfile, reached: Any, values: Any, where: Sequence[str]
) -> Iterator[str]:
    """Whose mixing keeps whom indifferent: found by moving each mixture a little and looking at whose values part."""
    mixing = [h for h, nodes in enumerate(game.members) if any(reached[node] for node in nodes) and _support(play[h])[1:]]  # fmt: skip
    if len(mixing) * game.size > WORK:
        yield f"{len(mixing)} places mix; whom each keeps indifferent was not worked out for so many."
        return
    before = {h: _spread(action_values(game, h, reached, values), play[h]) for h in mixing}
    for h in mixing:
        moved = list(play.probabilities)
        first = _support(play[h])[0]
        half = play[h] / 2
        moved[h] = np.array([p + (type(p)(1) / 2 if a == first else 0) for a, p in enumerate(half)], dtype=half.dtype)
        other = BehaviourProfile(tuple(moved))
        now_values, now_reached = node_values(game, other), reach(game, other)
        for j in mixing:
            if game.sets[j].player == game.sets[h].player:
                continue
            after = _spread(action_values(game, j, now_reached, now_values), play[j])
            if any(abs(float(x - y)) > 1e-7 * game.payoff_range for x, y in zip(before[j], after, strict=True)):
                used = [label(game.sets[j].actions[a]) for a in _support(play[j])]
                yield (
                    f"{label(game.players[game.sets[h].player])} mixes {where[h]} so that"
                    f" {label(game.players[game.sets[j].player])} gains equally from {one_of(used, 'and')} {where[j]}."
                )


def _spread(worth: Sequence[Any], mixture: Any) -> list[Any]:
    used = _support(mixture)
    return [worth[a] - worth[used[0]] for a in used[1:]]


# ---- tables ----------------------------------------------------------------------------------------------------------


def _table(game: NormalFormGame | SymmetricGame, play: Any, minded: str = "") -> Iterator[str]:
    """``minded`` : what players want beside their mean; it is said, and nobody is then said to keep others indifferent."""
    profile = as_profile(game.shape, play)
    exact = game.exact is not None and all(is_exact(mixture) for mixture in profile)
    slack = tolerance(game, exact)
    worth = [list(_worth(game, i, profile)) for i in range(game.n)]
    actions = actions_of(game)
    yield _expects(game.players, [sum(w * p for w, p in zip(own, mixture, strict=True) if p) for own, mixture in zip(worth, profile, strict=True)])  # fmt: skip
    for i, player in enumerate(game.players):
        verdict = _verdict(actions[i], worth[i], profile[i], slack)
        yield f"{label(player)} plays {_mix(actions[i], profile[i])}. Worth to {label(player)}: {_values(actions[i], worth[i], _support(profile[i]))}. {verdict}"  # fmt: skip
    if isinstance(game, NormalFormGame):
        yield from _beaten(game)
    for i, player in enumerate(game.players):
        unused = [label(a) for a, p in zip(actions[i], profile[i], strict=True) if not p > 0]
        if unused and len(actions[i]) <= ACTIONS:
            yield f"{label(player)} never uses {one_of(unused, 'and')}."
    if minded:
        yield minded
        return
    mixing = [i for i in range(game.n) if _support(profile[i])[1:]]
    for j in mixing:
        others = [label(game.players[i]) for i in mixing if i != j]
        if others:
            used = [label(actions[j][a]) for a in _support(profile[j])]
            verb = "mixes" if len(others) == 1 else "mix"
            yield f"{one_of(others, 'and')} {verb} so that {label(game.players[j])} gains equally from {one_of(used, 'and')}."  # fmt: skip


def _worth(game: NormalFormGame | SymmetricGame, player: int, profile: MixedProfile) -> AnyArray:
    if isinstance(game, NormalFormGame):
        return game.action_payoffs(player, profile)
    return game.action_payoffs_against([*profile[:player], *profile[player + 1 :]])


def _beaten(game: NormalFormGame) -> Iterator[str]:
    """Actions that another pure one beats against everything; weakly where it is never worse and once better."""
    source = game.payoffs if game.exact is None else game.exact
    for i, player in enumerate(game.players):
        rows = np.moveaxis(source[i], i, 0).reshape(game.shape[i], -1)
        if rows.size * game.shape[i] > WORK:
            continue
        for a in range(game.shape[i]):
            strict = [b for b in range(game.shape[i]) if b != a and (rows[b] > rows[a]).all()]
            weak = [b for b in range(game.shape[i]) if b != a and (rows[b] >= rows[a]).all() and (rows[b] > rows[a]).any()]  # fmt: skip
            if strict:
                least = (rows[strict[0]] - rows[a]).min()
                yield f"Dominated: {label(game.actions[i][a])} of {label(player)}; {label(game.actions[i][strict[0]])} pays at least {number(least)} more whatever the others play."  # fmt: skip
            elif weak:
                yield f"Weakly dominated: {label(game.actions[i][a])} of {label(player)}; {label(game.actions[i][weak[0]])} never pays less and sometimes more."  # fmt: skip


def _referee(game: NormalFormGame, joint: Joint, coarse: bool) -> Iterator[str]:
    """A joint distribution as a referee who draws and whispers."""
    exact = game.exact is not None and is_exact(joint.probabilities)
    table: Any = game.exact if exact else game.payoffs
    chances: Any = joint.probabilities if exact else joint.probabilities.astype(np.float64)
    slack = tolerance(game, exact)
    cells = [cell for cell in np.ndindex(*game.shape) if chances[cell] > slack]
    yield _expects(game.players, [(table[i] * chances).sum() for i in range(game.n)])
    drawn = ", ".join(f"{number(chances[cell])} {' / '.join(label(game.actions[i][a]) for i, a in enumerate(cell))}" for cell in cells[:ACTIONS])  # fmt: skip
    more = f" and {len(cells) - ACTIONS} more" if len(cells) > ACTIONS else ""
    yield f"A referee draws one of these with these chances, in the order {', '.join(map(label, game.players))}: {drawn}{more}."  # fmt: skip
    if coarse:
        yield "Each promises to obey before the draw. Refusing means playing one action whatever the referee draws."
    else:
        yield "Each is told only what they are to play themselves."
    for i, player in enumerate(game.players):
        own = np.moveaxis(table[i], i, 0).reshape(game.shape[i], -1)
        odds = np.moveaxis(chances, i, 0).reshape(game.shape[i], -1)
        names = game.actions[i]
        if coarse:
            obeyed = (own * odds).sum()
            refused = [(own[b] * odds.sum(axis=0)).sum() for b in range(game.shape[i])]
            yield f"{label(player)} expects {number(obeyed)} by obeying; refusing: {_values(names, refused)}."
            continue
        for a in range(game.shape[i]):
            total = odds[a].sum()
            if total > slack:
                after = [(own[b] * odds[a]).sum() / total for b in range(game.shape[i])]
                yield f"Told {label(names[a])} (chance {number(total)}), {label(player)} gets, if the others obey: {_values(names, after)}. {_verdict(names, after, np.array([1 if b == a else 0 for b in range(len(names))]), slack)}"  # fmt: skip
    yield "Nobody gains by refusing." if coarse else "Nobody gains by disobeying."


# ---- parts of sentences ----------------------------------------------------------------------------------------------


def _expects(players: Sequence[str], payoffs: Sequence[Any]) -> str:
    first, *rest = zip(players, payoffs, strict=True)
    said = [
        f"{label(first[0])} expects {number(first[1])}",
        *(f"{label(name)} {number(value)}" for name, value in rest),
    ]
    return ", ".join(said) + "."


def _support(mixture: Any) -> list[int]:
    return [a for a, p in enumerate(mixture) if p > (0 if is_exact(np.asarray(mixture)) else 1e-9)]


def _mix(actions: Sequence[str], mixture: Any) -> str:
    used = _support(mixture)
    if len(used) == 1:
        return label(actions[used[0]])
    return " + ".join(f"{number(mixture[a])} {_quoted(actions[a])}" for a in used)


def _quoted(action: str) -> str:
    """A label; in quotation marks where it would read as a number."""
    return f'"{label(action)}"' if action[:1].isdigit() else label(action)


def _values(actions: Sequence[str], worth: Sequence[Any], keep: Sequence[int] = ()) -> str:
    shown = list(range(len(actions)))
    if len(shown) > ACTIONS:
        shown = sorted({*keep, *sorted(shown, key=lambda a: -worth[a])[:8]})
    mark = ":" if any(actions[a][-1:].isdigit() for a in shown) else ""
    text = " v ".join(f"{label(actions[a])}{mark} {number(worth[a])}" for a in shown)
    return text + (f" ({len(actions) - len(shown):,} others less)" if len(shown) < len(actions) else "")


def _verdict(actions: Sequence[str], worth: Sequence[Any], mixture: Any, slack: float) -> str:
    """Which actions are best, and by how much play falls short of them if it does."""
    if len(actions) == 1:
        return "There is no other action."
    top = max(worth)
    best = [a for a in range(len(actions)) if top - worth[a] <= slack]
    names = one_of([label(actions[a]) for a in best], "and")
    short = sum(p * (top - w) for p, w in zip(mixture, worth, strict=True))
    if short > slack:
        return f"{names} {'is' if len(best) == 1 else 'are'} best; play falls short by {number(short)}."
    return f"{names} is best." if len(best) == 1 else f"Indifferent between {names}."
