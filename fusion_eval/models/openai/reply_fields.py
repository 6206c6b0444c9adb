"""Read a reply field by field: the text strictly, the rest leniently."""

from __future__ import annotations

import json
import math
from typing import Any

from fusion_eval.models.openai.wire import (
    Logprobs,
    ReasoningTokens,
    Reply,
    ReplyChoice,
    ReplyMessage,
    ReplyUsage,
    TokenLogprob,
)

_TEXT_PARTS = {"text", "output_text", "input_text", ""}
_REASONING_PARTS = {
    "thinking",
    "reasoning",
    "reasoning_text",
    "reasoning.text",
    "reasoning.summary",
    "summary_text",
}
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "reasoning_details")


class UnknownFormError(ValueError):
    """A reply is JSON in which the answer is no text."""


def reply_of(reply: dict[str, Any]) -> Reply:
    """Read a reply from parsed JSON, field by field.

    Raises:
        UnknownFormError: The content of a choice is no text.
    """
    raw = reply.get("choices")
    if isinstance(raw, dict):
        raw = [raw]
    choices = [
        _choice(choice, place) for place, choice in enumerate(as_list(raw)) if isinstance(choice, dict)
    ]
    usage = as_dict(reply.get("usage"))
    details = as_dict(usage.get("completion_tokens_details"))
    return Reply(
        choices or None,
        ReplyUsage(
            _count(usage.get("prompt_tokens")),
            _count(usage.get("completion_tokens")),
            ReasoningTokens(_count(details.get("reasoning_tokens"))) if details else None,
        )
        if usage
        else None,
        **{name: reply.get(name) for name in Reply.__struct_fields__ if name not in ("choices", "usage")},
    )


def _choice(choice: dict[str, Any], place: int) -> ReplyChoice:
    index = choice.get("index")
    message = choice.get("message")
    if message is None and choice.get("text") is None:
        message = choice.get("delta")
    if isinstance(message, str | list):
        message = {"content": message}
    return ReplyChoice(
        index=index if isinstance(index, int) else place,
        text=None if choice.get("text") is None else text_and_reasoning(choice["text"])[0],
        message=_message(message) if isinstance(message, dict) else None,
        finish_reason=choice.get("finish_reason"),
        logprobs=_logprobs(choice.get("logprobs")),
        **{name: choice.get(name) for name in ("error", "errors", "status", "native_finish_reason")},
    )


def _message(message: dict[str, Any]) -> ReplyMessage:
    text, thought = text_and_reasoning(message.get("content"))
    refusal = message.get("refusal")
    return ReplyMessage(
        content=text,
        reasoning_content=reasoning_in(message) or thought,
        refusal=refusal if isinstance(refusal, str) else None,
        error=message.get("error"),
    )


def text_and_reasoning(content: Any) -> tuple[str, str]:
    """Return the text and the reasoning of a message's content.

    Raises:
        UnknownFormError: The content is neither text nor parts, so no answer can be read.
    """
    if content is None:
        return "", ""
    if isinstance(content, str):
        return content, ""
    if not isinstance(content, list | dict):
        raise UnknownFormError(f"the content is {json.dumps(content)}, not text")
    texts, thoughts = [], []
    for part in content if isinstance(content, list) else [content]:
        kind = str(part.get("type") or "").lower() if isinstance(part, dict) else ""
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and kind in _REASONING_PARTS:
            thoughts.append(reasoning_in(part) or _plain(part.get("text")) or _plain(part.get("summary")))
        elif isinstance(part, dict) and kind in _TEXT_PARTS and part.keys() & {"text", "content"}:
            texts.append(_plain(part.get("text") if "text" in part else part.get("content")))
        elif isinstance(part, dict) and kind == "refusal":
            texts.append(_plain(part.get("refusal")))
    if isinstance(content, dict) and not texts and not thoughts:
        raise UnknownFormError("the content is an object without text")
    return "".join(texts), "\n".join(filter(None, thoughts))


def reasoning_in(message: dict[str, Any]) -> str:
    """Return what a message or a part holds as reasoning, in whichever field."""
    return next((text for name in _REASONING_FIELDS if (text := _plain(message.get(name)))), "")


def _plain(value: Any) -> str:
    """Return the text in a value of any form; an empty one where there is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_plain, value))
    if isinstance(value, dict):
        names = ("text", "value", "content", "summary", *_REASONING_FIELDS)
        return next((text for name in names if (text := _plain(value.get(name)))), "")
    return ""


def _logprobs(value: Any) -> Logprobs | None:
    """Return the log-probabilities that are numbers. One that is not finite makes the mean unknown."""
    logprobs = as_dict(value)
    content, plain = logprobs.get("content"), logprobs.get("token_logprobs")
    if isinstance(content, list):
        return Logprobs(content=[_token(as_dict(token)) for token in content])
    if isinstance(plain, list):
        rows = [as_dict(row) for row in as_list(logprobs.get("top_logprobs"))]
        return Logprobs(
            token_logprobs=[_number(number) for number in plain],
            top_logprobs=[{token: _number(number) for token, number in row.items()} for row in rows] or None,
            tokens=[token if isinstance(token, str) else "" for token in as_list(logprobs.get("tokens"))]
            or None,
        )
    return None


def _token(token: dict[str, Any]) -> TokenLogprob:
    alternatives = [as_dict(one) for one in as_list(token.get("top_logprobs"))]
    return TokenLogprob(
        _number(token.get("logprob")),
        [TokenLogprob(_number(one.get("logprob")), token=_text(one.get("token"))) for one in alternatives]
        or None,
        _text(token.get("token")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _count(value: Any) -> int | None:
    number = _number(value)
    return round(number) if number is not None and math.isfinite(number) else None


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_dict(value: Any) -> dict[str, Any]:
    """Return an object as it is, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}
