"""The win rate at equal style: a taste for length taken out, an honest win left in, and intervals that keep their word."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from fusion_eval.stats.style_control import style_controlled
from fusion_eval.stats.win_rate import wilson

NAMES = ["length", "headings", "lists", "bold"]


def judged(
    random: np.random.Generator, n: int, equal: float, taste: float, k: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and features of a candidate that is mostly longer; `equal` is its log-odds at equal style."""
    features = np.clip(random.normal([0.3] + [0.0] * (k - 1), 0.3, size=(n, k)), -1, 1)
    chance = 1 / (1 + np.exp(-equal - taste * features[:, 0]))
    return (random.random(n) < chance).astype(float), features


class TestAgainstOtherImplementations:
    @pytest.fixture
    def graded(self) -> tuple[np.ndarray, np.ndarray]:
        scores, features = judged(np.random.default_rng(3), 400, 0.3, 3.0)
        scores[::5] = 0.5
        scores[1::7] = 0.75
        return scores, features

    def test_statsmodels_fits_the_same_to_fractional_outcomes(
        self, graded: tuple[np.ndarray, np.ndarray]
    ) -> None:
        scores, features = graded
        scaled = features / features.std(axis=0)
        theirs = sm.GLM(scores, sm.add_constant(scaled), family=sm.families.Binomial()).fit()
        found = style_controlled(scores, features, NAMES, resamples=10)
        assert found is not None
        assert found.adjusted == pytest.approx(1 / (1 + np.exp(-theirs.params[0])), abs=1e-5)
        assert [each.value for each in found.coefficients] == pytest.approx(theirs.params[1:], abs=1e-4)

    def test_so_does_scikit_learn_with_the_same_ridge_and_ties_as_half_a_win_and_half_a_loss(
        self, graded: tuple[np.ndarray, np.ndarray]
    ) -> None:
        scores, features = graded
        both = np.tile(features / features.std(axis=0), (2, 1))
        model = LogisticRegression(C=1_000, tol=1e-10, max_iter=10_000)  # C is 1 / the ridge
        model.fit(both, np.repeat([1, 0], len(scores)), sample_weight=np.concatenate([scores, 1 - scores]))
        found = style_controlled(scores, features, NAMES, resamples=10)
        assert found is not None
        assert found.adjusted == pytest.approx(1 / (1 + np.exp(-model.intercept_[0])), abs=1e-6)
        assert [each.value for each in found.coefficients] == pytest.approx(model.coef_[0], abs=1e-5)

    @pytest.mark.parametrize("seed", range(8))
    def test_features_that_all_but_separate_are_fitted_as_well(self, seed: int) -> None:
        # given far outliers, and a first feature that is wrong about three pairs: plain Newton steps overshoot
        random = np.random.default_rng(seed)
        features = np.clip(random.standard_t(1.5, size=(80, 2)), -50, 50)
        scores = (features[:, 0] > 0).astype(float)
        scores[:3] = 1 - scores[:3]
        model = LogisticRegression(C=1_000, tol=1e-12, max_iter=100_000, solver="newton-cholesky")
        model.fit(features / features.std(axis=0), scores)
        found = style_controlled(scores, features, NAMES[:2], resamples=10)
        assert found is not None
        assert found.adjusted == pytest.approx(1 / (1 + np.exp(-model.intercept_[0])), abs=1e-5)
        assert [each.value for each in found.coefficients] == pytest.approx(
            model.coef_[0], rel=1e-4, abs=1e-4
        )

    def test_one_refit_of_drawn_clusters_is_a_fit_to_the_drawn_pairs(self) -> None:
        # given the ends of a wide interval, they lie two sandwich errors by clusters from the estimate
        random = np.random.default_rng(4)
        clusters = np.repeat(np.arange(100), 6)
        each, features = judged(random, 100, 0.2, 2.0, k=1)
        scores, features = np.repeat(each, 6), np.repeat(features, 6, axis=0)
        found = style_controlled(scores, features, ["length"], clusters)
        scaled = sm.add_constant(features / features.std(axis=0))
        theirs = sm.GLM(scores, scaled, family=sm.families.Binomial()).fit(
            cov_type="cluster", cov_kwds={"groups": clusters}
        )
        assert found is not None
        error = (found.coefficients[0].high - found.coefficients[0].low) / (2 * 1.96)
        assert error == pytest.approx(theirs.bse[1], rel=0.2)


