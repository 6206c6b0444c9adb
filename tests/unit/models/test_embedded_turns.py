"""Models in this process take turns, and a turn ends when the rate falls."""

from __future__ import annotations

import asyncio

import pytest

from fusion_eval.models.embedded import turns as module
from fusion_eval.models.embedded.turns import Rate, Turns


async def test_two_models_never_compute_at_once() -> None:
    # given
    turns, computing, seen = Turns(), [], []

    async def request(owner: str) -> None:
        async with turns.hold(owner):
            computing.append(owner)
            seen.append(set(computing))
            await asyncio.sleep(0.001)
            computing.remove(owner)

    # when
    await asyncio.gather(*(request(owner) for owner in "aababbabab"))
    # then
    assert all(len(owners) == 1 for owners in seen)
    assert len(seen) == 10


async def test_requests_of_one_model_run_at_once() -> None:
    # given
    turns, together = Turns(), asyncio.Barrier(3)

    async def request() -> None:
        async with turns.hold("a"):
            await together.wait()

    # when / then: each waits for all three
    await asyncio.wait_for(asyncio.gather(*(request() for _ in range(3))), timeout=10)


async def test_a_long_turn_ends_when_another_model_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(module, "SHORTEST_TURN", 0.0)
    turns, order = Turns(), []

    async def request(owner: str) -> None:
        async with turns.hold(owner):
            order.append(owner)
            await asyncio.sleep(0.001)

    # when
    await asyncio.gather(request("a"), request("b"), request("a"))
    # then
    assert order == ["a", "b", "a"]


async def test_a_cancelled_request_lets_the_next_one_in() -> None:
    # given
    turns = Turns()

    async def request(owner: str, seconds: float) -> str:
        async with turns.hold(owner):
            await asyncio.sleep(seconds)
            return owner

    running = asyncio.create_task(request("a", 60))
    waiting = asyncio.create_task(request("b", 60))
    last = asyncio.create_task(request("c", 0))
    await asyncio.sleep(0)
    # when
    waiting.cancel()
    running.cancel()
    # then
    assert await asyncio.wait_for(last, timeout=10) == "c"


async def test_threads_are_chosen_again_only_after_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(module, "REDUCED_FOR", 0.0)
    turns = Turns()
    rests = []
    # when
    for reduced in (False, False, True, False):
        async with turns.hold("a"):
            rests.append(turns.rests)
            await asyncio.sleep(0.001)
            turns.record("a", 10, reduced=reduced)
    # then
    assert rests == [1, 1, 1, 2]


def test_a_rate_far_below_the_best_has_fallen() -> None:
    rate = Rate(0.0)
    assert not rate.fell(600, 30.0)  # 20 tokens/s
    assert not rate.fell(450, 60.0)  # 15
    assert not rate.fell(10, 61.0)  # the window is not over
    assert rate.fell(200, 90.0)  # 7
    assert not rate.fell(200, 120.0)  # 7 is the rate to beat now
