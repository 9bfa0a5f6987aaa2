"""What paper A finds about its rule agents, checked on our model: effect, interval, verdict and caveat for F1 to F4.

Paper A (arXiv 2510.14401) gives no alpha, c or P(0); the presets are calibrated by gamesim and are not the authors'
values. There is no entry for the claim that mixed societies do best where the stock is rich: no parameter set tried
shows it together with the others, so it is never asserted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray
from gamesim.core.errors import UnknownKindError
from gamesim.core.policy import AgentSpec
from gamesim_analysis.stats.paired import paired_effect

from .societies import Society, first_death, floats, play, society_of

if TYPE_CHECKING:
    from gamesim.run.record import Record
    from gamesim.run.tables import Table

AGENT = "commons.paper_abm"
HARSH, RICH = 0.2, 0.6
FINES = (10.0, 14.0)  # paper A's punishment shock
NOT_THE_AUTHORS = "Parameters are calibrated by gamesim, not the authors' values."
Verdict = Literal["holds", "fails", "open"]

OF_PRESET = {"A": ("F3", "F4"), "B": ("F2",), "C": ("F1",)}


@dataclass(frozen=True)
class Line:
    """One contrast.

    Attributes
    ----------
    finding : F1 to F4.  role : ``claim`` decides the verdict of the finding; ``companion`` is printed with it.
    contrast : what was subtracted from what, on shared draws.
    expected : sign of the effect if the finding holds; 0 for a companion that may go either way.
    effect, lower, upper, n : mean paired difference with its 95 % interval.
    scale : standard deviation of the paired differences; None with one pair.
    means : the compared means.
    """

    finding: str
    role: Literal["claim", "companion"]
    statement: str
    contrast: str
    unit: str
    expected: int
    effect: float
    lower: float | None
    upper: float | None
    n: int
    scale: float | None
    means: tuple[float, float]
    caveat: str = ""

    @property
    def verdict(self) -> Verdict:
        """Whether the whole interval lies on the expected side of zero (``holds``), on the other (``fails``), or neither."""
        if self.lower is None or self.upper is None or self.expected == 0:
            return "open"
        low, high = (self.lower, self.upper) if self.expected > 0 else (-self.upper, -self.lower)
        return "holds" if low > 0 else "fails" if high < 0 else "open"

    @property
    def score(self) -> float | None:
        """Effect in the expected direction over its standard error; None where it has none."""
        if not self.scale:
            return None
        return float((self.expected or 1) * self.effect / (self.scale / np.sqrt(self.n)))


@dataclass(frozen=True)
class Findings:
    """The lines of all findings checked, with what shows whether the institutions did anything at all.

    Attributes
    ----------
    fine_rates : label -> fines an agent-round.
    censored : share of all runs behind the claims that reached their horizon.
    deaths : share of all their agents that died.
    """

    lines: tuple[Line, ...]
    fine_rates: Mapping[str, float] = field(default_factory=dict)
    censored: float = float("nan")
    deaths: float = float("nan")
    notes: tuple[str, ...] = ()

    def claims(self, finding: str) -> list[Line]:
        return [line for line in self.lines if line.finding == finding and line.role == "claim"]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({line.finding for line in self.lines}))

    def verdict(self, finding: str) -> Verdict:
        """``holds`` if every claim does, ``fails`` if one does, else ``open``."""
        verdicts = {line.verdict for line in self.claims(finding)}
        return "fails" if "fails" in verdicts else "open" if "open" in verdicts or not verdicts else "holds"

    def score(self, finding: str) -> float:
        """The weakest claim's effect over its standard error; NaN where a claim has none."""
        scores = [line.score for line in self.claims(finding)]
        return float(min(s if s is not None else np.nan for s in scores)) if scores else float("nan")

    def table(self) -> Table:
        """One row a contrast: finding, role, statement, contrast, effect, lower, upper, n, unit, verdict, caveat."""
        from gamesim.run.tables import Table

        names = (
            "finding",
            "role",
            "statement",
            "contrast",
            "effect",
            "lower",
            "upper",
            "n",
            "unit",
            "verdict",
            "caveat",
        )
        columns: dict[str, list[Any]] = {name: [getattr(line, name) for line in self.lines] for name in names}
        columns["verdict"] = [line.verdict if line.expected else "companion" for line in self.lines]
        columns["finding_verdict"] = [self.verdict(line.finding) for line in self.lines]
        for index, name in enumerate(("mean_first", "mean_second")):
            columns[name] = [line.means[index] for line in self.lines]
        return Table(columns)


