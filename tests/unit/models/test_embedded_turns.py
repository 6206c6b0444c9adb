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


async def test_requests_of_one_model_run_at_once_for_as_long_as_no_other_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given
    monkeypatch.setattr(module, "SHORTEST_TURN", -1.0)
    turns, together = Turns(), asyncio.Barrier(3)

    async def request() -> None:
        async with turns.hold("a"):
            await together.wait()

    # when / then: each waits for all three
    await asyncio.wait_for(asyncio.gather(*(request() for _ in range(3))), timeout=10)


@pytest.mark.parametrize(
    ("shortest", "expected"),
    [(0.0, ["a", "b", "a"]), (3600.0, ["a", "a", "b"])],
    ids=["a long turn ends", "a short turn goes on"],
)
async def test_a_turn_ends_when_it_was_long_and_another_model_waits(
    shortest: float, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(module, "SHORTEST_TURN", shortest)
    turns, order = Turns(), []

    async def request(owner: str) -> None:
        async with turns.hold(owner):
            order.append(owner)
            await asyncio.sleep(0.001)

    # when
    await asyncio.gather(request("a"), request("b"), request("a"))
    # then
    assert order == expected


async def test_a_model_that_has_had_its_turn_waits_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a model that waited for another one, and is done
    monkeypatch.setattr(module, "SHORTEST_TURN", -1.0)
    turns, together = Turns(), asyncio.Barrier(2)

    async def request(owner: str) -> None:
        async with turns.hold(owner):
            await asyncio.sleep(0.001)

    await asyncio.gather(request("a"), request("b"))

    # when
    async def at_once() -> None:
        async with turns.hold("a"):
            await together.wait()

    # then requests of the other one run at once
    await asyncio.wait_for(asyncio.gather(at_once(), at_once()), timeout=10)


async def test_requests_one_after_another_keep_no_other_model_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a model whose next request comes at once
    monkeypatch.setattr(module, "SHORTEST_TURN", 0.0)
    turns, order = Turns(), []

    async def requests(owner: str, number: int) -> None:
        for _ in range(number):
            async with turns.hold(owner):
                order.append(owner)
                await asyncio.sleep(0.001)

    # when
    await asyncio.gather(requests("a", 5), requests("b", 1))
    # then
    assert order == ["a", "b", "a", "a", "a", "a"]


async def test_a_model_waits_for_no_other_that_was_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a model whose turn is over, because another one waits
    monkeypatch.setattr(module, "SHORTEST_TURN", 0.0)
    turns, release = Turns(), asyncio.Event()

    async def request(owner: str) -> None:
        async with turns.hold(owner):
            await release.wait()

    first = asyncio.create_task(request("a"))
    await asyncio.sleep(0.001)
    other, second = asyncio.create_task(request("b")), asyncio.create_task(request("a"))
    await asyncio.sleep(0.001)
    # when
    other.cancel()
    await asyncio.sleep(0.001)
    release.set()
    # then
    await asyncio.wait_for(asyncio.gather(first, second), timeout=10)


async def test_a_request_alone_runs_beside_no_other_and_goes_first() -> None:
    # given a request in flight and others that come after the one that wants to be alone
    turns, running, seen, order = Turns(), [], [], []

    async def request(name: str, *, alone: bool = False) -> None:
        async with turns.hold("a", alone=alone):
            order.append(name)
            running.append(name)
            await asyncio.sleep(0.001)
            seen.append((name, len(running)))
            running.remove(name)

    # when
    first = asyncio.create_task(request("first"))
    await asyncio.sleep(0)
    await asyncio.gather(first, *(request(name, alone=name == "alone") for name in ("alone", "x", "y")))
    # then
    assert order == ["first", "alone", "x", "y"]
    assert seen[:2] == [("first", 1), ("alone", 1)]
    assert seen[2] == ("x", 2)


async def test_a_cancelled_request_that_wanted_to_be_alone_lets_the_others_in() -> None:
    # given
    turns = Turns()

    async def request(alone: bool) -> None:
        async with turns.hold("a", alone=alone):
            await together.wait()

    together = asyncio.Barrier(2)
    first = asyncio.create_task(request(False))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(request(True))
    await asyncio.sleep(0)
    second = asyncio.create_task(request(False))
    await asyncio.sleep(0)
    # when
    waiting.cancel()
    # then the others run at once
    await asyncio.wait_for(asyncio.gather(first, second), timeout=10)


async def test_a_request_cancelled_twice_is_in_flight_no_more() -> None:
    # given a request whose cancellation waits for the lock
    turns = Turns()

    async def request() -> None:
        async with turns.hold("a"):
            await asyncio.sleep(60)

    running = asyncio.create_task(request())
    await asyncio.sleep(0)
    async with turns._changed:
        running.cancel()
        await asyncio.sleep(0)
        # when
        running.cancel()
        await asyncio.sleep(0)
    # then another model has its turn
    async with asyncio.timeout(10), turns.hold("b"):
        pass


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


async def test_no_request_joins_those_in_flight_when_a_rest_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a request in flight after the rate fell
    monkeypatch.setattr(module, "REDUCED_FOR", -1.0)
    turns, joined = Turns(), []

    async def request() -> None:
        async with turns.hold("a"):
            joined.append(turns.rests)

    async with turns.hold("a"):
        turns.record("a", 10, reduced=True)
        # when
        other = asyncio.create_task(request())
        await asyncio.sleep(0.001)
        assert not joined
    # then the other one begins after a rest
    await asyncio.wait_for(other, timeout=10)
    assert joined == [2]


async def rests_at_requests(*reduced: bool) -> list[int]:
    """Send requests one after another, with or without fewer threads than cores, and return the rests before each."""
    turns, rests = Turns(), []
    for fewer in reduced:
        async with turns.hold("a"):
            rests.append(turns.rests)
            await asyncio.sleep(0.001)
            turns.record("a", 10, reduced=fewer)
    return rests


async def test_threads_are_chosen_again_only_after_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REDUCED_FOR", 0.0)
    assert await rests_at_requests(False, False, True, False) == [1, 1, 1, 2]


async def test_fewer_threads_than_cores_are_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a while that is shorter than the clock's reading
    monkeypatch.setattr(module, "REDUCED_FOR", asyncio.get_running_loop().time() / 2)
    # when, then
    assert await rests_at_requests(True, True, True) == [1, 1, 1]


async def test_threads_are_chosen_again_when_the_rate_has_fallen(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a rate that falls at the second request
    falls = iter([False, True, False])
    monkeypatch.setattr(Rate, "fell", lambda rate, tokens, now: next(falls))
    # when, then
    assert await rests_at_requests(False, False, False) == [1, 1, 2]


async def test_the_time_of_another_models_turn_does_not_slow_the_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given windows that end at once
    monkeypatch.setattr(module, "CHECK_EVERY", 0.01)
    turns, rests = Turns(), []
    # when a model waits for the turn of another one, which takes long
    for owner, seconds in [("a", 0.02), ("a", 0.02), ("b", 0.3), ("a", 0.0), ("a", 0.02)]:
        async with turns.hold(owner):
            rests.append(turns.rests)
            await asyncio.sleep(seconds)
            turns.record(owner, 100, reduced=False)
    # then
    assert rests == [1] * 5


def test_a_rate_far_below_the_best_has_fallen() -> None:
    rate = Rate(0.0)
    assert not rate.fell(600, 30.0)  # 20 tokens/s
    assert not rate.fell(450, 60.0)  # 15
    assert not rate.fell(10, 61.0)  # the window is not over
    assert rate.fell(200, 90.0)  # 7
    assert not rate.fell(200, 120.0)  # 7 is the rate to beat now


def test_turns_last_as_long_as_their_event_loop() -> None:
    # given event loops whose requests had to wait for each other
    async def request(owner: str) -> Turns:
        async with module.turns().hold(owner):
            await asyncio.sleep(0.001)
        return module.turns()

    async def requests() -> list[Turns]:
        return await asyncio.gather(request("a"), request("b"))

    # when
    one, other = asyncio.run(requests())
    asyncio.run(requests())
    # then requests of one loop share them, and those of a closed loop are gone
    assert one is other
    assert one not in module._of_loop.values()
