"""Opening a connection to the first of a host's addresses that accepts one."""

from __future__ import annotations

import asyncio
import socket
import ssl

from fusion_eval.models.http.channel import Channel

_HEAD_START = 0.25
"""Seconds that an address has before the next one is tried beside it (RFC 8305)."""


async def open_channel(
    loop: asyncio.AbstractEventLoop, host: str, port: int, tls: ssl.SSLContext | None
) -> Channel:
    """Open a connection. An address that does not answer, such as one of a broken IPv6 network, costs little time.

    `loop.create_connection` would wait for each address to fail; only asyncio's own loop can race them, not uvloop.

    Raises:
        OSError: The host has no address, or none of them accepts.
    """

    async def connect(address: str) -> Channel:
        name = host.rstrip(".") if tls else None
        _, channel = await loop.create_connection(Channel, address, port, ssl=tls, server_hostname=name)
        return channel

    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if len(addresses) == 1:
        return await connect(addresses[0])
    attempts: set[asyncio.Task[Channel]] = set()
    try:
        while True:
            if addresses:
                attempts.add(loop.create_task(connect(addresses.pop(0))))
            await asyncio.wait(
                attempts,
                timeout=_HEAD_START if addresses else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in [attempt for attempt in attempts if attempt.done()]:
                attempts.discard(attempt)
                if (error := attempt.exception()) is None:
                    return attempt.result()
                if not addresses and not attempts:
                    raise error
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_drop)


def _drop(attempt: asyncio.Task[Channel]) -> None:
    """Close the connection of an attempt that succeeded too late."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
