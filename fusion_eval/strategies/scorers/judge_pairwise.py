"""An LLM compares the candidates two at a time; a candidate's score is its share of wins."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from fusion_eval.argument_values import integer_reader, number_reader
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.asking import made
from fusion_eval.strategies.choosing import choose, distinct
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Pool


@dataclass(frozen=True, repr=False)
class PairwiseJudge:
    """Let a model compare every two candidates, in both orders, and count each candidate's wins.

    Source: the comparison matrix of LLM-Blender's PairRanker with its aggregation MaxWins (Jiang et al. 2023, arXiv
    2306.02561, section 3.3), with an LLM as the judge in place of a trained ranker. It costs n(n-1) calls.

    Args:
        temperature: The judge's temperature.
        max_tokens: The most tokens that the judge may write about one pair.

    Raises:
        ConfigError: A number is out of its range.
    """

    temperature: float = 0.0
    max_tokens: int = 1024

    def __post_init__(self) -> None:
        number_reader(0, 5)("temperature", self.temperature)
        integer_reader(1)("max_tokens", self.max_tokens)

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return each candidate's share of won comparisons, from 0 to 1; None if none of its comparisons can be read.

        Candidates with the same text are compared as one. A lone text has the score 1.
        """
        texts = {candidate.text.strip(): i for i, candidate in reversed(list(enumerate(pool.usable)))}
        players = distinct(pool)
        if len(players) == 1:
            return Scored((1.0,) * len(pool.usable))
        pairs = list(itertools.permutations(players, 2))
        choices = await gather_or_cancel(
            choose(
                tools.scorer_model,
                "pairrank",
                pool,
                pair,
                tools,
                max_tokens=self.max_tokens,
                temperature=self.temperature,
            )
            for pair in pairs
        )
        wins, played = dict.fromkeys(players, 0), dict.fromkeys(players, 0)
        for pair, choice in zip(pairs, choices, strict=True):
            if choice.chosen is not None:
                wins[choice.chosen] += 1
                for player in pair:
                    played[player] += 1
        shares = {player: wins[player] / played[player] if played[player] else None for player in players}
        calls = made([choice.reply for choice in choices])
        return Scored(tuple(shares[texts[candidate.text.strip()]] for candidate in pool.usable), calls)

    def __repr__(self) -> str:
        return format_spec(self)
