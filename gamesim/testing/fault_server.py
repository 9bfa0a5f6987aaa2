"""A server that speaks chat completions and fails on purpose, on real sockets of this machine alone.

    python -m gamesim.testing.fault_server --port 8099
    OpenAI(base_url="http://127.0.0.1:8099/F05/v1", api_key="any")

The first part of the path chooses what happens: ``F00`` (good answers) to ``F27...`` as in the fault table, ``content-<name>``
for well-formed HTTP with a bad answer inside. Options follow after commas: ``/F24,retry_after=3/v1``.

Options for every path: ``only=WORD`` (fails only requests whose body holds the word; others are answered well), ``first=N``
(fails the first N attempts of each request only), ``after=N`` (answers the first N requests of the path well, then fails),
and the toxics ``latency``, ``jitter`` (seconds), ``bandwidth`` (bytes a
second), ``slow_close`` (seconds), ``slicer`` (bytes a slice) with ``slicer_delay``, ``limit_data`` (bytes, then the connection
closes); ``out=N`` declares N tokens of output.

Hits are counted by path and request, where a request is its ``Idempotency-Key``, else the hash of its body. ``GET /hits`` shows
them, ``POST /reset`` clears them, ``POST /restart`` drops all connections and is away for ``?down=`` seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from gamesim.core.seeds import Seeds

from .bad_answers import CONTENT_FAULTS, legal_value, spoiled
from .faults import FAULTS, Asked, good

HOST = "127.0.0.1"
MAX_REQUEST = 8 * 2**20
Answerer = Callable[[Mapping[str, Any]], str]


class FaultServer:
    """The server, in the event loop that starts it.

    Parameters
    ----------
    answer : request body -> text of a good answer; by default a legal value of the request's schema, drawn by its hash.
    illegal_here : text of an answer that is legal by its schema and not in the state of the game.
    mended : answer every path well, as after a repair.

    Attributes
    ----------
    hits : path -> request -> count.  elsewhere_hits : requests that reached the other host of F22.
    times : monotonic arrival times by path.
    """

    def __init__(
        self, *, port: int = 0, answer: Answerer | None = None, illegal_here: str | None = None, mended: bool = False
    ) -> None:
        self.port, self._answer, self.illegal_here, self.mended = port, answer, illegal_here, mended
        self.hits: dict[str, Counter[str]] = defaultdict(Counter)
        self.times: dict[str, list[float]] = defaultdict(list)
        self.elsewhere_hits = 0
        self.in_flight = self.most_in_flight = 0
        self._jitter = Seeds(0).stream("fault_server")
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.StreamWriter] = set()

    async def start(self) -> FaultServer:
        main = await asyncio.start_server(self._serve, HOST, self.port, limit=MAX_REQUEST)
        other = await asyncio.start_server(self._elsewhere, HOST, 0)
        self.port = main.sockets[0].getsockname()[1]
        self.elsewhere = f"http://{HOST}:{other.sockets[0].getsockname()[1]}"
        self._servers = [main, other]
        return self

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for writer in list(self._connections):
            writer.transport.abort()
        for server in self._servers:
            await server.wait_closed()

    async def restart(self, down: float = 0.0) -> None:
        """Drop every connection, be away for a while, listen again on the same port."""
        await self.stop()
        await asyncio.sleep(down)
        await self.start()

    def url(self, path: str = "F00") -> str:
        """The ``base_url`` of a path."""
        return f"http://{HOST}:{self.port}/{path}/v1"

    def attempts(self, path: str) -> int:
        """All requests to a path."""
        return sum(self.hits[path].values())

    async def __aenter__(self) -> FaultServer:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def reset_counts(self) -> None:
        self.hits.clear()
        self.times.clear()
        self.elsewhere_hits = self.most_in_flight = 0

    def said(self) -> dict[str, Any]:
        return {
            "hits": self.hits,
            "times": self.times,
            "elsewhere": self.elsewhere_hits,
            "most_in_flight": self.most_in_flight,
        }

    # ---- one connection --------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while (request := await _read_request(reader)) is not None:
                if not await self._answered(*request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the client left, or sent what is no request
        finally:
            self._connections.discard(writer)
            with suppress(Exception):
                writer.close()

    async def _elsewhere(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.elsewhere_hits += 1
        writer.close()

    async def _answered(
        self, method: str, target: str, headers: Mapping[str, str], raw: bytes, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; whether the connection can take another."""
        path, _, query = target.partition("?")
        part = path.strip("/").split("/")[0]
        reply = Reply(writer, self)
        if path in ("/hits", "/reset", "/restart"):
            return await self._control(path, query, reply)
        name, *pairs = part.split(",")
        options = dict(pair.partition("=")[::2] for pair in pairs)
        if path.endswith("/models"):
            await reply.json(200, {"object": "list", "data": [{"id": "some-model"}, {"id": "other-model"}]})
            return True
        body = _json(raw)
        identity = headers.get("idempotency-key") or hashlib.sha256(raw).hexdigest()[:32]
        asked = Asked(body, raw, headers, self.hits[part][identity], options)
        self.hits[part][identity] += 1
        self.times[part].append(time.monotonic())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        reply.options, reply.path = options, part
        try:
            await self._delay(options)
            await self._fail(name, asked, reply)
        finally:
            self.in_flight -= 1
        if "slow_close" in options:
            await asyncio.sleep(float(options["slow_close"]))
        return not reply.closed

    async def _delay(self, options: Mapping[str, str]) -> None:
        latency, jitter = float(options.get("latency", 0)), float(options.get("jitter", 0))
        if latency or jitter:
            await asyncio.sleep(max(0.0, latency + jitter * float(self._jitter.uniform(-1, 1))))

    async def _fail(self, name: str, asked: Asked, reply: Reply) -> None:
        spared = self.mended or self.attempts(reply.path) <= int(asked.options.get("after", 0))
        spared = spared or ("only" in asked.options and asked.options["only"].encode() not in asked.raw)
        spared = spared or asked.count >= int(asked.options.get("first", asked.count + 1))
        if spared:
            await good(asked, reply)
        elif name in FAULTS:
            await FAULTS[name](asked, reply)
        elif name.removeprefix("content-") in CONTENT_FAULTS:
            text = spoiled(name.removeprefix("content-"), schema_of(asked.body), illegal_here=self.illegal_here)
            await reply.json(200, reply.completion(asked, content=text))
        else:
            await reply.json(404, {"error": {"message": f"no fault is called {name[:40]}", "code": None}})

    async def _control(self, path: str, query: str, reply: Reply) -> bool:
        if path == "/reset":
            self.reset_counts()
        await reply.json(200, self.said())
        if path == "/restart":
            down = float(query.removeprefix("down=") or 0)
            task = asyncio.get_running_loop().create_task(self.restart(down))
            task.add_done_callback(lambda done: done.exception())
        return path != "/restart"

    def good_text(self, body: Mapping[str, Any]) -> str:
        if self._answer is not None:
            return self._answer(body)
        schema = schema_of(body)
        draw = int.from_bytes(hashlib.sha256(json.dumps(body.get("messages")).encode()).digest()[:4], "big")
        text = json.dumps(legal_value(schema, draw)) if schema else json.dumps({"answer": "yes"})
        return text if schema else f"ANSWER: {text}"


