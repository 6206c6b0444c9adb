"""The strategies as the harness drives them: tasks of its own kind, a real server behind, its metrics on top."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from lm_eval.tasks import TaskManager
from openai_server import Fault, Plan, Server, default_text, prompt_text

from fusion_eval.errors import ConfigError, EndpointError, FusionEvalError
from fusion_eval.harness.lm import BestOfNLM, FusionLM, SingleLM, StrategyLM
from fusion_eval.models.store.store import Store
from fusion_eval.runs.traces import read_traces

TASK = """
task: {name}
custom_dataset: !function {name}_data.load
test_split: test
fewshot_split: fewshot
output_type: {kind}
description: "Do the sums.\\n\\n"
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
{more}
metric_list:
  - metric: {metric}
metadata:
  version: 1.0
"""
DATA = """
from datasets import Dataset

def load(**_):
    rows = [{{"question": f"What is {{i}} + {{i}}?", "answer": str(2 * i)}} for i in range({rows})]
    shots = [{{"question": "What is 50 + 50?", "answer": "100"}}]
    return {{"test": Dataset.from_list(rows), "fewshot": Dataset.from_list(shots)}}
"""
GENERATE = (
    'generation_kwargs:\n  until: ["\\n"]\n  max_gen_toks: 40\n  temperature: 0.0\n  do_sample: false\n'
)


@pytest.fixture
def tasks(tmp_path: Path) -> Callable[..., TaskManager]:
    """Writes tasks and gives the manager that finds them."""
    folder = tmp_path / "tasks"
    folder.mkdir()

    def write(*names: str, more: str = GENERATE, kind: str = "generate_until", rows: int = 4) -> TaskManager:
        metric = "exact_match" if kind == "generate_until" else "acc"
        for name in names:
            (folder / f"{name}.yaml").write_text(TASK.format(name=name, kind=kind, more=more, metric=metric))
            (folder / f"{name}_data.py").write_text(DATA.format(rows=rows))
        return TaskManager(include_path=str(folder), include_defaults=False)

    return write


def fusing(request: dict[str, Any], index: int) -> str:
    """A server whose fusor writes in the paper's form and whose samplers make up words."""
    if "Answer: [[" in prompt_text(request):
        return "Comparison: they differ.\nAnswer: [[ fused ]]"
    return default_text(request["model"], prompt_text(request), (request.get("seed") or 0) + index, 0.7)


def evaluate(lm: StrategyLM, manager: TaskManager, *names: str, **options: Any) -> dict[str, Any]:
    """The harness's own evaluation, without its bootstrap."""
    results = simple_evaluate(model=lm, tasks=list(names), task_manager=manager, bootstrap_iters=0, **options)
    assert results is not None
    return results


def answers(results: dict[str, Any], task: str) -> list[str]:
    return [sample["resps"][0][0] for sample in results["samples"][task]]


def test_fusion_samples_n_candidates_and_fuses_once_per_prompt(openai_server, tasks, tmp_path):
    server: Server = openai_server(Plan(reply=fusing))
    lm = FusionLM(model="test-model", base_url=server.base_url, n=3, trace_dir=str(tmp_path / "t"))

    results = evaluate(lm, tasks("sums"), "sums")

    assert answers(results, "sums") == ["fused"] * 4
    drawn = [call for call in server.calls if call.body.get("n") == 3]
    fused = [call for call in server.calls if "n" not in call.body]
    assert len(drawn) == len(fused) == 4
    assert {call.body["temperature"] for call in drawn} == {0.7}, (
        "the task's temperature 0 is not the candidates'"
    )
    assert {call.body["temperature"] for call in fused} == {0.0}
    traces = list(read_traces(tmp_path / "t" / "traces.jsonl"))
    assert [trace.doc_id for trace in traces] == [0, 1, 2, 3]
    assert all(
        trace.answer.comparison == "they differ." and len(trace.pool.candidates) == 3 for trace in traces
    )


def test_strategies_share_one_pool_through_the_store(openai_server, tasks):
    server: Server = openai_server(Plan(reply=fusing))
    manager = tasks("sums")
    arguments = {"model": "test-model", "base_url": server.base_url, "n": 3, "scorer": "chrf"}

    single = answers(evaluate(SingleLM(**arguments), manager, "sums"), "sums")
    best = answers(evaluate(BestOfNLM(**arguments), manager, "sums"), "sums")
    evaluate(FusionLM(**arguments), manager, "sums")

    assert len([call for call in server.calls if call.body.get("n") == 3]) == 4
    assert len(server.calls) == 4 + 4
    assert all(single) and all(best)


