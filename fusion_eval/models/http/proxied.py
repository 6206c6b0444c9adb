"""An HTTP client that goes through a proxy, over aiohttp."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from fusion_eval.models.http.bounds import LARGEST_ERROR
from fusion_eval.models.http.response import (
    CONNECT_SECONDS,
    NoConnectionError,
    Response,
    TooLargeError,
    reason_of,
)


class ProxiedClient:
    """Sends requests through `proxy`.

    Args:
        base_url: The address that paths are appended to. A user and a password in it are sent.
        headers: Headers of every request.
        timeout: Seconds for a whole request.
        proxy: The proxy's URL.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout: float, proxy: str) -> None:
        self._base_url, self._proxy = base_url, proxy
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),  # `Limited` bounds the requests
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_SECONDS),
        )

    async def request(self, method: str, path: str, body: bytes, largest: int) -> Response:
        """Send a request and read its response; see `Client.request`."""
        url = f"{self._base_url}/{path}"
        try:
            async with self._session.request(
                method, url, data=body, allow_redirects=False, proxy=self._proxy
            ) as response:
                succeeded = response.status // 100 == 2
                limit = largest if succeeded else LARGEST_ERROR
                read = await _read(response, limit)
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
            cause = getattr(error, "os_error", None) or error
            raise NoConnectionError(getattr(cause, "errno", None), reason_of(cause)) from None
        except aiohttp.InvalidURL:
            raise ValueError("no host") from None
        except aiohttp.ClientError as error:
            raise ConnectionError(reason_of(error)) from None
        if len(read) > limit and succeeded:
            raise TooLargeError(f"sent more than {largest >> 20} MB in one answer")
        fields = {name.lower(): value for name, value in response.raw_headers}
        return Response(response.status, read[:limit], fields)

    async def close(self) -> None:
        """Close the connections; the client cannot be used again."""
        await self._session.close()


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the body, unpacked, up to the part that exceeds the limit."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > limit:
            response.close()
            break
    return b"".join(parts)
