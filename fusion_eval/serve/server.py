"""Run the server until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable
from typing import cast

from aiohttp import web

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.logs import configure
from fusion_eval.serve.app import App
from fusion_eval.serve.connection import Connection
from fusion_eval.serve.engine import Engine
from fusion_eval.serve.memory_store import open_server_store
from fusion_eval.serve.options import ServeOptions

GRACE = 20.0
"""Seconds that requests in work have to end after SIGTERM; then they are cancelled."""
_REVIVAL = 60.0
"""Seconds after which one of several endpoints that was given up is tried again."""
_BACKLOG = 1024
"""Connections that wait to be accepted."""


def serve(options: ServeOptions, report: Callable[[str], None], stop: threading.Event | None = None) -> None:
    """Serve until SIGTERM, SIGINT or `stop`. Requests in work are answered before it returns.

    Args:
        options: What to serve, and where.
        report: Is called with one line once the server listens, which holds its address.
        stop: Ends the server from another thread; needed where signals cannot be handled.

    Raises:
        ConfigError: A strategy or an argument is wrong, or the port is taken.
    """
    configure()
    arguments = parse(options.model_args)
    _raise_file_limit()
    listener = _listen(options)
    with listener, open_server_store(arguments) as store:
        engine = Engine(options.strategies, arguments, store)
        run_anywhere(lambda: _serve(engine, options, listener, report, stop))


async def _serve(
    engine: Engine,
    options: ServeOptions,
    listener: socket.socket,
    report: Callable[[str], None],
    stop: threading.Event | None,
) -> None:
    app = App(engine, options)
    # aiohttp waits twice for so long: for a request to end by itself, and then for its handler
    runner = web.AppRunner(app.application(), handler_cancellation=True, shutdown_timeout=GRACE / 2)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, ended.set)
    await runner.setup()
    server = cast(web.Server, runner.server)
    accepting = await loop.create_server(
        lambda: Connection(server, lambda status: app.metrics.ended("", status)),
        sock=listener,
        backlog=_BACKLOG,
    )
    reviving = asyncio.ensure_future(_revive(engine))
    try:
        host, port = listener.getsockname()[:2]
        address = f"[{host}]" if ":" in host else host
        report(f"serving {', '.join(engine.solvers)} at http://{address}:{port}/v1")
        if stop is None:
            await ended.wait()
        else:
            await asyncio.to_thread(stop.wait)
    finally:
        reviving.cancel()
        accepting.close()
        await runner.cleanup()
        await engine.close()


async def _revive(engine: Engine) -> None:
    """Use endpoints again, from time to time, that were given up: a run ends after them, and a server goes on."""
    while True:
        await asyncio.sleep(_REVIVAL)
        for endpoint in engine.opener.endpoints():
            endpoint.lost = False


def _listen(options: ServeOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        return socket.create_server((options.host, options.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (")[0]
        raise ConfigError(
            f"{options.host}:{options.port} cannot be listened on: {reason}; choose another --host or --port"
        ) from error


def _raise_file_limit() -> None:
    """Allow as many open connections as the system permits. The usual soft limit, 1024, is few for a server."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2**16 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
