"""Start llama.cpp's own server in this process, once for each GGUF file."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, EndpointError

SLOTS = 16
"""Sequences that llama.cpp decodes in parallel. More bring no gain on a small machine."""
CONTEXT = 16384
"""Tokens, shared by all slots."""
INSTALL = "python -m pip install 'fusion-eval[embedded]'"

_starting = threading.Lock()
_running: dict[Path, tuple[Any, str]] = {}  # a server stops when it is garbage-collected


def serve(path: Path) -> tuple[str, str]:
    """Start llama.cpp's server on `path`, once per process, and return its URL and key."""
    with _starting:
        if path not in _running:
            _running[path] = _start(path)
    server, key = _running[path]
    return str(server.listening_address), key


def load_llama_cpp() -> Any:
    """Import and return xllamacpp.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        with _passive_barriers():
            import xllamacpp
    except ImportError as error:
        raise ConfigError(f"The embedded model needs llama.cpp: {INSTALL}") from error
    return xllamacpp


@contextlib.contextmanager
def _passive_barriers() -> Iterator[None]:
    """Let OpenMP's threads sleep at barriers; those that spin lose whole time slices to any other busy process.

    OpenMP reads the variable once, when it is loaded. Afterwards other libraries find it unset again.
    """
    if "OMP_WAIT_POLICY" in os.environ:  # the user's own choice
        yield
        return
    os.environ["OMP_WAIT_POLICY"] = "passive"
    try:
        yield
    finally:
        os.environ.pop("OMP_WAIT_POLICY", None)


def _start(path: Path) -> tuple[Any, str]:
    llama = load_llama_cpp()
    key = secrets.token_urlsafe(24)
    params = llama.CommonParams()
    params.model.path = str(path)
    params.load_mode = (
        llama.llama_load_mode.LLAMA_LOAD_MODE_NONE
    )  # mapped pages can be reclaimed, and decoding waits
    params.n_ctx, params.n_parallel, params.kv_unified = CONTEXT, SLOTS, True
    params.swa_full = True  # keep each whole sequence, or a shared prefix is read again for every prompt
    params.verbosity = 0
    params.api_keys = [key]
    try:
        return llama.Server(params), key
    except Exception as error:
        raise EndpointError(f"llama.cpp cannot load {path}: {error or 'is the file whole?'}") from error
