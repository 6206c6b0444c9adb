"""Self-consistency: the answer that most candidates give wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.specs import format_spec
from fusion_eval.strategies.votes import extracted_answers, tally, winner
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class Majority:
    """Take the first candidate whose answer is the most frequent one.

    The task's own filters extract the answers, and equal texts are equal answers. Source: self-consistency (Wang et
    al. 2022, arXiv 2203.11171, equation 1), which lm-eval's filter `majority_vote` implements as well.
    """

    needs_answers: ClassVar = True

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the winner of the vote; of equal answers the one that was given first."""
        answers = extracted_answers(pool, tools)
        votes = tally(answers)
        if not votes:
            return fall_back(pool, "no candidate gives an answer that the task can read")
        chosen = answers.index(winner(votes))
        return Answer(pool.usable[chosen].text, chosen=chosen)

    def __repr__(self) -> str:
        return format_spec(self)
