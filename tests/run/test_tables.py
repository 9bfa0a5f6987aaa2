"""Tables: types, nulls, deterministic parquet, and forms that other programs read back unchanged."""

import csv
import io
import json
import sys

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import MissingExtraError, RecordError
from gamesim.run.parquet import read_parquet, write_parquet
from gamesim.run.tables import Table, concatenate
from gamesim.run.text_forms import csv_cell, csv_lines, jsonl_lines

MIXED = {
    "number": np.array([0.1, np.nan, np.inf, -0.0, 1e-300]),
    "whole": np.array([1, 2, 3, 2**62, -5]),
    "gaps": [1, None, 3, 2**60 + 1, 5],
    "truth": np.array([True, False, True, True, False]),
    "maybe": [True, None, False, None, True],
    "text": ["a", None, "", "=cmd|x", 'ü\n"q",'],
    "label": np.array(["x", "yy", "zzz", "w", "v"]),
}


def test_parquet_gives_back_what_was_written(tmp_path):
    table = Table(MIXED)
    write_parquet(tmp_path / "t.parquet", table, {"unit": "it's", "cell": 4})
    back = Table(read_parquet([tmp_path / "t.parquet"]))
    assert back.names == ["unit", "cell", *MIXED]
    rows = [{"unit": "it's", "cell": 4, **row} for row in table.rows()]
    assert back.rows() == rows
    assert back.rows()[3]["gaps"] == 2**60 + 1  # not through a float
    assert np.signbit(back["number"][3])


def test_equal_tables_give_equal_bytes(tmp_path):
    rng = np.random.default_rng(1)
    columns = {
        "x": np.where(rng.random(50_000) < 0.5, np.nan, rng.random(50_000)),
        "s": np.array([f"agent_{i % 7}" for i in range(50_000)], dtype=object),
    }
    for name in ("a", "b"):
        write_parquet(tmp_path / name, {key: values.copy() for key, values in columns.items()})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert oct((tmp_path / "a").stat().st_mode & 0o777) == "0o600"


def test_text_stays_text_when_the_first_thousand_are_missing(tmp_path):
    column = np.array([None] * 5000 + ["late"], dtype=object)
    write_parquet(tmp_path / "t", {"s": column, "n": [None] * 5000 + [7]})
    back = Table(read_parquet([tmp_path / "t"])).rows()
    assert back[-1] == {"s": "late", "n": 7}
    assert back[0] == {"s": None, "n": None}


def test_nothing_heavy_is_loaded(tmp_path):
    import subprocess

    code = (
        "import sys; import gamesim.run.runner, gamesim.run.record, gamesim.run.replay, gamesim.run.isolate;"
        "print([m for m in ('duckdb', 'pandas', 'pyarrow', 'torch', 'ray', 'pettingzoo', 'rich') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("column, said", [
    ([1, "a"], "mixes int, str"), ([True, 2], "mixes bool, int"), ([object()], "mixes object"), (np.zeros((2, 2)), "2 dimensions"),
    (np.array([2**63], dtype=np.uint64), "above"), ([2**70], "beyond 64"), (np.array(["2020-01-01"], dtype="datetime64[D]"), "datetime64"),
])  # fmt: skip
def test_what_is_no_column_is_refused_by_name(column, said):
    with pytest.raises(RecordError, match=said) as caught:
        Table({"bad": column}).fetch()
    assert "bad" in str(caught.value)


def test_lengths_must_agree():
    with pytest.raises(RecordError, match="differ in length: a 2, b 3"):
        Table({"a": [1, 2], "b": [1, 2, 3]}).fetch()


def test_parts_with_other_columns_join_by_name():
    joined = Table(concatenate([{"a": [1, 2], "s": ["x", "y"]}, {"a": [2.5], "b": [True]}, {"s": ["z"]}]))
    assert joined.rows() == [
        {"a": 1.0, "s": "x", "b": None},
        {"a": 2.0, "s": "y", "b": None},
        {"a": 2.5, "s": None, "b": True},
        {"a": None, "s": "z", "b": None},
    ]


def test_csv_guards_formulas_and_numbers_stay_exact():
    assert csv_cell("=1+1") == "'=1+1"
    assert csv_cell("=1+1", raw=True) == "=1+1"
    assert [csv_cell(text) for text in ("+a", "-b", "@c", "\td", "\re")] == ["'+a", "'-b", "'@c", "'\td", '"\'\re"']
    assert [csv_cell(text) for text in ("-5", "+1e3", "-inf")] == ["-5", "+1e3", "-inf"]
    table = Table(MIXED)
    rows = list(csv.DictReader(io.StringIO("".join(csv_lines(table)), newline="")))
    assert [row["text"] for row in rows] == ["a", "", "", "'=cmd|x", 'ü\n"q",']
    values = np.array([float(row["number"] or "nan") for row in rows])
    np.testing.assert_array_equal(values, table["number"])


def test_jsonl_reads_back():
    rows = [json.loads(line) for line in jsonl_lines(Table(MIXED))]
    assert rows[2]["number"] == "inf"
    assert rows[1]["number"] is None
    assert rows[4]["text"] == MIXED["text"][4]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=64), max_size=20), st.data())
def test_floats_survive_csv_exactly(values, data):
    texts = data.draw(
        st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=len(values), max_size=len(values))
    )
    table = Table({"x": np.array(values, dtype=float), "s": texts})
    rows = list(csv.reader(io.StringIO("".join(csv_lines(table, raw=True)), newline="")))[1:]
    back = np.array([float(row[0] or "nan") for row in rows])
    np.testing.assert_array_equal(back, table["x"])
    assert [row[1] for row in rows] == texts


def test_data_frames(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = Table(MIXED).pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["number"].isna().tolist() == [False, True, False, False, False]
    for module, method in (("polars", "polars"), ("pyarrow", "arrow")):
        try:
            __import__(module)
        except ImportError:
            with pytest.raises(MissingExtraError, match="frames"):
                getattr(Table(MIXED), method)()
        else:
            assert len(getattr(Table(MIXED), method)()) == 5


def test_a_table_of_no_rows_keeps_its_types(tmp_path):
    write_parquet(tmp_path / "t", {"s": np.array([], dtype=object), "x": np.array([]), "n": np.array([], dtype=int)})
    types = duckdb.sql(f"describe select * from read_parquet('{tmp_path / 't'}')").fetchall()
    assert [(row[0], row[1]) for row in types] == [("s", "VARCHAR"), ("x", "DOUBLE"), ("n", "BIGINT")]
