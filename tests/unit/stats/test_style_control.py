"""The win rate at equal style: a preference for length is removed, an honest win is kept, and intervals cover."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from fusion_eval.stats.style_control import StyleControl, style_controlled
from fusion_eval.stats.win_rate import wilson

NAMES = ["length", "headings", "lists", "bold"]


def draw(
    random: np.random.Generator, n: int, log_odds: float, preference: float, k: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores and features of a candidate that is mostly longer.

    `log_odds` are the candidate's at equal style; the judge's `preference` adds to them in proportion to the length.
    """
    features = np.clip(random.normal([0.3] + [0.0] * (k - 1), 0.3, size=(n, k)), -1, 1)
    chance = 1 / (1 + np.exp(-log_odds - preference * features[:, 0]))
    return (random.random(n) < chance).astype(float), features


def estimate(scores: object, features: np.ndarray, clusters: object = None, **options: float) -> StyleControl:
    result = style_controlled(scores, features, NAMES[: features.shape[1]], clusters, **options)  # type: ignore[arg-type]
    assert result is not None
    return result


def fitted_values(scores: np.ndarray, features: np.ndarray) -> list[float]:
    """Return the intercept and the coefficients."""
    result = estimate(scores, features)
    return [np.log(result.adjusted / (1 - result.adjusted)), *(each.value for each in result.coefficients)]


