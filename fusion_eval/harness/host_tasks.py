"""Every contact with private parts of a task of lm-eval: its filters, its metrics, and the task of a request.

Releases are told apart by what they can do, as in `host`.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_tasks: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
"""The tasks that have built their requests in this process, by name."""
_REMEMBERS = "remembers_tasks"
_SELECTING = ("take_first", "take_first_k", "majority_vote")
"""Filters that select replies and extract nothing from them."""
_INVALID = "[invalid]"
"""What the harness's filters return for a reply without an answer, unless they are told another word."""
ASKS_A_MODEL = "asks_a_model"
"""The attribute of a filter that sends requests of its own."""


def remember_tasks() -> None:
    """Let every task be found by its name once it has built its requests.

    Private: `lm_eval.api.task.Task.build_all_requests` is wrapped, once, since a request does not hold its task.
    """
    from lm_eval.api.task import Task

    original = Task.build_all_requests
    if hasattr(original, _REMEMBERS):
        return

    @functools.wraps(original)
    def build_all_requests(self: Any, *args: Any, **kwargs: Any) -> Any:
        _tasks[str(self.config.task)] = self
        return original(self, *args, **kwargs)

    setattr(build_all_requests, _REMEMBERS, True)
    Task.build_all_requests = build_all_requests


def remember_run_task(task: Any, fewshot: int | None) -> None:
    """Let a task of a finished run be found by its name, as if it had built its requests in this process.

    Args:
        task: The task.
        fewshot: How many worked examples the run's prompts show; None leaves the task's own number.

    Private: none, but a task's configuration is changed.
    """
    if fewshot is not None:
        task.set_config("num_fewshot", fewshot)
    _tasks[str(task.config.task)] = task


def examples_before(task_name: str, doc: Mapping[str, Any], context: str) -> int:
    """Return how many characters of a plain-text context come before the document's own question.

    It is 0 where the task shows no worked examples, or where the question cannot be found in the context.

    Private: none, but the task of a request is known only by `remember_tasks`.
    """
    task = _tasks.get(task_name)
    if task is None or not task.config.num_fewshot:
        return 0
    question = task.doc_to_text(doc)
    if not isinstance(question, str) or not question.strip():
        return 0
    return max(context.rfind(question), 0)


def task_of(name: str) -> Any:
    """Return the task of a name, if it has built its requests in this process; else None."""
    return _tasks.get(name)


def remembered_tasks() -> list[Any]:
    """Return the tasks that have built their requests. They can be found by name for as long as somebody holds them."""
    return list(_tasks.values())


def metrics_of(task_name: str) -> tuple[str, ...]:
    """Return the metrics in a task's configuration; none of a task that has not built its requests in this process."""
    task = _tasks.get(task_name)
    listed = getattr(getattr(task, "config", None), "metric_list", None) or ()
    return tuple(str(entry["metric"]) for entry in listed if isinstance(entry.get("metric"), str))


def answer_reader(task_name: str, doc: Mapping[str, Any]) -> Callable[[str], str | None] | None:
    """Return a function that extracts the answer from a reply to a document; None if the task has none.

    The function is the task's first filter that extracts something and asks no model. Where the task's
    `process_results` reads replies itself, it is the attribute `extract_answer(doc, reply)` of that function.

    Private: `Task._filters` of 0.4.13, `Task.scorers` since 0.5.0.dev1.
    """
    task = _tasks.get(task_name)
    return None if task is None else answer_reader_of(task, doc)


def answer_reader_of(task: Any, doc: Mapping[str, Any]) -> Callable[[str], str | None] | None:
    """Return the function of `answer_reader` for a task object."""
    own = getattr(task.config.process_results, "extract_answer", None)
    if own is not None:
        return functools.partial(own, doc)
    for ensemble in _ensembles(task):
        filters = [construct() for construct in ensemble.filters]
        if any(getattr(one, ASKS_A_MODEL, False) for one in filters):
            continue
        if any(type(one) not in _selecting_types() for one in filters):
            return functools.partial(_filtered, filters, doc)
    return None


def filters_that_ask(task: Any) -> frozenset[str]:
    """Return the names of the task's filters that send requests of their own, such as those of a judge."""
    names = [one.name for one in (task.scorers if hasattr(task, "scorers") else task._filters)]
    return frozenset(
        name
        for name, ensemble in zip(names, _ensembles(task), strict=True)
        if any(getattr(construct(), ASKS_A_MODEL, False) for construct in ensemble.filters)
    )


