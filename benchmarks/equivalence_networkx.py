"""Isomorphism of game trees against networkx on the coloured graph of nodes, information sets and actions.

135 pairs from the development set (copies, payoff and set mutants), Kuhn poker, liar's dice and Leduc poker; every verdict of
both is compared before a ratio is printed. networkx gets ``--cut`` seconds for liar's dice; it may have no answer by then.
Also the mean time of each level over the 412 comparisons of copies and mutants.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from itertools import islice

import networkx
import numpy as np
from _timing import ceiling, end, floor, line, medians
from gamesim_analysis.text2game.dataset import load_dataset

from gamesim.core.equivalence import interchange_form, isomorphism, verify
from gamesim.core.equivalence.reduced_form import reduced_forms_agree
from gamesim.core.extensive_form import CHANCE, TERMINAL, ExtensiveFormGame
from gamesim.envs.efg.poker import kuhn, leduc, liars_dice
from gamesim.testing.game_variants import chance_mutants, payoff_mutants, relabelled, split_set_mutants

Pair = tuple[ExtensiveFormGame, ExtensiveFormGame]


def graph(game: ExtensiveFormGame, order: tuple[int, ...]) -> networkx.DiGraph:
    """Nodes, sets and actions as coloured vertices; players numbered by ``order``."""
    place = {player: k for k, player in enumerate(order)}
    g = networkx.DiGraph()
    for h, own in enumerate(game.sets):
        g.add_node(("set", h), colour=("set", place[own.player]))
        for a in range(len(own.actions)):
            g.add_node(("action", h, a), colour=("action",))
            g.add_edge(("set", h), ("action", h, a))
    for x in range(game.size):
        kind, at, above = game.kinds[x], game.at[x], game.above[x]
        paid = tuple(game.payoffs[at][i] for i in order) if kind == TERMINAL else ()
        odds = None
        if above >= 0 and game.kinds[above] == CHANCE:
            odds = game.chances[game.at[above]].probabilities[game.taken[x]]
        g.add_node(x, colour=("node", min(kind, 0), paid, odds))
        if above >= 0:
            g.add_edge(above, x)
            if game.kinds[above] >= 0:
                g.add_edge(("action", game.at[above], game.taken[x]), x)
        if kind >= 0:
            g.add_edge(("set", at), x)
    return g


def by_networkx(g: ExtensiveFormGame, h: ExtensiveFormGame) -> bool:
    from gamesim.core.equivalence.players import matchings

    mine = graph(g, tuple(range(g.n)))
    return any(
        networkx.is_isomorphic(mine, graph(h, matching), node_match=lambda a, b: a["colour"] == b["colour"])
        for matching in matchings(g, h)
    )


def pairs() -> list[Pair]:
    """135: for each development game six copies, and mutants of payoffs and sets, relabelled."""
    rng = np.random.default_rng(8)
    found: list[Pair] = []
    for entry in load_dataset("dev").values():
        g = entry.game()
        mutants: list[ExtensiveFormGame] = (
            list(islice(payoff_mutants(g), 0, None, 2))[:8] + list(split_set_mutants(g))[:3]
        )
        found += [(g, relabelled(g, rng)) for _ in range(6)] + [(g, relabelled(m, rng)) for m in mutants]
    return found[:135]


def comparisons() -> Iterator[Pair]:
    """The 412 of the acceptance tests: 20 copies of each game, and every mutant."""
    rng = np.random.default_rng(9)
    for entry in load_dataset("dev").values():
        g = entry.game()
        for _ in range(20):
            yield g, relabelled(g, rng)
        for mutants in (payoff_mutants, split_set_mutants, chance_mutants):
            for mutant in mutants(g):
                yield g, relabelled(mutant, rng)


def answered(work: Callable[[], bool], seconds: float) -> bool | None:
    """What a work that may never end says within so much time; None if it was cut, or broke off."""

    def child() -> None:
        os._exit(10 + bool(work()))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    return bool(process.exitcode - 10) if process.exitcode in (10, 11) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cut", type=float, default=100.0, help="seconds for networkx on liar's dice")
    seconds = parser.parse_args().cut
    held = []

    several = pairs()
    verdicts = [isomorphism(g, h) is not None for g, h in several]
    assert verdicts == [by_networkx(g, h) for g, h in several]
    line("pairs", len(several), f"of which {sum(verdicts)} isomorphic; all verdicts equal")
    ours, peer = medians(
        lambda: [isomorphism(g, h) for g, h in several], lambda: [by_networkx(g, h) for g, h in several], rounds=3
    )
    line("networkx_ms_a_pair", peer / len(several) * 1e3, "ms")
    line("ours_ms_a_pair", ours / len(several) * 1e3, "ms")
    held.append(floor("pairs_ratio", peer / ours, 4))

    rng = np.random.default_rng(10)
    g = kuhn()
    h = relabelled(g, rng)
    assert isomorphism(g, h) is not None
    assert by_networkx(g, h)
    ours, peer = medians(lambda: isomorphism(g, h), lambda: by_networkx(g, h))
    line("kuhn_ours_ms", ours * 1e3, "ms")
    held.append(floor("kuhn_ratio", peer / ours, 3))

    dice = liars_dice()
    other = relabelled(dice, rng)
    assert isomorphism(dice, other) is not None
    (ours,) = medians(lambda: isomorphism(dice, other))
    line("liars_dice_ours_s", ours, "s")
    begin = time.monotonic()
    said = answered(lambda: by_networkx(dice, other), seconds)
    peer = time.monotonic() - begin
    assert said in (None, True)
    line("liars_dice_networkx", peer, "s" if said else "s, no answer")
    held.append(floor("liars_dice_ratio", peer / ours, 100))

    large = leduc()
    copy = relabelled(large, rng)
    begin = time.process_time()
    found = isomorphism(large, copy)
    taken = time.process_time() - begin
    assert found is not None
    assert verify(large, copy, found)
    held.append(ceiling("leduc", taken, 10, f"CPU s, {found.refinements} refinements"))

    every = list(comparisons())
    for name, level, most in (
        ("iso_mean", lambda g, h: isomorphism(g, h), 5.0),
        ("iso_i_mean", lambda g, h: isomorphism(interchange_form(g), interchange_form(h)), 10.0),
        ("rsf_mean", lambda g, h: reduced_forms_agree(g, h), None),
    ):
        begin = time.process_time()
        for g, h in every:
            level(g, h)  # type: ignore[no-untyped-call]
        mean = (time.process_time() - begin) / len(every) * 1e3
        if most is None:
            line(name, mean, f"ms over {len(every)} comparisons")
        else:
            held.append(ceiling(name, mean, most, f"ms over {len(every)} comparisons"))
    end(*held)


if __name__ == "__main__":
    main()
