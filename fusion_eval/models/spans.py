"""A span per call for OpenTelemetry, where the extra `otel` is installed and the program sets up an exporter."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

try:
    from opentelemetry import trace
except ImportError:
    _tracer: Any = None
else:
    _tracer = trace.get_tracer("fusion_eval")


def call_span(model: str, where: str, attempt: int) -> AbstractContextManager[Any]:
    """The time of one request to `model`; named as OpenTelemetry's conventions for generative AI name it.

    It holds neither what was asked nor what was answered; of an error its kind, `overloaded` where it asked for less.
    """
    if _tracer is None:
        return nullcontext()
    attributes: dict[str, str | int] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "fusion_eval.try": attempt + 1,
    }
    if where:
        attributes["server.address"] = where
    return _Call(_tracer.start_span(f"chat {model}", attributes=attributes))


class _Call(AbstractContextManager[Any]):
    def __init__(self, span: Any) -> None:
        self._span = span

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is not None:
            self._span.set_attribute(
                "error.type", "overloaded" if getattr(error, "overloaded", False) else kind.__name__
            )
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()
