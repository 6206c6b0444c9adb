"""Win rates: the sign test, clusters, Wilson's interval, and edge cases."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from fusion_eval.stats.win_rate import wilson, win_rate

OUTCOMES = st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=40)


@pytest.mark.parametrize(("wins", "n"), [(0, 5), (5, 5), (7, 20), (500, 900)])
def test_the_interval_equals_wilsons_of_statsmodels_and_scipy(wins: int, n: int) -> None:
    assert wilson(wins / n, n) == pytest.approx(proportion_confint(wins, n, method="wilson"))
    theirs = scipy.stats.binomtest(wins, n).proportion_ci(method="wilson")
    assert wilson(wins / n, n) == pytest.approx((theirs.low, theirs.high))


@given(OUTCOMES)
def test_counts_add_up_and_p_is_that_of_the_exact_sign_test(outcomes: list[int]) -> None:
    result = win_rate(outcomes)
    assert result.wins + result.ties + result.losses == len(outcomes)
    assert result.rate == pytest.approx((result.wins + result.ties / 2) / len(outcomes))
    assert 0 <= result.low <= result.rate <= result.high <= 1
    decisive = result.wins + result.losses
    assert result.p_value == pytest.approx(
        scipy.stats.binomtest(result.wins, decisive).pvalue if decisive else 1.0
    )


@given(OUTCOMES)
def test_swapping_the_runs_mirrors_the_result(outcomes: list[int]) -> None:
    one, other = win_rate(outcomes), win_rate([-outcome for outcome in outcomes])
    assert (one.wins, one.ties, one.losses) == (other.losses, other.ties, other.wins)
    assert (one.rate, one.low, one.high) == (
        pytest.approx(1 - other.rate),
        pytest.approx(1 - other.high),
        pytest.approx(1 - other.low),
    )
    assert one.p_value == pytest.approx(other.p_value)


def test_clusters_of_one_item_change_nothing() -> None:
    outcomes = [1, 1, 1, 0, -1, 1, 1, 0, 1, -1]
    assert win_rate(outcomes, list("abcdefghij")) == win_rate(outcomes)


def test_copies_of_an_item_do_not_narrow_the_interval() -> None:
    # given the same ten outcomes once, and five times each as clusters
    outcomes = np.array([1, 1, 1, 0, -1, 1, 1, 0, 1, -1])
    once, often = win_rate(outcomes), win_rate(np.repeat(outcomes, 5), np.repeat(np.arange(10), 5))
    assert often.p_value == pytest.approx(once.p_value)
    assert often.method == "bootstrap"
    assert often.high - often.low == pytest.approx(once.high - once.low, abs=0.12)


def test_the_rate_is_the_mean_of_the_groups_rates() -> None:
    result = win_rate([1, 1, -1, -1, -1, -1], groups=["fr", "fr", "ja", "ja", "ja", "ja"])
    assert (result.rate, result.wins, result.losses) == (0.5, 2, 4)


def test_the_sign_test_keeps_its_level_and_the_interval_covers() -> None:
    random = np.random.default_rng(0)
    trials, rejected, covered = 1_000, 0, 0
    for _ in range(trials):
        result = win_rate(random.choice([-1, 0, 1], size=60, p=[0.3, 0.4, 0.3]))
        rejected += result.p_value <= 0.05
        covered += result.low <= 0.5 <= result.high
    # the exact test is conservative
    assert 0.01 * trials < rejected <= scipy.stats.binom.ppf(0.999, trials, 0.05)
    assert covered >= scipy.stats.binom.ppf(0.001, trials, 0.95)


def test_clusters_keep_the_level_that_single_items_lose() -> None:
    random = np.random.default_rng(1)
    labels = np.repeat(np.arange(20), 4)
    trials = 300
    clustered = single = 0
    for _ in range(trials):
        outcomes = np.repeat(random.choice([-1, 1], size=20), 4)
        clustered += win_rate(outcomes, labels, resamples=199).p_value <= 0.05
        single += win_rate(outcomes, resamples=10).p_value <= 0.05
    assert clustered <= scipy.stats.binom.ppf(0.999, trials, 0.05) < single


class TestEdges:
    def test_one_win_of_one_shows_little(self) -> None:
        result = win_rate([1])
        assert (result.rate, result.p_value) == (1.0, 1.0) and result.low < 0.25

    def test_ties_alone_give_one_half_with_a_wide_interval(self) -> None:
        result = win_rate([0] * 8)
        assert (result.rate, result.p_value, result.ties) == (0.5, 1.0, 8) and result.low < 0.5 < result.high

    def test_clusters_of_ties_alone_have_the_interval_of_so_many_ties(self) -> None:
        ties, clustered = win_rate([0] * 7), win_rate([0] * 14, np.repeat(np.arange(7), 2))
        assert (clustered.low, clustered.high, clustered.method) == (ties.low, ties.high, "exact")

    def test_wins_alone_in_clusters_leave_a_wide_interval(self) -> None:
        result = win_rate([1] * 10, np.repeat(np.arange(5), 2))
        assert (result.rate, result.method) == (1.0, "wilson") and result.low < 0.6

    @pytest.mark.parametrize("clusters", [2, 3, 4])
    def test_few_clusters_leave_a_wide_interval_however_many_items_they_hold(self, clusters: int) -> None:
        # given wins and a single tie, so that the bootstrap interval has a width
        result = win_rate([1] * (10 * clusters - 1) + [0], np.repeat(np.arange(clusters), 10))
        assert result.method == "wilson" and result.low < 0.6

    def test_a_bootstrap_interval_whose_width_is_rounding_is_replaced(self) -> None:
        # given five questions, each in some of three languages, that win two of their five items and tie the rest
        where = [(0, 1), (0, 2), (1, 2), (2, 0), (2, 1), (3, 2), (4, 1)]
        sizes = [1, 2, 1, 1, 2, 1, 2]
        outcomes = [1, 1, 0, 0, 0] * sum(sizes)
        question, language = np.repeat(np.array(where).T, np.multiply(sizes, 5), axis=1)
        result = win_rate(outcomes, question, language)
        assert (
            result.rate == pytest.approx(0.7) and result.method == "wilson" and result.high - result.low > 0.3
        )

    @pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
    def test_the_interval_contains_the_rate_to_the_last_digit(self, rate: float) -> None:
        for n in range(1, 400):
            low, high = wilson(rate, n)
            assert 0 <= low <= rate <= high <= 1

    @pytest.mark.parametrize("bad", [[], [0.5], [float("nan")], [[1], [0]]])
    def test_anything_but_outcomes_is_refused(self, bad: list[float]) -> None:
        with pytest.raises(ValueError, match="Outcomes"):
            win_rate(bad)
