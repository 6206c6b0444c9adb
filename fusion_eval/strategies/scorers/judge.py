"""An LLM rates each candidate from 1 to 10; where it tells how likely other ratings were, the mean rating counts."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_eval.argument_values import integer_reader, number_reader
from fusion_eval.errors import ContextOverflowError, RequestError
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.fusor_prompt import render, shipped
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.ratings import rating_in
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Candidate, Pool, Prompt, Sampling, prompt_of, with_logprobs

_ALTERNATIVES = 5
"""The most alternatives to a token that every endpoint with log-probabilities gives. They hold nearly all of the rating's
probability."""


@dataclass(frozen=True, repr=False)
class Judge:
    """Let a model rate each candidate alone.

    The score is the mean of the ratings that the judge could have written, weighted by their probability (G-Eval, Liu et
    al. 2023, arXiv 2303.16634, equation 1). Where the endpoint gives no log-probabilities, it is the written rating.

    Args:
        temperature: The judge's temperature.
        max_tokens: The most tokens that the judge may write about one candidate.

    Raises:
        ConfigError: A number is out of its range.
    """

    temperature: float = 0.0
    max_tokens: int = 512

    def __post_init__(self) -> None:
        number_reader(0, 5)("temperature", self.temperature)
        integer_reader(1)("max_tokens", self.max_tokens)

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return a number from 1 to 10 per candidate; None if the judge's reply cannot be read.

        Candidates with the same text are rated once.
        """
        texts = list(dict.fromkeys(candidate.text for candidate in pool.usable))
        replies = await gather_or_cancel(self._rate(pool.prompt, text, tools) for text in texts)
        ratings = {
            text: None if reply is None or reply.error else rating_in(reply)
            for text, reply in zip(texts, replies, strict=True)
        }
        calls = tuple(reply for reply in replies if reply is not None)
        return Scored(tuple(ratings[candidate.text] for candidate in pool.usable), calls)

    async def _rate(self, prompt: Prompt, text: str, tools: Tools) -> Candidate | None:
        written = render(
            shipped("judge"), prompt, candidates=[text], language=tools.language, examples=tools.examples
        )
        plain = Sampling(self.max_tokens, self.temperature, seed=tools.sampling.seed)
        model = tools.scorer_model
        asked = prompt_of(written, chat=model.chat)
        try:
            [reply] = await model.sample(asked, with_logprobs(plain, _ALTERNATIVES), 1)
        except ContextOverflowError:
            return None
        except RequestError:  # perhaps because of the log-probabilities
            try:
                [reply] = await model.sample(asked, plain, 1)
            except RequestError:
                return None
        return reply

    def __repr__(self) -> str:
        return format_spec(self)
