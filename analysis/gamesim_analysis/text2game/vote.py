"""Independent translations that are one game count as one answer: classes under ISO-I, and which class wins.

Confidence is the size of the winning class over the number of samples asked, those without an answer included. A tie goes
to the fewest assumptions, then to the lowest index, and so does the choice within a class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gamesim.core.equivalence import compare
from gamesim.core.errors import Undecided

if TYPE_CHECKING:
    from gamesim.core.extensive_form import ExtensiveFormGame

    from .translate import Sample


@dataclass(frozen=True)
class VoteClass:
    """Samples with one answer.

    Attributes
    ----------
    kind : ``game``, or ``no_game`` where they say that there is none.
    members : indices of the samples.  chosen : the one that stands for all.
    """

    kind: Literal["game", "no_game"]
    members: tuple[int, ...]
    chosen: int


def vote(samples: Sequence[Sample]) -> tuple[VoteClass, ...]:
    """The classes, the winner first."""
    groups: list[list[Sample]] = []
    for sample in samples:
        if sample.status not in ("accepted", "no_game"):
            continue
        group = next((g for g in groups if _one_answer(g[0], sample)), None)
        if group is None:
            groups.append([sample])
        else:
            group.append(sample)
    ranked = sorted(groups, key=lambda g: (-len(g), min(_rank(s) for s in g)))
    return tuple(
        VoteClass(
            "game" if g[0].status == "accepted" else "no_game", tuple(s.index for s in g), min(g, key=_rank).index
        )
        for g in ranked
    )


def first_difference(g: ExtensiveFormGame, h: ExtensiveFormGame) -> str:
    """What sets two answers apart, in words."""
    try:
        return compare(g, h).difference
    except Undecided as reason:
        return f"undecided: {reason.message}"


def _rank(sample: Sample) -> tuple[int, int]:
    return len(sample.assumptions), sample.index


def _one_answer(one: Sample, other: Sample) -> bool:
    """Whether two samples say the same; where the checker is undecided they do not."""
    if one.game is None or other.game is None:
        return one.status == other.status
    try:
        return compare(one.game, other.game).passed
    except Undecided:
        return False
