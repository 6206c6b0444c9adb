"""Read the store's rows by key, and the rows behind them before anybody asks for those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_KEYS_PER_STATEMENT = 100
"""SQLite finds fewer keys at a time faster. The smallest limit on a statement's parameters is 999."""
_MOST_AT_ONCE = 2_000
"""Rows that are read ahead at a time, at most. All are decoded in one turn of the event loop."""
_MOST_KEPT = 3 * _MOST_AT_ONCE
"""Rows read ahead that are kept in memory. Those that nobody asks for are dropped, the oldest first."""


class ReadAhead:
    """Find rows by their keys.

    A repeated run asks for rows in about the order in which they were written. Reading on behind the last row is several
    times as fast as finding each key. Rows never change, so none goes stale.

    Args:
        run: Runs an SQL statement with its values and returns its rows.
    """

    def __init__(self, run: Callable[[str, Sequence[object]], list[tuple[Any, ...]]]) -> None:
        self._run = run
        self._ahead: dict[bytes, bytes] = {}
        self._in_order = False
        """Whether the last keys were found in the order in which they were written."""
        self._last = 0
        """The number of the last row that was read in order."""
        self._portion = 0
        """Rows to read ahead next. It grows while the keys come in order."""

    def take(self, keys: Sequence[bytes]) -> list[bytes] | None:
        """Return the rows of `keys` if all of them have been read ahead, else None. No statement is run."""
        ahead = self._ahead
        if not ahead:  # as in a run that asks for the first time
            return None
        try:
            rows = [ahead[key] for key in keys]
        except KeyError:
            return None
        for key in keys:
            ahead.pop(key, None)
        return rows

    def rows(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the rows of `keys` as they are written; keys that are not stored are left out."""
        ahead = self._ahead
        if self._in_order and 2 * sum(key not in ahead for key in keys) > len(keys):
            self._read_on(
                len(keys)
            )  # fewer are exceptions: reading on for each would drop rows not yet asked for
        found = {key: ahead.pop(key) for key in keys if key in ahead}
        missing = [key for key in keys if key not in found]
        if missing:
            numbers = self._find(missing, found)
            # Fewer are exceptions, such as slow replies that were written late.
            if 2 * len(missing) > len(keys):
                self._in_order = bool(numbers) and max(numbers) - min(numbers) < 2 * len(numbers)
                self._last, self._portion = max(numbers, default=0), len(numbers)
        return found

    def _find(self, keys: Sequence[bytes], found: dict[bytes, bytes]) -> list[int]:
        """Find rows by key, add them to `found`, and return their numbers."""
        numbers = []
        for start in range(0, len(keys), _KEYS_PER_STATEMENT):
            some = keys[start : start + _KEYS_PER_STATEMENT]
            marks = ",".join("?" * len(some))
            statement = f"SELECT rowid, key, candidate FROM generations WHERE key IN ({marks})"  # noqa: S608 - marks only
            for number, key, row in self._run(statement, some):
                found[key] = row
                numbers.append(number)
        return numbers

    def _read_on(self, least: int) -> None:
        """Read the rows behind the last one: at least as many as are asked for now, and more each time."""
        self._portion = min(max(2 * self._portion, least), _MOST_AT_ONCE)
        statement = "SELECT key, candidate FROM generations WHERE rowid > ? ORDER BY rowid LIMIT ?"
        rows = self._run(statement, (self._last, self._portion))
        if rows:
            self._ahead.update(rows)
            [(self._last,)] = self._run("SELECT rowid FROM generations WHERE key = ?", rows[-1][:1])
        while len(self._ahead) > _MOST_KEPT:
            del self._ahead[next(iter(self._ahead))]
