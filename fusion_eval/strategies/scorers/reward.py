"""A reward model that transformers runs in this process: `reward:NAME`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.argument_values import integer_reader
from fusion_eval.errors import ConfigError
from fusion_eval.models import Model
from fusion_eval.models.reward.classifier import RewardClassifier, check_installed
from fusion_eval.models.reward.conversation import SCORING, conversation_of, score_in
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Pool


@dataclass(frozen=True, repr=False)
class Reward:
    """Score each candidate by a reward model: a classifier of sequences with one label.

    The tokenizer's chat template joins prompt and candidate; without one, they are encoded as a pair of texts.

    Args:
        name: The model's name on the Hugging Face hub, or its folder. `reward:NAME` is short for `reward(name=NAME)`.
        batch_size: The most candidates that are scored at a time.

    Raises:
        ConfigError: The name is empty, or the number is below 1.
    """

    after_colon: ClassVar = "name"
    votes: ClassVar = "borda"

    name: str = ""
    batch_size: int = 8

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError("scorer=reward needs a model: reward:NAME")
        integer_reader(1)("batch_size", self.batch_size)

    def check_installed(self) -> None:
        """Raise a ConfigError if the extra `reward` is not installed."""
        check_installed(self.name)

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return the model's number for each candidate; None for one that is too long for the model."""
        model = tools.open_model(
            f"reward|{self.name}|{self.batch_size}",
            lambda timeout: RewardClassifier(self.name, self.batch_size),
        )
        return await scored_by(model, pool)

    def __repr__(self) -> str:
        return format_spec(self)


async def scored_by(model: Model, pool: Pool) -> Scored:
    """Return the scores of a reward model, with a call for each different text."""
    texts = list(dict.fromkeys(candidate.text for candidate in pool.usable))
    asked = await gather_or_cancel(
        model.sample(conversation_of(pool.prompt, text), SCORING, 1) for text in texts
    )
    replies = {text: reply for text, (reply, *_) in zip(texts, asked, strict=True)}
    calls = tuple(reply for reply in replies.values() if reply.error is None)
    return Scored(tuple(score_in(replies[candidate.text]) for candidate in pool.usable), calls)
