"""S8: matches of memory-one strategies over 200 turns, against Axelrod's own, in matches a CPU second.

Equal answers first: the same strategies in both, and mean payoffs of both within three standard errors of the exact chain.
Needs the extra ``axelrod``.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from _timing import end, floor, line, medians, peer
from gamesim_analysis.equilibrium.memory_one import memory_one, play_batch

from gamesim.envs.repeated.stage_games import prisoners_dilemma

TURNS = 200
FIRST, SECOND = (0.9, 0.2, 0.7, 0.1), (1.0, 1 / 3, 1.0, 1 / 3)  # after CC, CD, DC, DD; both open with C


def theirs(matches: int, seed: int) -> np.ndarray:
    """Mean payoffs a match, shape (matches, 2)."""
    import axelrod

    players = (axelrod.MemoryOnePlayer(FIRST), axelrod.MemoryOnePlayer(SECOND))
    match = axelrod.Match(players, turns=TURNS, seed=seed)
    found = []
    for _ in range(matches):
        match.play()
        found.append(match.final_score_per_turn())
    return np.array(found)


def ours(matches: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return play_batch((1, *FIRST), (1, *SECOND), prisoners_dilemma(), matches=matches, turns=TURNS, rng=rng).payoffs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--matches", type=int, default=40_000, help="ours; theirs plays a hundredth of them")
    matches = parser.parse_args().matches
    few = max(50, matches // 100)
    exact = memory_one((1, *FIRST), (1, *SECOND), prisoners_dilemma(), turns=TURNS).payoffs

    def compare(name: str, found: np.ndarray) -> None:
        apart = np.abs(found.mean(axis=0) - exact) / (found.std(axis=0, ddof=1) / np.sqrt(len(found)))
        if not (apart < 3).all():
            sys.exit(f"{name}: means {found.mean(axis=0)} are not {exact} within 3 standard errors; no ratio")
        print(
            f"{name}: means {found.mean(axis=0).round(4)}, exact {exact.round(4)}, apart by {apart.max():.1f} standard errors"
        )

    compare("gamesim", ours(matches, 1))
    if not peer("axelrod", install="pip install 'gamesim[axelrod]'"):
        (fast,) = medians(lambda: ours(matches, 2))
        line("S8 gamesim", matches / fast, "matches per CPU-s")
        return
    compare("axelrod", theirs(few, 1))
    slow, fast = medians(lambda: theirs(few, 2), lambda: ours(matches, 2))
    line("S8 axelrod", few / slow, "matches per CPU-s")
    line("S8 gamesim", matches / fast, "matches per CPU-s")
    end(floor("S8 matches", (matches / fast) / (few / slow), 100))


if __name__ == "__main__":
    main()
