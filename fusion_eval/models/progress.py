"""The progress bar of a run: how many prompts are done, and what the endpoints are doing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from fusion_eval.models.endpoint import Endpoint
from fusion_eval.runs.usage import dollars

_REFRESH_SECONDS = 0.5
"""Seconds between updates of the endpoints' activity. An update for each answer would slow down the run."""


@contextmanager
def progress(
    name: str,
    prompts: int,
    endpoints: Callable[[], list[Endpoint]],
    cost: Callable[[], float | None],
    *,
    off: bool,
) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr, if stderr is a terminal.

    Args:
        name: The label of the bar.
        prompts: How many prompts there are to answer.
        endpoints: Returns the endpoints that are in use.
        cost: Returns the US dollars spent so far, or None where no price is known.
        off: Whether to show no bar at all.

    Yields:
        A function to call after each answered prompt.
    """
    started = refreshed = time.monotonic()
    before = _calls_and_retries(endpoints())
    with tqdm(total=prompts, desc=name, unit="prompt", disable=True if off else None) as bar:

        def advance() -> None:
            nonlocal refreshed
            now = time.monotonic()
            if not bar.disable and now - refreshed > _REFRESH_SECONDS:
                refreshed = now
                bar.set_postfix_str(activity(endpoints(), now - started, cost(), before), refresh=False)
            bar.update()

        yield advance


def activity(
    endpoints: list[Endpoint], seconds: float, cost: float | None, before: tuple[int, int] = (0, 0)
) -> str:
    """Describe what the endpoints do: `12 calls in flight, 45.1 calls/s, 3 retries, $0.12`.

    Args:
        endpoints: The endpoints that are in use.
        seconds: How long the bar has been shown.
        cost: US dollars, or None where no price is known.
        before: Calls and retries from before the bar, which do not count: endpoints outlive a strategy.
    """
    calls, retries = (now - then for now, then in zip(_calls_and_retries(endpoints), before, strict=True))
    parts = [
        f"{sum(endpoint.slots.held for endpoint in endpoints)} calls in flight",
        f"{calls / max(seconds, 1e-9):.1f} calls/s",
        f"{retries} retries",
    ]
    return ", ".join([*parts, *([] if cost is None else [dollars(cost)])])


def _calls_and_retries(endpoints: list[Endpoint]) -> tuple[int, int]:
    return sum(endpoint.calls for endpoint in endpoints), sum(endpoint.retries for endpoint in endpoints)