def _filtered(filters: list[Any], doc: Mapping[str, Any], reply: str) -> str | None:
    """Return what the filters leave of a reply; None if they find no answer in it."""
    replies: Any = [[reply]]
    for one in filters:
        replies = list(one.apply(replies, [doc]))
    answer = replies[0]
    while isinstance(answer, list | tuple) and answer:
        answer = answer[0]
    no_answer = [_INVALID, *(word for one in filters for word in _fallbacks(one))]
    return answer if isinstance(answer, str) and answer.strip() and answer not in no_answer else None


def _fallbacks(one: Any) -> Sequence[Any]:
    """Return what a filter returns for a reply without an answer. The filter `pos` holds it as a list."""
    fallback = getattr(one, "fallback", _INVALID)
    return fallback if isinstance(fallback, list | tuple) else (fallback,)


@functools.cache
def _selecting_types() -> frozenset[type]:
    from lm_eval.api.registry import get_filter

    return frozenset(get_filter(name) for name in _SELECTING)


def _ensembles(task: Any) -> list[Any]:
    return [scorer.filter for scorer in task.scorers] if hasattr(task, "scorers") else list(task._filters)


def construct_filters(task: Any) -> None:
    """Construct every filter of a task, so that a wrong argument is an error before any model is asked.

    Private: `Task._filters` of 0.4.13, `Task.scorers` since 0.5.0.dev1.
    """
    for ensemble in _ensembles(task):
        for construct in ensemble.filters:
            construct()


def score_response(
    task: Any, doc: Mapping[str, Any], doc_id: int, filter_name: str, response: str
) -> Mapping[str, Any]:
    """Score one response to one document with one filter of the task and its own metrics. No other filter is applied.

    Private: `Task._filters` of 0.4.13, `Task.scorers` since 0.5.0.dev1.

    Returns:
        The values by metric, as lm-eval writes them into a sample.
    """
    from lm_eval.api.instance import Instance

    doc = dict(doc)
    instance = Instance(
        request_type="generate_until",
        doc=doc,
        arguments=("", {}),
        idx=0,
        task_name=task.config.task,
        doc_id=doc_id,
        metadata=(task.config.task, doc_id, 1),
    )
    instance.resps = [response]
    if not hasattr(task, "scorers"):
        [ensemble] = [ensemble for ensemble in task._filters if ensemble.name == filter_name]
        ensemble.apply([instance])
        values: Mapping[str, Any] = task.process_results(doc, [instance.filtered_resps[filter_name]])
        return values
    instance.target = task.doc_to_target(doc)
    [scorer] = [scorer for scorer in task.scorers if scorer.name == filter_name]
    scorer.apply_filter([instance])
    values = task.process_results(doc, list(instance.filtered_resps[filter_name]))
    if values is None:
        values = scorer.reduce(scorer.score_instances({doc_id: [instance]}))[doc_id]
    return values


def first_score(task_name: str, requests: Sequence[Any], answers: Sequence[str]) -> tuple[str, float] | None:
    """Score answers to all documents of a task by its first filter and its first metric of single items.

    It is for a line of progress: the harness scores again at the end of its evaluation.

    Args:
        task_name: The task's name. It has built its requests in this process.
        requests: The harness's requests of the task.
        answers: The answer to each request.

    Returns:
        The metric's name and its value; None where it takes more than that: a model that judges or rates, several
        answers to a document, or answers that are missing.
    """
    task = _tasks.get(task_name)
    if task is None or len({request.doc_id for request in requests}) < len(requests):
        return None
    try:
        ensemble = _ensembles(task)[0]
        if any(getattr(construct(), ASKS_A_MODEL, False) for construct in ensemble.filters):
            return None
        name = task.scorers[0].name if hasattr(task, "scorers") else ensemble.name
        items = [
            score_response(task, request.doc, request.doc_id, name, answer)
            for request, answer in zip(requests, answers, strict=True)
        ]
        return _mean_of_first(task, items)
    except Exception:  # whatever a task's own code raises, the harness will raise it again and say where
        return None


def _mean_of_first(task: Any, items: Sequence[Mapping[str, Any]]) -> tuple[str, float] | None:
    for metric, first in items[0].items():
        if isinstance(first, int | float):
            values = [item[metric] for item in items]
            aggregations: Mapping[str, Any] = getattr(task, "aggregation", dict)()
            value = aggregations[metric](values) if metric in aggregations else sum(values) / len(values)
            return metric, float(value)
    return None
