"""Find out how many requests an endpoint can take at once, from its latencies and its overload errors."""

from __future__ import annotations

from statistics import median

_OVERLOAD_FACTOR = 0.5
"""Factor on the limit when the endpoint reports that it is overloaded (429, 503)."""
_LATENCY_FACTOR = 0.75
"""Factor on the limit when the endpoint has become slow, which can have other reasons."""
_SLOW = 2.0
"""A median latency of so many times the best one may mean that the endpoint queues requests."""
_RECOVERED = 0.9
"""Fewer requests have helped if they lower the median latency below this share of the one before."""
_LATENCIES_PER_SLOT, _LEAST_LATENCIES = 4, 64
"""Latencies in a median. With fewer, a long tail would look like a slow endpoint."""
_BEST_RISES = 1.02
"""Factor on the best median for each new median: prompts change, and with them what counts as fast."""


class Pace:
    """A limit on requests in flight, between 1 and `ceiling`.

    It rises by one and falls by a factor (additive increase, multiplicative decrease; Chiu & Jain 1989). It starts at
    the ceiling, which the user chose. All times are seconds of one clock.
    """

    def __init__(self, ceiling: int) -> None:
        self.limit = self._ceiling = ceiling
        self._answers_since_rise = 0
        self._latencies: list[float] = []
        self._best_median: float | None = None
        self._trial: tuple[int, float] | None = None
        """The limit and the median latency before the last decrease for slowness."""
        self._last_decrease = float("-inf")

    def answered(self, started: float, now: float) -> None:
        """Record an answer. After as many answers as the limit, the limit rises by one."""
        self._latencies.append(now - started)
        if len(self._latencies) >= max(_LEAST_LATENCIES, _LATENCIES_PER_SLOT * self.limit):
            self._judge_latencies(now)
        self._answers_since_rise += 1
        if self._answers_since_rise >= self.limit:
            self._answers_since_rise = 0
            self.limit = min(self._ceiling, self.limit + 1)

    def overloaded(self, started: float, now: float) -> None:
        """Record an overload error. Errors of requests that were sent before the last decrease do not count."""
        if started >= self._last_decrease:
            self._decrease(_OVERLOAD_FACTOR, now)

    def _judge_latencies(self, now: float) -> None:
        current = median(self._latencies)
        self._latencies.clear()
        if self._trial:
            limit_before, slow_median = self._trial
            self._trial = None
            if current > _RECOVERED * slow_median:  # these requests simply take longer
                self.limit, self._best_median = max(self.limit, limit_before), current
        if self._best_median is not None and current > _SLOW * self._best_median:
            self._trial = self.limit, current
            self._decrease(_LATENCY_FACTOR, now)
        if self._best_median is None:
            self._best_median = current
        else:
            self._best_median = min(current, self._best_median * _BEST_RISES)

    def _decrease(self, factor: float, now: float) -> None:
        self.limit = max(1, int(self.limit * factor))
        self._answers_since_rise = 0
        self._last_decrease = now
