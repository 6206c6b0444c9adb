"""What the name of a metric says about it."""

from __future__ import annotations

import pytest

from fusion_eval.runs.metric_facts import best_value, facts_of, is_unbounded, lower_is_better


@pytest.mark.parametrize("metric", ["ter", "brier_score", "word_perplexity", "bits_per_byte", "loss_total"])
def test_errors_and_losses_are_better_when_lower(metric: str) -> None:
    assert lower_is_better(metric)


@pytest.mark.parametrize("metric", ["acc", "chrf", "filter", "lossless_share"])
def test_other_metrics_are_better_when_higher(metric: str) -> None:
    assert not lower_is_better(metric)


def test_only_losses_have_no_upper_bound() -> None:
    assert [is_unbounded(metric) for metric in ("RMSE", "byte_perplexity", "ter", "acc")] == [
        True,
        True,
        False,
        False,
    ]


def test_values_outside_of_the_range_are_of_another_metric_with_the_same_name() -> None:
    assert facts_of("acc", [0.0, 1.0]) is not None
    assert facts_of("acc", [80.0]) is None


@pytest.mark.parametrize(
    ("metric", "values", "higher", "best"),
    [
        ("chrf", [30.0], True, 100),
        ("mcc", [0.5], True, 1),
        ("ter", [30.0], False, 0),
        ("perplexity", [3.0], True, None),
        ("mine", [0.2, 1.0], True, 1),
        ("mine", [3.0], True, None),
    ],
)
def test_the_best_value_is_the_better_end_of_the_range(
    metric: str, values: list[float], higher: bool, best: float | None
) -> None:
    assert best_value(metric, values, higher) == best
