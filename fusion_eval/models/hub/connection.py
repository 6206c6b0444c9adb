"""Find out whether the Hugging Face hub answers, and use its cache at once where it does not.

The hub's client tries six times before it gives up, which takes half a minute on a machine without a network.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager

import datasets

LONGEST_WAIT = 5.0
"""Seconds that the hub has for its first sign of life."""
_REMEMBERED = 60
"""Seconds after which it is asked again."""


def hub_answers() -> bool:
    """Return whether the hub can be reached, as of the last minute; False if the environment says to stay offline."""
    if datasets.config.HF_HUB_OFFLINE:
        return False
    return _answers(int(time.monotonic()) // _REMEMBERED)


@functools.lru_cache(maxsize=1)
def _answers(minute: int) -> bool:
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=LONGEST_WAIT)
    except Exception:  # its HTTP library differs between releases, and so do the errors
        return False
    return True


@contextmanager
def cache_only() -> Iterator[None]:
    """Let the data sets library read its cache alone, without any request."""
    before = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before
