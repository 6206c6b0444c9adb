"""Score the pools of runs by their tasks' own metrics: every candidate once, from the traces, without any call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fusion_eval.analysis.pools import ScoredPools
from fusion_eval.comparison.choice import choose_metrics
from fusion_eval.comparison.clusters import clusters_of
from fusion_eval.comparison.items import FilteredMetric
from fusion_eval.comparison.matching import MatchedTask, match_runs
from fusion_eval.comparison.metrics import why_not_comparable
from fusion_eval.comparison.options import AUTO
from fusion_eval.comparison.task_families import families
from fusion_eval.errors import ConfigError
from fusion_eval.harness import host, host_tasks
from fusion_eval.harness.candidate_scores import PoolScores, PoolToScore, score_all
from fusion_eval.harness.choices import load_run_tasks
from fusion_eval.harness.pool_arrays import PoolSources, ScoredItem, scored_pools
from fusion_eval.harness.pool_checks import check_one_size, check_runs
from fusion_eval.harness.pool_records import AnswerRecord, PoolRecord, answer_record, pool_record, traces_of
from fusion_eval.runs.reading import Run
from fusion_eval.runs.values import Segment
from fusion_eval.strategies.bias import scorer_bias
from fusion_eval.types import Trace

Answers = dict[tuple[str, int], AnswerRecord]
"""By task and document."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One task that all runs have, and the metrics that score single candidates."""

    matched: MatchedTask
    metrics: tuple[FilteredMetric, ...]


def score_pools(
    runs: Sequence[Run],
    metrics: Sequence[str] = (),
    cluster: str = AUTO,
    include_path: Path | None = None,
    *,
    allow_partial: bool = False,
    workers: int | None = None,
) -> tuple[list[ScoredPools], list[str]]:
    """Score every candidate of the pools that all runs share.

    Args:
        runs: Runs on the same pools.
        metrics: Metrics to score by; empty means all that have a value for each item.
        cluster: A field of the documents whose equal values mark dependent items, `none`, or `auto`.
        include_path: A folder with the tasks of the runs, if they are not ours.
        allow_partial: Leave out what some run lacks, and add a note, instead of raising an error.
        workers: How many processes score; None decides.

    Returns:
        Scored pools for each task and metric, and notes on what is left out.

    Raises:
        ConfigError: A run has no traces, adaptive or cross-lingual pools or others than the first run, pools have several sizes, or a task
            cannot be scored again.
    """
    check_runs(runs)
    matched, notes = match_runs(runs, allow_partial, wanted=metrics)
    chosen = choose_metrics(metrics, {metric for part in matched for metric in part.metrics})
    host.silence()
    tasks = load_run_tasks([part.task for part in matched], include_path)
    parts = _parts(runs, matched, chosen, tasks, notes)
    items, answers = _read_traces(runs, parts, tasks, workers, notes)
    sibling_tasks = families({part.matched.task: part.matched.language for part in parts})
    labels, cluster_notes = clusters_of(
        {part.matched.task: part.matched.items for part in parts}, sibling_tasks, cluster
    )
    sources = PoolSources(runs, items, answers, labels, allow_partial)
    pools = [
        pool
        for part in parts
        for pool in scored_pools(
            sources, part.matched, part.metrics, sibling_tasks[part.matched.task].name, notes
        )
    ]
    if not pools:
        raise ConfigError(
            "No item has a value for its answers and for all of its candidates. " + ". ".join(notes)
        )
    biased = (scorer_bias(scorer, one.metric) for one in pools for scorer in one.scores)
    return pools, [*notes, *dict.fromkeys(note for note in biased if note), *cluster_notes]


def _parts(
    runs: Sequence[Run],
    matched: Sequence[MatchedTask],
    chosen: set[FilteredMetric],
    tasks: Mapping[str, Any],
    notes: list[str],
) -> list[_Part]:
    """Return the tasks with the metrics that score single candidates, and note why others do not."""
    left_out: dict[str, list[str]] = defaultdict(list)
    parts = [_Part(one, _scorable(runs, one, chosen, tasks[one.task], left_out)) for one in matched]
    notes += [f"{_names(names)}: {reason}" for reason, names in left_out.items()]
    parts = [part for part in parts if part.metrics]
    if not parts:
        raise ConfigError("No metric of these runs has a value for a single candidate. " + ". ".join(notes))
    return parts


