"""A door made reliable: retries that end, an endpoint that is given up, slots that come back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_server import Fault, Plan, Reply, Server, default_reply, default_text

from fusion_eval.errors import ContextOverflowError, EndpointError, RequestError, TransientError
from fusion_eval.models import Model, limited
from fusion_eval.models.endpoint import GIVE_UP_AFTER, Endpoint
from fusion_eval.models.limited import (
    FIRST_PAUSE,
    LONGEST_ASKED,
    LONGEST_PAUSE,
    OVERLOADED_PAUSE,
    Limited,
)
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Prompt, Sampling

Start = Callable[[Plan], Server]
PROMPT = Prompt("Why?")
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=3)
real_pause = limited.pause


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were to be waited; nobody waits for them."""
    waited: list[float] = []

    def no_pause(attempt: int, error: TransientError) -> float:
        waited.append(real_pause(attempt, error))
        return 0.0

    monkeypatch.setattr(limited, "pause", no_pause)
    return waited


@contextlib.asynccontextmanager
async def opened(server: Server, concurrency: int = 4, **options: Any) -> AsyncIterator[Limited]:
    door = OpenAIModel("test-model", server.base_url, timeout=10)
    model = Limited(door, Endpoint(concurrency), **options)
    try:
        yield model
    finally:
        await model.close()


def always(fault: Fault) -> Callable[[int, Any], Fault]:
    return lambda number, request: fault


def prompts(count: int) -> list[Prompt]:
    return [Prompt(f"prompt {i}") for i in range(count)]


def refusal(message: str) -> Fault:
    return Fault("status", 400, body={"error": {"message": message}})


# Retries


async def test_a_request_that_fails_for_a_while_is_answered_in_the_end(openai_server: Start) -> None:
    kinds = [Fault("status", 503), Fault("reset"), Fault("truncated_json"), Fault("empty_body"), None]
    server = openai_server(Plan(faults=lambda number, request: kinds[number - 1]))
    async with opened(server) as model:
        [candidate] = await model.sample(PROMPT, SAMPLING, 1)
    assert candidate.text == default_text("test-model", "Why?", 3, 0.7) and candidate.error is None
    assert len(server.calls) == 5


@pytest.mark.parametrize("retries", [0, 2])
async def test_a_request_that_always_fails_becomes_failed_candidates(
    openai_server: Start, retries: int
) -> None:
    """Other tools retry one deterministic 500 more than a thousand times, or lose the whole run to it."""
    server = openai_server(Plan(faults=always(Fault("status", 500))))
    async with opened(server, max_retries=retries) as model:
        candidates = await model.sample(PROMPT, SAMPLING, 3)
    assert len(server.calls) == retries + 1
    assert [candidate.seed for candidate in candidates] == [3, 4, 5]
    assert {(candidate.text, candidate.finish_reason) for candidate in candidates} == {("", "error")}
    assert all("answered 500 for test-model" in str(candidate.error) for candidate in candidates)


async def test_a_refused_key_is_asked_with_once(openai_server: Start) -> None:
    server = openai_server(Plan(api_key="right"))
    async with opened(server) as model:
        with pytest.raises(EndpointError):
            await model.sample(PROMPT, SAMPLING, 1)
    assert len(server.calls) == 1


async def test_the_wait_that_a_server_asks_for_is_kept(openai_server: Start, pauses: list[float]) -> None:
    slow_down = Fault("status", 429, retry_after=7)
    server = openai_server(Plan(faults=lambda number, request: slow_down if number == 1 else None))
    async with opened(server) as model:
        await model.sample(PROMPT, SAMPLING, 1)
    [waited] = pauses
    assert 7 <= waited <= 7 + FIRST_PAUSE * OVERLOADED_PAUSE


async def test_a_server_that_asks_to_wait_for_a_day_is_told_and_not_waited_for(openai_server: Start) -> None:
    later = Fault("status", 429, retry_after=86_400)
    server = openai_server(Plan(faults=lambda number, request: later))
    async with opened(server) as model:
        with pytest.raises(EndpointError, match=r"asks to wait 86,400 s .* run again to go on"):
            await model.sample(PROMPT, SAMPLING, 1)
    assert len(server.calls) == 1


