"""S10, S11: one equilibrium of random two-player tables, and all of 8x8, against Gambit, nashpy and quantecon.

Answers are compared before anything is timed: single ones by their certificates (methods may pick different equilibria),
lists one by one. Peers that are not installed are left out. Needs: pip install 'gamesim[gambit]' nashpy quantecon.
Gambit is called in this process, without the fork and the text that gamesim puts between; reading its file is not counted.
"""

from __future__ import annotations

import io
import time
import warnings
from importlib.util import find_spec

import numpy as np
from _timing import ceiling, end, floor, line, medians
from gamesim_analysis.equilibrium.lemke_howson import lemke_howson
from gamesim_analysis.equilibrium.vertex_enumeration import vertex_enumeration

from gamesim.core.certify import certify
from gamesim.core.nfg_format import write_nfg
from gamesim.core.normal_form import NormalFormGame

SIZES = (10, 20, 50)
GAMES = 10  # of each size
WHOLE = 8  # strategies of each player where all equilibria are asked for


def floats(size: int) -> list[NormalFormGame]:
    rng = np.random.default_rng(size)
    return [NormalFormGame(rng.normal(size=(2, size, size))) for _ in range(GAMES)]


def gambits(games: list[NormalFormGame]) -> list[object]:
    import pygambit

    return [pygambit.read_nfg(io.StringIO(write_nfg(game, safe_labels=True))) for game in games]


def vectors(profile: object, game: object) -> tuple[np.ndarray, ...]:
    from gamesim_analysis.equilibrium.gambit import _number, spelled

    return tuple(np.array([float(_number(p)) for p in own]) for own in spelled(profile, "nfg", game))


def one() -> list[bool]:
    held = []
    for size in SIZES:
        games = floats(size)
        works = {"gamesim": lambda games=games: [lemke_howson(game, exact=False) for game in games]}
        for game in games:
            (found,) = lemke_howson(game, exact=False).equilibria
            assert float(found.certificate.gap) <= 1e-9
        if find_spec("pygambit"):
            import pygambit

            theirs = gambits(games)

            def lcp(theirs: list[object] = theirs) -> list[object]:
                return [pygambit.nash.lcp_solve(game, rational=False, stop_after=1) for game in theirs]

            for game, other, result in zip(games, theirs, lcp(), strict=True):
                assert certify(game, vectors(result.equilibria[0], other)).grade != "rejected"
            works["Gambit lcp, floats"] = lcp
        if find_spec("quantecon"):
            import quantecon.game_theory as gt

            pairs = [
                gt.NormalFormGame((gt.Player(g.payoffs[0].copy()), gt.Player(g.payoffs[1].T.copy()))) for g in games
            ]

            def compiled(pairs: list[object] = pairs) -> list[object]:
                return [gt.lemke_howson(pair) for pair in pairs]

            for game, play in zip(games, compiled(), strict=True):
                assert certify(game, play).grade != "rejected"
            works["quantecon, compiled"] = compiled
        taken = dict(zip(works, medians(*works.values()), strict=True))
        for name, seconds in taken.items():
            line(f"S10 {size}x{size} {name}", seconds / GAMES * 1000, "ms a game")
        if "Gambit lcp, floats" in taken:
            ratio = taken["Gambit lcp, floats"] / taken["gamesim"]
            held.append(floor(f"S10 one equilibrium {size}x{size}", ratio, 3 if size == 50 else 1))
    return held


def all_of_them() -> list[bool]:
    rng = np.random.default_rng(8)
    games = [NormalFormGame(rng.integers(0, 1000, size=(2, WHOLE, WHOLE))) for _ in range(3)]
    ours = [
        [tuple(np.asarray(v, dtype=float) for v in e.play) for e in vertex_enumeration(g).equilibria] for g in games
    ]
    works = {"gamesim, exact": lambda: [vertex_enumeration(game) for game in games]}
    held = []
    if find_spec("pygambit"):
        import pygambit

        theirs = gambits(games)
        for rational in (True, False):
            works[f"Gambit enummixed, {'exact' if rational else 'floats'}"] = lambda rational=rational: [
                pygambit.nash.enummixed_solve(game, rational=rational) for game in theirs
            ]
            for mine, other in zip(ours, theirs, strict=True):
                found = pygambit.nash.enummixed_solve(other, rational=rational)
                same(mine, [vectors(profile, other) for profile in found.equilibria])
    taken = dict(zip(works, medians(*works.values()), strict=True))
    for name, seconds in taken.items():
        line(f"S11 {WHOLE}x{WHOLE} {name}", seconds / len(games) * 1000, "ms a game")
    mine = taken["gamesim, exact"]
    if "Gambit enummixed, floats" in taken:
        held.append(ceiling("S11 time over Gambit's exact", mine / taken["Gambit enummixed, exact"], 1.2, "x"))
        line("S11 time over Gambit's floats", mine / taken["Gambit enummixed, floats"], "x")
    if find_spec("nashpy"):
        import nashpy

        begin, told = time.process_time(), 0  # once, for it takes seconds
        for game, list_of_ours in zip(games, ours, strict=True):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = list(nashpy.Game(*game.payoffs).support_enumeration(tol=1e-9))
            told += len(found)
            among(found, list_of_ours)  # it compares payoffs without a tolerance and loses some
        other = time.process_time() - begin
        line(f"S11 {WHOLE}x{WHOLE} nashpy support_enumeration", other / len(games) * 1000, "ms a game")
        line(f"S11 of {sum(map(len, ours))} equilibria nashpy finds", told, "")
        held.append(floor("S11 all equilibria, against nashpy", other / mine, 50))
    return held


def same(mine: list[tuple[np.ndarray, ...]], theirs: list[tuple[np.ndarray, ...]]) -> None:
    """Two lists of equilibria are one."""
    assert len(mine) == len(theirs)
    among(theirs, mine)
    among(mine, theirs)


def among(some: list[tuple[np.ndarray, ...]], others: list[tuple[np.ndarray, ...]]) -> None:
    """Each of some equilibria is one of the others."""
    for play in some:
        assert min(max(np.abs(a - b).max() for a, b in zip(play, other, strict=True)) for other in others) < 1e-6


if __name__ == "__main__":
    end(*one(), *all_of_them())