def values_of_scikit_learn(scores: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Fit a logistic regression in which each score is a weighted win and a weighted loss, as is each prior."""
    n, k = features.shape
    design = np.column_stack([np.ones(n), features / features.std(axis=0)])
    prior = np.column_stack([np.zeros(k), np.eye(k)])
    model = LogisticRegression(
        C=1e12, tol=1e-12, max_iter=10_000, solver="newton-cholesky", fit_intercept=False
    )
    model.fit(
        np.vstack([design, design, prior, prior]),
        np.repeat([1, 0, 1, 0], [n, n, k, k]),
        sample_weight=np.concatenate([scores, 1 - scores, np.full(2 * k, 0.5)]),
    )
    return np.asarray(model.coef_[0])


class TestAgainstOtherImplementations:
    @pytest.fixture
    def graded(self) -> tuple[np.ndarray, np.ndarray]:
        scores, features = draw(np.random.default_rng(3), 4_000, 0.3, 3.0)
        scores[::5] = 0.5
        scores[1::7] = 0.75
        return scores, features

    def test_values_and_errors_are_about_those_of_a_generalized_linear_model(
        self, graded: tuple[np.ndarray, np.ndarray]
    ) -> None:
        # given many pairs, so that the prior hardly matters, in clusters of two
        scores, features = graded
        clusters = np.arange(len(scores)) // 2
        design = sm.add_constant(features / features.std(axis=0))
        # when
        theirs = sm.GLM(scores, design, family=sm.families.Binomial()).fit(
            cov_type="cluster", cov_kwds={"groups": clusters}
        )
        ours = estimate(scores, features, clusters)
        # then
        assert ours.adjusted == pytest.approx(1 / (1 + np.exp(-theirs.params[0])), abs=1e-3)
        assert [each.value for each in ours.coefficients] == pytest.approx(theirs.params[1:], abs=2e-3)
        widths = [(each.high or 0.0) - (each.low or 0.0) for each in ours.coefficients]
        assert widths == pytest.approx(2 * 1.96 * theirs.bse[1:], rel=0.01)

    def test_scikit_learn_gives_the_same_values_with_the_same_prior(
        self, graded: tuple[np.ndarray, np.ndarray]
    ) -> None:
        scores, features = (part[:200] for part in graded)
        assert fitted_values(scores, features) == pytest.approx(
            values_of_scikit_learn(scores, features), rel=1e-5, abs=1e-5
        )

    @pytest.mark.parametrize("seed", range(8))
    def test_outliers_and_nearly_separating_features_are_fitted_as_well(self, seed: int) -> None:
        # given a first feature that is wrong about three pairs only
        features = np.clip(np.random.default_rng(seed).standard_t(1.5, size=(80, 2)), -50, 50)
        scores = (features[:, 0] > 0).astype(float)
        scores[:3] = 1 - scores[:3]
        assert fitted_values(scores, features) == pytest.approx(
            values_of_scikit_learn(scores, features), rel=1e-5, abs=1e-5
        )


def test_a_preference_for_length_is_removed() -> None:
    # given equal systems, of which the candidate writes longer answers, and a judge who prefers these
    result = estimate(*draw(np.random.default_rng(0), 500, 0.0, 5.0))
    assert result.raw > 0.65
    assert result.low < 0.5 < result.high and result.adjusted == pytest.approx(0.5, abs=0.08)
    length, *others = result.coefficients
    assert length.name == "length" and length.low is not None and length.low > 0.5
    assert max(abs(other.value) for other in others) < length.low / 2


def test_an_honest_win_is_kept() -> None:
    # given a better candidate with longer answers, and a judge who does not care for length
    result = estimate(*draw(np.random.default_rng(1), 500, 0.8, 0.0))
    assert result.low > 0.5
    assert result.adjusted == pytest.approx(result.raw, abs=0.06)


@pytest.mark.parametrize(
    ("n", "k", "log_odds", "preference", "clustered"),
    [
        (60, 2, 0.0, 4.0, False),
        (60, 4, 1.0, 4.0, False),  # few pairs for four features, and mostly wins
        (40, 4, 0.0, 4.0, True),  # the fewest clusters that are allowed
        (150, 2, 0.8, 4.0, True),
    ],
)
def test_intervals_cover_as_often_as_they_claim(
    n: int, k: int, log_odds: float, preference: float, clustered: bool
) -> None:
    # given pairs that are independent, or one to five copies of each
    random = np.random.default_rng(2)
    trials, covered, length_covered, bounded = 120, 0, 0, 0
    for _ in range(trials):
        scores, features = draw(random, n, log_odds, preference, k)
        copies = random.integers(1, 6, n) if clustered else np.ones(n, dtype=int)
        labels = np.repeat(np.arange(n), copies)
        # when
        result = estimate(scores[labels], features[labels], labels, confidence=0.9)
        # then
        covered += result.low <= 1 / (1 + np.exp(-log_odds)) <= result.high
        length = result.coefficients[0]
        if length.low is not None and length.high is not None:
            bounded += 1
            length_covered += length.low <= preference * features[labels, 0].std() <= length.high
    assert (
        scipy.stats.binom.ppf(0.001, trials, 0.89) <= covered <= scipy.stats.binom.ppf(0.9999, trials, 0.93)
    )
    assert length_covered >= scipy.stats.binom.ppf(0.001, bounded, 0.85)


def test_copies_of_a_pair_do_not_narrow_the_interval() -> None:
    scores, features = draw(np.random.default_rng(5), 80, 0.3, 2.0, k=1)
    labels = np.repeat(np.arange(80), 5)
    once = estimate(scores, features)
    clustered = estimate(scores[labels], features[labels], labels)
    single = estimate(scores[labels], features[labels])
    assert clustered.adjusted == pytest.approx(once.adjusted, abs=0.01)
    assert clustered.high - clustered.low == pytest.approx(once.high - once.low, rel=0.05)
    assert single.high - single.low < 0.6 * (clustered.high - clustered.low)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-2, 2), st.floats(-5, 5))
def test_swapping_candidate_and_baseline_mirrors_the_result(
    seed: int, log_odds: float, preference: float
) -> None:
    scores, features = draw(np.random.default_rng(seed), 40, log_odds, preference, k=2)
    scores[::6] = 0.5
    one, other = estimate(scores, features), estimate(1 - scores, -features)
    assert (one.raw, one.adjusted) == pytest.approx((1 - other.raw, 1 - other.adjusted))
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-6)
    for ours, theirs in zip(one.coefficients, other.coefficients, strict=True):
        assert (ours.value, ours.low, ours.high) == pytest.approx(
            (theirs.value, theirs.low, theirs.high), abs=1e-5
        )


class TestEdges:
    @pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
    def test_equal_scores_show_nothing(self, score: float) -> None:
        _, features = draw(np.random.default_rng(8), 50, 0.0, 0.0)
        assert style_controlled(np.full(50, score), features, NAMES) is None

    def test_nothing_is_known_of_equal_style_if_length_separates_wins_from_losses(self) -> None:
        # given that the longer answer always wins
        _, features = draw(np.random.default_rng(9), 200, 0.0, 0.0)
        scores = (features[:, 0] > 0).astype(float)
        result = estimate(scores, features)
        assert result.raw > 0.75 and (result.low, result.high) == (0.0, 1.0)
        assert 10 < result.coefficients[0].value < 1_000
        assert all(each.low is None and each.high is None for each in result.coefficients)

        # when the shorter one wins a single time, the rate has bounds
        scores[features[:, 0].argmin()] = 1
        result = estimate(scores, features)
        assert 0 < result.low < result.adjusted < result.high < 1

    def test_two_copies_of_a_feature_share_its_effect(self) -> None:
        scores, features = draw(np.random.default_rng(10), 400, 0.3, 3.0, k=1)
        once, twice = estimate(scores, features), estimate(scores, np.tile(features, 2))
        assert twice.adjusted == pytest.approx(once.adjusted, abs=0.01)
        assert [each.value for each in twice.coefficients] == pytest.approx(
            [once.coefficients[0].value / 2] * 2, abs=0.01
        )

    def test_a_feature_that_does_not_vary_is_left_out(self) -> None:
        scores, features = draw(np.random.default_rng(11), 100, 0.3, 3.0)
        features[:, 2] = 0.1
        assert [each.name for each in estimate(scores, features).coefficients] == [
            "length",
            "headings",
            "bold",
        ]

    def test_without_features_that_vary_the_rate_is_the_plain_one(self) -> None:
        result = estimate([1, 1, 1, 0, 0.5] * 8, np.zeros((40, 2)))
        assert result.coefficients == ()
        assert result.adjusted == pytest.approx(result.raw) == pytest.approx(0.7)
        assert result.low < 0.65 and result.high > 0.75

    def test_scores_that_cancel_out_in_each_cluster_have_wilsons_interval(self) -> None:
        result = estimate([1, 0] * 20, np.zeros((40, 1)), np.repeat(np.arange(20), 2))
        assert (result.low, result.high) == pytest.approx(wilson(0.5, 20))

    @pytest.mark.parametrize(
        ("n", "k", "enough"), [(40, 4, True), (39, 4, False), (10, 1, True), (9, 1, False)]
    )
    def test_ten_pairs_per_feature_are_the_minimum(self, n: int, k: int, enough: bool) -> None:
        scores, features = draw(np.random.default_rng(12), n, 0.0, 1.0, k)
        assert (style_controlled(scores, features, NAMES[:k]) is not None) == enough

    def test_a_feature_that_is_left_out_needs_no_pairs(self) -> None:
        scores, features = draw(np.random.default_rng(12), 30, 0.0, 1.0)
        features[:, 3] = 0.0
        assert style_controlled(scores, features, NAMES) is not None

    def test_the_pairs_of_one_cluster_count_as_one(self) -> None:
        scores, features = draw(np.random.default_rng(13), 60, 0.0, 1.0, k=1)
        assert style_controlled(scores, features, ["length"], np.repeat(np.arange(6), 10)) is None

    @pytest.mark.parametrize(
        ("scores", "features", "labels", "message"),
        [
            ([1, 0], [[0.1], [0.2], [0.3]], None, "need features"),
            ([1, 0], [[0.1, 0.2], [0.2, 0.1]], None, "need features"),
            ([1, 2], [[0.1], [0.2]], None, "from 0 to 1"),
            ([1, float("nan")], [[0.1], [0.2]], None, "from 0 to 1"),
            ([1, 0], [[0.1], [float("nan")]], None, "finite"),
            ([1, 0], [[0.1], [0.2]], ["a"], "cluster label"),
        ],
    )
    def test_misuse_is_refused(self, scores: list, features: list, labels: list | None, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            style_controlled(scores, features, ["length"], labels)
