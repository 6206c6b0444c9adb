"""One bar for a run, in the harness's manner: prompts done, and what the endpoints are doing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from fusion_eval.models.limited import Endpoint

_EVERY = 0.5
"""Seconds between looks at the endpoints: looking at each answer would cost more than it tells."""


@contextmanager
def progress(
    name: str,
    prompts: int,
    endpoints: Callable[[], list[Endpoint]],
    cost: Callable[[], float | None],
    *,
    off: bool,
) -> Iterator[Callable[[], None]]:
    """Gives what to call when a prompt is answered. Quiet where stderr is no terminal."""
    started = time.monotonic()
    looked = started
    with tqdm(total=prompts, desc=name, unit="prompt", disable=True if off else None) as bar:

        def answered() -> None:
            nonlocal looked
            now = time.monotonic()
            if not bar.disable and now - looked > _EVERY:
                looked = now
                bar.set_postfix_str(activity(endpoints(), now - started, cost()), refresh=False)
            bar.update()

        yield answered


def activity(endpoints: list[Endpoint], seconds: float, cost: float | None) -> str:
    """`12 calls in flight, 45.1 calls/s, 3 retries, $0.12`."""
    calls = sum(endpoint.calls for endpoint in endpoints)
    parts = [
        f"{sum(endpoint.slots.held for endpoint in endpoints)} calls in flight",
        f"{calls / max(seconds, 1e-9):.1f} calls/s",
        f"{sum(endpoint.retries for endpoint in endpoints)} retries",
    ]
    return ", ".join([*parts, *([] if cost is None else [f"${cost:.2f}"])])
