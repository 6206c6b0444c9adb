"""What tests of models may ask for: retries without pauses, and a run on each kind of event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from raw_server import LOOPS, Run

from fusion_eval.models import limited


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every retry of a limited model come at once."""
    monkeypatch.setattr(limited, "pause", lambda attempt, error: 0.0)


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Return a function that runs a test on an event loop."""
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield lambda test: runner.run(asyncio.wait_for(test, 20))
