"""Draw a pool: n candidates for a prompt, from one model or from several teachers; cut texts at stop strings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from fusion_eval.models import Model
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Pool, Prompt, Sampling


async def draw(
    models: Sequence[Model], temperatures: Sequence[float], prompt: Prompt, sampling: Sampling, n: int
) -> Pool:
    """Draw n candidates. The i-th comes from the i-th model at the i-th temperature, both cycled.

    Candidates of one model at one temperature are requested together and have consecutive seeds. So a larger n keeps
    the candidates of a smaller n, and a model that is named twice gives no candidate twice.
    """
    by_identity = {model.identity: model for model in models}
    groups: dict[tuple[str, float], list[int]] = {}
    for i in range(n):
        group = models[i % len(models)].identity, temperatures[i % len(temperatures)]
        groups.setdefault(group, []).append(i)
    drawn = await gather_or_cancel(
        by_identity[identity].sample(prompt, dataclasses.replace(sampling, temperature=t), len(indices))
        for (identity, t), indices in groups.items()
    )
    ordered: dict[int, Candidate] = {}
    for indices, candidates in zip(groups.values(), drawn, strict=True):
        ordered |= dict(zip(indices, candidates, strict=True))
    return Pool(prompt, tuple(ordered[i] for i in range(n)))


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return the text up to the first stop string, because some endpoints ignore stop strings."""
    positions = [position for stop in stops if stop and (position := text.find(stop)) >= 0]
    return text[: min(positions)] if positions else text
