"""Metrics that are no mean of their items: they are read by their item statistics and agree with the harness."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compared_runs import compared, write_quiz
from sklearn.metrics import f1_score, matthews_corrcoef

Draw = Callable[[np.random.Generator], Any]


def perplexity_of_sums(items: Sequence[Any]) -> float:
    return math.exp(-sum(item[0] for item in items) / sum(item[1] for item in items))


CASES: dict[str, tuple[Draw, Callable[[Sequence[Any]], float]]] = {
    "word_perplexity": (
        lambda random: [-float(random.uniform(5, 90)), int(random.integers(3, 30))],
        perplexity_of_sums,
    ),
    "bits_per_byte": (
        lambda random: [-float(random.uniform(5, 90)), int(random.integers(30, 90))],
        lambda items: -sum(item[0] for item in items) / sum(item[1] for item in items) / math.log(2),
    ),
    "perplexity": (
        lambda random: -float(random.uniform(0.5, 4)),
        lambda items: math.exp(-sum(items) / len(items)),
    ),
    "inst_level_strict_acc": (
        lambda random: [bool(random.integers(2)) for _ in range(random.integers(1, 4))],
        lambda items: sum(map(sum, items)) / sum(map(len, items)),
    ),
    "f1": (
        lambda random: [int(random.integers(2)), int(random.integers(2))],
        lambda items: float(f1_score(*zip(*items, strict=True))),
    ),
    "mcc": (
        lambda random: [int(random.integers(3)), int(random.integers(3))],
        lambda items: float(matthews_corrcoef(*zip(*items, strict=True))),
    ),
    "macro_f1": (
        lambda random: ["abc"[random.integers(3)], "abc"[random.integers(3)]],
        lambda items: float(f1_score(*zip(*items, strict=True), average="macro")),
    ),
    "micro_f1": (
        lambda random: ["abc"[random.integers(3)], "abc"[random.integers(3)]],
        lambda items: float(f1_score(*zip(*items, strict=True), average="micro")),
    ),
}


@pytest.mark.parametrize("metric", CASES)
@pytest.mark.parametrize("with_results", [True, False])
def test_the_values_are_those_of_the_harness(tmp_path: Path, metric: str, with_results: bool) -> None:
    # given two runs whose results files report the aggregate, or which have none
    draw, aggregate = CASES[metric]
    random = np.random.default_rng(len(metric))
    items = {name: [draw(random) for _ in range(30)] for name in ("a", "b")}
    folders = [
        write_quiz(
            tmp_path / name,
            own,
            metric,
            results=with_results,
            reported={"quiz": {f"{metric},none": aggregate(own)}},
        )
        for name, own in items.items()
    ]
    # when
    (row,) = compared(*folders).rows
    # then
    assert (row.baseline_value, row.candidate_value) == pytest.approx(
        tuple(aggregate(own) for own in items.values())
    )
    assert 0 < row.p_value <= 1
    assert row.higher_is_better == (metric not in ("word_perplexity", "bits_per_byte", "perplexity"))


def test_labels_of_several_texts_are_compared_as_sets(tmp_path: Path) -> None:
    # given gold and predicted labels, some of them empty
    one = [[["x", "y"], ["x"]], [["y"], []], [["x"], ["x", "z"]]]
    # when
    (row,) = compared(*(write_quiz(tmp_path / name, one, "micro_f1") for name in ("a", "b"))).rows
    # then 2 of 3 predictions are right, and 2 of 4 labels are found
    assert row.baseline_value == pytest.approx(4 / 7)
    assert (row.ties, row.p_value) == (3, 1.0)


def test_a_number_that_no_aggregation_gives_is_left_out(tmp_path: Path) -> None:
    pairs = [[-3.0, 2], [-4.0, 5]]
    folders = [
        write_quiz(
            tmp_path / name, pairs, "word_perplexity", reported={"quiz": {"word_perplexity,none": 9.0}}
        )
        for name in ("a", "b")
    ]

    with pytest.raises(Exception, match="word_perplexity,none is left out"):
        compared(*folders)


def test_the_placeholder_of_predict_only_is_no_score(tmp_path: Path) -> None:
    folders = [write_quiz(tmp_path / name, [999, 999], "bypass") for name in ("a", "b")]

    with pytest.raises(Exception, match="have no metric of quiz in common"):
        compared(*folders)
