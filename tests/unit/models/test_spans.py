"""OpenTelemetry: a span per request, with the model's name and an error's kind, and nothing that was said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from openai_server import Fault, Plan, Server
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fusion_eval.models import limited, spans
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.limited import Limited
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.types import Prompt, Sampling

Start = Callable[[Plan], Server]


def ask(server: Server) -> None:
    async def one() -> None:
        model = Limited(OpenAIModel("test-model", server.base_url), Endpoint(1))
        await model.sample(Prompt("a private question"), Sampling(8, 0.7, 0), 1)
        await model.close()

    asyncio.run(one())


def test_every_try_is_a_span(openai_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "_tracer", provider.get_tracer("test"))
    monkeypatch.setattr(limited, "pause", lambda attempt, asked: 0.0)
    ask(openai_server(Plan(faults=lambda number, request: Fault("status", 503) if number == 1 else None)))
    failed, answered = exporter.get_finished_spans()
    assert failed.name == answered.name == "chat test-model"
    assert failed.attributes is not None and answered.attributes is not None
    assert (failed.attributes["error.type"], failed.attributes["fusion_eval.try"]) == ("overloaded", 1)
    assert "error.type" not in answered.attributes and answered.attributes["fusion_eval.try"] == 2
    assert "private" not in failed.to_json() + answered.to_json()


def test_without_the_extra_nothing_is_recorded_and_nothing_breaks(
    openai_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "_tracer", None)
    ask(openai_server(Plan()))
