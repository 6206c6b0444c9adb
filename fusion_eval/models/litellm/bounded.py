"""Bound what litellm reads of one response, since its own clients read to the end, whatever a server sends."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from contextvars import ContextVar

import httpx

from fusion_eval.models.openai.body import LARGEST, LARGEST_ERROR

largest_reply_now: ContextVar[int] = ContextVar("largest_reply_now", default=LARGEST)
"""The most bytes that the reply to the current request may have."""
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_ENCODING = "content-encoding"


class BoundedTransport(httpx.AsyncBaseTransport):
    """A transport that ends a response which is larger than any answer.

    It asks for replies without compression, and unpacks those of servers that compress all the same.

    Args:
        inner: The transport that sends the requests.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of its response is bounded.

        Raises:
            httpx.DecodingError: The body is compressed in a way that nobody asked for.
        """
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        encoding = response.headers.pop(_ENCODING, "identity").strip().lower()
        if encoding not in ("identity", "gzip", "deflate"):
            await response.aclose()
            raise httpx.DecodingError(f"the server compressed its answer as {encoding[:40]}", request=request)
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _BoundedStream(response.stream, response.is_success, encoding != "identity")
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _BoundedStream(httpx.AsyncByteStream):
    """The unpacked body of a response. Of an error, only the beginning is read."""

    def __init__(self, stream: httpx.AsyncByteStream, succeeded: bool, packed: bool) -> None:
        self._stream, self._succeeded = stream, succeeded
        self._limit = largest_reply_now.get() if succeeded else LARGEST_ERROR
        self._unpacker = zlib.decompressobj(_GZIP_OR_ZLIB) if packed else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async for received in self._stream:
            part = self._unpacked(received, left + 1)
            if len(part) > left:
                if self._succeeded:
                    raise httpx.ReadError(f"the server sent more than {self._limit >> 20} MB in one answer")
                yield part[:left]
                return
            left -= len(part)
            yield part

    def _unpacked(self, part: bytes, most: int) -> bytes:
        if self._unpacker is None:
            return part
        try:
            return self._unpacker.decompress(part, most)
        except zlib.error as error:
            raise httpx.DecodingError(f"the answer cannot be unpacked: {error}") from error

    async def aclose(self) -> None:
        await self._stream.aclose()
