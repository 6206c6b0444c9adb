"""A control: a candidate that chance picks."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.ranking import seeded_order
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class RandomChoice:
    """Take a candidate at random; the pool's seed and texts decide which.

    Any strategy that chooses should beat it. `single` takes the first candidate instead, which is as random, but always
    comes from the first model.
    """

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return one of the usable candidates, each with the same probability."""
        chosen = seeded_order(pool, tools, "random")[0]
        return Answer(pool.usable[chosen].text, chosen=chosen)

    def __repr__(self) -> str:
        return format_spec(self)
