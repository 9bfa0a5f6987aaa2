"""What a scenario may say about a commons: every key, its default and its bounds. Pydantic only, nothing is simulated here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from gamesim.core.config import Config
from gamesim.core.errors import UnknownKindError
from gamesim.envs.config import EnvironmentConfig

if TYPE_CHECKING:
    from gamesim.envs.base import BatchedEnvironment, Environment

    from .describer import CommonsDescriber
    from .growth_law import GrowthLaw

NETWORKS = ("complete", "ring", "lattice", "watts_strogatz", "barabasi_albert", "edges")
ARITY = {"complete": 0, "ring": 1, "lattice": 0, "watts_strogatz": 2, "barabasi_albert": 1, "edges": 1}
BALLOTED = ("plurality", "borda", "approval")  # rules that need a vote beside the proposals

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Round = Annotated[int, Field(ge=1)]
Off = Literal[False, "none"] | None  # how an institution is switched off


def switched_off(value: Any) -> Any:
    """An institution may be written ``null``, ``false`` or ``none``."""
    return None if value is False or value == "none" else value


def windows(value: Any) -> Any:
    """``at: [1, 15]`` is the one window of ``at: [[1, 15]]``."""
    if not isinstance(value, (list, tuple)):
        return value
    one = len(value) == 2 and not isinstance(value[0], (list, tuple))
    return tuple(tuple(w) if isinstance(w, list) else w for w in ([value] if one else value))


def listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Window = tuple[Round, Round | None]  # first and last round, both included; None = to the end
Schedule = Annotated[
    tuple[Window, ...] | None, BeforeValidator(windows, json_schema_input_type=tuple[Window, ...] | Window | None)
]


class Growth(Config):
    """How the stock regrows between harvests."""

    law: Literal["logistic", "doubling_cap", "inverse", "chemostat", "allee", "none"] = Field(
        "logistic", description="Growth law g."
    )
    rate: float = Field(0.6, gt=0, description="r of logistic and allee, d of chemostat (at most 1), per round.")
    capacity: float = Field(300.0, gt=0, description="K, in fish.")
    initial: float | None = Field(None, ge=0, description="R(0), in fish; default the capacity.")
    minimum: float = Field(
        0.01, ge=0, lt=1, description="The stock has collapsed at or below this share of the capacity."
    )
    maximum: float = Field(0.95, gt=0, le=1, description="Law inverse: collapsed above this share of the capacity.")
    tested: Literal["after_growth", "after_harvest"] = Field(
        "after_growth",
        description="When the stock is compared with the minimum; after the harvest the test is strict (<).",
    )
    noise_sd: float = Field(0.0, ge=0, description="Standard deviation of the multiplicative growth noise.")
    order: Literal["harvest_then_grow", "grow_net"] = "harvest_then_grow"
    factor: float = Field(2.0, gt=1, description="doubling_cap: what the stock is multiplied by.")
    addition: float = Field(50.0, gt=0, description="inverse: what is added every round.")
    allee: float | None = Field(None, gt=0, description="allee: the stock below which it shrinks, in (0, capacity).")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.initial is not None and self.initial > self.capacity:
            raise ValueError(f"initial {self.initial:g} lies outside [0, capacity {self.capacity:g}]")
        if self.law == "chemostat" and self.rate > 1:
            raise ValueError(f"rate {self.rate:g} of a chemostat lies outside (0, 1]")
        if self.law == "allee" and (self.allee is None or self.allee >= self.capacity):
            raise ValueError(f"law allee needs allee in (0, capacity {self.capacity:g}), not {self.allee}")
        if self.law == "inverse" and self.order == "grow_net":
            raise ValueError("law inverse is played in order harvest_then_grow only")
        return self

    @property
    def start(self) -> float:
        return self.capacity if self.initial is None else self.initial

    @property
    def after_harvest(self) -> bool:
        """Whether collapse is judged on what the harvest left."""
        return self.tested == "after_harvest" or self.law == "inverse"

    def law_object(self) -> GrowthLaw:
        """The law as the pure functions of ``growth`` take it."""
        from .growth_law import GrowthLaw

        return GrowthLaw(self.law, self.rate, self.capacity, self.factor, self.addition, self.allee or 0.0, self.order)


class SecondStock(Growth):
    """A second stock, fished with what is left of the same effort (e_1 + e_2 <= 1)."""

    productivity: float | None = Field(None, gt=0, description="alpha of this stock; default the first one's.")


class Harvest(Config):
    catch: Literal["effort", "request", "shuffled"] = Field(
        "effort",
        description="effort: h = alpha e R at once; shuffled: the same one after the other in random order; request: units asked.",
    )
    productivity: float = Field(0.03, gt=0, description="alpha, catch per effort per fish.")
    rationing: Literal["proportional", "lottery", "sequential"] = "proportional"
    integer: bool = Field(True, description="catch request: whole units only.")
    limit: float | None = Field(None, gt=0, description="catch request: most that may be asked; default the capacity.")


class Upkeep(Config):
    consumption: float = Field(2.0, ge=0, description="c, fish a round.")
    initial_wealth: float = Field(10.0, description="P(0), fish.")
    starvation: Literal["remove", "none"] = "remove"


class Sanctions(Config):
    fine: float = Field(10.0, ge=0, description="beta, paid by the fined.")
    cost: float = Field(0.0, ge=0, description="gamma, paid by who fines.")
    monitoring: Share = Field(1.0, description="m, chance that an agent inspects the peer it drew.")
    counting: bool = Field(False, description="Pay for every fine of the round instead of once.")
    kind: Literal["peer", "antisocial", "counter", "graduated", "pool"] = "peer"
    disable_at: int | None = Field(None, ge=0, description="Last round with sanctions.")
    at: Schedule = Field(None, description="Rounds with sanctions, as [first, last] windows.")
    misread: Share = Field(0.0, description="Chance that a violation is misread, in either direction.")
    cap: int = Field(3, ge=1, description="graduated: the fine is beta * min(earlier fines + 1, cap).")
    tax: float = Field(0.0, ge=0, description="pool: what every agent pays a round for the enforcement.")


class Revision(Config):
    rule: Literal["fermi", "best_of", "proportional", "conformist", "none"] = "fermi"
    selection: float = Field(0.2, ge=0, description="delta of the Fermi rule, per fish.")
    mutation: float = Field(0.05, ge=0, description="sigma on effort and punishing; ten times as much on the belief.")
    average: float = Field(0.5, ge=0, lt=1, description="lambda, weight of the past in the payoff average.")
    copied: Annotated[tuple[Literal["effort", "punish", "belief"], ...], BeforeValidator(listed)] = (
        "effort",
        "punish",
        "belief",
    )
    sample: int = Field(3, ge=1, description="best_of and conformist: how many are looked at.")
    weight: Share = Field(0.5, description="conformist: how far towards the median of the sample.")
    probability: Share = Field(1.0, description="Chance to revise in a round.")
    asynchronous: bool = Field(False, description="One agent a round revises instead of all.")
    at: Schedule = None


class Voting(Config):
    rule: Literal["median", "mean", "plurality", "borda", "approval", "dictator"] = "median"
    dictator: int | None = Field(None, ge=0, description="dictator: whose proposal it is.")
    width: NonNegative = Field(
        1.0, description="approval: how far, in fish, an approved cap may lie from the one voted for."
    )
    norms: Literal["number", "text"] = Field(
        "number", description="text: sentences are voted on; no number is enforced."
    )
    initial: Literal["median", "none"] | NonNegative = Field("median", description="The norm of round 1.")
    at: Schedule = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        called = re.fullmatch(r"dictator\((\d+)\)", value) if isinstance(value, str) else None
        if called:
            return {"rule": "dictator", "dictator": int(called[1])}
        return {"rule": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.norms == "text" and self.rule not in ("plurality", "dictator"):
            raise ValueError(f"rule {self.rule} needs numbers, and text norms have none: choose plurality")
        if (self.rule == "dictator") != (self.dictator is not None):
            raise ValueError("rule dictator and key dictator (a seat number) go together")
        return self


class Leader(Config):
    every: int | None = Field(None, ge=1, description="Rounds between elections; the first is held in round 1.")
    appointed: int | None = Field(None, ge=0, description="Seat of a leader in office from the start.")
    recall: bool = Field(False, description="At an election the leader stays unless more than half vote for others.")
    quotas: Literal["equal", "requests"] | None = Field(
        None,
        description="The leader's cap also limits quotas that sum to at most f(R): equal, or by what each proposed.",
    )
    initial: Literal["median", "none"] | NonNegative = Field("median", description="The norm of round 1.")
    at: Schedule = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.every is None and self.appointed is None:
            raise ValueError("a leader is elected (every: rounds), appointed (appointed: seat), or both")
        return self


def network(value: Any) -> Any:
    """``"ring(4)"`` as a mapping; the same for every kind of network."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", value)
    if not match:
        raise ValueError(f"'{value}' is not written like ring(4)")
    name, inside = match[1], match[2]
    if name not in NETWORKS:
        raise UnknownKindError.named("network", name, NETWORKS)
    arguments = [part.strip() for part in inside.split(",")] if inside else []
    if len(arguments) != ARITY[name] and not (name == "edges" and len(arguments) == 2):
        raise ValueError(f"{name} takes {ARITY[name]} argument(s), not {len(arguments)}")
    keys = {"ring": ("neighbours",), "watts_strogatz": ("neighbours", "rewiring"), "barabasi_albert": ("links",)}
    if name == "edges":
        return {"kind": name, "file": arguments[0].strip("'\""), "directed": arguments[1:] == ["directed"]}
    try:
        numbers = [float(part) if "." in part or "e" in part else int(part) for part in arguments]
    except ValueError as error:
        raise ValueError(f"'{value}': {error}") from None
    return {"kind": name, **dict(zip(keys.get(name, ()), numbers, strict=True))}


