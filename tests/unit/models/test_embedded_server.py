"""A server of llama.cpp is shared by the event loops of a process, and starts anew only when no request uses it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from fusion_eval.models.embedded import door as door_module
from fusion_eval.models.embedded import server as module
from fusion_eval.models.embedded.door import EmbeddedModel
from fusion_eval.models.embedded.server import Running, Use
from fusion_eval.types import Candidate, Prompt, Sampling

PATH = Path("model.gguf")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Yield the numbers of threads that the next choices find; no server is really started."""
    choices: list[int] = []
    started: list[int] = []

    def start(path: Path, threads: int) -> Running:
        started.append(threads)
        return Running(SimpleNamespace(listening_address=f"http://server{len(started)}"), "key", threads)

    monkeypatch.setattr(module, "_running", {})
    monkeypatch.setattr(module, "_in_flight", {})
    monkeypatch.setattr(module, "_start", start)
    monkeypatch.setattr(module, "choose_threads", lambda: choices.pop(0))
    yield choices


def test_an_idle_server_starts_anew_with_the_threads_that_are_free(free: list[int]) -> None:
    # given
    free[:] = [2, 4]
    with closing(Use(lambda: PATH)) as first:
        assert first.open(choose_again=True).threads == 2
    # when, then
    with closing(Use(lambda: PATH)) as second:
        assert second.open(choose_again=True).threads == 4


def test_a_server_stays_while_a_request_uses_it(free: list[int]) -> None:
    # given a request in flight
    free[:] = [2, 4]
    first = Use(lambda: PATH)
    running = first.open(choose_again=True)
    # when another request has the threads chosen again
    with closing(Use(lambda: PATH)) as second:
        assert second.open(choose_again=True) is running
    # then they are chosen once both are done
    first.close()
    with closing(Use(lambda: PATH)) as third:
        assert third.open(choose_again=True).threads == 4


def test_a_request_that_was_cancelled_before_the_server_was_there_does_not_count(free: list[int]) -> None:
    # given
    free[:] = [2, 4]
    cancelled = Use(lambda: PATH)
    cancelled.close()
    cancelled.open(choose_again=True)
    # when, then
    with closing(Use(lambda: PATH)) as use:
        assert use.open(choose_again=True).threads == 4


def test_a_model_of_another_event_loop_leaves_the_server_of_a_request_in_flight(
    free: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a request of one event loop, which waits for its answer
    free[:] = [2, 4, 4]
    waits, go_on = threading.Event(), threading.Event()
    calls: list[tuple[str, str]] = []

    class Door:
        def __init__(self, name: str, url: str, **options: object) -> None:
            self.url = url

        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            if prompt.text == "slow":
                waits.set()
                await asyncio.to_thread(go_on.wait, 60)
            calls.append((prompt.text, self.url))
            return [Candidate("a", "m", 0)]

        async def close(self) -> None:
            pass

    monkeypatch.setattr(door_module, "OpenAIModel", Door)

    def ask(text: str, model: EmbeddedModel) -> None:
        sampling = Sampling(max_tokens=1, temperature=0.0, seed=0)
        asyncio.run(model.sample(Prompt(text), sampling, 1))

    other = EmbeddedModel("m", "hash", True, lambda: PATH)
    slow = threading.Thread(target=ask, args=("slow", EmbeddedModel("m", "hash", True, lambda: PATH)))
    slow.start()
    try:
        assert waits.wait(60)
        # when a model of another event loop sends its first request
        ask("quick", other)
    finally:
        go_on.set()
        slow.join(60)
    ask("later", EmbeddedModel("m", "hash", True, lambda: PATH))
    # then both used one server, and the request after them another
    assert calls == [
        ("quick", "http://server1/v1"),
        ("slow", "http://server1/v1"),
        ("later", "http://server2/v1"),
    ]