FindingsTable = Findings


def check_findings(source: Record | Society | str, *, replicates: int = 400, seed: int = 0) -> FindingsTable:
    """Check paper A's findings F1 to F4 about rule agents.

    Parameters
    ----------
    source : ``A`` (F3, F4), ``B`` (F2), ``C`` (F1), ``presets`` (each finding under its preset); or a record or a society, whose own
        environment parameters are then used for all four.
    replicates : societies a condition; every contrast is paired over the same draws.

    Returns
    -------
    The table; it has no entry for F5 (see the module).
    """
    if isinstance(source, str):
        if source == "presets":
            parts = [check_findings(name, replicates=replicates, seed=seed) for name in OF_PRESET]
            return joined(parts)
        if source not in OF_PRESET:
            raise UnknownKindError.named("preset", source, [*OF_PRESET, "presets"])
        return findings_of(preset(source), OF_PRESET[source], replicates=replicates, seed=seed)
    if isinstance(source, Society):
        base = source
    else:
        from gamesim_analysis.metrics.cells import cells

        base = Society(dict(cells(source)[0].data["environment"]), ())
    return findings_of(base, tuple(CHECKS), replicates=replicates, seed=seed)


@cache
def preset(name: str) -> Society:
    """The society of ``scenarios/commons/presets``: its environment, ten seats of the general population."""
    from gamesim.scenario.resolve import load_scenario

    return society_of(load_scenario(f"commons/presets/{name.lower()}").data)


def agent(init: str, punish_init: str = "table3") -> AgentSpec:
    """Paper A's rule agent of one type."""
    return AgentSpec(AGENT, {"init": init, "punish_init": punish_init})


def findings_of(
    base: Society,
    names: tuple[str, ...],
    *,
    replicates: int,
    seed: int,
    punish_init: str = "table3",
    players: int | None = None,
) -> Findings:
    """Check some findings with a society's environment parameters; growth rate, horizon, collapse and agents are the finding's."""
    bench = _Bench(base, replicates, seed, punish_init, players or int(base.environment.get("players", 10)))
    lines = [line for name in names for line in CHECKS[name](bench)]
    return Findings(
        tuple(lines), dict(bench.fine_rates), bench.share("censored"), bench.share("died"), tuple(bench.notes)
    )


def joined(parts: list[Findings]) -> Findings:
    """Several checks as one table, F1 first."""
    lines = sorted((line for part in parts for line in part.lines), key=lambda line: line.finding)
    rates = {label: rate for part in parts for label, rate in part.fine_rates.items()}
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return Findings(
        tuple(lines),
        rates,
        float(np.nanmean([p.censored for p in parts])),
        float(np.nanmean([p.deaths for p in parts])),
        notes,
    )


class _Bench:
    """Plays conditions once each and remembers fines, censoring and deaths."""

    def __init__(self, base: Society, replicates: int, seed: int, punish_init: str, players: int) -> None:
        self.base, self.replicates, self.seed, self.punish_init, self.players = (
            base,
            replicates,
            seed,
            punish_init,
            players,
        )
        self.fine_rates: dict[str, float] = {}
        self.notes: list[str] = []
        self._played: dict[str, Mapping[str, AnyArray]] = {}
        self._shares: dict[str, list[float]] = {"censored": [], "died": []}

    def __call__(self, label: str, init: str, *, counted: bool = True, **values: Any) -> Mapping[str, AnyArray]:
        """Outcomes under environment values (dots written ``__``); ``init``: general, altruistic, selfish, mixed."""
        if label not in self._played:
            played = play(self.society(init, **values), self.replicates, self.seed)
            self._played[label] = played
            self.fine_rates[label] = fine_rate(played)
            if counted:
                self._shares["censored"].append(float(floats(played, "censored").mean()))
                self._shares["died"].append(1 - float(floats(played, "alive_final").mean()) / self.players)
        return self._played[label]

    def society(self, init: str, **values: Any) -> Society:
        half = self.players // 2
        types = {"mixed": (("altruistic", self.players - half), ("selfish", half))}.get(init, ((init, self.players),))
        members = [(agent(kind, self.punish_init), count) for kind, count in types]
        return self.base.of(*members).with_values(**values)

    def share(self, name: str) -> float:
        values = self._shares[name]
        return float(np.mean(values)) if values else float("nan")

    def line(
        self,
        finding: str,
        contrast: str,
        first: FloatArray,
        second: FloatArray,
        *,
        expected: int,
        unit: str = "rounds",
        caveat: str = "",
        role: Literal["claim", "companion"] = "claim",
    ) -> Line:
        found = paired_effect(first, second)
        scale = float((first - second).std(ddof=1)) if len(first) > 1 else None
        effect = float((first - second).mean())
        return Line(
            finding, role, STATEMENTS[finding], contrast, unit, expected, effect, found.effect.low, found.effect.high,
            len(first), scale, (float(first.mean()), float(second.mean())), caveat,
        )  # fmt: skip


