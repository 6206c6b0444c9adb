"""Bodies of OpenAI's requests and replies: chat completions, completions, and the Responses API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusion_eval.errors import ConfigError, TransientError
from fusion_eval.models.openai.candidates import candidates_of
from fusion_eval.models.openai.reply_fields import (
    UnknownFormError,
    as_dict,
    as_list,
    reply_of,
    text_and_reasoning,
)
from fusion_eval.text.redaction import safe_message
from fusion_eval.types import Candidate, Message, Sampling

_UNKNOWN = Sampling(max_tokens=0, temperature=1.0, seed=0)
_TEXT_PARTS = ("text", "input_text", "output_text")


def candidates_in(body: Mapping[str, Any], where: str) -> tuple[Candidate, ...]:
    """Return the answers of a reply; a choice without a text is a failed candidate that says why.

    Raises:
        ConfigError: A choice's content is neither a text nor a list of parts; the message names the line.
    """
    model = str(body.get("model") or "model")
    chat = _as_chat(body)
    try:
        choices = [_marked(choice) for choice in as_list(chat.get("choices")) if isinstance(choice, dict)]
        candidates = candidates_of(reply_of({**chat, "choices": choices}), model, _UNKNOWN, 0.0)
    except UnknownFormError as error:
        raise ConfigError(f"{where}: {error}") from error
    except TransientError as error:
        candidates = [failed_candidate(model, str(error))] * max(len(as_list(chat.get("choices"))), 1)
    return tuple(candidates) or (failed_candidate(model, "the reply has no choices and no output"),)


def failed_candidate(model: str, reason: str) -> Candidate:
    """Return the record of an answer that is not there."""
    return Candidate("", model, 0, "error", error=safe_message(reason) or "no reason given")


def _as_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body as a chat completion; a reply of the Responses API becomes one with a single choice."""
    if "choices" in body or not ("output" in body or "output_text" in body):
        return dict(body)
    output = [item for item in as_list(body.get("output")) if isinstance(item, dict)]
    parts = [
        part for item in output if item.get("type") == "message" for part in as_list(item.get("content"))
    ]
    if not output and isinstance(body.get("output_text"), str):
        parts = [{"type": "output_text", "text": body["output_text"]}]
    thoughts = [part for item in output if item.get("type") == "reasoning" for part in _reasoning(item)]
    calls = [item for item in output if str(item.get("type", "")).endswith("_call")]
    usage = as_dict(body.get("usage"))
    reason = as_dict(body.get("incomplete_details")).get("reason")
    message = {"content": [*thoughts, *parts] or None, "tool_calls": calls}
    ended = "tool_calls" if calls and not parts else "stop"
    return {
        "error": body.get("error"),
        "status": body.get("status"),
        "choices": [{"message": message, "finish_reason": reason or ended}],
        "usage": {
            "prompt_tokens": usage.get("input_tokens"),
            "completion_tokens": usage.get("output_tokens"),
            "completion_tokens_details": usage.get("output_tokens_details"),
        },
    }


def _reasoning(item: Mapping[str, Any]) -> list[Any]:
    return [*as_list(item.get("summary")), *as_list(item.get("content"))]


def _marked(choice: dict[str, Any]) -> dict[str, Any]:
    """Return a choice with an error if it has no text; the text of a refusal is one."""
    message = as_dict(choice.get("message"))
    content = choice.get("text") if "message" not in choice else message.get("content")
    if isinstance(content, str) or text_and_reasoning(content)[0] or message.get("refusal"):
        return choice
    calls = message.get("tool_calls") or message.get("function_call")
    reason = "a call of a tool, without a text" if calls else "no text"
    return {**choice, "error": choice.get("error") or {"message": reason}}


def prompt_in(body: Mapping[str, Any], where: str) -> tuple[tuple[Message, ...], bool]:
    """Return the prompt of a request, and whether it is all text; other parts, such as pictures, are left out.

    Raises:
        ConfigError: There is no prompt; the message names the line.
    """
    prompt = body.get("messages") or body.get("input") or body.get("prompt")
    turns = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else as_list(prompt)
    if isinstance(body.get("instructions"), str):
        turns = [{"role": "system", "content": body["instructions"]}, *turns]
    messages, all_text = list[Message](), True
    for turn in turns:
        text = _text_of(turn.get("content")) if isinstance(turn, dict) else None
        all_text = all_text and text is not None and text[1]
        if text is not None and isinstance(turn.get("role"), str):
            messages.append(Message(turn["role"], text[0]))
    if not any(message.content for message in messages):
        raise ConfigError(f"{where}: the request has no prompt: no messages, input or prompt with a text")
    return tuple(messages), all_text


def _text_of(content: object) -> tuple[str, bool] | None:
    """Return the text of a message, and whether that is all; None for a message without content."""
    if isinstance(content, str):
        return content, True
    if not isinstance(content, list):
        return None
    texts = [part["text"] for part in content if _is_text(part)]
    return "".join(texts), len(texts) == len(content)


def _is_text(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str)
