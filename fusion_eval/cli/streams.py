"""Make the standard streams of the process take any text, whoever reads them."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO, cast


def prepare_streams() -> None:
    """Let no output end the command: replace characters that an encoding lacks, and drop messages nobody can read.

    Standard output is the result, so a write to it may still fail. Standard error is not, so a full disk or a closed pipe
    there never changes the exit code.
    """
    sys.stdout = sys.stdout or _nowhere()  # None if the parent process closed it
    sys.stderr = cast(TextIO, _DroppingStream(sys.stderr or _nowhere()))
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


class _DroppingStream:
    """A text stream that drops what cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            discard(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            discard(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
