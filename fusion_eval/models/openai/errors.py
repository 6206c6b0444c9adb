"""Turn an HTTP error of an endpoint into one sentence with a fix, and into one kind of error."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from fusion_eval.errors import (
    ContextOverflowError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
)
from fusion_eval.text.redaction import safe_message, without_userinfo

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises on bytes that are not JSON."""

_RETRIABLE = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
OVERLOADED = {429, 503, 529}
"""Statuses that ask for fewer requests."""
_ABOUT_THE_REQUEST = {400, 413, 422, 500}
"""Includes 500: llama.cpp sends it for options that it lacks, and a retry would not help."""
_OVERFLOW = re.compile(
    r"context[ _](?:length|size|window|limit)|maximum context|too many tokens|(?:prompt|input) is too long|"
    r"token count .{0,30}exceeds|max_new_tokens\W{0,3}must be <=",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(rb"insufficient_quota|insufficient[ _](?:balance|credits|funds)", re.IGNORECASE)
_ONE_CHOICE = re.compile(
    r"only one (?:completion )?choice|multiple (?:choices|completions|candidates)|"
    r"""(?<![\w.-])["'`]?n["'`]?\s*(?:>|value|must|should|is|does)\s|["']n["'](?!:)|argument supplied: n\b""",
    re.IGNORECASE,
)
_OTHER_TOKEN_LIMIT = re.compile(r"use \W?max_completion_tokens", re.IGNORECASE)


class OptionRefusedError(RequestError):
    """The endpoint refused `option`, and the request can be made without it."""

    def __init__(self, message: str, option: str) -> None:
        super().__init__(message)
        self.option = option


class NoSuchModelError(EndpointError):
    """The endpoint does not have the model. The list of its models would help."""


class RequestedModel(Protocol):
    """What an error message says about the model."""

    name: str
    base_url: str
    answered: bool
    """Whether the model has answered before: if so, it exists and the key is right."""

    @property
    def key_variable(self) -> str:
        """Name of the environment variable that holds the key."""
        ...


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A response with an error status, and what messages say about it."""

    model: RequestedModel
    status: int
    body: bytes
    text: str
    """The server's message as it came; only for matching."""
    message: str
    """The server's message, cleaned; fit to be shown."""
    sent_key: bool

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def where(self) -> str:
        return without_userinfo(self.model.base_url)

    @property
    def in_full(self) -> str:
        return f"{self.where} refused a request for {self.name} ({self.status}): {self.message}"


def error_for_response(
    model: RequestedModel, status: int, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...]
) -> FusionEvalError:
    """Return the error that describes a response without success.

    Args:
        model: The model that was requested.
        status: The HTTP status.
        headers: The response's headers; names in lower case, or a mapping that ignores case.
        body: The response's body, as it came.
        secrets: Keys and passwords that the request held; the message does not show them.
    """
    text = _message_in_body(body)
    refusal = _Refusal(model, status, body, text, safe_message(text, secrets), bool(secrets))
    if error := _access_error(refusal) or _error_about_the_request(refusal):
        return error
    if status in _RETRIABLE:
        return TransientError(
            f"{refusal.where} answered {status} for {refusal.name}: {refusal.message}",
            _retry_after(headers),
            overloaded=status in OVERLOADED,
        )
    if 300 <= status < 400:
        target = safe_message(headers.get("location", ""), secrets)
        return EndpointError(
            f"{refusal.where} redirects to '{target}'; name its final address with base_url="
        )
    return _not_found_error(refusal) or RequestError(refusal.in_full)


def _access_error(refusal: _Refusal) -> FusionEvalError | None:
    """The key is missing, wrong or forbidden, or the account has no credit."""
    where, name, status, key = refusal.where, refusal.name, refusal.status, refusal.model.key_variable
    if status == 401 and refusal.sent_key:
        return EndpointError(
            f"{where} refused the key for {name} (401), which came from the environment variable {key}; "
            "put the right one there, or name another with api_key_env="
        )
    if status == 401:
        return EndpointError(
            f"{where} wants a key for {name} (401): set the environment variable {key}, "
            "or name another with api_key_env="
        )
    if (
        status == 403 and not refusal.model.answered
    ):  # later, only one prompt is forbidden, e.g. by moderation
        return EndpointError(
            f"{where} forbids {name} (403): {refusal.message}; its key came from the environment variable "
            f"{key}, api_key_env= names another"
        )
    if status == 402 or (status in (403, 429) and _NO_CREDIT.search(refusal.body)):
        return EndpointError(f"{where} has no credit left for {name} ({status}): {refusal.message}")
    return None


def _error_about_the_request(refusal: _Refusal) -> FusionEvalError | None:
    """The prompt is too long, or the endpoint lacks one of the options."""
    if refusal.status not in _ABOUT_THE_REQUEST:
        return None
    if _OVERFLOW.search(refusal.text):
        return ContextOverflowError(f"The prompt is too long for {refusal.name}: {refusal.message}")
    if _OTHER_TOKEN_LIMIT.search(refusal.text):
        return OptionRefusedError(refusal.in_full, "max_tokens")
    if _ONE_CHOICE.search(refusal.text):
        return OptionRefusedError(refusal.in_full, "n")
    return None


def _not_found_error(refusal: _Refusal) -> FusionEvalError | None:
    """The model or the path does not exist. A model that has answered before exists."""
    if refusal.status not in (404, 405) or refusal.model.answered:
        return None
    if refusal.status == 404 and "model" in refusal.text.lower():
        return NoSuchModelError(f"{refusal.where} has no model '{refusal.name}': {refusal.message}")
    return EndpointError(
        f"{refusal.where} has no such path ({refusal.status}); base_url should end in /v1 as a rule"
    )


def error_message_in(parsed: object) -> str:
    """Return the error message inside parsed JSON, in whichever field servers put it; else the JSON itself."""
    for key in ("error", "message", "detail"):
        if isinstance(parsed, dict) and key in parsed:
            parsed = parsed[key]
    return parsed if isinstance(parsed, str) else msgspec.json.encode(parsed).decode()


def _message_in_body(body: bytes) -> str:
    try:
        return error_message_in(msgspec.json.decode(body))
    except UNREADABLE:
        return re.sub(r"<[^>]*>", " ", body[:2000].decode(errors="replace")) or "no reason given"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from either form of the header (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
