"""What the gate needs to know of a run: which items, and what each metric says of them. No text of any document or answer."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fusion_eval.compare.cells import segment_statistics
from fusion_eval.compare.clusters import clusters_of
from fusion_eval.compare.items import Entry, FilteredMetric
from fusion_eval.compare.matching import MatchedTask, match_runs
from fusion_eval.compare.metrics import corpus_name, why_not_comparable
from fusion_eval.compare.task_families import families
from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import Run
from fusion_eval.runs.samples import Segment
from fusion_eval.runs.task_info import higher_is_better
from fusion_eval.stats.corpus import MissingTokenizerError, corpus_metric
from fusion_eval.text.redaction import public_name, public_signature, replace_folder

Column = tuple[float | None, ...]
"""A number per item, in the order of the items; None where there is none."""
_DIGITS = 5
"""Of values: far below any difference that matters, and few bytes."""
_HASH_BYTES = 5
"""Of an item, where they tell all items of a task apart."""


@dataclass(frozen=True, slots=True)
class MetricValues:
    """One metric under one filter. A mean has one column; a corpus metric one per sufficient statistic."""

    metric: str
    filter: str
    higher_is_better: bool
    columns: tuple[Column, ...]
    corpus: str | None = None
    """`bleu`, `chrf`, `chrf++` or `ter`, whose statistics the columns are."""
    signature: str | None = None
    """sacrebleu's."""


@dataclass(frozen=True, slots=True)
class TaskValues:
    """One task: `items` are their hashes, `hash_bytes` each, as base64; `clusters` a label each."""

    task: str
    family: str
    language: str | None
    version: str | None
    fewshot: int | None
    limit: float | None
    prompts: str
    """One hash of all prompts as the model got them."""
    hash_bytes: int
    items: str
    clusters: tuple[int, ...]
    metrics: tuple[MetricValues, ...]

    def hashes(self) -> list[bytes]:
        """The hash of each item. Raises ValueError where `items` is not base64 of whole hashes."""
        joined = base64.b64decode(self.items, validate=True)
        if self.hash_bytes < 1 or len(joined) % self.hash_bytes:
            raise ValueError(f"{len(joined)} bytes are no hashes of {self.hash_bytes}")
        return [joined[at : at + self.hash_bytes] for at in range(0, len(joined), self.hash_bytes)]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A run as the gate sees it, whether it came from a baseline file or from the run itself."""

    name: str
    date: str
    tasks: tuple[TaskValues, ...]
    model: str | None = None
    signature: str | None = None
    """How one of our runs was made."""
    notes: tuple[str, ...] = ()


def baseline_of(run: Run, cluster: str) -> Baseline:
    """The values of a run; `cluster` as in `clusters_of`. Raises `ConfigError` where no metric can be compared."""
    matched, notes = match_runs([run], allow_partial=False)
    sisters = families({part.task: part.language for part in matched})
    labels, joined = clusters_of({part.task: part.items for part in matched}, sisters, cluster)
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels.values()))}
    tasks = []
    for part in matched:
        family = sisters[part.task]
        metrics = list(_metrics(run, part, family.language, notes))
        if metrics:
            size, items = _hashes(run, part)
            tasks.append(
                TaskValues(
                    task=part.task,
                    family=family.name,
                    language=family.language,
                    version=run.tasks[part.task].info.version,
                    fewshot=run.tasks[part.task].info.fewshot,
                    limit=run.tasks[part.task].info.limit,
                    prompts=_digest(part.entries[0][item.key].prompt or "" for item in part.items),
                    hash_bytes=size,
                    items=items,
                    clusters=tuple(numbers[labels[item]] for item in part.items),
                    metrics=tuple(metrics),
                )
            )
    if not tasks:
        raise ConfigError(f"{run.path} has no metric that can be compared. " + ". ".join(notes))
    return Baseline(
        run.name,
        run.date,
        tuple(tasks),
        public_name(run.model) if run.model else None,
        public_signature(run.signature),
        # A baseline is for others to read: no folder of whoever made it.
        tuple(replace_folder(note, run.path, run.name) for note in (*run.notes, *notes, *joined)),
    )


def _metrics(run: Run, part: MatchedTask, language: str | None, notes: list[str]) -> Iterable[MetricValues]:
    info = run.tasks[part.task].info
    for metric in part.metrics:
        try:
            said = why_not_comparable([run], part, metric)
            columns, corpus, signature = ((), None, None) if said else _columns(part, metric, language)
        except MissingTokenizerError as error:
            said = str(error)
        if said:
            notes.append(f"{part.task}: {metric[0]},{metric[1]} is left out: {said}")
            continue
        better = corpus != "ter" if corpus else higher_is_better(metric[0], [info])
        yield MetricValues(metric[0], metric[1], better, columns, corpus, signature)


def _columns(
    part: MatchedTask, metric: FilteredMetric, language: str | None
) -> tuple[tuple[Column, ...], str | None, str | None]:
    """(Columns, the corpus metric's name, its signature)."""
    values = [part.entries[0][item.key].values.get(metric) for item in part.items]
    pairs = {place: value for place, value in enumerate(values) if isinstance(value, Segment)}
    if not pairs:
        numbers = [value if isinstance(value, float) else None for value in values]
        return (tuple(_rounded(numbers)),), None, None
    corpus = corpus_metric(corpus_name(metric[0]) or metric[0], language)
    statistics = segment_statistics(corpus, list(pairs.values()))
    whole = np.full((len(values), statistics.shape[1]), np.nan)
    whole[list(pairs)] = statistics
    columns = (
        tuple(_rounded([None if np.isnan(one) else float(one) for one in column])) for column in whole.T
    )
    return tuple(columns), corpus.name, corpus.signature


def _rounded(values: Sequence[float | None]) -> Iterable[float | None]:
    for value in values:
        short = None if value is None else float(f"{value:.{_DIGITS}g}")
        yield int(short) if short is not None and short.is_integer() else short


def _hashes(run: Run, part: MatchedTask) -> tuple[int, str]:
    """(Bytes of each, all joined): of the document and its target, so that neither can change unnoticed."""
    whole = [_hash(part.entries[0][item.key]) for item in part.items]
    size = next(
        (size for size in range(_HASH_BYTES, 32) if len({one[:size] for one in whole}) == len(whole)), 32
    )
    return size, base64.b64encode(b"".join(one[:size] for one in whole)).decode()


def _hash(entry: Entry) -> bytes:
    return hashlib.sha256(f"{entry.item.key}\n{entry.target}".encode(errors="replace")).digest()


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(texts)).encode(errors="replace")).hexdigest()[:16]
