"""Compare mathematics with the library math-verify, in a separate process that is killed if it takes too long.

Imported as a module, this file offers `worker`, which starts the process and sends it comparisons. Run as a script,
this file is the process. So it imports nothing else of the package.
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

CPU_SECONDS = 1.0
"""Processor time that one comparison may take."""
WALL_SECONDS = 30.0
"""Time by the clock after which the process is killed, in case no signal interrupts it. Machines may be busy."""
START_SECONDS = 60.0
"""Time in which the process has to start. It imports sympy."""
MEMORY_BYTES = 2 << 30
"""Address space of the process."""


class _Worker:
    """The process that compares. It starts at the first comparison, and again after a kill or a fork."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget the process and the lock. In a forked child both may belong to the parent."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def compare(self, answer: str, reference: str) -> bool | None:
        """Return whether the answer equals the reference, both in LaTeX, or None if the process did not answer in time.

        If the process was killed from outside, another one is started once.
        """
        question = json.dumps([answer, reference]).encode() + b"\n"
        with self._lock:
            for _ in range(2):
                process = self._process
                if process is None or process.poll() is not None:
                    process = self._start()
                try:
                    reply = _ask(process, question, WALL_SECONDS)
                except BaseException:
                    self.stop()  # or the reply to this question would be read as the reply to the next one
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
        # -P keeps the folder of this file off the import path. The order of sympy's terms depends on the hash seed.
        command = [sys.executable, "-P", str(Path(__file__).resolve())]
        process = subprocess.Popen(  # noqa: S603 - runs this file; the text of models only goes through the pipe
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        self._process = process
        if _ask(process, b"", START_SECONDS) != b"1":
            self.stop()
            raise RuntimeError(f"math-verify does not start; see what this says: {' '.join(command)}")
        return process

    def stop(self) -> None:
        """Kill the process. The next comparison starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._process = None


def _ask(process: subprocess.Popen[bytes], question: bytes, seconds: float) -> bytes:
    """Send a question and return the reply, one byte, or nothing if the process is dead or takes too long."""
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


# Run in the process


_NUMERAL = re.compile(r"[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]{1,3})?|\.[0-9]+")


class _TimeUp(BaseException):
    """The time is up. It derives from BaseException so that sympy and math-verify do not catch it."""


def _serve() -> None:
    """Read pairs of formulas, a JSON array a line, and write one byte for each: 1 if they are equal, else 0."""
    _limit_memory()
    compare = load_comparison()
    compare("x=1", "2x=2")  # so that what loads at the first use does not count as time of a comparison
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # libraries may print, and only replies belong on stdout
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


def load_comparison() -> Callable[[str, str], bool]:
    """Load math-verify and return a function that decides whether an answer equals a reference, both in LaTeX.

    math-verify parses plain expressions with sympy's parse_expr, which calls `eval`, so they are not parsed here. Its
    LaTeX parser calls parse_expr as well, for each numeral. So this function replaces parse_expr in the whole process
    by one that reads numerals and refuses everything else.
    """
    import sympy
    import sympy.parsing
    import sympy.physics.units  # solve() imports it, and its constants need the original parse_expr
    from sympy.parsing import sympy_parser

    def numeral(text: str, *_arguments: object, **_options: object) -> Any:
        if not _NUMERAL.fullmatch(text):
            raise ValueError("only numerals are parsed")
        return sympy.Integer(int(text)) if text.isdigit() else sympy.Float(text)

    sympy.parsing.parse_expr = sympy_parser.parse_expr = numeral
    # Imported after the replacement, because both keep a reference to parse_expr.
    import math_verify
    from latex2sympy2_extended import NormalizationConfig

    extraction = math_verify.LatexExtractionConfig(
        boxed_match_priority=-1,
        # Units were removed before. Here, the t of `3t` would count as one.
        normalization_config=NormalizationConfig(
            basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none"
        ),
    )

    def read(latex: str) -> list[Any]:
        return list(
            math_verify.parse(f"${latex}$", [extraction], "no_fallback", "first_match", parsing_timeout=0)
        )

    def same(answer: str, reference: str) -> bool:
        expected = read(reference)
        return bool(expected) and bool(math_verify.verify(expected, read(answer), timeout_seconds=0))

    return same


if __name__ == "__main__":
    _serve()
