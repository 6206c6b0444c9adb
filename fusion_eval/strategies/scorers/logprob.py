"""The model's own confidence: mean log-probability of the generated tokens."""

from __future__ import annotations

from fusion_eval.errors import ConfigError
from fusion_eval.strategies import Scored, Tools
from fusion_eval.types import Pool


async def logprob(pool: Pool, tools: Tools) -> Scored:
    """Natural log-probability per token, at temperature 1; an endpoint that reports none is an error."""
    scores = tuple(candidate.mean_logprob for candidate in pool.usable)
    if all(score is None for score in scores) and any(candidate.text for candidate in pool.usable):
        raise ConfigError(
            f"scorer=logprob needs log-probabilities, and {pool.usable[0].model} reports none; "
            "use scorer=chrf, or scorer=judge"
        )
    return Scored(scores)
