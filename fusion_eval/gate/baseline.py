"""A run as the gate sees it: hashes of the items and the values of each metric, but no text of any document or answer."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fusion_eval.comparison.cells import segment_statistics
from fusion_eval.comparison.clusters import clusters_of
from fusion_eval.comparison.items import Entry, FilteredMetric, Item
from fusion_eval.comparison.matching import MatchedTask, match_runs
from fusion_eval.comparison.metrics import corpus_name, why_not_comparable
from fusion_eval.comparison.task_families import Family, families
from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import Run
from fusion_eval.runs.results_file import section
from fusion_eval.runs.task_info import higher_is_better, task_info
from fusion_eval.runs.values import Segment
from fusion_eval.stats.corpus import MissingTokenizerError, corpus_metric
from fusion_eval.text.redaction import public_name, public_signature, replace_folder

Column = tuple[float | None, ...]
"""A number for each item, in the order of the items. None for a missing value."""
_DIGITS = 5
"""Significant digits of a value: far below any difference that matters, and few bytes."""
_PLACEHOLDER = "bypass"
"""The metric of `lm_eval --predict_only`, which is no score."""
_HASH_BYTES = 5
"""Bytes of an item's hash. There are more if these do not tell all items of a task apart."""


@dataclass(frozen=True, slots=True)
class MetricValues:
    """One metric under one filter. A mean has one column; a corpus metric has one for each sufficient statistic."""

    metric: str
    filter: str
    higher_is_better: bool
    columns: tuple[Column, ...]
    corpus: str | None = None
    """`bleu`, `chrf`, `chrf++` or `ter`, if the columns are the statistics of a corpus metric."""
    signature: str | None = None
    """sacrebleu's signature of a corpus metric."""


@dataclass(frozen=True, slots=True)
class TaskValues:
    """One task: its items, their clusters and its metrics."""

    task: str
    family: str
    language: str | None
    version: str | None
    fewshot: int | None
    limit: float | None
    prompts: str
    """One hash of all prompts, as the model got them."""
    hash_bytes: int
    items: str
    """The hashes of all items, of `hash_bytes` bytes each, joined and in base64."""
    clusters: tuple[int, ...]
    """The cluster of each item."""
    metrics: tuple[MetricValues, ...]

    def hashes(self) -> list[bytes]:
        """Return the hash of each item.

        Raises:
            ValueError: `items` is not base64 of whole hashes.
        """
        joined = base64.b64decode(self.items, validate=True)
        if self.hash_bytes < 1 or len(joined) % self.hash_bytes:
            raise ValueError(f"{len(joined)} bytes are no hashes of {self.hash_bytes}")
        return [joined[start : start + self.hash_bytes] for start in range(0, len(joined), self.hash_bytes)]


@dataclass(frozen=True, slots=True)
class ReportedMetric:
    """A metric as a results file states it: the harness's own aggregate, None if the file has none."""

    task: str
    metric: str
    filter: str
    higher_is_better: bool
    value: float | None

    @property
    def key(self) -> tuple[str, str, str]:
        """Task, metric and filter."""
        return self.task, self.metric, self.filter


@dataclass(frozen=True, slots=True)
class Baseline:
    """One side of a check. It comes from a baseline file or from a run. `signature` says how one of our runs was made."""

    name: str
    date: str
    tasks: tuple[TaskValues, ...]
    model: str | None = None
    signature: str | None = None
    notes: tuple[str, ...] = ()
    reported: tuple[ReportedMetric, ...] = ()
    """Every metric of the results files that has a better direction, whether it can be tested or not."""


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
                known = None if value is None or not math.isfinite(value) else float(f"{value:.{_DIGITS}g}")
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
        try:
            reason = why_not_comparable([run], part, metric)
            columns, corpus, signature = ((), None, None) if reason else _columns(part, metric, language)
        except MissingTokenizerError as error:
            reason = str(error)
        if reason:
            notes.append(f"{part.task}: {metric[0]},{metric[1]} is left out: {reason}")
            continue
        better = corpus != "ter" if corpus else higher_is_better(metric[0], [info])
        yield MetricValues(metric[0], metric[1], better, columns, corpus, signature)


def _columns(
    part: MatchedTask, metric: FilteredMetric, language: str | None
) -> tuple[tuple[Column, ...], str | None, str | None]:
    """Return the columns of a metric, and the name and signature of a corpus metric."""
    values = [part.entries[0][item.key].values.get(metric) for item in part.items]
    segments = {place: value for place, value in enumerate(values) if isinstance(value, Segment)}
    if not segments:
        numbers = [value if isinstance(value, float) else None for value in values]
        return (tuple(_rounded(numbers)),), None, None
    corpus = corpus_metric(corpus_name(metric[0]) or metric[0], language)
    statistics = segment_statistics(corpus, list(segments.values()))
    all_items = np.full((len(values), statistics.shape[1]), np.nan)
    all_items[list(segments)] = statistics
    columns = (
        tuple(_rounded([None if np.isnan(one) else float(one) for one in column])) for column in all_items.T
    )
    return tuple(columns), corpus.name, corpus.signature


def _rounded(values: Sequence[float | None]) -> Iterable[float | None]:
    for value in values:
        short = None if value is None else float(f"{value:.{_DIGITS}g}")
        yield int(short) if short is not None and short.is_integer() else short


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
