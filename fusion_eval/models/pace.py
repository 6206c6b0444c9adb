"""How many requests an endpoint takes at once: found out by asking for more until it shows that it is too many."""

from __future__ import annotations

from statistics import median

_BACK_OFF = 0.5
"""What is left of the limit where the endpoint says that it is overloaded (429, 503)."""
_SLOW_DOWN = 0.75
"""What is left where it has become slow, which may have other reasons."""
_SLOWER = 2.0
"""Times the best median latency: perhaps the endpoint queues what it is asked."""
_HELPED = 0.9
"""Of the median latency before: below it, asking for less has helped."""
_PER_SLOT, _LEAST = 4, 64
"""Latencies in a median. Of few, a long tail would look like a slow endpoint."""
_FORGET = 1.02
"""By what the best median rises with each window: what is asked changes, and so does what is fast."""


class Pace:
    """A limit between 1 and `ceiling`: additive increase, multiplicative decrease (Chiu & Jain 1989).

    It begins at the ceiling, which the user chose. Times are of one clock, in seconds.
    """

    def __init__(self, ceiling: int) -> None:
        self.limit = self._ceiling = ceiling
        self._answered = 0
        self._latencies: list[float] = []
        self._best: float | None = None
        self._trial: tuple[int, float] | None = None
        self._last_decrease = float("-inf")

    def answered(self, started: float, now: float) -> None:
        """A request was answered: after as many as the limit, it rises by one."""
        self._latencies.append(now - started)
        if len(self._latencies) >= max(_LEAST, _PER_SLOT * self.limit):
            self._look_at_latencies(now)
        self._answered += 1
        if self._answered >= self.limit:
            self._answered = 0
            self.limit = min(self._ceiling, self.limit + 1)

    def overloaded(self, started: float, now: float) -> None:
        """The endpoint asked for less. Of requests that were on their way together it says so once."""
        if started >= self._last_decrease:
            self._decrease(_BACK_OFF, now)

    def _look_at_latencies(self, now: float) -> None:
        usual = median(self._latencies)
        self._latencies.clear()
        if self._trial:
            before, slow = self._trial
            self._trial = None
            if usual > _HELPED * slow:  # these requests take longer, whoever else is waiting
                self.limit, self._best = max(self.limit, before), usual
        if self._best is not None and usual > _SLOWER * self._best:
            self._trial = self.limit, usual
            self._decrease(_SLOW_DOWN, now)
        self._best = usual if self._best is None else min(usual, self._best * _FORGET)

    def _decrease(self, share: float, now: float) -> None:
        self.limit = max(1, int(self.limit * share))
        self._answered = 0
        self._last_decrease = now
