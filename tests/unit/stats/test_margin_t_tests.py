"""The t tests against a margin: equal to statsmodels, at their level, with their power, and cautious without spread."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import ttost_paired

from fusion_eval.stats.bootstrap import jackknife_error
from fusion_eval.stats.non_inferiority import t_not_worse, t_worse
from fusion_eval.stats.paired import paired_values


def test_both_tests_equal_the_one_sided_tests_of_statsmodels() -> None:
    random = np.random.default_rng(0)
    baseline = random.random(40)
    candidate = baseline + random.normal(0.02, 0.2, 40)
    paired = paired_values(baseline, candidate)
    error = jackknife_error(paired)
    assert error is not None
    _, (_, not_worse, _), (_, not_better, _) = ttost_paired(candidate, baseline, -0.1, 0.1)
    assert t_not_worse(paired.delta, error, 40, 0.1) == pytest.approx(not_worse)
    assert t_worse(-paired.delta, error, 40, 0.1) == pytest.approx(1 - not_better)


@given(st.floats(-2, 2), st.floats(0.01, 1), st.integers(2, 100), st.floats(0.01, 2))
def test_the_two_p_values_add_up_to_one(delta: float, error: float, clusters: int, margin: float) -> None:
    both = t_not_worse(delta, error, clusters, margin) + t_worse(delta, error, clusters, margin)
    assert both == pytest.approx(1)


@pytest.mark.parametrize("clustered", [False, True])
def test_a_loss_of_the_margin_passes_at_the_level_and_no_loss_mostly_passes(clustered: bool) -> None:
    # given 40 independent clusters with a true difference at the margin, or well inside it
    random = np.random.default_rng(1)
    trials, at_margin, inside = 600, 0, 0
    labels = np.repeat(np.arange(40), 3) if clustered else None
    for _ in range(trials):
        noise = random.normal(size=40)
        noise = np.repeat(noise, 3) + random.normal(0, 0.3, 120) if clustered else noise
        paired = paired_values(np.zeros(len(noise)), noise, labels)
        error = jackknife_error(paired)
        assert error is not None
        # when
        at_margin += t_not_worse(paired.delta - 0.5, error, 40, 0.5) <= 0.05
        inside += t_not_worse(paired.delta + 0.2, error, 40, 0.5) <= 0.05
    # then
    low, high = scipy.stats.binom.interval(0.999, trials, 0.05)
    assert low <= at_margin <= high
    assert inside > 0.95 * trials


class TestWithoutSpread:
    """All items differ by the same amount, so there is no standard error."""

    def test_few_equal_items_show_nothing_and_many_do(self) -> None:
        # a loss on one item in a hundred would go unseen in twenty
        assert t_not_worse(0.0, 0.0, 2, 0.01) > 0.05
        assert t_not_worse(0.0, 0.0, 20, 0.01) == pytest.approx(0.99**20)
        assert t_not_worse(0.0, 0.0, 1_000, 0.01) < 0.05

    def test_a_loss_beyond_the_margin_on_every_item_never_passes(self) -> None:
        assert t_not_worse(-0.03, 0.0, 10_000, 0.02) == 1.0
        assert t_worse(-0.03, 0.0, 1_000, 0.02) < 0.05

    def test_the_scale_of_the_metric_does_not_matter(self) -> None:
        assert t_not_worse(0.0, 0.0, 50, 1.0, largest=100.0) == t_not_worse(0.0, 0.0, 50, 0.01)


@pytest.mark.parametrize(("margin", "clusters"), [(0.0, 10), (-1.0, 10), (float("nan"), 10), (0.1, 1)])
def test_a_margin_of_zero_and_a_single_cluster_are_refused(margin: float, clusters: int) -> None:
    for test in (t_not_worse, t_worse):
        with pytest.raises(ValueError, match=r"margin|clusters"):
            test(0.0, 0.1, clusters, margin)
