"""`endpoint:URL` scores candidates by a reward model that vLLM or SGLang serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from reward_server import SGLANG, VLLM, reward_server
from scripted import pool_of, tools

from fusion_eval.errors import ConfigError, EndpointError
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.reward import served_model as reward_endpoint
from fusion_eval.models.reward.chat_template import ChatTemplate
from fusion_eval.models.store.store import Store
from fusion_eval.strategies import Pool, Scored
from fusion_eval.strategies.scorers import endpoint
from fusion_eval.strategies.scorers.endpoint import EndpointScorer
from fusion_eval.strategies.solver import Solver
from fusion_eval.strategies.specs import format_spec, load_scorer, load_strategy
from fusion_eval.types import Message, Prompt


async def scored(scorer: Any, pool: Pool, store: Store | None = None, **arguments: object) -> Scored:
    """Return what a scorer finds with a run's own slots, retries and store."""
    opener = Opener(
        parse({"model": "m", "base_url": "http://127.0.0.1:9/v1", **arguments}), store or Store(None)
    )
    try:
        return await scorer(pool, msgspec.structs.replace(tools(), open_model=opener.open_model))
    finally:
        await opener.close()


class Tokenizer:
    """A tokenizer whose template writes roles as tags, but ends in an error at the word `forbidden`."""

    def __init__(self, name: str) -> None:
        self.chat_template = "tags"
        self._prefix = "" if name == "t" else f"[{name}]"

    def apply_chat_template(self, turns: list[dict[str, str]], *, tokenize: bool) -> str:
        if any(turn["content"] == "forbidden" for turn in turns):
            raise ZeroDivisionError("no such role")
        return self._prefix + "".join(f"<{turn['role']}>{turn['content']}" for turn in turns)


# The four forms


@pytest.mark.parametrize("path", VLLM)
async def test_each_candidate_gets_the_number_that_vllm_gives(path: str) -> None:
    async with reward_server(VLLM) as server:
        result = await scored(EndpointScorer(server.url + path, model="rm"), pool_of("aa", "aaaa", "aa"))
    assert result.scores == (0.2, 0.4, 0.2)
    assert len(server.requests) == len(result.calls) == 2  # equal texts are scored once
    assert {body["model"] for _, body, _ in server.requests} == {"rm"}
    assert [call.prompt_tokens for call in result.calls] == [7, 7]


@pytest.mark.parametrize("path", SGLANG)
async def test_each_candidate_gets_the_number_that_sglang_gives(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "_tokenizer", Tokenizer)
    async with reward_server(SGLANG) as server:
        scorer = EndpointScorer(server.url + path, tokenizer="t")
        result = await scored(scorer, pool_of("aa", "aaaa", prompt=Prompt("Why?")))
    assert result.scores == (0.2, 0.4)
    if path == "/classify":
        assert sorted(body["text"] for _, body, _ in server.requests) == [
            "<user>Why?<assistant>aa",
            "<user>Why?<assistant>aaaa",
        ]


async def test_the_conversation_goes_as_messages_and_without_a_models_name() -> None:
    prompt = Prompt(messages=(Message("system", "Be kind."), Message("user", "Why?")))
    async with reward_server(VLLM) as server:
        await scored(EndpointScorer(server.url + "/classify"), pool_of("Because.", prompt=prompt))
        await scored(EndpointScorer(server.url + "/score"), pool_of("Because.", prompt=prompt))
    (_, chat, _), (_, pair, _) = server.requests
    assert chat == {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": "Because."},
        ]
    }
    assert pair == {"text_1": "Be kind.\n\nWhy?", "text_2": "Because."}


async def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RM_KEY", "secret-key-1234")
    async with reward_server(VLLM) as server:
        await scored(EndpointScorer(server.url + "/score", api_key_env="RM_KEY"), pool_of("a"))
    assert server.requests[0][2] == "Bearer secret-key-1234"
    monkeypatch.delenv("RM_KEY")
    with pytest.raises(ConfigError, match="RM_KEY of endpoint:http://h/score is not set"):
        EndpointScorer("http://h/score", api_key_env="RM_KEY").check_ready()


async def test_no_score_is_paid_for_twice(tmp_path: Path) -> None:
    async with reward_server(VLLM) as server:
        scorer = EndpointScorer(server.url + "/score")
        with Store(tmp_path / "store.sqlite") as store:
            first = await scored(scorer, pool_of("aa", "aaaa"), store)
        with Store(tmp_path / "store.sqlite") as store:
            second = await scored(scorer, pool_of("aaaa", "aa", "a"), store)
    assert (first.scores, second.scores) == ((0.2, 0.4), (0.4, 0.2, 0.1))
    assert len(server.requests) == 3


async def test_scores_of_another_tokenizers_text_are_not_reused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(endpoint, "_tokenizer", Tokenizer)
    async with reward_server(SGLANG) as server:
        # when
        for tokenizer in ("a", "b", "a"):
            with Store(tmp_path / "store.sqlite") as store:
                scorer = EndpointScorer(server.url + "/classify", tokenizer=tokenizer)
                await scored(scorer, pool_of("x", prompt=Prompt("Why?")), store)
    # then
    assert [body["text"][:3] for _, body, _ in server.requests] == ["[a]", "[b]"]


