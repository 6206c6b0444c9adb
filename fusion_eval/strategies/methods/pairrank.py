"""Pairwise ranking: a model compares candidates two at a time, in Swiss rounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.argument_values import integer_reader, number_reader
from fusion_eval.errors import ConfigError
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.asking import made
from fusion_eval.strategies.choosing import Choice, choose, distinct
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.ranking import seeded_order
from fusion_eval.strategies.specs import format_spec
from fusion_eval.strategies.swiss import Pair, Standings
from fusion_eval.types import Answer, Pool

_BUDGET = re.compile(r"(?!0+(?:\.0+)?n?$)(?:(?P<times>\d{1,4}(?:\.\d+)?)n|\d{1,6})")


@dataclass(frozen=True, repr=False)
class PairRank:
    """Let the fusor compare pairs of candidates, and take the one with the highest Bradley–Terry strength.

    Source: the algorithm V1-Infer (Singh et al. 2026, arXiv 2603.04304). Its first pairs cover all candidates. Swiss
    rounds among candidates with similar results follow. The examples of its code make 3n comparisons.

    Deviations from the source:

    - The fusor names the better candidate instead of rating both.
    - So Bradley–Terry strengths replace win rates that are weighted by the ratings' margin.
    - Candidates with equal texts are one.

    Our own choices are the first round, a ring with two comparisons for each candidate, and the prompt's words. A pair
    that meets again is shown in the other order.

    Args:
        budget: How many comparisons: `3n` is three for each candidate, `20` is 20. The first round needs n in any case.
        temperature: The fusor's temperature.
        max_tokens: The most tokens that the fusor may write about one pair.

    Raises:
        ConfigError: The budget cannot be read, or a number is out of its range.
    """

    uses: ClassVar = ("fusor",)

    budget: str = "3n"
    temperature: float = 0.0
    max_tokens: int = 1024

    def __post_init__(self) -> None:
        if not _BUDGET.fullmatch(str(self.budget)):
            raise ConfigError(
                f"budget={self.budget} should be comparisons per candidate, such as 3n, or in all, such as 20"
            )
        number_reader(0, 5)("temperature", self.temperature)
        integer_reader(1)("max_tokens", self.max_tokens)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the strongest candidate; the earliest of equals. A round's comparisons are asked together.

        Comparisons that cannot be read count as made, without a winner. Fall back if those that can be read do not
        connect all candidates.
        """
        texts = set(distinct(pool))
        players = [i for i in seeded_order(pool, tools) if i in texts]
        if len(players) == 1:
            return Answer(pool.usable[0].text, chosen=0)
        standings = Standings(players)
        choices: list[Choice] = []
        pairs = standings.first_round()
        while pairs:
            played = await gather_or_cancel(self._compare(pool, pair, tools) for pair in pairs)
            for pair, choice in zip(pairs, played, strict=True):
                standings.add(pair, choice.chosen)
            choices += played
            pairs = standings.next_round()[: max(self._most(len(players)) - len(choices), 0)]
        return _answer(pool, standings, choices)

    def _most(self, n: int) -> int:
        """Return the number of comparisons among n candidates that the budget allows."""
        read = _BUDGET.fullmatch(str(self.budget))
        if read is None or read["times"] is None:
            return int(self.budget)
        return round(float(read["times"]) * n)

    async def _compare(self, pool: Pool, pair: Pair, tools: Tools) -> Choice:
        return await choose(
            tools.fusor,
            "pairrank",
            pool,
            pair,
            tools,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
        )

    def __repr__(self) -> str:
        return format_spec(self)


def _answer(pool: Pool, standings: Standings, choices: list[Choice]) -> Answer:
    calls = made([choice.reply for choice in choices])
    problems = [choice.problem for choice in choices if choice.chosen is None]
    strengths = standings.strengths()
    if strengths is None:
        reason = f"the comparisons that can be read do not connect all candidates; {problems[0]}"
        return fall_back(pool, reason, calls)
    best = max(strengths.values())
    chosen = min(i for i, strength in strengths.items() if strength > best - 1e-6)  # the tolerance of the fit
    by_text = {pool.usable[i].text.strip(): strength for i, strength in strengths.items()}
    scores = tuple(by_text[candidate.text.strip()] for candidate in pool.usable)
    departures = ("unreadable",) if problems else ()
    return Answer(pool.usable[chosen].text, scores, chosen, calls, departures=departures)
