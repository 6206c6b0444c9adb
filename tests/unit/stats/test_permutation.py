"""Permutation test and McNemar's test: equal to other implementations, at their level, with their power."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.contingency_tables import mcnemar

from fusion_eval.stats.paired import paired_segments, paired_values
from fusion_eval.stats.permutation import mcnemar_test, permutation_test
from fusion_eval.stats.power import power_of

SMALL = arrays(np.float64, st.tuples(st.just(2), st.integers(1, 12)), elements=st.integers(-3, 3).map(float))
LARGE = arrays(np.float64, (2, 40), elements=st.floats(-10, 10, width=32))


class TestAgainstOtherImplementations:
    @pytest.mark.parametrize("n", [2, 5, 9, 12])
    def test_exact_sign_flips_equal_scipys(self, n: int) -> None:
        random = np.random.default_rng(n)
        baseline, candidate = random.random(n), random.random(n)
        theirs = scipy.stats.permutation_test(
            (candidate - baseline,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        ours = permutation_test(paired_values(baseline, candidate))
        assert ours.exact and ours.p_value == pytest.approx(theirs.pvalue)
        assert ours.statistic == pytest.approx(theirs.statistic)

    def test_random_sign_flips_agree_with_scipys_within_the_simulation_error(self) -> None:
        random = np.random.default_rng(0)
        baseline = random.random(200)
        candidate = baseline + random.normal(0.02, 0.15, 200)
        theirs = scipy.stats.permutation_test(
            (candidate - baseline,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1
        )
        ours = permutation_test(paired_values(baseline, candidate), resamples=20_000)
        error = np.sqrt(2 * theirs.pvalue * (1 - theirs.pvalue) / 20_000)
        assert not ours.exact and abs(ours.p_value - theirs.pvalue) < 4 * error

    @pytest.mark.parametrize(("gained", "lost"), [(1, 0), (3, 1), (9, 2), (30, 18), (7, 7)])
    def test_mcnemar_is_the_exact_test_minus_half_of_the_observed_outcome(
        self, gained: int, lost: int
    ) -> None:
        baseline = np.r_[np.zeros(gained), np.ones(lost), np.ones(5)]
        candidate = np.r_[np.ones(gained), np.zeros(lost), np.ones(5)]
        exact = mcnemar([[5, lost], [gained, 0]], exact=True).pvalue
        point = scipy.stats.binom.pmf(min(gained, lost), gained + lost, 0.5)
        expected = 1.0 if gained == lost else exact - point
        assert mcnemar_test(baseline, candidate).p_value == pytest.approx(expected)

    def test_mcnemar_on_copies_equals_mcnemar_on_one_of_each(self) -> None:
        # given every item twice, as clusters of two
        baseline, candidate = np.array([0, 0, 0, 0, 1, 1, 0.0]), np.array([1, 1, 1, 1, 0, 1, 0.0])
        once = mcnemar_test(baseline, candidate).p_value
        twice = mcnemar_test(np.repeat(baseline, 2), np.repeat(candidate, 2), np.repeat(np.arange(7), 2))
        assert twice.p_value == pytest.approx(once)


class TestLevelAndPower:
    TRIALS = 1_000

    def test_the_test_rejects_at_its_level_under_the_null(self) -> None:
        # given two runs that are draws from one system, item by item, with skewed noise
        random = np.random.default_rng(1)
        shared = random.random((self.TRIALS, 1, 25))
        runs = shared + random.exponential(size=(self.TRIALS, 2, 25))
        # when
        rejected = sum(permutation_test(paired_values(*pair), 199).p_value <= 0.05 for pair in runs)
        # then
        low, high = scipy.stats.binom.interval(0.999, self.TRIALS, 0.05)
        assert low <= rejected <= high

    def test_clusters_keep_the_level_that_single_items_lose(self) -> None:
        # given items that share the difference of their cluster
        random = np.random.default_rng(2)
        labels, zeros = np.repeat(np.arange(12), 5), np.zeros(60)
        differences = np.repeat(random.normal(size=(self.TRIALS, 12)), 5, axis=1)
        differences += 0.3 * random.normal(size=differences.shape)
        # when
        clustered = sum(
            permutation_test(paired_values(zeros, row, labels), 199).p_value <= 0.05 for row in differences
        )
        single = sum(permutation_test(paired_values(zeros, row), 199).p_value <= 0.05 for row in differences)
        # then
        low, high = scipy.stats.binom.interval(0.999, self.TRIALS, 0.05)
        assert low <= clustered <= high
        assert single > 0.2 * self.TRIALS

    def test_mcnemar_keeps_its_level_on_average_with_and_without_clusters(self) -> None:
        random = np.random.default_rng(3)
        labels = np.repeat(np.arange(20), 3)
        items = (random.random((self.TRIALS, 2, 60)) < 0.6).astype(float)
        clusters = np.repeat(random.random((self.TRIALS, 2, 20)) < 0.6, 3, axis=2).astype(float)
        single = sum(mcnemar_test(*pair).p_value <= 0.05 for pair in items)
        clustered = sum(mcnemar_test(*pair, labels, resamples=199).p_value <= 0.05 for pair in clusters)
        # mid-p may exceed the level a little at some rates, but is never far from it
        assert 0.03 * self.TRIALS < single < 0.068 * self.TRIALS
        assert 0.02 * self.TRIALS < clustered < 0.07 * self.TRIALS

    @pytest.mark.parametrize("effect", [0.3, 0.6])
    def test_the_power_is_that_of_the_t_test_under_normal_differences(self, effect: float) -> None:
        samples = np.random.default_rng(5).normal(effect, 1, (self.TRIALS, 30))
        rejected = sum(
            permutation_test(paired_values(np.zeros(30), row), 399).p_value <= 0.05 for row in samples
        )
        predicted = power_of(effect, 1 / np.sqrt(30), 30)
        assert abs(rejected / self.TRIALS - predicted) < 0.045


class TestInvariance:
    @given(SMALL)
    def test_p_is_above_0_and_at_most_1(self, runs: np.ndarray) -> None:
        assert 0 < permutation_test(paired_values(*runs)).p_value <= 1

    @given(SMALL)
    def test_swapping_the_runs_changes_only_the_sign_of_the_statistic(self, runs: np.ndarray) -> None:
        one, other = permutation_test(paired_values(*runs)), permutation_test(paired_values(*runs[::-1]))
        assert (one.statistic, one.p_value) == (pytest.approx(-other.statistic), pytest.approx(other.p_value))

    @given(LARGE)
    def test_swapping_the_runs_keeps_p_also_with_random_swaps(self, runs: np.ndarray) -> None:
        for label in (None, np.arange(40) // 2):
            one, other = paired_values(*runs, label), paired_values(*runs[::-1], label)
            assert permutation_test(one, 99).p_value == permutation_test(other, 99).p_value
            assert one.delta == -other.delta

    @given(LARGE, st.permutations(range(40)))
    def test_the_order_of_items_does_not_matter_to_the_last_digit(
        self, runs: np.ndarray, order: list[int]
    ) -> None:
        # given clusters of five: in floating point, sums of more than two numbers depend on their order
        labels = np.arange(40) // 5
        for label in (None, labels):
            mixed = None if label is None else label[order]
            assert (
                permutation_test(paired_values(*runs, label), 99).p_value
                == permutation_test(paired_values(*runs[:, order], mixed), 99).p_value
            )
            assert paired_values(*runs, label).delta == paired_values(*runs[:, order], mixed).delta

    @settings(max_examples=40)
    @given(
        arrays(np.float64, (2, 40), elements=st.integers(-3, 3).map(float)),
        st.sampled_from([0.1, 1 / 3, 1e-7]),
    )
    def test_ties_are_ties_in_any_unit(self, runs: np.ndarray, unit: float) -> None:
        # given values that are exact in binary, and the same in a unit that is not
        exact, rounded = paired_values(*runs), paired_values(*(runs * unit))
        assert permutation_test(exact, 99).p_value == permutation_test(rounded, 99).p_value

    @given(SMALL, st.integers(-5, 5))
    def test_adding_a_constant_to_both_runs_changes_nothing(self, runs: np.ndarray, constant: int) -> None:
        one, other = (permutation_test(paired_values(*values)) for values in (runs, runs + constant))
        assert (one.p_value, one.statistic) == (other.p_value, pytest.approx(other.statistic))

    @given(SMALL)
    def test_a_run_against_itself_has_p_1(self, runs: np.ndarray) -> None:
        assert permutation_test(paired_values(runs[0], runs[0])).p_value == 1.0

    @given(SMALL)
    def test_a_mean_written_as_a_general_score_has_the_same_p(self, runs: np.ndarray) -> None:
        statistics = np.stack([runs, np.ones_like(runs)], axis=-1)
        general = paired_segments(*statistics, lambda totals: totals[..., 0] / totals[..., 1])
        assert permutation_test(general).p_value == pytest.approx(
            permutation_test(paired_values(*runs)).p_value
        )

    def test_groups_count_alike_however_many_items_they_have(self) -> None:
        groups = ["fr"] * 2 + ["ja"] * 8
        paired = paired_values(np.zeros(10), [1.0, 0.0] + [0.25] * 8, groups=groups)
        assert paired.delta == pytest.approx((0.5 + 0.25) / 2)


class TestEdges:
    def test_one_item_shows_nothing(self) -> None:
        assert permutation_test(paired_values([0.2], [0.9])).p_value == 1.0

    def test_a_constant_difference_is_as_unlikely_as_equal_signs(self) -> None:
        assert permutation_test(paired_values(np.zeros(6), np.ones(6))).p_value == 2 / 2**6

    def test_p_is_never_0_however_large_the_effect(self) -> None:
        assert permutation_test(paired_values(np.zeros(100), np.ones(100)), 999).p_value == 1 / 1000

    @pytest.mark.parametrize("bad", [([1.0, 2.0], [1.0]), ([], []), ([np.nan], [1.0])])
    def test_arrays_that_do_not_match_are_refused(self, bad: tuple[list[float], list[float]]) -> None:
        with pytest.raises(ValueError, match=r"shape|finite"):
            paired_values(*bad)

    @pytest.mark.parametrize("bad", [([0.5, 1.0], [1.0, 1.0]), ([5.0], [4.0])])
    def test_mcnemar_refuses_values_other_than_0_and_1(self, bad: tuple[list[float], list[float]]) -> None:
        with pytest.raises(ValueError, match="0 or 1"):
            mcnemar_test(*bad)

    @pytest.mark.parametrize("bad", [([1.0, 0.0], [1.0]), ([], [])])
    def test_mcnemar_never_broadcasts_one_run_over_the_other(
        self, bad: tuple[list[float], list[float]]
    ) -> None:
        with pytest.raises(ValueError, match="shape"):
            mcnemar_test(*bad)

    def test_labels_of_different_types_differ_and_labels_may_be_tuples(self) -> None:
        assert paired_values(np.zeros(3), np.ones(3), [1, "1", 1]).n_clusters == 2
        assert paired_values(np.zeros(3), np.ones(3), [("fr", 1), ("fr", 2), ("fr", 1)]).n_clusters == 2

    @pytest.mark.parametrize("labels", [["a"], np.zeros((2, 1))])
    def test_a_wrong_number_of_labels_is_refused(self, labels: object) -> None:
        with pytest.raises(ValueError, match="Labels need the shape"):
            paired_values([0.0, 1.0], [1.0, 1.0], labels)  # type: ignore[arg-type]  # the error under test

    def test_a_result_names_its_test(self) -> None:
        runs = [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]
        clustered = mcnemar_test(*runs, ["a", "a", "b", "c"])
        results = [permutation_test(paired_values(*runs)), mcnemar_test(*runs), clustered]
        assert [result.test for result in results] == ["permutation", "mcnemar", "mcnemar"]
