"""Make a baseline of a run: hash its items, and keep the values or the item statistics of each metric."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence

from fusion_eval.comparison.aggregations import Aggregation, choose_aggregation, parts_of
from fusion_eval.comparison.clusters import clusters_of
from fusion_eval.comparison.items import Entry, FilteredMetric, Item
from fusion_eval.comparison.matching import MatchedTask, match_runs
from fusion_eval.comparison.metrics import corpus_name
from fusion_eval.comparison.task_families import Family, families
from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Baseline, MetricValues, ReportedMetric, TaskValues
from fusion_eval.gate.statistics import corpus_columns, label_columns, mean_columns, part_columns, rounded
from fusion_eval.runs.reading import Run
from fusion_eval.runs.results_file import section
from fusion_eval.runs.task_info import TaskInfo, higher_is_better, task_info
from fusion_eval.runs.values import Segment
from fusion_eval.stats.corpus import MissingTokenizerError, corpus_metric
from fusion_eval.text.redaction import public_name, public_signature, replace_folder

_PLACEHOLDER = "bypass"
"""The metric of `lm_eval --predict_only`, which is no score."""
_HASH_BYTES = 5
"""Bytes of an item's hash. There are more if these do not tell all items of a task apart."""


def baseline_of(run: Run, cluster: str) -> Baseline:
    """Return the values of a run.

    Args:
        run: The run.
        cluster: How to cluster the items (see `clusters_of`).

    Raises:
        ConfigError: The run has no metric that can be compared.
    """
    matched, notes = match_runs([run], allow_partial=False)
    family_of = families({part.task: part.language for part in matched})
    labels, cluster_notes = clusters_of({part.task: part.items for part in matched}, family_of, cluster)
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels.values()))}
    tasks = []
    for part in matched:
        metrics = list(_metrics(run, part, family_of[part.task].language, notes))
        if metrics:
            clusters = {item: numbers[labels[item]] for item in part.items}
            tasks.append(_task(run, part, family_of[part.task], clusters, metrics))
    if not tasks:
        raise ConfigError(f"{run.path} has no metric that can be compared. " + ". ".join(notes))
    return Baseline(
        run.name,
        run.date,
        tuple(tasks),
        public_name(run.model) if run.model else None,
        public_signature(run.signature),
        # A baseline file is for others to read, so it names no folder of whoever made it.
        tuple(replace_folder(note, run.path, run.name) for note in (*run.notes, *notes, *cluster_notes)),
        tuple(_reported(run, matched)),
    )


def _reported(run: Run, matched: Sequence[MatchedTask]) -> Iterable[ReportedMetric]:
    """Yield the metrics of all tasks in the results files, also of tasks and metrics without samples."""
    infos = {task: part.info for task, part in run.tasks.items()}
    newest = run.files.newest_results()
    groups = section(newest, "groups")
    for name in section(newest, "results"):
        if name not in infos and name not in groups:
            infos[name] = task_info(newest, name)
    in_samples = {part.task: part.metrics for part in matched}
    for task, info in infos.items():
        for metric, filtered in dict.fromkeys([*info.reported, *in_samples.get(task, ())]):
            if metric not in info.undirected and metric != _PLACEHOLDER:
                value = info.reported.get((metric, filtered))
                known = None if value is None or not math.isfinite(value) else rounded(value)
                yield ReportedMetric(task, metric, filtered, higher_is_better(metric, [info]), known)


def _task(
    run: Run,
    part: MatchedTask,
    family: Family,
    clusters: Mapping[Item, int],
    metrics: Sequence[MetricValues],
) -> TaskValues:
    info = run.tasks[part.task].info
    entries = [part.entries[0][item.key] for item in part.items]
    hash_bytes, items = _hashes(entries)
    return TaskValues(
        task=part.task,
        family=family.name,
        language=family.language,
        version=info.version,
        fewshot=info.fewshot,
        limit=info.limit,
        prompts=_digest(entry.prompt or "" for entry in entries),
        hash_bytes=hash_bytes,
        items=items,
        clusters=tuple(clusters[item] for item in part.items),
        metrics=tuple(metrics),
    )


def _metrics(run: Run, part: MatchedTask, language: str | None, notes: list[str]) -> Iterable[MetricValues]:
    info = run.tasks[part.task].info
    for metric in part.metrics:
        aggregation, reason = choose_aggregation([run], part, metric)
        try:
            if reason is None:
                yield _metric_values(part, metric, aggregation, info, language)
        except MissingTokenizerError as error:
            reason = str(error)
        if reason:
            notes.append(f"{part.task}: {metric[0]},{metric[1]} is left out: {reason}")


def _metric_values(
    part: MatchedTask,
    metric: FilteredMetric,
    aggregation: Aggregation | None,
    info: TaskInfo,
    language: str | None,
) -> MetricValues:
    entries = [part.entries[0][item.key] for item in part.items]
    better = higher_is_better(metric[0], [info])
    if aggregation:
        values = [parts_of(entry, metric) for entry in entries]
        if aggregation.has_labels:
            columns, labels = label_columns(values)
            return MetricValues(*metric, better, columns, aggregation=aggregation.name, labels=labels)
        return MetricValues(*metric, better, part_columns(values, aggregation), aggregation=aggregation.name)
    plain = [entry.values.get(metric) for entry in entries]
    if not any(isinstance(value, Segment) for value in plain):
        return MetricValues(*metric, better, mean_columns(plain))
    corpus = corpus_metric(corpus_name(metric[0]) or metric[0], language)
    columns = corpus_columns(plain, corpus)
    return MetricValues(*metric, corpus.higher_is_better, columns, corpus.name, corpus.signature)


def _hashes(entries: Sequence[Entry]) -> tuple[int, str]:
    """Return the length of each item's hash, and all hashes joined, in base64."""
    hashes = [_hash(entry) for entry in entries]
    sizes = range(_HASH_BYTES, 32)
    size = next((size for size in sizes if len({one[:size] for one in hashes}) == len(hashes)), 32)
    return size, base64.b64encode(b"".join(one[:size] for one in hashes)).decode()


def _hash(entry: Entry) -> bytes:
    """Hash an item's document and target, so that neither can change unnoticed."""
    return hashlib.sha256(f"{entry.item.key}\n{entry.target}".encode(errors="replace")).digest()


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(texts)).encode(errors="replace")).hexdigest()[:16]
