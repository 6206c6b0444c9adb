"""A server of a reward model that speaks the four forms of vLLM, and SGLang's. A response's score is its length."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Reply = Callable[[dict[str, Any]], Any]


def response_in(body: dict[str, Any]) -> str:
    """Return the response that a request asks about; a text is what the tokenizer of a test made of it."""
    if "messages" in body:
        return str(body["messages"][-1]["content"])
    if "documents" in body:
        return str(body["documents"][0])
    return str(body.get("text_2") or body["text"].rpartition(">")[2])


def score(body: dict[str, Any]) -> float:
    return len(response_in(body)) / 10


USAGE = {"prompt_tokens": 7, "total_tokens": 7}
VLLM: dict[str, Reply] = {
    "/pooling": lambda body: {"data": [{"index": 0, "data": [[9.0], [score(body)]]}], "usage": USAGE},
    "/classify": lambda body: {
        "data": [{"index": 0, "label": "x", "probs": [score(body)], "num_classes": 1}],
        "usage": USAGE,
    },
    "/score": lambda body: {"data": [{"index": 0, "score": score(body)}], "usage": USAGE},
    "/v1/rerank": lambda body: {
        "results": [{"index": 0, "document": {"text": "x"}, "relevance_score": score(body)}],
        "usage": USAGE,
    },
}
SGLANG: dict[str, Reply] = {
    "/classify": lambda body: [{"embedding": [score(body)], "meta_info": {"prompt_tokens": 7}}],
    "/v1/rerank": lambda body: [{"score": score(body), "document": "x", "index": 0}],
}


class RewardServer:
    """What a test sees of the server: its address and the requests that it got."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[str, dict[str, Any], str | None]] = []
        """The path, the body and the key of each request."""


@contextlib.asynccontextmanager
async def reward_server(replies: dict[str, Reply]) -> AsyncIterator[RewardServer]:
    """Serve these replies by path. A reply that is a response, such as an error, is sent as it is."""

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        server.requests.append((request.path, body, request.headers.get("Authorization")))
        reply = replies[request.path](body)
        return reply if isinstance(reply, web.StreamResponse) else web.json_response(reply)

    app = web.Application()
    for path in replies:
        app.router.add_post(path, answer)
    async with TestServer(app) as running:
        server = RewardServer(str(running.make_url("")).rstrip("/"))
        yield server