def test_a_run_with_nothing_left_to_do_makes_no_call_and_gives_the_same_answers(openai_server, tasks):
    """Other tools crash where all is cached already."""
    server: Server = openai_server(Plan(reply=fusing))
    manager, arguments = tasks("sums"), {"model": "test-model", "base_url": server.base_url}
    first = answers(evaluate(FusionLM(**arguments), manager, "sums"), "sums")
    made = len(server.calls)

    again = answers(evaluate(FusionLM(**arguments), manager, "sums"), "sums")

    assert again == first
    assert len(server.calls) == made


def test_scoring_that_fails_after_inference_loses_no_work(openai_server, tasks, monkeypatch):
    """Other tools keep answers only once they are scored."""
    server: Server = openai_server(Plan(reply=fusing))
    manager, arguments = tasks("sums"), {"model": "test-model", "base_url": server.base_url}
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr("lm_eval.api.task.ConfigurableTask.process_results", lambda *_: 1 / 0)
        evaluate(FusionLM(**arguments), manager, "sums")
    made = len(server.calls)

    evaluate(FusionLM(**arguments), manager, "sums")

    assert len(server.calls) == made == 8


def test_raising_n_samples_only_the_missing_candidates(openai_server, tasks, tmp_path):
    server: Server = openai_server(Plan(reply=fusing))
    manager, arguments = tasks("sums", rows=1), {"model": "test-model", "base_url": server.base_url}
    evaluate(SingleLM(n=5, trace_dir=str(tmp_path / "five"), **arguments), manager, "sums")

    evaluate(SingleLM(n=8, trace_dir=str(tmp_path / "eight"), **arguments), manager, "sums")

    assert [(call.body["n"], call.body["seed"]) for call in server.calls] == [(5, 0), (3, 5)]
    [five], [eight] = (list(read_traces(tmp_path / name / "traces.jsonl")) for name in ("five", "eight"))
    assert eight.pool.candidates[:5] == five.pool.candidates


def test_a_stop_string_holds_whatever_the_endpoint_does(openai_server, tasks):
    server: Server = openai_server(
        Plan(ignores_stop=True, reply=lambda request, index: "4\nWhat is 3 + 3? 6")
    )
    lm = SingleLM(model="test-model", base_url=server.base_url)

    results = evaluate(lm, tasks("sums", rows=1), "sums")

    assert answers(results, "sums") == ["4"]
    assert server.calls[0].body["stop"] == ["\n"]
    assert server.calls[0].body["max_tokens"] == 40


def test_the_fused_answer_is_cut_too(openai_server, tasks):
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
    assert sampled.body["messages"][2]["content"] == "100"
    [question] = fused.body["messages"]
    for part in ("Be brief.", "What is 50 + 50?", "100", "What is 0 + 0?"):
        assert part in question["content"]


def test_repeats_get_a_pool_each(openai_server, tasks):
    """Other tools hand K copies of one answer to a task that asks for K."""
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


def test_several_tasks_are_one_stream_and_keep_their_own_answers(openai_server, tasks):
    server: Server = openai_server(Plan(reply=lambda request, index: prompt_text(request).split("\n")[-1]))
    lm = SingleLM(model="test-model", base_url=server.base_url, n=1)

    results = evaluate(lm, tasks("sums", "more_sums"), "sums", "more_sums", limit=3)

    for task in ("sums", "more_sums"):
        assert answers(results, task) == [f"What is {i} + {i}?" for i in range(3)]


def test_answers_stay_in_order_when_calls_fail_and_finish_at_random(openai_server, tasks):
    """Other tools shift every later answer by one where a call fails."""
    plan = Plan(
        reply=lambda request, index: prompt_text(request).split("\n")[-1],
        latency=lambda number, request: (number * 7 % 5) / 200,
        faults=lambda number, request: Fault("status", 503, retry_after=0) if number % 3 == 0 else None,
    )
    server: Server = openai_server(plan)
    lm = SingleLM(model="test-model", base_url=server.base_url, n=1)

    results = evaluate(lm, tasks("sums", rows=30), "sums")

    assert answers(results, "sums") == [f"What is {i} + {i}?" for i in range(30)]


