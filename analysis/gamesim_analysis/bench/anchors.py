"""What a scenario is scored by, and what scores 0 and 1: computed, never guessed.

score = (metric - zero) / (one - zero), not clipped: a society may do worse than the rule at 0 and better than the one at 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gamesim.core.errors import MetricError, ScenarioError, clean, did_you_mean

if TYPE_CHECKING:
    from .config import Played

RULE = "rule:"
NAMES = {"survival_time": "T_s", "harvest": "total_harvest"}  # words for outcomes of the environments that come with us
WORDS = ("horizon", "equilibrium", "optimum")

# Environment -> (what is scored, what scores 0, what scores 1).
DEFAULTS: Mapping[str, tuple[str, str, str]] = {
    "commons": ("survival_time", "rule:greedy", "horizon"),
    "matrix": ("welfare", "equilibrium", "optimum"),
    "ostrom_gardner_walker": ("welfare", "rule:equilibrium", "rule:optimum"),
    "public_good": ("welfare", "rule:equilibrium", "rule:optimum"),
    "fish_war": ("discounted", "rule:equilibrium", "rule:optimum"),
}


@dataclass(frozen=True)
class Anchor:
    """One end of a scale: a number, or the mean of societies of a rule on the board's own seeds."""

    text: str
    value: float | None = None
    rule: str | None = None


@dataclass(frozen=True)
class Scale:
    """What is scored in one scenario. ``survival`` where it is a lifetime, which the horizon may censor."""

    primary: str
    column: str
    zero: Anchor
    one: Anchor
    survival: bool


def scale_of(played: Played, environment: Any) -> Scale:
    """The scale of a scenario, from its own words or those of its environment.

    Raises
    ------
    ScenarioError
        If nothing says what to score, or an anchor cannot be computed for this game.
    """
    primary, zero, one = DEFAULTS.get(environment.kind, (None, None, None))
    primary = played.primary or primary
    given_zero = zero if played.anchors.zero is None else played.anchors.zero
    given_one = one if played.anchors.one is None else played.anchors.one
    for key, value in (("primary", primary), ("anchors.zero", given_zero), ("anchors.one", given_one)):
        if value is None:
            raise ScenarioError(
                f"'{clean(environment.kind, 60)}' does not say what is scored.",
                path=f"scenarios.{clean(played.name, 60)}.{key}",
                hint="Such as: primary: welfare, anchors: {zero: rule:random, one: 100}.",
            )
    assert primary is not None
    column = NAMES.get(primary, primary)
    ends = [_anchor(str(value) if not isinstance(value, (int, float)) else value, column, environment, played)
            for value in (given_zero, given_one) if value is not None]  # fmt: skip
    return Scale(primary, column, ends[0], ends[1], column == "T_s")


def _anchor(given: float | str, column: str, environment: Any, played: Played) -> Anchor:
    if isinstance(given, (int, float)):
        return Anchor(f"{given:g}", float(given))
    if given.startswith(RULE):
        return Anchor(given, rule=given.removeprefix(RULE))
    path = f"scenarios.{clean(played.name, 60)}.anchors"
    if given not in WORDS:
        raise ScenarioError(
            f"'{clean(given, 60)}' is no anchor.",
            path=path,
            hint=did_you_mean(given, WORDS) or f"A number, rule:<policy>, {', '.join(WORDS)}.",
        )
    try:
        return Anchor(given, _computed(given, column, environment))
    except MetricError as error:
        raise ScenarioError(
            f"'{given}' cannot be computed here: {error}", path=path, hint="Name a number or a rule."
        ) from error


def _computed(word: str, column: str, environment: Any) -> float:
    if word == "horizon":
        horizon = getattr(environment, "horizon", None)
        if horizon is None:
            raise MetricError("this environment has no horizon.")
        return float(horizon)
    if environment.kind == "commons" and word == "optimum":
        return _best_catch(column, environment)
    from gamesim.core.normal_form import NormalFormGame
    from gamesim.core.symmetric import SymmetricGame

    game = environment.game()
    if not isinstance(game, (NormalFormGame, SymmetricGame)):
        raise MetricError("this environment has no formal game with a table.")
    if column != "welfare":
        raise MetricError(f"theory says welfare, not {column}.")
    return float(environment.horizon) * (_best(game) if word == "optimum" else _worst_equilibrium(game))


def _best_catch(column: str, environment: Any) -> float:
    from gamesim_analysis.commons.targets import optimum_harvest

    best = optimum_harvest(environment)
    if column == "total_harvest":
        return float(best)
    if column == "welfare":  # everybody lives to the end and pays for it
        return float(best - environment.upkeep.consumption * environment.players * environment.horizon)
    raise MetricError(f"the optimum is a harvest, not {column}.")


def _best(game: Any) -> float:
    from gamesim_analysis.empirical.society_regret import best_welfare

    return best_welfare(game)


def _worst_equilibrium(game: Any) -> float:
    """The lowest welfare of a pure equilibrium."""
    from gamesim.core.profiles import pure
    from gamesim_analysis.equilibrium.method import payoffs_of

    found = game.pure_equilibria()
    if not found:
        raise MetricError("the game has no pure equilibrium.")
    return min(float(sum(payoffs_of(game, pure(game.shape, cell)))) for cell in found)
