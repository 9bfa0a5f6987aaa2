"""The interchange form: one tree for all orders of moves that nobody observes, and for all stagings of chance.

A player's move that is met on every path below a node, always in one information set, can be made at the node itself;
Thompson calls that interchange of decision nodes. The form makes such moves as early as they can be made, in a fixed order
of the players, and draws what chance settles as one draw. Two trees that differ by interchanges and by how chance is staged
have isomorphic forms; forced moves stay, since dropping them would also make games equal that people tell apart.
Where some set is met by chance in one branch and by choice in another, two orders can keep two forms (one pair in 15,000
random ones did): the answer is then a wrong no, never a wrong yes.

    node    leaf -> itself
            some sets are met on every path -> the first of them in the order of players moves here
            else chance: all consecutive draws are one draw; while some set is met with one and the same probability
            whatever the players do, the first such set takes its part of the draw as one branch; the rest stands alone

References
----------
.. [1] Thompson, "Equivalence of Games in Extensive Form", RAND RM-759, 1952.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from ..errors import UnsupportedGameError
from ..extensive_form import CHANCE, TERMINAL, ExtensiveFormGame, TreeBuilder

ONE = Fraction(1)
NOWHERE: dict[int, Fraction] = {}
NOTHING: frozenset[int] = frozenset()
PASSES = 8  # two are the rule: one that orders, one that finds nothing left to do


class _Node:
    """A node that is never changed; subtrees are shared between trees.

    Attributes
    ----------
    kind, origin : as in the game; ``origin`` is the node it stems from.
    at : of a move, the rank of its set: the smaller moves first.
    odds : of a chance node.
    met : sets that are met with one probability whatever the players do -> that probability.
    perhaps : sets that are met or not as the players choose.
    first : the first set that is met on every path, or -1.
    """

    __slots__ = ("at", "children", "first", "kind", "met", "odds", "origin", "perhaps")

    def __init__(
        self, kind: int, at: int, origin: int, children: tuple[_Node, ...], odds: tuple[Fraction, ...]
    ) -> None:
        self.kind, self.at, self.origin, self.children, self.odds = kind, at, origin, children, odds
        self.met, self.perhaps = self._met() if children else (NOWHERE, NOTHING)
        self.first = min((h for h, p in self.met.items() if p == 1), default=-1)

    def _met(self) -> tuple[dict[int, Fraction], frozenset[int]]:
        children = self.children
        perhaps = set().union(*(child.perhaps for child in children))
        met: dict[int, Fraction] = {}
        if self.kind == CHANCE:
            for child, p in zip(children, self.odds, strict=True):
                for h, q in child.met.items():
                    met[h] = met.get(h, 0) + p * q
        else:
            met = dict(children[0].met)
            for child in children[1:]:
                if child.met is not children[0].met:
                    differing = {h for h in met.keys() | child.met.keys() if met.get(h) != child.met.get(h)}
                    perhaps |= differing
                    met = {h: q for h, q in met.items() if h not in differing}
            met[self.at] = ONE
        for h in perhaps:
            met.pop(h, None)
        return met, frozenset(perhaps)


def interchange_form(game: ExtensiveFormGame, order: Sequence[int] | None = None) -> ExtensiveFormGame:
    """The tree that stands for all interchanges of a game; not its strategic form.

    Parameters
    ----------
    order : players in the order in which they move where they may; by default as numbered.

    Raises
    ------
    UnsupportedGameError
        If a player forgets or is absent-minded: interchange is then not defined.
    """
    return interchanged(game, order)[0]


def interchanged(
    game: ExtensiveFormGame, order: Sequence[int] | None = None, *, forced: bool = True
) -> tuple[ExtensiveFormGame, list[int]]:
    """The form, and for each of its leaves the leaf of the game that it is, by position in ``payoffs``.

    Parameters
    ----------
    forced : whether moves with a single action stay.
    """
    if not game.perfect_recall or game.absent_minded_sets:
        raise UnsupportedGameError("moves of a player who forgets are not interchanged.")
    leaves = list(range(len(game.payoffs)))
    for _ in range(PASSES):
        form, stems = _pass(game, tuple(range(game.n)) if order is None else tuple(order), forced)
        leaves = [leaves[leaf] for leaf in stems]
        settled = form.kinds == game.kinds
        game = form
        if settled:
            break
    return game, leaves


def _pass(game: ExtensiveFormGame, order: tuple[int, ...], forced: bool) -> tuple[ExtensiveFormGame, list[int]]:
    """The form but for sets that one pass brings together and only the next can see met by chance alone."""
    ranks, sets = _ranks(game, order)
    build = TreeBuilder(game.players, name=game.name)
    leaves: list[int] = []
    waiting = [_tree(game, ranks, forced)]
    while waiting:
        node = waiting.pop()
        if node.kind == TERMINAL:
            label = game.labels[node.origin] if game.labels else ""
            build.leaf(game.payoffs[game.at[node.origin]], name=label)
            leaves.append(game.at[node.origin])
        elif node.first >= 0:
            h = sets[node.first]
            source = game.sets[h]
            build.move(source.player, h, source.actions, label=source.label)
            waiting += [_after(node, node.first, a) for a in reversed(range(len(source.actions)))]
        else:
            branches = _branches(node)
            build.chance([str(k + 1) for k in range(len(branches))], [p for p, _ in branches])
            waiting += [branch for _, branch in reversed(branches)]
    return build.build(), leaves


def _ranks(game: ExtensiveFormGame, order: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Rank of each set: by player in the order, then by how many own moves came before; and the sets by rank."""
    place = {player: k for k, player in enumerate(order)}
    earlier = [0] * len(game.sets)
    owner: dict[tuple[int, int], int] = {}
    for h, information in enumerate(game.sets):
        before = game.sequences[information.player][game.members[h][0]]
        earlier[h] = 1 + earlier[owner[information.player, before]] if before else 0
        first = game.first_sequence[h]
        owner.update({(information.player, first + a): h for a in range(len(information.actions))})
    sets = sorted(range(len(game.sets)), key=lambda h: (place[game.sets[h].player], earlier[h], h))
    ranks = [0] * len(sets)
    for rank, h in enumerate(sets):
        ranks[h] = rank
    return ranks, sets


