"""Controlled English: what sentences mean, and that nothing is guessed."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamesim.core.errors import EnglishError, GamesimError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.envs.efg.english import GRAMMAR, parse_english
from gamesim.envs.efg.reading import read_game
from gamesim.envs.efg.validate import build

HEAD = "Players: Ana and Bo.\n"
ENTRY = HEAD + "Ana chooses In or Out.\nIf In, Bo chooses Fight or Share.\n"
PAID = "If Out, Ana gets 0, Bo gets 2.\nIf Fight, everyone gets -1.\nIf Share, everyone gets 1.\n"


def game(text: str) -> ExtensiveFormGame:
    return build(parse_english(text))


def refused(text: str) -> EnglishError:
    with pytest.raises(EnglishError) as raised:
        build(parse_english(text))
    assert raised.value.exit_code == 2
    assert raised.value.sentence in " ".join(text.split())
    return raised.value


def test_the_grammar_is_the_documented_one() -> None:
    for form in (
        "simultaneously",
        "otherwise",
        "Only P sees",
        "P forgets",
        "Allow imperfect recall",
        "* matches any label",
    ):
        assert form in GRAMMAR


def test_a_game_in_sentences() -> None:
    found = game(ENTRY + PAID)
    assert found.players == ("Ana", "Bo")
    assert [found.history(x) for x in range(found.size)] == [(), ("In",), ("In", "Fight"), ("In", "Share"), ("Out",)]
    assert found.payoffs == ((-1, -1), (1, 1), (0, 2))


def test_names_comments_percent_and_otherwise() -> None:
    text = """
    players: "Ana, the first" and Bo;      # a comment. With a full stop.
    PARAMETERS: v = 10, c = v/4.
    Chance: rain 25%, "snow or hail" 1/4, sun otherwise.
    "Ana, the first" chooses "a/b" or c d.
    IF rain, "ANA, THE FIRST" GETS v - c/2, Bo gets 0.5.
    Otherwise, "Ana, the first" gets -(1), Bo gets 1/3.
    """
    found = game(text)
    assert found.players == ("Ana, the first", "Bo")
    assert found.chances[0].probabilities == (Fraction(1, 4), Fraction(1, 4), Fraction(1, 2))
    assert found.sets[0].actions == ("a/b", "c d")
    assert found.payoffs[0] == (Fraction(35, 4), Fraction(1, 2))
    assert found.payoffs[-1] == (-1, Fraction(1, 3))


def test_who_sees_what() -> None:
    base = HEAD + "Chance: hi 1/2, lo 1/2.\nAna chooses l or r.\nBo chooses x or y.\nEveryone gets 1.\n"
    sets = lambda more: tuple(map(len, game(base + more).sets_of))  # noqa: E731
    assert sets("") == (2, 4)
    assert sets("Bo does not see chance.") == (2, 2)
    assert sets("Bo does not see chance. Bo does not see Ana's choice.") == (2, 1)
    assert sets("Only Ana sees everything.") == (2, 1)
    assert sets("Ana and Bo do not see chance.") == (1, 2)
    assert sets("Bo does not see everything. Bo sees chance hi.") == (2, 2)  # hi is seen, so lo is known by its absence
    assert sets("Bo does not see l. Bo does not see Ana chose r.") == (2, 2)
    told = [a.text for a in parse_english(base + "Bo does not see chance.").assumptions]
    assert told == ["Ana sees what chance draws (hi, lo)", "Bo sees Ana's choice (l, r)"]
    assert not parse_english(base + "Ana and Bo see everything.").assumptions


def test_simultaneous_moves_are_unseen_until_all_are_made() -> None:
    text = HEAD + "Ana and Bo simultaneously choose l or r.\nBo chooses x or y.\nEveryone gets 0.\n"
    assert tuple(map(len, game(text).sets_of)) == (1, 5)


def test_after_keeps_the_order_and_otherwise_turns_its_sentence() -> None:
    text = HEAD + (
        "Ana chooses a or b.\nBo chooses a or b.\nAfter a then b, Ana chooses p or q.\nOtherwise, Bo chooses s or t.\nEveryone gets 0.\n"
    )
    found = game(text)
    last = {found.history(x)[:2]: found.history(x)[2] for x in range(found.size) if len(found.history(x)) == 3}
    assert last == {("a", "b"): "q", ("a", "a"): "t", ("b", "a"): "t", ("b", "b"): "t"}


def test_who_forgets() -> None:
    text = (
        HEAD
        + "Ana chooses l or r.\nAna chooses l or r.\nAna forgets Ana's choice.\nEveryone gets 0.\nBo chooses x or y.\n"
    )
    with pytest.raises(GamesimError, match="E11"):
        game(text)
    assert game(text + "Allow absent-mindedness.").absent_minded_sets


def test_one_value_may_be_written_in_two_ways() -> None:
    text = HEAD + "Parameters: v = 10.\nAna chooses l or r.\nEveryone gets v/20.\nBo gets 0.5, Ana gets 1/2.\n"
    assert game(text).payoffs[0] == (Fraction(1, 2), Fraction(1, 2))


def test_what_is_refused_and_where() -> None:
    cases = {
        ENTRY + PAID + "If Fight, Bo chooses p or q.\nIf p and Out, Ana chooses m or n.\nEveryone gets 0.": (8, "no path of the game reaches"),
        ENTRY + "If Out, Ana gets 0, Bo gets 2.\nIf Fight, everyone gets -1.\n": (3, "after In/Share, Ana gets nothing"),
        ENTRY + PAID + "If Out, Ana gets 5.": (7, "after Out, Ana gets 5 here and 0 at line 4, both as specific"),
        ENTRY + PAID + "If Share, Bob gets 1.": (7, "no player 'Bob'; Did you mean 'Bo'"),
        ENTRY + PAID + "Bo does not see Anna's choice.": (7, "no player 'Anna'; Did you mean 'Ana'"),
        ENTRY + PAID + "If Shar, everyone gets 1.": (7, "no event 'Shar'; Did you mean 'Share'"),
        HEAD + "Chance: a 1/2, b 2/5.\nEveryone gets 0.": (2, "the probabilities sum to 9/10, not to 1"),
        HEAD + "Chance: a 1/2, b 3/5, c otherwise.\nEveryone gets 0.": (2, "the probability of c is -1/10"),
        HEAD + "Chance: a 1/2, b often.\nEveryone gets 0.": (2, "'often' is no probability"),
        HEAD + "Ana chooses l or L.\nEveryone gets 0.": (2, "two choices read alike"),
        HEAD + "Ana choose l or r.\nEveryone gets 0.": (2, "one player chooses, or several simultaneously"),
        HEAD + "Ana and Bo chooses l or r.\nEveryone gets 0.": (2, "one player chooses, or several simultaneously"),
        HEAD + "Ana chooses l or r.\nAna gets v.": (3, "'v' is no number, and 'v' no parameter"),
        HEAD + "Ana chooses l or r.\nEveryone gets 1/0.": (3, "division by zero"),
        HEAD + "If l Ana chooses l or r.\nEveryone gets 0.": (2, "a condition ends with a comma"),
        HEAD + "Ana chooses l or r.\nBo chooses x or y.\nIf l, Bo chooses p or q.\nBo does not see everything.\nBo forgets everything.\nEveryone gets 0.": (4, "Bo knows the same as at line 3 and has other choices"),
        HEAD + "Ana chooses l or r.\nPayoffs (Ana, Bo): l 1, 2; r 3.": (3, "1 payoffs for 2 players"),
        HEAD + "Ana chooses l or r.\nPayoffs (Ana, Bo): l 1, 2; k 3, 4.": (3, "does not begin with a path of known labels"),
        HEAD + "Ana chooses l or r.\nPayoffs (Ana, Bo): l 1, 2; r 3, 4; l/r 0, 0.": (3, "no path of the game is l/r"),
        HEAD + "Ana chooses l or r.\nEveryone gets 0.\nBo sees chance.": (4, "nothing that is chance happens"),
        HEAD + "Ana chooses l or r.\nEveryone gets 0.\nAllow cheating.": (4, "only imperfect recall and absent-mindedness"),
        HEAD + 'Ana chooses "l or r.\nEveryone gets 0.': (2, "a quote is never closed"),
        "Ana chooses l or r.": (1, "no 'Players"),
        HEAD: (1, "nobody chooses"),
        HEAD + HEAD: (2, "players were named before"),
        HEAD + "Ana thinks about it.": (2, "this is no sentence of controlled English"),
        "Otherwise, Ana gets 1.": (1, "'Otherwise' has no sentence before it"),
    }  # fmt: skip
    for text, (line, told) in cases.items():
        error = refused(text)
        assert (error.line, told in str(error)) == (line, True), str(error)


def test_the_nearest_form_and_the_way_to_a_model() -> None:
    error = refused("Two friends each pick a number at the same time. The lower number wins.")
    assert error.line == 1
    assert error.nearest == "Ana and Bo simultaneously choose Left or Right."
    assert "--model" in str(error)
    assert refused(HEAD + "A coin is tossed with probability 1/2.").nearest.startswith("chance:")


WORDS = st.sampled_from(
    [
        "Players",
        ":",
        "Ana",
        "and",
        "Bo",
        ".",
        ",",
        "chooses",
        "l",
        "or",
        "r",
        "If",
        "After",
        "Otherwise",
        "then",
        "chance",
        "1/2",
        "1/3",
        "gets",
        "1",
        "everyone",
        "sees",
        "does",
        "not",
        "see",
        "Only",
        "forgets",
        "Payoffs",
        "(",
        ")",
        ";",
        "/",
        "*",
        "Allow",
        "absent-mindedness",
        "Parameters",
        "v",
        "=",
        "2",
        "simultaneously",
        "choose",
        '"',
        "#",
        "\n",
    ]
)


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=30))
def test_any_words_are_answered(words: list[str]) -> None:
    for text in (" ".join(words), HEAD + " ".join(words), ENTRY + PAID + " ".join(words)):
        with contextlib.suppress(EnglishError):
            assert parse_english(text).players


def test_the_page_shows_the_grammar_and_a_sound_document() -> None:
    page = (Path(__file__).parents[3] / "docs" / "described_games.md").read_text("utf-8")
    assert GRAMMAR in page
    document = page.split("```yaml\n")[1].split("```")[0]
    assert read_game(document).game.payoffs[1] == (7, 6)
