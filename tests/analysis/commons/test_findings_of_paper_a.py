"""Paper A's findings on our rule model, presets A, B and C: means, paired effects, and what may not be claimed.

The expected means were computed twice, by separate implementations; seeds are fixed here. F5 is asserted nowhere.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from gamesim_analysis.commons.findings import agent, check_findings, fine_rate, preset
from gamesim_analysis.commons.societies import Society, first_death, floats, play

from gamesim.core.arrays import FloatArray
from gamesim.core.seeds import Seeds

pytestmark = pytest.mark.slow

SEED = 4
TYPES = ("altruistic", "mixed", "selfish")
OFF: dict[str, dict[str, Any]] = {
    "All": {},
    "OSL": {"institutions__voting": None},
    "OGD": {"institutions__revision": None},
    "Neither": {"institutions__voting": None, "institutions__revision": None},
}


def society(name: str, init: str, punish_init: str = "table3", **values: Any) -> Society:
    halves = [("altruistic", 5), ("selfish", 5)] if init == "mixed" else [(init, 10)]
    return preset(name).of(*[(agent(kind, punish_init), count) for kind, count in halves]).with_values(**values)


@cache
def _played(name: str, init: str, replicates: int, punish_init: str, values: tuple[tuple[str, Any], ...]) -> Any:
    return play(society(name, init, punish_init, **dict(values)), replicates, SEED)


def run(name: str, init: str, replicates: int = 400, punish_init: str = "table3", **values: Any) -> Any:
    return _played(name, init, replicates, punish_init, tuple(sorted(values.items())))


def survival(name: str, init: str, replicates: int = 400, punish_init: str = "table3", **values: Any) -> FloatArray:
    return floats(run(name, init, replicates, punish_init, collapse="first_death", **values), "T_s")


def harsh(init: str, **values: Any) -> FloatArray:
    return survival("A", init, growth__rate=0.2, horizon=60, **values)


def rich(init: str, **values: Any) -> FloatArray:
    return survival("A", init, growth__rate=0.6, **{"horizon": 60, **values})


def near(value: float, expected: float, tolerance: float) -> None:
    assert abs(value - expected) <= tolerance, f"{value:.3f} is not {expected} +- {tolerance}"


def test_f3_altruists_outlive_the_selfish_where_the_stock_regrows_slowly() -> None:
    altruistic, mixed, selfish = (harsh(init) for init in TYPES)
    near(altruistic.mean(), 31.2, 1.5)
    near(mixed.mean(), 24.8, 0.8)
    near(selfish.mean(), 27.1, 0.5)
    assert altruistic.mean() - selfish.mean() > 2


def test_f4_the_selfish_outlive_altruists_where_it_regrows_fast() -> None:
    near(rich("altruistic").mean(), 56.8, 2.0)
    near(rich("selfish").mean(), 60.0, 0.3)
    altruistic, selfish = (rich(init, horizon=150, replicates=1000) for init in ("altruistic", "selfish"))
    near(altruistic.mean(), 132.7, 6.0)
    assert selfish.mean() > 148
    assert selfish.mean() - altruistic.mean() > 8


@pytest.mark.parametrize("rate", [0.2, 0.6])
@pytest.mark.parametrize("init", TYPES)
def test_preset_a_is_honest_about_enforcement(rate: float, init: str) -> None:
    rules = {"growth__rate": rate, "horizon": 60, "collapse": "first_death"}
    on = run("A", init, **rules)
    off = run("A", init, **rules, institutions__sanctions=None)
    assert abs(floats(on, "T_s").mean() - floats(off, "T_s").mean()) < 3
    # Rich altruists are fined more often than one round in a hundred: their punishing mutates upwards from 0..0.1. Without
    # mutation of p the rate would be 0.006; with it, as the model has it, an independent simulation gives 0.015 to 0.021.
    most = 0.03 if (rate, init) == (0.6, "altruistic") else 0.01
    assert fine_rate(on) <= most


def test_preset_a_reports_that_punishment_is_inert() -> None:
    notes = check_findings("A", replicates=200, seed=SEED).notes
    assert any(note.startswith("F3: punishment inert over 60 rounds") for note in notes)
    assert any(note.startswith("F4: punishment inert over 60 rounds") for note in notes)
    assert any(note.startswith("F4: punishment is not inert over 150 rounds") for note in notes)


BETA = {0.2: (23.1, 27.3, 36.7), 0.4: (38.4, 44.5, 52.1), 0.8: (96.8, 96.8, 76.2)}


def beta(rate: float, fine: float, replicates: int = 1000) -> FloatArray:
    return survival("B", "general", replicates, growth__rate=rate, horizon=100, institutions__sanctions__fine=fine)


@pytest.mark.parametrize("rate", [0.2, 0.4, 0.8])
def test_f2_larger_fines_lengthen_survival_unless_the_stock_regrows_fastest(rate: float) -> None:
    none, some, large = (beta(rate, fine) for fine in (0.0, 6.0, 18.0))
    for times, expected in zip((none, some, large), BETA[rate], strict=True):
        near(times.mean(), expected, 4.0)
    if rate < 0.5:
        assert (large - some).mean() > 4
        assert (some - none).mean() > 1.5
    else:
        assert (large - none).mean() < -12


def test_f2_is_not_linear() -> None:
    means = {fine: beta(0.6, fine, 400).mean() for fine in (0.0, 6.0, 10.0, 14.0, 18.0)}
    for mean, expected in zip(means.values(), (61.7, 65.4, 67.9, 67.6, 64.4), strict=True):
        near(mean, expected, 5.0)
    assert max(means[6.0], means[10.0], means[14.0]) - means[0.0] > 2


def shock(fine: float, on: bool, **values: Any) -> Any:
    rules = {"growth__rate": 0.6, "horizon": 60, "collapse": "stock", "institutions__sanctions__fine": fine}
    return run("C", "general", 1000, **rules, **({} if on else {"institutions__sanctions__disable_at": 15}), **values)


@pytest.mark.parametrize(("fine", "on", "off"), [(10.0, 154, 104), (14.0, 194, 136)])
def test_f1_the_stock_declines_faster_once_punishment_is_disabled(fine: float, on: float, off: float) -> None:
    with_it, without = (floats(shock(fine, state), "stock_final") for state in (True, False))
    near(with_it.mean(), on, 10)
    near(without.mean(), off, 10)
    assert (with_it - without).mean() > 25


@pytest.mark.parametrize(("fine", "on", "off"), [(10.0, 0.73, 0.78), (14.0, 0.69, 0.76)])
def test_f1_efforts_at_the_end_are_lower_with_punishment(fine: float, on: float, off: float) -> None:
    near(last_effort(fine, True), on, 0.03)
    near(last_effort(fine, False), off, 0.03)


def last_effort(fine: float, on: bool, replicates: int = 1000) -> float:
    """Mean effort of those alive in round 60."""
    values = {} if on else {"institutions__sanctions__disable_at": 15}
    rules = {"growth__rate": 0.6, "horizon": 60, "collapse": "stock", "institutions__sanctions__fine": fine}
    return mean_effort_in_round(society("C", "general", **rules, **values), replicates, 60)


def mean_effort_in_round(what: Society, replicates: int, number: int, block: int = 250) -> float:
    from gamesim.core.registry import build
    from gamesim.run.rollout import rollout

    found = []
    for start in range(0, replicates, block):
        episodes = [Seeds(SEED).episode(r) for r in range(start, min(start + block, replicates))]
        steps = rollout(build("environments", what.environment), what.seats, episodes, steps=True).steps
        assert steps is not None
        rows = (steps["phase"] == "harvest") & (steps["round"] == number)
        found.append(np.asarray(steps["effort"][rows], dtype=np.float64))
    return float(np.concatenate(found).mean())


@pytest.mark.parametrize(
    ("fine", "deaths", "stocks"), [(10.0, (49.2, 55.9), (120, 100)), (14.0, (37.0, 43.1), (151, 116))]
)
def test_f1_companion_the_first_death_comes_earlier_with_punishment(
    fine: float, deaths: tuple[float, float], stocks: tuple[float, float]
) -> None:
    for state, death, stock in zip((True, False), deaths, stocks, strict=True):
        near(first_death(shock(fine, state), 60).mean(), death, 2.5)
        near(floats(shock(fine, state, upkeep__starvation="none"), "stock_final").mean(), stock, 12)
    assert first_death(shock(fine, True), 60).mean() < first_death(shock(fine, False), 60).mean()


# Over 4,000 runs rich mixed societies without imitation last 39.5 rounds (s.e. .3; an independent simulation: 39.6); with 400
# runs the s.e. is .8, so that a seed in seven misses 38.4 +- 2.
ABLATION = {
    (0.2, "mixed"): (24.9, 24.6, 13.4, 13.4),
    (0.2, "altruistic"): (31.3, 30.8, 17.5, 17.5),
    (0.6, "mixed"): (60, 59.8, 38.4, 38.4),
}


@pytest.mark.parametrize(("rate", "init"), ABLATION)
def test_ablation_imitation_is_the_driver_in_the_rule_model(rate: float, init: str) -> None:
    times = {name: survival("A", init, growth__rate=rate, horizon=60, **off) for name, off in OFF.items()}
    for name, expected in zip(OFF, ABLATION[rate, init], strict=True):
        near(times[name].mean(), expected, 2.0)
    spread = {name: values.std(ddof=1) / np.sqrt(len(values)) for name, values in times.items()}
    for name in ("All", "OSL"):
        assert times["Neither"].mean() <= times[name].mean() + 2 * np.hypot(spread["Neither"], spread[name])
    assert (times["OGD"] != times["Neither"]).mean() <= 0.01  # voting alone moves next to nothing: the norm is inert


def test_findings_come_with_caveats_and_without_f5() -> None:
    found = check_findings("presets", replicates=400, seed=SEED)
    table = found.table()
    assert found.names == ("F1", "F2", "F3", "F4")
    assert {name: found.verdict(name) for name in found.names} == dict.fromkeys(found.names, "holds")
    text = " ".join(str(value) for row in table.rows() for value in row.values())
    assert "F5" not in text
    assert "mixed groups" not in text
    claims = [row for row in table.rows() if row["role"] == "claim"]
    assert all("not the authors' values" in row["caveat"] for row in claims)
    by_name = {row["finding"]: row["caveat"] for row in claims}
    assert "stock, never survival" in by_name["F1"]
    assert "not evidence about enforcement" in by_name["F3"]
    assert "by construction" in by_name["F4"]


def test_who_punishes_more_matters_little() -> None:
    for init in TYPES:
        near(harsh(init, punish_init="text").mean(), harsh(init).mean(), 1.5)
    near(rich("altruistic").mean(), 57.3, 2.0)
    near(rich("altruistic", punish_init="text").mean(), 51.6, 2.5)
