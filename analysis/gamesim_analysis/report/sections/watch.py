"""Two episodes to watch, where the environment has a picture: one in which something happened, and one in which it did not."""

from __future__ import annotations

import numpy as np

from gamesim.core.errors import RecordError
from gamesim.core.registry import entry, names
from gamesim.run.film import Film
from gamesim_analysis.equilibrium.svg_text import PAGE
from gamesim_analysis.film.choosing import FIRST, Wanted, cast_film, casts, film_of
from gamesim_analysis.film.drawing import draw_film, told
from gamesim_analysis.metrics.cells import manifest_of
from gamesim_analysis.metrics.psro import KIND, final_tables

from ..blocks import Figure, Panel, Section, Table
from ..study import Study

CASTS = 9  # pairs of policies looked through for something that happens


def section(study: Study) -> Section | None:
    """Only where a run can be played again, on an environment that is drawn and not painted by a simulator."""
    scenario = study.scenarios[0]
    kind, played = scenario.get("kind", "play"), study.environment
    if kind not in ("play", KIND) or manifest_of(study.record).get("provenance") or played not in names("environments"):
        return None
    if entry("environments", played).pictured != "scenes":
        return None
    if not (final_tables(study.record) if kind == KIND else study.n_episodes):
        return None
    films = _meetings(study) if kind == KIND else _recorded(study)
    scene = films[0].scenes[0]
    wide = scene.high[0] - scene.low[0] > 1.2 * (scene.high[1] - scene.low[1])
    figures = [_figure(part, kind == KIND, wide) for part in ([[film] for film in films] if wide else [films])]
    return Section("watch", "To watch", tuple(figures), order=345)


CRASH = Wanted.read("crash")
SAFE = (Wanted.read("crash=0,timeout=0"), Wanted.read("crash=0"))


def _recorded(study: Study) -> list[Film]:
    """A crash and an episode without one; the first where none crashes, or all do."""
    crash = study.episodes.get("crash")
    if crash is None or set(np.unique(crash)) != {0.0, 1.0}:
        return [film_of(study.record)]
    safe = next(one for one in SAFE if one.meets(study.episodes).any())
    return [film_of(study.record, wanted) for wanted in (CRASH, safe)]


def _meetings(study: Study) -> list[Film]:
    """The likeliest pair of policies who crash in some episodes and not in others; else the likeliest pair."""
    met = casts(study.record)
    for cast in [cast for cast in met if cast.probability > 0][:CASTS]:
        for safe in SAFE:
            try:
                return [cast_film(study.record, wanted, cast) for wanted in (CRASH, safe)]
            except RecordError:
                continue
    return [cast_film(study.record, FIRST, met[0])]


def _figure(films: list[Film], again: bool, wide: bool) -> Figure:
    panels = tuple(Panel(draw_film(film, palette=PAGE), told(film), strip=wide) for film in films)
    seats = [name for name, _ in films[0].seats]
    outcomes = list(films[0].outcome)
    rows = tuple(
        (n + 1, *(label for _, label in film.seats), *film.returns, *(film.outcome[name] for name in outcomes))
        for n, film in enumerate(films)
    )
    return Figure(
        "An episode as it was played" if len(films) == 1 else "Two episodes as they were played",
        " ".join(told(film) + "." for film in films),
        "Dots mark every second of a car's way; a click stops and starts the picture. "
        + ("Played anew for this picture by policies of the pool, in episodes that no table counts." if again else "Played again from the record.")
        + " Choose another: `gamesim replay RUN --film FILE.svg --episode WHICH`.",
        panels,
        Table(("film", *seats, *(f"return {name}" for name in seats), *outcomes), rows),
    )  # fmt: skip
