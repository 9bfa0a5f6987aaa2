"""Card and dice games as trees: Kuhn poker, Leduc poker, liar's dice.

References
----------
.. [1] Kuhn, "A Simplified Two-Person Poker", Contributions to the Theory of Games I, 1950.
.. [2] Southey et al., "Bayes' Bluff: Opponent Modelling in Poker", UAI 2005 (Leduc hold'em).
"""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

from gamesim.core.extensive_form import ExtensiveFormGame, TreeBuilder


def kuhn() -> ExtensiveFormGame:
    """Kuhn poker: three cards, ante 1, one bet of 1; the first player loses 1/18 a hand.

    Examples
    --------
    >>> kuhn().size, kuhn().is_constant_sum
    (55, True)
    """
    cards = "JQK"
    build = TreeBuilder(("First", "Second"), name="kuhn")
    deals = list(permutations(range(3), 2))
    build.chance([cards[a] + cards[b] for a, b in deals], [Fraction(1, 6)] * 6)
    for a, b in deals:
        win = 1 if a > b else -1
        build.move(0, (a, ""), ("check", "bet"), label=cards[a])
        build.move(1, (b, "c"), ("check", "bet"), label=f"{cards[b]} after check")
        build.leaf((win, -win))
        build.move(0, (a, "cb"), ("fold", "call"), label=f"{cards[a]} after check bet")
        build.leaf((-1, 1))
        build.leaf((2 * win, -2 * win))
        build.move(1, (b, "b"), ("fold", "call"), label=f"{cards[b]} after bet")
        build.leaf((1, -1))
        build.leaf((2 * win, -2 * win))
    return build.build()


def leduc(suits: bool = True) -> ExtensiveFormGame:
    """Leduc poker: J, Q, K in two suits, one private and one public card, two rounds with raises of 2 and then 4.

    Parameters
    ----------
    suits : whether players see the suits, which do not matter; without, a third of the information sets.
    """
    return _Leduc(suits).tree()


Card = tuple[int, int]


class _Leduc:
    """The tree of Leduc, one decision after another; at most nine follow each other."""

    def __init__(self, suits: bool) -> None:
        self.suits = suits
        self.deck: list[Card] = [(rank, suit) for rank in range(3) for suit in range(2)]
        self.build = TreeBuilder(("First", "Second"), name="leduc" if suits else "leduc_ranks")

    def tree(self) -> ExtensiveFormGame:
        for first in self._deal(()):
            for second in self._deal((first,)):
                self._decide((first, second), None, "", (1, 1), 0, 0)
        return self.build.build()

    def _deal(self, gone: tuple[Card, ...]) -> list[Card]:
        """Chance draws a card that is still there."""
        left = [card for card in self.deck if card not in gone]
        self.build.chance(["JQK"[rank] + "ab"[suit] for rank, suit in left], [Fraction(1, len(left))] * len(left))
        return left

    def _told(self, card: Card) -> str:
        return "JQK"[card[0]] + ("ab"[card[1]] if self.suits else "")

    def _decide(
        self,
        hands: tuple[Card, Card],
        public: Card | None,
        history: str,
        paid: tuple[int, int],
        raises: int,
        mover: int,
    ) -> None:
        behind = paid[mover] < paid[1 - mover]
        actions = ["fold", "call"] if behind else ["check"]
        actions += ["raise"] if raises < 2 else []
        seen = self._told(hands[mover]) + (f" {self._told(public)}" if public else "")
        label = seen + (f" after {history}" if history else "")
        self.build.move(mover, label, actions, label=label)
        even = paid[1 - mover]
        for action in actions:
            after = history + action[0]
            if action == "fold":
                lost = paid[mover]
                self.build.leaf((-lost, lost) if mover == 0 else (lost, -lost))
            elif action == "raise":
                more = even + (2 if public is None else 4)
                now = (more, paid[1]) if mover == 0 else (paid[0], more)
                self._decide(hands, public, after, now, raises + 1, 1 - mover)
            elif action == "check" and (not history or history[-1] == "/"):  # the first check passes the word
                self._decide(hands, public, after, paid, raises, 1 - mover)
            elif public is None:
                for card in self._deal(hands):
                    self._decide(hands, card, after + "/", (even, even), 0, 0)
            else:
                mine, theirs = ((hand[0] == public[0], hand[0]) for hand in hands)
                won = (mine > theirs) - (mine < theirs)
                self.build.leaf((won * even, -won * even))


def liars_dice(faces: int = 3) -> ExtensiveFormGame:
    """Liar's dice with one die each: bids rise, the highest face is wild, and whoever is caught lying loses 1."""
    build = TreeBuilder(("First", "Second"), name="liars_dice")
    bids = [(count, face) for count in (1, 2) for face in range(1, faces + 1)]
    rolls = [str(face) for face in range(1, faces + 1)]

    def turn(dice: tuple[int, int], history: tuple[int, ...], mover: int) -> None:
        higher = range(history[-1] + 1 if history else 0, len(bids))
        actions = [f"{bids[k][0]}x{bids[k][1]}" for k in higher] + (["liar"] if history else [])
        said = " ".join(f"{bids[k][0]}x{bids[k][1]}" for k in history)
        build.move(mover, (dice[mover], history), actions, label=f"{dice[mover]}" + (f" after {said}" if said else ""))
        for k in higher:
            turn(dice, (*history, k), 1 - mover)
        if history:
            count, face = bids[history[-1]]
            holds = sum(die in (face, faces) for die in dice) >= count
            bidder = 1 - mover
            win = 1 if holds == (bidder == 0) else -1
            build.leaf((win, -win))

    build.chance(rolls, [Fraction(1, faces)] * faces)
    for first in range(1, faces + 1):
        build.chance(rolls, [Fraction(1, faces)] * faces)
        for second in range(1, faces + 1):
            turn((first, second), (), 0)
    return build.build()
