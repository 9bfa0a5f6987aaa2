"""HTTP as far as we trust it: identity encoding only, bounded bodies, no redirects, plain HTTP to this machine alone.

The OpenAI client is given this transport, so that nothing a server sends can fill memory, block the loop or lead elsewhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gamesim.core.errors import ScenarioError, clean
from gamesim.core.model_errors import EncodingRefused, RedirectRefused, TooLarge

if TYPE_CHECKING:
    import httpx2

MAX_BODY = 2**20


def check_base_url(url: str, *, allow_plain_http: bool = False) -> str:
    """An endpoint's address, refused where a key or a prompt would travel in the clear or credentials stand in the URL.

    Raises
    ------
    ScenarioError
        Which never quotes more of the address than its host.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise ScenarioError("not an http(s) address.", path="base_url", hint="Such as: https://host/v1")
    if parts.username is not None or parts.password is not None:
        raise ScenarioError("credentials in an address are refused.", path="base_url", hint="Use api_key_env.")
    if parts.query or parts.fragment:
        raise ScenarioError("an address ends with its path.", path="base_url", hint="Such as: https://host/v1")
    if parts.scheme == "http" and not allow_plain_http and not is_loopback(host):
        raise ScenarioError(
            f"plain http to {clean(host, 80)} leaves prompts and keys readable on the way.",
            path="base_url",
            hint="Use https, or say allow_plain_http: true.",
        )
    return url


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def http_client(*, max_body: int = MAX_BODY, connections: int = 1000) -> httpx2.AsyncClient:
    """The client under the OpenAI client: our transport, no proxies from the environment, clocks left to ``asyncio.timeout``."""
    import httpx2

    class Counted(httpx2.AsyncByteStream):
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            seen = 0
            async for chunk in self._stream:
                seen += len(chunk)
                if seen > max_body:
                    raise TooLarge(f"the answer is larger than {max_body} bytes.")
                yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    class Bounded(httpx2.AsyncBaseTransport):
        """Checks what goes out and what comes in before anybody reads it."""

        def __init__(self) -> None:
            limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
            self._inner = httpx2.AsyncHTTPTransport(trust_env=False, limits=limits)

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            request.headers["Accept-Encoding"] = "identity"
            if len(request.content) > max_body:
                error = TooLarge(f"the request is larger than {max_body} bytes.")
                error.sent = False
                raise error
            response = await self._inner.handle_async_request(request)
            try:
                _check_head(response, max_body)
            except BaseException:
                await response.aclose()
                raise
            return httpx2.Response(
                response.status_code,
                headers=response.headers,
                stream=Counted(response.stream),
                extensions=response.extensions,
            )

        async def aclose(self) -> None:
            await self._inner.aclose()

    timeout = httpx2.Timeout(None)
    return httpx2.AsyncClient(transport=Bounded(), follow_redirects=False, timeout=timeout, trust_env=False)


def _check_head(response: Any, max_body: int) -> None:
    status = response.status_code
    if 300 <= status < 400:
        refused = RedirectRefused(f"the server answered {status}, a redirect; none is followed.")
        refused.http = status
        raise refused
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise EncodingRefused(f"the answer is encoded as '{clean(encoding, 40)}'; only identity is read.")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 18 or int(length) > max_body):
        raise TooLarge(f"the answer declares {clean(length, 20)} bytes; the limit is {max_body}.")
