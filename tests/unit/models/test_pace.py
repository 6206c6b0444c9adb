"""The limit of an endpoint: it rises by one, falls by shares, and is not fooled by requests that just take longer."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.models.pace import Pace


def answer(pace: Pace, times: int, latency: float, now: float = 0.0) -> float:
    """So many answers one after the other, each of this latency; the time at the end."""
    for _ in range(times):
        pace.answered(now, now + latency)
        now += latency
    return now


@given(st.integers(1, 100), st.lists(st.one_of(st.just(None), st.floats(0.001, 10)), max_size=300))
def test_the_limit_is_between_1_and_the_ceiling_whatever_happens(
    ceiling: int, happened: list[float | None]
) -> None:
    pace, now = Pace(ceiling), 0.0
    for latency in happened:
        if latency is None:
            pace.overloaded(now, now + 0.1)
        else:
            pace.answered(now, now + latency)
        now += latency or 0.1
        assert 1 <= pace.limit <= ceiling


def test_an_overloaded_endpoint_gets_half_and_one_more_for_every_round_that_goes_well() -> None:
    pace = Pace(64)
    pace.overloaded(started=0.0, now=1.0)
    assert pace.limit == 32
    answer(pace, 31, 0.1, now=2.0)
    assert pace.limit == 32
    answer(pace, 1, 0.1, now=6.0)
    assert pace.limit == 33


def test_refusals_of_requests_that_were_sent_together_count_once() -> None:
    pace = Pace(64)
    for _ in range(40):
        pace.overloaded(started=0.5, now=1.0)
    assert pace.limit == 32
    pace.overloaded(started=1.5, now=2.0)  # sent after the limit had fallen
    assert pace.limit == 16


def test_a_server_that_queues_is_asked_for_less_until_it_does_not() -> None:
    # given a server that works on 16 requests at a time, so that the latency grows with what it is asked beyond that
    pace, now = Pace(128), 0.0
    seen = []
    for _ in range(20):
        for _ in range(600):
            latency = (
                0.1 * max(1.0, pace.limit / 16) if seen else 0.1
            )  # at first, somebody else has not come yet
            pace.answered(now, now + latency)
            now += latency / pace.limit
        seen.append(pace.limit)
    assert min(seen) < 64


def test_requests_that_take_longer_for_their_own_reasons_are_asked_for_as_before() -> None:
    # given short calls of a judge, and then long ones of a fusor, on an endpoint that has room for all
    pace = Pace(32)
    now = answer(pace, 400, 0.05)
    now = answer(pace, 128, 5.0, now)
    assert pace.limit < 32  # it may have been the endpoint
    now = answer(pace, 128, 5.0, now)
    assert pace.limit == 32  # it was not
    answer(pace, 2_000, 5.0, now)
    assert pace.limit == 32


def test_a_long_tail_is_no_slow_endpoint() -> None:
    draw = random.Random(0)
    pace, now = Pace(64), 0.0
    for _ in range(20_000):
        latency = draw.lognormvariate(-1.6, 1.0)
        pace.answered(now, now + latency)
        now += latency / 64
        assert pace.limit == 64
