"""An LLM rates each candidate from 1 to 10."""

from __future__ import annotations

import re

from fusion_eval.errors import RequestError
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies import Scored, Tools
from fusion_eval.strategies.fusor_prompt import render, shipped
from fusion_eval.types import Candidate, Pool, Prompt, Sampling, prompt_of

REPLY_TOKENS = 512
_RATING = re.compile(r"(?<!\[)\[\[ ?(10|[1-9]) ?\]\][\s.。*_`]*\Z")


async def judge(pool: Pool, tools: Tools) -> Scored:
    """A whole number from 1 to 10 per candidate; a reply that cannot be read leaves its candidate unscored."""
    texts = list(dict.fromkeys(candidate.text for candidate in pool.usable))  # equal texts are rated once
    replies = await gather_or_cancel(_rate(pool.prompt, text, tools) for text in texts)
    ratings = {t: read_rating(r.text) if r else None for t, r in zip(texts, replies, strict=True)}
    calls = tuple(reply for reply in replies if reply is not None)
    return Scored(tuple(ratings[candidate.text] for candidate in pool.usable), calls)


async def _rate(prompt: Prompt, text: str, tools: Tools) -> Candidate | None:
    written = render(shipped("judge"), prompt, candidates=[text], language=tools.language)
    sampling = Sampling(max_tokens=REPLY_TOKENS, temperature=0.0, seed=tools.sampling.seed)
    try:
        reply = (await tools.judge.sample(prompt_of(written, chat=tools.judge.chat), sampling, 1))[0]
    except RequestError:
        return None
    return None if reply.error else reply


def read_rating(reply: str) -> float | None:
    """The rating in double brackets that the reply ends with, as it was asked to; None where it does not.

    Brackets elsewhere may quote the candidate (`it demands [[10]]`), and prose is no rating (`8 out of 10`).
    """
    rating = _RATING.search(reply)
    return float(rating.group(1)) if rating else None
