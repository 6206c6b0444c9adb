"""Metrics that are no mean of their items are checked by their item statistics, in runs and in baseline files."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest
from gate_sides import check_paths, damaged, run

from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline_file import write_baseline
from fusion_eval.gate.check import check
from fusion_eval.gate.margins import Margins
from fusion_eval.gate.sides import read_side
from fusion_eval.gate.statistics import label_columns
from fusion_eval.runs.values import Parts

LONG = [[-3.0 * words, words] for words in range(5, 65)]
WORSE = [[-3.2 * words, words] for words in range(5, 65)]
RIGHT = [[["love", "work"], ["love", "work"]]] * 40 + [[["food"], ["food"]]] * 40
WRONG = [[["love", "work"], ["food"]]] * 40 + [[["food"], ["food"]]] * 40
CASES: list[tuple[str, list[Any], list[Any], tuple[float, float]]] = [
    ("word_perplexity", LONG, WORSE, (math.exp(3), math.exp(3.2))),
    ("bits_per_byte", LONG, WORSE, (3 / math.log(2), 3.2 / math.log(2))),
    ("perplexity", [-1.0 - n / 90 for n in range(90)], [-2.0 - n / 90 for n in range(90)], (4.455, 12.11)),
    ("inst_level_strict_acc", [[True, True, False]] * 60, [[True, False, False]] * 60, (2 / 3, 1 / 3)),
    ("micro_f1", RIGHT, WRONG, (1.0, 2 * 40 / (40 + 80 + 40 + 40))),
    ("macro_f1", RIGHT, WRONG, (1.0, 2 * 40 / (40 + 80) / 3)),
    ("f1", [[1, 1]] * 60 + [[0, 0]] * 20, [[1, 0]] * 40 + [[1, 1]] * 20 + [[0, 0]] * 20, (1.0, 0.5)),
    ("mcc", [[1, 1]] * 40 + [[0, 0]] * 40, [[1, 0]] * 40 + [[0, 0]] * 40, (1.0, 0.0)),
]


@pytest.mark.parametrize(("metric", "good", "bad", "values"), CASES)
def test_a_large_loss_is_a_regression_and_no_loss_is_none(
    tmp_path: Path, metric: str, good: list[Any], bad: list[Any], values: tuple[float, float]
) -> None:
    # given
    old, new = run(tmp_path / "old", good, metric), run(tmp_path / "new", bad, metric)
    # when
    result = check_paths(old, new)
    # then
    assert (result.verdict, result.unchecked) == ("regression", ())
    assert (result.rows[0].baseline_value, result.rows[0].candidate_value) == pytest.approx(values, rel=1e-3)
    assert check_paths(new, old).verdict == check_paths(old, old).verdict == "pass"


@pytest.mark.parametrize(("metric", "good", "bad", "values"), CASES)
def test_a_baseline_file_stands_for_its_run(
    tmp_path: Path, metric: str, good: list[Any], bad: list[Any], values: tuple[float, float]
) -> None:
    # given values of which some are missing
    old, new = run(tmp_path / "old", [None, *good], metric), run(tmp_path / "new", [*bad, None], metric)
    # when
    file = write_baseline(read_side(old), tmp_path / "base.json.gz")
    # then
    assert check_paths(file, new, allow_partial=True).rows == check_paths(old, new, allow_partial=True).rows


def test_a_baseline_file_is_small_and_holds_no_label(tmp_path: Path) -> None:
    # given a thousand items with labels that are answers
    pairs = [[["secret"], [("secret", "answer")[n * 7919 % 3 % 2]]] for n in range(1000)]
    # when
    file = write_baseline(read_side(run(tmp_path / "run", pairs, "macro_f1")), tmp_path / "base.gz")
    # then
    content = gzip.decompress(file.read_bytes()).decode()
    assert "secret" not in content and "answer" not in content
    assert file.stat().st_size < 7_000


def test_the_margin_of_a_perplexity_is_a_share_of_the_baseline_unless_it_has_its_own(tmp_path: Path) -> None:
    old, new = run(tmp_path / "old", LONG, "word_perplexity"), run(tmp_path / "new", WORSE, "word_perplexity")

    assert check_paths(old, new).rows[0].margin == pytest.approx(0.01 * math.exp(3))
    own = check_paths(old, new, margins=Margins(metrics={"word_perplexity": 30.0}))
    assert (own.rows[0].margin, own.verdict) == (30.0, "pass")


@pytest.mark.parametrize("metric", ["micro_f1", "mcc", "inst_level_loose_acc"])
def test_the_margin_of_a_share_is_one_point(tmp_path: Path, metric: str) -> None:
    values = [[True, False], [True, True]] * 20 if "inst" in metric else [[1, 0], [1, 1]] * 20
    side = run(tmp_path / "run", values, metric)
    assert check_paths(side, side).rows[0].margin == 0.01


def test_a_candidate_without_results_file_is_scored_as_the_baseline(tmp_path: Path) -> None:
    # given labels 0 and 1, and a baseline whose results file shows that f1 is the mean over both
    pairs = [[1, 1]] * 30 + [[0, 1]] * 10 + [[0, 0]] * 20
    macro = (2 * 30 / (60 + 10) + 2 * 20 / (40 + 10)) / 2
    old = run(tmp_path / "old", pairs, "f1", reported={"quiz": {"f1,none": macro}})
    new = run(tmp_path / "new", pairs, "f1", results=False)
    # when
    (row,) = check_paths(old, new).rows
    # then
    assert (row.candidate_value, row.unchanged) == (pytest.approx(macro), True)


def test_a_file_of_the_first_version_is_read_and_its_untested_metrics_stay_unchecked(tmp_path: Path) -> None:
    # given a file of version 1, which holds no item statistics
    reported = [
        {"task": "quiz", "metric": "micro_f1", "filter": "none", "higher_is_better": True, "value": 0.5}
    ]
    content = json.loads(gzip.decompress(damaged()))
    content["baseline"]["reported"] = reported
    (tmp_path / "base.gz").write_bytes(gzip.compress(json.dumps(content).encode()))
    # when
    old = read_side(tmp_path / "base.gz")
    # then
    assert content["schema_version"] == 1
    assert [one.metric for one in check(old, old).unchecked] == ["micro_f1"]


@pytest.mark.parametrize(
    "changed",
    [
        {"aggregation": "rouge", "columns": [[1, 0, 1], [1, 1, 1]]},
        {"aggregation": "mean_of_parts", "columns": [[1, 0, 1]]},
        {"aggregation": "macro_f1", "columns": [[1, 0, 1], [1, 1, 2]], "labels": [0.0, 1.0]},
        {"aggregation": "macro_f1", "columns": [[1, 0, 1], [1, 1, 0.5]], "labels": [0.0, 1.0]},
    ],
)
def test_statistics_that_do_not_fit_the_aggregation_are_an_error(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    metric = {"metric": "f1", "filter": "none", "higher_is_better": True, **changed}
    (tmp_path / "base.gz").write_bytes(damaged(metrics=[metric]))

    with pytest.raises(ConfigError, match="is not a baseline that"):
        read_side(tmp_path / "base.gz")


def test_a_column_points_to_each_of_many_labels() -> None:
    # given more labels than five digits can number
    pairs: list[Parts | None] = [(float(n), float(n)) for n in range(100_003)]
    # when
    columns, labels = label_columns(pairs)
    # then
    assert [labels[place or 0] for place in columns[0]] == [float(n) for n in range(100_003)]
