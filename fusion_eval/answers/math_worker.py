"""Compare mathematics in a separate process that is killed if it takes too long.

`worker` starts the process, whose code is in `math_process`, and sends it comparisons.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import selectors
import subprocess
import sys
import threading
from pathlib import Path

WALL_SECONDS = 30.0
"""Time by the clock after which the process is killed, in case no signal interrupts it. Machines may be busy."""
START_SECONDS = 60.0
"""Time in which the process has to start. It imports sympy."""


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
        if importlib.util.find_spec("sympy") is None:
            raise ImportError("answers are compared with sympy; install it: pip install sympy")
        # -P keeps the current folder off the import path. The order of sympy's terms depends on the hash seed.
        package = str(Path(__file__).resolve().parents[2])
        code = f"import sys; sys.path.append({package!r}); from fusion_eval.answers.math_process import serve; serve()"
        command = [sys.executable, "-P", "-c", code]
        process = subprocess.Popen(  # noqa: S603 - runs our own code; the text of models only goes through the pipe
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        self._process = process
        if _ask(process, b"", START_SECONDS) != b"1":
            self.stop()
            raise RuntimeError(
                f"the process that compares mathematics does not start; see what this says: {' '.join(command)}"
            )
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
