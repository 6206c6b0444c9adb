"""A limited model retries what can succeed, ends where it cannot, and never loses a slot."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limited_models import PROMPT, SAMPLING, always, limited_model, prompts, refusal
from openai_server import Fault, Plan, Server, default_text

from fusion_eval.errors import ContextOverflowError, EndpointError, RequestError, TransientError
from fusion_eval.models import Model, limited
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.limited import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    LONGEST_RETRY_AFTER,
    OVERLOADED_PAUSE,
    Limited,
)
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Prompt, Sampling

Start = Callable[[Plan], Server]
real_pause = limited.pause


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the seconds before each retry, and do not wait for them."""
    seconds: list[float] = []

    def no_pause(attempt: int, error: TransientError) -> float:
        seconds.append(real_pause(attempt, error))
        return 0.0

    monkeypatch.setattr(limited, "pause", no_pause)
    return seconds


# Retries


async def test_a_request_that_fails_for_a_while_is_answered_in_the_end(openai_server: Start) -> None:
    kinds = [Fault("status", 503), Fault("reset"), Fault("truncated_json"), Fault("empty_body"), None]
    server = openai_server(Plan(faults=lambda number, request: kinds[number - 1]))
    async with limited_model(server) as model:
        [candidate] = await model.sample(PROMPT, SAMPLING, 1)
    assert candidate.text == default_text("test-model", "Why?", 3, 0.7) and candidate.error is None
    assert candidate.retries == 4
    assert len(server.calls) == 5


@pytest.mark.parametrize("retries", [0, 2])
async def test_a_request_that_always_fails_becomes_failed_candidates(
    openai_server: Start, retries: int
) -> None:
    """Other tools retry one deterministic 500 more than a thousand times, or lose the whole run to it."""
    server = openai_server(Plan(faults=always(Fault("status", 500))))
    async with limited_model(server, max_retries=retries) as model:
        candidates = await model.sample(PROMPT, SAMPLING, 3)
    assert len(server.calls) == retries + 1
    assert [candidate.seed for candidate in candidates] == [3, 4, 5]
    assert {(candidate.text, candidate.finish_reason) for candidate in candidates} == {("", "error")}
    assert all("answered 500 for test-model" in str(candidate.error) for candidate in candidates)
    assert [candidate.retries for candidate in candidates] == [retries, 0, 0]


async def test_a_refused_key_is_not_tried_again(openai_server: Start) -> None:
    server = openai_server(Plan(api_key="right"))
    async with limited_model(server) as model:
        with pytest.raises(EndpointError):
            await model.sample(PROMPT, SAMPLING, 1)
    assert len(server.calls) == 1


async def test_a_retry_waits_as_long_as_the_server_asks_for(
    openai_server: Start, pauses: list[float]
) -> None:
    slow_down = Fault("status", 429, retry_after=7)
    server = openai_server(Plan(faults=lambda number, request: slow_down if number == 1 else None))
    async with limited_model(server) as model:
        await model.sample(PROMPT, SAMPLING, 1)
    [seconds] = pauses
    assert 7 <= seconds <= 7 + FIRST_PAUSE * OVERLOADED_PAUSE


async def test_a_server_that_asks_to_wait_for_a_day_ends_the_run(openai_server: Start) -> None:
    server = openai_server(Plan(faults=always(Fault("status", 429, retry_after=86_400))))
    async with limited_model(server) as model:
        with pytest.raises(EndpointError, match=r"asks to wait 86,400 s .* run the same command again"):
            await model.sample(PROMPT, SAMPLING, 1)
    assert len(server.calls) == 1


@given(st.integers(0, 5000), st.none() | st.floats(0, LONGEST_RETRY_AFTER), st.booleans())
def test_a_pause_grows_up_to_a_limit_on_top_of_what_the_server_asks_for(
    attempt: int, retry_after: float | None, overloaded: bool
) -> None:
    pause = real_pause(attempt, TransientError("", retry_after, overloaded=overloaded))
    least = retry_after or 0.0
    first = FIRST_PAUSE * (OVERLOADED_PAUSE if overloaded else 1)
    assert least <= pause <= least + min(LONGEST_PAUSE, first * 2 ** min(attempt, 16))


def test_a_server_that_asks_for_no_pause_still_gets_one() -> None:
    """Proxies send `Retry-After: 0`, and a wrong clock makes any date a past one: all retries would go out at once."""
    pauses = [real_pause(4, TransientError("", 0.0)) for _ in range(50)]
    assert max(pauses) > FIRST_PAUSE


# Refusals


async def test_a_refused_prompt_is_a_failed_candidate_for_a_sampler_and_an_error_for_an_urgent_model(
    openai_server: Start,
) -> None:
    server = openai_server(Plan(faults=always(refusal("This prompt is against the rules."))))
    async with limited_model(server) as sampler:
        [candidate] = await sampler.sample(PROMPT, SAMPLING, 1)
    async with limited_model(server, urgent=True) as fusor:
        with pytest.raises(RequestError, match="against the rules"):
            await fusor.sample(PROMPT, SAMPLING, 1)
    assert "against the rules" in str(candidate.error)
    assert len(server.calls) == 2, "a refusal is not retried"


async def test_a_prompt_that_is_too_long_has_an_error_class_of_its_own(openai_server: Start) -> None:
    server = openai_server(Plan(context_tokens=3))
    async with limited_model(server, urgent=True) as fusor:
        with pytest.raises(ContextOverflowError, match="The prompt is too long for test-model"):
            await fusor.sample(Prompt("one two three four"), SAMPLING, 1)


