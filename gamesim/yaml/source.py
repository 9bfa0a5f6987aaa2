"""Bounded YAML 1.2: text or a file becomes plain data in which every key and value knows its place.

The tree is built from the parser's events in one loop that never recurses and counts as it goes, so a hostile file is
refused by the first limit it crosses. Aliases are counted at the size of what they stand for: 442 bytes can expand to
four thousand million nodes. There are no tags, no dates and no YAML 1.1 booleans: ``no`` is text, ``1e3`` a number.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from gamesim.core.errors import ScenarioError, clean

from .node import Node, plain


@dataclass(frozen=True)
class YamlLimits:
    """What a file may cost. Chosen so that any file within them loads in two seconds.

    Attributes
    ----------
    nodes : scalars, keys and collections, aliases counted at their expanded size.
    scalar : longest key or scalar, in bytes.  digits : longest whole number.
    """

    size: int = 128 * 1024
    depth: int = 32
    nodes: int = 10_000
    aliases: int = 256
    digits: int = 100
    scalar: int = 64 * 1024


@dataclass(frozen=True)
class Located:
    """Data, and where each part of it was written."""

    root: Node
    name: str
    text: str

    @property
    def data(self) -> Any:
        return plain(self.root)

    def place(self, path: tuple[str | int, ...], *, key: bool = False) -> str | None:
        """``file:line:column`` of a value, or of its key."""
        node = self.root.at(path)
        if node is None:
            return None
        return node.key_place if key else node.place


DEFAULT_LIMITS = YamlLimits()


def load_yaml(
    source: Path | str, *, limits: YamlLimits = DEFAULT_LIMITS, name: str | None = None, decimals: bool = False
) -> Located:
    """Read a file (``Path``) or a text (``str``).

    Parameters
    ----------
    name : what places call the source; by default the path as given, or ``<text>``.
    decimals : numbers that are no whole numbers become ``Decimal``, digit for digit, instead of floats.

    Raises
    ------
    ScenarioError
        With line and column, for anything that is not one bounded YAML 1.2 document.
    """
    if isinstance(source, Path):
        name = name or clean(source)
        text = decoded(read_bytes(source, limits.size, name), name)
    else:
        name = name or "<text>"
        if len(source) > limits.size or len(source.encode("utf-8", "surrogatepass")) > limits.size:
            raise _too_large(name, limits.size)
        text = source
    text = _checked(text.removeprefix("\ufeff"), name)
    return Located(_Builder(name, limits, decimals).build(text), name, text)


def read_bytes(path: Path, limit: int, name: str) -> bytes:
    """At most ``limit`` bytes of a regular file; a ScenarioError for anything else."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ScenarioError("is a directory.", where=name, hint="Name a YAML file.")
        if not stat.S_ISREG(status.st_mode):
            raise ScenarioError("is not a regular file.", where=name)
        if status.st_size > limit:
            raise _too_large(name, limit)
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise ScenarioError("no such file.", where=name) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(f"cannot be read: {clean(reason)}.", where=name) from None
    if len(data) > limit:
        raise _too_large(name, limit)
    return data


def decoded(data: bytes, name: str) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ScenarioError("the file is UTF-16.", where=f"{name}:1:1", hint="Save it as UTF-8.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        raise ScenarioError(
            f"byte 0x{data[error.start]:02x} is not UTF-8.", where=_place_after(name, before), hint="Save it as UTF-8."
        ) from None


def _too_large(name: str, limit: int) -> ScenarioError:
    return ScenarioError(
        f"larger than {limit // 1024} KiB.", where=name, hint="Keep large tables in files of their own and name them."
    )


def _place_after(name: str, before: str) -> str:
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return f"{name}:{len(lines)}:{len(lines[-1]) + 1}"


# C0 without tab and line breaks, DEL, C1 without NEL, surrogates, non-characters, and a byte-order mark inside the text.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def _checked(text: str, name: str) -> str:
    found = _FORBIDDEN.search(text)
    if found:
        raise ScenarioError(
            f"character U+{ord(found[0]):04X} may not stand in a YAML file.",
            where=_place_after(name, text[: found.start()]),
        )
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("%"):
            if line.split("#")[0].split() != ["%YAML", "1.2"]:
                raise ScenarioError(
                    f"directive '{clean(line, 40)}' is not read.",
                    where=f"{name}:{number}:1",
                    hint="Scenarios are YAML 1.2.",
                )
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return text


