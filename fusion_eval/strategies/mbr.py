"""Minimum Bayes risk: take the candidate that agrees best with all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.strategies.utilities import UTILITIES
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class MinimumBayesRisk:
    """Take the candidate with the highest mean utility, with each other candidate as its reference.

    Source: Freitag et al. 2022 (arXiv 2111.09388), equation 3, after Eikema and Aziz 2020 (arXiv 2005.10283). Deviation:
    a candidate is not its own reference, which the library mbrs lets it be. Both rules choose alike, since these
    utilities give every text that is not empty the same value against itself.

    Args:
        utility: `chrf` or `bleu`, both of sentences. `mbr` with `chrf` chooses as `bon(scorer=chrf)` does.
    """

    utility: Literal["chrf", "bleu"] = "chrf"

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the candidate with the highest mean utility; the earliest of equals. One alone wins with 0."""
        texts = [candidate.text for candidate in pool.usable]
        rows = UTILITIES[self.utility](texts, tools.language)
        others = max(len(texts) - 1, 1)
        scores = tuple((sum(row[:i]) + sum(row[i + 1 :])) / others for i, row in enumerate(rows))
        chosen = scores.index(max(scores))
        return Answer(pool.usable[chosen].text, scores=scores, chosen=chosen)

    def __repr__(self) -> str:
        return format_spec(self)
