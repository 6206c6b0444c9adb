"""The door to the harness's model types: what is asked together is answered by one call of the inner model."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import model_registry, register_model
from openai_server import Plan, Server

from fusion_eval.errors import ConfigError, EndpointError, RequestError
from fusion_eval.models import LikelihoodModel, Model
from fusion_eval.models.lm_eval.batches import Batches, Worker
from fusion_eval.models.lm_eval.door import HarnessModel, accepts, names_argument, open_harness
from fusion_eval.types import Candidate, Message, Prompt, Sampling

SECRET = "to-be-seen-nowhere"
"""In no form that is known for keys."""


@register_model("recording")
class Recording(LM):
    """Answers a context with itself and a random number, and remembers what it was asked."""

    def __init__(
        self, pretrained: str = "", revision: str = "main", token: str | None = None, batch_size: int = 1
    ):
        super().__init__()
        self.given = {"pretrained": pretrained, "revision": revision, "batch_size": batch_size}
        self.batches: list[list[Instance]] = []
        self.quiet: list[bool] = []
        self.seconds = 0.0
        self.fault: Callable[[], list[Any]] | None = None
        self._alone = threading.Lock()
        if pretrained == "nowhere":
            raise OSError(f"nowhere is no model\nand {token} opens nothing")

    def _answer(self, requests: list[Instance], results: list[Any]) -> list[Any]:
        assert self._alone.acquire(blocking=False), "the inner model was called twice at once"
        try:
            time.sleep(self.seconds)
            self.batches.append(requests)
            return results if self.fault is None else self.fault()
        finally:
            self._alone.release()

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Any]:
        self.quiet.append(disable_tqdm)
        return self._answer(requests, [f"{request.args[0]} {random.random()}" for request in requests])

    def loglikelihood(self, requests: list[Instance]) -> list[Any]:
        return self._answer(requests, [(-float(len(r.args[1])), r.args[0] == "greedy") for r in requests])

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[Any]:
        return self._answer(requests, [-float(len(request.args[0])) for request in requests])


@register_model("recording-chat")
class RecordingChat(Recording):
    """With a tokenizer that counts words, and a chat template."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.tokenizer = SimpleNamespace(chat_template="a template")

    def tok_encode(self, string: str, add_special_tokens: bool = True) -> list[int]:
        return [0] * (len(string.split()) + add_special_tokens)

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        if chat_history[0]["role"] == "system":
            raise ValueError("the template knows\nno system messages")
        turns = "".join(f"[{turn['role']}]{turn['content']}" for turn in chat_history)
        return turns + "[assistant]" * add_generation_prompt


@register_model("recording-open")
class RecordingOpen(LM):
    """Takes any argument, as the types do that hand them to an engine."""

    def __init__(self, engine: str = "", **kwargs: Any):
        super().__init__()

    generate_until = loglikelihood = loglikelihood_rolling = Recording.loglikelihood


model_registry.register("recording-absent", target="a_package_that_is_absent:Model")


def sampling(**changes: Any) -> Sampling:
    return dataclasses.replace(Sampling(max_tokens=64, temperature=0.7, seed=10), **changes)


def recording(name: str = "lm_eval:recording") -> tuple[HarnessModel, Any]:
    model = open_harness(name, {})
    return model, model.inner


def texts(candidates: list[Candidate]) -> list[str]:
    return [candidate.text for candidate in candidates]


# batches


async def test_what_is_asked_at_once_is_one_call() -> None:
    model, inner = recording()

    pools = await asyncio.gather(*(model.sample(Prompt(f"prompt {i}"), sampling(), 2) for i in range(300)))

    assert len(inner.batches) == 1
    assert [instance.args[0] for instance in inner.batches[0]] == [f"prompt {i // 2}" for i in range(600)]
    assert [pool[0].text.rpartition(" ")[0] for pool in pools] == [f"prompt {i}" for i in range(300)]
    assert inner.quiet == [True]


async def test_what_is_asked_meanwhile_is_the_next_call_and_the_loop_stays_free() -> None:
    model, inner = recording()
    inner.seconds = 0.2

    async def asked(i: int) -> list[Candidate]:
        await asyncio.sleep(0.1 if i >= 10 else 0.0)
        return await model.sample(Prompt(str(i)), sampling(), 1)

    turns = 0
    waiting = asyncio.gather(*(asked(i) for i in range(30)))
    while not waiting.done():
        turns += 1
        await asyncio.sleep(0.005)

    assert [len(batch) for batch in inner.batches] == [10, 20]
    assert turns > 20


