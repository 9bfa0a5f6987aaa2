"""gamesim interpret, solve --text and bench text2game: files, exit codes, replays without a socket, what is refused."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from gamesim_analysis.text2game.dataset import load_dataset
from jsonschema import Draft202012Validator

from gamesim.cli import main as command_line
from gamesim.cli.interpret import Wanted
from gamesim.cli.shapes import output_schema
from gamesim.core.equivalence import compare
from gamesim.envs.efg.reading import read_game

DEV = load_dataset("dev")
FOLDER = DEV.folder
LOAN, ENGLISH = FOLDER / "seed_loan.txt", FOLDER / "seed_loan.english.txt"
RECORDS = FOLDER.parent / "records"
MODEL = RECORDS / "repaired" / "model.yaml"
FILES = {"game.yaml", "game.efg", "game.svg", "game.html", "assumptions.md"}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GAMESIM_STORE", str(tmp_path / "runs"))
    return tmp_path / "runs"


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    code = command_line.run([str(a) for a in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: Any) -> dict[str, Any]:
    _, out, _ = run(capsys, *arguments, "--json")
    found: dict[str, Any] = json.loads(out)
    Draft202012Validator(output_schema(str(arguments[0]))).validate(found)
    return found


def models(tmp_path: Path, **answers: Any) -> Path:
    path = tmp_path / "models.yaml"
    path.write_text(json.dumps({"models": {"m": {"backend": "scripted", "answers": answers}}}))
    return path


def outline(**more: Any) -> dict[str, Any]:
    return {"title": "t", "players": ["Lender", "Grower"], "steps": [{"id": "s", "actor": "Lender"}], **more}


def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


# ---- without a model ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [ENGLISH, FOLDER / "seed_loan.efg"])
def test_offline_sources_need_no_model(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "interpret", source, "--out", tmp_path / "o")
    assert code == 0
    assert {p.name for p in (tmp_path / "o").iterdir()} == FILES
    for name in ("game.yaml", "game.efg"):
        assert compare(DEV["seed_loan"].game(), read_game(tmp_path / "o" / name).tree).passed
    ElementTree.parse(tmp_path / "o" / "game.svg")
    assert out.startswith("accepted without a model")


def test_english_states_its_assumptions_and_solves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "interpret", ENGLISH, "--out", tmp_path / "o", "--solve")
    assert code == 0
    assert out.index("assumed, information: Grower sees") < out.index("(4, 1)")
    assert "Grower sees" in (tmp_path / "o/assumptions.md").read_text()
    page = (tmp_path / "o/game.html").read_text()
    assert page.index("Assumptions first") < page.index("Nash equilibria")
    assert "(4, 1)" in page


def test_prose_without_a_model_is_refused_with_the_nearest_form(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("interpret", LOAN), ("solve", "--text", DEV["seed_loan"].text), ("solve", "--text", f"@{LOAN}")):
        code, out, err = run(capsys, *arguments)
        assert code == 2
        assert out == ""
        assert "Nearest form" in err
        assert "--model" in err


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "no text"), (b"\xff\xfe\x00", "UTF-8"), (b"a\x00b", "control"), (b"word " * 5000, "20,000"), (None, "read")],
)
def test_what_is_no_description_is_refused(
    data: bytes | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.txt"
    if data is not None:
        path.write_bytes(data)
    code, _, err = run(capsys, "interpret", path, "--models", MODEL, "--model", "scripted")
    assert code == 2
    assert "x.txt" in err
    assert said in err


# ---- with a scripted one -----------------------------------------------------------------------------------------------


def test_never_valid_ends_with_one_saves_rounds_and_leaves_no_game(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {"format": "gamesim-game-1", "title": "x", "players": ["A"], "root": {"type": "terminal", "payoffs": {}}}
    file = models(tmp_path, outline=[outline()], tree=[bad] * 4)
    code, out, _ = run(capsys, "interpret", LOAN, "--models", file, "--model", "m", "--out", tmp_path / "o")
    assert code == 1
    assert out.startswith("invalid")
    assert "E04" in out
    assert {p.name for p in (tmp_path / "o").iterdir()} == {"translation.json", "text.txt", "calls.sqlite"}
    rounds = json.loads((tmp_path / "o/translation.json").read_text())["samples"][0]["rounds"]
    assert [r["stage"] for r in rounds] == ["outline", *["tree"] * 4]
    assert all(r["answer"] for r in rounds)
    assert all("E04" in [p["code"] for p in r["problems"]] for r in rounds[1:])


def test_a_dispute_saves_candidates_and_is_solved_only_with_yes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def tree(pay: int) -> dict[str, Any]:
        leaf = {"type": "terminal", "payoffs": {"Lender": pay, "Grower": 0}}
        other = {"type": "terminal", "payoffs": {"Lender": 1, "Grower": 1}}
        move = {"type": "move", "player": "Lender", "infoset": "h", "actions": {"a": leaf, "b": other}}
        return {"format": "gamesim-game-1", "title": "x", "players": ["Lender", "Grower"], "root": move}

    agreed = {"contradictions": []}
    file = models(tmp_path, outline=[outline()] * 3, tree=[tree(4), tree(6), tree(7)], check=[agreed] * 3)
    flags = ("--models", file, "--model", "m", "--samples", 3)
    code, out, _ = run(capsys, "interpret", LOAN, *flags, "--out", tmp_path / "o")
    assert code == 1
    assert out.startswith("disputed")
    assert "first difference" in out
    names = {p.name for p in (tmp_path / "o").iterdir()}
    assert {"candidate-1.efg", "candidate-2.efg"} <= names
    assert not names & FILES
    code, _, err = run(capsys, "solve", "--text", f"@{LOAN}", *flags)
    assert code == 1
    assert "--yes" in err
    shutil.rmtree(tmp_path / "runs")
    code, out, _ = run(capsys, "solve", "--text", f"@{LOAN}", *flags, "--yes")
    assert code == 0
    assert "(4, 0)" in out


def test_a_second_call_asks_nothing_and_another_setting_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("interpret", LOAN, "--models", MODEL, "--model", "scripted", "--out", tmp_path / "o")
    assert run(capsys, *flags)[0] == 0
    before = {p.name: p.read_bytes() for p in (tmp_path / "o").iterdir() if p.suffix != ".sqlite"}
    gone = models(tmp_path)
    gone.write_text(gone.read_text().replace('"m"', '"scripted"'))
    assert run(capsys, "interpret", LOAN, "--models", gone, "--model", "scripted", "--out", tmp_path / "o")[0] == 0
    after = {p.name: p.read_bytes() for p in (tmp_path / "o").iterdir() if p.suffix != ".sqlite"}
    same = FILES - {"game.html"}  # the page quotes the command
    assert {n: before[n] for n in same} == {n: after[n] for n in same}
    code, _, err = run(capsys, *flags, "--rounds", 1)
    assert code == 2
    assert "another --out" in err


def test_a_game_that_comes_as_a_file_asks_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "interpret", FOLDER / "seed_loan.efg", "--model", "openai/x", "--out", tmp_path / "o")
    assert code == 0
    assert "game already" in err
    assert out.startswith("accepted without a model")


def test_even_samples_warn_and_unknown_models_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = models(tmp_path, outline=[{"no_game": {"reason": "r"}}] * 2)
    code, out, err = run(capsys, "interpret", LOAN, "--models", file, "--model", "m", "--samples", 2)
    assert code == 1
    assert out.startswith("no_game")
    assert "can tie" in err
    code, _, err = run(capsys, "interpret", LOAN, "--model", "opnai/x")
    assert code == 2
    assert "openai" in err


def test_an_efg_alone_is_written_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, _ = run(capsys, "interpret", ENGLISH, "--out", tmp_path / "loan.efg")
    assert code == 0
    assert compare(DEV["seed_loan"].game(), read_game(tmp_path / "loan.efg").tree).passed


def test_text_of_users_and_models_is_escaped_on_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "<script>alert(1)</script>"
    tree = json.loads((RECORDS / "repaired/translation.json").read_text())["samples"][0]["document"]
    tree = {**{k: v for k, v in tree.items() if k != "description"}, "title": evil[:100]}
    tree["assumptions"] = [{"kind": "other", "text": evil}]
    file = models(tmp_path, outline=[outline()], tree=[tree], check=[{"contradictions": []}])
    text = tmp_path / "evil.txt"
    text.write_text(f"{DEV['seed_loan'].text} {evil}")
    assert run(capsys, "interpret", text, "--models", file, "--model", "m", "--out", tmp_path / "o", "--solve")[0] == 0
    page = (tmp_path / "o/game.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


# ---- records -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "reference"), [("repaired", "seed_loan"), ("voted", "forklift_aisle")])
def test_shipped_records_replay_without_a_socket_and_byte_for_byte(
    name: str, reference: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    no_network(monkeypatch)
    printed = []
    for folder in ("one", "two"):
        code, out, _ = run(capsys, "interpret", "--replay", name, "--out", tmp_path / folder, "--solve")
        assert code == 0
        printed.append(out)
    assert printed[0] == printed[1]
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / f).iterdir()} for f in ("one", "two"))
    assert one == two
    assert set(one) >= FILES
    assert compare(DEV[reference].game(), read_game(tmp_path / "one/game.efg").tree).passed
    assert one["translation.json"] == (RECORDS / name / "translation.json").read_bytes()


def test_what_records_show(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "interpret", "--replay", "repaired", "--show-steps")
    assert "round 2: tree: problems" in out
    assert "E04" in out
    assert "E06" in out
    assert "13/12" in out
    assert "round 3: tree: ok" in out
    found = as_json(capsys, "interpret", "--replay", "voted")
    assert found["confidence"] == pytest.approx(2 / 3)
    assert [c["samples"] for c in found["classes"]] == [[1, 2], [3]]
    assert as_json(capsys, "solve", "--replay", "voted")["solutions"]


def test_a_replay_of_another_text_or_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "interpret", FOLDER / "jam_shelf.txt", "--replay", "repaired")
    assert code == 1
    assert "ReplayMismatchError" in err
    assert run(capsys, "interpret", "--replay", "repaired", "--model", "local")[0] == 2
    assert run(capsys, "solve", "kuhn", "--model", "local")[0] == 2
    assert "keeps the record's own" in run(capsys, "interpret", "--replay", "repaired", "--samples", 3)[2]
    code, _, err = run(capsys, "interpret", "--replay", "repaird")
    assert code == 6
    assert "repaired" in err


# ---- bench -------------------------------------------------------------------------------------------------------------


def test_bench_prints_scores_with_their_caveat_and_replays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "set"
    data.mkdir()
    for name in ("seed_loan.txt", "seed_loan.efg"):
        shutil.copy(FOLDER / name, data / name)
    row = {"name": "seed_loan", "text": "seed_loan.txt", "efg": "seed_loan.efg", "tags": ["2p"]}
    (data / "index.json").write_text(json.dumps({"format": "gambit EFG 2 R", "games": [row]}))
    flags = ("bench", "text2game", "--data", data, "--out", tmp_path / "b")
    code, out, _ = run(capsys, *flags, "--models", MODEL, "--model", "scripted", "--attempts", 1)
    assert code == 0
    assert "pass@1 1.000" in out
    assert "These are other games" in out
    assert "GameInterpreter" in out
    assert "0.833" in out
    told = json.loads((tmp_path / "b/bench.json").read_text())
    assert told["status"] == "done"
    again = as_json(capsys, "bench", "text2game", "--replay", tmp_path / "b")
    assert again["rows"] == told["rows"]
    assert again["caveat"] == told["caveat"]


def test_bench_says_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "bench", "text2game")[0] == 2
    assert run(capsys, "bench", "text2game", "--data", tmp_path, "--model", "local")[0] == 2
    assert run(capsys, "bench", "bench/societies", "--attempts", 3)[0] == 2
    assert run(capsys, "bench", "text2game", "--model", "local", "--workers", 2)[0] == 2
    code, out, _ = run(capsys, "bench", "text2game", "--model", "openai/some-model", "--estimate")
    assert code == 0
    assert "150 to" in out
    found = as_json(capsys, "interpret", LOAN, "--model", "openai/some-model", "--estimate")
    assert found["bill"]["calls"][0] == 3


# ---- a real model ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_embedded_model_goes_through_the_pipeline_and_is_no_translator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("xllamacpp")
    file = tmp_path / "small.yaml"
    file.write_text("models:\n  small: {backend: local, params: {temperature: 0.7, max_tokens: 48}}\n")
    code, out, _ = run(
        capsys, "interpret", LOAN, "--models", file, "--model", "small", "--rounds", 1, "--no-preflight", "--out", tmp_path / "o"
    )  # fmt: skip
    assert code == 1
    assert out.startswith("invalid")
    told = json.loads((tmp_path / "o/translation.json").read_text())
    assert [r["stage"] for r in told["samples"][0]["rounds"]] == ["outline", "outline"]
    assert all(r["outcome"] in ("malformed", "truncated", "problems") for r in told["samples"][0]["rounds"])
    assert told["spent"]["tokens_in"] > 500
    assert not (tmp_path / "o/game.efg").exists()


# ---- in a notebook; the bill -----------------------------------------------------------------------------------------


def test_it_runs_where_an_event_loop_turns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A notebook's thread turns a loop already."""

    async def cell() -> int:
        return command_line.run(["interpret", "--replay", "repaired", "--out", str(tmp_path / "o")])

    assert asyncio.run(cell()) == 0
    assert (tmp_path / "o" / "game.yaml").exists()


