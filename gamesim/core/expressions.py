"""Arithmetic in text: + - * / and parentheses over exact numbers and names; never Python's ``eval``.

>>> evaluate("v - c/2", named({"v": Fraction(10), "c": Fraction(3)}))
Fraction(17, 2)
>>> evaluate("0.1 + 1/5")
Fraction(3, 10)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction

DEPTH, LENGTH, DIGITS, EXPONENT = 20, 200, 200, 400

Operand = Callable[[str, int], tuple[Fraction, int] | None]

_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d+))?", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2}


class ExpressionError(ValueError):
    """What is wrong, and at which column, counted from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} at column {column}")
        self.message = message
        self.column = column


def evaluate(text: str, operand: Operand | None = None) -> Fraction:
    """The value of an expression.

    Parameters
    ----------
    text : up to 200 characters, parentheses up to 20 deep.
    operand : reads what is no number: (text, position) -> (value, position behind it), or None.

    Raises
    ------
    ExpressionError
        For syntax, an unknown name, a division by zero, or more than 200 digits.
    """
    if len(text) > LENGTH:
        raise ExpressionError(f"an expression of {len(text):,} characters (up to {LENGTH})", LENGTH + 1)
    values: list[Fraction] = []
    waiting: list[tuple[str, int]] = []  # operators and parentheses, with their columns; "~" is a sign
    depth, wants_value, at = 0, True, 0

    def settle(bind: int) -> None:
        while waiting and waiting[-1][0] != "(" and (3 if waiting[-1][0] == "~" else _BINDS[waiting[-1][0]]) >= bind:
            sign, column = waiting.pop()
            last = values.pop()
            values.append(-last if sign == "~" else _applied(sign, values.pop(), last, column))

    while at < len(text):
        character = text[at]
        if character.isspace():
            at += 1
        elif wants_value:
            number = _NUMBER.match(text, at)
            if number:
                values.append(_value(number, at + 1))
                at, wants_value = number.end(), False
            elif character in "+-":
                if character == "-":
                    waiting.append(("~", at + 1))
                at += 1
            elif character == "(":
                depth += 1
                if depth > DEPTH:
                    raise ExpressionError(f"parentheses nested deeper than {DEPTH}", at + 1)
                waiting.append(("(", at + 1))
                at += 1
            else:
                found = operand(text, at) if operand is not None else None
                if found is None:
                    name = _NAME.match(text, at)
                    raise ExpressionError(f"unknown name '{name[0]}'" if name else f"'{character}' where a number was expected", at + 1)  # fmt: skip
                values.append(found[0])
                at, wants_value = found[1], False
        elif character in _BINDS:
            settle(_BINDS[character])
            waiting.append((character, at + 1))
            at, wants_value = at + 1, True
        elif character == ")":
            settle(1)
            if not waiting:
                raise ExpressionError("')' without '('", at + 1)
            waiting.pop()
            depth -= 1
            at += 1
        else:
            raise ExpressionError(f"'{character}' where an operator was expected", at + 1)
    if wants_value:
        raise ExpressionError("the expression ends where a number was expected", len(text) + 1)
    settle(1)
    if waiting:
        raise ExpressionError("'(' is never closed", waiting[-1][1])
    return values[0]


def named(values: Mapping[str, Fraction]) -> Operand:
    """Reads names of known values."""

    def read(text: str, at: int) -> tuple[Fraction, int] | None:
        name = _NAME.match(text, at)
        if name is None or name[0] not in values:
            return None
        return values[name[0]], name.end()

    return read


def names_in(text: str) -> set[str]:
    """Names that an expression uses.

    Examples
    --------
    >>> sorted(names_in("v - c/2 + 1e3"))
    ['c', 'v']
    """
    return set(_NAME.findall(_NUMBER.sub(" ", text)))


def checked(value: Fraction, column: int = 1) -> Fraction:
    """The value, if numerator and denominator have up to 200 digits each."""
    most = max(value.numerator.bit_length(), value.denominator.bit_length())
    if most > 3.33 * DIGITS or len(str(abs(value.numerator))) > DIGITS or len(str(value.denominator)) > DIGITS:
        raise ExpressionError(f"a number of more than {DIGITS} digits", column)
    return value


def _applied(sign: str, first: Fraction, second: Fraction, column: int) -> Fraction:
    if sign == "/":
        if not second:
            raise ExpressionError("division by zero", column)
        return checked(first / second, column)
    return checked(first + second if sign == "+" else first - second if sign == "-" else first * second, column)


def _value(number: re.Match[str], column: int) -> Fraction:
    exponent = number[2] or "0"
    if len(exponent) > 5 or abs(int(exponent)) > EXPONENT:
        raise ExpressionError(f"an exponent beyond {EXPONENT}", column)
    return checked(Fraction(number[1]) * Fraction(10) ** int(exponent), column)
