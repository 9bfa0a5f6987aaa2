"""Norms in words: which sentences are the same proposal, and which one is in force."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gamesim.core.arrays import FloatArray
from gamesim.envs.words import delivered

if TYPE_CHECKING:
    from .config import Commons
    from .state import SocietyState


SPOKEN = 2.0**52

LONGEST = 300  # characters of a proposal


def normalised(text: str) -> str:
    """Sentences that differ only in case, whitespace or final punctuation are one proposal.

    Examples
    --------
    >>> normalised(" Take  little. ") == normalised("take little!")
    True
    """
    return re.sub(r"\s+", " ", text).strip().casefold().rstrip(".!?…;,: ")


def cap_text(cap: float) -> str:
    """The sentence of an agent that proposes a number in a society of sentences."""
    return f"Nobody takes more than {cap:.6g} fish a round."


class Texts:
    """The sentences of one society. The engine counts numbers, so each distinct sentence has one: the cap for a sentence
    made of a cap, one beyond all caps for those that were spoken."""

    def __init__(self, config: Commons) -> None:
        self._on = config.institutions.text
        self._heard: dict[int, str] = {}
        self._sentences: dict[float, str] = {}
        self.authors: dict[float, list[int]] = {}
        self.norm: str | None = None

    def begin(self, sentences: Mapping[int, str], u: float) -> None:
        """The first norm: what most of the first personal sentences say; the floor(u k)-th of k equals."""
        counts: dict[str, int] = {}
        spoken: dict[str, str] = {}
        for sentence in sentences.values():
            key = normalised(sentence)
            counts[key] = counts.get(key, 0) + 1
            spoken.setdefault(key, sentence)
        tied = [key for key, count in counts.items() if count == max(counts.values())]
        if tied:
            self.norm = spoken[tied[int(u * len(tied))]]

    def hear(self, said: Mapping[int, Mapping[str, str]]) -> None:
        """Sentences by seat; field ``community``."""
        for seat, fields in said.items():
            sentence = delivered(fields.get("community", ""), LONGEST)
            if sentence:
                self._heard[seat] = sentence

    def proposals(self, state: SocietyState, caps: FloatArray) -> FloatArray:
        """The number that stands for each agent's sentence; the caps themselves where norms are numbers."""
        if not self._on:
            return caps
        self._sentences, self.authors = {}, {}
        numbers, classes = caps.copy(), dict[str, float]()
        spoken = 0
        for seat in np.flatnonzero(state.roster.active[0]):
            sentence = self._heard.get(int(seat))
            if sentence is None:
                if np.isnan(caps[0, seat]):
                    continue
                sentence, number = cap_text(caps[0, seat]), float(caps[0, seat])
            else:
                spoken += 1
                number = SPOKEN + spoken
            number = classes.setdefault(normalised(sentence), number)
            self._sentences.setdefault(number, sentence)
            self.authors.setdefault(number, []).append(int(seat))
            numbers[0, seat] = number
        self._heard = {}
        return numbers

    def shown(self, state: SocietyState) -> tuple[str, ...]:
        """The distinct proposals in the order of the ballots."""
        choices = state.choices[0]
        return tuple(self._sentences.get(float(c), cap_text(float(c))) for c in choices if not np.isnan(c))

    def sentence(self, number: float) -> str:
        return self._sentences.get(number, cap_text(number))

    def turn(self, state: SocietyState) -> None:
        """The adopted proposal becomes the norm in force."""
        if self._on and not np.isnan(state.choice[0]):
            self.norm = self._sentences.get(float(state.choice[0]), self.norm or cap_text(float(state.choice[0])))
