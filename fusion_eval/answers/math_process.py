"""The process that compares mathematics: it limits its memory and the time of each comparison."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Callable
from types import FrameType

from fusion_eval.answers.same_statement import is_same_statement

CPU_SECONDS = 1.0
"""Processor time that one comparison may take."""
MEMORY_BYTES = 2 << 30
"""Address space of the process."""


class _TimeUp(BaseException):
    """The time is up. It derives from BaseException so that sympy does not catch it."""


def serve() -> None:
    """Read pairs of formulas, a JSON array a line, and write one byte for each: 1 if they are equal, else 0."""
    _limit_memory()
    # What loads at the first use does not count as time of a comparison.
    is_same_statement("x=1", "2x=2")
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # libraries may print, and only replies belong on stdout
    out.write(b"1")
    out.flush()
    for line in sys.stdin.buffer:
        out.write(b"1" if _in_time(is_same_statement, *json.loads(line)) else b"0")
        out.flush()


def _limit_memory() -> None:
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    with contextlib.suppress(ValueError, OSError):  # some systems have no such limit
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _in_time(compare: Callable[[str, str], bool], answer: str, reference: str) -> bool:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _TimeUp

    try:
        if sys.platform != "win32":
            signal.signal(signal.SIGPROF, stop)
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS, 0.1)  # repeated, in case the first is swallowed
        return compare(answer, reference)
    except (Exception, _TimeUp):
        return False
    finally:
        _stop_the_clock()


def _stop_the_clock() -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, 0)
