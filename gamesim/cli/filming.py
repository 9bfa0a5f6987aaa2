"""``gamesim replay RUN --film FILE``: one episode as a picture that moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gamesim.core.errors import ScenarioError, clean

from .output import Output


def write_film(
    out: Output, run: Path, file: str, episode: str | None, unit: str | int | None, policies: str | None
) -> dict[str, Any]:
    """Scenes become SVG, frames GIF; the file's ending must say the same."""
    from gamesim_analysis.film.choosing import Wanted, film_of
    from gamesim_analysis.film.drawing import draw_film, told
    from gamesim_analysis.film.frames import gif

    from gamesim.run.record import Record

    from .solve import put

    target = Path(file)
    if target.suffix not in (".svg", ".gif"):
        raise ScenarioError(f"a film is .svg or .gif, not '{clean(target.suffix, 20)}'.", where="--film")
    wanted = Wanted.read(episode) if episode is not None else None
    seen = film_of(Record(run, verify="none"), wanted, unit=unit, policies=policies.split(",") if policies else None)
    made = ".svg" if seen.scenes else ".gif"
    if target.suffix != made:
        raise ScenarioError(
            f"'{seen.kind}' is filmed as {made}.", where="--film", hint=f"Possible: {target.with_suffix(made).name}"
        )
    content: str | bytes = draw_film(seen) if seen.scenes else gif(seen)
    put(target, content)
    out.say(told(seen))
    out.say(f"film    {clean(target, 400)}")
    return {
        "run": str(run), "film": str(target), "environment": seen.kind, "seats": dict(seen.seats), "returns": list(seen.returns),
        "outcome": dict(seen.outcome), "moments": len(seen.scenes) or len(seen.frames),
    }  # fmt: skip
