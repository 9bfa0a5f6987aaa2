"""Every method on one game: who agrees, who holds a part, who is wrong and how that is known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from gamesim_analysis.equilibrium.cross_check import cross_check
from gamesim_analysis.equilibrium.method import Found, Method
from gamesim_analysis.equilibrium.sources import catalog

from gamesim.core import registry
from gamesim.core.profiles import distribution
from gamesim.core.solution import Limits

NATIVE = ("vertex_enumeration", "support_enumeration", "lemke_howson", "enumpure")


def verdicts(table):
    return {row.method: row.verdict for row in table.rows}


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch):
    """A registered solver that answers what it is told to."""
    real = registry.entry

    def answering(name: str, plays, **told) -> str:
        method = Method(
            name, frozenset({"nash"}), name, lambda game, concept: "", lambda game, **_: Found(plays, **told)
        )
        known[name] = method
        return name

    known: dict[str, Method] = {}
    monkeypatch.setattr(registry, "entry", lambda group, name: known.get(name) or real(group, name))
    return answering


def test_whole_lists_agree_and_single_answers_are_parts_of_them() -> None:
    table = cross_check(catalog("chicken"), methods=NATIVE)
    assert verdicts(table) == {
        "vertex_enumeration": "agree", "support_enumeration": "agree", "lemke_howson": "subset", "enumpure": "agree",
    }  # fmt: skip
    assert table.agreed
    assert [row.count for row in table.rows] == [3, 3, 1, 2]
    assert len(table.solution.equilibria) == 3
    assert all(row.regret == 0 for row in table.rows)


def test_an_answer_that_fails_its_certificate_differs_and_says_so(stub) -> None:
    uniform = tuple(np.array([0.5, 0.5]) for _ in range(2))
    table = cross_check(catalog("prisoners_dilemma"), methods=(stub("wrong", [uniform]), "enumpure"))
    (wrong, right) = table.rows
    assert wrong.verdict == "differ"
    assert "fail their certificate" in wrong.reason
    assert right.verdict == "agree"
    assert not table.agreed


def test_a_list_that_is_called_complete_must_hold_what_others_found(stub) -> None:
    corner = tuple(distribution(v, "x") for v in ([1, 0], [0, 1]))
    game = catalog("chicken")
    table = cross_check(game, methods=(stub("short", [corner], covers="extreme", complete=True), *NATIVE))
    assert table.rows[0].verdict == "differ"
    assert "misses an equilibrium" in table.rows[0].reason
    honest = cross_check(game, methods=(stub("short", [corner], covers="extreme", complete=False), *NATIVE))
    assert honest.rows[0].verdict == "subset"


def test_a_mixture_of_extreme_equilibria_does_not_contradict_their_list(stub) -> None:
    """In a degenerate game equilibria come in whole edges; the list of their ends is complete."""
    from gamesim.core.normal_form import NormalFormGame

    game = NormalFormGame(np.array([[[1, 1], [0, 0]], [[1, 1], [0, 0]]]))
    half = Fraction(1, 2)
    inside = (distribution([1, 0], "x"), distribution([half, half], "y"))
    table = cross_check(game, methods=("vertex_enumeration", stub("edge", [inside])))
    assert verdicts(table) == {"vertex_enumeration": "agree", "edge": "subset"}


def test_values_of_constant_sum_games_agree_whatever_is_played() -> None:
    table = cross_check(catalog("kuhn"), methods=("sequence_form_lp", "zero_sum_lp", "lemke_howson"))
    assert {row.verdict for row in table.rows} == {"agree"}
    assert {row.payoffs for row in table.rows} == {((Fraction(-1, 18), Fraction(1, 18)),)}
    value = cross_check(catalog("kuhn"), "value", methods=("sequence_form_lp", "zero_sum_lp"))
    assert {row.verdict for row in value.rows} == {"agree"}


def test_who_does_not_take_the_game_is_listed_with_the_reason_and_time_is_shared() -> None:
    table = cross_check(
        catalog("ferry_fare"), limits=Limits(seconds=5), methods=("backward_induction", "zero_sum_lp", "enumpure")
    )
    assert [name for name, _ in table.refused] == ["zero_sum_lp"]
    assert "not constant-sum" in table.refused[0][1]
    assert verdicts(table) == {"backward_induction": "subset", "enumpure": "agree"}
    perfect = cross_check(catalog("ferry_fare"), "spe", methods=("backward_induction", "subgame_decomposition"))
    assert {row.verdict for row in perfect.rows} == {"agree"}