def _tree(game: ExtensiveFormGame, ranks: list[int], forced: bool) -> _Node:
    """The game without branches of probability 0 and without chance that draws from one."""
    made: list[_Node] = [None] * game.size  # type: ignore[list-item]
    for x in range(game.size - 1, -1, -1):
        kind, at = game.kinds[x], game.at[x]
        children = tuple(made[child] for child in game.children[x])
        if kind == CHANCE:
            made[x] = _chance(x, list(zip(game.chances[at].probabilities, children, strict=True)))
        elif len(children) == 1 and not forced:
            made[x] = children[0]
        else:
            made[x] = _Node(kind, ranks[at] if kind >= 0 else -1, x, children, ())
    return made[0]


def _chance(origin: int, branches: list[tuple[Fraction, _Node]]) -> _Node:
    branches = [(p, child) for p, child in branches if p]
    if len(branches) == 1:
        return branches[0][1]
    return _Node(CHANCE, -1, origin, tuple(child for _, child in branches), tuple(p for p, _ in branches))


Parts = list[_Node]


def _rebuilt(root: _Node, known: Callable[[_Node], _Node | None], join: Callable[[_Node, Parts], _Node]) -> _Node:
    """A tree with parts exchanged: ``known`` says what replaces a node, ``join`` makes a node over new children."""
    done: list[Parts] = [[]]
    waiting: list[tuple[_Node, bool]] = [(root, False)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            parts = done.pop()
            done[-1].append(join(node, parts))
            continue
        found = known(node)
        if found is not None:
            done[-1].append(found)
            continue
        waiting.append((node, True))
        waiting += [(child, False) for child in reversed(node.children)]
        done.append([])
    return done[0][0]


def _same_over(node: _Node, parts: Parts) -> _Node:
    if node.kind == CHANCE:
        return _chance(node.origin, list(zip(node.odds, parts, strict=True)))
    return _Node(node.kind, node.at, node.origin, tuple(parts), ())


def _after(node: _Node, h: int, action: int) -> _Node:
    """The subtree once ``action`` was taken at the set of rank ``h``, which every path meets."""
    return _rebuilt(node, lambda x: x.children[action] if x.kind >= 0 and x.at == h else None, _same_over)


def _branches(node: _Node) -> list[tuple[Fraction, _Node]]:
    """What chance draws at a node below which no set is met on every path."""
    rest = _flat([(ONE, node)])
    found: list[tuple[Fraction, _Node]] = []
    while rest:
        whole = sum((p for p, _ in rest), Fraction(0))
        h = _first_met(rest)
        if h is None:
            break
        within: list[tuple[Fraction, _Node]] = []
        without: list[tuple[Fraction, _Node]] = []
        for p, child in rest:
            q = child.met.get(h, Fraction(0))
            if q:
                within.append((p * q, _part(child, h, True) if q != 1 else child))
            if q != 1:
                without.append((p * (1 - q), _part(child, h, False) if q else child))
        total = sum((p for p, _ in within), Fraction(0))
        found.append((total, _chance(node.origin, [(p / total, child) for p, child in within])))
        if total == whole:
            return found
        rest = _flat(without)
    groups: dict[int, list[tuple[Fraction, _Node]]] = {}
    for p, child in rest:
        if child.kind == TERMINAL:
            found.append((p, child))
        else:
            groups.setdefault(child.first, []).append((p, child))
    for h in sorted(groups):
        total = sum((p for p, _ in groups[h]), Fraction(0))
        found.append((total, _chance(node.origin, [(p / total, child) for p, child in groups[h]])))
    return found


def _flat(branches: list[tuple[Fraction, _Node]]) -> list[tuple[Fraction, _Node]]:
    """Draws that follow each other as one."""
    found = []
    waiting = list(reversed(branches))
    while waiting:
        p, child = waiting.pop()
        if child.kind == CHANCE:
            waiting += [
                (p * q, outcome) for q, outcome in zip(reversed(child.odds), reversed(child.children), strict=True)
            ]
        else:
            found.append((p, child))
    return found


def _first_met(branches: list[tuple[Fraction, _Node]]) -> int | None:
    """The first set that is met with the same probability whatever the players do."""
    perhaps = set().union(*(child.perhaps for _, child in branches))
    return min((h for _, child in branches for h in child.met if h not in perhaps), default=None)


def _part(node: _Node, h: int, within: bool) -> _Node:
    """What remains of a subtree if chance is known to lead to the set ``h``, or known not to."""

    def known(x: _Node) -> _Node | None:
        return x if x.met.get(h, 0) in (0, 1) else None  # kept whole, or of no weight below

    def join(x: _Node, parts: Parts) -> _Node:
        if x.kind != CHANCE:
            return _Node(x.kind, x.at, x.origin, tuple(parts), ())
        shares = [
            p * (q if within else 1 - q)
            for p, q in ((p, c.met.get(h, 0)) for p, c in zip(x.odds, x.children, strict=True))
        ]
        total = sum(shares, Fraction(0))
        return _chance(x.origin, [(share / total, part) for share, part in zip(shares, parts, strict=True)])

    return _rebuilt(node, known, join)
