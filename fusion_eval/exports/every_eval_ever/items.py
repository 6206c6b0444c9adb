"""Build the items of a benchmark in the shared schema: a row for each item and each number that it is part of."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.comparison.metrics import corpus_name
from fusion_eval.exports.every_eval_ever.results import as_texts, evaluation_name, result_id
from fusion_eval.runs.answered import AnsweredSample
from fusion_eval.runs.metric_facts import best_value
from fusion_eval.runs.provenance import ReportedScore
from fusion_eval.runs.reading import TaskRun
from fusion_eval.runs.totals import Totals
from fusion_eval.runs.values import Segment
from fusion_eval.stats.corpus import corpus_metric
from fusion_eval.text.printable import printable
from fusion_eval.types import Trace


@dataclass(slots=True)
class ItemUsage:
    """The tokens, cost and time of the answers to one document. Each repeat has a pool and an aggregation."""

    totals: Totals = field(default_factory=Totals)
    latency: float = 0.0
    """Seconds: for each repeat, the slowest candidate plus the slowest aggregation call."""
    fallbacks: list[str] = field(default_factory=list)

    def add(self, trace: Trace) -> None:
        """Count the trace of one answer."""
        self.totals.add(trace)
        self.latency += max((c.latency for c in trace.pool.drawn), default=0.0)
        self.latency += max((call.latency for call in trace.answer.calls), default=0.0)
        if trace.answer.fallback is not None:
            self.fallbacks.append(trace.answer.fallback)


@dataclass(frozen=True, slots=True)
class Metric:
    """A number of a task, with the scores of its items."""

    reported: ReportedScore
    scores: Sequence[float | None]
    """In the order of the samples. An item without a score has None."""
    best: float | None
    """The best score that an item can have."""
    is_corpus: bool
    """Whether it is a corpus metric, which is not the mean of its items' scores."""


def metrics_of(task: TaskRun, reported: Sequence[ReportedScore]) -> list[Metric]:
    """Return the numbers of a task, each with the scores of its items."""
    return [_metric(task, number) for number in reported if number.task == task.task and not number.group]


def _metric(task: TaskRun, number: ReportedScore) -> Metric:
    values = [s.values.get(number.metric) if s.filter == number.filter else None for s in task.samples]
    is_corpus = any(isinstance(value, Segment) for value in values)
    scores = (
        _segment_scores(number.metric, values)
        if is_corpus
        else [v if isinstance(v, float) else None for v in values]
    )
    known = [score for score in scores if score is not None]
    name = (corpus_name(number.metric) or number.metric) if is_corpus else number.metric
    return Metric(number, scores, best_value(name, known, number.higher_is_better), is_corpus)


def _segment_scores(metric: str, values: Sequence[object]) -> list[float | None]:
    """Score each pair of texts by itself, with the harness's tokenizer. Unknown metrics give None."""
    name = corpus_name(metric)
    if name is None:
        return [None] * len(values)
    corpus = corpus_metric(name)
    pairs = [value for value in values if isinstance(value, Segment)]
    by_pair = iter(
        corpus.segment_score(
            corpus.statistics([pair.hypotheses[0] for pair in pairs], [pair.references for pair in pairs])
        ).tolist()
    )
    scores = [next(by_pair) if isinstance(value, Segment) else None for value in values]
    return [None if score is None or math.isnan(score) else float(score) for score in scores]


def rows(
    answered: Iterable[AnsweredSample],
    metrics: Sequence[Metric],
    usages: Mapping[tuple[str, int], ItemUsage],
    language: str | None,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one task, without the ids of the file and the model.

    Args:
        answered: All samples of the task, in order.
        metrics: The numbers of the task.
        usages: The usage of each document, by task and doc_id.
        language: The task's language.
    """
    of_metric = [(metric, *_metric_fields(metric)) for metric in metrics]
    for place, item in enumerate(answered):
        scored = [(score, *fields) for fields in of_metric if (score := fields[0].scores[place]) is not None]
        if not scored:
            continue
        usage = usages.get((item.task, item.sample.doc_id))
        shared, spent, hashes, usage_notes = (
            _item_fields(item),
            _usage_fields(usage),
            _hashes(item, language),
            _usage_notes(item, usage),
        )
        for score, metric, names, name, scale in scored:
            yield {
                **names,
                **shared,
                "evaluation": {"score": score, "is_correct": score == metric.best},
                **spent,
                "metadata": {**name, **hashes, **scale, **usage_notes},
            }


def _metric_fields(metric: Metric) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return what all rows of a metric share: its names, its name in the metadata, and what its scores mean."""
    number = metric.reported
    names = {
        "evaluation_name": evaluation_name(number.task, number.filter),
        "evaluation_result_id": result_id(number.task, number.metric, number.filter),
    }
    alone = "of this item alone; the number in the aggregate file is of all items together, and not a mean of these"
    best = (
        "never true: the range of the metric is not known"
        if metric.best is None
        else f"score is {metric.best:g}"
    )
    scale = as_texts({"is_correct": best, "score": alone if metric.is_corpus else None})
    return names, as_texts({"metric": number.metric}), scale


def _item_fields(item: AnsweredSample) -> dict[str, Any]:
    return {
        "sample_id": str(item.sample.doc_id),
        "sample_hash": _sample_hash(item),
        "interaction_type": "single_turn",
        "input": {
            "raw": item.prompt,
            "reference": item.references,
            **({"choices": item.choices} if item.choices else {}),
        },
        "output": {"raw": item.answers},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": item.filtered,
                "extraction_method": printable(item.sample.filter),
                "is_terminal": True,
            }
        ],
    }


def _sample_hash(item: AnsweredSample) -> str:
    """Return the hash that the schema's own converter gives, so that items of both can be joined."""
    # The bytes of `json.dumps` of the whole object with sorted keys, which is slower than that of two texts.
    text = f'{{"raw": {json.dumps(item.prompt)}, "reference": {json.dumps(item.target)}}}'
    return hashlib.sha256(text.encode()).hexdigest()


def _usage_fields(usage: ItemUsage | None) -> dict[str, Any]:
    """Return tokens and time: nothing without traces, and no tokens if the server did not report any."""
    if usage is None:
        return {}
    totals = usage.totals
    read, written = totals.prompt_tokens, totals.completion_tokens
    tokens = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
    more = {
        "latency": "for each answer, the slowest candidate plus the slowest aggregation call",
        "cost_usd": totals.cost,
    }
    return {
        **({"token_usage": tokens} if read or written else {}),
        "performance": {"latency_ms": round(1000 * usage.latency, 3), "additional_details": as_texts(more)},
    }


def _hashes(item: AnsweredSample, language: str | None) -> dict[str, str]:
    sample = item.sample
    return as_texts(
        {
            "filter": sample.filter,
            "language": language,
            "doc_hash": sample.doc_key,
            "prompt_hash": sample.prompt,
            "target_hash": sample.target,
        }
    )


def _usage_notes(item: AnsweredSample, usage: ItemUsage | None) -> dict[str, str]:
    """Say what the answer is if none was generated, and what it cost if the run has traces."""
    generated = "the choice with the highest log-likelihood; no text was generated" if item.choices else None
    if usage is None:
        return {} if generated is None else {"output": generated}
    return as_texts(
        {
            "output": generated,
            "candidates": usage.totals.candidates,
            "aggregation_calls": usage.totals.aggregation_calls,
            "token_usage": "of all candidates and aggregation calls",
            "fallback": "; ".join(usage.fallbacks) or None,
        }
    )
