"""Levine's hats: the team's score beside what known strategies reach."""

from __future__ import annotations

from gamesim.envs.team.levine_hats import BEST, Ceiling
from gamesim_analysis.metrics.team_score import KIND, ceilings_of

from ..blocks import Figure, Note, Panel, Section, Table, Text, Value
from ..charts import FULL, PHONE, Mark, dots
from ..numbers import Estimate, mean_interval, number, thinned
from ..study import Study
from .common import BRACKETS, by_condition, compares

CLAIMS = (
    "No upper bound is claimed beyond stacks of three hats: values marked as lower bounds were reached by somebody, and better is not ruled out. A score "
    "above one of them is a finding only where its whole interval is. With uncountable stacks the value is 1/2."
)

TALK = (
    "Members talk in this run. Talk after the stacks are seen tells everybody their own hats: it is another game, which can always "
    "be won, and the values above are not for it."
)


@compares
def section(study: Study) -> Section | None:
    """Score of each condition, the values of known strategies, and the best that is known."""
    if study.environment != KIND or "score" not in study.episodes:
        return None
    scores = [mean_interval(study.measure("score", c.index)) for c in study.conditions]
    known = [ceilings_of(c.get("environment")) for c in study.conditions]
    names = list(dict.fromkeys(ceiling.name for own in known for ceiling in own))
    bounds = {ceiling.name for own in known for ceiling in own if ceiling.kind != "exact"}
    columns: dict[str, list[Value]] = {"n": [e.n for e in scores], "score": list(scores)}
    for name in names:
        head = f"{name} (≥)" if name in bounds else name
        columns[head] = [next((float(k.value) for k in own if k.name == name), None) for own in known]
    marks = [Mark(study.name(i), scores[i].value, scores[i].low, scores[i].high, 0) for i in thinned(len(scores), 16)]
    worth: tuple[Table, ...] = ()
    if len(set(known)) == 1:
        marks += [Mark(k.name, float(k.value), index=1 if k.kind == "exact" else 2) for k in known[0]]
        rows = tuple((k.name, str(k.value), float(k.value), k.kind) for k in known[0])
        worth = (Table(("strategy", "value", "as a decimal", "what that is"), rows, "What is known of this game"),)
    panel = [dots(marks, "share of rounds won", size) for size in (FULL, PHONE)]
    table = by_condition(study, columns, "Score in figures", f"Share of rounds won; n is episodes. {BRACKETS} (≥): a lower bound.")  # fmt: skip
    figure = Figure(
        "Score of the team",
        "Share of rounds won. " + "; ".join(f"{m.label}: {number(m.value)}" for m in marks) + ".",
        "Dots with bars are means over episodes with 95 % intervals (Student's t); dots without are values of known strategies.",
        (Panel(panel[0], narrow=panel[1]),),
        table,
    )
    notes = [Note(CLAIMS)]
    if any(c.get("language.communication") for c in study.conditions):
        notes.append(Note(TALK, "warning"))
    lead = () if study.several else (Text(_sentence(scores[0], known[0]), lead=True),)
    return Section("team-score", "The team's score and what is known", (*lead, figure, *worth, *notes), order=350)


def _sentence(score: Estimate, known: tuple[Ceiling, ...]) -> str:
    text = f"The team won {score} of its rounds"
    passed = [k for k in known if score.bounded and score.low > k.value]
    if passed:
        highest = max(passed, key=lambda k: k.value)
        text += f", more than {highest.name} ({number(float(highest.value))})"
    best = next((k for k in known if k.name == BEST), known[-1])
    return f"{text}; {best.name} is {number(float(best.value))} ({best.kind})."
