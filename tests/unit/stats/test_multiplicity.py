"""Adjusted p-values: as statsmodels has them, and with the error rates that they promise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from fusion_eval.stats.multiplicity import benjamini_hochberg, holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@settings(max_examples=40)  # statsmodels is slow
@given(P_VALUES)
def test_both_are_statsmodels_s(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1])


@given(P_VALUES)
def test_adjusting_never_lowers_p_keeps_the_order_and_holm_is_the_stricter(p_values: list[float]) -> None:
    strict, lenient = holm(p_values), benjamini_hochberg(p_values)
    assert (strict >= lenient - 1e-12).all() and (lenient >= np.array(p_values) - 1e-12).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(strict[order]) >= 0).all() and (np.diff(lenient[order]) >= 0).all()


def test_one_test_stays_as_it_is_and_none_is_none() -> None:
    assert holm([0.03]) == benjamini_hochberg([0.03]) == pytest.approx([0.03])
    assert len(holm([])) == len(benjamini_hochberg([])) == 0


def test_holm_keeps_the_family_wise_error_and_bh_the_false_discovery_rate() -> None:
    # given 20 tests of which 15 are of nothing
    random = np.random.default_rng(0)
    trials, any_false, false_share = 3_000, 0, 0.0
    for _ in range(trials):
        z = np.abs(np.r_[random.normal(0, 1, 15), random.normal(3.5, 1, 5)])
        p_values = 2 * scipy.stats.norm.sf(z)
        any_false += bool((holm(p_values)[:15] <= 0.05).any())
        found = benjamini_hochberg(p_values) <= 0.05
        false_share += found[:15].sum() / max(found.sum(), 1)
    assert any_false <= scipy.stats.binom.ppf(0.999, trials, 0.05)
    assert 0.025 < false_share / trials < 0.05


@pytest.mark.parametrize("bad", [[float("nan")], [1.5], [-0.1], [[0.5]]])
def test_what_is_no_p_value(bad: list[float]) -> None:
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="from 0 to 1"):
            adjust(bad)
