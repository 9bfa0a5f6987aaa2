"""What a scenario of kind ``psro`` may say: a formal game with an exact oracle, or an environment with a pool of policies.

    kind: psro                                        kind: psro
    game: kuhn                                        environment: {kind: conflict_point, variant: crossing}
    meta_solver: nash                                 policies: {kind: gap_acceptance, thresholds: [-9, -1, 0, 1, 9]}
    stop: {iterations: 10, tolerance: 1.0e-9}         samples: {initial: 2000, max: 30000, half_width: 0.02, symmetric: true}
                                                      meta_solver: {kind: rae, aversion: 0.15, variance: strategic+env}
                                                      frontier: {grid: [0, .1, .2], evaluate: 100000}

``limits`` is the only budget of time. Nothing here is imported but pydantic and the registry.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from gamesim.core.config import Config
from gamesim.core.errors import GamesimError, UnknownKindError, clean, did_you_mean, listed
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import entry, names

from .pools import PoolPolicy, labelled

K = TypeVar("K", bound=Config)
Each = float | tuple[float, ...]
PARAMETER = {"rae": "aversion", "rqe": "tau", "cvar": "alpha", "qre": "rationality"}  # what a frontier's grid varies
ATTITUDES = {"rae": "mean_variance", "rqe": "entropic", "cvar": "cvar"}  # of a meta-solver, as an oracle shares it
TAKEN = ("aversion", "aversion_relative", "variance", "tau", "divergence", "alpha")  # of its parameters
SLOW = ("prd", "regret_matching", "cvar")  # meta-solvers that take seconds for a table
REDRAWS, FEWEST = 50, 20
FAMILY = {"gap_acceptance": "driving.gap_acceptance"}


class GameKeys(Config):
    """A registered game with parameters."""

    game: str = Field(description="A name from `gamesim list games`.")
    params: dict[str, Any] = Field({}, description="Parameters of the game.")

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        _known("games", "game", self.game, "game")
        taken = inspect.signature(entry("games", self.game)).parameters
        for key in self.params:
            if key not in taken:
                hint = did_you_mean(key, taken) or (f"Parameters: {listed(list(taken))}" if taken else "It takes none.")
                raise ValueError(f"params.{clean(key, 60)}: game '{self.game}' takes no '{clean(key, 60)}'. {hint}")
        return self


class GapFamily(Config):
    """Drivers who go where the gap they believe to have is at least a threshold, one policy for each."""

    kind: Literal["gap_acceptance"] = Field(description="The family.")
    thresholds: tuple[float, ...] = Field(
        (-9.0, -1.0, 0.0, 1.0, 9.0), min_length=1, max_length=50, description="Smallest gap taken, in seconds."
    )


class PolicyKeys(Config):
    """One policy: the kind of an agent with its parameters."""

    model_config = ConfigDict(extra="allow")

    agent: str = Field(description="Kind of the agent.")
    label: str | None = Field(None, min_length=1, max_length=60, description="What tables call it.")
    seat: str | None = Field(None, min_length=1, max_length=200, description="The one seat whose pool it joins.")

    @model_validator(mode="after")
    def _is_an_agent(self) -> Self:
        self.spec()
        return self

    def spec(self) -> AgentSpec:
        """The agent, with its defaults."""
        _known("agents", "agent", self.agent, "agent")
        config = entry("agents", self.agent)
        given = dict(self.model_extra or {})
        known = {info.alias or name for name, info in config.model_fields.items()} - {"kind"}
        for key in given:
            if key not in known:
                hint = did_you_mean(key, known) or f"Keys: {listed(sorted(known))}"
                raise ValueError(f"{clean(key, 60)}: unknown key. {hint}")
        made = config.model_validate(given)
        return AgentSpec(self.agent, made.model_dump(mode="json", by_alias=True, exclude={"kind"}))


class MetaSolverKeys(Config):
    """How policies are mixed, and the parameters of that meta-solver."""

    kind: str = Field(description="A name from `gamesim list meta_solvers`.")
    aversion: Each | None = Field(None, description="rae: weight of the variance, in 1 / payoff; one, or one a player.")
    aversion_relative: Each | None = Field(None, description="rae: the same as a pure number, over the payoff range.")
    variance: Literal["strategic", "strategic+env"] | None = Field(
        None, description="rae: what opponents' mixing causes, or also what varies inside cells, such as crashes."
    )
    tremble: float | None = Field(None, ge=0, lt=0.5, description="rae, cvar: least chance of every policy of a pool.")
    tau: Each | None = Field(None, description="rqe: aversion to risk.")
    eps: Each | None = Field(None, description="rqe: weight of the regulariser.")
    divergence: Literal["kl", "reverse_kl"] | None = Field(None, description="rqe: what holds the adversary back.")
    regulariser: Literal["log_barrier", "negative_entropy"] | None = Field(
        None, description="rqe: the bonus for mixing."
    )
    alpha: Each | None = Field(None, description="cvar: the worst share; alpharank: strength of selection.")
    rationality: float | None = Field(None, ge=0, description="qre: 0 is uniform play.")
    profile: Literal["any", "symmetric"] | None = Field(None, description="Whether everybody must play alike.")
    select: Literal["first", "max_welfare", "max_entropy"] | None = Field(None, description="nash: which equilibrium.")
    population: int | None = Field(None, ge=2, description="alpharank: size of each population.")
    dt: float | None = Field(None, gt=0, description="prd: length of a step.")
    gamma: float | None = Field(None, ge=0, description="prd: least chance of every policy.")
    steps: int | None = Field(None, ge=1, description="prd, regret_matching: most steps.")
    gap: float | None = Field(None, ge=0, description="prd: stops early at this gap, relative to the payoff range.")
    parameters: dict[str, Any] = Field({}, description="Parameters of a meta-solver that a plugin brought.")

    @model_validator(mode="after")
    def _takes_them(self) -> Self:
        _known("meta_solvers", "meta-solver", self.kind, "kind")
        taken = set(inspect.signature(entry("meta_solvers", self.kind)).parameters) - {"game", "limits", "rng"}
        for key in self.given():
            if key not in taken:
                hint = did_you_mean(key, taken) or (f"It takes {listed(sorted(taken))}" if taken else "It takes none.")
                raise ValueError(f"{clean(key, 60)}: meta-solver '{self.kind}' takes no '{clean(key, 60)}'. {hint}")
        return self

    def given(self) -> dict[str, Any]:
        """The parameters that stand in the scenario."""
        own = self.model_dump(mode="json", exclude={"kind", "parameters", "grid"}, exclude_none=True)
        return {**own, **self.parameters}


class RiskKeys(Config):
    """An attitude to risk, shared by meta-solver and oracle."""

    kind: Literal["neutral", "mean_variance", "entropic", "cvar"] = Field(description="The measure.")
    aversion: float | None = Field(None, ge=0, description="mean_variance: weight of the variance, in 1 / payoff.")
    aversion_relative: float | None = Field(None, ge=0, description="mean_variance: the same over the payoff range.")
    variance: Literal["strategic", "strategic+env"] | None = Field(None, description="mean_variance: which variance.")
    tau: float | None = Field(None, gt=0, description="entropic: aversion to risk.")
    alpha: float | None = Field(None, gt=0, le=1, description="cvar: the worst share.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        worded(lambda: _parse(self.form()))
        return self

    def form(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_none=True)


class OracleKeys(Config):
    """Who answers the meta-strategy, and the parameters of that oracle."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(description="exact for formal games, none for a fixed pool, or an installed oracle that learns.")

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        _known("oracles", "oracle", self.kind, "kind")
        self.config()
        return self

    def config(self) -> Any:
        """The oracle's own configuration."""
        model = entry("oracles", self.kind)
        given = dict(self.model_extra or {})
        known = set(model.model_fields) - {"kind"}
        for key in given:
            if key not in known:
                hint = did_you_mean(key, known) or (f"Keys: {listed(sorted(known))}" if known else "It takes none.")
                raise ValueError(f"{clean(key, 60)}: oracle '{self.kind}' takes no '{clean(key, 60)}'. {hint}")
        return model.model_validate(given)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        """One branch for each installed oracle, so that an editor knows the keys of the one that is named."""
        branches = []
        for name in names("oracles"):
            try:
                model = entry("oracles", name)
            except GamesimError:
                continue  # `gamesim list --broken` names it
            own = handler.resolve_ref_schema(handler(model.__pydantic_core_schema__))
            kind = {"const": name, "description": cls.model_fields["kind"].description}
            properties = {**own.get("properties", {}), "kind": kind}
            required = sorted({"kind", *own.get("required", ())})
            branches.append({**own, "title": name, "properties": properties, "required": required})
        return {"anyOf": branches}


