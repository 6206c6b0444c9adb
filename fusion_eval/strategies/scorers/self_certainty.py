"""The model's own certainty: how far its distribution over tokens is from uniform."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import ClassVar

from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.scorers.confidence import ALTERNATIVES_PER_TOKEN, confidences_of
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Pool


@dataclass(frozen=True, repr=False)
class SelfCertainty:
    """Score each candidate by the mean divergence of its tokens' distributions from the uniform one.

    Source: Kang et al. 2025 (arXiv 2502.18581, equation 5), which sums over the whole vocabulary. Endpoints report the
    20 likeliest tokens only, so the sum is over these, and 20 stands for the vocabulary's size. This changes the value,
    not its meaning: the mean over tokens of -1/20 Σ log(20 p). Within one model's pool it orders candidates as
    `confidence(of=mean)` does.
    """

    needs_logprobs: ClassVar = ALTERNATIVES_PER_TOKEN
    votes: ClassVar = "borda"

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return the mean divergence in nats; None where no alternatives are known.

        Raises:
            ConfigError: The endpoint reports no alternatives for any candidate.
        """
        confidences = confidences_of(pool, "self_certainty")
        return Scored(
            tuple(
                sum(values) / len(values) - log(ALTERNATIVES_PER_TOKEN) if values else None
                for values in confidences
            )
        )

    def __repr__(self) -> str:
        return format_spec(self)
