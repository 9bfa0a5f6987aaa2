"""How well a model turns descriptions into games, scored by the checker: pass@k, levels, cost, and what it may be compared with.

An attempt passes where its translation was accepted and is the reference under ISO-I or better, in the payoff mode of the
reference; of a text that leaves something open on purpose, where it also states an assumption of the kind expected; of a
text that is no game, where it says so. A score is equality with one reference, no more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

from gamesim.core.equivalence import LEVELS, compare
from gamesim.core.errors import MetricError, RecordError, Undecided, clean
from gamesim.run.models.broker import Broker
from gamesim_analysis.stats.intervals import bootstrap
from gamesim_analysis.stats.results import Interval

from .dataset import Dataset, DescribedGame
from .saving import spent_as_data
from .translate import Settings, Spent, Translation, translated

SAME_GAMES = "These are the games of the published table, scored here by the checker and there by hand."
OTHER_GAMES = "These are other games than those of the published table, whose descriptions are not part of gamesim: the scores cannot be compared."
SOURCE = "counted from the published folders of GameInterpreter (zczlsde/GameInterpreter at a0ffa6e); other games, other models, judged by hand"
# setting, model, correct of 55 with imperfect information, correct of 35 with perfect information, games of 18 solved at least once
PUBLISHED: tuple[tuple[str, str, int, int, int | None], ...] = (
    ("Baseline", "GPT-3.5", 0, 0, 0), ("Baseline", "GPT-4", 0, 13, 4), ("Baseline", "GPT-4o", 0, 15, 4),
    ("A", "GPT-3.5", 0, 0, 0), ("A", "GPT-4", 1, 27, 7), ("A", "GPT-4o", 9, 32, 9),
    ("B", "GPT-3.5", 1, 0, 1), ("B", "GPT-4", 2, 28, None), ("B", "GPT-4o", 9, 32, None),
    ("C", "GPT-3.5", 0, 0, 0), ("C", "GPT-4", 26, 24, 15), ("C", "GPT-4o", 33, 35, 17),
    ("D", "GPT-3.5", 1, 0, 1), ("D", "GPT-4", 27, 30, 15), ("D", "GPT-4o", 40, 35, 18),
)  # fmt: skip
DRAWS = 2000


def pass_at_k(attempts: int, passed: int, k: int) -> float:
    """The chance that one of ``k`` attempts drawn from those made is a pass: ``1 - C(m - c, k) / C(m, k)``.

    Raises
    ------
    MetricError
        For more attempts drawn than made.

    Examples
    --------
    >>> [pass_at_k(5, 2, k) for k in (1, 2, 3, 5)]
    [0.4, 0.7, 0.9, 1.0]
    """
    if not 1 <= k <= attempts or not 0 <= passed <= attempts:
        raise MetricError(f"pass@{k} of {attempts} attempts, {passed} of them passed, has no meaning.")
    return float(1 - Fraction(comb(attempts - passed, k), comb(attempts, k)))


@dataclass(frozen=True)
class Attempt:
    """One translation of one game, and what the checker says.

    Attributes
    ----------
    level : of the comparison with the reference; FAIL where no game was accepted, ``no_game`` where that is the answer.
    """

    game: str
    number: int
    status: str
    level: str
    passed: bool
    difference: str
    rounds: int
    repaired: int
    assumptions: int
    confidence: float
    spent: Spent

    def as_dict(self) -> dict[str, Any]:
        spent = spent_as_data(self.spent)
        return {**{k: v for k, v in vars(self).items() if k != "spent"}, **spent}


@dataclass(frozen=True)
class GameScore:
    """All attempts at one game; ``tags`` are read off the reference."""

    name: str
    tags: tuple[str, ...]
    attempts: tuple[Attempt, ...]

    @property
    def passed(self) -> int:
        return sum(attempt.passed for attempt in self.attempts)

    def pass_at(self, k: int) -> float:
        return pass_at_k(len(self.attempts), self.passed, k)


@dataclass(frozen=True)
class BenchResult:
    """Scores of one model on one data set."""

    dataset: str
    model: str
    settings: Settings
    games: tuple[GameScore, ...]
    published_games: bool = False

    @property
    def caveat(self) -> str:
        """What must stand beside the scores."""
        return SAME_GAMES if self.published_games else OTHER_GAMES

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(attempt for game in self.games for attempt in game.attempts)

    @property
    def spent(self) -> Spent:
        return sum((attempt.spent for attempt in self.attempts), Spent())

    def pass_at(self, k: int, games: Sequence[GameScore] | None = None) -> float:
        """Mean over games."""
        chosen = self.games if games is None else games
        return sum(game.pass_at(k) for game in chosen) / len(chosen)

    def interval(self, k: int) -> Interval:
        """95 %, games drawn again."""
        import numpy as np

        values = [game.pass_at(k) for game in self.games]
        return bootstrap(values, rng=np.random.default_rng(0), resamples=DRAWS)

    def levels(self) -> dict[str, int]:
        """Attempts on each level."""
        found = dict.fromkeys((*LEVELS, "no_game"), 0)
        for attempt in self.attempts:
            found[attempt.level] += 1
        return found

    def by_tag(self) -> dict[str, tuple[int, float]]:
        """Number of games and pass@1 by tag."""
        tags = list(dict.fromkeys(tag for game in self.games for tag in game.tags))
        having = {tag: [game for game in self.games if tag in game.tags] for tag in sorted(tags)}
        return {tag: (len(games), self.pass_at(1, games)) for tag, games in having.items()}

    def calibration(self) -> dict[float, tuple[int, float]]:
        """Of accepted translations, by confidence: how many, and the share that passed."""
        found: dict[float, list[bool]] = {}
        for attempt in self.attempts:
            if attempt.status == "accepted":
                found.setdefault(round(attempt.confidence, 3), []).append(attempt.passed)
        return {key: (len(values), sum(values) / len(values)) for key, values in sorted(found.items())}

    def as_dict(self) -> dict[str, Any]:
        made = len(self.games[0].attempts)
        scores = {}
        for k in sorted({1, min(5, made), made}):
            interval = self.interval(k)
            scores[f"pass@{k}"] = {"value": self.pass_at(k), "low": interval.low, "high": interval.high}
        return {
            "dataset": self.dataset,
            "by": self.model,
            "games": len(self.games),
            "attempts": made,
            "scores": scores,
            "levels": self.levels(),
            "tags": {tag: {"games": n, "pass@1": value} for tag, (n, value) in self.by_tag().items()},
            "calibration": [
                {"confidence": key, "accepted": n, "passed": share} for key, (n, share) in self.calibration().items()
            ],
            "spent": spent_as_data(self.spent),
            "rows": [attempt.as_dict() for attempt in self.attempts],
            "caveat": self.caveat,
            "published": {
                "source": SOURCE,
                "rows": [
                    {"setting": s, "model": m, "imperfect": i, "of_imperfect": 55, "perfect": p, "of_perfect": 35, "pass@1": (i + p) / 90,
                     "solved": n, "of_games": 18} for s, m, i, p, n in PUBLISHED
                ],
            },
        }  # fmt: skip


async def bench(
    dataset: Dataset,
    broker: Broker,
    model: str,
    settings: Settings,
    *,
    attempts: int = 5,
    on_attempt: Callable[[Attempt], None] = lambda attempt: None,
) -> BenchResult:
    """Translate every game of a set several times, all at once as the broker allows, and score what comes.

    Raises
    ------
    LimitReached
        Where the budget or a server ends it; the journal keeps what was asked, and the same bench goes on from there.
    """
    if not len(dataset):
        raise RecordError("the data set is empty.", where=clean(dataset.folder, 200))
    references = {name: entry.game() if entry.expected == "game" else None for name, entry in dataset.items()}

    async def one(entry: DescribedGame, number: int) -> Attempt:
        found = await translated(entry.text, broker, model, settings, unit=f"{entry.name} {number + 1} ")
        scored = score(entry, references[entry.name], found, number + 1)
        on_attempt(scored)
        return scored

    work = [one(entry, number) for entry in dataset.values() for number in range(attempts)]
    made = await asyncio.gather(*work)
    games = [
        GameScore(name, _tags(entry, references[name]), tuple(a for a in made if a.game == name))
        for name, entry in dataset.items()
    ]
    return BenchResult(
        clean(dataset.folder.name, 80), broker.desk(model).name, settings, tuple(games), _imported(dataset.folder)
    )


def score(entry: DescribedGame, reference: Any, found: Translation, number: int = 1) -> Attempt:
    """One translation against its reference.

    Raises
    ------
    LimitReached
        If the translation was stopped: half an answer is no score.
    """
    if found.status == "stopped":
        from gamesim.run.models.budget import BudgetExceeded

        raise BudgetExceeded(f"{found.reason or 'stopped.'}", hint="The same command goes on, with a larger limit.")
    level, passed, difference = "FAIL", False, found.reason
    if found.status == "no_game":
        level, passed = ("no_game", True) if entry.expected == "no_game" else ("FAIL", False)
    elif found.status == "accepted" and found.game is not None and reference is not None:
        try:
            verdict = compare(reference, found.game, payoffs=entry.payoff_mode, constraints=entry.constraints)
            level, passed, difference = verdict.level, verdict.passed, verdict.difference
            silent = sorted(set(entry.expected_assumptions) - {one.kind for one in found.assumptions})
            if passed and silent:
                passed, difference = (
                    False,
                    f"the text leaves something open, and no assumption of kind {silent[0]} is stated",
                )
        except Undecided as reason:
            level, difference = "LOADS", f"undecided: {reason.message}"
    rounds = [len(sample.rounds) for sample in found.samples]
    return Attempt(
        entry.name, number, found.status, level, passed, clean(difference, 300), max(rounds),
        sum(sample.repaired for sample in found.samples), len(found.assumptions), found.confidence, found.spent,
    )  # fmt: skip


def _tags(entry: DescribedGame, game: Any) -> tuple[str, ...]:
    if game is None:
        return ("no game",)
    size = "up to 10 nodes" if game.size <= 10 else "11 to 30 nodes" if game.size <= 30 else "over 30 nodes"
    perfect = all(len(members) == 1 for members in game.members)
    return (
        "perfect information" if perfect else "imperfect information",
        *(["chance"] if game.chances else []),
        f"{game.n} player{'s' if game.n > 1 else ''}",
        size,
        f"payoffs {entry.payoff_mode}",
    )


def _imported(folder: Path) -> bool:
    """Whether an importer made the set from the published folders."""
    try:
        return bool(json.loads((folder / "source.json").read_text("utf-8"))["importer"] == "gameinterpreter")
    except (OSError, ValueError, KeyError, TypeError):
        return False
