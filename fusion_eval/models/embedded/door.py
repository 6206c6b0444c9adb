"""The embedded model: llama.cpp in this process, on a GGUF file.

xllamacpp starts llama.cpp's own server on a free port of the loopback interface, with a key made for this process.
The OpenAI door then calls it. The server starts at the first request, so a run that the store answers completely
never loads the weights.
"""

from __future__ import annotations

import asyncio
import dataclasses
import mmap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from fusion_eval.errors import ConfigError, ContextOverflowError
from fusion_eval.models.embedded.server import SLOTS, Use, load_llama_cpp
from fusion_eval.models.embedded.threads import cores
from fusion_eval.models.embedded.turns import turns
from fusion_eval.models.embedded.weights import BUNDLED, Weights, joined, sha256_of
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.types import Candidate, Prompt, Sampling

REQUESTS_AT_ONCE = 3
"""More requests in flight evict each other's cached prompt prefixes, and reading prompts costs more than writing."""
_LONGEST_REQUEST = 86_400.0
"""Seconds. Only the machine's load makes a request in this process slow, and a second try would only add to it."""


class EmbeddedModel:
    """A GGUF file. It takes chat messages where the file has a chat template, otherwise plain text.

    Args:
        name: The name that users write.
        sha256: The hash of the file.
        chat: Whether requests hold chat messages.
        file: Returns the path of the file; called at the first request.
    """

    def __init__(self, name: str, sha256: str, chat: bool, file: Callable[[], Path]) -> None:
        self.name, self.chat = name, chat
        self.identity = f"gguf|{sha256[:32]}|{'chat' if chat else 'completion'}"
        self.max_n: int | None = SLOTS // 2
        self.requests_at_once = REQUESTS_AT_ONCE
        self._file = file
        self._door: OpenAIModel | None = None
        self._opening = asyncio.Lock()
        self._rests, self._threads, self._key = 0, 0, ""

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Send one request for n sequences; llama.cpp reads their prompt once.

        A request for several sequences always asks for log-probabilities, which count each sequence's tokens. llama.cpp's
        usage counts those of one. A request for one sequence leaves them out unless wanted: they took a fifth of the time.
        """
        asked = dataclasses.replace(sampling, logprobs=sampling.logprobs or n > 1)
        try:
            return await self._sample(prompt, asked, n)
        except ContextOverflowError:  # all requests in flight share one context; this one may fit alone
            if not turns().crowded:
                raise
            return await self._sample(prompt, asked, n, alone=True)

    async def _sample(
        self, prompt: Prompt, sampling: Sampling, n: int, *, alone: bool = False
    ) -> list[Candidate]:
        shared = turns()
        async with shared.hold(self.identity, alone=alone):
            with closing(Use(self._file)) as use:
                door = await self._open(use, shared.rests)
                candidates = await door.sample(prompt, sampling, n)
            written = sum(candidate.completion_tokens for candidate in candidates)
            shared.record(self.identity, written, reduced=self._threads < cores())
            return candidates

    async def _open(self, use: Use, rests: int) -> OpenAIModel:
        """Return the door to the server. After a rest, the first request has the threads chosen again."""
        async with self._opening:
            running = await asyncio.to_thread(use.open, choose_again=self._rests != rests)
            if self._door is None or self._key != running.key:  # another server can have the same port
                await self.close()
                self._key = running.key
                self._door = OpenAIModel(
                    self.name,
                    f"{running.url}/v1",
                    api_key=running.key,
                    chat=self.chat,
                    timeout=_LONGEST_REQUEST,
                    identity=self.identity,
                )
            self._rests, self._threads = rests, running.threads
            return self._door

    async def close(self) -> None:
        """Close the connections. The server stays for the next model on this file."""
        if self._door is not None:
            await self._door.close()


def open_embedded(name: str, *, completion: bool = False, asks: bool = True) -> EmbeddedModel:
    """Open a model whose weights an extra installs, or `gguf:PATH`.

    Args:
        name: The name that users write.
        completion: True to use plain text even where the file has a chat template.
        asks: Whether anybody will send requests. If not, neither llama.cpp nor weights of an extra need be installed.

    Raises:
        ConfigError: The file does not exist, cannot be read or is not a GGUF file, or a package is not installed.
    """
    if weights := BUNDLED.get(name):
        return _open_bundled(weights, completion, asks)
    path = _gguf_file(name.removeprefix("gguf:"))
    if asks:
        load_llama_cpp()  # report a missing package now, not at the first request
    return EmbeddedModel(name, sha256_of(path), has_chat_template(path) and not completion, lambda: path)


def _gguf_file(name: str) -> Path:
    """Return the resolved path of a GGUF file: there is one server per file, whatever its name.

    Raises:
        ConfigError: There is no such file, it cannot be read, or it is not a GGUF file.
    """
    path, wanted = Path(name).expanduser(), "model=gguf:PATH wants the path of a GGUF file"
    if not name:
        raise ConfigError(f"model=gguf: names no file; {wanted}")
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; {wanted}")
    if not path.is_file():
        raise ConfigError(f"There is no file {path}; {wanted}")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if magic != b"GGUF":
        raise ConfigError(f"{path} is not a GGUF file; {wanted}, as llama.cpp reads it")
    return path.resolve()


def _open_bundled(weights: Weights, completion: bool, asks: bool) -> EmbeddedModel:
    """Open the weights of an extra. Their hash is known, so a run that the store answers needs no file."""
    if asks:
        load_llama_cpp(weights.install_command)
        joined(weights)  # report missing packages now, not at the first request
    return EmbeddedModel(
        weights.name, weights.sha256, weights.chat and not completion, lambda: joined(weights).resolve()
    )


def has_chat_template(path: Path) -> bool:
    """Return whether the file's metadata, which precede its tensors, hold a chat template."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"tokenizer.chat_template", 0, 64 << 20) >= 0
