"""Not worse, or the same, by a margin: as statsmodels tests it, at its level, and with the interval that agrees."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import ttost_paired

from fusion_eval.stats.bootstrap import jackknife_error
from fusion_eval.stats.equivalence import equivalence, non_inferiority
from fusion_eval.stats.paired import paired_values

NUMBERS = st.tuples(st.floats(-2, 2), st.floats(0.01, 1), st.integers(2, 100), st.floats(0.01, 2))


def test_both_are_statsmodels_s_two_one_sided_tests() -> None:
    random = np.random.default_rng(0)
    baseline = random.random(40)
    candidate = baseline + random.normal(0.02, 0.2, 40)
    paired = paired_values(baseline, candidate)
    error = jackknife_error(paired)
    assert error is not None
    p_value, lower, _upper = ttost_paired(candidate, baseline, -0.1, 0.1)
    assert equivalence(paired.delta, error, 40, 0.1).p_value == pytest.approx(p_value)
    assert non_inferiority(paired.delta, error, 40, 0.1).p_value == pytest.approx(lower[1])


@given(NUMBERS)
def test_the_claim_holds_exactly_where_its_interval_lies_within_the_margin(
    numbers: tuple[float, float, int, float],
) -> None:
    delta, error, clusters, margin = numbers
    same, not_worse = (
        equivalence(delta, error, clusters, margin),
        non_inferiority(delta, error, clusters, margin),
    )
    assert same.low is not None and same.high is not None and not_worse.low is not None
    if min(abs(same.low + margin), abs(same.high - margin)) > 1e-9:
        assert same.holds == (-margin < same.low and same.high < margin)
        assert not_worse.holds == (not_worse.low > -margin)
    assert not_worse.holds or not same.holds


@given(NUMBERS)
def test_equivalence_does_not_depend_on_which_run_is_the_baseline(
    numbers: tuple[float, float, int, float],
) -> None:
    delta, error, clusters, margin = numbers
    assert equivalence(delta, error, clusters, margin).p_value == pytest.approx(
        equivalence(-delta, error, clusters, margin).p_value
    )


@pytest.mark.parametrize("clustered", [False, True])
def test_at_the_margin_it_passes_at_its_level_and_well_inside_it_mostly(clustered: bool) -> None:
    random = np.random.default_rng(1)
    trials, at_margin, inside = 1_500, 0, 0
    labels = np.repeat(np.arange(40), 3) if clustered else None
    for _ in range(trials):
        noise = random.normal(size=40)
        noise = np.repeat(noise, 3) + random.normal(0, 0.3, 120) if clustered else noise
        for effect in (-0.5, 0.2):
            paired = paired_values(np.zeros(len(noise)), noise + effect, labels)
            error = jackknife_error(paired)
            assert error is not None
            holds = non_inferiority(paired.delta, error, 40, 0.5).holds
            at_margin += holds and effect == -0.5
            inside += holds and effect == 0.2
    low, high = scipy.stats.binom.interval(0.999, trials, 0.05)
    assert low <= at_margin <= high
    assert inside > 0.95 * trials


@pytest.mark.parametrize("side", [-1, 1])
def test_at_either_margin_equivalence_is_claimed_at_its_level_and_between_them_mostly(side: int) -> None:
    random = np.random.default_rng(2)
    trials = 1_500
    noise = random.normal(size=(trials, 40))
    errors = noise.std(axis=1, ddof=1) / np.sqrt(40)
    claims = {
        effect: sum(
            equivalence(delta + effect, error, 40, 0.6).holds
            for delta, error in zip(noise.mean(axis=1), errors, strict=True)
        )
        for effect in (0.6 * side, 0.0)
    }
    low, high = scipy.stats.binom.interval(0.999, trials, 0.05)
    assert low <= claims[0.6 * side] <= high
    assert claims[0.0] > 0.9 * trials


def test_without_spread_few_items_show_nothing_and_many_do() -> None:
    # given runs that are equal on every item: a loss on one in a hundred would go unseen in twenty
    assert not non_inferiority(0.0, 0.0, 2, 0.01).holds
    assert not equivalence(0.0, 0.0, 20, 0.01).holds
    assert non_inferiority(0.0, 0.0, 20, 0.01).p_value == pytest.approx(0.99**20)
    assert non_inferiority(0.0, 0.0, 1_000, 0.01).holds and equivalence(0.0, 0.0, 1_000, 0.01).holds
    # and a loss beyond the margin on every item is one, however few
    assert not non_inferiority(-0.03, 0.0, 10_000, 0.02).holds
    # and on a scale to 100 a point is a hundredth
    assert (
        non_inferiority(0.0, 0.0, 50, 1.0, largest=100.0).p_value
        == non_inferiority(0.0, 0.0, 50, 0.01).p_value
    )


@pytest.mark.parametrize(("margin", "clusters"), [(0.0, 10), (-1.0, 10), (float("nan"), 10), (0.1, 1)])
def test_what_no_test_can_be_made_of(margin: float, clusters: int) -> None:
    for test in (non_inferiority, equivalence):
        with pytest.raises(ValueError, match=r"margin|clusters"):
            test(0.0, 0.1, clusters, margin)
