"""An endpoint has so many requests in flight and no more; those that complete a pool's answer go first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.models.slots import Slots


@dataclass(frozen=True)
class Request:
    """How one request of a schedule behaves, in turns of the event loop."""

    urgent: bool
    arrives: int
    takes: int
    cancelled_at: int | None = None


REQUESTS = st.lists(
    st.builds(
        Request,
        urgent=st.booleans(),
        arrives=st.integers(0, 8),
        takes=st.integers(0, 5),
        cancelled_at=st.none() | st.integers(0, 12),
    ),
    max_size=12,
)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def run(slots: Slots, size: int, requests: list[Request]) -> None:
    """The whole schedule; asserts all the way that no more than `size` are in flight."""
    in_flight = 0

    async def ask(request: Request) -> None:
        nonlocal in_flight
        await turns(request.arrives)
        async with slots.one(request.urgent):
            in_flight += 1
            assert in_flight <= size
            try:
                await turns(request.takes)
            finally:
                in_flight -= 1

    async def cancel(request: Request, task: asyncio.Task[None]) -> None:
        if request.cancelled_at is not None:
            await turns(request.cancelled_at)
            task.cancel()

    tasks = [asyncio.create_task(ask(request)) for request in requests]
    await asyncio.gather(*(cancel(*pair) for pair in zip(requests, tasks, strict=True)))
    ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), timeout=5)
    assert all(error is None or isinstance(error, asyncio.CancelledError) for error in ended)


@given(st.integers(1, 3), REQUESTS)
def test_never_more_than_size_in_flight_and_no_slot_is_lost_whoever_is_cancelled(
    size: int, requests: list[Request]
) -> None:
    async def schedule_then_all_at_once() -> None:
        slots = Slots(size)
        await run(slots, size, requests)

        # A lost slot would let fewer in than `size`; one too many would trip the assertion in `run`.
        inside = [slots.one(urgent=False) for _ in range(size)]
        await asyncio.wait_for(asyncio.gather(*(slot.__aenter__() for slot in inside)), timeout=5)
        for slot in inside:
            await slot.__aexit__(None, None, None)
        await run(slots, size, [Request(False, 0, 2)] * (2 * size))

    asyncio.run(schedule_then_all_at_once())


@given(st.integers(1, 3), st.lists(st.booleans(), max_size=12))
def test_urgent_requests_go_first_and_equals_in_order_of_arrival(size: int, urgencies: list[bool]) -> None:
    async def order() -> list[tuple[bool, int]]:
        slots, served = Slots(size), []

        async def ask(urgent: bool, number: int) -> None:
            async with slots.one(urgent):
                served.append((urgent, number))

        busy = [slots.one(urgent=False) for _ in range(size)]
        for slot in busy:
            await slot.__aenter__()
        waiting = [asyncio.create_task(ask(urgent, i)) for i, urgent in enumerate(urgencies)]
        await turns(2)
        assert served == [], "all slots are taken"
        for slot in busy:
            await slot.__aexit__(None, None, None)
        await asyncio.gather(*waiting)
        return served

    served = asyncio.run(order())

    assert served == sorted(served, key=lambda request: (not request[0], request[1]))
    assert len(served) == len(urgencies)


async def test_whoever_is_cancelled_just_as_its_turn_comes_hands_the_slot_on() -> None:
    slots = Slots(1)
    holder = slots.one(urgent=False)
    await holder.__aenter__()
    unlucky = asyncio.create_task(slots.one(urgent=False).__aenter__())
    await turns(1)

    await holder.__aexit__(None, None, None)  # hands the slot over …
    unlucky.cancel()  # … to one that is cancelled before it can run
    with pytest.raises(asyncio.CancelledError):
        await unlucky

    async with asyncio.timeout(1), slots.one(urgent=False):
        pass


def test_slots_outlive_an_event_loop_that_was_stopped_with_requests_waiting() -> None:
    """The harness asks for log-likelihoods and for texts in a loop each."""
    slots = Slots(1)

    async def interrupted() -> None:
        async with slots.one(urgent=False):
            for _ in range(3):
                asyncio.create_task(slots.one(urgent=True).__aenter__())  # noqa: RUF006 - left behind on purpose
            await turns(1)

    async def again() -> None:
        async with asyncio.timeout(1), slots.one(urgent=False):
            pass

    asyncio.run(interrupted())
    asyncio.run(again())
