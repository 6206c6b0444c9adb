"""A refusal in the server's words becomes one sentence with a fix, and one of three kinds of error."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import msgspec

from fusion_eval.errors import (
    ContextOverflowError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
)

_RETRIABLE = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
_OVERFLOW = re.compile(
    rb"context[ _](?:length|size|window)|maximum context|context_length_exceeded|too many tokens|prompt is too long",
    re.I,
)
_KEY_LIKE = re.compile(r"\b(?:sk|pk|rk|hf|gsk|xai|Bearer)[-_ ][A-Za-z0-9_\-*.]{6,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]+")


class Endpoint(Protocol):
    """What a message needs to know of a model."""

    name: str
    base_url: str

    @property
    def key_variable(self) -> str:
        """Name of the environment variable with the key."""
        ...


def refusal_of(
    endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...]
) -> FusionEvalError:
    """The error that a response other than 200 means."""
    where = without_userinfo(endpoint.base_url)
    said = clean(_said(body), secrets)
    if status in (401, 403):
        return EndpointError(
            f"{where} refused the key for {endpoint.name} ({status}): set the environment variable "
            f"{endpoint.key_variable}, or name another with api_key_env="
        )
    if status in _RETRIABLE:
        return TransientError(f"{where} answered {status} for {endpoint.name}: {said}", _retry_after(headers))
    if status == 404 and _about_model(body):
        return EndpointError(
            f"{where} has no model '{endpoint.name}': {said}. GET {where}/models lists what it has"
        )
    if status in (404, 405):
        return EndpointError(f"{where} has no such path ({status}); base_url should end in /v1 as a rule")
    if _OVERFLOW.search(body):
        return ContextOverflowError(f"The prompt is too long for {endpoint.name}: {said}")
    return RequestError(f"{where} refused a request for {endpoint.name} ({status}): {said}")


def without_userinfo(url: str) -> str:
    """The URL without a `user:password@` part, fit for messages and keys."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def clean(text: str, secrets: tuple[str, ...] = (), limit: int = 300) -> str:
    """A server's words made fit for a message: one line, no control codes, no keys, bounded."""
    for secret in secrets:
        text = text.replace(secret, "***")
    text = _CONTROL.sub(" ", _KEY_LIKE.sub("***", text)).strip().rstrip(".")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _said(body: bytes) -> str:
    try:
        parsed = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return re.sub(r"<[^>]*>", " ", body[:2000].decode(errors="replace")) or "no reason given"
    for key in ("error", "message", "detail"):
        if isinstance(parsed, dict) and key in parsed:
            parsed = parsed[key]
    return parsed if isinstance(parsed, str) else msgspec.json.encode(parsed).decode()


def _about_model(body: bytes) -> bool:
    return b"model" in body.lower()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3)."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        when = email.utils.parsedate_to_datetime(value) if re.search(r"\d{4}", value) else None
        return max(0.0, when.timestamp() - time.time()) if when else None
