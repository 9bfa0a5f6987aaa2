"""Game documents: every problem at its place, arithmetic that is exact, templates, steps; and rubbish that hurts nobody."""

from __future__ import annotations

import contextlib
import copy
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gamesim.core.efg_format import write_efg
from gamesim.core.equivalence import compare, isomorphism
from gamesim.core.equivalence.levels import exactly_equal
from gamesim.core.errors import GameDocumentError, GameFileError, GamesimError
from gamesim.core.extensive_form import ExtensiveFormGame
from gamesim.envs.efg import catalog
from gamesim.envs.efg.document import GameDocument, document_of
from gamesim.envs.efg.poker import kuhn
from gamesim.envs.efg.problems import Problem
from gamesim.envs.efg.reading import problems_of, read_game
from gamesim.envs.efg.schema import SCHEMA
from gamesim.envs.efg.validate import build, examine, expanded, validate

DEV = (
    "ferry_fare", "forklift_aisle", "hill_and_bridge", "ice_seller", "jam_shelf", "museum_or_fair", "seed_loan",
    "three_bakers", "three_card_raise", "two_night_camp",
)  # fmt: skip


def leaf(*payoffs: Any, **more: Any) -> dict[str, Any]:
    return {"type": "terminal", "payoffs": dict(zip("AB", payoffs, strict=False)), **more}


def move(player: str, infoset: str, **actions: Any) -> dict[str, Any]:
    return {"type": "move", "player": player, "infoset": infoset, "actions": actions}


def chance(**outcomes: Any) -> dict[str, Any]:
    rows = [{"label": label, "prob": p, "node": node} for label, (p, node) in outcomes.items()]
    return {"type": "chance", "outcomes": rows}


def document(root: Any, **more: Any) -> dict[str, Any]:
    return {"format": "gamesim-game-1", "title": "A test", "players": ["A", "B"], "root": root, **more}


def sound() -> dict[str, Any]:
    return document(move("A", "a", l=move("B", "b", x=leaf(1, 2), y=leaf(3, 4)), r=leaf(0, 0)))


def found(data: Any, **more: Any) -> list[tuple[str, str]]:
    return [(p.code, p.pointer) for p in validate(data, **more)]


def test_the_schema_is_a_schema_and_shipped_documents_satisfy_it() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    check = Draft202012Validator(SCHEMA)
    assert found(sound()) == []
    check.validate(sound())
    for name in DEV:
        check.validate(document_of(getattr(catalog, name)()).plain())


@pytest.mark.parametrize("name", DEV)
def test_write_and_read(name: str) -> None:
    game = getattr(catalog, name)()
    made = document_of(game)
    for text in (write_efg(game), made.to_yaml(), made.to_json()):
        assert compare(game, read_game(text).game).level == "EXACT"


def test_six_planted_errors_in_one_call() -> None:
    data = document(
        move(
            "A",
            "a",
            one=move("Bb", "b1", x=leaf(1, 1), y=leaf(1, 1)),  # E03
            two={"type": "terminal", "payoffs": {"A": 1, "C": 2}},  # E04
            three=chance(u=("1/2", leaf(1, 1)), v=("1/3", leaf(1, 1))),  # E06
            four=move("A", "shared", x=leaf(1, 1), y=move("B", "shared", x=leaf(1, 1), y=leaf(1, 1))),  # E07
            five=move(
                "B", "b2", x=move("B", "b3", p=leaf(1, 1), q=leaf(1, 1)), y=move("B", "b3", p=leaf(1, 1), q=leaf(1, 1))
            ),  # E10
            six=chance(
                s=("1/2", move("B", "b4", x=leaf(1, 1), y=leaf(1, 1))),
                t=("1/2", move("B", "b4", x=leaf(1, 1), z=leaf(1, 1))),
            ),  # E08
        )
    )
    problems = [p for p in validate(data) if p.severity == "error"]
    assert sorted((p.code, p.pointer) for p in problems) == [
        ("E03", "/root/actions/one/player"),
        ("E04", "/root/actions/two/payoffs"),
        ("E06", "/root/actions/three/outcomes"),
        ("E07", "/root/actions/four/actions/y/infoset"),
        ("E08", "/root/actions/six/outcomes/1/node/actions"),
        ("E10", "/root/actions/five/actions/y/infoset"),
    ]
    by = {p.code: p for p in problems}
    assert "5/6" in by["E06"].found
    assert by["E06"].path == "root > three"
    assert "Did you mean 'B'" in by["E03"].hint
    assert "no payoff of B" in by["E04"].found
    with pytest.raises(GameDocumentError) as raised:
        build(data)
    assert len(raised.value.others) == 5
    assert raised.value.exit_code == 2


