"""Plans for the test server: its answers, its faults and its record of calls.

A token is a word here. The server counts words, cuts the text after `max_tokens` words, and gives each word a
log-probability. All texts are predictable.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec

Request = dict[str, Any]
"""The JSON body of a call."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One choice of a reply. `finish_reason` becomes `length` where `max_tokens` cuts the text."""

    text: str | None = ""
    finish_reason: str = "stop"
    reasoning_content: str | None = None
    """Only for chat; a separate field. Its words count as completion tokens."""
    refusal: str | None = None
    """Only for chat."""
    lost_tokens: int = 0
    """Completion tokens that are counted although no text shows them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the server in one call.

    - `status` answers with that status.
    - `reset` drops the connection.
    - `hang` waits for `seconds`, then answers.
    - `fewer_choices` answers with half of the choices, at least one.
    - `truncated_json` sends the first half of the answer.
    - `wrong_content_type` sends the answer as text/plain.
    - `html` sends a web page, and `empty_body` nothing; both with status 200.
    """

    kind: Literal[
        "status",
        "reset",
        "hang",
        "fewer_choices",
        "truncated_json",
        "html",
        "empty_body",
        "wrong_content_type",
    ]
    status: int = 500
    retry_after: str | float | None = None
    body: Request | str | None = None
    """For `status`: a dict is sent as JSON, a text as text/plain. By default, an error in OpenAI's form."""
    seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached the server. Times come from `time.monotonic()`, in seconds."""

    path: str
    body: Request
    """Empty if it was not a JSON object."""
    headers: Mapping[str, str]
    """With names in lower case, without Authorization."""
    sent_key: bool
    """Whether the request had an Authorization header, right or wrong."""
    arrived: float
    answered: float | None = None
    """None while it waits; stays None if the connection ends first."""
    status: int = 0
    """0 while `answered` is None."""


def prompt_text(request: Request) -> str:
    """Return a completion's prompt, or the contents of a chat's messages joined by newlines."""
    if "messages" not in request:
        return str(request["prompt"])
    return "\n".join(_content_text(message.get("content")) for message in request["messages"])


def _content_text(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def default_text(model: str, prompt: str, seed: int, temperature: float) -> str:
    """Return 8 to 23 made-up words, a pure function of the arguments."""
    digest = hashlib.sha256(repr((model, prompt, seed, float(temperature))).encode()).digest()
    endings = ("a", "e", "i", "o", "u", "an", "en", "in", "on", "un", "ar", "er", "or", "al", "el", "il")
    words = ["bdfghjklmnprstvz"[byte >> 4] + endings[byte & 15] for byte in digest]
    return " ".join(words[: 8 + digest[0] % 16])


def default_reply(request: Request, index: int) -> str:
    """Return `default_text` for one choice; its seed is the request's (by default 0) plus `index`."""
    temperature = request.get("temperature")
    return default_text(
        request["model"],
        prompt_text(request),
        (request.get("seed") or 0) + index,
        1.0 if temperature is None else temperature,
    )


def no_faults(number: int, request: Request) -> Fault | None:
    """Let every call succeed."""
    return None


@dataclass(frozen=True, slots=True)
class Plan:
    """The behaviour of the server.

    Its callables run on the server's only thread. `serve` raises their exceptions when it ends. The number that
    `faults` and `latency` receive counts the calls for text from 1, in order of arrival.
    """

    models: tuple[str, ...] = ("test-model",)
    api_key: str | None = None
    honours_n: bool = True
    """If false, every reply has one choice."""
    rejects_n: bool = False
    max_choices: int | None = None
    logprobs: bool = True
    """If false, replies never hold log-probabilities."""
    ignores_stop: bool = False
    context_tokens: int | None = None
    """The most words in a prompt."""
    capacity: int | None = None
    """The most calls for text at a time; others get status 429 at once."""
    latency: float | Callable[[int, Request], float] = 0.0
    """Seconds before any answer or fault."""
    reply: Callable[[Request, int], str | Reply] = default_reply
    """Returns the text for a request and the index of a choice."""
    faults: Callable[[int, Request], Fault | None] = no_faults


class Turn(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None


class Options(msgspec.Struct, kw_only=True):
    """The options of both endpoints. A wrong type is refused; an unknown field is ignored."""

    model: str
    n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None


class Chat(Options, kw_only=True):
    messages: Annotated[list[Turn], msgspec.Meta(min_length=1)]
    logprobs: bool | None = None


class Completion(Options, kw_only=True):
    prompt: str
    logprobs: Annotated[int, msgspec.Meta(ge=0)] | None = None


def split_tokens(text: str) -> list[str]:
    """Split a text into words with the white space before them; the last also keeps what follows it."""
    return re.findall(r"\s*\S+(?:\s+\Z)?", text)


def token_logprob(token: str) -> float:
    """Return a log-probability from -2.0 to -0.001, a pure function of the token."""
    return -(zlib.crc32(token.encode()) % 2000 + 1) / 1000


def _chat_logprobs(text: str) -> dict[str, Any]:
    return {
        "content": [
            {"token": t, "logprob": token_logprob(t), "bytes": list(t.encode()), "top_logprobs": []}
            for t in split_tokens(text)
        ]
    }


def _completion_logprobs(text: str) -> dict[str, Any]:
    tokens = split_tokens(text)
    return {"tokens": tokens, "token_logprobs": [token_logprob(t) for t in tokens]}


def replies_of(plan: Plan, options: Options, request: Request) -> list[Reply]:
    """Return the choices for one prompt, cut at `max_tokens` and at the stop strings."""
    n = (options.n or 1) if plan.honours_n else 1
    if plan.max_choices is not None:
        n = min(n, plan.max_choices)
    return [_cut(plan.reply(request, index), options, plan.ignores_stop) for index in range(n)]


def _cut(reply: str | Reply, options: Options, ignores_stop: bool) -> Reply:
    reply = Reply(reply) if isinstance(reply, str) else reply
    text, reason = reply.text, reply.finish_reason
    if text is None:
        return reply
    most = options.max_tokens if options.max_completion_tokens is None else options.max_completion_tokens
    if most is not None and len(tokens := split_tokens(text)) > most:
        text, reason = "".join(tokens[:most]), "length"
    stops = [options.stop] if isinstance(options.stop, str) else options.stop or []
    cuts = [text.index(stop) for stop in stops if stop and stop in text]
    if cuts and not ignores_stop:
        text, reason = text[: min(cuts)], "stop"
    return replace(reply, text=text, finish_reason=reason)


def chat_choice(index: int, reply: Reply, logprobs: bool) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    if reply.reasoning_content is not None:
        message["reasoning_content"] = reply.reasoning_content
    return {
        "index": index,
        "message": message,
        "logprobs": _chat_logprobs(reply.text or "") if logprobs else None,
        "finish_reason": reply.finish_reason,
    }


def completion_choice(index: int, reply: Reply, logprobs: bool) -> dict[str, Any]:
    text = reply.text or ""
    return {
        "index": index,
        "text": text,
        "logprobs": _completion_logprobs(text) if logprobs else None,
        "finish_reason": reply.finish_reason,
    }


def usage_of(prompt: str, replies: list[Reply]) -> dict[str, int]:
    read = len(prompt.split())
    written = sum(len(f"{r.text or ''} {r.reasoning_content or ''}".split()) + r.lost_tokens for r in replies)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
