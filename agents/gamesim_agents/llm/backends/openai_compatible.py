"""Any server that speaks chat completions: hosted, vLLM, Ollama, llama.cpp. One request, one attempt, typed errors.

The OpenAI client does the protocol; its retries are off and its HTTP goes through our bounded transport, because
retrying, waiting and budgets are the Broker's. The body of an answer is read here, from its bytes: the client's own types
take milliseconds for what is a few strings, and seconds for what a hostile server may send.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from datetime import UTC
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr

from gamesim.core.errors import GamesimError, ScenarioError, clean
from gamesim.core.model import Capabilities, ModelReply, ModelRequest, Usage
from gamesim.core.model_config import ModelConfig
from gamesim.core.model_errors import (
    AuthenticationFailed,
    BadBody,
    BadRequest,
    ConnectionFailed,
    ContextLength,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    TransportError,
)
from gamesim.run.models.keys import read_key
from gamesim.run.models.redact import redacted
from gamesim.run.models.transport import check_base_url, http_client

TokenField = Literal["max_tokens", "max_completion_tokens"]
OPENAI = "https://api.openai.com/v1"


class OpenAI(ModelConfig):
    """A model on a server that speaks the chat-completions protocol."""

    version: ClassVar[int] = 1
    cached: ClassVar[bool] = True

    backend: Literal["openai"] = "openai"
    id: str = Field(min_length=1, max_length=200, description="What the server calls the model.")
    base_url: str = Field(OPENAI, description="Address of the server, such as https://host/v1.")
    api_key_env: str | None = Field(
        None,
        pattern="^[A-Za-z_][A-Za-z0-9_]{0,99}$",
        description="Environment variable that holds the key; by default OPENAI_API_KEY for api.openai.com and none elsewhere.",
    )
    allow_plain_http: bool = Field(False, description="Speak unencrypted to another machine.")
    token_limit_field: Literal["auto", "max_tokens", "max_completion_tokens"] = Field(
        "auto", description="What the server calls the limit of an answer; auto is settled by one call before the run."
    )

    def model_post_init(self, context: Any) -> None:
        try:
            check_base_url(self.base_url, allow_plain_http=self.allow_plain_http)
        except ScenarioError as error:  # said by a validator, placed by whoever read the file
            raise ValueError(f"base_url: {error.message} {error.hint or ''}".strip()) from None

    def endpoint(self, alias: str) -> str:
        return f"{self.base_url.rstrip('/')} {self.key_variable() or ''}"

    def key_variable(self) -> str | None:
        return self.api_key_env or ("OPENAI_API_KEY" if self.base_url.rstrip("/") == OPENAI else None)

    def free(self) -> bool:
        return False

    def determines(self) -> dict[str, Any]:
        hidden = ("base_url", "api_key_env", "allow_plain_http", "token_limit_field")
        return {key: value for key, value in super().determines().items() if key not in hidden}

    def build(self, alias: str) -> OpenAICompatible:
        variable = self.key_variable()
        return OpenAICompatible(
            self.name(alias),
            self.id,
            self.base_url,
            read_key(variable) if variable else None,
            token_field="max_tokens" if self.token_limit_field == "auto" else self.token_limit_field,
            allow_plain_http=self.allow_plain_http,
        )


class OpenAICompatible:
    """A model behind ``base_url``.

    Parameters
    ----------
    name : ``<endpoint alias>/<id>``, as requests carry it.
    model_id : what the server calls it.
    api_key : kept in memory, redacted from every message; servers on this machine may need none.
    dropped : schema keywords this host rejects; they are still enforced by the reader of the answer.
    extra : fields sent with every request, such as ``cache_prompt``.
    """

    def __init__(
        self,
        name: str,
        model_id: str,
        base_url: str,
        api_key: SecretStr | None = None,
        *,
        token_field: TokenField = "max_tokens",
        dropped: frozenset[str] = frozenset(),
        extra: Mapping[str, Any] | None = None,
        capabilities: Capabilities | None = None,
        allow_plain_http: bool = False,
    ) -> None:
        self.name = name
        self.model_id = model_id
        self.base_url = check_base_url(base_url, allow_plain_http=allow_plain_http)
        self.token_field: TokenField = token_field
        self.dropped = dropped
        self.capabilities = capabilities or Capabilities(structured=("json_schema", "grammar", "text"))
        self._extra = dict(extra or {})
        self._key = api_key
        self._client: Any = None

    def prepare(self) -> None:
        """Import and open the client, which takes a second of CPU, before any clock of an attempt runs."""
        _ = self._opened().chat.completions.with_raw_response.create

    async def complete(self, request: ModelRequest) -> ModelReply:
        try:
            raw = await self._opened().chat.completions.with_raw_response.create(**self._body(request))
            response = raw.http_response
            return self._read(response.content, response.headers.get("x-request-id"))
        except GamesimError:
            raise
        except Exception as error:  # a server can provoke nearly anything in a client; all of it is one failed attempt
            raise self._typed(error) from None

    async def models(self) -> list[str]:
        """Ids the server lists; empty where it offers no list.

        Raises
        ------
        AuthenticationFailed
        """
        import openai

        try:
            raw = await self._opened().models.with_raw_response.list()
            listed = json.loads(raw.http_response.content)["data"]
            return [model["id"] for model in listed if isinstance(model["id"], str)]
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise self._of_status(error) from None
        except Exception:  # no list, or none worth reading: it is an offer, not a duty
            return []

    async def aclose(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    def _opened(self) -> Any:
        if self._client is None:
            import openai

            self._client = openai.AsyncOpenAI(
                api_key=self._key.get_secret_value() if self._key else "none",
                base_url=self.base_url,
                max_retries=0,
                timeout=None,
                http_client=http_client(),
            )
            # What the environment says about OpenAI's own service is not told to whatever server this is.
            if self.base_url.rstrip("/") != OPENAI:
                self._client.organization = self._client.project = self._client.admin_api_key = None
                self._client._custom_headers = {}
        return self._client

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        """Arguments of ``chat.completions.create``.

        All but the model goes through ``extra_body``, which is sent as it is: the client would walk messages and schema,
        matching them against its own types, for half a millisecond of CPU a call.
        """
        params = request.params
        sent: dict[str, Any] = {
            "messages": [{"role": message.role, "content": message.content} for message in request.messages]
        }
        for key in ("temperature", "top_p", "seed"):
            if getattr(params, key) is not None:
                sent[key] = getattr(params, key)
        if params.stop:
            sent["stop"] = list(params.stop)
        if params.max_tokens is not None:
            sent[self.token_field] = params.max_tokens
        if request.schema is not None and request.structured == "json_schema":
            schema = without_keywords(request.schema, self.dropped)
            sent["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": schema},
            }
        elif request.schema is not None and request.structured == "grammar":
            from ..grammar import gbnf

            sent["grammar"] = gbnf(request.schema)
        body: dict[str, Any] = {
            "model": self.model_id,
            "messages": [],
            "extra_body": {**sent, **self._extra, **params.extra},
        }
        call = request.context.get("call")
        if call:
            body["extra_headers"] = {"Idempotency-Key": str(call)}
        return body

    def _typed(self, error: Exception) -> GamesimError:
        """Our error for whatever the client raised."""
        import httpx2
        import openai

        if isinstance(error, openai.APIStatusError):
            return self._of_status(error)
        cause = error.__cause__ or error
        if isinstance(cause, GamesimError):
            return cause
        if isinstance(error, (openai.APIConnectionError, httpx2.HTTPError, OSError)):
            sent = not isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout))
            failed = ConnectionFailed(f"{self.name}: {_said(cause)}{'' if sent else f' ({self.base_url})'}.")
            failed.sent = sent
            return failed
        return BadBody(f"{self.name}: the answer cannot be read ({type(error).__name__}).")

    def _of_status(self, error: Any) -> GamesimError:
        """The typed error of an HTTP status; what the server wrote is quoted short and redacted."""
        status = int(error.status_code)
        made = self._status_error(status, error)
        if isinstance(made, TransportError):
            made.http = status
            if made.congestion:
                made.retry_after = retry_after(error.response.headers.get("retry-after"))
        elif hasattr(made, "http"):
            made.http = status
        return made

    def _status_error(self, status: int, error: Any) -> GamesimError:
        code, kind = str(getattr(error, "code", None) or ""), str(getattr(error, "type", None) or "")
        said, where = _said(getattr(error, "message", "") or error), f"{self.name} answered {status}"
        if status in (401, 403):
            return AuthenticationFailed(
                f"{where}: the key was not accepted.", hint="Check the variable named by api_key_env."
            )
        if status == 402 or (status == 429 and "insufficient_quota" in (code, kind)):
            return QuotaExhausted(
                f"{where}: the quota of this key is used up.", hint="Go on later with: gamesim resume RUN"
            )
        if status == 429:
            return RateLimited(f"{where}: too many requests.")
        if status in (503, 529):
            return Overloaded(f"{where}: overloaded.")
        if status in (408, 409) or status >= 500:
            return ServerError(f"{where}: {said}.")
        if _too_long(status, code, said.lower()):
            return ContextLength(f"{where}: the prompt is longer than the model's context.")
        return BadRequest(f"{where}: {said}.")

    def _read(self, body: bytes, request_id: str | None) -> ModelReply:
        """The reply in a body, or why there is none in it."""
        try:
            completion = json.loads(body)
        except (ValueError, RecursionError):
            raise BadBody(f"{self.name}: the body is not the JSON of a chat completion.") from None
        if not isinstance(completion, dict):
            raise BadBody(f"{self.name}: the body is not the JSON of a chat completion.")
        if completion.get("error"):
            failure = completion["error"]
            said = failure.get("message", failure) if isinstance(failure, dict) else failure
            broken = ServerError(f"{self.name}: an error in a 200: {_said(said)}.")
            broken.sent, broken.http = True, 200
            raise broken
        choices = completion.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise BadBody(f"{self.name}: the body holds no choice.")
        text, refusal = message.get("content"), message.get("refusal")
        if not isinstance(text, str | None) or not isinstance(refusal, str | None):
            raise BadBody(f"{self.name}: the content is not text.")
        return ModelReply(
            text=None if text is None else redacted(text),
            refusal=redacted(refusal) if refusal else None,
            finish_reason=_word(choice.get("finish_reason")) or "stop",
            usage=_usage(completion.get("usage")),
            served_model=_word(completion.get("model")) or "",
            fingerprint=_word(completion.get("system_fingerprint")),
            request_id=_word(request_id),
        )


def _word(value: Any) -> str | None:
    return redacted(clean(value, 200)) if isinstance(value, str) else None


def _said(what: object) -> str:
    """What a server or a library said, safe and short, for the middle of a sentence."""
    whole = redacted(str(what) or type(what).__name__)  # redacted before it is cut, for half a key is a key's half
    return clean(whole, 160).rstrip(". ")


def _too_long(status: int, code: str, said: str) -> bool:
    if status not in (400, 413, 422):
        return False
    words = (
        "context length",
        "context window",
        "context size",
        "maximum context",
        "too many tokens",
        "prompt is too long",
    )
    return code in ("context_length_exceeded", "exceed_context_size_error") or any(word in said for word in words)


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    prompt, output = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if prompt is None or output is None:
        return None
    return Usage(
        prompt,
        output,
        _detail(usage.get("prompt_tokens_details"), "cached_tokens"),
        _detail(usage.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _detail(details: Any, key: str) -> int:
    return (_count(details.get(key)) or 0) if isinstance(details, dict) else 0


def retry_after(value: str | None, now: float | None = None) -> float | None:
    """Seconds of a Retry-After header, a number or a date; malformed, negative or past is None.

    Examples
    --------
    >>> retry_after("30"), retry_after("-1"), retry_after("soon")
    (30.0, None, None)
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text):
        seconds = float(text)
    else:
        try:
            when = email.utils.parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        seconds = when.timestamp() - (time.time() if now is None else now)
    return seconds if seconds > 0 else None


def without_keywords(schema: Any, dropped: frozenset[str]) -> Any:
    """A schema without some keywords, at any depth; names of properties are no keywords.

    Examples
    --------
    >>> without_keywords({"properties": {"maxLength": {"type": "string", "maxLength": 9}}}, frozenset({"maxLength"}))
    {'properties': {'maxLength': {'type': 'string'}}}
    """
    if not dropped:
        return schema
    if isinstance(schema, Mapping):
        return {
            key: {name: without_keywords(sub, dropped) for name, sub in value.items()}
            if key in ("properties", "$defs")
            else value
            if key in ("enum", "const", "required")
            else without_keywords(value, dropped)
            for key, value in schema.items()
            if key not in dropped
        }
    if isinstance(schema, list):
        return [without_keywords(item, dropped) for item in schema]
    return schema
