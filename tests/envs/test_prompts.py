"""The renderer: values enter as values, nothing is executed, numbers have one form."""

from pathlib import Path

import pytest

from gamesim.core.errors import ScenarioError
from gamesim.core.registry import build
from gamesim.envs.prompts import CAP, PromptError, Prompts, render, said, sections

HOSTILE = [
    "{{ ''.__class__.__mro__ }}", "{{ range(10**9)|list }}", "{{ x.append(1) }}", "{{ x.clear() }}", "{{ 'a' * 10**9 }}", "{{ 2 ** 9 }}",
    "{{ missing }}", "{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{{ x|center(10**6) }}", "{{ self.__init__ }}",
    "{{ cycler.__init__.__globals__ }}", "{% for a in y %}{% for b in y %}aaaaaaaaaaaaaaaaaaaa{% endfor %}{% endfor %}", "{{ none }}",
    "{% if",
]  # fmt: skip


@pytest.mark.parametrize("template", HOSTILE)
def test_what_a_template_may_not_do(template: str) -> None:
    with pytest.raises(PromptError):
        render(template, {"x": [1, 2], "y": list(range(200)), "none": None})


def test_values_are_never_templates() -> None:
    assert render("{{ me }} {{ text }}", {"me": "{{7*7}}", "text": "{% raw %}<b>&"}) == "{{7*7}} {% raw %}<b>&"


def test_output_has_a_cap() -> None:
    assert len(render("{{ x }}", {"x": "a" * CAP})) == CAP
    with pytest.raises(PromptError, match="64 KiB"):
        render("{{ x }}", {"x": "é" * (CAP // 2 + 1)})


def test_numbers_have_one_form() -> None:
    shown = [said(x) for x in (0, 5.0, 0.1234567, 123456.7, 1e-12, -3.0, 2.5, 1e16, True, [1.5, "a"], 99.99999)]
    assert shown == ["0", "5", "0.1235", "123500", "0", "-3", "2.5", "10000000000000000", "yes", "1.5, a", "100"]
    for missing in (None, float("nan"), float("inf")):
        with pytest.raises(PromptError):
            said(missing)


def test_blank_lines_go() -> None:
    assert render("a\n\n{% if false %}x{% endif %}\n  \nb  ", {}) == "a\nb"


def test_files_are_rows_of_sections(tmp_path: Path) -> None:
    (tmp_path / "xx").mkdir()
    file = tmp_path / "xx" / "0.txt"
    file.write_text("=== one\nhello {{ name }}\n=== two\nbye\n")
    prompts = Prompts(tmp_path, "xx")
    assert prompts.names == ["one", "two"]
    assert prompts.places("one") == {"name"}
    assert prompts.render("one", {"name": "you"}) == "hello you"
    with pytest.raises(PromptError, match="Did you mean 'two'"):
        prompts.render("tow", {})
    with pytest.raises(ScenarioError, match="There are: xx"):
        Prompts(tmp_path, "en")
    for text in ("=== a\n=== a\n", "before\n=== a\n"):
        other = tmp_path / f"{len(text)}.txt"
        other.write_text(text)
        with pytest.raises(PromptError):
            sections(other)


def test_an_agents_name_prints_literally() -> None:
    config = build("environments", {"kind": "matrix", "payoffs": [[1, 2]], "actions": [["{{7*7}}", "b"]], "horizon": 2})
    environment = config.build()
    observations, _ = environment.reset(seed=0)
    describer = config.describer()
    agent = config.seats()[0]
    description = describer.describe(observations[agent], agent)
    text = Prompts(describer.prompts, "en", 0).render("choose", description.slots)
    assert "{{7*7}}" in text
