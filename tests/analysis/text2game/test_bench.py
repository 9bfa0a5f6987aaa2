"""Scores of the translation bench: pass@k, levels, tags, cost, and what must stand beside them; importers on small clones."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from gamesim_agents.llm.backends.scripted import ScriptedModel
from gamesim_analysis.text2game import bench
from gamesim_analysis.text2game.dataset import load_dataset
from gamesim_analysis.text2game.importers import CELLS, import_gama, import_gameinterpreter
from gamesim_analysis.text2game.translate import Settings

from gamesim.core.efg_format import read_efg, write_efg
from gamesim.core.errors import DatasetError, LimitReached, MetricError
from gamesim.run.models.budget import BudgetExceeded

from .scripts import AGREED, DEV, broker, document, outline, phase
from .test_translate import swapped


def test_pass_at_k_is_the_unbiased_estimate() -> None:
    assert [bench.pass_at_k(5, 2, k) for k in (1, 2, 3, 5)] == [0.4, 0.7, 0.9, 1]
    assert [bench.pass_at_k(5, 0, k) for k in (1, 5)] == [0, 0]
    with pytest.raises(MetricError):
        bench.pass_at_k(5, 2, 6)


def name_of(request: Any) -> str:
    return str(request.context["at"].unit.split()[0])


def answers(request: Any) -> Any:
    """The reference for seven games, an ISO-I variant for one, a mutant for one, garbage for one."""
    name = name_of(request)
    if phase(request) == "check":
        return AGREED
    if phase(request) == "outline":
        return outline(name)
    if name == "jam_shelf":
        return "nothing of the kind"
    made = document(name)
    if name == "hill_and_bridge":
        return swapped(name)
    if name == "forklift_aisle":
        made["root"]["actions"]["Push"]["actions"]["Yield"]["payoffs"]["Mara"] = 6
    return made


def benched(script: Any, tmp_path: Path, data: Any = DEV, **more: Any) -> bench.BenchResult:
    asked = broker(ScriptedModel("scripted/test", script), tmp_path)
    try:
        return asyncio.run(bench.bench(data, asked, "scripted", Settings(), **more))
    finally:
        asked.close()


def test_levels_and_pass_at_one_of_the_development_set(tmp_path: Path) -> None:
    found = benched(answers, tmp_path, attempts=1)
    assert found.pass_at(1) == 0.8
    levels = Counter(found.levels())
    assert (levels["EXACT"], levels["ISO-I"], levels["FAIL"]) == (7, 1, 1)
    assert levels["RSF"] + levels["EQPAY"] + levels["LOADS"] == 1
    mutant = next(a for a in found.attempts if a.game == "forklift_aisle")
    assert not mutant.passed
    assert "6" in mutant.difference
    garbage = next(a for a in found.attempts if a.game == "jam_shelf")
    assert (garbage.status, garbage.repaired, garbage.rounds, garbage.spent.calls) == ("invalid", 3, 5, 5)
    low, high = found.interval(1).low, found.interval(1).high
    assert low is not None
    assert high is not None
    assert low < 0.8 < high


def test_calls_and_tokens_are_those_of_the_journal(tmp_path: Path) -> None:
    from gamesim.run.models.calls import CallJournal

    found = benched(answers, tmp_path, attempts=1)
    journal = CallJournal(tmp_path / "calls.sqlite", readonly=True)
    rows = list(journal.rows())
    journal.close()
    assert found.spent.calls == len(rows)
    usage = [row["reply"]["usage"] for row in rows]
    assert found.spent.tokens_in == sum(u["input"] for u in usage)
    assert found.spent.tokens_out == sum(u["output"] for u in usage)


def test_a_bench_that_is_stopped_goes_on(tmp_path: Path) -> None:
    def dying(request: Any) -> Any:
        if name_of(request) == "seed_loan":
            raise BudgetExceeded("budget: 5 of 5 calls used.")
        return answers(request)

    with pytest.raises(LimitReached):
        benched(dying, tmp_path, attempts=1)
    asked: list[str] = []

    def counting(request: Any) -> Any:
        asked.append(name_of(request))
        return answers(request)

    assert benched(counting, tmp_path, attempts=1).pass_at(1) == 0.8
    assert "forklift_aisle" not in asked


def test_the_text_that_is_no_game_passes_by_a_refusal(tmp_path: Path) -> None:
    own = load_dataset("own")
    entry = own["plum_jam"]
    data = type(own)(own.folder, {"plum_jam": entry})
    found = benched(lambda request: {"no_game": {"reason": "a recipe"}}, tmp_path, data, attempts=2)
    assert found.pass_at(2) == 1
    assert found.levels()["no_game"] == 2
    (tmp_path / "game").mkdir()
    refusing = type(own)(own.folder, {"dam_share": own["dam_share"]})
    found = benched(lambda request: {"no_game": {"reason": "no"}}, tmp_path / "game", refusing, attempts=1)
    assert found.pass_at(1) == 0


def test_scores_never_stand_without_their_caveat_and_the_published_column_names_its_source(tmp_path: Path) -> None:
    told = benched(answers, tmp_path, attempts=1).as_dict()
    assert told["caveat"] == bench.OTHER_GAMES
    assert "other games" in told["published"]["source"]
    best = [r for r in told["published"]["rows"] if (r["setting"], r["model"]) == ("D", "GPT-4o")]
    assert best[0]["pass@1"] == pytest.approx(75 / 90)
    assert best[0]["solved"] == 18
    json.dumps(told)


# ---- importers ---------------------------------------------------------------------------------------------------------


def clone_of_gameinterpreter(folder: Path) -> Path:
    """A clone in miniature: two games, four answers, one of them empty."""
    loan, aisle = (DEV[name].game() for name in ("seed_loan", "forklift_aisle"))
    (folder / "Dataset" / "Perfect Information Games").mkdir(parents=True)
    (folder / "Dataset" / "Imperfect Information Games").mkdir(parents=True)
    (folder / "Dataset/Perfect Information Games/Seed_Loan_(with_two).txt").write_text("A loan.")
    (folder / "Dataset/Imperfect Information Games/Aisle.txt").write_text("An aisle.")
    stored = {
        "D/GPT-4o/Perfect Information Games/Seed Loan (with 2)/Correct/1.efg": write_efg(loan),
        "Baseline/GPT-4/Perfect Information Games/Seed Loan (with 2)/Incorrect/1.efg": "",
        "D/GPT-4o/Imperfect Infomation Games/Aisle/Correct/1.efg": write_efg(aisle),
        "D/GPT-4/Imperfect Infomation Games/Aisle/Incorrect/2.efg": write_efg(loan),
    }
    for name, text in stored.items():
        path = folder / "EFG" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_clone_of_gameinterpreter_becomes_a_data_set_with_scored_answers(tmp_path: Path) -> None:
    found = import_gameinterpreter(clone_of_gameinterpreter(tmp_path / "clone"), tmp_path / "set")
    assert found.games == 2
    assert found.answers == {"stored": 4, "correct": 2, "agreed": 4}
    data = load_dataset(tmp_path / "set")
    assert set(data) == {"seed_loan_with_2", "aisle"}
    assert data["aisle"].payoff_mode == "exact"
    assert "D,GPT-4o,imperfect,aisle,Correct" in (tmp_path / "set/answers.csv").read_text()
    assert ("D", "GPT-4o", "imperfect", 1, 1, 1) in found.table
    with pytest.raises(DatasetError):
        import_gameinterpreter(tmp_path / "set", tmp_path / "x")


def test_a_clone_of_gama_becomes_a_data_set(tmp_path: Path) -> None:
    games = tmp_path / "clone/DATA/GAMES/EXPERIMENT_1"
    games.mkdir(parents=True)
    (tmp_path / "clone/DATA/MISC").mkdir()
    matrices = {"pd_one.txt": [[3, 3], [5, 0], [0, 5], [1, 1]], "mp_one.txt": [[1, -1], [-1, 1], [1, -1], [-1, 1]]}
    (tmp_path / "clone/DATA/MISC/matrices.json").write_text(json.dumps({**matrices, "sh_odd.txt": [[0, 0]] * 4}))
    for name in (*matrices, "sh_odd.txt", "pd_words.txt"):
        (games / name).write_text(f"The text of {name}.")
    found = import_gama(tmp_path / "clone", tmp_path / "set")
    assert found.games == 2
    assert len(found.notes) == 2
    game = read_efg(tmp_path / "set/pd_one.efg")
    assert [tuple(map(int, row)) for row in game.payoffs] == [(3, 3), (0, 5), (5, 0), (1, 1)]
    assert set(load_dataset(tmp_path / "set")) == {"pd_one", "mp_one"}
    assert set(CELLS) == {"pd", "sh", "hd", "bs", "mp"}
    assert "MIT" in (tmp_path / "set/LICENSE.gama").read_text()
