"""The bar of a run: what the endpoints are doing, on a terminal alone."""

from __future__ import annotations

import io
import sys

import pytest

from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.progress import activity, progress


def endpoint(calls: int, retries: int, held: int) -> Endpoint:
    made = Endpoint(64)
    made.calls, made.retries, made.slots.held = calls, retries, held
    return made


def test_it_adds_up_the_endpoints_and_shows_a_cost_where_one_is_known() -> None:
    two = [endpoint(100, 2, 12), endpoint(50, 1, 3)]
    assert activity(two, 10.0, None) == "15 calls in flight, 15.0 calls/s, 3 retries"
    assert activity(two, 10.0, 0.123) == "15 calls in flight, 15.0 calls/s, 3 retries, $0.123000"
    assert activity([], 0.0, None) == "0 calls in flight, 0.0 calls/s, 0 retries"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "off", "shown"), [(Terminal(), False, True), (Terminal(), True, False), (io.StringIO(), False, False)])  # fmt: skip
def test_it_is_shown_on_a_terminal_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, off: bool, shown: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("fusion_eval.models.progress._EVERY", -1.0)
    asked = endpoint(7, 1, 2)
    with progress("fusion", 3, lambda: [asked], lambda: None, off=off) as answered:
        asked.retries += 5
        for _ in range(3):
            answered()
    assert ("fusion" in stream.getvalue() and "5 retries" in stream.getvalue()) == shown


def test_what_an_earlier_strategy_asked_is_not_in_the_bar_of_the_next() -> None:
    assert activity([endpoint(150, 3, 2)], 10.0, None, before=(100, 2)).endswith("5.0 calls/s, 1 retries")
