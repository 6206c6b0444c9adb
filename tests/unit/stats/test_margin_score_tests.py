"""Tango's score tests of two success rates on the same items against a margin."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import ndtr, ndtri
from scipy.stats import binom
from statsmodels.stats.contingency_tables import mcnemar

from fusion_eval.stats.non_inferiority import score_not_worse, score_worse


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int, int]:
    """Gains, losses and items."""
    items = draw(st.integers(2, 500))
    gains = draw(st.integers(0, items))
    return gains, draw(st.integers(0, items - gains)), items


def statistic_by_search(gains: int, losses: int, items: int, margin: float) -> float:
    """Tango's statistic, where the most likely gain rate under H0 is searched for numerically."""

    def negative_log_likelihood(rate: float) -> float:
        rates = np.array([rate, rate + margin, 1 - 2 * rate - margin])
        return -float(np.sum(np.array([gains, losses, items - gains - losses]) * np.log(rates)))

    best = minimize_scalar(
        negative_log_likelihood,
        bounds=(1e-13, (1 - margin) / 2 - 1e-13),
        method="bounded",
        options={"xatol": 1e-14},
    )
    return (losses - gains - items * margin + 0.5) / math.sqrt(items * (2 * best.x + margin - margin**2))


@given(counts(), st.floats(0.005, 0.3))
def test_the_variance_is_that_of_the_most_likely_rates_under_the_null(
    drawn: tuple[int, int, int], margin: float
) -> None:
    expected = statistic_by_search(*drawn, margin)
    if abs(expected) < 6:  # beyond, the search ends at its own bounds
        assert ndtri(score_not_worse(*drawn, margin)) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@given(counts().filter(lambda drawn: drawn[0] + drawn[1] > 0))
def test_without_a_margin_the_statistic_is_mcnemars(drawn: tuple[int, int, int]) -> None:
    gains, losses, items = drawn
    table = [[items - gains - losses, gains], [losses, 0]]
    theirs = math.copysign(mcnemar(table, exact=False, correction=False).statistic ** 0.5, losses - gains)
    correction = 0.5 / math.sqrt(gains + losses)
    assert score_not_worse(*drawn, 0.0) == pytest.approx(ndtr(theirs + correction))
    assert score_worse(*drawn, 0.0) == pytest.approx(max(ndtr(correction - theirs), float(losses <= gains)))


@given(counts(), st.floats(0.005, 0.3))
def test_the_two_tests_never_both_reject(drawn: tuple[int, int, int], margin: float) -> None:
    both = score_not_worse(*drawn, margin) + score_worse(*drawn, margin)
    assert 1 <= both <= 2  # more than 1 by the continuity corrections and the exact tail


@given(counts().filter(lambda drawn: drawn[1] > 0), st.floats(0.005, 0.3))
def test_one_loss_less_lowers_the_p_value_of_not_worse(drawn: tuple[int, int, int], margin: float) -> None:
    gains, losses, items = drawn
    p_value = score_not_worse(*drawn, margin)
    if p_value < 0.5:  # above, with a handful of items, the variance may fall faster than the losses
        assert score_not_worse(gains, losses - 1, items, margin) <= p_value


Test = Callable[[int, int, int, float], float]


def rejection_probability(test: Test, items: int, rate: float, margin: float, level: float) -> float:
    """The exact probability that the test rejects if gains have `rate` and losses `rate + margin`.

    For each number of gains, `score_not_worse` rejects up to a number of losses, and `score_worse` from one on.
    """
    most = int(items * rate + 9 * math.sqrt(items * rate)) + 1 if rate else 0
    gains = np.arange(min(most, items) + 1)
    limits = []
    for count in gains.tolist():
        possible = range(items - count + 1)
        if test is score_not_worse:
            limits.append(bisect_left(possible, True, key=lambda n: test(count, n, items, margin) > level))
        else:
            limits.append(bisect_left(possible, True, key=lambda n: test(count, n, items, margin) <= level))
    below = binom.cdf(np.array(limits) - 1, items - gains, (rate + margin) / (1 - rate))
    rejected = below if test is score_not_worse else 1 - below
    return float(binom.pmf(gains, items, rate) @ rejected)


@pytest.mark.parametrize("margin", [0.01, 0.05])
@pytest.mark.parametrize("items", [100, 300, 1000])
@pytest.mark.parametrize("rate", [0.0, 0.005, 0.05])
def test_both_tests_keep_their_level_if_the_loss_is_the_margin(
    rate: float, items: int, margin: float
) -> None:
    for test in (score_not_worse, score_worse):
        assert rejection_probability(test, items, rate, margin, 0.05) <= 0.052, test.__name__


@pytest.mark.parametrize(("items", "rows"), [(300, 60), (1000, 12), (1000, 200), (3000, 60)])
@pytest.mark.parametrize("rate", [0.0, 0.002, 0.02])
def test_false_alarms_over_many_rows_are_as_rare_as_alpha(items: int, rows: int, rate: float) -> None:
    # given rows tested at alpha / rows, as in the first step of Holm
    one = rejection_probability(score_worse, items, rate, 0.01, 0.05 / rows)
    assert 1 - (1 - one) ** rows <= 0.06


@pytest.mark.parametrize(("margin", "loss", "power"), [(0.05, 0.0, 0.95), (0.02, 0.06, 0.8)])
def test_clear_cases_are_found(margin: float, loss: float, power: float) -> None:
    # given 1000 items of which 5% are gained, and 5% plus the loss are lost
    random = np.random.default_rng(0)
    draws = random.multinomial(1000, [0.05, 0.05 + loss, 0.9 - loss], size=400)
    test = score_not_worse if loss < margin else score_worse
    rejected = [test(int(gains), int(losses), 1000, margin) <= 0.05 for gains, losses, _ in draws]
    assert np.mean(rejected) > power


def test_impossible_counts_are_refused() -> None:
    for impossible in ((3, 3, 5, 0.1), (-1, 0, 5, 0.1), (0, 0, 0, 0.1), (1, 1, 5, 1.0), (1, 1, 5, -0.1)):
        with pytest.raises(ValueError, match="cannot be"):
            score_worse(*impossible)
    assert score_not_worse(0, 0, 5, 0.0) == 1.0
