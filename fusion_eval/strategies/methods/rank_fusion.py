"""Rank, then fuse: the fusor sees only the candidates that a scorer likes best."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.argument_values import integer_reader
from fusion_eval.errors import ConfigError
from fusion_eval.strategies.fusing import fuse
from fusion_eval.strategies.interface import Scorer, Tools, fall_back
from fusion_eval.strategies.specs import format_spec
from fusion_eval.strategies.stand_ins import ranked
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class RankFusion:
    """Keep the k candidates with the best scores, and let the fusor write one answer out of them.

    Source: LLM-Blender (Jiang et al. 2023, arXiv 2306.02561), which fuses the top 3.

    Deviations from the source:

    - Any scorer ranks, where LLM-Blender compares pairs.
    - The fusor is an LLM with a prompt, where LLM-Blender trains one.
    - Candidates are shown in an order that the seed decides, not best first.

    Args:
        k: How many candidates to keep. A pool that has no more is fused whole, without scoring.
        by: Rates the candidates; None leaves the choice to the model argument `scorer=`.

    Raises:
        ConfigError: `k` is below 1.
    """

    uses: ClassVar = ("fusor", "prompt", "scorer")

    k: int = 3
    by: Scorer | None = None

    def __post_init__(self) -> None:
        integer_reader(1)("k", self.k)

    def check_pool_size(self, n: int) -> None:
        """Raise ConfigError if `k` was chosen and is above the pools' size, so that nothing would ever be ranked."""
        if self.k > n and self.k != type(self).k:
            raise ConfigError(
                f"rank_fusion(k={self.k}) keeps more candidates than the {n} of n={n}; raise n above {self.k}, or lower k"
            )

    def scores_pools_of(self, n: int) -> bool:
        """Whether pools of n candidates are scored; smaller ones are fused whole."""
        return n > self.k

    def own_tools(self, tools: Tools) -> Tools:
        """Return the tools with this strategy's own scorer, if it has one."""
        return tools.override(scorer=self.by)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the fused answer. If fusion fails, fall back on the candidate with the best score."""
        tools = self.own_tools(tools)
        if len(pool.usable) <= self.k:
            return await fuse(pool, tools)
        scored = await tools.scorer(pool, tools)
        kept = ranked(scored)[: self.k]
        if not kept:
            return fall_back(pool, "no candidate could be scored", scorer_calls=scored.calls)
        best = tuple(pool.usable[i] for i in sorted(kept))
        answer = await fuse(Pool(pool.prompt, best, pool.cross_lingual), tools)
        answer = dataclasses.replace(
            answer, scores=scored.scores, calls=(*scored.calls, *answer.calls), scorer_calls=len(scored.calls)
        )
        if answer.fallback:
            answer = dataclasses.replace(answer, text=pool.usable[kept[0]].text, chosen=kept[0])
        return answer

    def __repr__(self) -> str:
        return format_spec(self)
