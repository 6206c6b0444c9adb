"""Runs that say little: identical, of one item, or without any difference between items."""

from __future__ import annotations

from pathlib import Path

import pytest
from compared_runs import compared, only_row, write_each

from fusion_eval.errors import ConfigError


@pytest.mark.parametrize("values", [[1.0, 0.0, 1.0], [0.3, 0.7, 0.1], [1.0], [0.0] * 4, [True, False, True]])
def test_identical_runs_have_p_1(tmp_path: Path, values: list[float]) -> None:
    row = only_row(compared(*write_each(tmp_path, {"a": values, "b": values})))

    assert (row.delta, row.p_value) == (0, 1)


def test_no_detectable_difference_exceeds_the_range(tmp_path: Path) -> None:
    row = only_row(compared(*write_each(tmp_path, {"a": [1.0, 0.0], "b": [0.0, 1.0]})))

    smallest = row.minimal_detectable_effect
    assert smallest is None or smallest <= 1


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_one_sentence(tmp_path: Path, value: float | None) -> None:
    with pytest.raises(ConfigError):
        compared(*write_each(tmp_path, {"a": [value, value], "b": [1.0, 0.0]}))
