"""Language players in a run: bound to its Broker, in a game that lets them talk, judged by the game's rule for failed answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import ScenarioError
from gamesim.core.language import LanguageKeys
from gamesim.core.policy import Decision
from gamesim.envs.config import EnvironmentConfig

from .seating import Seated

if TYPE_CHECKING:
    from gamesim.envs.base import Environment

VALID = frozenset({"ok", "repaired", "injected"})  # outcomes whose action the agent chose


def attached(group: Seated, broker: Any, language: Mapping[str, Any] | LanguageKeys) -> Seated:
    """A group whose policy asks somebody outside gets the Broker to ask through, and the traits that come with it."""
    attach = getattr(group.policy, "attach", None)
    if attach is None:
        return group
    policy = attach(broker, language)
    profile = policy.seat_profile() if hasattr(policy, "seat_profile") else group.profile
    return replace(group, policy=policy, profile=profile)


def on_invalid(environment: EnvironmentConfig, language: Mapping[str, Any] | LanguageKeys) -> str:
    """What becomes of a failed answer: as the scenario says, else as the game says."""
    return _keys(language).on_invalid or environment.on_invalid


def listening(environment: Environment, language: Mapping[str, Any] | LanguageKeys) -> Environment:
    """The environment, with talk where the scenario has it."""
    keys = _keys(language)
    if keys.communication is None:
        return environment
    from gamesim.envs.talk import TalkEnvironment

    return TalkEnvironment(environment, keys.communication, keys.injection)


def asked_for(decision: Decision) -> bool:
    """Whether a model was asked for it: what was decided beforehand, or had no alternative, is not counted twice."""
    return bool(decision.calls) or decision.outcome != "ok"


def check_language(environment: EnvironmentConfig, language: Mapping[str, Any] | LanguageKeys) -> None:
    """Raise where a scenario asks of its language what its environment cannot give.

    Raises
    ------
    ScenarioError
    """
    keys = _keys(language)
    rule = on_invalid(environment, keys)
    if rule in ("abstain", "repeat_last") and not environment.abstains:
        raise ScenarioError(
            f"{rule} needs a way to abstain, and '{environment.kind}' has none.",
            path="language.on_invalid",
            hint="Possible: abort_run, action:<label>.",
        )
    if keys.injection is not None and keys.injection.carrier not in environment.seats():
        raise ScenarioError(
            f"no seat '{keys.injection.carrier[:60]}'.", path="language.injection.carrier",
            hint=f"Seats: {', '.join(environment.seats()[:8])}.",
        )  # fmt: skip
    describer = environment.describer()
    if describer is None:
        return
    from gamesim.envs.prompts import Prompts

    Prompts(describer.prompts, keys.lang, keys.paraphrase)
    if keys.calls == "bundled" and describer.bundled() is None:
        raise ScenarioError(
            f"'{environment.kind}' asks one decision a call.", path="language.calls", hint="Keep faithful."
        )


def _keys(language: Mapping[str, Any] | LanguageKeys) -> LanguageKeys:
    return language if isinstance(language, LanguageKeys) else LanguageKeys(**dict(language))
