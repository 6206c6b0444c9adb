"""The harness's `--use_cache` knows answers by prompt alone, so strategies take no part in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness_tasks import answers, evaluate, fusing
from lm_eval.api.model import LM
from openai_server import Plan, Server

from fusion_eval.harness.lm import BestOfNLM, FusionLM, SingleLM, StrategyLM
from fusion_eval.models.logs import log


class Echo(LM):
    """A model of the harness's own kind, which counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        self.calls += len(requests)
        return ["echo" for _ in requests]

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
        raise NotImplementedError


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """The messages that the package logs."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    yield messages
    log.removeHandler(handler)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((SingleLM, {}), (FusionLM, {})),
        ((SingleLM, {"n": 1}), (BestOfNLM, {"n": 3, "scorer": "chrf"})),
        ((FusionLM, {"n": 2}), (FusionLM, {"n": 5})),
        ((FusionLM, {"n": 2}), (FusionLM, {"n": 2, "temperature": 0.1})),
        ((FusionLM, {"n": 2}), (FusionLM, {"n": 2, "fusor_prompt": "few_shot"})),
    ],
)
def test_one_cache_for_two_ways_to_answer_changes_no_answer(
    openai_server: Any, tasks: Any, tmp_path: Path, first: Any, second: Any
) -> None:
    # given
    server: Server = openai_server(Plan(reply=fusing))
    manager = tasks("sums", rows=2)

    def run(way: tuple[type[StrategyLM], dict[str, Any]], **options: Any) -> tuple[list[str], int]:
        model_type, arguments = way
        before = len(server.calls)
        lm = model_type(model="test-model", base_url=server.base_url, cache="off", **arguments)
        results = evaluate(lm, manager, "sums", **options)
        return answers(results, "sums"), len(server.calls) - before

    expected = run(second)

    # when both use the same cache of the harness
    run(first, use_cache=str(tmp_path / "uc"))
    observed = run(second, use_cache=str(tmp_path / "uc"))

    # then the second asks for, and reports, its own answers
    assert observed == expected


def test_the_user_is_told_once_where_answers_are_kept(
    openai_server: Any, tasks: Any, tmp_path: Path, warnings: list[str]
) -> None:
    server: Server = openai_server(Plan(reply=fusing))
    lm = SingleLM(model="test-model", base_url=server.base_url)

    evaluate(lm, tasks("sums", rows=2), "sums", use_cache=str(tmp_path / "uc"))

    [message] = [message for message in warnings if "--use_cache" in message]
    assert "cache=" in message
    assert not list(tmp_path.glob("uc*"))


def test_without_that_option_nothing_is_said(openai_server: Any, tasks: Any, warnings: list[str]) -> None:
    server: Server = openai_server(Plan(reply=fusing))

    evaluate(SingleLM(model="test-model", base_url=server.base_url), tasks("sums", rows=1), "sums")

    assert not warnings


def test_models_of_the_harness_keep_their_cache(openai_server: Any, tasks: Any, tmp_path: Path) -> None:
    # given a model type of ours in the same process
    SingleLM(model="test-model", base_url=openai_server(Plan()).base_url)
    manager, echo = tasks("sums", rows=2), Echo()

    # when a model of the harness is evaluated twice
    for _ in range(2):
        evaluate(echo, manager, "sums", use_cache=str(tmp_path / "uc"))  # type: ignore[arg-type]

    # then the second evaluation reads the cache
    assert echo.calls == 2
    assert list(tmp_path.glob("uc*"))
