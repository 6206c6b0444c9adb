"""Letters for groups: two runs share one exactly where they cannot be told apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.stats.ranking import Rank, groups


def matrix(size: int, differ: set[tuple[int, int]]) -> np.ndarray:
    p_values = np.ones((size, size))
    for one, other in differ:
        p_values[one, other] = p_values[other, one] = 0.001
    return p_values


def test_runs_that_overlap_in_the_middle_share_two_letters() -> None:
    # given three runs of which only the first and the last can be told apart
    assert groups([0.3, 0.5, 0.4], matrix(3, {(0, 1)})) == (
        Rank(1, 1, "a"),
        Rank(2, 2, "ab"),
        Rank(0, 3, "b"),
    )


def test_where_lower_is_better_the_lowest_is_first() -> None:
    ranks = groups([30.0, 10.0], matrix(2, {(0, 1)}), higher_is_better=False)
    assert ranks == (Rank(1, 1, "a"), Rank(0, 2, "b"))


def test_equal_values_share_their_rank() -> None:
    assert [rank.rank for rank in groups([0.5, 0.7, 0.5, 0.1], matrix(4, set()))] == [1, 2, 2, 4]


@given(st.integers(1, 7).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.sampled_from([(a, b) for a, b in combinations(range(max(size, 2)), 2)])))))  # fmt: skip
def test_sharing_a_letter_is_not_being_different(drawn: tuple[int, set[tuple[int, int]]]) -> None:
    size, differ = drawn
    differ = {(one, other) for one, other in differ if other < size}
    found = {rank.position: set(rank.letters) for rank in groups(np.arange(size), matrix(size, differ))}
    assert all(found.values())
    for one, other in combinations(range(size), 2):
        assert bool(found[one] & found[other]) == ((one, other) not in differ)
    # and no letter's group lies within another's
    held = {letter: {run for run in found if letter in found[run]} for letter in set().union(*found.values())}
    assert not any(held[a] <= held[b] for a in held for b in held if a != b)


def test_many_groups_have_letters_that_cannot_be_mistaken() -> None:
    size = 30
    ranks = groups(-np.arange(size), matrix(size, set(combinations(range(size), 2))))
    assert len({rank.letters for rank in ranks}) == size and ranks[26].letters == "(27)"


def test_runs_have_one_value_each() -> None:
    with pytest.raises(ValueError, match="one value each"):
        groups([[0.1, 0.2], [0.3, 0.4]], np.ones((2, 2)))


@pytest.mark.parametrize(
    "bad", [np.ones((2, 3)), np.array([[1, 0.1], [0.2, 1]]), np.array([[1, np.nan], [np.nan, 1]])]
)
def test_what_is_no_matrix_of_p_values(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="p-values"):
        groups([0.1, 0.2], bad)
