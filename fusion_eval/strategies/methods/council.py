"""A council: every model ranks all candidates without names, and a chairman fuses them with the ranks in view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from fusion_eval.argument_values import integer_reader
from fusion_eval.models import Model
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.asking import ask, made, problem
from fusion_eval.strategies.choosing import read_numbers
from fusion_eval.strategies.fusor_prompt import shipped
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.ranking import seeded_order
from fusion_eval.strategies.sampler import cut_at_stop
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Candidate, Pool, Sampling


@dataclass(frozen=True, repr=False)
class Council:
    """Let every model that sampled rank all candidates, then let the fusor write an answer with their mean ranks in view.

    Source: karpathy/llm-council. The members are the models of the pool, each once. The chairman is the fusor, by
    default the first model.

    Deviations from the source:

    - Each member sees the candidates in an order of its own.
    - The chairman sees mean ranks, best candidate first, instead of models' names and the reviews.
    - A ranking has to name every candidate once, in brackets at the end of the reply.
    - The prompts are in our words.

    Args:
        max_tokens: The most tokens that a member may write about the candidates.

    Raises:
        ConfigError: `max_tokens` is out of its range.
    """

    uses: ClassVar = ("fusor",)

    max_tokens: int = 2048

    def __post_init__(self) -> None:
        integer_reader(1)("max_tokens", self.max_tokens)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the chairman's answer. Members are asked together.

        If no ranking can be read, the chairman fuses without ranks, and the answer counts as a fallback. If the
        chairman fails, refuses or writes nothing, the candidate with the best mean rank is the answer.
        """
        members = {model.identity: model for model in tools.samplers}.values()
        ballots = await gather_or_cancel(self._rank(model, pool, tools) for model in members)
        rankings = [ranking for ranking, _ in ballots if ranking]
        ranks = mean_ranks(rankings, len(pool.usable))
        order = sorted(seeded_order(pool, tools), key=lambda i: ranks[i] if ranks else 0.0)
        reply = await _fuse(pool, order, ranks, tools)
        asked = made([ballot for _, ballot in ballots])
        calls = (*asked, *made([reply]))
        scores = tuple(-rank for rank in ranks)
        text = cut_at_stop(reply.text.strip(), tools.sampling.stop).strip()
        reason = problem(reply, text, [candidate.text for candidate in pool.evidence], "the chairman")
        if reason and ranks:
            best = min(range(len(ranks)), key=ranks.__getitem__)
            return Answer(
                pool.usable[best].text, scores, best, calls, sampler_calls=len(asked), fallback=reason
            )
        if reason:
            fallen = fall_back(pool, f"no ranking could be read, and {reason}", calls)
            return replace(fallen, sampler_calls=len(asked))
        reason = None if ranks else "no ranking could be read; the chairman fused without ranks"
        departures = ("truncated",) if reply.finish_reason == "length" else ()
        return Answer(
            text, scores, None, calls, sampler_calls=len(asked), departures=departures, fallback=reason
        )

    async def _rank(self, member: Model, pool: Pool, tools: Tools) -> tuple[list[int] | None, Candidate]:
        """Return a member's ranking of the usable candidates, best first, and its reply; None if it is no ranking."""
        order = seeded_order(pool, tools, member.identity)
        texts = [pool.usable[i].text.strip() for i in order]
        sampling = Sampling(self.max_tokens, 0.0, tools.sampling.seed)
        [reply], _ = await ask(member, shipped("council_ranking"), pool.prompt, texts, tools, sampling)
        numbers = None if reply.error else read_numbers(reply.text)
        if numbers is None or sorted(numbers) != list(range(1, len(order) + 1)):
            return None, reply
        return [order[number - 1] for number in numbers], reply

    def __repr__(self) -> str:
        return format_spec(self)


def mean_ranks(rankings: Sequence[Sequence[int]], n: int) -> list[float]:
    """Return the mean rank, from 1, of each of n candidates; an empty list without rankings."""
    if not rankings:
        return []
    return [sum(ranking.index(i) + 1 for ranking in rankings) / len(rankings) for i in range(n)]


async def _fuse(pool: Pool, order: Sequence[int], ranks: Sequence[float], tools: Tools) -> Candidate:
    """Ask the chairman for the answer. Candidates for the prompt in English stand last, without a rank."""
    most = tools.fusor_max_tokens or tools.sampling.max_tokens
    shown = [*(pool.usable[i] for i in order), *pool.evidence[len(order) :]]
    [reply], _ = await ask(
        tools.fusor,
        shipped("council_chairman"),
        pool.prompt,
        [candidate.text.strip() for candidate in shown],
        tools,
        Sampling(most, tools.fusor_temperature, tools.sampling.seed),
        variables={"ranks": [f"{ranks[i]:.2f}" for i in order] if ranks else []},
    )
    return reply
