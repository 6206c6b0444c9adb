"""The nouns of the package: frozen data that goes to JSON and back through msgspec.

A pool of candidates is drawn for a prompt, a strategy makes one answer out of the pool, and a trace records how.
Types that a run makes by the hundred thousand are structs of msgspec. They are made, written and read several times as
fast as dataclasses. `msgspec.structs.replace` makes a changed copy, as `dataclasses.replace` does for the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import msgspec

T = TypeVar("T")

ALTERNATIVES = "top_logprobs"
"""The option in `Sampling.extra` that asks for the log-probabilities of each token's likeliest alternatives.

It is OpenAI's own. As an extra option it changes the store's keys of those requests only that have it.
"""


class Message(msgspec.Struct, frozen=True):
    """One turn of a chat. Its `role` is `system`, `user` or `assistant`."""

    role: str
    content: str


class Prompt(msgspec.Struct, frozen=True):
    """What a model is asked: a plain text, or chat messages. With messages, `text` is empty."""

    text: str = ""
    messages: tuple[Message, ...] = ()


def prompt_of(text: str, *, chat: bool) -> Prompt:
    """Return a text as a prompt: one user message for a chat model, else plain text."""
    return Prompt(messages=(Message("user", text),)) if chat else Prompt(text)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to sample. Candidate i of n, counted from 0, has the seed `seed + i`."""

    max_tokens: int
    temperature: float
    seed: int
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    extra: tuple[tuple[str, str | int | float | bool | msgspec.Raw | None], ...] = ()
    """Other options that the provider knows (`top_k`, `min_p`, …), sorted by name; objects as JSON."""


def with_logprobs(sampling: Sampling, wanted: int) -> Sampling:
    """Return the sampling options with log-probabilities: 0 for none, 1 for each token's own, more for alternatives."""
    if wanted <= 1:
        same = sampling.logprobs is (wanted > 0)
        return sampling if same else replace(sampling, logprobs=wanted > 0)
    options = dict(sampling.extra) | {ALTERNATIVES: wanted}
    return replace(sampling, logprobs=True, extra=tuple(sorted(options.items())))


class Candidate(msgspec.Struct, frozen=True):
    """One sampled generation, or the record of one that failed (`error` is set, `text` is empty)."""

    text: str
    model: str
    seed: int
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    """The request's tokens, on its first candidate only, so that a sum over candidates is right."""
    completion_tokens: int = 0
    mean_logprob: float | None = None
    """Mean natural log-probability of the generated tokens; None where the model reports none."""
    confidences: tuple[float, ...] = ()
    """For each generated token, minus the mean log-probability of its likeliest alternatives (DeepConf's token
    confidence, arXiv 2508.15260, equation 2). Empty where they were not requested, or where the model reports none."""
    reasoning: str = ""
    """What a reasoning model wrote before its answer."""
    cost: float | None = None
    """US dollars; None if no price is known."""
    latency: float = 0.0
    """Seconds from sending the request to having its answer."""
    retries: int = 0
    """Failed tries of the request before its last one, on its first candidate only, as in `prompt_tokens`."""
    rechecks: int = 0
    """How often it was asked for again: the reply contradicted itself, or a stop string had ended a thought."""
    reasoning_tokens: int = 0
    """Those of the completion tokens that the server counts as reasoning, where it says so."""
    omitted: tuple[str, ...] = ()
    """The sampling options that the endpoint refused, so that the request went without them."""
    error: str | None = None
    """Why there is no text; None for a candidate that can be used."""
    last_number: tuple[tuple[tuple[str, float], ...], ...] = ()
    """For each token of the last number in the text, and for the token after it: the digits that were likely in its place,
    with their log-probabilities. Empty where alternatives were not requested, or where the model reports none."""

    def __post_init__(self) -> None:
        # Some servers cut a text inside a surrogate pair. Half of one could be neither sent nor stored.
        if not (self.text.isascii() and self.reasoning.isascii()):
            msgspec.structs.force_setattr(self, "text", without_surrogates(self.text))
            msgspec.structs.force_setattr(self, "reasoning", without_surrogates(self.reasoning))
        if self.error is not None and not self.error.isascii():
            msgspec.structs.force_setattr(self, "error", without_surrogates(self.error))


class Pool(msgspec.Struct, frozen=True, dict=True, omit_defaults=True):
    """The N candidates of one prompt, in sampling order."""

    prompt: Prompt
    candidates: tuple[Candidate, ...]
    cross_lingual: tuple[Candidate, ...] = ()
    """Candidates for the same item's prompt in English, which follow those of `candidates`. A fusor may read them. No
    strategy chooses, scores or counts them."""

    @cached_property
    def usable(self) -> tuple[Candidate, ...]:
        """The candidates that did not fail."""
        return tuple([c for c in self.candidates if c.error is None])

    @property
    def drawn(self) -> tuple[Candidate, ...]:
        """All N candidates: those that a strategy may choose, and those for the prompt in English."""
        return (*self.candidates, *self.cross_lingual) if self.cross_lingual else self.candidates

    @property
    def evidence(self) -> tuple[Candidate, ...]:
        """What a fusor may read: the usable candidates, and after them those for the prompt in English."""
        if not self.cross_lingual:
            return self.usable
        return (*self.usable, *(c for c in self.cross_lingual if c.error is None))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a strategy made out of a pool, and how."""

    text: str
    scores: tuple[float | None, ...] = ()
    """One score per usable candidate if the strategy scores them; None is unscored."""
    chosen: int | None = None
    """Index of the usable candidate whose text is the answer; None if the strategy wrote a new text."""
    calls: tuple[Candidate, ...] = ()
    """The generations that aggregation itself cost: those of the scorer, then of the samplers, then of the fusor."""
    scorer_calls: int = 0
    """How many of the calls are the scorer's; they come first."""
    sampler_calls: int = 0
    """How many of the calls after those are of models that also drew the pool, and drew or ranked again."""
    comparison: str = ""
    """What the fusor wrote about the candidates before its answer."""
    dropped: int = 0
    """How many candidates did not fit the fusor's context."""
    departures: tuple[str, ...] = ()
    """How the fusor's reply differs from the form that its prompt asked for: `unclosed`, `unmarked`, …"""
    fallback: str | None = None
    """Why the strategy fell back on a candidate, or went on without a part of its method; None if it did neither."""


class Trace(msgspec.Struct, frozen=True):
    """The record of one answered prompt."""

    task: str
    doc_id: int | None
    copy: int
    """Which of the harness's repeats of the document this is, from 0."""
    strategy: str
    """The strategy as text, with its options."""
    language: str | None
    pool: Pool
    answer: Answer
    final: str
    """The answer's text, cut at the task's stop strings."""


def without_surrogates(text: str) -> str:
    """Return the text with unpaired surrogates replaced, since they can be neither sent nor written."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def to_json(item: object) -> bytes:
    """Return a value of this module as one line of JSON, without a newline."""
    return msgspec.json.encode(item)


def from_json(line: bytes | str, kind: type[T]) -> T:
    """Read what `to_json` wrote.

    Raises:
        msgspec.DecodeError: The line is not JSON, no value of this kind, or nested too deeply.
    """
    try:
        return msgspec.json.decode(line, type=kind)
    except RecursionError as error:
        raise msgspec.DecodeError("it is nested too deeply") from error
