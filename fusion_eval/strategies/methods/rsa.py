"""Recursive self-aggregation: a population of answers, rewritten round by round from random subsets of itself."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import ClassVar

from fusion_eval.argument_values import integer_reader
from fusion_eval.errors import ConfigError
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.proposing import Proposal, propose
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Candidate, Pool


@dataclass(frozen=True, repr=False)
class RecursiveSelfAggregation:
    """Write each new member of a population out of k random members of the one before, for some rounds.

    Source: Venkatraman et al. 2025 (arXiv 2509.26626, algorithm 1). The defaults are those of its code
    (HyperPotatoNeo/RSA, `eval_loop.py`). The pool is the first population, whatever its size. The answer is one member
    of the last population, as in the paper.

    Deviations from the source:

    - The prompt is in our words and asks for the task's own form, not for a box. A base model gets the prompt `few_shot`.
    - `rounds` does not count the pool. The code's 10 loops do, so `rounds=9` is as many.
    - A member that failed is left out, so that subsets of the next round can be smaller than k.
    - Several samplers take turns.
    - Members have the pool's sampling options, not temperature 1.

    Args:
        population: How many members each later population has.
        k: From how many members a new one is written; 1 refines a single member.
        rounds: How many populations follow the pool. They cost `population * rounds` calls.

    Raises:
        ConfigError: A number is below 1, or `k` is above `population`.
    """

    uses: ClassVar = ()

    population: int = 16
    k: int = 4
    rounds: int = 10

    def __post_init__(self) -> None:
        for name in ("population", "k", "rounds"):
            integer_reader(1)(name, getattr(self, name))
        if self.k > self.population:
            raise ConfigError(
                f"rsa(k={self.k}) draws more members than a population of {self.population} has; use k={self.population} "
                "at most, or raise population="
            )

    @property
    def smallest_pool(self) -> int:
        """The fewest candidates that a pool must be drawn with."""
        return self.k

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the first member of the last population. Fall back on a candidate if a whole round fails.

        All members of the last population are equally likely to be any text, so the first is a uniform draw.
        """
        members: tuple[Candidate, ...] = pool.evidence
        calls: tuple[Candidate, ...] = ()
        for round_ in range(1, self.rounds + 1):
            made, members = await propose(self._proposals(round_, members, tools), "rsa", pool, tools)
            calls = (*calls, *made)
            if not members:
                failed = fall_back(pool, f"every member of round {round_} failed", calls)
                return replace(failed, sampler_calls=len(calls))
        cut = ("truncated",) if members[0].finish_reason == "length" else ()
        return Answer(members[0].text, calls=calls, sampler_calls=len(calls), departures=cut)

    def _proposals(self, round_: int, members: tuple[Candidate, ...], tools: Tools) -> list[Proposal]:
        """Draw the k members for each new one, without replacement, as the seed and their texts decide."""
        texts = [member.text.strip() for member in members]
        draw = random.Random(f"{tools.sampling.seed}|{round_}|{texts}")  # noqa: S311 - a sample, not a secret
        size = min(self.k, len(texts))
        return [Proposal(i, round_, tuple(draw.sample(texts, size))) for i in range(self.population)]

    def __repr__(self) -> str:
        return format_spec(self)
