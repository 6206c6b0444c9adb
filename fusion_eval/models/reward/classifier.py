"""A reward model that transformers runs in this process: a classifier of sequences with one label."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

from fusion_eval.errors import ConfigError, RequestError
from fusion_eval.models.reward.batches import BatchedScorer, Score, enough_memory
from fusion_eval.models.reward.chat_template import encode
from fusion_eval.models.reward.weights import commit_of, identity_of
from fusion_eval.types import Prompt

INSTALL = "python -m pip install 'fusion-eval[reward]'"


class RewardClassifier(BatchedScorer):
    """A reward model by its name on the Hugging Face hub, or by its folder. It is loaded when it first scores.

    Models without a token for padding get one conversation at a time, since padding with another token can change
    their scores.

    Args:
        name: The name or the folder.
        batch_size: The most conversations in a batch.
    """

    def __init__(self, name: str, batch_size: int = 8) -> None:
        self._commit = commit_of(name)
        super().__init__(name, f"reward|{identity_of(name, self._commit)}", batch_size)
        self._loaded: tuple[Any, Any] | None = None

    def _scores(self, conversations: Sequence[Prompt]) -> list[Score]:
        tokenizer, _ = self._load()
        texts = [_encoded(tokenizer, conversation) for conversation in conversations]
        encoded = [text for text in texts if not isinstance(text, RequestError)]
        size = max(1, len(encoded)) if pads(tokenizer) else 1
        advice = (
            f"lower batch_size={self._batch_size}"
            if size > 1
            else "batch_size= cannot help: name a smaller model"
        )
        with enough_memory(f"reward:{self.name}", advice):
            batches = [self._forward(encoded[i : i + size]) for i in range(0, len(encoded), size)]
        scores = iter([score for batch in batches for score in batch])
        return [text if isinstance(text, RequestError) else next(scores) for text in texts]

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
                revision = self._commit or "main"
                tokenizer = AutoTokenizer.from_pretrained(self.name, revision=revision)
                with enough_memory(f"reward:{self.name}", "name a smaller model"):
                    model = AutoModelForSequenceClassification.from_pretrained(
                        self.name, revision=revision, dtype="auto"
                    )
            except (OSError, ValueError) as error:
                reason = str(error).strip().partition("\n")[0]
                raise ConfigError(f"scorer=reward:{self.name} cannot be loaded: {reason}") from error
            if model.config.num_labels != 1:
                raise ConfigError(
                    f"reward:{self.name} has {model.config.num_labels} labels, and a reward model has one; name another"
                )
            if pads(tokenizer):
                model.config.pad_token_id = tokenizer.pad_token_id
            with enough_memory(f"reward:{self.name}", "name a smaller model"):
                self._loaded = tokenizer, _on_device(model.eval())
        return self._loaded


def check_installed(name: str) -> None:
    """Raise a ConfigError if transformers or torch is not installed."""
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
        raise ConfigError(f"scorer=reward:{name} needs transformers and torch: {INSTALL}")


def pads(tokenizer: Any) -> bool:
    """Whether a tokenizer has a token for padding that means nothing else."""
    return tokenizer.pad_token_id is not None and tokenizer.pad_token_id != tokenizer.eos_token_id


def _on_device(model: Any) -> Any:
    import torch

    return model.to("cuda") if torch.cuda.is_available() else model


def _encoded(tokenizer: Any, conversation: Prompt) -> list[int] | RequestError:
    try:
        return encode(tokenizer, conversation)
    except RequestError as error:
        return error
