"""Strategies in the harness: pools, the store, traces and what the results file records."""

from __future__ import annotations

import json

import pytest
from harness_tasks import answers, evaluate, fusing
from openai_server import Plan, Server

from fusion_eval.harness.lm import BestOfNLM, FusionLM, SingleLM
from fusion_eval.runs.traces import read_traces


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


def test_a_run_with_nothing_left_to_do_makes_no_call_and_returns_the_same_answers(openai_server, tasks):
    server: Server = openai_server(Plan(reply=fusing))
    manager, arguments = tasks("sums"), {"model": "test-model", "base_url": server.base_url}
    first = answers(evaluate(FusionLM(**arguments), manager, "sums"), "sums")
    made = len(server.calls)

    again = answers(evaluate(FusionLM(**arguments), manager, "sums"), "sums")

    assert again == first
    assert len(server.calls) == made


def test_scoring_that_fails_after_inference_loses_no_work(openai_server, tasks, monkeypatch):
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


def test_several_models_sample_one_pool(openai_server, tasks, tmp_path):
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


def test_the_results_file_records_how_the_answers_were_made(openai_server, tasks, tmp_path, monkeypatch):
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


def test_a_fallback_is_counted_as_a_fallback(openai_server, tasks):
    server: Server = openai_server(
        Plan(reply=lambda request, index: "" if "Answer: [[" in str(request) else "4")
    )
    lm = FusionLM(model="test-model", base_url=server.base_url)

    results = evaluate(lm, tasks("sums"), "sums")

    assert answers(results, "sums") == ["4"] * 4
    assert results["config"]["totals"]["fallbacks"] == 4


def test_the_class_of_any_strategy_is_found_by_name():
    from fusion_eval.harness import lm

    assert lm.strategy_bon.strategy == "bon"
    with pytest.raises(AttributeError):
        _ = lm.nothing
