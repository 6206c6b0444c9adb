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

from fusion_eval.argument_values import KEY_VARIABLE
from fusion_eval.errors import (
    ContextOverflowError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
)
from fusion_eval.models.openai.decoding import UNREADABLE
from fusion_eval.models.openai.finish import message_in
from fusion_eval.models.openai.refused_options import refused_option
from fusion_eval.models.redactor import Redactor
from fusion_eval.text.redaction import without_userinfo

_RETRIABLE = {408, 409, 420, 425, 429, 498, 499, 500, 502, 503, 504, *range(520, 531), 598, 599}
"""Includes Groq's 498 (no capacity) and Cloudflare's 520 to 530 (the server behind it is away)."""
OVERLOADED = {420, 429, 498, 503, 529}
"""Statuses that ask for fewer requests."""
_ABOUT_THE_REQUEST = {400, 413, 422, 500, 501}
"""Includes 500: llama.cpp sends it for options that it lacks, and a retry would not help."""
OVERFLOW = re.compile(
    r"context[ _](?:length|size|window|limit)|maximum context|too many tokens|(?:prompt|input) is too long|"
    r"token count .{0,30}exceeds|max_new_tokens\W{0,3}must be <=",
    re.IGNORECASE,
)
"""How servers say that a prompt is too long."""
_TEXT = 4000
"""Characters of a server's message that are read."""
_MARKUP = re.compile(r"<[^<>]*>")
_NO_CREDIT = re.compile(rb"insufficient_quota|insufficient[ _](?:balance|credits|funds)", re.IGNORECASE)


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
    def key_variable(self) -> str | None:
        """Name of the environment variable that holds the key; None where no key belongs to the host."""
        ...

    @property
    def key_argument(self) -> str:
        """Name of the model argument that names the variable."""
        ...


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A response with an error status, and what messages say about it."""

    model: RequestedModel
    status: int
    body: bytes
    parsed: object
    """The body as JSON; None where it is none."""
    text: str
    """The beginning of the server's message as it came; only for matching."""
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
    model: RequestedModel, status: int, headers: Mapping[str, str], body: bytes, redactor: Redactor
) -> FusionEvalError:
    """Return the error that describes a response without success.

    Args:
        model: The model that was requested.
        status: The HTTP status.
        headers: The response's headers; names in lower case, or a mapping that ignores case.
        body: The response's body, as it came.
        redactor: Hides the keys and passwords that the request held.
    """
    parsed = _parsed(body)
    text = _message_of(parsed, body)
    refusal = _Refusal(model, status, body, parsed, text, redactor.message(text), bool(redactor.secrets))
    if error := _access_error(refusal) or _error_about_the_request(refusal):
        return error
    if status in _RETRIABLE:
        return TransientError(
            f"{refusal.where} answered {status} for {refusal.name}: {refusal.message}",
            _retry_after(headers),
            overloaded=status in OVERLOADED,
        )
    if 300 <= status < 400:
        target = redactor.message(headers.get("location", ""))
        return EndpointError(
            f"{refusal.where} redirects to '{target}'; name its final address with base_url="
        )
    return _not_found_error(refusal) or RequestError(refusal.in_full)


def _access_error(refusal: _Refusal) -> FusionEvalError | None:
    """The key is missing, wrong or forbidden, or the account has no credit."""
    where, name, status = refusal.where, refusal.name, refusal.status
    variable, argument = refusal.model.key_variable, refusal.model.key_argument
    if status == 401 and refusal.sent_key:
        return EndpointError(
            f"{where} refused the key for {name} (401), which came from the environment variable {variable}; "
            f"put the right one there, or name another with {argument}="
        )
    if status == 401 and variable:
        return EndpointError(
            f"{where} wants a key for {name} (401): set the environment variable {variable}, "
            f"or name another with {argument}="
        )
    if status == 401:
        return EndpointError(
            f"{where} wants a key for {name} (401): name the environment variable that holds it with {argument}=. "
            f"{KEY_VARIABLE} goes to OpenAI's own host alone"
        )
    # After an answer, a 403 forbids one prompt alone, for example by moderation.
    if status == 403 and not refusal.model.answered:
        source = f"came from the environment variable {variable}, {argument}= names another"
        return EndpointError(
            f"{where} forbids {name} (403): {refusal.message}; "
            + (
                f"its key {source}"
                if variable
                else f"it got no key, {argument}= names the variable that holds one"
            )
        )
    if status == 402 or (status in (403, 429) and _NO_CREDIT.search(refusal.body)):
        return EndpointError(f"{where} has no credit left for {name} ({status}): {refusal.message}")
    return None


def _error_about_the_request(refusal: _Refusal) -> FusionEvalError | None:
    """The prompt is too long, or the endpoint lacks one of the options."""
    if refusal.status not in _ABOUT_THE_REQUEST:
        return None
    if OVERFLOW.search(refusal.text):
        return ContextOverflowError(f"The prompt is too long for {refusal.name}: {refusal.message}")
    if option := refused_option(refusal.parsed, refusal.text):
        return OptionRefusedError(refusal.in_full, option)
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


def _parsed(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except UNREADABLE:
        return None


def _message_of(parsed: object, body: bytes) -> str:
    """Return the beginning of the message in the body of an error."""
    if parsed is not None:
        return message_in(parsed).strip()[:_TEXT]
    visible = body.lstrip()[:_TEXT].decode(errors="replace")
    return _MARKUP.sub(" ", visible).strip() or "no reason given"


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
