"""The engine of one process: prompts stream through the stages, and results come out in the prompts' order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from fusion_eval.models.together import gather_or_cancel

T = TypeVar("T")
R = TypeVar("R")

_WINDOW = 8
"""How far ahead of the slowest prompt others may be begun, as a multiple of the prompts in work. It bounds the memory."""


async def in_order(
    items: Iterator[T], answer: Callable[[T], Awaitable[R]], deliver: Callable[[R], None], width: int
) -> None:
    """Answer items, `width` at a time, and deliver the results in the items' order.

    Args:
        items: Is read as results are delivered, never far ahead.
        answer: Answers one item.
        deliver: Takes the results, one after another.
        width: How many items are in work at a time.
    """
    numbered = enumerate(items)
    waiting: dict[int, R] = {}
    delivered = 0
    moved = asyncio.Condition()

    async def work() -> None:
        nonlocal delivered
        for number, item in numbered:
            while number >= delivered + _WINDOW * width:
                async with moved:
                    await moved.wait()
            waiting[number] = await answer(item)
            before = delivered
            while delivered in waiting:
                deliver(waiting.pop(delivered))
                delivered += 1
            if delivered > before:
                async with moved:
                    moved.notify_all()

    await gather_or_cancel(work() for _ in range(width))
