"""Decode replies. What the answer does not need can never lose it: the text is read strictly, the rest leniently.

A reply in OpenAI's own form takes the fast way. Any other is read as plain JSON, field by field.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from fusion_eval.models.openai.wire import (
    Choice,
    Logprobs,
    ReasoningTokens,
    Reply,
    ReplyMessage,
    TokenLogprob,
    Usage,
)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises on bytes that are not JSON."""
_decode = msgspec.json.Decoder(Reply).decode
_json = json.JSONDecoder(
    strict=False, parse_int=lambda digits: int(digits) if len(digits) < 20 else float(digits)
)
_SERVER_SENT = re.compile(r"(data|event|id|retry)?:")
"""The beginning of a line of server-sent events. A line that begins with a colon is a comment."""
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


class UnreadableReplyError(ValueError):
    """A reply is not JSON, or it ends before its answer does."""


class UnknownFormError(ValueError):
    """A reply is JSON in which the answer is no text."""


def decode_reply(body: bytes) -> Reply:
    """Decode the body of a reply.

    Args:
        body: JSON, alone or with a byte order mark, or server-sent events with whole replies or with chunks.

    Raises:
        UnreadableReplyError: There is no complete JSON.
        UnknownFormError: The JSON has no answer in a form that is known.
    """
    try:
        reply = _decode(body)
        if all(choice.message or choice.text is not None for choice in reply.choices or ()):
            return reply
    except UNREADABLE:  # msgspec's validation error is one of them
        pass
    try:
        return _reply_of(_documents(body))
    except (ValueError, RecursionError) as error:
        if isinstance(error, UnreadableReplyError | UnknownFormError):
            raise
        raise UnreadableReplyError(str(error)[:200]) from error


def _documents(body: bytes) -> list[Any]:
    """Return the JSON documents of a body; a stream that has not ended is unreadable."""
    text = body.decode(json.detect_encoding(body), errors="replace").lstrip("\ufeff \t\r\n")
    if not _SERVER_SENT.match(text):
        document, end = _json.raw_decode(text)
        return [document, *_chunks_after(text[end:])]
    documents = list(_events(text))
    if not documents:
        raise UnreadableReplyError("a stream of events without any data")
    return documents


def _chunks_after(rest: str) -> Iterator[Any]:
    """Yield the chunks that follow a first document. Anything else behind a complete document is no part of it."""
    for line in rest.splitlines():
        line = line.strip().removeprefix("data:").strip()
        if line.startswith("{"):
            try:
                document = _json.decode(line)
            except ValueError:
                return
            if isinstance(document, dict) and str(document.get("object", "")).endswith(".chunk"):
                yield document


def _events(text: str) -> Iterator[Any]:
    """Yield the data of server-sent events, and JSON that stands between their comments."""
    pending: list[str] = []
    lines = re.split(r"\r\n|\n|\r", text)
    for number, line in enumerate([*lines, ""]):
        if line.startswith("data:"):
            pending.append(line[5:].removeprefix(" "))
        elif not line.strip():
            data, pending = "\n".join(pending).strip(), []
            if data and data != "[DONE]":
                yield from _data(data)
        elif line.lstrip()[:1] in ("{", "["):
            yield _json.raw_decode("\n".join(lines[number:]).lstrip())[0]
            return


def _data(data: str) -> Iterator[Any]:
    """Yield the JSON of one event; some servers leave out the blank line between events."""
    try:
        yield _json.decode(data)
    except ValueError:
        for line in data.split("\n"):
            if line.strip() not in ("", "[DONE]"):
                yield _json.decode(line.strip())


def _reply_of(documents: list[Any]) -> Reply:
    """Return the reply in a body's documents: the one that is whole, or the chunks joined."""
    documents = [
        part for document in documents for part in (document if isinstance(document, list) else [document])
    ]
    replies = [document for document in documents if isinstance(document, dict)]
    if not replies:
        raise UnknownFormError("it is no object")
    if len(replies) == 1 and not _is_chunk(replies[0]):
        return reply_of(replies[0])
    whole = [reply for reply in replies if not _is_chunk(reply) and reply.get("choices")]
    return reply_of(whole[-1] if whole else _joined(replies))


def _is_chunk(reply: dict[str, Any]) -> bool:
    choices = [choice for choice in _list(reply.get("choices")) if isinstance(choice, dict)]
    return str(reply.get("object", "")).endswith(".chunk") or any(
        "delta" in choice and not choice.get("message") for choice in choices
    )


