"""A catalog of classic games with what is known of their equilibria, and where that comes from.

>>> ferry_fare().players, KNOWN["ferry_fare"].payoffs["spe"]
(('Skipper', 'Traveller'), (('5', '1'),))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from gamesim.core.efg_format import read_efg
from gamesim.core.errors import ScenarioError
from gamesim.core.extensive_form import ExtensiveFormGame, TreeBuilder
from gamesim.core.normal_form import NormalFormGame

FOLDER = Path(__file__).parent / "games"
OURS = "a worked example of gamesim"


@dataclass(frozen=True)
class FileGame:
    """A tree that lies in the package as an .efg file."""

    name: str
    description: str

    def __call__(self) -> ExtensiveFormGame:
        game = read_efg(FOLDER / f"{self.name}.efg")
        return _named(game, self.name)


def _named(game: ExtensiveFormGame, name: str) -> ExtensiveFormGame:
    from dataclasses import replace

    return replace(game, name=name)


@dataclass(frozen=True)
class Known:
    """What is known of a game.

    Attributes
    ----------
    source : where the game, or its solution, is from.
    payoffs : concept (``spe``, ``pure``, ``nash``, ``value``) -> all payoff vectors of that kind, as text.
    """

    source: str
    payoffs: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)


ferry_fare = FileGame("ferry_fare", "A skipper names a fare, a traveller takes or refuses: a small ultimatum game.")
forklift_aisle = FileGame("forklift_aisle", "Two forklifts in one aisle: who gives way?")
hill_and_bridge = FileGame("hill_and_bridge", "A defender covers one of two approaches; zero-sum and degenerate.")
ice_seller = FileGame(
    "ice_seller", "A seller who knows the quality asks a price; a buyer who does not accepts or leaves."
)
jam_shelf = FileGame("jam_shelf", "Entry to a shelf under a threat that is empty.")
museum_or_fair = FileGame("museum_or_fair", "Meeting at one of two places, with an outside option for one.")
seed_loan = FileGame("seed_loan", "A loan that may not be repaid, with rain by chance.")
three_bakers = FileGame("three_bakers", "Three bakers choose between two streets.")
three_card_raise = FileGame("three_card_raise", "A three-card poker with one raise; worth 1/18 to the first player.")
two_night_camp = FileGame("two_night_camp", "A prisoners' dilemma played twice.")


def biased_rps() -> NormalFormGame:
    """Rock, paper, scissors with uneven stakes; constant-sum 1."""
    half, quarter = Fraction(1, 2), Fraction(1, 4)
    row = np.array([[half, quarter, 1], [3 * quarter, half, 0], [0, 1, half]], dtype=object)
    return NormalFormGame.bimatrix(row, 1 - row, actions=(("rock", "paper", "scissors"),) * 2, name="biased_rps")


def selten_horse() -> ExtensiveFormGame:
    """Three players; one of the two pure equilibria rests on a move that is never reached.

    References
    ----------
    .. [1] Selten, "Reexamination of the Perfectness Concept", International Journal of Game Theory 4, 1975.
    """
    build = TreeBuilder(("One", "Two", "Three"), name="selten_horse")
    build.move(0, 1, ("C", "D"))
    build.move(1, 1, ("c", "d"))
    build.leaf((1, 1, 1))
    build.move(2, 1, ("L", "R"))
    build.leaf((4, 4, 0))
    build.leaf((0, 0, 1))
    build.move(2, 1, ("L", "R"))
    build.leaf((3, 3, 2))
    build.leaf((0, 0, 0))
    return build.build()


def one_card_poker() -> ExtensiveFormGame:
    """A red or black card, seen by one player only, who may raise; the other meets or passes.

    References
    ----------
    .. [1] Myerson, "Game Theory: Analysis of Conflict", 1991, chapter 2.
    """
    build = TreeBuilder(("One", "Two"), name="one_card_poker")
    build.chance(("red", "black"), (Fraction(1, 2), Fraction(1, 2)))
    for colour, won in (("red", 1), ("black", -1)):
        build.move(0, colour, ("raise", "fold"), label=colour)
        build.move(1, "raised", ("meet", "pass"), label="raised")
        build.leaf((2 * won, -2 * won))
        build.leaf((1, -1))
        build.leaf((won, -won))
    return build.build()


def centipede(moves: int = 6) -> ExtensiveFormGame:
    """Two players by turns take the larger share or let it grow; backward induction takes at once.

    References
    ----------
    .. [1] Rosenthal, "Games of Perfect Information, Predatory Pricing and the Chain-Store Paradox", Journal of Economic
       Theory 25, 1981.
    """
    if not 1 <= moves <= 5000:
        raise ScenarioError(f"a centipede of {moves} moves.", hint="From 1 to 5,000.")
    build = TreeBuilder(("One", "Two"), name="centipede")
    for k in range(moves):
        build.move(k % 2, k, ("take", "pass"), label=f"move {k + 1}")
        build.leaf((k + 2, k) if k % 2 == 0 else (k, k + 2))
    last = moves
    build.leaf((last + 2, last) if last % 2 == 0 else (last, last + 2))
    return build.build()


def entry_deterrence() -> ExtensiveFormGame:
    """An entrant, and an incumbent whose threat to fight is empty.

    References
    ----------
    .. [1] Selten, "The Chain Store Paradox", Theory and Decision 9, 1978.
    """
    build = TreeBuilder(("Entrant", "Incumbent"), name="entry_deterrence")
    build.move(0, "entry", ("enter", "stay out"), label="entry")
    build.move(1, "entered", ("share", "fight"), label="entered")
    build.leaf((2, 2))
    build.leaf((0, 0))
    build.leaf((1, 5))
    return build.build()


def beer_quiche() -> ExtensiveFormGame:
    """A strong or weak type chooses a breakfast; a bully who sees only that duels or leaves.

    References
    ----------
    .. [1] Cho and Kreps, "Signaling Games and Stable Equilibria", Quarterly Journal of Economics 102, 1987.
    """
    build = TreeBuilder(("Sender", "Bully"), name="beer_quiche")
    build.chance(("strong", "weak"), (Fraction(9, 10), Fraction(1, 10)))
    for kind in ("strong", "weak"):
        build.move(0, kind, ("beer", "quiche"), label=kind)
        for breakfast in ("beer", "quiche"):
            build.move(1, breakfast, ("duel", "leave"), label=f"sees {breakfast}")
            liked = int((kind == "strong") == (breakfast == "beer"))
            build.leaf((liked, int(kind == "weak")))
            build.leaf((liked + 2, int(kind == "strong")))
    return build.build()


_PERMUTED = (("1", "4", "4"), ("4", "1", "4"), ("4", "4", "1"))

KNOWN: Mapping[str, Known] = {
    "beer_quiche": Known("Cho and Kreps 1987", {"pure": (("21/10", "9/10"), ("29/10", "9/10"))}),
    "biased_rps": Known(OURS, {"value": (("1/2", "1/2"),)}),
    "battle_of_the_sexes": Known(
        "Luce and Raiffa, Games and Decisions, 1957", {"nash": (("3", "2"), ("2", "3"), ("6/5", "6/5"))}
    ),
    "centipede": Known("Rosenthal 1981", {"spe": (("2", "0"),)}),
    "chicken": Known("textbook", {"pure": (("1", "5"), ("5", "1"))}),
    "entry_deterrence": Known("Selten 1978", {"spe": (("2", "2"),), "pure": (("2", "2"), ("1", "5"))}),
    "ferry_fare": Known(OURS, {"spe": (("5", "1"),), "pure": (("5", "1"), ("3", "3"), ("1", "5"))}),
    "forklift_aisle": Known(OURS, {"nash": (("5", "2"), ("2", "5"), ("5/2", "5/2"))}),
    "hill_and_bridge": Known(OURS, {"value": (("2", "-2"),)}),
    "ice_seller": Known(OURS, {"pure": (("3", "8/5"), ("0", "0"))}),
    "jam_shelf": Known(OURS, {"spe": (("2", "0"),)}),
    "kuhn": Known("Kuhn 1950", {"value": (("-1/18", "1/18"),)}),
    "liars_dice": Known(OURS, {"value": (("1/9", "-1/9"),)}),
    "matching_pennies": Known("textbook", {"nash": (("0", "0"),), "value": (("0", "0"),)}),
    "museum_or_fair": Known(OURS, {"spe": (("3", "3"), ("5", "1")), "pure": (("3", "3"), ("5", "1"))}),
    "one_card_poker": Known("Myerson 1991", {"value": (("1/3", "-1/3"),)}),
    "prisoners_dilemma": Known("textbook", {"nash": (("1", "1"),)}),
    "rock_paper_scissors": Known("textbook", {"nash": (("0", "0"),), "value": (("0", "0"),)}),
    "seed_loan": Known(OURS, {"spe": (("4", "1"),)}),
    "selten_horse": Known("Selten 1975", {"pure": (("3", "3", "2"), ("1", "1", "1"))}),
    "shapley": Known("Shapley 1964", {"nash": (("1/3", "1/3"),)}),
    "stag_hunt": Known("textbook", {"pure": (("4", "4"), ("3", "3"))}),
    "three_bakers": Known(OURS, {"pure": _PERMUTED}),
    "three_card_raise": Known(OURS, {"value": (("1/18", "-1/18"),)}),
    "two_night_camp": Known(OURS, {"spe": (("2", "2"),)}),
}
