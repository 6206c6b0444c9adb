"""What the test server answers, and to whom: plans, faults, calls, and texts that a test can predict.

A token is a word here: words are what it counts, cuts at `max_tokens` and gives log-probabilities.
"""

from __future__ import annotations

import hashlib
import math
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Annotated, Any, Literal

import msgspec

Request = dict[str, Any]
"""The body of a call, as it came."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One choice. `finish_reason` becomes `length` where `max_tokens` cuts the text."""

    text: str | None = ""
    finish_reason: str = "stop"
    reasoning_content: str | None = None
    """Chat only, beside the text; its words count as completion tokens."""
    refusal: str | None = None
    """Chat only."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one call.

    `status` answers with that status; `reset` drops the connection; `hang` keeps silent for `seconds` and answers
    then; `fewer_choices` answers with half of the choices, one at the least; `truncated_json` sends the first half of
    the answer, `wrong_content_type` calls it text/plain; `html` is a page and `empty_body` nothing, both with status 200.
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
    """Of `status`: a dict is sent as JSON, a text as text/plain; by default an error in OpenAI's form."""
    seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached the server. Times are of `time.monotonic()`, in seconds."""

    path: str
    body: Request
    """Empty where it was no JSON object."""
    headers: Mapping[str, str]
    """Names in lower case; never holds Authorization."""
    sent_key: bool
    """Whether there was an Authorization header, right or wrong."""
    arrived: float
    answered: float | None = None
    """None while it waits, and for good where the connection ended first."""
    status: int = 0
    """0 as long as `answered` is None."""


def prompt_text(request: Request) -> str:
    """The text of a completion's prompt, or the contents of a chat's messages joined by newlines."""
    if "messages" not in request:
        return str(request["prompt"])
    return "\n".join(_content_text(message.get("content")) for message in request["messages"])


def _content_text(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def default_text(model: str, prompt: str, seed: int, temperature: float) -> str:
    """8 to 23 made-up words, a pure function of the arguments."""
    digest = hashlib.sha256(repr((model, prompt, seed, float(temperature))).encode()).digest()
    endings = ("a", "e", "i", "o", "u", "an", "en", "in", "on", "un", "ar", "er", "or", "al", "el", "il")
    words = ["bdfghjklmnprstvz"[byte >> 4] + endings[byte & 15] for byte in digest]
    return " ".join(words[: 8 + digest[0] % 16])


def default_reply(request: Request, index: int) -> str:
    """`default_text` for choice `index`: its seed is the request's (0 by default) plus the index."""
    temperature = request.get("temperature")
    return default_text(
        request["model"],
        prompt_text(request),
        (request.get("seed") or 0) + index,
        1.0 if temperature is None else temperature,
    )


def no_faults(number: int, request: Request) -> Fault | None:
    """Nothing goes wrong."""
    return None


@dataclass(frozen=True, slots=True)
class Plan:
    """How the server behaves. Its callables run on the server's one thread; what they raise, `serve` raises at its end.

    The number that `faults` and `latency` get counts the calls for text from 1, in order of arrival.
    """

    models: tuple[str, ...] = ("test-model",)
    api_key: str | None = None
    honours_n: bool = True
    """False: one choice, whatever n is."""
    rejects_n: bool = False
    max_choices: int | None = None
    logprobs: bool = True
    """False: asked for log-probabilities, it answers without them."""
    rejects_logprobs: bool = False
    ignores_stop: bool = False
    context_tokens: int | None = None
    """The most words that a prompt may have."""
    capacity: int | None = None
    """The most calls for text at a time; what comes beyond them is answered at once, with 429."""
    latency: float | Callable[[int, Request], float] = 0.0
    """Seconds before any answer or fault."""
    reply: Callable[[Request, int], str | Reply] = default_reply
    """(request, index of the choice) -> its text; of a list of prompts it sees one at a time."""
    faults: Callable[[int, Request], Fault | None] = no_faults


class Turn(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None


class Asked(msgspec.Struct, kw_only=True):
    """What both endpoints understand; a wrong type is refused, an unknown field is ignored."""

    model: str
    n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None


class Chat(Asked, kw_only=True):
    messages: Annotated[list[Turn], msgspec.Meta(min_length=1)]
    logprobs: bool | None = None


class Completion(Asked, kw_only=True):
    prompt: str | list[str]
    logprobs: Annotated[int, msgspec.Meta(ge=0)] | None = None
    echo: bool | None = None


def split_tokens(text: str) -> list[str]:
    """The words, each with the white space before it (the last also with what follows): joined they are the text."""
    return re.findall(r"\s*\S+(?:\s+\Z)?", text)


def token_logprob(token: str) -> float:
    """A pure function of the token, from -2.0 to -0.001. What is likelier than 1/2 is what greedy decoding writes."""
    return -(zlib.crc32(token.encode()) % 2000 + 1) / 1000


def _top_logprobs(token: str, k: int) -> dict[str, float]:
    """The k likeliest of two, the token and a rival with the rest of the probability, and the token in any case."""
    logprob = token_logprob(token)
    both = {token: logprob, "<rival>": math.log1p(-math.exp(logprob))}
    top = sorted(both, key=lambda name: -both[name])[:k]
    return {name: both[name] for name in {*top, token}}


def _chat_logprobs(text: str) -> dict[str, Any]:
    return {
        "content": [
            {"token": t, "logprob": token_logprob(t), "bytes": list(t.encode()), "top_logprobs": []}
            for t in split_tokens(text)
        ]
    }


def _legacy_logprobs(echoed: str, text: str, k: int) -> dict[str, Any]:
    tokens = split_tokens(echoed) + split_tokens(text)
    logprobs: list[float | None] = [token_logprob(t) for t in tokens]
    top: list[dict[str, float] | None] = [_top_logprobs(t, k) for t in tokens]
    if echoed:  # nothing stands before the first token, so nothing predicts it
        logprobs[:1], top[:1] = [None], [None]
    offsets = list(accumulate((len(t) for t in tokens), initial=0))[: len(tokens)]
    return {"tokens": tokens, "token_logprobs": logprobs, "top_logprobs": top, "text_offset": offsets}


def replies_of(plan: Plan, asked: Asked, request: Request) -> list[Reply]:
    """The choices for one prompt, cut as asked."""
    n = (asked.n or 1) if plan.honours_n else 1
    if plan.max_choices is not None:
        n = min(n, plan.max_choices)
    return [_cut(plan.reply(request, index), asked, plan.ignores_stop) for index in range(n)]


def _cut(reply: str | Reply, asked: Asked, ignores_stop: bool) -> Reply:
    reply = Reply(reply) if isinstance(reply, str) else reply
    text, reason = reply.text, reply.finish_reason
    if text is None:
        return reply
    most = asked.max_tokens if asked.max_completion_tokens is None else asked.max_completion_tokens
    if most is not None and len(tokens := split_tokens(text)) > most:
        text, reason = "".join(tokens[:most]), "length"
    stops = [asked.stop] if isinstance(asked.stop, str) else asked.stop or []
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


def completion_choice(index: int, reply: Reply, echoed: str, k: int | None) -> dict[str, Any]:
    text = reply.text or ""
    return {
        "index": index,
        "text": echoed + text,
        "logprobs": None if k is None else _legacy_logprobs(echoed, text, k),
        "finish_reason": reply.finish_reason,
    }


def usage_of(prompts: list[str], replies: list[Reply]) -> dict[str, int]:
    asked = sum(len(prompt.split()) for prompt in prompts)
    written = sum(len(f"{r.text or ''} {r.reasoning_content or ''}".split()) for r in replies)
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}
