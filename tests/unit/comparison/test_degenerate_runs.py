"""Runs that say little: identical, of one item, or without any difference between items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compared_runs import compared, only_row, write_each, write_quiz

from fusion_eval.errors import ConfigError


@pytest.mark.parametrize("values", [[1.0, 0.0, 1.0], [0.3, 0.7, 0.1], [1.0], [0.0] * 4, [True, False, True]])
def test_identical_runs_have_p_1(tmp_path: Path, values: list[float]) -> None:
    row = only_row(compared(*write_each(tmp_path, {"a": values, "b": values})))

    assert (row.delta, row.p_value) == (0, 1)


@pytest.mark.parametrize(
    ("metric", "low", "high", "width"),
    [
        ("acc", 0.0, 1.0, 1),
        ("chrf", 0.0, 100.0, 100),
        ("sentence_bleu", 0.0, 100.0, 100),
        ("bleu", ["a b c d e", "v w x y z"], ["a b c d e", "a b c d e"], 100),
        ("chrf", ["abc def", "xyz"], ["abc def", "abc def"], 100),
    ],
)
def test_no_detectable_difference_exceeds_the_range(
    tmp_path: Path, metric: str, low: Any, high: Any, width: float
) -> None:
    # given two and three items that differ as much as they can, which can show nothing
    for n in (2, 3):
        first = write_quiz(tmp_path / f"a{n}", [low, high, low][:n], metric)
        second = write_quiz(tmp_path / f"b{n}", [high, low, low][:n], metric)
        # when
        smallest = only_row(compared(first, second)).minimal_detectable_effect
        # then
        assert smallest is None or smallest <= width


def test_a_detectable_difference_of_a_metric_without_a_range_may_be_of_any_size(tmp_path: Path) -> None:
    first = write_quiz(tmp_path / "a", [0.0, 900.0, 30.0], "edits")
    second = write_quiz(tmp_path / "b", [900.0, 0.0, 40.0], "edits")
    assert (only_row(compared(first, second)).minimal_detectable_effect or 0) > 900


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_one_sentence(tmp_path: Path, value: float | None) -> None:
    with pytest.raises(ConfigError):
        compared(*write_each(tmp_path, {"a": [value, value], "b": [1.0, 0.0]}))
