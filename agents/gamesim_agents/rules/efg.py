"""Rules that play game trees (environment kind ``efg``), as a scenario may say them; what they play is a behaviour strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from gamesim.core.config import AgentConfig
from gamesim.core.errors import ScenarioError, did_you_mean
from gamesim.core.policy import VectorPolicy
from gamesim.core.registry import build, entry, names

if TYPE_CHECKING:
    from gamesim.core.behaviour import BehaviourProfile


class TreeAgent(AgentConfig):
    """Plays environments of kind ``efg``."""

    def misfit(self, environment: Any) -> str | None:
        return None if hasattr(environment, "tree") else "It plays in efg."

    def build(self, environment: Any) -> VectorPolicy:
        from .efg_policies import BehaviourPolicy

        if not hasattr(environment, "tree"):
            raise ScenarioError(
                f"this agent plays game trees, not '{environment.kind}'.", hint="Environment kind: efg."
            )
        return BehaviourPolicy(environment.tree, self.behaviour(environment.tree))

    def behaviour(self, tree: Any) -> BehaviourProfile:
        """What it would play in every player's place."""
        raise NotImplementedError


class Uniform(TreeAgent):
    """Plays every action of a set alike."""

    kind: Literal["efg.uniform"] = "efg.uniform"

    def behaviour(self, tree: Any) -> BehaviourProfile:
        from gamesim.core.behaviour import uniform_behaviour

        return uniform_behaviour(tree)


class Equilibrium(TreeAgent):
    """Plays an equilibrium of the very tree, computed when it sits down."""

    kind: Literal["efg.equilibrium"] = "efg.equilibrium"
    select: Literal["subgame_perfect", "first", "max_welfare"] = Field(
        "subgame_perfect",
        description="Which equilibrium: a subgame-perfect one, the first found, or the one of largest welfare.",
    )
    method: str | None = Field(
        None, max_length=60, description="A solver by name (gamesim list solvers); default by the tree."
    )
    number: int = Field(1, ge=1, le=1000, description="Which of those in the order in which the solver lists them.")

    def behaviour(self, tree: Any) -> BehaviourProfile:
        from .efg_policies import equilibrium_of

        return equilibrium_of(tree, self.select, self.method, self.number)


class LevelK(TreeAgent):
    """Answers a uniform opponent, ``level`` times over: level 1 answers uniform play, level 2 answers level 1 ..."""

    kind: Literal["efg.level_k"] = "efg.level_k"
    level: int = Field(1, ge=1, le=100, description="How many answers deep.")

    def behaviour(self, tree: Any) -> BehaviourProfile:
        from .efg_policies import level_k

        return level_k(tree, self.level)


class BestResponse(TreeAgent):
    """Answers what another of these agents would play in everybody else's place, as well as can be."""

    kind: Literal["efg.best_response"] = "efg.best_response"
    to: str | dict[str, Any] = Field(
        "efg.equilibrium",
        description="Whom to answer: an agent for trees by name, or `{agent: efg.table, play: ...}` with what it takes.",
    )

    @model_validator(mode="after")
    def _answers_a_tree_agent(self) -> BestResponse:
        self.answered()
        return self

    def answered(self) -> TreeAgent:
        """
        Raises
        ------
        ScenarioError
            If ``to`` names no agent that plays trees.
        """
        given = {"agent": self.to} if isinstance(self.to, str) else dict(self.to)
        kind = given.pop("agent", given.pop("kind", None))
        if kind not in names("agents") or not issubclass(entry("agents", kind), TreeAgent):
            known = [name for name in names("agents") if name.startswith("efg.")]
            raise ScenarioError(f"'{kind}' is no agent for trees.", path="to", hint=did_you_mean(str(kind), known) or f"Agents: {', '.join(known)}.")  # fmt: skip
        found: TreeAgent = build("agents", {"kind": kind, **given})
        return found

    def behaviour(self, tree: Any) -> BehaviourProfile:
        from .efg_policies import answer_to

        return answer_to(tree, self.answered().behaviour(tree))


class Cfr(TreeAgent):
    """Plays the average of what CFR+ has learned in self-play on the very tree: two players, constant sum."""

    kind: Literal["efg.cfr"] = "efg.cfr"
    iterations: int = Field(1_000, ge=1, le=1_000_000, description="Rounds of self-play before it sits down.")
    variant: Literal["cfr+", "pcfr+"] = Field("cfr+", description="CFR+, or its predictive variant.")

    def misfit(self, environment: Any) -> str | None:
        found = super().misfit(environment)
        if found is not None:
            return found
        tree = environment.tree
        fits = tree.n == 2 and tree.is_constant_sum and tree.perfect_recall
        return (
            None
            if fits
            else "It plays in trees of two players whose payoffs add up to a constant and who forget nothing."
        )

    def behaviour(self, tree: Any) -> BehaviourProfile:
        from .efg_policies import learned

        return learned(tree, self.iterations, self.variant)


class Table(TreeAgent):
    """Plays what a table says at each information set, uniformly elsewhere."""

    kind: Literal["efg.table"] = "efg.table"
    play: dict[str, str | dict[str, float]] = Field(
        description="By information set (its name or place, such as `after Offer 1`; `Player: name` where several have it): an action, or chances by action."
    )

    def behaviour(self, tree: Any) -> BehaviourProfile:
        from gamesim.core.behaviour import as_behaviour, uniform_behaviour
        from gamesim.envs.efg.describe_game import place

        names = [
            {name, f"{tree.players[s.player]}: {name}", place(tree, h), f"{tree.players[s.player]}: {place(tree, h)}"}
            for h, (s, name) in enumerate(zip(tree.sets, tree.set_names, strict=True))
        ]
        vectors: list[Any] = list(uniform_behaviour(tree).probabilities)
        for key, said in self.play.items():
            where = [h for h, own in enumerate(names) if key in own]
            known = sorted(set().union(*names))
            if not where:
                raise ScenarioError(f"no information set '{key}'.", path="play", hint=did_you_mean(key, known) or f"Sets: {', '.join(known[:12])}.")  # fmt: skip
            if len(where) > 1:
                whose = [f"{tree.players[tree.sets[h].player]}: {key}" for h in where]
                raise ScenarioError(f"'{key}' names {len(where)} information sets.", path="play", hint=f"Say which: {', '.join(whose[:6])}.")  # fmt: skip
            for h in where:
                actions = tree.sets[h].actions
                chances = {said: 1.0} if isinstance(said, str) else said
                for action in chances:
                    if action not in actions:
                        raise ScenarioError(f"no action '{action}' there.", path=f"play.{key}", hint=did_you_mean(action, actions) or f"Actions: {', '.join(actions)}.")  # fmt: skip
                vectors[h] = [float(chances.get(action, 0.0)) for action in actions]
        return as_behaviour(tree, vectors)
