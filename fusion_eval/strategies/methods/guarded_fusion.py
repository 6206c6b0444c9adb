"""Fusion with a guard: the fused text must beat every candidate in the eyes of a scorer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.fusing import fuse
from fusion_eval.strategies.interface import Scorer, Tools, fall_back, needs_logprobs
from fusion_eval.strategies.ranking import best_first
from fusion_eval.strategies.sampler import cut_at_stop
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Candidate, Pool


@dataclass(frozen=True, repr=False)
class GuardedFusion:
    """Fuse, let the fused text join the pool, and take it only where the scorer likes it best of all.

    Otherwise the answer is the candidate with the best score: Best-of-N over the candidates and the fused text, which
    loses ties. A scorer that compares candidates with each other, such as `chrf`, also compares them with the fused
    text.

    Args:
        by: Rates the candidates and the fused text; None leaves the choice to the model argument `scorer=`.

    Raises:
        ConfigError: The scorer needs log-probabilities of candidates. Those of a fused text come from another model
            and another prompt, so they are not comparable.
    """

    uses: ClassVar = ("fusor", "prompt", "scorer")

    by: Scorer | None = None

    def __post_init__(self) -> None:
        _check(self.by)

    def own_tools(self, tools: Tools) -> Tools:
        """Return the tools with this strategy's own scorer, if it has one."""
        tools = tools.override(scorer=self.by)
        _check(tools.scorer)
        return tools

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the fused text or the best candidate. If fusion fails, fall back on the best candidate.

        `Answer.scores` holds the candidates' scores only.
        """
        tools = self.own_tools(tools)
        fused = await fuse(pool, tools)
        text = cut_at_stop(fused.text, tools.sampling.stop)  # as the candidates are
        joined = () if fused.fallback else (Candidate(text, tools.fusor.name, tools.sampling.seed),)
        scored = await tools.scorer(Pool(pool.prompt, (*pool.usable, *joined)), tools)
        n = len(pool.usable)
        answer = dataclasses.replace(
            fused,
            scores=scored.scores[:n],
            calls=(*scored.calls, *fused.calls),
            scorer_calls=len(scored.calls),
        )
        ranked = best_first(scored.scores)
        if ranked and ranked[0] == n:
            return answer
        if not ranked:
            reason = fused.fallback or "neither a candidate nor the fused text could be scored"
            fallback = fall_back(pool, reason, fused.calls, scorer_calls=scored.calls)
            return dataclasses.replace(fallback, dropped=fused.dropped)
        unscored = "the fused text could not be scored" if joined and n not in ranked else None
        return dataclasses.replace(
            answer,
            text=pool.usable[ranked[0]].text,
            chosen=ranked[0],
            departures=(),
            fallback=fused.fallback or unscored,
        )

    def __repr__(self) -> str:
        return format_spec(self)


def _check(scorer: Scorer | None) -> None:
    if needs_logprobs(scorer):
        raise ConfigError(
            f"guarded_fusion cannot use scorer={format_spec(scorer)}: a fused text has no log-probability that compares "
            "with the candidates'; use guarded_fusion(by=judge), or by=chrf"
        )
