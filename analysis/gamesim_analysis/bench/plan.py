"""From a bench to the societies it plays: each distinct one once, however many rows of the board need it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

from gamesim.core.canonical import canonical, digest
from gamesim.core.errors import ScenarioError, clean
from gamesim.core.model_config import ModelConfig
from gamesim.scenario.diagnose import raise_together
from gamesim.scenario.models import config_of, read_models
from gamesim.scenario.scenario import Cell, Scenario
from gamesim.yaml.node import planted

from .anchors import Scale, scale_of
from .config import PURE, BenchConfig, Focal, Played
from .players import Player, player_of, rule_for

Role = Literal["pure", "mixed", "focal", "original", "anchor"]


@dataclass(frozen=True)
class Entry:
    """What one society is needed for.

    Attributes
    ----------
    scenario, wording : which row of which table.
    role : ``pure`` is ranked; ``mixed`` and ``focal`` are company; ``original`` is what a mixed society is compared with;
        ``anchor`` ends a scale.
    label : of the composition, or of the anchor.
    player : the player ranked or tested; of an anchor its rule.
    members : the player of each member of the population, in order.
    focal : which members are tested.
    cell : number of the cell that plays it.
    """

    scenario: str
    wording: int
    role: Role
    label: str
    player: str
    members: tuple[str, ...]
    cell: int
    focal: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything a bench plays.

    Attributes
    ----------
    cells : the distinct societies, each as a scenario of kind play.
    entries : what they are for.
    scales : by scenario, what is scored and between which ends.
    absent : by scenario, players that do not know the game.
    """

    config: BenchConfig
    cells: tuple[Cell, ...]
    entries: tuple[Entry, ...]
    scales: Mapping[str, Scale]
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def find(self, role: Role, scenario: str, **wanted: Any) -> list[Entry]:
        return [
            entry
            for entry in self.entries
            if entry.role == role
            and entry.scenario == scenario
            and all(getattr(entry, key) == value for key, value in wanted.items())
        ]


def plan_of(scenario: Scenario) -> Plan:
    """The plan of a scenario of kind bench; made once for equal scenarios."""
    keys = ("board", "scenarios", "seeds", "compositions", "paraphrase", "gate", "resamples", "bench")
    kept = {key: scenario.data[key] for key in (*keys, "models", "language", "record", "cache") if key in scenario.data}
    return _planned(canonical(kept))


@lru_cache(maxsize=8)
def _planned(data: bytes) -> Plan:
    given = json.loads(data)
    common = {key: given.pop(key, None) for key in ("models", "language", "record", "cache")}
    config = BenchConfig(**given)
    builder = _Builder(config, common)
    for played in config.scenarios:
        builder.scenario(played)
    return Plan(config, tuple(builder.cells), tuple(builder.entries), builder.scales, builder.absent)


