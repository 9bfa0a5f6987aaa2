"""Bad and hostile YAML: the right complaint at the right place, quickly; and what plain scalars mean."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import ScenarioError
from gamesim.yaml.source import YamlLimits, load_yaml


def bomb() -> str:
    """Nine levels of nine aliases: 442 bytes, 4,412,961,516 nodes."""
    lines = ["a: &a [" + ", ".join(["x"] * 9) + "]"]
    for above, name in zip("abcdefghi", "bcdefghij", strict=True):
        lines.append(f"{name}: &{name} [" + ", ".join([f"*{above}"] * 9) + "]")
    return "\n".join(lines) + "\n"


BAD = {
    "empty": ("", "<text>:1:1: the file is empty."),
    "only comments": ("# nothing\n\n", "<text>:1:1: the file is empty."),
    "tab": ("a:\n\tb: 1\n", "<text>:2:1: a tab cannot indent. Use spaces."),
    "duplicate": ("a: 1\nb: 2\na: 3\n", "<text>:3:1: 'a' is set twice (first at line 1). Keep one."),
    "duplicate below": ("x:\n  a: 1\n  a: 2\n", "<text>:3:3: 'a' is set twice (first at line 2). Keep one."),
    "duplicate in flow": ("x: {a: 1, a: 2}", "<text>:1:11: 'a' is set twice (first at line 1). Keep one."),
    "bomb": (bomb(), "<text>:1:1: aliases expand to 4,412,961,516 nodes; the limit is 10,000."),
    "self": ("a: &a [*a]", "<text>:1:8: alias '*a' stands inside what it names."),
    "self in a mapping": ("a: &a {b: {c: *a}}", "<text>:1:15: alias '*a' stands inside what it names."),
    "unknown alias": ("a: *b", "<text>:1:4: alias '*b' has no anchor '&b' before it."),
    "many aliases": ("a: &a 1\nb: [" + ", ".join(["*a"] * 257) + "]", "more than 256 aliases."),
    "deep by alias": ("a: &a " + "[" * 20 + "]" * 20 + "\nb: " + "[" * 20 + "*a" + "]" * 20, "<text>:2:24: nested deeper than 32 levels."),
    "60,000 brackets": ("[" * 60_000, "<text>:1:33: nested deeper than 32 levels."),
    "200,000 brackets": ("[" * 200_000, "<text>: larger than 128 KiB."),
    "60,000 braces": ("{" * 60_000, "<text>:1:2: a key must be text"),
    "300 blocks": ("".join(" " * i + "a:\n" for i in range(300)), "<text>:33:33: nested deeper than 32 levels."),
    "python object": ("a: !!python/object:os.system x", "<text>:1:4: tag '!!python/object:os.system' is not read."),
    "own tag": ("a: !foo {b: 1}", "<text>:1:4: tag '!foo' is not read."),
    "standard tag": ("a: !!str 1", "<text>:1:4: tag '!!str' is not read."),
    "bare tag": ("a: ! x", "<text>:1:4: tag '!' is not read."),
    "two documents": ("a: 1\n---\nb: 2\n", "<text>:2:1: a second document begins."),
    "end and more": ("a: 1\n...\nb: 2\n", "<text>:3:1: a second document begins."),
    "YAML 1.1": ("%YAML 1.1\n---\na: no\n", "<text>:1:1: directive '%YAML 1.1' is not read. Scenarios are YAML 1.2."),
    "YAML 1.3": ("%YAML 1.3\n---\na: no\n", "<text>:1:1: directive '%YAML 1.3' is not read."),
    "tag directive": ("%TAG ! tag:x,2000:\n---\na: 1\n", "<text>:1:1: directive '%TAG ! tag:x,2000:' is not read."),
    "5,000 digits": ("a: " + "9" * 5_000, "<text>:1:4: a whole number of 5,000 digits; the limit is 100."),
    "101 digits": ("a: -" + "9" * 101, "<text>:1:4: a whole number of 101 digits; the limit is 100."),
    "nan": ("a: [1, .nan]", "<text>:1:8: '.nan' is not a finite number."),
    "inf": ("a: -.inf", "<text>:1:4: '-.inf' is not a finite number."),
    "overflow": ("a: 1e999", "<text>:1:4: '1e999' is too large a number."),
    "NUL": ("a: x\0y", "<text>:1:5: character U+0000 may not stand in a YAML file."),
    "escape": ("a: 1\nb: \x1b[31m", "<text>:2:4: character U+001B may not stand in a YAML file."),
    "lone surrogate": ("a: \ud800", "<text>:1:4: character U+D800 may not stand in a YAML file."),
    "escaped surrogate": ('a: "\\ud800"', "<text>:1:4: character U+D800 may not stand in a scenario."),
    "inner BOM": ("a: \ufeff1", "<text>:1:4: character U+FEFF may not stand in a YAML file."),
    "list as key": ("? [a]\n: 1\n", "<text>:1:3: a key must be text, not a list or a mapping."),
    "empty key": (": 1\n", "<text>:1:1: a key is missing before ':'."),
    "open list": ("a: [1, 2", "the file ends inside a list or a mapping."),
    "open quote": ('a: "b\n', "a quoted text is never closed."),
    "indentation": ("a: 1\n  b: 2\n", "<text>:2:4: a ':' where no key can stand."),
    "outdent": ("a:\n   b: 1\n  c: 2\n", "<text>:3:3: indented differently from the lines above it."),
    "merge a number": ("x: {<<: 3}", "<text>:1:9: '<<' merges mappings only."),
    "long text": ("a: " + "x" * 70_000, "<text>:1:4: text longer than 64 KiB."),
    "long key": ("x" * 70_000 + ": 1", "text longer than 64 KiB."),
    "10,001 nodes": ("a:\n" + "- 1\n" * 9_999, "more than 10,000 nodes."),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=str)
def test_bad_yaml_is_refused_at_its_place_and_at_once(case: str) -> None:
    text, message = BAD[case]
    began = time.process_time()
    with pytest.raises(ScenarioError) as caught:
        load_yaml(text)
    assert time.process_time() - began <= 2
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_the_bomb_costs_a_fifth_of_a_second_at_most() -> None:
    load_yaml("warm: up")
    assert len(bomb()) <= 460
    began = time.process_time()
    with pytest.raises(ScenarioError, match="4,412,961,516"):
        load_yaml(bomb())
    assert time.process_time() - began <= 0.2


@pytest.mark.parametrize(
    "text",
    [
        "? " * 60_000, "- " * 60_000, "a\n" * 60_000, "'" * 120_000, "&a " * 40_000, "{" + "a, " * 40_000, "#x\n" * 40_000, "\n" * 128_000,
        "a: |\n" + " \n" * 60_000, "! " * 60_000, '"' + "\\x41" * 30_000 + '"', "a: >\n" + "  x\n" * 30_000, "[" + "a " * 60_000,
        "a: " + "\t" * 120_000 + "1", "*a " * 30_000, "a: [" + "1," * 9_990 + "1]", "".join(f"k{i}: 1 # c\n" for i in range(4_990)),
        "a: " + " " * 120_000 + "1", "[" + "{a: 1}," * 4_000 + "]", "%" * 120_000, ": " * 60_000, "a:\n" + "# x\n" * 30_000 + "  b: 1",
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_any_file_within_the_size_loads_or_is_refused_in_two_seconds(text: str) -> None:
    tracemalloc.start()
    began = time.process_time()
    with contextlib.suppress(ScenarioError):
        load_yaml(text)
    spent = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent <= 8  # tracing costs about four times the two seconds that are promised
    assert peak <= 512 * 2**20


def test_plain_scalars_by_the_core_schema() -> None:
    text = "a: no\nb: 1e3\nc: 012\nd: 12:30:00\ne: 2020-01-01\nf: 0x1f\ng: 1_000\nh: ~\ni: TRUE\nj: yes\nk: .5\nl: 0o17\nm: -3\nn:\no: '7'\n"
    assert load_yaml(text).data == {
        "a": "no", "b": 1000.0, "c": 12, "d": "12:30:00", "e": "2020-01-01", "f": 31, "g": "1_000", "h": None, "i": True, "j": "yes",
        "k": 0.5, "l": 15, "m": -3, "n": None, "o": "7",
    }  # fmt: skip
    assert isinstance(load_yaml("b: 1e3").data["b"], float)


def test_aliases_and_merge_keys_work() -> None:
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {c: 4, a: 9}]}\nw: [*x, *x]\n"
    data = load_yaml(text).data
    assert data["y"] == {"a": 1, "b": 3}
    assert data["z"] == {"a": 1, "b": 2, "c": 4}
    assert data["w"] == [{"a": 1, "b": 2}] * 2


def test_every_key_and_value_knows_its_place() -> None:
    found = load_yaml("a: 1\nb:\n  - x\n  - {c: 2,   d: [3]}\n", name="f.yaml")
    assert found.place(("a",)) == "f.yaml:1:4"
    assert found.place(("a",), key=True) == "f.yaml:1:1"
    assert found.place(("b", 1, "d"), key=True) == "f.yaml:4:14"
    assert found.place(("b", 1, "d", 0)) == "f.yaml:4:18"
    assert found.place(("b", 7)) is None


def test_a_byte_order_mark_and_carriage_returns_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb:\r\n  c: 2\r\n")
    found = load_yaml(path)
    assert found.data == {"a": 1, "b": {"c": 2}}
    assert found.place(("b", "c")) == f"{path}:3:6"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a: 1".encode("utf-16"), ":1:1: the file is UTF-16."),
        (b"a: 1\nb: \xff", ":2:4: byte 0xff is not UTF-8."),
        (b"a: \xed\xa0\x80", ":1:4: byte 0xed is not UTF-8."),
        (b"a" * (128 * 1024 + 1), ": larger than 128 KiB."),
        (b"\x00\x01\x02", ":1:1: character U+0000 may not stand"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    with pytest.raises(ScenarioError) as caught:
        load_yaml(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_what_is_not_a_readable_file(tmp_path: Path) -> None:
    import os

    with pytest.raises(ScenarioError, match="is a directory"):
        load_yaml(tmp_path)
    with pytest.raises(ScenarioError, match="no such file"):
        load_yaml(tmp_path / "absent.yaml")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ScenarioError, match="not a regular file"):
        load_yaml(tmp_path / "pipe")


def test_limits_can_be_narrowed() -> None:
    with pytest.raises(ScenarioError, match="more than 3 nodes"):
        load_yaml("a: [1, 2]", limits=YamlLimits(nodes=3))


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_data_or_our_error(text: str) -> None:
    with contextlib.suppress(ScenarioError):
        load_yaml(text)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                ":",
                " ",
                "\n",
                "-",
                "[",
                "]",
                "{",
                "}",
                "&x",
                "*x",
                "<<",
                "?",
                "|",
                "'",
                '"',
                "#",
                ",",
                "1",
                "!",
                "%",
            ]
        ),
        max_size=40,
    )
)
def test_any_punctuation_gives_data_or_our_error(parts: list[str]) -> None:
    with contextlib.suppress(ScenarioError):
        load_yaml("".join(parts))
