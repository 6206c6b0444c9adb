"""Weighted majority: candidates vote for their answers, and a scorer decides how much each vote weighs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from fusion_eval.argument_values import number_reader
from fusion_eval.errors import ConfigError
from fusion_eval.strategies.interface import Scorer, Tools, fall_back
from fusion_eval.strategies.specs import format_spec
from fusion_eval.strategies.votes import extracted_answers, tally, winner, with_highest
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class WeightedMajority:
    """Take the first candidate that gives the answer with the largest sum of votes.

    Sources, by scorer:

    - `by=logprob` is the normalized weighted sum of self-consistency (Wang et al. 2022, arXiv 2203.11171, equation 1).
    - `by=self_certainty` is its Borda vote (Kang et al. 2025, arXiv 2502.18581).
      The candidate on rank r of N has (N - r + 1)**power votes. The default power, 0.5, is that of its code.
    - `by=confidence` is DeepConf's offline vote (Fu et al. 2025, arXiv 2508.15260).
      With `keep=0.1` it has its filter, which keeps the candidates at or above that percentile.

    Deviation from the sources: equal texts are equal answers, as everywhere here.

    Args:
        by: Scores the candidates; None leaves the choice to the model argument `scorer=`.
        votes: What a score is worth: `score` itself, `probability` (its exponential), or `borda` (by its rank). None is
            what the scorer's class says in `votes`, and `score` if it says nothing.
        power: The exponent of Borda's votes.
        keep: The share of candidates with an answer that may vote, those with the highest scores.

    Raises:
        ConfigError: A number is out of its range.
    """

    needs_answers: ClassVar = True
    uses: ClassVar = ("scorer",)

    by: Scorer | None = None
    votes: Literal["score", "probability", "borda"] | None = None
    power: float = 0.5
    keep: float = 1.0

    def __post_init__(self) -> None:
        number_reader(0, 10, above=True)("power", self.power)
        number_reader(0, 1, above=True)("keep", self.keep)

    def own_tools(self, tools: Tools) -> Tools:
        """Return the tools with this strategy's own scorer, if it has one."""
        return tools.override(scorer=self.by)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the winner of the vote; of equal sums the answer that was given first.

        Raises:
            ConfigError: A score is negative, so that it is no vote.
        """
        tools = self.own_tools(tools)
        answers = extracted_answers(pool, tools)
        scored = await tools.scorer(pool, tools)  # of all, since ranks are among all candidates
        if all(answer is None for answer in answers):
            return fall_back(
                pool, "no candidate gives an answer that the task can read", scorer_calls=scored.calls
            )
        scores = [None if score is None or math.isnan(score) else score for score in scored.scores]
        votes_by = self.votes or str(getattr(tools.scorer, "votes", "score"))
        weights = self._weights(scores, answers, votes_by)
        votes = tally(
            [None if w is None else answer for answer, w in zip(answers, weights, strict=True)],
            [w or 0.0 for w in weights],
        )
        if not votes:
            return fall_back(pool, "no candidate with an answer could be scored", scorer_calls=scored.calls)
        best = winner(votes)
        chosen = next(i for i, answer in enumerate(answers) if answer == best and weights[i] is not None)
        return Answer(
            pool.usable[chosen].text, scored.scores, chosen, scored.calls, scorer_calls=len(scored.calls)
        )

    def _weights(
        self, scores: Sequence[float | None], answers: Sequence[str | None], votes_by: str
    ) -> list[float | None]:
        """Return the weight of each candidate's vote; None for those that have none."""
        known = [i for i, score in enumerate(scores) if score is not None]
        ranked = sorted(known, key=lambda i: -(scores[i] or 0.0))
        rank_of = {i: rank for rank, i in enumerate(ranked, start=1)}
        voting = with_highest([i for i in known if answers[i] is not None], scores, self.keep)
        weights: list[float | None] = [None] * len(scores)
        for i in voting:
            score = scores[i] or 0.0
            if votes_by == "borda":
                weights[i] = (len(ranked) - rank_of[i] + 1) ** self.power
            elif votes_by == "probability":
                weights[i] = math.exp(min(score, 700.0))
            elif score < 0:
                raise ConfigError(
                    f"{self} adds scores up as votes, and a score is negative ({score:g}); "
                    "set votes=probability for log-probabilities, or votes=borda"
                )
            else:
                weights[i] = score
        return weights

    def __repr__(self) -> str:
        return format_spec(self)
