"""What an HTTP client of this package gives and raises, and how a response's body is unpacked within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Protocol

import msgspec

CONNECT_SECONDS = 30.0
"""A host that has not accepted a connection by then is down."""
PACKINGS = "gzip, deflate"
"""What a client says that it can unpack."""
_MOST_MEMBERS = 100
"""How many gzip members one body may have. Each one costs a copy of all that follow it."""


class NoConnectionError(ConnectionError):
    """No connection could be opened: the host is unknown, is down, or shows no valid certificate."""


class TooLargeError(ConnectionError):
    """The body of a success is larger than it may be."""


class Response(msgspec.Struct, frozen=True):
    """A response, read to its end."""

    status: int
    body: bytes
    """The body, unpacked. Of an error, the first `LARGEST_ERROR` bytes."""
    fields: Mapping[bytes, bytes]
    """The headers as they came; names in lower case."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers; names in lower case."""
        return {
            name.decode("latin-1"): value.decode("utf-8", "replace") for name, value in self.fields.items()
        }


class Client(Protocol):
    """Sends requests to one host."""

    async def request(self, method: str, path: str, body: bytes, largest: int) -> Response:
        """Send a request and read its response. Redirects are not followed.

        Args:
            method: `GET` or `POST`.
            path: The path after the client's base URL.
            body: The request's body, which is JSON.
            largest: The most bytes that the body of a success may have.

        Raises:
            NoConnectionError: No connection could be opened.
            TooLargeError: The body of a success is larger.
            TimeoutError: The response was not complete in time.
            ConnectionError: The connection broke, or the response is no HTTP.
            ValueError: The base URL names no host.
        """
        ...

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        ...


def reason_of(error: BaseException) -> str:
    """Return what an error says, without its number."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def unpacked(body: bytes, packing: str, limit: int) -> bytes:
    """Return at most `limit + 1` bytes of a body that came packed.

    Raises:
        ConnectionError: The packing is not known, or the body is not packed that way.
    """
    if packing in ("", "identity"):
        return body
    if packing in ("gzip", "x-gzip"):
        window = zlib.MAX_WBITS | 16
    elif packing == "deflate":  # some servers leave out the header that RFC 9110 (8.4.1.2) asks for
        window = zlib.MAX_WBITS if body[:1] and body[0] & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS
    else:
        raise ConnectionError(f"the answer is packed with '{packing}', and only {PACKINGS} were offered")
    plain = b""
    for _ in range(_MOST_MEMBERS):
        unpacking = zlib.decompressobj(window)
        try:
            plain += unpacking.decompress(body, limit + 1 - len(plain))
        except zlib.error as error:
            raise ConnectionError(f"the answer cannot be unpacked: {error}") from None
        if len(plain) > limit:
            return plain
        if not unpacking.eof:
            raise ConnectionError("the packed answer is not complete")
        body = unpacking.unused_data
        if not body:
            return plain
    raise ConnectionError(f"the answer is packed in more than {_MOST_MEMBERS} parts")
