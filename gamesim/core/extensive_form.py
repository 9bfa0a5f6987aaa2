"""Games in extensive form: a tree as a table of nodes in pre-order, with exact chances and payoffs.

Node 0 is the root, a node's subtree is the interval from it to ``end[node]``, and nothing here recurses, so deep trees are
no danger. Information sets are numbered by their first node. Payoffs written on inner nodes are summed down to the leaves
by the builder.

    >>> build = TreeBuilder(("Leader", "Follower"), name="entry")
    >>> for step in (lambda: build.move(0, "start", ("in", "out")), lambda: build.move(1, "after", ("fight", "share")),
    ...              lambda: build.leaf((-1, -1)), lambda: build.leaf((2, 1)), lambda: build.leaf((0, 3))):
    ...     step()
    >>> game = build.build()
    >>> game.perfect_information, game.is_constant_sum, game.subgame_roots
    (True, False, (0, 1))
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import IntArray
from .errors import GameFileError, UnsupportedGameError

if TYPE_CHECKING:
    from .normal_form import NormalFormGame

CHANCE, TERMINAL = -1, -2  # in ``player``, beside the players' numbers
CELLS = 10**7  # largest normal form that is built without being asked for

Payoffs = tuple[Fraction, ...]


@dataclass(frozen=True)
class InformationSet:
    """Where a player cannot tell the nodes apart."""

    player: int
    actions: tuple[str, ...]
    label: str = ""


@dataclass(frozen=True)
class ChanceMove:
    """What chance draws at a node; probabilities sum to one exactly, zeros are kept."""

    actions: tuple[str, ...]
    probabilities: tuple[Fraction, ...]
    label: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class ExtensiveFormGame:
    """A finite game tree; made by ``TreeBuilder`` or by a reader.

    Attributes
    ----------
    players : names.
    player : shape (N,), who moves at each node of the pre-order; CHANCE or TERMINAL where nobody does.
    parent, branch : shape (N,), the node above and which of its actions leads here; -1 at the root.
    index : shape (N,), position in ``sets``, ``chances`` or ``payoffs``, as the node's kind says.
    labels : names of nodes, or empty.
    notes : what a reader changed or found remarkable.
    """

    players: tuple[str, ...]
    player: IntArray
    parent: IntArray
    branch: IntArray
    index: IntArray
    sets: tuple[InformationSet, ...]
    chances: tuple[ChanceMove, ...]
    payoffs: tuple[Payoffs, ...]
    name: str = ""
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return len(self.players)

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.player)

    @cached_property
    def kinds(self) -> list[int]:
        """``player`` as a list: loops over nodes read it a hundred thousand times."""
        return [int(p) for p in self.player]

    @cached_property
    def above(self) -> list[int]:
        return [int(p) for p in self.parent]

    @cached_property
    def taken(self) -> list[int]:
        return [int(b) for b in self.branch]

    @cached_property
    def at(self) -> list[int]:
        return [int(k) for k in self.index]

    @cached_property
    def children(self) -> list[list[int]]:
        """Nodes below each node, by action."""
        found: list[list[int]] = [[] for _ in range(self.size)]
        for node, above in enumerate(self.above):
            if above >= 0:
                found[above].append(node)
        return found

    @cached_property
    def end(self) -> list[int]:
        """One past the last node of each node's subtree."""
        last = list(range(1, self.size + 1))
        for node in range(self.size - 1, 0, -1):
            above = self.above[node]
            last[above] = max(last[above], last[node])
        return last

    def history(self, node: int) -> tuple[str, ...]:
        """Labels of the actions, chance's among them, that lead to a node."""
        found = []
        while self.above[node] >= 0:
            above = self.above[node]
            draw = self.chances[self.at[above]] if self.kinds[above] == CHANCE else self.sets[self.at[above]]
            found.append(draw.actions[self.taken[node]])
            node = above
        return tuple(reversed(found))

    @cached_property
    def depth(self) -> int:
        """Longest path, in actions."""
        depths = [0] * self.size
        for node in range(1, self.size):
            depths[node] = depths[self.above[node]] + 1
        return max(depths)

    @cached_property
    def members(self) -> list[list[int]]:
        """Nodes of each information set, in pre-order."""
        found: list[list[int]] = [[] for _ in self.sets]
        for node, who in enumerate(self.kinds):
            if who >= 0:
                found[self.at[node]].append(node)
        return found

    @cached_property
    def sets_of(self) -> tuple[tuple[int, ...], ...]:
        """Information sets of each player, in order."""
        return tuple(tuple(h for h, s in enumerate(self.sets) if s.player == i) for i in range(self.n))

    @cached_property
    def set_names(self) -> tuple[str, ...]:
        """A name for each set, unique for its player: its label, else its number."""
        names: list[str] = []
        for own in self.sets_of:
            labels = [self.sets[h].label for h in own]
            names += [
                label if label and labels.count(label) == 1 else f"{label + ' ' if label else ''}#{k + 1}"
                for k, label in enumerate(labels)
            ]
        order = [h for own in self.sets_of for h in own]
        return tuple(name for _, name in sorted(zip(order, names, strict=True)))

    # ---- what each player knows of its own play --------------------------------------------------------------------

    @cached_property
    def first_sequence(self) -> tuple[int, ...]:
        """Number of the sequence that ends in the first action of each set; a player's empty sequence is 0."""
        used = [1] * self.n
        first = []
        for information in self.sets:
            first.append(used[information.player])
            used[information.player] += len(information.actions)
        return tuple(first)

    @cached_property
    def sequences(self) -> tuple[list[int], ...]:
        """For each player, the last own (set, action) before each node, as the number of a sequence."""
        found: tuple[list[int], ...] = tuple([0] * self.size for _ in range(self.n))
        for node in range(1, self.size):
            above = self.above[node]
            for own in found:
                own[node] = own[above]
            who = self.kinds[above]
            if who >= 0:
                found[who][node] = self.first_sequence[self.at[above]] + self.taken[node]
        return found

    def sequence_count(self, player: int) -> int:
        return 1 + sum(len(self.sets[h].actions) for h in self.sets_of[player])

    @cached_property
    def forgetful_sets(self) -> tuple[int, ...]:
        """Sets whose nodes follow different own moves: where the player forgets what it did or knew."""
        return tuple(
            h
            for h, nodes in enumerate(self.members)
            if len({self.sequences[self.sets[h].player][node] for node in nodes}) > 1
        )

    @property
    def perfect_recall(self) -> bool:
        return not self.forgetful_sets

    @cached_property
    def absent_minded_sets(self) -> tuple[int, ...]:
        """Sets that a single path meets twice."""
        return tuple(
            h for h, nodes in enumerate(self.members) if any(later < self.end[node] for node, later in pairwise(nodes))
        )

    @cached_property
    def perfect_information(self) -> bool:
        return all(len(nodes) == 1 for nodes in self.members)

    @cached_property
    def is_constant_sum(self) -> bool:
        """Whether payoffs add to one constant at every leaf."""
        return len({sum(payoffs) for payoffs in self.payoffs}) == 1

    @cached_property
    def payoff_range(self) -> float:
        """Largest payoff minus smallest over all players (1 for a constant game): the scale of a relative regret."""
        values = {value for payoffs in set(self.payoffs) for value in payoffs}
        top, bottom = max(values), min(values)
        try:
            float(top), float(bottom)
            return float(top - bottom) or 1.0
        except OverflowError:
            raise UnsupportedGameError("payoffs beyond 1e308 are too large to compute with.", hint="Scale them down.") from None  # fmt: skip

    @cached_property
    def subgame_roots(self) -> tuple[int, ...]:
        """Inner nodes whose subtree no information set leaves; the root of the tree is the first."""
        low, high = list(range(self.size)), list(range(self.size))
        for node, who in enumerate(self.kinds):
            if who >= 0:
                nodes = self.members[self.at[node]]
                low[node], high[node] = nodes[0], nodes[-1]
        for node in range(self.size - 1, 0, -1):
            above = self.above[node]
            low[above], high[above] = min(low[above], low[node]), max(high[above], high[node])
        return tuple(
            node
            for node in range(self.size)
            if self.kinds[node] != TERMINAL and low[node] >= node and high[node] < self.end[node]
        )

    # ---- strategies ------------------------------------------------------------------------------------------------

    def strategy_count(self, player: int) -> int:
        """Number of reduced pure strategies, counted without listing them (all strategies without perfect recall)."""
        own = self.sets_of[player]
        if any(self.sets[h].player == player for h in self.forgetful_sets):
            return prod(len(self.sets[h].actions) for h in own)
        plans = [1] * self.sequence_count(player)
        for h in reversed(own):
            first = self.first_sequence[h]
            here = sum(plans[first : first + len(self.sets[h].actions)])
            plans[self.sequences[player][self.members[h][0]]] *= here
        return plans[0]

    def to_normal_form(self, limit: int = CELLS) -> NormalFormGame:
        """The reduced normal form: strategies that differ only where their own moves never lead are one.

        Raises
        ------
        GameTooLargeError
            If the table would hold more than ``limit`` payoffs; nothing is built to find out.
        """
        from .reduced_form import normal_form

        return normal_form(self, limit)

    def expected(self, play: Any) -> tuple[Any, ...]:
        """Expected payoff of each player under a behaviour profile."""
        from .behaviour import as_behaviour, node_values

        return tuple(node_values(self, as_behaviour(self, play))[0])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExtensiveFormGame):
            return NotImplemented
        mine, its = ((g.players, g.kinds, g.above, g.taken, g.at, g.sets, g.chances, g.payoffs) for g in (self, other))
        return mine == its

    def __hash__(self) -> int:
        return hash((self.players, self.player.tobytes(), self.payoffs))

    def __repr__(self) -> str:
        return f"ExtensiveFormGame({self.name or 'tree'}, {self.size} nodes)"


