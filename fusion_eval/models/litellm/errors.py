"""What litellm raises, as one sentence with a fix and one of our kinds of error."""

from __future__ import annotations

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
from fusion_eval.models.openai.errors import OVERLOADED, clean

_PREFIX = re.compile(r"^(?:(?:litellm\.\w+|\w*(?:Error|Exception|Timeout)(?: Error)?)\s*[:-]\s+)+")
_MESSAGE = re.compile(r'"message"\s*:\s*("(?:[^"\\]|\\.)*")')
_TAIL = re.compile(r"\s*To drop (?:these|unsupported)\b.*|,? *Original Response:.*", re.DOTALL)
"""Advice on litellm's own settings, and what the model wrote."""
_NO_KEY = re.compile(r"missing (?:credentials|\S+ api key)|api_key .*must be set", re.IGNORECASE)
_HOLDS_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_SHORTEST_SECRET = 8
"""Characters: shorter values, such as `true`, are no secrets; as many betray one that is quoted in part."""


def error_of(
    error: Exception, name: str, provider: str, absent: Sequence[str], answered: bool
) -> FusionEvalError:
    """Ours for one of litellm's; `absent` are the variables for a key that the environment lacks.

    By status before class: litellm calls some refused keys bad requests. A model that has `answered` exists, and may be
    asked: what is forbidden then is the one prompt.
    """
    kinds = {cls.__name__ for cls in type(error).__mro__}
    status = getattr(error, "status_code", None)
    said = words(str(error)) or type(error).__name__
    if "ContextWindowExceededError" in kinds:
        return ContextOverflowError(f"The prompt is too long for {name}: {said}")
    if "UnsupportedParamsError" in kinds:
        return EndpointError(f"{name} does not take one of the options: {said}")
    if answered and status in (403, 404):
        return RequestError(f"{provider} refused a request for {name}: {said}")
    if (
        status in (401, 403)
        or kinds & {"AuthenticationError", "PermissionDeniedError"}
        or _NO_KEY.search(said)
    ):
        variables = " / ".join(absent) or _key_variables(provider)
        return EndpointError(
            f"{provider} refused the key for {name}, or has none: set {variables}. It said: {said}"
        )
    if status in (402, 404) or kinds & {"PaymentRequiredError", "NotFoundError"}:
        return EndpointError(f"{provider} does not serve {name}: {said}")
    if status in (400, 405, 413, 422):
        return RequestError(f"{provider} refused a request for {name}: {said}")
    return TransientError(
        f"{name} failed: {said}",
        _retry_after(error),
        overloaded=status in OVERLOADED,
        lost=bool(kinds & {"Timeout", "APIConnectionError"}),
    )


def words(text: str) -> str:
    """The provider's own words in an exception of litellm, fit for a message."""
    text = _TAIL.sub("", _PREFIX.sub("", text))
    if quoted := _MESSAGE.search(text):
        text = json.loads(quoted.group(1), strict=False)
    for secret in _secrets():
        text = re.sub(re.escape(secret[:_SHORTEST_SECRET]) + r"[\w*.\-]*", "***", text.replace(secret, "***"))
    return clean(text)


def _key_variables(provider: str) -> str:
    """The variables that seem to hold the provider's key, else the name that it should have by custom."""
    terms = set(re.split(r"[\W_]", provider.upper())) - {"AI", "TEXT", "CHAT", "COMPLETION"}
    present = [v for v in sorted(os.environ) if _HOLDS_SECRET.search(v) and any(term in v for term in terms)]
    return " / ".join(present) or f"{provider.upper()}_API_KEY"


def _secrets() -> list[str]:
    return [
        value
        for name, value in os.environ.items()
        if _HOLDS_SECRET.search(name) and len(value) >= _SHORTEST_SECRET
    ]


def _retry_after(error: Any) -> float | None:
    """Seconds; the providers behind litellm send no dates."""
    response = getattr(error, "response", None)
    headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", None) or {}
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None
