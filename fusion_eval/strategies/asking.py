"""Ask a model about a pool: fill in a prompt, send it, and record a failure instead of raising it."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.errors import RequestError
from fusion_eval.models import Model
from fusion_eval.strategies.fusor_prompt import render, shipped
from fusion_eval.strategies.interface import Tools
from fusion_eval.types import Candidate, Prompt, Sampling, prompt_of


async def ask(
    model: Model,
    template: str,
    prompt: Prompt,
    candidates: Sequence[str],
    tools: Tools,
    *,
    max_tokens: int,
    temperature: float = 0.0,
    seed: int | None = None,
    **variables: object,
) -> Candidate:
    """Fill in one of the package's prompts and ask a model once.

    Args:
        model: The model.
        template: The name of a prompt that ships with the package.
        prompt: The task's prompt.
        candidates: The texts that the prompt shows, in this order.
        tools: Tells the language and the pool's seed.
        max_tokens: The most tokens that the model may write.
        temperature: The model's temperature.
        seed: The request's seed; by default the pool's first one.
        **variables: Other variables of the template.

    Returns:
        The reply. Its `error` is set if the endpoint refused the request or the model failed.
    """
    written = render(
        shipped(template),
        prompt,
        candidates=candidates,
        language=tools.language,
        examples=tools.examples,
        **variables,
    )
    seed = tools.sampling.seed if seed is None else seed
    try:
        [reply] = await model.sample(
            prompt_of(written, chat=model.chat), Sampling(max_tokens, temperature, seed), 1
        )
    except RequestError as error:
        return Candidate("", model.name, seed, error=str(error))
    return reply