def with_steps(**steps: Any) -> dict[str, Any]:
    """A card that B is dealt, a move of B; by steps."""
    inner = {"type": "move", "player": "B", "step": "reply", "actions": {"x": leaf(1, 1), "y": leaf(2, 2)}}
    root = {**chance(hi=("1/2", inner), lo=("1/2", copy.deepcopy(inner))), "step": "deal"}
    root["outcomes"][0]["node"] = move("A", "a", g=inner, h=leaf(0, 0))
    return document(
        root, steps={"deal": {"actor": "chance", "sees": []}, "reply": {"actor": "B", "sees": ["deal"]}, **steps}
    )


def alone() -> dict[str, dict[str, Any]]:
    """For every code a document that has this problem and no other."""
    a, b = "A", "B"
    cases: dict[str, dict[str, Any]] = {
        "E02": {**sound(), "tittle": "x"},
        "E03": document(
            move("A", "a", l=move("Bb", "b", x=leaf(1, 2), y=leaf(3, 4)), r=leaf(0, 0)), players=["A", "B"]
        ),
        "E04": document(move("A", "a", l=move("B", "b", x=leaf(1, 2), y=leaf(3)), r=leaf(0, 0))),
        "E05": document(
            chance(u=(0, leaf(0, 0)), v=(1, move(a, "a", l=leaf(1, 1), r=move(b, "b", l=leaf(1, 1), r=leaf(2, 2)))))
        ),
        "E06": document(
            chance(
                u=(0.5, leaf(0, 0)), v=(0.25, move(a, "a", l=leaf(1, 1), r=move(b, "b", l=leaf(1, 1), r=leaf(2, 2))))
            )
        ),
        "E07": document(
            move("A", "a", l=move("A", "s", x=leaf(1, 2), y=leaf(3, 4)), r=move("B", "s", x=leaf(0, 0), y=leaf(0, 1)))
        ),
        "E08": document(
            move("A", "a", l=move("B", "s", x=leaf(1, 2), y=leaf(3, 4)), r=move("B", "s", x=leaf(0, 0), z=leaf(0, 1)))
        ),
        "E09": document(move("A", "a", Left=move("B", "s", x=leaf(1, 2), y=leaf(3, 4)), **{"left ": leaf(0, 0)})),
        "E10": document(
            move(
                "A",
                "a",
                l=move("A", "f", x=leaf(1, 2), y=move("B", "b", u=leaf(1, 1), v=leaf(2, 2))),
                r=move("A", "f", x=leaf(1, 2), y=leaf(3, 4)),
            )
        ),
        "E11": document(
            move("A", "a", l=move("A", "a", l=leaf(1, 2), r=move("B", "b", u=leaf(1, 1), v=leaf(2, 2))), r=leaf(0, 0))
        ),
        "E12": document(
            move("A", "a", l=move("B", "b", x=leaf(1, 2), y=leaf(1, 1)), r={"type": "use", "template": "t", "with": {}})
        ),
        "E13": document(move("A", "a", l=move("B", "b", x=leaf(1, 2), y=leaf("1/0", 1)), r=leaf(0, 0))),
        "E15": with_steps(reply={"actor": "B", "sees": ["deel"]}),
        "E16": {**sound(), "payoff_mode": "constraints", "constraints": ["A[l/x] > A[l/y]"]},
        "W01": document(move("A", "a", l=move("B", "b", x=leaf(1, 2)), r=leaf(0, 0))),
        "W02": document(move("A", "a", l=leaf(1, 1), r=leaf(0, 0))),
        "W03": document(chance(u=(1, move("A", "a", l=move("B", "b", x=leaf(1, 2), y=leaf(1, 1)), r=leaf(0, 0))))),
        "W04": {**sound(), "description": "A and B share 17 coins: 1, 2, 3 or 4."},
        "W05": {**sound(), "description": "A and B share 1, 2 or 3 coins."},
        "W06": {
            **document(
                chance(
                    u=("1/2", leaf(0, 0)),
                    v=("1/2", move("A", "a", l=move("B", "b", x=leaf(1, 2), y=leaf(1, 1)), r=leaf(0, 0))),
                )
            ),
            "payoff_mode": "ordinal",
        },
    }
    cases["E14"] = document(
        move("A", "a", l=move("B", "b", x=leaf(1, 2), y=leaf(1, 1)), r={"type": "use", "template": "t60", "with": {}})
    )
    cases["E14"]["templates"] = {"t0": {"arguments": [], "node": leaf(1, 1)}} | {
        f"t{k}": {"arguments": [], "node": chance(u=("1/2", use(f"t{k - 1}")), v=("1/2", use(f"t{k - 1}")))}
        for k in range(1, 61)
    }
    hidden = with_steps()
    for outcome in hidden["root"]["outcomes"]:
        node = outcome["node"]["actions"]["g"] if outcome["node"]["player"] == "A" else outcome["node"]
        del node["step"]
        node["infoset"] = "one set for both cards"
    cases["W07"] = hidden
    return cases


