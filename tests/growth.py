"""How the time of a function grows with the size of its input. Tests compare two sizes instead of asserting a time."""

from __future__ import annotations

import time
from collections.abc import Callable

NOISE = 1e-3
"""Seconds below which a measurement says nothing."""


def time_ratio(function: Callable[[str], object], small: list[str], large: list[str]) -> float:
    """Return the time for the large inputs, relative to that for the small ones. The fastest run of each counts."""
    return max(_fastest(function, large), NOISE) / max(_fastest(function, small), NOISE)


def _fastest(function: Callable[[str], object], inputs: list[str]) -> float:
    times = []
    for text in inputs:
        start = time.process_time()
        function(text)
        times.append(time.process_time() - start)
    return min(times)
