"""One model at several endpoints: the least busy one gets the next request, and the loss of one loses no prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from openai_server import Fault, Plan, Server

from fusion_eval.errors import EndpointError
from fusion_eval.model_arguments import parse
from fusion_eval.models import limited, load_balancer
from fusion_eval.models.endpoint import GIVE_UP_AFTER
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

Start = Callable[[Plan], Server]
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=3)
UNREACHABLE = "http://127.0.0.1:9/v1"


def set_pauses(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Make every pause this long, between retries at one endpoint and between rounds over all of them."""
    for module in (limited, load_balancer):
        monkeypatch.setattr(module, "pause", lambda attempt, error: seconds)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    set_pauses(monkeypatch, 0.0)


def sample_all(
    addresses: list[str], prompts: int, store: Store | None = None, **options: object
) -> tuple[list[Candidate], list[str]]:
    """Return a candidate for each prompt, and the warnings; eight requests at a time to each address."""
    warnings: list[str] = []
    settings = parse({"model": "test-model", "base_url": "|".join(addresses), "concurrency": 8, **options})

    async def run() -> list[Candidate]:
        opener = Opener(settings, store or Store(None), warnings.append)
        (model,) = opener.sampler()
        try:
            pools = await asyncio.gather(
                *(model.sample(Prompt(f"Question {i}"), SAMPLING, 1) for i in range(prompts))
            )
        finally:
            await opener.close()
        return [pool[0] for pool in pools]

    return asyncio.run(run()), warnings


# Sharing the work


def test_equal_endpoints_share_the_requests_evenly(openai_server: Start) -> None:
    servers = [openai_server(Plan(latency=0.01)) for _ in range(3)]
    candidates, _ = sample_all([server.base_url for server in servers], 90)
    assert all(candidate.error is None for candidate in candidates)
    counts = [len(server.calls) for server in servers]
    assert sum(counts) == 90 and min(counts) >= 20


def test_a_slow_endpoint_gets_fewer_requests(openai_server: Start) -> None:
    # given
    fast, slow = openai_server(Plan(latency=0.01)), openai_server(Plan(latency=0.2))
    addresses = f"{slow.base_url}|{fast.base_url}"

    # when eight workers send one request after another
    async def run() -> None:
        opener = Opener(parse({"model": "test-model", "base_url": addresses, "concurrency": 4}), Store(None))
        (model,) = opener.sampler()
        numbers = iter(range(80))

        async def worker() -> None:
            for number in numbers:
                await model.sample(Prompt(f"Question {number}"), SAMPLING, 1)

        await asyncio.gather(*(worker() for _ in range(8)))
        await opener.close()

    asyncio.run(run())
    # then
    assert len(slow.calls) < len(fast.calls) / 3


async def test_all_roles_count_the_outstanding_requests_of_an_endpoint(openai_server: Start) -> None:
    # given two samples, one at each endpoint, of which one is still outstanding
    busy, idle = openai_server(Plan(latency=0.2)), openai_server(Plan())
    addresses = f"{busy.base_url}|{idle.base_url}"
    settings = parse({"model": "test-model", "base_url": addresses, "fusor": "test-model"})
    opener = Opener(settings, Store(None))
    (sampler,), fusor = opener.sampler(), opener.fusor()
    samples = [asyncio.create_task(sampler.sample(Prompt(f"Q{i}"), SAMPLING, 1)) for i in range(2)]
    await asyncio.wait(samples, return_when=asyncio.FIRST_COMPLETED)
    # when
    await fusor.sample(Prompt("fuse"), SAMPLING, 1)
    # then the fusion went to the idle endpoint
    await asyncio.gather(*samples)
    await opener.close()
    assert (len(busy.calls), len(idle.calls)) == (1, 2)


def test_the_first_address_identifies_the_model_in_the_store(openai_server: Start) -> None:
    """So other addresses may come and go."""
    first, second = openai_server(Plan()), openai_server(Plan())
    store = Store(None)
    sample_all([first.base_url], 10, store)
    sample_all([first.base_url, second.base_url], 10, store)
    assert (len(first.calls), len(second.calls)) == (10, 0)


