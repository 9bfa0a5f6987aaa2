"""Axelrod's strategies in our games, and our rules in Axelrod's matches; both need ``pip install 'gamesim[axelrod]'``.

    population: [{agent: axelrod, strategy: Tit For Tat, seat: player_0}, {agent: matrix.grim, seat: player_1}]

An Axelrod strategy sees what was played, the payoffs, the horizon and the noise, as in a match of its own. What it
remembers is the history, so it can be cut and resumed: a player that is not at hand is made again and taken through it.
Strategies that read their opponent's source or state have none to read here and are refused.

The other way ``as_player`` makes an Axelrod player of any rule of ours:

    axelrod.Match((as_player("matrix.tit_for_tat"), axelrod.Alternator()), turns=200).play()
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.random import Generator
from pydantic import Field

from gamesim.core.config import AgentConfig
from gamesim.core.errors import MissingExtraError, ScenarioError, UnknownKindError
from gamesim.core.registry import build

KEPT = 256  # players at hand


def _library() -> Any:
    try:
        import axelrod
    except ImportError:
        raise MissingExtraError.of("strategies of Axelrod's need Axelrod", "axelrod") from None
    return axelrod


# ---- theirs in ours ------------------------------------------------------------------------------------------------------


class AxelrodAgent(AgentConfig):
    """A strategy of the Axelrod library, in a repeated game of two players and two actions."""

    kind: Literal["axelrod"] = "axelrod"
    strategy: str = Field(description="Its name in Axelrod, such as Tit For Tat or TitForTat.")
    parameters: dict[str, Any] = Field(default={}, description="What its constructor takes.")

    def misfit(self, environment: Any) -> str | None:
        table = getattr(environment, "table", None)
        return None if table is not None and table.shape == (2, 2) else "It plays in matrix, where two players have two actions."  # fmt: skip

    def build(self, environment: Any) -> AxelrodPolicy:
        misfit = self.misfit(environment)
        if misfit:
            raise ScenarioError(f"this agent does not play here. {misfit}")
        made = strategy_class(self.strategy)
        try:
            made(**self.parameters)
        except (TypeError, ValueError) as error:
            raise ScenarioError(f"'{self.strategy}' cannot be made of these parameters: {error}.", path="parameters") from None  # fmt: skip
        return AxelrodPolicy(made, self.parameters, environment)


def strategy_class(name: str) -> Any:
    """A strategy of Axelrod's by its name or its class's.

    Raises
    ------
    UnknownKindError
        With the nearest.
    ScenarioError
        If it inspects or manipulates its opponent.
    """
    axelrod = _library()
    known = {made.name: made for made in axelrod.all_strategies} | {
        made.__name__: made for made in axelrod.all_strategies
    }
    if name not in known:
        raise UnknownKindError.named("strategy of Axelrod's", name, known)
    if any(known[name].classifier.get(key) for key in ("inspects_source", "manipulates_source", "manipulates_state")):
        raise ScenarioError(f"'{name}' reads or changes its opponent, who has nothing of the kind here.")
    return known[name]


class History(NamedTuple):
    """All that an Axelrod policy remembers: the seed of its player, and both sides' actions, 0 for C and 1 for D."""

    seed: int
    own: bytes = b""
    other: bytes = b""


