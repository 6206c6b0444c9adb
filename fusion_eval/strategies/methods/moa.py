"""Mixture-of-Agents: layers of proposals, each written by all samplers out of the layer before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from fusion_eval.argument_values import integer_reader
from fusion_eval.strategies.fusing import fuse
from fusion_eval.strategies.fusor_prompt import prompt_to_write
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.proposing import Proposal, propose
from fusion_eval.strategies.ranking import shuffled
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Candidate, Pool


@dataclass(frozen=True, repr=False)
class MixtureOfAgents:
    """Let all samplers write new proposals out of the pool, layer by layer; in the last layer the fusor writes alone.

    Source: Wang et al. 2024 (arXiv 2406.04692) and its code (togethercomputer/MoA). The paper counts the pool as the
    first layer. Its MoA has 3 layers, which is `layers=2` here; its MoA-Lite has 2, which is `layers=1` here.

    Deviations from the source:

    - The prompt is in our words and stands in the user's turn. A base model gets the prompt `few_shot`.
    - The proposals are anonymous, and the seed decides their order.
    - A layer has as many proposals as the pool has candidates.
    - Proposals have the pool's sampling options. The fusor has its own temperature, 0 by default; in the code it has 0.7.

    Args:
        layers: The layers above the pool. Each but the last costs as many calls as the pool has candidates, the last
            one call.

    Raises:
        ConfigError: `layers` is below 1.
    """

    uses: ClassVar = ("fusor",)

    layers: int = 2

    def __post_init__(self) -> None:
        integer_reader(1)("layers", self.layers)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return what the fusor writes. Fall back on a candidate of the pool if it fails, or a whole layer does.

        A proposal that failed is left out of the next layer, as in the code.
        """
        calls: tuple[Candidate, ...] = ()
        proposals: tuple[Candidate, ...] = pool.evidence
        for layer in range(1, self.layers):
            texts = shuffled(Pool(pool.prompt, proposals), tools, f"{layer}|")
            made, proposals = await propose(
                [Proposal(i, layer, tuple(texts)) for i in range(len(pool.drawn))], "moa", pool, tools
            )
            calls = (*calls, *made)
            if not proposals:
                failed = fall_back(pool, f"every proposal of layer {layer} failed", calls)
                return replace(failed, sampler_calls=len(calls))
        template = prompt_to_write("moa", chat=tools.fusor.chat)
        answer = await fuse(Pool(pool.prompt, proposals), tools.override(template=template))
        if answer.fallback:
            answer = replace(fall_back(pool, answer.fallback, answer.calls), dropped=answer.dropped)
        return replace(answer, calls=(*calls, *answer.calls), sampler_calls=len(calls))

    def __repr__(self) -> str:
        return format_spec(self)
