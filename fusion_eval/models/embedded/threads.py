"""Choose how many threads llama.cpp gets, and how they wait, from a short measurement of what the machine has free."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import logging
import math
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fusion_eval.errors import ConfigError, nearest

log = logging.getLogger("fusion_eval")
_MEASUREMENTS = 3
_SECONDS = 0.1
_TOLERANCE = 0.3
"""Part of a core that may be busy and still counts as free: the event loop and the store of this process need some."""
_SPINS = "100000"
"""GNU OpenMP's iterations before a thread sleeps: about 5 milliseconds."""
WAITING = frozenset({"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"})
"""The variables that tell OpenMP how threads wait for each other."""
_POLICIES = ("active", "passive")
_NO_SPINS = re.compile(r"\s*0+\s*[kmgt]?\s*", re.IGNORECASE)
_SPIN_COUNT = re.compile(r"\s*(\d+\s*[kmgt]?|infinit[ey])\s*", re.IGNORECASE)
CGROUP = Path("/sys/fs/cgroup")
_QUOTAS = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))
"""Where Linux says how many microseconds of each period a container may use, in both versions of cgroups."""
_DATA = bytes(1 << 20)
_loaded_with: dict[str, str] = {}
"""The variables as they were when llama.cpp was loaded here."""


def cores() -> int:
    """Return how many cores this process may use: those that it may run on, or what its container's quota amounts to."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(affinity, _quota() or affinity))


def _quota() -> int | None:
    """Return the container's quota in cores, rounded up; None without one."""
    for files in _QUOTAS:
        with contextlib.suppress(OSError, ValueError):  # no such file, or the word `max`
            limit, period = (int(word) for file in files for word in (CGROUP / file).read_text().split())
            if limit > 0:
                return math.ceil(limit / period)
    return None


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
    """Return the number of threads for llama.cpp, at least one.

    Threads wait for each other after each operation. So a spinning thread beyond the free cores makes all others slower,
    and there are as many as cores are free now. A sleeping one leaves its core to the others and gets its share of it, so
    there is always one for each core.
    """
    sleep = _threads_sleep()
    number = cores() if sleep else _spinning_threads()
    log.debug("threads of llama.cpp: %d; they %s while they wait", number, "sleep" if sleep else "spin")
    return number


def _spinning_threads() -> int:
    """Measure the free cores, and return as many threads."""
    free = statistics.median(free_cores() for _ in range(_MEASUREMENTS))
    return max(1, min(cores(), math.floor(free + _TOLERANCE)))


@contextlib.contextmanager
def barrier_policy() -> Iterator[None]:
    """Let llama.cpp, loaded in the block, spin at barriers on an idle machine, and sleep there beside busy processes.

    A thread that spins beside a busy process can lose a whole time slice. A thread that sleeps in a virtual machine can
    wake late. OpenMP reads the variables once, when it is loaded. Afterwards other libraries find them unset again.

    Raises:
        ConfigError: One of the variables has a value that OpenMP does not know.
    """
    if "xllamacpp" in sys.modules:
        yield
        return
    _check_variables()
    chosen_by_user = any(os.environ.get(name) for name in WAITING)
    variables = {}
    if not chosen_by_user and not _openmp_is_loaded():
        variables["OMP_WAIT_POLICY"] = "passive"
        if _spinning_threads() == cores():
            variables["GOMP_SPINCOUNT"] = _SPINS
    os.environ |= variables
    _loaded_with.clear()
    _loaded_with.update((name, os.environ[name]) for name in WAITING if name in os.environ)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)


def _check_variables() -> None:
    """Raise an error for values that OpenMP would report and ignore."""
    policy, spins = (os.environ.get(name, "") for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"))
    if policy and policy.strip().lower() not in _POLICIES:
        raise ConfigError(
            f"OMP_WAIT_POLICY={policy} is neither active nor passive.{nearest(policy.lower(), _POLICIES)}"
        )
    if spins and not _SPIN_COUNT.fullmatch(spins):
        raise ConfigError(f"GOMP_SPINCOUNT={spins} is no number of spins, such as 0 or {_SPINS}")


def _openmp_is_loaded() -> bool:
    """Return whether another library has loaded the system's OpenMP, which has read its variables then."""
    try:
        ctypes.CDLL("libgomp.so.1", mode=os.RTLD_NOLOAD)
    except (OSError, AttributeError):  # not loaded, or not Linux
        return False
    return True


def _threads_sleep() -> bool:
    """Return whether llama.cpp's threads sleep at barriers. Only its packages for Linux use GNU OpenMP."""
    spins, policy = _loaded_with.get("GOMP_SPINCOUNT"), _loaded_with.get("OMP_WAIT_POLICY", "")
    return sys.platform == "linux" and (
        _NO_SPINS.fullmatch(spins) is not None if spins else policy.strip().lower() == "passive"
    )


def _work_until(deadline: float) -> float:
    """Work until the deadline, and return the processor time that this thread got."""
    started = time.thread_time()
    while time.perf_counter() < deadline:
        hashlib.sha256(_DATA).digest()  # releases the interpreter's lock
    return time.thread_time() - started