async def test_kinds_of_request_take_turns() -> None:
    model, inner = recording()
    inner.seconds = 0.01

    await asyncio.gather(
        model.sample(Prompt("a"), sampling(), 1),
        model.loglikelihood("a", "b"),
    )

    assert sorted(batch[0].request_type for batch in inner.batches) == [
        "generate_until",
        "loglikelihood",
    ]


async def test_whoever_gives_up_holds_nobody_up() -> None:
    model, inner = recording()
    tasks = [asyncio.create_task(model.sample(Prompt(str(i)), sampling(), 1)) for i in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()

    got = await asyncio.gather(*tasks, return_exceptions=True)

    assert [isinstance(one, list) for one in got] == [True, False, True]
    assert [instance.args[0] for instance in inner.batches[0]] == ["0", "2"]


def test_it_serves_one_event_loop_after_another() -> None:
    model, inner = recording()

    def ask() -> None:
        asyncio.run(asyncio.wait_for(model.sample(Prompt("a"), sampling(), 1), 5))

    ask()
    inner.seconds = 0.2
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(model.sample(Prompt("given up"), sampling(), 1), 0.05))
    inner.seconds = 0.0
    ask()
    asyncio.run(model.close())
    ask()
    assert [batch[0].args[0] for batch in inner.batches] == ["a", "given up", "a", "a"]


def test_a_loop_that_was_abandoned_holds_up_no_other() -> None:
    model, inner = recording()
    abandoned = asyncio.new_event_loop()
    lost = abandoned.create_task(model.sample(Prompt("lost"), sampling(), 1))
    abandoned.run_until_complete(asyncio.sleep(0))
    asyncio.run(asyncio.wait_for(model.sample(Prompt("a"), sampling(), 1), 5))
    assert [batch[0].args[0] for batch in inner.batches] == ["a"]
    lost.cancel()
    abandoned.run_until_complete(asyncio.wait([lost]))
    abandoned.close()


# candidates


async def test_n_candidates_have_their_seeds_and_the_harnesss_options() -> None:
    model, inner = recording()
    asked = sampling(top_p=0.9, stop=("\n", "Q:"), extra=(("top_k", 40),))

    got = await model.sample(Prompt("hello"), asked, 3)

    assert isinstance(model, Model) and isinstance(model, LikelihoodModel)
    assert len(set(texts(got))) == 3
    assert [candidate.seed for candidate in got] == [10, 11, 12]
    assert {candidate.model for candidate in got} == {model.name} == {"lm_eval:recording"}
    assert {candidate.finish_reason for candidate in got} == {""}, (
        "the harness does not tell why a text ended"
    )
    options = {"until": ["\n", "Q:"], "max_gen_toks": 64, "do_sample": True, "temperature": 0.7, "top_p": 0.9}
    assert [instance.args for instance in inner.batches[0]] == [("hello", options | {"top_k": 40})] * 3


async def test_temperature_zero_is_greedy() -> None:
    model, inner = recording()
    await model.sample(Prompt("hello"), sampling(temperature=0.0, top_p=0.9), 1)
    options = {"until": [], "max_gen_toks": 64, "do_sample": False, "temperature": 0.0}
    assert inner.batches[0][0].args == ("hello", options)


@pytest.mark.parametrize("change", [{"seed": 11}, {"temperature": 0.8}])
async def test_the_same_batch_gives_the_same_texts_and_another_does_not(change: dict[str, Any]) -> None:
    model, _ = recording()
    first = await model.sample(Prompt("hello"), sampling(), 3)
    again = await model.sample(Prompt("hello"), sampling(), 3)
    other = await model.sample(Prompt("hello"), sampling(**change), 3)
    assert texts(first) == texts(again)
    assert not set(texts(first)) & set(texts(other))


async def test_tokens_are_counted_where_the_model_has_a_tokenizer() -> None:
    model, _ = recording("lm_eval:recording-chat")
    got = await model.sample(Prompt("three small words"), sampling(), 2)
    assert [candidate.prompt_tokens for candidate in got] == [4, 0]
    assert [candidate.completion_tokens for candidate in got] == [4, 4]
    assert [c.prompt_tokens for c in await recording()[0].sample(Prompt("words"), sampling(), 1)] == [0]


async def test_reasoning_is_kept_out_of_the_text() -> None:
    model, inner = recording()
    inner.fault = lambda: ["<think>let me see</think>42"]
    [got] = await model.sample(Prompt("6 times 7"), sampling(), 1)
    assert (got.text, got.reasoning) == ("42", "let me see")


