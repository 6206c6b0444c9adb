"""Draw a pool whose last candidates answer the same item's prompt in English, as material for a fusor."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.errors import RequestError
from fusion_eval.models import Model
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.sampler import cut, draw_range
from fusion_eval.types import Candidate, Pool


async def draw_cross_lingually(
    models: Sequence[Model],
    question: Question,
    english: Question,
    n: int,
    cross_lingual: int,
    system_prompts: Sequence[str] = (),
) -> Pool:
    """Draw n candidates, the last of them for the prompt in English.

    Each candidate has the model, the temperature and the seed of its place in a pool of n. So those for the prompt in
    English are the last ones of the English item's own pool, and the store holds them once.

    Args:
        models: The models, which take turns.
        question: The item.
        english: The same item in English.
        n: How many candidates in all.
        cross_lingual: How many of them are for the prompt in English.
        system_prompts: The candidates' system prompts, cycled.

    Raises:
        RequestError: The request for the item's own prompt is refused. Where the one in English is refused, its
            candidates count as failed.
    """

    async def drawn(asked: Question, places: range) -> tuple[Candidate, ...]:
        return await draw_range(
            models, asked.temperatures, asked.prompt, asked.sampling, places, system_prompts
        )

    async def drawn_in_english(places: range) -> tuple[Candidate, ...]:
        try:
            candidates = await drawn(english, places)
        except RequestError as error:
            return tuple(
                Candidate("", models[i % len(models)].name, english.sampling.seed + i, error=str(error))
                for i in places
            )
        return tuple(cut(candidate, english.sampling.stop) for candidate in candidates)

    own, others = await gather_or_cancel(
        [drawn(question, range(n - cross_lingual)), drawn_in_english(range(n - cross_lingual, n))]
    )
    return Pool(question.prompt, own, others)
