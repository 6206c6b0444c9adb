"""Fusion-of-N (FusioN, arXiv 2510.00931): an LLM writes one answer out of all candidates."""

from __future__ import annotations

import dataclasses
import random

from fusion_eval.errors import ContextOverflowError, RequestError
from fusion_eval.prompts import fence_for, render, turns_of
from fusion_eval.strategies import Tools, fall_back
from fusion_eval.strategies.fused_text import is_refusal, read_fused
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Sampling

COMPARISON_TOKENS = 1024
"""Room for the comparison that the `paper` form asks for before the answer."""


async def fusion(pool: Pool, tools: Tools) -> Answer:
    """The fused text; falls back on a candidate where the fusor fails, refuses or writes nothing."""
    texts = [candidate.text.strip() for candidate in pool.usable]
    random.Random(f"{tools.sampling.seed}|{texts}").shuffle(texts)  # noqa: S311 - an order, not a secret
    for kept in range(len(texts), 0, -1):
        try:
            reply = await _ask(pool.prompt, texts[:kept], tools)
        except ContextOverflowError:
            continue
        except RequestError as error:
            return fall_back(pool, f"the fusor's endpoint refused: {error}")
        return _answer(pool, reply, tools, dropped=len(texts) - kept)
    return fall_back(pool, "not even one candidate fits the fusor's context")


async def _ask(prompt: Prompt, texts: list[str], tools: Tools) -> Candidate:
    fence = fence_for([*texts, *(turn.content for turn in turns_of(prompt))])
    written = render(tools.template, prompt, candidates=texts, language=tools.language, fence=fence)
    room = tools.sampling.max_tokens + (COMPARISON_TOKENS if tools.template.bracketed else 0)
    sampling = Sampling(
        max_tokens=tools.fusor_max_tokens or room,
        temperature=tools.fusor_temperature,
        seed=tools.sampling.seed,
        # A bracketed reply holds more than the answer, so the task's stop strings are applied to the answer later.
        stop=()
        if tools.template.bracketed or tools.fusor.chat
        else (*tools.template.stop, *tools.sampling.stop),
    )
    asked = turns_of(Prompt(written)) if tools.fusor.chat else ()
    question = Prompt(messages=asked) if asked else Prompt(written)
    return (await tools.fusor.sample(question, sampling, 1))[0]


def _answer(pool: Pool, reply: Candidate, tools: Tools, dropped: int) -> Answer:
    calls = (reply,)
    if reply.error:
        return fall_back(pool, f"the fusor failed: {reply.error}", calls)
    fused = read_fused(reply.text, bracketed=tools.template.bracketed)
    if not fused.answer:
        return fall_back(pool, f"the fusor wrote no answer ({reply.finish_reason})", calls)
    if reply.finish_reason in ("refusal", "content_filter") or is_refusal(
        fused.answer, [candidate.text for candidate in pool.usable]
    ):
        return fall_back(pool, "the fusor refused", calls)
    departures = fused.departures + (("truncated",) if reply.finish_reason == "length" else ())
    made = Answer(fused.answer, calls=calls, comparison=fused.comparison, departures=departures)
    return dataclasses.replace(made, dropped=dropped)
