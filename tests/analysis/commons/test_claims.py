"""The project's texts never claim what its sources and simulations do not carry.

Read: every sentence of the README, the documents, the scenarios, the notebooks, the report's templates, and every string
literal of the package (what commands, reports and docstrings can say). Each rule is first tried on sentences it must catch
and on honest ones it must leave alone.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gamesim.scenario.includes import read_document
from gamesim.yaml.node import plain

ROOT = next(p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").exists())
DENIAL = re.compile(
    r"\b(not|never|no|none|nobody|neither|nor|without|cannot|unlike|fails?|failed|false|open|unverified|only if|instead of|"
    r"rather than)\b|n't\b",
    re.I,
)


def _denied(sentence: str) -> bool:
    return bool(DENIAL.search(sentence))


def f5(sentence: str) -> bool:
    """F5 (mixed groups do best where the stock is rich) is asserted nowhere."""
    named = re.search(
        r"\bF5\b[^.]{0,60}\b(reproduc|hold|confirm|replicat|support|verif|show|obtain|recover|true|pass)",
        sentence,
        re.I,
    )
    ranged = re.search(
        r"\b(F1\s*(-|–|to|\.\.+)\s*F5|all five findings)\b[^.]{0,60}\b(reproduc|hold|confirm|replicat|pass)",
        sentence,
        re.I,
    )
    after = re.search(
        r"\b(reproduc\w*|confirm\w*|replicat\w*|verif\w*)\b[^.]{0,40}(\bF5\b|\bF1\s*(-|–|to)\s*F5\b)", sentence, re.I
    )
    words = re.search(
        r"\bmixed (groups|societies|populations)\b[^.]{0,40}\b(do|are|perform|survive|last)\b[^.]{0,20}\b(best|longest)\b",
        sentence,
        re.I,
    )
    return bool(named or ranged or after or words) and not _denied(sentence)


def authors_values(sentence: str) -> bool:
    """Our alpha, c and P(0) are calibrated; they are not the authors'."""
    said = re.search(
        r"\b(the )?(authors['’]|paper( A)?['’]s|original|published) (own )?(values?|parameters?|alpha|code)\b",
        sentence,
        re.I,
    )
    ours = re.search(r"\b(alpha|productivity|P\(0\)|initial[ _]wealth|consumption|presets?|our)\b", sentence, re.I)
    return bool(said and ours) and not _denied(sentence)


def human_percentage(sentence: str) -> bool:
    """No percentage of human play, all unverified, save the one that was read (Sustaining the Commons, p. 96)."""
    humans = re.search(
        r"\b(human (subjects|players|groups|data)|humans|participants|experimental subjects|Fehr|Gächter|Ostrom)\b",
        sentence,
        re.I,
    )
    percent = re.search(r"\d\s*(%|per ?cent)", sentence, re.I)
    return bool(humans and percent) and not re.search(r"p\.\s*96|unverified", sentence)


def ranking(sentence: str) -> bool:
    """No language model is said to beat another without its rate of invalid answers."""
    model = r"(gpt-?[\w.]+|claude[\w.-]*|deepseek[\w.-]*|llama[\w.-]*|qwen[\w.-]*|mistral[\w.-]*|gemini[\w.-]*)"
    beats = re.search(
        rf"\b{model}\b[^.]*\b(outperform\w*|beats?|is (the )?best|wins?|ranks? (first|highest))\b", sentence, re.I
    )
    return bool(beats) and "invalid" not in sentence.lower()


def efficiency_optimum(sentence: str) -> bool:
    """GovSim's efficiency is cut at sustained yield; 100 is no optimum (650 is, not 600)."""
    said = re.search(r"\befficiency\b[^.]{0,40}\b100\b", sentence, re.I) and re.search(
        r"\boptim(um|al)\b", sentence, re.I
    )
    total = re.search(r"\boptim(um|al)\b[^.]{0,40}\b600\b", sentence, re.I)
    return bool(said or total) and not _denied(sentence) and not re.search(r"\b(cut|clipped|650)\b", sentence, re.I)


def punishment_survival(sentence: str) -> bool:
    """F1 is about the stock; the first starvation comes earlier with punishment."""
    said = re.search(
        r"\b(F1|punishment|sanctions?|fines)\b[^.]{0,50}\b(raises?|improves?|increases?|lengthens?|prolongs?)\b[^.]{0,20}\bsurvival\b",
        sentence,
        re.I,
    )
    return bool(said) and not _denied(sentence) and not re.search(r"\bF2\b|stronger|larger|beta", sentence, re.I)


def ogd_beats(sentence: str) -> bool:
    """The two published numbers do not test the full system against OGD."""
    said = re.search(
        r"\bOGD\b[^.]*\b(beats?|outperform\w*|better than|exceeds?)\b[^.]*\b(full system|all mechanisms|complete system)\b",
        sentence,
        re.I,
    )
    return bool(said) and not _denied(sentence)


