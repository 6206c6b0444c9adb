"""The Beta criterion: when enough answers agree to stop sampling."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.stats import beta

from fusion_eval.stats.adaptive_consistency import CONFIDENCE, fewest_further, probability_of_lead


@functools.cache
def tail(first: int, second: int) -> float:
    """Return P(p > 1/2) for p ~ Beta(first + 1, second + 1), by scipy."""
    return float(beta.sf(0.5, first + 1, second + 1))


def first_stop(answers: list[int]) -> int:
    """Return how many answers are read one at a time until the lead is safe, by scipy's posterior."""
    for n in range(1, len(answers) + 1):
        second, first = sorted([0, 0, *np.bincount(answers[:n])])[-2:]
        if tail(int(first), int(second)) > CONFIDENCE:
            return n
    return len(answers)


def first_stop_in_batches(answers: list[int]) -> int:
    """Return how many answers are read in batches of `fewest_further`."""
    n = 0
    while n < len(answers):
        second, first = sorted([0, 0, *np.bincount(answers[:n])])[-2:]
        further = fewest_further(int(first), int(second))
        if not further:
            break
        n = min(n + further, len(answers))
    return n


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_probability_is_the_tail_of_the_beta_posterior(first: int, second: int) -> None:
    assert probability_of_lead(first, second) == pytest.approx(tail(first, second), rel=1e-9)


@pytest.mark.parametrize(("first", "second"), [(4, 0), (7, 2), (3, 3)])
def test_the_probability_is_the_papers_integral(first: int, second: int) -> None:
    # given the integral of p^first (1 - p)^second over p > 1/2, as a share of the one over all p
    def density(p: float) -> float:
        return p**first * (1 - p) ** second

    upper, whole = (integrate.quad(density, start, 1)[0] for start in (0.5, 0))
    # then
    assert probability_of_lead(first, second) == pytest.approx(upper / whole)


def test_four_equal_answers_are_enough_and_three_are_not() -> None:
    assert probability_of_lead(3, 0) == 0.9375 < CONFIDENCE < probability_of_lead(4, 0) == 0.96875
    assert (fewest_further(0, 0), fewest_further(3, 0), fewest_further(4, 0)) == (4, 1, 0)


def test_no_batch_goes_beyond_the_answer_at_which_reading_one_at_a_time_stops() -> None:
    # given all sequences of seven answers out of three
    for answers in itertools.product(range(3), repeat=7):
        # then
        assert first_stop_in_batches(list(answers)) == first_stop(list(answers))


def test_the_leading_answer_of_a_stopped_sample_is_almost_always_that_of_the_full_sample() -> None:
    # given 400 questions whose right answer has a probability of 0.7 among five answers, with 40 samples each
    random = np.random.default_rng(7)
    samples = random.choice(5, size=(400, 40), p=[0.7, 0.1, 0.1, 0.05, 0.05])
    # when
    stops = [first_stop_in_batches(list(row)) for row in samples]
    # then the two modes agree, and most samples are spared
    same = [
        np.bincount(row[:n]).argmax() == np.bincount(row).argmax()
        for row, n in zip(samples, stops, strict=True)
    ]
    assert np.mean(same) > 0.95
    assert np.mean(stops) < 12
