"""The baseline: what one sample would have said."""

from __future__ import annotations

from fusion_eval.strategies import Tools
from fusion_eval.types import Answer, Pool


async def single(pool: Pool, tools: Tools) -> Answer:
    """The first candidate of the same pool that the other strategies aggregate."""
    first = pool.candidates[0]
    reason = f"the first candidate failed: {first.error}" if first.error else None
    return Answer(pool.usable[0].text, chosen=0, fallback=reason)
