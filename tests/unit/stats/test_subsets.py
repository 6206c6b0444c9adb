"""What k of N candidates are expected to give equals the mean over all subsets of size k."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_eval.stats.majority_subsets import majority_of_k
from fusion_eval.stats.subsets import best_of_k, mean_of_k, oracle_of_k, pass_at_k

Choice = Callable[[Sequence[int]], float]
"""What a subset gives, by the places of its candidates."""


@st.composite
def pools(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """Draw values, scores with ties and gaps, and answers of two items."""
    n = draw(st.integers(1, 7))
    rows = st.lists(st.integers(0, 3), min_size=2 * n, max_size=2 * n)
    values = np.array(draw(rows), dtype=float).reshape(2, n)
    scores = np.array(draw(rows), dtype=float).reshape(2, n)
    scores[scores == 3] = np.nan
    answers = np.array(draw(rows)).reshape(2, n) - 1
    return values, scores, answers


def over_all_subsets(n: int, choice: Choice) -> list[float]:
    """Return the mean of `choice` over all subsets of each size."""
    return [float(np.mean([choice(subset) for subset in combinations(range(n), k)])) for k in range(1, n + 1)]


def best_by(scores: Any, values: Any) -> Choice:
    """Return the choice of the highest score; equals share, and unscored candidates come last."""
    ranked = np.where(np.isnan(scores), -np.inf, scores)

    def choose(subset: Sequence[int]) -> float:
        top = [place for place in subset if ranked[place] == ranked[list(subset)].max()]
        return float(values[top].mean())

    return choose


def vote(answers: Any, values: Any) -> Choice:
    """Return the choice of a vote; answers with equally many votes share, and so do an answer's candidates."""

    def choose(subset: Sequence[int]) -> float:
        votes = {
            answer: [p for p in subset if answers[p] == answer]
            for answer in answers[list(subset)]
            if answer >= 0
        }
        if not votes:
            return float(values[list(subset)].mean())
        most = max(map(len, votes.values()))
        return float(np.mean([values[own].mean() for own in votes.values() if len(own) == most]))

    return choose


@settings(max_examples=25, deadline=None)
@given(pools())
def test_the_best_by_a_score_equals_brute_force(drawn: tuple[Any, Any, Any]) -> None:
    values, scores, _ = drawn
    expected = [over_all_subsets(values.shape[1], best_by(s, v)) for s, v in zip(scores, values, strict=True)]
    assert best_of_k(scores, values) == pytest.approx(np.array(expected))


@settings(max_examples=25, deadline=None)
@given(pools())
def test_majority_equals_brute_force(drawn: tuple[Any, Any, Any]) -> None:
    values, _, answers = drawn
    expected = [over_all_subsets(values.shape[1], vote(a, v)) for a, v in zip(answers, values, strict=True)]
    assert majority_of_k(answers, values) == pytest.approx(np.array(expected))


@settings(max_examples=25, deadline=None)
@given(pools())
def test_oracle_pass_and_mean_equal_brute_force(drawn: tuple[Any, Any, Any]) -> None:
    values, _, _ = drawn
    n = values.shape[1]

    def each(choice: Callable[[Any], Any]) -> Any:
        return np.array([over_all_subsets(n, lambda subset, v=v: choice(v[list(subset)])) for v in values])

    assert oracle_of_k(values) == pytest.approx(each(np.max))
    assert oracle_of_k(values, higher_is_better=False) == pytest.approx(each(np.min))
    assert pass_at_k(values > 1) == pytest.approx(each(lambda own: (own > 1).any()))
    assert mean_of_k(values) == pytest.approx(each(np.mean))


def test_pass_at_k_of_the_papers_formula() -> None:
    # given 5 candidates of which 2 are right: 1 - C(3, 2) / C(5, 2) = 0.7
    assert pass_at_k([[1, 1, 0, 0, 0]])[0, 1] == pytest.approx(0.7)


def test_one_candidate_gives_the_mean_whoever_chooses() -> None:
    values, answers = np.array([[0.1, 0.5, 0.9]]), np.array([[0, -1, 0]])
    for curve in (best_of_k(values, values), majority_of_k(answers, values), oracle_of_k(values)):
        assert curve[0, 0] == pytest.approx(0.5)


def test_many_candidates_lose_no_precision() -> None:
    # given 64 candidates, of which 33 give the right answer and 31 give one wrong answer
    answers = np.array([[0] * 33 + [1] * 31])
    # then all of them elect the right answer, and one candidate is right as often as 33 in 64
    curve = majority_of_k(answers, answers == 0)[0]
    assert curve[63] == pytest.approx(1.0, abs=1e-12)
    assert curve[0] == pytest.approx(33 / 64, abs=1e-12)
