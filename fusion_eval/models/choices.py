"""How many choices one request brings, where an endpoint bounds `n` or ignores it."""

from __future__ import annotations

BELIEVE_AFTER = 3
"""Answers in a row with fewer choices than were asked for: one alone is a slip, which costs one more request."""


class Choices:
    """Learns `most`, the choices that one request brings; None as long as the endpoint keeps up with what is asked."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self._short_in_a_row = 0

    def came(self, got: int, asked: int) -> None:
        """A request for `asked` choices brought `got`."""
        if got < asked:
            self._short_in_a_row += 1
            if self._short_in_a_row >= BELIEVE_AFTER:
                self.most = got
        elif asked > 1:
            self._short_in_a_row = 0
