"""Record an OpenTelemetry span for each request, if the extra `otel` is installed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

try:
    from opentelemetry import trace
except ImportError:
    _tracer: Any = None
else:
    _tracer = trace.get_tracer("fusion_eval")

_NO_SPAN: AbstractContextManager[Any] = nullcontext()


def call_spans(model: str, where: str) -> Callable[[int], AbstractContextManager[Any]]:
    """Return what makes a span to hold open during one request, by how many tries of the request came before.

    A span has the names of OpenTelemetry's conventions for generative AI. It holds neither prompt nor answer. Of an
    error it holds the class name, or `overloaded` where the endpoint asked for fewer requests.

    Args:
        model: The name of the model.
        where: The address, or an empty string.
    """
    if _tracer is None or not _is_recorded():  # found out here, because every call makes a span
        return lambda attempt: _NO_SPAN

    def span(attempt: int) -> AbstractContextManager[Any]:
        attributes: dict[str, str | int] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": model,
            "fusion_eval.try": attempt + 1,
        }
        if where:
            attributes["server.address"] = where
        return _CallSpan(_tracer.start_span(f"chat {model}", attributes=attributes))

    return span


def _is_recorded() -> bool:
    """Return whether the program has set up OpenTelemetry; the interface alone would only make spans that go nowhere."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


class _CallSpan(AbstractContextManager[Any]):
    def __init__(self, span: Any) -> None:
        self._span = span

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is not None:
            self._span.set_attribute(
                "error.type", "overloaded" if getattr(error, "overloaded", False) else kind.__name__
            )
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()
