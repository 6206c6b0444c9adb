"""Numbers about a server in the text form of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fusion_eval.models.endpoint import Endpoint
from fusion_eval.serve.replies import calls_of
from fusion_eval.types import Trace

CONTENT_TYPE = "text/plain; version=0.0.4"
_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds of the seconds that answers take."""


class Metrics:
    """Counts what a server does."""

    def __init__(self) -> None:
        self.in_work = 0
        """Requests that are being answered or that wait."""
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0
        self._answers = 0
        self._counts: Counter[str] = Counter()
        self._cost = 0.0

    def ended(self, model: str, status: int) -> None:
        """Count a request that has ended; `model` is empty if it named none that is served."""
        self._requests[model, status] += 1

    def answered(self, traces: Sequence[Trace], seconds: float) -> None:
        """Count the answers of a request, and the generations behind them."""
        self._answers += 1
        self._seconds += seconds
        self._buckets[next((bound for bound in _BUCKETS if seconds <= bound), float("inf"))] += 1
        for trace in traces:
            self._counts["fallbacks"] += trace.answer.fallback is not None
            calls = calls_of(trace)
            self._counts["prompt_tokens"] += sum([call.prompt_tokens for call in calls])
            self._counts["completion_tokens"] += sum([call.completion_tokens for call in calls])
            self._counts["failed_generations"] += sum([call.error is not None for call in calls])
            self._counts["generations"] += len(calls)
            self._cost += sum([call.cost or 0.0 for call in calls])

    @property
    def seconds_per_answer(self) -> float:
        """The mean time that a request took; 0 before the first answer."""
        return self._seconds / self._answers if self._answers else 0.0

    def exposition(self, endpoints: Iterable[Endpoint]) -> str:
        """Return all numbers as text."""
        lines = [
            *_family("requests_total", "counter", "Requests by model and HTTP status.", self._by_status()),
            *_family("requests_in_work", "gauge", "Requests in work or waiting.", {"": self.in_work}),
            *self._histogram(),
        ]
        sentences = {
            "generations": "Generations behind answers, stored ones included.",
            "failed_generations": "Generations that failed.",
            "fallbacks": "Answers for which a strategy fell back on a candidate.",
            "prompt_tokens": "Tokens read, stored generations included.",
            "completion_tokens": "Tokens written, stored generations included.",
        }
        for name, sentence in sentences.items():
            lines += _family(f"{name}_total", "counter", sentence, {"": self._counts[name]})
        lines += _family(
            "cost_dollars_total", "counter", "US dollars, as far as prices are known.", {"": self._cost}
        )
        opened = list(endpoints)
        calls, retries = sum(one.calls for one in opened), sum(one.retries for one in opened)
        lines += _family(
            "upstream_calls_total", "counter", "Calls that model endpoints answered.", {"": calls}
        )
        lines += _family("upstream_retries_total", "counter", "Retries of calls.", {"": retries})
        return "\n".join(lines) + "\n"

    def _by_status(self) -> dict[str, float]:
        return {
            f'{{model="{_escaped(model)}",status="{status}"}}': count
            for (model, status), count in sorted(self._requests.items())
        }

    def _histogram(self) -> list[str]:
        samples, total = {}, 0
        for bound in _BUCKETS:
            total += self._buckets[bound]
            samples[f'_bucket{{le="{bound:g}"}}'] = float(total)
        samples |= {'_bucket{le="+Inf"}': self._answers, "_sum": self._seconds, "_count": self._answers}
        return _family("answer_seconds", "histogram", "Seconds from a request to its answer.", samples)


def _family(name: str, kind: str, sentence: str, samples: Mapping[str, float]) -> list[str]:
    full = f"fusion_eval_{name}"
    return [
        f"# HELP {full} {sentence}",
        f"# TYPE {full} {kind}",
        *(f"{full}{end} {value}" for end, value in samples.items()),
    ]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
