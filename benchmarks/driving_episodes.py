"""P9: what an episode of a driving table costs here, and in highway-env's two-agent merge. Needs: pip install 'gamesim[driving]'.

The physics differ, so there is no equal answer to assert beyond this one, which is: in both nobody is hit who meets a driver
that gives way. The ratio is the cost of a validation table; it does not say that one simulator does the other's work faster.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from _timing import end, figure, line, medians, peer

from gamesim.core.policy import AgentSpec
from gamesim.envs.driving.config import ConflictPoint
from gamesim.run.rollout import Rollout, rollout

ROWS, FEW = 20_000, 4


def gap(threshold: float) -> AgentSpec:
    return AgentSpec("driving.gap_acceptance", {"threshold": threshold})


def ours(variant: Any, one: float = 0.0, two: float = 1.0) -> Rollout:
    return rollout(ConflictPoint(variant=variant), [gap(one), gap(two)], np.arange(ROWS))


def main() -> None:
    for variant in ("crossing", "two_way"):
        line(f"P9 gamesim, {variant}", ROWS / medians(lambda v=variant: ours(v), rounds=3)[0], "episodes a CPU-second")
    other = peer(
        "highway_env", install="pip install 'gamesim[driving]'", key="highway", name="highway-env", distribution="highway-env"
    )  # fmt: skip
    work = "merge, an episode"
    if not other:
        mine = medians(lambda: ours("merge"), rounds=3)[0]
        figure("P9", work, 1000 * mine / ROWS, "CPU-ms", peer=other, floor=10_000)
        return
    from gamesim.envs.driving.highway_config import HighwayMerge

    def theirs(slow: int = -2) -> Rollout:
        seats = [AgentSpec("highway.cruise", {"faster": steps}) for steps in (0, slow)]
        return rollout(HighwayMerge(), seats, np.arange(FEW))

    if ours("merge", -9.0, 9.0).outcome["crash"].any() or theirs().outcome["crash"].any():
        sys.exit("somebody who meets a driver that gives way was hit; no ratio")
    mine, cost = medians(lambda: ours("merge"), theirs, rounds=3)
    line("P9 gamesim, merge", ROWS / mine, "episodes a CPU-second")
    each, theirs_each = 1000 * mine / ROWS, 1000 * cost / FEW
    end(figure("P9", work, each, "CPU-ms", peer=other, theirs=theirs_each, note="two-agent merge", floor=10_000))


if __name__ == "__main__":
    main()
