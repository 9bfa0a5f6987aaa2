"""Meta-solvers: how to mix policies, as functions of an empirical game alone. Registered under ``gamesim.meta_solvers``."""
