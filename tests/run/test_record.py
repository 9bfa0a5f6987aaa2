"""Records: reading, asking in SQL, comparing, writing tables, exporting, replaying, packing, importing."""

import csv
import json
import shutil
import zipfile
from datetime import timedelta

import duckdb
import numpy as np
import pytest
from trial import REFERENCE, trial_scenario

from gamesim.core.errors import CorruptRecordError, MissingExtraError, RecordError, ReplayMismatchError, ScenarioError
from gamesim.run.export import export
from gamesim.run.imported import write_imported
from gamesim.run.journal import Lines, read_journal
from gamesim.run.manifest import FileEntry, read_manifest, write_manifest
from gamesim.run.pack import pack, unpack
from gamesim.run.record import Record
from gamesim.run.replay import replay
from gamesim.run.runner import resume, run
from gamesim.run.seal import file_sha256
from gamesim.run.store import prune, resolve_run, runs, verify_store
from gamesim.scenario.resolve import load_scenario


def play(store, journal="unit", **more):
    return run(more.pop("scenario", None) or trial_scenario(journal), store=store, experiment=REFERENCE, **more)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return play(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def own(record, tmp_path):
    """A copy to damage; a run directory may be moved."""
    return Record(shutil.copytree(record.path, tmp_path / "own" / record.path.name))


def test_steps_by_column_and_condition(record):
    table = record.steps(["agent", "action"], where="agent = 'walker_1' and step < 2 -- a comment")
    assert table.names == ["agent", "action"]
    assert len(table) == 7 * 2
    same = record.steps(where={"agent": "walker_1", "step": 1, "note": None})
    assert len(same) == 7
    assert set(same["agent"]) == {"walker_1"}
    with pytest.raises(RecordError, match=r"Candidate bindings|not found"):
        record.steps(["nothing"]).fetch()


def test_sql_reads_only_and_only_the_run(record, tmp_path):
    assert record.sql("select count(*) as n from steps")["n"][0] == 7 * 24
    assert record.sql("with u as (select * from units) select sum(replicates) as r from u")["r"][0] == 7
    for query in (
        "copy steps to 'x.csv'", "create table a(b int)", "attach 'x.db'", "set threads=9", "select 1; select 2", "pragma version",
        "install httpfs", "", "explain analyze select 1", "call pragma_version()", "export database 'x'",
    ):  # fmt: skip
        with pytest.raises(RecordError):
            record.sql(query)
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for query in (
        f"select * from read_csv('{tmp_path}/secret.csv')", "select * from '/etc/passwd'", "select * from read_text('/etc/hostname')",
        f"select * from glob('{tmp_path}/*')", "select * from record", "select * from duckdb_secrets()",
    ):  # fmt: skip
        with pytest.raises(RecordError):
            record.sql(query).fetch()
    with pytest.raises(RecordError, match="two columns of the answer"):
        record.sql("select 1 as a, 2 as a")


def test_sql_answers_of_other_types_come_as_text_or_numbers(record):
    row = record.sql(
        "select 1::hugeint as h, 1.5::decimal(4,1) as d, date '2020-01-02' as t, [1,2] as l, null as n, 'x' as s, true as b"
    ).rows()[0]
    assert row["d"] == 1.5
    assert row["t"].startswith("2020-01-02")
    assert json.loads(row["l"]) == [1, 2]
    assert row["n"] is None
    assert (row["s"], row["b"]) == ("x", True)


def test_events_and_units(record):
    actions = list(record.events("action"))
    assert len(actions) == 7 * 24
    first = record.units[0]
    assert {event.unit for event in record.events(unit=0)} == {first.name}
    assert next(record.events("unit", unit=first.name[:6])).data["key"] == first.key
    with pytest.raises(RecordError, match="no unit called 'zz'"):
        list(record.events(unit="zz"))
    with pytest.raises(RecordError, match="no unit 99; there are 7"):
        record.unit(99)


def test_a_table_is_written_once_and_counts_in_the_digest(own):
    before = own.digest()
    own.write_table("gini", {"cell": [0, 1], "gini": [0.25, np.nan]})
    assert own.digest() != before
    again = Record(own.path, verify="full")
    assert again.tables == ["gini", "outcomes"]
    assert again.table("gini").rows() == [{"cell": 0, "gini": 0.25}, {"cell": 1, "gini": None}]
    assert again.sql("select avg(gini) as g from gini")["g"][0] == 0.25
    first = again.digest()
    again.write_table("gini", {"cell": [0, 1], "gini": [0.25, np.nan]})
    assert again.digest() == first
    for name in ("steps", "outcomes", "../x", "Gini", ""):
        with pytest.raises(RecordError, match="cannot name a table"):
            own.write_table(name, {"a": [1]})
    with pytest.raises(RecordError, match="no table 'ginni'"):
        own.table("ginni")


def test_comparison_is_paired_and_says_what_differs(tmp_path, record):
    other = play(tmp_path, scenario=trial_scenario(horizon=9, replicates=2))
    found = record.compare(other, by=("cell", "seed"), columns=["height"])
    rows = found.pairs.rows()
    ours = {(row["cell"], row["seed"]): [] for row in record.outcomes().rows()}
    for row in record.outcomes().rows():
        ours[row["cell"], row["seed"]].append(row["height"])
    assert len(rows) == 4
    assert all(row["base"] == pytest.approx(np.mean(ours[row["cell"], row["seed"]])) for row in rows)
    assert all(row["difference"] == pytest.approx(row["other"] - row["base"]) for row in rows)
    assert found.unmatched == {other.id: 2}
    assert found.changes[other.id] == {"environment.horizon": (8, 9), "replicates": (3, 2)}
    with pytest.raises(RecordError, match="Did you mean 'height'"):
        record.compare(other, columns=["hight"])


@pytest.mark.parametrize("format", ["csv", "parquet", "jsonl", "arrow"])
def test_exports_read_back_equal(record, tmp_path, format):
    out = tmp_path / f"steps.{format}"
    if format == "arrow":
        try:
            import pyarrow.feather as feather
        except ImportError:
            with pytest.raises(MissingExtraError):
                export(record, out=out)
            return
        rows = feather.read_table(str(export(record, out=out))).to_pylist()
    else:
        export(record, out=out)
        rows = record.steps().rows()
    if format == "csv":
        with out.open(newline="") as file:
            told = list(csv.DictReader(file))
        assert [float(row["action"]) for row in told] == [row["action"] for row in record.steps().rows()]
    elif format == "jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    elif format == "parquet":
        answer = duckdb.sql(f"select * from read_parquet('{out}')")
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]
    assert rows == record.steps().rows()


