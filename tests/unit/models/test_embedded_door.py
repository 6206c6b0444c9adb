"""Requests to a model in this process share one context. Those that do not fit together are repeated one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from fusion_eval.errors import ContextOverflowError
from fusion_eval.models.embedded import door as module
from fusion_eval.models.embedded.door import EmbeddedModel
from fusion_eval.models.embedded.server import Running
from fusion_eval.models.embedded.turns import Turns
from fusion_eval.types import Candidate, Prompt, Sampling

SAMPLING = Sampling(max_tokens=1, temperature=0.0, seed=0)


class Server:
    """Stands for the server of llama.cpp and the doors to it: it refuses all requests in flight if one has no room."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.in_flight = 0
        self.refused = 0
        self.asked: list[Sampling] = []
        self.opened: list[str] = []
        self.closed = 0

    def door(self, name: str, url: str, *, api_key: str, **options: object) -> Server:
        """Open a door."""
        self.opened.append(api_key)
        return self

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Answer, if there is room for all that is in flight."""
        self.asked.append(sampling)
        self.in_flight += len(prompt.text)
        try:
            await asyncio.sleep(0.001)
            if self.in_flight > self.room:
                await asyncio.sleep(0.001)  # all of them hear of it before one leaves
                self.refused += 1
                raise ContextOverflowError("The prompt is too long")
        finally:
            self.in_flight -= len(prompt.text)
        return [Candidate("a", "m", 0)]

    async def close(self) -> None:
        """Count the door as closed."""
        self.closed += 1


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Yield a server with room for three letters, behind every model of the test."""
    server = Server(room=3)
    running = Running(SimpleNamespace(listening_address="http://127.0.0.1:1"), "key", 2)

    class Use:
        def __init__(self, file: object) -> None:
            self.open = lambda *, choose_again: running
            self.close = lambda: None

    monkeypatch.setattr(module, "OpenAIModel", server.door)
    monkeypatch.setattr(module, "Use", Use)
    yield server


def model() -> EmbeddedModel:
    """Return a model without weights."""
    return EmbeddedModel("m", "hash", True, lambda: Path("model.gguf"))


async def test_requests_that_fit_only_alone_are_all_answered(server: Server) -> None:
    # given
    asked = model()
    # when
    answers = await asyncio.gather(*(asked.sample(Prompt("ab"), SAMPLING, 1) for _ in range(5)))
    # then
    assert [len(candidates) for candidates in answers] == [1] * 5
    assert server.refused > 1


async def test_a_prompt_that_never_fits_is_too_long_also_beside_others(server: Server) -> None:
    # given
    asked = model()
    # when
    long, short = await asyncio.gather(
        asked.sample(Prompt("abcd"), SAMPLING, 1),
        asked.sample(Prompt("a"), SAMPLING, 1),
        return_exceptions=True,
    )
    # then the other one is answered all the same
    assert isinstance(long, ContextOverflowError)
    assert short == [Candidate("a", "m", 0)]


async def test_a_request_that_was_alone_already_is_not_repeated(server: Server) -> None:
    # given
    asked = model()
    await asked.sample(Prompt("a"), SAMPLING, 1)
    # when
    with pytest.raises(ContextOverflowError):
        await asked.sample(Prompt("abcd"), SAMPLING, 1)
    # then
    assert server.refused == 1


@pytest.mark.parametrize(("wanted", "n", "sent"), [(False, 1, False), (False, 2, True), (True, 1, True)])
async def test_log_probabilities_are_asked_for_if_wanted_or_needed_to_count_tokens(
    server: Server, wanted: bool, n: int, sent: bool
) -> None:
    sampling = Sampling(max_tokens=1, temperature=0.0, seed=0, logprobs=wanted)
    await model().sample(Prompt("a"), sampling, n)
    assert [sampling.logprobs for sampling in server.asked] == [sent]


async def test_a_server_that_started_anew_at_the_same_address_gets_a_new_door(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a server with another key each time
    keys = iter("aab")
    address = SimpleNamespace(listening_address="http://127.0.0.1:1")

    class Use:
        def __init__(self, file: object) -> None:
            self.open = lambda *, choose_again: Running(address, next(keys), 2)
            self.close = lambda: None

    monkeypatch.setattr(module, "Use", Use)
    asked = model()
    # when
    for _ in range(3):
        await asked.sample(Prompt("a"), SAMPLING, 1)
    # then
    assert (server.opened, server.closed) == (["a", "b"], 1)


async def test_written_tokens_are_recorded_and_threads_chosen_again_only_after_a_rest(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a server with one of two cores
    asked_again: list[bool] = []
    recorded: list[tuple[str, int, bool]] = []
    running = Running(SimpleNamespace(listening_address="http://127.0.0.1:1"), "key", 1)

    class Use:
        def __init__(self, file: object) -> None:
            self.close = lambda: None

        def open(self, *, choose_again: bool) -> Running:
            asked_again.append(choose_again)
            return running

    def record(turns: Turns, owner: str, tokens: int, *, reduced: bool) -> None:
        recorded.append((owner, tokens, reduced))
        turns._rest_wanted = len(recorded) == 2

    async def two(prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        return [Candidate("a", "m", 0, completion_tokens=3), Candidate("b", "m", 1, completion_tokens=4)]

    monkeypatch.setattr(module, "Use", Use)
    monkeypatch.setattr(module, "cores", lambda: 2)
    monkeypatch.setattr(server, "sample", two)
    monkeypatch.setattr(Turns, "record", record)
    asked = model()
    # when
    for _ in range(4):
        await asked.sample(Prompt("a"), SAMPLING, 2)
    # then
    assert recorded == [(asked.identity, 7, True)] * 4
    assert asked_again == [True, False, True, False]
