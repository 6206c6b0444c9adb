"""Calls of a strategy's rounds go ahead of new samples, so that the slots of a run stay full to its end."""

from __future__ import annotations

import asyncio

import pytest
from bench.rounds import VirtualLoop, list_schedule, run

from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.strategies.solver import Solver


def test_a_strategys_samplers_are_those_of_the_pool_but_their_calls_are_urgent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given an opener that records which models it opens as urgent ones
    arguments = parse({"model": "a|b", "base_url": "http://127.0.0.1:9/v1", "cache": "off"})
    opener, urgent = Opener(arguments, Store(None)), []
    limited = opener._limited
    monkeypatch.setattr(opener, "_limited", lambda *args: urgent.append(args[:3]) or limited(*args))
    # when
    solver = Solver("rsa", arguments, opener)
    # then
    assert [model.identity for model in solver.tools.samplers] == [model.identity for model in solver.models]
    address = "http://127.0.0.1:9/v1"
    for name in ("a", "b"):
        assert (name, address, False) in urgent and (name, address, True) in urgent


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["council", "rsa(population=4,k=2,rounds=2)"])
def test_a_run_of_500_prompts_takes_no_more_than_a_twentieth_above_its_ideal_schedule(strategy: str) -> None:
    loop = VirtualLoop()
    try:
        seconds, times, fallbacks = loop.run_until_complete(run(strategy, 500))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    assert not fallbacks
    assert seconds <= 1.05 * list_schedule(times)
