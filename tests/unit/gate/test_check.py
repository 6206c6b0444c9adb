"""The verdicts of the gate: which rows pass, which are regressions and which are inconclusive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gate_sides import check_paths, error_of_check, run, side
from run_folders import samples, write_run

from fusion_eval.errors import ConfigError
from fusion_eval.gate.check import CheckOptions, check
from fusion_eval.gate.checked_rows import CheckedRow
from fusion_eval.gate.margins import Margins

GOOD = np.repeat([1.0, 0.0], [700, 300])
WORSE = np.repeat([1.0, 0.0], [600, 400])
BETTER = np.repeat([1.0, 0.0], [800, 200])


def check_arrays(old: npt.ArrayLike, new: npt.ArrayLike, **options: Any) -> CheckedRow:
    """Check two arrays and return the only row."""
    (row,) = check(side({"quiz": old}, **options), side({"quiz": new}, **options)).rows
    return row


class TestVerdicts:
    def test_a_loss_of_ten_points_on_a_thousand_items_is_a_regression(self) -> None:
        row = check_arrays(GOOD, WORSE)
        assert (row.verdict, row.n, row.clusters) == ("regression", 1000, 1000)
        assert (row.baseline_value, row.candidate_value) == (0.7, 0.6)
        assert row.delta == pytest.approx(-0.1) and row.p_worse_adjusted < 1e-6 and row.items_needed is None

    def test_a_gain_of_ten_points_passes(self) -> None:
        row = check_arrays(GOOD, BETTER)
        assert (row.verdict, row.largest_loss) == ("pass", 0.0)

    def test_a_loss_of_ten_points_on_twenty_items_is_inconclusive_and_tells_the_items_needed(self) -> None:
        row = check_arrays(GOOD[::50], WORSE[::50])
        assert row.verdict == "inconclusive" and row.items_needed is not None and row.items_needed > 20

    def test_a_loss_within_a_wide_margin_passes(self) -> None:
        (row,) = check(side({"quiz": GOOD}), side({"quiz": WORSE}), CheckOptions(Margins(0.2))).rows
        assert (row.verdict, row.margin) == ("pass", 0.2)

    @pytest.mark.parametrize("items", [1, 2, 5, 1000])
    def test_an_unchanged_metric_passes_with_any_number_of_items(self, items: int) -> None:
        row = check_arrays(GOOD[:items], GOOD[:items])
        assert (row.verdict, row.unchanged, row.test, row.note) == ("pass", True, "none", None)

    def test_a_run_against_itself_passes_in_every_row(self, tmp_path: Path) -> None:
        tasks = {"qa_fr": samples([1.0, 0.0, 1.0]), "qa_de": samples([1.0, 0.0, 0.0], prefix="d")}
        path = write_run(tmp_path / "a", tasks)
        result = check_paths(path, path)
        assert (result.verdict, result.exit_code, len(result.rows)) == ("pass", 0, 3)

    @pytest.mark.parametrize(
        ("old", "new", "clusters"),
        [([1.0], [0.0], None), ([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0], [7, 7, 7, 7])],
        ids=["one item", "one cluster"],
    )
    def test_a_single_independent_item_is_inconclusive(
        self, old: list[float], new: list[float], clusters: list[int] | None
    ) -> None:
        row = check_arrays(old, new, clusters=clusters)
        assert (row.verdict, row.clusters, row.test, row.largest_loss) == ("inconclusive", 1, "none", None)
        assert row.items_needed is None and row.note == "1 independent items: the test is rough"

    def test_a_rising_error_rate_is_a_regression_and_a_falling_one_passes(self) -> None:
        # given an error rate that rises, and one that falls
        low, high = 1 - BETTER, 1 - GOOD
        rose, fell = (check_arrays(*pair, metric="wer", higher_is_better=False) for pair in ((low, high), (high, low)))  # fmt: skip
        assert (rose.verdict, fell.verdict) == ("regression", "pass")
        assert rose.delta > 0 > fell.delta and not rose.higher_is_better
        assert rose.largest_loss is not None and rose.largest_loss > rose.delta

    @pytest.mark.parametrize(("settings", "code"), [("tell", 3), ("pass", 0), ("fail", 1)])
    def test_the_option_inconclusive_sets_the_exit_code_of_an_inconclusive_check(
        self, settings: Any, code: int
    ) -> None:
        few = side({"quiz": GOOD[::50]}), side({"quiz": WORSE[::50]})
        result = check(*few, CheckOptions(inconclusive=settings))
        assert (result.verdict, result.exit_code) == ("inconclusive", code)

    def test_the_verdict_of_a_check_is_that_of_its_worst_row(self) -> None:
        old = {"bad": GOOD, "good": GOOD, "even": GOOD}
        result = check(side(old), side({"bad": WORSE, "good": BETTER, "even": GOOD}))
        by_task = {row.task: row.verdict for row in result.rows}
        assert (by_task["bad"], by_task["good"], by_task["even"]) == ("regression", "pass", "pass")
        assert (result.verdict, result.exit_code) == ("regression", 1)


class TestManyRows:
    def test_a_regression_of_one_row_alone_is_inconclusive_among_many_rows(self) -> None:
        # given 9 of 200 items lost, and 40 other tasks that are as they were
        old, new = np.ones(200), np.repeat([0.0, 1.0], [9, 191])
        alone = check_arrays(old, new)
        assert alone.verdict == "regression" and alone.p_worse_adjusted == alone.p_worse
        others = {f"other{number}": old for number in range(40)}
        result = check(side({"quiz": old, **others}), side({"quiz": new, **others}))
        among = next(row for row in result.rows if row.task == "quiz")
        assert among.p_worse == alone.p_worse and among.verdict == "inconclusive"
        assert among.p_worse_adjusted == pytest.approx(min(1, alone.p_worse * len(result.rows)))

    def test_several_tasks_get_a_row_over_all_tasks(self) -> None:
        result = check(side({"a": GOOD, "b": GOOD}), side({"a": WORSE, "b": BETTER}))
        assert [(row.task, row.language) for row in result.rows] == [("a", None), ("b", None), ("all", "all")]
        assert result.rows[-1].delta == pytest.approx(0)

    def test_overall_drops_the_rows_of_single_languages_only(self, tmp_path: Path) -> None:  # fmt: skip
        tasks = {name: samples([1.0, 0.0], prefix=name) for name in ("qa_fr", "qa_de", "quiz")}
        path = write_run(tmp_path / "a", tasks)
        named = [(row.task, row.language) for row in check_paths(path, path, overall=True).rows]
        assert named == [("quiz", None), ("qa", "all"), ("all", "all")]

    def test_a_question_in_two_languages_is_one_cluster(self, tmp_path: Path) -> None:
        def both(folder: str, values: list[float]) -> Path:
            tasks = {f"qa_{code}": samples(values, prefix=code) for code in ("fr", "de")}
            return write_run(tmp_path / folder, tasks)

        result = check_paths(both("a", [1.0] * 40), both("b", [1.0] * 30 + [0.0] * 10))
        overall = result.rows[-1]
        assert (overall.task, overall.n, overall.clusters, overall.test) == ("qa", 80, 40, "t")
        assert "qa: items that have the same position in each language are one cluster" in result.notes

    def test_items_of_one_cluster_count_as_one(self) -> None:
        lost = np.repeat([0.0, 1.0], [8, 72])
        apart = check_arrays(np.ones(80), lost)
        joined = check_arrays(np.ones(80), lost, clusters=[place // 8 for place in range(80)])
        assert joined.clusters == 10 and joined.p_worse > apart.p_worse
        assert (apart.verdict, joined.verdict) == ("regression", "inconclusive")


class TestMetrics:
    def test_only_the_named_metrics_are_checked(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            mixed = samples([1.0, 0.0])
            for sample in mixed:
                sample |= {"metrics": ["acc", "f1"], "f1": 0.5 if name == "a" else 0.1}
            write_run(tmp_path / name, {"quiz": mixed})
        (row,) = check_paths(tmp_path / "a", tmp_path / "b", metrics=("acc",)).rows
        assert (row.metric, row.verdict) == ("acc", "pass")

    def test_an_unknown_metric_is_an_error_that_names_the_nearest(self, tmp_path: Path) -> None:
        path = run(tmp_path / "a", [1.0, 0.0], "exact_match")
        message = error_of_check(path, path, metrics=("exact_mach",))
        assert message == "metrics=exact_mach: the baseline has no such metric. Did you mean 'exact_match'? It has exact_match"  # fmt: skip

    def test_a_metric_that_cannot_be_used_is_refused_with_the_reason(self, tmp_path: Path) -> None:
        good = write_run(tmp_path / "a", {"quiz": samples([1.0, 0.0]), "other": samples([1.0])})
        bad = write_run(tmp_path / "b", {"quiz": samples([float("inf"), 0.0]), "other": samples([1.0])})
        assert "cannot be used in" in (message := error_of_check(good, bad))
        assert "Infinity in b" in message

    def test_a_metric_of_the_results_files_alone_is_refused_by_name(self, tmp_path: Path) -> None:
        path = write_run(
            tmp_path / "a", {"quiz": samples([1.0, 0.0])}, reported={"quiz": {"mystery,none": 0.5}}
        )
        message = error_of_check(path, path, metrics=("mystery",))
        assert message.endswith("have nothing to check by mystery, whose values no items of both show")

    def test_an_unknown_filter_is_an_error_that_names_the_nearest(self, tmp_path: Path) -> None:
        records = samples([1.0, 0.0], "exact_match", filtered="strict-match")
        path = write_run(tmp_path / "a", {"quiz": records})
        message = error_of_check(path, path, metrics=("exact_match", "strict_match"))
        assert message.startswith("metrics=strict_match: the baseline has no such metric. Did you mean 'strict-match'?")  # fmt: skip

    @pytest.mark.parametrize(("highest", "margin"), [(0.5, 0.01), (1.0, 0.01), (64.0, 1.0), (100.0, 1.0)])
    def test_the_default_margin_is_one_point_of_the_scale_of_the_values(
        self, highest: float, margin: float
    ) -> None:
        assert check_arrays([0.0, highest], [highest, 0.0]).margin == margin

    def test_the_scale_comes_from_all_tasks_of_the_baseline(self) -> None:
        # given a task whose scores are so bad that they stay below 1
        old, new = side({"bad": [0.4, 0.2], "good": [60.0, 0.9]}), side({"bad": [0.4, 0.1], "good": [60.0, 0.9]})  # fmt: skip
        assert {row.margin for row in check(old, new).rows} == {1.0}

    def test_a_candidate_cannot_widen_its_own_margin(self) -> None:
        # given a metric from 0 to 1 that fell, and one value that only a bug can give
        old, new = np.tile([0.9, 0.7], 500), np.tile([0.4, 0.2], 500)
        new[0] = 60.0
        row = check_arrays(old, new)
        assert (row.margin, row.verdict) == (0.01, "regression")

    @pytest.mark.parametrize("highest", [1.5, 5.0, 10.0])
    def test_a_rating_scale_needs_a_margin_of_its_own(self, highest: float) -> None:
        with pytest.raises(ConfigError, match="needs a margin in its own units"):
            check_arrays([1.0, highest], [highest, 1.0])

    def test_a_sentence_metric_with_a_known_name_is_on_a_scale_to_100(self) -> None:
        assert check_arrays([0.5, 12.0], [12.0, 0.5], metric="chrf").margin == 1.0

    def test_a_corpus_metric_is_on_a_scale_to_100(self, tmp_path: Path) -> None:
        # given translations that have no word in common with their references
        path = run(tmp_path / "a", [["abc", "xyz"], ["def", "uvw"]], "chrf")
        (row,) = check_paths(path, path).rows
        assert (row.baseline_value, row.margin) == (0.0, 1.0)

    @pytest.mark.parametrize("values", [[250.0, 90.0], [-3.0, 0.5]], ids=["above 100", "below 0"])
    def test_values_outside_0_to_100_need_a_margin_of_their_own(self, values: list[float]) -> None:
        one, other = side({"quiz": values}, metric="ppl"), side({"quiz": values[::-1]}, metric="ppl")
        with pytest.raises(ConfigError, match=r"ppl is on no scale .* --margin FILE with a line 'ppl: …' in it"):  # fmt: skip
            check(one, other)
        (row,) = check(one, other, CheckOptions(Margins(metrics={"ppl": 5.0}))).rows
        assert row.margin == 5.0


class TestMissingValues:
    @pytest.mark.parametrize("nothing", [None, float("nan")])
    def test_allow_partial_leaves_out_items_without_a_value_and_counts_them(self, tmp_path: Path, nothing: float | None) -> None:  # fmt: skip
        old = run(tmp_path / "a", [1.0, nothing, 1.0, 0.0, 1.0])
        new = run(tmp_path / "b", [1.0, 1.0, nothing, 0.0, 1.0])
        (row,) = check_paths(old, new, allow_partial=True).rows
        assert (row.n, row.delta, row.note) == (3, 0.0, "2 items have no value in one of the two")

    def test_a_value_that_the_candidate_lacks_is_an_error(self, tmp_path: Path) -> None:
        old, new = run(tmp_path / "a", [1.0] * 10), run(tmp_path / "b", [1.0] * 6 + [None] * 4)
        assert "quiz: 4 items with a value of acc,none in the baseline have none in" in error_of_check(
            old, new
        )

    def test_a_value_that_only_the_baseline_lacks_is_counted_in_a_note(self, tmp_path: Path) -> None:
        old, new = run(tmp_path / "a", [1.0, None, 0.0]), run(tmp_path / "b", [1.0, 1.0, 0.0])
        (row,) = check_paths(old, new).rows
        assert (row.n, row.note) == (2, "1 items have no value in one of the two")

    def test_no_item_with_both_values_is_an_error(self, tmp_path: Path) -> None:
        old, new = run(tmp_path / "a", [1.0, None]), run(tmp_path / "b", [None, 1.0])
        assert "quiz: on no item do both" in error_of_check(old, new)
        with pytest.raises(ConfigError, match="have nothing to check"):
            check_paths(old, new, allow_partial=True)

    def test_a_metric_of_nothing_but_nan_is_missing(self, tmp_path: Path) -> None:
        old, new = run(tmp_path / "a", [1.0, 0.0]), run(tmp_path / "b", [float("nan")] * 2)
        assert "has no metric that can be compared" in error_of_check(old, new)

    def test_an_infinite_value_makes_the_metric_missing(self, tmp_path: Path) -> None:
        both = {"quiz": samples([1.0, 0.0]), "other": samples([1.0, 0.0], prefix="o")}
        old = write_run(tmp_path / "a", both)
        new = write_run(tmp_path / "b", {**both, "quiz": samples([1.0, float("inf")])})
        assert error_of_check(old, new).startswith("The task quiz is in the baseline")
