"""Metrics that no test can check: the last line counts them, and a loss in the results files is no pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from gate_sides import side

from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Baseline, ReportedMetric
from fusion_eval.gate.check import CheckOptions, check, check_runs
from fusion_eval.gate.margins import Margins
from fusion_eval.gate.views import as_markdown

VALUES = [1.0, 0.0] * 50


def with_reported(value: float | None, metric: str = "micro_f1", higher_is_better: bool = True) -> Baseline:
    """Return a side whose results file states one metric that no test can check."""
    tested = side({"intention": VALUES})
    return replace(tested, reported=(ReportedMetric("intention", metric, "none", higher_is_better, value),))


def checked(
    before: float | None, after: float | None, metric: str = "micro_f1", better: bool = True, **options: Any
) -> Any:
    sides = [with_reported(value, metric, better) for value in (before, after)]
    return check(*sides, CheckOptions(**options))


@pytest.mark.parametrize(
    ("unchecked", "verdict", "exit_code"),
    [("tell", "inconclusive", 3), ("warn", "pass", 0), ("fail", "regression", 1)],
)
def test_a_loss_of_the_margin_decides_as_the_option_says(
    unchecked: Any, verdict: str, exit_code: int
) -> None:
    result = checked(0.3019, 0.2857, unchecked=unchecked)
    assert (result.verdict, result.exit_code) == (verdict, exit_code)
    assert result.headline.endswith(
        "none of 1 rows is worse by more than its margin; 1 metric was not checked, of which 1 got worse: "
        "micro_f1 of intention went from 0.3019 to 0.2857"
    )


@pytest.mark.parametrize("after", [0.3019, 0.2950, 0.5, None])
def test_without_a_loss_of_the_margin_the_last_line_counts_the_metric_and_the_check_passes(
    after: float | None,
) -> None:
    result = checked(0.3019, after)
    assert (result.verdict, result.exit_code) == ("pass", 0)
    assert str(result).splitlines()[-1].endswith("; 1 metric was not checked")


@pytest.mark.parametrize(
    ("before", "after", "exit_code"), [(18.25, 19.91, 3), (18.25, 18.30, 0), (19.91, 18.25, 0)]
)
def test_a_metric_without_a_range_may_lose_a_share_of_its_value(
    before: float, after: float, exit_code: int
) -> None:
    assert checked(before, after, "perplexity", better=False).exit_code == exit_code


def test_a_margin_in_the_own_units_of_the_metric_counts() -> None:
    margins = Margins(metrics={"perplexity": 2.0})
    assert checked(18.25, 19.91, "perplexity", better=False, margins=margins).exit_code == 0


def test_only_metrics_that_were_asked_for_count() -> None:
    assert checked(0.9, 0.1, metrics=("acc",)).unchecked == ()


def test_too_few_items_that_pass_do_not_excuse_an_unchecked_loss() -> None:
    assert checked(0.9, 0.1, inconclusive="pass").exit_code == 3


def test_an_unknown_option_is_an_error() -> None:
    with pytest.raises(ConfigError, match="unchecked='pass' should be one of 'tell', 'warn', 'fail'"):
        check_runs("a", "b", unchecked="pass")  # type: ignore[arg-type]


@pytest.mark.parametrize(("unchecked", "exit_code"), [("tell", 3), ("warn", 0), ("fail", 1)])
def test_a_loss_decides_also_where_no_other_metric_is_asked_for(unchecked: Any, exit_code: int) -> None:
    # when only the metric of the results files is asked for
    result = checked(0.9, 0.2, metrics=("micro_f1",), unchecked=unchecked)
    # then
    assert (result.rows, result.exit_code) == ((), exit_code)
    assert "0 rows" not in as_markdown(result)
    assert str(result).endswith(
        "no metric has items to test; 1 metric was not checked, of which 1 got worse: micro_f1 of intention went from 0.9000 to 0.2000"
    )


def test_without_items_and_without_a_loss_there_is_nothing_to_check() -> None:
    with pytest.raises(ConfigError, match="have nothing to check by micro_f1"):
        checked(0.3, 0.3, metrics=("micro_f1",))


class TestAMetricWhoseItemsTheCandidateLacks:
    """The baseline has items of `acc`; the candidate's samples have another metric."""

    def sides(self, after: float | None) -> list[Baseline]:
        before = ReportedMetric("intention", "acc", "none", True, 0.5)
        return [
            replace(side({"intention": VALUES}), reported=(before,)),
            replace(side({"intention": VALUES}, metric="f1"), reported=(replace(before, value=after),)),
        ]

    @pytest.mark.parametrize(("unchecked", "exit_code"), [("tell", 3), ("warn", 0), ("fail", 1)])
    def test_the_results_files_decide_as_the_option_says(self, unchecked: Any, exit_code: int) -> None:
        # given a candidate whose results file states a loss
        result = check(*self.sides(0.3), CheckOptions(unchecked=unchecked))
        # then
        assert result.exit_code == exit_code
        assert result.headline.endswith("of which 1 got worse: acc of intention went from 0.5000 to 0.3000")

    @pytest.mark.parametrize(("unchecked", "exit_code"), [("warn", 0), ("fail", 1)])
    def test_a_value_that_disappears_counts_as_worse(self, unchecked: Any, exit_code: int) -> None:
        result = check(*self.sides(None), CheckOptions(unchecked=unchecked))
        assert result.exit_code == exit_code
        assert result.headline.endswith(
            "of which 1 got worse: acc of intention has no value in the candidate"
        )

    def test_without_the_option_a_value_that_disappears_is_an_error(self) -> None:
        with pytest.raises(ConfigError, match="The metric acc,none of intention is in the baseline"):
            check(*self.sides(None))
