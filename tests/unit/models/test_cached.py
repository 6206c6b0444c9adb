"""The model in front of strategies: exactly n candidates, and nothing that is finished is asked for again."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_server import Fault, Plan, Server, default_text, serve

from fusion_eval.errors import EndpointError, StoreError
from fusion_eval.harness.questions import questions_of
from fusion_eval.model_arguments import parse
from fusion_eval.models import limited
from fusion_eval.models.cached import Cached, keys_of, stretches
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.limited import Limited
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.store.store import Store
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Message, Prompt, Sampling

Start = Callable[[Plan], Server]
PROMPT = Prompt("Why is the sky blue?")
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=0)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "pause", lambda attempt, asked: 0.0)


def cached(
    server: Server, store: Store, name: str = "test-model", *, retries: int = 0, concurrency: int = 16
) -> Cached:
    """As the opener composes it."""
    door = OpenAIModel(name, server.base_url, timeout=10)
    return Cached(Limited(door, Endpoint(concurrency), max_retries=retries), store)


async def ask(
    model: Cached, n: int, prompt: Prompt = PROMPT, sampling: Sampling = SAMPLING
) -> list[Candidate]:
    """One run: its own connections, closed at its end."""
    try:
        return await model.sample(prompt, sampling, n)
    finally:
        await model.close()


def answer(seed: int, name: str = "test-model", prompt: Prompt = PROMPT) -> str:
    return default_text(name, prompt.text, seed, SAMPLING.temperature)


def texts(candidates: list[Candidate]) -> list[str]:
    return [candidate.text for candidate in candidates]


def asked_for(server: Server) -> list[tuple[int, int]]:
    """(seed, n) of each call, in order of arrival."""
    return [(call.body["seed"], call.body.get("n", 1)) for call in server.calls]


# Keys

CHANGES: dict[str, Any] = {
    "the model or its endpoint": {"identity": "openai|http://b/v1|m|chat"},
    "the text": {"prompt": Prompt("Why is the sky grey?")},
    "text against a message": {"prompt": Prompt(messages=(Message("user", PROMPT.text),))},
    "a few-shot example before it": {"prompt": Prompt(f"Q: 1+1? A: 2\n\n{PROMPT.text}")},
    "the length": {"sampling": dataclasses.replace(SAMPLING, max_tokens=33)},
    "the temperature": {"sampling": dataclasses.replace(SAMPLING, temperature=0.8)},
    "top_p": {"sampling": dataclasses.replace(SAMPLING, top_p=0.9)},
    "a stop string": {"sampling": dataclasses.replace(SAMPLING, stop=("\n",))},
    "the log-probabilities": {"sampling": dataclasses.replace(SAMPLING, logprobs=True)},
    "an option of the provider": {"sampling": dataclasses.replace(SAMPLING, extra=(("top_k", 20),))},
    "the seed": {"sampling": dataclasses.replace(SAMPLING, seed=1)},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_changing_one_thing_alone_is_a_miss(change: dict[str, Any]) -> None:
    """Other tools leave generation options, few-shot examples or the prompt's form out of their keys, and answer
    a new question with an old reply."""
    base: dict[str, Any] = {"identity": "openai|http://a/v1|m|chat", "prompt": PROMPT, "sampling": SAMPLING}
    assert keys_of(**base, n=1) != keys_of(**{**base, **change}, n=1)


def test_the_changes_above_cover_every_field_that_shapes_a_candidate() -> None:
    changed = [change["sampling"] for change in CHANGES.values() if "sampling" in change]
    for field in dataclasses.fields(Sampling):
        assert any(getattr(one, field.name) != getattr(SAMPLING, field.name) for one in changed), field.name


def test_roles_and_the_order_of_messages_shape_the_key() -> None:
    turns = (Message("system", "a"), Message("user", "b"))
    variants = [turns, turns[::-1], (Message("user", "a"), Message("user", "b")), (Message("system", "ab"),)]
    assert len({keys_of("m", Prompt(messages=v), SAMPLING, 1)[0] for v in variants}) == len(variants)


def test_the_same_options_in_another_order_are_a_hit() -> None:
    def key_for(options: dict[str, Any]) -> bytes:
        request = SimpleNamespace(args=("Why?", options), doc={}, task_name="t", doc_id=0, repeats=1)
        question = questions_of([request], parse({"model": "openai/m"}))[0]
        return keys_of("m", question.prompt, question.sampling, 1)[0]

    options = {"top_k": 20, "until": ["\n"], "min_p": 0.1, "max_gen_toks": 8}
    assert key_for(options) == key_for(dict(reversed(options.items())))
    assert key_for(options) != key_for(options | {"top_k": 21})


SHORT = st.text("ab|\"'\\[],:0", max_size=4)  # whatever could run together where parts are joined
PROMPTS = st.builds(Prompt, SHORT, st.lists(st.builds(Message, SHORT, SHORT), max_size=2).map(tuple))
SAMPLINGS = st.builds(
    Sampling,
    max_tokens=st.integers(1, 11),
    temperature=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.just(0),
    top_p=st.none() | st.just(0.1),
    stop=st.lists(SHORT, max_size=2).map(tuple),
    extra=st.lists(st.tuples(SHORT, SHORT), max_size=2).map(tuple),
)
EVERYTHING = st.tuples(SHORT, PROMPTS, SAMPLINGS)


@given(EVERYTHING, EVERYTHING)
def test_two_calls_share_keys_only_where_they_are_the_same_call(one: Any, other: Any) -> None:
    assert set(keys_of(*one, 3)).isdisjoint(keys_of(*other, 3)) == (one != other)


@given(EVERYTHING, st.integers(0, 2**31), st.integers(0, 9), st.integers(0, 9))
def test_n_split_into_parts_is_the_same_seeds_in_a_row(call: Any, seed: int, first: int, rest: int) -> None:
    identity, prompt, sampling = call

    def keys(start: int, n: int) -> list[bytes]:
        return keys_of(identity, prompt, dataclasses.replace(sampling, seed=start), n)

    assert keys(seed, first) + keys(seed + first, rest) == keys(seed, first + rest)
    assert len(set(keys(seed, first + rest))) == first + rest


@given(st.sets(st.integers(0, 30)), st.integers(1, 6))
def test_stretches_cover_what_is_missing_once_and_in_order(missing: set[int], longest: int) -> None:
    parts = stretches(sorted(missing), longest)
    assert [i for part in parts for i in part] == sorted(missing)
    assert all(1 <= len(part) <= longest for part in parts)
    joined = [(a, b) for a, b in pairwise(parts) if a.stop == b.start]
    assert all(len(a) == longest for a, _ in joined), "neighbours are parted only where one is full"


# What is stored is not asked for


async def test_candidates_stay_distinct_and_survive_a_second_run_without_a_call(openai_server: Start) -> None:
    """Other tools' caches give one answer for all n samples, or skip samples so that a run cannot resume; some
    crash where nothing is left to do."""
    server, store = openai_server(Plan()), Store(None)

    first = await ask(cached(server, store), 5)
    second = await ask(cached(server, store), 5)

    assert texts(first) == [answer(seed) for seed in range(5)] and len(set(texts(first))) == 5
    assert second == first
    assert asked_for(server) == [(0, 5)]


async def test_raising_n_asks_only_for_the_missing_ones(openai_server: Start) -> None:
    """Users of other tools pay for all 16 samples again to have 8 more."""
    server, store = openai_server(Plan()), Store(None)

    eight = await ask(cached(server, store), 8)
    sixteen = await ask(cached(server, store), 16)
    four = await ask(cached(server, store), 4)

    assert asked_for(server) == [(0, 8), (8, 8)]
    assert sixteen[:8] == eight and four == eight[:4]
    assert [candidate.seed for candidate in sixteen] == list(range(16))
    assert len(set(texts(sixteen))) == 16


async def test_a_second_model_on_the_same_store_answers_for_itself(openai_server: Start) -> None:
    """Other tools report model B with the cached answers of model A."""
    server, store = openai_server(Plan(models=("a", "b"))), Store(None)

    of_a = await ask(cached(server, store, "a"), 2)
    of_b = await ask(cached(server, store, "b"), 2)

    assert texts(of_a) == [answer(seed, "a") for seed in (0, 1)]
    assert texts(of_b) == [answer(seed, "b") for seed in (0, 1)]
    assert [candidate.model for candidate in of_a + of_b] == ["a", "a", "b", "b"]
    assert len(server.calls) == 2


async def test_one_name_at_two_endpoints_is_two_models(openai_server: Start) -> None:
    here, there, store = openai_server(Plan()), openai_server(Plan()), Store(None)
    await ask(cached(here, store), 1)
    await ask(cached(there, store), 1)
    assert len(here.calls) == len(there.calls) == 1


async def test_an_error_after_the_inference_costs_no_call(openai_server: Start) -> None:
    """In other tools a metric that fails after hours of inference takes the answers with it."""
    server, store = openai_server(Plan()), Store(None)

    with pytest.raises(ZeroDivisionError):
        await ask(cached(server, store), 4)
        raise ZeroDivisionError("the metric")
    again = await ask(cached(server, store), 4)

    assert texts(again) == [answer(seed) for seed in range(4)]
    assert len(server.calls) == 1


# N is kept, whatever the endpoint does with it


async def test_an_endpoint_that_ignores_n_is_asked_until_n_are_there(openai_server: Start) -> None:
    """Several servers answer n=5 with one choice; other tools then take one sample for five."""
    server = openai_server(Plan(honours_n=False))

    candidates = await ask(cached(server, Store(None)), 5)

    assert texts(candidates) == [answer(seed) for seed in range(5)]
    assert sorted(asked_for(server)) == [(0, 5), (1, 1), (2, 1), (3, 1), (4, 1)]


async def test_an_endpoint_that_brings_fewer_is_asked_for_as_many_as_it_brings(openai_server: Start) -> None:
    server = openai_server(Plan(max_choices=2))
    candidates = await ask(cached(server, Store(None)), 5)
    assert texts(candidates) == [answer(seed) for seed in range(5)]
    assert sorted(asked_for(server)) == [(0, 5), (2, 2), (4, 1)]


async def test_each_request_is_kept_as_it_is_answered_not_when_all_are(openai_server: Start) -> None:
    """A kill in the middle of a pool must not cost the part of it that is finished."""
    killed, three_are_kept = threading.Event(), asyncio.Event()

    def hang(number: int, request: dict[str, Any]) -> Fault | None:
        return Fault("hang") if request["seed"] == 2 and not killed.is_set() else None

    class Watched(Store):
        kept = 0

        def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
            self.kept += len(candidates)
            if self.kept == 3:
                three_are_kept.set()
            return super().keep(candidates)

    server, store = openai_server(Plan(honours_n=False, faults=hang)), Watched(None)
    running = asyncio.create_task(ask(cached(server, store), 4))
    async with asyncio.timeout(5):
        await three_are_kept.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    killed.set()
    before = len(server.calls)

    again = await ask(cached(server, store), 4)

    assert asked_for(server)[before:] == [(2, 1)]
    assert texts(again) == [answer(seed) for seed in range(4)]


# Failures


async def test_a_failure_is_never_stored_and_shifts_no_other_answer(openai_server: Start) -> None:
    """Other tools turn [a, -, c, d] into [a, c, d, -], or keep the failure as an answer for good."""
    healed = threading.Event()

    def faults(number: int, request: dict[str, Any]) -> Fault | None:
        return Fault("status", 500) if request["seed"] == 1 and not healed.is_set() else None

    server, store = openai_server(Plan(honours_n=False, faults=faults)), Store(None)

    first = await ask(cached(server, store), 4)
    healed.set()
    before = len(server.calls)
    second = await ask(cached(server, store), 4)

    assert texts(first) == [answer(0), "", answer(2), answer(3)]
    assert [candidate.seed for candidate in first] == [0, 1, 2, 3]
    assert [bool(candidate.error) for candidate in first] == [False, True, False, False]
    assert asked_for(server)[before:] == [(1, 1)], "only what had failed is asked again"
    assert texts(second) == [answer(seed) for seed in range(4)]


@settings(max_examples=20, deadline=None)
@given(
    failing=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 3))),
    honours_n=st.booleans(),
    concurrency=st.integers(1, 8),
    kind=st.sampled_from(["status", "reset", "truncated_json"]),
)
def test_random_failures_under_concurrency_count_in_is_count_out(
    failing: set[tuple[int, int]], honours_n: bool, concurrency: int, kind: Any
) -> None:
    """Other tools lose rows or attach them to the wrong prompt after a partial failure."""
    prompts = [Prompt(f"prompt {i}") for i in range(6)]
    healed = threading.Event()

    def faults(number: int, request: dict[str, Any]) -> Fault | None:
        which = int(request["messages"][0]["content"].split()[1])
        seeds = range(request["seed"], request["seed"] + (request.get("n", 1) if honours_n else 1))
        doomed = any((which, seed) in failing for seed in seeds)
        return Fault(kind) if doomed and not healed.is_set() else None

    async def run(server: Server, store: Store) -> list[list[Candidate]]:
        model = cached(server, store, concurrency=concurrency)
        try:
            return await gather_or_cancel(model.sample(prompt, SAMPLING, 4) for prompt in prompts)
        finally:
            await model.close()

    with serve(Plan(faults=faults, honours_n=honours_n)) as server:
        store = Store(None)
        first = asyncio.run(run(server, store))
        healed.set()
        before = len(server.calls)
        second = asyncio.run(run(server, store))
        asked_again = sum(n for _, n in asked_for(server)[before:])

    failed = sum(candidate.error is not None for pool in first for candidate in pool)
    assert [[candidate.seed for candidate in pool] for pool in first] == [[0, 1, 2, 3]] * 6
    for prompt, pool in zip(prompts, first, strict=True):
        for candidate in pool:
            assert candidate.text == ("" if candidate.error else answer(candidate.seed, prompt=prompt))
    assert asked_again >= failed and (failed > 0) == bool(failing)
    assert [texts(pool) for pool in second] == [[answer(s, prompt=p) for s in range(4)] for p in prompts]


# The same call twice at the same time


async def test_the_same_prompt_asked_twice_at_once_is_one_call(openai_server: Start) -> None:
    server = openai_server(Plan(latency=0.05))
    model = cached(server, Store(None))
    one, other = await asyncio.gather(model.sample(PROMPT, SAMPLING, 3), model.sample(PROMPT, SAMPLING, 3))
    await model.close()
    assert one == other
    assert asked_for(server) == [(0, 3)]


async def test_a_larger_n_waits_for_the_smaller_under_way_and_asks_for_the_rest(openai_server: Start) -> None:
    server = openai_server(Plan(latency=0.05))
    model = cached(server, Store(None))
    three, five = await asyncio.gather(model.sample(PROMPT, SAMPLING, 3), model.sample(PROMPT, SAMPLING, 5))
    await model.close()
    assert five[:3] == three
    assert asked_for(server) == [(0, 3), (3, 2)]


async def test_an_error_of_the_first_asker_leaves_the_second_to_ask_itself(openai_server: Start) -> None:
    server = openai_server(
        Plan(latency=0.05, faults=lambda number, request: Fault("status", 401) if number == 1 else None)
    )
    model = cached(server, Store(None))
    async with asyncio.timeout(5):
        first, second = await asyncio.gather(
            model.sample(PROMPT, SAMPLING, 1), model.sample(PROMPT, SAMPLING, 1), return_exceptions=True
        )
    await model.close()
    assert isinstance(first, EndpointError)
    assert isinstance(second, list) and texts(second) == [answer(0)]


async def test_a_cancelled_first_asker_leaves_the_second_to_ask_itself(openai_server: Start) -> None:
    arrived = threading.Event()

    def latency(number: int, request: dict[str, Any]) -> float:
        arrived.set()
        return 3600.0 if number == 1 else 0.0

    model = cached(openai_server(Plan(latency=latency)), Store(None))
    first = asyncio.create_task(model.sample(PROMPT, SAMPLING, 1))
    async with asyncio.timeout(5):
        await asyncio.to_thread(arrived.wait, 5)
        second = asyncio.create_task(model.sample(PROMPT, SAMPLING, 1))
        await asyncio.sleep(0)
        first.cancel()
        assert texts(await second) == [answer(0)]
    await model.close()
    assert first.cancelled()


class FullStore(Store):
    """A disk without room."""

    def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
        raise StoreError("no room")


async def test_a_store_that_fails_is_an_error_and_leaves_nobody_waiting(openai_server: Start) -> None:
    model = cached(openai_server(Plan()), FullStore(None))
    async with asyncio.timeout(5):
        asked = (model.sample(PROMPT, SAMPLING, 2) for _ in range(3))
        ended = await asyncio.gather(*asked, return_exceptions=True)
    await model.close()
    assert [type(error) for error in ended] == [StoreError] * 3


class WatchedStore(Store):
    """How many rows each statement read or wrote."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.read: list[int] = []
        self.written: list[int] = []

    def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
        self.read.append(len(keys))
        return super().candidates(keys)

    def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
        self.written.append(len(candidates))
        return super().keep(candidates)


