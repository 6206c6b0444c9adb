"""One connection of a client: what is no HTTP gets an error in OpenAI's form, and silence ends the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from fusion_eval.serve.errors import ApiError, unexpected

LONGEST_HEAD = 60.0
"""Seconds in which a new connection has to send the head of its first request."""
LONGEST_IDLE = 75.0
"""Seconds for which a connection is kept between two requests; proxies in front keep theirs for 60 s."""
LONGEST_STALL = 60.0
"""Seconds for which a client may take nothing of an answer."""


class Connection(web.RequestHandler):
    """The connection of one client. aiohttp would answer a broken request in plain text, and log a traceback.

    Args:
        server: The server of aiohttp whose requests these are.
        count: Is called with the status of each broken request.
    """

    def __init__(self, server: web.Server, count: Callable[[int], None]) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # no line for each request
            keepalive_timeout=LONGEST_IDLE,
        )
        self._count = count
        self._end_of_silence: asyncio.TimerHandle | None = None
        self._stall_check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._end_of_silence = asyncio.get_running_loop().call_later(LONGEST_HEAD, transport.close)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Cancel the request in work."""
        self.request_came()
        self._end_stall_check()
        super().connection_lost(exc)

    def request_came(self) -> None:
        """Keep the connection: it has sent the head of a request."""
        if self._end_of_silence is not None:
            self._end_of_silence.cancel()
            self._end_of_silence = None

    def pause_writing(self) -> None:
        """Begin to watch a client that takes its answer slowly."""
        super().pause_writing()
        self._check_stall(None)

    def resume_writing(self) -> None:
        """Go on, as the client has taken most of its answer."""
        self._end_stall_check()
        super().resume_writing()

    def _check_stall(self, waiting: int | None) -> None:
        """End the connection if as many bytes wait as at the last check, and check again later if not."""
        transport = self.transport
        if transport is None:
            return
        now = transport.get_write_buffer_size()
        if waiting is not None and now >= waiting:
            transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._stall_check = loop.call_later(LONGEST_STALL, self._check_stall, now)

    def _end_stall_check(self) -> None:
        if self._stall_check is not None:
            self._stall_check.cancel()
            self._stall_check = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the response to a request that is no HTTP, or whose handler failed; the connection ends after it."""
        if isinstance(exc, ConnectionError) or request.writer.output_size:
            raise ConnectionResetError("the client has gone, or has the beginning of another response")
        error = _broken(exc, message) if status < 500 else unexpected()
        self._count(error.status)
        response = error.response()
        response.force_close()
        return response


def _broken(error: BaseException | None, message: str | None) -> ApiError:
    """Return the error for what the parser of aiohttp refuses."""
    reason = (message or "").strip().partition("\n")[0].rstrip(":. ")
    if isinstance(error, LineTooLong):
        return ApiError(431, "The address or a header of the request is too long; the most are 8,190 bytes")
    if "Too many headers" in reason:
        return ApiError(431, "The request has too many headers; the most are 128")
    return ApiError(400, f"This is no valid HTTP request: {reason or 'it cannot be parsed'}")


def note_request(http: web.Request) -> None:
    """Tell the connection of a request that the request came."""
    connection = http.protocol
    if isinstance(connection, Connection):
        connection.request_came()
