"""A cached model returns exactly n candidates, and asks for nothing that is stored."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cached_models import PROMPT, SAMPLING, cached_model, expected_text, sample, seeds_and_n, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_server import Fault, Plan, Server, serve

from fusion_eval.models.store.store import Store
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Prompt

pytestmark = pytest.mark.usefixtures("no_pauses")

Start = Callable[[Plan], Server]


# Stored candidates are not asked for


async def test_a_second_run_gets_the_same_distinct_candidates_without_a_call(openai_server: Start) -> None:
    """Other tools cache one answer for all n samples, or skip samples so that a run cannot resume."""
    # given
    server, store = openai_server(Plan()), Store(None)
    # when
    first = await sample(cached_model(server, store), 5)
    second = await sample(cached_model(server, store), 5)
    # then
    assert texts(first) == [expected_text(seed) for seed in range(5)] and len(set(texts(first))) == 5
    assert second == first
    assert seeds_and_n(server) == [(0, 5)]


async def test_raising_n_asks_only_for_the_missing_candidates(openai_server: Start) -> None:
    """Users of other tools pay for all 16 samples again to have 8 more."""
    # given
    server, store = openai_server(Plan()), Store(None)
    # when
    eight = await sample(cached_model(server, store), 8)
    sixteen = await sample(cached_model(server, store), 16)
    four = await sample(cached_model(server, store), 4)
    # then
    assert seeds_and_n(server) == [(0, 8), (8, 8)]
    assert sixteen[:8] == eight and four == eight[:4]
    assert [candidate.seed for candidate in sixteen] == list(range(16))
    assert len(set(texts(sixteen))) == 16


async def test_two_models_share_a_store_but_no_answers(openai_server: Start) -> None:
    """Other tools report model B with the cached answers of model A."""
    # given
    server, store = openai_server(Plan(models=("a", "b"))), Store(None)
    # when
    of_a = await sample(cached_model(server, store, "a"), 2)
    of_b = await sample(cached_model(server, store, "b"), 2)
    # then
    assert texts(of_a) == [expected_text(seed, "a") for seed in (0, 1)]
    assert texts(of_b) == [expected_text(seed, "b") for seed in (0, 1)]
    assert [candidate.model for candidate in of_a + of_b] == ["a", "a", "b", "b"]
    assert len(server.calls) == 2


async def test_one_name_at_two_endpoints_is_two_models(openai_server: Start) -> None:
    here, there, store = openai_server(Plan()), openai_server(Plan()), Store(None)
    await sample(cached_model(here, store), 1)
    await sample(cached_model(there, store), 1)
    assert len(here.calls) == len(there.calls) == 1


async def test_an_error_after_sampling_costs_no_call(openai_server: Start) -> None:
    """In other tools a metric that fails after hours of inference takes the answers with it."""
    # given
    server, store = openai_server(Plan()), Store(None)
    # when
    with pytest.raises(ZeroDivisionError):
        await sample(cached_model(server, store), 4)
        raise ZeroDivisionError("the metric")
    again = await sample(cached_model(server, store), 4)
    # then
    assert texts(again) == [expected_text(seed) for seed in range(4)]
    assert len(server.calls) == 1


def test_a_model_works_in_one_event_loop_after_another(openai_server: Start) -> None:
    """Each strategy of a run has an event loop of its own."""
    model = cached_model(openai_server(Plan()), Store(None))
    first = asyncio.run(sample(model, 2))
    second = asyncio.run(sample(model, 3))
    assert second[:2] == first and texts(second) == [expected_text(seed) for seed in range(3)]


# Exactly n candidates come, whatever the endpoint does with n


async def test_an_endpoint_that_ignores_n_is_asked_until_n_candidates_are_there(openai_server: Start) -> None:
    """Several servers answer n=5 with one choice; other tools then take one sample for five."""
    server = openai_server(Plan(honours_n=False))
    candidates = await sample(cached_model(server, Store(None)), 5)
    assert texts(candidates) == [expected_text(seed) for seed in range(5)]
    assert sorted(seeds_and_n(server)) == [(0, 5), (1, 1), (2, 1), (3, 1), (4, 1)]


async def test_an_endpoint_that_bounds_n_is_then_asked_for_as_many_as_it_returned(
    openai_server: Start,
) -> None:
    server = openai_server(Plan(max_choices=2))
    candidates = await sample(cached_model(server, Store(None)), 5)
    assert texts(candidates) == [expected_text(seed) for seed in range(5)]
    assert sorted(seeds_and_n(server)) == [(0, 5), (2, 2), (4, 1)]


async def test_each_reply_is_stored_when_it_comes_and_not_when_the_pool_is_complete(
    openai_server: Start,
) -> None:
    """A kill in the middle of a pool must not cost the finished part of it."""
    # given a run that is stopped when three of four candidates are stored
    stopped, three_stored = threading.Event(), asyncio.Event()

    def hang(number: int, request: dict[str, Any]) -> Fault | None:
        return Fault("hang") if request["seed"] == 2 and not stopped.is_set() else None

    class CountingStore(Store):
        stored = 0

        def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
            self.stored += len(candidates)
            if self.stored == 3:
                three_stored.set()
            return super().keep(candidates)

    server, store = openai_server(Plan(honours_n=False, faults=hang)), CountingStore(None)
    running = asyncio.create_task(sample(cached_model(server, store), 4))
    async with asyncio.timeout(5):
        await three_stored.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stopped.set()
    before = len(server.calls)
    # when it goes on
    again = await sample(cached_model(server, store), 4)
    # then only the fourth is asked for
    assert seeds_and_n(server)[before:] == [(2, 1)]
    assert texts(again) == [expected_text(seed) for seed in range(4)]


# Failures


async def test_a_failure_is_not_stored_and_moves_no_other_candidate(openai_server: Start) -> None:
    """Other tools turn [a, -, c, d] into [a, c, d, -], or keep the failure as an answer for good."""
    # given an endpoint that fails for one candidate at first
    healed = threading.Event()

    def faults(number: int, request: dict[str, Any]) -> Fault | None:
        return Fault("status", 500) if request["seed"] == 1 and not healed.is_set() else None

    server, store = openai_server(Plan(honours_n=False, faults=faults)), Store(None)
    # when
    first = await sample(cached_model(server, store), 4)
    healed.set()
    before = len(server.calls)
    second = await sample(cached_model(server, store), 4)
    # then
    assert texts(first) == [expected_text(0), "", expected_text(2), expected_text(3)]
    assert [candidate.seed for candidate in first] == [0, 1, 2, 3]
    assert [bool(candidate.error) for candidate in first] == [False, True, False, False]
    assert seeds_and_n(server)[before:] == [(1, 1)], "only the failed candidate is asked for again"
    assert texts(second) == [expected_text(seed) for seed in range(4)]


@settings(max_examples=20, deadline=None)
@given(
    failing=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 3))),
    honours_n=st.booleans(),
    concurrency=st.integers(1, 8),
    kind=st.sampled_from(["status", "reset", "truncated_json"]),
)
def test_random_failures_lose_no_candidate_and_mix_up_no_prompts(
    failing: set[tuple[int, int]], honours_n: bool, concurrency: int, kind: Any
) -> None:
    """Other tools lose rows or attach them to the wrong prompt after a partial failure."""
    # given six prompts, and failures of some of their candidates until the endpoint is healed
    prompts = [Prompt(f"prompt {i}") for i in range(6)]
    healed = threading.Event()

    def faults(number: int, request: dict[str, Any]) -> Fault | None:
        prompt = int(request["messages"][0]["content"].split()[1])
        seeds = range(request["seed"], request["seed"] + (request.get("n", 1) if honours_n else 1))
        fails = any((prompt, seed) in failing for seed in seeds)
        return Fault(kind) if fails and not healed.is_set() else None

    async def run(server: Server, store: Store) -> list[list[Candidate]]:
        model = cached_model(server, store, concurrency=concurrency)
        try:
            return await gather_or_cancel(model.sample(prompt, SAMPLING, 4) for prompt in prompts)
        finally:
            await model.close()

    # when the run is repeated after that
    with serve(Plan(faults=faults, honours_n=honours_n)) as server:
        store = Store(None)
        first = asyncio.run(run(server, store))
        healed.set()
        before = len(server.calls)
        second = asyncio.run(run(server, store))
        asked_again = sum(n for _, n in seeds_and_n(server)[before:])
    # then each prompt has its four candidates in both runs
    failed = sum(candidate.error is not None for pool in first for candidate in pool)
    assert [[candidate.seed for candidate in pool] for pool in first] == [[0, 1, 2, 3]] * 6
    for prompt, pool in zip(prompts, first, strict=True):
        for candidate in pool:
            expected = "" if candidate.error else expected_text(candidate.seed, prompt=prompt)
            assert candidate.text == expected
    assert asked_again >= failed and (failed > 0) == bool(failing)
    assert [texts(pool) for pool in second] == [
        [expected_text(seed, prompt=prompt) for seed in range(4)] for prompt in prompts
    ]


# The same prompt twice at the same time


async def test_equal_requests_at_the_same_time_are_one_call(openai_server: Start) -> None:
    server = openai_server(Plan(latency=0.05))
    model = cached_model(server, Store(None))
    one, other = await asyncio.gather(model.sample(PROMPT, SAMPLING, 3), model.sample(PROMPT, SAMPLING, 3))
    await model.close()
    assert one == other
    assert seeds_and_n(server) == [(0, 3)]


async def test_a_larger_n_waits_for_a_smaller_one_and_asks_for_the_rest(openai_server: Start) -> None:
    server = openai_server(Plan(latency=0.05))
    model = cached_model(server, Store(None))
    three, five = await asyncio.gather(model.sample(PROMPT, SAMPLING, 3), model.sample(PROMPT, SAMPLING, 5))
    await model.close()
    assert five[:3] == three
    assert seeds_and_n(server) == [(0, 3), (3, 2)]
