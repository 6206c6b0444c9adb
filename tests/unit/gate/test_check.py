"""The gate: which runs pass, which fail, and which cannot tell; in which rows, at which margins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gate_sides import checked, refused, run, side
from run_folders import samples, write_run

from fusion_eval.errors import ConfigError
from fusion_eval.gate.check import CheckSettings, check
from fusion_eval.gate.margins import Margins
from fusion_eval.gate.result import CheckedRow

RIGHT = np.repeat([1.0, 0.0], [700, 300])
"""Of a thousand items."""
WORSE = np.repeat([1.0, 0.0], [600, 400])
BETTER = np.repeat([1.0, 0.0], [800, 200])


def planted(old: npt.ArrayLike, new: npt.ArrayLike, **options: Any) -> CheckedRow:
    """The only row of a check of two arrays."""
    (row,) = check(side({"quiz": old}, **options), side({"quiz": new}, **options)).rows
    return row


class TestVerdicts:
    def test_a_loss_of_ten_points_on_a_thousand_items_is_a_regression(self) -> None:
        row = planted(RIGHT, WORSE)
        assert (row.verdict, row.n, row.clusters) == ("regression", 1000, 1000)
        assert (row.baseline_value, row.candidate_value) == (0.7, 0.6)
        assert row.delta == pytest.approx(-0.1) and row.p_worse_adjusted < 1e-6 and row.items_needed is None

    def test_a_gain_of_ten_points_passes(self) -> None:
        row = planted(RIGHT, BETTER)
        assert (row.verdict, row.largest_loss) == ("pass", 0.0)

    def test_a_loss_of_ten_points_on_twenty_items_cannot_be_told_and_says_how_many_would(self) -> None:
        row = planted(RIGHT[::50], WORSE[::50])
        assert row.verdict == "inconclusive" and row.items_needed is not None and row.items_needed > 20

    def test_a_loss_within_a_wide_margin_passes(self) -> None:
        (row,) = check(side({"quiz": RIGHT}), side({"quiz": WORSE}), CheckSettings(Margins(0.2))).rows
        assert (row.verdict, row.margin) == ("pass", 0.2)

    @pytest.mark.parametrize("items", [1, 2, 5, 1000])
    def test_what_is_unchanged_passes_however_few_the_items(self, items: int) -> None:
        row = planted(RIGHT[:items], RIGHT[:items])
        assert (row.verdict, row.unchanged, row.test, row.note) == ("pass", True, "none", None)

    def test_a_run_against_itself_passes_in_all_its_rows(self, tmp_path: Path) -> None:
        tasks = {"qa_fr": samples([1.0, 0.0, 1.0]), "qa_de": samples([1.0, 0.0, 0.0], prefix="d")}
        path = write_run(tmp_path / "a", tasks)
        found = checked(path, path)
        assert (found.verdict, found.exit_code, len(found.rows)) == ("pass", 0, 3)

    @pytest.mark.parametrize(
        ("old", "new", "clusters"),
        [([1.0], [0.0], None), ([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0], [7, 7, 7, 7])],
        ids=["one item", "one cluster"],
    )
    def test_one_independent_item_tells_nothing(
        self, old: list[float], new: list[float], clusters: list[int] | None
    ) -> None:
        row = planted(old, new, clusters=clusters)
        assert (row.verdict, row.clusters, row.test, row.largest_loss) == ("inconclusive", 1, "none", None)
        assert row.items_needed is None and row.note == "1 independent items: the test is rough"

    def test_lower_is_better(self) -> None:
        # given an error rate that rises, and one that falls
        low, high = 1 - BETTER, 1 - RIGHT
        rose, fell = (planted(*pair, metric="wer", higher_is_better=False) for pair in ((low, high), (high, low)))  # fmt: skip
        assert (rose.verdict, fell.verdict) == ("regression", "pass")
        assert rose.delta > 0 > fell.delta and not rose.higher_is_better
        assert rose.largest_loss is not None and rose.largest_loss > rose.delta

    @pytest.mark.parametrize(("settings", "code"), [("tell", 3), ("pass", 0), ("fail", 1)])
    def test_too_few_items_count_as_one_asks(self, settings: Any, code: int) -> None:
        few = side({"quiz": RIGHT[::50]}), side({"quiz": WORSE[::50]})
        found = check(*few, CheckSettings(inconclusive=settings))
        assert (found.verdict, found.exit_code) == ("inconclusive", code)

    def test_the_verdict_of_the_whole_is_that_of_its_worst_row(self) -> None:
        old = {"bad": RIGHT, "good": RIGHT, "even": RIGHT}
        found = check(side(old), side({"bad": WORSE, "good": BETTER, "even": RIGHT}))
        by_task = {row.task: row.verdict for row in found.rows}
        assert (by_task["bad"], by_task["good"], by_task["even"]) == ("regression", "pass", "pass")
        assert (found.verdict, found.exit_code) == ("regression", 1)


class TestManyRows:
    def test_a_loss_that_one_row_alone_would_show_is_not_shown_among_many(self) -> None:
        # given 9 of 200 items lost, and 40 other tasks that are as they were
        old, new = np.ones(200), np.repeat([0.0, 1.0], [9, 191])
        alone = planted(old, new)
        assert alone.verdict == "regression" and alone.p_worse_adjusted == alone.p_worse
        others = {f"other{number}": old for number in range(40)}
        found = check(side({"quiz": old, **others}), side({"quiz": new, **others}))
        among = next(row for row in found.rows if row.task == "quiz")
        assert among.p_worse == alone.p_worse and among.verdict == "inconclusive"
        assert among.p_worse_adjusted == pytest.approx(min(1, alone.p_worse * len(found.rows)))

    def test_several_tasks_have_a_row_over_all_of_them(self) -> None:
        found = check(side({"a": RIGHT, "b": RIGHT}), side({"a": WORSE, "b": BETTER}))
        assert [(row.task, row.language) for row in found.rows] == [("a", None), ("b", None), ("all", "all")]
        assert found.rows[-1].delta == pytest.approx(0)

    def test_overall_leaves_the_single_languages_out_and_tasks_without_sisters_in(self, tmp_path: Path) -> None:  # fmt: skip
        tasks = {name: samples([1.0, 0.0], prefix=name) for name in ("qa_fr", "qa_de", "quiz")}
        path = write_run(tmp_path / "a", tasks)
        named = [(row.task, row.language) for row in checked(path, path, overall=True).rows]
        assert named == [("quiz", None), ("qa", "all"), ("all", "all")]

    def test_a_question_in_two_languages_is_one_cluster(self, tmp_path: Path) -> None:
        def both(folder: str, values: list[float]) -> Path:
            tasks = {f"qa_{code}": samples(values, prefix=code) for code in ("fr", "de")}
            return write_run(tmp_path / folder, tasks)

        found = checked(both("a", [1.0] * 40), both("b", [1.0] * 30 + [0.0] * 10))
        overall = found.rows[-1]
        assert (overall.task, overall.n, overall.clusters, overall.test) == ("qa", 80, 40, "t")
        assert "qa: items that stand at one place in its languages are one cluster" in found.notes

    def test_items_of_one_document_weigh_as_one(self) -> None:
        lost = np.repeat([0.0, 1.0], [8, 72])
        apart = planted(np.ones(80), lost)
        joined = planted(np.ones(80), lost, clusters=[place // 8 for place in range(80)])
        assert joined.clusters == 10 and joined.p_worse > apart.p_worse
        assert (apart.verdict, joined.verdict) == ("regression", "inconclusive")


class TestMetrics:
    def test_these_alone(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            mixed = samples([1.0, 0.0])
            for sample in mixed:
                sample |= {"metrics": ["acc", "f1"], "f1": 0.5 if name == "a" else 0.1}
            write_run(tmp_path / name, {"quiz": mixed})
        (row,) = checked(tmp_path / "a", tmp_path / "b", metrics=("acc",)).rows
        assert (row.metric, row.verdict) == ("acc", "pass")

    def test_an_unknown_one_is_an_error_with_the_nearest(self, tmp_path: Path) -> None:
        path = run(tmp_path / "a", [1.0, 0.0], "exact_match")
        said = refused(path, path, metrics=("exact_mach",))
        assert said == "--metrics exact_mach: the baseline has no such metric. Did you mean 'exact_match'? It has exact_match"  # fmt: skip

    @pytest.mark.parametrize(("highest", "margin"), [(0.5, 0.01), (1.0, 0.01), (64.0, 1.0), (100.0, 1.0)])
    def test_a_margin_is_one_point_of_the_scale_that_the_values_show(
        self, highest: float, margin: float
    ) -> None:
        assert planted([0.0, highest], [highest, 0.0]).margin == margin

    def test_the_scale_is_told_over_all_tasks_of_the_baseline(self) -> None:
        # given a task in which the system is so bad that its scores stay below 1
        old, new = side({"bad": [0.4, 0.2], "good": [60.0, 0.9]}), side({"bad": [0.4, 0.1], "good": [60.0, 0.9]})  # fmt: skip
        assert {row.margin for row in check(old, new).rows} == {1.0}

    def test_a_candidate_cannot_widen_its_own_margin(self) -> None:
        # given a metric from 0 to 1 that fell, and one value that only a bug can give
        old, new = np.tile([0.9, 0.7], 500), np.tile([0.4, 0.2], 500)
        new[0] = 60.0
        row = planted(old, new)
        assert (row.margin, row.verdict) == (0.01, "regression")

    @pytest.mark.parametrize("highest", [1.5, 5.0, 10.0])
    def test_ratings_are_on_a_scale_that_has_to_be_told(self, highest: float) -> None:
        with pytest.raises(ConfigError, match="needs a margin in its own units"):
            planted([1.0, highest], [highest, 1.0])

    def test_sentence_scores_by_a_known_name_go_to_a_hundred_however_low(self) -> None:
        assert planted([0.5, 12.0], [12.0, 0.5], metric="chrf").margin == 1.0

    def test_corpus_metrics_go_to_a_hundred(self, tmp_path: Path) -> None:
        # given translations without a word of their references
        path = run(tmp_path / "a", [["abc", "xyz"], ["def", "uvw"]], "chrf")
        (row,) = checked(path, path).rows
        assert (row.baseline_value, row.margin) == (0.0, 1.0)

    @pytest.mark.parametrize("values", [[250.0, 90.0], [-3.0, 0.5]], ids=["above 100", "below 0"])
    def test_another_scale_needs_a_margin_of_its_own(self, values: list[float]) -> None:
        one, other = side({"quiz": values}, metric="ppl"), side({"quiz": values[::-1]}, metric="ppl")
        with pytest.raises(ConfigError, match=r"ppl is on no scale .* --margin FILE with a line 'ppl: …' in it"):  # fmt: skip
            check(one, other)
        (row,) = check(one, other, CheckSettings(Margins(metrics={"ppl": 5.0}))).rows
        assert row.margin == 5.0


class TestMissingValues:
    @pytest.mark.parametrize("nothing", [None, float("nan")])
    def test_items_without_a_value_on_either_side_are_left_out_and_counted_where_that_is_asked_for(self, tmp_path: Path, nothing: float | None) -> None:  # fmt: skip
        old = run(tmp_path / "a", [1.0, nothing, 1.0, 0.0, 1.0])
        new = run(tmp_path / "b", [1.0, 1.0, nothing, 0.0, 1.0])
        (row,) = checked(old, new, allow_partial=True).rows
        assert (row.n, row.delta, row.note) == (3, 0.0, "2 items have no value in one of the two")

    def test_a_value_that_disappears_is_no_improvement(self, tmp_path: Path) -> None:
        old, new = run(tmp_path / "a", [1.0] * 10), run(tmp_path / "b", [1.0] * 6 + [None] * 4)
        assert "quiz: 4 items with a value of acc,none in the baseline have none in" in refused(old, new)

    def test_a_value_that_the_baseline_lacked_is_only_counted(self, tmp_path: Path) -> None:
        old, new = run(tmp_path / "a", [1.0, None, 0.0]), run(tmp_path / "b", [1.0, 1.0, 0.0])
        (row,) = checked(old, new).rows
        assert (row.n, row.note) == (2, "1 items have no value in one of the two")

    def test_values_on_no_item_together_are_an_error(self, tmp_path: Path) -> None:
        old, new = run(tmp_path / "a", [1.0, None]), run(tmp_path / "b", [None, 1.0])
        assert "quiz: on no item do both" in refused(old, new)
        with pytest.raises(ConfigError, match="have nothing to check"):
            checked(old, new, allow_partial=True)

    def test_a_metric_that_became_nothing_but_nan_is_missing(self, tmp_path: Path) -> None:
        old, new = run(tmp_path / "a", [1.0, 0.0]), run(tmp_path / "b", [float("nan")] * 2)
        assert "has no metric that can be compared" in refused(old, new)

    def test_a_value_that_became_infinite_is_missing(self, tmp_path: Path) -> None:
        both = {"quiz": samples([1.0, 0.0]), "other": samples([1.0, 0.0], prefix="o")}
        old = write_run(tmp_path / "a", both)
        new = write_run(tmp_path / "b", {**both, "quiz": samples([1.0, float("inf")])})
        assert refused(old, new).startswith("The task quiz is in the baseline")