class AxelrodPolicy:
    """A Policy that answers as an Axelrod player does after the same history."""

    def __init__(self, made: Any, parameters: Mapping[str, Any], environment: Any) -> None:
        self._axelrod = _library()
        self._made, self._parameters = made, dict(parameters)
        payoffs = environment.table.payoffs
        self._games = [self._game(payoffs[0]), self._game(payoffs[1].T)]
        self._length, self._noise = environment.horizon, environment.noise
        self._live: OrderedDict[tuple[int, History], tuple[Any, Any]] = OrderedDict()  # found again, never relied upon

    def _game(self, own: Any) -> Any:
        (r, s), (t, p) = own.tolist()
        return self._axelrod.Game(r=r, s=s, t=t, p=p)

    def initial_state(self, rng: Generator) -> History:
        return History(int(rng.integers(2**31)))

    def act(self, observation: Mapping[str, Any], state: History, rng: Generator) -> tuple[int, History]:
        seat = int(observation["index"])
        own, other = (int(observation["last"][i]) for i in (seat, 1 - seat))
        before = state
        if own >= 0:
            state = History(state.seed, state.own + bytes([own]), state.other + bytes([other]))
        at = (seat, before)
        player, opponent = self._live.pop(at) if at in self._live else self._again(seat, before, own >= 0)
        if own >= 0:
            self._past(player, opponent, own, other)
        answer = player.strategy(opponent)
        self._live[(seat, state)] = (player, opponent)
        while len(self._live) > KEPT:
            self._live.popitem(last=False)
        return int(answer == self._axelrod.Action.D), state

    def _again(self, seat: int, history: History, asked: bool) -> tuple[Any, Any]:
        """A player taken through a history, and asked once more after it if it had been."""
        player, opponent = self._made(**self._parameters), self._axelrod.MockPlayer([])
        player.set_match_attributes(length=self._length, game=self._games[seat], noise=self._noise)
        player.set_seed(history.seed)
        for own, other in zip(history.own, history.other, strict=True):
            player.strategy(opponent)
            self._past(player, opponent, own, other)
        if asked:
            player.strategy(opponent)
        return player, opponent

    def _past(self, player: Any, opponent: Any, own: int, other: int) -> None:
        mine, theirs = (self._axelrod.Action.D if a else self._axelrod.Action.C for a in (own, other))
        player.update_history(mine, theirs)
        opponent.update_history(theirs, mine)


# ---- ours in theirs ------------------------------------------------------------------------------------------------------


def as_player(agent: str | Mapping[str, Any]) -> Any:
    """An Axelrod player that follows an agent of ours.

    Parameters
    ----------
    agent : its kind, or a mapping of ``kind`` and parameters, as in a scenario's population.

    Raises
    ------
    MissingExtraError
        Without Axelrod.
    UnknownKindError, ScenarioError
        If there is no such agent, or it cannot play a repeated game.
    """
    axelrod = _library()
    config = build("agents", agent)
    label = agent if isinstance(agent, str) else str(agent.get("kind"))

    player: Any = axelrod.Player

    class Guest(player):
        name = f"gamesim {label}"
        classifier = {
            "memory_depth": float("inf"), "stochastic": True, "long_run_time": False, "inspects_source": False,
            "manipulates_source": False, "manipulates_state": False,
        }  # fmt: skip

        def strategy(self, opponent: Any) -> Any:
            if not self.history:
                self._begin()
            action = self._answer(opponent)
            return axelrod.Action.D if action else axelrod.Action.C

        def _begin(self) -> None:
            length = self.match_attributes["length"]
            (r, s), (t, p) = _payoffs(self.match_attributes["game"])
            environment = build(
                "environments",
                {
                    "kind": "matrix",
                    "payoffs": [[[r, s], [t, p]], [[r, t], [s, p]]],
                    "horizon": int(length) if 0 < length < 1e6 else 1_000_000,
                    "noise": self.match_attributes["noise"],
                },
            )
            misfit = config.misfit(environment)
            if misfit:
                raise ScenarioError(f"'{label}' cannot play Axelrod's matches. {misfit}")
            self._policy = config.build(environment)
            self._payoff = environment.table.payoffs[0]
            self._rng = np.random.default_rng(self._random.random_seed_int() if self._random is not None else 0)
            if hasattr(self._policy, "columns"):
                self._state = self._policy.initial_state(1, 1, self._draw())
            elif hasattr(self._policy, "act"):
                self._state = self._policy.initial_state(self._rng)
            else:
                raise ScenarioError(f"'{label}' answers later, and Axelrod waits for nobody.")

        def _draw(self) -> Any:
            return self._rng.random((1, 1, int(self._policy.columns)))

        def _answer(self, opponent: Any) -> int:
            last = [-1, -1]
            if self.history:
                last = [int(side.history[-1] == axelrod.Action.D) for side in (self, opponent)]
            seen = {
                "phase": np.array(0), "round": np.array(len(self.history) + 1), "last": np.array(last), "index": np.array(0),
                "payoff": np.array(np.nan if last[0] < 0 else self._payoff[tuple(last)]),
            }  # fmt: skip
            if hasattr(self._policy, "columns"):
                batched = {key: value[None, None] for key, value in seen.items()}
                action, self._state = self._policy.act(batched, self._state, self._draw())
            else:
                action, self._state = self._policy.act(seen, self._state, self._rng)
            return int(np.asarray(action).flat[0])

    return Guest()


def _payoffs(game: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    """The row player's payoffs of Axelrod's game."""
    r, p, s, t = game.RPST()
    return (float(r), float(s)), (float(t), float(p))
