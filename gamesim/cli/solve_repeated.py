"""``gamesim solve`` of a game that is played again and again: ``--concept folk`` and ``--concept memory_one``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import UsageError
from .output import Output

if TYPE_CHECKING:
    from gamesim_analysis.equilibrium.sources import Source

    from gamesim.core.normal_form import NormalFormGame

Discount = Annotated[
    float | None,
    typer.Option("--discount", metavar="D", help="Of folk, memory_one: what a round is worth beside the one before it, 0 to 1."),
]  # fmt: skip

TAKES = {"folk": ("target",), "memory_one": ("p", "q", "noise", "turns")}  # concept -> what --param may give it
REPEATED = tuple(TAKES)


def repeated(
    out: Output, concept: str, source: Source, discount: float | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """What patience makes possible, or what two strategies with memory earn; said, and as data.

    Raises
    ------
    UsageError
        For a discount or a parameter that is none.
    UnsupportedGameError
        For what is no game in normal or extensive form.
    """
    from gamesim_analysis.equilibrium.method import is_formal
    from gamesim_analysis.equilibrium.told import facts, summary

    from gamesim.core.errors import UnsupportedGameError, clean, did_you_mean, listed

    if discount is not None and not 0 < discount < 1:
        raise UsageError(f"{discount:g} is not between 0 and 1.", where="--discount")
    for name in given:
        if name not in TAKES[concept]:
            hint = did_you_mean(name, TAKES[concept]) or f"Possible: {listed(TAKES[concept])}"
            raise UsageError(f"{concept} has no parameter '{clean(name, 40)}'.", where="--param", hint=hint)
    reason = is_formal(source.game)
    if reason:
        raise UnsupportedGameError(f"{reason}.")
    noise = getattr(source.environment, "noise", 0.0)
    game = source.environment.table if noise else source.game  # slips happen in play, not in the payoffs
    stage: NormalFormGame = game.to_normal_form()
    out.say(f"{clean(source.name, 80)}, again and again: {summary(game)}")
    if concept == "folk":
        found = _folk(out, stage, discount, given)
        note = "Everybody is taken to see what everybody chose" + (f"; the noise of {noise:g} is left out." if noise else ".")  # fmt: skip
    else:
        found = _memory_one(out, stage, discount, {"noise": noise, **given})
        note = f"An action comes out as the other one with probability {found['noise']:g}." if found["noise"] else ""
    if note:
        out.say(f"Note: {note}")
    told = {"concept": concept, "discount": discount, **found}
    return {"game": facts(game), "repeated": told, "notes": [note] if note else []}


def _folk(out: Output, stage: NormalFormGame, discount: float | None, given: Mapping[str, Any]) -> dict[str, Any]:
    from gamesim_analysis.equilibrium.folk_theorem import folk_theorem

    found = folk_theorem(stage, target=_target(stage, given.get("target")))
    players = stage.players
    each = found.by_player or (None,) * stage.n
    rows = [
        [player, figure(pure), figure(mixed), figure(after), "–" if found.target is None else "never" if d is None else figure(d)]
        for player, pure, mixed, after, d in zip(players, found.minmax_pure, found.minmax, found.punishments, each, strict=True)
    ]  # fmt: skip
    out.table(["player", "minmax, pure", "minmax, mixed", "worst equilibrium", "discount"], rows)
    corners = None if found.vertices is None else [[float(x) + 0.0 for x in corner] for corner in found.vertices]
    if corners is not None:
        shown = ", ".join("(" + ", ".join(figure(x) for x in corner) + ")" for corner in corners)
        out.say(f"Payoffs that patient players can have in equilibrium: every mixture of {shown}." if corners else "No feasible payoffs are at or above both minmax payoffs.")  # fmt: skip
    target = None if found.target is None else [stage.actions[i][a] for i, a in enumerate(found.target)]
    holds = None if discount is None or target is None else found.holds(discount)
    if target is None:
        out.say("No pure profile gives everybody more than a stage equilibrium that is bad for her: grim triggers hold none.")  # fmt: skip
    else:
        pays = ", ".join(map(figure, found.target_payoffs))
        from_ = "at no discount" if found.critical_discount is None else f"from a discount of {figure(found.critical_discount)} on"  # fmt: skip
        out.say(f"Grim triggers hold {'/'.join(target)}, which pays ({pays}), {from_}.")
    if holds is not None:
        out.say(f"At discount {discount:g}: {'held' if holds else 'not held; it pays somebody to leave'}.")
    return {
        "minmax_pure": [_plain(v) for v in found.minmax_pure], "minmax": [_plain(v) for v in found.minmax], "vertices": corners,
        "punishments": [_plain(v) for v in found.punishments], "target": target, "target_payoffs": [_plain(v) for v in found.target_payoffs],
        "critical_discount": _plain(found.critical_discount), "by_player": [_plain(v) for v in found.by_player], "holds": holds,
    }  # fmt: skip


def _target(stage: NormalFormGame, given: Any) -> list[int] | None:
    """A pure profile from the labels of its actions."""
    from gamesim.core.errors import clean, did_you_mean, listed

    if given is None:
        return None
    if not isinstance(given, list) or len(given) != stage.n:
        raise UsageError(f"one action for each of {stage.n} players is needed.", where="--param target", hint=f"Such as target=[{', '.join(own[0] for own in stage.actions)}]")  # fmt: skip
    found = []
    for action, own in zip(map(str, given), stage.actions, strict=True):
        if action not in own:
            raise UsageError(f"no action '{clean(action, 40)}'.", where="--param target", hint=did_you_mean(action, own) or f"Actions: {listed(own)}")  # fmt: skip
        found.append(own.index(action))
    return found


def _memory_one(out: Output, stage: NormalFormGame, discount: float | None, given: Mapping[str, Any]) -> dict[str, Any]:
    from gamesim_analysis.equilibrium.memory_one import memory_one

    from gamesim.core.errors import UnsupportedGameError
    from gamesim.core.memory_strategy import NAMES

    for name in ("p", "q"):
        if not isinstance(given.get(name), (str, list)):
            raise UsageError(
                f"a strategy {name} is needed, by name or as five probabilities.", where="--param",
                hint=f"Such as --param p=tit_for_tat --param q=[1,0.9,0,0.9,0]. Names: {', '.join(NAMES)}.",
            )  # fmt: skip
    noise, turns = given["noise"], given.get("turns")
    for name, value, kinds in (("noise", noise, (int, float)), ("turns", turns, (int, type(None)))):
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise UsageError(f"{name} is a number.", where="--param")
    if any(len(own) != 2 for own in stage.actions) or stage.n != 2:
        raise UnsupportedGameError("strategies with memory are for two players with two actions each.")
    found = memory_one(given["p"], given["q"], stage, noise=noise, discount=discount, turns=turns)
    how = f"in {turns:,} rounds" if turns is not None else f"discounted at {discount:g}" if discount is not None else "in the long run"  # fmt: skip
    (a, b), (c, d) = stage.actions
    rows = [[player, given[key] if isinstance(given[key], str) else ", ".join(map(str, given[key])), figure(pay), figure(share)] for player, key, pay, share in zip(stage.players, "pq", found.payoffs.tolist(), found.cooperation.tolist(), strict=True)]  # fmt: skip
    out.table(["player", "strategy", "payoff a round", "plays its first action"], rows)
    outcomes = dict(zip((f"{a}/{c}", f"{a}/{d}", f"{b}/{c}", f"{b}/{d}"), found.outcomes.tolist(), strict=True))
    out.say(f"Exact payoffs {how}: " + ", ".join(f"{name} {figure(share)}" for name, share in outcomes.items()) + ".")
    return {"payoffs": found.payoffs.tolist(), "outcomes": outcomes, "noise": noise, "turns": turns}


def _plain(value: Any) -> Any:
    from gamesim_analysis.equilibrium.told import number

    return None if value is None else number(value)


def figure(value: Any) -> str:
    """A payoff for reading: exact, or six digits."""
    return str(value) if isinstance(value, (Fraction, int)) else f"{float(value):.6g}"


def refuse_others(flags: Mapping[str, Any], concept: str) -> None:
    """Flags that say nothing about repeated play are told, not passed over.

    Raises
    ------
    UsageError
        With the first of them.
    """
    given: Sequence[str] = [name for name, value in flags.items() if value is not None and value is not False]
    if given:
        raise UsageError(f"says nothing about --concept {concept}.", where=given[0])
