"""Reading a key from the environment, the one place it may come from."""

from __future__ import annotations

import os

from pydantic import SecretStr

from gamesim.core.errors import clean
from gamesim.core.model_errors import MissingKeyError

from .redact import protect


def read_key(variable: str) -> SecretStr:
    """The key in an environment variable; from then on it is redacted from all this process writes.

    Raises
    ------
    MissingKeyError
        If it is not set, or holds what no HTTP header can carry. Names the variable, never its value.
    """
    value = os.environ.get(variable, "").strip()
    protect(value)
    if not value:
        raise MissingKeyError(
            f"the environment variable {clean(variable, 80)} is not set.",
            path="api_key_env",
            hint=f"Such as: export {clean(variable, 80)}=...",
        )
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise MissingKeyError(
            f"the environment variable {clean(variable, 80)} holds characters that no key has.", path="api_key_env"
        )
    return SecretStr(value)
