"""The limit of an endpoint rises by one and falls by a factor, and slow requests alone do not lower it for long."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.models.pace import Pace


def answer(pace: Pace, times: int, latency: float, now: float = 0.0) -> float:
    """Record answers of one latency, one after the other, and return the time of the last."""
    for _ in range(times):
        pace.answered(now, now + latency)
        now += latency
    return now


OVERLOADED = None


@given(st.integers(1, 100), st.lists(st.one_of(st.just(OVERLOADED), st.floats(0.001, 10)), max_size=300))
def test_the_limit_is_always_between_1_and_the_ceiling(ceiling: int, latencies: list[float | None]) -> None:
    pace, now = Pace(ceiling), 0.0
    for latency in latencies:
        if latency is OVERLOADED:
            pace.overloaded(now, now + 0.1)
        else:
            pace.answered(now, now + latency)
        now += latency or 0.1
        assert 1 <= pace.limit <= ceiling


def test_an_overload_halves_the_limit_and_each_round_of_answers_adds_one() -> None:
    pace = Pace(64)
    pace.overloaded(started=0.0, now=1.0)
    assert pace.limit == 32
    answer(pace, 31, 0.1, now=2.0)
    assert pace.limit == 32
    answer(pace, 1, 0.1, now=6.0)
    assert pace.limit == 33


def test_overloads_of_requests_that_were_sent_before_the_decrease_count_once() -> None:
    pace = Pace(64)
    for _ in range(40):
        pace.overloaded(started=0.5, now=1.0)
    assert pace.limit == 32
    pace.overloaded(started=1.5, now=2.0)  # sent after the decrease
    assert pace.limit == 16


def test_a_server_that_queues_requests_gets_fewer() -> None:
    # given a server that works on 16 requests at a time; in the first round another client's load is missing
    pace, now = Pace(128), 0.0
    limits: list[int] = []
    for _ in range(20):
        for _ in range(600):
            latency = 0.1 * max(1.0, pace.limit / 16) if limits else 0.1
            pace.answered(now, now + latency)
            now += latency / pace.limit
        limits.append(pace.limit)
    # then
    assert min(limits) < 64


def test_requests_that_simply_take_longer_get_their_limit_back() -> None:
    # given short calls of a judge, then long ones of a fusor, on an endpoint with room for all
    pace = Pace(32)
    now = answer(pace, 400, 0.05)
    # when
    now = answer(pace, 128, 5.0, now)
    # then the endpoint is suspected at first
    assert pace.limit < 32
    # and cleared when fewer requests have not helped
    now = answer(pace, 128, 5.0, now)
    assert pace.limit == 32
    answer(pace, 2_000, 5.0, now)
    assert pace.limit == 32


def test_a_long_tail_of_latencies_does_not_lower_the_limit() -> None:
    dice = random.Random(0)
    pace, now = Pace(64), 0.0
    for _ in range(20_000):
        latency = dice.lognormvariate(-1.6, 1.0)
        pace.answered(now, now + latency)
        now += latency / 64
        assert pace.limit == 64
