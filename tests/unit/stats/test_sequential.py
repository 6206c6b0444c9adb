"""Looking after every verdict: the level and the interval hold at all moments at once, and clear differences stop early."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st

from fusion_eval.stats.sequential import Sequential, sequential_test

SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=60)
STAKES = [2 ** -(power + 0.5) for power in range(7)]


def verdicts(win: float, tie: float, size: tuple[int, ...], seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).choice([1, 0.5, 0], size=size, p=[win, tie, 1 - win - tie])


def capital(sums: list[float], sizes: list[int], m: float, largest: int) -> float:
    """The richer side's money when it was most, by multiplying out."""
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
    """(runs, n): scores of two answers of which none is better; clusters are of three."""
    random = np.random.default_rng(1)
    if kind == "ties":
        return verdicts(0.3, 0.4, (runs, n))
    if kind == "position":  # the answer seen first wins 9 of 10; which one that is is drawn
        first_wins, is_first = random.random((runs, n)) < 0.9, random.random((runs, n)) < 0.5
        return (first_wins == is_first).astype(float)
    if kind == "copies":  # all items of a cluster fall alike
        return np.repeat(verdicts(0.5, 0, (runs, n // 3)), 3, axis=1)
    sure = np.where(np.arange(n) % 2, 0.05, 0.5)  # items that nearly always tie between items that never do
    return 0.5 + np.sign(random.random((runs, n)) - 0.5) * (random.random((runs, n)) < 2 * sure) / 2


class TestLooking:
    @pytest.mark.parametrize("kind", ["ties", "position", "copies", "unlike items"])
    def test_after_every_verdict_keeps_the_level_that_a_z_test_loses(self, kind: str) -> None:
        # given runs without a difference, each looked at after every verdict (p is the least so far)
        runs, n = 400, 300
        clusters = np.repeat(np.arange(n // 3), 3) if kind == "copies" else None
        scores = null_sequences(kind, runs, n)
        rejected = sum(
            sequential_test(row, clusters, largest=3 if kind == "copies" else 1).decided for row in scores
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
        assert np.mean([sequential_test(row).decided for row in scores]) > 0.2

    @pytest.mark.parametrize(("win", "tie"), [(0.5, 0.3), (0.95, 0.04), (0.1, 0.0)])
    def test_the_interval_covers_at_all_moments_at_once(self, win: float, tie: float) -> None:
        # given that low and high are those of all moments together, one look at the end tells
        runs, rate = 400, win + tie / 2
        found = [sequential_test(row) for row in verdicts(win, tie, (runs, 300))]
        covered = sum(one.low <= rate <= one.high for one in found)
        assert covered >= runs * (0.95 - 3 * math.sqrt(0.05 * 0.95 / runs))

    def test_clusters_of_unlike_size_are_weighted_by_their_items(self) -> None:
        # given that small clusters win and large ones lose: by cluster a half win, by item a quarter
        runs, kinds = 200, np.random.default_rng(2).random((200, 300)) < 0.5
        covered = 0
        for small in kinds:
            sizes = np.where(small, 1, 3)
            clusters = np.repeat(np.arange(300), sizes)
            found = sequential_test(np.repeat(small, sizes), clusters, largest=3)
            covered += found.low <= 0.25 <= found.high
            assert found.high < 0.5
        assert covered >= runs * (0.95 - 3 * math.sqrt(0.05 * 0.95 / runs))

    def test_the_interval_never_widens(self) -> None:
        scores = verdicts(0.5, 0.2, (200,))
        found = [sequential_test(scores[:n]) for n in range(1, 200)]
        assert all(np.diff([one.low for one in found]) >= -1e-8)
        assert all(np.diff([one.high for one in found]) <= 1e-8)
        assert all(np.diff([one.p_value for one in found]) <= 0)


@pytest.mark.parametrize(("win", "tie", "average"), [(0.65, 0.0, 150), (0.5, 0.3, 110), (0.9, 0.0, 25)])
def test_a_clear_difference_is_decided_long_before_the_plan_ends(
    win: float, tie: float, average: int
) -> None:
    # given a plan of 400 verdicts, stopped at the first that decides
    plan, stopped = 400, []
    for row in verdicts(win, tie, (60, 400), seed=3):
        undecided, decided = 0, plan
        while decided - undecided > 1:  # once decided, always decided: the moment is found by halving
            middle = (undecided + decided) // 2
            undecided, decided = (
                (undecided, middle) if sequential_test(row[:middle]).decided else (middle, decided)
            )
        stopped.append(decided)
    assert np.mean(stopped) < average
    assert np.mean(np.array(stopped) < plan) > 0.9


class TestAgainstOthers:
    @given(SCORES, st.integers(1, 4))
    @example([1.0] * 14, 1)  # a capital that is little more than at the start
    def test_it_is_what_multiplying_out_gives(self, scores: list[float], size: int) -> None:
        clusters = [place // size for place in range(len(scores))]
        groups = [scores[start : start + size] for start in range(0, len(scores), size)]
        sums, sizes = [sum(group) for group in groups], [len(group) for group in groups]
        found = sequential_test(scores, clusters, largest=5)
        assert found.p_value == pytest.approx(min(1, 1 / capital(sums, sizes, 0.5, 5)))
        for end, inside in ((found.low, 1), (found.high, -1)):
            if 0 < end < 1:
                step = 1e-6 * inside
                assert capital(sums, sizes, end - step, 5) >= 20 >= capital(sums, sizes, end + step, 5)


@given(SCORES)
def test_swapping_candidate_and_baseline_mirrors_everything(scores: list[float]) -> None:
    one, other = sequential_test(scores), sequential_test([1 - score for score in scores])
    assert (one.rate, one.low, one.high) == pytest.approx((1 - other.rate, 1 - other.high, 1 - other.low))
    assert (one.p_value, one.decided) == (pytest.approx(other.p_value), other.decided)


@given(SCORES)
def test_decided_means_that_one_half_is_outside(scores: list[float]) -> None:
    found = sequential_test(scores)
    assert found.n == len(scores) and 0 <= found.low <= found.high <= 1
    assert found.decided == (found.p_value <= 0.05 + 1e-12) == (not found.low <= 0.5 <= found.high)


class TestClusters:
    def test_of_one_item_change_nothing(self) -> None:
        scores = verdicts(0.6, 0.1, (40,))
        assert sequential_test(scores, list(range(40))) == sequential_test(scores)

    def test_stand_in_the_order_of_their_first_items(self) -> None:
        # given verdicts of a batch that came back in any order
        scores, clusters = [1, 1, 0, 1, 0.5, 1], ["b", "a", "b", "c", "a", "c"]
        by_hand = sequential_test([1, 0, 1, 0.5, 1, 1], [0, 0, 1, 1, 2, 2], largest=2)
        assert sequential_test(scores, np.array(clusters), largest=2) == by_hand

    def test_of_copies_say_no_more_than_one_item_of_each(self) -> None:
        scores = verdicts(0.7, 0.1, (60,))
        often = sequential_test(np.repeat(scores, 4), np.repeat(np.arange(60), 4), largest=4)
        once = sequential_test(scores)
        assert (often.low, often.high, often.p_value) == pytest.approx((once.low, once.high, once.p_value))

    def test_a_larger_one_to_come_makes_the_bets_smaller(self) -> None:
        scores = [1.0] * 30
        assert sequential_test(scores, largest=4).p_value > sequential_test(scores).p_value


class TestEdges:
    def test_nothing_judged_is_nothing_known(self) -> None:
        assert sequential_test([]) == Sequential(0, 0.5, 0.0, 1.0, 1.0, False)

    def test_one_win_decides_nothing(self) -> None:
        found = sequential_test([1])
        assert (found.rate, found.high, found.p_value, found.decided) == (
            1.0,
            1.0,
            1.0,
            False,
        ) and found.low < 0.1

    def test_ties_alone_narrow_the_interval_around_one_half(self) -> None:
        found = sequential_test([0.5] * 1_000)
        assert (found.rate, found.p_value) == (0.5, 1.0)
        assert 0.48 < found.low < 0.5 < found.high < 0.52

    def test_wins_alone_decide_soon_and_never_claim_certainty(self) -> None:
        assert not sequential_test([1] * 6).decided and sequential_test([1] * 12).decided
        found = sequential_test([1] * 50)
        assert found.high == 1.0 and 0.8 < found.low < 1

    def test_a_rate_that_drifts_leaves_an_interval_still(self) -> None:
        # given what refutes every rate from both sides: first all wins, then all losses
        found = sequential_test([1] * 100 + [0] * 900)
        assert found.decided and 0 < found.low < found.high < 1

    @pytest.mark.parametrize("bad", [[1.5], [-1.0], [float("nan")], [[1.0]]])
    def test_what_is_no_score(self, bad: list[float]) -> None:
        with pytest.raises(ValueError, match="Scores"):
            sequential_test(bad)

    def test_a_cluster_larger_than_planned(self) -> None:
        with pytest.raises(ValueError, match="A cluster has 3 items"):
            sequential_test([1, 0, 1], ["a", "a", "a"], largest=2)

    def test_labels_of_another_length(self) -> None:
        with pytest.raises(ValueError, match="Labels"):
            sequential_test([1, 0, 1], ["a", "b"])