def test_the_results_say_how_they_were_made(openai_server, tasks, tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_KEY", "sk-very-secret")
    server: Server = openai_server(Plan(reply=fusing, api_key="sk-very-secret"))
    lm = FusionLM(
        model="test-model",
        base_url=server.base_url,
        api_key_env="TEST_KEY",
        n=2,
        seed=7,
        trace_dir=str(tmp_path / "t"),
    )

    results = evaluate(lm, tasks("sums"), "sums")

    config = results["config"]
    assert config["strategy"] == "fusion"
    assert config["signature"].startswith("fusion|n:2|pool:test-model|fusor:test-model|prompt:")
    assert (config["n"], config["seed"], config["settings"]["api_key_env"]) == (2, 7, "TEST_KEY")
    assert config["totals"]["prompts"] == 4 and config["totals"]["candidates"] == 8
    assert config["totals"]["aggregation_calls"] == 4 and config["totals"]["fallbacks"] == 0
    assert config["totals"]["prompt_tokens"] > 0 and config["totals"]["completion_tokens"] > 0
    assert config["trace_file"] == str(tmp_path / "t" / "traces.jsonl")
    everything = json.dumps(results, default=str) + (tmp_path / "t" / "traces.jsonl").read_text()
    assert "very-secret" not in everything


def test_a_fallback_is_counted_as_one_and_not_as_a_fusion(openai_server, tasks):
    """Other tools store a fallback as if the fusor had written it."""
    server: Server = openai_server(
        Plan(reply=lambda request, index: "" if "Answer: [[" in str(request) else "4")
    )
    lm = FusionLM(model="test-model", base_url=server.base_url)

    results = evaluate(lm, tasks("sums"), "sums")

    assert answers(results, "sums") == ["4"] * 4
    assert results["config"]["totals"]["fallbacks"] == 4


@register_model("log-likelihoods-only")
class LogLikelihoodsOnly(LM):
    """A model type of the harness that finds every continuation equally likely."""

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        return [(-1.0, False) for _ in requests]

    def generate_until(self, requests: list[Any]) -> list[str]:
        raise AssertionError("log-likelihood tasks need no text")

    def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
        raise AssertionError("log-likelihood tasks need no rolling windows")


CHOICES = {"kind": "multiple_choice", "more": "doc_to_choice: ['0', '2', '4', '6']\n", "rows": 3}


def test_log_likelihood_tasks_use_the_harness_model_itself(tasks):
    results = evaluate(FusionLM(model="lm_eval:log-likelihoods-only"), tasks("choices", **CHOICES), "choices")
    assert results["results"]["choices"]["acc,none"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("completion", [False, True])
def test_log_likelihood_tasks_on_an_endpoint_name_the_models_that_can(openai_server, tasks, completion):
    server: Server = openai_server(Plan())
    lm = FusionLM(model="test-model", base_url=server.base_url, completion=completion)

    with pytest.raises(
        ConfigError, match=r"need a harness model: model=lm_eval:hf.* test-model does not return"
    ):
        evaluate(lm, tasks("choices", **CHOICES), "choices")

    assert server.calls == ()


def test_log_likelihood_tasks_offline_say_that_nothing_is_computed(tasks, tmp_path):
    store = tmp_path / "store.sqlite"
    Store(store).close()
    lm = FusionLM(model="lm_eval:log-likelihoods-only", cache=str(store), offline=True)

    with pytest.raises(ConfigError, match="offline=true computes no log-likelihoods"):
        evaluate(lm, tasks("choices", **CHOICES), "choices")


def test_rolling_log_likelihood_names_the_models_that_can(openai_server, tasks):
    server: Server = openai_server(Plan())
    manager = tasks("rolling", kind="loglikelihood_rolling", more="", rows=1)
    (yaml,) = Path(manager.include_path).glob("rolling.yaml")
    yaml.write_text(yaml.read_text().replace("metric: acc", "metric: word_perplexity"))

    with pytest.raises(ConfigError, match="lm_eval:hf"):
        evaluate(FusionLM(model="test-model", base_url=server.base_url, completion=True), manager, "rolling")


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


def test_it_runs_where_an_event_loop_is_running_already(openai_server, tasks):
    server: Server = openai_server(Plan(reply=fusing))
    lm = SingleLM(model="test-model", base_url=server.base_url)
    manager = tasks("sums")

    async def notebook() -> dict[str, Any]:
        return evaluate(lm, manager, "sums")

    assert len(answers(asyncio.run(notebook()), "sums")) == 4


def test_a_model_without_a_chat_template_says_so(tasks, openai_server):
    server: Server = openai_server(Plan())
    lm = SingleLM(model="test-model", base_url=server.base_url, completion=True)

    with pytest.raises(ConfigError, match="has no chat template; leave out --apply_chat_template"):
        evaluate(lm, tasks("sums"), "sums", apply_chat_template=True)


def test_several_teachers_make_one_pool(openai_server, tasks, tmp_path):
    server: Server = openai_server(Plan(models=("a", "b", "c"), reply=fusing))
    lm = FusionLM(
        model="a|b|c",
        base_url=server.base_url,
        n=5,
        temperature="0.3",
        fusor="c",
        trace_dir=str(tmp_path / "t"),
    )

    evaluate(lm, tasks("sums", rows=1), "sums")

    [trace] = read_traces(tmp_path / "t" / "traces.jsonl")
    assert [candidate.model for candidate in trace.pool.candidates] == ["a", "b", "c", "a", "b"]
    assert trace.answer.calls[0].model == "c"
    assert {call.body["temperature"] for call in server.calls} == {0.3, 0.0}


def test_the_class_of_any_strategy_is_found_by_name():
    from fusion_eval.harness import lm

    assert lm.strategy_bon.strategy == "bon"
    with pytest.raises(AttributeError):
        _ = lm.nothing
