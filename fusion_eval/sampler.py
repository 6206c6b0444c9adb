"""Draws a pool: n candidates for a prompt, from one model or from a pool of teachers."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

from fusion_eval.models import Model
from fusion_eval.types import Candidate, Pool, Prompt, Sampling


async def draw(
    models: Sequence[Model], temperatures: Sequence[float], prompt: Prompt, sampling: Sampling, n: int
) -> Pool:
    """n candidates in sampling order: the i-th comes from the i-th model and temperature, both cycled.

    Candidates of one model at one temperature are asked for together and have seeds in a row, so a larger n
    leaves those of a smaller n as they were.
    """
    members: dict[tuple[int, float], list[int]] = {}
    for i in range(n):
        members.setdefault((i % len(models), temperatures[i % len(temperatures)]), []).append(i)
    drawn = await asyncio.gather(
        *(
            models[m].sample(prompt, dataclasses.replace(sampling, temperature=t), len(indices))
            for (m, t), indices in members.items()
        )
    )
    ordered: dict[int, Candidate] = {}
    for indices, candidates in zip(members.values(), drawn, strict=True):
        ordered |= dict(zip(indices, candidates, strict=True))
    return Pool(prompt, tuple(ordered[i] for i in range(n)))
