"""Bootstrap intervals: equal to scipy's, with the coverage that they claim, and defined where scipy's are NaN."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fusion_eval.stats import resampling
from fusion_eval.stats.bootstrap import bootstrap_interval, jackknife_error
from fusion_eval.stats.paired import Paired, paired_segments, paired_values, strata

RUNS = arrays(np.float64, (2, 12), elements=st.integers(-5, 5).map(float))


def interval(paired: Paired, method: str = "bca", **options: object) -> tuple[float, float]:
    result = bootstrap_interval(paired, method=method, **options)  # type: ignore[arg-type]
    assert result is not None
    return result.low, result.high


@pytest.mark.parametrize(("ours", "theirs"), [("percentile", "percentile"), ("bca", "BCa")])
def test_intervals_equal_scipys_within_the_simulation_error(ours: str, theirs: str) -> None:
    random = np.random.default_rng(0)
    baseline = random.random(80)
    candidate = baseline + random.exponential(0.3, 80)  # skewed, so that BCa differs
    expected = scipy.stats.bootstrap(
        (candidate - baseline,), np.mean, method=theirs, n_resamples=20_000, rng=1
    ).confidence_interval
    result = interval(paired_values(baseline, candidate), ours, resamples=20_000)
    assert result == pytest.approx(tuple(expected), abs=0.03 * (expected.high - expected.low))


def test_clusters_of_unequal_size_are_resampled_whole() -> None:
    # given that scipy resamples the same ratio: cluster sums over cluster sizes
    random = np.random.default_rng(1)
    sizes = random.integers(1, 9, 40)
    labels = np.repeat(np.arange(40), sizes)
    differences = np.repeat(random.normal(size=40), sizes) + random.normal(size=len(labels))
    sums = np.bincount(labels, differences)
    expected = scipy.stats.bootstrap(
        (sums, sizes),
        lambda total, count, axis: total.sum(axis=axis) / count.sum(axis=axis),
        paired=True,
        n_resamples=20_000,
        method="percentile",
        rng=2,
    ).confidence_interval
    result = interval(
        paired_values(np.zeros(len(labels)), differences, labels), "percentile", resamples=20_000
    )
    assert result == pytest.approx(tuple(expected), abs=0.03 * (expected.high - expected.low))


def test_the_standard_error_of_a_mean_is_that_of_the_paired_t_test() -> None:
    random = np.random.default_rng(2)
    baseline, candidate = random.random(30), random.random(30)
    theirs = scipy.stats.ttest_rel(candidate, baseline)
    error = jackknife_error(paired_values(baseline, candidate))
    assert error == pytest.approx((candidate - baseline).mean() / theirs.statistic)


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_cover_as_often_as_they_claim(method: str, clustered: bool) -> None:
    random = np.random.default_rng(3)
    trials, covered = 300, 0
    for trial in range(trials):
        differences = random.normal(0.3, 1, 50)
        labels = None
        if clustered:
            differences, labels = (
                np.repeat(differences, 3) + random.normal(0, 0.5, 150),
                np.repeat(np.arange(50), 3),
            )
        low, high = interval(
            paired_values(np.zeros(len(differences)), differences, labels),
            method,
            resamples=400,
            seed=trial % 10,
        )
        covered += low <= 0.3 <= high
    # a bootstrap of 50 units covers about one percent less than it claims
    assert 0.9 * trials < covered < 0.985 * trials


@given(RUNS)
def test_swapping_the_runs_mirrors_the_interval(
    runs: np.ndarray,
) -> None:
    labels = np.arange(12)
    low, high = interval(paired_values(*runs, labels), "percentile", resamples=200)
    swapped = interval(paired_values(*runs[::-1], labels), "percentile", resamples=200)
    assert swapped == (-high, -low)
    low, high = interval(paired_values(*runs, labels), resamples=200)
    assert interval(paired_values(*runs[::-1], labels), resamples=200) == pytest.approx(
        (-high, -low), abs=1e-6
    )


@given(arrays(np.float64, (2, 12), elements=st.floats(-5, 5)))
def test_swapping_mirrors_it_also_without_labels_unless_the_runs_mirror_each_other(runs: np.ndarray) -> None:
    assume(sorted(zip(*runs, strict=True)) != sorted(zip(*runs[::-1], strict=True)))
    low, high = interval(paired_values(*runs), "percentile", resamples=100)
    assert interval(paired_values(*runs[::-1]), "percentile", resamples=100) == (-high, -low)


@given(arrays(np.float64, (2, 12), elements=st.floats(-5, 5)), st.permutations(range(12)))
def test_the_order_of_items_does_not_matter_to_the_last_digit(runs: np.ndarray, order: list[int]) -> None:
    labels = np.arange(12) // 4
    for label, mixed in ((None, None), (labels, labels[order])):
        assert interval(paired_values(*runs, label), resamples=100) == interval(
            paired_values(*runs[:, order], mixed), resamples=100
        )


@pytest.mark.parametrize("groups", [1, 3])
def test_swapping_runs_of_0_and_1_mirrors_the_interval(groups: int) -> None:
    # given many equal clusters, whose counts are drawn together
    random = np.random.default_rng(7)
    runs, group = (random.random((2, 600)) < 0.6).astype(float), random.integers(0, groups, 600)
    low, high = interval(paired_values(*runs, np.arange(600), group), "percentile", resamples=200)
    swapped = interval(paired_values(*runs[::-1], np.arange(600), group), "percentile", resamples=200)
    assert swapped == (-high, -low)


@pytest.mark.parametrize("groups", [1, 11])
def test_the_result_is_the_same_without_cached_draws(groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # given draws that are cached, or too many to be cached
    random = np.random.default_rng(6)
    runs, group = random.random((2, 300)), random.integers(0, groups, 300)
    cached = interval(paired_values(*runs, np.arange(300), group), resamples=500)
    monkeypatch.setattr(resampling, "_MAX_CACHED", 0)
    assert interval(paired_values(*runs, np.arange(300), group), resamples=500) == pytest.approx(cached)


@given(RUNS, st.integers(-5, 5))
def test_adding_a_constant_to_both_runs_changes_nothing(runs: np.ndarray, constant: int) -> None:
    labels = np.arange(12)
    assert interval(paired_values(*runs, labels), resamples=100) == pytest.approx(
        interval(paired_values(*(runs + constant), labels), resamples=100), abs=1e-9
    )


def test_a_mean_written_as_a_general_score_has_the_same_interval() -> None:
    random = np.random.default_rng(4)
    runs = random.random((2, 60))
    statistics = np.stack([runs, np.ones_like(runs)], axis=-1)
    general = paired_segments(*statistics, lambda totals: totals[..., 0] / totals[..., 1], np.arange(60))
    assert interval(general) == pytest.approx(interval(paired_values(*runs, np.arange(60))), abs=0.01)


class TestStrata:
    """Tasks that share no items are separate samples, each resampled at its own size."""

    def test_groups_with_common_clusters_are_one_stratum(self) -> None:
        groups = ["fr", "fr", "de", "de", "quiz", "quiz", "quiz"]
        paired = paired_values(np.zeros(7), np.ones(7), ["a", "b", "a", "b", "c", "d", "e"], groups)
        assert [len(part) for part in strata(paired)] == [2, 3]

    def test_the_interval_covers_the_mean_of_the_group_means(self) -> None:
        # given a small noisy task, and a large one with another level
        random = np.random.default_rng(6)
        groups = ["small"] * 30 + ["large"] * 120
        covered = 0
        for trial in range(300):
            differences = np.r_[random.normal(1.0, 2.0, 30), random.normal(-0.4, 0.5, 120)]
            low, high = interval(
                paired_values(np.zeros(150), differences, None, groups), resamples=300, seed=trial % 10
            )
            covered += low <= 0.3 <= high
        assert 0.90 * 300 < covered < 0.985 * 300

    def test_the_standard_error_is_that_of_independent_samples(self) -> None:
        random = np.random.default_rng(7)
        one, other = random.normal(size=12), random.normal(size=40)
        paired = paired_values(np.zeros(52), np.r_[one, other], None, [1] * 12 + [2] * 40)
        expected = 0.5 * np.sqrt(one.var(ddof=1) / 12 + other.var(ddof=1) / 40)
        assert jackknife_error(paired) == pytest.approx(expected)
        low, high = interval(paired, "percentile", resamples=20_000)
        assert high - low == pytest.approx(2 * 1.96 * expected, rel=0.08)

    def test_tasks_of_one_item_each_are_joined_and_have_a_spread(self) -> None:
        differences = np.array([0.1, 0.9, 0.4, 0.3])
        alone = paired_values(np.zeros(4), differences, None, list("abcd"))
        low, high = interval(alone, "percentile")
        assert high - low > 0.3
        assert jackknife_error(alone) == pytest.approx(differences.std(ddof=1) / 2)

    def test_strata_are_resampled_independently(self) -> None:
        # given the same numbers in two tasks: the mean of independent draws varies less
        differences = np.random.default_rng(8).normal(size=40)
        one = interval(paired_values(np.zeros(40), differences), "percentile")
        two = interval(
            paired_values(np.zeros(80), np.tile(differences, 2), None, np.repeat([1, 2], 40)), "percentile"
        )
        assert two[1] - two[0] == pytest.approx((one[1] - one[0]) / np.sqrt(2), rel=0.1)


class TestEdges:
    def test_equal_runs_have_an_interval_without_width(self) -> None:
        assert interval(paired_values([0.5, 0.1, 0.9], [0.5, 0.1, 0.9])) == (0.0, 0.0)

    def test_equal_differences_have_an_interval_without_width_where_scipy_gives_nan(self) -> None:
        assert interval(paired_values([0.0, 0.25, 0.5], [0.5, 0.75, 1.0])) == (0.5, 0.5)

    @pytest.mark.parametrize("labels", [None, [0, 0, *range(28)]])
    def test_differences_that_are_equal_but_for_rounding_have_neither_width_nor_error(
        self, labels: list[int] | None
    ) -> None:
        paired = paired_values(np.arange(30) * 0.1, np.arange(30) * 0.1 + 0.3, labels)
        assert interval(paired) == (paired.delta, paired.delta) and jackknife_error(paired) == 0.0

    def test_a_confidence_beyond_the_number_of_resamples_still_gives_an_ordered_interval(self) -> None:
        low, high = interval(
            paired_values(np.zeros(40), [0.0] * 39 + [9.0]), confidence=1 - 1e-12, resamples=300
        )
        assert 0.0 <= low < high <= 9.0

    @pytest.mark.parametrize("unit", [1e-3, 1e-109])
    def test_the_interval_is_the_same_in_any_unit(self, unit: float) -> None:
        # given skewed differences, in a unit in which their third powers may be 0
        differences = np.random.default_rng(9).exponential(size=12)
        ends = interval(paired_values(np.zeros(12), differences, np.arange(12)))
        small = interval(paired_values(np.zeros(12), differences * unit, np.arange(12)))
        assert small == pytest.approx((ends[0] * unit, ends[1] * unit), rel=1e-9, abs=0.0)

    def test_the_interval_is_a_percentile_one_if_all_resamples_are_on_one_side(self) -> None:
        # given a score that falls if any cluster is missing
        def score(totals: np.ndarray) -> np.ndarray:
            return (totals > 0).all(axis=-1).astype(float)

        paired = paired_segments(np.zeros((20, 20)), np.eye(20), score)
        result = bootstrap_interval(paired, resamples=200)
        assert result is not None and (result.low, result.high, result.method) == (0.0, 0.0, "percentile")

    def test_a_single_cluster_has_neither_interval_nor_error(self) -> None:
        paired = paired_values([0.0, 0.1], [1.0, 1.0], ["same", "same"])
        assert bootstrap_interval(paired) is None and jackknife_error(paired) is None

    def test_a_group_without_items_in_a_resample_is_left_out_of_it(self) -> None:
        paired = paired_values(np.zeros(4), [1.0, 2.0, 3.0, 4.0], groups=["fr", "fr", "fr", "ja"])
        low, high = interval(paired, "percentile", resamples=500)
        assert 1.0 <= low <= high <= 4.0

    def test_the_seed_determines_the_interval(self) -> None:
        paired = paired_values(np.zeros(30), np.random.default_rng(5).random(30))
        assert interval(paired, seed=1) == interval(paired, seed=1) != interval(paired, seed=2)
