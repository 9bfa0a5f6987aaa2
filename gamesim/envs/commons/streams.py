"""Which random numbers a society needs: one named stream a mechanism."""

from __future__ import annotations

from collections.abc import Sequence

from gamesim.core.arrays import IntArray

from .config import BALLOTED, Commons, Turnover
from .draws import Draws, Stream
from .perturbations import can_misread

MOST_PHASES = 5  # of one round


def draws_of(config: Commons, seeds: Sequence[int] | IntArray) -> Draws:
    """The streams that a configuration needs; a mechanism that is never on draws nothing."""
    rules, streams = config.institutions, {"policy": Stream(("policy", 1))}
    if rules.sanctions is not None:
        streams["pairing"] = Stream(("society", "pairing"))
        if can_misread(config):
            streams["sanction"] = Stream(("society", "sanction"))
    revision = rules.revision
    if revision is not None and revision.rule != "none":
        looks = revision.sample if revision.rule in ("best_of", "conformist") else 1
        streams["revision"] = Stream(("society", "revision"), looks)
        if revision.mutation > 0:
            streams["mutation"] = Stream(("society", "mutation"), 3, normal=True)
        if revision.probability < 1:
            streams["revise"] = Stream(("society", "revise"))
        if revision.asynchronous:
            streams["reviser"] = Stream(("society", "reviser"), shared=True)
    if rules.leader is not None or (rules.voting is not None and rules.voting.rule in BALLOTED):
        streams["ties"] = Stream(("society", "ties"), shared=True)
    if any(isinstance(event, Turnover) for event in config.perturbations):
        streams["turnover"] = Stream(("society", "turnover"), 4)
    if not isinstance(config.information.visibility, str):
        streams["sight"] = Stream(("society", "sight"), config.information.visibility.sampled)
    if config.growth.noise_sd > 0:
        streams["noise"] = Stream(("environment", "growth"), normal=True, shared=True)
    if config.second_stock is not None and config.second_stock.noise_sd > 0:
        streams["noise_second"] = Stream(("environment", "growth_second"), normal=True, shared=True)
    if config.harvest.catch == "shuffled":
        streams["order"] = Stream(("environment", "order"))
    elif config.harvest.rationing == "sequential":
        streams["order"] = Stream(("environment", "rationing"))
    return Draws(seeds, config.players, streams, config.horizon * MOST_PHASES)
