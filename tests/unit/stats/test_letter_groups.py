"""Letters for groups of runs: two runs share a letter exactly if they do not differ significantly."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.stats.multiplicity import Rank, letter_groups


def p_value_matrix(size: int, differ: set[tuple[int, int]]) -> np.ndarray:
    p_values = np.ones((size, size))
    for one, other in differ:
        p_values[one, other] = p_values[other, one] = 0.001
    return p_values


def test_a_run_between_two_different_ones_shares_a_letter_with_each() -> None:
    assert letter_groups([0.3, 0.5, 0.4], p_value_matrix(3, {(0, 1)})) == (
        Rank(1, 1, "a"),
        Rank(2, 2, "ab"),
        Rank(0, 3, "b"),
    )


def test_the_lowest_value_ranks_first_if_lower_is_better() -> None:
    ranks = letter_groups([30.0, 10.0], p_value_matrix(2, {(0, 1)}), higher_is_better=False)
    assert ranks == (Rank(1, 1, "a"), Rank(0, 2, "b"))


def test_equal_values_share_their_rank() -> None:
    ranks = letter_groups([0.5, 0.7, 0.5, 0.1], p_value_matrix(4, set()))
    assert [rank.rank for rank in ranks] == [1, 2, 2, 4]


@st.composite
def differing_pairs(draw: st.DrawFn) -> tuple[int, set[tuple[int, int]]]:
    size = draw(st.integers(1, 7))
    pairs = list(combinations(range(size), 2))
    return size, draw(st.sets(st.sampled_from(pairs))) if pairs else set()


@given(differing_pairs())
def test_two_runs_share_a_letter_exactly_if_they_do_not_differ(
    drawn: tuple[int, set[tuple[int, int]]],
) -> None:
    size, differ = drawn
    ranks = letter_groups(np.arange(size), p_value_matrix(size, differ))
    letters = {rank.position: set(rank.letters) for rank in ranks}
    assert all(letters.values())
    for one, other in combinations(range(size), 2):
        assert bool(letters[one] & letters[other]) == ((one, other) not in differ)
    # and no group contains another
    groups = {
        letter: {run for run in letters if letter in letters[run]}
        for letter in set().union(*letters.values())
    }
    assert not any(groups[a] <= groups[b] for a in groups for b in groups if a != b)


def test_more_than_26_groups_have_numbers_in_brackets() -> None:
    size = 30
    ranks = letter_groups(-np.arange(size), p_value_matrix(size, set(combinations(range(size), 2))))
    assert len({rank.letters for rank in ranks}) == size and ranks[26].letters == "(27)"


def test_several_values_per_run_are_refused() -> None:
    with pytest.raises(ValueError, match="one value for each run"):
        letter_groups([[0.1, 0.2], [0.3, 0.4]], np.ones((2, 2)))


@pytest.mark.parametrize(
    "bad", [np.ones((2, 3)), np.array([[1, 0.1], [0.2, 1]]), np.array([[1, np.nan], [np.nan, 1]])]
)
def test_a_matrix_that_holds_no_p_values_of_pairs_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="p-values"):
        letter_groups([0.1, 0.2], bad)
