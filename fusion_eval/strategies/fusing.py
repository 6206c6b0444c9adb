"""Ask a model for one answer made out of several texts, and read the answer out of its reply."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from fusion_eval.models import Model
from fusion_eval.strategies.analysis import read_analysis
from fusion_eval.strategies.asking import ask, failure, made, problem
from fusion_eval.strategies.fused_text import read_fused, read_tagged
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.ranking import shuffled
from fusion_eval.strategies.sampler import cut_at_stop
from fusion_eval.strategies.stand_ins import read_reply
from fusion_eval.text.templates import Template
from fusion_eval.types import Answer, Candidate, Pool, Sampling

COMPARISON_TOKENS = 1024
"""Room for the comparison or the reasoning before a marked answer, or for the comparison in a call of its own."""


async def fuse(pool: Pool, tools: Tools) -> Answer:
    """Let the fusor write one answer out of all candidates. Fall back on a candidate if it fails, refuses or writes nothing.

    Candidates are shown in an order that the seed and their texts decide. If they do not fit the fusor's context,
    the last ones are dropped.
    """
    texts = shuffled(pool, tools)
    calls: tuple[Candidate, ...] = ()
    variables: dict[str, str] = {}
    if tools.template.analyzes:
        [reply], dropped = await _ask_fusor(pool, texts, tools, COMPARISON_TOKENS, (), {"analysis": ""})
        calls = made([reply])
        found = None if reply.error else read_reply(reply.text, read_analysis, reply.text)
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
    dropped += len(pool.evidence) - len(texts)
    return dataclasses.replace(answer, dropped=dropped) if dropped else answer


def stops_for(model: Model, template: Template, tools: Tools) -> tuple[str, ...]:
    """Return stop strings for a reply that is nothing but plain text of an answer.

    A reply of a chat model, or with a marked answer, may hold more. Its answer is cut at the task's stop strings later.
    """
    if model.chat or template.bracketed or template.tagged:
        return ()
    return (*template.stop, *tools.sampling.stop)


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
    return await ask(
        tools.fusor, tools.template, pool.prompt, texts, tools, sampling, fewest=1, variables=variables
    )


def _answer(pool: Pool, reply: Candidate, tools: Tools, earlier: tuple[Candidate, ...]) -> Answer:
    """Read the answer out of the fusor's reply, or fall back."""
    calls = (*earlier, *made([reply]))
    template = tools.template
    text = cut_at_stop(reply.text, stops_for(tools.fusor, template, tools))
    fused = read_tagged(text) if template.tagged else read_fused(text, bracketed=template.bracketed)
    unfilled = fused.answer.startswith("<") and f"[[ {fused.answer} ]]" in template.source
    answer = "" if unfilled else fused.answer
    if reason := problem(reply, answer, [candidate.text for candidate in pool.evidence]):
        return fall_back(pool, reason, calls)
    departures = fused.departures + (("truncated",) if reply.finish_reason == "length" else ())
    return Answer(answer, calls=calls, comparison=fused.comparison, departures=departures)
