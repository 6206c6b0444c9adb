"""Read the items of runs for the page: a short row for each item, and its texts in compressed chunks."""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fusion_eval.report.html.compressed import compressed
from fusion_eval.report.html.item_texts import item_texts
from fusion_eval.report.html.trace_places import read_trace, trace_places
from fusion_eval.runs.answered import AnsweredSample, parse_messages, read_answered_task
from fusion_eval.runs.reading import Run
from fusion_eval.runs.verdicts import Verdict

CandidateValues = Mapping[tuple[str, str, str], Mapping[int, Sequence[float]]]
"""By task, metric and filter, and then by document: the metric's value of each candidate."""
CHUNK = 200
"""Items in one chunk of texts. A chunk is read when one of its items is opened."""
_SNIPPET = 240
"""Characters of a text in a row of the list."""


@dataclass(slots=True)
class Items:
    """The items of runs.

    Attributes:
        head: What the rows' numbers stand for: tasks, languages, metrics and systems.
        rows: One list for each item: task, document, language, prompt, values, answers, the systems that fell back, worst
            and best candidate, and the systems whose answer is not the baseline's.
        chunks: The texts of each `CHUNK` items, compressed.
        notes: What a reader should know about the items.
    """

    head: dict[str, Any] = field(default_factory=dict)
    rows: list[list[Any]] = field(default_factory=list)
    chunks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_items(runs: Sequence[Run], scores: CandidateValues, verdicts: Sequence[Verdict] = ()) -> Items:
    """Read the items that all runs have. Texts are held for one task and one chunk at a time.

    Args:
        runs: The runs, the baseline first.
        scores: The values of candidates, where they are known.
        verdicts: The verdicts of judges.

    Raises:
        ConfigError: A file of a run cannot be read.
    """
    tasks = [task for task in runs[0].tasks if all(task in run.tasks for run in runs)]
    builder = _Builder(runs, scores, verdicts)
    for task in tasks:
        builder.add_task(task)
    builder.close()
    return builder.items


