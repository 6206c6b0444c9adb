"""A model that answers from stored pools: `model=pool:RUN/traces.jsonl` samples nothing and costs nothing.

The traces of any run hold its pools, and so do those of `fusion-eval import`. The other strategies can thus work on pools
that were drawn once, or elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.models.offline import excerpt
from fusion_eval.runs.traces import FILE_NAME, read_traces
from fusion_eval.text.printable import printable
from fusion_eval.types import Candidate, Message, Prompt, Sampling

PREFIX = "pool:"


class PoolModel:
    """The pools in a file of traces, by their prompts. The i-th candidate has the seed i.

    Args:
        name: `pool:PATH`, a file of traces or a folder with one.

    Raises:
        ConfigError: There is no such file, or it is none of traces.
    """

    chat = True

    def __init__(self, name: str) -> None:
        path = Path(name.removeprefix(PREFIX))
        self._path = path / FILE_NAME if path.is_dir() else path
        if not self._path.is_file():
            raise ConfigError(f"model={name}: there is no file {self._path}; name the traces.jsonl of a run")
        self.name = name
        self.identity = f"{PREFIX}{hashlib.sha256(self._path.read_bytes()).hexdigest()[:16]}"
        self.max_n: int | None = None
        self._pools: dict[bytes, tuple[Candidate, ...]] = {}
        for trace in read_traces(self._path):
            self._pools.setdefault(_key(trace.pool.prompt), trace.pool.candidates)

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return n candidates of the prompt's pool, from the place of the seed on.

        Raises:
            ConfigError: There is no pool for the prompt, or it is too small.
        """
        pool = self._pools.get(_key(prompt))
        if pool is None:
            text = prompt.messages[-1].content if prompt.messages else prompt.text
            raise ConfigError(
                f"{self._path} has no pool for the prompt '{printable(excerpt(text))}'. A pool answers its own prompts only: "
                "name the models that fuse and rate, fusor=NAME and scorer_model=NAME, and use the tasks of the pool"
            )
        chosen = pool[sampling.seed : sampling.seed + n]
        if len(chosen) < n:
            raise ConfigError(
                f"{self._path} has {len(pool)} candidates for a prompt, and {sampling.seed + n} are asked for; "
                f"use n={len(pool)} and seed=0"
            )
        return list(chosen)

    async def close(self) -> None:
        """Do nothing: nothing is open."""


def _key(prompt: Prompt) -> bytes:
    """Return a hash of a prompt. A text is the same prompt as one user message with it, or as messages written as JSON."""
    messages = prompt.messages or _messages(prompt.text)
    pairs = [(message.role, message.content.strip()) for message in messages]
    return hashlib.sha256(json.dumps(pairs).encode()).digest()


def _messages(text: str) -> Sequence[Message]:
    if text.startswith("["):
        try:
            return msgspec.json.decode(text, type=list[Message])
        except (msgspec.DecodeError, UnicodeError):
            pass
    return [Message("user", text)]