def fine_rate(outcome: Mapping[str, AnyArray]) -> float:
    """Fines an agent-round over all episodes."""
    return float(floats(outcome, "fines").sum() / floats(outcome, "agent_rounds").sum())


STATEMENTS = {
    "F1": "With punishment disabled after round 15 the stock declines faster.",
    "F2": "A larger fine generally raises survival, not linearly.",
    "F3": "Where the stock regrows slowly (r = 0.2), altruists survive longer than selfish agents.",
    "F4": "Where it regrows fast (r = 0.6), selfish agents survive longer than altruists.",
}


def _f1(bench: _Bench) -> list[Line]:
    lines = []
    horizon = 60
    common: dict[str, Any] = {"growth__rate": RICH, "collapse": "stock", "horizon": horizon}
    caveat = f"{NOT_THE_AUTHORS} Say stock, never survival: the first starvation comes earlier with punishment, as fines starve agents."
    for fine in FINES:
        rules = {**common, "institutions__sanctions__fine": fine}
        on = bench(f"F1 fine {fine:g} on", "general", **rules)
        off = bench(f"F1 fine {fine:g} off", "general", **rules, institutions__sanctions__disable_at=15)
        lines.append(
            bench.line("F1", f"fine {fine:g}: stock after round {horizon}, punishment on - disabled at 15",
                       floats(on, "stock_final"), floats(off, "stock_final"), expected=1, unit="fish", caveat=caveat)
        )  # fmt: skip
        lines.append(
            bench.line("F1", f"fine {fine:g}: round of the first death (horizon if none), on - disabled",
                       first_death(on, horizon), first_death(off, horizon), expected=0, role="companion",
                       caveat="Earlier deaths with punishment: survival and stock disagree.")
        )  # fmt: skip
        fed = {**rules, "upkeep__starvation": "none"}
        kept = bench(f"F1 fine {fine:g} on, nobody starves", "general", counted=False, **fed)
        bare = bench(
            f"F1 fine {fine:g} off, nobody starves",
            "general",
            counted=False,
            **fed,
            institutions__sanctions__disable_at=15,
        )
        lines.append(
            bench.line("F1", f"fine {fine:g}: the same where the dead still fish",
                       floats(kept, "stock_final"), floats(bare, "stock_final"), expected=0, unit="fish", role="companion",
                       caveat="Part of the gap is fewer mouths: with the dead still fishing it shrinks but stays.")
        )  # fmt: skip
    return lines


def _f2(bench: _Bench) -> list[Line]:
    lines = []
    times: dict[tuple[float, float], FloatArray] = {}

    def survival(rate: float, fine: float) -> FloatArray:
        if (rate, fine) not in times:
            played = bench(
                f"F2 r {rate:g} fine {fine:g}", "general", growth__rate=rate, collapse="first_death", horizon=100,
                institutions__sanctions__fine=fine,
            )  # fmt: skip
            times[rate, fine] = floats(played, "T_s")
        return times[rate, fine]

    for rate in (0.2, 0.4):
        for high, low in ((6.0, 0.0), (18.0, 6.0)):
            lines.append(bench.line("F2", f"r {rate:g}: T_s at fine {high:g} - fine {low:g}",
                                    survival(rate, high), survival(rate, low), expected=1, caveat=NOT_THE_AUTHORS))  # fmt: skip
    lines.append(bench.line("F2", "r 0.8: T_s at fine 18 - fine 0", survival(0.8, 18.0), survival(0.8, 0.0), expected=0, role="companion",
                            caveat="Where the stock regrows fastest, large fines shorten survival."))  # fmt: skip
    best = max((6.0, 10.0, 14.0), key=lambda fine: survival(0.6, fine).mean())
    lines.append(bench.line("F2", f"r 0.6: T_s at fine {best:g}, the best of 6, 10, 14, - fine 0",
                            survival(0.6, best), survival(0.6, 0.0), expected=0, role="companion",
                            caveat="Not linear: the best fine lies inside; being picked as the best flatters it a little."))  # fmt: skip
    lines.append(
        bench.line(
            "F2",
            "r 0.6: T_s at fine 18 - fine 0",
            survival(0.6, 18.0),
            survival(0.6, 0.0),
            expected=0,
            role="companion",
        )
    )
    return lines


