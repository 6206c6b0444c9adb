"""Let Python's garbage collector run rarely while answers are drawn."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ALLOCATIONS = 50_000
"""New objects before the collector runs. Its default, 700, is reached every few requests."""
_lock = threading.Lock()
_inside = 0
"""How many blocks are running. The settings belong to the whole process."""
_before: tuple[tuple[int, int, int], bool] | None = None
"""The thresholds before the first block, and whether that block has frozen the objects."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Run the garbage collector rarely within the block, and put its settings back afterwards.

    A full collection walks every object of the process, and the harness keeps several for each document.
    Objects from before the block are left out of them (`gc.freeze`).
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _before
    with _lock:
        _inside += 1
        thresholds = gc.get_threshold()
        if _inside > 1 or not 0 < thresholds[0] < _ALLOCATIONS or not gc.isenabled():
            return
        freezes = not gc.get_freeze_count()  # unfreezing would release what the user has frozen
        if freezes:
            gc.freeze()
        gc.set_threshold(_ALLOCATIONS, *thresholds[1:])
        _before = thresholds, freezes


def _leave() -> None:
    global _inside, _before
    with _lock:
        _inside -= 1
        if _inside or _before is None:
            return
        thresholds, frozen = _before
        _before = None
        gc.set_threshold(*thresholds)
        if frozen:
            gc.unfreeze()
