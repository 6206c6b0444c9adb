"""Warnings where a comparison is biased by its own set-up."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fusion_eval.harness import bias, host_tasks
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.strategies.bias import metric_bias, pool_bias
from fusion_eval.strategies.solver import Solver


def solver(strategy: str, model: str = "a", **arguments: object) -> Solver:
    checked = parse(
        {"model": model, "base_url": "http://127.0.0.1:9/v1", "n": 4, "cache": "off", **arguments}
    )
    return Solver(strategy, checked, Opener(checked, Store(None)))


@pytest.mark.parametrize(
    ("strategy", "arguments"),
    [
        ("bon(scorer=chrf)", {}),
        ("bon", {"scorer": "chrf"}),
        ("rank_fusion(by=chrf)", {}),
        ("guarded_fusion(by=chrf)", {}),
        ("mbr", {}),
    ],
)
@pytest.mark.parametrize("metric", ["chrf", "chrf++"])
def test_a_strategy_that_selects_by_the_reported_metric_gets_a_warning(
    strategy: str, arguments: dict[str, object], metric: str
) -> None:
    warning = metric_bias(solver(strategy, **arguments), "wmt", ["bleu", metric])
    assert warning is not None
    assert f"selects by {metric}, which wmt reports" in warning and "arXiv 2411.03524" in warning


@pytest.mark.parametrize("strategy", ["single", "fusion", "bon(scorer=judge)", "rsa"])
def test_other_strategies_and_metrics_get_none(strategy: str) -> None:
    made = solver(strategy)
    assert metric_bias(made, "wmt", ["chrf", "bleu"]) is None
    assert metric_bias(solver("bon(scorer=chrf)"), "gsm8k", ["exact_match"]) is None


def test_a_metric_whose_name_only_begins_like_the_utility_is_another_metric() -> None:
    by_bleu = solver("mbr(utility=bleu)")
    assert metric_bias(by_bleu, "wmt", ["bleurt"]) is None
    assert "selects by bleu_max" in str(metric_bias(by_bleu, "wmt", ["bleurt", "bleu_max"]))


def test_a_fusor_and_a_judge_that_are_among_several_models_of_the_pool_get_a_warning() -> None:
    assert [w.split(",")[0] for w in pool_bias(solver("rank_fusion(by=judge)", "a|b"))] == [
        "rank_fusion(by=judge): a is the fusor and a model of the pool",
        "rank_fusion(by=judge): a is the scorer_model and a model of the pool",
    ]
    assert pool_bias(solver("fusion", "a|b", fusor="c")) == []
    assert pool_bias(solver("bon(scorer=judge)", "a|b", scorer_model="c")) == []
    assert pool_bias(solver("bon(scorer=chrf)", "a|b")) == []


def test_in_a_pool_of_one_model_all_candidates_are_its_own() -> None:
    assert pool_bias(solver("fusion")) == []


def test_the_metrics_are_those_of_the_tasks_configuration() -> None:
    class Task:
        config = SimpleNamespace(metric_list=[{"metric": "chrf"}, {"metric": len}])

    task = Task()
    host_tasks._tasks["a task"] = task
    assert host_tasks.metrics_of("a task") == ("chrf",)
    assert host_tasks.metrics_of("never built") == ()


def test_each_warning_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Request:
        task_name = "wmt"

    monkeypatch.setattr(host_tasks, "metrics_of", lambda task: ("chrf",))
    warnings: list[str] = []
    monkeypatch.setattr(bias.log, "warning", lambda message, *values: warnings.append(message % values))
    made = solver("bon(scorer=chrf)")
    bias.warn(made, [Request(), Request()])
    bias.warn(made, [Request()])
    assert len([warning for warning in warnings if "selects by chrf" in warning]) == 1
