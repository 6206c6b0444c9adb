"""A reward model that transformers runs in this process: a classifier of sequences with one label."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.models.reward.conversation import reply_with, request_and_response
from fusion_eval.types import Candidate, Prompt, Sampling

INSTALL = "python -m pip install 'fusion-eval[reward]'"
_END = 1 << 20
"""Bytes of each end of a file that go into the identity of local weights."""


class RewardClassifier:
    """A reward model by its name on the Hugging Face hub, or by its folder. It is loaded when it first scores.

    Conversations that wait at the same time are scored in batches, in a thread. Models without a token for padding get
    one conversation at a time, since padding with another token can change their scores.

    Args:
        name: The name or the folder.
        batch_size: The most conversations in a batch.
    """

    chat = True
    max_n: int | None = 1

    def __init__(self, name: str, batch_size: int = 8) -> None:
        self.name = name
        self.identity = f"reward|{_fingerprint(Path(name)) or name}"
        self._batch_size = batch_size
        self._waiting: list[tuple[Prompt, asyncio.Future[tuple[float, int]]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._loaded: tuple[Any, Any] | None = None

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the score of a conversation as the text of one reply."""
        started = time.perf_counter()
        done: asyncio.Future[tuple[float, int]] = asyncio.get_running_loop().create_future()
        self._waiting.append((prompt, done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        score, tokens = await done
        latency = time.perf_counter() - started
        return [reply_with(score, self.name, sampling.seed, tokens, latency, cost=0.0)]

    async def _work(self) -> None:
        """Score what waits, batch by batch."""
        while self._waiting:
            batch, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
            try:
                scores = await asyncio.to_thread(self._scores, [prompt for prompt, _ in batch])
            except Exception as error:  # whatever it is, the callers must learn of it
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for (_, done), score in zip(batch, scores, strict=True):
                if not done.done():  # its caller was cancelled
                    done.set_result(score)

    def _scores(self, conversations: Sequence[Prompt]) -> list[tuple[float, int]]:
        tokenizer, _ = self._load()
        texts = [encode(tokenizer, conversation) for conversation in conversations]
        if len(texts) > 1 and pads(tokenizer):
            return self._forward(texts)
        return [score for text in texts for score in self._forward([text])]

    def _forward(self, texts: Sequence[list[int]]) -> list[tuple[float, int]]:
        """Return the score and the number of tokens of each text; no finite score for one that is too long."""
        import torch

        tokenizer, model = self._load()
        longest = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 1 << 30))
        fitting = [text for text in texts if 0 < len(text) <= longest]
        scores: list[float] = []
        if fitting:
            width = max(map(len, fitting))
            filler = tokenizer.pad_token_id or 0
            ids = [text + [filler] * (width - len(text)) for text in fitting]
            mask = [[1] * len(text) + [0] * (width - len(text)) for text in fitting]
            with torch.inference_mode():
                logits = model(
                    input_ids=torch.tensor(ids, device=model.device),
                    attention_mask=torch.tensor(mask, device=model.device),
                ).logits
            scores = logits[:, 0].float().tolist()
        found = iter(scores)
        return [(next(found) if 0 < len(text) <= longest else float("nan"), len(text)) for text in texts]

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            check_installed(self.name)
            from transformers import AutoModelForSequenceClassification, AutoTokenizer

            try:
                tokenizer = AutoTokenizer.from_pretrained(self.name)
                model = AutoModelForSequenceClassification.from_pretrained(self.name, dtype="auto")
            except (OSError, ValueError) as error:
                reason = str(error).strip().partition("\n")[0]
                raise ConfigError(f"scorer=reward:{self.name} cannot be loaded: {reason}") from error
            if model.config.num_labels != 1:
                raise ConfigError(
                    f"reward:{self.name} has {model.config.num_labels} labels, and a reward model has one; name another"
                )
            if pads(tokenizer):
                model.config.pad_token_id = tokenizer.pad_token_id
            self._loaded = tokenizer, _on_device(model.eval())
        return self._loaded

    async def close(self) -> None:
        """Stop scoring what still waits."""
        if self._worker is not None:
            self._worker.cancel()


def check_installed(name: str) -> None:
    """Raise a ConfigError if transformers or torch is not installed."""
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
        raise ConfigError(f"scorer=reward:{name} needs transformers and torch: {INSTALL}")


def render(tokenizer: Any, conversation: Prompt) -> str:
    """Write a conversation as one text by the tokenizer's chat template."""
    turns = [{"role": message.role, "content": message.content} for message in conversation.messages]
    return str(tokenizer.apply_chat_template(turns, tokenize=False))


def encode(tokenizer: Any, conversation: Prompt) -> list[int]:
    """Return the tokens of a conversation: by the chat template, or as a pair of texts where there is none."""
    if tokenizer.chat_template:
        text = render(tokenizer, conversation)
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    return list(tokenizer(*request_and_response(conversation))["input_ids"])


def pads(tokenizer: Any) -> bool:
    """Whether a tokenizer has a token for padding that means nothing else."""
    return tokenizer.pad_token_id is not None and tokenizer.pad_token_id != tokenizer.eos_token_id


def _on_device(model: Any) -> Any:
    import torch

    return model.to("cuda") if torch.cuda.is_available() else model


def _fingerprint(folder: Path) -> str:
    """Return what tells local weights apart: a hash of the names, sizes and both ends of the folder's files."""
    if not folder.is_dir():
        return ""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        size = file.stat().st_size
        digest.update(f"{file.name}|{size}|".encode())
        with file.open("rb") as content:
            digest.update(content.read(_END))
            content.seek(max(size - _END, 0))
            digest.update(content.read(_END))
    return digest.hexdigest()[:32]