def _read_traces(
    runs: Sequence[Run],
    parts: Sequence[_Part],
    tasks: Mapping[str, Any],
    workers: int | None,
    notes: list[str],
) -> tuple[dict[tuple[str, int], ScoredItem], list[Answers]]:
    """Return the scored items of the first run, and what each run made of its pools."""
    broken: list[list[int]] = [[] for _ in runs]
    answers: list[Answers] = [{} for _ in runs]
    first = traces_of(runs[0], broken[0].append)
    items = _scored_items(runs[0], first, parts, tasks, answers[0], workers, notes)
    for run, own, lost in zip(runs[1:], answers[1:], broken[1:], strict=True):
        own.update({(one.task, one.doc_id or 0): answer_record(one) for one in traces_of(run, lost.append)})
    for run, lost in zip(runs, broken, strict=True):
        if lost:
            lines = (
                "1 line of the traces is no trace and is"
                if len(lost) == 1
                else f"{len(lost):,} lines of the traces are no traces and are"
            )
            notes.append(f"{run.path}: {lines} left out")
    if not items:
        raise ConfigError(f"The traces of {runs[0].path} have no whole pool for any document of its samples")
    return items, answers


def _scorable(
    runs: Sequence[Run],
    part: MatchedTask,
    chosen: set[FilteredMetric],
    task: Any,
    left_out: dict[str, list[str]],
) -> tuple[FilteredMetric, ...]:
    """Return the chosen metrics of a task that have a value for a single candidate; add why the others have none."""
    asking = host_tasks.filters_that_ask(task)
    scorable = []
    for metric in part.metrics:
        if metric not in chosen:
            continue
        kinds = {type(entry[item.key].values.get(metric)) for entry in part.entries for item in part.items}
        if metric[1] in asking:
            reason: str | None = f"its filter {metric[1]} asks a model"
        elif Segment in kinds:
            reason = "it is computed over the corpus and has no value for a single candidate"
        else:
            reason = why_not_comparable(runs, part, metric)
        if reason is None:
            scorable.append(metric)
        else:
            left_out[f"{metric[0]},{metric[1]} is left out: {reason}"].append(part.task)
    return tuple(scorable)


def _names(tasks: Sequence[str]) -> str:
    return tasks[0] if len(tasks) == 1 else f"{len(tasks)} tasks ({tasks[0]}, …)"


def _scored_items(
    run: Run,
    traces: Iterable[Trace],
    parts: Sequence[_Part],
    tasks: Mapping[str, Any],
    answers: Answers,
    workers: int | None,
    notes: list[str],
) -> dict[tuple[str, int], ScoredItem]:
    """Score the pools of the first run while its traces are read, and check that its answers score as they did."""
    records: dict[tuple[str, int], PoolRecord] = {}
    sizes: dict[int, None] = {}
    wanted = {part.matched.task: part for part in parts}
    docs = {
        (part.matched.task, entry.item.doc_id): entry
        for part in parts
        for entry in part.matched.entries[0].values()
    }

    def pools() -> Iterator[PoolToScore]:
        for trace in traces:
            key = trace.task, trace.doc_id or 0
            if key not in docs:
                continue
            record = pool_record(trace)
            sizes[len(record.models)] = None
            check_one_size(run, sizes)
            answers[key], records[key] = answer_record(trace), record
            if not record.failed and record.models:
                texts = tuple(one.text for one in trace.pool.candidates)
                yield PoolToScore(*key, docs[key].item.doc, texts, trace.final, wanted[trace.task].metrics)

    items: dict[tuple[str, int], ScoredItem] = {}
    for scores in score_all(pools(), tasks, len(docs), workers):
        key = scores.task, scores.doc_id
        recorded = [docs[key].values.get(metric) for metric in wanted[scores.task].metrics]
        _check_scored_again(scores, recorded)
        items[key] = ScoredItem(records[key], scores.values, scores.answers)
    failed = sum(record.failed > 0 for record in records.values())
    if failed:
        left = (
            "1 item with a candidate that failed is"
            if failed == 1
            else f"{failed:,} items with a candidate that failed are"
        )
        notes.append(f"{left} left out")
    return items


def _check_scored_again(scores: PoolScores, recorded: Sequence[object]) -> None:
    """Compare the values of the run's own answer with those that the run recorded."""
    expected = np.array([value if isinstance(value, float) else np.nan for value in recorded])
    if scores.final is None or np.allclose(scores.final, expected, rtol=1e-6, atol=1e-9, equal_nan=True):
        return
    raise ConfigError(
        f"{scores.task}, as it is installed, scores document {scores.doc_id} otherwise than the run did, or the traces are "
        "not of this run; install the version that the run had"
    )
