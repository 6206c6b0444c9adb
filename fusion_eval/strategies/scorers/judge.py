"""An LLM rates each candidate from 1 to 10; where it tells how likely other ratings were, the mean rating counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fusion_eval.argument_values import integer_reader, number_reader
from fusion_eval.errors import ContextOverflowError, RequestError
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.choosing import read_numbers
from fusion_eval.strategies.fusor_prompt import render, shipped
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Candidate, Pool, Prompt, Sampling, prompt_of, with_logprobs

_BEST = 10
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
        ratings = {t: rating_in(r) if r else None for t, r in zip(texts, replies, strict=True)}
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
        return None if reply.error else reply

    def __repr__(self) -> str:
        return format_spec(self)


def rating_in(reply: Candidate) -> float | None:
    """Return the mean rating of a judge's reply, or the written one if its alternatives are not known; None without any."""
    written = read_rating(reply.text)
    if written is None or not reply.last_number:
        return written
    mean = expected_rating(int(written), reply.last_number)
    return written if mean is None else mean


def expected_rating(written: int, rows: Sequence[Sequence[tuple[str, float]]]) -> float | None:
    """Return the mean of the ratings from 1 to 10, weighted by their probability.

    A model that writes 10 as two tokens tells how likely 10 is only where it wrote a 1 first. Elsewhere such a 1 is
    neither rating for sure, and is left out.

    Args:
        written: The rating in the reply.
        rows: The alternatives to its tokens and to the one after them, as `Candidate.last_number` holds them.

    Returns:
        The mean; None if no alternative is a rating.
    """
    first, after = ({int(digits): math.exp(value) for digits, value in row} for row in rows[:2])
    odds = {rating: first[rating] for rating in range(2, _BEST + 1) if rating in first}
    one = first.get(1, 0.0)
    begins_with_one = written == 1 or (
        written == _BEST and len(rows) > 2
    )  # two tokens, and the one after them
    if begins_with_one:
        odds[_BEST] = odds.get(_BEST, 0.0) + one * after.get(0, 0.0)
        odds[1] = one * max(0.0, 1 - sum(after.values()))
    elif _BEST in first:
        odds[1] = one
    total = sum(odds.values())
    return sum(rating * p for rating, p in odds.items()) / total if total else None


def read_rating(reply: str) -> float | None:
    """Return the rating in double brackets at the end of a reply; None if there is none.

    Brackets elsewhere may quote the candidate (`it demands [[10]]`), and prose is no rating (`8 out of 10`).
    """
    match read_numbers(reply):
        case (rating,) if rating <= _BEST:
            return float(rating)
    return None
