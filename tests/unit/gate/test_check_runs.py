"""`check_runs`, the function behind the Python API, and the result that it returns."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from gate_sides import run

from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline_file import write_baseline
from fusion_eval.gate.check import check_runs
from fusion_eval.gate.checked_rows import CheckedRow
from fusion_eval.gate.sides import read_side
from fusion_eval.gate.views import as_text


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return run(tmp_path / "good", [1.0] * 160 + [0.0] * 40)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return run(tmp_path / "bad", [1.0] * 80 + [0.0] * 120)


def test_a_worse_run_is_a_regression_and_does_not_pass(good: Path, bad: Path) -> None:
    result = check_runs(good, bad)
    assert (result.outcome, result.passed) == ("regression", False)


def test_an_unchanged_run_passes(good: Path) -> None:
    result = check_runs(good, good)
    assert (result.outcome, result.passed) == ("no regression", True)


@pytest.mark.parametrize(("inconclusive", "passed"), [("tell", False), ("fail", False), ("pass", True)])
def test_an_inconclusive_check_passes_only_if_asked_to(
    tmp_path: Path, inconclusive: Any, passed: bool
) -> None:
    few, more = run(tmp_path / "few", [1.0, 0.0, 0.0]), run(tmp_path / "more", [1.0, 1.0, 0.0])
    result = check_runs(more, few, inconclusive=inconclusive)
    assert (result.outcome, result.passed) == ("inconclusive", passed)


def test_a_baseline_file_stands_for_its_run(good: Path, bad: Path, tmp_path: Path) -> None:
    file = write_baseline(read_side(good), tmp_path / "base.json.gz")
    assert check_runs(file, str(bad)).rows == check_runs(good, bad).rows


def test_a_margin_is_a_share_or_a_mapping_or_a_file(good: Path, bad: Path, tmp_path: Path) -> None:
    (tmp_path / "margins.yaml").write_text("acc: 0.6\n")
    results = [
        check_runs(good, bad, margin=margin) for margin in (0.6, {"acc": 0.6}, tmp_path / "margins.yaml")
    ]
    assert [result.rows[0].margin for result in results] == [0.6] * 3
    assert all(result.passed for result in results)


def test_the_text_of_a_result_is_the_table(good: Path, bad: Path) -> None:
    result = check_runs(good, bad)
    assert str(result) == as_text(result)


def test_the_frame_has_a_line_for_each_row_and_a_column_for_each_field(good: Path, bad: Path) -> None:
    frame = check_runs(good, bad).to_frame()
    assert list(frame.columns) == [field.name for field in fields(CheckedRow)]
    assert list(frame["verdict"]) == ["regression"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 5}, "alpha=5 should be a number from 0.0001 to 0.5"),
        ({"inconclusive": "skip"}, "inconclusive='skip' should be one of 'tell', 'pass', 'fail'"),
        ({"margin": 2}, "--margin 2 should be a share of the metric's range"),
        ({"metrics": "ac"}, "the baseline has no such metric. Did you mean 'acc'?"),
    ],
)
def test_an_option_that_cannot_be_used_is_an_error(good: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_runs(good, good, **options)
    assert message in str(raised.value)


def test_clusters_cannot_be_chosen_for_a_baseline_file(good: Path, tmp_path: Path) -> None:
    file = write_baseline(read_side(good), tmp_path / "base.json.gz")
    with pytest.raises(ConfigError, match=r"cluster='id' has no effect on .*, which holds its own clusters"):
        check_runs(file, good, cluster="id")
