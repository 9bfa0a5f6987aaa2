"""A film of frames, or one frame, as a picture file."""

from __future__ import annotations

import io

from gamesim.core.errors import MissingExtraError
from gamesim.run.film import Film

HOLD = 1500  # ms that the last frame stays


def gif(film: Film) -> bytes:
    """The frames of a film as a GIF that moves and begins again.

    Raises
    ------
    ValueError
        If the film has no frames.
    MissingExtraError
        Without Pillow, which the extra ``driving`` brings.
    """
    if not film.frames:
        raise ValueError("a film of scenes has no frames; see drawing.draw_film")
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError.of("frames are written by Pillow", "driving") from error
    pictures = [Image.fromarray(frame) for frame in film.frames]
    each = round(1000 / film.rate)
    out = io.BytesIO()
    pictures[0].save(
        out, "GIF", save_all=True, append_images=pictures[1:], loop=0, duration=[each] * (len(pictures) - 1) + [HOLD]
    )
    return out.getvalue()
