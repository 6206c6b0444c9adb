"""What strategies take from a dry run's stand-ins: the case that needs the most calls. It is decided here alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fusion_eval.models.counting import is_stand_in
from fusion_eval.strategies.interface import Scored
from fusion_eval.strategies.ranking import best_first

T = TypeVar("T")
S = TypeVar("S")


def read_reply(reply: str, read: Callable[[str], T], most_calls: S) -> T | S:
    """Return what `read` finds in a reply, or `most_calls` for a stand-in, in which nothing can be found.

    Args:
        reply: The reply.
        read: Reads a model's reply.
        most_calls: The outcome of `read` after which the strategy makes the most calls.
    """
    return most_calls if is_stand_in(reply) else read(reply)


def ranked(scored: Scored) -> list[int]:
    """Return the scored candidates, the best first; all of them where stand-ins took the place of ratings."""
    if any(is_stand_in(call.text) for call in scored.calls):
        return list(range(len(scored.scores)))
    return best_first(scored.scores)
