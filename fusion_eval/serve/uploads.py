"""Read the bodies of requests, and end uploads that are broken, too large or too slow."""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import ClientError, web
from aiohttp.http_exceptions import HttpProcessingError

from fusion_eval.serve.errors import ApiError, invalid

LONGEST_UPLOAD = 60.0
"""Seconds that a request's body may take."""
MOST_UPLOADS = 1000
"""Bodies that are read at a time. When a further one begins, the one that began first is ended."""
_BROKEN = (web.RequestPayloadError, HttpProcessingError, ClientError, EOFError, zlib.error)
"""What aiohttp raises for a body that is not in the encoding that its headers name."""


class Uploads:
    """Reads bodies. Slow uploads cannot keep others out, because the oldest of too many is ended.

    Args:
        max_body: The most bytes of a body, as the application checks it.
    """

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._deadlines: dict[asyncio.Timeout, None] = {}

    async def read(self, http: web.Request) -> bytes:
        """Return the body of a request.

        Raises:
            ApiError: The body is broken, too large or too slow.
        """
        if http.content.is_eof():  # a short body comes with its headers, so there is nothing to wait for
            return await self._body(http)
        if len(self._deadlines) >= MOST_UPLOADS:
            self._end_oldest()
        deadline = asyncio.timeout(LONGEST_UPLOAD)
        try:
            async with deadline:
                self._deadlines[deadline] = None
                return await self._body(http)
        except TimeoutError:
            message = f"The body did not arrive within {LONGEST_UPLOAD:.0f} s, or too many others arrive; send it again"
            raise ApiError(408, message) from None
        finally:
            self._deadlines.pop(deadline, None)

    async def _body(self, http: web.Request) -> bytes:
        try:
            return await http.read()
        except web.HTTPRequestEntityTooLarge:
            raise ApiError(413, f"The body is larger than {self._max_body:,} bytes") from None
        except _BROKEN as error:
            http.content.feed_eof()  # else aiohttp reads on after the answer, and logs a traceback
            raise invalid(
                f"The body cannot be read; check its Content-Encoding and length: {error}"
            ) from None

    def _end_oldest(self) -> None:
        oldest = next(iter(self._deadlines))
        del self._deadlines[oldest]
        if not oldest.expired():
            oldest.reschedule(0)
