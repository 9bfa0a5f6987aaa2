"""Controlled English: a small grammar in which a game is described without guessing. See ``GRAMMAR``.

Sentences end at ``.`` or ``;`` before a space or the end of a line; keywords in any case; names with keywords, commas,
slashes or full stops in them stand in double quotes; ``#`` begins a comment. Whatever is not in the grammar is refused with its
line and the nearest form; nothing is skipped.

At a history the next move is the first move sentence, in the order of the text, that was not used on this path and whose
condition holds; a simultaneous sentence is used by its players in the order listed, who do not see each other. Where no
sentence is left the history ends, and each player gets what the matching sentence with most events says. A player knows its
own moves and every event that nothing said hides; each visibility that the text did not state is noted as an assumption.

    >>> document = parse_english('''
    ...     Players: Ana and Bo.
    ...     Ana chooses In or Out.  If In, Bo chooses Fight or Share.
    ...     Payoffs (Ana, Bo): Out 0, 2; In/Fight -1, -1; In/Share 1, 1.
    ... ''')
    >>> document.assumptions[0].text
    "Bo sees Ana's choice (In, Out)"
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from gamesim.core.errors import did_you_mean, listed

from .document import GameDocument
from .english_sentences import (
    Allow,
    Chooses,
    Condition,
    Draws,
    Event,
    Gets,
    Rows,
    Sees,
    Sentence,
    Text,
    amount_of,
    failure,
    parse,
)
from .expand import NODES, folded
from .schema import FORMAT

GRAMMAR = """\
Title: TEXT.                     Players: NAME, NAME and NAME.          Parameters: v = 10, c = 3/2.
[COND,] P chooses A, B or C.     [COND,] P and Q simultaneously choose A or B.
[COND,] chance: rain 3/4, drought 1/4.        probabilities p/q, decimals, n% or a last `otherwise`
[COND,] P gets X, Q gets Y.      [COND,] everyone gets X.
Payoffs (P, Q): A/A 3, 3; A/B 2, 5; B/A 5, 2; B/B 0, 0.        paths of labels in time order; * matches any label
P does not see EVENT.  Only P sees EVENT.  P and Q see EVENT.  P forgets EVENT.
Allow imperfect recall.          Allow absent-mindedness.
COND  := If EVENT (and EVENT)* | After EVENT (then EVENT)* | Otherwise
EVENT := [P chose | P chooses] LABEL | chance | chance LABEL | P's choice | everything
"""

CHANCE = "chance"


@dataclass(frozen=True)
class Happened:
    """Something on a path: who, what, by which sentence, and at which set if it was a player."""

    mover: str
    label: str
    source: int
    at: int = -1


@dataclass(frozen=True)
class _State:
    history: tuple[Happened, ...] = ()
    used: frozenset[int] = frozenset()
    waiting: tuple[str, ...] = ()  # players of a simultaneous sentence who have not moved
    source: int = -1


def parse_english(text: str, *, name: str = "text") -> GameDocument:
    """The game that a text describes.

    Raises
    ------
    EnglishError
        With line, sentence and the nearest form, for what is not in the grammar or contradicts itself.
    """
    return _Reading(parse(text, name)).document()


@dataclass
class _Reading:
    text: Text
    moves: list[tuple[Sentence, Chooses | Draws]] = field(default_factory=list)
    reached: set[int] = field(default_factory=set)
    sets: dict[tuple[Any, ...], tuple[int, tuple[str, ...], Sentence]] = field(default_factory=dict)
    assumed: dict[tuple[str, int], str] = field(default_factory=dict)
    seen: Counter[int] = field(default_factory=Counter)
    reached_rows: set[tuple[int, int]] = field(default_factory=set)
    titles: dict[int, str] = field(default_factory=dict)

    def document(self) -> GameDocument:
        text = self.text
        if not text.players:
            raise failure(text.sentences[0], "no 'Players: NAME, NAME.' stands before it", text.name, "Players")
        self.moves = [(s, s.says) for s in text.sentences if isinstance(s.says, (Chooses, Draws))]
        for sentence in text.sentences:
            self._names(sentence)
        root = self._tree()
        for sentence in text.sentences:
            if isinstance(sentence.says, (Chooses, Draws, Gets)) and sentence.number not in self.reached:
                raise failure(sentence, "no path of the game reaches this sentence", text.name)
            if isinstance(sentence.says, Rows):
                for k, row in enumerate(sentence.says.rows):
                    if (sentence.number, k) not in self.reached_rows:
                        raise failure(sentence, f"no path of the game is {'/'.join(row.path)}", text.name)
            if isinstance(sentence.says, Sees) and not self.seen[sentence.number]:
                raise failure(sentence, f"nothing that is {sentence.says.event} happens on any path", text.name)
        allow = [s.says.what for s in text.sentences if isinstance(s.says, Allow)]
        data = {
            "format": FORMAT,
            "title": text.title or "A game in controlled English",
            "players": list(text.players),
            "parameters": dict(text.parameters),
            "allow": list(dict.fromkeys(allow)),
            "assumptions": [{"kind": "information", "text": told[:300]} for told in self.assumed.values()][:200],
            "root": root,
        }
        return GameDocument.model_validate(data)

    # ---- names ---------------------------------------------------------------------------------------------------------

    def _names(self, sentence: Sentence) -> None:
        """Players and events are known ones."""
        labels = {folded(label): label for _, says in self.moves for label in says.labels}
        events = list(sentence.condition.events)
        if isinstance(sentence.says, Sees):
            events.append(sentence.says.event)
        for event in events:
            if event.mover not in ("", CHANCE) and event.mover not in self.text.players:
                raise self._unknown(sentence, "player", event.mover, self.text.players)
            if event.label and folded(event.label) not in labels:
                raise self._unknown(sentence, "event", event.label, list(labels.values()))
        named: list[str] = []
        if isinstance(sentence.says, Chooses):
            named = list(sentence.says.players)
        elif isinstance(sentence.says, Gets):
            named = [p for p in sentence.says.payoffs if p]
        elif isinstance(sentence.says, Rows):
            named = list(sentence.says.players)
            for row in sentence.says.rows:
                for label in row.path:
                    if label != "*" and folded(label) not in labels:
                        raise self._unknown(sentence, "event", label, list(labels.values()))
        elif isinstance(sentence.says, Sees):
            named = list(sentence.says.players)
        for player in named:
            if player not in self.text.players:
                raise self._unknown(sentence, "player", player, self.text.players)

    def _unknown(self, sentence: Sentence, what: str, name: str, known: Sequence[str]) -> Exception:
        hint = did_you_mean(name, known) or f"Known: {listed(list(known))}"
        return failure(sentence, f"no {what} '{name}'; {hint}", self.text.name)

    # ---- the tree ------------------------------------------------------------------------------------------------------

    def _tree(self) -> dict[str, Any]:
        holder: dict[str, Any] = {}
        stack: list[tuple[_State, dict[str, Any], str]] = [(_State(), holder, "root")]
        count = 0
        while stack:
            state, above, key = stack.pop()
            count += 1
            if count > NODES:
                raise failure(self.text.sentences[-1], f"the game has more than {NODES:,} nodes", self.text.name)
            found = self._next(state)
            if found is None:
                above[key] = self._leaf(state.history)
                continue
            sentence, says, state = found
            self.reached.add(sentence.number)
            if isinstance(says, Draws):
                self._summing(sentence, says)
                outcomes = [{"label": label, "prob": str(p)} for label, p in zip(says.labels, says.odds, strict=True)]
                above[key] = {"type": "chance", "outcomes": outcomes}
                for outcome, label in reversed(list(zip(outcomes, says.labels, strict=True))):
                    after = (*state.history, Happened(CHANCE, label, sentence.number))
                    stack.append((_State(after, state.used), outcome, "node"))
                continue
            player, rest = state.waiting[0], state.waiting[1:]
            at, name = self._set(sentence, player, says, state)
            actions: dict[str, Any] = dict.fromkeys(says.labels)
            above[key] = {"type": "move", "player": player, "infoset": name, "actions": actions}
            for label in reversed(says.labels):
                after = (*state.history, Happened(player, label, sentence.number, at))
                stack.append((_State(after, state.used, rest, sentence.number if rest else -1), actions, label))
        tree: dict[str, Any] = holder["root"]
        return tree

    def _next(self, state: _State) -> tuple[Sentence, Chooses | Draws, _State] | None:
        if state.waiting:
            sentence = self.text.sentences[state.source]
            assert isinstance(sentence.says, Chooses)
            return sentence, sentence.says, state
        for sentence, says in self.moves:
            if sentence.number not in state.used and self._holds(sentence, state.history):
                used = state.used | {sentence.number}
                waiting = says.players if isinstance(says, Chooses) else ()
                return sentence, says, _State(state.history, used, tuple(waiting), sentence.number)
        return None

    def _holds(self, sentence: Sentence, history: Sequence[Happened]) -> bool:
        """``Otherwise`` holds where the sentence before failed, which may be an ``Otherwise`` itself."""
        number, turned = sentence.number, False
        while self.text.sentences[number].condition.kind == "otherwise":
            number, turned = number - 1, not turned
        return _holds(self.text.sentences[number].condition, history) != turned

    def _summing(self, sentence: Sentence, says: Draws) -> None:
        total = sum(says.odds, Fraction(0))
        if total != 1:
            raise failure(sentence, f"the probabilities sum to {total}, not to 1", self.text.name, "chance")

    def _set(self, sentence: Sentence, player: str, says: Chooses, state: _State) -> tuple[int, str]:
        """The information set of a mover: what it saw and did, in order, less what it forgets."""
        view: list[tuple[Any, ...]] = []
        for event in state.history:
            own = event.mover == player
            shown, forgotten = self._sees(player, event)
            if forgotten or (not own and (not shown or event.source == sentence.number)):
                continue
            view.append((event.mover, event.label, event.at if own else -1))
        known = self.sets.get((player, *view))
        if known is None:
            seen = ", ".join(f"{'' if mover in (player, CHANCE) else mover + ' '}{label}" for mover, label, _ in view)
            known = self.sets[(player, *view)] = (len(self.sets), says.labels, sentence)
            title = f"{player} after {seen}" if seen else player
            taken = title[:110] in self.titles.values()
            self.titles[known[0]] = f"{title[:100]} #{known[0] + 1}" if taken else title[:110]
        elif set(known[1]) != set(says.labels):
            raise failure(
                sentence,
                f"{player} knows the same as at line {known[2].line} and has other choices there:"
                f" {listed(list(known[1]))[:-1]} against {listed(list(says.labels))[:-1]}",
                self.text.name,
            )
        return known[0], self.titles[known[0]]

    def _sees(self, player: str, event: Happened) -> tuple[bool, bool]:
        """Whether a player sees an event, and whether it forgets it; the last sentence that speaks of both counts."""
        shown, said, forgotten = True, False, False
        for sentence in self.text.sentences:
            says = sentence.says
            if not isinstance(says, Sees) or not _matches(says.event, event):
                continue
            self.seen[sentence.number] += 1
            if says.how == "forgets":
                forgotten = forgotten or player in says.players
            elif says.how == "only":
                shown, said = player in says.players, True
            elif player in says.players:
                shown, said = says.how == "sees", True
        if not said and event.mover != player:
            source = self.text.sentences[event.source].says
            assert isinstance(source, (Chooses, Draws))
            what = "what chance draws" if event.mover == CHANCE else f"{event.mover}'s choice"
            told = f"{player} sees {what} ({', '.join(source.labels)})"
            if not (isinstance(source, Chooses) and len(source.players) > 1 and player in source.players):
                self.assumed.setdefault((player, event.source * 100 + self._position(source, event.mover)), told)
        return shown, forgotten

    @staticmethod
    def _position(source: Chooses | Draws, mover: str) -> int:
        return source.players.index(mover) if isinstance(source, Chooses) else 0

    # ---- leaves --------------------------------------------------------------------------------------------------------

    def _leaf(self, history: Sequence[Happened]) -> dict[str, Any]:
        text = self.text
        told = "/".join(event.label for event in history) or "the beginning"
        best: dict[str, list[tuple[int, str, Sentence]]] = defaultdict(list)
        for sentence in self.text.sentences:
            says = sentence.says
            if isinstance(says, Gets) and self._holds(sentence, history):
                self.reached.add(sentence.number)
                for player in self.text.players:
                    value = says.payoffs.get(player, says.payoffs.get(""))
                    if value is not None:
                        best[player].append((len(sentence.condition.events), value, sentence))
            elif isinstance(says, Rows):
                for k, row in enumerate(says.rows):
                    if len(row.path) == len(history) and all(
                        label == "*" or folded(label) == folded(event.label)
                        for label, event in zip(row.path, history, strict=True)
                    ):
                        self.reached_rows.add((sentence.number, k))
                        weight = sum(label != "*" for label in row.path)
                        for player, value in zip(says.players, row.values, strict=True):
                            best[player].append((weight, value, sentence))
        payoffs = {}
        for player in self.text.players:
            options = best[player]
            if not options:
                last = self.text.sentences[history[-1].source] if history else self.text.sentences[-1]
                raise failure(last, f"after {told}, {player} gets nothing that is said", self.text.name, "gets")
            most = max(weight for weight, _, _ in options)
            values = [(value, sentence) for weight, value, sentence in options if weight == most]
            one, first = values[0]
            different = next((v for v in values if v[0] != one and amount_of(v[0], text) != amount_of(one, text)), None)
            if different is not None:
                other, second = different
                raise failure(
                    second,
                    f"after {told}, {player} gets {other} here and {one} at line {first.line}, both as specific",
                    self.text.name,
                )
            payoffs[player] = one
        return {"type": "terminal", "payoffs": payoffs}


def _matches(event: Event, happened: Happened) -> bool:
    if event.everything:
        return True
    if event.mover and event.mover != happened.mover:
        return False
    return not event.label or folded(event.label) == folded(happened.label)


def _holds(condition: Condition, history: Sequence[Happened]) -> bool:
    if condition.kind == "after":
        at = 0
        for event in condition.events:
            while at < len(history) and not _matches(event, history[at]):
                at += 1
            if at == len(history):
                return False
            at += 1
        return True
    return all(any(_matches(event, happened) for happened in history) for event in condition.events)