def _joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the chunks of a stream as one reply."""
    joined: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        joined |= {name: value for name, value in chunk.items() if value is not None and name != "choices"}
        for place, piece in enumerate(_list(chunk.get("choices"))):
            if isinstance(piece, dict):
                index = piece.get("index")
                _add_piece(choices.setdefault(index if isinstance(index, int) else place, {}), piece)
    if any(not choice.get("finish_reason") for choice in choices.values()) and not joined.get("error"):
        raise UnreadableReplyError("the stream ended before the answer did")
    joined["choices"] = [choice | {"index": index} for index, choice in choices.items()]
    return joined


def _add_piece(choice: dict[str, Any], piece: dict[str, Any]) -> None:
    if "text" in piece:
        choice["text"] = choice.get("text", "") + _text(piece["text"])[0]
    delta = piece.get("message") or piece.get("delta")
    if isinstance(delta, dict):
        message = choice.setdefault("message", {"content": "", "reasoning_content": ""})
        text, thought = _text(delta.get("content"))
        message["content"] += text
        message["reasoning_content"] += _reasoning(delta) or thought
        for name in ("refusal", "error"):
            if isinstance(delta.get(name), str):
                message[name] = message.get(name, "") + delta[name]
            elif delta.get(name):
                message[name] = delta[name]
    for name in ("finish_reason", "error", "errors", "status", "native_finish_reason"):
        if piece.get(name):
            choice[name] = piece[name]
    tokens = _list(_dict(piece.get("logprobs")).get("content"))
    if tokens:
        choice.setdefault("logprobs", {"content": []})["content"] += tokens


def reply_of(reply: dict[str, Any]) -> Reply:
    """Read a reply from parsed JSON, field by field.

    Raises:
        UnknownFormError: The content of a choice is no text.
    """
    raw = reply.get("choices")
    if isinstance(raw, dict):
        raw = [raw]
    choices = [_choice(choice, place) for place, choice in enumerate(_list(raw)) if isinstance(choice, dict)]
    usage = _dict(reply.get("usage"))
    details = _dict(usage.get("completion_tokens_details"))
    return Reply(
        choices or None,
        Usage(
            _count(usage.get("prompt_tokens")),
            _count(usage.get("completion_tokens")),
            ReasoningTokens(_count(details.get("reasoning_tokens"))) if details else None,
        )
        if usage
        else None,
        **{name: reply.get(name) for name in Reply.__struct_fields__ if name not in ("choices", "usage")},
    )


def _choice(choice: dict[str, Any], place: int) -> Choice:
    index = choice.get("index")
    message = choice.get("message")
    if message is None and choice.get("text") is None:
        message = choice.get("delta")
    if isinstance(message, str | list):
        message = {"content": message}
    return Choice(
        index=index if isinstance(index, int) else place,
        text=None if choice.get("text") is None else _text(choice["text"])[0],
        message=_message(message) if isinstance(message, dict) else None,
        finish_reason=choice.get("finish_reason"),
        logprobs=_logprobs(choice.get("logprobs")),
        **{name: choice.get(name) for name in ("error", "errors", "status", "native_finish_reason")},
    )


def _message(message: dict[str, Any]) -> ReplyMessage:
    text, thought = _text(message.get("content"))
    refusal = message.get("refusal")
    return ReplyMessage(
        content=text,
        reasoning_content=_reasoning(message) or thought,
        refusal=refusal if isinstance(refusal, str) else None,
        error=message.get("error"),
    )


def _text(content: Any) -> tuple[str, str]:
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
            thoughts.append(_reasoning(part) or _plain(part.get("text")) or _plain(part.get("summary")))
        elif isinstance(part, dict) and kind in _TEXT_PARTS and part.keys() & {"text", "content"}:
            texts.append(_plain(part.get("text") if "text" in part else part.get("content")))
        elif isinstance(part, dict) and kind == "refusal":
            texts.append(_plain(part.get("refusal")))
    if isinstance(content, dict) and not texts and not thoughts:
        raise UnknownFormError("the content is an object without text")
    return "".join(texts), "\n".join(filter(None, thoughts))


def _reasoning(message: dict[str, Any]) -> str:
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
    logprobs = _dict(value)
    content, plain = logprobs.get("content"), logprobs.get("token_logprobs")
    if isinstance(content, list):
        return Logprobs(content=[TokenLogprob(_number(_dict(token).get("logprob"))) for token in content])
    if isinstance(plain, list):
        return Logprobs(token_logprobs=[_number(number) for number in plain])
    return None


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _count(value: Any) -> int | None:
    number = _number(value)
    return round(number) if number is not None and math.isfinite(number) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
