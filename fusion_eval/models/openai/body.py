"""Read the bodies of replies, also those that are too large or cut within a character."""

from __future__ import annotations

import json

import aiohttp
import msgspec
from aiohttp import hdrs

from fusion_eval.errors import TransientError
from fusion_eval.models.openai.wire import Reply

LARGEST = 64 << 20
"""Bytes of a body: no answer is larger, and 64 of them in flight must fit the memory."""


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of a response, unpacked.

    Raises:
        TransientError: The body is larger than `LARGEST`. A packed body does not announce its size.
    """
    announced = response.content_length
    if announced is not None and announced <= LARGEST and hdrs.CONTENT_ENCODING not in response.headers:
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


def decode_split_characters(body: bytes) -> Reply | None:
    r"""Decode a reply with half a surrogate pair (`\ud83d`), which msgspec rejects; None where it is not a reply."""
    try:
        return msgspec.convert(json.loads(body), Reply)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
