"""One model at several addresses: shared evenly, and the loss of one survived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from openai_server import Fault, Plan, Server

from fusion_eval.errors import EndpointError
from fusion_eval.model_arguments import parse
from fusion_eval.models import limited
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

Start = Callable[[Plan], Server]
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=3)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "pause", lambda attempt, asked: 0.0)


def ask(
    servers: list[str], prompts: int, store: Store | None = None, **options: object
) -> tuple[list[Candidate], list[str]]:
    """(A candidate for each prompt, what was said) by all servers together."""
    said: list[str] = []
    settings = parse({"model": "test-model", "base_url": "|".join(servers), "concurrency": 8, **options})

    async def run() -> list[Candidate]:
        opener = Opener(settings, store or Store(None), said.append)
        (model,) = opener.sampler()
        try:
            pools = await asyncio.gather(
                *(model.sample(Prompt(f"Question {i}"), SAMPLING, 1) for i in range(prompts))
            )
        finally:
            await opener.close()
        return [pool[0] for pool in pools]

    return asyncio.run(run()), said


def test_each_endpoint_has_its_share(openai_server: Start) -> None:
    servers = [openai_server(Plan(latency=0.01)) for _ in range(3)]
    candidates, _ = ask([server.base_url for server in servers], 90)
    assert all(candidate.error is None for candidate in candidates)
    counts = [len(server.calls) for server in servers]
    assert sum(counts) == 90 and min(counts) >= 20


def test_a_slow_endpoint_gets_less(openai_server: Start) -> None:
    fast, slow = openai_server(Plan(latency=0.01)), openai_server(Plan(latency=0.2))

    async def one_after_another() -> None:
        settings = parse(
            {"model": "test-model", "base_url": f"{slow.base_url}|{fast.base_url}", "concurrency": 4}
        )
        opener = Opener(settings, Store(None))
        (model,) = opener.sampler()
        numbers = iter(range(80))

        async def work() -> None:
            for number in numbers:
                await model.sample(Prompt(f"Question {number}"), SAMPLING, 1)

        await asyncio.gather(*(work() for _ in range(8)))
        await opener.close()

    asyncio.run(one_after_another())
    assert len(slow.calls) < len(fast.calls) / 3


def test_one_that_is_down_is_left_out_and_said(openai_server: Start) -> None:
    up = openai_server(Plan())
    candidates, said = ask(["http://127.0.0.1:9/v1", up.base_url], 20)
    assert all(candidate.error is None for candidate in candidates)
    assert (
        len(said) == 1
        and "Cannot reach http://127.0.0.1:9/v1" in said[0]
        and "other 1 of 2 endpoints" in said[0]
    )


def test_one_that_breaks_down_on_the_way_loses_no_prompt(openai_server: Start) -> None:
    healthy = openai_server(Plan(latency=0.005))
    dying = openai_server(
        Plan(latency=0.005, faults=lambda number, request: Fault("status", 500) if number > 5 else None)
    )
    candidates, said = ask([dying.base_url, healthy.base_url], 80, max_retries=1)
    assert all(candidate.error is None for candidate in candidates)
    assert len(said) == 1 and "was given up" in said[0]


def test_all_roles_see_what_an_address_has_to_do_and_that_it_is_lost(openai_server: Start) -> None:
    busy, idle = openai_server(Plan(latency=0.2)), openai_server(Plan())
    said: list[str] = []

    async def run(urls: list[str], roles: int) -> None:
        settings = parse(
            {"model": "test-model", "base_url": "|".join(urls), "concurrency": 4, "fusor": "test-model"}
        )
        opener = Opener(settings, Store(None), said.append)
        (sampler,), fusor = opener.sampler(), opener.fusor()
        sampling = [
            asyncio.create_task(sampler.sample(Prompt(f"Q{i}"), SAMPLING, 1)) for i in range(2 * roles)
        ]
        await asyncio.sleep(0.05)
        await fusor.sample(Prompt("fuse"), SAMPLING, 1)
        await asyncio.gather(*sampling)
        await opener.close()

    # given two calls, one at each address, of which one is still under way, then a fusion goes to the other
    asyncio.run(run([busy.base_url, idle.base_url], 1))
    assert (len(busy.calls), len(idle.calls)) == (1, 2)
    # and what one role has lost no other role asks again
    asyncio.run(run(["http://127.0.0.1:9/v1", idle.base_url], 2))
    assert len(said) == 1


def test_what_fails_at_one_address_is_asked_at_the_next_and_the_dead_one_is_soon_left_alone(
    openai_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried again and again where nobody is any more, a run takes twenty times as long."""
    monkeypatch.setattr(limited, "pause", lambda attempt, error: 3600.0)
    healthy = openai_server(Plan(latency=0.01))
    dying = openai_server(
        Plan(latency=0.01, faults=lambda number, request: Fault("reset") if number > 20 else None)
    )
    candidates, said = ask([dying.base_url, healthy.base_url], 120)
    assert all(candidate.error is None for candidate in candidates)
    assert len(dying.calls) <= 20 + 8 + 8, "eight prompts in a row, with eight at a time"
    assert len(said) == 1 and said[0].endswith("The other 1 of 2 endpoints go on")
    assert "run again" not in said[0]


def test_a_prompt_that_one_address_refuses_is_not_tried_at_the_others(openai_server: Start) -> None:
    no = Plan(
        faults=lambda number, request: Fault("status", 400, body="Not this one.") if number == 2 else None
    )
    one, other = openai_server(no), openai_server(no)
    candidates, _ = ask([one.base_url, other.base_url], 6)
    assert sum(candidate.error is not None for candidate in candidates) == 2
    assert len(one.calls) + len(other.calls) == 6


def test_where_all_are_down_the_last_one_s_error_is_raised() -> None:
    with pytest.raises(EndpointError, match="Cannot reach"):
        ask(["http://127.0.0.1:9/v1", "http://127.0.0.1:10/v1"], 3)


def test_the_first_address_names_what_is_stored_so_that_others_may_come_and_go(openai_server: Start) -> None:
    first, second = openai_server(Plan()), openai_server(Plan())
    store = Store(None)
    ask([first.base_url], 10, store)
    ask([first.base_url, second.base_url], 10, store)
    assert (len(first.calls), len(second.calls)) == (10, 0)
