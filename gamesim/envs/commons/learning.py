"""Social learning at the end of a round."""

from __future__ import annotations

from functools import partial

import numpy as np

from gamesim.core.arrays import AnyArray, BoolArray, FloatArray

from .draws import Draws
from .meeting import partners
from .revision import adopt_probability, best_of, proportional_probability, towards_median
from .state import TRAITS, Institutions, SocietyState


def revise(state: SocietyState, institutions: Institutions, draws: Draws) -> None:
    """Social learning among those who are alive, all at once."""
    revision, roster, t = state.rules.revision, state.roster, state.round - 1
    assert revision is not None
    agents = state.alive.shape[1]
    live = state.drawing
    models, rests, away = partners(institutions.meet, "revision", state, draws)
    model = first = models[0]
    moving: BoolArray | None = None
    if "revise" in draws.streams:
        moving = draws.at("revise", t, live)[0] < revision.probability
    if "reviser" in draws.streams:
        place = (draws.at("reviser", t, live)[0] * roster.count[:, None]).astype(np.int64)
        chosen = np.take_along_axis(roster.members, place, axis=1)
        only = np.arange(agents) == chosen
        moving = only if moving is None else moving & only
    if revision.rule == "conformist":
        copied = roster.active & (models < agents).any(axis=0)
    else:
        if revision.rule == "best_of":
            scores = np.where(models < agents, roster.of_partner(state.average, models), -np.inf)
            which, score = best_of(scores)
            model = np.take_along_axis(models, which[None], axis=0)[0]
            copied = score > state.average
        else:
            score = roster.of_partner(state.average, model)
            if revision.rule == "fermi":
                chance = adopt_probability(state.average, score, revision.selection)
            else:
                chance = proportional_probability(state.average, score, roster.active)
            copied = rests[0] < chance
        if not (roster.everyone and institutions.meet.complete):
            copied &= model < agents
    if moving is not None:
        copied = copied & moving
    state.model, state.copied = model, copied
    noise = None
    if revision.mutation > 0:
        noise = draws.ready("mutation", t, live, partial(_scaled, sigma=revision.mutation))[0]
    # Products with 0 and 1 instead of np.where: half of the agents copy, at random, and branches on that cost more.
    steps = away[0] if model is first else model - np.arange(agents)
    source = roster.own + copied * steps
    for column, trait in enumerate(TRAITS):
        if trait not in revision.copied:
            continue
        own: FloatArray = getattr(state, trait)
        if revision.rule == "conformist":
            sampled = np.where(models < agents, roster.of_partner(own, models), np.nan)
            new = np.where(copied, towards_median(own, sampled, revision.weight), own)
        else:
            new = own.ravel().take(source)
        if noise is not None:
            new += copied * noise[column]
            np.maximum(new, 0.0, out=new)
            if trait != "belief":
                np.minimum(new, 1.0, out=new)
        setattr(state, trait, new)


def _scaled(noise: FloatArray, sigma: float) -> tuple[AnyArray, ...]:
    """Mutations in the units of the traits: the belief, in fish, changes ten times as much."""
    return (noise * np.array([sigma, sigma, 10.0 * sigma])[:, None, None],)