def use(name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "use", "template": name, "with": arguments}


@pytest.mark.parametrize("code", sorted(alone()))
def test_each_code_alone(code: str) -> None:
    problems = validate(alone()[code])
    assert {p.code for p in problems} == {code}, [str(p) for p in problems]
    assert all(p.pointer and (p.severity == "error") == code.startswith("E") for p in problems)
    game = examine(alone()[code]).game
    assert (game is None) == code.startswith("E")


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ('{"format": "gamesim-game-1", "format": 1}', "E01", "text:1:30"),
        ('{"format": "gamesim-game-1"} {}', "E01", "text:1:30"),
        ('{"format": "gamesim-game-1", "x": NaN}', "E01", "text:1:35"),
        ('{"format": ' + '{"a": ' * 700 + "1" + "}" * 701, "E01", "text:1:"),
        ("format: gamesim-game-1\nformat: 2\n", "E01", "text:2:1"),
        ("format: [1\n", "E01", "text:"),
        ('EFG 2 R "x" { "a" }\nq "" 1\n', "E17", "text:2:1"),
        ('NFG 1 R "x" { "a" }\n{ 2 }\n\n1\n', "E17", "text:"),
    ],
)
def test_text_that_cannot_be_read(text: str, code: str, place: str) -> None:
    with pytest.raises(GameFileError) as raised:
        read_game(text)
    assert str(raised.value).startswith(place)
    assert [p.code for p in problems_of(raised.value)] == [code]


