"""The HTTP side of the server: routes, the clients' key, the bounded queue, and streams."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import math
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NoReturn

import msgspec
from aiohttp import web

from fusion_eval.errors import FusionEvalError
from fusion_eval.serve.connection import note_request
from fusion_eval.serve.engine import Engine
from fusion_eval.serve.errors import ApiError, api_error, unexpected
from fusion_eval.serve.fields import DETAILS
from fusion_eval.serve.metrics import CONTENT_TYPE, Metrics
from fusion_eval.serve.options import LOOPBACK, ServeOptions
from fusion_eval.serve.replies import DONE, Reply, event
from fusion_eval.serve.requests import ClientRequest, read_request
from fusion_eval.serve.uploads import Uploads
from fusion_eval.types import Trace

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEEP_ALIVE = 10.0
"""Seconds without an answer after which a stream gets a comment, so that proxies keep the connection."""
_PORT = re.compile(r":\d+$")
_LONGEST_WAIT = 60
"""Seconds that `Retry-After` names at most."""


class App:
    """The handlers of one server.

    Args:
        engine: Answers the questions.
        options: Says which key clients send, and how many of them are served at a time.
    """

    def __init__(self, engine: Engine, options: ServeOptions) -> None:
        self._engine, self._options = engine, options
        self._key = None if options.key is None else f"Bearer {options.key}".encode()
        self._started = int(time.time())
        self._uploads = Uploads(options.max_body)
        self.metrics = Metrics()

    def application(self) -> web.Application:
        """Return the application with its routes."""
        application = web.Application(client_max_size=self._options.max_body)
        router = application.router
        router.add_post("/v1/chat/completions", self._chat)
        router.add_post("/v1/completions", self._completion)
        router.add_get("/v1/models", _in_openai_form(self._models))
        router.add_get("/v1/models/{model}", _in_openai_form(self._model))
        router.add_get("/healthz", _in_openai_form(self._health))
        router.add_get("/metrics", _in_openai_form(self._metrics))
        router.add_route("*", "/{path:.*}", _in_openai_form(self._unknown))
        return application

    async def _chat(self, http: web.Request) -> web.StreamResponse:
        return await self._complete(http, chat=True)

    async def _completion(self, http: web.Request) -> web.StreamResponse:
        return await self._complete(http, chat=False)

    async def _complete(self, http: web.Request, *, chat: bool) -> web.StreamResponse:
        note_request(http)
        model, status = "", 499  # a client that goes away cancels its request
        try:
            try:
                self._check_key(http)
                raw = await self._read(http)
                with self._place():  # not before, so that slow uploads take no places
                    request = self._parse(http, raw, chat)
                    model = self._engine.solver(request.model).spec
                    response = await self._reply(
                        http, request, Reply(request, self._engine.signatures[model])
                    )
            except ConnectionResetError:
                raise  # the client went away while its stream was written
            except FusionEvalError as error:
                response = api_error(error).response()
            except Exception:
                response = unexpected().response()
            status = response.status
            return response
        finally:
            self.metrics.ended(model, status)

    async def _reply(self, http: web.Request, request: ClientRequest, reply: Reply) -> web.StreamResponse:
        if request.stream:
            return await self._stream(http, request, reply)
        return _json(reply.whole(await self._answers(request)))

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """Hold a place in the queue.

        Raises:
            ApiError: The queue is full.
        """
        if self.metrics.in_work >= self._options.max_requests:
            wait = max(1, min(_LONGEST_WAIT, math.ceil(self.metrics.seconds_per_answer)))
            raise ApiError(
                429,
                f"The server has {self.metrics.in_work} requests in work; try again",
                "queue_full",
                None,
                wait,
            )
        self.metrics.in_work += 1
        try:
            yield
        finally:
            self.metrics.in_work -= 1

    def _check_key(self, http: web.Request) -> None:
        if self._key is None:
            _check_host(http.host)
            return
        sent = http.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(sent, self._key):
            raise ApiError(
                401, "The key is missing or wrong; send Authorization: Bearer KEY", "invalid_api_key"
            )

    async def _read(self, http: web.Request) -> bytes:
        if http.content_type != "application/json":  # web pages of other origins cannot send this unasked
            raise ApiError(415, "Send JSON, with the header Content-Type: application/json")
        return await self._uploads.read(http)

    def _parse(self, http: web.Request, raw: bytes, chat: bool) -> ClientRequest:
        details = http.headers.get(DETAILS, "").lower() in ("1", "true", "yes")
        engine = self._engine
        return read_request(raw, engine.arguments, chat=chat, logprobs=engine.logprobs, details=details)

    async def _answers(self, request: ClientRequest) -> Sequence[Trace]:
        started = time.monotonic()
        traces = await self._engine.answer(request.model, request.questions)
        self.metrics.answered(traces, time.monotonic() - started)
        return traces

    async def _stream(self, http: web.Request, request: ClientRequest, reply: Reply) -> web.StreamResponse:
        """Send the final answers in pieces. Errors before the first byte keep their status; later ones are events."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
        )
        answering = asyncio.ensure_future(self._answers(request))
        try:
            while not (await asyncio.wait([answering], timeout=KEEP_ALIVE))[0]:
                if not response.prepared:
                    await response.prepare(http)
                await response.write(b": waiting for the answer\n\n")
            try:
                events = b"".join(reply.events(answering.result()))
            except Exception as error:
                if not response.prepared:
                    raise
                failure = api_error(error) if isinstance(error, FusionEvalError) else unexpected()
                events = event(failure.body) + DONE
            if not response.prepared:
                await response.prepare(http)
            await response.write(events)
            await response.write_eof()
        finally:
            answering.cancel()
        return response

    async def _models(self, http: web.Request) -> web.Response:
        self._check_key(http)
        return _json({"object": "list", "data": [self._card(spec) for spec in self._engine.solvers]})

    async def _model(self, http: web.Request) -> web.Response:
        self._check_key(http)
        return _json(self._card(self._engine.solver(http.match_info["model"]).spec))

    def _card(self, spec: str) -> dict[str, object]:
        return {"id": spec, "object": "model", "created": self._started, "owned_by": "fusion_eval"}

    async def _health(self, http: web.Request) -> web.Response:
        return _json({"status": "ok", "requests_in_work": self.metrics.in_work})

    async def _metrics(self, http: web.Request) -> web.Response:
        self._check_key(http)
        text = self.metrics.exposition(self._engine.opener.endpoints())
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _unknown(self, http: web.Request) -> NoReturn:
        paths = "POST /v1/chat/completions, POST /v1/completions, GET /v1/models, GET /healthz, GET /metrics"
        message = f"There is no {http.method} {http.path[:200]}; there are {paths}"
        if http.path == "/v1/responses":
            message = "The Responses API is not served; set your client to chat completions"
        raise ApiError(404, message, "unknown_url")


def _in_openai_form(handler: Handler) -> Handler:
    """Return a handler whose errors are answered in OpenAI's form. A middleware would cost each request more."""

    async def answer(http: web.Request) -> web.StreamResponse:
        note_request(http)
        try:
            return await handler(http)
        except ApiError as error:
            return error.response()

    return answer


def _json(body: object) -> web.Response:
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return web.Response(body=encoded, headers={"Content-Type": "application/json"})


def _check_host(host: str) -> None:
    """Refuse a request to another name, by which a web page can reach this machine (DNS rebinding)."""
    name = _PORT.sub("", host).strip("[]")
    if name not in LOOPBACK:
        raise ApiError(
            403, f"A server without a key answers requests to {', '.join(LOOPBACK)} alone; set --api_key_env"
        )