@given(st.integers(0, 5000), st.none() | st.floats(0, LONGEST_ASKED), st.booleans())
def test_a_pause_grows_to_a_limit_on_top_of_what_was_asked(
    attempt: int, asked: float | None, overloaded: bool
) -> None:
    pause = real_pause(attempt, TransientError("", asked, overloaded=overloaded))
    least = asked or 0.0
    first = FIRST_PAUSE * (OVERLOADED_PAUSE if overloaded else 1)
    assert least <= pause <= least + min(LONGEST_PAUSE, first * 2 ** min(attempt, 16))


def test_a_server_that_asks_for_no_pause_is_not_asked_again_at_once() -> None:
    """Proxies send `Retry-After: 0`, and a wrong clock makes any date a past one: all tries would go out together."""
    pauses = [real_pause(4, TransientError("", 0.0)) for _ in range(50)]
    assert max(pauses) > FIRST_PAUSE


@pytest.mark.parametrize(("capacity", "count"), [(1, 70), (8, 300)])
async def test_an_endpoint_with_room_for_few_is_found_out_and_loses_no_prompt(
    openai_server: Start, monkeypatch: pytest.MonkeyPatch, capacity: int, count: int
) -> None:
    """64 at once, room for 8: whoever is refused must not go on asking in the place of those that fit."""
    monkeypatch.setattr(limited, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(limited, "pause", real_pause)
    server = openai_server(Plan(capacity=capacity, latency=0.05))
    async with opened(server, concurrency=64) as model:
        pools = await gather_or_cancel(model.sample(prompt, SAMPLING, 1) for prompt in prompts(count))
        assert all(candidate.error is None for pool in pools for candidate in pool)
        refused = sum(call.status == 429 for call in server.calls)
        assert 64 - capacity <= refused <= 4 * count
        assert model.endpoint.slots.size <= 2 * capacity + 2


async def test_one_forbidden_prompt_is_not_an_endpoint_that_forbids_all(openai_server: Start) -> None:
    """A moderator or a firewall answers 403 to one prompt; taken for a wrong key, it would end the run for ever."""
    forbidden = Fault("status", 403, body={"error": {"message": "This prompt was flagged."}})
    server = openai_server(Plan(faults=lambda number, request: forbidden if number == 2 else None))
    async with opened(server) as model:
        got = [(await model.sample(prompt, SAMPLING, 1))[0] for prompt in prompts(3)]
    assert [bool(candidate.error) for candidate in got] == [False, True, False]
    assert "This prompt was flagged" in str(got[1].error) and len(server.calls) == 3


async def test_an_endpoint_that_asks_for_patience_gets_no_other_prompts_meanwhile(
    openai_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every prompt of a run is thrown at an endpoint that has just said that it is too much."""
    patient = asyncio.Event()

    def long_pause(attempt: int, asked: float | None) -> float:
        patient.set()
        return 3600.0

    monkeypatch.setattr(limited, "pause", long_pause)
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 429) if number == 1 else None))
    async with opened(server, concurrency=1) as model, asyncio.timeout(5):
        first = asyncio.create_task(model.sample(Prompt("first"), SAMPLING, 1))
        await patient.wait()
        second = asyncio.create_task(model.sample(Prompt("second"), SAMPLING, 1))
        await asyncio.sleep(0.02)
        assert len(server.calls) == 1
        first.cancel()
        [candidate] = await second
    assert candidate.error is None, "whoever is cancelled while it waits gives its slot back"


# Answers that went astray


def astray_at_first(times: int, reply: Reply) -> Plan:
    """The first answers are `reply`, later ones sound."""
    asked = itertools.count()
    return Plan(reply=lambda request, index: reply if next(asked) < times else default_reply(request, index))


@pytest.mark.parametrize(
    "reply", [Reply(""), Reply("Beca", finish_reason="length")], ids=["empty", "cut short"]
)
async def test_an_answer_that_went_astray_is_asked_for_again(openai_server: Start, reply: Reply) -> None:
    """Others score it as what the model wrote."""
    server = openai_server(astray_at_first(1, reply))
    async with opened(server, looks=2) as model:
        candidates = await model.sample(PROMPT, SAMPLING, 2)
    assert [c.text for c in candidates] == [default_text("test-model", "Why?", 3 + i, 0.7) for i in range(2)]
    assert [c.retries for c in candidates] == [1, 0]
    assert [(call.body.get("n", 1), call.body["seed"]) for call in server.calls] == [(2, 3), (1, 3)]


async def test_a_model_that_writes_nothing_is_believed_in_the_end(openai_server: Start) -> None:
    server = openai_server(Plan(reply=lambda request, index: ""))
    async with opened(server, looks=2) as model:
        [candidate] = await model.sample(PROMPT, SAMPLING, 1)
    assert (candidate.text, candidate.error, candidate.retries) == ("", None, 2)
    assert len(server.calls) == 3


async def test_an_answer_as_long_as_was_allowed_is_an_answer(openai_server: Start) -> None:
    server = openai_server(Plan(reply=lambda request, index: "word " * 100))
    async with opened(server, looks=2) as model:
        [candidate] = await model.sample(PROMPT, SAMPLING, 1)
    assert candidate.finish_reason == "length" and candidate.completion_tokens == SAMPLING.max_tokens
    assert len(server.calls) == 1


# Refusals


async def test_a_refused_prompt_is_a_failed_candidate_for_a_sampler_and_an_error_for_who_aggregates(
    openai_server: Start,
) -> None:
    server = openai_server(Plan(faults=always(refusal("This prompt is against the rules."))))
    async with opened(server) as sampler:
        [candidate] = await sampler.sample(PROMPT, SAMPLING, 1)
    async with opened(server, urgent=True) as fusor:
        with pytest.raises(RequestError, match="against the rules"):
            await fusor.sample(PROMPT, SAMPLING, 1)
    assert "against the rules" in str(candidate.error)
    assert len(server.calls) == 2, "it would be refused again"


async def test_a_prompt_that_is_too_long_is_told_apart(openai_server: Start) -> None:
    server = openai_server(Plan(context_tokens=3))
    async with opened(server, urgent=True) as fusor:
        with pytest.raises(ContextOverflowError, match="The prompt is too long for test-model"):
            await fusor.sample(Prompt("one two three four"), SAMPLING, 1)


# An endpoint that is down


async def ask_all(model: Limited, count: int) -> list[list[Candidate]]:
    return await gather_or_cancel(model.sample(prompt, SAMPLING, 2) for prompt in prompts(count))


@pytest.mark.parametrize(
    ("fault", "tries"), [(Fault("status", 500), 3), (refusal("'temperature' is not supported."), 1)]
)
async def test_an_endpoint_that_fails_on_prompt_after_prompt_is_given_up_with_one_message(
    openai_server: Start, fault: Fault, tries: int
) -> None:
    """Other tools send every prompt of the run, with all its retries, to an endpoint that is down."""
    server = openai_server(Plan(faults=always(fault)))
    async with opened(server, max_retries=2) as model:
        with pytest.raises(EndpointError, match=f"failed on {GIVE_UP_AFTER} prompts in a row") as caught:
            await ask_all(model, 200)
    assert "run again to go on" in str(caught.value)
    assert len(server.calls) <= (GIVE_UP_AFTER + 4) * tries, "of 200 prompts"


async def test_an_answer_between_failures_keeps_the_endpoint(openai_server: Start) -> None:
    server = openai_server(
        Plan(faults=lambda number, request: Fault("status", 500) if number % GIVE_UP_AFTER else None)
    )
    async with opened(server, concurrency=1, max_retries=0) as model:
        pools = await ask_all(model, 4 * GIVE_UP_AFTER)
    assert sum(pool[0].error is None for pool in pools) == 4


async def test_one_poisonous_prompt_does_not_condemn_the_endpoint(openai_server: Start) -> None:
    """An endpoint that ignores n gets such a prompt n times."""
    server = openai_server(Plan(faults=always(Fault("status", 500))))
    async with opened(server, max_retries=0) as model:
        for _ in range(2 * GIVE_UP_AFTER):
            [candidate] = await model.sample(PROMPT, SAMPLING, 1)
            assert candidate.error


async def test_prompts_that_a_sound_endpoint_refuses_do_not_condemn_it(openai_server: Start) -> None:
    def faults(number: int, request: Any) -> Fault | None:
        return None if number == 1 else refusal("Filtered by the content policy.")

    server = openai_server(Plan(faults=faults))
    async with opened(server, concurrency=1) as model:
        pools = await ask_all(model, 3 * GIVE_UP_AFTER)
    assert [pool[0].error is None for pool in pools] == [True] + [False] * (3 * GIVE_UP_AFTER - 1)


async def test_prompts_that_are_too_long_do_not_condemn_an_endpoint(openai_server: Start) -> None:
    """A fusor tries with fewer and fewer candidates until they fit."""
    server = openai_server(Plan(context_tokens=1))
    async with opened(server) as model:
        pools = await ask_all(model, 2 * GIVE_UP_AFTER)
    assert all("too long" in str(candidate.error) for pool in pools for candidate in pool)


# Slots


async def test_no_more_requests_are_in_flight_than_there_are_slots(openai_server: Start) -> None:
    server = openai_server(Plan(latency=0.01))
    async with opened(server, concurrency=3) as model:
        await ask_all(model, 12)
    assert server.in_flight_peak == 3


async def test_aggregation_goes_ahead_of_sampling_on_the_same_endpoint(openai_server: Start) -> None:
    server, endpoint = openai_server(Plan(latency=0.01)), Endpoint(1)
    door = OpenAIModel("test-model", server.base_url)
    sampler, fusor = Limited(door, endpoint), Limited(door, endpoint, urgent=True)

    await gather_or_cancel([*(sampler.sample(p, SAMPLING, 1) for p in prompts(4)), fusor.sample(PROMPT, SAMPLING, 1)])
    await door.close()

    order = [call.body["messages"][0]["content"] for call in server.calls]
    assert order == ["prompt 0", "Why?", "prompt 1", "prompt 2", "prompt 3"]


async def test_a_cancelled_sample_gives_its_slot_back(openai_server: Start) -> None:
    arrived = threading.Event()

    def latency(number: int, request: Any) -> float:
        arrived.set()
        return 3600.0 if number == 1 else 0.0

    server = openai_server(Plan(latency=latency))
    async with opened(server, concurrency=1) as model, asyncio.timeout(5):
        running = asyncio.create_task(model.sample(PROMPT, SAMPLING, 1))
        await asyncio.to_thread(arrived.wait, 5)
        running.cancel()
        [candidate] = await model.sample(Prompt("next"), SAMPLING, 1)
    assert candidate.error is None and running.cancelled()


# Doors of all kinds


class Door:
    """A door that a plugin could bring; its server is not for hire here."""

    name = identity = "door"
    chat = True
    max_n: int | None = None

    def __init__(self, answers: Callable[[Sampling, int], list[Candidate]]) -> None:
        self._answers = answers

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        return self._answers(sampling, n)

    async def close(self) -> None:
        pass


async def test_a_door_that_answers_with_nothing_is_a_failure_and_no_endless_loop() -> None:
    door: Model = Door(lambda sampling, n: [])
    candidates = await Limited(door, Endpoint(1), max_retries=1).sample(PROMPT, SAMPLING, 2)
    assert [candidate.error for candidate in candidates] == ["door answered without any candidate"] * 2


async def test_an_error_that_is_none_of_ours_is_not_swallowed_and_costs_no_slot() -> None:
    def broken(sampling: Sampling, n: int) -> list[Candidate]:
        raise KeyError("a bug")

    model = Limited(Door(broken), Endpoint(1))
    for _ in range(2):
        with pytest.raises(KeyError):
            async with asyncio.timeout(5):
                await model.sample(PROMPT, SAMPLING, 1)


async def test_what_a_door_learns_about_n_its_model_knows() -> None:
    door = Door(lambda sampling, n: [Candidate("a", "door", sampling.seed)])
    model = Limited(door, Endpoint(1))
    door.max_n = 1
    assert len(await model.sample(PROMPT, SAMPLING, 5)) == 1
    assert model.max_n == 1


async def test_a_door_without_log_likelihoods_says_which_have_them() -> None:
    model = Limited(Door(lambda sampling, n: []), Endpoint(1))
    with pytest.raises(
        EndpointError, match=r"^door tells no log-probability of a given text, .* use model=embedded, "
    ):
        await model.loglikelihood("a", " b")


async def test_a_log_likelihood_that_cannot_be_had_is_an_error(openai_server: Start) -> None:
    server = openai_server(Plan(faults=always(Fault("status", 503))))
    model = Limited(OpenAIModel("test-model", server.base_url, chat=False), Endpoint(1), max_retries=1)
    with pytest.raises(TransientError, match="answered 503"):
        await model.loglikelihood("a", " b")
    await model.close()
    assert len(server.calls) == 2
