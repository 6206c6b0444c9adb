"""Write answers in the form of OpenAI's API: whole, or in pieces for a stream."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Sequence

import msgspec

from fusion_eval.runs.usage import sum_of_known
from fusion_eval.serve.fields import DETAILS
from fusion_eval.serve.requests import ClientRequest
from fusion_eval.types import Candidate, Trace

_PIECE = re.compile(r"(?:\S*\s+){1,8}|\S+", re.DOTALL)
"""A piece of a stream: up to eight words with the space after each, so that pieces join to the text."""
DONE = b"data: [DONE]\n\n"
"""The end of a stream."""


class Reply:
    """The reply to one request.

    Args:
        request: The request.
        signature: How the model makes answers, in short.
    """

    def __init__(self, request: ClientRequest, signature: str) -> None:
        self._request, self._signature = request, signature
        self._id = f"{'chatcmpl' if request.chat else 'cmpl'}-{uuid.uuid4().hex}"
        self._created = int(time.time())

    def whole(self, traces: Sequence[Trace]) -> bytes:
        """Return the reply as one JSON object."""
        choices = [self._choice(index, trace) for index, trace in enumerate(traces)]
        reply = self._envelope(choices, chunk=False) | {"usage": usage(traces)}
        if self._request.details:
            reply[DETAILS] = self._details(traces)
        return msgspec.json.encode(reply)

    def events(self, traces: Sequence[Trace]) -> Iterator[bytes]:
        """Yield the reply as server-sent events: pieces of each answer, its end, usage and details if asked for."""
        for index, trace in enumerate(traces):
            if self._request.chat:
                yield self._event([_delta(index, {"role": "assistant", "content": ""})])
            for piece in _PIECE.findall(trace.final):
                yield self._event([self._piece(index, piece)])
            end = self._piece(index, "") if not self._request.chat else _delta(index, {})
            yield self._event([end | {"finish_reason": finish_reason(trace)}])
        if self._request.usage or self._request.details:
            closing = self._envelope([], chunk=True) | {"usage": usage(traces)}
            if self._request.details:
                closing[DETAILS] = self._details(traces)
            yield event(closing)
        yield DONE

    def _event(self, choices: list[dict[str, object]]) -> bytes:
        return event(self._envelope(choices, chunk=True))

    def _envelope(self, choices: list[dict[str, object]], *, chunk: bool) -> dict[str, object]:
        kind = (
            ("chat.completion.chunk" if chunk else "chat.completion")
            if self._request.chat
            else "text_completion"
        )
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._request.model,
            "choices": choices,
        }

    def _choice(self, index: int, trace: Trace) -> dict[str, object]:
        content: dict[str, object] = {"text": trace.final}
        if self._request.chat:
            content = {"message": {"role": "assistant", "content": trace.final, "refusal": None}}
        return {"index": index, **content, "logprobs": None, "finish_reason": finish_reason(trace)}

    def _piece(self, index: int, text: str) -> dict[str, object]:
        if self._request.chat:
            return _delta(index, {"content": text})
        return {"index": index, "text": text, "logprobs": None, "finish_reason": None}

    def _details(self, traces: Sequence[Trace]) -> dict[str, object]:
        """Return the block `x-fusion-eval`: how each choice was made."""
        return {
            "strategy": self._request.model,
            "signature": self._signature,
            "cost": sum_of_known(part.cost for trace in traces for part in calls_of(trace)),
            "choices": [
                {
                    "index": index,
                    "candidates": trace.pool.candidates,
                    "scores": trace.answer.scores,
                    "chosen": trace.answer.chosen,
                    "comparison": trace.answer.comparison,
                    "calls": trace.answer.calls,
                    "departures": trace.answer.departures,
                    "fallback": trace.answer.fallback,
                }
                for index, trace in enumerate(traces)
            ],
        }


def event(data: object) -> bytes:
    """Return one server-sent event with JSON as its data."""
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


def _delta(index: int, delta: dict[str, object]) -> dict[str, object]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}


def calls_of(trace: Trace) -> tuple[Candidate, ...]:
    """Return all generations behind an answer: its candidates, and the calls that aggregated them."""
    return (*trace.pool.candidates, *trace.answer.calls)


def usage(traces: Sequence[Trace]) -> dict[str, object]:
    """Return the tokens of all calls behind the answers, also of those that the store had."""
    read = written = reasoned = 0
    for trace in traces:
        for call in calls_of(trace):
            read += call.prompt_tokens
            written += call.completion_tokens
            reasoned += call.reasoning_tokens
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "completion_tokens_details": {"reasoning_tokens": reasoned},
    }


def finish_reason(trace: Trace) -> str:
    """Return why the answer ends: `length` where its model stopped at the limit."""
    answer = trace.answer
    if trace.final != answer.text:  # cut at a stop string
        return "stop"
    if answer.chosen is not None:
        reason = trace.pool.usable[answer.chosen].finish_reason
    else:
        reason = answer.calls[-1].finish_reason if answer.calls else "stop"
    return reason if reason in ("length", "content_filter") else "stop"
