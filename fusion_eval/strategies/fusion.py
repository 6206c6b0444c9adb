"""Fusion-of-N (FusioN, arXiv 2510.00931): an LLM writes one answer out of all candidates."""

from __future__ import annotations

import dataclasses
import random

from fusion_eval.errors import ContextOverflowError, RequestError
from fusion_eval.strategies import Tools, fall_back
from fusion_eval.strategies.fused_text import read_fused
from fusion_eval.strategies.fusor_prompt import render
from fusion_eval.strategies.refusal import is_refusal
from fusion_eval.text.stops import cut
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Sampling, prompt_of

COMPARISON_TOKENS = 1024
"""Room for the comparison that the `paper` form asks for before the answer."""


async def fusion(pool: Pool, tools: Tools) -> Answer:
    """The fused text; falls back on a candidate where the fusor fails, refuses or writes nothing."""
    texts = [candidate.text.strip() for candidate in pool.usable]
    random.Random(f"{tools.sampling.seed}|{texts}").shuffle(texts)  # noqa: S311 - an order, not a secret
    for kept in range(len(texts), 0, -1):
        try:
            answer = _answer(pool, await _ask(pool.prompt, texts[:kept], tools), tools)
        except ContextOverflowError:
            continue
        except RequestError as error:
            answer = fall_back(pool, f"the fusor's endpoint refused: {error}")
        return dataclasses.replace(answer, dropped=len(texts) - kept)
    answer = fall_back(pool, "not even one candidate fits the fusor's context")
    return dataclasses.replace(answer, dropped=len(texts))


async def _ask(prompt: Prompt, texts: list[str], tools: Tools) -> Candidate:
    written = render(tools.template, prompt, candidates=texts, language=tools.language)
    room = tools.sampling.max_tokens + (COMPARISON_TOKENS if tools.template.bracketed else 0)
    sampling = Sampling(
        max_tokens=tools.fusor_max_tokens or room,
        temperature=tools.fusor_temperature,
        seed=tools.sampling.seed,
        stop=_stops(tools),
    )
    return (await tools.fusor.sample(prompt_of(written, chat=tools.fusor.chat), sampling, 1))[0]


def _stops(tools: Tools) -> tuple[str, ...]:
    """For plain text alone: a chat reply may hold more than the answer, which is cut at the task's stops later."""
    if tools.fusor.chat or tools.template.bracketed:
        return ()
    return (*tools.template.stop, *tools.sampling.stop)


def _answer(pool: Pool, reply: Candidate, tools: Tools) -> Answer:
    calls = (reply,)
    if reply.error:
        return fall_back(pool, f"the fusor failed: {reply.error}", calls)
    fused = read_fused(cut(reply.text, _stops(tools)), bracketed=tools.template.bracketed)
    unfilled = fused.answer.startswith("<") and f"[[ {fused.answer} ]]" in tools.template.source
    if not fused.answer or unfilled:
        return fall_back(pool, f"the fusor wrote no answer ({reply.finish_reason})", calls)
    if reply.finish_reason in ("refusal", "content_filter") or is_refusal(
        fused.answer, [candidate.text for candidate in pool.usable]
    ):
        return fall_back(pool, "the fusor refused", calls)
    departures = fused.departures + (("truncated",) if reply.finish_reason == "length" else ())
    return Answer(fused.answer, calls=calls, comparison=fused.comparison, departures=departures)