async def test_one_forbidden_prompt_does_not_end_the_run(openai_server: Start) -> None:
    """A moderator or a firewall answers 403 to one prompt; taken for a wrong key, it would end every run."""
    forbidden = Fault("status", 403, body={"error": {"message": "This prompt was flagged."}})
    server = openai_server(Plan(faults=lambda number, request: forbidden if number == 2 else None))
    async with limited_model(server) as model:
        candidates = [(await model.sample(prompt, SAMPLING, 1))[0] for prompt in prompts(3)]
    assert [bool(candidate.error) for candidate in candidates] == [False, True, False]
    assert "This prompt was flagged" in str(candidates[1].error) and len(server.calls) == 3


# Slots


async def test_no_more_requests_are_in_flight_than_there_are_slots(openai_server: Start) -> None:
    server = openai_server(Plan(latency=0.01))
    async with limited_model(server, concurrency=3) as model:
        await gather_or_cancel(model.sample(prompt, SAMPLING, 2) for prompt in prompts(12))
    assert server.in_flight_peak == 3


async def test_aggregation_goes_ahead_of_sampling_on_the_same_endpoint(openai_server: Start) -> None:
    # given
    server, endpoint = openai_server(Plan(latency=0.01)), Endpoint(1)
    door = OpenAIModel("test-model", server.base_url)
    sampler, fusor = Limited(door, endpoint), Limited(door, endpoint, urgent=True)
    # when
    samples = [sampler.sample(prompt, SAMPLING, 1) for prompt in prompts(4)]
    await gather_or_cancel([*samples, fusor.sample(PROMPT, SAMPLING, 1)])
    await door.close()
    # then
    order = [call.body["messages"][0]["content"] for call in server.calls]
    assert order == ["prompt 0", "Why?", "prompt 1", "prompt 2", "prompt 3"]


async def test_a_cancelled_request_gives_its_slot_back(openai_server: Start) -> None:
    # given a request that is never answered, on the only slot
    arrived = threading.Event()

    def latency(number: int, request: Any) -> float:
        arrived.set()
        return 3600.0 if number == 1 else 0.0

    server = openai_server(Plan(latency=latency))
    async with limited_model(server, concurrency=1) as model, asyncio.timeout(5):
        running = asyncio.create_task(model.sample(PROMPT, SAMPLING, 1))
        await asyncio.to_thread(arrived.wait, 5)
        # when
        running.cancel()
        # then
        [candidate] = await model.sample(Prompt("next"), SAMPLING, 1)
    assert candidate.error is None and running.cancelled()


# Overloaded endpoints


@pytest.mark.parametrize(("capacity", "count"), [(1, 70), (8, 300)])
async def test_an_endpoint_with_little_capacity_gets_fewer_requests_and_loses_no_prompt(
    openai_server: Start, monkeypatch: pytest.MonkeyPatch, capacity: int, count: int
) -> None:
    """Requests that are refused must not go on in the place of those that fit."""
    # given 64 slots, and an endpoint with capacity for 1 or 8
    monkeypatch.setattr(limited, "FIRST_PAUSE", 0.002)
    monkeypatch.setattr(limited, "pause", real_pause)
    server = openai_server(Plan(capacity=capacity, latency=0.01))
    async with limited_model(server, concurrency=64) as model:
        # when
        pools = await gather_or_cancel(model.sample(prompt, SAMPLING, 1) for prompt in prompts(count))
        # then
        assert all(candidate.error is None for pool in pools for candidate in pool)
        refused = sum(call.status == 429 for call in server.calls)
        assert 64 - capacity <= refused <= 4 * count
        assert model.endpoint.slots.size <= 2 * capacity + 2


async def test_a_request_that_waits_for_a_retry_keeps_its_slot(
    openai_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every prompt of a run is sent to an endpoint that has just said that it is overloaded."""
    # given a request that waits for an hour, on the only slot
    waiting = asyncio.Event()

    def long_pause(attempt: int, error: TransientError) -> float:
        waiting.set()
        return 3600.0

    monkeypatch.setattr(limited, "pause", long_pause)
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 429) if number == 1 else None))
    async with limited_model(server, concurrency=1) as model, asyncio.timeout(5):
        first = asyncio.create_task(model.sample(Prompt("first"), SAMPLING, 1))
        await waiting.wait()
        # when another comes
        second = asyncio.create_task(model.sample(Prompt("second"), SAMPLING, 1))
        await asyncio.sleep(0.02)
        # then it waits until the first one is cancelled
        assert len(server.calls) == 1
        first.cancel()
        [candidate] = await second
    assert candidate.error is None


# Doors of plugins


class Door:
    """A door that a plugin could bring; it has no server."""

    name = identity = "door"
    chat = True
    max_n: int | None = None

    def __init__(self, answer: Callable[[Sampling, int], list[Candidate]]) -> None:
        self._answer = answer

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        return self._answer(sampling, n)

    async def close(self) -> None:
        pass


async def test_a_door_that_returns_no_candidate_has_failed() -> None:
    door: Model = Door(lambda sampling, n: [])
    candidates = await Limited(door, Endpoint(1), max_retries=1).sample(PROMPT, SAMPLING, 2)
    assert [candidate.error for candidate in candidates] == ["door answered without any candidate"] * 2


async def test_an_unexpected_error_is_raised_and_costs_no_slot() -> None:
    def broken(sampling: Sampling, n: int) -> list[Candidate]:
        raise KeyError("a bug")

    model = Limited(Door(broken), Endpoint(1))
    for _ in range(2):
        with pytest.raises(KeyError):
            async with asyncio.timeout(5):
                await model.sample(PROMPT, SAMPLING, 1)


async def test_a_limit_on_n_that_the_door_learns_is_the_models_limit() -> None:
    door = Door(lambda sampling, n: [Candidate("a", "door", sampling.seed)])
    model = Limited(door, Endpoint(1))
    door.max_n = 1
    assert model.max_n == 1
