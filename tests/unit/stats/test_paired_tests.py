"""Permutation, Wilcoxon and McNemar: against other implementations, at their level, with their power, and by their laws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from statsmodels.stats.contingency_tables import mcnemar

from fusion_eval.stats.paired import paired_segments, paired_values
from fusion_eval.stats.permutation import mcnemar_test, permutation_test, wilcoxon_test
from fusion_eval.stats.power import power_of

SMALL = arrays(np.float64, st.tuples(st.just(2), st.integers(1, 12)), elements=st.integers(-3, 3).map(float))
LARGE = arrays(np.float64, (2, 40), elements=st.floats(-10, 10, width=32))


def within(rejected: int, trials: int, rate: float) -> bool:
    """Whether so many rejections are likely (99.9 %) at this rate."""
    low, high = scipy.stats.binom.interval(0.999, trials, rate)
    return bool(low <= rejected <= high)


class TestAgainstOthers:
    @pytest.mark.parametrize("n", [2, 5, 9, 12])
    def test_exact_sign_flips_are_scipy_s(self, n: int) -> None:
        random = np.random.default_rng(n)
        baseline, candidate = random.random(n), random.random(n)
        theirs = scipy.stats.permutation_test(
            (candidate - baseline,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        ours = permutation_test(paired_values(baseline, candidate))
        assert ours.exact and ours.p_value == pytest.approx(theirs.pvalue)
        assert ours.statistic == pytest.approx(theirs.statistic)

    def test_drawn_sign_flips_agree_with_scipy_s_within_their_error(self) -> None:
        random = np.random.default_rng(0)
        baseline = random.random(200)
        candidate = baseline + random.normal(0.02, 0.15, 200)
        theirs = scipy.stats.permutation_test(
            (candidate - baseline,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1
        )
        ours = permutation_test(paired_values(baseline, candidate), resamples=20_000)
        error = np.sqrt(2 * theirs.pvalue * (1 - theirs.pvalue) / 20_000)
        assert not ours.exact and abs(ours.p_value - theirs.pvalue) < 4 * error

    def test_wilcoxon_is_scipy_s_exact_test(self) -> None:
        random = np.random.default_rng(3)
        for n in (4, 8, 13):
            baseline, candidate = random.random(n), random.random(n)
            theirs = scipy.stats.wilcoxon(candidate, baseline, mode="exact").pvalue
            assert wilcoxon_test(baseline, candidate).p_value == pytest.approx(theirs)

    def test_wilcoxon_with_ties_and_zeros_is_scipy_s_permutation_of_its_statistic(self) -> None:
        differences = np.array([0, 1, 1, -2, 2, 3, 0, -1, 2.0])
        theirs = scipy.stats.wilcoxon(
            differences, zero_method="wilcox", method=scipy.stats.PermutationMethod(n_resamples=np.inf)
        )
        assert wilcoxon_test(np.zeros(9), differences).p_value == pytest.approx(theirs.pvalue)

    @pytest.mark.parametrize(("gained", "lost"), [(1, 0), (3, 1), (9, 2), (30, 18), (7, 7)])
    def test_mcnemar_is_the_exact_test_less_half_of_the_outcome_itself(self, gained: int, lost: int) -> None:
        baseline = np.r_[np.zeros(gained), np.ones(lost), np.ones(5)]
        candidate = np.r_[np.ones(gained), np.zeros(lost), np.ones(5)]
        exact = mcnemar([[5, lost], [gained, 0]], exact=True).pvalue
        point = scipy.stats.binom.pmf(min(gained, lost), gained + lost, 0.5)
        expected = 1.0 if gained == lost else exact - point
        assert mcnemar_test(baseline, candidate).p_value == pytest.approx(expected)

    def test_mcnemar_of_pairs_that_agree_is_mcnemar_of_one_of_each(self) -> None:
        # given every item twice, as clusters of two: they say no more than one each
        baseline, candidate = np.array([0, 0, 0, 0, 1, 1, 0.0]), np.array([1, 1, 1, 1, 0, 1, 0.0])
        once = mcnemar_test(baseline, candidate).p_value
        twice = mcnemar_test(np.repeat(baseline, 2), np.repeat(candidate, 2), np.repeat(np.arange(7), 2))
        assert twice.p_value == pytest.approx(once)


class TestLevelAndPower:
    TRIALS = 2_000

    @pytest.mark.parametrize("skewed", [False, True])
    def test_under_the_null_it_rejects_at_its_level(self, skewed: bool) -> None:
        random = np.random.default_rng(1)
        rejected = 0
        for _ in range(self.TRIALS):
            # given two runs that are draws of one system, item by item
            shared = random.random(25)
            noise = random.exponential(size=(2, 25)) if skewed else random.normal(size=(2, 25))
            rejected += (
                permutation_test(paired_values(shared + noise[0], shared + noise[1]), 199).p_value <= 0.05
            )
        assert within(rejected, self.TRIALS, 0.05)

    def test_clusters_keep_the_level_that_ignoring_them_loses(self) -> None:
        random = np.random.default_rng(2)
        labels = np.repeat(np.arange(12), 5)
        joined = apart = 0
        for _ in range(self.TRIALS):
            # given items of a cluster that share what makes them differ
            differences = np.repeat(random.normal(size=12), 5) + 0.3 * random.normal(size=60)
            joined += permutation_test(paired_values(np.zeros(60), differences, labels), 199).p_value <= 0.05
            apart += permutation_test(paired_values(np.zeros(60), differences), 199).p_value <= 0.05
        assert within(joined, self.TRIALS, 0.05)
        assert apart > 0.2 * self.TRIALS

    def test_mcnemar_keeps_its_level_on_average_and_with_clusters_too(self) -> None:
        random = np.random.default_rng(3)
        labels = np.repeat(np.arange(20), 3)
        alone = clustered = 0
        for _ in range(self.TRIALS):
            baseline, candidate = (random.random((2, 60)) < 0.6).astype(float)
            alone += mcnemar_test(baseline, candidate).p_value <= 0.05
            same = np.repeat(random.random((2, 20)) < 0.6, 3, axis=1).astype(float)
            clustered += mcnemar_test(same[0], same[1], labels, resamples=199).p_value <= 0.05
        # mid-p may exceed the level a little on some shares, and is never far from it
        assert 0.035 * self.TRIALS < alone < 0.062 * self.TRIALS
        assert 0.025 * self.TRIALS < clustered < 0.065 * self.TRIALS

    def test_wilcoxon_keeps_its_level_with_clusters(self) -> None:
        random = np.random.default_rng(4)
        labels = np.repeat(np.arange(12), 4)
        rejected = 0
        for _ in range(self.TRIALS):
            differences = np.repeat(random.standard_t(3, size=12), 4) + 0.5 * random.normal(size=48)
            rejected += wilcoxon_test(np.zeros(48), differences, labels, 199).p_value <= 0.05
        assert within(rejected, self.TRIALS, 0.05)

    @pytest.mark.parametrize("effect", [0.3, 0.6])
    def test_under_an_alternative_it_has_the_power_of_the_t_test(self, effect: float) -> None:
        random = np.random.default_rng(5)
        predicted = power_of(effect, 1 / np.sqrt(30), 30)
        found = sum(
            permutation_test(paired_values(np.zeros(30), random.normal(effect, 1, 30)), 399).p_value <= 0.05
            for _ in range(self.TRIALS)
        )
        assert abs(found / self.TRIALS - predicted) < 0.035


class TestLaws:
    @given(SMALL)
    def test_p_is_above_0_and_at_most_1(self, runs: np.ndarray) -> None:
        assert 0 < permutation_test(paired_values(*runs)).p_value <= 1
        assert 0 < wilcoxon_test(*runs).p_value <= 1

    @given(SMALL)
    def test_swapping_runs_changes_the_sign_and_not_p(self, runs: np.ndarray) -> None:
        one, other = permutation_test(paired_values(*runs)), permutation_test(paired_values(*runs[::-1]))
        assert (one.statistic, one.p_value) == (pytest.approx(-other.statistic), pytest.approx(other.p_value))

    @given(LARGE)
    def test_swapping_runs_leaves_p_alone_where_swaps_are_drawn_too(self, runs: np.ndarray) -> None:
        for label in (None, np.arange(40) // 2):
            one, other = paired_values(*runs, label), paired_values(*runs[::-1], label)
            assert permutation_test(one, 99).p_value == permutation_test(other, 99).p_value
            assert one.delta == -other.delta

    @given(LARGE, st.permutations(range(40)))
    def test_the_order_of_items_is_irrelevant_to_the_last_digit(
        self, runs: np.ndarray, order: list[int]
    ) -> None:
        # clusters of five: sums of more than two numbers depend on their order
        labels = np.arange(40) // 5
        for label in (None, labels):
            mixed = None if label is None else label[order]
            assert (
                permutation_test(paired_values(*runs, label), 99).p_value
                == permutation_test(paired_values(*runs[:, order], mixed), 99).p_value
            )
            assert paired_values(*runs, label).delta == paired_values(*runs[:, order], mixed).delta

    @given(
        arrays(np.float64, (2, 40), elements=st.integers(-3, 3).map(float)),
        st.sampled_from([0.1, 1 / 3, 1e-7]),
    )
    def test_ties_are_ties_in_any_unit(self, runs: np.ndarray, unit: float) -> None:
        # given values that are exact in binary, and the same in a unit that is not
        for test in (
            wilcoxon_test,
            lambda *pair, **options: permutation_test(paired_values(*pair), **options),
        ):
            assert test(*runs, resamples=99).p_value == test(*(runs * unit), resamples=99).p_value

    @given(SMALL, st.integers(-5, 5))
    def test_adding_a_constant_to_both_changes_nothing(self, runs: np.ndarray, constant: int) -> None:
        one, other = (permutation_test(paired_values(*values)) for values in (runs, runs + constant))
        assert (one.p_value, one.statistic) == (other.p_value, pytest.approx(other.statistic))

    @given(SMALL)
    def test_a_run_against_itself_has_p_1(self, runs: np.ndarray) -> None:
        assert permutation_test(paired_values(runs[0], runs[0])).p_value == 1.0
        assert wilcoxon_test(runs[0], runs[0]).p_value == 1.0

    @given(SMALL)
    def test_a_general_score_that_is_a_mean_gives_the_mean_s_answer(self, runs: np.ndarray) -> None:
        # given the mean written as any corpus metric is: a function of totals
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
    def test_one_item_says_nothing(self) -> None:
        assert permutation_test(paired_values([0.2], [0.9])).p_value == 1.0

    def test_a_constant_difference_is_as_unlikely_as_all_signs_alike(self) -> None:
        assert permutation_test(paired_values(np.zeros(6), np.ones(6))).p_value == 2 / 2**6

    def test_p_is_never_0_however_large_the_effect(self) -> None:
        assert permutation_test(paired_values(np.zeros(100), np.ones(100)), 999).p_value == 1 / 1000

    @pytest.mark.parametrize("bad", [([1.0, 2.0], [1.0]), ([], []), ([np.nan], [1.0])])
    def test_arrays_that_are_no_pair_of_runs(self, bad: tuple[list[float], list[float]]) -> None:
        with pytest.raises(ValueError, match=r"shape|finite"):
            paired_values(*bad)

    @pytest.mark.parametrize("bad", [([0.5, 1.0], [1.0, 1.0]), ([5.0], [4.0])])
    def test_mcnemar_is_of_0_and_1(self, bad: tuple[list[float], list[float]]) -> None:
        with pytest.raises(ValueError, match="0 or 1"):
            mcnemar_test(*bad)

    @pytest.mark.parametrize("test", [mcnemar_test, wilcoxon_test])
    @pytest.mark.parametrize("bad", [([1.0, 0.0], [1.0]), ([], [])])
    def test_values_of_one_run_are_never_spread_over_another(
        self, test: object, bad: tuple[list[float], list[float]]
    ) -> None:
        with pytest.raises(ValueError, match="shape"):
            test(*bad)  # type: ignore[operator]  # either of two functions

    def test_labels_that_look_alike_are_two_and_labels_may_be_tuples(self) -> None:
        assert paired_values(np.zeros(3), np.ones(3), [1, "1", 1]).n_clusters == 2
        assert paired_values(np.zeros(3), np.ones(3), [("fr", 1), ("fr", 2), ("fr", 1)]).n_clusters == 2

    @pytest.mark.parametrize("labels", [["a"], np.zeros((2, 1))])
    def test_there_is_a_label_for_each_item(self, labels: object) -> None:
        with pytest.raises(ValueError, match="Labels need the shape"):
            paired_values([0.0, 1.0], [1.0, 1.0], labels)  # type: ignore[arg-type]  # what is wrong here

    def test_a_result_says_which_test_it_is_of(self) -> None:
        runs = [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]
        clustered = mcnemar_test(*runs, ["a", "a", "b", "c"])
        found = [permutation_test(paired_values(*runs)), wilcoxon_test(*runs), mcnemar_test(*runs), clustered]
        assert [one.test for one in found] == ["permutation", "wilcoxon", "mcnemar", "mcnemar"]

    def test_wilcoxon_sees_through_rounding(self) -> None:
        # given differences of 0.1 that floating point tells apart
        baseline = np.array([0.1, 0.2, 0.3, 0.4, 0.7])
        steps = np.array([1, 1, 1, -1, 3])
        assert (
            wilcoxon_test(baseline, baseline + 0.1 * steps).p_value
            == wilcoxon_test(np.zeros(5), steps).p_value
        )
