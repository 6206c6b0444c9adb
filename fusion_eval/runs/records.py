"""Read the records of a file: one JSON value for each line, or the elements of one array."""

from __future__ import annotations

import json
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.runs.plain_file import open_plain
from fusion_eval.text.parse_errors import why_unreadable

_LONGEST_LINE, _LONGEST_FILE = 1 << 28, 1 << 30
"""Bytes of a line, and of a file that is one array. A small archive can hold far more."""


def parse_line(line: bytes) -> object:
    """Return the content of a line; None if it is not JSON."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        return json.loads(_text(line))  # slower, and accepts NaN and Infinity, which the harness writes
    except (ValueError, RecursionError):
        return None


def read_records(path: Path, parse: Callable[[bytes], object] = parse_line) -> Iterator[tuple[str, object]]:
    """Yield the place and the content of each record. The content of a record that is not JSON is None.

    A file has one record per line, or is one JSON array, as releases before 0.4.4 wrote it. `parse` decodes a
    line; a caller who needs less of it may decode less.
    """
    try:
        with open_plain(path) as file:
            if file.read(len(BOM_UTF8) + 1).removeprefix(BOM_UTF8).startswith(b"["):
                file.seek(0)
                yield from _array_elements(_text(_bounded(path, file.read(_LONGEST_FILE))))
                return
            file.seek(0)
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), start=1):
                if not _bounded(path, line).isspace():
                    yield f"line {number}", parse(line)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ConfigError(f"The samples {path} cannot be read: {why_unreadable(error)}") from error


def _bounded(path: Path, content: bytes) -> bytes:
    if len(content) == _LONGEST_FILE:
        raise ConfigError(
            f"{path} is an array of {_LONGEST_FILE >> 30} GiB or more; write one sample per line"
        )
    if len(content) == _LONGEST_LINE and not content.endswith(b"\n"):
        raise ConfigError(f"{path} has a line that is longer than any sample of the harness")
    return content


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", errors="replace")


def _array_elements(text: str) -> Iterator[tuple[str, object]]:
    """Parse the elements of a JSON array one by one, so that a truncated file yields what it has."""
    decoder, position, number = json.JSONDecoder(), 1, 0
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        if text.startswith("]", position):
            return
        number += 1
        try:
            element, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            yield f"line {text.count(chr(10), 0, position) + 1}", None
            return
        yield f"sample {number}", element
