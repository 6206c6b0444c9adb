"""Tell an answer from a reply that says it failed."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_SYNONYMS = {
    "stop": "stop eos eos_token eos_token_id eot end_of_turn end_turn end stop_sequence stop_str stop_word stop_string "
    "stop_token matched_stop complete completed completion done finish finished normal success succeeded",
    "length": "length max_tokens max_token max_length model_length max_output_tokens max_new_tokens "
    "max_completion_tokens max_gen_toks max_tokens_reached length_limit token_limit output_limit length_capped "
    "context_length context_length_exceeded context_window_exceeded model_context_window_exceeded incomplete truncated",
    "content_filter": "content_filter content_filtered content_filtering content_policy content_policy_violation "
    "safety image_safety blocklist blocked prohibited_content recitation spii refusal refused sensitive moderation "
    "guardrail guardrails guardrail_intervened error_toxic",
    "tool_calls": "tool_calls tool_call tool_use function_call function_calls",
}
DONE = {word: name for name, words in _SYNONYMS.items() for word in words.split()}
"""The finish reasons that mean that an answer is complete, each with OpenAI's name for it."""
_FAILED = re.compile(
    r"(?:^|_)(?:error|failed|failure|abort|aborted|cancell?ed|timeout|timed_out|expired|malformed|overloaded|unavailable|"
    r"interrupted)(?:_|$)"
)
"""Words of fields beside the finish reason that say that a reply failed, such as `MALFORMED_FUNCTION_CALL`."""
_NO_FAILURE = {"", "0", "200", "ok", "success", "none", "null", "false"}
"""Values of error fields that some gateways send with every good reply."""

_NO_SIGN = (None,) * 5
"""The fields that can say that a reply or a choice failed, where they say nothing."""


def finish_name(reason: object) -> str | None:
    """Return OpenAI's name for a finish reason; `unknown` where there is none, and None where it means no answer.

    Args:
        reason: The field as it came. SGLang sends an object with the field `type`.
    """
    if isinstance(reason, str) and reason in DONE:  # as nearly all are
        return DONE[reason]
    if isinstance(reason, list | tuple) and reason:
        reason = reason[0]
    if isinstance(reason, dict):
        reason = reason.get("type") or reason.get("reason")
    if not isinstance(reason, str) or not reason:
        return "unknown"
    if reason in DONE:
        return DONE[reason]
    word = re.sub(r"[\s-]+", "_", reason.strip().lower()).rpartition("finish_reason_")[2].rpartition(".")[2]
    return "unknown" if not word or word in ("null", "none") else DONE.get(word)


def failure_in_reply(reply: Any) -> object:
    """Return what a whole reply says about its failure; None where it says nothing."""
    fields = reply.error, reply.errors, reply.base_resp, reply.status, reply.code
    if fields == _NO_SIGN and reply.success is not False and reply.object != "error":  # as in nearly all
        return None
    for value in (reply.error, reply.errors):
        if value is not None and is_failure(value):
            return value
    if isinstance(reply.base_resp, dict) and str(reply.base_resp.get("status_code") or 0) != "0":
        return reply.base_resp
    for value in (reply.status, reply.code):
        if value is not None and (_is_failed_word(value) or _is_error_status(value)):
            return {"error": reply.message or reply.detail or f"status {value}", "code": value}
    if reply.success is False or reply.object == "error":
        return {"error": reply.message or reply.detail or "no reason given"}
    return None


def failure_in_choice(choice: Any) -> object:
    """Return what one choice says about its failure; None where it says nothing."""
    error = choice.message.error if choice.message else None
    fields = choice.error, choice.errors, error, choice.native_finish_reason, choice.status
    if fields == _NO_SIGN:  # as in nearly all
        return None
    for value in fields[:3]:
        if value is not None and is_failure(value):
            return value
    for value in fields[3:]:
        if value is not None and (_is_failed_word(value) or _is_error_status(value)):
            return {"error": f"it ended with '{value}'"}
    return None


def is_failure(value: object, depth: int = 10) -> bool:
    """Return whether the value of an error field says that something failed."""
    if depth and isinstance(value, dict | list | tuple):
        parts = value.values() if isinstance(value, dict) else value
        return any(is_failure(part, depth - 1) for part in parts)
    return value is not None and str(value)[:10].strip().lower() not in _NO_FAILURE


def status_in(failure: object) -> int | None:
    """Return the HTTP status that a failure holds, if any."""
    found = re.search(r'"(?:code|status|status_code)":\s*"?([45]\d\d)\b', _json(failure)[:4000])
    return int(found[1]) if found else None


def message_in(parsed: object) -> str:
    """Return the error message inside parsed JSON, in whichever field servers put it; else the JSON itself."""
    for key in ("error", "message", "msg", "status_msg", "detail"):
        if isinstance(parsed, list) and len(parsed) == 1:
            parsed = parsed[0]
        if isinstance(parsed, dict) and parsed.get(key):
            parsed = parsed[key]
    return parsed if isinstance(parsed, str) else _json(parsed)


def _is_failed_word(value: object) -> bool:
    if not isinstance(value, str):
        return False
    words = re.sub(r"[\s-]+", "_", value.strip().lower()[:100])
    return words not in DONE and _FAILED.search(words) is not None


def _is_error_status(value: object) -> bool:
    return not isinstance(value, bool) and re.fullmatch(r"[45]\d\d", str(value)) is not None


def _json(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError, TypeError):
        return ""