# Losing an endpoint


def test_an_endpoint_that_is_down_from_the_start_costs_one_warning(openai_server: Start) -> None:
    candidates, warnings = sample_all([UNREACHABLE, openai_server(Plan()).base_url], 20)
    assert all(candidate.error is None for candidate in candidates)
    [warning] = warnings
    assert f"Cannot reach {UNREACHABLE}" in warning and "other 1 of 2 endpoints" in warning


def test_an_endpoint_that_breaks_down_loses_no_prompt(openai_server: Start) -> None:
    healthy = openai_server(Plan(latency=0.005))
    dying = openai_server(
        Plan(latency=0.005, faults=lambda number, request: Fault("status", 500) if number > 5 else None)
    )
    candidates, warnings = sample_all([dying.base_url, healthy.base_url], 80, max_retries=1)
    assert all(candidate.error is None for candidate in candidates)
    [warning] = warnings
    assert "was given up" in warning


def test_a_request_that_fails_goes_to_another_endpoint_without_a_pause(
    openai_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With pauses and retries at a dead endpoint, a run takes twenty times as long."""
    # given an endpoint that dies, and pauses that nobody could wait for
    set_pauses(monkeypatch, 3600.0)
    healthy = openai_server(Plan(latency=0.01))
    dying = openai_server(
        Plan(latency=0.01, faults=lambda number, request: Fault("reset") if number > 20 else None)
    )
    # when
    candidates, warnings = sample_all([dying.base_url, healthy.base_url], 120)
    # then
    assert all(candidate.error is None for candidate in candidates)
    assert len(dying.calls) <= 20 + GIVE_UP_AFTER + 8, "eight prompts in a row, with eight in flight"
    [warning] = warnings
    assert warning.endswith("The other 1 of 2 endpoints go on")
    assert "run the same command" not in warning


async def test_an_endpoint_that_one_role_has_lost_gets_no_request_of_another(openai_server: Start) -> None:
    # given
    warnings: list[str] = []
    server = openai_server(Plan())
    addresses = f"{UNREACHABLE}|{server.base_url}"
    settings = parse({"model": "test-model", "base_url": addresses, "fusor": "test-model"})
    opener = Opener(settings, Store(None), warnings.append)
    (sampler,), fusor = opener.sampler(), opener.fusor()
    # when
    await asyncio.gather(*(sampler.sample(Prompt(f"Q{i}"), SAMPLING, 1) for i in range(4)))
    await fusor.sample(Prompt("fuse"), SAMPLING, 1)
    await opener.close()
    # then
    assert len(warnings) == 1
    assert len(server.calls) == 5


def test_a_prompt_that_one_endpoint_refuses_is_not_sent_to_the_others(openai_server: Start) -> None:
    refusing = Plan(
        faults=lambda number, request: Fault("status", 400, body="Not this one.") if number == 2 else None
    )
    one, other = openai_server(refusing), openai_server(refusing)
    candidates, _ = sample_all([one.base_url, other.base_url], 6)
    assert sum(candidate.error is not None for candidate in candidates) == 2
    assert len(one.calls) + len(other.calls) == 6


def test_a_request_that_fails_everywhere_becomes_a_failed_candidate_with_its_retries(
    openai_server: Start,
) -> None:
    failing = Plan(faults=lambda number, request: Fault("status", 500))
    one, other = openai_server(failing), openai_server(failing)
    [candidate], _ = sample_all([one.base_url, other.base_url], 1, max_retries=3)
    assert "answered 500" in str(candidate.error)
    assert candidate.retries == 3
    assert (len(one.calls), len(other.calls)) == (2, 2)


def test_if_all_endpoints_are_down_the_error_of_the_last_one_is_raised() -> None:
    with pytest.raises(EndpointError, match="Cannot reach"):
        sample_all([UNREACHABLE, "http://127.0.0.1:10/v1"], 3)
