"""Names of scenarios and files: what may become part of a path, and how."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from gamesim.core.errors import clean

ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# Devices of one operating system; a directory of that name cannot be copied there.
RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


def checked_name(name: str) -> str:
    """The name itself, if each part between slashes can be slugged.

    Raises
    ------
    ValueError
        For names that are empty, climb (``..``), start or end with a slash, hold control characters, are longer than 64
        characters a part, or are reserved by an operating system.
    """
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for character in name):
        raise ValueError("a name holds no control characters")
    if not name or not name.strip():
        raise ValueError("a name is not empty")
    for part in name.split("/"):
        if part.strip() in ("", ".", ".."):
            raise ValueError(f"'{clean(name, 80)}' is no name: parts between slashes are words, not '{part}'")
        if len(part) > 64:
            raise ValueError(f"a name has at most 64 characters between slashes, not {len(part)}")
        if "\\" in part:
            raise ValueError("a name holds no backslash")
        if part.lower().split(".")[0].strip() in RESERVED:
            raise ValueError(f"'{clean(part)}' is reserved by an operating system")
        if not ID.fullmatch(_slug_part(part)):
            raise ValueError(f"'{clean(part, 80)}' holds no letter or digit")
    return name


def slug(name: str) -> str:
    """A name as a path of ids: lower case, what else cannot stand there becomes a hyphen.

    A part in a script without Latin letters becomes the beginning of its hash: names are for people, ids for paths.

    Examples
    --------
    >>> slug("commons/First steps"), slug("島/漁業")
    ('commons/first-steps', 'ub46351c9/ubf1b58ff')
    """
    return "/".join(_slug_part(part) for part in checked_name(name).split("/"))


def _slug_part(part: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode()
    latin = re.sub(r"[^a-z0-9_]+", "-", ascii_only.lower()).strip("-_")[:64]
    if not latin and any(character.isalnum() for character in part):
        return f"u{hashlib.sha256(unicodedata.normalize('NFC', part).encode()).hexdigest()[:8]}"
    return latin
