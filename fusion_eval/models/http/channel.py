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

    It stands in for aiohttp, whose client takes seven times the CPU of this one for a request. What a message means is left
    to httptools (Node's parser).
    """

    def __init__(self) -> None:
        self.usable = False
        """Whether a further request can be sent."""
        self.idle_since = 0.0
        """The event loop's time at the end of the last response."""
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._complete: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

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
        self._parts: list[bytes] = []
        self._fields: dict[bytes, bytes] = {}
        self._ends_with_connection = False
        self._complete = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._fail, TimeoutError())
        self._transport.write(request)
        try:
            await self._complete
        finally:
            timer.cancel()
            self._complete = None
        return self._response()

    def close(self) -> None:
        """Close the connection at once. A request on it fails."""
        self.usable = False
        self._transport.abort()

    def _response(self) -> Response:
        body = b"".join(self._parts)
        if packing := self._fields.get(b"content-encoding"):
            body = unpacked(body, packing.decode("latin-1").strip().lower(), self._limit)
        if len(body) > self._limit and self._status // 100 == 2:
            raise _too_large(self._limit)
        return Response(self._status, body[: self._limit], self._fields)

    def _is_waiting(self) -> bool:
        """Return whether a response is still to come, or to be completed."""
        return self._complete is not None and not self._complete.done()

    def _fail(self, error: Exception) -> None:
        if self._complete is not None and not self._complete.done():
            self._complete.set_exception(error)
        self.close()

    def _finish(self) -> None:
        if self._complete is not None and not self._complete.done():
            self._complete.set_result(None)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not one by inheritance
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """Read a part of a response."""
        if not self._is_waiting():  # nobody has asked for anything
            self.close()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"the answer is not HTTP: {error}"))
            return
        if self._received - self._size > _OVERHEAD + _OVERHEAD_PER_BYTE * self._size:
            self._fail(ConnectionError("the answer has endless headers"))

    def connection_lost(self, error: Exception | None) -> None:
        """End the response, if its end is the connection's; else the request fails."""
        self.usable = False
        if error is None and self._ends_with_connection:
            self._finish()
        else:
            self._fail(error or _closed_by_server())

    # What the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, or a trailer."""
        if self._is_waiting():
            self._fields[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Find out how the body ends, and how long it may be."""
        if not self._is_waiting():
            return
        self._status = self._parser.get_status_code()
        if self._status // 100 != 2:
            self._limit = LARGEST_ERROR
        framed = b"content-length" in self._fields or b"transfer-encoding" in self._fields
        self._ends_with_connection = self._status >= 200 and not framed

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body. A success that is too large fails; of an error, the beginning is enough."""
        if not self._is_waiting():
            return
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._limit:
            if self._status // 100 == 2:
                self._fail(_too_large(self._limit))
            else:
                self._finish()
                self.close()

    def on_message_complete(self) -> None:
        """End the response. An interim one, such as `100 Continue`, is followed by another."""
        if not self._is_waiting():  # a second response came behind the first
            self.usable = False
        elif self._status < 200:
            self._fields.clear()
        else:
            self.usable = self.usable and self._parser.should_keep_alive()
            self._finish()


def _closed_by_server() -> ConnectionError:
    return ConnectionResetError("the server closed the connection")


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"sent more than {limit >> 20} MB in one answer")
