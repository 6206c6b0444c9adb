"""Sampling and fusing from Python, without the harness."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan, Server

from fusion_eval.errors import ConfigError, FusionEvalError
from fusion_eval.strategies.direct import fuse, fuse_async, sample, sample_async
from fusion_eval.strategies.methods.fusion import Fusion
from fusion_eval.types import Candidate, Message, Pool, Prompt

FUSED = "Comparison: both agree.\nAnswer: [[ forty-two ]]"


@pytest.fixture
def server(openai_server: Any) -> Server:
    """A server whose samplers count and whose fusor fuses."""
    return openai_server(
        Plan(reply=lambda request, index: FUSED if request["temperature"] == 0 else f"candidate {index}")
    )


def at(server: Server, **more: object) -> dict[str, Any]:
    return {"model": "test-model", "base_url": server.base_url, "cache": "off", **more}


# Sampling


def test_sample_draws_one_candidate_from_each_teacher(openai_server: Any) -> None:
    # given
    server = openai_server(Plan(models=("a", "b", "c")))
    # when
    pool = sample("6 · 7?", **at(server, model=["a", "b", "c"], sampling="teachers"))
    # then
    assert [candidate.model for candidate in pool.candidates] == ["a", "b", "c"]
    assert {call.body["temperature"] for call in server.calls} == {0.3}


def test_sample_has_no_task_whose_answers_could_stop_it_early(server: Server) -> None:
    with pytest.raises(ConfigError, match="there is no task here; leave it out"):
        sample("6 · 7?", **at(server, n=9, adaptive=True))
    assert not server.calls


def test_sample_draws_a_pool_of_n(server: Server) -> None:
    pool = sample("6 · 7?", n=3, **at(server))
    assert pool.prompt == Prompt("6 · 7?")
    assert [(c.text, c.seed, c.error) for c in pool.candidates] == [
        ("candidate 0", 0, None),
        ("candidate 1", 1, None),
        ("candidate 2", 2, None),
    ]


def test_model_arguments_decide_how_it_samples(server: Server) -> None:
    sample("6 · 7?", n=2, **at(server, temperature=0.3, seed=5, max_tokens=9, top_p=0.8))
    body = server.calls[0].body
    assert [body[name] for name in ("temperature", "seed", "max_tokens", "top_p")] == [0.3, 5, 9, 0.8]


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        [Message("system", "Be brief."), Message("user", "Why?")],
    ],
)
def test_chat_messages_are_dictionaries_or_messages(server: Server, messages: Any) -> None:
    sample(messages, n=1, **at(server))
    assert server.calls[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
    ]


@pytest.mark.parametrize("turn", [{"role": "user"}, {"role": "user", "content": ["Why?"]}, "Why?"])
def test_what_is_no_chat_message_is_an_error(server: Server, turn: Any) -> None:
    with pytest.raises(ConfigError, match="is no chat message; write"):
        sample([turn], n=1, **at(server))


def test_a_plain_text_model_takes_no_messages(server: Server) -> None:
    with pytest.raises(ConfigError, match="has no chat template; give the prompt as a text"):
        sample([Message("user", "Why?")], n=1, **at(server, completion=True))


def test_the_store_answers_the_second_time(server: Server, tmp_path: Path) -> None:
    arguments = at(server, cache=tmp_path / "store.sqlite")
    first = sample("6 · 7?", n=3, **arguments)
    calls = len(server.calls)
    assert sample("6 · 7?", n=3, **arguments).candidates == first.candidates
    assert len(server.calls) == calls


def test_a_mistake_in_an_argument_names_the_nearest_one() -> None:
    with pytest.raises(
        ConfigError, match=r"Unknown model argument .temprature.\. Did you mean .temperature."
    ):
        sample("6 · 7?", temprature=1)


def test_an_endpoint_that_is_not_there_is_an_error_of_ours() -> None:
    with pytest.raises(FusionEvalError, match=r"127\.0\.0\.1:9"):
        sample("6 · 7?", n=1, model="m", base_url="http://127.0.0.1:9/v1", cache="off", max_retries=0)


# Fusing


def test_fuse_makes_one_answer_out_of_given_texts(server: Server) -> None:
    # when two texts are fused
    answer = fuse("6 · 7?", ["42", "forty-two"], fusor="test-model", base_url=server.base_url, cache="off")
    # then only the fusor was asked, and the answer carries its trace
    assert str(answer) == answer.text == "forty-two"
    assert len(server.calls) == 1
    assert answer.answer.comparison == "both agree."
    assert answer.trace.strategy == "fusion"
    assert [(c.text, c.model) for c in answer.trace.pool.candidates] == [("42", "given"), ("forty-two", "given")]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        {"fusor": "test-model", "base_url": "URL"},
        {"fusor": "test-model", "fusor_base_url": "URL"},
        {"model": "test-model", "base_url": "URL"},
        {"model": "other", "base_url": "URL", "fusor": "test-model", "fusor_base_url": "URL"},
    ],
)
def test_the_fusor_is_named_by_itself_or_as_the_model(server: Server, arguments: dict[str, str]) -> None:
    named: dict[str, Any] = {k: server.base_url if v == "URL" else v for k, v in arguments.items()}
    assert fuse("6 · 7?", ["42"], cache="off", scorer="chrf", **named).text == "forty-two"
    assert server.calls[0].body["model"] == "test-model"


def test_a_pool_that_was_sampled_can_be_fused(server: Server) -> None:
    pool = sample("6 · 7?", n=3, **at(server))
    answer = fuse("6 · 7?", pool, **at(server))
    assert answer.trace.pool.candidates == pool.candidates


@pytest.mark.parametrize("strategy", ["fusion(fusor_temperature=0,fusor_max_tokens=7)", Fusion(None, 0.0, 7)])
def test_the_strategy_is_a_text_or_a_value(server: Server, strategy: Any) -> None:
    answer = fuse("6 · 7?", ["42"], strategy=strategy, **at(server, fusor_max_tokens=9))
    assert server.calls[0].body["max_tokens"] == 7
    assert answer.trace.strategy == "fusion(fusor_temperature=0,fusor_max_tokens=7)"


def test_another_strategy_chooses_among_the_candidates(server: Server) -> None:
    answer = fuse("6 · 7?", ["the cat sat", "a dog", "the cat sits"], strategy="bon(scorer=chrf)", **at(server))  # fmt: skip
    assert answer.answer.chosen in (0, 2) and not server.calls


def test_the_fusor_is_told_the_language(server: Server) -> None:
    fuse("6 · 7?", ["42"], language="es", **at(server))
    assert "Spanish" in str(server.calls[0].body["messages"])


def test_failed_candidates_are_left_out(server: Server) -> None:
    candidates = [Candidate("", "m", 0, error="HTTP 500"), Candidate("42", "m", 1)]
    assert fuse("6 · 7?", candidates, strategy="single", **at(server)).text == "42"


def test_without_a_usable_candidate_there_is_no_answer(server: Server) -> None:
    with pytest.raises(ConfigError, match="at least one candidate"):
        fuse("6 · 7?", [], **at(server))
    with pytest.raises(FusionEvalError, match="HTTP 500"):
        fuse("6 · 7?", Pool(Prompt(), (Candidate("", "m", 0, error="HTTP 500"),)), **at(server))


# Both forms


async def test_the_async_forms_give_the_same(server: Server) -> None:
    pool = await sample_async("6 · 7?", n=2, **at(server))
    answer = await fuse_async("6 · 7?", pool, **at(server))
    assert (len(pool.candidates), answer.text) == (2, "forty-two")


def test_the_blocking_forms_work_where_an_event_loop_runs(server: Server) -> None:
    async def cell_of_a_notebook() -> tuple[Pool, str]:
        pool = sample("6 · 7?", n=2, **at(server))
        return pool, fuse("6 · 7?", pool, **at(server)).text

    pool, text = asyncio.run(cell_of_a_notebook())
    assert (len(pool.candidates), text) == (2, "forty-two")


def test_the_harness_is_not_imported() -> None:
    code = "import sys, fusion_eval.strategies.direct; sys.exit('lm_eval' in sys.modules or 'litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ("abc", r"fuse\(\) needs a list of candidates, and got one text"),
        (["a", None], r"Candidate 2 of fuse\(\) is None; it should be a text"),
    ],
)
def test_candidates_that_are_no_list_of_texts_are_refused(candidates, message):
    with pytest.raises(ConfigError, match=message):
        fuse("Why?", candidates, strategy="bon(scorer=chrf)", cache="off")
