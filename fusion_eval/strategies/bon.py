"""Best-of-N: take the candidate that the scorer likes best."""

from __future__ import annotations

from math import isnan

from fusion_eval.strategies import Tools, fall_back
from fusion_eval.types import Answer, Pool


async def bon(pool: Pool, tools: Tools) -> Answer:
    """The candidate with the highest score, ties to the earlier; unscored candidates cannot win."""
    scored = await tools.scorer(pool, tools)
    ranked = [(score, -i) for i, score in enumerate(scored.scores) if score is not None and not isnan(score)]
    if not ranked:
        return fall_back(pool, "no candidate could be scored", scored.calls)
    best = -max(ranked)[1]
    return Answer(pool.usable[best].text, scores=scored.scores, chosen=best, calls=scored.calls)
