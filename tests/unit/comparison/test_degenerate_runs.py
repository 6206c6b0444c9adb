"""Runs that hold little or nothing to compare get defined numbers, or a sentence that says what is missing."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from compared_runs import compared, only_row, write_each, write_quiz

from fusion_eval.errors import ConfigError
from fusion_eval.runs.comparison import Row, to_json

NUMBERS = [0.3, 0.1, 0.9, 0.25, 0.5, 0.75]
CORPUS = [["the cat sat", "the cat sat down"], ["a dog ran", "the dogs ran"], ["rain", "rain"]]


def numbers_of(row: Row) -> list[float]:
    return [value for value in asdict(row).values() if isinstance(value, float)]


class TestIdenticalRuns:
    @pytest.mark.parametrize(
        ("metric", "values"),
        [
            ("acc", [1.0, 0.0, 1.0, 1.0]),
            ("f1", NUMBERS),
            ("chrf", CORPUS),
            ("bleu", CORPUS),
            ("ter", CORPUS),
            ("acc", [1.0]),
            ("acc", [0.0] * 4),
            ("acc", [1.0] * 4),
        ],
    )
    @pytest.mark.parametrize("test", ["auto", "permutation"])
    def test_p_is_1_and_nobody_wins(self, tmp_path: Path, metric: str, values: list[Any], test: str) -> None:
        # given
        folders = write_quiz(tmp_path / "a", values, metric), write_quiz(tmp_path / "b", values, metric)
        # when
        row = only_row(compared(*folders, test=test))
        # then
        assert (row.delta, row.p_value, row.p_adjusted, row.win_p_value) == (0.0, 1.0, 1.0, 1.0)
        assert (row.wins, row.losses, row.ties, row.significant) == (0, 0, len(values), False)
        assert "all items have the same value in both runs" in (row.note or "")

    def test_rounding_differences_between_identical_answers_change_nothing(self, tmp_path: Path) -> None:
        # given
        rounded = [value + 1e-12 for value in NUMBERS]
        # when
        row = only_row(compared(*write_each(tmp_path, {"a": NUMBERS, "b": rounded})))
        # then
        assert (row.delta, row.p_value) == (0.0, 1.0)


class TestFewItems:
    @pytest.mark.parametrize("values", [([0.0], [1.0]), ([0.2], [0.7])])
    def test_one_item_shows_a_difference_that_is_never_significant(
        self, tmp_path: Path, values: tuple[list[float], list[float]]
    ) -> None:
        # when
        row = only_row(compared(*write_each(tmp_path, dict(zip("ab", values, strict=True)))))
        # then
        assert (row.ci_low, row.ci_high, row.minimal_detectable_effect) == (None, None, None)
        assert row.p_value >= 0.5 and not row.significant

    @pytest.mark.parametrize("candidate", [[1.0, 1.0], [1.0, 0.0]])
    def test_no_detectable_effect_exceeds_the_range_of_the_metric(
        self, tmp_path: Path, candidate: list[float]
    ) -> None:
        # when
        row = only_row(compared(*write_each(tmp_path, {"a": [0.0, 0.0], "b": candidate})))
        # then
        assert row.minimal_detectable_effect is None or row.minimal_detectable_effect <= 1


class TestConstantMetrics:
    def test_runs_that_are_always_right_and_always_wrong_differ_for_certain(self, tmp_path: Path) -> None:
        # when
        row = only_row(compared(*write_each(tmp_path, {"a": [0.0] * 12, "b": [1.0] * 12})))
        # then
        assert (row.delta, row.ci_low, row.ci_high, row.win_rate) == (1.0, 1.0, 1.0, 1.0)
        assert row.p_value == pytest.approx(1 / 2**12) and "no width" in (row.note or "")

    @pytest.mark.parametrize("shift", [0.25, -0.25])
    def test_a_constant_shift_has_finite_numbers(self, tmp_path: Path, shift: float) -> None:
        # given
        shifted = [value + shift for value in NUMBERS]
        # when
        row = only_row(compared(*write_each(tmp_path, {"a": NUMBERS, "b": shifted})))
        # then
        assert row.delta == pytest.approx(shift)
        assert all(map(math.isfinite, numbers_of(row)))


class TestUnusableValues:
    @pytest.mark.parametrize("value", [float("inf"), float("-inf"), "high", {}])
    def test_a_metric_with_a_value_that_is_no_number_is_refused_with_the_reason(
        self, tmp_path: Path, value: Any
    ) -> None:
        # given
        folders = write_each(tmp_path, {"a": [0.5, 0.1, 0.3], "b": [0.2, value, 0.4]})
        # when, then
        with pytest.raises(ConfigError, match="neither finite numbers nor pairs"):
            compared(*folders)

    @pytest.mark.parametrize("value", [None, float("nan")])
    def test_null_and_nan_are_missing_values_that_are_counted(self, tmp_path: Path, value: Any) -> None:
        # when
        row = only_row(compared(*write_each(tmp_path, {"a": [0.5, 0.1, 0.3], "b": [0.2, value, 0.4]})))
        # then
        assert row.n == 2 and "1 items without a value in some run are left out" in (row.note or "")

    def test_booleans_are_0_and_1(self, tmp_path: Path) -> None:
        # given
        folders = write_each(tmp_path, {"a": [True, False, False], "b": [1.0, 1.0, 0.0]})
        # when
        row = only_row(compared(*folders))
        # then
        assert (row.baseline_value, row.candidate_value, row.test) == (
            pytest.approx(1 / 3),
            pytest.approx(2 / 3),
            "mcnemar",
        )

    def test_the_file_of_a_comparison_holds_no_nan(self, tmp_path: Path) -> None:
        # given
        folders = write_each(tmp_path, {"a": [0.5], "b": [0.5]})
        # when, then
        assert b"NaN" not in to_json(compared(*folders))
