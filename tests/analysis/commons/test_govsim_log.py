"""GovSim logs: rules detected from the stock, honest statuses, scores beside the share of unreadable answers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from gamesim_analysis.commons.govsim_import import import_govsim
from gamesim_analysis.commons.govsim_log import (
    find_logs,
    govsim_metrics,
    inverse_metrics,
    is_readable,
    read_govsim_log,
    score_table,
    survival_count,
)
from gamesim_analysis.metrics import compute

from gamesim.core.errors import MetricError, RecordError

LOGS = Path(__file__).parents[2] / "data" / "govsim"


def test_rules_are_detected_from_the_stock() -> None:
    assert read_govsim_log(LOGS / "fishery_doubles").rules == "fishery"
    assert read_govsim_log(LOGS / "inverse_refills").rules == "inverse"


def test_a_stock_always_at_the_cap_is_ambiguous_until_told() -> None:
    run = read_govsim_log(LOGS / "sustained_ten")
    assert run.rules == "ambiguous"
    assert any("ambiguous" in mark for mark in run.marks)
    told = read_govsim_log(LOGS / "sustained_ten", rules="fishery")
    assert told.rules == "fishery"
    assert told.marks == ()


def test_rules_that_the_stock_contradicts_are_refused() -> None:
    with pytest.raises(RecordError, match=r"row 7: .*inverse rules do not allow"):
        read_govsim_log(LOGS / "fishery_doubles", rules="inverse")
    with pytest.raises(RecordError, match="Possible: auto, fishery, inverse"):
        read_govsim_log(LOGS / "fishery_doubles", rules="sheep")


def test_twelve_months_of_ten_each() -> None:
    scores = govsim_metrics(read_govsim_log(LOGS / "sustained_ten", rules="fishery"))
    assert (scores.months, scores.survived) == (12, True)
    assert (scores.gain, scores.efficiency, scores.equality, scores.over_usage) == (120.0, 100.0, 100.0, 0.0)


def test_silence_is_invalid_not_survival() -> None:
    run = read_govsim_log(LOGS / "silent_twelve")
    scores = govsim_metrics(run)
    assert run.status == "invalid"
    assert run.unreadable_share == 1.0
    assert (scores.gain, scores.equality, scores.survived) == (0.0, None, False)
    assert "zero" in scores.why or "nobody" in scores.why


def test_an_aborted_run_is_truncated_and_left_out_of_survival() -> None:
    run = read_govsim_log(LOGS / "aborted_one")
    assert run.after.tolist() == [40.0]
    assert run.status == "truncated"
    count = survival_count([run, read_govsim_log(LOGS / "sustained_ten"), read_govsim_log(LOGS / "silent_twelve")])
    assert (count.share, count.truncated, count.invalid) == (1.0, 1, 1)
    assert "1 truncated, 1 invalid" in str(count)


def test_collapse_goes_by_the_game_that_was_played() -> None:
    assert read_govsim_log(LOGS / "collapsed_two").status == "collapsed"
    house = read_govsim_log(LOGS / "inverse_collapse", rules="inverse")
    assert house.status == "collapsed"
    assert read_govsim_log(LOGS / "fishery_doubles").status == "survived"


def test_shorter_games_survive_their_own_length() -> None:
    assert read_govsim_log(LOGS / "aborted_one", months=1).status == "survived"


def test_the_inverse_game_has_its_own_scores() -> None:
    run = read_govsim_log(LOGS / "inverse_refills")
    scores = inverse_metrics(run)
    assert scores.total_effort == 80 + 45 + 10 * 50
    assert scores.excess_effort == scores.total_effort - 60
    assert scores.shortfall == pytest.approx(5 / 60)
    with pytest.raises(MetricError, match="shortfall"):
        govsim_metrics(run)
    with pytest.raises(MetricError, match="fishery"):
        inverse_metrics(read_govsim_log(LOGS / "fishery_doubles"))


def test_an_unbalanced_row_is_named_or_marked() -> None:
    with pytest.raises(RecordError, match=r"row 2: stock after is 49, but 100 less what was collected is 50"):
        read_govsim_log(LOGS / "unbalanced")
    run = read_govsim_log(LOGS / "unbalanced", lenient=True)
    assert any(mark.startswith("row 2:") for mark in run.marks)


def test_unknown_rules_and_missing_fields() -> None:
    with pytest.raises(RecordError, match=r"row 7: unknown rules: stock goes from 40 to 47"):
        read_govsim_log(LOGS / "unknown_rules")
    assert read_govsim_log(LOGS / "unknown_rules", lenient=True).rules == "unknown"
    with pytest.raises(RecordError, match="row 3: lacks wanted_resource"):
        read_govsim_log(LOGS / "missing_field")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "list of rows"),
        ("[]", "no harvest"),
        ("[3]", "row 0: is not an object"),
        ('[{"agent_id": "a"}]', "row 0: has no action"),
        ("[" * 100_000, "nested too deeply"),
        ("", "is empty"),
        ("\n\n[1, ", r"log_env.json:3:5: is not JSON, or was broken off"),
        ('[{"round": ' + "9" * 6000 + "}]", "a number too long to read"),
        ('[{"action": "harvesting", "action": "utterance"}]', "'action' is set twice in one row"),
    ],
)
def test_files_that_are_no_logs(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "log_env.json"
    file.write_text(text)
    with pytest.raises(RecordError, match=message):
        read_govsim_log(file)


def test_bytes_that_are_no_text_and_a_byte_order_mark(tmp_path: Path) -> None:
    good = (LOGS / "sustained_ten" / "log_env.json").read_bytes()
    file = tmp_path / "log_env.json"
    file.write_bytes(b"\xef\xbb\xbf" + good)
    assert read_govsim_log(file).status == "survived"
    file.write_bytes(good.decode().encode("utf-16"))
    with pytest.raises(RecordError, match=r"is not UTF-8 text \(byte 0\)\."):
        read_govsim_log(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(RecordError, match=r"log_env.json: cannot be read: Is a directory\."):
        read_govsim_log(file)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("round", 1.5, "row 0: round is 1.5. It must be a whole number"),
        ("round", 10**400, "row 0: round is more than"),
        ("resource_collected", "5", 'row 0: resource_collected is "5"'),
        ("resource_collected", 1e300, "row 0: resource_collected is 1e\\+300"),
        ("agent_id", 3, "row 0: agent_id is 3. It must be a name"),
        ("agent_id", "", 'row 0: agent_id is "". It must be a name'),
    ],
)
def test_values_that_cannot_be(tmp_path: Path, field: str, value: object, message: str) -> None:
    rows = json.loads((LOGS / "sustained_ten" / "log_env.json").read_text())
    rows[0][field] = value
    file = tmp_path / "log_env.json"
    file.write_text(json.dumps(rows))
    for lenient in (False, True):
        with pytest.raises(RecordError, match=message):
            read_govsim_log(file, lenient=lenient)


def test_a_row_without_a_transcript_is_doubtful_and_a_gap_is_named(tmp_path: Path) -> None:
    rows = json.loads((LOGS / "sustained_ten" / "log_env.json").read_text())
    file = tmp_path / "log_env.json"
    del rows[0]["html_interactions"]
    file.write_text(json.dumps(rows))
    with pytest.raises(RecordError, match="row 0: lacks html_interactions"):
        read_govsim_log(file)
    assert read_govsim_log(file, lenient=True).marks[0] == "row 0: lacks html_interactions"
    kept = [row for row in rows[1:] if row["round"] != 5]
    file.write_text(json.dumps(kept))
    with pytest.raises(RecordError, match="rounds leave a gap after 4"):
        read_govsim_log(file)


@pytest.mark.parametrize("value", ["ten", True, -1, float("nan"), float("inf")])
def test_amounts_must_be_numbers(tmp_path: Path, value: object) -> None:
    rows = json.loads((LOGS / "sustained_ten" / "log_env.json").read_text())
    rows[1]["resource_collected"] = value
    file = tmp_path / "log_env.json"
    file.write_text(json.dumps(rows))
    with pytest.raises(RecordError, match="row 1: resource_collected"):
        read_govsim_log(file)


def test_an_agent_harvests_once_a_month(tmp_path: Path) -> None:
    rows = json.loads((LOGS / "sustained_ten" / "log_env.json").read_text())
    rows[1]["agent_id"] = rows[0]["agent_id"]
    file = tmp_path / "log_env.json"
    file.write_text(json.dumps(rows))
    with pytest.raises(RecordError, match="row 1: persona_0 harvests twice"):
        read_govsim_log(file)


def test_harvests_one_after_the_other_balance_row_by_row(tmp_path: Path) -> None:
    rows, stock = [], 100.0
    for agent in range(5):
        rows.append(
            {
                "agent_id": f"persona_{agent}",
                "round": 0,
                "action": "harvesting",
                "concurrent_harvesting": False,
                "resource_in_pool_before_harvesting": stock,
                "resource_in_pool_after_harvesting": stock - 8,
                "resource_collected": 8,
                "wanted_resource": 8,
                "html_interactions": ["Answer: 8"],
            }
        )
        stock -= 8
    file = tmp_path / "log_env.json"
    file.write_text(json.dumps(rows))
    run = read_govsim_log(file)
    assert (run.before.tolist(), run.after.tolist()) == ([100.0], [60.0])


def test_unreadable_answers_are_counted_not_guessed() -> None:
    run = read_govsim_log(LOGS / "partly_silent")
    assert run.unreadable_share == pytest.approx(0.2)
    assert run.status == "truncated"
    assert is_readable(["Antwort: 7 Tonnen"], labels=("Antwort:",))
    assert not is_readable(["Antwort: 7 Tonnen"])


def test_the_table_shows_silence_beside_every_score() -> None:
    names = ("sustained_ten", "inverse_refills", "silent_twelve", "aborted_one")
    table = score_table([read_govsim_log(LOGS / name) for name in names])
    assert table["run"] == list(names)
    assert table["unreadable_share"] == [0.0, 0.0, 1.0, 0.0]
    assert table["gain"][1] is None
    assert "inverse" in table["null_reason"][1]
    assert table["shortfall"][0] is None
    assert table["status"] == ["survived", "survived", "invalid", "truncated"]


def test_logs_are_found_below_directories() -> None:
    assert len(find_logs([LOGS])) == len(list(LOGS.iterdir()))
    with pytest.raises(RecordError, match="no such file"):
        find_logs([LOGS / "nothing"])


@pytest.mark.skipif(
    "GAMESIM_GOVSIM_LOGS" not in os.environ, reason="set GAMESIM_GOVSIM_LOGS to the reproduction's results"
)
def test_the_reproduction_logs() -> None:
    paths = find_logs([os.environ["GAMESIM_GOVSIM_LOGS"]])
    runs = [read_govsim_log(p, rules="inverse" if "trash" in str(p) else "fishery", lenient=True) for p in paths]
    assert len(runs) == 112
    count = survival_count(runs)
    assert (count.survived, count.collapsed, count.truncated, count.invalid) == (50, 47, 12, 3)
    assert sum(run.unreadable_share > 0 for run in runs) == 21


def test_logs_become_a_run_that_metrics_read(tmp_path: Path) -> None:
    names = ("fishery_doubles", "sustained_ten", "silent_twelve", "aborted_one", "collapsed_two")
    record = import_govsim([LOGS / name for name in names], store=tmp_path)
    assert record.path.parent == tmp_path
    scores = {row["run"]: row for row in record.table("govsim_scores").rows()}
    assert set(scores) == set(names)
    assert scores["silent_twelve"]["status"] == "invalid"
    assert scores["silent_twelve"]["equality"] is None
    assert "1 truncated, 1 invalid" in record.manifest.provenance["survival"]
    assert len(record.manifest.provenance["files"]) == 5
    assert len(record.steps()) == 5 * (12 + 12 + 12 + 1 + 2)
    assert "Shall we all take the same?" in set(record.table("messages")["text"])
    assert {event.type for event in record.events("message")} == {"message"}
    tables = compute(record)
    assert tables["summary"]["survived_n"][0] == 3  # two survived, one collapsed; silent and aborted runs are left out
    assert tables["summary"]["survived"][0] == pytest.approx(2 / 3)
    by_hand = {row["run"]: row["gain"] for row in scores.values()}
    outcomes = dict(zip(record.outcomes()["seed"].tolist(), record.outcomes()["log"].tolist(), strict=True))
    for row in tables["govsim"].rows():
        assert row["gain"] == pytest.approx(by_hand[outcomes[row["seed"]]])
    assert import_govsim([LOGS / name for name in names], store=tmp_path).path == record.path


def test_inverse_logs_have_inverse_metrics_and_mixed_ones_their_scores_alone(tmp_path: Path) -> None:
    record = import_govsim([LOGS / "inverse_refills"], store=tmp_path)
    assert compute(record)["shortfall"].rows()[0]["total_effort"] == 625
    with pytest.raises(MetricError, match="shortfall"):
        compute(record, ["govsim"])
    both = import_govsim([LOGS / "inverse_refills", LOGS / "fishery_doubles"], store=tmp_path)
    reasons = {row["metric"]: row["reason"] for row in compute(both)["not_applicable"].rows()}
    assert "govsim" in reasons
    assert "shortfall" in reasons
    assert len(both.table("govsim_scores")) == 2
