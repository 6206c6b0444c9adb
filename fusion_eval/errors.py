"""One family of errors. Each message is one sentence or two: what is wrong, where, and the fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FusionEvalError(Exception):
    """Anything that a user can mend; commands print it and exit with 2."""


class ConfigError(FusionEvalError):
    """An argument, a file or a mix of them that cannot work; raised before any call is made."""


class StoreError(FusionEvalError):
    """The store on disk cannot be used."""


class EndpointError(FusionEvalError):
    """A model cannot be reached or refuses every call: no other call would fare better."""


class TransientError(FusionEvalError):
    """One call failed in a way that another try may mend.

    `retry_after` is what the server asked for, in seconds; `overloaded` says that it asked for fewer requests;
    `lost` that the call was sent and its answer went missing, so that it may well be billed.
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
        """Tries of the request before this one."""


class RequestError(FusionEvalError):
    """One call was refused for what it holds; the same call would be refused again. `lost` as above."""

    def __init__(self, message: str, *, lost: bool = False) -> None:
        super().__init__(message)
        self.lost = lost
        self.retries = 0


class ContextOverflowError(RequestError):
    """A prompt does not fit the model's context."""


def nearest(word: str, known: Iterable[str]) -> str:
    """' Did you mean 'x'?' for the closest of `known`, else ''."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{match[0]}'?" if match else ""