async def test_no_text_is_a_failed_candidate_and_not_an_empty_answer() -> None:
    model, inner = recording()
    inner.fault = lambda: ["text", None]
    got = await model.sample(Prompt("hello"), sampling(), 2)
    assert [candidate.error for candidate in got] == [None, "lm_eval:recording gave no text"]


# chat


async def test_messages_are_rendered_by_the_inner_model_and_text_goes_in_as_it_is() -> None:
    model, inner = recording("lm_eval:recording-chat")
    turns = (Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "Bye"))

    assert model.chat
    await asyncio.gather(
        model.sample(Prompt(messages=turns), sampling(), 1),
        model.sample(Prompt(messages=turns[:2]), sampling(), 1),
        model.sample(Prompt("Hi"), sampling(), 1),
    )

    assert [instance.args[0] for instance in inner.batches[0]] == [
        "[user]Hi[assistant]Yes?[user]Bye[assistant]",
        "[user]Hi[assistant]Yes?",  # an answer that is begun goes on
        "Hi",
    ]


async def test_a_prompt_that_the_template_refuses_fails_alone() -> None:
    model, _ = recording("lm_eval:recording-chat")
    bad = Prompt(messages=(Message("system", "Be brief."), Message("user", "Hi")))

    refused, answered = await asyncio.gather(
        model.sample(bad, sampling(), 2), model.sample(Prompt("Hi"), sampling(), 2), return_exceptions=True
    )

    assert isinstance(refused, RequestError)
    assert str(refused) == (
        "lm_eval:recording-chat cannot render a chat prompt: the template knows no system messages"
    )
    assert isinstance(answered, list) and len(answered) == 2


def test_a_model_without_a_template_is_no_chat_model_and_nothing_is_downloaded_to_find_out() -> None:
    assert not open_harness("lm_eval:recording", {}).chat
    assert not open_harness("lm_eval:dummy", {}).chat


# log-likelihoods


async def test_log_likelihoods_come_in_batches_too() -> None:
    model, inner = recording()
    pairs = [("greedy", "abc"), ("else", "ab"), ("greedy", "")]

    got = await asyncio.gather(*(model.loglikelihood(*pair) for pair in pairs))

    assert got == [(-3.0, True), (-2.0, False), (0.0, True)]
    assert [[instance.args for instance in batch] for batch in inner.batches] == [pairs]


# failures


async def test_what_the_inner_model_raises_reaches_all_of_its_batch_in_one_line() -> None:
    model, inner = recording()

    def out_of_memory() -> list[Any]:
        raise RuntimeError("CUDA out of memory.\nTried to allocate 20 GiB")

    inner.fault = out_of_memory
    got = await asyncio.gather(
        *(model.sample(Prompt(str(i)), sampling(), 2) for i in range(3)), return_exceptions=True
    )
    inner.fault = None

    assert {type(one) for one in got} == {EndpointError}
    assert str(got[0]) == (
        "lm_eval:recording failed on a batch of 6: CUDA out of memory. Tried to allocate 20 GiB"
    )
    assert len(await model.sample(Prompt("afterwards"), sampling(), 2)) == 2


async def test_an_inner_model_that_leaves_the_process_fails_its_batch_only() -> None:
    model, inner = recording()

    def leave() -> list[Any]:
        raise SystemExit("no licence")

    inner.fault = leave
    with pytest.raises(EndpointError, match="no licence"):
        await model.sample(Prompt("a"), sampling(), 1)


async def test_too_few_results_are_never_dealt_out() -> None:
    model, inner = recording()
    inner.fault = lambda: ["just one"]
    with pytest.raises(EndpointError, match="1 results for 3 requests"):
        await model.sample(Prompt("a"), sampling(), 3)


# opening


def test_arguments_come_with_the_name_and_apart_from_it() -> None:
    apart = {"revision": "v1", "batch_size": 8, "device": None, "temperatures": 3, "pretrained": "theirs"}
    model = open_harness("lm_eval:recording,pretrained=mine", apart)
    assert model.inner.given == {"pretrained": "mine", "revision": "v1", "batch_size": 8}
    assert model.name == "lm_eval:recording,revision=v1,pretrained=mine"


def test_an_unknown_type_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no model type 'recordin'\. Did you mean 'recording'"):
        open_harness("lm_eval:recordin,pretrained=x", {})


def test_a_constructor_that_fails_is_told_in_one_line_without_its_secrets() -> None:
    with pytest.raises(ConfigError) as caught:
        open_harness(f"lm_eval:recording,pretrained=nowhere,token={SECRET}", {})
    assert str(caught.value) == (
        "lm_eval:recording cannot be opened: nowhere is no model and *** opens nothing"
    )


