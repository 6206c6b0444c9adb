"""Start llama.cpp's own server in this process, once for each GGUF file."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, EndpointError
from fusion_eval.models.embedded.threads import barrier_policy, choose_threads

SLOTS = 16
"""Sequences that llama.cpp decodes in parallel. More bring no gain on a small machine."""
CONTEXT = 16384
"""Tokens, shared by all slots."""
INSTALL = "python -m pip install 'fusion-eval[embedded]'"


@dataclass(frozen=True)
class Running:
    """A server of llama.cpp. It stops when it is garbage-collected.

    Attributes:
        server: llama.cpp's object.
        key: The key that its requests hold.
        threads: How many threads compute.
    """

    server: Any
    key: str
    threads: int

    @property
    def url(self) -> str:
        """The address of the server."""
        return str(self.server.listening_address)


_starting = threading.Lock()
_counting = threading.Lock()
_running: dict[Path, Running] = {}
_in_flight: dict[Path, int] = {}


class Use:
    """One request's use of the server on a file. No server stops while a request of any event loop uses it.

    Args:
        file: Returns the path of the file.
    """

    def __init__(self, file: Callable[[], Path]) -> None:
        self._file = file
        self._counted: Path | None = None
        self._closed = False

    def open(self, *, choose_again: bool) -> Running:
        """Return the server, started if needed.

        llama.cpp fixes the number of threads when it starts, so another number needs another server.

        Args:
            choose_again: Whether to start the server anew if the number of free cores has changed. The server stays
                as it is while another request uses it.
        """
        with _starting:
            path = self._file()
            running = _running.get(path)
            if running is None or (choose_again and not _is_used(path)):
                threads = choose_threads()
                if running is None or running.threads != threads:
                    del running
                    _running.pop(path, None)  # frees the old weights before the new ones are loaded
                    _running[path] = _start(path, threads)
            with _counting:
                if not self._closed:  # a cancelled request closes its use while its thread is still here
                    self._counted = path
                    _in_flight[path] = _in_flight.get(path, 0) + 1
            return _running[path]

    def close(self) -> None:
        """Count the request as done."""
        with _counting:
            self._closed = True
            if self._counted is not None:
                _in_flight[self._counted] -= 1
                self._counted = None


def _is_used(path: Path) -> bool:
    with _counting:
        return _in_flight.get(path, 0) > 0


def load_llama_cpp(install: str = INSTALL) -> Any:
    """Import and return xllamacpp.

    Args:
        install: The command that installs it, for the error.

    Raises:
        ConfigError: It is not installed, or a library of the system is missing.
    """
    try:
        with barrier_policy():
            import xllamacpp
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"A model in this process needs llama.cpp: {install} (offline=true replays a complete store without it)"
        ) from error
    except ImportError as error:
        hint = "; Debian and Ubuntu have it in the package libgomp1" if "libgomp" in str(error) else ""
        raise ConfigError(f"llama.cpp is installed, but cannot be loaded: {error}{hint}") from error
    return xllamacpp


def _start(path: Path, threads: int) -> Running:
    llama = load_llama_cpp()
    key = secrets.token_urlsafe(24)
    params = llama.CommonParams()
    params.model.path = str(path)
    # Mapped pages can be reclaimed, and decoding then waits for them.
    params.load_mode = llama.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.n_ctx, params.n_parallel, params.kv_unified = CONTEXT, SLOTS, True
    params.swa_full = True  # keep each whole sequence, or a shared prefix is read again for every prompt
    params.verbosity = 0
    params.api_keys = [key]
    if threads < (os.cpu_count() or 1):  # otherwise llama.cpp's own choice, which knows about hyper-threads
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    try:
        return Running(llama.Server(params), key, threads)
    except Exception as error:
        if path.exists() and not os.access(path, os.R_OK):
            raise EndpointError(f"llama.cpp cannot load {path}: you have no permission to read it") from error
        raise EndpointError(f"llama.cpp cannot load {path}; is the file whole? It says: {error}") from error
