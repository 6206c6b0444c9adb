"""The JSON that an OpenAI-compatible endpoint receives, and the JSON that it sends."""

from __future__ import annotations

from typing import Any

import msgspec

from fusion_eval.types import ALTERNATIVES, Prompt, Sampling

MAX_STOPS = 4
"""OpenAI refuses more. The answer is cut at every stop string afterwards, whatever the endpoint did."""


class TokenLogprob(msgspec.Struct):
    """One generated token of a chat completion, or one of its alternatives."""

    logprob: float | None = None
    top_logprobs: list[TokenLogprob] | None = None
    token: str | None = None


class Logprobs(msgspec.Struct):
    """Log-probabilities: `content` for chat; for plain-text completions the others, with one entry a token."""

    content: list[TokenLogprob] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float | None] | None] | None = None
    tokens: list[str] | None = None


class ReplyMessage(msgspec.Struct):
    """The assistant's message. Servers name the field for reasoning differently."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking: str | None = None
    reasoning_details: Any = None
    refusal: str | None = None
    error: Any = None


class ReplyChoice(msgspec.Struct):
    """One of the n choices: `message` for chat, `text` for plain-text completions."""

    index: int = 0
    text: str | None = None
    message: ReplyMessage | None = None
    finish_reason: Any = None
    """A text as a rule; an object with the field `type` from SGLang."""
    logprobs: Logprobs | None = None
    error: Any = None
    errors: Any = None
    status: Any = None
    native_finish_reason: Any = None


class ReasoningTokens(msgspec.Struct):
    """Details of the completion's tokens."""

    reasoning_tokens: int | None = None


class ReplyUsage(msgspec.Struct):
    """Token counts of the whole request."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    completion_tokens_details: ReasoningTokens | None = None


class Reply(msgspec.Struct):
    """The reply to one request. Other fields are skipped.

    The fields from `error` on are for failures: some gateways send them with a status of success.
    """

    choices: list[ReplyChoice] | None = None
    usage: ReplyUsage | None = None
    error: Any = None
    errors: Any = None
    status: Any = None
    code: Any = None
    success: Any = None
    object: Any = None
    message: Any = None
    detail: Any = None
    base_resp: Any = None


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
        "stream": False,  # some gateways stream unless they are told not to
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
    if not chat and ALTERNATIVES in payload:
        payload["logprobs"] = payload.pop(ALTERNATIVES)
    return payload
