"""Put texts into an order that a seed and the texts themselves decide, so that it can be found again later."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence


class _Own(threading.local):
    """One generator for each thread: making one takes as long as seeding it."""

    def __init__(self) -> None:
        self.random = random.Random()  # noqa: S311 - an order, not a secret


_own = _Own()


def seeded_order_of(texts: Sequence[str], seed: int, salt: str = "") -> list[int]:
    """Return the indices of texts in the order in which prompts show them.

    Args:
        texts: The texts of the usable candidates of a pool; white space at their ends does not matter.
        seed: The first seed of the pool.
        salt: Tells apart several orders of one pool.
    """
    stripped = [text.strip() for text in texts]
    order = list(range(len(stripped)))
    _own.random.seed(f"{seed}|{salt}{stripped}")
    _own.random.shuffle(order)
    return order