def test_another_template_of_the_same_tokenizer_is_another_identity() -> None:
    one, other = Tokenizer("t"), Tokenizer("t")
    other.chat_template = "other tags"
    assert ChatTemplate("t", one).identity != ChatTemplate("t", other).identity


async def test_the_timeout_of_the_model_arguments_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    timeouts: list[float] = []
    connection = reward_endpoint.Connection

    def connect(*args: Any, timeout: float, **options: Any) -> Any:
        timeouts.append(timeout)
        return connection(*args, timeout=timeout, **options)

    monkeypatch.setattr(reward_endpoint, "Connection", connect)
    # when
    async with reward_server(VLLM) as server:
        await scored(EndpointScorer(server.url + "/score"), pool_of("a"), timeout=7)
    # then
    assert timeouts == [7]


# What goes wrong


async def test_a_conversation_that_the_template_refuses_leaves_its_candidate_unscored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "_tokenizer", Tokenizer)
    async with reward_server(SGLANG) as server:
        scorer = EndpointScorer(server.url + "/classify", tokenizer="t")
        result = await scored(scorer, pool_of("aa", "forbidden", prompt=Prompt("Why?")))
    assert result.scores == (0.2, None)


@pytest.mark.parametrize(
    "reply",
    [
        {},
        [],
        {"data": []},
        {"data": [{"score": None}]},
        {"data": [{"score": "high"}]},
        {"data": [{"score": True}]},
        {"data": "x"},
        {"error": "no"},
        "text",
    ],
)
async def test_a_reply_in_another_form_leaves_the_candidate_unscored(reply: object) -> None:
    async with reward_server({"/score": lambda body: reply}) as server:
        result = await scored(EndpointScorer(server.url + "/score"), pool_of("a"))
    assert (result.scores, result.calls) == ((None,), ())


async def test_one_request_that_is_refused_leaves_its_candidate_unscored() -> None:
    def reply(body: dict[str, Any]) -> Any:
        if body["text_2"] == "bad":
            return web.json_response({"error": {"message": "too long"}}, status=400)
        return {"data": [{"score": 1}]}

    async with reward_server({"/score": reply}) as server:
        result = await scored(EndpointScorer(server.url + "/score"), pool_of("good", "bad"))
    assert result.scores == (1.0, None)


async def test_a_model_with_several_labels_stops_the_run() -> None:
    replies = {"/classify": lambda body: {"data": [{"probs": [0.2, 0.8], "num_classes": 2}]}}
    async with reward_server(replies) as server:
        with pytest.raises(
            EndpointError, match="gives 2 numbers for a response, and a reward model gives one"
        ):
            await scored(EndpointScorer(server.url + "/classify"), pool_of("a"))


async def test_an_endpoint_that_is_down_stops_the_run() -> None:
    with pytest.raises(EndpointError, match="Cannot reach"):
        await scored(EndpointScorer("http://127.0.0.1:9/score"), pool_of("a"), max_retries=0)


@pytest.mark.parametrize("url", ["http://h/v1/chat/completions", "http://h/scores", "h", ""])
def test_an_address_that_ends_in_no_known_path_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="should end in one of /pooling, /classify, /score, /rerank"):
        EndpointScorer(url)


@pytest.mark.parametrize("url", ["localhost:8000/classify", "ftp://h/score", "/pooling", "http:///classify"])
def test_an_address_that_is_no_url_is_refused_before_any_call(url: str) -> None:
    with pytest.raises(ConfigError, match=r"it looks like endpoint:http://localhost:8000/"):
        EndpointScorer(url)


def test_an_address_with_a_password_or_a_key_is_refused_and_not_shown() -> None:
    for url in ("http://user:s3cret@h/score", "http://h/score?key=s3cret"):
        with pytest.raises(ConfigError) as error:
            EndpointScorer(url)
        assert "s3cret" not in str(error.value)


# The text form


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("endpoint:http://h:8000/classify", "endpoint:http://h:8000/classify"),
        ('endpoint(url="http://h/v1/rerank")', "endpoint:http://h/v1/rerank"),
        ("endpoint:http://h/score(model=rm)", "endpoint:http://h/score(model=rm)"),
        ("reward:org/model-1.0", "reward:org/model-1.0"),
        ("reward:m(batch_size=2)", "reward:m(batch_size=2)"),
        ('reward(name="a (b)")', 'reward(name="a (b)")'),
    ],
)
def test_a_scorer_with_a_colon_is_read_and_written(text: str, canonical: str) -> None:
    assert format_spec(load_scorer(text)) == canonical
    assert format_spec(load_strategy(f"bon(scorer={text})")) == f"bon(scorer={canonical})"
    assert load_scorer(canonical) == load_scorer(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chrf:x", "takes nothing after a colon; write chrf"),
        ("reward", "needs a model: reward:NAME"),
        ("reward:", "needs a model: reward:NAME"),
        ("reward:m(name=x)", "gives name= twice"),
        ("rewrd:m", "Did you mean 'reward'"),
        ("reward:m(batch_size=0)", "batch_size"),
    ],
)
def test_a_mistake_in_such_a_scorer_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_scorer(text)


def test_it_serves_as_the_default_scorer_of_a_run() -> None:
    arguments = parse({"model": "m", "base_url": "http://h/v1", "scorer": "endpoint:http://h/score"})
    solver = Solver("bon", arguments, Opener(arguments, Store(None)))
    assert solver.signature_parts() == ["scorer:endpoint:http://h/score"]
