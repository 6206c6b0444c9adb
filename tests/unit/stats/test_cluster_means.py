"""Means over clusters: their standard errors, and intervals that cover at their level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from fusion_eval.stats.cluster_means import Sample, cluster_means, proportion_interval
from fusion_eval.stats.subsets import best_of_k, pass_at_k


def independent(n: int) -> Sample:
    return Sample(np.arange(n), np.zeros(n, dtype=np.int64))


def test_independent_items_have_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(0).random((50, 2))
    means = cluster_means(values, independent(50))
    assert means.mean == pytest.approx(values.mean(axis=0))
    assert means.error == pytest.approx(values.std(axis=0, ddof=1) / 50**0.5)


def test_items_repeated_in_a_cluster_add_no_information() -> None:
    # given every item three times, in one cluster
    values = np.random.default_rng(0).random(40)
    thrice = Sample(np.repeat(np.arange(40), 3), np.zeros(120, dtype=np.int64))
    # then the error is that of the items alone
    repeated = cluster_means(np.repeat(values, 3), thrice)
    assert repeated.error == pytest.approx(cluster_means(values, independent(40)).error)
    assert repeated.degrees == 39


def test_groups_weigh_the_same_whatever_their_size() -> None:
    values, groups = np.array([0.0, 0.0, 0.0, 1.0]), np.array([0, 0, 0, 1])
    assert cluster_means(values, Sample(np.arange(4), groups)).mean == pytest.approx([0.5])


def test_groups_without_a_common_cluster_cost_a_degree_of_freedom_each() -> None:
    groups = np.repeat([0, 1], 10)
    assert Sample(np.arange(20), groups).degrees == 18
    assert Sample(np.tile(np.arange(10), 2), groups).degrees == 9


def test_one_cluster_has_no_interval() -> None:
    means = cluster_means([0.0, 1.0], Sample(np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)))
    assert np.isnan(means.t_interval(0.95)).all()
    assert np.isnan(means.share_interval(0.95)).all()


def test_a_share_of_none_or_all_has_an_interval_with_width() -> None:
    # given 36 items that are all wrong
    low, high = cluster_means(np.zeros(36), independent(36)).share_interval(0.95)
    # then the interval is the exact one
    assert (low[0], high[0]) == pytest.approx(binomtest(0, 36).proportion_ci(0.95, "exact"))
    low, high = cluster_means(np.ones(36), independent(36)).share_interval(0.95)
    assert (low[0], high[0]) == pytest.approx(binomtest(36, 36).proportion_ci(0.95, "exact"))


@pytest.mark.parametrize("hits", [0, 1, 7, 20])
def test_independent_items_have_the_exact_interval_of_a_proportion(hits: int) -> None:
    right = np.arange(20) < hits
    assert proportion_interval(right, np.arange(20), 0.95) == pytest.approx(
        tuple(binomtest(hits, 20).proportion_ci(0.95, "exact"))
    )


def test_dependent_items_have_a_wider_interval_of_a_proportion() -> None:
    right = np.repeat(np.arange(20) < 7, 4)
    low, high = proportion_interval(right, np.repeat(np.arange(20), 4), 0.95)
    alone = proportion_interval(np.arange(20) < 7, np.arange(20), 0.95)
    assert low <= alone[0] + 0.02 and high >= alone[1] - 0.02
    narrow = proportion_interval(right, np.arange(80), 0.95)
    assert high - low > 1.5 * (narrow[1] - narrow[0])


def coverage(curve: Any, truth: Any, cluster: Any, *, shares: bool) -> Any:
    """Return how often the intervals of many samples (R, n, K) contain the truth (K,)."""
    sample, hits = Sample(cluster, np.zeros(len(cluster), dtype=np.int64)), []
    for values in curve:
        means = cluster_means(values, sample)
        low, high = means.share_interval(0.95) if shares else means.t_interval(0.95)
        hits.append((low <= truth) & (truth <= high))
    return np.mean(hits, axis=0)


def test_intervals_of_pass_at_k_cover_at_their_level() -> None:
    # given 400 samples of 30 questions with two wordings each, which are equally hard, and 4 candidates
    random = np.random.default_rng(1)
    chance = np.repeat(random.beta(0.6, 0.4, (400, 30)), 2, axis=1)
    right = random.random((400, 60, 4)) < chance[:, :, None]
    truth = np.array([1 - np.prod([(0.4 + i) / (1 + i) for i in range(k)]) for k in range(1, 5)])
    # when each sample has an interval of pass@k for k = 1…4
    curves = pass_at_k(right.reshape(-1, 4)).reshape(400, 60, 4)
    covered = coverage(curves, truth, np.repeat(np.arange(30), 2), shares=True)
    # then 95% of them contain the truth, up to the noise of 400 samples
    assert (covered > 0.93).all() and (covered < 0.985).all(), covered


def test_intervals_of_a_difference_cover_at_their_level() -> None:
    # given graded candidates whose score is their value with noise
    random = np.random.default_rng(3)
    values = random.normal(size=(800, 40, 4))
    scores = values + random.normal(size=values.shape)
    gain = best_of_k(scores.reshape(-1, 4), values.reshape(-1, 4)) - values.mean(axis=2).reshape(-1, 1)
    # then the gain of the best of k is k's normal order statistic times the correlation
    truth = np.array([0.0, 0.56419, 0.84628, 1.02938]) / 2**0.5
    covered = coverage(gain.reshape(800, 40, 4)[:, :, 1:], truth[1:], np.arange(40), shares=False)
    assert (covered > 0.93).all() and (covered < 0.985).all(), covered
