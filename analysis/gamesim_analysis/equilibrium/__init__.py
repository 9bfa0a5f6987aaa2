"""Equilibria: readers and writers of games, solvers with certificates, and the router that chooses among them."""

from __future__ import annotations

from gamesim.core.efg_format import read_efg, write_efg
from gamesim.core.game_files import FileLimits
from gamesim.core.nfg_format import read_nfg, write_nfg

from .router import solve
from .sources import read_game

__all__ = ["FileLimits", "read_efg", "read_game", "read_nfg", "solve", "write_efg", "write_nfg"]