def test_the_high_end_of_the_bill_is_what_can_happen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outline, tree, three rounds of trees, a check and the check after: seven calls, each answered at its longest."""
    from gamesim_analysis.text2game.opening import bill
    from gamesim_analysis.text2game.prompting import repair, tree_question
    from gamesim_analysis.text2game.translate import MAX_TOKENS, Settings

    from gamesim.envs.efg.problems import Problem

    data = as_json(capsys, "interpret", LOAN, "--model", "openai/some-model", "--estimate")
    assert data["bill"]["calls"] == [3, 3, 7]
    alias, config = Wanted("openai/some-model").named()
    text = "Two players, A and B, choose."
    for settings in (
        Settings(),
        Settings(samples=3),
        Settings(rounds=0),
        Settings(two_stage=False, backtranslate=False),
    ):
        found = bill([text], alias, config, settings)
        (line,) = found.lines
        assert line.calls.high == settings.samples * settings.most_calls()
        checks = settings.backtranslate * (1 + (settings.rounds > 0))
        longest = (
            settings.two_stage * MAX_TOKENS["outline"]
            + (1 + settings.rounds) * MAX_TOKENS["tree"]
            + checks * MAX_TOKENS["check"]
        )
        assert line.tokens_out.high == settings.samples * longest
        answer = "x" * (3 * MAX_TOKENS["tree"])
        again = (
            *tree_question(text, None),
            *repair(answer, [Problem("E01", "error", "/root", "root > Lend", "found " * 8, "expected " * 8)] * 30),
        )
        assert line.tokens_in.high >= settings.samples * settings.rounds * sum(len(m.content) for m in again) / 3
