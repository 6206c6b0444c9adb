"""Never more requests hold a slot than there are slots; urgent requests go first; no slot is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.models.slots import Slots


@dataclass(frozen=True)
class Request:
    """When a request arrives, how long it takes, and when it is cancelled, in turns of the event loop."""

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


async def wait_turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def run_schedule(slots: Slots, size: int, requests: list[Request]) -> None:
    """Run all requests, and assert at each moment that no more than `size` hold a slot."""
    in_flight = 0

    async def send(request: Request) -> None:
        nonlocal in_flight
        await wait_turns(request.arrives)
        async with slots.hold(request.urgent):
            in_flight += 1
            assert in_flight <= size
            try:
                await wait_turns(request.takes)
            finally:
                in_flight -= 1

    async def cancel(request: Request, task: asyncio.Task[None]) -> None:
        if request.cancelled_at is not None:
            await wait_turns(request.cancelled_at)
            task.cancel()

    tasks = [asyncio.create_task(send(request)) for request in requests]
    await asyncio.gather(*(cancel(*pair) for pair in zip(requests, tasks, strict=True)))
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), timeout=5)
    assert all(error is None or isinstance(error, asyncio.CancelledError) for error in results)


@given(st.integers(1, 3), REQUESTS)
def test_no_slot_is_lost_or_added_whichever_requests_are_cancelled(
    size: int, requests: list[Request]
) -> None:
    async def run() -> None:
        # when
        slots = Slots(size)
        await run_schedule(slots, size, requests)
        # then all slots can be held
        holders = [slots.hold(urgent=False) for _ in range(size)]
        await asyncio.wait_for(asyncio.gather(*(holder.__aenter__() for holder in holders)), timeout=5)
        for holder in holders:
            await holder.__aexit__(None, None, None)
        # and no more than these
        await run_schedule(slots, size, [Request(False, 0, 2)] * (2 * size))

    asyncio.run(run())


@given(st.integers(1, 3), st.lists(st.booleans(), max_size=12))
def test_urgent_requests_go_first_and_equal_ones_in_order_of_arrival(
    size: int, urgencies: list[bool]
) -> None:
    async def run() -> list[tuple[bool, int]]:
        slots, served = Slots(size), []

        async def send(urgent: bool, number: int) -> None:
            async with slots.hold(urgent):
                served.append((urgent, number))

        # given that all slots are held
        holders = [slots.hold(urgent=False) for _ in range(size)]
        for holder in holders:
            await holder.__aenter__()
        waiting = [asyncio.create_task(send(urgent, number)) for number, urgent in enumerate(urgencies)]
        await wait_turns(2)
        assert served == []
        # when they are released
        for holder in holders:
            await holder.__aexit__(None, None, None)
        await asyncio.gather(*waiting)
        return served

    served = asyncio.run(run())
    assert served == sorted(served, key=lambda request: (not request[0], request[1]))
    assert len(served) == len(urgencies)


async def test_a_request_that_waits_for_a_retry_gives_its_slot_up_only_when_there_are_fewer() -> None:
    # given two slots, both held
    slots = Slots(2)
    first, second = slots.hold(urgent=False), slots.hold(urgent=False)
    await first.__aenter__()
    await second.__aenter__()
    # then a request keeps its slot
    await asyncio.wait_for(slots.reacquire(), timeout=5)
    # until there are fewer
    slots.resize(1)
    reacquiring = asyncio.create_task(slots.reacquire())
    urgent = asyncio.create_task(slots.hold(urgent=True).__aenter__())
    await wait_turns(2)
    assert (slots.held, reacquiring.done()) == (1, False)
    # and it goes ahead of urgent requests
    await second.__aexit__(None, None, None)
    await wait_turns(2)
    assert reacquiring.done() and not urgent.done()
    urgent.cancel()


async def test_a_request_that_is_cancelled_as_it_gets_its_slot_passes_the_slot_on() -> None:
    # given
    slots = Slots(1)
    holder = slots.hold(urgent=False)
    await holder.__aenter__()
    unlucky = asyncio.create_task(slots.hold(urgent=False).__aenter__())
    await wait_turns(1)
    # when it gets the slot and is cancelled before it can run
    await holder.__aexit__(None, None, None)
    unlucky.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unlucky
    # then the slot is free
    async with asyncio.timeout(1), slots.hold(urgent=False):
        pass


def test_slots_work_after_an_event_loop_was_stopped_with_requests_waiting() -> None:
    """Each strategy of a run has an event loop of its own."""
    slots = Slots(1)

    async def interrupted() -> None:
        async with slots.hold(urgent=False):
            for _ in range(3):
                asyncio.create_task(later())  # noqa: RUF006 - left behind on purpose
            await wait_turns(1)

    async def later() -> None:
        async with asyncio.timeout(1), slots.hold(urgent=True):
            pass

    asyncio.run(interrupted())
    asyncio.run(later())
