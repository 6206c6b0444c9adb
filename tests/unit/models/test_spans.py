"""Each try of a request is an OpenTelemetry span that holds neither prompt nor answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from limited_models import limited_model
from openai_server import Fault, Plan, Server
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fusion_eval.models import limited, spans
from fusion_eval.types import Prompt, Sampling

Start = Callable[[Plan], Server]


def sample(server: Server) -> None:
    async def run() -> None:
        async with limited_model(server, concurrency=1) as model:
            await model.sample(Prompt("a private question"), Sampling(8, 0.7, 0), 1)

    asyncio.run(run())


def test_every_try_is_a_span_without_prompt_or_answer(
    openai_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a request that succeeds at its second try
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "_tracer", provider.get_tracer("test"))
    monkeypatch.setattr(spans.trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(limited, "pause", lambda attempt, error: 0.0)
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 503) if number == 1 else None))
    # when
    sample(server)
    # then
    failed, answered = exporter.get_finished_spans()
    assert failed.name == answered.name == "chat test-model"
    assert failed.attributes is not None and answered.attributes is not None
    assert (failed.attributes["error.type"], failed.attributes["fusion_eval.try"]) == ("overloaded", 1)
    assert "error.type" not in answered.attributes and answered.attributes["fusion_eval.try"] == 2
    assert "private" not in failed.to_json() + answered.to_json()


def test_without_the_extra_nothing_is_recorded(openai_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "_tracer", None)
    server = openai_server(Plan())
    sample(server)
    assert len(server.calls) == 1


def test_where_opentelemetry_is_not_set_up_no_span_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    # given the interface alone, and a tracer that must not be asked
    monkeypatch.setattr(spans, "_tracer", object())
    monkeypatch.setattr(spans.trace, "get_tracer_provider", spans.trace.ProxyTracerProvider)
    # then
    with spans.call_spans("test-model", "")(0) as span:
        assert span is None
