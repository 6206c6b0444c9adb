"""The items that several runs share: matched by what they are, never by their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import Run, TaskRun
from fusion_eval.runs.samples import Sample, Value

Metric = tuple[str, str]
"""(metric, filter), as the harness's results name them: `exact_match,strict-match`."""


@dataclass(frozen=True, slots=True)
class Item:
    """One document of one task; the second of two equal documents has a key of its own."""

    task: str
    key: str
    document: str = field(compare=False)
    doc_id: int = field(compare=False)
    doc: Mapping[str, Any] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """An item in one run."""

    item: Item
    target: str
    prompt: str | None
    values: Mapping[Metric, Value]
    odd: frozenset[Metric]


def entries_of(run: Run, task: str, by_document: bool) -> dict[str, Entry]:
    """By item key, in the order of the documents. Keyed by document where all runs know it, else by prompt and target."""
    samples = sorted(run.tasks[task].samples, key=lambda sample: sample.doc_id)
    seen: Counter[tuple[str, str]] = Counter()
    grouped: dict[str, list[Sample]] = {}
    for sample in samples:
        document = sample.doc_key if by_document else _asked(sample, run, task)
        seen[document or "", sample.filter] += 1
        grouped.setdefault(f"{document}#{seen[document or '', sample.filter]}", []).append(sample)
    return {key: _entry(task, key, same) for key, same in grouped.items()}


def _asked(sample: Sample, run: Run, task: str) -> str:
    if sample.prompt is None:
        raise ConfigError(
            f"The samples of {task} in {run.path} hold neither document nor prompt, so they cannot be matched"
        )
    return f"{sample.prompt}{sample.target}"


def _entry(task: str, key: str, samples: Sequence[Sample]) -> Entry:
    first = samples[0]
    return Entry(
        Item(task, key, key.rpartition("#")[0], first.doc_id, first.doc),
        first.target,
        first.prompt,
        {(name, sample.filter): value for sample in samples for name, value in sample.values.items()},
        frozenset((name, sample.filter) for sample in samples for name in sample.odd),
    )


def by_document(runs: Sequence[TaskRun]) -> bool:
    """Whether every sample of every run knows its document."""
    return all(sample.doc_key for run in runs for sample in run.samples)
