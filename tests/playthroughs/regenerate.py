"""Write the transcripts again: ``python tests/playthroughs/regenerate.py``, then read the difference; it is the review."""

from __future__ import annotations

from pathlib import Path

from gamesim.testing.transcript import transcript

HERE = Path(__file__).parent

# File -> scenario, replicate, steps shown. Every episode is played to its end.
PLAYTHROUGHS: dict[str, tuple[str, int, int | None]] = {
    "paper_a_harsh_mixed": ("commons/paper_a_harsh_mixed", 0, 24),
    "govsim_fishery": ("commons/govsim_fishery", 0, 12),
    "inverse_trash": ("commons/inverse_trash", 0, 12),
    "ogw_10": ("commons/ogw_10", 0, 6),
    "leader": ("commons/leader", 0, 18),
    "public_good_with_fines": ("commons/vcm_punish", 0, 8),
    "grim_against_alternation": ("games/grim_against_alternation", 0, None),
    "reciprocity": ("games/reciprocity", 0, 30),
    "hats": ("games/hats_llm", 0, 8),
    "auction_learners": ("games/auction_learners", 0, 8),
    "stag_hunt": ("markov/stag_hunt", 0, 12),
}


def text(name: str) -> str:
    scenario, replicate, steps = PLAYTHROUGHS[name]
    return transcript(scenario, replicate=replicate, steps=steps)


def main() -> None:
    for name in PLAYTHROUGHS:
        (HERE / f"{name}.txt").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
