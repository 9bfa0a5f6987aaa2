"""Words of agents as others get them: data, on one line, without anything that a terminal or a prompt could take for more."""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


def delivered(text: str, most: int) -> str:
    """Without control and invisible characters, terminal escapes and line breaks, at most ``most`` characters.

    Examples
    --------
    >>> delivered("take\\x1b[31m all\\n!", 12)
    'take all !'
    """
    text = _ESCAPES.sub("", text[: 50 * most + 1000])
    kept = "".join(" " if unicodedata.category(c) in _HIDDEN else c for c in text)
    return re.sub(r"\s+", " ", kept).strip()[:most].rstrip()
