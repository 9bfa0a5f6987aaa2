"""How much of one game another is, on six levels.

    EXACT   same players in order, same ordered tree, labels, partition, probabilities and payoffs; names of sets are free
    ISO     isomorphic trees: names and the order of branches are free
    ISO-I   isomorphic interchange forms: the order of unobserved moves and the staging of chance are free as well
    RSF     one reduced strategic form
    EQPAY   the same equilibrium payoffs, both lists complete; necessary, never proof of equality
    LOADS   a game with the right number of players
    FAIL    not even that

ISO-I or better is a pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Literal

from ..errors import Undecided, UnsupportedGameError
from ..expressions import ExpressionError
from ..extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from ..solution import Solution
from .constraints import Outcomes, holds
from .difference import first_difference
from .interchange import interchanged
from .isomorphism import BUDGET, Isomorphism, isomorphisms
from .isomorphism import verify as verify_tree
from .payoffs import PayoffMode, payoff_mode
from .players import Matching, matchings
from .reduced_form import ReducedMaps, reduced_forms_agree, verify_reduced

Level = Literal["EXACT", "ISO", "ISO-I", "RSF", "EQPAY", "LOADS", "FAIL"]
LEVELS: tuple[Level, ...] = ("EXACT", "ISO", "ISO-I", "RSF", "EQPAY", "LOADS", "FAIL")
SOUGHT = 1000  # isomorphisms tried until constraints hold
SAME_PAYOFF = 1e-9


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes
    ----------
    level : the best level that holds.  passed : whether it is ISO-I or better.
    maps : what stands for what, for ``verify``; of the trees, of the interchange forms, or of the strategies.
    difference : the first difference in words; empty for a pass.
    undecided : levels above ``level`` whose answer the budget left open.
    notes : what else to know.  seconds : taken.
    """

    level: Level
    passed: bool
    maps: Isomorphism | ReducedMaps | None = None
    difference: str = ""
    undecided: tuple[Level, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


def compare(
    g: ExtensiveFormGame,
    h: ExtensiveFormGame,
    *,
    payoffs: PayoffMode = "exact",
    constraints: Sequence[str] = (),
    solutions: tuple[Solution, Solution] | None = None,
    players: Sequence[int] | None = None,
    budget: int = BUDGET,
) -> Verdict:
    """The level on which ``h`` is the reference ``g``.

    Parameters
    ----------
    payoffs : see ``payoffs.leaf_keys``; with ``constraints`` an isomorphism counts only if they hold on the payoffs of ``h``.
    constraints : such as ``A[Low/Accept] > A[High/Reject]``, in names of ``g``.
    solutions : of ``g`` and ``h``, for EQPAY.
    players : for each player of ``g`` the player of ``h`` it is, if that is known.
    budget : refinements allowed at each level.

    Raises
    ------
    Undecided
        If more than four players cannot be matched by name.
    UnsupportedGameError
        For a constraint that names no outcome of ``g``.
    """
    begin = time.perf_counter()
    asked = _Comparison(g, h, payoff_mode(payoffs), tuple(constraints), solutions, players, budget)
    return replace(asked.verdict(), seconds=time.perf_counter() - begin)


def verify(
    g: ExtensiveFormGame,
    h: ExtensiveFormGame,
    maps: Isomorphism | ReducedMaps,
    *,
    payoffs: PayoffMode = "exact",
) -> bool:
    """Whether a certificate holds, apart from how it was found."""
    if isinstance(maps, ReducedMaps):
        return verify_reduced(g, h, maps, payoffs=payoffs)
    if maps.form == "interchange":
        g, h = interchanged(g)[0], interchanged(h, maps.players)[0]
    return verify_tree(g, h, maps, payoffs=payoffs)


def exactly_equal(g: ExtensiveFormGame, h: ExtensiveFormGame) -> bool:
    """Whether two trees are written alike, but for titles and names of nodes, sets and outcomes."""
    if (g.players, g.kinds, g.above, g.taken) != (h.players, h.kinds, h.above, h.taken):
        return False
    for kind, a, b in zip(g.kinds, g.at, h.at, strict=True):
        if kind == TERMINAL:
            if g.payoffs[a] != h.payoffs[b]:
                return False
        elif kind == CHANCE:
            mine, its = g.chances[a], h.chances[b]
            if (mine.actions, mine.probabilities) != (its.actions, its.probabilities):
                return False
        elif a != b or g.sets[a].actions != h.sets[b].actions:
            return False
    return True


def _itself(game: ExtensiveFormGame) -> Isomorphism:
    actions = tuple(tuple(range(len(information.actions))) for information in game.sets)
    return Isomorphism(tuple(range(game.n)), tuple(range(len(game.sets))), actions, tuple(range(game.size)))


Form = tuple[ExtensiveFormGame, Sequence[int]]


@dataclass
class _Comparison:
    g: ExtensiveFormGame
    h: ExtensiveFormGame
    mode: PayoffMode
    constraints: tuple[str, ...]
    solutions: tuple[Solution, Solution] | None
    players: Sequence[int] | None
    budget: int

    def verdict(self) -> Verdict:
        g, h = self.g, self.h
        if g.n != h.n:
            return Verdict("FAIL", False, difference=f"{g.n} players against {h.n}.")
        possible = matchings(g, h, self.players)
        notes: list[str] = []
        undecided: list[Level] = []
        steps: list[tuple[Level, Callable[[], Isomorphism | ReducedMaps | None]]] = [
            ("EXACT", self.exact),
            ("ISO", self.iso),
        ]
        if all(game.perfect_recall and not game.absent_minded_sets for game in (g, h)):
            steps.append(("ISO-I", lambda: self.interchanged(possible)))
        else:
            notes.append("a player forgets: interchange of moves is not defined, ISO-I is ISO")
        if self.mode in ("exact", "affine"):
            steps.append(("RSF", self.reduced))
        for level, step in steps:
            try:
                maps = step()
            except Undecided as reason:
                undecided.append(level)
                notes.append(f"{level} undecided: {reason.message}")
                continue
            if maps is not None:
                passed = level != "RSF"
                if level == "RSF" and self.without_forced(possible):
                    notes.append("forced moves dropped")
                difference = "" if passed else self.difference(possible)
                return Verdict(level, passed, maps, difference, tuple(undecided), tuple(notes))
        level = "EQPAY" if self.same_equilibria(possible, notes) else "LOADS"
        return Verdict(level, False, None, self.difference(possible), tuple(undecided), tuple(notes))

    def exact(self) -> Isomorphism | None:
        if not exactly_equal(self.g, self.h):
            return None
        found = _itself(self.g)
        return found if self.satisfied(found, None) else None

    def iso(self) -> Isomorphism | None:
        return self.first(self.sought(self.g, self.h, self.players), None)

    def interchanged(self, possible: Sequence[Matching]) -> Isomorphism | None:
        form = interchanged(self.g)
        for matching in possible:
            other = interchanged(self.h, matching)
            found = self.first(self.sought(form[0], other[0], matching), (form, other))
            if found is not None:
                return replace(found, form="interchange")
        return None

    def reduced(self) -> ReducedMaps | None:
        return reduced_forms_agree(self.g, self.h, payoffs=self.mode, budget=self.budget, players=self.players)

    def without_forced(self, possible: Sequence[Matching]) -> bool:
        """Whether only moves without a choice keep the games from passing."""
        if any(not game.perfect_recall for game in (self.g, self.h)):
            return False
        try:
            form = interchanged(self.g, forced=False)[0]
            return any(
                next(self.sought(form, interchanged(self.h, m, forced=False)[0], m), None) is not None for m in possible
            )
        except Undecided:
            return False

    def sought(
        self, g: ExtensiveFormGame, h: ExtensiveFormGame, players: Sequence[int] | None
    ) -> Iterator[Isomorphism]:
        every = self.mode == "constraints"
        return isomorphisms(g, h, payoffs=self.mode, budget=self.budget, players=players, every=every)

    def first(self, found: Iterator[Isomorphism], forms: tuple[Form, Form] | None) -> Isomorphism | None:
        """The first isomorphism that will do.

        Parameters
        ----------
        forms : the interchange forms that were mapped, with their leaves; None if the trees themselves were.
        """
        if self.mode != "constraints":
            return next(found, None)
        tried = 0
        for tried, maps in enumerate(islice(found, SOUGHT), 1):  # noqa: B007
            if self.satisfied(maps, forms):
                return maps
        if tried == SOUGHT:
            raise Undecided(f"{SOUGHT:,} isomorphisms were tried and the constraints held under none.")
        return None

    def satisfied(self, maps: Isomorphism, forms: tuple[Form, Form] | None) -> bool:
        """Whether the constraints hold on the payoffs of the second game, read through the maps."""
        if self.mode != "constraints":
            return True
        (g, mine), (h, its) = forms or ((self.g, range(len(self.g.payoffs))), (self.h, range(len(self.h.payoffs))))
        image = {mine[g.at[x]]: its[h.at[y]] for x, y in enumerate(maps.nodes) if g.kinds[x] == TERMINAL}

        def paid(player: int, leaf: int) -> Fraction:
            if leaf not in image:
                raise ExpressionError("an outcome of probability 0", 1)
            return self.h.payoffs[image[leaf]][maps.players[player]]

        return all(self.holds(text, paid) for text in self.constraints)

    def holds(self, text: str, paid: Callable[[int, int], Fraction]) -> bool:
        try:
            return holds(text, Outcomes.of(self.g), paid)[0]
        except ExpressionError as error:
            raise UnsupportedGameError(f"constraint '{text[:80]}': {error}.") from None

    def difference(self, possible: Sequence[Matching]) -> str:
        told = max((first_difference(self.g, self.h, m, self.mode) for m in possible), key=_progress)
        if told:
            return told
        if self.mode == "constraints":
            return "the trees agree, and under no isomorphism do the constraints hold."
        return "counts, payoffs and surroundings agree, and no pairing of information sets fits."

    def same_equilibria(self, possible: Sequence[Matching], notes: list[str]) -> bool:
        if self.solutions is None or self.mode != "exact":
            return False
        mine, its = self.solutions
        if not (mine.complete and its.complete):
            notes.append("EQPAY not compared: a list of equilibria is not known to be complete")
            return False
        a, b = (
            [tuple(float(value) for value in e.payoffs) for e in solution.equilibria] for solution in self.solutions
        )
        return any(
            _covered(a, [tuple(row[p] for p in m) for row in b])
            and _covered([tuple(row[p] for p in m) for row in b], a)
            for m in possible
        )


def _covered(these: list[tuple[float, ...]], those: list[tuple[float, ...]]) -> bool:
    return all(
        any(max(abs(x - y) for x, y in zip(one, other, strict=True)) <= SAME_PAYOFF for other in those) for one in these
    )


_ORDER = ("leaf", "chance move", "information set", "node")


def _progress(text: str) -> int:
    """How far a matching came before it failed: the later the difference, the better the matching."""
    if not text:
        return len(_ORDER) + 1
    head = text.split(" without counterpart")[0]
    return 1 + _ORDER.index(head) if head in _ORDER else 0
