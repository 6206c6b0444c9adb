"""What goes over the wire to an OpenAI-compatible endpoint, and what comes back."""

from __future__ import annotations

from typing import Any

import msgspec

from fusion_eval.models.reasoning import split_reasoning
from fusion_eval.types import Candidate, Prompt, Sampling

MAX_STOPS = 4
"""OpenAI refuses more; the answer is cut at all of them afterwards, whatever the endpoint did."""


_MOST_TOKENS = 1 << 31
"""More than any model reads or writes."""


class TokenLogprob(msgspec.Struct):
    """One generated token."""

    logprob: float | None = None


class Logprobs(msgspec.Struct):
    """Chat's form (`content`) and that of plain completions (the other lists)."""

    content: list[TokenLogprob] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class ReplyMessage(msgspec.Struct):
    """The assistant's message."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None


class Choice(msgspec.Struct):
    """One of the n choices."""

    index: int = 0
    text: str | None = None
    message: ReplyMessage | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Usage(msgspec.Struct):
    """Tokens of the whole request."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Reply(msgspec.Struct):
    """The answer to one request; fields that we have no use for are skipped unread."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None
    """What some gateways send in place of choices, with a status of success."""


class ListedModel(msgspec.Struct):
    """One of `GET /models`."""

    id: str


class Models(msgspec.Struct):
    """The answer to `GET /models`."""

    data: list[ListedModel] = []


def payload_of(
    name: str, prompt: Prompt, sampling: Sampling, n: int, chat: bool, length: str = "max_tokens"
) -> dict[str, object]:
    """The request's body. Options that are not set are left out: endpoints differ in what they accept.

    `length` is what the endpoint calls the limit on tokens.
    """
    payload: dict[str, Any] = {"model": name}
    if chat:
        payload["messages"] = [{"role": m.role, "content": m.content} for m in prompt.messages] or [
            {"role": "user", "content": prompt.text}
        ]
    else:
        payload["prompt"] = prompt.text
    payload |= {length: sampling.max_tokens, "temperature": sampling.temperature, "seed": sampling.seed}
    if n > 1:
        payload["n"] = n
    if sampling.top_p is not None:
        payload["top_p"] = sampling.top_p
    if stops := [stop for stop in sampling.stop if stop]:
        payload["stop"] = stops[:MAX_STOPS]
    if sampling.logprobs:
        payload["logprobs"] = True if chat else 1
    payload.update(sampling.extra)
    return payload


def candidates_of(reply: Reply, name: str, sampling: Sampling, latency: float) -> list[Candidate]:
    """The choices as candidates, in the order of their index."""
    choices = sorted(reply.choices or (), key=lambda choice: choice.index)
    usage = reply.usage or Usage()
    read = _count(usage.prompt_tokens)
    tokens = _completion_tokens(choices, _count(usage.completion_tokens))
    return [
        _candidate(choice, name, sampling.seed + i, tokens[i], read if i == 0 else 0, latency)
        for i, choice in enumerate(choices)
    ]


def _candidate(
    choice: Choice, name: str, seed: int, completion_tokens: int, prompt_tokens: int, latency: float
) -> Candidate:
    message = choice.message
    refused = message is not None and bool(message.refusal)
    written = (message.content or message.refusal if message else choice.text) or ""
    text, thought = split_reasoning(written)
    if message:
        thought = message.reasoning_content or message.reasoning or thought
    return Candidate(
        text=text,
        model=name,
        seed=seed,
        finish_reason="refusal" if refused else choice.finish_reason or "unknown",
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        mean_logprob=_mean(_logprobs(choice)),
        reasoning=thought,
        latency=latency,
    )


def _logprobs(choice: Choice) -> list[float]:
    if choice.logprobs is None:
        return []
    if choice.logprobs.content is not None:
        return [token.logprob for token in choice.logprobs.content if token.logprob is not None]
    return [value for value in choice.logprobs.token_logprobs or [] if value is not None]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _count(told: int | None) -> int:
    """What a server says it counted, within what can be: costs are reckoned from it."""
    return min(max(told or 0, 0), _MOST_TOKENS)


def _completion_tokens(choices: list[Choice], total: int) -> list[int]:
    """Tokens per choice: those that log-probabilities show, and what the total has beyond them spread evenly.

    So they add up to the total, or to what was shown where that is more: some servers count one choice only.
    """
    counted = [len(_logprobs(choice)) for choice in choices]
    share, rest = divmod(max(total - sum(counted), 0), max(len(choices), 1))
    return [own + share + (i < rest) for i, own in enumerate(counted)]
