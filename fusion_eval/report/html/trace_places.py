"""Find the trace of each item in a run's files, without holding the traces in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from fusion_eval.runs.reading import Run
from fusion_eval.types import Trace, from_json


class _TraceKey(msgspec.Struct, frozen=True):
    """The fields of a trace that say which prompt it is of; reading no more is fast."""

    task: str
    doc_id: int | None
    copy: int


def trace_places(run: Run) -> dict[tuple[str, int], tuple[Path, int]]:
    """Return the file and the position of the first trace of each document."""
    places: dict[tuple[str, int], tuple[Path, int]] = {}
    for path in run.traces:
        for start, line in _lines(path):
            try:
                key = msgspec.json.decode(line, type=_TraceKey)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if key.doc_id is not None and key.copy == 0:
                places[key.task, key.doc_id] = (path, start)
    return places


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        start = 0
        for line in file:
            yield start, line
            start += len(line)


def read_trace(place: tuple[Path, int] | None) -> Trace | None:
    """Return the trace at a place; None for no place, and for a line that cannot be read."""
    if place is None:
        return None
    with place[0].open("rb") as file:
        file.seek(place[1])
        try:
            return from_json(file.readline(), Trace)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
