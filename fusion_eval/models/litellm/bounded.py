"""Bound what litellm reads of one response, since its own clients read to the end, whatever a server sends."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator
from contextvars import ContextVar

import httpx

from fusion_eval.models.http.bounds import LARGEST, LARGEST_ERROR

largest_reply_now: ContextVar[int] = ContextVar("largest_reply_now", default=LARGEST)
"""The most bytes that the reply to the current request may have."""
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_ENCODING = "content-encoding"
_DEEPEST = 200
"""Lists and objects inside each other: litellm walks unknown fields in quadratic time, and no answer is nested deeper."""
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A text of JSON. One without an end reaches to the end of the body, so that the search stays linear."""
_NO_BRACKETS = bytes(sorted(set(range(256)) - set(b"[{]}")))


class UnreadableReplyError(httpx.ReadError):
    """A reply that is larger, or nested deeper, than any answer."""


def unreadable_reply(error: BaseException | None) -> UnreadableReplyError | None:
    """Return the refusal of a reply behind an exception of litellm, which keeps no word of it; None if there is none."""
    for _ in range(20):  # exceptions can refer to each other in a circle
        if error is None or isinstance(error, UnreadableReplyError):
            return error
        error = error.__cause__ or error.__context__
    return None


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
        left, parts = self._limit, []
        async for received in self._stream:
            part = self._unpacked(received, left + 1)
            if len(part) > left:
                if self._succeeded:
                    raise UnreadableReplyError(
                        f"the server sent more than {self._limit >> 20} MB in one answer"
                    )
                yield part[:left]
                return
            left -= len(part)
            if self._succeeded:
                parts.append(part)
            else:
                yield part
        if self._succeeded:
            body = b"".join(parts)
            if _is_nested_too_deeply(body):
                raise UnreadableReplyError(
                    f"the server sent an answer that is nested deeper than {_DEEPEST} levels"
                )
            yield body

    def _unpacked(self, part: bytes, most: int) -> bytes:
        if self._unpacker is None:
            return part
        try:
            return self._unpacker.decompress(part, most)
        except zlib.error as error:
            raise httpx.DecodingError(f"the answer cannot be unpacked: {error}") from error

    async def aclose(self) -> None:
        await self._stream.aclose()


def _is_nested_too_deeply(body: bytes) -> bool:
    """Return whether lists and objects of JSON are nested deeper than those of any answer. Brackets in texts do not count."""
    if body.count(b"[") + body.count(b"{") <= _DEEPEST:
        return False
    depth = 0
    for bracket in _STRING.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > _DEEPEST:
            return True
    return False
