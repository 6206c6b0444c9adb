"""Order the candidates of a pool by their scores, and show them in an order that a seed decides."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from fusion_eval.strategies.interface import Tools
from fusion_eval.text.shuffle import seeded_order_of
from fusion_eval.types import Pool


def best_first(scores: Sequence[float | None]) -> list[int]:
    """Return the indices of the scored candidates, the best first; of equals the earliest. Unscored ones are left out."""
    scored = [(score, -i) for i, score in enumerate(scores) if score is not None and not isnan(score)]
    return [-place for _, place in sorted(scored, reverse=True)]


def seeded_order(pool: Pool, tools: Tools, salt: str = "") -> list[int]:
    """Return the indices of the usable candidates in an order that the pool's seed, their texts and `salt` decide."""
    return seeded_order_of([candidate.text for candidate in pool.usable], tools.sampling.seed, salt)


def shuffled(pool: Pool, tools: Tools, salt: str = "") -> list[str]:
    """Return the texts that a fusor may read, stripped, in an order that the pool's seed, the texts and `salt` decide."""
    texts = [candidate.text for candidate in pool.evidence]
    return [texts[i].strip() for i in seeded_order_of(texts, tools.sampling.seed, salt)]
