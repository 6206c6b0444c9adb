"""An LLM rates each candidate from 1 to 10."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_eval.argument_values import integer_reader, number_reader
from fusion_eval.errors import RequestError
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.choosing import read_numbers
from fusion_eval.strategies.fusor_prompt import render, shipped
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Candidate, Pool, Prompt, Sampling, prompt_of

_BEST = 10


@dataclass(frozen=True, repr=False)
class Judge:
    """Let a model rate each candidate alone.

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
        """Return a whole number from 1 to 10 per candidate; None if the judge's reply cannot be read.

        Candidates with the same text are rated once.
        """
        texts = list(dict.fromkeys(candidate.text for candidate in pool.usable))
        replies = await gather_or_cancel(self._rate(pool.prompt, text, tools) for text in texts)
        ratings = {t: read_rating(r.text) if r else None for t, r in zip(texts, replies, strict=True)}
        calls = tuple(reply for reply in replies if reply is not None)
        return Scored(tuple(ratings[candidate.text] for candidate in pool.usable), calls)

    async def _rate(self, prompt: Prompt, text: str, tools: Tools) -> Candidate | None:
        written = render(
            shipped("judge"), prompt, candidates=[text], language=tools.language, examples=tools.examples
        )
        sampling = Sampling(self.max_tokens, self.temperature, seed=tools.sampling.seed)
        model = tools.scorer_model
        try:
            reply = (await model.sample(prompt_of(written, chat=model.chat), sampling, 1))[0]
        except RequestError:
            return None
        return None if reply.error else reply

    def __repr__(self) -> str:
        return format_spec(self)


def read_rating(reply: str) -> float | None:
    """Return the rating in double brackets at the end of a reply; None if there is none.

    Brackets elsewhere may quote the candidate (`it demands [[10]]`), and prose is no rating (`8 out of 10`).
    """
    match read_numbers(reply):
        case (rating,) if rating <= _BEST:
            return float(rating)
    return None
