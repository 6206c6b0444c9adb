"""The baseline: the answer that one sample would have given."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class Single:
    """Take the first candidate of the same pool that the other strategies aggregate."""

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the first candidate; the first usable one, with the reason, if that failed."""
        first = pool.candidates[0]
        reason = f"the first candidate failed: {first.error}" if first.error else None
        return Answer(pool.usable[0].text, chosen=0, fallback=reason)

    def __repr__(self) -> str:
        return format_spec(self)
