"""Who can stand on a board: a language model, or a rule agent under one name for all games."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gamesim.core.errors import ScenarioError, UnknownKindError, clean
from gamesim.core.policy import AgentSpec
from gamesim.core.registry import entry, names

RULE = "agent:"
LANGUAGE = "llm"  # the agent kind through which models play
TEMPERS = ("altruistic", "selfish")


@dataclass(frozen=True)
class Player:
    """One row of the board.

    Attributes
    ----------
    name : what tables call it.
    model : alias or short form of a language model; None for a rule agent.
    agent : name of a rule agent, with or without its family, or one name a family; None for a model.
    params : further parameters of the agent, such as a persona.
    """

    name: str
    model: str | None = None
    agent: str | Mapping[str, str] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    def line(self, environment: Any, seat: Mapping[str, Any]) -> dict[str, Any] | None:
        """A line of a population, on the seats that a line of the scenario has; None where a rule does not know the game.

        Parameters
        ----------
        seat : that line: count, probability, seat, and traits that a model takes over.
        """
        place = {key: seat[key] for key in ("count", "probability", "seat") if seat.get(key) is not None}
        if self.model is None:
            own = self.agent if isinstance(self.agent, str) else (self.agent or {}).get(environment.kind)
            kind = None if own is None else rule_for(own, environment, self.params)
            return None if kind is None else {"agent": kind, **self.params, **place}
        line: dict[str, Any] = {"agent": LANGUAGE, "model": self.model}
        fields = entry("agents", LANGUAGE).model_fields
        if seat.get("init") in TEMPERS and "disposition" in fields:
            line["disposition"] = seat["init"]
            if seat.get("sentence") is not None:
                line["sentence"] = seat["sentence"]
        return {**line, **self.params, **place}


def player_of(item: str | Mapping[str, Any]) -> Player:
    """A player from the word or mapping on the board.

    Examples
    --------
    >>> player_of("agent:greedy")
    Player(name='agent:greedy', model=None, agent='greedy', params={})
    >>> player_of({"name": "careful", "model": "big", "persona": "cautious"})
    Player(name='careful', model='big', agent=None, params={'persona': 'cautious'})
    """
    if isinstance(item, str):
        name = item.strip()
        if not name or name == RULE:
            raise ValueError("an empty name of a player")
        return Player(name, agent=name.removeprefix(RULE)) if name.startswith(RULE) else Player(name, model=name)
    given = dict(item)
    model, agent = given.pop("model", None), given.pop("agent", None)
    families = isinstance(agent, Mapping) and agent and all(isinstance(a, str) for a in agent.values())
    if (model is None) == (agent is None) or not (isinstance(model or agent, str) or families):
        raise ValueError("a player has a model or an agent: {name: careful, model: big, persona: cautious}")
    own = str(given.pop("name", "") or model or (f"{RULE}{agent}" if isinstance(agent, str) else ""))
    if not own:
        raise ValueError("a player with an agent for each game needs a name")
    return Player(own, model, agent, given)


def rule_for(name: str, environment: Any, params: Mapping[str, Any] | None = None) -> str | None:
    """The registered rule agent of that name that plays this game; None if there is one, but for other games.

    Raises
    ------
    UnknownKindError
        If no rule agent at all has that name.
    """
    from gamesim.run.seating import agent_config

    known = [kind for kind in names("agents") if kind != LANGUAGE]
    own = f"{environment.kind}.{name}"
    likely = [name] if name in known else [kind for kind in (own, *known) if kind == own or kind.split(".")[-1] == name]
    likely = [kind for kind in dict.fromkeys(likely) if kind in known]
    if not likely:
        raise UnknownKindError.named("rule agent", name, {kind.split(".")[-1] for kind in known}, path="board")
    reasons = []
    for kind in likely:
        try:
            agent_config(AgentSpec(kind, dict(params or {}))).build(environment)
        except ScenarioError as error:
            reasons.append(str(error))
            continue
        return kind
    if params and len(likely) == 1 and name == likely[0]:
        raise ScenarioError(f"'{clean(name, 60)}' cannot play: {reasons[0]}", path="board")
    return None