class Graph(Config):
    """One network. Written ``complete``, ``ring(k)``, ``lattice``, ``watts_strogatz(k,p)``, ``barabasi_albert(m)``, ``edges(file)``."""

    kind: Literal["complete", "ring", "lattice", "watts_strogatz", "barabasi_albert", "edges"] = "complete"
    neighbours: int | None = Field(None, ge=2, description="ring, watts_strogatz: neighbours of each agent, even.")
    rewiring: Share | None = Field(None, description="watts_strogatz: share of links rewired.")
    links: int | None = Field(None, ge=1, description="barabasi_albert: links a new node brings.")
    file: str | None = Field(None, description="edges: a text file with two seat numbers (from 0) a line.")
    directed: bool = Field(False, description="edges: a line is one way only.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        needs = {
            "ring": ("neighbours",),
            "watts_strogatz": ("neighbours", "rewiring"),
            "barabasi_albert": ("links",),
            "edges": ("file",),
        }.get(self.kind, ())
        for key in ("neighbours", "rewiring", "links", "file"):
            if (getattr(self, key) is not None) != (key in needs):
                raise ValueError(f"network {self.kind} {'needs' if key in needs else 'has no'} key {key}")
        if self.neighbours is not None and self.neighbours % 2:
            raise ValueError(f"neighbours must be even, not {self.neighbours}: half of them stand on either side")
        return self


