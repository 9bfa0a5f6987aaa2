"""The faults of the network, F00 to F27: what a server does wrong on each path of the fault server.

Every fault is a coroutine that answers one request on a ``Reply``; ``FAULTS`` names them. F00 is the control.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import urllib.parse
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .fault_server import Reply


@dataclass(frozen=True)
class Asked:
    """One request: its JSON body, how often this very request came before on this path, and the options of the path."""

    body: Mapping[str, Any]
    raw: bytes
    headers: Mapping[str, str]
    count: int
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The API key as it was sent."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def number(self, name: str, default: float) -> float:
        return float(self.options.get(name, default))


Fault = Callable[[Asked, "Reply"], Awaitable[None]]
FAULTS: dict[str, Fault] = {}


def fault(name: str) -> Callable[[Fault], Fault]:
    def register(function: Fault) -> Fault:
        FAULTS[name] = function
        return function

    return register


def _error(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@fault("F00")
async def good(asked: Asked, reply: Reply) -> None:
    await reply.json(200, reply.completion(asked))


@fault("F01")
async def limited_twice(asked: Asked, reply: Reply) -> None:
    if asked.count < 2:
        await reply.json(429, _error("slow down"), {"Retry-After": asked.options.get("retry_after", "1")})
    else:
        await good(asked, reply)


@fault("F02")
async def always_limited(asked: Asked, reply: Reply) -> None:
    await reply.json(429, _error("slow down"))


@fault("F03")
async def no_quota(asked: Asked, reply: Reply) -> None:
    await reply.json(429, _error("You exceeded your quota.", "insufficient_quota", "insufficient_quota"))


@fault("F04")
async def fails_twice(asked: Asked, reply: Reply) -> None:
    if asked.count < 2:
        await reply.json(500, _error("oops"))
    else:
        await good(asked, reply)


@fault("F05")
async def unavailable(asked: Asked, reply: Reply) -> None:
    await reply.json(503, _error("overloaded"))


@fault("F06")
async def overloaded(asked: Asked, reply: Reply) -> None:
    await reply.json(529, _error("overloaded"))


@fault("F07")
async def echoes_key(asked: Asked, reply: Reply) -> None:
    """401 whose body and headers say the key in every form."""
    key = asked.key
    forms = [key, base64.b64encode(key.encode()).decode(), urllib.parse.quote(key, safe=""), repr(key), key[:8]]
    forms += [base64.b64encode(f"Bearer {key}".encode()).decode(), base64.b64encode(f"user:{key}".encode()).decode()]
    await reply.json(401, _error(f"Incorrect API key provided: {' '.join(forms)}", "invalid_api_key"), {"X-Key": key})


@fault("F08")
async def too_long(asked: Asked, reply: Reply) -> None:
    await reply.json(400, _error("This model's maximum context length is 1024 tokens.", "context_length_exceeded"))


@fault("F09")
async def html(asked: Asked, reply: Reply) -> None:
    await reply.send(200, b"<html><body>502 Bad Gateway</body></html>", {"Content-Type": "text/html"})


@fault("F10")
async def cut_json(asked: Asked, reply: Reply) -> None:
    body = json.dumps(reply.completion(asked)).encode()
    await reply.send(200, body[: len(body) // 2])


@fault("F11")
async def no_choices(asked: Asked, reply: Reply) -> None:
    await reply.json(200, {**reply.completion(asked), "choices": []})


@fault("F12")
async def null_content(asked: Asked, reply: Reply) -> None:
    await reply.json(200, reply.completion(asked, content=None))


@fault("F13")
async def refuses(asked: Asked, reply: Reply) -> None:
    await reply.json(200, reply.completion(asked, content=None, refusal="I cannot take part in this."))


@fault("F14")
async def out_of_tokens(asked: Asked, reply: Reply) -> None:
    await reply.json(200, reply.completion(asked, finish_reason="length"))


@fault("F15")
async def filtered(asked: Asked, reply: Reply) -> None:
    await reply.json(200, reply.completion(asked, finish_reason="content_filter"))


@fault("F16")
async def no_usage(asked: Asked, reply: Reply) -> None:
    body = reply.completion(asked)
    del body["usage"]
    await reply.json(200, body)


@fault("F17")
async def error_in_200(asked: Asked, reply: Reply) -> None:
    await reply.json(200, _error("upstream failed", kind="server_error"))


@fault("F18")
async def reset(asked: Asked, reply: Reply) -> None:
    reply.reset()


@fault("F19")
async def end_in_body(asked: Asked, reply: Reply) -> None:
    body = json.dumps(reply.completion(asked)).encode()
    await reply.head(200, {"Content-Length": str(len(body))})
    await reply.write(body[: len(body) // 2])
    reply.reset(politely=True)


@fault("F20")
async def drip(asked: Asked, reply: Reply) -> None:
    """A byte each half second, 20 s long."""
    body = json.dumps(reply.completion(asked)).encode()
    pause, count = asked.number("pause", 0.5), int(asked.number("bytes", 40))
    await reply.head(200, {"Content-Length": str(len(body))})
    for number in range(count):
        await reply.write(body[number : number + 1])
        await asyncio.sleep(pause)
    await reply.write(body[count:])


@fault("F21")
async def hang(asked: Asked, reply: Reply) -> None:
    await asyncio.sleep(asked.number("seconds", 3600))


@fault("F22")
async def redirect(asked: Asked, reply: Reply) -> None:
    await reply.json(302, {}, {"Location": f"{reply.elsewhere}/v1/chat/completions"})


@fault("F23")
async def huge(asked: Asked, reply: Reply) -> None:
    """30 MB with a length; ``chunked=1`` without."""
    size = int(asked.number("bytes", 30_000_000))
    chunked = asked.options.get("chunked") == "1"
    await reply.head(200, {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(size)})
    block = b'{"choices": "' + b"x" * 65_523
    for _ in range(0, size, len(block)):
        await reply.write(b"%x\r\n%s\r\n" % (len(block), block) if chunked else block)
    if chunked:
        await reply.write(b"0\r\n\r\n")


@fault("F24")
async def wait_thirty(asked: Asked, reply: Reply) -> None:
    if asked.count < 1 or asked.options.get("always") == "1":
        await reply.json(429, _error("slow down"), {"Retry-After": asked.options.get("retry_after", "30")})
    else:
        await good(asked, reply)


@fault("F25")
async def wait_long(asked: Asked, reply: Reply) -> None:
    await reply.json(429, _error("slow down"), {"Retry-After": asked.options.get("retry_after", "300")})


@lru_cache(maxsize=1)
def bomb(size: int = 200_000_000) -> bytes:
    """So many zeros, gzipped."""
    block = bytes(1_000_000)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)  # forgets what came before, so it may be repeated
    sum_ = 0
    for _ in range(size // len(block)):
        sum_ = zlib.crc32(block, sum_)
    head = b"\x1f\x8b\x08" + bytes(7)
    return head + piece * (size // len(block)) + packer.flush() + struct.pack("<II", sum_, size)


@fault("F26")
async def gzip_bomb(asked: Asked, reply: Reply) -> None:
    await reply.send(200, await asyncio.to_thread(bomb), {"Content-Encoding": "gzip"})


@fault("F27malformed")
async def retry_malformed(asked: Asked, reply: Reply) -> None:
    await reply.json(429, _error("slow down"), {"Retry-After": "soon; maybe 1e3"})


@fault("F27negative")
async def retry_negative(asked: Asked, reply: Reply) -> None:
    await reply.json(429, _error("slow down"), {"Retry-After": "-30"})


@fault("F27past")
async def retry_past(asked: Asked, reply: Reply) -> None:
    await reply.json(429, _error("slow down"), {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})


@fault("F27forever")
async def retry_forever(asked: Asked, reply: Reply) -> None:
    await reply.json(429, _error("slow down"), {"Retry-After": "1000000000"})


@fault("echo")
async def echoes_everything(asked: Asked, reply: Reply) -> None:
    """A good answer that says the key in its text, model name, fingerprint and request id."""
    form = asked.options.get("form", "raw")
    said = {"raw": asked.key, "base64": base64.b64encode(asked.key.encode()).decode(), "first8": asked.key[:8]}[form]
    body = reply.completion(asked, content=json.dumps({"reason": said}))
    await reply.json(200, {**body, "model": said, "system_fingerprint": said}, {"x-request-id": said})


@fault("refuses_schema")
async def refuses_schema(asked: Asked, reply: Reply) -> None:
    """400 as from a host that does not know some keyword, or the whole of structured answers (``what=response_format``)."""
    what = asked.options.get("what", "maxLength")
    if what in asked.raw.decode() and (what != "max_tokens" or "max_tokens" in asked.body):
        await reply.json(400, _error(f"Invalid parameter: '{what}' is not supported.", "unsupported_parameter"))
    else:
        await good(asked, reply)


@fault("strict_schema")
async def strict_schema(asked: Asked, reply: Reply) -> None:
    """400 for a schema whose $ref leads nowhere, as llama.cpp answers."""
    text = json.dumps(asked.body.get("response_format", {}))
    if '"$ref"' in text and '"$defs":' not in text:
        await reply.json(400, _error("JSON schema conversion failed: Unresolved $ref"))
    else:
        await good(asked, reply)