def test_words_for_exports(record, tmp_path):
    with pytest.raises(ScenarioError, match="Did you mean 'parquet'"):
        export(record, format="parqet", out=tmp_path / "x")
    export(record, table="units", out=tmp_path / "u.csv")
    assert len((tmp_path / "u.csv").read_text().splitlines()) == 8


@pytest.mark.parametrize("journal", ["unit", "step"])
def test_replay_proves_equality(tmp_path, journal):
    record = play(tmp_path, journal)
    heard = []
    report = replay(record.path, on_event=heard.append)
    assert (report.units, report.verified, report.rows) == (7, 0, 168)
    assert report.commits == (7 * 8 if journal == "step" else 0)
    assert replay(record.path, verify=True, workers=2).verified == 7
    assert replay(record.path, verify=True, unit=3).verified == 1


def test_replay_opens_no_socket(tmp_path):
    module = tmp_path / "caller.py"
    module.write_text(
        "import os, socket\nfrom gamesim.core.config import Config\nfrom gamesim.run.contracts import UnitResult\n"
        "from gamesim.run.units import make_unit\n"
        "class Caller:\n    config = Config\n    version = 1\n"
        "    def units(self, scenario, done):\n        return () if done else [make_unit(scenario, (0,))]\n"
        "    def run_unit(self, unit, context):\n"
        "        a, b = socket.socketpair(); a.close(); b.close()\n"
        f"        if os.path.exists({str(tmp_path / 'call')!r}): socket.create_connection(('127.0.0.1', 9))\n"
        "        return UnitResult(unit.key, 'complete', ({'seed': 0},))\n"
    )
    scenario = load_scenario("name: x\nenvironment: {kind: matrix}\npopulation: [{agent: matrix.cooperator}]\n")
    record = run(scenario, store=tmp_path / "runs", experiment=f"{module}:Caller")
    assert replay(record.path, verify=True).verified == 1
    (tmp_path / "call").touch()
    with pytest.raises(ReplayMismatchError, match="a replay opens no socket"):
        replay(record.path, verify=True)


