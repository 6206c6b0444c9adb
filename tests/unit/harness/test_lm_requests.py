"""Requests of the harness reach the endpoint as they are meant, and answers come back in order."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from harness_tasks import GENERATE, answers, evaluate, fusing
from openai_server import Fault, Plan, Server, prompt_text

from fusion_eval.errors import ConfigError, EndpointError, FusionEvalError
from fusion_eval.harness.lm import FusionLM, SingleLM


def test_a_stop_string_cuts_the_answer_even_if_the_endpoint_ignores_it(openai_server, tasks):
    server: Server = openai_server(
        Plan(ignores_stop=True, reply=lambda request, index: "4\nWhat is 3 + 3? 6")
    )
    lm = SingleLM(model="test-model", base_url=server.base_url)

    results = evaluate(lm, tasks("sums", rows=1), "sums")

    assert answers(results, "sums") == ["4"]
    assert server.calls[0].body["max_tokens"] == 40
    assert "stop" not in server.calls[0].body  # the first request finds out whether the model thinks


def test_a_stop_string_cuts_the_fused_answer_too(openai_server, tasks):
    server: Server = openai_server(
        Plan(
            reply=lambda request, index: (
                "Comparison: -\nAnswer: [[ one\ntwo ]]" if "[[" in str(request) else "x"
            )
        )
    )
    results = evaluate(FusionLM(model="test-model", base_url=server.base_url), tasks("sums", rows=1), "sums")

    assert answers(results, "sums") == ["one"]


def test_chat_messages_reach_the_endpoint_as_turns_with_the_system_instruction(openai_server, tasks):
    server: Server = openai_server(Plan(reply=fusing))
    lm = FusionLM(model="test-model", base_url=server.base_url, n=2)

    evaluate(
        lm,
        tasks("sums", rows=1),
        "sums",
        num_fewshot=1,
        apply_chat_template=True,
        fewshot_as_multiturn=True,
        system_instruction="Be brief.",
    )

    sampled, fused = server.calls
    assert [turn["role"] for turn in sampled.body["messages"]] == ["system", "user", "assistant", "user"]
    assert sampled.body["messages"][0]["content"].startswith("Be brief.")
    assert sampled.body["messages"][2]["content"] == "100 in all"
    [question] = fused.body["messages"]
    for part in ("Be brief.", "What is 50 + 50?", "100 in all", "What is 0 + 0?"):
        assert part in question["content"]


def test_each_repeat_gets_a_pool_of_its_own(openai_server, tasks):
    server: Server = openai_server(Plan(reply=fusing))
    manager = tasks("sums", rows=1, more=GENERATE + "repeats: 3\n")

    results = evaluate(SingleLM(model="test-model", base_url=server.base_url, n=2), manager, "sums")

    [responses] = results["samples"]["sums"][0]["resps"]
    assert len(set(responses)) == 3
    seeds = sorted(call.body["seed"] for call in server.calls)
    assert len(set(seeds)) == 3 and min(b - a for a, b in itertools.pairwise(seeds)) > 1000


def test_generation_options_of_the_command_line_reach_the_endpoint(openai_server, tasks):
    server: Server = openai_server(Plan(reply=fusing))
    lm = SingleLM(model="test-model", base_url=server.base_url)

    evaluate(
        lm, tasks("sums", rows=1), "sums", gen_kwargs="do_sample=True,temperature=0.3,top_k=7,max_gen_toks=9"
    )

    body = server.calls[0].body
    assert (body["temperature"], body["top_k"], body["max_tokens"]) == (0.3, 7, 9)


def test_several_tasks_are_answered_as_one_stream_and_keep_their_own_answers(openai_server, tasks):
    server: Server = openai_server(Plan(reply=lambda request, index: prompt_text(request).split("\n")[-1]))
    lm = SingleLM(model="test-model", base_url=server.base_url, n=1)

    results = evaluate(lm, tasks("sums", "more_sums"), "sums", "more_sums", limit=3)

    for task in ("sums", "more_sums"):
        assert answers(results, task) == [f"What is {i} + {i}?" for i in range(3)]


def test_answers_stay_in_order_if_calls_fail_and_finish_at_random(openai_server, tasks):
    plan = Plan(
        reply=lambda request, index: prompt_text(request).split("\n")[-1],
        latency=lambda number, request: (number * 7 % 5) / 200,
        faults=lambda number, request: Fault("status", 503, retry_after=0) if number % 3 == 0 else None,
    )
    server: Server = openai_server(plan)
    lm = SingleLM(model="test-model", base_url=server.base_url, n=1)

    results = evaluate(lm, tasks("sums", rows=30), "sums")

    assert answers(results, "sums") == [f"What is {i} + {i}?" for i in range(30)]


def test_a_dead_endpoint_is_reported_once_and_leaves_nothing_behind(tasks, tmp_path):
    lm = FusionLM(model="m", base_url="http://127.0.0.1:9/v1", trace_dir=str(tmp_path / "t"))

    with pytest.raises(EndpointError, match=r"Cannot reach http://127\.0\.0\.1:9/v1"):
        evaluate(lm, tasks("sums"), "sums")

    assert not (tmp_path / "t").exists()


def test_a_prompt_without_any_candidate_does_not_stop_the_others(openai_server, tasks):
    def refuses_one(number: int, request: dict[str, Any]) -> Fault | None:
        return Fault("status", 400, body={"error": {"message": "no"}}) if "1 + 1" in str(request) else None

    server: Server = openai_server(Plan(reply=fusing, faults=refuses_one))
    lm = SingleLM(model="test-model", base_url=server.base_url)

    with pytest.raises(FusionEvalError, match=r"1 of 4 prompts have no answer .*: no"):
        evaluate(lm, tasks("sums"), "sums")

    assert len(server.calls) == 4


def test_it_runs_inside_a_running_event_loop(openai_server, tasks):
    server: Server = openai_server(Plan(reply=fusing))
    lm = SingleLM(model="test-model", base_url=server.base_url)
    manager = tasks("sums")

    async def notebook() -> dict[str, Any]:
        return evaluate(lm, manager, "sums")

    assert len(answers(asyncio.run(notebook()), "sums")) == 4


def test_a_model_without_a_chat_template_is_an_error(tasks, openai_server):
    server: Server = openai_server(Plan())
    lm = SingleLM(model="test-model", base_url=server.base_url, completion=True)

    with pytest.raises(ConfigError, match="has no chat template; leave out --apply_chat_template"):
        evaluate(lm, tasks("sums"), "sums", apply_chat_template=True)


def test_the_fusor_sees_worked_examples_apart_from_the_question(openai_server, tasks):
    # given: a prompt that is one text, with a worked example before the question
    server: Server = openai_server(Plan(reply=fusing))
    lm = FusionLM(model="test-model", base_url=server.base_url, n=2, cache="off")

    # when
    evaluate(lm, tasks("sums", rows=1), "sums", num_fewshot=1)

    # then
    fused = next(prompt_text(call.body) for call in server.calls if "[[" in prompt_text(call.body))
    examples, question = fused.split("[the question to answer]\n")
    assert "[worked examples, already answered]\nDo the sums.\n\nWhat is 50 + 50? 100 in all" in examples
    assert question.startswith("What is 0 + 0?\n--- end of request")


def test_without_worked_examples_the_fusor_sees_one_request(openai_server, tasks):
    server: Server = openai_server(Plan(reply=fusing))
    lm = FusionLM(model="test-model", base_url=server.base_url, n=2, cache="off")

    evaluate(lm, tasks("sums", rows=1), "sums")

    fused = next(prompt_text(call.body) for call in server.calls if "[[" in prompt_text(call.body))
    assert "already answered" not in fused
