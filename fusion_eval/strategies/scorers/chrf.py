"""Agreement with the others: mean chrF against the other candidates, the choice of minimum Bayes risk."""

from __future__ import annotations

import functools
from typing import Any

from fusion_eval.strategies import Scored, Tools
from fusion_eval.types import Pool


async def chrf(pool: Pool, tools: Tools) -> Scored:
    """Mean sentence chrF (0–100) with each other candidate as reference (Freitag et al. 2022, eq. 3).

    A candidate without any other has nothing to agree with and scores 0.
    """
    texts = [candidate.text for candidate in pool.usable]
    metric = _metric()
    scores = []
    for i, hypothesis in enumerate(texts):
        others = texts[:i] + texts[i + 1 :]
        total = sum(metric.sentence_score(hypothesis, [other]).score for other in others)
        scores.append(total / len(others) if others else 0.0)
    return Scored(tuple(scores))


@functools.cache
def _metric() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()
