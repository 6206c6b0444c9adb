"""Real clients talk to the server: openai, litellm, and lm-eval's own model type."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

import openai
import pytest
from openai_server import Plan, Server
from served import served

from fusion_eval.models.litellm.library import load_litellm

QUESTION = [{"role": "user", "content": "Why is the sky blue?"}]


def fuse_or_sample(request: dict, index: int) -> str:
    return "Answer: [[ the fused one ]]" if request.get("temperature") == 0 else f"candidate {index}"


@pytest.fixture
def upstream(openai_server: Callable[[Plan], Server]) -> Server:
    return openai_server(Plan(reply=fuse_or_sample))


@pytest.fixture
def base_url(upstream: Server) -> Iterator[str]:
    with served(
        "single", "fusion", "bon(scorer=chrf)", model="test-model", base_url=upstream.base_url, n=3
    ) as url:
        yield url


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0) as opened:
        yield opened


def test_the_models_are_the_strategies(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["single", "fusion", "bon(scorer=chrf)"]
    assert client.models.retrieve("fusion").owned_by == "fusion_eval"


def test_a_chat_completion_is_the_fused_answer_with_the_usage_of_all_calls(
    client: openai.OpenAI, upstream: Server
) -> None:
    reply = client.chat.completions.create(model="fusion", messages=QUESTION)
    assert reply.choices[0].message.content == "the fused one"
    assert reply.choices[0].finish_reason == "stop"
    assert len(upstream.calls) == 2
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 3 * 2 + 6  # three candidates of two words, and the fusor's six


def test_details_hold_candidates_and_calls_on_request_only(client: openai.OpenAI) -> None:
    plain = client.chat.completions.create(model="fusion", messages=QUESTION)
    asked = client.chat.completions.create(
        model="fusion", messages=QUESTION, extra_headers={"x-fusion-eval": "true"}
    )
    in_body = client.chat.completions.create(
        model="bon(scorer=chrf)", messages=QUESTION, extra_body={"x-fusion-eval": True}
    )
    assert not plain.model_extra
    details = (asked.model_extra or {})["x-fusion-eval"]
    assert details["signature"].startswith("fusion|n:3|")
    assert [one["text"] for one in details["choices"][0]["candidates"]] == [
        f"candidate {i}" for i in range(3)
    ]
    assert len(details["choices"][0]["calls"]) == 1
    scored = (in_body.model_extra or {})["x-fusion-eval"]["choices"][0]
    assert len(scored["scores"]) == 3 and scored["chosen"] is not None


def test_a_stream_joins_to_the_answer_and_ends_with_the_usage(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="fusion", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    texts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(texts) == "the fused one"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 12


def test_completions_answer_each_prompt_n_times(client: openai.OpenAI, upstream: Server) -> None:
    reply = client.completions.create(model="single", prompt=["one", "two"], n=2)
    assert [choice.index for choice in reply.choices] == [0, 1, 2, 3]
    seeds = sorted(call.body["seed"] for call in upstream.calls)
    assert seeds == [0, 0, 1_000_000, 1_000_000]


def test_options_of_the_request_reach_the_models(client: openai.OpenAI, upstream: Server) -> None:
    options = {"temperature": 0.2, "max_tokens": 7, "seed": 5, "presence_penalty": 0.5}
    client.chat.completions.create(model="single", messages=QUESTION, **options)
    assert upstream.calls[0].body.items() >= options.items()


def test_a_temperature_of_0_reaches_the_models(client: openai.OpenAI, upstream: Server) -> None:
    client.chat.completions.create(model="single", messages=QUESTION, temperature=0)
    assert upstream.calls[0].body["temperature"] == 0


def test_a_stop_string_cuts_the_answer(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="single", messages=QUESTION, stop="date")
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("candi", "stop")


@pytest.mark.slow
async def test_litellm_reads_the_server(base_url: str) -> None:
    litellm = load_litellm()
    reply = await litellm.acompletion(
        model="openai/fusion", messages=QUESTION, api_base=base_url, api_key="none"
    )
    assert reply.choices[0].message.content == "the fused one"


@pytest.mark.slow
async def test_the_provider_of_litellm_answers_and_streams(
    upstream: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    at_exit: list[Callable[[], None]] = []
    litellm = load_litellm()
    monkeypatch.setattr("atexit.register", at_exit.append)
    from fusion_eval.serve.litellm_provider import FusionProvider

    provider = FusionProvider(
        ("fusion",), {"model": "test-model", "base_url": upstream.base_url, "n": 3, "cache": "off"}
    )
    litellm.custom_provider_map = [{"provider": "fusion_eval", "custom_handler": provider}]
    # when
    whole = await litellm.acompletion(model="fusion_eval/fusion", messages=QUESTION, max_tokens=50)
    waited = litellm.completion(model="fusion_eval/fusion", messages=QUESTION)
    pieces = [
        chunk.choices[0].delta.content or ""
        async for chunk in await litellm.acompletion(
            model="fusion_eval/fusion", messages=QUESTION, stream=True
        )
    ]
    with pytest.raises(litellm.NotFoundError, match="Did you mean 'fusion'"):
        await litellm.acompletion(model="fusion_eval/fuson", messages=QUESTION)
    provider.close()
    # then
    assert provider.close in at_exit
    assert whole.choices[0].message.content == waited.choices[0].message.content == "the fused one"
    assert whole.usage.completion_tokens == 12
    assert "".join(pieces) == "the fused one"


@pytest.mark.slow
def test_the_harness_model_local_chat_completions_reads_the_server(base_url: str) -> None:
    # given
    pytest.importorskip("tenacity", reason="needs tenacity: pip install 'lm_eval[api]'")
    completions = importlib.import_module("lm_eval.models.openai_completions")
    instance = importlib.import_module("lm_eval.api.instance").Instance
    model = completions.LocalChatCompletion(
        model="fusion", base_url=f"{base_url}/chat/completions", num_concurrent=4
    )
    options = {"until": ["\n\n"], "max_gen_toks": 64, "do_sample": False, "temperature": 0.0}
    requests = [
        instance(
            "generate_until",
            {},
            (model.apply_chat_template([{"role": "user", "content": f"{i}?"}]), options),
            i,
        )
        for i in range(4)
    ]
    # when
    answers = model.generate_until(requests)
    # then
    assert answers == ["the fused one"] * 4
