"""What may be said of runs on calibrated presets, and what not: the caveats, beside the figures they are about."""

from __future__ import annotations

import numpy as np

from gamesim_analysis.metrics.cells import dig

from ..blocks import Block, Note, Points, Section, Text
from ..study import Condition, Study
from .common import compares

_NOT_AUTHORS = "not the authors' values"

# F1-F4 of the paper on governing the commons by agents' own norms, in our words; F5 (mixed groups best in rich environments)
# is asserted nowhere: no parameter set that was tried gave all five.
FINDINGS = (
    "F1: once punishment stops, the stock declines faster.",
    "F2: a heavier fine generally lengthens survival for growth between 0.25 and 0.75, though not steadily.",
    "F3: in a harsh environment (growth 0.2) altruists last longer than the selfish.",
    "F4: in a rich environment (growth 0.6) the selfish last longer than altruists.",
)
_A = (
    "F3 and F4 hold under this preset, F2 and F1 under others; no parameter set that was tried gave all of the paper's findings at once.",
    "Punishment is nearly inert under this preset over its 60 rounds (see the fine rate beside each survival): differences between compositions come from "
    "effort and imitation, and are no evidence about enforcement.",
)
_RICH = (
    "At growth 0.6 full effort takes 0.30 of the stock a round, less than the extinction fraction 0.375: the stock cannot be exhausted, so "
    "that the selfish survive is built in.",
)
_B = ("F2 holds under this preset; it is about the fine and the growth rate, and says nothing about compositions.",)
_C = (
    "F1 holds under this preset for the stock. The first starvation comes earlier with punishment, not later (fines starve members): "
    "say “stock”, never “survival”.",
    "Part of the gap in stock is fewer mouths: where nobody starves it shrinks, but stays.",
)
_RULES = (
    "Among rule agents imitation, not voting, drives the ablation; whatever is said of voting is claimed for language models only, and is the paper's claim.",
)


@compares
def section(study: Study) -> Section | None:
    if study.environment != "commons":
        return None
    calibrated = any(_NOT_AUTHORS in str(s.get("provenance") or "") for s in study.scenarios)
    govsim = any(c.get("environment.growth.law") == "doubling_cap" for c in study.conditions)
    blocks: list[Block] = []
    if calibrated:
        blocks.append(
            Note(
                "The paper does not print catchability, consumption, initial wealth and six other values. Those used here were calibrated by gamesim; "
                "they are not the authors' values, and agreement with the paper's findings is agreement of this calibration only."
            )
        )
        presets = {p for c in study.conditions if (p := preset(c))}
        said = [*(_A if "A" in presets else ()), *(_RICH if "A" in presets and _rich(study) else ())]
        said += [*(_B if "B" in presets else ()), *(_C if "C" in presets else ()), *_RULES]
        blocks.append(Text("The paper's findings with rule agents that are checked by `check_findings`:"))
        blocks.append(Points(FINDINGS))
        blocks.append(Text("How far they carry here:"))
        blocks.append(Points(tuple(said)))
    if govsim:
        blocks.append(
            Note(
                "An efficiency of 100 in GovSim's sense is not the optimum: the score is clipped at the sustained yield, while a planner who knows the "
                "last month would take 650 where sustained yield gives 600."
            )
        )
    inert = _inert(study)
    if inert:
        blocks.append(Note(inert, "warning"))
    censored = _censored(study)
    if censored:
        blocks.append(Note(censored, "warning"))
    return Section("findings", "What may be concluded", tuple(blocks), order=1000) if blocks else None


def preset(condition: Condition) -> str | None:
    """Which calibrated preset a condition plays, by catchability, consumption and initial wealth."""
    key = (
        condition.get("environment.harvest.productivity"),
        condition.get("environment.upkeep.consumption"),
        condition.get("environment.upkeep.initial_wealth"),
    )
    known = {(0.03, 2.0, 10.0): "A", (0.05, 1.0, 100.0): "B", (0.04, 2.0, 40.0): "C"}
    try:
        return known.get(tuple(float(v) for v in key))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _rich(study: Study) -> bool:
    return any(c.get("environment.growth.rate") == 0.6 for c in study.conditions)


def _inert(study: Study) -> str:
    if "fines" not in study.episodes:
        return ""
    on = [c for c in study.conditions if dig(c.data, "environment.institutions.sanctions")]
    silent = [c.label for c in on if not np.nansum(study.measure("fines", c.index))]
    if not silent:
        return ""
    return f"Sanctions were on and nobody was fined in {len(silent)} of {len(on)} conditions ({', '.join(silent[:3])}{', …' if len(silent) > 3 else ''}): there they cannot explain anything."


def _censored(study: Study) -> str:
    if "censored" not in study.episodes or not study.n_episodes:
        return ""
    flags = study.episodes["censored"].astype(float)
    share = float(np.nanmean(flags))
    if not share > 0.5:
        return ""
    return (
        f"{share:.0%} of societies were still standing at the horizon. Their length of life is unknown beyond it, so that differences in mean "
        "life are bounded by the horizon, not by the societies."
    )
