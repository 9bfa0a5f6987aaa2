"""Analysis of variance against scipy, published F values and nested least squares."""

from __future__ import annotations

import numpy as np
import pytest
from gamesim_analysis.stats.anova import from_f, levene, one_way, t_p_value, two_way
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gamesim.core.errors import MetricError


def test_published_f_values_harsh():
    table = from_f({"model": (2.37, 6), "ratio": (2.28, 2), "model x ratio": (2.24, 12)}, error_df=189)
    assert [e.p for e in table.effects] == pytest.approx([0.0313, 0.1051, 0.0115], abs=1e-3)
    assert [e.eta2 for e in table.effects] == pytest.approx([0.0606, 0.0194, 0.1145], abs=1e-3)
    assert table.effect("ratio").p == pytest.approx(0.106, abs=1.5e-3)  # printed; differs by the rounding of F


def test_published_f_values_rich():
    table = from_f({"model": (13.61, 6), "ratio": (3.57, 2), "model x ratio": (1.00, 12)}, error_df=189)
    assert table.effect("model").p < 0.001
    assert [e.p for e in table.effects[1:]] == pytest.approx([0.0301, 0.4506], abs=1e-3)
    assert [e.eta2 for e in table.effects] == pytest.approx([0.2818, 0.0246, 0.0414], abs=1e-3)
    assert table.effect("model x ratio").p == pytest.approx(0.449, abs=2e-3)


def test_t_statistics():
    assert t_p_value(-2.78, 898) == pytest.approx(0.0055, abs=1e-4)
    assert t_p_value(-1.96, 898) == pytest.approx(0.0503, abs=1e-4)
    assert t_p_value(3.44, 238) == pytest.approx(0.0007, abs=1e-4)
    with pytest.raises(MetricError, match="finite"):
        t_p_value(float("nan"), 5)


def test_worked_two_way_table():
    values = [8, 9, 10, 4, 5, 6, 7, 8, 9, 6, 7, 8, 3, 4, 5, 5, 6, 7]
    models = ["A"] * 6 + ["B"] * 6 + ["C"] * 6
    scenarios = (["first"] * 3 + ["second"] * 3) * 3
    table = two_way(values, models, scenarios, ("model", "scenario"))
    assert [e.ss for e in table.effects] == pytest.approx([21.0, 4.5, 27.0], abs=1e-9)
    assert (table.error_ss, table.error_df) == (pytest.approx(12.0), 12)
    assert [e.f for e in table.effects] == pytest.approx([10.5, 4.5, 13.5], abs=1e-9)
    assert [e.p for e in table.effects] == pytest.approx([0.002312, 0.055405, 0.000849], abs=1e-6)
    assert [e.eta2 for e in table.effects] == pytest.approx([0.325581, 0.069767, 0.418605], abs=1e-6)


@given(
    st.lists(st.lists(st.floats(-50, 50), min_size=2, max_size=8), min_size=2, max_size=5),
    st.floats(-1e3, 1e3),
)
def test_one_way_equals_scipy_and_ignores_the_origin(groups, shift):
    table = one_way({str(i): g for i, g in enumerate(groups)})
    line = table.effects[0]
    moved = one_way({str(i): np.array(g) + shift for i, g in enumerate(groups)}).effects[0]
    spread = max(np.ptp(g) for g in groups)
    if line.f is None or spread < 1e-3:
        return
    theirs = stats.f_oneway(*groups)
    assert line.f == pytest.approx(theirs.statistic, rel=1e-6, abs=1e-9)
    # Equal means leave scipy a negative rounding error between groups, and its p is NaN; ours is 1.
    assert line.p == pytest.approx(1.0 if np.isnan(theirs.pvalue) else theirs.pvalue, rel=1e-6, abs=1e-12)
    assert moved.f == pytest.approx(line.f, rel=1e-4, abs=1e-6)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(2, 4))
def test_unbalanced_tables_equal_nested_models(seed, rows, columns):
    rng = np.random.default_rng(seed)
    a = np.repeat(np.arange(rows), columns * 4)
    b = np.tile(np.repeat(np.arange(columns), 4), rows)
    kept = np.sort(rng.permutation(a.size)[: a.size - rng.integers(0, rows)])
    a, b = a[kept], b[kept]
    y = rng.normal(size=a.size) + a * 0.7 - b * 0.3

    def residual(*labels):
        design = np.column_stack([np.ones(a.size), *(x == level for x in labels for level in np.unique(x)[1:])])
        return ((y - design @ np.linalg.pinv(design) @ y) ** 2).sum()

    table = two_way(y, a.tolist(), b.tolist())
    ab = a * columns + b
    assert table.effects[0].ss == pytest.approx(residual(b) - residual(a, b), abs=1e-8)
    assert table.effects[1].ss == pytest.approx(residual(a) - residual(a, b), abs=1e-8)
    assert table.effects[2].ss == pytest.approx(residual(a, b) - residual(ab), abs=1e-8)
    assert table.error_ss == pytest.approx(residual(ab), abs=1e-8)
    assert table.error_df == a.size - rows * columns


def test_an_empty_cell_is_counted_and_costs_a_degree_of_freedom():
    table = two_way([1, 2, 3, 5, 4, 7], ["p", "p", "p", "p", "q", "q"], ["u", "u", "v", "v", "u", "u"])
    assert table.note == "1 of 4 cells are empty"
    interaction = table.effects[2]
    assert (interaction.df, interaction.f) == (0, None)
    assert "no degrees of freedom" in interaction.reason


def test_poor_data_have_reasons_not_numbers():
    flat = two_way([1, 1, 1, 1], list("aabb"), list("xyxy"))
    assert flat.effects[0].f is None
    assert flat.effects[0].eta2 is None
    single = two_way([1, 2, 3, 5], list("aabb"), list("xyxy")).effects[0]
    assert (single.f, single.p) == (None, None)
    assert "one observation in each cell" in single.reason
    exact = one_way({"a": [1, 1], "b": [2, 2]}).effects[0]
    assert (exact.f, exact.reason, exact.eta2) == (None, "no variation within cells", 1.0)
    equal = one_way({"a": [0.1, 0.1, 0.1], "b": [0.1]}).effects[0]
    assert (equal.f, equal.eta2, equal.reason) == (None, None, "all values are equal")


def test_bad_input():
    with pytest.raises(MetricError, match="at least 2 groups"):
        one_way({"a": [1, 2]})
    with pytest.raises(MetricError, match="group 'b' holds 0 numbers"):
        one_way({"a": [1, 2], "b": []})
    with pytest.raises(MetricError, match="factor 'second' has 1 labels for 2 values"):
        two_way([1, 2], ["a", "b"], ["a"])
    with pytest.raises(MetricError, match=r"values\[1\] is nan"):
        two_way([1, float("nan")], ["a", "b"], ["a", "b"])
    with pytest.raises(MetricError, match="no effect 'modle'"):
        from_f({"model": (1.0, 2)}, 10).effect("modle")
    with pytest.raises(MetricError, match="F = -1"):
        from_f({"model": (-1, 2)}, 10)


def test_levene_beside_it():
    groups = {"a": [1, 2, 3, 9], "b": [4, 4.5, 5, 5.1]}
    assert levene(groups).value == pytest.approx(stats.levene(*groups.values()).pvalue)
    assert levene({"a": [1, 1], "b": [2, 2]}).reason == "deviations do not vary within any group"
    assert levene({"a": [1], "b": [2, 3]}).value is None
