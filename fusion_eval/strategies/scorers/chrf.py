"""Agreement with the others: mean chrF against the other candidates, the choice of minimum Bayes risk."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.strategies.utilities import chrf, means_with_others
from fusion_eval.types import Pool


@dataclass(frozen=True, repr=False)
class Chrf:
    """Score each candidate by its mean chrF with the others."""

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return the mean sentence chrF (0-100) with each other candidate as reference.

        Freitag et al. 2022 (arXiv 2111.09388), equation 3. A candidate without any other scores 0.
        """
        return Scored(means_with_others(chrf([candidate.text for candidate in pool.usable])))

    def __repr__(self) -> str:
        return format_spec(self)
