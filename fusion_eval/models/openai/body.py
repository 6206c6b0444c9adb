"""Read the bodies of responses, within bounds."""

from __future__ import annotations

import aiohttp
from aiohttp import hdrs

from fusion_eval.errors import RequestError
from fusion_eval.types import ALTERNATIVES, Sampling

LARGEST = 64 << 20
"""Bytes of a reply: no answer is larger."""
LARGEST_ERROR = 64 << 10
"""Bytes of an error that are read. A message is far shorter."""
_ENVELOPE = 4 << 20
"""Bytes of a reply beside its tokens. Some models think more than `max_tokens` says."""
_PER_TOKEN = 64
_PER_LOGPROB = 1024
_PER_ALTERNATIVE = 256


def largest_reply(sampling: Sampling, n: int) -> int:
    """Return how many bytes a reply with n choices can have at most."""
    alternatives = dict(sampling.extra).get(ALTERNATIVES, 0)
    per_token = _PER_TOKEN + _PER_LOGPROB * sampling.logprobs
    if isinstance(alternatives, int):
        per_token += _PER_ALTERNATIVE * alternatives
    return min(LARGEST, _ENVELOPE + n * sampling.max_tokens * per_token)


async def read_body(response: aiohttp.ClientResponse, largest: int = LARGEST) -> bytes:
    """Return the body of a response, unpacked.

    Args:
        response: The response. Of an error, only the first `LARGEST_ERROR` bytes are read.
        largest: The most bytes that the body of a success may have.

    Raises:
        RequestError: The body of a success is larger, and would be again. A packed body does not announce its size.
    """
    succeeded = response.status // 100 == 2
    limit = largest if succeeded else LARGEST_ERROR
    announced = response.content_length
    if announced is not None and announced <= limit and hdrs.CONTENT_ENCODING not in response.headers:
        return await response.read()
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > limit:
            response.close()
            if not succeeded:
                break
            raise RequestError(
                f"{response.url.host} sent more than {largest >> 20} MB in one answer", lost=True
            )
    return b"".join(parts)[:limit]
