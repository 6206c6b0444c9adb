"""The model's own confidence: mean log-probability of the generated tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.log_probabilities import missing
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Pool


@dataclass(frozen=True, repr=False)
class Logprob:
    """Score each candidate by the mean log-probability of its tokens."""

    needs_logprobs: ClassVar = True
    votes: ClassVar = "probability"

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return the natural log-probability per token, at temperature 1.

        Raises:
            ConfigError: The endpoint reports no log-probabilities.
        """
        scores = tuple(candidate.mean_logprob for candidate in pool.usable)
        if all(score is None for score in scores) and any(candidate.text for candidate in pool.usable):
            raise missing("logprob", pool.usable[0].model, 1)
        return Scored(scores)

    def __repr__(self) -> str:
        return format_spec(self)
