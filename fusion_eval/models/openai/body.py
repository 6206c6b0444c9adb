"""Bodies of replies that are not as they should be: endless, or cut within a character."""

from __future__ import annotations

import json
from typing import TypeVar

import aiohttp
import msgspec
from aiohttp import hdrs

from fusion_eval.errors import TransientError

T = TypeVar("T")

LARGEST = 64 << 20
"""Bytes of a body: more is no answer, and 64 in flight must fit the memory."""


async def whole_body(response: aiohttp.ClientResponse) -> bytes:
    """The body; `TransientError` where it is larger than any answer, which unpacked it may be without saying so."""
    told = response.content_length
    if told is not None and told <= LARGEST and hdrs.CONTENT_ENCODING not in response.headers:
        return await response.read()
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            response.close()
            raise TransientError(
                f"{response.url.host} sent more than {LARGEST >> 20} MB in one answer", lost=True
            )
    return b"".join(parts)


def with_half_characters(body: bytes, kind: type[T]) -> T | None:
    """A reply that a server cut within a character: Python's reader takes what msgspec does not."""
    try:
        return msgspec.convert(json.loads(body), kind)
    except (ValueError, RecursionError):  # msgspec's errors are of these
        return None