def test_replay_names_the_first_difference(tmp_path, monkeypatch):
    record = play(tmp_path, "unit")
    monkeypatch.setenv("TRIAL_DRIFT", "0.5")
    with pytest.raises(
        ReplayMismatchError, match=rf"unit {record.units[0].name} step 0: 'move' of event 'action' differs"
    ) as caught:
        replay(record.path, verify=True)
    assert caught.value.exit_code == 6


def rewrite(record, unit, change):
    """A journal with one action changed and every chain made anew, as a forger would."""
    path = record.path / "events" / f"{unit.name}.jsonl"
    lines, parts = Lines(), []
    for event in read_journal(path).events:
        data = {key: value for key, value in change(event).items() if key != "chain"}
        place = {"step": event.step, "phase": event.phase, "agent": event.agent}
        parts.append(
            lines.commit(event.type, data) if event.type in ("commit", "end") else lines.add(event.type, data, **place)
        )
    path.write_bytes(b"".join(parts))
    manifest = read_manifest(record.path)
    manifest.files[f"events/{unit.name}.jsonl"] = FileEntry(file_sha256(path), path.stat().st_size)
    write_manifest(record.path, manifest)


def test_one_recorded_action_changed_is_found_at_its_step(tmp_path):
    record = play(tmp_path, "step")

    def change(event):
        changed = event.type == "action" and event.step == 5 and event.agent == "walker_2"
        return {**event.data, "move": 9.0} if changed else event.data

    rewrite(record, record.units[2], change)
    Record(record.path, verify="full")  # seals and chains are in order: only playing it again can tell
    with pytest.raises(ReplayMismatchError, match=rf"unit {record.units[2].name} step 5: environment state differs"):
        replay(record.path, verify=True)


def test_changed_steps_are_found_by_row_and_column(own):
    part = own.step_files()[0]
    connection = duckdb.connect()
    connection.execute(f"create table t as select * from read_parquet('{part}')")
    connection.execute("update t set height = height + 1 where step = 3 and agent = 'walker_1'")
    connection.execute(f"copy t to '{part}' (format parquet)")
    manifest = read_manifest(own.path)
    manifest.files[part.relative_to(own.path).as_posix()] = FileEntry(file_sha256(part), part.stat().st_size)
    write_manifest(own.path, manifest)
    with pytest.raises(ReplayMismatchError, match="step 3: column 'height' of row 10 differs"):
        replay(own.path, verify=True)


def test_another_database_version_compares_content(own):
    manifest = read_manifest(own.path)
    manifest.versions["duckdb"] = "0.0.1"
    for part in own.step_files():
        connection = duckdb.connect()
        connection.execute(f"create table t as select * from read_parquet('{part}')")
        connection.execute(f"copy t to '{part}' (format parquet, compression snappy)")
        manifest.files[part.relative_to(own.path).as_posix()] = FileEntry(file_sha256(part), part.stat().st_size)
    write_manifest(own.path, manifest)
    report = replay(own.path, verify=True)
    assert report.verified == 7
    assert "another DuckDB" in report.notes[0]


def test_packing_twice_gives_equal_bytes_and_an_unpacked_run_replays(record, tmp_path):
    first, second = pack(record.path, tmp_path / "a.zip"), pack(record.path, tmp_path / "b.zip")
    assert first.read_bytes() == second.read_bytes()
    place = unpack(first, tmp_path / "store")
    assert place.name == record.path.name
    assert Record(place, verify="full").digest() == record.digest()
    assert replay(place, verify=True).verified == 7
    with pytest.raises(RecordError, match="in the store already"):
        unpack(first, tmp_path / "store")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\evil", "run/./x", "C:/x", "run//x"])
def test_zip_members_that_climb_are_refused(tmp_path, name):
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("run/manifest.json", "{}")
        archive.writestr(name, "x")
    with pytest.raises(RecordError):
        unpack(bad, tmp_path / "store")
    assert not (tmp_path / "store").exists() or list((tmp_path / "store").iterdir()) == []


