"""A control: the longest candidate."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class Longest:
    """Take the candidate with the most characters, without the space around it.

    Where it beats other strategies under a judge or a metric, that judge or metric prefers length.
    """

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the longest candidate; the earliest of equals."""
        lengths = [len(candidate.text.strip()) for candidate in pool.usable]
        chosen = lengths.index(max(lengths))
        return Answer(pool.usable[chosen].text, scores=tuple(map(float, lengths)), chosen=chosen)

    def __repr__(self) -> str:
        return format_spec(self)