def test_a_judge_s_taste_for_length_is_taken_out() -> None:
    # given equals, of which the candidate writes longer answers and the judge likes these
    scores, features = judged(np.random.default_rng(0), 500, 0.0, 5.0)
    found = style_controlled(scores, features, NAMES)
    assert found is not None
    assert found.raw > 0.65
    assert found.low < 0.5 < found.high and found.adjusted == pytest.approx(0.5, abs=0.08)
    length, *others = found.coefficients
    assert length.name == "length" and length.low > 0.5
    assert max(abs(other.value) for other in others) < length.low / 2


def test_an_honest_win_stays_one() -> None:
    # given a better candidate, longer as well, and a judge who does not care for length
    scores, features = judged(np.random.default_rng(1), 500, 0.8, 0.0)
    found = style_controlled(scores, features, NAMES)
    assert found is not None
    assert found.low > 0.5
    assert found.adjusted == pytest.approx(found.raw, abs=0.06)


@pytest.mark.parametrize(
    ("n", "k", "equal", "taste"),
    # the second one, with few pairs and many features, is where a plain percentile interval covers 3 of 4
    [(60, 2, 0.0, 4.0), (60, 4, 1.0, 4.0), (150, 2, 0.0, 0.0), (150, 2, 0.8, 4.0)],
)
def test_the_interval_keeps_its_promise(n: int, k: int, equal: float, taste: float) -> None:
    random = np.random.default_rng(2)
    trials, covered = 150, 0
    for trial in range(trials):
        found = style_controlled(
            *judged(random, n, equal, taste, k), NAMES[:k], resamples=200, confidence=0.9, seed=trial
        )
        assert found is not None
        covered += found.low <= 1 / (1 + np.exp(-equal)) <= found.high
    assert scipy.stats.binom.ppf(0.001, trials, 0.9) <= covered <= scipy.stats.binom.ppf(0.9999, trials, 0.9)


def test_pairs_that_repeat_each_other_do_not_make_one_surer() -> None:
    scores, features = judged(np.random.default_rng(5), 80, 0.3, 2.0, k=1)
    labels = np.repeat(np.arange(80), 5)
    many = np.repeat(scores, 5), np.repeat(features, 5, axis=0), ["length"]
    once = style_controlled(scores, features, ["length"])
    often, careless = style_controlled(*many, labels), style_controlled(*many)
    assert once is not None and often is not None and careless is not None
    assert often.adjusted == pytest.approx(once.adjusted, abs=1e-3)
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.1)
    assert careless.high - careless.low < 0.6 * (often.high - often.low)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-2, 2), st.floats(-5, 5))
def test_swapping_candidate_and_baseline_mirrors_everything(seed: int, equal: float, taste: float) -> None:
    scores, features = judged(np.random.default_rng(seed), 40, equal, taste, k=2)
    scores[::6] = 0.5
    one = style_controlled(scores, features, NAMES[:2], resamples=50)
    other = style_controlled(1 - scores, -features, NAMES[:2], resamples=50)
    assert one is not None and other is not None
    assert (one.raw, one.adjusted) == (pytest.approx(1 - other.raw), pytest.approx(1 - other.adjusted))
    assert (one.low, one.high) == (
        pytest.approx(1 - other.high, abs=1e-6),
        pytest.approx(1 - other.low, abs=1e-6),
    )
    for mine, theirs in zip(one.coefficients, other.coefficients, strict=True):
        assert (mine.value, mine.low, mine.high) == (
            pytest.approx(theirs.value, abs=1e-5),
            pytest.approx(theirs.low, abs=1e-5),
            pytest.approx(theirs.high, abs=1e-5),
        )


def test_a_thousand_refits_take_less_than_three_seconds() -> None:
    scores, features = judged(np.random.default_rng(6), 500, 0.2, 2.0)
    start = time.perf_counter()
    style_controlled(scores, features, NAMES)
    assert time.perf_counter() - start < 3


