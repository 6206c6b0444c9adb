"""Many candidates are scored by several processes, which end with the command that started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    ("send", "number"),
    [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)],
    ids=["Ctrl-C, to all processes", "SIGTERM, to the first"],
)
def test_an_interrupt_ends_several_processes_at_once_and_without_a_traceback(
    send: Callable[[int, int], None], number: int
) -> None:
    # given two processes that would score for an hour
    script = """
import os
import time
from fusion_eval.cli.main import _take_sigterm_as_interrupt
from fusion_eval.harness import candidate_scores

def score(pool, task):
    os.write(1, b".")
    time.sleep(60)

_take_sigterm_as_interrupt()
candidate_scores._score = score
pool = candidate_scores.PoolToScore("task", 0, {}, ("answer",), None, ())
try:
    list(candidate_scores.score_all([pool] * 200, {"task": None}, 200, workers=2))
except KeyboardInterrupt:
    print("interrupted")
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background jobs ignore the signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.read(2) == ".."
            # when
            send(process.pid, number)
            printed, errors = process.communicate(timeout=30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    # then
    assert (printed, errors) == ("interrupted\n", "")