class _Builder:
    """Collect rows, and compress the texts of each chunk as soon as it is full."""

    def __init__(self, runs: Sequence[Run], scores: CandidateValues, verdicts: Sequence[Verdict]) -> None:
        self.items = Items()
        self._runs, self._scores = runs, scores
        self._traces = [trace_places(run) for run in runs]
        self._verdicts: dict[tuple[str, int], list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            self._verdicts[verdict.task, verdict.doc_id].append(verdict)
        self._tasks: list[str] = []
        self._languages: list[str] = []
        self._metrics: dict[tuple[str, str], int] = {}
        self._directions: dict[int, bool] = {}
        self._decimals: dict[int, set[int]] = defaultdict(set)
        self._texts: list[dict[str, Any]] = []
        self._untraced = Counter[str]()

    def add_task(self, task: str) -> None:
        """Add the items of one task that all runs have."""
        samples = [_by_document(run, task) for run in self._runs]
        documents = [doc for doc in samples[0] if all(doc in other for other in samples[1:])]
        if not documents:
            return
        self._tasks.append(task)
        language = self._runs[0].tasks[task].language or ""
        if language not in self._languages:
            self._languages.append(language)
        prompts = {
            doc: parse_messages(next(iter(samples[0][doc].values())).prompt)[-1].content for doc in documents
        }
        common = _common_start(list(prompts.values()))
        for doc in documents:
            self._add_item(task, doc, language, prompts[doc][common:], [one[doc] for one in samples])

    def close(self) -> None:
        """Compress the last chunk, and describe the rows."""
        self._end_chunk()
        names = [name if filtered == "none" else f"{name},{filtered}" for name, filtered in self._metrics]
        self.items.head = {
            "tasks": self._tasks,
            "languages": self._languages,
            "metrics": [
                {
                    "name": name,
                    "higher": self._directions.get(place, True),
                    "decimals": 2 if 2 in self._decimals[place] else max(self._decimals[place], default=0),
                }
                for place, name in enumerate(names)
            ],
            "systems": [run.name for run in self._runs],
            "chunk": CHUNK,
            "traced": [place for place, run in enumerate(self._runs) if run.traces],
        }
        self.items.notes += [
            f"{name}: {count:,} {'item has' if count == 1 else 'items have'} no candidates, since lines of its traces are "
            "missing or damaged"
            for name, count in self._untraced.items()
        ]

    def _add_item(
        self, task: str, doc: int, language: str, prompt: str, samples: Sequence[Mapping[str, AnsweredSample]]
    ) -> None:
        firsts = [next(iter(one.values())) for one in samples]
        traces = [read_trace(places.get((task, doc))) for places in self._traces]
        self._untraced.update(
            run.name for run, trace in zip(self._runs, traces, strict=True) if run.traces and trace is None
        )
        scores = {
            metric: values[doc]
            for metric, values in self._scores_of(task).items()
            if doc in values
            and any(trace and len(trace.pool.candidates) == len(values[doc]) for trace in traces)
        }
        values = [self._values(one, task) for one in samples]
        answers = [
            trace.final if trace else next(iter(first.answers), "")
            for first, trace in zip(firsts, traces, strict=True)
        ]
        fell_back = [
            place for place, trace in enumerate(traces) if trace and trace.answer.fallback is not None
        ]
        different = [place for place, text in enumerate(answers) if text.strip() != answers[0].strip()]
        extremes = [
            [self._metric(*metric), min(own), max(own)]
            for metric, own in scores.items()
            if len(own) and all(map(math.isfinite, own))
        ]
        self.items.rows.append(
            [
                len(self._tasks) - 1,
                doc,
                self._languages.index(language),
                _snippet(prompt),
                values,
                [_snippet(text) for text in answers],
                fell_back,
                extremes,
                different,
            ]
        )
        named = {
            name if filtered == "none" else f"{name},{filtered}": own
            for (name, filtered), own in scores.items()
        }
        self._texts.append(item_texts(firsts, traces, named, self._verdicts.get((task, doc), ())))
        if len(self._texts) == CHUNK:
            self._end_chunk()

    def _scores_of(self, task: str) -> dict[tuple[str, str], Mapping[int, Sequence[float]]]:
        return {
            (metric, filtered): own for (name, metric, filtered), own in self._scores.items() if name == task
        }

    def _values(self, samples: Mapping[str, AnsweredSample], task: str) -> list[list[float]]:
        """Return pairs of a metric's number and its value, of every metric that has a number for each item."""
        pairs = []
        for filtered, answered in samples.items():
            for name, value in answered.sample.values.items():
                if isinstance(value, int | float) and math.isfinite(value):
                    place = self._metric(name, filtered)
                    if place not in self._directions:
                        self._directions[place] = self._direction(task, name)
                    self._decimals[place].add(_decimals(value))
                    pairs.append([place, round(float(value), 4)])
        return pairs

    def _direction(self, task: str, metric: str) -> bool:
        from fusion_eval.runs.task_info import higher_is_better

        return higher_is_better(metric, [run.tasks[task].info for run in self._runs])

    def _metric(self, name: str, filtered: str) -> int:
        return self._metrics.setdefault((name, filtered), len(self._metrics))

    def _end_chunk(self) -> None:
        if self._texts:
            self.items.chunks.append(compressed(msgspec.json.encode(self._texts)))
            self._texts = []


def _decimals(value: float) -> int:
    """Return how many decimals a value needs: none if it is whole, four if it is a share, else two."""
    if value == int(value):
        return 0
    return 2 if abs(value) > 1 else 4


def _by_document(run: Run, task: str) -> dict[int, dict[str, AnsweredSample]]:
    """Return the samples of a task by document and filter."""
    samples: dict[int, dict[str, AnsweredSample]] = {}
    for one in read_answered_task(run, task):
        samples.setdefault(one.sample.doc_id, {}).setdefault(one.sample.filter, one)
    return samples


def _common_start(prompts: Sequence[str]) -> int:
    """Return where prompts begin to differ, at the start of a line: few-shot examples are the same in all of them."""
    if len(prompts) < 2:
        return 0
    return os.path.commonprefix(list(prompts)).rfind("\n") + 1  # noqa: RUF071  # texts, not paths


def _snippet(text: str) -> str:
    short = " ".join(text[: 4 * _SNIPPET].split())
    return short if len(short) <= _SNIPPET else f"{short[: _SNIPPET - 1]}…"
