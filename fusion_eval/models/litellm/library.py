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
    _forbid_redirects()
    logging.getLogger("LiteLLM").setLevel(logging.ERROR)
    return litellm


def _forbid_redirects() -> None:
    """Let no client of litellm follow a redirect: keys in headers and the prompt would go to another host."""
    handlers = importlib.import_module("litellm.llms.custom_httpx.http_handler")
    openai = importlib.import_module("litellm.llms.openai.common_utils")
    handler, base = handlers.AsyncHTTPHandler, openai.BaseOpenAILLM
    handler.create_client = _without_redirects(handler.create_client)
    base._get_async_http_client = staticmethod(_without_redirects(base._get_async_http_client))


def _without_redirects(create: Any) -> Any:
    @functools.wraps(create)
    def create_client(*args: Any, **kwargs: Any) -> Any:
        client = create(*args, **kwargs)
        if client is not None:
            client.follow_redirects = False
        return client

    return create_client
