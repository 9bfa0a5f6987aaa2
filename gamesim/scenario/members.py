"""Lines of a population: who plays, how many of them, in which seats, with which parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import Field

from gamesim.core.config import AgentConfig, Config
from gamesim.core.errors import OverrideError, ScenarioError, UnknownKindError, clean, did_you_mean, listed
from gamesim.core.policy import AgentSpec, Member
from gamesim.core.registry import entry
from gamesim.envs.config import EnvironmentConfig
from gamesim.yaml.node import Node

from .diagnose import as_scenario_error, meant_key, validated


class MemberKeys(Config):
    """What a line of the population says beside the agent's own parameters."""

    agent: str = Field(description="Kind of the agent.")
    count: int | None = Field(
        None, ge=0, le=1_000_000, description="Seats it takes; without count and probability, the rest."
    )
    probability: float | None = Field(None, ge=0, le=1, description="Chance of each seat that counts leave free.")
    role: Literal["focal", "background"] = Field("focal", description="Whose figures the report is about.")
    seat: str | None = Field(None, min_length=1, max_length=200, description="The one seat it takes.")
    label: str | None = Field(None, min_length=1, max_length=200, description="What tables call it.")


MOST_SEATS = 40_000  # an episode's outcome, with one figure for each seat, is one line of the journal
MEMBER_KEYS = frozenset(MemberKeys.model_fields)


@dataclass(frozen=True)
class Line:
    """A member, its configuration, and its data with all defaults."""

    member: Member
    config: AgentConfig
    data: Mapping[str, Any]


def read_members(node: Node, errors: list[ScenarioError]) -> list[Line]:
    if not isinstance(node.value, list) or not node.value:
        errors.append(
            ScenarioError(
                "expected a list of members.",
                where=node.place,
                path="population",
                hint="Such as: - {agent: commons.greedy, count: 4}",
            )
        )
        return []
    lines = [_line(item, index, errors) for index, item in enumerate(node.value)]
    return [line for line in lines if line is not None]


def _line(node: Node, index: int, errors: list[ScenarioError]) -> Line | None:
    path = ("population", index)
    dotted_path = f"population.{index}"
    if not isinstance(node.value, dict):
        errors.append(
            ScenarioError(
                "expected a member.",
                where=node.place,
                path=dotted_path,
                hint="Such as: {agent: commons.greedy, count: 4}",
            )
        )
        return None
    before = len(errors)
    agent = node.child("agent")
    model: type[AgentConfig] | None = None
    if agent is not None and isinstance(agent.value, str):
        try:
            model = entry("agents", agent.value)
        except UnknownKindError as error:
            errors.append(as_scenario_error(error, agent, (*path, "agent")))
    fields = set() if model is None else {info.alias or name for name, info in model.model_fields.items()} - {"kind"}
    own: dict[str, Node] = {}
    parameters: dict[str, Node] = {}
    for key, child in node.value.items():
        if key in MEMBER_KEYS:
            own[key] = child
        elif key in fields:
            parameters[key] = child
        elif model is not None or (agent is None and did_you_mean(key, MEMBER_KEYS)):
            errors.append(unknown_key(child, (*path, key), fields | MEMBER_KEYS, set(node.value)))
    keys = validated(MemberKeys, replace(node, value=own), path, errors)
    config = None
    if model is not None:
        if "kind" in model.model_fields:
            assert agent is not None
            parameters = {"kind": agent, **parameters}
        config = validated(model, replace(node, value=parameters), path, errors)
    if keys is not None and keys.count is not None and keys.probability is not None:
        errors.append(_about(node, index, "probability", "a member has a count or a probability, not both."))
    if keys is not None and keys.seat is not None and (keys.count not in (None, 1) or keys.probability is not None):
        errors.append(_about(node, index, "seat", "a member with a seat sits there once."))
    if len(errors) > before or keys is None or config is None:
        return None
    params = config.model_dump(mode="json", by_alias=True, exclude={"kind"})
    member = Member(
        AgentSpec(keys.agent, params),
        count=keys.count,
        probability=keys.probability,
        role=keys.role,
        seat=keys.seat,
        label=keys.label,
    )
    return Line(member, config, {**keys.model_dump(mode="json"), **params})


