"""Start a server of strategies in a thread of the test process."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
from collections.abc import Iterator
from typing import Any

from fusion_eval.serve.options import ServeOptions
from fusion_eval.serve.server import serve


@contextlib.contextmanager
def served(*strategies: str, limits: dict[str, Any] | None = None, **model_args: object) -> Iterator[str]:
    """Serve strategies on a free port, and yield the base URL.

    Args:
        strategies: Canonical texts of strategies.
        limits: Other options of `ServeOptions`.
        model_args: The model arguments; the store is off unless they name one.
    """
    options = ServeOptions(strategies, {"cache": "off", **model_args}, port=0, **(limits or {}))
    lines: queue.Queue[str | BaseException] = queue.Queue()
    stop = threading.Event()

    def run() -> None:
        try:
            serve(options, lines.put, stop)
        except BaseException as error:
            lines.put(error)
            raise

    thread = threading.Thread(target=run, name="served")
    thread.start()
    try:
        line = lines.get(timeout=30)
        if isinstance(line, BaseException):
            raise line
        address = re.search(r"http\S+", line)
        assert address is not None
        yield address[0]
    finally:
        stop.set()
        thread.join()
