"""gamesim puts any agents into any game and measures them against equilibrium."""

__version__ = "0.1.0"
