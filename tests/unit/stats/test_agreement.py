"""Agreement of judges: textbook values, other implementations, chance, and an answer where there is none."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import cohen_kappa_score

from fusion_eval.stats.agreement import agreement

NONE = float("nan")
VERDICTS = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6),
    elements=st.sampled_from([-1.0, 0.0, 1.0, NONE]),
)


class TestTextbooks:
    def test_cohen_s_kappa_of_two_readers(self) -> None:
        # given 50 proposals: 20 yes of both, 15 no of both, 5 and 10 on which they differ
        one = [1] * 20 + [1] * 5 + [-1] * 10 + [-1] * 15
        other = [1] * 20 + [-1] * 5 + [1] * 10 + [-1] * 15
        found = agreement([one, other])
        assert found.share == pytest.approx(0.7)
        assert found.cohen == pytest.approx(0.4)

    def test_fleiss_s_kappa_of_fourteen_raters(self) -> None:
        # given how many of 14 raters put each of ten subjects into each of five categories
        counts = [
            [0, 0, 0, 0, 14],
            [0, 2, 6, 4, 2],
            [0, 0, 3, 5, 6],
            [0, 3, 9, 2, 0],
            [2, 2, 8, 1, 1],
            [7, 7, 0, 0, 0],
            [3, 2, 6, 3, 0],
            [2, 5, 3, 2, 2],
            [6, 5, 2, 1, 0],
            [0, 2, 2, 3, 7],
        ]
        verdicts = np.array([np.repeat(np.arange(5), row) for row in counts]).T
        assert agreement(verdicts).fleiss == pytest.approx(0.210, abs=5e-4)

    def test_krippendorff_s_alpha_of_four_observers(self) -> None:
        # given twelve units, some without an observer's value
        verdicts = [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
            [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
        ]
        found = agreement(verdicts)
        assert found.alpha == pytest.approx(0.815, abs=5e-4)
        assert found.items == 11  # one unit has a single value


@settings(deadline=None)  # the first example imports statsmodels
@given(VERDICTS)
def test_kappa_is_the_mean_of_scikit_learn_s_over_pairs_of_raters(verdicts: np.ndarray) -> None:
    kappas, shares = [], []
    for one, other in combinations(verdicts, 2):
        both = ~np.isnan(one) & ~np.isnan(other)
        if both.any():
            shares.append((one[both] == other[both]).mean())
        if len(np.unique([one[both], other[both]])) > 1:
            kappas.append(cohen_kappa_score(one[both].astype(int), other[both].astype(int)))
    found = agreement(verdicts)
    assert found.cohen == (pytest.approx(np.mean(kappas)) if kappas else None)
    assert found.share == (pytest.approx(np.mean(shares)) if shares else None)


@settings(deadline=None)  # the first example imports statsmodels
@given(VERDICTS)
def test_neither_the_order_of_raters_and_items_nor_which_side_wins_matters(verdicts: np.ndarray) -> None:
    found = agreement(verdicts)
    for changed in (verdicts[::-1], verdicts[:, ::-1], -verdicts):
        again = agreement(changed)
        for name in ("share", "cohen", "fleiss", "alpha", "items"):
            before, after = getattr(found, name), getattr(again, name)
            assert after == (None if before is None else pytest.approx(before))


@settings(deadline=None)  # the first example imports statsmodels
@given(VERDICTS)
def test_what_is_undefined_is_none_and_no_warning(verdicts: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = agreement(verdicts)
    for value in (found.share, found.cohen, found.fleiss, found.alpha):
        assert value is None or (-1 <= value <= 1 + 1e-12)


@pytest.mark.parametrize("raters", [2, 3, 5])
def test_judges_who_always_agree_have_one_of_each(raters: int) -> None:
    found = agreement([[1, 0, -1, 1, 0.5]] * raters)
    assert (found.share, found.items) == (1.0, 5)
    assert (found.cohen, found.fleiss, found.alpha) == (pytest.approx(1), pytest.approx(1), pytest.approx(1))


def test_judges_who_toss_coins_have_zero_of_each_coefficient_and_not_of_the_share() -> None:
    # given four judges who mostly say "win", without looking
    random = np.random.default_rng(0)
    found = agreement(random.choice([-1, 0, 1], size=(4, 5_000), p=[0.1, 0.2, 0.7]))
    assert found.share == pytest.approx(0.1**2 + 0.2**2 + 0.7**2, abs=0.02)
    assert (found.cohen, found.fleiss, found.alpha) == (pytest.approx(0, abs=0.02),) * 3


def test_a_tie_against_a_win_is_a_smaller_quarrel_than_a_loss_to_alpha_alone() -> None:
    # given two judges who differ on two of ten items, by one step or by two
    one = np.array([1, 1, 1, 1, 0, 0, -1, -1, -1, -1])
    near, far = one.copy(), one.copy()
    near[[0, 9]], far[[0, 9]] = 0, [-1, 1]
    mild, harsh = agreement([one, near]), agreement([one, far])
    assert mild.share == harsh.share == pytest.approx(0.8)
    assert mild.alpha is not None and harsh.alpha is not None and mild.alpha > harsh.alpha + 0.2


def test_items_of_some_raters_count_where_they_can() -> None:
    # given a third judge who saw only the last item
    found = agreement([[1, -1, 1, 1], [1, -1, -1, 1], [NONE, NONE, NONE, 1]])
    assert found.items == 4
    assert found.share == pytest.approx((3 / 4 + 1 + 1) / 3)
    assert found.fleiss is None  # the one item that all saw has one category
    assert found.cohen == pytest.approx(agreement([[1, -1, 1, 1], [1, -1, -1, 1]]).cohen)


def test_graded_verdicts_are_equal_but_for_rounding() -> None:
    assert agreement([[0.1 + 0.2, -0.5], [0.3, -0.5]]).share == 1.0


class TestEdges:
    def test_one_category_is_no_evidence_of_agreement(self) -> None:
        found = agreement(np.ones((3, 8)))
        assert (found.share, found.cohen, found.fleiss, found.alpha, found.items) == (
            1.0,
            None,
            None,
            None,
            8,
        )

    @pytest.mark.parametrize("empty", [np.zeros((2, 0)), np.full((3, 4), NONE), [[1, NONE], [NONE, 1]]])
    def test_no_item_in_common(self, empty: np.ndarray) -> None:
        found = agreement(empty)
        assert (found.share, found.cohen, found.fleiss, found.alpha, found.items) == (None,) * 4 + (0,)

    @pytest.mark.parametrize("bad", [[1, 0], [[1, 0]], [[float("inf"), 0], [1, 0]]])
    def test_what_is_no_matrix_of_verdicts(self, bad: list[float]) -> None:
        with pytest.raises(ValueError, match=r"[Vv]erdicts"):
            agreement(bad)

    def test_verdicts_that_are_all_different_are_to_be_rounded(self) -> None:
        with pytest.raises(ValueError, match="round them"):
            agreement(np.random.default_rng(0).random((2, 30)))