def test_numbers_are_read_by_their_digits() -> None:
    thirds = document(
        chance(
            u=(0.1, leaf(0, 0)), v=(Decimal("0.2"), leaf(0, 0)), w=("0.7", move("A", "a", l=leaf(1, 1), r=leaf(2, 2)))
        ),
        players=["A", "B"],
    )
    assert [c for c, _ in found(thirds)] == ["W02"]
    assert build(thirds).chances[0].probabilities == (Fraction(1, 10), Fraction(1, 5), Fraction(7, 10))
    for fmt in ("json", "yaml"):
        text = json.dumps(thirds, default=str) if fmt == "json" else GameDocument.model_validate(thirds).to_yaml()
        assert read_game(text).game == build(thirds)
    exact = read_game('{"format": "gamesim-game-1", "title": "x", "players": ["A"], "root": {"type": "terminal", "payoffs": {"A": 0.1234567890123456789}}}')  # fmt: skip
    assert exact.game.payoffs[0][0] == Fraction("0.1234567890123456789")
    ones = document(chance(u=("1/3", leaf(0, 0)), v=("1/3", leaf(0, 0)), w=("1/3", leaf(1, 1))))
    assert [c for c, _ in found(ones)] == ["W02", "W02"]


@pytest.mark.parametrize(
    ("text", "column"),
    [('__import__("os")', 1), ("2**9", 3), ("1/0", 2), ("v - ", 5), ("(v", 1), ("v)", 2), ("w", 1), ("1 2", 3), ("9" * 190 + "e99", 1), ("(" * 21 + "v" + ")" * 21, 21), ("1e999", 1)],
)  # fmt: skip
def test_expressions_that_are_refused(text: str, column: int) -> None:
    data = document(move("A", "a", l=move("B", "b", x=leaf(1, 2), y=leaf(text, 1)), r=leaf(0, 0)), parameters={"v": 10})
    (problem,) = validate(data)
    assert problem.code == "E13"
    assert f"column {column}" in problem.found
    assert problem.pointer == "/root/actions/l/actions/y/payoffs/A"


def test_arithmetic() -> None:
    data = document(
        move("A", "a", l=leaf("v - c/2", "-(v)"), r=move("B", "b", x=leaf("2*(v+c)/4", "1e2"), y=leaf("-v/-2", 0))),
        parameters={"v": 10, "c": "v - 7"},
    )
    assert build(data).payoffs == ((Fraction(17, 2), -10), (Fraction(13, 2), 100), (5, 0))


def test_numbers_beyond_any_limit_are_told() -> None:
    for huge in (Decimal("1e999"), 10**400, "1e999", 1e300):
        assert found(document(move("A", "a", l=leaf(huge, 2), r=move("B", "b", x=leaf(1, 2), y=leaf(3, 4))))) == [
            ("E13", "/root/actions/l/payoffs/A")
        ]
    text = json.dumps(sound()).replace('"A": 3', '"A": 1e999')
    with pytest.raises(GameDocumentError, match="exponent beyond 400"):
        read_game(text)


def test_parameters_may_use_any_other() -> None:
    data = document(move("A", "a", l=leaf("a", 2), r=move("B", "b", x=leaf("b", 2), y=leaf(3, 4))))
    data["parameters"] = {"a": "b * 2", "b": "c + 1/2", "c": 3}
    assert build(data).payoffs[0][0] == 7
    data["parameters"] = {"a": "b", "b": "a", "c": 3}
    assert found(data) == [("E13", "/parameters/a"), ("E13", "/parameters/b")]
    assert "'a' leads back to itself" in validate(data)[0].found


def test_a_tree_keeps_every_action_as_a_document() -> None:
    from gamesim.core.extensive_form import TreeBuilder

    build_tree = TreeBuilder(("x" * 80 + "1", "x" * 80 + "2"))
    build_tree.move(0, "s", ('say "yes"', "say 'yes'"))
    build_tree.leaf((1, 2))
    build_tree.leaf((3, 4))
    game = build_tree.build()
    again = build(document_of(game))
    assert again.payoffs == game.payoffs
    assert again.sets[0].actions == ("say 'yes'", "say 'yes' #2")


def test_all_labels_that_read_alike_are_told() -> None:
    rows = [{"label": label, "prob": "1/4", "node": leaf(0, 0)} for label in ("x", "x", "y", " Y")]
    alike = document(
        move("A", "a", l={"type": "chance", "outcomes": rows}, r=move("B", "b", x=leaf(1, 2), y=leaf(3, 4)))
    )
    (only,) = validate(alike)
    assert only.code == "E09"
    assert "'x' and 'x', 'y' and ' Y' read alike" in only.found


