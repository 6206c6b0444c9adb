"""Route: vote where the candidates agree, and fuse where they do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from fusion_eval.argument_values import number_reader
from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.methods.fusion import Fusion
from fusion_eval.strategies.methods.majority import Majority
from fusion_eval.strategies.specs import format_spec
from fusion_eval.strategies.votes import extracted_answers, tally
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class Route:
    """Answer as `majority` does where enough candidates give the same answer, else as `fusion` does.

    The fusor is only asked about pools whose candidates disagree, or whose answers the task cannot read. The idea
    is common, the rule is our own.

    Args:
        by: What decides. `agreement` is the share of usable candidates that give the most frequent answer.
        above: The share from which on the vote decides.

    Raises:
        ConfigError: `above` is no share.
    """

    needs_answers: ClassVar = True
    uses: ClassVar = ("fusor", "prompt")

    by: Literal["agreement"] = "agreement"
    above: float = 0.6

    def __post_init__(self) -> None:
        number_reader(0, 1, above=True)("above", self.above)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the majority's answer if its share is at least `above`, else the fused answer."""
        votes = tally(extracted_answers(pool, tools))
        agreement = max(votes.values(), default=0.0) / len(pool.usable)
        strategy = Majority() if agreement >= self.above else Fusion()
        return await strategy(pool, tools)

    def __repr__(self) -> str:
        return format_spec(self)