@dataclass
class _Open:
    """A collection whose end has not been seen."""

    node: Node
    anchor: str | None
    size: int = 1
    height: int = 1
    key: tuple[str, str] | None = None  # a mapping's pending key and its place
    merges: list[tuple[Node, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Anchor:
    node: Node
    size: int
    height: int


class _Builder:
    def __init__(self, name: str, limits: YamlLimits, decimals: bool = False) -> None:
        self.name = name
        self.limits = limits
        self.decimals = decimals
        self.open: list[_Open] = []
        self.anchors: dict[str, _Anchor | None] = {}  # None: its collection is still open
        self.aliases = 0
        self.written = 0
        self.root: Node | None = None
        self.total = 0

    def build(self, text: str) -> Node:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError

        documents = 0
        try:
            for event in YAML(typ="safe", pure=True).parse(text):
                kind = type(event).__name__.removesuffix("Event")
                if kind == "DocumentStart":
                    documents += 1
                    if documents > 1:
                        raise self.error(event, "a second document begins.", "Keep one document a file.")
                elif kind == "Alias":
                    self.alias(event)
                elif kind == "Scalar":
                    self.scalar(event)
                elif kind in ("MappingStart", "SequenceStart"):
                    self.start(event, {} if kind == "MappingStart" else [])
                elif kind in ("MappingEnd", "SequenceEnd"):
                    self.end()
        except MarkedYAMLError as error:
            raise self.translated(error) from None
        except ScenarioError:
            raise
        except Exception as error:  # the parser asserts and indexes its way through some broken files
            raise ScenarioError(f"cannot be read as YAML: {clean(error)}.", where=self.name) from None
        if self.total > self.limits.nodes:
            raise ScenarioError(
                f"aliases expand to {self.total:,} nodes; the limit is {self.limits.nodes:,}.", where=f"{self.name}:1:1"
            )
        if self.root is None:
            raise ScenarioError("the file is empty.", where=f"{self.name}:1:1")
        return self.root

    # one event each -------------------------------------------------------------------------------------------------------

    def start(self, event: Any, value: list[Node] | dict[str, Node]) -> None:
        self.refuse_tag(event)
        self.count(event)
        if len(self.open) >= self.limits.depth:
            raise self.error(event, f"nested deeper than {self.limits.depth} levels.")
        if self.expects_key():
            raise self.error(event, "a key must be text, not a list or a mapping.")
        if event.anchor:
            self.anchors[event.anchor] = None
        place = self.at(event)
        self.open.append(_Open(Node(value, place), event.anchor))

    def end(self) -> None:
        done = self.open.pop()
        node = done.node
        if done.merges:
            own = node.value
            assert isinstance(own, dict)
            below: dict[str, Node] = {}
            for source, _ in reversed(done.merges):  # the earlier of several wins
                assert isinstance(source.value, dict)
                below |= source.value
            node = replace(node, value={**below, **own})
        if done.anchor:
            self.anchors[done.anchor] = _Anchor(node, done.size, done.height)
        self.place(node, done.size, done.height)

    def scalar(self, event: Any) -> None:
        self.refuse_tag(event)
        self.count(event)
        text: str = event.value
        if len(text) > self.limits.scalar // 4 and len(text.encode("utf-8", "replace")) > self.limits.scalar:
            raise self.error(event, f"text longer than {self.limits.scalar // 1024} KiB.")
        broken = _FORBIDDEN.search(text)
        if broken:  # written as an escape, such as "\ud800"
            raise self.error(event, f"character U+{ord(broken[0]):04X} may not stand in a scenario.")
        is_plain = event.style in (None, "")
        place = self.at(event)
        if self.expects_key():
            self.key(event, text, is_plain)
            if event.anchor:
                self.anchors[event.anchor] = _Anchor(Node(text, place), 1, 0)
            return
        node = Node(self.resolved(text, event) if is_plain else text, place)
        if event.anchor:
            self.anchors[event.anchor] = _Anchor(node, 1, 0)
        self.place(node, 1, 0)

    def key(self, event: Any, text: str, is_plain: bool) -> None:
        top = self.open[-1]
        top.size += 1
        held = top.node.value
        assert isinstance(held, dict)
        if is_plain and text == "<<":
            top.key = ("<<", "")
            return
        place = self.at(event)
        if text == "" and is_plain:
            raise self.error(event, "a key is missing before ':'.")
        if text in held:
            line = (held[text].key_place or "").rsplit(":", 2)[-2:]
            raise self.error(event, f"'{clean(text, 60)}' is set twice (first at line {line[0]}).", "Keep one.")
        top.key = (text, place)
        held[text] = Node(None, place, place)  # holds the order and finds the next duplicate

    def alias(self, event: Any) -> None:
        self.aliases += 1
        if self.aliases > self.limits.aliases:
            raise self.error(event, f"more than {self.limits.aliases} aliases.")
        name = event.anchor
        if name not in self.anchors:
            raise self.error(event, f"alias '*{clean(name, 60)}' has no anchor '&{clean(name, 60)}' before it.")
        target = self.anchors[name]
        if target is None:
            raise self.error(event, f"alias '*{clean(name, 60)}' stands inside what it names.")
        if self.expects_key():
            if isinstance(target.node.value, (list, dict)):
                raise self.error(event, "a key must be text, not a list or a mapping.")
            self.key(event, str(target.node.value), False)
            return
        if len(self.open) + target.height > self.limits.depth:
            raise self.error(event, f"nested deeper than {self.limits.depth} levels.")
        self.place(target.node, target.size, target.height, alias=True)

    # helpers --------------------------------------------------------------------------------------------------------------

    def expects_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].node.value, dict) and self.open[-1].key is None

    def place(self, node: Node, size: int, height: int, alias: bool = False) -> None:
        """Put a finished node where it belongs."""
        if not self.open:
            self.root, self.total = node, size
            return
        top = self.open[-1]
        top.size += size
        top.height = max(top.height, height + 1)
        held = top.node.value
        if isinstance(held, list):
            held.append(node)
            return
        assert isinstance(held, dict)
        assert top.key is not None
        key, key_place = top.key
        top.key = None
        if key == "<<" and key_place == "":
            sources = node.value if isinstance(node.value, list) else [node]
            for source in sources:
                if not isinstance(source, Node) or not isinstance(source.value, dict):
                    raise ScenarioError("'<<' merges mappings only.", where=node.place)
                top.merges.append((source, node.place))
            return
        held[key] = replace(node, key_place=key_place)

    def count(self, event: Any) -> None:
        self.written += 1
        if self.written > self.limits.nodes:
            raise self.error(
                event, f"more than {self.limits.nodes:,} nodes.", "Keep large tables in files of their own."
            )

    def refuse_tag(self, event: Any) -> None:
        tag = getattr(event, "tag", None)
        if tag:
            shown = str(tag).replace("tag:yaml.org,2002:", "!!")
            raise self.error(event, f"tag '{clean(shown, 60)}' is not read.", "Scenarios are plain data.")

    def resolved(self, text: str, event: Any) -> Any:
        """A plain scalar by the core schema of YAML 1.2."""
        if text in _WORDS:
            return _WORDS[text]
        if not text or text[0] not in "+-.0123456789":
            return text
        if _INTEGER.fullmatch(text):
            digits = len(text.lstrip("+-"))
            if digits > self.limits.digits:
                raise self.error(event, f"a whole number of {digits:,} digits; the limit is {self.limits.digits}.")
            return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if number in (float("inf"), float("-inf")):
                raise self.error(event, f"'{clean(text, 40)}' is too large a number.")
            return Decimal(text) if self.decimals else number
        if _NOT_FINITE.fullmatch(text):
            raise self.error(event, f"'{text}' is not a finite number.")
        return text

    def at(self, event: Any) -> str:
        mark = event.start_mark
        return f"{self.name}:{mark.line + 1}:{mark.column + 1}"

    def error(self, event: Any, message: str, hint: str | None = None) -> ScenarioError:
        return ScenarioError(message, where=self.at(event), hint=hint)

    def translated(self, error: Any) -> ScenarioError:
        """The parser's complaint in one line."""
        mark = error.problem_mark or error.context_mark
        where = f"{self.name}:{mark.line + 1}:{mark.column + 1}" if mark else self.name
        problem = str(error.problem or error.context or "not YAML")
        for pattern, message, hint in _COMPLAINTS:
            if re.search(pattern, problem):
                return ScenarioError(message, where=where, hint=hint)
        opened = ""
        if error.context_mark is not None and "flow" in str(error.context):
            opened = f" (opened at line {error.context_mark.line + 1})"
        return ScenarioError(f"not YAML: {clean(problem)}{opened}.", where=where)


_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_COMPLAINTS: tuple[tuple[str, str, str | None], ...] = (
    (r"'\\t' that cannot start", "a tab cannot indent.", "Use spaces."),
    (r"mapping values are not allowed", "a ':' where no key can stand.", "Check the indentation, or quote the text."),
    (
        r"expected <block end>, but found '(<block mapping start>|<block sequence start>)'",
        "indented differently from the lines above it.",
        None,
    ),
    (r"expected <block end>, but found", "this does not continue what stands above it.", "Check the indentation."),
    (r"unexpected end of stream", "a quoted text is never closed.", None),
    (
        r"(expected|got) '<stream end>'|found '<stream end>'|'<stream end>'",
        "the file ends inside a list or a mapping.",
        None,
    ),
    (r"could not find expected ':'", "a key without ':'.", None),
)