def kuhn_by_template() -> dict[str, Any]:
    """Kuhn poker: six deals, one template for what follows a deal."""
    bet = {"type": "move", "player": "B", "infoset": "{b} after bet", "actions": {
        "fold": leaf(1, -1), "call": leaf("2*w", "-2*w")}}  # fmt: skip
    check = {"type": "move", "player": "B", "infoset": "{b} after check", "actions": {
        "check": leaf("w", "-w"),
        "bet": move("A", "{a} after check bet", fold=leaf(-1, 1), call=leaf("2*w", "-2*w"))}}  # fmt: skip
    deals = [(x, y) for x in "JQK" for y in "JQK" if x != y]
    return document(
        {"type": "chance", "outcomes": [
            {"label": x + y, "prob": "1/6", "node": use("d", a=x, b=y, w=1 if "JQK".index(x) > "JQK".index(y) else -1)}
            for x, y in deals]},
        title="Kuhn",
        templates={"d": {"arguments": ["a", "b", "w"], "node": move("A", "{a}", check=check, bet=bet)}},
    )  # fmt: skip


def test_kuhn_poker_by_template() -> None:
    data = kuhn_by_template()
    assert len(json.dumps(data, separators=(",", ":"))) <= 1400
    assert found(data) == []
    game = build(data)
    assert (game.size, len(game.payoffs), *map(len, game.sets_of)) == (55, 30, 6, 6)
    assert exactly_equal(game, build(expanded(data)))
    assert isomorphism(kuhn(), game) is not None


def test_problems_in_a_template_name_the_use() -> None:
    data = kuhn_by_template()
    data["templates"]["d"]["node"]["actions"]["bet"]["actions"]["call"]["payoffs"]["A"] = "2*z"
    (problem,) = validate(data)
    assert problem.pointer == "/templates/d/node/actions/bet/actions/call/payoffs/A (used at /root/outcomes/0/node)"
    assert problem.path == "root > JQ > bet > call"
    assert "Names: w" in problem.hint


def test_templates_that_lead_nowhere() -> None:
    base = move("A", "a", l=move("B", "b", x=leaf(1, 2), y=leaf(1, 1)), r=use("t"))
    circle = document(
        base, templates={"t": {"arguments": [], "node": use("s")}, "s": {"arguments": [], "node": use("t")}}
    )
    assert [code for code, _ in found(circle)] == ["E12", "E12"]
    wrong = document(base, templates={"t": {"arguments": ["k"], "node": leaf(1, 1)}})
    (problem,) = validate(wrong)
    assert (problem.code, problem.pointer) == ("E12", "/root/actions/r/with")
    assert "missing: k" in problem.found
    near = document(
        {**base, "actions": {**base["actions"], "r": use("tabel")}},
        templates={"table": {"arguments": [], "node": leaf(1, 1)}},
    )
    assert "Did you mean 'table'" in validate(near)[0].hint


def test_limits_are_counted_before_anything_is_made() -> None:
    (problem,) = validate(alone()["E14"])
    assert "more than 10^15 nodes" in problem.found
    wide = document(move("A", "a", **{f"c{k}": leaf(0, 0) for k in range(256)}))
    wide["root"]["actions"] = {
        f"c{k}": chance(**{f"o{j}": ("1/100", leaf(0, 0)) for j in range(100)}) for k in range(198)
    }
    assert examine(wide).game.size == 1 + 198 * 101  # type: ignore[union-attr]
    wide["root"]["actions"] |= {f"d{k}": leaf(0, 0) for k in range(20)}
    (problem,) = [p for p in validate(wide) if p.severity == "error"]
    assert problem.code == "E14"
    assert "20,019 nodes" in problem.found
    deep: dict[str, Any] = leaf(0, 0)
    for k in range(200):
        deep = move("A", f"s{k}", on=deep)
    assert not [p for p in validate(document(deep)) if p.severity == "error"]
    (problem,) = [p for p in validate(document(move("A", "top", on=deep))) if p.severity == "error"]
    assert problem.code == "E14"
    unused = {"t": {"arguments": [], "node": move("A", "top", on=deep)}}
    assert ("E14", "/templates/t") in found({**sound(), "templates": unused})
    assert [c for c, _ in found({**sound(), "players": [str(k) for k in range(9)]}) if c == "E14"] == ["E14"]