RULES: tuple[Callable[[str], bool], ...] = (
    f5, authors_values, human_percentage, ranking, efficiency_optimum, punishment_survival, ogd_beats,
)  # fmt: skip

CAUGHT = [
    (f5, "F5 reproduced"),
    (f5, "F5 holds under preset A"),
    (f5, "We reproduce F1-F5"),
    (f5, "All five findings are confirmed by the rule model"),
    (f5, "In rich lakes mixed groups do best"),
    (authors_values, "The presets use the authors' values of alpha and c"),
    (authors_values, "productivity: 0.03 is the paper's parameter"),
    (human_percentage, "Humans in Ostrom's laboratory reached 93% of the optimum"),
    (human_percentage, "Fehr and Gächter saw contributions of 40 per cent"),
    (ranking, "gpt-4o outperforms llama-3 in the fishery"),
    (efficiency_optimum, "An efficiency of 100 is the optimum"),
    (efficiency_optimum, "The optimum is 600 fish in twelve months"),
    (punishment_survival, "F1: punishment raises survival"),
    (ogd_beats, "OGD with selfish priors beat the full system, p<.001"),
]
HONEST = [
    "F5 is never asserted: no parameter set tried gave all of F1-F5",
    "calibrated by gamesim, not the authors' values",
    "10 tokens with repeated communication come near 100 % of the maximum (Sustaining the Commons, p. 96, Ostrom)",
    "gpt-4o ranks first, with 2 % invalid answers",
    "The optimum over twelve months is 650, and efficiency is clipped at 100",
    "F1: with punishment the stock stays higher",
    "F2: a stronger beta generally raises survival",
]


@pytest.mark.parametrize("rule, sentence", CAUGHT, ids=[s[:40] for _, s in CAUGHT])
def test_a_forbidden_claim_is_caught(rule, sentence):
    assert rule(sentence)


@pytest.mark.parametrize("sentence", HONEST, ids=[s[:40] for s in HONEST])
def test_an_honest_sentence_is_left_alone(sentence):
    assert not [rule.__name__ for rule in RULES if rule(sentence)]


def _sentences(text: str) -> Iterator[str]:
    """Sentences, list items and table rows, with wrapped lines joined."""
    for block in re.split(r"\n\s*\n|\n\s*(?=[-*|#]|\d+\. )", text):
        joined = re.sub(r"\s*\n\s*#?\s*", " ", block)
        yield from re.split(r"(?<=[.!?;])\s+", joined)


def _strings(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "0" for v in node.values)


def _texts(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from _strings(text)
    elif path.suffix == ".ipynb":
        for cell in json.loads(text)["cells"]:
            yield "".join(cell["source"])
            for output in cell.get("outputs", []):
                yield "".join(output.get("text", []) or output.get("data", {}).get("text/plain", []))
    else:
        yield text


def _files() -> list[Path]:
    found = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml")]
    for folder, suffixes in {
        "docs": {".md", ".rst", ".txt"},
        "scenarios": {".yaml", ".yml", ".md"},
        "notebooks": {".ipynb"},
        "benchmarks": {".py", ".md"},
        "gamesim": {".py", ".j2", ".html", ".yaml", ".js"},
        "agents": {".py", ".j2", ".yaml"},
        "analysis": {".py", ".j2", ".html", ".js", ".yaml"},
    }.items():
        found += [p for p in (ROOT / folder).rglob("*") if p.suffix in suffixes and ".ipynb_checkpoints" not in p.parts]
    return sorted(p for p in found if p.is_file())


def test_no_text_of_the_project_makes_a_forbidden_claim():
    files = _files()
    assert {"README.md", "bioeconomics.py"} <= {p.name for p in files}
    assert any(p.suffix == ".yaml" for p in files)
    made = [
        f"{path.relative_to(ROOT)}: {rule.__name__}: {sentence.strip()[:160]}"
        for path in files
        for text in _texts(path)
        for sentence in _sentences(text)
        for rule in RULES
        if rule(sentence)
    ]
    assert not made, "\n".join(made)


def test_every_preset_says_whose_values_it_holds():
    """A scenario that states alpha, c or P(0) of paper A's society, includes resolved, says that gamesim calibrated them."""
    paths = sorted((ROOT / "scenarios" / "commons").rglob("*.yaml"))
    mine = [p for p in paths if re.match(r"paper_a|punishment_shock|[abc]$", p.stem)]
    assert len(mine) > 20
    for path in mine:
        data = plain(read_document(path).root)
        assert data["provenance"] == "calibrated by gamesim, not the authors' values", path.name
