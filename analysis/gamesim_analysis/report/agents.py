"""What each agent did in each episode, summed in one pass over the step table; members and episodes are sums of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from gamesim.core.arrays import AnyArray, FloatArray, IntArray
from gamesim.core.errors import clean

from .study import Study, numeric

_NORMED = "phase = 'harvest' and norm is not null"
# name -> (columns it needs, SQL)
SUMS: dict[str, tuple[tuple[str, ...], str]] = {
    "reward": (("reward",), "fsum(reward)"),
    "effort": (("effort", "phase"), "fsum(effort) filter (phase = 'harvest')"),
    "harvest": (("harvest", "phase"), "fsum(harvest) filter (phase = 'harvest')"),
    "lived": (("harvest", "phase"), "count(*) filter (phase = 'harvest')"),
    "payoff": (("payoff",), "fsum(payoff)"),
    "wealth": (("wealth",), "arg_max(wealth, step) filter (wealth is not null)"),
    "fines_imposed": (("fines_imposed",), "fsum(fines_imposed)"),
    "fines_paid": (("fines_paid",), "fsum(fines_paid)"),
    "normed": (("norm", "harvest", "phase"), f"count(*) filter ({_NORMED})"),
    "complied": (("norm", "harvest", "phase"), f"count(*) filter ({_NORMED} and harvest <= norm + 1e-9)"),
}


@dataclass(frozen=True)
class Lives:
    """One entry for each agent of each episode.

    Attributes
    ----------
    condition, seed : which episode.
    agent, member : places in ``agents`` and ``members``; -1 where the member is not known.
    sums : column -> sum over the episode (``wealth``: the last value), NaN where there was none.
    """

    condition: IntArray
    seed: IntArray
    agent: IntArray
    member: IntArray
    agents: tuple[str, ...]
    members: tuple[str, ...]
    sums: dict[str, FloatArray]

    def __getitem__(self, name: str) -> FloatArray:
        return self.sums[name]

    def has(self, *names: str) -> bool:
        return all(name in self.sums for name in names)

    def groups(self, who: Sequence[int] | IntArray | None = None) -> tuple[AnyArray, IntArray]:
        """Distinct (condition, seed, who) in order, shape (g, 3), and for each entry the number of its group."""
        third = np.zeros(len(self.seed), dtype=np.int64) if who is None else np.asarray(who, dtype=np.int64)
        width = int(third.max(initial=0)) + 2
        span = int(self.seed.max(initial=0)) + 1
        key = (self.condition * span + self.seed) * width + third + 1
        found, inverse = np.unique(key, return_inverse=True)
        return np.stack([found // width // span, found // width % span, found % width - 1], axis=1), inverse.reshape(-1)

    def total(self, name: str, inverse: IntArray) -> FloatArray:
        """Sum of a column by group; NaN where no entry has a value."""
        values = self.sums[name]
        known = np.isfinite(values)
        size = int(inverse.max(initial=-1)) + 1
        found = np.bincount(inverse[known], weights=values[known], minlength=size)
        return np.where(np.bincount(inverse[known], minlength=size) > 0, found, np.nan)


def lives(study: Study) -> Lives | None:
    """The sums, or None where there is no step table."""
    return study.cached("lives", lambda: _lives(study)) if study.has_steps else None


def _lives(study: Study) -> Lives | None:
    membered = study.has("member")
    names = study.query(f"select distinct agent, {'member' if membered else 'null as member'} from steps")
    agents = tuple(sorted({str(a) for a in names["agent"].tolist()}, key=natural))
    members = (
        tuple(sorted({str(m) for m in names["member"].tolist() if isinstance(m, str)}, key=natural)) if membered else ()
    )
    if not agents:
        return None
    chosen = {name: sql for name, (needs, sql) in SUMS.items() if study.has(*needs)}
    who = f"list_position({_texts(agents)}, agent) - 1 as agent"
    who += f", coalesce(list_position({_texts(members)}, member), 0) - 1 as member" if members else ", -1 as member"
    columns = "".join(f", cast({sql} as double) as {name}" for name, sql in chosen.items())
    # Plain names inside, numbers outside: a group by text is quick where the text is a dictionary.
    found = study.query(
        f"select cell, seed, {who}{', ' if chosen else ''}{', '.join(chosen)} from "
        f"(select cell, seed, agent{', member' if members else ''}{columns} from steps group by all) order by cell, seed, agent"
    )
    sums = {name: numeric(found[name]) for name in chosen}
    whole = {name: found[name].astype(np.int64) for name in ("condition", "seed", "agent", "member")}
    return Lives(whole["condition"], whole["seed"], whole["agent"], whole["member"], agents, members, sums)


def told_apart(names: Sequence[str]) -> list[str]:
    """Names without the words they all begin with, as tables and figures show them.

    Examples
    --------
    >>> told_apart(["commons.paper_abm init=altruistic", "commons.paper_abm init=selfish"])
    ['altruistic', 'selfish']
    >>> told_apart(["tit_for_tat", "tit_for_two_tats"]), told_apart(["greedy"])
    (['tit_for_tat', 'tit_for_two_tats'], ['greedy'])
    """
    shown = [clean(name, 60) for name in names]
    if len(shown) > 1:
        pairs = zip(min(names), max(names), strict=False)  # what the first and last by alphabet share, all share
        common = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        cut = max(common.rfind(" "), common.rfind("=")) + 1
        rest = [clean(name[cut:], 60) for name in names]
        shown = rest if all(rest) else shown
    return shown


def natural(name: str) -> tuple[str, int]:
    """Sorts ``player_2`` before ``player_10``."""
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    return stem, int(digits[-9:]) if digits.isascii() and digits else -1


def _texts(names: Sequence[str]) -> str:
    return "[" + ", ".join("'" + name.replace("'", "''") + "'" for name in names) + "]"
