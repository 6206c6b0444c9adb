"""A real OpenAI-compatible server on localhost, for tests. It follows a `Plan` and records its `calls`.

Inside a test: `with serve(Plan()) as server: server.base_url`. In a process of its own:
`with spawn("--model", "m") as base_url`, or `python tests/openai_server.py --port 0 --log calls.jsonl`, which prints
its base URL as its first line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from openai_plan import (
    Call,
    Chat,
    Completion,
    Fault,
    Plan,
    Reply,
    Request,
    chat_choice,
    completion_choice,
    default_reply,
    default_text,
    prompt_text,
    replies_of,
    token_logprob,
    usage_of,
)

__all__ = [
    "Call", "Fault", "Plan", "Reply", "Request", "Server", "default_reply", "default_text", "prompt_text", "read_calls",
    "serve", "spawn", "token_logprob",
]  # fmt: skip


def _json(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/json"
    )


def _error(status: int, message: str, code: str | None = None, param: str | None = None) -> web.Response:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return _json({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def _refusal(plan: Plan, options: Chat | Completion, prompt: str) -> web.Response | None:
    if options.model not in plan.models:
        message = f"The model `{options.model}` does not exist or you do not have access to it."
        return _error(404, message, "model_not_found")
    if options.stream:
        return _error(400, "This server does not stream.", "unsupported_value", "stream")
    if plan.rejects_n and (options.n or 1) > 1:
        return _error(400, "Only one choice can be asked for: n must be 1.", "unsupported_value", "n")
    tokens = len(prompt.split())
    if plan.context_tokens is not None and tokens > plan.context_tokens:
        part = "messages" if isinstance(options, Chat) else "prompt"
        message = (
            f"This model's maximum context length is {plan.context_tokens} tokens. However, your {part} "
            f"resulted in {tokens} tokens. Please reduce the length of the {part}."
        )
        return _error(400, message, "context_length_exceeded", part)
    return None


def _answer(plan: Plan, path: str, request: Request) -> web.Response:
    """Answer a request, well-formed or not, without a fault of the server."""
    chat = path == "/v1/chat/completions"
    try:
        options = msgspec.convert(request, Chat) if chat else msgspec.convert(request, Completion)
    except msgspec.ValidationError as error:
        return _error(400, str(error))
    prompt = prompt_text(request)
    if refused := _refusal(plan, options, prompt):
        return refused
    replies = replies_of(plan, options, request)
    logprobs = plan.logprobs and options.logprobs not in (None, False)
    choice = chat_choice if chat else completion_choice
    choices = [choice(index, reply, logprobs) for index, reply in enumerate(replies)]
    return _json(
        {
            "id": "chatcmpl-1" if chat else "cmpl-1",
            "object": "chat.completion" if chat else "text_completion",
            "created": int(time.time()),
            "model": options.model,
            "choices": choices,
            "usage": usage_of(prompt, replies),
        }
    )


class Server:
    """A server that follows a plan and records every call. `serve` creates it."""

    def __init__(self, plan: Plan, port: int, log: Path | None) -> None:
        self._plan = plan
        # It listens at once, so that the address is known and early clients can connect.
        self._socket = socket.create_server(("127.0.0.1", port), backlog=1024)
        self._log = log.open("ab", buffering=0) if log else None  # unbuffered, so that a kill loses no line
        self._calls: list[Call] = []
        self._number = 0
        self._in_flight = 0
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        self.in_flight_peak = 0
        self.plan_errors: list[Exception] = []
        """Exceptions of the plan's callables; such a call gets status 500."""

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls so far, in order of arrival. A call is complete once its client has the answer."""
        return tuple(self._calls)  # one thread appends, and the copy is atomic

    async def start(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # A call ends when its client disconnects, and a hanging call must not delay the end.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket, backlog=1024).start()

    async def stop(self) -> None:
        await self._runner.cleanup()
        if self._log:
            self._log.close()

    async def _handle(self, http: web.Request) -> web.Response:
        arrived = time.monotonic()
        body = _body(await http.read())
        headers = {name.lower(): value for name, value in http.headers.items()}
        sent_key = headers.pop("authorization", None) is not None
        call = Call(http.path, body or {}, headers, sent_key, arrived)
        place = len(self._calls)
        self._calls.append(call)
        self._in_flight += 1
        self.in_flight_peak = max(self.in_flight_peak, self._in_flight)
        try:
            response = await self._respond(http, body)
            call = replace(call, answered=time.monotonic(), status=response.status)
            return response
        finally:
            self._in_flight -= 1
            self._calls[place] = call
            if self._log:
                self._log.write(msgspec.json.encode(call) + b"\n")

    async def _respond(self, http: web.Request, body: Request | None) -> web.Response:
        plan = self._plan
        if plan.api_key is not None and http.headers.get("Authorization") != f"Bearer {plan.api_key}":
            return _error(401, "Incorrect API key provided.", "invalid_api_key")
        if (http.method, http.path) == ("GET", "/v1/models"):
            models = [{"id": m, "object": "model", "created": 0, "owned_by": "tests"} for m in plan.models]
            return _json({"object": "list", "data": models})
        if http.method != "POST" or http.path not in ("/v1/chat/completions", "/v1/completions"):
            return _error(404, f"Unknown request URL: {http.method} {http.path}", "unknown_url")
        if body is None:
            return _error(400, "The body of the request is not a JSON object.")
        try:
            return await self._generate(http, body)
        except Exception as error:
            self.plan_errors.append(error)
            return _error(500, "The plan of this server raised an exception.")

    async def _generate(self, http: web.Request, request: Request) -> web.Response:
        plan = self._plan
        self._number += 1
        if plan.capacity is not None and self._in_flight > plan.capacity:
            return _error(429, "There is no room for this call.", "rate_limit_exceeded")
        fault = plan.faults(self._number, request)
        latency = plan.latency(self._number, request) if callable(plan.latency) else plan.latency
        if latency:
            await asyncio.sleep(latency)
        if fault is None:
            return _answer(plan, http.path, request)
        if fault.kind == "status":
            return _faulty_status(fault)
        if fault.kind == "reset":
            await _drop(http)
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
            return _answer(plan, http.path, request)
        if fault.kind == "fewer_choices":
            return _answer(replace(plan, max_choices=max(1, request.get("n", 1) // 2)), http.path, request)
        if fault.kind == "html":
            return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")
        if fault.kind == "empty_body":
            return web.Response(body=b"", content_type="application/json")
        return _corrupt(fault, _answer(plan, http.path, request))


def _body(raw: bytes) -> Request | None:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _faulty_status(fault: Fault) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if isinstance(fault.body, str):
        return web.Response(text=fault.body, status=fault.status, headers=headers)
    response = _error(fault.status, f"This call was planned to fail with {fault.status}.")
    response.headers.update(headers)
    if fault.body is not None:
        response.body = msgspec.json.encode(fault.body)
    return response


async def _drop(http: web.Request) -> None:
    """Reset the connection. The cancellation that follows ends the call."""
    assert http.transport is not None
    connection = http.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    http.transport.abort()
    await asyncio.Event().wait()


def _corrupt(fault: Fault, response: web.Response) -> web.Response:
    body = response.body
    assert isinstance(body, bytes)
    if fault.kind == "truncated_json":
        half = body[: len(body) // 2]
        return web.Response(body=half, status=response.status, content_type="application/json")
    return web.Response(body=body, status=response.status, content_type="text/plain")


@contextlib.contextmanager
def serve(plan: Plan, port: int = 0, log: Path | None = None) -> Iterator[Server]:
    """Run a server on a thread of this process.

    Args:
        plan: How the server behaves.
        port: The port; 0 takes a free one.
        log: A file that gets a line of JSON for every call that ends.

    Raises:
        OSError: The port is taken.
        RuntimeError: The plan raised an exception; raised when the server ends.
    """
    server = Server(plan, port, log)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="openai_server", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    if server.plan_errors:
        raise RuntimeError("the server's plan raised") from server.plan_errors[0]


@contextlib.contextmanager
def spawn(*options: str) -> Iterator[str]:
    """Run a server in a process of its own, with command-line options; yield its base URL and kill it at the end."""
    command = [sys.executable, __file__, *options]
    # aiohttp reads all certificates on import, a fifth of the start-up time; plain HTTP needs none.
    environment = {**os.environ, "SSL_CERT_FILE": os.devnull}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().strip()
            assert base_url, f"the server did not start with {options}"
            yield base_url
        finally:
            process.kill()


def read_calls(log: Path) -> tuple[Call, ...]:
    """Read the calls from a server's log, in the order in which they ended."""
    return tuple(msgspec.json.decode(line, type=Call) for line in log.read_bytes().splitlines())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="An OpenAI-compatible server for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, help="a line of JSON is appended for every call that ends")
    parser.add_argument("--model", action="append", help="a model that exists; repeat it for several")
    parser.add_argument("--api-key")
    parser.add_argument("--no-honour-n", action="store_true", help="always one choice")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--fail-every", type=int, nargs=2, metavar=("K", "STATUS"))
    parser.add_argument("--slow-after", type=int, metavar="N", help="answer N calls at once, then hang")
    parser.add_argument("--fusor-text", metavar="TEXT", help="the reply at temperature 0, which fusors use")
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> Plan:
    def faults(number: int, request: Request) -> Fault | None:
        if options.slow_after is not None and number > options.slow_after:
            return Fault("hang")
        if options.fail_every and number % options.fail_every[0] == 0:
            return Fault("status", status=options.fail_every[1])
        return None

    def reply(request: Request, index: int) -> str:
        if options.fusor_text is not None and request.get("temperature") == 0:
            return str(options.fusor_text)
        return default_reply(request, index)

    return Plan(
        models=tuple(options.model or Plan().models),
        api_key=options.api_key,
        honours_n=not options.no_honour_n,
        latency=options.latency,
        faults=faults,
        reply=reply,
    )


if __name__ == "__main__":
    options = _options()
    with serve(_plan(options), options.port, options.log) as running:
        print(running.base_url, flush=True)
        threading.Event().wait()
