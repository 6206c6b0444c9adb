"""A refusal in the server's words becomes one sentence with a fix, and one of three kinds of error."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import msgspec

from fusion_eval.errors import (
    UNSEEN,
    ContextOverflowError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises on bytes that are no JSON."""

_RETRIABLE = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
OVERLOADED = {429, 503, 529}
"""Statuses that ask for fewer requests."""
_ABOUT_THE_REQUEST = {400, 413, 422, 500}
"""500 among them: llama.cpp answers so to options that it lacks, and a retry would not change its mind."""
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
_OTHER_LENGTH = re.compile(r"use \W?max_completion_tokens", re.IGNORECASE)
_KEY_LIKE = re.compile(r"\b(?:sk|pk|rk|hf|gsk|xai|Bearer)[-_ ][A-Za-z0-9_\-*.]{6,}")


class OptionRefusedError(RequestError):
    """The endpoint does not take `option`, for which there is another way to ask."""

    def __init__(self, message: str, option: str) -> None:
        super().__init__(message)
        self.option = option


class NoSuchModelError(EndpointError):
    """The endpoint does not have the model; what it has would help."""


class Asked(Protocol):
    """What a message needs to know of the model that was asked."""

    name: str
    base_url: str
    answered: bool
    """Whether it has answered before: then it exists, and the key is right."""

    @property
    def key_variable(self) -> str:
        """Name of the environment variable with the key."""
        ...


def refusal_of(
    endpoint: Asked, status: int, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...]
) -> FusionEvalError:
    """The error that a response without success means. The names of `headers` are in lower case, or case is ignored."""
    where = without_userinfo(endpoint.base_url)
    text = _said(body)
    said = clean(text, secrets)
    told = f"{where} refused a request for {endpoint.name} ({status}): {said}"
    if status == 401:
        return EndpointError(
            f"{where} refused the key for {endpoint.name} (401), which came from the environment variable "
            f"{endpoint.key_variable}; put the right one there, or name another with api_key_env="
            if secrets
            else f"{where} wants a key for {endpoint.name} (401): set the environment variable "
            f"{endpoint.key_variable}, or name another with api_key_env="
        )
    if (
        status == 403 and not endpoint.answered
    ):  # later it is one prompt that is forbidden, by a moderator say
        return EndpointError(
            f"{where} forbids {endpoint.name} (403): {said}; its key came from the environment variable "
            f"{endpoint.key_variable}, api_key_env= names another"
        )
    if status == 402 or (status in (403, 429) and _NO_CREDIT.search(body)):
        return EndpointError(f"{where} has no credit left for {endpoint.name} ({status}): {said}")
    if status in _ABOUT_THE_REQUEST:
        if _OVERFLOW.search(text):
            return ContextOverflowError(f"The prompt is too long for {endpoint.name}: {said}")
        if _OTHER_LENGTH.search(text):
            return OptionRefusedError(told, "max_tokens")
        if _ONE_CHOICE.search(text):
            return OptionRefusedError(told, "n")
    if status in _RETRIABLE:
        return TransientError(
            f"{where} answered {status} for {endpoint.name}: {said}",
            _retry_after(headers),
            overloaded=status in OVERLOADED,
        )
    if 300 <= status < 400:
        target = clean(headers.get("location", ""), secrets)
        return EndpointError(f"{where} redirects to '{target}'; name its final address with base_url=")
    if status in (404, 405) and endpoint.answered:
        return RequestError(told)
    if status == 404 and "model" in text.lower():
        return NoSuchModelError(f"{where} has no model '{endpoint.name}': {said}")
    if status in (404, 405):
        return EndpointError(f"{where} has no such path ({status}); base_url should end in /v1 as a rule")
    return RequestError(told)


def without_userinfo(url: str) -> str:
    """The URL without a `user:password@` part, fit for messages and keys."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def clean(text: str, secrets: tuple[str, ...] = (), limit: int = 300) -> str:
    """A server's words made fit for a message: one line, no control codes, no keys, bounded."""
    for secret in secrets:  # in part as well: some servers quote a key's beginning
        text = re.sub(re.escape(secret[:8]) + r"[\w*.\-]*", "***", text.replace(secret, "***"))
    text = UNSEEN.sub(" ", _KEY_LIKE.sub("***", text)).strip().rstrip(".")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def said_in(parsed: object) -> str:
    """The words of an error in one of the forms that servers give it, as far as it is in one."""
    for key in ("error", "message", "detail"):
        if isinstance(parsed, dict) and key in parsed:
            parsed = parsed[key]
    return parsed if isinstance(parsed, str) else msgspec.json.encode(parsed).decode()


def _said(body: bytes) -> str:
    try:
        return said_in(msgspec.json.decode(body))
    except UNREADABLE:
        return re.sub(r"<[^>]*>", " ", body[:2000].decode(errors="replace")) or "no reason given"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3)."""
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
