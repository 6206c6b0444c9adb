"""How the time of a function grows with the size of its input. Tests compare two sizes instead of asserting a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

NOISE = 1e-3
"""Seconds below which a measurement says nothing."""
Input = TypeVar("Input")


def grows_less_than(
    factor: float, function: Callable[[Input], object], small: Sequence[Input], large: Sequence[Input]
) -> bool:
    """Return whether the large input takes less than `factor` times as long as the small one.

    The fastest run of each size counts. A pair of inputs is measured only while those before it say no:
    a busy machine costs another measurement, and growth that is too fast says no every time.
    The first small input runs once more beforehand, because a first call may compile patterns.
    """
    function(small[0])
    times: tuple[list[float], list[float]] = ([], [])
    for pair in zip(small, large, strict=True):
        for seconds, value in zip(times, pair, strict=True):
            started = time.process_time()
            function(value)
            seconds.append(time.process_time() - started)
        if max(min(times[1]), NOISE) < factor * max(min(times[0]), NOISE):
            return True
    return False