def schema_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer's schema in a request; empty if there is none."""
    form = body.get("response_format")
    found = form.get("json_schema", {}).get("schema", {}) if isinstance(form, dict) else {}
    return found if isinstance(found, dict) else {}


class Reply:
    """Writes one answer through the toxics of its path."""

    def __init__(self, writer: asyncio.StreamWriter, server: FaultServer) -> None:
        self._writer, self._server = writer, server
        self.options: Mapping[str, str] = {}
        self.path = ""
        self.closed = False
        self._written = 0

    @property
    def elsewhere(self) -> str:
        return self._server.elsewhere

    def completion(
        self,
        asked: Asked,
        *,
        content: str | None = "",
        refusal: str | None = None,
        finish_reason: str = "stop",
    ) -> dict[str, Any]:
        """A chat completion; its usage is bytes / 4 in, and the length of the answer, or the declared ``out``, out."""
        text = self._server.good_text(asked.body) if content == "" else content
        prompt = sum(len(str(message.get("content", "")).encode()) for message in asked.body.get("messages", []))
        output = int(asked.number("out", -(-len((text or "").encode()) // 4)))
        return {
            "id": f"chatcmpl-{hashlib.sha256(asked.raw).hexdigest()[:12]}",
            "object": "chat.completion",
            "created": 0,
            "model": asked.options.get("served", str(asked.body.get("model", ""))),
            "system_fingerprint": "fp_test",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text, "refusal": refusal},
                    "finish_reason": finish_reason,
                }
            ],
            "usage": {"prompt_tokens": prompt // 4, "completion_tokens": output, "total_tokens": prompt // 4 + output},
        }

    async def json(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        await self.send(status, json.dumps(body).encode(), headers)

    async def send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        await self.head(status, {"Content-Length": str(len(body)), **(headers or {})})
        await self.write(body)

    async def head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [
            f"HTTP/1.1 {status} X",
            *(f"{k}: {v}" for k, v in {"Content-Type": "application/json", **headers}.items()),
        ]
        await self.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def write(self, data: bytes) -> None:
        limit = self.options.get("limit_data")
        if limit is not None and self._written + len(data) > int(limit):
            data = data[: max(0, int(limit) - self._written)]
            await self._write(data)
            self.reset(politely=True)
            raise ConnectionResetError
        await self._write(data)

    async def _write(self, data: bytes) -> None:
        self._written += len(data)
        size = int(self.options.get("slicer", 0)) or len(data) or 1
        speed = float(self.options.get("bandwidth", 0))
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self._writer.write(piece)
            await self._writer.drain()
            pause = float(self.options.get("slicer_delay", 0)) + (len(piece) / speed if speed else 0)
            if pause:
                await asyncio.sleep(pause)

    def reset(self, *, politely: bool = False) -> None:
        """End the connection: with FIN, or with RST."""
        self.closed = True
        if not politely:
            plug = self._writer.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        self._writer.close()


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes] | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    length = int(headers.get("content-length", 0))
    if length > MAX_REQUEST:
        raise ValueError("too large")
    return method, target, headers, await reader.readexactly(length) if length else b""


def _json(raw: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


class ServerProcess:
    """The server in a process of its own; a context manager. Nothing it does disturbs the client's loop or memory."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gamesim.testing.fault_server", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.root = self._process.stdout.readline().strip()

    def url(self, path: str = "F00") -> str:
        return f"{self.root}/{path}/v1"

    def said(self) -> dict[str, Any]:
        """Hits, arrival times, most requests in flight."""
        return self._ask("/hits")

    def attempts(self, path: str) -> int:
        return sum(self.said()["hits"].get(path, {}).values())

    def reset(self) -> None:
        self._ask("/reset")

    def restart(self, down: float = 0.0) -> None:
        self._ask(f"/restart?down={down}")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ask(self, path: str) -> dict[str, Any]:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.root + path, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m gamesim.testing.fault_server", description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=8099, help="0 takes a free one; the address is printed")
    parser.add_argument("--answer", help="text of every good answer; by default a legal one for the request's schema")
    parser.add_argument("--mended", action="store_true", help="answer every path well, as after a repair")
    parser.add_argument("--list", action="store_true", help="print the paths and end")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        for name, function in FAULTS.items():
            print(f"{name:<16} {(function.__doc__ or function.__name__.replace('_', ' ')).strip().splitlines()[0]}")
        for name, outcome in CONTENT_FAULTS.items():
            print(f"content-{name:<24} {outcome}")
        return
    with suppress(KeyboardInterrupt):
        asyncio.run(_forever(chosen.port, chosen.answer, chosen.mended))


async def _forever(port: int, answer: str | None, mended: bool) -> None:
    said = None if answer is None else lambda body: answer
    server = await FaultServer(port=port, answer=said, mended=mended).start()
    print(f"http://{HOST}:{server.port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
