"""The errors of the package. Each message says what is wrong, where, and how to fix it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class FusionEvalError(Exception):
    """An error that the user can fix. Commands print its message and exit with code 2."""


class ConfigError(FusionEvalError):
    """An argument or a file is wrong, or arguments do not go together. Raised before any request is sent."""


class StoreError(FusionEvalError):
    """The store on disk cannot be used."""


class EndpointError(FusionEvalError):
    """An endpoint cannot be reached or refuses every request, so the run stops."""


class TransientError(FusionEvalError):
    """A request failed, and the same request may succeed later.

    Args:
        message: What happened.
        retry_after: How many seconds the server asks to wait.
        overloaded: Whether the server asks for fewer requests at a time.
        lost: Whether the request was sent and its answer went missing. Such a request may be billed.
    """

    def __init__(
        self,
        message: str,
        retry_after: float | None = None,
        *,
        overloaded: bool = False,
        lost: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after, self.overloaded, self.lost = retry_after, overloaded, lost
        self.retries = 0
        """How many tries of the request came before this one."""


class RequestError(FusionEvalError):
    """A request was refused for what it contains; the same request would be refused again.

    Args:
        message: What happened.
        lost: Whether the request was sent and its answer went missing. Such a request may be billed.
    """

    def __init__(self, message: str, *, lost: bool = False) -> None:
        super().__init__(message)
        self.lost = lost
        self.retries = 0


class ContextOverflowError(RequestError):
    """A prompt does not fit the model's context window."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the known word that is closest; an empty text if none is close."""
    match = _closest(word, known)
    return f" Did you mean '{match}'?" if match else ""


def nearest_beside(path: Path) -> str:
    """Return ` Did you mean 'folder/x'?` for the file beside a missing path whose name is closest; an empty text if none is."""
    match = _closest(path.name, [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else [])
    return f" Did you mean '{path.with_name(match)}'?" if match else ""


def _closest(word: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)
