"""Reading game files: what a file may hold, its tokens, and the place of a mistake.

Everything that could hurt is refused before anything is built: size, depth, counts and the length of numbers have limits,
and nothing recurses. A mistake is named with file, line and column.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

from .errors import GameFileError, clean

MIB = 1 << 20


@dataclass(frozen=True)
class FileLimits:
    """How large a game file may be; raise what you need for files that you trust.

    Attributes
    ----------
    bytes : of the file.  nodes, depth : of a tree.  cells : of a table, times players.
    digits, exponent : of a number.  players, actions : of a game and of a set.  label : characters.
    """

    bytes: int = 8 * MIB
    nodes: int = 200_000
    depth: int = 10_000
    cells: int = 10**7
    digits: int = 1000
    exponent: int = 400
    players: int = 32
    actions: int = 1000
    label: int = 256


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]|[^\s{}",]+|"', re.DOTALL)
_NUMBER = re.compile(r"([+-]?)(?:(\d+)/(\d+)|(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?)", re.ASCII)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def read_text(source: str | os.PathLike[str], limits: FileLimits) -> tuple[str, str]:
    """A file's text and its name; a ``str`` with a line break is taken as the text itself.

    Raises
    ------
    GameFileError
        For what is no readable, regular UTF-8 file within the limits.
    """
    if isinstance(source, str) and "\n" in source:
        if len(source) > limits.bytes:
            raise GameFileError(f"longer than {limits.bytes:,} bytes.", where="text")
        return source.removeprefix("\ufeff"), "text"
    path = Path(source)
    name = clean(path, 300)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise GameFileError("is a directory.", where=name, hint="Name a file.")
        if not stat.S_ISREG(status.st_mode):
            raise GameFileError("is no regular file.", where=name)
        if status.st_size > limits.bytes:
            raise GameFileError(f"{status.st_size:,} bytes; the limit is {limits.bytes:,}.", where=name)
        with path.open("rb") as stream:
            data = stream.read(limits.bytes + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "not a possible name").lower()
        raise GameFileError(f"cannot be read: {reason}.", where=name) from None
    if len(data) > limits.bytes:
        raise GameFileError(f"more than {limits.bytes:,} bytes.", where=name)
    if not data.strip():
        raise GameFileError("the file is empty.", where=f"{name}:1:1")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise GameFileError("the file is UTF-16.", where=f"{name}:1:1", hint="Save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise GameFileError("not a text in UTF-8.", where=f"{name}:{line}:{column}") from None
    if "\0" in text:
        at = text.index("\0")
        raise GameFileError("a binary file, not a text.", where=_place(text, at, name))
    return text, name


def _place(text: str, at: int, name: str) -> str:
    return f"{name}:{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


@dataclass
class Tokens:
    """A text cut into strings, braces and words, read one after another."""

    text: str
    name: str
    limits: FileLimits
    all: list[str] = field(init=False)
    next: int = 0
    numbers: dict[str, Fraction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.all = _TOKEN.findall(self.text)

    @property
    def ended(self) -> bool:
        return self.next >= len(self.all)

    def peek(self) -> str:
        return self.all[self.next] if self.next < len(self.all) else ""

    def take(self) -> str:
        token = self.peek()
        self.next += 1
        return token

    def fail(self, message: str, *, hint: str | None = None, back: int = 1) -> NoReturn:
        """Raise with the place of the token ``back`` before the next one."""
        number = self.next - back
        at = len(self.text.rstrip())
        for k, match in enumerate(_TOKEN.finditer(self.text)):
            if k == number:
                at = match.start()
                break
        raise GameFileError(message, where=_place(self.text, at, self.name), hint=hint)

    def expect(self, wanted: str, what: str) -> None:
        token = self.take()
        if token != wanted:
            self.fail(f"{_told(token)} where {what} was expected.")

    def string(self, what: str) -> str:
        token = self.take()
        if len(token) < 2 or token[0] != '"':
            if token == '"':
                self.fail("a string that starts here never ends.")
            self.fail(f"{_told(token)} where {what} in quotes was expected.")
        body = token[1:-1]
        if "\\" in body:
            body = _ESCAPE.sub(r"\1", body)
        if len(body) > self.limits.label:
            self.fail(f"a label of {len(body):,} characters.", hint=f"Up to {self.limits.label} are read.")
        if not body.isprintable():
            self.fail(f"the label {_told(clean(body, 40))} holds a control character.")
        return body

    def at_string(self) -> bool:
        return self.peek().startswith('"')

    def strings(self, what: str, most: int) -> list[str]:
        """``{ "a" "b" ... }``"""
        self.expect("{", f"{{ and {what}")
        found = []
        while self.peek() != "}":
            found.append(self.string(what))
            if len(found) > most:
                self.fail(f"more than {most:,} {what}.")
        self.next += 1
        return found

    def whole(self, what: str) -> int:
        token = self.take()
        if not (token.isascii() and token.isdecimal()):
            self.fail(f"{_told(token)} where {what} was expected.", hint="It is a whole number.")
        if len(token) > 9:
            self.fail(f"{what} has {len(token):,} digits.")
        return int(token)

    def number(self, what: str) -> Fraction:
        """An integer, decimal, fraction or number with exponent; exact."""
        token = self.take()
        known = self.numbers.get(token)
        if known is None:
            known = self._number(token, what)
            if len(token) < 40 and len(self.numbers) < 100_000:
                self.numbers[token] = known
        return known

    def _number(self, token: str, what: str) -> Fraction:
        if len(token) > self.limits.digits + 10:
            self.fail(f"{what} is written with {len(token):,} characters.", hint=f"Up to {self.limits.digits:,} digits are read.")  # fmt: skip
        match = _NUMBER.fullmatch(token)
        if match is None:
            self.fail(f"{_told(token)} where {what}, a number, was expected.")
        sign, upper, lower, whole, decimals, power = match.groups()
        if sum(c.isdigit() for c in token) > self.limits.digits:
            self.fail(f"{what} has more than {self.limits.digits:,} digits.")
        if lower is not None:
            if not int(lower):
                self.fail(f"{what} is divided by zero.")
            value = Fraction(int(upper), int(lower))
        else:
            exponent = int(power or 0)
            if abs(exponent) > self.limits.exponent:
                self.fail(f"{what} has the exponent {clean(power, 30)}.", hint=f"From -{self.limits.exponent} to {self.limits.exponent} are read.")  # fmt: skip
            value = Fraction(int((whole or "") + (decimals or "") or 0), 10 ** len(decimals or "")) * Fraction(10) ** exponent  # fmt: skip
        return -value if sign == "-" else value


def _told(token: str) -> str:
    return f"'{clean(token, 40)}'" if token else "the end of the file"


def quoted(label: str) -> str:
    """A label as a string of a game file."""
    return '"' + label.replace("\\", "\\\\").replace('"', '\\"') + '"'


def told(value: Fraction) -> str:
    """A number as a game file writes it."""
    return str(value)
