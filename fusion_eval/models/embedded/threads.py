"""Choose how many threads llama.cpp gets, and how they wait, from a short measurement of what the machine has free."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

_MEASUREMENTS = 3
_SECONDS = 0.1
_TOLERANCE = 0.3
"""Part of a core that may be busy and still counts as free: the event loop and the store of this process need some."""
_SLEEPERS = 4
"""Threads for each free core if they sleep at barriers. Beside busy processes two such threads were faster than one."""
_SPINS = "100000"
"""GNU OpenMP's iterations before a thread sleeps: about 5 milliseconds."""
WAITING = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
"""The variables that tell OpenMP how threads wait for each other."""
_DATA = bytes(1 << 20)
_loaded_with: dict[str, str] = {}
"""The variables as they were when this process loaded llama.cpp."""


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
    """Measure the free cores, and return the number of threads for llama.cpp."""
    free = statistics.median(free_cores() for _ in range(_MEASUREMENTS))
    return threads_for(free, sleep=_threads_sleep())


def threads_for(free: float, *, sleep: bool) -> int:
    """Return the number of threads for so many free cores: at least one, at most one for each core.

    Threads wait for each other after each operation. So a spinning thread beyond the free cores makes all others slower.
    A sleeping one leaves its core to them, and gets its share of a busy core.

    Args:
        free: Seconds of processor time that this process gets in each second.
        sleep: Whether threads sleep while they wait for each other. Otherwise they spin.
    """
    useful = free * _SLEEPERS if sleep else free + _TOLERANCE
    return max(1, min(cores(), math.floor(useful)))


@contextlib.contextmanager
def barrier_policy() -> Iterator[None]:
    """Let llama.cpp, loaded in the block, spin at barriers on an idle machine, and sleep there beside busy processes.

    A thread that spins beside a busy process can lose a whole time slice. A thread that sleeps in a virtual machine can
    wake late. OpenMP reads the variables once, when it is loaded. Afterwards other libraries find them unset again.
    """
    if "xllamacpp" in sys.modules:
        yield
        return
    variables = {}
    if WAITING.isdisjoint(os.environ):
        variables["OMP_WAIT_POLICY"] = "passive"
        if threads_for(free_cores(), sleep=False) == cores():
            variables["GOMP_SPINCOUNT"] = _SPINS
    os.environ |= variables
    _loaded_with.clear()
    _loaded_with.update((name, os.environ[name]) for name in WAITING if name in os.environ)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)


def _threads_sleep() -> bool:
    """Return whether llama.cpp's threads sleep at barriers. Only GNU OpenMP, as on Linux, heeds the variables."""
    spins, policy = _loaded_with.get("GOMP_SPINCOUNT"), _loaded_with.get("OMP_WAIT_POLICY", "")
    return sys.platform == "linux" and (spins == "0" if spins else policy.lower() == "passive")


def _work_until(deadline: float) -> float:
    """Work until the deadline, and return the processor time that this thread got."""
    started = time.thread_time()
    while time.perf_counter() < deadline:
        hashlib.sha256(_DATA).digest()  # releases the interpreter's lock
    return time.thread_time() - started