def unknown_key(child: Node, path: Sequence[str | int], options: set[str], given: set[str]) -> ScenarioError:
    """A key that nobody reads, with the one likeliest meant."""
    key = str(path[-1])
    dotted_path = ".".join(str(part) for part in path)
    where = child.key_place or child.place
    hint = meant_key(key, options, given)
    if where.startswith("--"):
        return OverrideError(f"no key '{clean(dotted_path, 120)}'.", where=where, hint=hint)
    return ScenarioError("unknown key.", where=where, path=clean(dotted_path, 120), hint=hint)


def _about(node: Node, index: int, key: str, message: str) -> ScenarioError:
    child = node.child(key)
    return ScenarioError(message, where=(child or node).place, path=f"population.{index}.{key}")


def check_seats(
    environment: EnvironmentConfig, lines: Sequence[Line], node: Node, spot: Node, errors: list[ScenarioError]
) -> None:
    """Members must be able to play in the environment, and fill exactly its seats.

    Parameters
    ----------
    node, spot : where the population and the environment are written.
    """
    for index, line in enumerate(lines):
        instead = line.config.misfit(environment)
        if instead is not None:
            error = _about(
                _item(node, index), index, "agent",
                f"agent '{clean(line.member.agent.kind, 60)}' does not play in '{environment.kind}'.",
            )  # fmt: skip
            error.hint = instead
            errors.append(error)
    try:
        seats = environment.seats()
    except NotImplementedError:
        return
    if len(seats) > MOST_SEATS:
        errors.append(
            ScenarioError(
                f"{len(seats):,} seats; a record holds episodes of at most {MOST_SEATS:,}.",
                where=spot.place,
                path="environment",
            )
        )
        return
    known = set(seats)
    taken: dict[str, int] = {}
    counted = 0
    rest: list[int] = []
    drawn: list[int] = []
    for index, line in enumerate(lines):
        member = line.member
        if member.seat is not None:
            if member.seat not in known:
                hint = did_you_mean(member.seat, seats) or f"Seats: {listed(seats, 8)}"
                error = _about(_item(node, index), index, "seat", f"no seat '{clean(member.seat, 60)}'.")
                error.hint = hint
                errors.append(error)
            elif member.seat in taken:
                errors.append(
                    _about(
                        _item(node, index),
                        index,
                        "seat",
                        f"seat '{clean(member.seat, 60)}' is taken by population.{taken[member.seat]}.",
                    )
                )
            else:
                taken[member.seat] = index
        elif member.count is not None:
            counted += member.count
        elif member.probability is not None:
            drawn.append(index)
        else:
            rest.append(index)
    if errors:
        return
    total, filled = len(seats), counted + len(taken)
    if (len(rest) > 1 and len(rest) != total - filled) or (rest and drawn):
        problem = "is missing; only one member may take the rest, unless there is a seat for each."
        errors.append(_about(_item(node, rest[-1]), rest[-1], "count", problem))
    elif drawn:
        share = sum(lines[index].member.probability or 0.0 for index in drawn)
        if abs(share - 1) > 1e-9:
            errors.append(
                ScenarioError(
                    f"probabilities sum to {share:.12g}.",
                    where=node.place,
                    path="population",
                    hint="They must sum to 1.",
                )
            )
        elif filled >= total:
            errors.append(
                ScenarioError(
                    f"counts fill all {total} seats; none is left for probabilities.",
                    where=node.place,
                    path="population",
                )
            )
    elif filled > total or (filled < total and not rest):
        errors.append(
            ScenarioError(
                f"counts sum to {filled}; the environment has {total} seats.",
                where=node.place,
                path="population",
                hint=f"Make them sum to {total}.",
            )
        )


def _item(node: Node, index: int) -> Node:
    return node.child(index) or node
