"""When two descriptions are one game: isomorphism of trees, interchange of unobserved moves, reduced strategies."""

from .interchange import interchange_form
from .isomorphism import Isomorphism, isomorphism, isomorphisms
from .levels import LEVELS, Verdict, compare, verify

__all__ = [
    "LEVELS",
    "Isomorphism",
    "Verdict",
    "compare",
    "interchange_form",
    "isomorphism",
    "isomorphisms",
    "verify",
]
