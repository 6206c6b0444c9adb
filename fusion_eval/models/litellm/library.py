"""Import litellm when it is first used, because the import takes seconds, and set it up quietly."""

from __future__ import annotations

import functools
import importlib
import logging
import os
from typing import Any


@functools.cache
def load_litellm() -> Any:
    """Return the module litellm, without its debug messages, telemetry and retries."""
    # Without this variable the import requests prices from the network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    # With an import statement, a type checker would read all of litellm, which takes a minute.
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.num_retries = 0
    _secure_clients()
    logging.getLogger("LiteLLM").setLevel(logging.ERROR)
    return litellm


def _secure_clients() -> None:
    """Let no client of litellm follow a redirect or read without bounds.

    A redirect would take keys in headers, and the prompt, to another host.
    """
    handlers = importlib.import_module("litellm.llms.custom_httpx.http_handler")
    openai = importlib.import_module("litellm.llms.openai.common_utils")
    handler, base = handlers.AsyncHTTPHandler, openai.BaseOpenAILLM
    handler.create_client = _secured(handler.create_client)
    base._get_async_http_client = staticmethod(_secured(base._get_async_http_client))


def _secured(create: Any) -> Any:
    bounded = importlib.import_module("fusion_eval.models.litellm.bounded")  # imports httpx

    @functools.wraps(create)
    def create_client(*args: Any, **kwargs: Any) -> Any:
        client = create(*args, **kwargs)
        if client is not None:
            client.follow_redirects = False
            client._transport = bounded.BoundedTransport(client._transport)
            client._mounts = {
                pattern: transport and bounded.BoundedTransport(transport)
                for pattern, transport in client._mounts.items()
            }
        return client

    return create_client