class SampleKeys(Config):
    """How many episodes estimate a cell of the table."""

    initial: int = Field(1000, ge=2, le=10_000_000, description="Episodes of every cell.")
    max: int | None = Field(None, ge=2, le=10_000_000, description="Most episodes of a cell; by default initial.")
    batch: int = Field(1000, ge=1, le=100_000, description="Episodes of one random stream.")
    half_width: float | None = Field(
        None, gt=0, description="A cell's episodes double while its interval is wider and the meta-strategy meets it."
    )
    confidence: float = Field(0.95, gt=0, lt=1, description="Of intervals.")
    common_random_numbers: bool = Field(True, description="Whether all cells share their random streams.")
    symmetric: bool = Field(False, description="Seats are alike: half the table is played, after a check.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.max is not None and self.max < self.initial:
            raise ValueError(f"max: {self.max:,} is below initial, {self.initial:,}")
        return self

    @property
    def most(self) -> int:
        return self.initial if self.max is None else self.max


class StopKeys(Config):
    """When the loop ends."""

    iterations: int = Field(20, ge=1, le=100_000, description="Most iterations.")
    tolerance: float = Field(1e-9, ge=0, description="Ends when no player's answer gains more, in units of payoff.")
    checkpoint: int = Field(10, ge=1, le=10_000, description="Iterations of a formal game in one unit of work.")


class RegretKeys(Config):
    """The least exploitable mixture, learnt by regret matching against an opponent who answers every step afresh."""

    kind: Literal["regret"] = Field("regret", description="The learner.")
    steps: int = Field(500, ge=1, le=1_000_000, description="Steps of the learner in one iteration.")
    episodes: int = Field(
        2, ge=1, le=100_000, description="Of each policy against each answer, where the game has samples."
    )


class ConceptKeys(MetaSolverKeys):
    """A meta-solver whose one parameter a frontier varies."""

    grid: tuple[float, ...] | None = Field(None, max_length=100, description="Values; by default the frontier's.")


class FrontierKeys(Config):
    """What safety costs: solutions over a grid of attitudes, scored on fresh episodes."""

    grid: tuple[float, ...] = Field(
        (0.0, 0.05, 0.1, 0.2), min_length=1, max_length=100, description="Values of the parameter."
    )
    concepts: tuple[ConceptKeys, ...] = Field(
        (), max_length=20, description="Meta-solvers that vary over the grid; by default the scenario's own."
    )
    delta: float = Field(0.10, ge=0, le=1, description="Share of the equilibrium's mean that may be given up.")
    evaluate: int = Field(10_000, ge=0, le=10_000_000, description="Fresh episodes of every cell.")
    populations: tuple[str, ...] = Field(
        ("self", "uniform"), min_length=1, description="self, uniform, noisy (drivers), or names under held_out."
    )
    held_out: dict[str, PolicyKeys] = Field({}, description="Opponents whom nobody was prepared for, by name.")
    in_sample: bool = Field(
        False, description="Score on the training cells, which flatters; the report says so in red."
    )

    @model_validator(mode="after")
    def _is_fair(self) -> Self:
        if self.evaluate == 0 and not self.in_sample:
            raise ValueError("evaluate: without fresh episodes solutions would be scored on the cells that they were fitted to. Give evaluate, or say in_sample: true")  # fmt: skip
        if self.in_sample and set(self.populations) - {"self", "uniform"}:
            raise ValueError("populations: training cells hold no strangers; in_sample allows self and uniform")
        for concept in self.concepts:
            if concept.kind not in PARAMETER:
                raise ValueError(
                    f"concepts: nothing of '{clean(concept.kind, 40)}' varies. Possible: {', '.join(PARAMETER)}"
                )
            if PARAMETER[concept.kind] in concept.given():
                raise ValueError(f"concepts: {PARAMETER[concept.kind]} is what the grid varies")
        return self


class PsroConfig(Config):
    """Policy-space response oracles; see gamesim_agents/psro/config.py."""

    game: str | GameKeys | None = Field(None, description="A formal game: its name, or {game: leduc, params: {...}}.")
    policies: GapFamily | tuple[PolicyKeys, ...] | None = Field(
        None,
        description="Pools of an environment: {kind: gap_acceptance, thresholds: [...]}, or a list of {agent: kind, ...}.",
    )
    start: Literal["uniform", "first", "random"] | None = Field(
        None,
        description="First policies of a formal game's pools; uniform, or first in a matrix whose players mind risk.",
    )
    meta_solver: str | MetaSolverKeys = Field("nash", description="How pools are mixed.")
    oracle: str | OracleKeys | None = Field(None, description="Who answers: exact for a game, none for a fixed pool.")
    risk: str | RiskKeys | None = Field(None, description="Attitude of the oracle; by default the meta-solver's.")
    samples: SampleKeys | None = Field(None, description="Episodes of a cell; a formal game without them is exact.")
    top_k: int | None = Field(
        None, ge=1, description="An oracle that learns answers the so many likeliest policies of a pool alone."
    )
    anytime: Literal[False, "exact", "regret"] | RegretKeys = Field(
        False,
        description="The least exploitable mixture is answered instead: exact finds it, regret learns it, also from samples.",
    )
    bootstrap: int | None = Field(
        None, ge=0, le=10_000,
        description="Redraws of a sampled table, each solved again: what the last meta-strategy and a frontier's solutions owe to chance. 0 is none; by default 50, and none where solving takes long (prd, regret_matching, cvar).",
    )  # fmt: skip
    stop: StopKeys = Field(default_factory=StopKeys, description="When the loop ends.")
    frontier: FrontierKeys | None = Field(None, description="What safety costs, on fresh episodes.")

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        for key, group, what in (
            ("game", "games", "game"),
            ("meta_solver", "meta_solvers", "meta-solver"),
            ("oracle", "oracles", "oracle"),
        ):
            if isinstance(getattr(self, key), str):
                _known(group, what, getattr(self, key), key)
        if (self.game is None) == (self.policies is None):
            raise ValueError("a game, such as game: kuhn, or policies of an environment: one of the two")
        if self.game is not None:
            self.the_game  # noqa: B018  (raises where the name or a parameter is unknown)
            if self.frontier is not None:
                raise ValueError("frontier: is for environments, whose cells hold crashes and variances")
            if self.samples is not None and (self.samples.half_width is not None or self.samples.max is not None):
                raise ValueError("samples: of a formal game every cell has the initial episodes, no more")
            if self.anytime:
                self._anytime_fits()
            if self.top_k is not None:
                raise ValueError("top_k: a formal game is answered whole")
            if self.the_oracle.kind != "exact":
                raise ValueError(
                    f"oracle: a formal game is answered by exact, not by '{clean(self.the_oracle.kind, 40)}'"
                )
        else:
            if self.the_oracle.kind == "exact":
                raise ValueError("oracle: exact answers formal games. Use none for a fixed pool, or one that learns")
            self.strangers()
            if self.anytime:
                raise ValueError("anytime: is for two-player zero-sum formal games, where best responses are known")
        if self.bootstrap and self.bootstrap < FEWEST:
            raise ValueError(f"bootstrap: {self.bootstrap} redraws say nothing of 95 %. Give {FEWEST} at least, or 0")
        self.meta, self.attitude  # noqa: B018
        return self

    def _anytime_fits(self) -> None:
        if self.meta[0] != "nash":
            raise ValueError(f"anytime: the least exploitable mixture stands where '{clean(self.meta[0], 40)}' would. Leave meta_solver out")  # fmt: skip
        if self.attitude["kind"] != "neutral":
            raise ValueError("anytime: exploitability is what opponents of a player who minds no risk take from her. Leave risk out")  # fmt: skip
        if self.anytime == "exact" and self.samples is not None:
            raise ValueError("anytime: exact reads the game and no samples. Use anytime: regret, or leave samples out")

    @field_validator("policies")
    @classmethod
    def _have_names(cls, value: Any) -> Any:
        if isinstance(value, tuple):
            if not value:
                raise ValueError("a pool needs policies")
            worded(lambda: labelled(value))
        return value

    @property
    def the_game(self) -> GameKeys:
        return self.game if isinstance(self.game, GameKeys) else GameKeys(game=str(self.game))

    @property
    def the_oracle(self) -> OracleKeys:
        if self.oracle is None:
            return OracleKeys(kind="exact" if self.game is not None else "none")
        return _spelled_out(OracleKeys, "oracle", self.oracle)

    @property
    def asks(self) -> tuple[str, ...]:
        """Language models that the oracle asks."""
        found: tuple[str, ...] = self.the_oracle.config().asks
        return found

    @property
    def regret(self) -> RegretKeys | None:
        """How the least exploitable mixture is learnt; None where it is not."""
        if isinstance(self.anytime, RegretKeys):
            return self.anytime
        return RegretKeys() if self.anytime == "regret" else None

    def redraws(self, kind: str) -> int:
        """How often a table is drawn and solved again by a meta-solver."""
        if self.bootstrap is not None:
            return self.bootstrap
        return 0 if kind in SLOW else REDRAWS

    @property
    def the_samples(self) -> SampleKeys:
        return self.samples or SampleKeys()

    @property
    def the_risk(self) -> RiskKeys | None:
        return None if self.risk is None else _spelled_out(RiskKeys, "risk", self.risk)

    @property
    def meta(self) -> tuple[str, dict[str, Any]]:
        """The meta-solver and its parameters; what it lacks of an attitude to risk it takes from ``risk``."""
        keys = _spelled_out(MetaSolverKeys, "meta_solver", self.meta_solver)
        given, risk = keys.given(), self.the_risk
        if risk is not None and ATTITUDES.get(keys.kind) == risk.kind:
            own = {key: value for key, value in risk.form().items() if key != "kind"}
            if {"aversion", "aversion_relative"} & set(given):
                own = {key: value for key, value in own.items() if not key.startswith("aversion")}
            given = {**own, **given}
        worded(lambda: _aims(keys.kind, given), "meta_solver")
        return keys.kind, given

    @property
    def attitude(self) -> dict[str, Any]:
        """The oracle's attitude to risk, as ``parse_risk`` reads it: its own, else the meta-solver's."""
        if self.the_risk is not None:
            return self.the_risk.form()
        form = self._of_the_meta_solver
        if _by_player(form):
            raise ValueError("meta_solver: an oracle needs one attitude. Give risk beside values by player")
        return form

    @property
    def _of_the_meta_solver(self) -> dict[str, Any]:
        """The meta-solver's attitude to risk, in the same form, but for values by player."""
        kind, given = self.meta
        if kind not in ATTITUDES:
            return {"kind": "neutral"}
        return {"kind": ATTITUDES[kind], **{key: given[key] for key in TAKEN if key in given}}

    @property
    def apart(self) -> str | None:
        """How the oracle's attitude to risk differs from that of the meta-solver, in words; None where it does not."""
        from gamesim.core.risk import MeanVariance, Neutral, parse_risk

        if self.the_oracle.kind == "none":
            return None
        own = self._of_the_meta_solver
        attitudes = [None if _by_player(own) else parse_risk(own), parse_risk(self.attitude)]
        attitudes = [Neutral() if isinstance(risk, MeanVariance) and risk.aversion == 0 else risk for risk in attitudes]
        if attitudes[0] == attitudes[1]:
            return None
        mine, theirs = (_in_words(form) for form in (self.attitude, own))
        return f"The oracle's attitude to risk is {mine}, that of the meta-solver {self.meta[0]} is {theirs}."

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a careful author would like to hear before a run."""
        return () if self.apart is None else (self.apart,)

    def pool(self) -> tuple[PoolPolicy, ...]:
        """The policies that an environment's pools start with."""
        if isinstance(self.policies, GapFamily):
            from gamesim_agents.risk.gap_acceptance import NAMED

            called = {value: name for name, value in NAMED.items()}
            kind = FAMILY[self.policies.kind]
            keys = [
                PolicyKeys.model_validate({"agent": kind, "label": called.get(h, f"{h:g} s"), "threshold": h})
                for h in self.policies.thresholds
            ]
            return labelled(keys)
        return labelled(self.policies or ())

    def strangers(self) -> dict[str, AgentSpec]:
        """Held-out opponents of the frontier, by name."""
        if self.frontier is None:
            return {}
        found = {}
        for name in self.frontier.populations:
            if name in ("self", "uniform"):
                continue
            if name in self.frontier.held_out:
                found[name] = self.frontier.held_out[name].spec()
            elif name == "noisy" and isinstance(self.policies, GapFamily):
                noisy = {"agent": FAMILY[self.policies.kind], "threshold": 0.5, "threshold_sd": 1.0, "bias_sd": 1.0}
                found[name] = PolicyKeys.model_validate(noisy).spec()
            else:
                known = [
                    "self",
                    "uniform",
                    *(("noisy",) if isinstance(self.policies, GapFamily) else ()),
                    *self.frontier.held_out,
                ]
                raise ValueError(f"frontier.populations: no population '{clean(name, 40)}'. {did_you_mean(name, known) or f'Known: {listed(known)}'}")  # fmt: skip
        return found


def _known(group: str, what: str, name: str, path: str) -> None:
    if name not in names(group):
        error = UnknownKindError.named(what, name, names(group))
        raise ValueError(f"{path}: {error.message} {error.hint or ''}".strip())


def _spelled_out(model: type[K], key: str, given: str | K) -> K:
    """What stands at a key, where a bare name stands for its kind; complaints are about that key."""
    if not isinstance(given, str):
        return given
    try:
        return model.model_validate({"kind": given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        text = str((first.get("ctx") or {}).get("error") or first["msg"])
        raise ValueError(f"{key}: {text.removeprefix('kind: ')}") from None


def worded(call: Any, path: str = "") -> None:
    """What the core refuses, in the words of a validator, about a key."""
    try:
        call()
    except GamesimError as error:
        raise ValueError(f"{path}{': ' if path else ''}{error.message} {error.hint or ''}".strip()) from None


def _by_player(form: Mapping[str, Any]) -> bool:
    return any(isinstance(value, (list, tuple)) for value in form.values())


def _in_words(form: Mapping[str, Any]) -> str:
    return ", ".join([str(form["kind"]), *(f"{key} {value}" for key, value in form.items() if key != "kind")])


def _parse(form: Mapping[str, Any]) -> None:
    from gamesim.core.risk import parse_risk

    parse_risk(form)


def _aims(kind: str, given: Mapping[str, Any]) -> None:
    """Parameters of a meta-solver that minds risk, checked by what reads them."""
    from gamesim.core import risk_game

    makers: dict[str, Any] = {"rae": risk_game.rae_aims, "rqe": risk_game.rqe_aims, "cvar": risk_game.cvar_aims}
    if kind in makers:
        makers[kind](**{key: value for key, value in given.items() if key not in ("profile", "start")})
