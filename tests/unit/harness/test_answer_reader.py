"""Strategies that vote get each candidate's answer from the task's own filters."""

from __future__ import annotations

import itertools

import pytest
from harness_tasks import answers, evaluate
from openai_server import Plan, Server

from fusion_eval.errors import ConfigError
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
