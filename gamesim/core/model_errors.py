"""The branch of the error tree below ``ModelError``: what can go wrong between a question and an answer.

ModelError
├── UnknownModelError, MissingKeyError, PreflightError, UnknownPriceError      before anything is asked, exit 2
├── TransportError            one attempt failed; most are worth another
│   ├── AttemptTimeout  DeadlineExceeded  ServerError  ConnectionFailed  BadBody  TooLarge  EncodingRefused  RedirectRefused
│   ├── RateLimited           (``retry_after`` seconds, or None)
│   ├── Overloaded            503 and 529, likewise
│   └── ContextLength         the prompt is too long: shorten, never resend
├── FatalModelError           no attempt will help
│   └── AuthenticationFailed  BadRequest  QuotaExhausted (stops the run, which can be resumed)
└── InvalidAnswerAbort        the scenario said ``on_invalid: abort_run``
"""

from __future__ import annotations

from .errors import LimitReached, ModelError


class UnknownModelError(ModelError):
    exit_code = 2


class MissingKeyError(ModelError):
    """The environment variable that should hold a key is not set; names the variable, never a key."""

    exit_code = 2


class PreflightError(ModelError):
    exit_code = 2


class UnknownPriceError(ModelError):
    exit_code = 2


class TransportError(ModelError):
    """One attempt failed.

    Attributes
    ----------
    retry : whether another attempt may help.
    congestion : whether the server said that it is asked too much.
    sent : whether the request may have been served, and so billed.
    retry_after : seconds the server asked to wait, if it did.
    http : the status of the answer, if there was one.
    """

    retry = True
    congestion = False
    sent = True
    reason = "transport"
    retry_after: float | None = None
    http: int | None = None


class AttemptTimeout(TransportError):
    reason = "timeout"


class DeadlineExceeded(TransportError):
    retry = False
    reason = "timeout"


class RateLimited(TransportError):
    congestion = True
    sent = False
    reason = "rate_limited"


class ServerError(TransportError):
    sent = False
    reason = "server"


class Overloaded(ServerError):
    """503 and 529."""

    congestion = True
    reason = "overloaded"


class ConnectionFailed(TransportError):
    reason = "connection"


class BadBody(TransportError):
    reason = "bad_body"


class TooLarge(TransportError):
    retry = False
    reason = "too_large"


class EncodingRefused(TransportError):
    retry = False
    reason = "encoding"


class RedirectRefused(TransportError):
    retry = False
    sent = False
    reason = "redirect"


class ContextLength(TransportError):
    retry = False
    sent = False
    reason = "context_length"


class FatalModelError(ModelError):
    """No attempt will help. ``http`` is the status, if there was one."""

    http: int | None = None


class AuthenticationFailed(FatalModelError):
    pass


class QuotaExhausted(FatalModelError, LimitReached):
    exit_code = 5
    reason = "quota"


class BadRequest(FatalModelError):
    pass


class InvalidAnswerAbort(ModelError):
    pass
