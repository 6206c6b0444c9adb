"""What the page shows of one item: prompt, candidates, answers with their supported parts, references and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fusion_eval.runs.answered import AnsweredSample, parse_messages
from fusion_eval.runs.verdicts import Verdict
from fusion_eval.text.support import Span, supported_spans
from fusion_eval.types import Candidate, Trace

Json = dict[str, Any]
MOST_CHARACTERS = 20_000
"""Longer texts are cut, so that one runaway generation does not fill the page."""


def item_texts(
    samples: Sequence[AnsweredSample],
    traces: Sequence[Trace | None],
    scores: Mapping[str, Sequence[float]],
    verdicts: Iterable[Verdict],
) -> Json:
    """Return the texts of one item.

    Args:
        samples: The sample of each system; at least one.
        traces: The trace of each system; None for a system without.
        scores: By metric, the value of each candidate of the pool.
        verdicts: The verdicts of judges on this item.
    """
    pools: list[tuple[Candidate, ...]] = []
    answers = []
    for sample, trace in zip(samples, traces, strict=True):
        answers.append(_answer(sample, trace, pools))
    first = next((trace for trace in traces if trace), None)
    return {
        "prompt": _prompt(samples[0], first),
        "references": [cut(text) for text in samples[0].references if text.strip()],
        "choices": [cut(text) for text in samples[0].choices],
        "pools": [[_candidate(one) for one in pool] for pool in pools],
        "scores": {name: [_number(value) for value in values] for name, values in scores.items()},
        "answers": answers,
        "verdicts": [_verdict(verdict) for verdict in verdicts],
    }


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a text without what is beyond `most` characters."""
    return text if len(text) <= most else f"{text[:most]} … [{len(text) - most:,} more characters]"


def _prompt(sample: AnsweredSample, trace: Trace | None) -> list[Json]:
    """Return the prompt as messages: as the models got it if there is a trace, else as the harness wrote it."""
    if trace and trace.pool.prompt.messages:
        messages: Sequence[Any] = trace.pool.prompt.messages
    else:
        messages = parse_messages(trace.pool.prompt.text if trace else sample.prompt)
    return [{"role": message.role, "text": cut(message.content)} for message in messages]


def _answer(sample: AnsweredSample, trace: Trace | None, pools: list[tuple[Candidate, ...]]) -> Json:
    """Return one system's answer. Its pool is added to `pools` unless an equal one is there."""
    text = sample.answers[0] if sample.answers else ""
    answer: Json = {"text": cut(text)}
    if sample.filtered.strip() != text.strip():
        answer["filtered"] = cut(sample.filtered)
    if trace is None:
        return answer
    usable = trace.pool.usable
    places = [place for place, one in enumerate(trace.pool.candidates) if one.error is None]
    answer["text"] = cut(trace.final)
    answer["pool"] = _place_of(trace.pool.candidates, pools)
    optional = {
        "fallback": trace.answer.fallback,
        "comparison": cut(trace.answer.comparison),
        "dropped": trace.answer.dropped,
        "departures": list(trace.answer.departures),
        "calls": len(trace.answer.calls),
        "tokens": sum(call.prompt_tokens + call.completion_tokens for call in trace.answer.calls),
    }
    answer |= {name: value for name, value in optional.items() if value}
    if trace.answer.chosen is not None and trace.answer.chosen < len(places):
        answer["chosen"] = places[trace.answer.chosen]
    if trace.answer.scores:
        by_place = dict(zip(places, trace.answer.scores, strict=False))
        answer["scores"] = [_number(by_place.get(place)) for place in range(len(trace.pool.candidates))]
    if trace.answer.chosen is None and trace.answer.fallback is None:
        answer |= _shared_parts(answer["text"], [cut(one.text) for one in usable], places, trace.language)
    return answer


def _shared_parts(text: str, candidates: Sequence[str], places: Sequence[int], language: str | None) -> Json:
    """Return which parts of a new text stand in which candidates, and which parts of each candidate stand in it."""
    spans = supported_spans(text, candidates, language)
    kept: list[list[list[int]]] = [[] for _ in range(max(places, default=-1) + 1)]
    for place, candidate in zip(places, candidates, strict=True):
        kept[place] = [_offsets(candidate, span) for span in supported_spans(candidate, [text], language)]
    return {
        "spans": [[*_offsets(text, span), [places[one] for one in span.candidates]] for span in spans],
        "kept": kept,
    }


def _offsets(text: str, span: Span) -> list[int]:
    """Return where a span begins and ends in UTF-16 units, as JavaScript counts."""
    if text.isascii():
        return [span.start, span.end]
    return [len(text[:end].encode("utf-16-le")) // 2 for end in (span.start, span.end)]


def _place_of(pool: tuple[Candidate, ...], pools: list[tuple[Candidate, ...]]) -> int:
    texts = [(one.text, one.error) for one in pool]
    for place, other in enumerate(pools):
        if [(one.text, one.error) for one in other] == texts:
            return place
    pools.append(pool)
    return len(pools) - 1


def _candidate(candidate: Candidate) -> Json:
    values = {
        "text": cut(candidate.text),
        "model": candidate.model,
        "tokens": candidate.completion_tokens,
        "cost": candidate.cost,
        "logprob": _number(candidate.mean_logprob),
        "finish": "" if candidate.finish_reason == "stop" else candidate.finish_reason,
        "reasoning": cut(candidate.reasoning),
        "error": candidate.error,
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def _verdict(verdict: Verdict) -> Json:
    return {
        "judge": verdict.judge,
        "baseline": verdict.baseline,
        "candidate": verdict.candidate,
        "verdict": verdict.verdict,
        "orders": [
            {"first": one.first, "verdict": one.verdict, "reply": cut(one.reply), "error": one.error}
            for one in verdict.orders
        ],
    }


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else round(float(value), 4)