class AtOnce:
    """A door that holds its answers back until `expected` requests have come, and gives them all in one turn."""

    name, identity, chat, max_n = "m", "m", True, None

    def __init__(self, expected: int) -> None:
        self._gate = asyncio.Barrier(expected)

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        await self._gate.wait()
        return [Candidate(f"{prompt.text} {i}", self.name, seed=sampling.seed + i) for i in range(n)]

    async def close(self) -> None:
        pass


QUESTIONS = [Prompt(f"question {i}") for i in range(8)]


async def test_what_is_asked_and_answered_in_one_turn_is_read_and_written_at_once() -> None:
    store = WatchedStore()
    model = Cached(AtOnce(len(QUESTIONS)), store)
    pools = await asyncio.gather(*(model.sample(prompt, SAMPLING, 2) for prompt in QUESTIONS))
    assert [texts(pool) for pool in pools] == [[f"{q.text} 0", f"{q.text} 1"] for q in QUESTIONS], (
        "each its own"
    )
    assert (store.read, store.written) == ([16], [16])


async def test_an_answer_counts_only_once_another_process_could_read_it(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    model, other = Cached(AtOnce(len(QUESTIONS)), Store(path)), Store(path)

    async def ask_and_look(prompt: Prompt) -> int:
        await model.sample(prompt, SAMPLING, 2)
        return len(other.candidates(keys_of("m", prompt, SAMPLING, 2)))

    assert await asyncio.gather(*(ask_and_look(prompt) for prompt in QUESTIONS)) == [2] * len(QUESTIONS)


def test_an_answer_that_has_come_is_kept_though_its_asker_is_cancelled_just_then() -> None:
    """Paid for is paid for."""
    store = Store(None)

    class Stopping(AtOnce):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            asyncio.get_running_loop().call_soon(asker[0].cancel)
            return await super().sample(prompt, sampling, n)

    asker: list[asyncio.Task[list[Candidate]]] = []

    async def run() -> None:
        asker.append(asyncio.create_task(Cached(Stopping(1), store).sample(PROMPT, SAMPLING, 1)))
        await asker[0]

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert len(store.candidates(keys_of("m", PROMPT, SAMPLING, 1))) == 1


async def test_any_error_of_the_store_reaches_all_who_wait_for_it() -> None:
    class BrokenStore(Store):
        def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
            raise RecursionError("whatever")

    model = Cached(AtOnce(3), BrokenStore(None))
    async with asyncio.timeout(5):
        asked = (model.sample(prompt, SAMPLING, 1) for prompt in QUESTIONS[:3])
        ended = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in ended] == [RecursionError] * 3


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=12))
def test_whoever_asks_in_whatever_turn_no_generation_is_asked_for_twice(asked: list[tuple[int, int]]) -> None:
    """Of a few turns in which an answer is under way, written or read, none is a gap."""
    calls: list[str] = []

    class Quick(AtOnce):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            calls.append(prompt.text)
            return await super().sample(prompt, sampling, n)

    async def run() -> None:
        model = Cached(Quick(1), Store(None))

        async def later(turns: int, which: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await model.sample(QUESTIONS[which], SAMPLING, 1)

        await asyncio.gather(*(later(turns, which) for turns, which in asked))

    asyncio.run(run())
    assert sorted(calls) == sorted({QUESTIONS[which].text for _, which in asked})


async def test_of_two_processes_that_ask_the_same_at_once_both_go_on_with_the_first_answer(
    openai_server: Start, tmp_path: Path
) -> None:
    """Otherwise a run says one thing now and another when it is run again."""
    server = openai_server(Plan(latency=0.05, reply=lambda request, index: f"answer {next(answers)}"))
    answers = count()
    stores = [Store(tmp_path / "store.sqlite") for _ in range(2)]
    models = [cached(server, store) for store in stores]
    one, other = await asyncio.gather(*(model.sample(PROMPT, SAMPLING, 1) for model in models))
    for model, store in zip(models, stores, strict=True):
        await model.close()
        store.close()
    assert len(server.calls) == 2
    assert one == other


# From one event loop to the next


def test_one_model_serves_one_event_loop_after_another(openai_server: Start) -> None:
    """The harness asks for log-likelihoods and for texts in a loop each."""
    model = cached(openai_server(Plan()), Store(None))
    first = asyncio.run(ask(model, 2))
    second = asyncio.run(ask(model, 3))
    assert second[:2] == first and texts(second) == [answer(seed) for seed in range(3)]


# Log-likelihoods


@pytest.fixture
def completions(openai_server: Start) -> Iterator[tuple[Server, Callable[[Store], Cached]]]:
    server = openai_server(Plan())

    def model(store: Store) -> Cached:
        return Cached(Limited(OpenAIModel("test-model", server.base_url, chat=False), Endpoint(4)), store)

    yield server, model


async def test_a_log_likelihood_is_asked_for_once(
    completions: tuple[Server, Callable[[Store], Cached]],
) -> None:
    server, model = completions
    store = Store(None)
    values = []
    for _ in range(2):
        opened = model(store)
        values.append(await opened.loglikelihood("the sky is", " blue"))
        await opened.close()
    assert values[0] == values[1]
    assert len(server.calls) == 1


async def test_where_the_context_ends_is_part_of_the_question(
    completions: tuple[Server, Callable[[Store], Cached]],
) -> None:
    server, model = completions
    opened = model(Store(None))
    longer = await opened.loglikelihood("the sky", " is blue")
    shorter = await opened.loglikelihood("the sky is", " blue")
    await opened.close()
    assert longer[0] < shorter[0]
    assert len(server.calls) == 2


async def test_equal_texts_at_the_same_time_are_one_call(
    completions: tuple[Server, Callable[[Store], Cached]],
) -> None:
    server, model = completions
    opened = model(Store(None))
    values = await asyncio.gather(*(opened.loglikelihood("the sky is", " blue") for _ in range(20)))
    await opened.close()
    assert len(set(values)) == len(server.calls) == 1


# A store that another process is writing to


@contextlib.contextmanager
def locked(path: Path) -> Iterator[Callable[[], None]]:
    """Keeps the store's lock as a writer does; what it gives lets it go."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield lambda: other.execute("ROLLBACK") and None
    finally:
        other.close()


async def test_calls_go_on_while_the_store_is_busy_and_none_is_made_twice(
    openai_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that stands still would let answers that have come time out, and pay for them again."""
    monkeypatch.setattr("fusion_eval.models.store.opening._STANDSTILL", 0.01)
    server = openai_server(Plan(latency=0.05))
    with Store(tmp_path / "store.sqlite") as store:
        model = cached(server, store, concurrency=2)
        with locked(tmp_path / "store.sqlite") as let_go:
            asked = [asyncio.create_task(model.sample(Prompt(f"{i}"), SAMPLING, 1)) for i in range(8)]
            await asyncio.sleep(0.5)
            assert len(server.calls) == 8, "all have been asked while nothing could be written"
            let_go()
        pools = await asyncio.gather(*asked)
        await model.close()
        assert [candidate.error for (candidate,) in pools] == [None] * 8
        assert len(server.calls) == 8


async def test_what_is_paid_for_is_written_even_where_the_run_ends_while_the_store_is_busy(
    openai_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fusion_eval.models.store.opening._STANDSTILL", 0.1)
    server, path = openai_server(Plan()), tmp_path / "store.sqlite"
    with Store(path) as store:
        model = cached(server, store)
        with locked(path) as let_go:
            asking = asyncio.create_task(model.sample(PROMPT, SAMPLING, 1))
            await asyncio.sleep(0.4)
            threading.Timer(0.3, let_go).start()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await asyncio.sleep(0.1)
        await model.close()
    with Store(path) as store:
        assert texts(await ask(cached(server, store), 1)) == [answer(0)]
    assert len(server.calls) == 1
