"""Sentences of controlled English, one parsed thing each; ``english`` says what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from gamesim.core.errors import EnglishError, clean
from gamesim.core.expressions import ExpressionError, evaluate, named, names_in

from .expand import folded

FORMS: Mapping[str, str] = {
    "Title": "Title: The ferry.",
    "Players": "Players: Ana, Bo and Cy.",
    "Parameters": "Parameters: v = 10, c = 3/2.",
    "chooses": "If In, Bo chooses Fight or Share.",
    "simultaneously": "Ana and Bo simultaneously choose Left or Right.",
    "chance": "chance: rain 3/4, drought 1/4.",
    "gets": "If Fight, Ana gets -1, Bo gets -1.",
    "Payoffs": "Payoffs (Ana, Bo): In/Fight -1, -1; In/Share 1, 1; Out 0, 2.",
    "sees": "Bo does not see Ana's choice.",
    "forgets": "Ana forgets Ana's choice.",
    "Allow": "Allow imperfect recall.",
}


@dataclass(frozen=True)
class Event:
    """Something that may have happened: by a player or chance or anybody, with a label or any; or everything."""

    mover: str = ""
    label: str = ""
    everything: bool = False

    def __str__(self) -> str:
        if self.everything:
            return "anything"
        return f"'{self.label}'" if self.label else "chance" if self.mover == "chance" else f"{self.mover}'s choice"


@dataclass(frozen=True)
class Condition:
    kind: Literal["always", "if", "after", "otherwise"] = "always"
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Chooses:
    players: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Draws:
    labels: tuple[str, ...]
    odds: tuple[Fraction, ...]


@dataclass(frozen=True)
class Gets:
    payoffs: Mapping[str, str]  # by player; "" is everyone


@dataclass(frozen=True)
class Row:
    path: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Rows:
    players: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Sees:
    how: Literal["sees", "hidden", "only", "forgets"]
    players: tuple[str, ...]
    event: Event


@dataclass(frozen=True)
class Allow:
    what: str


Says = Chooses | Draws | Gets | Rows | Sees | Allow


@dataclass(frozen=True)
class Sentence:
    """A sentence with the line where it begins."""

    number: int
    line: int
    source: str
    says: Says
    condition: Condition = Condition()


@dataclass
class Text:
    """What a text says."""

    name: str
    title: str = ""
    players: tuple[str, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    sentences: list[Sentence] = field(default_factory=list)


def failure(sentence: Sentence, what: str, name: str, form: str = "") -> EnglishError:
    """An error about a sentence; ``form`` names the form to show."""
    return _error(sentence.line, sentence.source, what, name, form)


def _error(line: int, source: str, what: str, name: str, form: str, prose: bool = False) -> EnglishError:
    shown = clean(" ".join(source.split()), 160)
    nearest = FORMS.get(form, "")
    hint = f"Nearest form: {nearest}" if nearest else ""
    if prose:
        hint += " Free prose is read by a model: name one with --model."
    error = EnglishError(
        f"'{shown}': {clean(what, 300)}.", where=f"{clean(name, 200)}:{line}", hint=hint.strip() or None
    )
    error.line, error.sentence, error.nearest = line, shown, nearest
    return error


# ---- cutting -----------------------------------------------------------------------------------------------------------


def _cut(text: str) -> list[tuple[int, str]]:
    """Sentences with their lines; comments gone, quotes kept."""
    found: list[tuple[int, str]] = []
    line, start, kept = 1, 0, ""
    quoted = comment = False
    for at, character in enumerate(text + "\n"):
        if character == "\n":
            comment = False
            line += 1
            kept += " "
            continue
        if comment:
            continue
        if character == "#" and not quoted:
            comment = True
            continue
        if character == '"':
            quoted = not quoted
        if not kept.strip() and not character.isspace():
            start, kept = line, ""
        follows = text[at + 1 : at + 2]
        ends = not quoted and (not follows or follows.isspace())
        table = kept.lstrip().casefold().startswith("payoffs")
        if ends and (character == "." or (character == ";" and not table)):
            found.append((start, kept.strip()))
            kept = ""
        else:
            kept += character
    if kept.strip():
        found.append((start, kept.strip()))
    return [(line, sentence) for line, sentence in found if sentence]


@dataclass(frozen=True)
class Word:
    text: str
    quoted: bool = False

    def __eq__(self, other: object) -> bool:
        """A word is a keyword if it is not in quotes."""
        if isinstance(other, str):
            return not self.quoted and self.text.casefold() == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)


Words = Sequence[Word]
_WORD = re.compile(r'"([^"]*)"|([0-9]+(?:\.[0-9]+)?(?:/[0-9]+(?![\w/]))?%?(?!\w)|[,:;()/*=+]|[^\s",:;()/*=+]+)')


def _words(sentence: str) -> list[Word]:
    return [Word(m[1], True) if m[1] is not None else Word(m[2]) for m in _WORD.finditer(sentence)]


class _Refused(Exception):
    def __init__(self, what: str, form: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.form = form


def _split(words: Words, *at: str) -> list[list[Word]]:
    parts: list[list[Word]] = [[]]
    for word in words:
        if any(word == sign for sign in at):
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


_KEYWORDS = frozenset(
    [
        "if",
        "after",
        "otherwise",
        "and",
        "or",
        "then",
        "chooses",
        "chose",
        "choose",
        "simultaneously",
        "gets",
        "get",
        "everyone",
        "everything",
        "chance",
        "sees",
        "see",
        "only",
        "forgets",
        "does",
        "not",
        "allow",
        "payoffs",
        "players",
        "parameters",
        "title",
    ]
)


def _name(words: Words, what: str) -> str:
    """A name: words that are no keywords, or one text in quotes."""
    if not words:
        raise _Refused(f"{what} is missing")
    if len(words) == 1 and words[0].quoted:
        return words[0].text.strip()
    if any(word.quoted for word in words):
        raise _Refused(f"{what} is partly in quotes")
    wrong = next((w for w in words if w.text.casefold() in _KEYWORDS or w.text in tuple(",:;()=*+")), None)
    if wrong is not None:
        raise _Refused(f"'{wrong.text}' cannot stand in {what} without quotes")
    text = " ".join(word.text for word in words)
    return re.sub(r" ?/ ?", "/", text)


def _names(words: Words, last: str, what: str) -> tuple[str, ...]:
    """``A, B or C``: commas, and the word before the last one."""
    parts = _split(words, ",", last)
    if parts and not parts[0] and len(parts) > 1:
        raise _Refused(f"{what} is missing")
    return tuple(_name(part, what) for part in parts if part or len(parts) == 1)


# ---- parsing -----------------------------------------------------------------------------------------------------------


def parse(source: str, name: str) -> Text:
    """All sentences of a text; the first that is not in the grammar is refused."""
    text = Text(name)
    labels: set[str] = set()
    cut = _cut(source)
    if not cut:
        raise _error(1, "", "there is no sentence", name, "Players")
    parsed: list[tuple[int, str, list[Word]]] = []
    for line, sentence in cut:
        words = _words(sentence)
        if sentence.count('"') % 2:
            raise _error(line, sentence, "a quote is never closed", name, "")
        try:
            if not _heading(text, sentence, words):
                parsed.append((line, sentence, words))
                labels |= {folded(label) for label in _labels(words)}
        except _Refused as refused:
            raise _error(line, sentence, refused.what, name, refused.form) from None
    seen: set[str] = set()
    for line, sentence, words in parsed:
        try:
            condition, rest = _condition(words, text)
            says = _says(rest, text, labels)
            if isinstance(says, (Sees, Allow, Rows)) and condition.kind != "always":
                raise _Refused("this sentence takes no condition")
            if condition.kind == "otherwise" and not text.sentences:
                raise _Refused("'Otherwise' has no sentence before it")
            _checked(says, text)
        except _Refused as refused:
            form = refused.form or _nearest(words)
            prose = not text.players or not seen
            raise _error(line, sentence, refused.what, name, form, prose) from None
        except ExpressionError as wrong:
            raise _error(line, sentence, str(wrong), name, _nearest(words)) from None
        seen.add(type(says).__name__)
        text.sentences.append(Sentence(len(text.sentences), line, sentence, says, condition))
    if not text.sentences:
        line, sentence = cut[-1]
        raise _error(line, sentence, "nobody chooses and nobody gets anything", name, "chooses")
    return text


def _nearest(words: Words) -> str:
    said = " ".join(word.text.casefold() for word in words)
    for pattern, form in (
        (r"simultaneous|at the same (time|moment)|both .*choos", "simultaneously"),
        (r"\bpayoffs?\b", "Payoffs"),
        (r"chance|probab|likel|random|dealt|deck|dice|coin|%", "chance"),
        (r"\bsees?\b|\bknows?\b|\bhears?\b|observ|told", "sees"),
        (r"forget|remember", "forgets"),
        (r"allow|recall|absent", "Allow"),
        (r"\bgets?\b|\bpays?\b|\bearn|\breceiv|\bwins?\b|\bworth\b|\bleav", "gets"),
        (r"choos|decid|\beither\b|\bor\b|\bmay\b", "chooses"),
    ):
        if re.search(pattern, said):
            return form
    return "chooses"


def _heading(text: Text, sentence: str, words: Words) -> bool:
    if len(words) < 2 or words[1] != ":" or words[0].quoted:
        return False
    head = words[0].text.casefold()
    rest = words[2:]
    if head == "title":
        text.title = re.sub(r"\s+", " ", sentence.split(":", 1)[1]).strip().replace('"', "")[:120]
        if not text.title:
            raise _Refused("the title is missing", "Title")
    elif head == "players":
        if text.players:
            raise _Refused("players were named before", "Players")
        text.players = _names(rest, "and", "a player's name")
        if len({folded(p) for p in text.players}) < len(text.players):
            raise _Refused("two players have one name", "Players")
    elif head == "parameters":
        for part in _split(rest, ","):
            if len(part) < 3 or part[1] != "=":
                raise _Refused("a parameter is written NAME = NUMBER", "Parameters")
            name, value = part[0].text, _expression(part[2:])
            known = {k: Fraction(1) for k in text.parameters}
            try:
                evaluate(value, named(known))
            except ExpressionError as error:
                raise _Refused(str(error), "Parameters") from None
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,39}", name) or name in text.parameters:
                raise _Refused(f"'{name}' cannot be the name of a parameter here", "Parameters")
            text.parameters[name] = value
    else:
        return False
    return True


def _labels(words: Words) -> list[str]:
    """Labels that a sentence introduces, read leniently; the sentence itself is parsed later."""
    for k, word in enumerate(words):
        if word == "chooses" or word == "choose":
            return [_loose(part) for part in _split(words[k + 1 :], ",", "or") if part]
        if word == "chance" and k + 1 < len(words) and words[k + 1] == ":":
            return [_loose(part[:-1]) for part in _split(words[k + 2 :], ",") if len(part) > 1]
    return []


def _loose(words: Words) -> str:
    return re.sub(r" ?/ ?", "/", " ".join(word.text for word in words)).strip()


def _condition(words: list[Word], text: Text) -> tuple[Condition, list[Word]]:
    first = words[0]
    if not (first == "if" or first == "after" or first == "otherwise"):
        return Condition(), words
    comma = next((k for k, word in enumerate(words) if word == ","), None)
    if comma is None:
        raise _Refused("a condition ends with a comma", "chooses")
    inside, rest = words[1:comma], words[comma + 1 :]
    if not rest:
        raise _Refused("nothing follows the condition", "chooses")
    if first == "otherwise":
        if inside:
            raise _Refused("'Otherwise' stands alone before its comma", "chooses")
        return Condition("otherwise"), rest
    joined = "and" if first == "if" else "then"
    events = tuple(_event(part, text) for part in _split(inside, joined))
    if any(event.everything for event in events):
        raise _Refused("'everything' is no condition", "chooses")
    return Condition("if" if first == "if" else "after", events), rest


def _event(words: Words, text: Text) -> Event:
    if not words:
        raise _Refused("an event is missing")
    if len(words) == 1 and words[0] == "everything":
        return Event(everything=True)
    if words[0] == "chance":
        return Event("chance", _name(words[1:], "an outcome of chance") if len(words) > 1 else "")
    for k, word in enumerate(words):
        if word == "chose" or word == "chooses":
            return Event(_player(words[:k], text), _name(words[k + 1 :], "a choice"))
    if words[-1] == "choice" and len(words) > 1:
        owner = list(words[:-1])
        last = owner[-1]
        if not last.quoted:
            bare = re.sub(r"['’]s?$", "", last.text)
            if bare == last.text:
                raise _Refused("whose choice it is, ends with 's", "sees")
            owner = [*owner[:-1], Word(bare)] if bare else owner[:-1]
        return Event(_player(owner, text))
    return Event("", _name(words, "an event"))


def _player(words: Words, text: Text) -> str:
    """A player by name, in any case; an unknown one is told later, with the nearest."""
    name = _name(words, "a player's name")
    return next((p for p in text.players if folded(p) == folded(name)), name)


def _says(words: list[Word], text: Text, labels: set[str]) -> Says:
    for k, word in enumerate(words):
        if word == "chooses" or word == "choose":
            return _choice(words[:k], words[k + 1 :], text, plural=word == "choose")
    if words[0] == "chance" and len(words) > 1 and words[1] == ":":
        return _draw(words[2:], text)
    if words[0] == "payoffs":
        return _rows(words[1:], text, labels)
    if words[0] == "allow":
        what = " ".join(word.text.casefold() for word in words[1:])
        if what in ("imperfect recall", "absent-mindedness"):
            return Allow(what.replace(" ", "_").replace("-", "_"))
        raise _Refused("only imperfect recall and absent-mindedness can be allowed", "Allow")
    for k, word in enumerate(words):
        if word == "gets" or word == "get":
            return _gets(words, text)
        if word == "forgets":
            return Sees("forgets", (_player(words[:k], text),), _event(words[k + 1 :], text))
        if word == "see" or word == "sees":
            return _sight(words[:k], words[k + 1 :], text)
    raise _Refused("this is no sentence of controlled English")


def _choice(who: list[Word], what: list[Word], text: Text, plural: bool) -> Chooses:
    together = bool(who) and who[-1] == "simultaneously"
    if together:
        who = who[:-1]
    players = tuple(_player(part, text) for part in _split(who, ",", "and") if part)
    if not players:
        raise _Refused("who chooses is missing", "chooses")
    if (len(players) > 1) != (plural and together) or (plural and not together):
        raise _Refused("one player chooses, or several simultaneously choose", "simultaneously")
    if len(set(players)) < len(players):
        raise _Refused("a player is named twice", "simultaneously")
    labels = _names(what, "or", "a choice")
    if len({folded(label) for label in labels}) < len(labels):
        raise _Refused("two choices read alike", "chooses")
    return Chooses(players, labels)


def _draw(words: list[Word], text: Text) -> Draws:
    labels: list[str] = []
    odds: list[Fraction] = []
    parts = _split(words, ",")
    for k, part in enumerate(parts):
        if len(part) < 2:
            raise _Refused("an outcome is written LABEL PROBABILITY", "chance")
        value = part[-1]
        labels.append(_name(part[:-1], "an outcome of chance"))
        if value == "otherwise" and k == len(parts) - 1:
            odds.append(1 - sum(odds, Fraction(0)))
        else:
            try:
                percent = value.text.endswith("%")
                p = evaluate(value.text.rstrip("%"), named({k: evaluate(v) for k, v in _numbers(text).items()}))
                odds.append(p / 100 if percent else p)
            except ExpressionError:
                raise _Refused(f"'{value.text}' is no probability", "chance") from None
        if not 0 < odds[-1] <= 1:
            raise _Refused(f"the probability of {labels[-1]} is {odds[-1]}", "chance")
    if len({folded(label) for label in labels}) < len(labels):
        raise _Refused("two outcomes read alike", "chance")
    return Draws(tuple(labels), tuple(odds))


def _numbers(text: Text) -> dict[str, str]:
    """Parameters as plain numbers."""
    values: dict[str, Fraction] = {}
    for name, written in text.parameters.items():
        values[name] = evaluate(written, named(values))
    return {name: str(value) for name, value in values.items()}


def amount_of(value: str, text: Text) -> Fraction:
    """What a payoff of the text comes to."""
    return evaluate(value, named({name: Fraction(number) for name, number in _numbers(text).items()}))


def _expression(words: Words) -> str:
    if not words:
        raise _Refused("a number is missing", "gets")
    return " ".join(word.text for word in words)


def _gets(words: list[Word], text: Text) -> Gets:
    payoffs: dict[str, str] = {}
    for part in _split(words, ","):
        at = next((k for k, word in enumerate(part) if word == "gets"), None)
        if at is None:
            raise _Refused("each part is written PLAYER gets NUMBER", "gets")
        who = part[:at]
        player = "" if len(who) == 1 and who[0] == "everyone" else _player(who, text)
        if player in payoffs:
            raise _Refused("a player gets two payoffs", "gets")
        payoffs[player] = _expression(part[at + 1 :])
    return Gets(payoffs)


def _rows(words: list[Word], text: Text, labels: set[str]) -> Rows:
    close = next((k for k, word in enumerate(words) if word == ")"), None)
    if not words or words[0] != "(" or close is None or close + 1 >= len(words) or words[close + 1] != ":":
        raise _Refused("a table is written Payoffs (PLAYER, PLAYER): PATH NUMBER, NUMBER; ...", "Payoffs")
    players = tuple(_player(part, text) for part in _split(words[1:close], ","))
    rows = []
    for part in _split(words[close + 2 :], ";"):
        if not part:
            continue
        cells = _split(part, ",")
        if len(cells) != len(players):
            raise _Refused(f"{len(cells)} payoffs for {len(players)} players in '{_loose(part)}'", "Payoffs")
        path, first = _path(cells[0], labels)
        rows.append(Row(path, (first, *(_expression(cell) for cell in cells[1:]))))
    if not rows:
        raise _Refused("the table has no row", "Payoffs")
    return Rows(players, tuple(rows))


def _path(words: list[Word], labels: set[str]) -> tuple[tuple[str, ...], str]:
    """The longest beginning that is a path of known labels, and the number behind it."""
    for end in range(len(words) - 1, 0, -1):
        parts = _slashes(words[:end])
        if parts is not None and all(part == "*" or folded(part) in labels for part in parts):
            return tuple(parts), _expression(words[end:])
    raise _Refused(f"'{_loose(words)}' does not begin with a path of known labels", "Payoffs")


def _slashes(words: Words) -> list[str] | None:
    parts = _split(words, "/")
    if any(not part for part in parts):
        return None
    return [" ".join(word.text for word in part) for part in parts]


def _sight(who: list[Word], what: list[Word], text: Text) -> Sees:
    how: Literal["sees", "hidden", "only"] = "sees"
    if who and who[0] == "only":
        how, who = "only", who[1:]
    elif len(who) > 2 and (who[-2] == "does" or who[-2] == "do") and who[-1] == "not":
        how, who = "hidden", who[:-2]
    players = tuple(_player(part, text) for part in _split(who, ",", "and") if part)
    if not players:
        raise _Refused("who sees is missing", "sees")
    return Sees(how, players, _event(what, text))


def _checked(says: Says, text: Text) -> None:
    """Numbers can be reckoned, and every name in them is a parameter."""
    values: list[str] = []
    if isinstance(says, Gets):
        values = list(says.payoffs.values())
    elif isinstance(says, Rows):
        values = [value for row in says.rows for value in row.values]
    if not values:
        return
    known = {name: Fraction(value) for name, value in _numbers(text).items()}
    for value in values:
        unknown = sorted(names_in(value) - set(known))
        if unknown:
            raise _Refused(f"'{value}' is no number, and '{unknown[0]}' no parameter", "gets")
        evaluate(value, named(known))
