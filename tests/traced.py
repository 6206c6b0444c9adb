"""A trace with known tokens, costs and waits, for tests of traces and totals."""

from __future__ import annotations

from fusion_eval.types import Answer, Candidate, Pool, Prompt, Trace

POOL = Pool(
    Prompt("q"),
    (
        Candidate("a", "m", 0, prompt_tokens=10, completion_tokens=3, cost=0.5, latency=2.0),
        Candidate("b", "m", 1, completion_tokens=4, cost=0.25, latency=2.0),
        Candidate("", "m", 2, error="HTTP 500"),
    ),
)
CALL = Candidate("fused", "f", 0, prompt_tokens=20, completion_tokens=5, latency=1.0)
"""A fusor's reply without a known price."""


def trace(number: int = 0, answer: Answer | None = None, strategy: str = "fusion") -> Trace:
    """Return the trace of the prompt `number`: three candidates, one of them failed, and a fused answer."""
    return Trace("t", number, 0, strategy, "fr", POOL, answer or Answer("fused", calls=(CALL,)), "fused")
