"""Keys stay in memory: everything written or shown passes here first.

``protect`` tells this process a key; from then on its log records are redacted where they are made, whatever handler gets
them, and ``redacted`` cleans any text on its way into a file, an error or a report.
"""

from __future__ import annotations

import base64
import logging
import urllib.parse
from collections.abc import Iterable
from typing import Any

MARK = "[redacted]"
SHORTEST = 8  # shorter ones are placeholders such as EMPTY; taking those out of every text would harm the text alone


class Redactor:
    """Replaces secrets in any of the forms in which they leak: raw, base64, percent-encoded, repr, their first 8 characters.

    Examples
    --------
    >>> Redactor(["sk-sentinel-1234567890"])("401: key sk-sentinel-1234567890 is wrong")
    '401: key [redacted] is wrong'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._forms: list[str] = []
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        if len(secret) < SHORTEST or secret in self._secrets:
            return
        self._secrets.add(secret)
        self._forms = sorted({*self._forms, *_forms(secret)}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, MARK)
        return text


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    forms = {secret, secret[:SHORTEST]}
    for escaped in (repr(secret)[1:-1], ascii(secret)[1:-1], secret.replace('"', '\\"')):
        forms.add(escaped)
    for quoted in (urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret), urllib.parse.quote(secret)):
        forms |= {quoted, quoted.lower()} if "%" in quoted else {quoted}
    every = "".join(f"%{byte:02X}" for byte in raw)
    forms |= {every, every.lower(), raw.hex(), raw.hex().upper()}
    return forms | _base64_forms(raw)


def _base64_forms(raw: bytes) -> set[str]:
    """What base64 makes of the secret wherever it stands in the encoded text: alone, and its inner part at each of the three offsets."""
    forms = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms |= {encode(raw).decode(), encode(raw).decode().rstrip("=")}
        for offset in range(3):
            padded = b"\0" * offset + raw
            begin = -(-offset * 8 // 6)
            inner = encode(padded).decode()[begin : len(padded) * 8 // 6]
            if len(inner) >= SHORTEST:
                forms.add(inner)
    return forms


_known = Redactor()
_factory: Any = None


def protect(secret: str) -> None:
    """From now on this process writes and logs the secret in no form. Placeholders below 8 characters are no secrets."""
    global _factory
    _known.add(secret)
    if _factory is None:
        _factory = logging.getLogRecordFactory()
        logging.setLogRecordFactory(_redacted_record)


def redacted(text: str) -> str:
    """The text without any secret this process was told."""
    return _known(text)


def _redacted_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record: logging.LogRecord = _factory(*args, **kwargs)
    try:
        said = record.getMessage()
    except Exception:  # a wrong format string; the handler would complain, and would show the arguments in doing so
        said = f"{record.msg} (its arguments do not fit)"
    record.msg, record.args = redacted(said), ()
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = redacted(logging.Formatter().formatException(record.exc_info))
        record.exc_info = None
    if record.stack_info:
        record.stack_info = redacted(record.stack_info)
    return record
