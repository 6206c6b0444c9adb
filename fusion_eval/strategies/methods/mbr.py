"""Minimum Bayes risk: take the candidate that agrees best with all others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.scorers.comet import source_of
from fusion_eval.strategies.specs import format_spec
from fusion_eval.strategies.utilities import (
    NEURAL,
    Matrix,
    bleu,
    check_installed,
    chrf,
    means_with_others,
    neural,
)
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class MinimumBayesRisk:
    """Take the candidate with the highest mean utility, with each other candidate as its reference.

    Source: Freitag et al. 2022 (arXiv 2111.09388), equation 3, after Eikema and Aziz 2020 (arXiv 2005.10283). Deviation:
    a candidate is not its own reference, which the library mbrs lets it be. Both rules choose alike by chrF and BLEU,
    since these give every text that is not empty the same value against itself. COMET takes the same source as
    the scorer `comet` does.

    Args:
        utility: `chrf` or `bleu`, both of sentences, or `bertscore` or `comet`, by mbrs. `mbr` with `chrf` chooses as
            `bon(scorer=chrf)` does.

    Raises:
        ConfigError: The utility needs mbrs, and that is not installed.
    """

    utility: Literal["chrf", "bleu", "bertscore", "comet"] = "chrf"

    def __post_init__(self) -> None:
        check_installed(self.utility)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the candidate with the highest mean utility; the earliest of equals. One alone wins with 0."""
        scores = means_with_others(await self._utilities(pool, tools))
        chosen = scores.index(max(scores))
        return Answer(pool.usable[chosen].text, scores=scores, chosen=chosen)

    async def _utilities(self, pool: Pool, tools: Tools) -> Matrix:
        texts = [candidate.text for candidate in pool.usable]
        if self.utility in NEURAL:  # in a thread, as other prompts go on meanwhile
            source = source_of(pool.prompt, tools)
            return await asyncio.to_thread(neural, self.utility, texts, source, tools.language)
        return chrf(texts) if self.utility == "chrf" else bleu(texts, tools.language)

    def __repr__(self) -> str:
        return format_spec(self)
