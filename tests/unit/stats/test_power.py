"""Power and detectable effects: equal to those by definition, and as often as simulations find the effect."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.stats.paired import paired_values
from fusion_eval.stats.permutation import permutation_test
from fusion_eval.stats.power import items_needed, minimal_detectable_effect, power_of


def power_by_definition(effect: float, clusters: int, alpha: float = 0.05) -> float:
    """Return the power of the two-sided t-test for an effect in units of the standard deviation.

    The power given the sample's standard deviation is a normal probability. It is integrated over that deviation, whose
    ratio to the true one has a chi distribution. scipy's noncentral t gives NaN for some arguments; this does not.
    """
    freedom, shift = clusters - 1, effect * np.sqrt(clusters)
    critical = scipy.stats.t.isf(alpha / 2, freedom)
    deviation = scipy.stats.chi(freedom, scale=1 / np.sqrt(freedom))

    def density(ratio: float) -> float:
        tails = scipy.stats.norm.sf([critical * ratio - shift, critical * ratio + shift])
        return float(deviation.pdf(ratio) * tails.sum())

    power, _ = scipy.integrate.quad(density, deviation.ppf(1e-12), deviation.isf(1e-12), limit=200)
    return float(power)


@pytest.mark.parametrize("clusters", [2, 5, 14, 100, 5_000])
def test_the_detectable_effect_has_a_power_of_80_percent_by_definition(clusters: int) -> None:
    error = 0.7 / np.sqrt(clusters)
    effect = minimal_detectable_effect(error, clusters)
    assert effect is not None
    assert power_by_definition(effect / 0.7, clusters) == pytest.approx(0.8, abs=1e-3)
    assert power_of(effect, error, clusters) == pytest.approx(0.8, abs=1e-4)


@pytest.mark.parametrize(("effect", "alpha", "power"), [(0.2, 0.05, 0.8), (0.5, 0.01, 0.9), (2.0, 0.05, 0.8)])
def test_the_needed_items_are_the_fewest_with_the_power_by_definition(
    effect: float, alpha: float, power: float
) -> None:
    needed = items_needed(effect, 1 / np.sqrt(50), 50, 50, alpha, power)
    assert needed is not None
    assert (
        power_by_definition(effect, needed, alpha) >= power > power_by_definition(effect, needed - 1, alpha)
    )


def test_the_t_test_finds_the_detectable_effect_in_four_of_five_samples() -> None:
    random = np.random.default_rng(0)
    effect = minimal_detectable_effect(1 / np.sqrt(20), 20)
    assert effect is not None
    p_values = scipy.stats.ttest_1samp(random.normal(effect, 1, (4_000, 20)), 0, axis=1).pvalue
    assert (p_values <= 0.05).mean() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("clusters", "alpha", "power"), [(2, 0.05, 0.5), (3, 0.005, 0.9), (4, 1e-4, 0.9), (10, 1e-4, 0.9)])  # fmt: skip
def test_the_power_is_right_for_few_clusters_and_strict_levels(
    clusters: int, alpha: float, power: float
) -> None:
    # given t statistics that are drawn by their definition, for the detectable effect
    random = np.random.default_rng(2)
    effect = minimal_detectable_effect(1.0, clusters, alpha, power)
    assert effect is not None
    draws = 200_000
    spread = np.sqrt(random.chisquare(clusters - 1, draws) / (clusters - 1))
    rejected = np.abs((random.normal(size=draws) + effect) / spread) > scipy.stats.t.isf(
        alpha / 2, clusters - 1
    )
    assert rejected.mean() == pytest.approx(power, abs=0.005)


@given(st.floats(0, 1e6), st.integers(2, 10**9), st.floats(1e-4, 0.2))
def test_power_is_a_probability_and_never_falls_with_the_effect(
    effect: float, clusters: int, alpha: float
) -> None:
    smaller, larger = power_of(effect, 1.0, clusters, alpha), power_of(1.1 * effect, 1.0, clusters, alpha)
    assert alpha - 1e-4 <= smaller <= larger + 1e-9 and larger <= 1 + 1e-9
    assert power_of(-effect, 1.0, clusters, alpha) == smaller


@pytest.mark.parametrize("clusters", [401, 402])
def test_the_approximation_for_many_clusters_is_as_good(clusters: int) -> None:
    for shift in (0.0, 1.0, 2.8, 4.0):
        theirs = scipy.stats.nct.sf(scipy.stats.t.isf(0.025, clusters - 1), clusters - 1, shift)
        theirs += scipy.stats.nct.sf(scipy.stats.t.isf(0.025, clusters - 1), clusters - 1, -shift)
        assert power_of(shift, 1.0, clusters) == pytest.approx(theirs, abs=1e-5)


def test_the_permutation_test_finds_the_detectable_effect_in_four_of_five_samples() -> None:
    random = np.random.default_rng(1)
    effect = minimal_detectable_effect(1 / np.sqrt(12), 12)
    assert effect is not None
    trials = 1_000
    samples = random.normal(effect, 1, (trials, 12))
    rejected = sum(
        permutation_test(paired_values(np.zeros(12), sample)).p_value <= 0.05 for sample in samples
    )
    low, high = scipy.stats.binom.interval(0.999, trials, 0.8)
    assert low <= rejected <= high


def test_items_are_counted_in_clusters_of_the_same_size() -> None:
    assert items_needed(0.5, 0.2, 400, 40) == pytest.approx(
        10 * (items_needed(0.5, 0.2, 40, 40) or 0), abs=10
    )


@given(st.floats(0.01, 10), st.floats(0.01, 2), st.integers(2, 200))
def test_the_needed_items_suffice_and_one_cluster_less_does_not(
    effect: float, error: float, clusters: int
) -> None:
    needed = items_needed(effect, error, clusters, clusters)
    assert needed is not None and needed >= 2
    spread = error * np.sqrt(clusters)
    assert power_of(effect, spread / np.sqrt(needed), needed) >= 0.8
    if needed > 2:
        assert power_of(effect, spread / np.sqrt(needed - 1), needed - 1) < 0.8


def test_a_result_that_does_not_exist_is_none() -> None:
    assert minimal_detectable_effect(0.1, 1) is None
    assert minimal_detectable_effect(0.0, 10) is None
    assert items_needed(0.0, 0.1, 10, 10) is None
    assert items_needed(0.5, 0.0, 10, 10) is None
    assert items_needed(1e-300, 1.0, 10, 10) is None


@pytest.mark.parametrize(("error", "clusters"), [(0.0, 10), (0.1, 1)])
def test_power_without_a_spread_is_refused(error: float, clusters: int) -> None:
    with pytest.raises(ValueError, match="two clusters"):
        power_of(0.1, error, clusters)


def test_a_power_below_alpha_has_no_detectable_effect() -> None:
    assert minimal_detectable_effect(0.1, 10, power=0.04) is None


def test_a_huge_effect_has_a_power_of_1() -> None:
    assert power_of(1e6, 1.0, 10) == pytest.approx(1.0)
