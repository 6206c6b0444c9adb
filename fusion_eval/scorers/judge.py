"""An LLM rates each candidate from 1 to 10."""

from __future__ import annotations

import asyncio
import re

from fusion_eval.errors import RequestError
from fusion_eval.prompts import fence_for, load_template, render, turns_of
from fusion_eval.strategies import Scored, Tools
from fusion_eval.types import Candidate, Message, Pool, Prompt, Sampling

REPLY_TOKENS = 512
_RATING = re.compile(r"\[\[\s*(10|[1-9])\s*\]\]")
_ANY = re.compile(r"\[\[.*?\]\]", re.DOTALL)


async def judge(pool: Pool, tools: Tools) -> Scored:
    """A whole number from 1 to 10 per candidate; a reply that cannot be read leaves its candidate unscored."""
    rated = await asyncio.gather(*(_rate(pool.prompt, candidate.text, tools) for candidate in pool.usable))
    calls = tuple(reply for reply in rated if reply is not None)
    return Scored(tuple(read_rating(reply.text) if reply else None for reply in rated), calls)


async def _rate(prompt: Prompt, text: str, tools: Tools) -> Candidate | None:
    fence = fence_for([text, *(turn.content for turn in turns_of(prompt))])
    written = render(load_template("judge"), prompt, candidates=[text], language=tools.language, fence=fence)
    question = Prompt(messages=(Message("user", written),)) if tools.judge.chat else Prompt(written)
    sampling = Sampling(max_tokens=REPLY_TOKENS, temperature=0.0, seed=tools.sampling.seed)
    try:
        reply = (await tools.judge.sample(question, sampling, 1))[0]
    except RequestError:
        return None
    return None if reply.error else reply


def read_rating(reply: str) -> float | None:
    """The rating in the last double brackets; None where there is none or it is no whole number from 1 to 10."""
    marks = _ANY.findall(reply)
    rating = _RATING.fullmatch(marks[-1]) if marks else None
    return float(rating.group(1)) if rating else None