def test_other_bad_archives(tmp_path):
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/manifest.json", "{}")
        archive.writestr("run/x", bytes(80_000_000))
    link = tmp_path / "link.zip"
    with zipfile.ZipFile(link, "w") as archive:
        archive.writestr("run/manifest.json", "{}")
        info = zipfile.ZipInfo("run/link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    text = tmp_path / "text.zip"
    text.write_text("hello")
    empty = tmp_path / "empty.zip"
    zipfile.ZipFile(empty, "w").close()
    for path, said in (
        (bomb, "are refused"),
        (link, "not a plain file"),
        (text, "not a zip"),
        (empty, "archive of one run"),
        (tmp_path / "none", "No such file"),
    ):
        with pytest.raises(RecordError, match=said):
            unpack(path, tmp_path / "store")
        assert not (tmp_path / "store").exists() or list((tmp_path / "store").iterdir()) == []


def test_care_of_a_store(tmp_path):
    good, bad = play(tmp_path), play(tmp_path, "step")
    assert [finding.status for finding in verify_store(tmp_path, deep=True)] == ["ok", "ok"]
    path = bad.path / "events" / f"{bad.units[1].name}.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"step":2', b'"step":3', 1))
    found = {finding.path: finding for finding in verify_store(tmp_path)}
    assert found[good.path].status == "ok"
    assert found[bad.path].status == "damaged"
    assert ".jsonl" in found[bad.path].message
    (tmp_path / ".new-1-abc").mkdir()
    assert [p.name for p in prune(tmp_path, dry_run=True)] == [".new-1-abc"]
    assert prune(tmp_path) == [tmp_path / ".new-1-abc"]
    assert not (tmp_path / ".new-1-abc").exists()
    assert prune(tmp_path, older_than=timedelta(days=1)) == []
    assert sorted(prune(tmp_path, older_than=timedelta(seconds=-60))) == sorted([good.path, bad.path])
    assert runs(tmp_path) == []


def test_runs_are_found_by_id_and_its_beginning(record):
    store = record.path.parent
    assert resolve_run(record.path) == record.path
    assert resolve_run(record.id, store) == record.path
    assert resolve_run(record.id[:14], store) == record.path
    with pytest.raises(RecordError, match="Did you mean"):
        resolve_run(record.id[:-1] + "z" if record.id[-1] != "z" else record.id[:-1] + "y", store)


def test_a_foreign_record_reads_like_any_and_is_never_played(tmp_path):
    said = {"source": "log.jsonl", "sha256": "ab" * 32, "rules": "fishery"}
    make = lambda: write_imported(  # noqa: E731
        "govsim/fishery",
        steps={"seed": np.zeros(3, dtype=int), "step": [0, 1, 2], "agent": ["a", "b", "a"], "harvest": [1.0, None, 3.0]},
        outcomes=[{"seed": 0, "status": "collapsed", "welfare": 4.0}],
        tables={"messages": {"step": [0], "text": ["=hello"]}},
        events=[{"type": "message", "step": 0, "agent": "a", "text": "hi"}],
        provenance=said, scenario={"name": "govsim/fishery", "environment": {"kind": "commons"}}, store=tmp_path,
    )  # fmt: skip
    record = make()
    assert record.manifest.provenance == said
    assert record.outcomes().rows()[0]["welfare"] == 4.0
    assert record.sql("select sum(harvest) as h from steps")["h"][0] == 4.0
    assert record.sql("select text from messages")["text"][0] == "=hello"
    assert [event.data["text"] for event in record.events("message")] == ["hi"]
    assert Record(record.path, verify="full").digest() == record.digest()
    assert make().path == record.path
    assert len(runs(tmp_path)) == 1
    with pytest.raises(RecordError, match="imported"):
        resume(record.path)
    with pytest.raises(RecordError, match="cannot be played again"):
        replay(record.path, verify=True)
    with pytest.raises(RecordError, match="provenance"):
        write_imported("x", provenance={}, store=tmp_path)


def test_opening_what_is_no_run(tmp_path):
    with pytest.raises(RecordError, match=r"no run here: manifest\.json is missing"):
        Record(tmp_path)
    (tmp_path / "f").write_text("")
    with pytest.raises(RecordError, match="a run is a directory"):
        Record(tmp_path / "f")
    with pytest.raises(RecordError):
        Record(tmp_path / "none")


def test_a_forged_chain_in_a_sealed_unit_is_corruption(own):
    path = own.path / "events" / f"{own.units[0].name}.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"step":1', b'"step":7', 1))
    with pytest.raises(CorruptRecordError, match=r"line \d+ \(byte [\d,]+\) chain differs"):
        Record(own.path)
    with pytest.raises(CorruptRecordError, match="chain differs"):
        list(Record(own.path, verify="none").events(unit=0))
