"""Decode replies. What the answer does not need can never lose it: the text is read strictly, the rest leniently.

A reply in OpenAI's own form takes the fast way. Any other is read as plain JSON, field by field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from fusion_eval.models.openai.reply_fields import (
    UnknownFormError,
    as_dict,
    as_list,
    reasoning_in,
    reply_of,
    text_and_reasoning,
)
from fusion_eval.models.openai.wire import Reply

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises on bytes that are not JSON."""
_decode = msgspec.json.Decoder(Reply).decode
_json = json.JSONDecoder(
    strict=False, parse_int=lambda digits: int(digits) if len(digits) < 20 else float(digits)
)
_SERVER_SENT = re.compile(r"(data|event|id|retry)?:")
"""The beginning of a line of server-sent events. A line that begins with a colon is a comment."""


class UnreadableReplyError(ValueError):
    """A reply is not JSON, or it ends before its answer does."""


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
    except UNREADABLE:  # msgspec's validation error is one of them
        pass
    else:
        unread = [choice for choice in reply.choices or () if choice.message is None and choice.text is None]
        if not unread:
            return reply
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
    choices = [choice for choice in as_list(reply.get("choices")) if isinstance(choice, dict)]
    return str(reply.get("object", "")).endswith(".chunk") or any(
        "delta" in choice and not choice.get("message") for choice in choices
    )


def _joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the chunks of a stream as one reply."""
    joined: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        joined |= {name: value for name, value in chunk.items() if value is not None and name != "choices"}
        for place, piece in enumerate(as_list(chunk.get("choices"))):
            if isinstance(piece, dict):
                index = piece.get("index")
                _add_piece(choices.setdefault(index if isinstance(index, int) else place, {}), piece)
    if any(not choice.get("finish_reason") for choice in choices.values()) and not joined.get("error"):
        raise UnreadableReplyError("the stream ended before the answer did")
    joined["choices"] = [choice | {"index": index} for index, choice in choices.items()]
    return joined


def _add_piece(choice: dict[str, Any], piece: dict[str, Any]) -> None:
    if "text" in piece:
        choice["text"] = choice.get("text", "") + text_and_reasoning(piece["text"])[0]
    delta = piece.get("message") or piece.get("delta")
    if isinstance(delta, dict):
        message = choice.setdefault("message", {"content": "", "reasoning_content": ""})
        text, thought = text_and_reasoning(delta.get("content"))
        message["content"] += text
        message["reasoning_content"] += reasoning_in(delta) or thought
        for name in ("refusal", "error"):
            if isinstance(delta.get(name), str):
                message[name] = message.get(name, "") + delta[name]
            elif delta.get(name):
                message[name] = delta[name]
    for name in ("finish_reason", "error", "errors", "status", "native_finish_reason"):
        if piece.get(name):
            choice[name] = piece[name]
    tokens = as_list(as_dict(piece.get("logprobs")).get("content"))
    if tokens:
        choice.setdefault("logprobs", {"content": []})["content"] += tokens
