"""Strategies make one answer out of a pool of candidates. This is all that a strategy of your own imports.

    from dataclasses import dataclass
    from fusion_eval.strategies import Answer, Pool, Tools, fall_back

    @dataclass(frozen=True)
    class Shortest:
        least: int = 0  # an option: shortest(least=20)

        async def __call__(self, pool: Pool, tools: Tools) -> Answer:
            texts = [candidate.text for candidate in pool.usable]
            allowed = [i for i in range(len(texts)) if len(texts[i]) >= self.least]
            if not allowed:
                return fall_back(pool, "every candidate is too short")
            chosen = min(allowed, key=lambda i: len(texts[i]))
            return Answer(texts[chosen], chosen=chosen)

Its package names it, and from then on `shortest` works wherever strategies are named:

    [project.entry-points."fusion_eval.strategies"]
    shortest = "my_package:Shortest"

A strategy without options may be an async function. Scorers work alike, in the group `fusion_eval.scorers`.
"""

from __future__ import annotations

from fusion_eval.strategies.interface import Scored, Scorer, Strategy, Tools, fall_back
from fusion_eval.types import Answer, Candidate, Pool

__all__ = ["Answer", "Candidate", "Pool", "Scored", "Scorer", "Strategy", "Tools", "fall_back"]
