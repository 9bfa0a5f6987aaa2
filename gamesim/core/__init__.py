"""Games, policies, certificates, seeds, registry, errors: what everything else stands on.

The names below can be imported from here; each is loaded from its module when it is first asked for, so that hashing or
checking a scenario loads no numerics.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "AgentConfig": "config",
    "AgentSpec": "policy",
    "Certificate": "solution",
    "Config": "config",
    "Decision": "policy",
    "EmpiricalGame": "empirical",
    "Equilibrium": "solution",
    "GamesimError": "errors",
    "Member": "policy",
    "NormalFormGame": "normal_form",
    "Seeds": "seeds",
    "Solution": "solution",
    "SymmetricGame": "symmetric",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
