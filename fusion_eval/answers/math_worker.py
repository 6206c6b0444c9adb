"""Mathematics compared by the library math-verify, in a process of its own that is killed where it takes too long.

Run as a script, this file is that process: it needs no package, no fork and no signals of the caller. Loaded as a
module, it has `worker`, which starts the process and asks it.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

SECONDS = 1.0
"""Of processor time that one comparison may take."""
PATIENCE = 30.0
"""By the clock, for what no signal interrupts in the worker; far more than SECONDS, as the machine may be busy."""
START = 60.0
"""Seconds in which the worker has to start: it imports sympy."""
MEMORY = 2 << 30
"""Bytes of address space of the worker."""


class _Worker:
    """The process that compares, started at the first comparison, after a kill and after a fork."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """In a forked child the process is the parent's, and so may be whoever holds the lock."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def same(self, answer: str, reference: str) -> bool | None:
        """None where that could not be found out in time. A worker that somebody else has killed is replaced once."""
        question = json.dumps([answer, reference]).encode() + b"\n"
        with self._lock:
            for _ in range(2):
                process = self._process
                if process is None or process.poll() is not None:
                    process = self._start()
                try:
                    reply = _ask(process, question, PATIENCE)
                except (
                    BaseException
                ):  # an interrupt: the reply that is still to come would be taken for the next one
                    self.stop()
                    raise
                if reply:
                    return reply == b"1"
                died = process.poll() is not None
                self.stop()
                if not died:
                    break
            return None

    def _start(self) -> subprocess.Popen[bytes]:
        if importlib.util.find_spec("math_verify") is None:
            raise ImportError("answers are compared by math-verify; install it: pip install math-verify")
        # -P: the folder of this file is no place to import from. The hash seed: sympy's order of terms depends on it.
        command = [sys.executable, "-P", str(Path(__file__).resolve())]
        process = subprocess.Popen(  # noqa: S603  this very file; a model's text goes through the pipe alone
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        self._process = process
        if _ask(process, b"", START) != b"1":
            self.stop()
            raise RuntimeError(f"math-verify does not start; see what this says: {' '.join(command)}")
        return process

    def stop(self) -> None:
        """End the process; the next question starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._process = None


def _ask(process: subprocess.Popen[bytes], question: bytes, seconds: float) -> bytes:
    """One byte of answer; none where the process is dead or takes too long."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process has no pipes")
    try:
        process.stdin.write(question)
        process.stdin.flush()
    except OSError:
        return b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return os.read(process.stdout.fileno(), 1) if selector.select(seconds) else b""


worker = _Worker()
atexit.register(worker.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=worker.forget)


# The process itself


_NUMERAL = re.compile(r"[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]{1,3})?|\.[0-9]+")


class _TimeUp(BaseException):
    """Passes the `except Exception` of sympy and math-verify."""


def _serve() -> None:
    """Questions in, a JSON pair a line; one byte out for each: 1 where the two are the same, else 0."""
    _limit_memory()
    compare = comparison()
    compare("x=1", "2x=2")  # what is loaded at the first use, before any clock runs
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # what libraries print is no answer
    out.write(b"1")
    out.flush()
    for line in sys.stdin.buffer:
        out.write(b"1" if _in_time(compare, *json.loads(line)) else b"0")
        out.flush()


def _limit_memory() -> None:
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    with contextlib.suppress(ValueError, OSError):  # some systems know no such limit
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _in_time(compare: Callable[[str, str], bool], answer: str, reference: str) -> bool:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _TimeUp

    try:
        if sys.platform != "win32":
            signal.signal(signal.SIGPROF, stop)
            signal.setitimer(signal.ITIMER_PROF, SECONDS, 0.1)  # again, where something swallows the first
        return compare(answer, reference)
    except (Exception, _TimeUp):
        return False
    finally:
        _stop_the_clock()


def _stop_the_clock() -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, 0)


def comparison() -> Callable[[str, str], bool]:
    """Whether an answer is a reference, both in LaTeX, by math-verify, which has no clock of its own here.

    math-verify's reader of plain expressions hands text to sympy's parse_expr, which calls `eval`; it is not used. Its
    LaTeX grammar builds the expression from a parse tree, but has sympy read each numeral, by parse_expr as well. So
    parse_expr is replaced, in this whole process, by a function that reads numerals and refuses all else.
    """
    import sympy
    import sympy.parsing
    import sympy.physics.units  # solve() imports it, and it has constants of its own read
    from sympy.parsing import sympy_parser

    def numeral(text: str, *_arguments: object, **_options: object) -> Any:
        if not _NUMERAL.fullmatch(text):
            raise ValueError("text of a model is not evaluated")
        return sympy.Integer(int(text)) if text.isdigit() else sympy.Float(text)

    sympy.parsing.parse_expr = sympy_parser.parse_expr = numeral
    # Only now, since these two keep the function that they find.
    import math_verify
    from latex2sympy2_extended import NormalizationConfig

    reading = math_verify.LatexExtractionConfig(
        boxed_match_priority=-1,
        # Units are left out before: here the t of `3t` would pass for one.
        normalization_config=NormalizationConfig(
            basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none"
        ),
    )

    def read(latex: str) -> list[Any]:
        return list(
            math_verify.parse(f"${latex}$", [reading], "no_fallback", "first_match", parsing_timeout=0)
        )

    def same(answer: str, reference: str) -> bool:
        right = read(reference)
        return bool(right) and math_verify.verify(right, read(answer), timeout_seconds=0)

    return same


if __name__ == "__main__":
    _serve()
