"""Before the first round, per model: is it there, does the key open it, in which form does it take questions?

One real call with the scenario's own first question settles what ``auto`` left open: the form of structured answers, the
name of the token limit, and schema keywords that this host rejects (they are dropped for it, and still enforced on our
side). What was settled is kept in the journal, so that a resumed run asks the same questions.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from gamesim.core.errors import GamesimError, LimitReached, RecordError, did_you_mean
from gamesim.core.model import Message, ModelRequest, Structured
from gamesim.core.model_config import ModelConfig
from gamesim.core.model_errors import BadRequest, PreflightError
from gamesim.core.policy import Coordinates

from .broker import Broker
from .calls import Answer
from .desk import Desk
from .opening import adopt

MAX_CALLS = 8  # each settles one thing
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["answer"],
    "properties": {"answer": {"type": "string", "enum": ["yes"]}},
}


@dataclass(frozen=True)
class Settled:
    """What preflight found out about one model.

    Attributes
    ----------
    listed : whether the server's list of models names it; None where it offers no list.
    outcome : of the call: ``ok`` or the reason of its failure; empty where none was made.
    """

    name: str
    structured: Structured
    token_field: str | None = None
    dropped: tuple[str, ...] = ()
    served: str = ""
    fingerprint: str | None = None
    listed: bool | None = None
    outcome: str = ""


async def preflight(
    broker: Broker,
    first: Mapping[str, ModelRequest] | None = None,
    *,
    call: bool = True,
) -> dict[str, Settled]:
    """Check every model of a run that is asked over the network.

    Parameters
    ----------
    first : the scenario's first question to each, by the names of ``broker.desks``; a tiny one stands in where it is missing.
    call : make the one call (``--no-preflight`` does not).

    Raises
    ------
    PreflightError
        Naming the model, and what the server said without any key.
    LimitReached
        If the budget does not allow the call, or the server asks for a long wait.
    """
    found = {}
    for name, desk in broker.desks.items():
        if desk.model is None or desk.config is None or not desk.model.capabilities.network:
            continue
        noted = broker.journal.noted(f"preflight {desk.name}")
        if noted is not None:
            settled = _from_note(noted)
        else:
            try:
                settled = await _one(broker, name, desk, desk.config, (first or {}).get(name), call)
            except (LimitReached, RecordError, PreflightError):
                raise
            except GamesimError as error:
                raise PreflightError(f"'{name}': {error.message}", hint=error.hint) from None
            if call:
                broker.journal.note(f"preflight {desk.name}", json.dumps(asdict(settled)))
                broker.journal.note(f"served {desk.name}", settled.served)
        adopt(desk, structured=settled.structured, served=settled.served, dropped=settled.dropped)
        if settled.token_field:
            adopt(desk, token_field=settled.token_field)
        found[name] = settled
    return found


def _from_note(text: str) -> Settled:
    data = json.loads(text)
    return Settled(**{**data, "dropped": tuple(data["dropped"])})


async def _one(
    broker: Broker, name: str, desk: Desk, config: ModelConfig, first: ModelRequest | None, call: bool
) -> Settled:
    listed = await _listed(name, desk, config)
    settled = Settled(desk.name, desk.structured, getattr(desk.model, "token_field", None), listed=listed)
    if not call:
        return settled
    request = first or ModelRequest(
        desk.name, (Message("user", 'Answer with {"answer": "yes"} and nothing else.'),), desk.params, _SCHEMA
    )
    if request.params.max_tokens is None:
        request = replace(request, params=replace(request.params, max_tokens=64))
    tried = int(broker.journal.noted(f"preflights {desk.name}") or 0)  # what failed then may work now
    broker.journal.note(f"preflights {desk.name}", str(tried + 1))
    for number in range(MAX_CALLS):
        adopt(desk, token_field=settled.token_field, dropped=settled.dropped)
        asked = replace(request, structured=settled.structured, sample=f"preflight/{number}")
        try:
            answer = await broker.ask(asked, Coordinates("preflight", tried, "preflight", name, "preflight", number))
        except BadRequest as error:
            settled = _after_refusal(settled, config, request, error)
            continue
        if answer.failure is not None:
            raise PreflightError(f"'{name}': {answer.failure.message}")
        return _with(settled, answer)
    raise PreflightError(f"'{name}': the server refuses every form of the question.")


async def _listed(name: str, desk: Desk, config: ModelConfig) -> bool | None:
    ask = getattr(desk.model, "models", None)
    ids: list[str] = []
    if ask is not None:
        try:
            async with asyncio.timeout(desk.clocks.attempt):
                ids = await ask()
        except TimeoutError:
            pass  # it is an offer, not a duty
    if not ids:
        return None
    wanted = config.model_id()
    if wanted not in ids and did_you_mean(wanted, ids):
        # Lists are often shorter than what a server serves, so only a likely slip of the pen is an error.
        raise PreflightError(f"'{name}': the server knows no model '{wanted}'.", hint=did_you_mean(wanted, ids))
    return wanted in ids


def _after_refusal(settled: Settled, config: ModelConfig, request: ModelRequest, error: BadRequest) -> Settled:
    """The next form to try after a 400, judged by the words with which the server refused this one."""
    said = error.message
    automatic = getattr(config, "token_limit_field", None) == "auto"
    if automatic and settled.token_field == "max_tokens" and "max_tokens" in said:
        return replace(settled, token_field="max_completion_tokens")
    if settled.structured == "json_schema":
        keywords = _keywords(request.schema) - set(settled.dropped)
        named = {word for word in keywords if re.search(rf"\b{word}\b", said)}
        if named:
            return replace(settled, dropped=tuple(sorted({*settled.dropped, *named})))
        if config.structured == "auto" and re.search(r"response_format|json_schema|schema|structured|grammar", said):
            return replace(settled, structured="text")
    raise error


_DROPPABLE = frozenset(
    ("maxLength", "minLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    + ("multipleOf", "minItems", "maxItems", "uniqueItems")
)


def _keywords(schema: Any) -> set[str]:
    """Droppable keywords that a schema uses."""
    if isinstance(schema, Mapping):
        found = {key for key in schema if key in _DROPPABLE}
        return found.union(*(_keywords(item) for item in schema.values()))
    if isinstance(schema, (list, tuple)):
        return set().union(*(_keywords(item) for item in schema))
    return set()


def _with(settled: Settled, answer: Answer) -> Settled:
    reply = answer.reply
    assert reply is not None
    return replace(settled, served=reply.served_model, fingerprint=reply.fingerprint, outcome="ok")
