"""What a sample of this size can show: as statsmodels computes it, and as simulation finds it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from fusion_eval.stats.power import items_needed, minimal_detectable_effect, power_of


@pytest.mark.parametrize("clusters", [2, 5, 14, 100, 5_000])
def test_power_and_detectable_effect_are_those_of_statsmodels_t_test(clusters: int) -> None:
    error = 0.7 / np.sqrt(clusters)
    effect = minimal_detectable_effect(error, clusters)
    assert effect is not None
    assert TTestPower().power(effect / 0.7, clusters, 0.05) == pytest.approx(0.8, abs=1e-3)
    assert power_of(effect, error, clusters) == pytest.approx(0.8, abs=1e-4)


@pytest.mark.parametrize(("effect", "alpha", "power"), [(0.2, 0.05, 0.8), (0.5, 0.01, 0.9), (2.0, 0.05, 0.8)])
def test_items_needed_are_statsmodels_s(effect: float, alpha: float, power: float) -> None:
    needed = items_needed(effect, 1 / np.sqrt(50), 50, 50, alpha, power)
    theirs = TTestPower().solve_power(effect, alpha=alpha, power=power)
    assert needed == pytest.approx(int(np.ceil(theirs)), abs=1)


def test_the_t_test_finds_the_detectable_effect_in_four_of_five_samples() -> None:
    random = np.random.default_rng(0)
    effect = minimal_detectable_effect(1 / np.sqrt(20), 20)
    assert effect is not None
    p_values = scipy.stats.ttest_1samp(random.normal(effect, 1, (4_000, 20)), 0, axis=1).pvalue
    assert (p_values <= 0.05).mean() == pytest.approx(0.8, abs=0.02)


def test_items_come_in_clusters_of_the_same_size() -> None:
    assert items_needed(0.5, 0.2, 400, 40) == pytest.approx(
        10 * (items_needed(0.5, 0.2, 40, 40) or 0), abs=10
    )


@given(st.floats(0.01, 10), st.floats(0.01, 2), st.integers(2, 200))
def test_what_is_needed_suffices_and_one_cluster_less_does_not(
    effect: float, error: float, clusters: int
) -> None:
    needed = items_needed(effect, error, clusters, clusters)
    assert needed is not None and needed >= 2
    spread = error * np.sqrt(clusters)
    assert power_of(effect, spread / np.sqrt(needed), needed) >= 0.8
    if needed > 2:
        assert power_of(effect, spread / np.sqrt(needed - 1), needed - 1) < 0.8


def test_what_nothing_can_be_said_of_is_none() -> None:
    assert minimal_detectable_effect(0.1, 1) is None
    assert minimal_detectable_effect(0.0, 10) is None
    assert items_needed(0.0, 0.1, 10, 10) is None
    assert items_needed(0.5, 0.0, 10, 10) is None
    assert items_needed(1e-300, 1.0, 10, 10) is None


def test_a_huge_effect_is_found_for_certain() -> None:
    assert power_of(1e6, 1.0, 10) == pytest.approx(1.0)
