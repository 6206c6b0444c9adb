"""Choose how many threads llama.cpp gets, from a short measurement of what the machine has free."""

from __future__ import annotations

import hashlib
import math
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

_MEASUREMENTS = 3
_SECONDS = 0.1
_TOLERANCE = 0.3
"""Part of a core that may be busy and still counts as free: the event loop and the store of this process need some."""
_DATA = bytes(1 << 20)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_cores(seconds: float = _SECONDS) -> float:
    """Measure how much processor time this process gets: one thread per core works for a moment.

    Returns:
        Seconds of processor time for each second, between 0 and the number of cores.
    """
    started = time.perf_counter()
    with ThreadPoolExecutor(cores()) as pool:
        used = list(pool.map(lambda _: _work_until(started + seconds), range(cores())))
    return sum(used) / (time.perf_counter() - started)


def choose_threads() -> int:
    """Return the number of threads for llama.cpp: the cores that are free now, at least one.

    Threads wait for each other after each operation, so a thread beyond the free cores makes all others slower.
    """
    free = statistics.median(free_cores() for _ in range(_MEASUREMENTS))
    return threads_for(free)


def threads_for(free: float) -> int:
    """Return the number of threads for so many free cores."""
    return max(1, min(cores(), math.floor(free + _TOLERANCE)))


def _work_until(deadline: float) -> float:
    """Work until the deadline, and return the processor time that this thread got."""
    started = time.thread_time()
    while time.perf_counter() < deadline:
        hashlib.sha256(_DATA).digest()  # releases the interpreter's lock
    return time.thread_time() - started