@dataclass
class _Open:
    """An inner node that still lacks children."""

    node: int
    count: int
    done: int
    gained: Payoffs | None


@lru_cache(maxsize=4096, typed=True)
def _fraction(value: Any) -> Fraction:
    """Few payoffs differ, and a Fraction costs as much as the node it is at."""
    return Fraction(value)


@dataclass
class TreeBuilder:
    """Makes a tree from its nodes in pre-order: each call places the next one.

    Raises
    ------
    GameFileError
        From every method, for a node that cannot stand where it comes.
    """

    players: Sequence[str]
    name: str = ""
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.players = tuple(self.players)
        if not self.players:
            raise GameFileError("a game has at least one player.")
        if len(set(self.players)) != len(self.players):
            raise GameFileError("two players have one name.", hint="Names of players differ.")
        self._rows: list[tuple[int, int, int, int]] = []
        self._labels: list[str] = []
        self._open: list[_Open] = []
        self._sets: dict[tuple[int, Hashable], int] = {}
        self._known: list[InformationSet] = []
        self._chances: dict[ChanceMove, int] = {}
        self._payoffs: list[Payoffs] = []

    @property
    def depth(self) -> int:
        return len(self._open)

    @property
    def size(self) -> int:
        return len(self._rows)

    @property
    def complete(self) -> bool:
        return bool(self._rows) and not self._open

    def move(
        self,
        player: int,
        key: Hashable,
        actions: Sequence[str] | None = None,
        *,
        label: str = "",
        name: str = "",
        payoffs: Sequence[Any] | None = None,
    ) -> None:
        """A node at which ``player`` chooses.

        Parameters
        ----------
        key : nodes of one player with the same key are one information set.
        actions : their labels; may be left out where the set is known already.
        payoffs : what passing through the node pays.
        """
        if not 0 <= player < len(self.players):
            raise GameFileError(
                f"player {player + 1} does not exist; the game has {len(self.players)} players"
                f" ({', '.join(self.players[:8])})."
            )
        at = self._sets.get((player, key))
        if at is None:
            if actions is None:
                raise GameFileError(f"information set {key} of {self.players[player]} comes without its actions.")
            if not actions:
                raise GameFileError(f"information set {key} of {self.players[player]} has no action.")
            at = self._sets[(player, key)] = len(self._known)
            self._known.append(InformationSet(player, self._distinct(actions, self.players[player]), label))
        elif actions is not None:
            known = self._known[at]
            if len(known.actions) != len(actions):
                raise GameFileError(
                    f"information set {key} of {self.players[player]} has {len(known.actions)} actions at one node"
                    f" and {len(actions)} at another."
                )
            if tuple(actions) != known.actions and self._renamed(actions) != known.actions:
                raise GameFileError(
                    f"information set {key} of {self.players[player]} offers other actions at another node."
                )
        self._place(player, at, len(self._known[at].actions), name, payoffs)

    def chance(
        self,
        actions: Sequence[str],
        probabilities: Sequence[Any],
        *,
        label: str = "",
        name: str = "",
        payoffs: Sequence[Any] | None = None,
    ) -> None:
        """A node at which chance draws."""
        chances = tuple(Fraction(p) for p in probabilities)
        if len(chances) != len(actions) or not chances:
            raise GameFileError(f"chance has {len(actions)} actions and {len(chances)} probabilities.")
        if min(chances) < 0:
            raise GameFileError(f"chance has the negative probability {min(chances)}.")
        if sum(chances) != 1:
            raise GameFileError(f"probabilities of chance sum to {sum(chances)}.", hint="They sum to 1 exactly.")
        drawn = ChanceMove(self._distinct(actions, "chance"), chances, label)
        self._place(CHANCE, self._chances.setdefault(drawn, len(self._chances)), len(chances), name, payoffs)

    def leaf(self, payoffs: Sequence[Any], *, name: str = "") -> None:
        """An end of the game; one payoff a player, whole numbers, Fractions or decimal texts."""
        gained = self._open[-1].gained if self._open else None
        own = self._checked(payoffs)
        total = own if gained is None else tuple(a + b for a, b in zip(own, gained, strict=True))
        self._place(TERMINAL, len(self._payoffs), 0, name, None)
        self._payoffs.append(total)

    def build(self) -> ExtensiveFormGame:
        if not self._rows:
            raise GameFileError("the tree has no node.")
        if self._open:
            missing = sum(frame.count - frame.done for frame in self._open)
            raise GameFileError(f"the tree ends too early: {missing} branches lead nowhere.")
        columns = np.array(self._rows, dtype=np.int64).T
        columns.setflags(write=False)
        player, parent, branch, index = columns
        return ExtensiveFormGame(
            tuple(self.players),
            player,
            parent,
            branch,
            index,
            tuple(self._known),
            tuple(self._chances),
            tuple(self._payoffs),
            self.name,
            tuple(self._labels) if any(self._labels) else (),
            tuple(dict.fromkeys(self.notes)),
        )

    def _place(self, player: int, index: int, count: int, name: str, payoffs: Sequence[Any] | None) -> None:
        node = len(self._rows)
        if not self._open:
            if node:
                raise GameFileError("the tree is complete and another node follows.")
            self._rows.append((player, -1, -1, index))
            above = None
        else:
            frame = self._open[-1]
            self._rows.append((player, frame.node, frame.done, index))
            above = frame.gained
            frame.done += 1
        self._labels.append(name)
        if count:
            gained = above
            if payoffs is not None:
                own = self._checked(payoffs)
                gained = own if above is None else tuple(a + b for a, b in zip(above, own, strict=True))
            self._open.append(_Open(node, count, 0, gained))
        while self._open and self._open[-1].done == self._open[-1].count:
            self._open.pop()

    def _checked(self, payoffs: Sequence[Any]) -> Payoffs:
        if len(payoffs) != len(self.players):
            raise GameFileError(f"{len(payoffs)} payoffs for {len(self.players)} players.")
        try:
            return tuple([value if type(value) is Fraction else _fraction(value) for value in payoffs])
        except (ValueError, OverflowError, TypeError) as error:
            raise GameFileError(f"a payoff is no finite number: {error}.") from error

    def _distinct(self, actions: Sequence[str], whose: str) -> tuple[str, ...]:
        renamed = self._renamed(actions)
        if renamed != tuple(actions):
            self.notes.append(f"Actions of {whose} with one label were told apart by a number.")
        return renamed

    @staticmethod
    def _renamed(actions: Sequence[str]) -> tuple[str, ...]:
        """Labels made unique: an empty one becomes its number, a repeated one gets a suffix."""
        seen: set[str] = set()
        renamed = []
        for number, label in enumerate(actions, 1):
            wanted, suffix = label or str(number), 2
            while wanted in seen:
                wanted, suffix = f"{label or number} ({suffix})", suffix + 1
            seen.add(wanted)
            renamed.append(wanted)
        return tuple(renamed)
