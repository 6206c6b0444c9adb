"""One bar for a run, in the harness's manner: prompts done, and what the endpoints are doing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from fusion_eval.models.endpoint import Endpoint
from fusion_eval.runs.traces import dollars

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
    started = looked = time.monotonic()
    before = _done(endpoints())
    with tqdm(total=prompts, desc=name, unit="prompt", disable=True if off else None) as bar:

        def answered() -> None:
            nonlocal looked
            now = time.monotonic()
            if not bar.disable and now - looked > _EVERY:
                looked = now
                bar.set_postfix_str(activity(endpoints(), now - started, cost(), before), refresh=False)
            bar.update()

        yield answered


def _done(endpoints: list[Endpoint]) -> tuple[int, int]:
    """(Calls, retries) so far: endpoints outlive a strategy's bar."""
    return sum(endpoint.calls for endpoint in endpoints), sum(endpoint.retries for endpoint in endpoints)


def activity(
    endpoints: list[Endpoint], seconds: float, cost: float | None, before: tuple[int, int] = (0, 0)
) -> str:
    """`12 calls in flight, 45.1 calls/s, 3 retries, $0.12`; without the calls and retries `before`."""
    calls, retries = (now - then for now, then in zip(_done(endpoints), before, strict=True))
    parts = [
        f"{sum(endpoint.slots.held for endpoint in endpoints)} calls in flight",
        f"{calls / max(seconds, 1e-9):.1f} calls/s",
        f"{retries} retries",
    ]
    return ", ".join([*parts, *([] if cost is None else [dollars(cost)])])
