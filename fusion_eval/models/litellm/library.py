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
    logging.getLogger("LiteLLM").setLevel(logging.ERROR)
    return litellm
