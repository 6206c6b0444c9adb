"""Read the questions of a finished run again, so that strategies can be asked about its pools as the run asked them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fusion_eval.analysis.corruption import StoredPool
from fusion_eval.harness.host_tasks import answer_reader, remember_run_task
from fusion_eval.harness.pool_records import traces_of
from fusion_eval.harness.questions import questions_of
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.runs.reading import Run
from fusion_eval.runs.records import read_records
from fusion_eval.runs.samples import is_sample
from fusion_eval.strategies.question import Question
from fusion_eval.types import Pool


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A question of a run with the pool that the run drew for it, and the document for the task's metrics."""

    question: Question
    pool: Pool
    doc: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, int]:
        """The task and the document."""
        return self.question.task, self.question.doc_id or 0


@dataclass(slots=True)
class _Request:
    """What the harness asked, as its samples file has it."""

    doc: Any
    task_name: str | None
    doc_id: int | None
    args: Any
    repeats: int | None = 1


def stored_items(
    run: Run, tasks: Mapping[str, Any], wanted: Mapping[str, set[int]], arguments: ModelArguments
) -> list[StoredItem]:
    """Return the questions and pools of a run.

    Args:
        run: The run, with samples and traces.
        tasks: The run's tasks by name; keep them for as long as the questions are in use.
        wanted: The documents to read, by task.
        arguments: The model arguments, which can replace the task's options of sampling.
    """
    for name in wanted:
        remember_run_task(tasks[name], run.tasks[name].info.fewshot)
    requests = list(_requests(run, wanted))
    places = {(one.task_name, one.doc_id): place for place, one in enumerate(requests)}
    questions = questions_of(requests, dataclasses.replace(arguments, cross_lingual=None))  # pools are drawn
    items = []
    for trace in traces_of(run):
        place = places.get((trace.task, trace.doc_id))
        if place is None:
            continue
        question, doc, prompt = questions[place], requests[place].doc, trace.pool.prompt
        question = msgspec.structs.replace(
            question,
            prompt=prompt,
            language=trace.language,
            examples=0 if prompt.messages else question.examples,
            extract=answer_reader(trace.task, doc),
        )
        items.append(StoredItem(question, Pool(prompt, trace.pool.usable), doc))
    return items


def stored_pool(item: StoredItem) -> StoredPool:
    """Return an item's candidates without its prompt."""
    question = item.question
    return StoredPool(*item.key, question.language, item.pool.candidates, question.extract)


def _requests(run: Run, wanted: Mapping[str, set[int]]) -> Iterator[_Request]:
    """Yield the requests of the wanted documents from the samples files."""
    for file in run.files.samples:
        documents = set(wanted.get(file.task, ()))
        for _, record in read_records(file.path):
            if is_sample(record) and record["doc_id"] in documents:
                documents.discard(record["doc_id"])  # the samples of other filters have the same request
                yield _Request(record["doc"], file.task, record["doc_id"], _arguments(record["arguments"]))


def _arguments(written: Any) -> tuple[Any, ...]:
    """Return a request's context and options: `{"gen_args_0": {"arg_0": …, "arg_1": …}}`, or `[[…, …]]` before 0.4.3."""
    first = next(iter(written.values())) if isinstance(written, dict) else written[0]
    values = list(first.values()) if isinstance(first, dict) else list(first)
    return (values[0], values[1] if len(values) > 1 else {})
