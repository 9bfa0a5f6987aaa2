"""The commons: a stock that many harvest, and the institutions by which they restrain each other. Data sheet.

Agents take from one stock that regrows. In every round all harvest at the same time; then, if sanctions are on, each has
drawn and perhaps inspected a peer and may fine it; catches, upkeep and fines change everybody's wealth, and whose wealth
falls below zero dies. The stock grows, agents imitate more successful ones, and the group decides on a norm, a cap on the
catch. The norm forbids nothing: it is what inspectors judge by. A society ends when it has collapsed, or at its horizon.

Two faces play the same code: ``CommonsEnv`` here (a PettingZoo ParallelEnv, one society) and ``BatchedCommons`` (many at
once); a row of the batch equals the single environment of the same seed bit for bit. One step is one phase.

One round t, for alive agents i
-------------------------------
::

    harvest    h_i = alpha e_i R            (catch effort; shuffled: one after the other, R falling; request: h_i = w_i)
               rationed if sum h > R;  R' = max(0, R - sum h)
    inspect    j uniform over the alive others, with probability m;  violation: h_j > G, or > g_i without a norm, or > q_j
    sanction   who found a violator may fine it:  B_i, V_j = 1 (numbers of fines if counting)
    payoff     d_i = h_i - c - gamma B_i - beta V_i;   P_i += d_i;   Pbar_i = lambda Pbar_i + (1 - lambda) d_i
    death      P_i < 0
    growth     R = g(R'), times max(0, 1 + sd z), clipped to [0, K]           (grow_net: R = g(R) - sum h)
    imitation  meets k uniform over the alive others; with probability 1/(1 + exp(-delta (Pbar_k - Pbar_i))) copies
               (e, p, g)_k + N(0, sigma^2) on e and p, N(0, (10 sigma)^2) on g, kept within [0, 1] and >= 0
    norm       everybody proposes a cap; median, mean, a vote, a dictator or a leader makes G of them

    logistic      g(S) = S + r S (1 - S/K)            chemostat   g(S) = S + d (K - S)          none   g(S) = S
    doubling_cap  g(S) = min(K, factor S)             allee       g(S) = S + r S (1 - S/K)(S/A - 1)
    inverse       g(S) = min(K, S + addition): the stock is a nuisance, and the payoff is - h_i

``T_stock`` is the first round with R <= minimum K (or, tested after the harvest, R' < minimum K; inverse: R' > maximum K),
``T_first_death`` and ``T_all_dead`` speak for themselves; all three are always recorded. ``collapse`` says which of them
ends the play and is ``T_s``: ``stock``; ``first_death`` (or stock); ``all_dead`` (or stock). A play that reaches the
horizon has T_s = horizon and is censored; a collapse in the last round is not. Where nobody is left under ``stock``, the
play ends, the stock grows on alone to the horizon without noise, and the status is ``collapsed`` although T_s is censored.
A collapse ends the round at once; the last round before the horizon is played with its group decision.

Actions
-------
A number, an array of one, or a dict of which the phase's key is read. Nothing is clipped: what is illegal raises
``IllegalActionError`` with the legal set. ``action_space``: ``Box(0, 1, (1,))`` if only the harvest is ever decided, else
``Dict{effort, target, cap, ballot}``.

======== ===== ======== ========================================================================================
phase    code  key      legal
======== ===== ======== ========================================================================================
harvest  0     effort   [0, 1]; request: 0..limit, whole unless ``integer: false``. Two stocks: also ``effort_2``,
                        sum <= 1; a plain number is the total, split as alpha_s R_s
sanction 1     target   a seat, or N = nobody: alive, another, linked; and one that broke the rule, or that you
                        inspected and take for a violator. Kind ``antisocial``, or text norms: anybody
counter  4     target   who has just fined you, or N
norm     2     cap      >= 0; with text norms also none, and the sentence comes by ``hear``
vote     3     ballot   0..M-1 among the M distinct proposals shown, or N = no ballot; at an election a seat
======== ===== ======== ========================================================================================

Sanctions are ``peer``; ``antisocial`` (also who kept the rule); ``counter`` (a second stage in which the fined strike
back, same fine and cost); ``graduated`` (beta times min(earlier fines + 1, cap)); ``pool`` (nobody chooses: all pay a tax,
and every violator that is looked at, with probability m, is fined). ``misread`` turns what an inspector sees around.
A ballot names a cap: Borda ranks the others by their distance from it, approval takes those within ``width``. Ties are
drawn and written to the events. A leader is elected every k rounds in a vote on the agents, whose proposals are their
programmes, or appointed; with ``recall`` it stays unless more than half of the ballots are for others; its proposal is G,
and with ``quotas`` also what q_i, sum q <= f(R), are made of. Without a decision the last norm stays (``norm_kept``).

Observations
------------
One dict of arrays an agent; numbers are 0-d, NaN means "no value". Never K, r, alpha, the law, the horizon.

=========================================== ==================================================================
key                                         what
=========================================== ==================================================================
phase, round, consumption                   phase code, round from 1, c
stock, stock_2                              R now (absent if ``stock_visible: false``; stock_2 with two stocks)
norm                                        G, NaN = none
fine, cost                                  beta, gamma in the sanction phases, else NaN
board_alive, board_effort, board_harvest,   (N,) who lives; effort played, catch, wealth last known; NaN for
board_wealth                                peers that are not visible, and before the first harvest
visible                                     (k,) seats that are seen, -1 = fewer; absent under full visibility
proposals; board_proposal, leader, election (N,) caps on the ballot, then NaN; leader scenarios only: who proposed
                                            what, seat of the leader (N = none), whether agents are voted on
index, alive                                own seat, whether one takes part
effort, belief, punish                      own disposition: last effort played and cap proposed, or what was copied
harvest, payoff, payoff_mean, wealth        own last round, Pbar, P
inspected, violation                        seat of the inspected peer (N = none), whether it is taken for a violator
fines, fined_by                             fines received in the last round; ``counter``: one who just fined you
quota                                       q_i, NaN without quotas
history_harvest, history_payoff             (w,) own last outcomes, the latest last, NaN where play is younger
threshold                                   f(R) per head, only if ``information: {mode: explicit}`` asks for it
=========================================== ==================================================================

Reward: d_i, paid by the step that resolves the round (the sanction phase, or the harvest where there is none), else 0.
``terminations``: the dead, and everybody at a collapse; ``truncations``: the horizon. ``infos`` hold the T_* known so far.

Parameters
----------
=================================== ======================= =================================================
key                                 default                 of the paper ("A")
=================================== ======================= =================================================
players, growth.capacity            10, 300                 10, 300
growth.rate                         0.6                     rich 0.6, harsh 0.2
sanctions.fine (beta), cost (gamma) 10, 0                   10, 0 (Table 3)
initial e, g, p                     U(0,1) U(2,8) U(0,1)    the same for the general population
altruists, selfish                  seat profiles           U(.2,.5) U(4,8) U(0,.1); U(.7,1) U(10,14) U(.4,.5)
horizon                             50                      50 with language models
harvest.productivity (alpha)        0.03                    not given; ours .03, .05, .04 (presets A, B, C)
upkeep.consumption (c)              2                       not given; ours 2, 1, 2
upkeep.initial_wealth P(0)          10                      not given; ours 10, 100, 40
growth.initial, growth.minimum      K, .01 K                not given; ours
revision.selection (delta)          0.2                     not given; ours
revision.mutation (sigma)           0.05                    not given; ours
revision.average (lambda)           0.5                     not given; ours
sanctions.monitoring (m)            1                       not given; ours
information.memory (w)              5                       not given; ours
=================================== ======================= =================================================

What paper A leaves open, and how we read it
--------------------------------------------
A is "The Role of Social Learning and Collective Norm Formation in Fostering Cooperation in LLM Multi-Agent Systems" (AAMAS
2026, arXiv 2510.14401 v2). We read its text, not its plots, and found no code: no number of ours is the authors'.

It does not give alpha, c, P(0), R(0), R_min, delta, sigma, the distribution of m, the weight of the payoff average, how
often agents revise, what a prompt shows of observations, how ties of a vote end, the sampling temperature, the order of
the four actions in a round (we take that of its text), the embedding of norm vectors, or how a rule agent's effort
depends on the norm. We let it not depend on it: the norm acts through fines and imitation alone.

== ============================================================ ===================================================
no where it contradicts itself or stays open                    what we do
== ============================================================ ===================================================
1  the text of App. B has selfish agents punish less, Table 3   the populations' key ``punish_init``: ``table3``
   more (U(.4,.5) against U(0,.1))                              (default) or ``text``
2  the text wants gamma > 0, Table 3 has 0                      any gamma >= 0; default 0
3  traits are (e, m, g) in the text, Table 3 lists only B; p    m is 1, B is read as p, (e, p, g) are copied;
   is in neither                                                ``revision.copied`` says which
4  the punisher sees "sampled peers", the prompts everybody     ``information.visibility``: ``full`` (default), or k
5  its Fig. 12 praises mixed groups in rich environments, and   two separate claims (F4, F5); F5 is asserted
   also selfish over altruistic ones                            nowhere
6  ablation statistics with 898 and 238 degrees of freedom      "20.98" is then the mean of all four conditions and
   compare a part with a whole that contains it                 "27.1" all OGD runs; no claim is built on them
7  "two short prompts" describe the group decision only         a round with language models is four prompts an agent
8  individual and aligned norm similarity are one number,       both are reported, and said to be one:
   S_align = |sum n_i| / N                                      S_ind = (N S_align^2 - 1)/(N - 1)
9  collapse is the first starvation, yet agents are removed     both times are always recorded; ``collapse`` says
   "as if" play went on                                         which one counts
== ============================================================ ===================================================

Departures of ours from the letter of the model: the chance with which a partner is copied, or an inspection made, is what
is left of the uniform that drew the partner (one number an agent, round and mechanism); imitation rule ``best_of`` copies
only who did better; a conformist's move carries the same noise as a copy; grow_net is clipped after the harvest, so that
its steady states are those of theory also for r > 1.

Randomness
----------
All from ``Seeds(reset seed)``: blocks ("society", mechanism, "chunk", k) for init, pairing, sanction, revision, mutation,
ties and a few more, ("environment", ...) for growth noise, order and rationing. Blocks are agent-major and 128 rounds
long, so that an agent more, a longer horizon or a mechanism switched off changes nobody's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from gamesim.core.arrays import AnyArray, Arrays
from gamesim.core.errors import IllegalActionError
from gamesim.core.policy import EMPTY, ActionSpec
from gamesim.core.seeds import Seeds
from gamesim.envs.base import Batch, Environment, Event, illegal, require_movers

from .actions import CommonsAction, number, pair
from .batched import BatchedCommons
from .happenings import happenings
from .observe import OWN
from .texts import Texts

if TYPE_CHECKING:
    from .config import Commons

Returned = tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]


class CommonsEnv(Environment):
    """One society. Observations are dicts of copies; see the module for keys, actions and rewards."""

    metadata: dict[str, Any] = {"name": "commons_v0", "render_modes": ["ansi"]}
    repeats = frozenset({"harvest"})  # nobody is fined, and nothing voted for, by repetition

    def __init__(self, config: Commons) -> None:
        self.config = config
        self.possible_agents = list(config.seats())
        self.agents: list[str] = []
        self.render_mode = "ansi"
        self._index = {agent: seat for seat, agent in enumerate(self.possible_agents)}
        self._society = BatchedCommons(config, 1)
        self._batch: Batch | None = None
        self._seed = 0
        self._events: list[Event] = []
        self._texts = Texts(config)

    @classmethod
    def under_way(cls, society: BatchedCommons) -> CommonsEnv:
        """The face of a society of one row that is already playing."""
        environment = cls(society.config)
        environment._society = society
        environment._arrive(society._batch(np.zeros(society.state.alive.shape), {}))
        return environment

    # -- PettingZoo ------------------------------------------------------------------------------------------------

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start an episode. Without a seed, the next one of a fixed sequence.

        ``options["seats"]``: one profile a seat, ``{"init": {"effort": [lo, hi], "belief": ..., "punish": ...}}``.
        """
        self._seed = Seeds(self._seed).episode(1) if seed is None else int(seed)
        self._events = []
        self._texts = Texts(self.config)
        self._arrive(self._society.reset([self._seed], options))
        self._first_norm((options or {}).get("seats") or ())
        return self._observations(self.agents), {agent: self._info(agent) for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> Returned:
        before, batch, acted = self._society.state, self._current, list(self.agents)
        require_movers(self.movers(), actions, self.phase)
        played = self._decoded(actions)
        batch = self._society.step(played)
        after = self._society.state
        self._events += happenings(before, after, self._society.institutions, self.possible_agents, self._texts)
        self._texts.turn(after)
        self._arrive(batch)
        told = [*acted, *(agent for agent in self.agents if agent not in acted)]
        seats = [self._index[agent] for agent in told]
        return (
            self._observations(told),
            {agent: float(batch.reward[0, seat]) for agent, seat in zip(told, seats, strict=True)},
            {agent: bool(batch.terminated[0, seat]) for agent, seat in zip(told, seats, strict=True)},
            {
                agent: bool(batch.truncated[0] and not batch.terminated[0, seat])
                for agent, seat in zip(told, seats, strict=True)
            },
            {agent: self._info(agent) for agent in told},
        )

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self._spaces[0]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self._spaces[1][agent]

    def render(self) -> str:
        """One line: round, phase, stock, norm, who is alive."""
        state = self._society.state
        norm = "no norm" if np.isnan(state.norm[0]) else f"norm {state.norm[0]:.2f}"
        alive = int(state.alive[0].sum())
        return f"round {state.round} {self.phase or 'over'}: stock {state.stock[0]:.2f}, {norm}, {alive} alive"

    def close(self) -> None:
        pass

    # -- ours ------------------------------------------------------------------------------------------------------

    def movers(self) -> tuple[str, ...]:
        if self._batch is None:
            return ()
        return tuple(agent for agent, seat in self._index.items() if self._batch.needs_action[0, seat])

    def alive_agents(self) -> tuple[str, ...]:
        """Who lives, also when the play is over."""
        return tuple(agent for agent, seat in self._index.items() if self._society.state.alive[0, seat])

    def observation_of(self, agent: str) -> dict[str, Any]:
        """What a seat would see now, also one that has yet to join or has died."""
        return dict(self._observations([agent])[agent])

    def action_spec(self, agent: str) -> ActionSpec:
        return CommonsAction(self._society.state, self._society.institutions, self._index[agent])

    def abstain(self, agent: str) -> Any:
        """What an agent does that gives no valid answer and has none to repeat: takes nothing, fines nobody, keeps its
        belief, casts no ballot."""
        state, seat = self._society.state, self._index[agent]
        if state.phase == "harvest":
            return 0.0
        if state.phase == "norm":
            return float("nan") if self.config.institutions.text else float(state.belief[0, seat])
        return float(self.config.players)

    def hear(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        """Proposals of this norm phase in words: ``{agent: {"community": sentence}}``; read where norms are texts."""
        if self.phase == "norm":
            self._texts.hear({self._index[agent]: dict(said) for agent, said in texts.items()})

    @property
    def norm_text(self) -> str | None:
        """The norm in force in words, where norms are texts."""
        return self._texts.norm

    def proposal_texts(self) -> tuple[str, ...]:
        """The distinct proposals of a vote, in the order of the ballots, where norms are texts."""
        return self._texts.shown(self._society.state)

    def events(self) -> list[Event]:
        drained, self._events = self._events, []
        return drained

    def facts(self) -> Arrays:
        return {key: np.array(value[0]) for key, value in self._current.facts.items()} if self._batch else EMPTY

    def outcome(self) -> Mapping[str, float | str | None]:
        values = {key: value[0].item() for key, value in self._current.outcome.items()}
        return {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in values.items()}

    # -- within ----------------------------------------------------------------------------------------------------

    @property
    def _current(self) -> Batch:
        if self._batch is None:
            raise IllegalActionError("reset the environment before the first step.")
        return self._batch

    def _first_norm(self, profiles: Sequence[Mapping[str, Any]]) -> None:
        """Where norms are sentences, the first one is the plurality of the first personal sentences of those present."""
        voting, seeds = self.config.institutions.voting, Seeds(self._seed)
        if voting is None or not self.config.institutions.text or voting.initial == "none":
            return
        banks = {self._index[agent]: profiles[self._index[agent]].get("personal") for agent in self.agents if profiles}
        said = {
            seat: bank[int(seeds.stream("personal", self.possible_agents[seat]).integers(len(bank)))]
            for seat, bank in banks.items()
            if bank
        }
        self._texts.begin(said, float(seeds.block("society", "first norm", shape=(1,))[0]))

    def _arrive(self, batch: Batch) -> None:
        self._batch = batch
        self.phase = batch.phase
        playing = batch.needs_action[0]
        self.agents = [agent for agent, seat in self._index.items() if playing[seat]]

    def _decoded(self, actions: Mapping[str, Any]) -> AnyArray | Arrays:
        players, phase = self.config.players, self.phase
        played, second = np.full((1, players), np.nan), np.full((1, players), np.nan)
        two = phase == "harvest" and self.config.second_stock is not None
        for agent, action in actions.items():
            seat = self._index[agent]
            try:
                if two:
                    played[0, seat], second[0, seat] = pair(action)
                else:
                    played[0, seat] = number(action, phase)
            except (TypeError, ValueError, KeyError, OverflowError):
                raise illegal(agent, phase, action, self.action_spec(agent)) from None
        if phase == "norm":
            return self._texts.proposals(self._society.state, played)
        if not two or np.isnan(second[~np.isnan(played)]).all():
            return played
        # Some gave the split and some a total: a total follows the catches, as it does when everybody gives one.
        return {"effort": played, "effort_2": second}

    def _observations(self, agents: Sequence[str]) -> dict[str, Any]:
        seen = self._current.observation
        arrays = {key: np.asarray(seen[key])[0] for key in seen}
        visible = arrays.get("visible")
        found: dict[str, Any] = {}
        for agent in agents:
            seat = self._index[agent]
            own = {key: np.array(array[seat] if key in OWN else array[0]) for key, array in arrays.items()}
            if visible is not None:
                hidden = np.ones(self.config.players, dtype=bool)
                hidden[[seat, *(int(i) for i in visible[seat] if i >= 0)]] = False
                for key in ("board_effort", "board_harvest", "board_wealth"):
                    own[key] = np.where(hidden, np.nan, own[key])
            found[agent] = own
        return found

    def _info(self, agent: str) -> dict[str, Any]:
        state = self._society.state
        times = {"T_stock": state.T_stock, "T_first_death": state.T_first_death, "T_all_dead": state.T_all_dead}
        info: dict[str, Any] = {"round": state.round}
        info |= {name: int(value[0]) for name, value in times.items() if not np.isnan(value[0])}
        if self.config.institutions.text:
            info["norm_text"] = self.norm_text
            info["proposals"] = list(self.proposal_texts()) if self.phase == "vote" else []
        return info

    @cached_property
    def _spaces(self) -> tuple[spaces.Space[Any], dict[str, spaces.Space[Any]]]:
        return observation_space(self.config), {agent: action_space(self.config) for agent in self.possible_agents}


def observation_space(config: Commons) -> spaces.Dict:
    """Boxes of the observation's shapes; NaN stands for "no value" and lies in none of them."""
    seen = BatchedCommons(config, 1).reset([0]).observation
    made: dict[str, spaces.Space[Any]] = {}
    for key in seen:
        array = np.asarray(seen[key])[0, 0]
        if array.dtype == np.bool_:
            made[key] = spaces.Box(0, 1, array.shape, np.bool_)
        elif array.dtype.kind == "i":
            made[key] = spaces.Box(-1, np.iinfo(np.int64).max, array.shape, np.int64)
        else:
            made[key] = spaces.Box(-np.inf, np.inf, array.shape, np.float64)
    return spaces.Dict(made)


def action_space(config: Commons) -> spaces.Space[Any]:
    """``Box(0, 1, (1,))`` where only the harvest is ever decided, else a Dict of which the phase's key is read."""
    efforts = 2 if config.second_stock is not None else 1
    harvest = spaces.Box(0.0, config.limit, (efforts,), np.float64)
    rules = config.institutions
    fining = rules.sanctions is not None and rules.sanctions.kind != "pool"
    if not fining and rules.voting is None and rules.leader is None:
        return harvest
    return spaces.Dict(
        {
            "effort": harvest,
            "target": spaces.Discrete(config.players + 1),
            "cap": spaces.Box(0.0, np.inf, (1,), np.float64),
            "ballot": spaces.Discrete(config.players + 1),
        }
    )
