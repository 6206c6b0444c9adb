"""Draws a pool: n candidates for a prompt, from one model or from a pool of teachers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from fusion_eval.models import Model
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Pool, Prompt, Sampling


async def draw(
    models: Sequence[Model], temperatures: Sequence[float], prompt: Prompt, sampling: Sampling, n: int
) -> Pool:
    """n candidates in sampling order: the i-th comes from the i-th model and temperature, both cycled.

    Candidates of one model at one temperature are asked for together and have seeds in a row, so a larger n
    leaves those of a smaller n as they were, and a model that is named twice gives no candidate twice.
    """
    by_identity = {model.identity: model for model in models}
    members: dict[tuple[str, float], list[int]] = {}
    for i in range(n):
        place = models[i % len(models)].identity, temperatures[i % len(temperatures)]
        members.setdefault(place, []).append(i)
    drawn = await gather_or_cancel(
        by_identity[identity].sample(prompt, dataclasses.replace(sampling, temperature=t), len(indices))
        for (identity, t), indices in members.items()
    )
    ordered: dict[int, Candidate] = {}
    for indices, candidates in zip(members.values(), drawn, strict=True):
        ordered |= dict(zip(indices, candidates, strict=True))
    return Pool(prompt, tuple(ordered[i] for i in range(n)))
