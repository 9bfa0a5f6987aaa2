"""Isomorphism of game trees: one game under other names and another order of branches.

Colours of nodes, information sets and actions are refined in turn until nothing changes; where a class keeps several
members one of them is told apart in both games and refinement goes on, so symmetric games cost no search. Colours are
numbers given out by a table that both games share. They are never hash values: in CPython hash(-1) == hash(-2), and games
that differ in that alone would be called equal.

    >>> from gamesim.core.extensive_form import TreeBuilder
    >>> def chooser(*payoffs):
    ...     build = TreeBuilder(("A",))
    ...     build.move(0, 1, [f"to {p}" for p in payoffs])
    ...     for p in payoffs:
    ...         build.leaf((p,))
    ...     return build.build()
    >>> isomorphism(chooser(-1, -2, 5), chooser(5, -1, -2)).actions
    ((1, 2, 0),)
    >>> isomorphism(chooser(-1, -2), chooser(-1, -1)) is None
    True

References
----------
.. [1] McKay and Piperno, "Practical graph isomorphism, II", Journal of Symbolic Computation 60, 2014.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from ..errors import Undecided
from ..extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from .payoffs import PayoffMode, leaf_keys
from .players import Matching, matchings

BUDGET = 2000

Colours = tuple[list[int], list[int], list[int]]  # of nodes, sets and actions of one game


@dataclass(frozen=True)
class Isomorphism:
    """What stands for what: the certificate, rechecked by ``verify``.

    Attributes
    ----------
    players : player ``i`` of the first game is ``players[i]`` of the second.
    sets : the same of information sets.
    actions : for each set of the first game, its action ``a`` is action ``actions[set][a]`` of the set's image.
    nodes : the same of nodes.
    refinements : how often colours were refined to find it.
    form : ``tree``, or ``interchange`` if sets, actions and nodes are those of the interchange forms.
    """

    players: Matching
    sets: tuple[int, ...]
    actions: tuple[tuple[int, ...], ...]
    nodes: tuple[int, ...]
    refinements: int = 0
    form: Literal["tree", "interchange"] = "tree"


def isomorphism(
    g: ExtensiveFormGame,
    h: ExtensiveFormGame,
    *,
    payoffs: PayoffMode = "exact",
    budget: int = BUDGET,
    players: Sequence[int] | None = None,
) -> Isomorphism | None:
    """An isomorphism of two trees, or None if there is none.

    Players are matched by name if both games have the same names, else every matching of up to four is tried; every
    information set has its own bijection of actions; branches of chance may change places if they are equally probable.

    Parameters
    ----------
    payoffs : what of the payoffs must agree; see ``payoffs.leaf_keys``.
    budget : refinements allowed in all.
    players : for each player of ``g`` the player of ``h`` it is, if that is known.

    Raises
    ------
    Undecided
        If the budget ends before the answer is known.
    """
    return next(isomorphisms(g, h, payoffs=payoffs, budget=budget, players=players), None)


def isomorphisms(
    g: ExtensiveFormGame,
    h: ExtensiveFormGame,
    *,
    payoffs: PayoffMode = "exact",
    budget: int = BUDGET,
    players: Sequence[int] | None = None,
    every: bool = False,
) -> Iterator[Isomorphism]:
    """Isomorphisms one after another.

    Parameters
    ----------
    every : also those that differ only in how equally probable branches of chance correspond.
    """
    possible = matchings(g, h, players)
    if not possible or not _counts_agree(g, h):
        return
    keys = leaf_keys(g, payoffs), leaf_keys(h, payoffs)
    spent = 0
    for matching in possible:
        search = _Search(_Side(g, keys[0], tuple(range(g.n))), _Side(h, keys[1], matching), matching, budget - spent)
        yield from search.run(every)
        spent += search.spent


def verify(g: ExtensiveFormGame, h: ExtensiveFormGame, maps: Isomorphism, *, payoffs: PayoffMode = "exact") -> bool:
    """Whether the maps are an isomorphism: one walk over the nodes, apart from how they were found."""
    if g.n != h.n or g.size != h.size or len(g.sets) != len(h.sets):
        return False
    for images, size in ((maps.players, g.n), (maps.sets, len(g.sets)), (maps.nodes, g.size)):
        if sorted(images) != list(range(size)):
            return False
    if len(maps.actions) != len(g.sets):
        return False
    for own, image, actions in zip(g.sets, maps.sets, maps.actions, strict=True):
        other = h.sets[image]
        if maps.players[own.player] != other.player or sorted(actions) != list(range(len(own.actions))):
            return False
        if len(own.actions) != len(other.actions):
            return False
    keys, its_keys = leaf_keys(g, payoffs), leaf_keys(h, payoffs)
    for node, image in enumerate(maps.nodes):
        kind, other_kind = g.kinds[node], h.kinds[image]
        if (maps.players[kind] if kind >= 0 else kind) != other_kind:
            return False
        if len(g.children[node]) != len(h.children[image]):
            return False
        if kind >= 0 and maps.sets[g.at[node]] != h.at[image]:
            return False
        if kind == TERMINAL:
            mine, its = keys[g.at[node]], its_keys[h.at[image]]
            if any(mine[i] != its[maps.players[i]] for i in range(g.n)):
                return False
        if node == 0:
            if image != 0:
                return False
            continue
        above, its_above = g.above[node], h.above[image]
        if maps.nodes[above] != its_above:
            return False
        if g.kinds[above] == CHANCE:
            drawn = g.chances[g.at[above]].probabilities[g.taken[node]]
            if drawn != h.chances[h.at[its_above]].probabilities[h.taken[image]]:
                return False
        elif maps.actions[g.at[above]][g.taken[node]] != h.taken[image]:
            return False
    return True


def _counts_agree(g: ExtensiveFormGame, h: ExtensiveFormGame) -> bool:
    return (
        g.size == h.size
        and len(g.sets) == len(h.sets)
        and len(g.payoffs) == len(h.payoffs)
        and g.kinds.count(CHANCE) == h.kinds.count(CHANCE)
    )


class _Side:
    """One of the two games, with what never changes: who moves, what is paid, and how likely chance is.

    Players are numbered as in the first game.
    """

    def __init__(self, game: ExtensiveFormGame, keys: Sequence[tuple[Any, ...]], matching: Matching) -> None:
        self.game = game
        first_name = {image: i for i, image in enumerate(matching)}
        self.size = game.size
        self.children = game.children
        self.above = game.above
        self.members = game.members
        self.set_of = [at if kind >= 0 else -1 for kind, at in zip(game.kinds, game.at, strict=True)]
        self.first_action = []
        self.set_of_action: list[int] = []
        for h, information in enumerate(game.sets):
            self.first_action.append(len(self.set_of_action))
            self.set_of_action += [h] * len(information.actions)
        self.edge = [0] * game.size  # action that leads to a node, or -1 - position in ``odds``
        self.odds: list[Hashable] = []
        self.kind: list[Hashable] = []
        known: dict[int, list[int]] = {}
        for node, (kind, at) in enumerate(zip(game.kinds, game.at, strict=True)):
            if kind == TERMINAL:
                own = keys[at]
                self.kind.append(tuple(own[i] for i in matching))
                continue
            self.kind.append(first_name[kind] if kind >= 0 else CHANCE)
            if kind == CHANCE:
                if at not in known:
                    chances = game.chances[at].probabilities
                    known[at] = [-1 - len(self.odds) - k for k in range(len(chances))]
                    self.odds += chances
                edges: Sequence[int] = known[at]
            else:
                first = self.first_action[at]
                edges = range(first, first + len(self.children[node]))
            for child, edge in zip(self.children[node], edges, strict=True):
                self.edge[child] = edge
        self.player_of_set = [first_name[information.player] for information in game.sets]
        self.leads_to: list[list[int]] = [[] for _ in self.set_of_action]
        for node in range(1, game.size):
            if self.edge[node] >= 0:
                self.leads_to[self.edge[node]].append(node)


@dataclass
class _Frame:
    """A choice in the search: a class, its member told apart in the first game, and those left to try in the second."""

    colours: tuple[Colours, Colours]
    part: int
    member: int
    candidates: list[int]


class _Search:
    def __init__(self, mine: _Side, its: _Side, matching: Matching, budget: int) -> None:
        self.sides = (mine, its)
        self.matching = matching
        self.budget = budget
        self.spent = 0
        self.blocks = 2 * max(mine.size, len(mine.set_of_action)) + 2  # larger than any colour

    def run(self, every: bool) -> Iterator[Isomorphism]:
        start = self.start()
        if start is None or not self.refine(start):
            return
        frames: list[_Frame] = []
        colours: tuple[Colours, Colours] | None = start
        while True:
            if colours is not None:
                part = self.open_class(colours, every)
                if part is None:
                    found = self.maps(colours)
                    if found is not None:
                        yield found
                else:
                    frames.append(_Frame(colours, *part))
            while frames and not frames[-1].candidates:
                frames.pop()
            if not frames:
                return
            frame = frames[-1]
            candidate = frame.candidates.pop(0)
            colours = self.told_apart(frame, candidate)
            if not self.refine(colours):
                colours = None

    def start(self) -> tuple[Colours, Colours] | None:
        kinds: dict[Hashable, int] = {}
        chances: dict[Hashable, int] = {}
        found = []
        for side in self.sides:
            nodes = [kinds.setdefault(kind, len(kinds)) for kind in side.kind]
            side.odds = [chances.setdefault(p, len(chances)) for p in side.odds]
            found.append((nodes, list(side.player_of_set), [0] * len(side.set_of_action)))
        if sorted(found[0][0]) != sorted(found[1][0]) or sorted(found[0][1]) != sorted(found[1][1]):
            return None
        return found[0], found[1]

    def told_apart(self, frame: _Frame, candidate: int) -> tuple[Colours, Colours]:
        copies = []
        for own, member in zip(frame.colours, (frame.member, candidate), strict=True):
            copy = (list(own[0]), list(own[1]), list(own[2]))
            copy[frame.part][member] = self.blocks - 1
            copies.append(copy)
        return copies[0], copies[1]

    def refine(self, both: tuple[Colours, Colours]) -> bool:
        """Refine in place until stable; False as soon as the games differ."""
        self.spent += 1
        if self.spent > self.budget:
            raise Undecided(
                f"whether the trees are one game is not known after {self.budget:,} refinements.",
                hint="Raise the budget.",
            )
        classes = -1
        while True:
            now = self.round(both)
            if now is None:
                return False
            if now == classes:
                return True
            classes = now

    def round(self, both: tuple[Colours, Colours]) -> int | None:
        """Nodes from the leaves up and from the root down, then sets and actions; how many classes there are."""
        up: dict[Any, int] = {}
        down: dict[Any, int] = {}
        sets: dict[Any, int] = {}
        actions: dict[Any, int] = {}
        block = self.blocks
        for side, colours in zip(self.sides, both, strict=True):
            nodes, of_sets, of_actions = colours
            edge, children, odds = side.edge, side.children, side.odds
            tint = [0] * side.size  # colour of the edge above each node
            for node in range(1, side.size):
                e = edge[node]
                tint[node] = of_actions[e] if e >= 0 else block + odds[-1 - e]  # type: ignore[operator]
            below = [0] * side.size
            set_of = side.set_of
            for node in range(side.size - 1, -1, -1):
                kids = children[node]
                if kids:
                    h = set_of[node]
                    key: Any = (
                        nodes[node],
                        of_sets[h] if h >= 0 else -1,
                        *sorted([tint[k] * block + below[k] for k in kids]),
                    )
                else:
                    key = nodes[node]
                below[node] = up.setdefault(key, len(up))
            above = side.above
            nodes[0] = down.setdefault(below[0], len(down))
            for node in range(1, side.size):
                key = (nodes[above[node]], tint[node], below[node])
                nodes[node] = down.setdefault(key, len(down))
            for h, members in enumerate(side.members):
                key = (of_sets[h], *sorted([nodes[m] for m in members]))
                of_sets[h] = sets.setdefault(key, len(sets))
            for a, reached in enumerate(side.leads_to):
                key = (of_sets[side.set_of_action[a]], of_actions[a], *sorted([nodes[c] for c in reached]))
                of_actions[a] = actions.setdefault(key, len(actions))
        if any(sorted(mine) != sorted(its) for mine, its in zip(*both, strict=True)):
            return None
        return len(down) + len(sets) + len(actions)

    def open_class(self, both: tuple[Colours, Colours], every: bool) -> tuple[int, int, list[int]] | None:
        """The smallest class with several members: what kind of thing, one of it here, and all of it there."""
        for parts in ((1, 2), (0,)) if every else ((1, 2),):
            best: tuple[int, int, int] | None = None
            for part in parts:
                own = both[0][part]
                size = [0] * (max(own, default=-1) + 1)
                for colour in own:
                    size[colour] += 1
                for member, colour in enumerate(own):
                    if size[colour] > 1 and (best is None or size[colour] < best[0]):
                        best = (size[colour], part, member)
            if best is not None:
                _, part, member = best
                colour = both[0][part][member]
                return part, member, [m for m, c in enumerate(both[1][part]) if c == colour]
        return None

    def maps(self, both: tuple[Colours, Colours]) -> Isomorphism | None:
        """Pair what has one colour, walking from the root, and prove it."""
        (mine, its), (a, b) = self.sides, both
        there = {colour: h for h, colour in enumerate(b[1])}
        sets = tuple(there[colour] for colour in a[1])
        of_action = {colour: k for k, colour in enumerate(b[2])}
        images = [of_action[colour] for colour in a[2]]
        actions = tuple(
            tuple(images[first + k] - its.first_action[image] for k in range(len(information.actions)))
            for first, image, information in zip(mine.first_action, sets, mine.game.sets, strict=True)
        )
        nodes = [-1] * mine.size
        walk = [(0, 0)]
        while walk:
            x, y = walk.pop()
            nodes[x] = y
            kids, others = mine.children[x], its.children[y]
            if len(kids) != len(others) or mine.kind[x] != its.kind[y]:
                return None
            if mine.game.kinds[x] == CHANCE:
                order, other = (
                    sorted(own, key=lambda n, s=side, c=c: (s.odds[-1 - s.edge[n]], c[0][n]))  # type: ignore[misc]
                    for own, side, c in ((kids, mine, a), (others, its, b))
                )
                walk += zip(order, other, strict=True)
            elif kids:
                at = mine.set_of[x]
                if sets[at] != its.set_of[y] or set(actions[at]) != set(range(len(kids))):
                    return None
                walk += [(child, others[actions[at][k]]) for k, child in enumerate(kids)]
        found = Isomorphism(self.matching, sets, actions, tuple(nodes), self.spent)
        return found if self.proved(found) else None

    def proved(self, found: Isomorphism) -> bool:
        """Sets and chances, along the pairing that respects actions and payoffs by construction."""
        mine, its = self.sides
        for x, y in enumerate(found.nodes):
            if y < 0 or mine.kind[x] != its.kind[y]:
                return False
            h = mine.set_of[x]
            if h >= 0 and found.sets[h] != its.set_of[y]:
                return False
            e, f = mine.edge[x], its.edge[y]
            if (e < 0) != (f < 0) or (e < 0 and x and mine.odds[-1 - e] != its.odds[-1 - f]):
                return False
        return len(set(chain(found.nodes))) == mine.size
