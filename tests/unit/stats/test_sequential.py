"""The sequential test keeps its level and coverage at all moments together, and stops early on clear differences."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st

from fusion_eval.stats.sequential import Sequential, sequential_p_value, sequential_test

SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=60)
STAKES = [2 ** -(power + 0.5) for power in range(7)]


def verdicts(win: float, tie: float, size: tuple[int, ...], seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).choice([1, 0.5, 0], size=size, p=[win, tie, 1 - win - tie])


def capital(sums: list[float], sizes: list[int], m: float, largest: int) -> float:
    """Return the largest capital of either side, by direct multiplication."""
    most = 0.5
    for sign, reach in ((1, m), (-1, 1 - m)):
        money = [1.0] * len(STAKES)
        for total, size in zip(sums, sizes, strict=True):
            gain = (total - m * size) / largest
            money = [
                have * (1 + sign * stake / reach * gain) for have, stake in zip(money, STAKES, strict=True)
            ]
            most = max(most, sum(money) / len(money) / 2)
    return most


def null_sequences(kind: str, runs: int, n: int) -> npt.NDArray[np.float64]:
    """Draw scores (runs, n) of two equally good answers. Clusters have three items."""
    random = np.random.default_rng(1)
    if kind == "ties":
        return verdicts(0.3, 0.4, (runs, n))
    if kind == "position":  # the first answer wins 9 of 10; which one is first is random
        first_wins, is_first = random.random((runs, n)) < 0.9, random.random((runs, n)) < 0.5
        return (first_wins == is_first).astype(float)
    if kind == "copies":  # all items of a cluster have the same verdict
        return np.repeat(verdicts(0.5, 0, (runs, n // 3)), 3, axis=1)
    sure = np.where(
        np.arange(n) % 2, 0.05, 0.5
    )  # items that nearly always tie alternate with items that never do
    return 0.5 + np.sign(random.random((runs, n)) - 0.5) * (random.random((runs, n)) < 2 * sure) / 2


class TestAnyMoment:
    @pytest.mark.parametrize("kind", ["ties", "position", "copies", "unlike items"])
    def test_testing_after_every_verdict_keeps_the_level_that_a_z_test_loses(self, kind: str) -> None:
        # given runs without a difference, tested after every verdict (p is the smallest so far)
        runs, n = 400, 300
        clusters = np.repeat(np.arange(n // 3), 3) if kind == "copies" else None
        scores = null_sequences(kind, runs, n)
        rejected = sum(
            sequential_p_value(row, clusters, largest=3 if kind == "copies" else 1) <= 0.05 for row in scores
        )
        counts = np.arange(1, n + 1)
        spread = np.sqrt(np.cumsum((scores - 0.5) ** 2, axis=1))
        z = np.cumsum(scores - 0.5, axis=1) / np.where(spread > 0, spread, 1)
        peeked = (np.abs(z[:, counts > 20]) > scipy.stats.norm.ppf(0.975)).any(axis=1).sum()
        # then
        assert rejected <= runs * (0.05 + 3 * math.sqrt(0.05 * 0.95 / runs))
        assert peeked > 0.2 * runs

    def test_ignoring_clusters_loses_the_level(self) -> None:
        scores = np.repeat(verdicts(0.5, 0, (200, 40)), 10, axis=1)
        assert np.mean([sequential_p_value(row) <= 0.05 for row in scores]) > 0.2

    @pytest.mark.parametrize(("win", "tie"), [(0.5, 0.3), (0.95, 0.04), (0.1, 0.0)])
    def test_the_interval_covers_at_all_moments_together(self, win: float, tie: float) -> None:
        # the interval at the end holds what it held at all moments
        runs, rate = 250, win + tie / 2
        result = [sequential_test(row) for row in verdicts(win, tie, (runs, 300))]
        covered = sum(one.low <= rate <= one.high for one in result)
        assert covered >= runs * (0.95 - 3 * math.sqrt(0.05 * 0.95 / runs))

    def test_clusters_are_weighted_by_their_items(self) -> None:
        # given that small clusters win and large ones lose: the rate is 1/2 by cluster and 1/4 by item
        runs, kinds = 120, np.random.default_rng(2).random((120, 300)) < 0.5
        covered = 0
        for small in kinds:
            sizes = np.where(small, 1, 3)
            clusters = np.repeat(np.arange(300), sizes)
            result = sequential_test(np.repeat(small, sizes), clusters, largest=3)
            covered += result.low <= 0.25 <= result.high
            assert result.high < 0.5
        assert covered >= runs * (0.95 - 3 * math.sqrt(0.05 * 0.95 / runs))

    def test_the_interval_never_widens(self) -> None:
        scores = verdicts(0.5, 0.2, (200,))
        result = [sequential_test(scores[:n]) for n in range(1, 200)]
        assert all(np.diff([one.low for one in result]) >= -1e-8)
        assert all(np.diff([one.high for one in result]) <= 1e-8)
        assert all(np.diff([one.p_value for one in result]) <= 0)


@pytest.mark.parametrize(("win", "tie", "average"), [(0.65, 0.0, 150), (0.5, 0.3, 110), (0.9, 0.0, 25)])
def test_a_clear_difference_is_decided_long_before_the_end_of_the_plan(
    win: float, tie: float, average: int
) -> None:
    # given a plan of 400 verdicts that stops at the first decision
    plan, stopped = 400, []
    for row in verdicts(win, tie, (60, 400), seed=3):
        undecided, decided = 0, plan
        while decided - undecided > 1:  # a decision is final, so its moment is result by bisection
            middle = (undecided + decided) // 2
            undecided, decided = (
                (undecided, middle) if sequential_p_value(row[:middle]) <= 0.05 else (middle, decided)
            )
        stopped.append(decided)
    assert np.mean(stopped) < average
    assert np.mean(np.array(stopped) < plan) > 0.9


class TestAgainstDirectMultiplication:
    @given(SCORES, st.integers(1, 4))
    @example([1.0] * 14, 1)  # a capital that is little more than at the start
    def test_p_value_and_interval_follow_from_the_capital(self, scores: list[float], size: int) -> None:
        clusters = [place // size for place in range(len(scores))]
        groups = [scores[start : start + size] for start in range(0, len(scores), size)]
        sums, sizes = [sum(group) for group in groups], [len(group) for group in groups]
        result = sequential_test(scores, clusters, largest=5)
        assert result.p_value == pytest.approx(min(1, 1 / capital(sums, sizes, 0.5, 5)))
        for end, inside in ((result.low, 1), (result.high, -1)):
            if 0 < end < 1:
                step = 1e-6 * inside
                assert capital(sums, sizes, end - step, 5) >= 20 >= capital(sums, sizes, end + step, 5)


@given(SCORES)
def test_swapping_candidate_and_baseline_mirrors_the_result(scores: list[float]) -> None:
    one, other = sequential_test(scores), sequential_test([1 - score for score in scores])
    assert (one.rate, one.low, one.high) == pytest.approx((1 - other.rate, 1 - other.high, 1 - other.low))
    assert (one.p_value, one.decided) == (pytest.approx(other.p_value), other.decided)


@given(SCORES)
def test_decided_means_that_one_half_is_outside_the_interval(scores: list[float]) -> None:
    result = sequential_test(scores)
    assert result.n == len(scores) and 0 <= result.low <= result.high <= 1
    assert result.decided == (result.p_value <= 0.05 + 1e-12) == (not result.low <= 0.5 <= result.high)


class TestClusters:
    def test_clusters_of_one_item_change_nothing(self) -> None:
        scores = verdicts(0.6, 0.1, (40,))
        assert sequential_test(scores, list(range(40))) == sequential_test(scores)

    def test_clusters_are_ordered_by_their_first_items(self) -> None:
        # given verdicts of a batch in any order
        scores, clusters = [1, 1, 0, 1, 0.5, 1], ["b", "a", "b", "c", "a", "c"]
        by_hand = sequential_test([1, 0, 1, 0.5, 1, 1], [0, 0, 1, 1, 2, 2], largest=2)
        assert sequential_test(scores, np.array(clusters), largest=2) == by_hand

    def test_clusters_of_copies_count_as_one_item_each(self) -> None:
        scores = verdicts(0.7, 0.1, (60,))
        often = sequential_test(np.repeat(scores, 4), np.repeat(np.arange(60), 4), largest=4)
        once = sequential_test(scores)
        assert (often.low, often.high, often.p_value) == pytest.approx((once.low, once.high, once.p_value))

    def test_a_larger_cluster_in_the_plan_makes_the_bets_smaller(self) -> None:
        scores = [1.0] * 30
        assert sequential_test(scores, largest=4).p_value > sequential_test(scores).p_value


class TestEdges:
    def test_no_scores_show_nothing(self) -> None:
        assert sequential_test([]) == Sequential(0, 0.5, 0.0, 1.0, 1.0, False)

    def test_one_win_decides_nothing(self) -> None:
        result = sequential_test([1])
        assert (result.rate, result.high, result.p_value, result.decided) == (
            1.0,
            1.0,
            1.0,
            False,
        ) and result.low < 0.1

    def test_ties_alone_narrow_the_interval_around_one_half(self) -> None:
        result = sequential_test([0.5] * 1_000)
        assert (result.rate, result.p_value) == (0.5, 1.0)
        assert 0.48 < result.low < 0.5 < result.high < 0.52

    def test_wins_alone_decide_soon_and_leave_an_interval(self) -> None:
        assert not sequential_test([1] * 6).decided and sequential_test([1] * 12).decided
        result = sequential_test([1] * 50)
        assert result.high == 1.0 and 0.8 < result.low < 1

    def test_a_rate_that_drifts_still_has_an_interval(self) -> None:
        # given wins and then losses, which refute every rate from both sides
        result = sequential_test([1] * 100 + [0] * 900)
        assert result.decided and 0 < result.low < result.high < 1

    @pytest.mark.parametrize("bad", [[1.5], [-1.0], [float("nan")], [[1.0]]])
    def test_anything_but_scores_is_refused(self, bad: list[float]) -> None:
        with pytest.raises(ValueError, match="Scores"):
            sequential_test(bad)

    def test_a_cluster_larger_than_planned_is_refused(self) -> None:
        with pytest.raises(ValueError, match="A cluster has 3 items"):
            sequential_test([1, 0, 1], ["a", "a", "a"], largest=2)

    def test_a_wrong_number_of_labels_is_refused(self) -> None:
        with pytest.raises(ValueError, match="Labels"):
            sequential_test([1, 0, 1], ["a", "b"])
