"""What language models are told of a commons: names and numbers for the templates in ``prompts/``.

Latent, the default: nobody is told the law of growth, its rate and capacity, the productivity of effort, the horizon, or
what the group could live off. Told are the stock (where it is visible), the norm, what one eats, one's own last outcomes,
and, where imitation is on, what the others did and have. Where imitation is off in a society that has other institutions
(the paper's ablation without social learning) others are not shown; in the sanction phase one sees the catches of those
one may fine. Mode ``explicit`` adds what ``information.explicit`` lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gamesim.core.describe import Description, Option, Part, Secrets, Words
from gamesim.core.policy import EMPTY

from .config import Universalization
from .growth import sustainable_harvest
from .observe import PHASES
from .perturbations import Timeline
from .texts import LONGEST

if TYPE_CHECKING:
    from .config import Commons

NAMES = {code: name for name, code in PHASES.items()}
PHRASES = (
    "carrying capacity", "growth rate", "logistic", "doubles", "sustainable yield", "maximum yield", "rounds remaining",
)  # fmt: skip


class CommonsDescriber:
    """See the module. ``bundle``: two questions a round instead of four, which is not the paper's protocol."""

    prompts = Path(__file__).parent / "prompts"

    def __init__(self, config: Commons, *, bundle: bool = False) -> None:
        self.config = config
        self.bundle = bundle
        self._timeline = Timeline(config)

    def bundled(self) -> CommonsDescriber:
        return CommonsDescriber(self.config, bundle=True)

    # -- what is told ----------------------------------------------------------------------------------------------

    def rules(self) -> dict[str, Any]:
        config = self.config
        law, rules = config.growth, config.institutions
        explicit = set(config.information.explicit) if config.information.mode == "explicit" else set()
        growth = "growth" in explicit
        return {
            "chore": law.law == "inverse",
            "asks": config.harvest.catch == "request",
            "two": config.second_stock is not None,
            "lottery": config.harvest.catch == "request" and config.harvest.rationing != "proportional",
            "eats": config.upkeep.consumption or None,
            "dies": config.upkeep.starvation == "remove" and config.upkeep.consumption > 0,
            "law": law.law if growth else None,
            "rate": law.rate if growth else None,
            "capacity": law.capacity if growth else None,
            "factor": law.factor if growth else None,
            "addition": law.addition if growth else None,
            "border": law.allee if growth else None,
            "productivity": config.harvest.productivity
            if "payoff" in explicit and config.harvest.catch != "request"
            else None,
            "votes": rules.voting is not None,
            "leader": rules.leader is not None,
        }

    def describe(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> Description:
        phase = NAMES[int(observation["phase"])]
        slots = self._situation(observation, agent, info, phase)
        maker = {
            "harvest": self._harvest, "sanction": self._sanction, "counter": self._counter, "norm": self._norm, "vote": self._vote,
        }[phase]  # fmt: skip
        found = maker(observation, agent, info)
        return replace(found, slots={**slots, **found.slots}, round=int(observation["round"]))

    def recap(self, observation: Any, agent: str, info: Mapping[str, Any] = EMPTY) -> None:
        """One's own last outcomes stand in every situation already."""
        return None

    def _situation(self, seen: Any, agent: str, info: Mapping[str, Any], phase: str) -> dict[str, Any]:
        config = self.config
        round_ = int(seen["round"])
        rules = self._timeline.at(round_)
        decided = rules.voting is not None or rules.leader is not None
        text = config.institutions.text
        belief = None if text or not decided else _value(seen["belief"])
        outcomes = [
            {"harvest": _value(harvest), "payoff": _value(payoff)}
            for harvest, payoff in zip(seen["history_harvest"], seen["history_payoff"], strict=True)
            if not np.isnan(harvest)
        ]
        universal = None
        if rules.universalization or "threshold" in seen:
            universal = self._threshold(seen)
        leader = int(seen["leader"]) if "leader" in seen else config.players
        return {
            "me": agent,
            "chore": config.growth.law == "inverse",
            "asks": config.harvest.catch == "request",
            "two": config.second_stock is not None,
            "day": round_,
            "stock": _value(seen["stock"]) if "stock" in seen else None,
            "stock_2": _value(seen["stock_2"]) if "stock_2" in seen else None,
            "wealth": _value(seen["wealth"]) if config.upkeep.consumption or config.institutions.sanctions else None,
            "outcomes": outcomes,
            "norm": info.get("norm_text") if text else (_value(seen["norm"]) if decided else None),
            "words": text,
            "belief": belief,
            "quota": _value(seen["quota"]),
            "fines": int(seen["fines"]),
            "leader": self._name(leader) if leader < config.players else None,
            "threshold": universal,
            "universal": bool(rules.universalization),
            "others": self._others(seen, agent) if self._shown(rules) and phase in ("harvest", "norm", "vote") else [],
        }

    @staticmethod
    def _shown(rules: Any) -> bool:
        """Whether others' outcomes are shown: always, but in a society with institutions in which nobody imitates."""
        institutions = rules.sanctions is not None or rules.voting is not None or rules.leader is not None
        return rules.revision is not None or not institutions

    def _threshold(self, seen: Any) -> float | None:
        if "threshold" in seen:
            return _value(seen["threshold"])
        if "stock" not in seen:
            return None
        law = self._timeline.at(int(seen["round"])).law
        total = sustainable_harvest(np.array([float(seen["stock"])]), law)[0]
        count = self.config.beginners if self.config.information.legacy_threshold else int(np.sum(seen["board_alive"]))
        each = total / max(1, count)
        whole = self.config.harvest.catch == "request" and self.config.harvest.integer
        return float(np.floor(each)) if whole else float(each)

    def _others(self, seen: Any, agent: str) -> list[dict[str, Any]]:
        """What one sees of the others; those one does not see are left out."""
        found = []
        own = int(seen["index"])
        asks = self.config.harvest.catch == "request"
        for place, alive in enumerate(seen["board_alive"]):
            effort, harvest, wealth = (_value(seen[f"board_{key}"][place]) for key in ("effort", "harvest", "wealth"))
            if place == own or wealth is None or (not alive and effort is None):
                continue
            found.append(
                {
                    "name": self._name(place),
                    "alive": bool(alive),
                    "did": harvest if asks else effort,
                    "wealth": wealth,
                }
            )
        return found

    def _name(self, place: int) -> str:
        return f"player_{place}"

    # -- questions -------------------------------------------------------------------------------------------------

    def _harvest(self, seen: Any, agent: str, info: Mapping[str, Any]) -> Description:
        return Description("harvest", {}, (self._effort(),))

    def _effort(self, view: Mapping[str, Any] = EMPTY) -> Part:
        config = self.config
        if config.second_stock is not None:
            share = {"type": "number", "minimum": 0, "maximum": 1}
            # The second may be null: then the first is the total, split where the fish are.
            parts = {"effort": share, "effort_2": {**share, "type": ["number", "null"]}}
            schema: dict[str, Any] = {"type": "object", "properties": parts}
            return Part("harvest", "effort", schema, read=_both, write=_split)
        whole = config.harvest.catch == "request" and config.harvest.integer
        key = "request" if config.harvest.catch == "request" else "effort"
        limit = int(config.limit) if config.limit == int(config.limit) else config.limit
        return Part(
            "harvest", key, {"type": "integer" if whole else "number", "minimum": 0, "maximum": limit}, view=view
        )

    def _sanction(self, seen: Any, agent: str, info: Mapping[str, Any]) -> Description:
        rules = self._timeline.at(int(seen["round"]))
        inspected = int(seen["inspected"])
        harvests = [
            {"name": self._name(i), "number": i, "harvest": _value(seen["board_harvest"][i])}
            for i in range(self.config.players)
            if i != int(seen["index"]) and seen["board_alive"][i] and _value(seen["board_harvest"][i]) is not None
        ]
        slots = {
            "fine": _value(seen["fine"]),
            "cost": _value(seen["cost"]),
            "harvests": harvests,
            "inspected": self._name(inspected) if inspected < self.config.players else None,
            "violation": bool(seen["violation"]),
            "broken": _value(seen["norm"]) if not self.config.institutions.text else None,
        }
        target = Part("sanction", "target", None, write=self._nobody)
        decides = "norm" in rules.phases
        if not (self.bundle and decides):
            return Description("sanction", slots, (target,))
        return Description("bundle_b", slots, (target, self._cap("norm")), self._words(first=False))

    def _counter(self, seen: Any, agent: str, info: Mapping[str, Any]) -> Description:
        by = int(seen["fined_by"])
        slots = {
            "fine": _value(seen["fine"]),
            "cost": _value(seen["cost"]),
            "fined_by": self._name(by) if by < self.config.players else None,
        }
        return Description("counter", slots, (Part("counter", "target", None, write=self._nobody),))

    def _norm(self, seen: Any, agent: str, info: Mapping[str, Any]) -> Description:
        return Description("norm", {}, (self._cap(),), self._words())

    def _cap(self, ahead: str | None = None) -> Part:
        """The cap proposed; with text norms it is an aside that binds nobody."""
        kinds = ["number", "null"] if self.config.institutions.text else "number"
        view = {"phase": PHASES["norm"]} if ahead else {}
        return Part("norm", "cap", {"type": kinds, "minimum": 0}, view=view)

    def _words(self, *, first: bool = True) -> tuple[Words, ...]:
        """Sentences asked for; where norms are sentences, the one proposed is the action and stands first."""
        personal = Words("personal", LONGEST)
        if not self.config.institutions.text:
            return (personal,)
        return (Words("community", LONGEST, first=first), personal)

    def _vote(self, seen: Any, agent: str, info: Mapping[str, Any]) -> Description:
        if bool(seen["election"]) if "election" in seen else False:
            return self._election(seen)
        numbers = [float(value) for value in seen["proposals"] if not np.isnan(value)]
        sentences = list(info.get("proposals") or ())
        text = self.config.institutions.text
        options = tuple(
            Option(sentences[place] if text else self._cap_text(number), float(place))
            for place, number in enumerate(numbers)
        )
        choice = Part("vote", "choice", options=options)
        if not self.bundle:
            return Description("vote", {}, (choice,))
        if int(seen["round"]) >= self.config.horizon:
            return Description(
                "vote", {}, (Part("vote", "choice", options=()),)
            )  # no day comes that a vote could change
        return Description("bundle_a", {}, (choice, self._effort({"phase": PHASES["harvest"]})))

    def _election(self, seen: Any) -> Description:
        options = tuple(
            Option(
                f"{self._name(place)}: {self._cap_text(float(proposal))}"
                if not np.isnan(proposal)
                else self._name(place),
                float(place),
            )
            for place, proposal in enumerate(seen["board_proposal"])
            if seen["board_alive"][place]
        )
        return Description("election", {}, (Part("vote", "choice", options=options),))

    @staticmethod
    def _cap_text(number: float) -> str:
        from gamesim.envs.prompts import said

        return said(number)

    def _nobody(self, action: Any) -> int | None:
        """A target as an answer says it: null for nobody."""
        target = int(action)
        return None if target >= self.config.players else target

    # -- what is not told ------------------------------------------------------------------------------------------

    @property
    def latent(self) -> dict[str, float]:
        """What prompts do not depend on; where f(R) is told, they do depend on the law that it follows from."""
        follows = {"rate", "capacity"} if self._threshold_told() else set()
        return {name: value for name, value in self._hidden().items() if name not in follows}

    def _threshold_told(self) -> bool:
        told = self.config.information
        later = any(isinstance(event, Universalization) for event in self.config.perturbations)
        return told.threshold or told.universalization or later

    def _hidden(self) -> dict[str, float]:
        config, explicit = self.config, set(self._explicit())
        found: dict[str, float] = {"horizon": float(config.horizon)}
        if "growth" not in explicit:
            if config.growth.law in ("logistic", "allee", "chemostat"):
                found["rate"] = config.growth.rate
            # Where as much may be asked as the stock can hold, that is said with the legal answers.
            if not (config.harvest.catch == "request" and config.limit == config.growth.capacity):
                found["capacity"] = config.growth.capacity
        if "payoff" not in explicit and config.harvest.catch != "request":
            found["productivity"] = config.harvest.productivity
        return found

    @property
    def told(self) -> dict[str, float]:
        config, explicit = self.config, set(self._explicit())
        found = {}
        if "growth" in explicit:
            if config.growth.law in ("logistic", "allee", "chemostat"):
                found["rate"] = config.growth.rate
            found["capacity"] = config.growth.capacity
        if "payoff" in explicit and config.harvest.catch != "request":
            found["productivity"] = config.harvest.productivity
        return found

    def _explicit(self) -> Sequence[str]:
        return self.config.information.explicit if self.config.information.mode == "explicit" else ()

    def secrets(self, observation: Any) -> Secrets:
        latent = self._hidden()
        figures = dict(latent)
        law = self.config.growth.law_object()
        if {"rate", "capacity"} <= set(latent):
            rate, capacity = law.rate, law.capacity
            figures |= {
                "yield": rate * capacity / 4,
                "half of capacity": capacity / 2,
                "best share": rate / (2 + rate),
                "extinction share": rate / (1 + rate),
            }
        universal = self._timeline.at(int(observation["round"])).universalization
        if "capacity" in latent and not universal and "threshold" not in observation and "stock" in observation:
            figures["sustainable harvest"] = float(sustainable_harvest(np.array([float(observation["stock"])]), law)[0])
        return Secrets(figures, PHRASES if "growth" not in self._explicit() else ())

    def disguised(self) -> list[Commons]:
        """The same scenario with the odd figures of the leak test."""
        config = self.config
        odd = {"rate": 0.6173, "capacity": 307.13, "initial": 211.9}
        if config.growth.law == "allee":
            odd["allee"] = 61.07
        growth = config.growth.model_copy(update=odd)
        harvest = config.harvest.model_copy(update={"productivity": 0.03191})
        return [config.model_copy(update={"growth": growth, "harvest": harvest, "horizon": 53})]

    def altered(self) -> dict[str, Commons]:
        config, found = self.config, {}
        if "horizon" in self.latent:
            found["horizon"] = config.model_copy(update={"horizon": config.horizon + 7})
        if "rate" in self.latent:
            rate = config.growth.model_copy(update={"rate": config.growth.rate * 0.83})
            found["rate"] = config.model_copy(update={"growth": rate})
        if "capacity" in self.latent:
            capacity = config.growth.model_copy(update={"capacity": config.growth.capacity * 1.37})
            found["capacity"] = config.model_copy(update={"growth": capacity})
        if "productivity" in self.latent:
            productivity = config.harvest.model_copy(update={"productivity": config.harvest.productivity * 0.71})
            found["productivity"] = config.model_copy(update={"harvest": productivity})
        return found


def _value(number: Any) -> float | None:
    """A number of an observation; None where it has none."""
    value = float(number)
    return None if np.isnan(value) else value


def _both(fields: Mapping[str, Any]) -> Any:
    return fields["effort"] if fields["effort_2"] is None else dict(fields)


def _split(action: Any) -> dict[str, Any]:
    if isinstance(action, Mapping):
        return {"effort": action["effort"], "effort_2": action["effort_2"]}
    return {"effort": action, "effort_2": None}