AnyGraph = Annotated[Graph, BeforeValidator(network, json_schema_input_type=Graph | str)]


class Networks(Config):
    meet: AnyGraph = Field(Graph(), description="Whom an agent may imitate.")
    see: AnyGraph = Field(Graph(), description="Whom an agent sees.")
    punish: AnyGraph = Field(Graph(), description="Whom an agent inspects and may fine.")


class Institutions(Config):
    """What is not written has the defaults of paper A; write ``null`` to switch an institution off."""

    sanctions: Annotated[Sanctions | None, BeforeValidator(switched_off, json_schema_input_type=Sanctions | Off)] = (
        Field(default_factory=Sanctions)
    )
    revision: Annotated[Revision | None, BeforeValidator(switched_off, json_schema_input_type=Revision | Off | str)] = (
        Field(default_factory=Revision)
    )
    voting: Annotated[Voting | None, BeforeValidator(switched_off, json_schema_input_type=Voting | Off | str)] = Field(
        default_factory=Voting
    )
    network: Networks = Field(default_factory=Networks)
    leader: Annotated[Leader | None, BeforeValidator(switched_off, json_schema_input_type=Leader | Off)] = None

    @field_validator("revision", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"rule": value} if isinstance(value, str) and value != "none" else value

    @property
    def text(self) -> bool:
        """Whether norms are sentences."""
        return self.voting is not None and self.voting.norms == "text"


