"""One connection to an HTTP server. It carries one request at a time."""

from __future__ import annotations

import asyncio
from typing import cast

import httptools

from fusion_eval.models.http.bounds import LARGEST_ERROR
from fusion_eval.models.http.response import Response, TooLargeError, unpacked

_OVERHEAD = 256 << 10
"""Bytes of a response beside its body, at most: headers, interim responses and trailers."""
_OVERHEAD_PER_BYTE = 16
"""More of them for each byte of the body. A chunk of one byte takes six."""


class Channel(asyncio.Protocol):
    """A connection, opened by `loop.create_connection`.

    It stands in for aiohttp, whose client took about a third of a call's CPU time. What a message means is left to
    httptools (Node's parser).
    """

    def __init__(self) -> None:
        self.usable = False
        """Whether a further request can be sent."""
        self.idle_since = 0.0
        """The event loop's time at the end of the last response."""
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._waiting = False
        """Whether a response is still to come, or to be completed."""
        self._complete: asyncio.Future[None]
        self._transport: asyncio.Transport
        self._deadline = 0.0
        """The event loop's time by which the response has to be complete."""
        self._timer: asyncio.TimerHandle | None = None
        """Outlives its request, so that few requests have to set one."""

    async def exchange(self, request: bytes, largest: int, seconds: float) -> Response:
        """Send a request and read its response; see `Client.request` for the errors.

        Args:
            request: The head and the body.
            largest: The most bytes that the body of a success may have.
            seconds: The longest time until the response is complete.
        """
        if not self.usable:
            raise _closed_by_server()
        self._limit = largest
        self._received = self._size = 0
        self._body = bytearray()  # parts in a list would take forty times the memory where each is a byte
        self._headers: dict[bytes, bytes] = {}
        self._fields: dict[bytes, bytes] = {}
        self._ends_with_connection = False
        self._complete = self._loop.create_future()
        self._waiting = True
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            self._set_timer()
        self._transport.write(request)
        try:
            await self._complete
        finally:
            self._waiting = False
            del self._complete  # its error refers to this call, which refers to it
        return self._response()

    def close(self) -> None:
        """Close the connection at once. A request on it fails."""
        self._fail(ConnectionAbortedError("the connection was closed"))

    def _response(self) -> Response:
        body, succeeded = bytes(self._body), self._status // 100 == 2
        if body and (packing := self._headers.get(b"content-encoding")):
            try:
                body = unpacked(body, packing.decode("latin-1").strip().lower(), self._limit)
            except ConnectionError:
                if succeeded:
                    raise
                body = b""  # the status says more about an error
        if succeeded and len(body) > self._limit:
            raise _too_large(self._limit)
        return Response(self._status, body[: self._limit], self._headers)

    def _set_timer(self) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_at(self._deadline, self._check_deadline)

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _check_deadline(self) -> None:
        """Fail the request if its time is over. If it began after the timer was set, set it again."""
        self._timer = None
        if self._waiting and self._loop.time() < self._deadline:
            self._set_timer()
        elif self._waiting:
            self._fail(TimeoutError())

    def _fail(self, error: Exception) -> None:
        if self._waiting and not self._complete.done():  # done where the caller was cancelled
            self._complete.set_exception(error)
        self._waiting = self.usable = False
        self._transport.abort()

    def _finish(self) -> None:
        if self._waiting and not self._complete.done():
            self._complete.set_result(None)
        self._waiting = False

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not one by inheritance
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """Read a part of a response."""
        if not self._waiting:  # nobody has asked for anything
            self.close()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(ConnectionError("the server switched to another protocol"))
            return
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"the answer is not HTTP: {error}"))
            return
        if self._received - self._size > _OVERHEAD + _OVERHEAD_PER_BYTE * self._size:
            self._fail(ConnectionError("the answer has endless headers"))

    def eof_received(self) -> None:
        """Send no more. The event loop closes the connection on its next turn."""
        self.usable = False

    def connection_lost(self, error: Exception | None) -> None:
        """End the response, if its end is the connection's; else the request fails."""
        self.usable = False
        self._cancel_timer()
        if error is None and self._ends_with_connection:
            self._finish()
        else:
            self._fail(error or _closed_by_server())

    # What the parser calls

    def on_message_begin(self) -> None:
        """Give the connection up if a second response comes behind the first. Nothing asked for it."""
        if not self._waiting:
            self.usable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, or a trailer."""
        self._fields[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Find out how the body ends, and how long it may be."""
        if not self._waiting:
            return
        self._status = self._parser.get_status_code()
        if self._status >= 300:
            self._limit = LARGEST_ERROR
        headers, self._fields = self._fields, {}  # the trailers go elsewhere, and mean nothing
        self._headers = headers
        framed = b"content-length" in headers or b"transfer-encoding" in headers
        self._ends_with_connection = self._status >= 200 and not framed

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body. A success that is too large fails; of an error, the beginning is enough."""
        if not self._waiting:
            return
        self._body += part
        self._size += len(part)
        if self._size > self._limit:
            if self._status // 100 == 2:
                self._fail(_too_large(self._limit))
            else:
                self._finish()
                self.close()

    def on_message_complete(self) -> None:
        """End the response. An interim one, such as `100 Continue`, is followed by another."""
        if self._waiting and self._status >= 200:
            unsent = self._transport.get_write_buffer_size()  # the server may take the rest for a request
            self.usable = self.usable and not unsent and self._parser.should_keep_alive()
            self._finish()


def _closed_by_server() -> ConnectionError:
    return ConnectionResetError("the server closed the connection")


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"sent more than {limit >> 20} MB in one answer")
