"""Warnings where a comparison is biased by its own set-up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from openai_server import Plan

from fusion_eval.harness import bias_warnings, host_tasks, questions
from fusion_eval.harness.lm import model_type
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.strategies.bias import metric_bias, pool_bias
from fusion_eval.strategies.solver import Solver

SPELLINGS = [
    ("bon(scorer=chrf)", {}),
    ("bon", {"scorer": "chrf"}),
    ("bon", {"strategy_args": "(scorer=chrf)"}),
    ("mbr", {}),
    ("mbr(utility=chrf)", {}),
    ("weighted_majority(by=chrf)", {}),
    ("weighted_majority", {"scorer": "chrf"}),
    ("rank_fusion(k=2,by=chrf)", {}),
    ("rank_fusion", {"by": "chrf"}),
    ("guarded_fusion(by=chrf)", {}),
    ("guarded_fusion", {"strategy_args": "by=chrf"}),
    ("refine(by=chrf)", {}),
]
"""Every way to select by chrF."""


def solver(strategy: str, model: str = "a", **arguments: object) -> Solver:
    checked = parse(
        {"model": model, "base_url": "http://127.0.0.1:9/v1", "n": 4, "cache": "off", **arguments}
    )
    return Solver(strategy, checked, Opener(checked, Store(None)))


@pytest.mark.parametrize(("strategy", "arguments"), SPELLINGS)
def test_a_run_warns_once_before_any_call_of_each_bias(
    openai_server: Any, monkeypatch: pytest.MonkeyPatch, strategy: str, arguments: dict[str, str]
) -> None:
    # given a pool of two models, of which the first fuses, and three tasks of which two report the metric
    server = openai_server(Plan(models=("a", "b")))
    reported = {"wmt_de": ("bleu", "chrf"), "gsm8k": ("exact_match",), "wmt_fr": ("chrf",)}
    monkeypatch.setattr(host_tasks, "metrics_of", reported.__getitem__)
    monkeypatch.setattr(questions, "answer_reader", lambda task, doc: str)
    warnings: list[tuple[str, int]] = []
    monkeypatch.setattr(bias_warnings.log, "warning", lambda text: warnings.append((text, len(server.calls))))
    asked = [
        Instance("generate_until", {}, (f"{task}?", {"until": []}), 0, (task, 0, 1))
        for task in reported
        for _ in range(2)
    ]
    model = {"model": "a|b", "base_url": server.base_url, "n": 4, "cache": "off", "fusor_prompt": "direct"}
    lm = model_type(strategy)(**model, **arguments)
    # when the harness asks twice
    lm.generate_until(asked)
    lm.generate_until(asked)
    # then
    texts = [text for text, _ in warnings]
    assert (
        len([text for text in texts if "selects by chrf, which wmt_de and 1 other task report:" in text]) == 1
    )
    fuses = "fusion" in strategy or "refine" in strategy
    assert len([text for text in texts if "a is the fusor and a model of the pool" in text]) == fuses
    assert len(texts) == 1 + fuses and {calls for _, calls in warnings} == {0}


@pytest.mark.parametrize("strategy", ["single", "fusion", "bon(scorer=judge)", "rsa", "majority"])
def test_other_strategies_and_metrics_get_none(strategy: str) -> None:
    assert metric_bias(solver(strategy), {"wmt": ["chrf", "bleu"]}) == []
    assert metric_bias(solver("bon(scorer=chrf)"), {"gsm8k": ["exact_match"]}) == []


def test_one_task_is_named_alone_and_of_many_the_first_is() -> None:
    made = solver("mbr")
    [one] = metric_bias(made, {"wmt": ["chrf"]})
    [variant] = metric_bias(made, {"wmt": ["chrf++"]})
    assert "selects by chrf++, which wmt reports: " in variant
    [many] = metric_bias(made, {f"wmt_{i}": ["chrf"] for i in range(11)})
    assert "selects by chrf, which wmt reports: " in one and "arXiv 2411.03524" in one
    assert "selects by chrf, which wmt_0 and 10 other tasks report: " in many


def test_a_scorer_that_scores_no_pool_selects_nothing() -> None:
    assert metric_bias(solver("rank_fusion(by=chrf)", n=3), {"wmt": ["chrf"]}) == []


def test_a_metric_whose_name_only_begins_like_the_utility_is_another_metric() -> None:
    by_bleu = solver("mbr(utility=bleu)")
    assert metric_bias(by_bleu, {"wmt": ["bleurt"]}) == []
    assert "selects by bleu_max" in str(metric_bias(by_bleu, {"wmt": ["bleurt", "bleu_max"]}))


def test_a_fusor_and_a_judge_that_are_among_several_models_of_the_pool_get_a_warning() -> None:
    assert [w.split(",")[0] for w in pool_bias(solver("rank_fusion(by=judge)", "a|b"))] == [
        "rank_fusion(by=judge): a is the fusor and a model of the pool",
        "rank_fusion(by=judge): a is the scorer_model and a model of the pool",
    ]
    assert pool_bias(solver("fusion", "a|b", fusor="c")) == []
    assert pool_bias(solver("bon(scorer=judge)", "a|b", scorer_model="c")) == []
    assert pool_bias(solver("bon(scorer=chrf)", "a|b")) == []


@pytest.mark.parametrize(
    "strategy",
    ["bon", "bon(scorer=judge)", "bon(scorer=judge_pairwise)", "weighted_majority(by=judge)", "guarded_fusion(by=judge)",
     "refine(by=judge_pairwise)", "usc", "genselect", "pairrank", "chops", "council", "route", "moa"],
)  # fmt: skip
def test_every_strategy_that_lets_a_model_of_the_pool_choose_or_write_gets_a_warning(strategy: str) -> None:
    assert pool_bias(solver(strategy, "a|b"))


def test_in_a_pool_of_one_model_all_candidates_are_its_own() -> None:
    assert pool_bias(solver("fusion")) == []


def test_the_metrics_are_those_of_the_tasks_configuration() -> None:
    class Task:
        config = SimpleNamespace(metric_list=[{"metric": "chrf"}, {"metric": len}])

    task = Task()
    host_tasks._tasks["a task"] = task
    assert host_tasks.metrics_of("a task") == ("chrf",)
    assert host_tasks.metrics_of("never built") == ()
