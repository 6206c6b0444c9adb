"""Best-of-N: take the candidate that the scorer likes best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.strategies.interface import Scorer, Tools, fall_back
from fusion_eval.strategies.ranking import best_first
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class BestOfN:
    """Take the candidate with the highest score.

    Args:
        scorer: Rates the candidates; None leaves the choice to the model argument `scorer=`.
    """

    uses: ClassVar = ("scorer",)

    scorer: Scorer | None = None

    def own_tools(self, tools: Tools) -> Tools:
        """Return the tools with this strategy's own scorer, if it has one."""
        return tools.override(scorer=self.scorer)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the best candidate; the earliest of equals. Unscored candidates cannot win."""
        tools = self.own_tools(tools)
        scored = await tools.scorer(pool, tools)
        ranked = best_first(scored.scores)
        if not ranked:
            return fall_back(pool, "no candidate could be scored", scorer_calls=scored.calls)
        best = ranked[0]
        return Answer(
            pool.usable[best].text, scored.scores, best, scored.calls, scorer_calls=len(scored.calls)
        )

    def __repr__(self) -> str:
        return format_spec(self)
