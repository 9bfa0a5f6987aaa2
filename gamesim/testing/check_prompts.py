"""``check_prompts``: that the prompts of an environment give nothing away and say the same in every wording.

from gamesim.testing import check_prompts

def test_contract():
    check_prompts({"kind": "commons", "players": 4})

Three tests. *Differential*: a latent parameter is changed and the observation held fixed; every prompt must stay the same to
the byte. *Sentinel*: societies with odd latent values are played at random, and no prompt may hold one of these, or a figure
derived from them, as a whole token: exact, rounded to three or four digits, or as per cent. *Wordings*: all wordings use the
same values, and no rendered section is more than 30 % longer than another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from gamesim.core.describe import Describer, Description
from gamesim.core.errors import GamesimError, PluginError
from gamesim.core.seeds import Seeds
from gamesim.envs.base import Environment, EnvironmentConfig
from gamesim.envs.prompts import WORDINGS, Prompts, languages, said

from .environments import environment_config

SPREAD = 0.3
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?%?(?![\w]|\.\d)")


class Leak(PluginError):
    """A prompt holds what it must not, or lacks what it must hold."""


@dataclass(frozen=True)
class Seen:
    """One question as it arose in play."""

    observation: Any
    agent: str
    info: Mapping[str, Any]


def check_prompts(
    environment: EnvironmentConfig | Mapping[str, Any] | str,
    *,
    describer: Describer | None = None,
    seeds: tuple[int, ...] = (0, 1),
    max_steps: int = 60,
) -> None:
    """Raise unless an environment's prompts keep its secrets and agree with each other.

    Parameters
    ----------
    environment : a configuration, or what makes one.
    describer : by default the environment's own; its ``disguised`` configurations are described by one of its type.
    seeds : episodes played at random for each configuration.

    Raises
    ------
    Leak
        With the prompt's line and the figure, phrase or parameter.
    PluginError
        If the environment does not describe itself.
    """
    config = environment_config(environment)
    describer = describer or config.describer()
    if describer is None:
        raise PluginError(f"environment '{config.kind}' has no describer.")
    forms = [describer, *([bundled] if (bundled := describer.bundled()) is not None else [])]
    for form in forms:
        for lang in languages(form.prompts):
            _differential(config, form, lang, seeds[0], max_steps)
            for wording in range(WORDINGS):
                _sentinel(form, Prompts(form.prompts, lang, wording), seeds, max_steps)
            _wordings(config, form, lang, seeds[0], max_steps)


def rendered(prompts: Prompts, describer: Describer, seen: Seen) -> str:
    """Everything the game itself says to one agent at one moment."""
    description = describer.describe(seen.observation, seen.agent, seen.info)
    texts = [prompts.render("rules", describer.rules())]
    recap = describer.recap(seen.observation, seen.agent, seen.info)
    slots = slots_of(description)
    texts += [prompts.render("recap", recap)] if recap is not None and _whole(recap) else []
    return "\n".join([*texts, prompts.render("situation", slots), prompts.render(description.template, slots)])


def slots_of(description: Description) -> dict[str, Any]:
    """The values of a question, lists to choose from in their own order."""
    found = dict(description.slots)
    for part in description.parts:
        if part.options is not None:
            found["options"] = [{"place": i, "text": option.text} for i, option in enumerate(part.options, start=1)]
    return found


def _whole(recap: Mapping[str, Any]) -> bool:
    return all(value is not None for key, value in recap.items() if key in ("payoff", "choice"))


def moments(config: EnvironmentConfig, seed: int, max_steps: int) -> Iterator[Seen]:
    """Questions of an episode in which everybody does anything legal."""
    environment: Environment = config.build()
    rng = Seeds(seed).stream("check_prompts")
    observations, infos = environment.reset(seed=seed)
    seen, told = dict(observations), dict(infos)
    for _ in range(max_steps):
        if not environment.agents:
            return
        movers = environment.movers()
        for agent in movers:
            yield Seen(seen[agent], agent, told.get(agent, {}))
        actions = {agent: environment.action_spec(agent).sample(rng) for agent in movers}
        observations, _, _, _, infos = environment.step(actions)
        seen.update(observations)
        told.update(infos)


def _differential(config: EnvironmentConfig, describer: Describer, lang: str, seed: int, max_steps: int) -> None:
    prompts = Prompts(describer.prompts, lang, 0)
    others = {name: _alike(describer, other) for name, other in describer.altered().items()}
    missing = set(describer.latent) - set(others)
    if missing:
        raise Leak(f"no configuration changes the latent parameter '{sorted(missing)[0]}' alone.", path=config.kind)
    for seen in moments(config, seed, max_steps):
        plain = rendered(prompts, describer, seen)
        for name, other in others.items():
            changed = rendered(prompts, other, seen)
            if changed != plain:
                raise Leak(f"prompts depend on '{name}': {_difference(plain, changed)}", path=config.kind)


def _sentinel(describer: Describer, prompts: Prompts, seeds: tuple[int, ...], max_steps: int) -> None:
    for config in describer.disguised():
        odd = _alike(describer, config)
        for seed in seeds:
            for seen in moments(config, seed, max_steps):
                text = rendered(prompts, odd, seen)
                _holds_no_secret(text, odd, seen, prompts)
        rules = prompts.render("rules", odd.rules())
        for name, value in odd.told.items():
            if not forms(value) & set(_NUMBER.findall(rules)):
                raise Leak(f"'{name}' is to be told, and the rules do not hold {said(value)}.", where=str(prompts.file))


def _holds_no_secret(text: str, describer: Describer, seen: Seen, prompts: Prompts) -> None:
    secrets = describer.secrets(seen.observation)
    known = _known(seen.observation)
    for line in text.splitlines():
        tokens = set(_NUMBER.findall(line))
        for name, value in secrets.figures.items():
            found = (forms(value) & tokens) - known
            if found:
                raise Leak(
                    f"a prompt holds {sorted(found)[0]}, which is the {name}: '{line.strip()[:120]}'.",
                    where=str(prompts.file),
                    path=seen.agent,
                )
        for phrase in secrets.phrases:
            if phrase in line.casefold():
                raise Leak(
                    f"a prompt says '{phrase}': '{line.strip()[:120]}'.", where=str(prompts.file), path=seen.agent
                )


def forms(value: float) -> set[str]:
    """How a figure may stand in a text: exact, rounded to three or four digits, to whole, and as per cent.

    Examples
    --------
    >>> sorted(forms(0.6173))
    ['0.617', '0.6173', '61.7', '61.7%', '61.73', '61.73%', '62%']
    """
    found = set()
    for number, mark in ((value, ""), (100 * value, "%")):
        texts = {f"{Decimal(repr(round(number, 10))):f}", *(f"{Decimal(f'{number:.{n}g}'):f}" for n in (3, 4))}
        if mark:
            texts |= {text + mark for text in texts} | {f"{number:.0f}%"}
        found |= {text.removesuffix(".0") for text in texts}
    # One or two bare digits are in every text; only figures that stand out can be found again.
    return {
        text
        for text in found
        if text.endswith("%") or len(re.sub(r"\D", "", text).lstrip("0")) >= 3 or text == said(value)
    }


def _known(observation: Any) -> set[str]:
    """All numbers of an observation as prompts would show them: what somebody sees anyway is no leak."""
    found: set[str] = set()
    values = observation.values() if isinstance(observation, Mapping) else [observation]
    for value in values:
        try:
            numbers = np.asarray(value, dtype=np.float64).ravel()
        except (TypeError, ValueError):
            continue
        found |= {said(float(number)) for number in numbers if np.isfinite(number)}
    return found


def _wordings(config: EnvironmentConfig, describer: Describer, lang: str, seed: int, max_steps: int) -> None:
    all_prompts = [Prompts(describer.prompts, lang, wording) for wording in range(WORDINGS)]
    first = all_prompts[0]
    for other in all_prompts[1:]:
        if set(first.names) != set(other.names):
            odd = sorted(set(first.names) ^ set(other.names))[0]
            raise Leak(f"section '{odd}' stands in one wording only.", where=str(other.file))
        for name in first.names:
            if first.places(name) != other.places(name):
                odd = sorted(first.places(name) ^ other.places(name))[0]
                raise Leak(f"section '{name}': '{odd}' stands in one wording only.", where=str(other.file))
    for seen in moments(config, seed, max_steps):
        lengths = [len(rendered(prompts, describer, seen)) for prompts in all_prompts]
        if max(lengths) > (1 + SPREAD) * min(lengths):
            raise Leak(f"wordings differ in length by more than 30 %: {lengths}.", where=str(first.file))
        numbers = [sorted(_NUMBER.findall(rendered(prompts, describer, seen))) for prompts in all_prompts]
        if any(other != numbers[0] for other in numbers[1:]):
            raise Leak("wordings hold different numbers.", where=str(first.file), path=seen.agent)


def _alike(describer: Describer, config: EnvironmentConfig) -> Any:
    """A describer of the same type, and form, for another configuration."""
    try:
        other: Any = type(describer)(config)  # type: ignore[call-arg]
    except GamesimError:
        raise
    except TypeError as error:
        raise PluginError(f"{type(describer).__name__} is not made of a configuration alone: {error}.") from error
    bundled = other.bundled()
    fewer = getattr(describer, "bundle", False)
    return bundled if fewer and bundled is not None else other


def _difference(one: str, other: str) -> str:
    for left, right in zip(one.splitlines(), other.splitlines(), strict=False):
        if left != right:
            return f"'{left[:100]}' and '{right[:100]}'."
    return "one is longer."
