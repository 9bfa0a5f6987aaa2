"""A solved game as one page that asks nobody for anything: what was found, how it is known, how it is played, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import gamesim
from gamesim.core.errors import clean
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.core.solution import Equilibrium, Ranking, Solution
from gamesim.envs.efg.describe_game import describe_game, number
from gamesim_analysis.report.blocks import Block, Code, Figure, Note, Panel, Points, Section, Table, Text, Tile, Tiles
from gamesim_analysis.report.page import draw as draw_page

from .branches import labels_of, told
from .document import PRICED, concept_of, regretted
from .draw import draw, draw_branch, draw_simplex, draw_traced, play_to_draw
from .draw_tree import MOST
from .method import flatten, is_formal
from .svg_text import PAGE
from .told import by_counts, certificate_in_words, summary, words
from .welfare import entropy, welfare
from .words import explain, explain_ranking, note_of

TABLED = 60  # equilibria in the table
EXPLAINED = 12  # told in full
BRANCH = 24  # strategies together up to which the quantal branch is traced
DESCRIBED = 240  # lines of the game in words
POINTS = 160  # of a branch in the table under its picture


def solution_page(
    game: Any,
    answers: Sequence[Solution | Ranking],
    *,
    name: str,
    command: str,
    notes: Sequence[str] = (),
    cross_check: Any = None,
    sampled: Mapping[str, Any] | None = None,
    before: Sequence[Section] = (),
    eyebrow: str = "gamesim solution",
) -> str:
    """The page as text.

    Parameters
    ----------
    command : what to type to have it again.
    cross_check : a ``CrossCheck`` to show.
    sampled : of a run, the part ``sampled`` of the document.
    before : sections that stand above the answer.
    """
    solutions = [answer for answer in answers if isinstance(answer, Solution)]
    first = next((solution for solution in solutions if solution.equilibria), None)
    formal = not is_formal(game) and not by_counts(game)  # what can be drawn
    sections = [*before, *(answered(game, solution) for solution in solutions)]
    sections += [ranked(answer) for answer in answers if isinstance(answer, Ranking)]
    if formal:
        sections.append(_picture(game, first))
    sections += [listed(game, solution, sampled) for solution in solutions]
    if first is not None:
        sections.append(_told(game, first))
        sections += [_replies(game, first)] if formal else []
    sections += (
        [_traced(game, first)] if first is not None and first.concept == "rae" and "branch" in first.details else []
    )
    sections += _branch(game) if formal else []
    if cross_check is not None:
        sections.append(agreement(cross_check))
    sections += [_described(game)] if formal else []
    sections.append(_method(solutions, command, notes))
    return draw_page(
        _numbered(sections),
        title=name,
        eyebrow=eyebrow,
        facts=[summary(game), *dict.fromkeys(f"concept: {answer.concept}" for answer in solutions)],
        colophon=(
            f"Solved and drawn by gamesim {gamesim.__version__}. This file is complete in itself: it loads nothing. "
            "Colours and letters say the same thing."
        ),
    )


def _numbered(sections: Sequence[Section]) -> list[Section]:
    """Ids made unique, where several solutions repeat a section."""
    seen: dict[str, int] = {}
    out = []
    for section in sections:
        seen[section.id] = seen.get(section.id, 0) + 1
        again = section.id if seen[section.id] == 1 else f"{section.id}-{seen[section.id]}"
        out.append(Section(again, section.title, section.blocks, section.order))
    return out


def answered(game: Any, solution: Solution) -> Section:
    found = solution.equilibria
    worth = welfare(game, solution)
    tiles = [Tile("equilibria listed", f"{len(found):,}", _whole(solution))]
    if found:
        payoffs = len({equilibrium.payoffs for equilibrium in found})
        largest = max(found, key=lambda e: e.certificate.bound).certificate
        gain = "0" if solution.exact else f"{largest.bound:.2g}"
        tiles.append(Tile("payoff vectors among them", f"{payoffs:,}"))
        how = "exact fractions" if solution.exact else "all rounding counted"
        if largest.arithmetic == "sampled":
            gain, how = _sampled_gain(found)
        what = (
            "most that anybody gains by leaving"
            if regretted(solution)
            else f"gap of what was asked ({largest.gap_name})"
        )
        tiles.append(Tile(what, gain, how))
    if worth.anarchy is not None and solution.concept in PRICED:
        tiles.append(Tile("price of anarchy", _short(worth.anarchy), f"optimum {_short(worth.optimum)} over the worst of {worth.of}"))  # fmt: skip
        tiles.append(Tile("price of stability", _short(worth.stability), f"over the best of {worth.of}"))
    elif worth.optimum is not None and worth.reason and found:
        tiles.append(Tile("best sum of payoffs", _short(worth.optimum), f"no prices: {worth.reason}"))
    blocks: list[Block] = [Text(certificate_in_words(solution), lead=True), Tiles(tuple(tiles))]
    if solution.stopped:
        blocks.append(Note(f"The search was stopped ({solution.stopped}): this is part of the answer.", "warning"))
    if solution.selection and len(found) <= 1:
        blocks.append(Text(f"Where there are several, this one was chosen by: {solution.selection}."))
    return Section("answer", f"The answer: {CONCEPT_TITLES.get(solution.concept, solution.concept)}", tuple(blocks))


def _sampled_gain(found: Sequence[Equilibrium]) -> tuple[str, str]:
    """How large a regret the episodes leave open, over all that is listed."""
    highs = [e.certificate.interval[1] for e in found if e.certificate.interval is not None]
    known = [high for high in highs if high is not None]
    if not highs or len(known) < len(highs):
        return "unknown", "a profile was played less than twice"
    return f"up to {max(known):.3g}", "0 in the table of means; 95 % of what the episodes leave open"


CONCEPT_TITLES = {
    "nash": "Nash equilibria",
    "pure": "pure equilibria",
    "spe": "subgame-perfect equilibria",
    "value": "the value",
    "correlated": "correlated equilibrium",
    "coarse": "coarse correlated equilibrium",
    "rae": "risk-averse equilibria",
    "rqe": "risk-averse quantal response equilibria",
    "cvar": "equilibria of players who value their worst share",
}


def _whole(solution: Solution) -> str:
    return {True: "the list is complete", False: "the list is not complete", None: "there may be others"}[solution.complete]  # fmt: skip


def listed(game: Any, solution: Solution, sampled: Mapping[str, Any] | None) -> Section:
    rows: list[tuple[Any, ...]] = []
    spread = (sampled or {}).get("equilibria", [])
    for place, equilibrium in enumerate(solution.equilibria[:TABLED]):
        certificate = equilibrium.certificate
        regret = (
            _short(certificate.gap)
            if certificate.arithmetic == "exact" or float(certificate.gap) > certificate.rounding
            else "0"
        )
        if certificate.interval is not None:
            low, high = certificate.interval
            regret += f" [{low:.3g}, {'unknown' if high is None else f'{high:.3g}'}]"
        row: tuple[Any, ...] = (
            str(place + 1), "(" + ", ".join(_short(value) for value in equilibrium.payoffs) + ")", words(game, equilibrium),
            f"{regret} {certificate.arithmetic if certificate.arithmetic == 'sampled' else certificate.grade}",
            concept_of(game, solution, equilibrium), "" if is_formal(game) else f"{entropy(game, equilibrium.play):.3g}", note_of(game, equilibrium),
        )  # fmt: skip
        if sampled is not None:
            own = spread[place] if place < len(spread) else {}
            again = own.get("found_again")
            row = (*row, "" if again is None else f"{again:.0%}")
        rows.append(row)
    columns: tuple[str, ...] = (
        "#",
        "payoffs",
        "how it is played",
        "regret" if regretted(solution) else "gap",
        "concept",
        "entropy",
        "note",
    )
    about = (
        "Payoffs in the order of the players; moves in brackets are off the path. Regret is the most that a player gains by "
        "another plan, a gap how far play is from what was asked; both are computed from the game apart from the solver. "
        "Entropy in nats."
    )
    if sampled is not None:
        columns = (*columns, "found again")
        about += " Brackets: 95 % interval, all deviations at once. Found again: share of resampled tables with an equilibrium within 0.05 of it."  # fmt: skip
    more = len(solution.equilibria) - TABLED
    blocks: list[Block] = [Table(columns, tuple(rows), about=about)] if rows else [Text("None is listed.")]
    if more > 0:
        blocks.append(Note(f"{more:,} more are in solution.json."))
    if solution.rejected:
        blocks.append(Note(f"{len(solution.rejected)} answers of the solver failed the certificate and are no equilibria.", "failure"))  # fmt: skip
    if sampled is not None:
        blocks += _sampled(sampled)
    return Section("equilibria", "Equilibria", tuple(blocks))


def _sampled(sampled: Mapping[str, Any]) -> list[Block]:
    rows = []
    for place, own in enumerate(sampled["equilibria"], 1):
        for player, actions in own.get("probabilities", {}).items():
            for action, (value, low, high) in actions.items():
                if value > 1e-9 or (high or 0) > 0.005:
                    ends = "not solved again" if low is None else f"[{low:.3f}, {high:.3f}]"
                    rows.append((str(place), player, action, f"{value:.3f}", ends))
    text = (
        f"The payoffs are means over {sampled['episodes']:,} episodes of {sampled['profiles']:,} profiles. The table was drawn again "
        f"{sampled['draws']:,} times from what those episodes allow (seed {sampled['seed']}), and solved afresh each time."
    )
    table = Table(("#", "player", "policy", "probability", "95 % of the draws"), tuple(rows), "How far probabilities may move", header=3, folded=len(rows) > 16)  # fmt: skip
    return [Text(text), table]


def ranked(ranking: Ranking) -> Section:
    scores = dict(zip(ranking.names, ranking.scores, strict=True))
    rows = tuple((str(place), clean(name, 120), float(scores[name])) for place, name in enumerate(ranking.order[:200], 1))  # fmt: skip
    blocks: list[Block] = [Text(explain_ranking(ranking).splitlines()[0], lead=True), Table(("place", "strategy", "score"), rows, header=2)]  # fmt: skip
    blocks += [Note(note) for note in ranking.notes]
    return Section("ranking", f"Ranking by {ranking.method}", tuple(blocks))


def _picture(game: Any, solution: Solution | None) -> Section:
    figures: list[Block] = []
    play = play_to_draw(game, solution)
    if isinstance(game, ExtensiveFormGame):
        caption = "Circles: who moves, by colour and initial. Squares: chance. A dashed line joins nodes that the mover cannot tell apart. "  # fmt: skip
        caption += "Bold: what equilibrium 1 plays, with probabilities. " if play is not None else ""
        if game.size > MOST:
            caption += f"{game.size:,} nodes are too many: triangles stand for subtrees, with their number of nodes."
        rows = tuple(
            (game.players[s.player], game.set_names[h], ", ".join(s.actions), len(game.members[h]))
            for h, s in list(enumerate(game.sets))[:200]
        )
        numbers = Table(("player", "information set", "actions", "nodes"), rows, header=2)
        picture = Panel(draw(game, play, palette=PAGE), strip=True)
        figures.append(Figure("The tree", f"The game tree: {summary(game)}.", caption, (picture,), numbers))
    else:
        table = game.to_normal_form()
        source = table.payoffs if table.exact is None else table.exact
        cells = list(np.ndindex(*table.shape))[:400]
        rows = tuple((*(table.actions[i][a] for i, a in enumerate(cell)), *(_short(source[i][cell]) for i in range(table.n))) for cell in cells)  # fmt: skip
        numbers = Table((*(f"{p} plays" for p in table.players), *(f"{p} gets" for p in table.players)), rows, header=table.n)  # fmt: skip
        caption = "A payoff that is best against what the others play is underlined; cells that are best for everybody are framed. "  # fmt: skip
        caption += "Beside the actions: probabilities of equilibrium 1. " if play is not None else ""
        caption += "Arrows lead to the better cell." if table.shape == (2, 2) else ""
        panels = [Panel(draw(game, play, palette=PAGE), strip=True)]
        figures.append(Figure("The table", f"The payoff table: {summary(game)}.", caption, tuple(panels), numbers))
        if table.n == 2 and 3 in table.shape and solution is not None and not _joint(solution):
            plays = [e.play for e in solution.equilibria[:9]]
            mixtures = tuple(
                (str(k), table.players[i], ", ".join(f"{a} {number(p)}" for a, p in zip(table.actions[i], p_, strict=True)))
                for k, play_ in enumerate(plays, 1)
                for i, p_ in enumerate(play_)
            )  # fmt: skip
            figures.append(
                Figure(
                    "Mixtures and best replies", "Triangles of mixtures over three actions with the regions in which each reply is best.",
                    "Each point of a triangle is a mixture of one player; regions show the other's best reply to it; dots are equilibria.",
                    (Panel(draw_simplex(table, plays, palette=PAGE), strip=True),), Table(("#", "player", "mixture"), mixtures, header=2),
                )
            )  # fmt: skip
    return Section("picture", "The game drawn", tuple(figures))


def _joint(solution: Solution) -> bool:
    return solution.concept in ("correlated", "coarse")


def _told(game: Any, solution: Solution) -> Section:
    blocks: list[Block] = []
    for place, equilibrium in enumerate(solution.equilibria[:EXPLAINED], 1):
        text = explain(game, equilibrium)
        label = f"Equilibrium {place}: ({', '.join(_short(value) for value in equilibrium.payoffs)})"
        blocks.append(Code(text, label, folded=place > 1, wrap=True))
    if len(solution.equilibria) > EXPLAINED:
        blocks.append(Note(f"The first {EXPLAINED} of {len(solution.equilibria):,} are told."))
    return Section("words", "How and why it is played", tuple(blocks))


def _replies(game: Any, solution: Solution) -> Section:
    rows: list[tuple[Any, ...]] = []
    for place, equilibrium in enumerate(solution.equilibria[:EXPLAINED], 1):
        for i, player in enumerate(game.players):
            rows.append((str(place), clean(player, 60), _reply(game, equilibrium, i), _short(equilibrium.certificate.regrets[i])))  # fmt: skip
    about = "A reply to the equilibrium that pays most, and how much more than the equilibrium it pays: anyone can check it by hand."  # fmt: skip
    return Section("replies", "Best replies", (Table(("#", "player", "a best reply", "gains"), tuple(rows), about=about, header=2),))  # fmt: skip


def _reply(game: Any, equilibrium: Equilibrium, player: int) -> str:
    reply = equilibrium.certificate.best_responses[player]
    if isinstance(reply, tuple):
        actions = [game.sets[h].actions[a] for h, a in zip(game.sets_of[player], reply, strict=True)]
        shown = ", ".join(clean(action, 40) for action in actions[:12])
        return shown + (f", and {len(actions) - 12:,} more moves" if len(actions) > 12 else "") or "does not move"
    table = game.to_normal_form()
    return clean(table.actions[player][int(reply)], 80)


def _traced(game: Any, solution: Solution) -> Section:
    """The branch in the aversion that was asked for."""
    branch = solution.details["branch"]
    head = ("aversion", *labels_of(game), "gap", "turns")
    rows = tuple(
        (p.value, *flatten(p.play).tolist(), float(p.certificate.gap), "here" if p.turns else "") for p in branch.points
    )
    figure = Figure(
        "Equilibria as aversion grows", told(branch),
        f"{told(branch)} Each point of it is certified; the largest gap is {branch.max_gap:.2g}. Where it turns back, play jumps to another branch.",
        (Panel(draw_traced(game, solution, palette=PAGE), strip=True),), Table(head, rows),
    )  # fmt: skip
    return Section("branch", "If players mind risk more", (figure,))


def _branch(game: Any) -> list[Section]:
    """Quantal responses of a small table from uniform play on; nothing where there are too many strategies."""
    from .quantal_branch import qre_branch

    if isinstance(game, ExtensiveFormGame):
        if sum(game.strategy_count(i) for i in range(game.n)) > BRANCH or not game.perfect_recall:
            return []
    elif sum(game.to_normal_form().shape) > BRANCH:
        return []
    table = game.to_normal_form()
    if table.n < 2 or min(table.shape) < 2:
        return []
    points = qre_branch(table, to=200.0 / table.payoff_range, points=POINTS).points
    lambdas = np.array([point.value for point in points])
    shares = [np.array([point.play[i] for point in points]) for i in range(table.n)]
    head = ("lambda", *labels_of(table))
    rows = tuple((float(lambdas[k]), *(float(x) for share in shares for x in share[k])) for k in range(len(points)))
    picture = draw_branch(lambdas, shares, table.players, table.actions, name=game.name, palette=PAGE)
    end = "; ".join(f"{p} " + ", ".join(f"{a} {share[-1, k]:.3f}" for k, a in enumerate(own) if share[-1, k] > 5e-4) for p, own, share in zip(table.players, table.actions, shares, strict=True))  # fmt: skip
    of = " of the strategies of its table" if isinstance(game, ExtensiveFormGame) else ""
    figure = Figure(
        "Quantal responses", "How often each action is played along the principal branch, from uniform play to the most rational.",
        f"The principal branch of logit equilibria{of}: lambda 0 is uniform play; at the right end ({lambdas[-1]:.3g}): {clean(end, 600)}.",
        (Panel(picture, strip=True),), Table(head, rows),
    )  # fmt: skip
    return [Section("quantal", "If players err", (figure,))]


def agreement(table: Any) -> Section:
    rows = tuple(
        (row.method, row.count, "; ".join("(" + ", ".join(_short(v) for v in payoffs) + ")" for payoffs in row.payoffs[:6]),
         "" if row.regret is None else _short(row.regret), row.verdict, row.reason)
        for row in table.rows
    )  # fmt: skip
    lead = "No method contradicts another." if table.agreed else "Methods differ; the reason stands beside each."
    refused = Points(
        tuple(f"`{method}` does not take the game: {clean(reason, 200)}" for method, reason in table.refused)
    )
    blocks: list[Block] = [
        Text(lead, lead=True),
        Table(("method", "found", "payoffs", "regret", "verdict", "why"), rows),
    ]
    return Section("agreement", "Every method asked", (*blocks, refused) if table.refused else tuple(blocks))


def _described(game: Any) -> Section:
    lines = describe_game(game).splitlines()
    text = "\n".join(lines[:DESCRIBED]) + (f"\n... and {len(lines) - DESCRIBED:,} more lines." if len(lines) > DESCRIBED else "")  # fmt: skip
    return Section(
        "game", "The game in words", (Code(text, "What everybody may know", folded=len(lines) > 40, wrap=True),)
    )


def _method(solutions: Sequence[Solution], command: str, notes: Sequence[str]) -> Section:
    said = [*notes, *(note for solution in solutions for note in solution.notes)]  # rankings have theirs beside them
    rows = tuple(
        (solution.method, solution.concept, solution.covers, solution.selection, ", ".join(f"{k} {v}" for k, v in solution.versions.items()))
        for solution in solutions
    )  # fmt: skip
    blocks: list[Block] = [Code(command, "The same again")]
    if rows:
        blocks.append(Table(("method", "concept", "covers", "chosen by", "versions"), rows))
    blocks.append(Text("A certificate is computed from the game and the play alone: every deviation is checked, or a best reply found by one sweep over the tree."))  # fmt: skip
    blocks += [Note(clean(note, 600)) for note in dict.fromkeys(said)]
    return Section("method", "Method, notes and command", tuple(blocks))


def _short(value: Any) -> str:
    return number(value)
