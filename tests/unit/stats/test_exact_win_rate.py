"""The interval of a win rate with ties: it covers, it agrees with the sign test, and many ties make it narrow."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.stats.exact_win_rate import exact_interval
from fusion_eval.stats.win_rate import win_rate

COUNTS = st.tuples(*[st.integers(0, 60)] * 3).filter(any)


@given(COUNTS, st.sampled_from([0.8, 0.9, 0.9375, 0.95, 0.99]))
def test_the_interval_never_contradicts_the_p_value(counts: tuple[int, int, int], confidence: float) -> None:
    # given
    wins, ties, losses = counts
    # when
    result = win_rate([1] * wins + [0] * ties + [-1] * losses, confidence=confidence)
    # then
    assert 0 <= result.low <= result.rate <= result.high <= 1
    if result.p_value <= 1 - confidence:
        assert result.low >= 0.5 or result.high <= 0.5
    else:
        assert result.low <= 0.5 <= result.high


@given(
    st.lists(
        st.tuples(st.sampled_from([-1, 0, 1]), st.integers(0, 9), st.booleans()), min_size=1, max_size=40
    )
)
def test_the_interval_of_clusters_and_groups_never_contradicts_the_p_value(
    items: list[tuple[int, int, bool]],
) -> None:
    # given
    outcomes, clusters, groups = zip(*items, strict=True)
    # when
    result = win_rate(outcomes, clusters, groups, resamples=199)
    # then
    assert 0 <= result.low <= result.rate + 1e-12 and result.rate - 1e-12 <= result.high <= 1
    if result.p_value <= 0.05:
        assert result.low >= 0.5 or result.high <= 0.5
    else:
        assert result.low <= 0.5 <= result.high


@pytest.mark.parametrize("n", [1, 5, 14, 50])
def test_ties_alone_bound_the_share_of_items_that_are_no_ties(n: int) -> None:
    # given no item of n that is no tie
    bound = scipy.stats.binomtest(0, n).proportion_ci(confidence_level=0.95).high
    # when, then all of that share could be wins, or losses
    assert exact_interval(0, n, 0) == pytest.approx(((1 - bound) / 2, (1 + bound) / 2))


@pytest.mark.parametrize(("wins", "losses"), [(1, 0), (300, 700), (900, 100)])
def test_without_ties_the_interval_is_nearly_that_of_a_share(wins: int, losses: int) -> None:
    share = scipy.stats.binomtest(wins, wins + losses).proportion_ci()
    assert exact_interval(wins, 0, losses) == pytest.approx((share.low, share.high), abs=0.003)


def test_many_ties_make_the_interval_narrow() -> None:
    # given the same rate with and without ties
    low, high = exact_interval(2, 96, 2)
    even = exact_interval(50, 0, 50)
    # then
    assert high - low < (even[1] - even[0]) / 2


def test_the_limits_are_quantiles_of_the_melded_confidence_distributions() -> None:
    # given draws of the confidence distributions of the share of decisive items and of the share of wins among them
    random = np.random.default_rng(0)
    wins, ties, losses = 9, 6, 5
    draws = 400_000
    wins_among = random.beta(wins, losses + 1, draws)
    fewest, most = random.beta(wins + losses, ties + 1, draws), random.beta(wins + losses + 1, ties, draws)
    differences = np.where(wins_among > 0.5, fewest, most) * (2 * wins_among - 1)
    # when, then
    low, _ = exact_interval(wins, ties, losses)
    assert low == pytest.approx((1 + np.quantile(differences, 0.025)) / 2, abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 14, 50])
def test_the_interval_covers_under_the_null_and_under_alternatives(n: int) -> None:
    # given the interval of every possible outcome, so that its coverage can be computed instead of simulated
    outcomes = [(wins, n - wins - losses, losses) for wins in range(n + 1) for losses in range(n + 1 - wins)]
    low, high = np.array([exact_interval(*counts) for counts in outcomes]).T
    for ties in (0.0, 0.5, 0.9):
        for win in (0.5, 0.6, 0.8, 0.95, 1.0):
            chances = [(1 - ties) * win, ties, (1 - ties) * (1 - win)]
            truth = chances[0] + ties / 2
            # when
            inside = (low <= truth + 1e-9) & (truth - 1e-9 <= high)
            covered = scipy.stats.multinomial.pmf(outcomes, n, chances)[inside].sum()
            # then
            assert covered >= 0.95
            assert ties or n < 50 or covered < 0.99 or win > 0.9, "wider than it need be"
