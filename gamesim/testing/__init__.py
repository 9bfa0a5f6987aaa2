"""The contract kit, shipped to everybody who writes an environment, an agent, a metric or a solver.

from gamesim.testing import check_environment

def test_contract():
    check_environment("my_game")
"""

from __future__ import annotations

from .agents import check_agent, check_policy
from .check_model import check_model
from .check_prompts import check_prompts
from .environments import check_environment
from .installed import check_plugin
from .learners import check_learner
from .legal_view import legal_view
from .metrics import check_metric
from .solvers import check_solver
from .versus import versus

__all__ = [
    "check_agent",
    "check_environment",
    "check_learner",
    "check_metric",
    "check_model",
    "check_plugin",
    "check_policy",
    "check_prompts",
    "check_solver",
    "legal_view",
    "versus",
]
