"""Everything registered keeps the contract of solvers, and the check notices those that do not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from gamesim_analysis.equilibrium import gambit
from gamesim_analysis.equilibrium.method import Found, Method

from gamesim.core.errors import PluginError
from gamesim.core.registry import names
from gamesim.core.solution import Equilibrium, Solution
from gamesim.core.solving import Support
from gamesim.testing import check_solver
from gamesim.testing.solvers import standard_games

SLOW = {"self_play"}
FOREIGN = sorted(set(gambit.COVERS))


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
    for name in names("solvers") if name not in FOREIGN
])  # fmt: skip
def test_every_registered_solver(name: str) -> None:
    check_solver(name)


@pytest.mark.skipif(not gambit.installed(), reason="Gambit is not installed")
@pytest.mark.parametrize(
    "name", [name if name == "enummixed" else pytest.param(name, marks=pytest.mark.slow) for name in FOREIGN]
)
def test_every_solver_of_gambits(name: str) -> None:
    check_solver(name, standard_games() if name in ("enummixed", "lp") else standard_games()[:5], seconds=1.0)


def uniform(game, **_):
    return Found([tuple(np.full(k, 1 / k) for k in game.shape)])


def method(run=uniform, check=lambda game, concept: "" if hasattr(game, "shape") else "no table"):
    return Method("mine", frozenset({"nash"}), "A solver.", check, run)


class Bare:
    """A solver that is none of ours."""

    name = "mine"
    concepts = frozenset({"nash"})

    def accepts(self, game, concept):
        return Support(hasattr(game, "shape") and concept == "nash", "no table")

    def __call__(self, game, *, concept, limits, **parameters):
        return Solution((), concept, self.name)


class Raises(Bare):
    def accepts(self, game, concept):
        raise ValueError("what?")


class Silent(Bare):
    def accepts(self, game, concept):
        return Support(False)


class Greedy(Bare):
    def accepts(self, game, concept):
        return Support(True)


class Liar(Bare):
    """Lists what is no equilibrium under somebody else's certificate."""

    def __call__(self, game, *, concept, limits, **parameters):
        from gamesim.core.certify import certify
        from gamesim.core.normal_form import NormalFormGame

        if not hasattr(game, "shape") or concept != "nash":
            raise PluginError("no.")
        other = NormalFormGame(np.zeros(game.payoffs.shape))
        play = tuple(np.eye(k)[0] for k in game.shape)
        return Solution((Equilibrium(play, (0.0,) * game.n, certify(other, play)),), concept, self.name)


class Fickle(Bare):
    calls = 0

    def __call__(self, game, *, concept, limits, **parameters):
        if not hasattr(game, "shape") or concept != "nash":
            raise PluginError("no.")
        self.calls += 1
        return Solution((), concept, self.name, complete=bool(self.calls % 2))


class Slow(Bare):
    def __call__(self, game, *, concept, limits, **parameters):
        if not hasattr(game, "shape") or concept != "nash":
            raise PluginError("no.")
        until = time.process_time() + limits.seconds + 1.3
        while time.process_time() < until:
            pass
        return Solution((), concept, self.name)


class Wrong(Bare):
    def __call__(self, game, *, concept, limits, **parameters):
        if not hasattr(game, "shape") or concept != "nash":
            raise PluginError("no.")
        return [1, 2]


def test_a_solver_of_ones_own_passes() -> None:
    check_solver(method())  # its uniform play is rejected by the certificate wherever it is no equilibrium


@pytest.mark.parametrize(
    ("solver", "promise"),
    [
        (Raises(), "accepts.* raised ValueError"),
        (Silent(), "declines without a reason"),
        (Greedy(), "it accepts"),
        (Bare(), "declines .* and answers all the same"),
        (Liar(), "lists play with a gap"),
        (Fickle(), "it answers otherwise"),
        (Wrong(), "answers with a list"),
    ],
)
def test_a_broken_promise_is_named(solver, promise: str) -> None:
    with pytest.raises(PluginError, match=promise):
        check_solver(solver)


def test_a_limit_that_is_not_kept_is_noticed() -> None:
    with pytest.raises(PluginError, match="with a limit of"):
        check_solver(Slow(), standard_games()[:1], seconds=0.1)
