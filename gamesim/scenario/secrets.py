"""Keys do not belong into files: a literal one in a scenario or on the command line is refused, and never shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gamesim.core.errors import OverrideError, ScenarioError, clean
from gamesim.yaml.node import Node, dotted

_HINT = "Put it into an environment variable and name that: api_key_env: MY_KEY"
_ALWAYS = re.compile(r"(^|_)(api_?key|secret|password|passwd|authorization|bearer|credentials?)$", re.IGNORECASE)
_PERHAPS = re.compile(r"(^|_)(key|token)$", re.IGNORECASE)
_LOOKS_LIKE = re.compile(
    r"(Bearer\s+|Basic\s+)?(sk|rk|gsk|xai|hf|ghp|nvapi)[-_][A-Za-z0-9_\-]{12,}|AIza[A-Za-z0-9_\-]{20,}|Bearer\s+\S+"
)
_IN_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#\s]*@|\S*[?&](api[_-]?key|key|token|secret)=)", re.IGNORECASE)
_LONG = re.compile(r"[A-Za-z0-9+/=_\-.]{31,}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


def refuse_secrets(root: Node) -> None:
    """Refuse a tree that holds a key.

    Raises
    ------
    ScenarioError
        With file and line, without the column: terminals show the source of what has one.
    """
    for path, node in root.walk():
        if isinstance(node.value, str) and _is_secret(str(path[-1]) if path else "", node.value):
            where, by_override = node.place, node.place.startswith("--")
            where = where.split("=", 1)[0] if by_override else where.rpartition(":")[0]
            raise (OverrideError if by_override else ScenarioError)(
                _message(str(path[-1]) if path else ""),
                where=where,
                path=None if by_override else clean(dotted(path), 120),
                hint=_HINT,
            )


def refuse_secret_overrides(texts: Iterable[str]) -> None:
    """Refuse ``a.b=c`` of the command line whose value is a key, before anything else can quote it."""
    for text in texts:
        path, separator, value = text.partition("=")
        if separator and _is_secret(path.strip().rpartition(".")[2], value.strip().strip("'\"")):
            raise OverrideError(_message(path.rpartition(".")[2]), where=f"--set {clean(path, 120)}", hint=_HINT)


def _message(key: str) -> str:
    return (
        "expected the name of an environment variable."
        if key == "api_key_env"
        else "a key does not belong into a file."
    )


def _is_secret(key: str, value: str) -> bool:
    if not value:
        return False
    if _LOOKS_LIKE.fullmatch(value) or _IN_ADDRESS.match(value):
        return True
    if key == "api_key_env":
        return not _VARIABLE.fullmatch(value) or (bool(_LONG.fullmatch(value)) and value.upper() != value)
    return bool(_ALWAYS.search(key)) or bool(_PERHAPS.search(key) and _LONG.fullmatch(value))
