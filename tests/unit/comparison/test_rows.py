"""Rows: the test, the interval and the caveats of two runs on one task."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from compared_runs import compared, only_row, write_each, write_quiz
from run_folders import samples, write_run

from fusion_eval.errors import ConfigError


class TestTests:
    def test_values_of_0_and_1_are_tested_by_mcnemar_and_others_by_permutation(self, tmp_path: Path) -> None:
        # given
        binary = write_each(tmp_path, {"a": [0, 1, 1], "b": [1, 1, 0]})
        graded = write_each(tmp_path, {"c": [0.1, 1, 1], "d": [1, 1, 0]})
        # when
        rows = only_row(compared(*binary)), only_row(compared(*graded))
        # then
        assert (rows[0].test, rows[1].test) == ("mcnemar", "permutation")

    def test_mcnemar_is_refused_for_other_values(self, tmp_path: Path) -> None:
        # given
        folders = write_each(tmp_path, {"a": [0.1, 1.0], "b": [1.0, 0.0]})
        # when, then
        with pytest.raises(ConfigError, match="test=mcnemar is for values of 0 and 1"):
            compared(*folders, test="mcnemar")

    def test_a_mean_over_tasks_is_tested_by_permutation(self, tmp_path: Path) -> None:
        # given many items gained in a large task, and all items lost in a small one
        folders = [
            write_run(tmp_path / name, {"t": samples(large), "u": samples(small, prefix="p")})
            for name, large, small in (
                ("a", [0.0] * 60, [1.0] * 10),
                ("b", [1.0] * 40 + [0.0] * 20, [0.0] * 10),
            )
        ]
        # when
        rows = compared(*folders, test="mcnemar").rows
        # then the mean over tasks shows a loss, as no count of items would
        assert [row.test for row in rows] == ["mcnemar", "mcnemar", "permutation"]
        assert rows[-1].delta < 0

    def test_a_win_is_the_lower_value_if_lower_is_better(self, tmp_path: Path) -> None:
        # given
        options: dict[str, Any] = {"metric": "edits", "directions": {"quiz": {"edits": False}}}
        first = write_quiz(tmp_path / "a", [3.0, 3.0], **options)
        second = write_quiz(tmp_path / "b", [1.0, 4.0], **options)
        # when
        row = only_row(compared(first, second))
        # then
        assert (row.delta, row.wins, row.losses) == (-0.5, 1, 1)


class TestCaveats:
    def test_a_run_against_itself_has_no_difference_and_p_is_1(self, tmp_path: Path) -> None:
        # given
        folder = write_quiz(tmp_path / "a", [0.1, 0.7, 0.3])
        # when
        row = only_row(compared(folder, folder))
        # then
        assert (row.delta, row.p_value, row.ci_low, row.ci_high) == (0.0, 1.0, 0.0, 0.0)
        assert (row.win_rate, row.significant) == (0.5, False)
        assert "p is 1" in (row.note or "")

    def test_one_item_has_no_interval(self, tmp_path: Path) -> None:
        # given
        folders = write_each(tmp_path, {"a": [0.0], "b": [1.0]})
        # when
        row = only_row(compared(*folders))
        # then
        assert (row.ci_low, row.minimal_detectable_effect) == (None, None)
        assert row.p_value == pytest.approx(0.5)  # mid-p of one discordant item
        assert "one independent item" in (row.note or "")

    def test_too_few_items_for_any_finding_are_named(self, tmp_path: Path) -> None:
        # given five and six items that all differ
        five = write_each(tmp_path, {"a": [0.0] * 5, "b": [0.5] * 5})
        six = write_each(tmp_path, {"c": [0.0] * 6, "d": [0.5] * 6})
        # when
        few, enough = only_row(compared(*five)), only_row(compared(*six))
        # then only six can reach the level of 0.05
        assert (few.p_value, enough.p_value) == (2 / 2**5, 2 / 2**6)
        assert "cannot show a difference" in (few.note or "")
        assert "cannot show" not in (enough.note or "") and "no width" in (enough.note or "")


class TestRounding:
    def test_a_difference_of_rounding_is_no_difference(self, tmp_path: Path) -> None:
        # given
        folders = write_each(tmp_path, {"a": [0.3] * 12, "b": [0.1 + 0.2] * 12})
        # when
        row = only_row(compared(*folders))
        # then
        assert (row.delta, row.p_value, row.ties, row.standard_error) == (0.0, 1.0, 12, 0.0)

    def test_the_order_of_lines_changes_no_byte(self, tmp_path: Path) -> None:
        # given two runs in order, and the same runs in random order
        shuffle = random.Random(5).shuffle
        for order in ("sorted", "shuffled"):
            for name in ("a", "b"):
                draw = random.Random(name)
                tasks = {
                    f"quiz_{code}": samples([draw.random() for _ in range(25)], prefix=code)
                    for code in ("fr", "sw")
                }
                if order == "shuffled":
                    for lines in tasks.values():
                        shuffle(lines)
                write_run(tmp_path / order / name, tasks)
        # when
        rows = [
            compared(tmp_path / order / "a", tmp_path / order / "b").rows for order in ("sorted", "shuffled")
        ]
        # then
        assert msgspec.json.encode(rows[0]) == msgspec.json.encode(rows[1])
