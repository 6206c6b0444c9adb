"""The items of a task: documents that are recognized by their content, never by their place in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import Run, TaskRun
from fusion_eval.runs.samples import Sample
from fusion_eval.runs.values import Parts, Value

FilteredMetric = tuple[str, str]
"""(metric, filter), as results files name them: `exact_match,strict-match`."""


@dataclass(frozen=True, slots=True)
class Item:
    """One document of one task. If a task has two equal documents, each has a key of its own."""

    task: str
    key: str
    document: str = field(compare=False)
    doc_id: int = field(compare=False)
    doc: Mapping[str, Any] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one run recorded for an item. `target` and `prompt` are hashes."""

    item: Item
    target: str
    prompt: str | None
    values: Mapping[FilteredMetric, Value]
    unusable: frozenset[FilteredMetric]
    """Metrics whose value is neither a finite number nor a segment."""
    parts: Mapping[FilteredMetric, Parts] = field(default_factory=dict)
    """The values that are lists."""
    metrics: tuple[FilteredMetric, ...] = ()
    """The metrics in the order of the task."""


def entries_of(run: Run, task: str, by_document: bool) -> dict[str, Entry]:
    """Return the entries of a task by item key, in the order of the documents.

    Keys are made from the document if `by_document`, else from the prompt and the target.

    Raises:
        ConfigError: A sample has no prompt to make a key from.
    """
    samples = sorted(run.tasks[task].samples, key=lambda sample: sample.doc_id)
    repeats: Counter[tuple[str, str]] = Counter()
    by_key: dict[str, list[Sample]] = {}
    for sample in samples:
        document = (sample.doc_key or "") if by_document else _prompt_and_target(sample, run, task)
        repeats[document, sample.filter] += 1
        by_key.setdefault(f"{document}#{repeats[document, sample.filter]}", []).append(sample)
    return {key: _entry(task, key, same_item) for key, same_item in by_key.items()}


def all_have_documents(tasks: Sequence[TaskRun]) -> bool:
    """Return whether every sample of these runs of a task has the hash of its document."""
    return all(sample.doc_key for task in tasks for sample in task.samples)


def _prompt_and_target(sample: Sample, run: Run, task: str) -> str:
    if sample.prompt is None:
        raise ConfigError(
            f"The samples of {task} in {run.path} hold neither document nor prompt, so they cannot be matched"
        )
    return f"{sample.prompt}{sample.target}"


def _entry(task: str, key: str, samples: Sequence[Sample]) -> Entry:
    """Join the samples of one item, which has a sample for each filter."""
    first = samples[0]
    return Entry(
        item=Item(task, key, key.rpartition("#")[0], first.doc_id, first.doc),
        target=first.target,
        prompt=first.prompt,
        values={(name, sample.filter): value for sample in samples for name, value in sample.values.items()},
        unusable=frozenset((name, sample.filter) for sample in samples for name in sample.unusable),
        parts={(name, sample.filter): parts for sample in samples for name, parts in sample.parts.items()},
        metrics=tuple(
            (name, sample.filter)
            for sample in samples
            for name in dict.fromkeys((*sample.names, *sample.values, *sample.unusable))
            if name in sample.values or name in sample.unusable
        ),
    )
