"""Equilibria of the game that was played, with certificates and the best for all, beside what was played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gamesim.core.errors import MetricError, clean
from gamesim.core.solution import Ranking, Solution
from gamesim.core.team_game import TeamGame

from ..blocks import Block, Note, Section, Table, Text, Value
from ..numbers import count, mean_interval
from ..study import Study

if TYPE_CHECKING:
    from gamesim_analysis.metrics.solve import Solved

NAME = "solve"
GAMES = 4  # of different games in one run, whose equilibria are listed


def section(study: Study) -> Section | None:
    """Only where the scenario asks ``analysis: [{solve: ...}]``."""
    from gamesim_analysis.metrics.asked import asks

    if not asks(study.record, NAME):
        return None
    from gamesim_analysis.metrics.solve import solved_of

    title = "Equilibria of the game that was played"
    try:
        found = solved_of(study.record)
    except MetricError as error:
        return Section(NAME, title, (Note(clean(str(error), 400)),), order=345)
    names = {c.cell: c.label for c in study.conditions}
    groups: dict[int, list[Solved]] = {}
    for one in found:
        groups.setdefault(one.group, []).append(one)
    blocks: list[Block] = []
    for group in list(groups.values())[:GAMES]:
        if len(groups) > 1:
            blocks.append(Text(f"The game of {', '.join(names.get(one.cell.index, '') for one in group[:8])}:"))
        blocks += _equilibria(group)
        blocks.append(_beside(group, names if study.several else {}))
    if len(groups) > GAMES:
        blocks.append(Note(f"{count(len(groups), 'different game')} were played; {GAMES} are shown, and the table `solve` of the run has all."))  # fmt: skip
    return Section(NAME, title, tuple(blocks), order=345)


def _equilibria(group: Sequence[Solved]) -> list[Block]:
    from gamesim_analysis.equilibrium.page import agreement, answered, listed, ranked
    from gamesim_analysis.equilibrium.told import summary

    one = group[0]
    blocks: list[Block] = [Text(f"{clean(one.game.name or 'The game', 80)}: {summary(one.game)}.")]
    notes = [note for each in group for note in each.notes]
    if isinstance(one.answer, Solution):
        blocks += [*answered(one.game, one.answer).blocks, *listed(one.game, one.answer, None).blocks]
        notes += one.answer.notes
    elif isinstance(one.answer, Ranking):
        blocks += ranked(one.answer).blocks
    else:
        blocks.append(Note(f"Not solved: {clean(one.reason, 400)}", "failure"))
    if one.check is not None:
        blocks += agreement(one.check).blocks
    return [*blocks, *(Note(clean(note, 400)) for note in dict.fromkeys(notes))]


def _beside(group: Sequence[Solved], names: dict[int, str]) -> Table:
    rows: list[tuple[Value, ...]] = []
    for one in group:
        head = (names.get(one.cell.index, ""),) if names else ()
        answer, nearest = one.answer, one.nearest
        listed = answer.equilibria if isinstance(answer, Solution) else ()
        there = listed[nearest] if nearest is not None else listed[0] if len(listed) == 1 else None
        which: Value = "" if nearest is None or len(listed) < 2 else f"number {nearest + 1}"
        for i, player in enumerate(one.game.players):
            played: Value = None if one.payoffs is None else mean_interval(one.payoffs[:, i])
            rows.append((*head, clean(player, 60), played, None if there is None else float(there.payoffs[i]), which, one.regrets[i], None))  # fmt: skip
        if isinstance(one.game, TeamGame):
            continue  # what all get is one payoff
        total: Value = None if one.payoffs is None else mean_interval(np.asarray(one.payoffs).sum(axis=1))
        away = None if nearest is None else one.distances[nearest]
        rows.append((*head, "together", total, None if there is None else float(sum(there.payoffs)), which, None, away))
    return Table(
        (*(("condition",) if names else ()), "player", "played", "equilibrium", "which", "regret", "distance"),
        tuple(rows),
        title="What was played beside it",
        about="Payoff of a round, mean over episodes (brackets: 95 %, Student's t), and in the listed equilibrium that choices are nearest to. Regret: "
        "what the best other strategy would have gained a round at the frequencies of everybody's choices. Distance: total variation between these "
        "frequencies and the equilibrium, 0 to 1. –: seats went round, or choices are not counted in this kind of game. Repeated play may do better or worse than every equilibrium of one round.",
        header=2 if names else 1,
    )  # fmt: skip
