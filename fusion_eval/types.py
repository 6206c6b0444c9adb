"""The nouns of the house: frozen data, JSON both ways through msgspec.

A prompt is asked, a pool of candidates is drawn for it, a strategy makes one answer of the pool,
and a trace records how.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the harness asks: plain text, or chat messages (then `text` is empty)."""

    text: str = ""
    messages: tuple[Message, ...] = ()


def prompt_of(text: str, *, chat: bool) -> Prompt:
    """Wrap a rendered template as a prompt: one user message for a chat model, else plain text."""
    return Prompt(messages=(Message("user", text),)) if chat else Prompt(text)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample. The i-th of n candidates has the seed `seed + i`."""

    max_tokens: int
    temperature: float
    seed: int
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    extra: tuple[tuple[str, str | int | float | bool | msgspec.Raw | None], ...] = ()
    """Options of the provider, passed on as they are (`top_k`, `min_p`, …), sorted by name; objects as JSON."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One sampled generation, or the record of one that failed (`error` is set, `text` is empty)."""

    text: str
    model: str
    seed: int
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    """Of the request, counted on its first candidate only, so that sums over candidates are right."""
    completion_tokens: int = 0
    mean_logprob: float | None = None
    """Mean natural log-probability of the generated tokens; None where the model reports none."""
    reasoning: str = ""
    """What a reasoning model thought; kept out of `text`."""
    cost: float | None = None
    """US dollars; None where no price is known."""
    latency: float = 0.0
    """Seconds between sending the request and having its answer."""
    retries: int = 0
    """Tries of the request that failed before its last, counted on its first candidate only, like `prompt_tokens`."""
    error: str | None = None

    def __post_init__(self) -> None:
        """Half a surrogate pair, which some servers cut a text in, could be neither sent nor stored."""
        if not (self.text.isascii() and self.reasoning.isascii()):
            object.__setattr__(self, "text", without_surrogates(self.text))
            object.__setattr__(self, "reasoning", without_surrogates(self.reasoning))


@dataclass(frozen=True, slots=True)
class Pool:
    """The N candidates of one prompt, in sampling order."""

    prompt: Prompt
    candidates: tuple[Candidate, ...]

    @property
    def usable(self) -> tuple[Candidate, ...]:
        """The candidates that did not fail."""
        return tuple(c for c in self.candidates if c.error is None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a strategy made of a pool, and how."""

    text: str
    scores: tuple[float | None, ...] = ()
    """A score per usable candidate where the strategy scores; None is unscored."""
    chosen: int | None = None
    """Index into the pool's usable candidates where one of them is the answer, word for word."""
    calls: tuple[Candidate, ...] = ()
    """The generations that aggregation itself cost (fusor, judge)."""
    comparison: str = ""
    """What the fusor wrote on the candidates before it answered."""
    dropped: int = 0
    """Candidates that the fusor's context had no room for."""
    departures: tuple[str, ...] = ()
    """How a reply left the form that it was asked for: `unclosed`, `unmarked`, …"""
    fallback: str | None = None
    """Why the strategy fell back on a candidate; None where it did not."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The record of one answered prompt. `copy` counts the harness's repeats of one document."""

    task: str
    doc_id: int | None
    copy: int
    strategy: str
    language: str | None
    pool: Pool
    answer: Answer
    final: str
    """The answer as the harness got it, cut at the task's stop strings."""


def without_surrogates(text: str) -> str:
    """The text without halves of surrogate pairs, which could be neither sent, stored nor written."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def to_json(item: object) -> bytes:
    """One of the above as a line of JSON, without its newline."""
    return msgspec.json.encode(item)


def from_json(line: bytes | str, kind: type[T]) -> T:
    """The inverse of `to_json`; raises `msgspec.ValidationError` on anything else."""
    return msgspec.json.decode(line, type=kind)
