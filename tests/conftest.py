"""Settings that hold for every test."""

from __future__ import annotations

from hypothesis import settings

# Machines differ in speed, so no example has a deadline; the same examples everywhere, so that a red suite is red for all.
settings.register_profile("gamesim", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("gamesim")
