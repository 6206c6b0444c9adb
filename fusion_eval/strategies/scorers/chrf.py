"""Agreement with the others: mean chrF against the other candidates, the choice of minimum Bayes risk."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Pool


@dataclass(frozen=True, repr=False)
class Chrf:
    """Score each candidate by its mean chrF with the others."""

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return the mean sentence chrF (0-100) with each other candidate as reference.

        Freitag et al. 2022 (arXiv 2111.09388), equation 3. A candidate without any other scores 0.
        """
        texts = [candidate.text for candidate in pool.usable]
        metric = _metric()
        scores = []
        for i, hypothesis in enumerate(texts):
            others = texts[:i] + texts[i + 1 :]
            total = sum(metric.sentence_score(hypothesis, [other]).score for other in others)
            scores.append(total / len(others) if others else 0.0)
        return Scored(tuple(scores))

    def __repr__(self) -> str:
        return format_spec(self)


@functools.cache
def _metric() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()
