"""The items of a benchmark as the shared schema has them: a row per item and number that the item counts in."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.compare.metrics import corpus_name
from fusion_eval.export.every_eval_ever.results import as_texts, evaluation_name, result_id
from fusion_eval.runs.answered import AnsweredSample
from fusion_eval.runs.metric_facts import best_value
from fusion_eval.runs.provenance import ReportedScore
from fusion_eval.runs.reading import TaskRun
from fusion_eval.runs.samples import Segment
from fusion_eval.runs.totals import Totals
from fusion_eval.stats.corpus import corpus_metric
from fusion_eval.text.printable import printable
from fusion_eval.types import Trace


@dataclass(slots=True)
class Spent:
    """What the answers to one document took: a pool and its aggregation, once per repeat."""

    totals: Totals = field(default_factory=Totals)
    latency: float = 0.0
    """Seconds: of each repeat the slowest candidate, then the slowest call."""
    fallbacks: list[str] = field(default_factory=list)

    def add(self, trace: Trace) -> None:
        """Count one answer."""
        self.totals.add(trace)
        self.latency += max((c.latency for c in trace.pool.candidates), default=0.0)
        self.latency += max((call.latency for call in trace.answer.calls), default=0.0)
        if trace.answer.fallback is not None:
            self.fallbacks.append(trace.answer.fallback)


@dataclass(frozen=True, slots=True)
class Metric:
    """A number of a task, with each item's own score in the order of the samples; None where it has none."""

    reported: ReportedScore
    scores: Sequence[float | None]
    best: float | None
    alone: bool
    """Whether the number is no mean of the scores: a corpus metric, of each item by itself."""


def metrics_of(task: TaskRun, reported: Sequence[ReportedScore]) -> list[Metric]:
    """The numbers of a task that its items have scores for."""
    return [_metric(task, number) for number in reported if number.task == task.task and not number.group]


def _metric(task: TaskRun, number: ReportedScore) -> Metric:
    values = [s.values.get(number.metric) if s.filter == number.filter else None for s in task.samples]
    alone = any(isinstance(value, Segment) for value in values)
    scores = _alone(number.metric, values) if alone else [v if isinstance(v, float) else None for v in values]
    known = [score for score in scores if score is not None]
    name = (corpus_name(number.metric) or number.metric) if alone else number.metric
    return Metric(number, scores, best_value(name, known, number.higher_is_better), alone)


def _alone(metric: str, values: Sequence[object]) -> list[float | None]:
    """Each pair of texts by itself, as the harness splits text; None of a metric that is not known here."""
    name = corpus_name(metric)
    if name is None:
        return [None] * len(values)
    corpus = corpus_metric(name)
    pairs = [value for value in values if isinstance(value, Segment)]
    found = iter(
        corpus.segment_score(
            corpus.statistics([pair.hypotheses[0] for pair in pairs], [pair.references for pair in pairs])
        ).tolist()
    )
    scores = [next(found) if isinstance(value, Segment) else None for value in values]
    return [None if score is None or math.isnan(score) else float(score) for score in scores]


def rows(
    answered: Sequence[AnsweredSample],
    metrics: Sequence[Metric],
    spent: Mapping[tuple[str, int], Spent],
    language: str | None,
) -> Iterator[dict[str, Any]]:
    """Of one task, whose samples `answered` are, in their order; without the ids that tell whose rows these are."""
    for place, item in enumerate(answered):
        used = spent.get((item.task, item.sample.doc_id))
        for metric in metrics:
            if (score := metric.scores[place]) is not None:
                yield {
                    **_about(item, metric),
                    "evaluation": {"score": score, "is_correct": score == metric.best},
                    **_spending(used),
                    "metadata": _metadata(item, metric, used, language),
                }


def _about(item: AnsweredSample, metric: Metric) -> dict[str, Any]:
    number = metric.reported
    return {
        "evaluation_name": evaluation_name(number.task, number.filter),
        "evaluation_result_id": result_id(number.task, number.metric, number.filter),
        "sample_id": str(item.sample.doc_id),
        "sample_hash": _sample_hash(item),
        "interaction_type": "single_turn",
        "input": {
            "raw": item.prompt,
            "reference": list(item.references),
            **({"choices": list(item.choices)} if item.choices else {}),
        },
        "output": {"raw": list(item.answers)},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": item.filtered,
                "extraction_method": printable(number.filter),
                "is_terminal": True,
            }
        ],
    }


def _sample_hash(item: AnsweredSample) -> str:
    """The one that the schema's own converter gives, so that items of both can be joined."""
    text = json.dumps({"raw": item.prompt, "reference": item.target}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _spending(spent: Spent | None) -> dict[str, Any]:
    """Nothing where there are no traces, and no tokens where the server told none."""
    if spent is None:
        return {}
    totals = spent.totals
    read, written = totals.prompt_tokens, totals.completion_tokens
    tokens = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
    more = {"latency": "of each answer the slowest candidate, then the slowest call", "cost_usd": totals.cost}
    return {
        **({"token_usage": tokens} if read or written else {}),
        "performance": {"latency_ms": round(1000 * spent.latency, 3), "additional_details": as_texts(more)},
    }


def _metadata(
    item: AnsweredSample, metric: Metric, used: Spent | None, language: str | None
) -> dict[str, str]:
    sample = item.sample
    alone = (
        "of this item alone; the number in the aggregate file is of all items together, and no mean of these"
    )
    scale = (
        "never true: the scale of the metric is not known"
        if metric.best is None
        else f"score is {metric.best:g}"
    )
    return as_texts(
        {
            "metric": metric.reported.metric,
            "filter": sample.filter,
            "language": language,
            "doc_hash": sample.doc_key,
            "prompt_hash": sample.prompt,
            "target_hash": sample.target,
            "is_correct": scale,
            "score": alone if metric.alone else None,
            "output": "the choice with the highest log-likelihood; none was written"
            if item.choices
            else None,
            "candidates": used and used.totals.candidates,
            "aggregation_calls": used and used.totals.aggregation_calls,
            "token_usage": used and "of all candidates and aggregation calls",
            "fallback": used and ("; ".join(used.fallbacks) or None),
        }
    )
