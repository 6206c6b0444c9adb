"""The JSON that an OpenAI-compatible endpoint receives, and the JSON that it sends."""

from __future__ import annotations

from typing import Any

import msgspec

from fusion_eval.models.reasoning import split_reasoning
from fusion_eval.types import Candidate, Prompt, Sampling

MAX_STOPS = 4
"""OpenAI refuses more. The answer is cut at every stop string afterwards, whatever the endpoint did."""
_MOST_TOKENS = 1 << 31
"""More than any model reads or writes."""


class TokenLogprob(msgspec.Struct):
    """One generated token of a chat completion."""

    logprob: float | None = None


class Logprobs(msgspec.Struct):
    """Log-probabilities: `content` for chat, `token_logprobs` for plain-text completions."""

    content: list[TokenLogprob] | None = None
    token_logprobs: list[float | None] | None = None


class ReplyMessage(msgspec.Struct):
    """The assistant's message."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None


class Choice(msgspec.Struct):
    """One of the n choices: `message` for chat, `text` for plain-text completions."""

    index: int = 0
    text: str | None = None
    message: ReplyMessage | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Usage(msgspec.Struct):
    """Token counts of the whole request."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Reply(msgspec.Struct):
    """The reply to one request. Other fields are skipped."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None
    """Some gateways send it instead of choices, with a status of success."""


class ListedModel(msgspec.Struct):
    """One model of `GET /models`."""

    id: str


class Models(msgspec.Struct):
    """The reply to `GET /models`."""

    data: list[ListedModel] = []


def payload_of(
    name: str, prompt: Prompt, sampling: Sampling, n: int, chat: bool, length_option: str = "max_tokens"
) -> dict[str, object]:
    """Return the body of a request. It omits options that are not set, because endpoints differ in what they accept.

    Args:
        name: The model's name at the endpoint.
        prompt: The prompt; a text becomes one user message where `chat` is true.
        sampling: The sampling options.
        n: How many choices to request.
        chat: Whether the request goes to chat completions.
        length_option: The endpoint's name for the limit on generated tokens.
    """
    payload: dict[str, Any] = {"model": name}
    if chat:
        payload["messages"] = [{"role": m.role, "content": m.content} for m in prompt.messages] or [
            {"role": "user", "content": prompt.text}
        ]
    else:
        payload["prompt"] = prompt.text
    payload |= {
        length_option: sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
    }
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
    """Return the choices as candidates, in the order of their index.

    Args:
        reply: The reply to one request.
        name: The model's name, recorded in each candidate.
        sampling: The sampling options of the request; the i-th candidate has the seed `sampling.seed + i`.
        latency: Seconds from request to reply.
    """
    choices = sorted(reply.choices or (), key=lambda choice: choice.index)
    usage = reply.usage or Usage()
    prompt_tokens = _plausible_count(usage.prompt_tokens)
    tokens = _completion_tokens(choices, _plausible_count(usage.completion_tokens))
    return [
        _candidate(choice, name, sampling.seed + i, tokens[i], prompt_tokens if i == 0 else 0, latency)
        for i, choice in enumerate(choices)
    ]


def _candidate(
    choice: Choice, name: str, seed: int, completion_tokens: int, prompt_tokens: int, latency: float
) -> Candidate:
    message = choice.message
    refused = message is not None and bool(message.refusal)
    written = (message.content or message.refusal if message else choice.text) or ""
    text, reasoning = split_reasoning(written)
    if message:
        reasoning = message.reasoning_content or message.reasoning or reasoning
    return Candidate(
        text=text,
        model=name,
        seed=seed,
        finish_reason="refusal" if refused else choice.finish_reason or "unknown",
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        mean_logprob=_mean(_token_logprobs(choice)),
        reasoning=reasoning,
        latency=latency,
    )


def _token_logprobs(choice: Choice) -> list[float]:
    if choice.logprobs is None:
        return []
    if choice.logprobs.content is not None:
        return [token.logprob for token in choice.logprobs.content if token.logprob is not None]
    return [value for value in choice.logprobs.token_logprobs or [] if value is not None]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _plausible_count(count: int | None) -> int:
    """Return a server's count of tokens, kept within what is possible: costs are computed from it."""
    return min(max(count or 0, 0), _MOST_TOKENS)


def _completion_tokens(choices: list[Choice], total: int) -> list[int]:
    """Return the tokens of each choice: those with log-probabilities, plus an even share of the rest of the total.

    They add up to the total. Some servers count one choice only; then they add up to the tokens with
    log-probabilities.
    """
    counted = [len(_token_logprobs(choice)) for choice in choices]
    share, rest = divmod(max(total - sum(counted), 0), max(len(choices), 1))
    return [own + share + (i < rest) for i, own in enumerate(counted)]
