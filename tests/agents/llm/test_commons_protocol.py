"""The language-model round of the commons: calls, votes by place, norms in words, ablations, what is hidden."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from gamesim.core.seeds import Seeds

WORDS = {"voting": {"rule": "plurality", "norms": "text"}}
SAFE = {"starvation": "none", "consumption": 2}


def lake(players: int = 10, horizon: int = 3, **more: Any) -> dict[str, Any]:
    return {"kind": "commons", "players": players, "horizon": horizon, "upkeep": SAFE, "institutions": WORDS, **more}


def test_four_calls_or_two(play: Callable[..., Any], answer: Callable[..., Any]) -> None:
    said = answer(community="Take four.", effort=0.05)
    faithful = play(lake(horizon=5), said)
    assert len(faithful.calls) == 4 * 10 * 5
    bundled = play(lake(horizon=5), said, {"calls": "bundled"}, journal="2.sqlite")
    assert len(bundled.calls) == 2 * 10 * 5
    assert Counter(call["phase"] for call in faithful.calls) == dict.fromkeys(
        ("harvest", "sanction", "norm", "vote"), 50
    )
    keys = {tuple(request.schema["properties"]) for request in bundled.requests}
    assert keys == {
        ("effort", "reason"), ("target", "cap", "community", "personal", "reason"), ("choice", "effort", "reason"),
    }  # fmt: skip


@pytest.mark.slow
def test_two_thousand_calls_and_one_thousand(play: Callable[..., Any], answer: Callable[..., Any]) -> None:
    said = answer(community="Take four.", effort=0.05)
    assert len(play(lake(horizon=50), said).calls) == 2000
    assert len(play(lake(horizon=50), said, {"calls": "bundled"}, journal="2.sqlite").calls) == 1000


def test_the_dead_are_not_asked(play: Callable[..., Any], answer: Callable[..., Any]) -> None:
    def effort(request: Any) -> float:
        return 0.0 if request.context["at"].agent in ("player_0", "player_1") else 0.05

    game = lake(players=5, horizon=8, upkeep={"consumption": 2, "initial_wealth": 5}, collapse="all_dead")
    played = play(game, answer(effort=effort, community="Take four."))
    assert played.journal.of("death")
    for step in played.steps:
        calls = sum(len(d.calls) for d in step.decisions.values())
        assert calls == len(step.decisions)
    assert len(played.calls) == sum(len(step.decisions) for step in played.steps)


def test_silence_is_no_restraint(play: Callable[..., Any]) -> None:
    """A model that answers nothing forfeits every decision; nothing it plays is called its choice."""
    played = play(lake(players=3, horizon=4), lambda request: None)
    harvests = played.decisions("harvest")
    assert len(harvests) == 12
    assert all(d.action is None and d.outcome == "empty" for d in harvests)
    forfeits = {(e["agent"], e["step"]) for e in played.journal.of("forfeit")}
    assert {(agent, s.number) for s in played.steps for agent in s.actions if s.phase == "harvest"} <= forfeits
    assert all(action == 0.0 for s in played.steps if s.phase == "harvest" for action in s.actions.values())
    assert not played.journal.of("sanction")
    assert len(played.journal.of("norm_kept")) == 4


def test_a_later_failure_repeats_the_last_effort_but_no_fine_or_vote(
    play: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    good = answer(effort=0.4, target=1, choice=1, community="Take four.")

    def script(request: Any) -> Any:
        at = request.context["at"]
        return None if at.agent == "player_0" and request.context["observation"]["round"] == 2 else good(request)

    played = play(lake(players=3, horizon=2), [script, answer(effort=0.4, community="Take four."), answer(effort=0.4)])
    second = {s.phase: s.actions["player_0"] for s in played.steps[4:]}
    assert second["harvest"] == 0.4
    assert second["sanction"] == 3.0
    assert second["vote"] == 3.0
    assert second["norm"] != second["norm"]
    assert len([e for e in played.journal.of("forfeit") if e["agent"] == "player_0"]) == 3


def test_a_vote_elects_what_stood_at_that_place(
    play: Callable[..., Any], answer: Callable[..., Any], text_of: Any
) -> None:
    def community(request: Any) -> str:
        return f"Rule of {request.context['at'].agent}."

    played = play(lake(players=5, horizon=6), answer(community=community, choice=2, effort=0.05))
    orders = set()
    for step in (s for s in played.steps if s.phase == "vote"):
        asked = {c["agent"]: text_of(c["request"]) for c in played.calls if c["step"] == step.number}
        for agent, decision in step.decisions.items():
            second = next(line for line in asked[agent].splitlines() if line.startswith("2. "))[3:]
            norm = next(event for event in step.events if event.type == "norm")
            assert norm.data["proposals"][int(decision.action)] == second
            notes = decision.notes["options"]["choice"]
            assert notes["place"] == 2
            assert notes["shown"][1] == int(decision.action)
            orders.add(tuple(notes["shown"]))
    assert len(orders) > 5


def test_a_place_that_is_not_there_is_illegal(play: Callable[..., Any], answer: Callable[..., Any]) -> None:
    played = play(lake(players=3, horizon=1), answer(community="One rule.", choice=2))
    assert {d.outcome for d in played.decisions("vote")} == {"illegal"}
    assert {a for s in played.steps if s.phase == "vote" for a in s.actions.values()} == {3.0}


def test_equal_sentences_stand_once_and_ties_are_drawn_alike(
    play: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    spellings = {
        "player_0": "Take  four!",
        "player_1": "take four",
        "player_2": "Take nothing.",
        "player_3": "Take nothing",
    }

    def community(request: Any) -> str:
        return spellings[request.context["at"].agent]

    def own(request: Any) -> int:
        lines = request.messages[-1].content.splitlines()
        wanted = spellings[request.context["at"].agent].casefold().split()[-1].strip(".!")
        return next(int(line[0]) for line in lines if line[:2] in ("1.", "2.") and wanted in line.casefold())

    winners = []
    for seed in range(6):
        runs = [
            play(lake(4, 1), answer(community=community, choice=own), seed=seed, journal=f"{seed}{k}") for k in "ab"
        ]
        norms = [next(e for e in run.journal.of("norm")) for run in runs]
        assert norms[0] == norms[1]
        assert len(norms[0]["proposals"]) == 2
        assert len(norms[0]["tie"]) == 2
        winners.append(norms[0]["text"])
    assert len(set(winners)) == 2


def test_the_adopted_sentence_is_shown_to_all_and_binds_nobody(
    play: Callable[..., Any], answer: Callable[..., Any], text_of: Any
) -> None:
    played = play(lake(3, 2), answer(community="Nobody fishes \x1b[31mtomorrow.", cap=0.0, effort=1.0))
    second = [text_of(c["request"]) for c in played.calls if c["step"] == 4]
    assert all('The community\'s rule: "Nobody fishes tomorrow."' in text for text in second)
    assert all(a == 1.0 for s in played.steps if s.phase == "harvest" for a in s.actions.values())


def test_personal_sentences_begin_in_the_bank_and_follow_the_player(
    play: Callable[..., Any], answer: Callable[..., Any], text_of: Any
) -> None:
    from gamesim_agents.rules.priors import SELFISH

    def personal(request: Any) -> str:
        return f"Now I am {request.context['at'].agent}."

    played = play(lake(4, 2), answer(personal=personal, community=""), agent={"disposition": "selfish"})
    for call in played.calls:
        own = [line for line in text_of(call["request"]).splitlines() if line.startswith("Your own way")]
        sentence = own[0].split(": ", 1)[1]
        late = call["step"] > 2
        assert (sentence == f"Now I am {call['agent']}.") if late else sentence in {p.sentence for p in SELFISH}


def test_the_first_rule_is_what_most_say(play: Callable[..., Any], answer: Callable[..., Any], text_of: Any) -> None:
    from gamesim_agents.rules.priors import ALTRUISTIC

    bank = [p.sentence for p in ALTRUISTIC]
    played = play(lake(9, 1), answer(community=""), agent={"disposition": "altruistic"}, seed=11)
    own = Counter(bank[int(Seeds(11).stream("personal", f"player_{i}").integers(8))] for i in range(9))
    first = text_of(played.calls[0]["request"])
    shown = next(line for line in first.splitlines() if line.startswith("The community's rule"))
    most = max(own.values())
    assert any(f'"{sentence}"' in shown for sentence, count in own.items() if count == most)
    none = {"voting": {"rule": "plurality", "norms": "text", "initial": "none"}}
    quiet = play({**lake(9, 1), "institutions": none}, answer(), agent={"disposition": "altruistic"}, journal="2")
    assert "rule" not in text_of(quiet.calls[0]["request"])


@pytest.mark.parametrize(("voting", "revision"), [(True, True), (False, True), (True, False), (False, False)])
def test_what_the_ablations_hide(
    play: Callable[..., Any], answer: Callable[..., Any], text_of: Any, voting: bool, revision: bool
) -> None:
    institutions = {**(WORDS if voting else {"voting": None}), **({} if revision else {"revision": None})}
    played = play({**lake(4, 2), "institutions": institutions}, answer(community="Take four."))
    phases = {call["phase"] for call in played.calls}
    assert phases == {"harvest", "sanction"} | ({"norm", "vote"} if voting else set())
    second = text_of(next(c["request"] for c in played.calls if c["phase"] == "harvest" and c["step"] > 1))
    assert ("The others:" in second) == revision
    assert ("The community's rule" in second) == voting


def test_two_lakes_caps_and_leaders_are_played_by_models(play: Callable[..., Any], answer: Callable[..., Any]) -> None:
    two = {"kind": "commons", "players": 3, "horizon": 2, "second_stock": {"law": "logistic", "capacity": 200}}
    played = play(two, answer(effort=0.5, effort_2=0.25))
    assert played.steps[0].actions["player_0"] == {"effort": 0.5, "effort_2": 0.25}
    assert play(two, answer(effort=0.5, effort_2=0.75), journal="2").steps[0].decisions["player_0"].outcome == "illegal"
    led = {"kind": "commons", "players": 3, "horizon": 2, "institutions": {"leader": {"every": 1}}}
    votes = play(led, answer(choice=3, cap=2.5), journal="3")
    assert len(votes.journal.of("leader")) == 2
    assert votes.outcome["rounds"] == 2
