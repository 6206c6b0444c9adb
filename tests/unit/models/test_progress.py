"""The progress bar shows what the endpoints do, and only on a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.progress import activity, progress


def endpoint(calls: int, retries: int, held: int) -> Endpoint:
    endpoint = Endpoint(64)
    endpoint.calls, endpoint.retries, endpoint.slots.held = calls, retries, held
    return endpoint


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_activity_is_the_sum_over_the_endpoints() -> None:
    endpoints = [endpoint(100, 2, 12), endpoint(50, 1, 3)]
    assert activity(endpoints, 10.0, None) == "15 calls in flight, 15.0 calls/s, 3 retries"
    assert activity([], 0.0, None) == "0 calls in flight, 0.0 calls/s, 0 retries"


def test_the_cost_is_shown_where_it_is_known() -> None:
    assert activity([endpoint(150, 3, 15)], 10.0, 0.123).endswith("3 retries, $0.123000")


def test_calls_and_retries_of_an_earlier_strategy_do_not_count() -> None:
    assert activity([endpoint(150, 3, 2)], 10.0, None, before=(100, 2)).endswith("5.0 calls/s, 1 retries")


@pytest.mark.parametrize(
    ("stream", "off", "shown"),
    [(Terminal(), False, True), (Terminal(), True, False), (io.StringIO(), False, False)],
    ids=["on a terminal", "turned off", "in a file"],
)
def test_the_bar_is_shown_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, off: bool, shown: bool
) -> None:
    # given
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("fusion_eval.models.progress._REFRESH_SECONDS", -1.0)
    used = endpoint(7, 1, 2)
    # when
    with progress("fusion", 3, lambda: [used], lambda: None, off=off) as advance:
        used.retries += 5
        for _ in range(3):
            advance()
    # then
    assert ("fusion" in stream.getvalue() and "5 retries" in stream.getvalue()) == shown
