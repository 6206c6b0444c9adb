"""Tango's score test of two success rates on the same items, against a margin."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import ndtr, ndtri
from scipy.stats import multinomial
from statsmodels.stats.contingency_tables import mcnemar

from fusion_eval.stats.paired_proportions import not_worse_p_value, worse_p_value


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int, int]:
    items = draw(st.integers(2, 500))
    gains = draw(st.integers(0, items))
    return gains, draw(st.integers(0, items - gains)), items


def by_search(gains: int, losses: int, items: int, margin: float) -> float:
    """The statistic, with the most likely rate under the null searched for, and not solved for."""

    def unlikely(rate: float) -> float:
        rates = np.array([rate, rate + margin, 1 - 2 * rate - margin])
        return -float(np.sum(np.array([gains, losses, items - gains - losses]) * np.log(rates)))

    found = minimize_scalar(
        unlikely, bounds=(1e-13, (1 - margin) / 2 - 1e-13), method="bounded", options={"xatol": 1e-14}
    )
    return (losses - gains - items * margin + 0.5) / math.sqrt(items * (2 * found.x + margin - margin**2))


@given(counts(), st.floats(0.005, 0.3))
def test_it_goes_by_the_likeliest_rates_under_the_null(
    given_counts: tuple[int, int, int], margin: float
) -> None:
    """With half an item of doubt."""
    expected = by_search(*given_counts, margin)
    if abs(expected) < 6:  # beyond, the search ends at its own bounds
        assert ndtri(not_worse_p_value(*given_counts, margin)) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@given(counts().filter(lambda given: given[0] + given[1] > 0))
def test_without_a_margin_it_is_mcnemars_statistic(given_counts: tuple[int, int, int]) -> None:
    gains, losses, items = given_counts
    table = [[items - gains - losses, gains], [losses, 0]]
    theirs = math.copysign(mcnemar(table, exact=False, correction=False).statistic ** 0.5, losses - gains)
    doubt = 0.5 / math.sqrt(gains + losses)
    assert not_worse_p_value(*given_counts, 0.0) == pytest.approx(ndtr(theirs + doubt))
    assert worse_p_value(*given_counts, 0.0) == pytest.approx(
        max(ndtr(doubt - theirs), float(losses <= gains))
    )


@given(counts(), st.floats(0.005, 0.3))
def test_of_the_two_questions_one_has_no_small_p_value(
    given_counts: tuple[int, int, int], margin: float
) -> None:
    """They mirror each other but for the step of one item, which counts against both, and the exact tail."""
    both = not_worse_p_value(*given_counts, margin) + worse_p_value(*given_counts, margin)
    assert 1 <= both <= 2


@given(counts().filter(lambda given: given[1] > 0), st.floats(0.005, 0.3))
def test_a_loss_less_makes_it_likelier_that_all_is_well(
    given_counts: tuple[int, int, int], margin: float
) -> None:
    gains, losses, items = given_counts
    assert not_worse_p_value(gains, losses - 1, items, margin) <= not_worse_p_value(*given_counts, margin)


@pytest.mark.parametrize("margin", [0.01, 0.05])
@pytest.mark.parametrize("items", [100, 300, 1000])
@pytest.mark.parametrize("rate", [0.0, 0.005, 0.05])
def test_both_reject_at_their_level_where_the_loss_is_the_margin(
    rate: float, items: int, margin: float
) -> None:
    """Given a loss of exactly the margin (gains at `rate`, losses at `rate + margin`), by exact enumeration."""
    most_gains = int(items * rate + 8 * math.sqrt(items * rate)) if rate else 0
    most_losses = int(items * (rate + margin) + 8 * math.sqrt(items * (rate + margin))) + 1
    pairs = [(g, lost) for g in range(most_gains + 1) for lost in range(min(most_losses, items - g) + 1)]
    chances = multinomial(items, [rate, rate + margin, 1 - 2 * rate - margin]).pmf(
        [[g, lost, items - g - lost] for g, lost in pairs]
    )
    for question in (not_worse_p_value, worse_p_value):
        level = sum(
            chance
            for chance, (g, lost) in zip(chances, pairs, strict=True)
            if question(g, lost, items, margin) <= 0.05
        )
        assert level <= 0.052, question.__name__


@pytest.mark.parametrize(("items", "rows"), [(300, 60), (1000, 12), (1000, 200), (3000, 60)])
@pytest.mark.parametrize("rate", [0.0, 0.002, 0.02])
def test_an_alarm_is_as_rare_as_promised_where_many_rows_share_the_level(
    items: int, rows: int, rate: float
) -> None:
    """Each at alpha / rows, as in the first step of Holm: by exact enumeration, the chance of one in any of them."""
    margin = 0.01
    ceiling = [int(items * chance + 9 * math.sqrt(items * chance)) + 1 for chance in (rate, rate + margin)]
    pairs = [(g, lost) for g in range(ceiling[0] + 1 if rate else 1) for lost in range(ceiling[1] + 1)]
    chances = multinomial(items, [rate, rate + margin, 1 - 2 * rate - margin]).pmf(
        [[g, lost, items - g - lost] for g, lost in pairs]
    )
    alarms = [worse_p_value(g, lost, items, margin) <= 0.05 / rows for g, lost in pairs]
    one = float(np.sum(chances[alarms]))
    assert 1 - (1 - one) ** rows <= 0.06


def test_counts_that_cannot_be_are_refused() -> None:
    for impossible in ((3, 3, 5, 0.1), (-1, 0, 5, 0.1), (0, 0, 0, 0.1), (1, 1, 5, 1.0), (1, 1, 5, -0.1)):
        with pytest.raises(ValueError, match="cannot be"):
            worse_p_value(*impossible)
    assert not_worse_p_value(0, 0, 5, 0.0) == 1.0
