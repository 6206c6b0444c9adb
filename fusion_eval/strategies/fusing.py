"""Ask a model for one answer made out of several texts, and read the answer out of its reply."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from fusion_eval.errors import ContextOverflowError, RequestError
from fusion_eval.models import Model
from fusion_eval.strategies.analysis import read_analysis
from fusion_eval.strategies.fused_text import read_fused, read_tagged
from fusion_eval.strategies.fusor_prompt import render
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.ranking import shuffled
from fusion_eval.strategies.refusal import is_refusal
from fusion_eval.strategies.sampler import cut_at_stop
from fusion_eval.text.templates import Template
from fusion_eval.types import Answer, Candidate, Pool, Sampling, prompt_of

COMPARISON_TOKENS = 1024
"""Room for the comparison or the reasoning before a marked answer, or for the comparison in a call of its own."""
NO_ROOM = "not even one candidate fits the fusor's context"
UNSENT = "unsent"
"""The finish reason of a reply that stands for a request that the endpoint refused, so that it cost nothing."""


async def fuse(pool: Pool, tools: Tools) -> Answer:
    """Let the fusor write one answer out of all candidates. Fall back on a candidate if it fails, refuses or writes nothing.

    Candidates are shown in an order that the seed and their texts decide. If they do not fit the fusor's context,
    the last ones are dropped.
    """
    texts = shuffled([candidate.text for candidate in pool.usable], tools)
    calls: tuple[Candidate, ...] = ()
    variables: dict[str, str] = {}
    if tools.template.analyzes:
        [reply], dropped = await _ask_fusor(pool, texts, tools, COMPARISON_TOKENS, (), {"analysis": ""})
        calls = made([reply])
        found = None if reply.error else read_analysis(reply.text)
        if found is None:
            reason = failure(reply) or f"the fusor's analysis cannot be read ({reply.finish_reason})"
            return dataclasses.replace(fall_back(pool, reason, calls), dropped=dropped)
        texts, variables = texts[: len(texts) - dropped], {"analysis": found}
    marked = tools.template.bracketed or tools.template.tagged
    room = tools.fusor_max_tokens or tools.sampling.max_tokens + (COMPARISON_TOKENS if marked else 0)
    stops = stops_for(tools.fusor, tools.template, tools)
    [reply], dropped = await _ask_fusor(pool, texts, tools, room, stops, variables)
    answer = _answer(pool, reply, tools, calls)
    if variables and not answer.comparison:
        answer = dataclasses.replace(answer, comparison=variables["analysis"])
    return dataclasses.replace(answer, dropped=len(pool.usable) - len(texts) + dropped)


async def ask_with(
    model: Model,
    template: Template,
    pool: Pool,
    texts: Sequence[str],
    tools: Tools,
    sampling: Sampling,
    n: int = 1,
    variables: Mapping[str, object] = {},
) -> tuple[list[Candidate], int]:
    """Fill in a template with texts and ask a model for n replies. Drop the last texts until the rest fits its context.

    Returns:
        The replies, each with `error` set if the endpoint refused the request, and how many texts were dropped.
    """
    for kept in range(len(texts), 0, -1):
        written = render(
            template,
            pool.prompt,
            candidates=texts[:kept],
            language=tools.language,
            examples=tools.examples,
            **variables,
        )
        try:
            return await model.sample(prompt_of(written, chat=model.chat), sampling, n), len(texts) - kept
        except ContextOverflowError:
            continue
        except RequestError as error:
            return _unsent(model, sampling, n, f"the fusor's endpoint refused: {error}"), len(texts) - kept
    return _unsent(model, sampling, n, NO_ROOM), len(texts)


def made(replies: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the replies to requests that the endpoint accepted."""
    return tuple(reply for reply in replies if reply.finish_reason != UNSENT)


def failure(reply: Candidate) -> str | None:
    """Return why there is no reply, for a trace; None if there is one."""
    return (
        reply.error
        if reply.error is None or reply.finish_reason == UNSENT
        else f"the fusor failed: {reply.error}"
    )


def stops_for(model: Model, template: Template, tools: Tools) -> tuple[str, ...]:
    """Return stop strings for a reply that is nothing but plain text of an answer.

    A reply of a chat model, or with a marked answer, may hold more. Its answer is cut at the task's stop strings later.
    """
    if model.chat or template.bracketed or template.tagged:
        return ()
    return (*template.stop, *tools.sampling.stop)


def refusal_in(text: str, reply: Candidate, texts: Sequence[str]) -> bool:
    """Whether a reply is a refusal to answer, though none of the texts that it was made of is one."""
    return reply.finish_reason in ("refusal", "content_filter") or is_refusal(text, texts)


def _unsent(model: Model, sampling: Sampling, n: int, reason: str) -> list[Candidate]:
    return [Candidate("", model.name, sampling.seed + i, UNSENT, error=reason) for i in range(n)]


async def _ask_fusor(
    pool: Pool,
    texts: Sequence[str],
    tools: Tools,
    max_tokens: int,
    stops: tuple[str, ...],
    variables: Mapping[str, object],
) -> tuple[list[Candidate], int]:
    sampling = Sampling(
        max_tokens=max_tokens,
        temperature=tools.fusor_temperature,
        seed=tools.sampling.seed,
        stop=stops,
    )
    return await ask_with(tools.fusor, tools.template, pool, texts, tools, sampling, variables=variables)


def _answer(pool: Pool, reply: Candidate, tools: Tools, earlier: tuple[Candidate, ...]) -> Answer:
    """Read the answer out of the fusor's reply, or fall back."""
    calls = (*earlier, *made([reply]))
    if failed := failure(reply):
        return fall_back(pool, failed, calls)
    template = tools.template
    text = cut_at_stop(reply.text, stops_for(tools.fusor, template, tools))
    fused = read_tagged(text) if template.tagged else read_fused(text, bracketed=template.bracketed)
    unfilled = fused.answer.startswith("<") and f"[[ {fused.answer} ]]" in template.source
    if not fused.answer or unfilled:
        return fall_back(pool, f"the fusor wrote no answer ({reply.finish_reason})", calls)
    if refusal_in(fused.answer, reply, [candidate.text for candidate in pool.usable]):
        return fall_back(pool, "the fusor refused", calls)
    departures = fused.departures + (("truncated",) if reply.finish_reason == "length" else ())
    return Answer(fused.answer, calls=calls, comparison=fused.comparison, departures=departures)
