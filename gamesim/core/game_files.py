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
from typing import Any, NoReturn
from unicodedata import category

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


_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{},]|[^\s{}",]+|"', re.DOTALL | re.ASCII)
_PLAIN = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?", re.ASCII)  # a float is all there is to it
_NUMBER = re.compile(r"(-?)(?:(\d+)/(\d+)|(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?)", re.ASCII)
_ESCAPED = re.compile(r'\\(["\\])')
_TO_ESCAPE = re.compile(r'"|\\(?=["\\]|$)')
OPENINGS = {
    "EFG": ("2", 'EFG 2 R "title" { "player" ... } "comment"'),
    "NFG": ("1", 'NFG 1 R "title" { "player" ... } { strategies }'),
}


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
    grammar: str = ""  # of what is being read: the hint of a mistake that has no better one
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
        if hint is None and self.grammar:
            hint = f"Expected: {self.grammar}."
        raise GameFileError(message, where=_place(self.text, at, self.name), hint=hint)

    def opening(self, kind: str) -> tuple[str, list[str]]:
        """What both formats begin with: kind, version, ``R`` or ``D`` (how numbers used to be kept), title and players."""
        version, self.grammar = OPENINGS[kind]
        found = self.take()
        if found != kind:
            hint = None
            if found in OPENINGS:
                hint = f"This is an .{found.lower()} file."
            elif found.startswith(("#AGG", "#BAGG", "<?xml")):
                hint = "Convert action-graph and workbook files with Gambit to .efg or .nfg."
            self.fail(f"{_told(found)} where {kind} was expected.", hint=hint)
        self.expect(version, f"version {version}")
        found = self.take()
        if found not in ("R", "D"):
            self.fail(f"{_told(found)} where R or D was expected.")
        title = self.string("the title")
        self.expect("{", "{ and names of players")
        players: list[str] = []
        while self.peek() != "}":
            players.append(self.string("the name of a player"))
            if players[-1] in players[:-1]:
                self.fail(f"two players have the name {_told(players[-1])}.", hint="Names of players differ.")
            if len(players) > self.limits.players:
                self.fail(
                    f"more than {self.limits.players:,} players.", hint="Read with larger limits if you trust the file."
                )
        self.next += 1
        if not players:
            self.fail("a game without players.", hint="It has at least one.")
        return title, players

    def expect(self, wanted: str, what: str) -> None:
        token = self.take()
        if token != wanted:
            self.fail(f"{_told(token)} where {what} was expected.")

    def string(self, what: str) -> str:
        token = self.take()
        if token == '""':
            return ""
        if len(token) < 2 or token[0] != '"':
            if token == '"':
                self.fail("a string that starts here never ends.")
            self.fail(f"{_told(token)} where {what} in quotes was expected.")
        body = token[1:-1]
        if "\\" in body:
            body = _ESCAPED.sub(r"\1", body)
        if len(body) > self.limits.label:
            self.fail(f"a label of {len(body):,} characters.", hint=f"Up to {self.limits.label} are read.")
        if not body.isprintable() and any(category(c) in ("Cc", "Cs") for c in body):
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

    def payoffs(self, players: int) -> tuple[Fraction, ...]:
        """``payoff payoff ... }``, a comma after each if one likes; the brace before them has been read."""
        found: list[Fraction] = []
        while self.peek() != "}":
            found.append(self.number("a payoff"))
            if len(found) > players:
                self.fail(f"more than {players} payoffs for {players} players.")
            if self.peek() == ",":
                self.next += 1
        self.next += 1
        if len(found) < players:
            self.fail(f"{len(found)} payoffs for {players} players.")
        return tuple(found)

    def whole(self, what: str, signed: bool = False) -> int:
        token = self.take()
        digits = token[1:] if signed and token[:1] == "-" else token
        if not (digits.isascii() and digits.isdecimal()):
            self.fail(f"{_told(token)} where {what} was expected.", hint="It is a whole number.")
        if len(digits) > 9:
            self.fail(f"{what} has {len(digits):,} digits.", hint="Up to nine are read.")
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

    def numbers_ahead(self, count: int, what: str, exact: bool) -> list[Any]:
        """The next numbers; all are looked at before any is worked out."""
        ahead = self.all[self.next : self.next + count]
        wrong = next((k for k, token in enumerate(ahead) if _NUMBER.fullmatch(token) is None), None)
        if wrong is not None:
            self.next += wrong
            ahead = ahead[wrong : wrong + 1]
        if exact:
            return [self.number(what) for _ in ahead]
        found: list[Any] = []
        for token in ahead:
            if _PLAIN.fullmatch(token):
                self.next += 1
                found.append(float(token))
            else:
                found.append(self.number(what))
        return found

    def _number(self, token: str, what: str) -> Fraction:
        if len(token) > self.limits.digits + 10:
            self.fail(f"{what} is written with {len(token):,} characters.", hint=f"Up to {self.limits.digits:,} digits are read.")  # fmt: skip
        match = _NUMBER.fullmatch(token)
        if match is None:
            self.fail(f"{_told(token)} where {what}, a number, was expected.")
        sign, upper, lower, whole, decimals, power = match.groups()
        if len(token) > self.limits.digits and sum(c.isdigit() for c in token) > self.limits.digits:
            self.fail(f"{what} has more than {self.limits.digits:,} digits.")
        if lower is not None:
            if not int(lower):
                self.fail(f"{what} is divided by zero.")
            value = Fraction(int(upper), int(lower))
        else:
            if not decimals and power is None:
                return Fraction(int(token.rstrip(".")))
            exponent = int(power or 0)
            if abs(exponent) > self.limits.exponent:
                self.fail(f"{what} has the exponent {clean(power, 30)}.", hint=f"From -{self.limits.exponent} to {self.limits.exponent} are read.")  # fmt: skip
            value = Fraction(int((whole or "") + (decimals or "") or 0), 10 ** len(decimals or "")) * Fraction(10) ** exponent  # fmt: skip
        return -value if sign == "-" else value


def _told(token: str) -> str:
    return f"'{clean(token, 40)}'" if token else "the end of the file"


def quoted(label: str) -> str:
    """A label as a string of a game file; a backslash is doubled only where it would be taken for an escape."""
    return '"' + _TO_ESCAPE.sub(lambda match: "\\" + match.group(), label) + '"'


def told(value: Fraction) -> str:
    """A number as a game file writes it."""
    return str(value)
