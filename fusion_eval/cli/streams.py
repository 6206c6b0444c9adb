"""Make the standard streams of the process take any text, whoever reads them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


def prepare_streams() -> None:
    """Let no output end the command: replace characters that an encoding lacks, and drop messages nobody can read.

    Standard output is the result, so a write to it may still fail. Standard error is not, so a full disk or a closed pipe
    there never changes the exit code.
    """
    sys.stdout = sys.stdout or _nowhere()  # None if the parent process closed it
    sys.stderr = cast(TextIO, ErrorStream(sys.stderr or _nowhere()))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def discard(stream: TextIO) -> None:
    """Send all that a stream still holds, and all that follows, nowhere.

    Otherwise the interpreter fails once more when it flushes the stream at exit.
    """
    with _nowhere() as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - a device, not a file


class ErrorStream:
    """Standard error: it drops what cannot be written, and can be diverted while a table is drawn on the same terminal.

    Whoever took the stream before, such as a logger, is diverted too.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._write: Callable[[str], None] | None = None

    @contextmanager
    def diverted(self, write: Callable[[str], None]) -> Iterator[None]:
        """Give what is written to a function instead."""
        self._write = write
        try:
            yield
        finally:
            self._write = None

    def write(self, text: str) -> int:
        """Write a text, or drop it. Return its length."""
        if self._write is not None:
            self._write(text)
            return len(text)
        try:
            return self._stream.write(text)
        except OSError:
            discard(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flush the stream, if it still takes anything."""
        try:
            self._stream.flush()
        except OSError:
            discard(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
