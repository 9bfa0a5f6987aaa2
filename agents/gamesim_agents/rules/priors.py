"""A bank of personal sentences and the dispositions they stand for.

A language model is told the sentence; a rule agent draws its effort, its belief about the right cap and its readiness to
punish from the ranges beside it. So one scenario runs with either. The sentences are ours; the ranges lie within those
of the paper's Table 3: altruists effort .2-.5, belief 4-8 fish, punish 0-.1; selfish .7-1, 10-14, .4-.5 (arXiv 2510.14401).
The eight ranges of a type tile the type's, so that a society with one of each has the type's spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Range = tuple[float, float]
Type = Literal["general", "altruistic", "selfish"]
PunishInit = Literal["table3", "text"]

RANGES: Mapping[str, Mapping[str, Range]] = {
    "general": {"effort": (0.0, 1.0), "belief": (2.0, 8.0), "punish": (0.0, 1.0)},
    "altruistic": {"effort": (0.2, 0.5), "belief": (4.0, 8.0), "punish": (0.0, 0.1)},
    "selfish": {"effort": (0.7, 1.0), "belief": (10.0, 14.0), "punish": (0.4, 0.5)},
}
"""Initial dispositions by type (Table 3): effort in [0, 1], belief in fish per round, punish in [0, 1]."""


@dataclass(frozen=True)
class Prior:
    """One sentence and the disposition it stands for."""

    kind: Literal["altruistic", "selfish"]
    sentence: str
    effort: Range
    belief: Range
    punish: Range

    def init(self) -> dict[str, list[float]]:
        """As a seat profile's ``init``."""
        return {"effort": list(self.effort), "belief": list(self.belief), "punish": list(self.punish)}


def ranges(init: str, punish_init: PunishInit = "table3") -> dict[str, list[float]]:
    """The initial ranges of a type.

    ``punish_init: text`` follows the paper's text, in which selfish agents punish less, by exchanging the two types'
    readiness to punish; ``table3`` follows its table.

    Examples
    --------
    >>> ranges("selfish")["punish"], ranges("selfish", "text")["punish"]
    ([0.4, 0.5], [0.0, 0.1])
    """
    other = {"altruistic": "selfish", "selfish": "altruistic"}
    chosen = dict(RANGES[init])
    if punish_init == "text" and init in other:
        chosen["punish"] = RANGES[other[init]]["punish"]
    return {trait: list(bounds) for trait, bounds in chosen.items()}


def _eighths(bounds: Range) -> list[Range]:
    low, high = bounds
    edges = [round(low + (high - low) * k / 8, 6) for k in range(9)]
    return list(pairwise(edges))


def _bank(kind: Literal["altruistic", "selfish"], sentences: tuple[str, ...]) -> tuple[Prior, ...]:
    """From the most careful sentence to the least; more effort goes with a higher cap believed right."""
    traits = [_eighths(RANGES[kind][trait]) for trait in ("effort", "belief", "punish")]
    return tuple(Prior(kind, *parts) for parts in zip(sentences, *traits, strict=True))


ALTRUISTIC = _bank(
    "altruistic",
    (
        "I would rather go to bed hungry than see a neighbour's net come up empty next year.",
        "The lake fed my parents; I mean to hand it on as full as I found it.",
        "I bring home a little, and I am glad when everybody else can too.",
        "When in doubt I leave the last fish in the water, for someone may need it more.",
        "What is good for the whole village is good for me in the end.",
        "I fish for my table, not for the market, and stop when the table is set.",
        "I take my fair part and not more, and I forgive those who misjudge theirs.",
        "I like a good catch, as long as nobody goes short because of it.",
    ),
)
"""Eight careful temperaments, the most restrained first."""

SELFISH = _bank(
    "selfish",
    (
        "I work hard for a big catch, and I see no reason to apologise for it.",
        "My own household comes first; others can look after theirs.",
        "Whatever I leave in the lake, somebody else will take tomorrow.",
        "A day on the water should pay, so I bring home as much as the day allows.",
        "Rules are for people who cannot make a living without them.",
        "I watch what others catch, because they must not get ahead of me.",
        "I take what I can carry, and I make trouble for those who stand in my way.",
        "If the lake runs dry, at least I will have had the largest share.",
    ),
)
"""Eight grasping temperaments, the least extreme first."""

BANK = ALTRUISTIC + SELFISH
