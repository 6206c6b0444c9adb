"""Turn verdicts into the rows of a comparison. A verdict is a value of its item, as any metric's value is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.correction import PRIMARY, adjust_rows
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.comparison.task_families import families
from fusion_eval.judging.pair_verdicts import AnswerPair, position_consistency
from fusion_eval.runs.comparison import JUDGE_FAMILY, ComparedRun, Comparison, Row, compared_run
from fusion_eval.runs.reading import Run, TaskRun
from fusion_eval.runs.samples import Sample
from fusion_eval.runs.verdicts import Verdict

V = TypeVar("V", AnswerPair, Verdict)
Scores = Mapping[tuple[str, int], float | None]
"""The candidate's score by task and the baseline's doc_id. None for a pair without a verdict."""


def compare_systems(
    run: Run,
    names: Sequence[str],
    verdicts: Sequence[Verdict],
    metric: str,
    options: ComparisonOptions,
    *,
    systems: Sequence[tuple[str, str]] = (),
    separately: bool = False,
) -> list[Comparison]:
    """Compare systems by verdicts: by their win rates against one opponent, or every two against each other.

    Args:
        run: The run whose documents were judged.
        names: The judged runs, the baseline first.
        verdicts: The verdicts of one judge or panel.
        metric: The name of the judge's metric.
        options: How to compare.
        systems: The order of the pairs of systems; by default that of the verdicts.
        separately: Compare each run alone with the baseline, since each has an opponent's verdicts on other items.

    Returns:
        One comparison for each group of systems that have verdicts.
    """
    if any(verdict.against_opponent for verdict in verdicts):
        judged = {verdict.candidate for verdict in verdicts if verdict.score is not None}
        groups = [[name for name in names if name in judged]]
        if separately:
            groups = [[names[0], name] for name in names[1:]]
        return [
            against_opponent(run, group, verdicts, metric, options)
            for group in groups
            if len(group) > 1 and judged.issuperset(group)
        ]
    by_pair: dict[tuple[str, str], list[Verdict]] = {pair: [] for pair in systems}
    for verdict in verdicts:
        by_pair.setdefault((verdict.baseline, verdict.candidate), []).append(verdict)
    return [
        head_to_head(run, *pair, own, metric, options)
        for pair, own in by_pair.items()
        if any(verdict.score is not None for verdict in own)
    ]


def head_to_head(
    run: Run,
    baseline: str,
    candidate: str,
    verdicts: Sequence[Verdict],
    metric: str,
    options: ComparisonOptions,
) -> Comparison:
    """Compare two systems that were judged against each other. Their win rates add up to 1.

    The difference of an item is 1, 0 or -1. So the permutation test of the difference is a test of wins against losses.

    Args:
        run: The run whose documents were judged.
        baseline: The name of one system.
        candidate: The name of the other.
        verdicts: The verdicts on their pairs.
        metric: The name of the judge's metric.
        options: How to compare.
    """
    scores = scores_of(verdicts)
    mirrored = {key: None if score is None else 1.0 - score for key, score in scores.items()}
    pair = [_as_run(run, baseline, mirrored, metric), _as_run(run, candidate, scores, metric)]
    return compare(pair, options)


def against_opponent(
    run: Run, names: Sequence[str], verdicts: Sequence[Verdict], metric: str, options: ComparisonOptions
) -> Comparison:
    """Compare the win rates of systems that were each judged against one opponent.

    The rates are paired by item. An item that one of the systems was not judged on is left out.
    """
    scores = [scores_of([v for v in verdicts if v.candidate == name]) for name in names]
    shared = set(scores[0]).intersection(*scores[1:])
    parts = [
        _as_run(run, name, {key: own[key] for key in shared}, metric)
        for name, own in zip(names, scores, strict=True)
    ]
    return compare(parts, options)


def scores_of(verdicts: Sequence[Verdict]) -> Scores:
    """Return the candidate's score of each item."""
    return {(verdict.task, verdict.doc_id): verdict.score for verdict in verdicts}


def _as_run(run: Run, name: str, scores: Scores, metric: str) -> Run:
    """Return the run's documents with a judge's scores in place of its metrics."""
    tasks = {task: _as_task(part, scores, metric) for task, part in run.tasks.items()}
    judged = {task: part for task, part in tasks.items() if part.samples}
    return replace(run, name=name, tasks=judged, notes=())


def _as_task(part: TaskRun, scores: Scores, metric: str) -> TaskRun:
    samples: dict[int, Sample] = {}
    for sample in part.samples:  # one for each filter
        if (part.task, sample.doc_id) in scores:
            score = scores[part.task, sample.doc_id]
            samples.setdefault(
                sample.doc_id, replace(sample, filter="none", values={metric: score}, unusable={})
            )
    info = replace(part.info, filters=(), reported={}, directions={metric: True})
    return replace(part, info=info, samples=tuple(samples.values()), broken_lines=0)


def with_reliability(
    comparison: Comparison, verdicts: Sequence[Verdict], votes: Sequence[Verdict]
) -> Comparison:
    """Add the share of invalid pairs and the position consistency to each row.

    Args:
        comparison: The comparison of the verdicts.
        verdicts: The verdicts that the rows are computed from.
        votes: The verdicts of the single judges behind them.
    """
    rows = [
        replace(
            row,
            invalid=invalid_share(of_row(row, verdicts)),
            position_consistency=share(
                [same for vote in of_row(row, votes) for same in position_consistency(vote.orders)]
            ),
        )
        for row in comparison.rows
    ]
    return replace(comparison, rows=tuple(rows))


def invalid_share(verdicts: Sequence[Verdict]) -> float | None:
    """Return the share of verdicts that are invalid."""
    return share([verdict.score is None for verdict in verdicts])


def share(values: Sequence[bool]) -> float | None:
    """Return the share of values that are true; None if there are no values."""
    return sum(values) / len(values) if values else None


def with_runs(comparison: Comparison, runs: Sequence[Run]) -> Comparison:
    """Describe the judged runs in the comparison. Until then it describes the run whose documents it was computed on."""
    by_name = {run.name: run for run in runs}
    compared = [compared_run(by_name[other.name]) for other in comparison.runs if other.name in by_name]
    opponents = [ComparedRun(other.name, "") for other in comparison.runs if other.name not in by_name]
    return replace(comparison, runs=(*opponents, *compared), created=max(run.date for run in runs))


def of_row(row: Row, verdicts: Sequence[V]) -> list[V]:
    """Return the verdicts, or the pairs, that a row covers."""
    systems = {row.baseline, row.candidate}
    family_of = families({verdict.task: verdict.language for verdict in verdicts})
    return [
        verdict
        for verdict in verdicts
        if verdict.candidate in systems
        and (verdict.baseline in systems or verdict.against_opponent)
        and (
            row.task == verdict.task
            or (row.language == "all" and row.task in ("all", family_of[verdict.task].name))
        )
    ]


def join(parts: Sequence[Comparison], options: ComparisonOptions) -> Comparison:
    """Join several comparisons by verdicts into one. Their p-values are adjusted within families.

    The rows over all languages are the family `judge`, since the primary family holds the rows of metrics.
    """
    judged = [
        replace(row, family=JUDGE_FAMILY) if row.family == PRIMARY else row
        for part in parts
        for row in part.rows
    ]
    rows = adjust_rows(judged, options.alpha, options.correction)
    runs = {run.name: run for part in parts for run in part.runs}
    return replace(
        parts[0],
        created=max(part.created for part in parts),
        runs=tuple(runs.values()),
        rows=tuple(rows),
        ranks=tuple(rank for part in parts for rank in part.ranks),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )
