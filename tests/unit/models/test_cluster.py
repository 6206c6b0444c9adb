"""`vllm:NAME`: names, rows and batches of a model in a Ray cluster. The engine here is a function."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fusion_eval.errors import ConfigError, ContextOverflowError, EndpointError, RequestError
from fusion_eval.model_arguments import parse
from fusion_eval.models.cached import Cached
from fusion_eval.models.cluster import door, processor
from fusion_eval.models.cluster.door import ClusterModel, open_cluster_model
from fusion_eval.models.cluster.names import read_engine_name
from fusion_eval.models.cluster.opener import ClusterOpener, names_cluster_model
from fusion_eval.models.cluster.processor import VllmProcessor
from fusion_eval.models.cluster.rows import ERROR, Reply, reply_of, request_row
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate, Message, Prompt, Sampling

SAMPLING = Sampling(max_tokens=8, temperature=0.7, seed=3)


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Complete a batch after a hundredth of a second."""
    monkeypatch.setattr(door, "QUIET", 0.01)


class Engine:
    """Answers each row by its seed, and records the batches."""

    def __init__(self, errors: dict[int, str] | None = None, dies_after: int | None = None) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._errors, self._dies_after = errors or {}, dies_after

    def __call__(self, rows: Sequence[dict[str, Any]]) -> Iterator[Reply]:
        self.batches.append(list(rows))
        for count, (place, row) in enumerate(reversed(list(enumerate(rows)))):
            if count == self._dies_after:
                raise EndpointError("the engine died")
            seed = row["sampling_params"]["seed"]
            error = self._errors.get(seed, "")
            yield Reply(place, "" if error else f"text {seed}", 5, 0 if error else 2 + seed, error)


def model(engine: Engine) -> ClusterModel:
    return ClusterModel("m", "id", True, engine)


def test_a_name_may_hold_options_of_the_engine() -> None:
    name = read_engine_name("vllm:Qwen/Qwen3-8B(tensor_parallel_size=2,max_model_len=8192,dtype=bfloat16)")
    assert (name.model, name.gpus) == ("Qwen/Qwen3-8B", 2)
    assert name.options == {"tensor_parallel_size": 2, "max_model_len": 8192, "dtype": "bfloat16"}


def test_the_number_of_gpus_does_not_change_what_the_store_knows() -> None:
    one, two = (
        read_engine_name(f"vllm:m(tensor_parallel_size={n},dtype=half)").identity(chat=True) for n in (1, 2)
    )
    assert one == two != read_engine_name("vllm:m").identity(chat=True)


@pytest.mark.parametrize("text", ["vllm:", "vllm:m(", "vllm:m(a=b(c=1))"])
def test_a_wrong_name_is_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError):
        read_engine_name(text)


@pytest.mark.parametrize("size", ["0", "-1", "two", "true", "1.5"])
def test_an_engine_takes_a_whole_number_of_gpus(size: str) -> None:
    with pytest.raises(ConfigError, match=r"tensor_parallel_size=.* should be a whole number, 1 or more"):
        read_engine_name(f"vllm:m(tensor_parallel_size={size})")


def test_all_requests_have_the_same_columns() -> None:
    # given a plain prompt and a chat, with and without options
    plain = request_row(Prompt("Why?"), SAMPLING, 3, chat=True)
    more = Sampling(max_tokens=9, temperature=0, seed=0, top_p=0.9, stop=("\n", ""), extra=(("min_p", 0.1),))
    chat = request_row(Prompt(messages=(Message("system", "Be brief."),)), more, 4, chat=True)
    # then
    assert plain["messages"] == [{"role": "user", "content": "Why?"}]
    assert plain["sampling_params"] == {
        "max_tokens": 8,
        "temperature": 0.7,
        "top_p": 1.0,
        "min_p": 0.0,
        "seed": 3,
        "stop": None,
    }
    assert plain["sampling_params"].keys() == chat["sampling_params"].keys()
    assert (chat["sampling_params"]["stop"], chat["sampling_params"]["min_p"]) == (["\n"], 0.1)
    assert request_row(Prompt("Why?"), SAMPLING, 3, chat=False)["prompt"] == "Why?"


def test_an_option_that_the_engine_would_not_get_is_refused() -> None:
    with pytest.raises(RequestError, match="takes no option top_k"):
        request_row(Prompt("?"), Sampling(8, 0.0, 0, extra=(("top_k", 5),)), 0, chat=True)


def test_a_row_with_an_error_is_a_reply_without_a_text() -> None:
    row = {"place": 4, "generated_text": "", "num_input_tokens": 0, "num_generated_tokens": 0, ERROR: "full"}
    assert reply_of(row) == Reply(4, "", 0, 0, "full")


async def test_what_waits_together_is_one_batch_and_each_candidate_has_its_seed() -> None:
    # given
    engine = Engine()
    teacher = model(engine)
    # when
    first, second = await asyncio.gather(
        *(teacher.sample(Prompt(text), SAMPLING, 2) for text in ("Why?", "How?"))
    )
    # then
    assert [len(batch) for batch in engine.batches] == [4]
    assert [(one.text, one.seed, one.prompt_tokens) for one in first] == [("text 3", 3, 5), ("text 4", 4, 0)]
    assert [one.finish_reason for one in second] == ["stop", "stop"]
    await teacher.close()


async def test_an_answer_of_all_tokens_counts_as_cut_off() -> None:
    [candidate] = await model(Engine()).sample(Prompt("?"), Sampling(max_tokens=5, temperature=0, seed=3), 1)
    assert (candidate.completion_tokens, candidate.finish_reason) == (5, "length")


async def test_a_row_that_fails_is_one_candidate_and_a_request_without_any_is_refused() -> None:
    teacher = model(Engine(errors={4: "maximum context length is 8", 9: "nan"}))
    good, bad = await teacher.sample(Prompt("?"), SAMPLING, 2)
    assert (good.error, bad.error) == (None, "maximum context length is 8")
    with pytest.raises(ContextOverflowError):
        await teacher.sample(Prompt("?"), Sampling(8, 0.0, 4), 1)
    with pytest.raises(RequestError, match="m refused a request: nan"):
        await teacher.sample(Prompt("?"), Sampling(8, 0.0, 9), 1)


async def test_answers_that_came_before_an_engine_died_are_stored() -> None:
    # given an engine that dies after two of four rows
    store = Store(None)
    teacher = Cached(model(Engine(dies_after=2)), store)
    asked = [teacher.sample(Prompt(text), SAMPLING, 1) for text in "abcd"]
    # when
    ended = await asyncio.gather(*asked, return_exceptions=True)
    again = Engine()
    await asyncio.gather(*(Cached(model(again), store).sample(Prompt(text), SAMPLING, 1) for text in "abcd"))
    # then
    assert sum(isinstance(one, EndpointError) for one in ended) == 2
    assert sum(len(batch) for batch in again.batches) == 2


def test_the_model_is_for_the_ray_engine_alone() -> None:
    arguments = parse({"model": "vllm:m", "n": 1})
    assert names_cluster_model(arguments) and not names_cluster_model(parse({"model": "embedded"}))
    with pytest.raises(ConfigError, match="for synth --engine ray alone"):
        Opener(arguments, Store(None)).sampler()
    [teacher] = ClusterOpener(arguments, Store(None)).sampler()
    assert teacher.identity == open_cluster_model("vllm:m", chat=True).identity


def test_a_cluster_with_too_few_gpus_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a cluster with one GPU
    data = SimpleNamespace(from_items=lambda rows, override_num_blocks: rows)
    ray = SimpleNamespace(cluster_resources=lambda: {"GPU": 1.0}, data=data)
    monkeypatch.setattr(processor, "connect", lambda: ray)
    # when
    large = VllmProcessor(read_engine_name("vllm:m(tensor_parallel_size=4)"), chat=True)
    # then
    with pytest.raises(ConfigError, match="vllm:m needs 4 GPUs, and the Ray cluster has 1; name a cluster"):
        list(large.replies([request_row(Prompt("?"), SAMPLING, 0, chat=True)]))


def test_a_store_answers_without_a_cluster(tmp_path: Path) -> None:
    # given a store that holds the answer
    from fusion_eval.models.cached import keys_of

    path = tmp_path / "store.sqlite"
    store = Store(path)
    identity = open_cluster_model("vllm:m", chat=True).identity
    [key] = keys_of(identity, Prompt("?"), SAMPLING, 1)
    store.keep({key: Candidate("stored", "m", 3)})
    # when
    arguments = parse({"model": "vllm:m", "n": 1, "offline": True, "cache": str(path)})
    [teacher] = ClusterOpener(arguments, store).sampler()
    [candidate] = asyncio.run(teacher.sample(Prompt("?"), SAMPLING, 1))
    # then
    assert candidate.text == "stored"


def test_an_address_without_a_ray_cluster_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    # given an address where nothing listens, and a stand-in for Ray that would try for minutes
    ray = SimpleNamespace(is_initialized=lambda: False, data=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.data", ray.data)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    # when, then
    with pytest.raises(
        ConfigError, match=r"No Ray cluster answers at RAY_ADDRESS=127\.0\.0\.1:1: Connection refused"
    ):
        processor.connect()


def test_without_ray_the_extras_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"fusion-eval\[ray\].*vllm:NAME.*fusion-eval\[ray-llm\]"):
        processor.connect()