def test_the_same_seed_gives_the_same_answer_and_another_one_another_interval() -> None:
    scores, features = judged(np.random.default_rng(7), 60, 0.2, 2.0)
    first, again, other = (style_controlled(scores, features, NAMES, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


class TestEdges:
    def test_all_wins_are_finite_and_not_certain(self) -> None:
        _, features = judged(np.random.default_rng(8), 50, 0.0, 0.0)
        found = style_controlled(np.ones(50), features, NAMES)
        assert found is not None
        assert found.raw == 1 and found.adjusted == pytest.approx(1)
        assert (found.low, found.high) == pytest.approx(wilson(1.0, 50))
        assert [each.value for each in found.coefficients] == pytest.approx([0] * 4, abs=1e-6)

    def test_a_judge_who_sees_length_alone_leaves_the_rest_open(self) -> None:
        # given the longer answer always wins, so that length tells wins from losses without error
        _, features = judged(np.random.default_rng(9), 200, 0.0, 0.0)
        scores = (features[:, 0] > 0).astype(float)
        found = style_controlled(scores, features, NAMES)
        assert found is not None
        assert found.raw > 0.75 and (found.low, found.high) == (0.0, 1.0)
        assert 10 < found.coefficients[0].value < 1_000
        assert all(each.low is None and each.high is None for each in found.coefficients)

        # when the shorter one wins a single time, there is something to go by
        scores[features[:, 0].argmin()] = 1
        found = style_controlled(scores, features, NAMES)
        assert found is not None
        assert 0 < found.low < found.adjusted < found.high < 1

    def test_two_features_that_are_one_share_its_effect(self) -> None:
        scores, features = judged(np.random.default_rng(10), 200, 0.3, 3.0, k=1)
        alone = style_controlled(scores, features, ["length"], resamples=10)
        twice = style_controlled(scores, np.tile(features, 2), ["length", "words"], resamples=10)
        assert alone is not None and twice is not None
        assert twice.adjusted == pytest.approx(alone.adjusted, abs=1e-4)
        assert [each.value for each in twice.coefficients] == pytest.approx(
            [alone.coefficients[0].value / 2] * 2, abs=1e-3
        )

    def test_a_feature_that_does_not_vary_is_left_out(self) -> None:
        scores, features = judged(np.random.default_rng(11), 100, 0.3, 3.0)
        features[:, 2] = 0.1
        found = style_controlled(scores, features, NAMES, resamples=10)
        assert found is not None
        assert [each.name for each in found.coefficients] == ["length", "headings", "bold"]

    def test_without_features_that_vary_the_rate_is_the_plain_one(self) -> None:
        scores = [1, 1, 1, 0, 0.5] * 8
        found = style_controlled(scores, np.zeros((40, 2)), NAMES[:2])
        assert found is not None and found.coefficients == ()
        assert found.adjusted == pytest.approx(found.raw) == pytest.approx(0.7)
        assert found.low < 0.65 and found.high > 0.75

    @pytest.mark.parametrize(
        ("n", "k", "enough"), [(40, 4, True), (39, 4, False), (10, 1, True), (9, 1, False)]
    )
    def test_ten_pairs_for_each_feature_are_the_least(self, n: int, k: int, enough: bool) -> None:
        scores, features = judged(np.random.default_rng(12), n, 0.0, 1.0, k)
        assert (style_controlled(scores, features, NAMES[:k], resamples=10) is not None) == enough

    def test_a_feature_that_is_left_out_needs_no_pairs(self) -> None:
        scores, features = judged(np.random.default_rng(12), 30, 0.0, 1.0)
        features[:, 3] = 0.0
        assert style_controlled(scores, features, NAMES, resamples=10) is not None

    def test_pairs_of_one_cluster_count_as_one(self) -> None:
        scores, features = judged(np.random.default_rng(13), 60, 0.0, 1.0, k=1)
        assert style_controlled(scores, features, ["length"], np.repeat(np.arange(6), 10)) is None

    @pytest.mark.parametrize(
        ("scores", "features", "labels", "complaint"),
        [
            ([1, 0], [[0.1], [0.2], [0.3]], None, "need features"),
            ([1, 0], [[0.1, 0.2], [0.2, 0.1]], None, "need features"),
            ([1, 2], [[0.1], [0.2]], None, "from 0 to 1"),
            ([1, float("nan")], [[0.1], [0.2]], None, "from 0 to 1"),
            ([1, 0], [[0.1], [float("nan")]], None, "finite"),
            ([1, 0], [[0.1], [0.2]], ["a"], "cluster label"),
        ],
    )
    def test_misuse(self, scores: list, features: list, labels: list | None, complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            style_controlled(scores, features, ["length"], labels)
