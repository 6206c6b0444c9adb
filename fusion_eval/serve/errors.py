"""Errors in the form of OpenAI's API, which clients of every language read."""

from __future__ import annotations

import traceback

import msgspec
from aiohttp import web

from fusion_eval.errors import (
    ConfigError,
    ContextOverflowError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
)
from fusion_eval.models.logs import log
from fusion_eval.models.priced import BudgetError
from fusion_eval.text.redaction import safe_message, without_paths

LONGEST_MESSAGE = 1000
"""Characters of an error message that a client gets."""
_LATER = 10
"""Seconds after which a client may try an endpoint again that is down."""


class ApiError(FusionEvalError):
    """A request that gets an error as its answer.

    Args:
        status: The HTTP status.
        message: What is wrong, and the fix.
        code: A short name for programs, such as `model_not_found`.
        param: The field of the request that is wrong.
        retry_after: Seconds to wait before the next try.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.retry_after = status, code, param, retry_after

    @property
    def body(self) -> dict[str, object]:
        """The JSON that the client gets."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        kind = {401: "authentication_error", 429: "rate_limit_error"}.get(self.status, kind)
        message = str(self)[:LONGEST_MESSAGE]
        return {"error": {"message": message, "type": kind, "param": self.param, "code": self.code}}

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers that belong to the error."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return headers | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})

    def response(self) -> web.Response:
        """Return the HTTP response with this error."""
        headers = {"Content-Type": "application/json", **self.headers}
        return web.Response(body=msgspec.json.encode(self.body), status=self.status, headers=headers)


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """Return the error for a malformed request: status 400."""
    return ApiError(400, message, code, param)


def api_error(error: FusionEvalError) -> ApiError:
    """Return what a client is told of an error of the engine: no key, no path of this machine."""
    if isinstance(error, ApiError):
        return error
    message = safe_message(without_paths(str(error)), limit=LONGEST_MESSAGE)
    match error:
        case BudgetError():
            return ApiError(429, message, "insufficient_quota")
        case ContextOverflowError():
            return ApiError(400, message, "context_length_exceeded")
        case ConfigError():
            return invalid(message)
        case EndpointError() | TransientError():
            return ApiError(503, message, "endpoint_unavailable", retry_after=_LATER)
        case RequestError():
            return ApiError(502, message, "no_answer")
    return ApiError(500, message, "server_error")


def unexpected() -> ApiError:
    """Log the exception that is being handled, without keys, and return what the client is told of it."""
    for line in traceback.format_exc().splitlines():
        log.error("%s", safe_message(line, limit=500))
    return ApiError(500, "The server has failed on this request; its log says why", "server_error")
