"""Write and read `traces.jsonl`: one line for each answered prompt, in the order of the prompts."""

from __future__ import annotations

import contextlib
import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.text.parse_errors import why_unreadable
from fusion_eval.types import Trace, from_json, to_json

FILE_NAME = "traces.jsonl"
_BUFFER = 1 << 18
"""Bytes. A line has several thousand, so Python's own buffer would write each line by itself."""


class TraceFile:
    """Write traces that finish in any order. The finished file has them in the order of their prompts.

    Use it as a context manager. Lines go to a file beside `path`, which replaces it at the end, so `path` is complete or
    absent. No trace is held in memory, however long the first prompt takes. A path of None writes nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._partial = path.with_name(f"{path.name}.partial") if path else None
        self._file: BinaryIO | None = None
        # The prompt and the position of each line. Arrays, because prompts are many.
        self._indices, self._starts = array("q"), array("q")
        self._end = 0
        self._new_folders: list[Path] = []

    def __enter__(self) -> TraceFile:
        if self._partial:
            self._new_folders = [folder for folder in self._partial.parents if not folder.exists()]
            try:
                self._partial.parent.mkdir(parents=True, exist_ok=True)
                self._file = open(self._partial, "w+b", buffering=_BUFFER, opener=_for_the_user_alone)
            except OSError as error:
                raise self._cannot_write(error) from error
        return self

    def add(self, index: int, trace: Trace) -> None:
        """Add the trace of the prompt number `index`."""
        if self._file:
            line = to_json(trace) + b"\n"
            try:
                self._file.write(line)
            except OSError as error:
                raise self._cannot_write(error) from error
            self._indices.append(index)
            self._starts.append(self._end)
            self._end += len(line)

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if not (self._file and self._partial and self.path):
            return
        try:
            if kind is None:
                self._sort()
            self._file.close()
            if kind is None:
                self._partial.replace(self.path)
        except OSError as failure:
            if kind is None:  # else the first error matters
                raise self._cannot_write(failure) from failure
        finally:
            self._partial.unlink(missing_ok=True)
            if kind is not None:
                with contextlib.suppress(OSError):  # another program may have put a file there
                    for folder in self._new_folders:
                        folder.rmdir()

    def _sort(self) -> None:
        """Sort the lines. A file whose lines came in order, as when all answers are stored, stays as it is."""
        if not (self._file and self._partial):
            return
        order = sorted(range(len(self._indices)), key=self._indices.__getitem__)
        if order == list(range(len(order))):
            return
        sorted_lines = self._partial.with_name(f"{self._partial.name}.sorted")
        try:
            with open(sorted_lines, "wb", opener=_for_the_user_alone) as target:
                for place in order:
                    self._file.seek(self._starts[place])
                    target.write(self._file.readline())
            sorted_lines.replace(self._partial)
        finally:
            sorted_lines.unlink(missing_ok=True)

    def _cannot_write(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"Cannot write traces to {self.path}: {error.strerror}. What the store holds is kept; name another "
            "folder with --output (trace_dir= under lm_eval), or make room, and run again"
        )


def _for_the_user_alone(path: str, flags: int) -> int:
    """Open a file that no other user of the machine can read: traces hold prompts and answers."""
    return os.open(path, flags, 0o600)


def read_traces(
    path: Path, on_broken: Callable[[int], None] | None = None, *, hint: str = ""
) -> Iterator[Trace]:
    """Yield the traces of a file.

    Args:
        path: The file.
        on_broken: Is called with the number of each line that is not a trace, which is then skipped.
        hint: What to add to the message for a line that is not a trace, such as the option that skips it.

    Raises:
        ConfigError: The file cannot be read; or, without `on_broken`, a line is not a trace. The message names the line.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError(f"Cannot read the traces {path}: {error.strerror}") from error
    with file:
        for number, line in enumerate(file, start=1):
            try:
                yield from_json(line, Trace)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if on_broken is None:
                    raise ConfigError(
                        f"{path}, line {number} is not a trace: {why_unreadable(error, line)}{hint}"
                    ) from error
                on_broken(number)