def test_steps_form_the_sets() -> None:
    data = with_steps()
    game = build(data)
    assert len(game.sets_of[1]) == 2  # B sees the card, and nothing of A's move, which is no step
    blind = with_steps(reply={"actor": "B", "sees": []})
    assert len(build(blind).sets_of[1]) == 1
    assert found(blind) == []
    wrong = with_steps(reply={"actor": "A", "sees": ["deal"]})
    assert ("E15", "/root/outcomes/0/node/actions/g/step") in found(wrong)
    both = with_steps()
    both["root"]["outcomes"][1]["node"]["infoset"] = "b"
    both["root"]["outcomes"][0]["node"]["actions"]["g"]["infoset"] = "b"
    assert {code for code, _ in found(both)} == {"E15"}


@settings(max_examples=300)
@given(st.data())
def test_timelines_give_perfect_recall(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 5))
    actors = [data.draw(st.sampled_from(["A", "B", "chance"])) for _ in range(count)]
    steps = {
        f"s{k}": {"actor": actors[k], "sees": [f"s{j}" for j in range(k) if data.draw(st.booleans())]}
        for k in range(count)
    }

    def grow(k: int) -> dict[str, Any]:
        if k == count:
            return leaf(0, 1)
        if actors[k] == "chance":
            return {**chance(u=("1/2", grow(k + 1)), v=("1/2", grow(k + 1))), "step": f"s{k}"}
        ends = data.draw(st.booleans())
        return {
            "type": "move",
            "player": actors[k],
            "step": f"s{k}",
            "actions": {"l": leaf(0, 0) if ends else grow(k + 1), "r": grow(k + 1)},
        }

    made = document(grow(0), steps=steps)
    errors = [p for p in validate(made) if p.severity == "error" and p.code != "E15"]
    assert not errors, [str(p) for p in errors]
    game = examine(made).game
    if game is not None:
        assert game.perfect_recall
        assert not game.absent_minded_sets


def test_the_order_of_actions_may_differ_within_a_set() -> None:
    data = document(
        move("A", "a", l=move("B", "s", x=leaf(1, 2), y=leaf(3, 4)), r=move("B", "s", y=leaf(5, 6), x=leaf(7, 8)))
    )
    game = build(data)
    assert game.sets[1].actions == ("x", "y")
    assert game.payoffs == ((1, 2), (3, 4), (7, 8), (5, 6))


def test_constraints_by_parameters() -> None:
    data = document(
        move("A", "a", Mend=move("B", "b", Mend=leaf("R", "R"), Leave=leaf("S", "T")), Leave=move("B", "b", Mend=leaf("T", "S"), Leave=leaf("P", "P"))),
        parameters={"T": 5, "R": 3, "P": 1, "S": 0},
        payoff_mode="constraints",
        constraints=["T > R > P > S"],
    )  # fmt: skip
    reference = read_game(json.dumps(data))
    assert reference.constraints == (
        "A[Leave/Mend] > A[Mend/Mend] > A[Leave/Leave] > A[Mend/Leave]",
        "B[Mend/Leave] > B[Mend/Mend] > B[Leave/Leave] > B[Leave/Mend]",
    )
    for numbers, passes in (((5, 3, 1, 0), True), ((9, 4, 2, 1), True), ((5, 3, 0, 1), False)):
        other = {**data, "parameters": dict(zip("TRPS", numbers, strict=True)), "constraints": []}
        verdict = compare(reference.game, build(other), payoffs="constraints", constraints=reference.constraints)
        assert verdict.passed == passes
    (problem,) = validate({**data, "constraints": ["T > R > Q"]})
    assert problem.code == "E16"