class Sampled(Config):
    sampled: int = Field(ge=1, description="How many peers, drawn anew every round, an agent sees.")


class Information(Config):
    mode: Literal["latent", "explicit"] = "latent"
    explicit: tuple[Literal["threshold", "growth", "payoff"], ...] = Field(
        ("growth", "payoff", "threshold"), description="Mode explicit: what is told beside the latent observation."
    )
    stock_visible: bool = True
    visibility: Literal["full"] | Sampled = "full"
    memory: int = Field(5, ge=1, description="w, own past outcomes that an agent is shown.")
    legacy_threshold: bool = Field(
        False, description="Divide f(R) by the head count of round 1, as GovSim's released code does."
    )
    universalization: bool = Field(False, description="Language models are told what f(R) each would mean.")

    @property
    def threshold(self) -> bool:
        return self.mode == "explicit" and "threshold" in self.explicit


class Newcomer(Config):
    kind: Literal["newcomer"]
    at: Round = Field(description="Round in which the last seats join.")
    count: int = Field(1, ge=1, description="How many seats, counted from the last.")


class Turnover(Config):
    kind: Literal["turnover"]
    probability: Share = Field(description="Chance, per agent and round, to be replaced by a newly drawn one.")
    at: Schedule = None


class GrowthShock(Config):
    kind: Literal["growth"]
    at: Round
    rate: Positive | None = None
    capacity: Positive | None = None
    stock: NonNegative | None = Field(None, description="The stock itself, set to this, in fish.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.rate is None and self.capacity is None and self.stock is None:
            raise ValueError("a growth shock changes rate, capacity or stock")
        return self


class FineChange(Config):
    kind: Literal["fine"]
    at: Round
    fine: NonNegative | None = None
    cost: NonNegative | None = None


class Misread(Config):
    kind: Literal["misread"]
    at: Round
    probability: Share


class Universalization(Config):
    kind: Literal["universalization"]
    at: Round
    on: bool = True


Perturbation = Annotated[
    Newcomer | Turnover | GrowthShock | FineChange | Misread | Universalization, Field(discriminator="kind")
]


class Commons(EnvironmentConfig):
    """A stock that many harvest: who restrains whom, by fines, imitation and votes. See ``gamesim.envs.commons.environment``."""

    on_invalid: ClassVar[str] = "repeat_last"
    abstains: ClassVar[bool] = True

    kind: Literal["commons"] = "commons"
    players: int = Field(10, ge=1, le=1_000_000, description="Seats, newcomers included.")
    horizon: int = Field(50, ge=1, le=1_000_000, description="T, rounds.")
    growth: Growth = Field(default_factory=Growth)
    second_stock: SecondStock | None = None
    harvest: Harvest = Field(default_factory=Harvest)
    upkeep: Upkeep = Field(default_factory=Upkeep)
    collapse: Literal["stock", "first_death", "all_dead"] = "first_death"
    institutions: Institutions = Field(default_factory=Institutions)
    information: Information = Field(default_factory=Information)
    perturbations: tuple[Perturbation, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        rules = self.institutions
        meeting = [
            name
            for name, on in (
                ("sanctions", rules.sanctions is not None and rules.sanctions.kind != "pool"),
                ("revision", rules.revision is not None and rules.revision.rule != "none"),
            )
            if on
        ]
        if self.players < 2 and meeting:
            raise ValueError(f"nobody to meet: players is {self.players} and institutions.{meeting[0]} is on")
        offices = {
            "institutions.voting.dictator": rules.voting.dictator if rules.voting else None,
            "institutions.leader.appointed": rules.leader.appointed if rules.leader else None,
        }
        for place, seat in offices.items():
            if seat is not None and seat >= self.players:
                raise ValueError(f"{place}: seat {seat} of {self.players}; seats count from 0")
        if rules.leader is not None and rules.text:
            raise ValueError("institutions.leader: a leader decides caps; text norms are voted on")
        joining = sum(p.count for p in self.perturbations if isinstance(p, Newcomer))
        if joining >= self.players:
            raise ValueError(f"perturbations: {joining} newcomers of {self.players} players leave nobody to begin")
        for name, graph in (("meet", rules.network.meet), ("see", rules.network.see), ("punish", rules.network.punish)):
            size = graph.neighbours if graph.neighbours is not None else graph.links
            if size is not None and size >= self.players:
                raise ValueError(f"institutions.network.{name}: {size} neighbours among {self.players} players")
        if isinstance(self.information.visibility, Sampled) and self.information.visibility.sampled >= self.players:
            raise ValueError(
                f"information.visibility.sampled: {self.information.visibility.sampled} of {self.players - 1} peers"
            )
        if self.second_stock is not None and (self.harvest.catch != "effort" or self.growth.law == "inverse"):
            raise ValueError("second_stock needs harvest.catch effort and a stock that is wanted")
        return self

    def seats(self) -> tuple[str, ...]:
        return tuple(f"player_{i}" for i in range(self.players))

    def build(self) -> Environment:
        from .environment import CommonsEnv

        return CommonsEnv(self)

    def batched(self, rows: int) -> BatchedEnvironment | None:
        from .batched import BatchedCommons

        return BatchedCommons(self, rows)

    def describer(self) -> CommonsDescriber:
        from .describer import CommonsDescriber

        return CommonsDescriber(self)

    @property
    def limit(self) -> float:
        """Most that a harvest action may be: 1 for efforts, the largest request otherwise."""
        if self.harvest.catch != "request":
            return 1.0
        return self.growth.capacity if self.harvest.limit is None else self.harvest.limit

    @property
    def beginners(self) -> int:
        """Seats taken in round 1; newcomers take the last ones later."""
        return self.players - sum(p.count for p in self.perturbations if isinstance(p, Newcomer))

    def spoken(self) -> Mapping[str, Any]:
        """Villagers who speak propose sentences and vote on them, as in paper A; for its rule agents a median of caps stands for that."""
        voting = self.institutions.voting
        if voting is None or voting.rule != "median" or self.institutions.leader is not None:
            return {}
        return {"institutions.voting.norms": "text", "institutions.voting.rule": "plurality"}

    def warnings(self) -> list[str]:
        from .growth_law import extinction_fraction, maximum_sustainable_yield

        law, found = self.growth.law_object(), []
        need, total = self.players * self.upkeep.consumption, maximum_sustainable_yield(law)
        if self.second_stock is not None:
            total += maximum_sustainable_yield(self.second_stock.law_object())
        if self.growth.law != "inverse" and need > total * (1 + 1e-12):
            found.append(
                f"upkeep of {self.players} x {self.upkeep.consumption:g} = {need:g} fish a round exceeds the maximum"
                f" sustainable yield {total:g}: nobody can live off the stock for ever."
            )
        if self.harvest.catch == "effort":
            taken = self.harvest.productivity * self.players
            edge = extinction_fraction(law)
            if edge is not None and taken >= edge:
                found.append(
                    f"full effort takes {taken:.3g} of the stock a round, at or above the extinction fraction {edge:.4g}."
                )
            if taken > 1:
                found.append(f"productivity x players = {taken:.3g} exceeds 1: catches are rationed at high effort.")
        return found
