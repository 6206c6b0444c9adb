"""Verdicts as rows of a comparison: each is a value of its item, and everything else is done as for any metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from fusion_eval.compare.compare import compare
from fusion_eval.compare.correction import adjust_rows
from fusion_eval.compare.options import ComparisonOptions
from fusion_eval.compare.task_families import families
from fusion_eval.judging.verdicts import Pair, Verdict, consistent
from fusion_eval.runs.comparison import ComparedRun, Comparison, Row
from fusion_eval.runs.reading import Run, TaskRun
from fusion_eval.runs.samples import Sample
from fusion_eval.types import without_surrogates

V = TypeVar("V", Pair, Verdict)
Scores = Mapping[tuple[str, int], float | None]
"""By task and the baseline's doc_id; None is a pair without a verdict."""


def head_to_head(
    run: Run,
    baseline: str,
    candidate: str,
    verdicts: Sequence[Verdict],
    metric: str,
    settings: ComparisonOptions,
) -> Comparison:
    """The rows of two systems that were judged against each other: both win rates, which add up to 1.

    `run` holds the documents. The difference of an item is 1, 0 or -1, so the permutation test of the difference is that
    of wins against losses.
    """
    scores = scores_of(verdicts)
    mirrored = {key: None if score is None else 1.0 - score for key, score in scores.items()}
    pair = [_as_run(run, baseline, mirrored, metric), _as_run(run, candidate, scores, metric)]
    return compare(pair, settings)


def against_opponent(
    run: Run, names: Sequence[str], verdicts: Sequence[Verdict], metric: str, settings: ComparisonOptions
) -> Comparison:
    """The rows of systems that were each judged against one opponent: their win rates against it, paired by item.

    Of items that not all of them were judged on, as some stopped earlier, there is nothing to pair.
    """
    judged = [scores_of([v for v in verdicts if v.candidate == name]) for name in names]
    shared = set(judged[0]).intersection(*judged[1:])
    parts = [
        _as_run(run, name, {key: scores[key] for key in shared}, metric)
        for name, scores in zip(names, judged, strict=True)
    ]
    return compare(parts, settings)


def scores_of(verdicts: Sequence[Verdict]) -> Scores:
    """The candidate's score of each item."""
    return {(verdict.task, verdict.doc_id): verdict.score for verdict in verdicts}


def _as_run(run: Run, name: str, scores: Scores, metric: str) -> Run:
    """The run's documents with a judge's values in place of its metrics."""
    tasks = {task: _as_task(part, scores, metric) for task, part in run.tasks.items()}
    kept = {task: part for task, part in tasks.items() if part.samples}
    return replace(run, name=name, tasks=kept, notes=())


def _as_task(part: TaskRun, scores: Scores, metric: str) -> TaskRun:
    samples: dict[int, Sample] = {}
    for sample in part.samples:  # one per filter
        if (part.task, sample.doc_id) in scores:
            value = scores[part.task, sample.doc_id]
            samples.setdefault(
                sample.doc_id, replace(sample, filter="none", values={metric: value}, unusable=())
            )
    info = replace(part.info, filters=(), reported={}, directions={metric: True})
    return replace(part, info=info, samples=tuple(samples.values()), broken_lines=0)


def with_quality(
    comparison: Comparison, verdicts: Sequence[Verdict], single: Sequence[Verdict]
) -> Comparison:
    """The rows with their shares of invalid pairs and of consistent orders.

    `single` are the verdicts of single judges, `verdicts` what they came to together.
    """
    rows = [
        replace(
            row,
            invalid=invalid(of_row(row, verdicts)),
            position_consistency=share([c for v in of_row(row, single) for c in consistent(v.orders)]),
        )
        for row in comparison.rows
    ]
    return replace(comparison, rows=tuple(rows))


def invalid(verdicts: Sequence[Verdict]) -> float | None:
    """The share of pairs without a verdict."""
    return share([verdict.score is None for verdict in verdicts])


def share(found: Sequence[bool]) -> float | None:
    """Of those that are true; None of nothing."""
    return sum(found) / len(found) if found else None


def of_runs(comparison: Comparison, runs: Sequence[Run]) -> Comparison:
    """The comparison as one of these runs, where it was computed on the documents of one of them."""
    known = {run.name: run for run in runs}
    compared = tuple(
        ComparedRun(run.name, without_surrogates(str(run.path)), run.model, run.date or None, run.signature)
        for run in (known.get(other.name) for other in comparison.runs)
        if run is not None
    )
    opponents = tuple(ComparedRun(other.name, "") for other in comparison.runs if other.name not in known)
    return replace(comparison, runs=(*opponents, *compared), created=max(run.date for run in runs))


def of_row(row: Row, verdicts: Sequence[V]) -> list[V]:
    """The verdicts, or pairs, that a row is of: on its two systems, or on either against an opponent that is neither."""
    systems = {row.baseline, row.candidate}
    known = families({verdict.task: verdict.language for verdict in verdicts})
    return [
        verdict
        for verdict in verdicts
        if verdict.candidate in systems
        and (verdict.baseline in systems or verdict.against_opponent)
        and (
            row.task == verdict.task
            or (row.language == "all" and row.task in ("all", known[verdict.task].name))
        )
    ]


def joined(parts: Sequence[Comparison], settings: ComparisonOptions) -> Comparison:
    """Several comparisons as one: p-values are adjusted over all rows."""
    rows = adjust_rows([row for part in parts for row in part.rows], settings.alpha, settings.correction)
    runs = {run.name: run for part in parts for run in part.runs}
    return replace(
        parts[0],
        created=max(part.created for part in parts),
        runs=tuple(runs.values()),
        rows=tuple(rows),
        ranks=tuple(rank for part in parts for rank in part.ranks),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )
