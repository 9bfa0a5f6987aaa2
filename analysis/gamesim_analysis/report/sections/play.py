"""Play of a game tree: the tree, what was chosen at each information set beside an equilibrium, and the scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gamesim.core.behaviour import BehaviourProfile
from gamesim.core.errors import MetricError, clean
from gamesim.envs.efg.describe_game import one_of, places

from ..blocks import Block, Figure, Note, Panel, Points, Section, Table, Text, Value
from ..numbers import Estimate, count, number, share_interval
from ..study import Study

if TYPE_CHECKING:
    from gamesim_analysis.text2game.play_score import Scored

KIND = "efg"
DRAWN = 3  # conditions that are drawn
NODES, SETS = 120, 24  # of one drawing
ROWS = 400  # of the table of choices

SEEN = (
    "Frequencies stand for strategies: choices of all episodes and plays are put together, so that some who always do one thing and others who "
    "always do another look like one who mixes. Where nobody was seen, nothing is filled in."
)
UPWARD = "Exploitability of frequencies is at least 0 and leans upwards in few episodes: players at an equilibrium are seen a little off it."
LAMBDA = (
    "Lambda is what a logit rule of that sharpness would have to have; 0 is random play, and larger is nearer to best replies to what the others "
    "were seen to do (their frequencies), or to what they would do at one common lambda (equilibrium beliefs). It describes choices, not reasons."
)


def section(study: Study) -> Section | None:
    """Only where a tree was played and its moves were kept."""
    if study.environment != KIND:
        return None
    from gamesim_analysis.text2game.play_score import scored

    try:
        found = scored(study.record)
    except MetricError as error:
        return Section("play", "Play of the game", (Note(clean(str(error), 400)),), order=340)
    if not found:
        return None
    names = {c.cell: c.label for c in study.conditions}
    blocks: list[Block] = [] if study.several else [Text(_sentence(found[0]), lead=True)]
    for one in found[:DRAWN]:
        title = f" · {names.get(one.part.cell.index, '')}" if study.several else ""
        blocks += [_tree(one, title), _bars(one, title)]
    if len(found) > DRAWN:
        blocks.append(Note(f"The first {DRAWN} of {count(len(found), 'condition')} are drawn; the table has all."))
    blocks += [_scores(study, found, names), _players(study, found, names)]
    blocks.append(Points(tuple(_caveats(found))))
    return Section("play", "Play of the game and its equilibria", tuple(blocks), order=340)


def _sentence(one: Scored) -> str:
    score, players = one.score, one.part.game.players
    if score.exploitability is None:
        return f"How much a better plan would have gained is not known: {score.reason}."
    gained = one_of(
        [f"{clean(p, 40)} {number(r)}" for p, r in zip(players, score.regrets, strict=True) if r is not None], "and"
    )
    low, high = _ends(score.low, score.high)
    text = f"Against what the others were seen to do, the best other plan would have gained {gained} a play; on average {Estimate(score.exploitability, low, high, 0)}"
    if score.relative is not None:
        text += f", or {100 * score.relative:.3g}% of the payoff range"
    text += "." if not any(score.lower_bound) else ", at least."
    if score.distance is not None:
        text += f" Choices are {number(score.distance)} (0 to 1) from the nearest equilibrium found."
    return text


def _ends(low: float | None, high: float | None) -> tuple[float, float]:
    return (math.nan, math.nan) if low is None or high is None else (low, high)


def _tree(one: Scored, title: str) -> Figure:
    from gamesim_analysis.equilibrium.draw_tree import draw_tree
    from gamesim_analysis.equilibrium.svg_text import PAGE

    game, counts = one.part.game, one.part.counts
    seen = BehaviourProfile(tuple(c / c.sum() if c.sum() else 0.0 * c for c in counts))
    panel = Panel(draw_tree(game, seen, palette=PAGE, most=NODES), strip=True)
    folded = (
        f" {game.size:,} nodes are too many: triangles stand for subtrees, with their number of nodes."
        if game.size > NODES
        else ""
    )
    where = places(game)
    rows = tuple(
        (clean(game.players[s.player], 60), where[h], int(counts[h].sum()), len(game.members[h]))
        for h, s in list(enumerate(game.sets))[:ROWS]
    )
    return Figure(
        f"The tree as it was played{title}",
        f"The game tree with {game.size:,} nodes; moves that were seen are bold.",
        "Circles: who moves, by colour and initial. Squares: chance. A dashed line joins nodes that the mover cannot tell apart. Bold: moves that "
        f"were seen, with their frequency; a set without bold moves was not reached.{folded}",
        (panel,),
        Table(("player", "where", "choices seen", "nodes"), rows, header=2),
    )


def _bars(one: Scored, title: str) -> Figure:
    from gamesim_analysis.equilibrium.draw_play import draw_play
    from gamesim_analysis.equilibrium.svg_text import PAGE

    game, counts, play = one.part.game, one.part.counts, one.nearest
    order = sorted(range(len(game.sets)), key=lambda h: -int(counts[h].sum()))[:SETS]
    panel = Panel(draw_play(game, counts, play, sets=sorted(order), palette=PAGE), strip=True)
    where, rows = places(game), list[tuple[Value, ...]]()
    for h, s in enumerate(game.sets):
        total = int(counts[h].sum())
        for a, action in enumerate(s.actions):
            share: Value = share_interval(int(counts[h][a]), total) if total else "no data"
            rows.append((clean(game.players[s.player], 60), where[h], clean(action, 60), int(counts[h][a]), share, None if play is None else float(play[h][a])))  # fmt: skip
    fewer = f" The {SETS} of {len(game.sets):,} sets with most choices are drawn." if len(game.sets) > SETS else ""
    beside = _beside(one)
    table = Table(
        ("player", "where", "action", "seen", "share", "equilibrium"), tuple(rows[:ROWS]),
        about="Brackets: Wilson's 95 % interval as if choices were independent.", header=3, download=rows if len(rows) > ROWS else None,
    )  # fmt: skip
    return Figure(
        f"Choices beside the equilibrium{title}",
        "; ".join(
            f"{r[0]} {r[1]} {r[2]}: {r[4]}, equilibrium {'none' if r[5] is None else number(float(str(r[5])))}"
            for r in rows[:12]
        )
        + ".",
        f"Filled: share of the choices at that information set. Outlined: {beside}{fewer}",
        (panel,),
        table,
    )


def _beside(one: Scored) -> str:
    solution, score = one.solution, one.score
    if solution is None or score.nearest is None:
        return "nothing, for no equilibrium was found in time."
    kind = "subgame-perfect equilibrium" if solution.concept == "spe" else "equilibrium"
    extreme = " extreme" if solution.covers == "extreme" else ""
    whole = f"all{extreme} ones there are" if score.complete else "there may be others"
    if len(solution.equilibria) == 1:
        return f"the {kind} found by {solution.method} ({'the only one' if score.complete else whole})."
    return f"the nearest, number {score.nearest + 1}, of {count(len(solution.equilibria), kind, kind[:-2] + 'a')} found by {solution.method} ({whole})."


def _scores(study: Study, found: list[Scored], names: dict[int, str]) -> Table:
    rows: list[tuple[Value, ...]] = []
    for one in found:
        score = one.score
        low, high = _ends(score.low, score.high)
        conv = score.exploitability
        whole: Value = score.reason if conv is None else Estimate(conv, low, high, len(one.part.episodes))
        rows.append(
            (names.get(one.part.cell.index, ""), whole, score.nash_conv, score.relative, score.coverage, score.weighted, score.distance, score.non_credible, score.moves, score.excluded)
        )  # fmt: skip
    return Table(
        ("condition", "exploitability", "NashConv", "/ range", "coverage", "by reach", "distance", "non-credible", "choices", "left out"),
        tuple(rows),
        title="Scores",
        about="NashConv: sum of the regrets; exploitability: their mean, in brackets 95 % of bootstraps over episodes, and over the payoff range. "
        "Coverage: share of information sets with data; by reach: the same, sets weighted by how often the equilibrium comes there. Distance: total "
        "variation from the nearest equilibrium found. Non-credible: share of choices that are best in no subgame-perfect equilibrium found. Left out: "
        "choices that a rule filled in for a failed answer.",
    )  # fmt: skip


def _players(study: Study, found: list[Scored], names: dict[int, str]) -> Table:
    from gamesim_analysis.text2game.play_score import rationality

    rows: list[tuple[Value, ...]] = []
    for one in found:
        game, score = one.part.game, one.score
        head = (names.get(one.part.cell.index, ""),) if study.several else ()
        for i, player in enumerate(game.players):
            regret = score.regrets[i]
            told: Value = score.reason if regret is None else f"≥ {number(regret)}" if score.lower_bound[i] else regret
            made = int(sum(one.part.counts[h].sum() for h in game.sets_of[i]))
            rows.append((*head, clean(player, 60), made, score.payoffs[i], told, str(rationality(one.part, [i])), None))
        all_of_them = str(rationality(one.part)), str(rationality(one.part, belief="equilibrium"))
        rows.append((*head, "all", score.moves, None, None, *all_of_them))
    return Table(
        (*(("condition",) if study.several else ()), "player", "choices", "payoff", "regret", "lambda × range", "at equilibrium"),
        tuple(rows),
        title="Player by player",
        about="Payoff and regret of a play, at the frequencies. Lambda times the payoff range, fitted by maximum likelihood against the others' "
        "frequencies, and (one for all) along the principal branch of quantal response equilibria; brackets: 95 % of bootstraps over episodes.",
        header=2 if study.several else 1,
    )  # fmt: skip


def _caveats(found: list[Scored]) -> list[str]:
    scores = [one.score for one in found]
    said = [SEEN]
    if any(s.exploitability is not None for s in scores):
        said.append(UPWARD)
    if any(any(s.lower_bound) for s in scores):
        said.append("≥: plans that lead to an information set of another player at which nobody was seen are left out, so the regret is a lower bound. Read it with the coverage.")  # fmt: skip
    if any(s.distance is not None and not s.complete for s in scores):
        said.append("The list of equilibria may not be whole: another equilibrium may be nearer, so the distance is an upper bound.")  # fmt: skip
    if any(s.non_credible for s in scores):
        said.append("A non-credible choice is worse, at the very place where it was made, than another under every subgame-perfect way to go on that was found.")  # fmt: skip
    if any(one.part.cell.get("environment.repeat", 1) > 1 for one in found):
        said.append("The tree was played several times in an episode. Plays are scored as if each were alone; what players carried over from one to the next is not in the tree.")  # fmt: skip
    if any(one.part.cell.get("environment.rotate", False) for one in found):
        said.append("Seats went round: the choices at a role are those of everybody who held it.")
    if any(one.score.exploitability is not None and one.score.low is None for one in found):
        said.append("No interval stands where one episode, a large tree or resamples without data allow none.")
    return [*said, LAMBDA]
