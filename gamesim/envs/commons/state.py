"""Where a batch of societies stands, and the rules they live under. Arrays lead with rows B, then agents N."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray, IntArray

from .config import Commons
from .draws import Draws
from .networks import Network, Roster, build
from .perturbations import RoundRules, Timeline
from .voting import VoteResult

TRAITS = ("effort", "punish", "belief")


@dataclass
class SocietyState:
    """Where B societies of N agents stand.

    Attributes
    ----------
    rules : in force in this round.  round : being played, from 1, the same in all rows.  steps : decisions made since the reset.  phase : what is decided next.
    stock, second, norm : (B,), fish; NaN = no norm.  choice : (B,), the adopted proposal where norms are texts.
    alive : (B, N), takes part and has not died.  done : (B,), the row's play is over.  truncated : (B,), at the horizon.
    roster : who acts, alive in a row that is not done.
    effort, punish, belief : (B, N), dispositions.
    played, played_second, harvest, payoff : (B, N), the last round's; NaN before the first.
    average, wealth : (B, N), fish.
    inspected : (B, N), N = nobody.  violation : (B, N), as read by the inspector.
    target, struck : (B, N), whom each fined, and in answer; N = nobody.
    imposed, received : (B, N), fines of the last resolved round.  past : (B, N), fines received before it.
    quota : (B, N), NaN = none.  leader : (B,), -1 = nobody.
    proposals : (B, N), NaN = none.  choices : (B, N), the distinct ones ascending.  ballots : (B, N).
    model, copied : (B, N), who was looked at last, and whether he was copied.
    replaced, died : (B, N), who was replaced before this round, who died in the last one.
    history : the last w pairs of (harvest, payoff).
    """

    rules: RoundRules
    round: int
    steps: int
    phase: str
    stock: FloatArray
    second: FloatArray | None
    norm: FloatArray
    choice: FloatArray
    alive: BoolArray
    done: BoolArray
    truncated: BoolArray
    roster: Roster
    effort: FloatArray
    punish: FloatArray
    belief: FloatArray
    played: FloatArray
    played_second: FloatArray | None
    harvest: FloatArray
    payoff: FloatArray
    average: FloatArray
    wealth: FloatArray
    inspected: IntArray
    violation: BoolArray
    target: IntArray
    struck: IntArray
    imposed: IntArray
    received: IntArray
    past: IntArray
    quota: FloatArray | None
    leader: IntArray
    proposals: FloatArray
    choices: FloatArray
    ballots: IntArray
    model: IntArray
    copied: BoolArray
    replaced: BoolArray
    died: BoolArray
    history: tuple[tuple[FloatArray, FloatArray], ...]
    nobody: IntArray  # (B, N), N everywhere
    nothing: IntArray  # (B, N), 0 everywhere
    innocent: BoolArray  # (B, N), False everywhere
    # what the round's resolution needs of its harvest, and tables want of it
    stock_before: FloatArray
    rest: FloatArray
    rest_second: FloatArray | None
    taken: FloatArray
    taken_second: FloatArray | None
    effort_round: FloatArray  # (B,), sums of the last round
    fines_round: AnyArray
    norm_before: FloatArray
    vote: VoteResult | None
    kept: BoolArray  # (B,), a decision was due and the last norm stayed
    # sums over the episode, (B,)
    total_harvest: FloatArray
    welfare: FloatArray
    fines: FloatArray
    effort_sum: FloatArray
    acts: FloatArray
    T_stock: FloatArray
    T_first_death: FloatArray
    T_all_dead: FloatArray
    T_s: FloatArray
    collapsed: BoolArray
    rounds: FloatArray  # played by a row that is done

    def copy(self) -> SocietyState:
        """A snapshot: later rounds replace arrays and leave these alone."""
        twin = object.__new__(SocietyState)
        twin.__dict__.update(self.__dict__)
        return twin

    def some(self, rows: IntArray) -> SocietyState:
        """The societies of some rows."""
        count = len(self.stock)
        taken = self.copy()
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and value.ndim and len(value) == count:
                setattr(taken, name, value[rows])
        taken.roster = Roster.of(taken.alive & ~taken.done[:, None])
        taken.history = tuple((a[rows], b[rows]) for a, b in self.history)
        if self.vote is not None:
            taken.vote = VoteResult(self.vote.winner[rows], self.vote.votes[rows], self.vote.tied[rows])
        return taken

    @property
    def drawing(self) -> BoolArray | None:
        """Rows that still need random numbers, None for all."""
        return None if self.roster.everyone else np.logical_not(self.done)


@dataclass(frozen=True)
class Institutions:
    """The rules of a society as functions take them: the configuration, its timeline and the three networks."""

    config: Commons
    timeline: Timeline
    meet: Network
    see: Network
    punish: Network
    rationed: bool = True

    @classmethod
    def of(cls, config: Commons, draws: Draws, timeline: Timeline | None = None) -> Institutions:
        graphs, players = config.institutions.network, config.players
        return cls(
            config,
            timeline or Timeline(config),
            build(graphs.meet, "meet", players, draws.roots),
            build(graphs.see, "see", players, draws.roots),
            build(graphs.punish, "punish", players, draws.roots),
            config.harvest.catch == "request" or config.harvest.productivity * players > 1.0,
        )