KINDS = ("altruistic", "mixed", "selfish")
PAPER_HORIZON = 60


def _types(bench: _Bench, finding: str, rate: float, horizon: int, *, sanctions: bool = True) -> dict[str, FloatArray]:
    """T_s of the three populations, with punishment or without; censoring and deaths are counted with it only."""
    common: dict[str, Any] = {"growth__rate": rate, "collapse": "first_death", "horizon": horizon}
    if not sanctions:
        common["institutions__sanctions"] = None
    mark = f"{finding} T {horizon}" + ("" if sanctions else ", no sanctions")
    return {init: floats(bench(f"{mark} {init}", init, counted=sanctions, **common), "T_s") for init in KINDS}


def _enforcement(bench: _Bench, finding: str, rate: float, horizon: int) -> list[Line]:
    """What switching punishment off does to T_s, and the note that it does next to nothing where that is so."""
    on = _types(bench, finding, rate, horizon)
    off = _types(bench, finding, rate, horizon, sanctions=False)
    lines = [
        bench.line(
            finding,
            f"{init}, horizon {horizon}: T_s with - without punishment",
            on[init],
            off[init],
            expected=0,
            role="companion",
        )
        for init in KINDS
    ]
    rates = [bench.fine_rates[f"{finding} T {horizon} {init}"] for init in KINDS]
    moved = max(abs(line.effect) for line in lines)
    found = (
        f"at most {max(rates):.4f} fines an agent-round, and switching it off moves T_s by at most {moved:.1f} rounds"
    )
    if moved < 3:
        bench.notes.append(
            f"{finding}: punishment inert over {horizon} rounds: {found}; this is about effort and imitation, not enforcement."
        )
    else:
        bench.notes.append(f"{finding}: punishment is not inert over {horizon} rounds: {found}.")
    return lines


def _f3(bench: _Bench) -> list[Line]:
    times = _types(bench, "F3", HARSH, PAPER_HORIZON)
    caveat = f"{NOT_THE_AUTHORS} Where punishment is inert this is an effect of effort and imitation, not evidence about enforcement."
    claim = bench.line(
        "F3", "T_s altruistic - selfish", times["altruistic"], times["selfish"], expected=1, caveat=caveat
    )
    return [claim, *_enforcement(bench, "F3", HARSH, PAPER_HORIZON)]


def _f4(bench: _Bench) -> list[Line]:
    long = 150  # a cap of 60 rounds hides most of the difference
    times, bare = _types(bench, "F4", RICH, long), _types(bench, "F4", RICH, long, sanctions=False)
    caveat = NOT_THE_AUTHORS
    taken = float(bench.base.environment["harvest"]["productivity"]) * bench.players
    if taken < RICH / (1 + RICH):
        caveat += (
            f" Full effort takes {taken:.2f} of the stock, below the extinction fraction {RICH / (1 + RICH):.3f}: "
            "the stock cannot be exhausted, so that selfish agents survive is by construction."
        )
    return [
        bench.line("F4", f"horizon {long}: T_s selfish - altruistic", times["selfish"], times["altruistic"], expected=1, caveat=caveat),
        bench.line("F4", f"horizon {long}, no punishment: T_s selfish - altruistic", bare["selfish"], bare["altruistic"],
                   expected=0, role="companion", caveat="What is left of the difference where nobody fines."),
        *_enforcement(bench, "F4", RICH, PAPER_HORIZON),
        *_enforcement(bench, "F4", RICH, long),
    ]  # fmt: skip


CHECKS: Mapping[str, Callable[[_Bench], list[Line]]] = {"F1": _f1, "F2": _f2, "F3": _f3, "F4": _f4}
