"""``check_model``: the contract of a model backend, whatever stands behind it.

from gamesim.testing import check_model

def test_contract():
    check_model(lambda: MyModel("mine/x"), requests=[request])
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from gamesim.core.canonical import plain
from gamesim.core.errors import PluginError, clean
from gamesim.core.model import Capabilities, Message, Model, ModelReply, ModelRequest, Params
from gamesim.core.model_errors import FatalModelError, TransportError

from .playing import broken

SCHEMA = {
    "type": "object",
    "properties": {"move": {"enum": ["a", "b"]}},
    "required": ["move"],
    "additionalProperties": False,
}


def question(model: str, text: str = "Choose a or b.") -> ModelRequest:
    """A request that any backend with a language in it can answer."""
    messages = (Message("system", "Answer in JSON."), Message("user", text))
    return ModelRequest(model, messages, Params(max_tokens=32), SCHEMA, sample="0/check/0")


def check_model(make: Callable[[], Model], requests: Sequence[ModelRequest] | None = None) -> None:
    """Raise unless a backend keeps its promises.

    It says who it is and what it can do; answers are of the agreed type and JSON; it leaves the request as it was; it raises
    nothing but what the error tree has for it; several questions may be open at once; it can be closed twice.

    Parameters
    ----------
    make : builds a fresh model.
    requests : what it is asked; by default one small question.

    Raises
    ------
    PluginError
        With the first promise that is not kept.
    """
    model = make()
    what = f"model '{clean(getattr(model, 'name', '?'), 60)}'"
    if not isinstance(getattr(model, "name", None), str) or "/" not in model.name:
        raise broken(what, "its name is not '<alias>/<id>'")
    capabilities = getattr(model, "capabilities", None)
    if not isinstance(capabilities, Capabilities) or not capabilities.structured:
        raise broken(what, "it does not say what it is capable of")
    asked = list(requests or [question(model.name)])
    asyncio.run(_asked(model, what, asked))


async def _asked(model: Model, what: str, requests: Sequence[ModelRequest]) -> None:
    try:
        for request in requests:
            before = plain(request.identity())
            _is_reply(what, await _one(model, what, request))
            if plain(request.identity()) != before:
                raise broken(what, "it changes the request it is given")
        if len(requests) == 1:
            return
        for reply in await asyncio.gather(*(_one(model, what, request) for request in requests[:4])):
            _is_reply(what, reply)
    finally:
        close = getattr(model, "aclose", None)
        if close is not None:
            await close()
            await close()


async def _one(model: Model, what: str, request: ModelRequest) -> Any:
    try:
        return await model.complete(request)
    except (TransportError, FatalModelError):
        return None
    except PluginError:
        raise
    except Exception as error:
        raise broken(what, f"it raised {type(error).__name__}, which is no transport error: {clean(error)}") from error


def _is_reply(what: str, reply: Any) -> None:
    if reply is None:
        return
    if not isinstance(reply, ModelReply):
        raise broken(what, f"it answered with {type(reply).__name__}, not ModelReply")
    if not (reply.text is None or isinstance(reply.text, str)):
        raise broken(what, "the text of its answer is not text")
    if not isinstance(reply.finish_reason, str) or not reply.finish_reason:
        raise broken(what, "its answer has no finish_reason")
    if reply.usage is not None and min(reply.usage.input, reply.usage.output) < 0:
        raise broken(what, "it counts fewer than no tokens")
    try:
        plain(dict(reply.extra))
    except (TypeError, ValueError) as error:
        raise broken(what, f"the extra of its answer is not JSON: {error}") from error