def test_a_wrong_argument_in_the_name_is_told() -> None:
    with pytest.raises(ConfigError, match=r"lm_eval:recording cannot be opened.*'pretraned'"):
        open_harness("lm_eval:recording,pretraned=x", {})


def test_a_missing_package_is_told() -> None:
    with pytest.raises(ConfigError, match="lacks a package: No module named 'a_package_that_is_absent'"):
        open_harness("lm_eval:recording-absent", {})


@pytest.mark.parametrize(
    ("name", "argument", "spelt_out", "taken"),
    [
        ("lm_eval:recording,pretrained=x", "revision", True, True),
        ("lm_eval:recording", "temprature", False, False),
        ("lm_eval:recording-chat", "revision", True, True),
        ("lm_eval:recording-chat", "temprature", False, False),
        ("lm_eval:recording-open", "engine", True, True),
        ("lm_eval:recording-open", "temprature", False, True),
        ("lm_eval:dummy", "write_out", True, True),
        ("lm_eval:local-completions", "max_length", True, True),
    ],
)
def test_which_arguments_a_type_takes(name: str, argument: str, spelt_out: bool, taken: bool) -> None:
    assert names_argument(name, argument) is spelt_out
    assert accepts(name, argument) is taken


# identity


def test_identity_is_what_decides_the_answers_and_holds_no_secret() -> None:
    model = open_harness(f"lm_eval:recording,revision=v1,token={SECRET}", {"batch_size": 1})
    same = open_harness("lm_eval:recording", {"revision": "v1", "batch_size": 8})
    assert model.identity == same.identity
    assert SECRET not in model.identity + model.name
    others = ("lm_eval:recording,revision=v2", "lm_eval:recording-chat,revision=v1", "lm_eval:recording")
    assert len({model.identity, *(open_harness(other, {}).identity for other in others)}) == 4


def test_a_password_in_a_url_is_not_shown() -> None:
    model = open_harness("lm_eval:recording-open,engine=http://me:pass@host:1/v1", {})
    assert "engine=http://host:1/v1" in model.name
    assert "pass" not in model.name + model.identity


@pytest.mark.parametrize("changed", [0, 100_000, 199_999])
def test_other_weights_at_the_same_path_are_another_model(changed: int, tmp_path: Path) -> None:
    def identity(weights: bytes) -> str:
        (tmp_path / "model.safetensors").write_bytes(weights)
        return open_harness(f"lm_eval:recording,pretrained={tmp_path}", {}).identity

    weights = bytearray(200_000)
    before = identity(weights)
    (tmp_path / "training.log").write_text("not a part of the model")
    assert identity(weights) == before
    weights[changed] = 1
    weights += b"" if changed != 100_000 else b"1"  # amid a file, only the size tells
    assert identity(weights) != before


# the harness's API types, on a real server


def through_api(kind: str, server: Server, path: str) -> HarnessModel:
    pytest.importorskip("tenacity", reason="needs tenacity: pip install 'lm_eval[api]'")
    return open_harness(
        f"lm_eval:{kind},model=test-model,base_url={server.base_url}/{path},tokenizer_backend=none", {}
    )


async def test_a_chat_api_gets_messages_and_a_seed_for_each_candidate(
    openai_server: Callable[[Plan], Server],
) -> None:
    server = openai_server(Plan())
    model = through_api("local-chat-completions", server, "chat/completions")

    got = await model.sample(Prompt(messages=(Message("user", "Hi"),)), sampling(), 3)

    assert model.chat
    assert len(set(texts(got))) == 3
    assert sorted(call.body["seed"] for call in server.calls) == [10, 11, 12]
    assert server.calls[0].body["messages"] == [{"role": "user", "content": "Hi"}]


async def test_a_text_api_gets_text(openai_server: Callable[[Plan], Server]) -> None:
    server = openai_server(Plan())
    model = through_api("local-completions", server, "completions")
    got = await model.sample(Prompt("Hi"), sampling(), 3)
    assert not model.chat
    assert len(set(texts(got))) == 3
    assert server.calls[0].body["prompt"] == "Hi"


async def test_a_batch_with_too_few_results_is_an_error_and_leaves_nobody_waiting() -> None:
    batches: Batches[int, int] = Batches(lambda items: [0] * (len(items) - 1), Worker())
    async with asyncio.timeout(5):
        results = await asyncio.gather(*(batches.ask(i) for i in range(3)), return_exceptions=True)
    assert all(isinstance(result, RuntimeError) for result in results)
