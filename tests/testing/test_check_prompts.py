"""The leak test passes for all that is shipped, and fails where something is given away."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gamesim.core.errors import PluginError
from gamesim.core.registry import build
from gamesim.envs.commons.describer import CommonsDescriber
from gamesim.envs.prompts import Prompts, sections
from gamesim.testing.check_prompts import Leak, check_prompts, forms, moments, rendered

C = {"kind": "commons", "players": 4, "horizon": 6, "collapse": "all_dead"}
NONE = {"sanctions": None, "revision": None, "voting": None}
UNITS = {"catch": "request", "rationing": "lottery"}
FREE = {"consumption": 0, "starvation": "none"}
SHIPPED: dict[str, Any] = {
    "tree": {"kind": "efg", "game": "ferry_fare"},
    "cards": {"kind": "efg", "game": "kuhn", "repeat": 2, "rotate": True},
    "crossing": {"kind": "conflict_point", "horizon": 2},
    "merge": {"kind": "conflict_point", "variant": "merge", "horizon": 2},
    "overtaking": {"kind": "conflict_point", "variant": "two_way", "horizon": 2},
    "commons": C,
    "sentences": {**C, "institutions": {"voting": {"rule": "plurality", "norms": "text"}, "sanctions": {"kind": "counter", "cost": 1}}},
    "leader": {**C, "institutions": {"leader": {"every": 2, "quotas": "equal"}, "revision": None}},
    "explicit": {**C, "information": {"mode": "explicit"}},
    "universal": {**C, "information": {"universalization": True}},
    "govsim": {**C, "growth": {"law": "doubling_cap", "capacity": 100}, "harvest": UNITS, "upkeep": FREE, "institutions": NONE},
    "inverse": {**C, "growth": {"law": "inverse", "capacity": 100, "initial": 0}, "harvest": UNITS, "upkeep": FREE, "institutions": NONE},
    "two": {**C, "second_stock": {"law": "logistic", "capacity": 200}},
    "allee": {**C, "growth": {"law": "allee", "allee": 30}},
    "dim": {**C, "information": {"visibility": {"sampled": 2}, "stock_visible": False}},
    "matrix": "matrix",
    "noisy": {"kind": "matrix", "stage": "shapley", "noise": 0.1},
    "public_good": {"kind": "public_good", "fining": {}, "voting": {}},
    "ostrom": {"kind": "ostrom_gardner_walker", "players": 4},
    "fish_war": {"kind": "fish_war", "voting": {}},
    "levine_hats": {"kind": "levine_hats", "hats": 5},
    "stag_hunt": "stag_hunt",
    "hats_of_four": {"kind": "levine_hats", "players": 4, "hats": 2, "black": 0.3},
    "position_auction": "position_auction",
    "cascade": {"kind": "position_auction", "clicks": "cascade", "reader": "drawn", "payment": "first_price", "redraw": "round"},
    "myerson": {"kind": "position_auction", "payment": "myerson", "players": 4},
}  # fmt: skip


@pytest.mark.parametrize("case", SHIPPED)
def test_all_that_is_shipped(case: str) -> None:
    check_prompts(SHIPPED[case], seeds=(0,), max_steps=13)


def test_every_environment_with_a_describer_is_here() -> None:
    from gamesim.core.registry import names

    here = {case if isinstance(case, str) else case["kind"] for case in SHIPPED.values()}
    described = set()
    for name in names("environments"):
        try:
            config = build("environments", name)
        except Exception:
            continue
        if config.describer() is not None:
            described.add(name)
    assert described <= here


class Telling(CommonsDescriber):
    """Gives the template what it should not have."""

    def describe(self, observation: Any, agent: str, info: Any = {}) -> Any:  # noqa: B006
        found = super().describe(observation, agent, info)
        growth = self.config.growth
        more = {"k": growth.capacity, "r": growth.rate, "round3": round(growth.rate, 3), "percent": 100 * growth.rate}
        return type(found)(found.template, {**found.slots, **more}, found.parts, found.words, found.round)

    def bundled(self) -> None:
        return None


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("There are up to {{ k }} fish.", "prompts depend on 'capacity'"),
        ("They grow by {{ r }}.", "prompts depend on 'rate'"),
        ("They grow by {{ percent }}%.", "prompts depend on 'rate'"),
        ("There are up to 307.13 fish.", "307.13, which is the capacity"),
        ("There are up to 307.1 fish.", "307.1, which is the capacity"),
        ("They grow by 0.617 a day.", "0.617, which is the rate"),
        ("They grow by 61.7% a day.", "61.7%, which is the rate"),
        ("They grow by 62% a day.", "62%, which is the rate"),
        ("At most 47.4 can be taken.", "which is the yield"),
        ("Best at 153.6 fish.", "half of capacity"),
        ("The carrying capacity is not told.", "carrying capacity"),
        ("The lake doubles every month.", "doubles"),
        ("You play 53 days.", "53, which is the horizon"),
    ],
)
def test_a_template_that_gives_it_away(tmp_path: Path, line: str, found: str) -> None:
    folder = tmp_path / "prompts"
    shutil.copytree(CommonsDescriber.prompts, folder)
    for file in (folder / "en").glob("*.txt"):
        file.write_text(file.read_text().replace("=== harvest\n", f"=== harvest\n{line}\n"))
    sections.cache_clear()
    describer = type("Told", (Telling,), {"prompts": folder})(build("environments", C))
    with pytest.raises(Leak, match=re.escape(found)):
        check_prompts(C, describer=describer, seeds=(0,), max_steps=9)


def test_wordings_must_say_the_same(tmp_path: Path) -> None:
    def broken(old: str, new: str, file: str = "1.txt") -> CommonsDescriber:
        folder = tmp_path / f"p{abs(hash((old, new)))}"
        shutil.copytree(CommonsDescriber.prompts, folder)
        path = folder / "en" / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        describer: CommonsDescriber = type("Broken", (CommonsDescriber,), {"prompts": folder})(build("environments", C))
        return describer

    for old, new, problem in (
        ("Your name is {{ me }}. Today", "Today", "'me' stands in one wording"),
        ("=== election", "=== elections", "stands in one wording only"),
        ("Overnight the fish", "Overnight " + "the many, many fish " * 40 + "the fish", "30 %"),
        ("0 meaning not at all", "1 2 3 meaning not at all", "different numbers"),
    ):
        with pytest.raises(Leak, match=problem):
            check_prompts(C, describer=broken(old, new), seeds=(0,), max_steps=5)


def test_what_is_to_be_told_must_be_told(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    shutil.copytree(CommonsDescriber.prompts, folder)
    for file in (folder / "en").glob("*.txt"):
        file.write_text(file.read_text().replace("{{ capacity }}", "many").replace("logistic", "some"))
    explicit = {**C, "information": {"mode": "explicit"}}
    describer = type("Shy", (CommonsDescriber,), {"prompts": folder})(build("environments", explicit))
    with pytest.raises(Leak, match="is to be told, and the rules do not hold"):
        check_prompts(explicit, describer=describer, seeds=(0,), max_steps=3)
    with pytest.raises(PluginError, match="no describer"):
        check_prompts(Mute())


def Mute() -> Any:
    config = build("environments", "matrix")
    return type("Mute", (type(config),), {"describer": lambda self: None})()


def test_the_fixture_shows_none_of_the_numbers_itself() -> None:
    """Before any template: the observations of the sentinel societies hold no secret figure."""
    config = build("environments", C)
    odd = config.describer().disguised()[0]
    for seen in moments(odd, 0, 13):
        text = " ".join(str(v) for v in seen.observation.values())
        assert "307.13" not in text
        assert "0.6173" not in text
    assert rendered(Prompts(CommonsDescriber.prompts), odd.describer(), seen)


def test_forms_of_a_figure() -> None:
    assert {"307.13", "307", "307.1"} <= forms(307.13)
    assert {"0.03191", "3.19%", "3%", "0.0319"} <= forms(0.03191)
    assert "53" in forms(53.0)
