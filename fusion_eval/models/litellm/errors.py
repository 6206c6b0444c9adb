"""Turn an exception of litellm into one sentence with a fix, and into one kind of error."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from typing import Any

from fusion_eval.errors import (
    ContextOverflowError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
)
from fusion_eval.models.litellm.bounded import unreadable_reply
from fusion_eval.models.openai.errors import OVERLOADED
from fusion_eval.models.redactor import Redactor
from fusion_eval.text.redaction import QUOTED_PREFIX, is_secret

_PREFIX = re.compile(r"^(?:(?:litellm\.\w+|\w*(?:Error|Exception|Timeout)(?: Error)?)\s*[:-]\s+)+")
_MESSAGE = re.compile(r'"message"\s{0,9}:\s{0,9}("(?:[^"\\]|\\.)*")')
_TAIL = re.compile(r"To drop (?:these|unsupported)\b.*|(?:, ?)?Original Response:.*", re.DOTALL)
"""Advice on litellm's own settings, and the text that the model wrote."""
_READ = 20_000
"""Characters of an exception's text that are read."""
_SPACES = re.compile(r"[ \t]{2,}")
_NO_KEY = re.compile(r"missing (?:credentials|\S+ api key)|api_key .*must be set", re.IGNORECASE)


def error_of(
    error: Exception, name: str, provider: str, missing_keys: Sequence[str], answered: bool
) -> FusionEvalError:
    """Return the project's error for an exception of litellm.

    The status counts before the class, because litellm reports some refused keys as bad requests.

    Args:
        error: What litellm raised.
        name: The model's litellm id.
        provider: The provider's name.
        missing_keys: The provider's key variables that the environment lacks.
        answered: Whether the model has answered before. If so, it exists and the key is right.
    """
    if refusal := unreadable_reply(error):
        return RequestError(f"{name} answered in a form that cannot be read: {refusal}", lost=True)
    kinds = {cls.__name__ for cls in type(error).__mro__}
    status = getattr(error, "status_code", None)
    message = message_of(str(error)) or type(error).__name__
    if isinstance(status, int) and 300 <= status < 400:
        return EndpointError(
            f"{provider} redirects requests for {name} to another address, and redirects are not followed; "
            "name the final address in the provider's variable"
        )
    if "ContextWindowExceededError" in kinds:
        return ContextOverflowError(f"The prompt is too long for {name}: {message}")
    if "UnsupportedParamsError" in kinds:
        return EndpointError(f"{name} does not take one of the options: {message}")
    if answered and status in (403, 404):
        return RequestError(f"{provider} refused a request for {name}: {message}")
    if (
        status in (401, 403)
        or kinds & {"AuthenticationError", "PermissionDeniedError"}
        or _NO_KEY.search(message)
    ):
        variables = " / ".join(missing_keys) or _key_variables(provider)
        return EndpointError(
            f"{provider} refused the key for {name}, or has none: set {variables}. It said: {message}"
        )
    if status in (402, 404) or kinds & {"PaymentRequiredError", "NotFoundError"}:
        return EndpointError(f"{provider} does not serve {name}: {message}")
    if status in (400, 405, 413, 422):
        return RequestError(f"{provider} refused a request for {name}: {message}")
    return TransientError(
        f"{name} failed: {message}",
        _retry_after(error),
        overloaded=status in OVERLOADED,
        lost=bool(kinds & {"Timeout", "APIConnectionError"}),
    )


def message_of(text: str) -> str:
    """Return the provider's own message from the text of a litellm exception, without secrets."""
    text = _SPACES.sub(" ", text[:_READ])
    text = _TAIL.sub("", _PREFIX.sub("", text)).rstrip()
    if quoted := _MESSAGE.search(text):
        with contextlib.suppress(ValueError):  # a provider's message can hold an invalid escape
            text = json.loads(quoted.group(1), strict=False)
    return Redactor(secrets_in_environment()).message(text)


def _key_variables(provider: str) -> str:
    """Return the variables that seem to hold the provider's key, else the customary name."""
    terms = set(re.split(r"[\W_]", provider.upper())) - {"AI", "TEXT", "CHAT", "COMPLETION"}
    present = [v for v in sorted(os.environ) if is_secret(v) and any(term in v for term in terms)]
    return " / ".join(present) or f"{provider.upper()}_API_KEY"


def secrets_in_environment() -> list[str]:
    """Return the values of all variables whose names say that they are secrets."""
    return [value for name, value in os.environ.items() if is_secret(name) and len(value) >= QUOTED_PREFIX]


def _retry_after(error: Any) -> float | None:
    """Seconds to wait; providers behind litellm send no dates."""
    response = getattr(error, "response", None)
    headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", None) or {}
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None