def test_what_can_be_read_is_read_on() -> None:
    """A set's name that is too long, a move that names neither set nor step: what lies below is looked at all the same."""
    inner = move("B", "b", x=leaf("1/0", 1), y={"type": "terminal", "payoffs": {"A": [1], "B": True}})
    data = document(
        move("A", "s" * 200, l=inner, r={"type": "move", "player": "A", "actions": {"l": leaf(1), "m": leaf(1, 1)}})
    )
    assert found(data) == [
        ("E13", "/root/actions/l/actions/x/payoffs/A"),
        ("E02", "/root/actions/l/actions/y/payoffs/A"),
        ("E02", "/root/actions/l/actions/y/payoffs/B"),
        ("E02", "/root/actions/r"),
        ("E04", "/root/actions/r/actions/l/payoffs"),
        ("E02", "/root/infoset"),
    ]


@pytest.mark.parametrize("key", [key for key in SCHEMA["properties"] if key != "root"])
def test_each_key_may_hold_anything(key: str) -> None:
    for value in (True, 3, "x", [], [1], {}, {"a": 1}, None):
        data = {**sound(), key: value}
        valid = not list(Draft202012Validator(SCHEMA).iter_errors(data))
        assert valid == ("E02" not in {p.code for p in validate(data)}), (key, value)


def test_fifty_are_shown_and_all_counted() -> None:
    data = document(move("A", "a", **{f"c{k}": {"type": "terminal", "payoffs": {}} for k in range(90)}))
    problems = validate(data)
    assert len(problems) == 50
    assert problems.total == 91  # type: ignore[attr-defined]
    with pytest.raises(GameDocumentError) as raised:
        build(data)
    assert raised.value.more == 41


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["A", "B", "x", "1/2", "v", "", "chance", "move", "use"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "player", "actions", "outcomes", "payoffs", "node", "prob", "A", "x"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=300)
@given(st.data())
def test_rubbish_is_told_never_raised(data: st.DataObject) -> None:
    """Whatever is put wherever in a sound document, the validator answers; and it agrees with the schema."""
    made: Any = data.draw(st.sampled_from([sound(), kuhn_by_template(), with_steps(), alone()["E16"]]))
    for _ in range(data.draw(st.integers(1, 3))):
        path, node = [], made
        while isinstance(node, (dict, list)) and node and (not path or data.draw(st.integers(0, 4))):
            key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else list(range(len(node)))))
            path.append((node, key))
            node = node[key]
        if path:
            holder, key = path[-1]
            how = data.draw(st.integers(0, 2))
            if how == 0:
                holder[key] = data.draw(VALUES)
            elif how == 1:
                del holder[key]
            elif isinstance(holder, dict):
                holder["extra"] = holder.pop(key)
    problems = validate(made)
    assert all(isinstance(p, Problem) and str(p) for p in problems)
    game = examine(made).game
    assert (game is None) == any(p.severity == "error" for p in problems)
    if game is not None:
        assert isinstance(game, ExtensiveFormGame)
        Draft202012Validator(SCHEMA).validate(made)
        assert exactly_equal(game, build(expanded(made)))


@settings(max_examples=200)
@given(VALUES)
def test_no_document_at_all(value: Any) -> None:
    problems = validate(value)
    assert problems
    with pytest.raises(GamesimError):
        build(value)


@settings(max_examples=150)
@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=80),
    st.sampled_from(["auto", "yaml", "json", "english", "efg", "csv"]),
)
def test_any_text_is_answered(text: str, kind: str) -> None:
    with contextlib.suppress(GamesimError):
        read_game(text + "\n", format=kind)  # type: ignore[arg-type]
