"""Adjusted p-values equal those of statsmodels, and control the error rates that they promise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from fusion_eval.stats.multiplicity import benjamini_hochberg, holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_both_adjustments_equal_those_of_statsmodels(n: int) -> None:
    # given small p-values, some of which are equal
    p_values = np.round(np.random.default_rng(n).beta(0.5, 2, n), 2)
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1])


@given(P_VALUES)
def test_adjusting_keeps_the_order_and_never_lowers_p_and_holm_is_stricter(p_values: list[float]) -> None:
    strict, lenient = holm(p_values), benjamini_hochberg(p_values)
    assert (strict >= lenient - 1e-12).all() and (lenient >= np.array(p_values) - 1e-12).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(strict[order]) >= 0).all() and (np.diff(lenient[order]) >= 0).all()


def test_a_single_p_value_stays_as_it_is() -> None:
    assert holm([0.03]) == benjamini_hochberg([0.03]) == pytest.approx([0.03])


def test_no_p_values_give_no_p_values() -> None:
    assert len(holm([])) == len(benjamini_hochberg([])) == 0


def test_holm_controls_the_family_wise_error_and_bh_the_false_discovery_rate() -> None:
    # given families of 20 tests, of which 15 are true null hypotheses
    trials = 2_000
    z = np.random.default_rng(0).normal([0.0] * 15 + [3.5] * 5, 1, (trials, 20))
    families = 2 * scipy.stats.norm.sf(np.abs(z))
    # when
    false_by_holm = sum(bool((holm(family)[:15] <= 0.05).any()) for family in families)
    rejected = np.array([benjamini_hochberg(family) <= 0.05 for family in families])
    # then
    assert false_by_holm <= scipy.stats.binom.ppf(0.999, trials, 0.05)
    false_discoveries = rejected[:, :15].sum(axis=1) / np.maximum(rejected.sum(axis=1), 1)
    assert 0.025 < false_discoveries.mean() < 0.05


@pytest.mark.parametrize("bad", [[float("nan")], [1.5], [-0.1], [[0.5]]])
def test_values_that_are_no_p_values_are_refused(bad: list[float]) -> None:
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="from 0 to 1"):
            adjust(bad)
