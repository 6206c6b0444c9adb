"""Agreement of judges: textbook values, other implementations, chance level, and undefined coefficients."""

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

MISSING = float("nan")
VERDICTS = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6),
    elements=st.sampled_from([-1.0, 0.0, 1.0, MISSING]),
)


class TestTextbookExamples:
    def test_cohens_kappa_of_two_readers(self) -> None:
        # given 50 proposals: both say yes to 20 and no to 15, and they differ on 5 and on 10
        one = [1] * 20 + [1] * 5 + [-1] * 10 + [-1] * 15
        other = [1] * 20 + [-1] * 5 + [1] * 10 + [-1] * 15
        result = agreement([one, other])
        assert result.share == pytest.approx(0.7)
        assert result.cohen == pytest.approx(0.4)

    def test_fleiss_kappa_of_fourteen_raters(self) -> None:
        # given the number of 14 raters who put each of ten subjects into each of five categories
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

    def test_krippendorffs_alpha_of_four_observers(self) -> None:
        # given twelve units; some observers miss some of them
        verdicts = [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, MISSING, MISSING, MISSING],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, MISSING, 3],
            [MISSING, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, MISSING],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, MISSING],
        ]
        result = agreement(verdicts)
        assert result.alpha == pytest.approx(0.815, abs=5e-4)
        assert result.items == 11  # one unit has a single value


@settings(deadline=None, max_examples=50)  # the first example imports statsmodels
@given(VERDICTS)
def test_kappa_is_the_mean_of_scikit_learns_over_pairs_of_raters(verdicts: np.ndarray) -> None:
    kappas, shares = [], []
    for one, other in combinations(verdicts, 2):
        both = ~np.isnan(one) & ~np.isnan(other)
        if both.any():
            shares.append((one[both] == other[both]).mean())
        if len(np.unique([one[both], other[both]])) > 1:
            kappas.append(cohen_kappa_score(one[both].astype(int), other[both].astype(int)))
    result = agreement(verdicts)
    assert result.cohen == (pytest.approx(np.mean(kappas)) if kappas else None)
    assert result.share == (pytest.approx(np.mean(shares)) if shares else None)


@settings(deadline=None, max_examples=50)  # the first example imports statsmodels
@given(VERDICTS)
def test_the_order_of_raters_and_items_and_the_winning_side_do_not_matter(verdicts: np.ndarray) -> None:
    result = agreement(verdicts)
    for changed in (verdicts[::-1], verdicts[:, ::-1], -verdicts):
        again = agreement(changed)
        for name in ("share", "cohen", "fleiss", "alpha", "items"):
            before, after = getattr(result, name), getattr(again, name)
            assert after == (None if before is None else pytest.approx(before))


@settings(deadline=None, max_examples=50)  # the first example imports statsmodels
@given(VERDICTS)
def test_an_undefined_coefficient_is_none_without_a_warning(verdicts: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = agreement(verdicts)
    for value in (result.share, result.cohen, result.fleiss, result.alpha):
        assert value is None or (-1 <= value <= 1 + 1e-12)


@pytest.mark.parametrize("raters", [2, 3, 5])
def test_judges_who_always_agree_have_coefficients_of_1(raters: int) -> None:
    result = agreement([[1, 0, -1, 1, 0.5]] * raters)
    assert (result.share, result.items) == (1.0, 5)
    assert (result.cohen, result.fleiss, result.alpha) == (
        pytest.approx(1),
        pytest.approx(1),
        pytest.approx(1),
    )


def test_judges_who_answer_at_random_have_coefficients_of_0_and_still_share_verdicts() -> None:
    # given four judges who mostly say "win", at random
    random = np.random.default_rng(0)
    result = agreement(random.choice([-1, 0, 1], size=(4, 5_000), p=[0.1, 0.2, 0.7]))
    assert result.share == pytest.approx(0.1**2 + 0.2**2 + 0.7**2, abs=0.02)
    assert (result.cohen, result.fleiss, result.alpha) == (pytest.approx(0, abs=0.02),) * 3


def test_only_alpha_weighs_a_tie_against_a_win_less_than_a_loss_against_a_win() -> None:
    # given two judges who differ on two of ten items, by one step or by two
    one = np.array([1, 1, 1, 1, 0, 0, -1, -1, -1, -1])
    near, far = one.copy(), one.copy()
    near[[0, 9]], far[[0, 9]] = 0, [-1, 1]
    mild, harsh = agreement([one, near]), agreement([one, far])
    assert mild.share == harsh.share == pytest.approx(0.8)
    assert mild.alpha is not None and harsh.alpha is not None and mild.alpha > harsh.alpha + 0.2


def test_items_that_some_raters_miss_count_for_the_others() -> None:
    # given a third judge who saw only the last item
    result = agreement([[1, -1, 1, 1], [1, -1, -1, 1], [MISSING, MISSING, MISSING, 1]])
    assert result.items == 4
    assert result.share == pytest.approx((3 / 4 + 1 + 1) / 3)
    assert result.fleiss is None  # the only item that all of them saw has a single verdict
    assert result.cohen == pytest.approx(agreement([[1, -1, 1, 1], [1, -1, -1, 1]]).cohen)


def test_graded_verdicts_are_compared_after_rounding() -> None:
    assert agreement([[0.1 + 0.2, -0.5], [0.3, -0.5]]).share == 1.0


class TestEdges:
    def test_a_single_verdict_for_everything_is_no_evidence_of_agreement(self) -> None:
        result = agreement(np.ones((3, 8)))
        assert (result.share, result.cohen, result.fleiss, result.alpha, result.items) == (
            1.0,
            None,
            None,
            None,
            8,
        )

    @pytest.mark.parametrize(
        "empty", [np.zeros((2, 0)), np.full((3, 4), MISSING), [[1, MISSING], [MISSING, 1]]]
    )
    def test_raters_without_a_common_item_have_no_agreement(self, empty: np.ndarray) -> None:
        result = agreement(empty)
        assert (result.share, result.cohen, result.fleiss, result.alpha, result.items) == (None,) * 4 + (0,)

    @pytest.mark.parametrize("bad", [[1, 0], [[1, 0]], [[float("inf"), 0], [1, 0]]])
    def test_anything_but_a_matrix_of_verdicts_is_refused(self, bad: list[float]) -> None:
        with pytest.raises(ValueError, match=r"[Vv]erdicts"):
            agreement(bad)

    def test_too_many_distinct_verdicts_are_refused(self) -> None:
        with pytest.raises(ValueError, match="round them"):
            agreement(np.random.default_rng(0).random((2, 30)))
