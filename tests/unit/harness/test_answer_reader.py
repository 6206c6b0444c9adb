"""Strategies that vote get each candidate's answer from the task's own filters."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from harness_tasks import answers, evaluate
from lm_eval.filters import build_filter_ensemble
from openai_server import Plan, Server

from fusion_eval.errors import ConfigError
from fusion_eval.harness import host_tasks
from fusion_eval.harness.lm import model_type

REGEX = """
filter_list:
  - name: first
    filter:
      - function: take_first
  - name: number
    filter:
      - function: regex
        regex_pattern: "is (\\\\d+)"
      - function: take_first
"""


def test_the_first_filter_that_extracts_something_reads_the_answers(openai_server, tasks):
    # given: five candidates, of which three say 6 in different words, and one says nothing
    replies = itertools.cycle(["It is 5", "It is 6", "I think it is 6", "Who knows", "The sum is 6"])
    server: Server = openai_server(Plan(reply=lambda request, index: next(replies)))
    lm = model_type("majority")(model="test-model", base_url=server.base_url, n=5, cache="off")

    # when
    results = evaluate(lm, tasks("sums", rows=1, more=REGEX), "sums")

    # then
    assert set(answers(results, "sums")) == {"It is 6"}


def test_a_task_that_extracts_nothing_is_refused_before_any_call(openai_server, tasks):
    server: Server = openai_server(Plan())
    lm = model_type("majority")(model="test-model", base_url=server.base_url, cache="off")

    with pytest.raises(ConfigError, match="The task sums extracts no answer from a reply"):
        evaluate(lm, tasks("sums", rows=1), "sums")

    assert not server.calls


class Paid:
    """A filter that asks a model, and must not be applied here."""

    asks_a_model = True

    def apply(self, resps: Any, docs: Any) -> Any:
        raise AssertionError("the filter asked a model")


class FilteredTask:
    """A task as lm-eval 0.4 makes it, reduced to its filters and a metric."""

    config = SimpleNamespace(task="filtered", process_results=None)

    def __init__(self, *ensembles: Any) -> None:
        self._filters = list(ensembles)
        host_tasks._tasks["filtered"] = self

    def process_results(self, doc: Mapping[str, Any], results: list[Any]) -> dict[str, Any]:
        return {"exact_match": float(results[0] == doc["answer"])}


def paid_ensemble() -> Any:
    """Return an ensemble whose one filter asks a model."""
    ensemble = build_filter_ensemble("judged", [["take_first", None]])
    ensemble.filters = [Paid]
    return ensemble


NUMBER = [["regex", {"regex_pattern": r"is (\d+)"}], ["take_first", None]]


def test_a_filter_that_asks_a_model_reads_no_answers():
    # given a task with a judge before the filter that extracts numbers
    task = FilteredTask(paid_ensemble(), build_filter_ensemble("number", NUMBER))
    # when
    read = host_tasks.answer_reader("filtered", {})
    # then
    assert read is not None and read("It is 6") == "6"
    # and a task with nothing but a judge extracts no answers
    task._filters.pop()
    assert host_tasks.answer_reader("filtered", {}) is None


def test_scoring_for_a_line_of_progress_applies_the_first_filter_alone():
    # given a task whose second filter asks a model
    task = FilteredTask(build_filter_ensemble("number", NUMBER), paid_ensemble())
    request = SimpleNamespace(doc={"answer": "6"}, doc_id=0)
    # when, then
    assert host_tasks.first_score("filtered", [request], ["It is 6"]) == ("exact_match", 1.0)
    assert host_tasks.score_response(task, request.doc, 0, "number", "It is 7") == {"exact_match": 0.0}


def test_a_filter_may_hold_several_words_for_no_answer():
    # given lm-eval's filter of part-of-speech tags, whose fallback is a list
    task = FilteredTask(build_filter_ensemble("pos", [["regex_pos", None], ["take_first", None]]))
    assert task._filters
    # when
    read = host_tasks.answer_reader("filtered", {})
    # then
    assert read is not None
    assert read("[('dog', 'NOUN')]") == "NOUN"
    assert read("no tags") is None