class _Builder:
    """Collects cells; two societies of one identity are one cell."""

    def __init__(self, config: BenchConfig, common: Mapping[str, Any]) -> None:
        self.config, self.common = config, common
        self.cells: list[Cell] = []
        self.entries: list[Entry] = []
        self.scales: dict[str, Scale] = {}
        self.absent: dict[str, tuple[str, ...]] = {}
        self._numbers: dict[str, int] = {}

    def scenario(self, played: Played) -> None:
        from gamesim.scenario.resolve import resolve_data

        assert played.resolved is not None
        base = resolve_data(played.resolved)
        assert base.environment is not None
        self.scales[played.name] = scale = scale_of(played, base.environment)
        for anchor in (scale.zero, scale.one):
            if anchor.rule is not None:
                rule = Player(anchor.rule, agent=anchor.rule)
                lines = self._pure(rule, base)
                if lines is None:
                    raise ScenarioError(
                        f"no rule agent '{clean(anchor.rule, 60)}' plays '{clean(played.name, 60)}', whose scale it ends.",
                        path="scenarios",
                        hint="Name other anchors.",
                    )
                self._add(played, base, "anchor", anchor.rule, anchor.rule, lines, [rule] * len(lines), (0,))
        missing = []
        for player in self.config.players:
            lines = self._pure(player, base)
            if lines is None:
                missing.append(player.name)
                continue
            self._add(played, base, "pure", PURE, player.name, lines, [player] * len(lines), self.config.wordings)
        self.absent[played.name] = tuple(missing)
        for composition in self.config.compositions:
            if isinstance(composition, Focal):
                self._focal(played, base, composition, missing)
            elif isinstance(composition, dict):
                self._mixed(played, base, composition, missing)

    def _plays(self, player: Player, base: Scenario) -> bool:
        """Whether a model knows the game: all do but those with a rule of other games behind them."""
        if player.model is None:
            return True
        config = config_of(player.model, self._models)
        if config.backend != "rule" or config.model_id() in ("random", "rule"):
            return True
        return rule_for(config.model_id(), base.environment, getattr(config, "parameters", {})) is not None

    @cached_property
    def _models(self) -> dict[str, ModelConfig]:
        """The board's aliases."""
        errors: list[ScenarioError] = []
        found = read_models(planted({"models": self.common["models"] or {}}, "<bench>"), errors)
        raise_together(errors)
        return found

    def _pure(self, player: Player, base: Scenario) -> list[dict[str, Any]] | None:
        if not self._plays(player, base):
            return None
        lines = [player.line(base.environment, seat) for seat in base.data["population"]]
        return [line for line in lines if line is not None] if None not in lines else None

    def _mixed(self, played: Played, base: Scenario, counts: Mapping[str, int], missing: Sequence[str]) -> None:
        assert base.environment is not None
        seats = len(base.environment.seats())
        if sum(counts.values()) != seats:
            raise ScenarioError(
                f"counts sum to {sum(counts.values())}; '{clean(played.name, 60)}' has {seats} seats.",
                path="compositions",
                hint=f"Make them sum to {seats}, or set environment.players.",
            )
        by_name = {player.name: player for player in self.config.players}
        members = [by_name[name] for name in counts]
        if any(player.name in missing for player in members):
            return
        lines = [self._line(player, base, count) for player, count in zip(members, counts.values(), strict=True)]
        label = " + ".join(f"{count} {name}" for name, count in counts.items())
        self._add(played, base, "mixed", label, members[0].name, lines, members, self.config.wordings, shuffled=True)

    def _focal(self, played: Played, base: Scenario, composition: Focal, missing: Sequence[str]) -> None:
        assert base.environment is not None
        seats = len(base.environment.seats())
        count = composition.focal if composition.focal > 0 else seats + composition.focal
        if not 0 < count < seats:
            raise ScenarioError(
                f"{composition.focal} focal seats of {seats} in '{clean(played.name, 60)}'.",
                path="compositions",
                hint=f"1 to {seats - 1}, or -1 for all but one.",
            )
        background = player_of(composition.background)
        behind = self._pure(background, base)
        if behind is None:
            return  # the background does not know this game; its table says so
        self._add(
            played, base, "original", PURE, background.name, behind, [background] * len(behind), self.config.wordings
        )
        for player in self.config.players:
            if player.name in missing:
                continue
            lines = [self._line(player, base, count), self._line(background, base, seats - count)]
            label = f"{count} of {seats} among {background.name}"
            self._add(
                played, base, "focal", label, player.name, lines, [player, background], self.config.wordings,
                shuffled=True, focal=(True, False),
            )  # fmt: skip

    def _line(self, player: Player, base: Scenario, count: int) -> dict[str, Any]:
        """So many seats; a temper is kept where all lines of the scenario share it."""
        tempers = {seat.get("init") for seat in base.data["population"]}
        seat = {"count": count, **({"init": tempers.pop()} if len(tempers) == 1 else {})}
        line = player.line(base.environment, seat)
        assert line is not None
        return line

    def _add(
        self,
        played: Played,
        base: Scenario,
        role: Role,
        label: str,
        player: str,
        lines: Sequence[Mapping[str, Any]],
        members: Sequence[Player],
        wordings: Sequence[int],
        *,
        shuffled: bool = False,
        focal: tuple[bool, ...] = (),
    ) -> None:
        reads = any(member.model is not None for member in members)
        for wording in wordings:
            # Who reads nothing plays every wording alike: one society stands for all.
            number = self._cell(played, base, lines, wording if reads else None, shuffled)
            names = tuple(member.name for member in members)
            self.entries.append(Entry(played.name, wording, role, label, player, names, number, focal))

    def _cell(
        self, played: Played, base: Scenario, lines: Sequence[Mapping[str, Any]], wording: int | None, shuffled: bool
    ) -> int:
        from gamesim.scenario.identity import identity
        from gamesim.scenario.resolve import resolve_data

        data = {
            **base.data,
            "population": [dict(line) for line in lines],
            "replicates": self.config.seeds,
            "sweep": None,
        }
        if shuffled:
            data["seating"] = "shuffled"
        if wording is not None:
            language = {**(base.data.get("language") or {}), **(self.common["language"] or {}), "paraphrase": wording}
            data |= {
                "language": language,
                "models": {**(base.data.get("models") or {}), **(self.common["models"] or {})},
            }
        else:
            data |= {"language": {}, "models": {}}
        if self.common["record"] is not None:
            data["record"] = self.common["record"]
        if self.common["cache"] is not None:
            data["cache"] = self.common["cache"]
        made = resolve_data({key: value for key, value in data.items() if value is not None})
        key = digest(identity(made))
        if key not in self._numbers:
            self._numbers[key] = len(self.cells)
            who = ", ".join(dict.fromkeys(str(line.get("model") or line["agent"]) for line in lines))
            values = {"scenario": played.name, "society": who} | ({"wording": wording} if wording is not None else {})
            self.cells.append(Cell(len(self.cells), values, made))
        return self._numbers[key]
