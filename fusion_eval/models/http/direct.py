"""An HTTP client without a proxy. It stands on the hot path: every call of a run goes through it."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping

from yarl import URL

from fusion_eval import __version__
from fusion_eval.models.http.channel import Channel
from fusion_eval.models.http.opening import open_channel
from fusion_eval.models.http.response import CONNECT_SECONDS, PACKINGS, NoConnectionError, Response, reason_of

_IDLE_SECONDS = 15.0
"""A connection that was idle for longer is not used again: the server may be closing it."""


class DirectClient:
    """Sends requests over connections that are kept open between them.

    Args:
        base_url: The address that paths are appended to. A user and a password in it are sent.
        headers: Headers of every request.
        timeout: Seconds for a whole request.

    Raises:
        ValueError: `base_url` names no host, or a header's value has a line break or another control character.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout: float) -> None:
        url = URL(base_url)
        if not url.raw_host or not url.raw_host.strip("."):
            raise ValueError("no host")
        self._host, self._port = url.raw_host, url.port or 80  # yarl knows the ports of both schemes
        self._timeout = timeout
        self._tls = _tls() if url.scheme == "https" else None
        self._path = url.raw_path.rstrip("/")
        own: dict[str, str] = {
            "Host": url.host_port_subcomponent or "",
            "Accept": "*/*",
            "Accept-Encoding": PACKINGS,
            "User-Agent": f"fusion_eval/{__version__}",
        }
        if url.user or url.password:  # a key in `headers` takes its place
            user = base64.b64encode(f"{url.user or ''}:{url.password or ''}".encode()).decode()
            own["Authorization"] = f"Basic {user}"
        fields = {**own, **headers}
        if not all(value.isprintable() for value in fields.values()):
            raise ValueError("a control character in a header")
        self._head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: set[Channel] = set()
        self._idle: list[Channel] = []

    async def request(self, method: str, path: str, body: bytes, largest: int) -> Response:
        """Send a request and read its response; see `Client.request`."""
        head = f"{method} {self._path}/{path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # connections of another loop ended with it
            self._loop, self._open, self._idle = loop, set(), []
        opened = self._open
        seconds = self._timeout
        channel = self._idle_channel(loop.time())
        if channel is None:
            started = loop.time()
            channel = await self._connect(loop)
            seconds -= loop.time() - started
        try:
            return await channel.exchange(head.encode() + body, largest, seconds)
        except BaseException:
            channel.usable = False  # where the caller is cancelled, the next one would get its response
            raise
        finally:
            if channel.usable and opened is self._open:  # else the client was closed
                channel.idle_since = loop.time()
                self._idle.append(channel)
            else:
                channel.close()
                self._open.discard(channel)

    def _idle_channel(self, now: float) -> Channel | None:
        """Return the connection that was used last, if it can be used again; close those that cannot."""
        while self._idle:
            channel = self._idle.pop()
            if channel.usable and now - channel.idle_since < _IDLE_SECONDS:
                return channel
            channel.close()
            self._open.discard(channel)
        return None

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> Channel:
        """Open a connection.

        Raises:
            TimeoutError: The time for the whole request is over.
            NoConnectionError: The host cannot be found or reached, or shows no valid certificate.
        """
        try:
            async with asyncio.timeout(min(CONNECT_SECONDS, self._timeout)):
                channel = await open_channel(loop, self._host, self._port, self._tls)
        except TimeoutError:
            if self._timeout <= CONNECT_SECONDS:
                raise
            raise NoConnectionError(f"no connection in {CONNECT_SECONDS:g} s") from None
        except ssl.SSLCertVerificationError as error:
            reason = error.verify_message.rstrip(".")
            raise NoConnectionError(f"its certificate is not trusted ({reason})") from error
        except OSError as error:
            raise NoConnectionError(error.errno, reason_of(error)) from error
        self._open.add(channel)
        return channel

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if asyncio.get_running_loop() is self._loop:
            for channel in self._open:
                channel.close()
        self._open, self._idle = set(), []
        await asyncio.sleep(0)  # the event loop closes them on its next turn


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
