"""The share of the oracle's gain that a strategy recovers: its interval covers at its level."""

from __future__ import annotations

import numpy as np
import pytest
from contributing import scored_pools, strategy_answers

from fusion_eval.analysis.ceiling import ceiling_row, recovered_rows
from fusion_eval.analysis.units import units
from fusion_eval.stats.cluster_means import Sample, cluster_means
from fusion_eval.stats.ratios import ratio_of_means


def coverage(clusters: int, samples: int = 1_500) -> float:
    """Return how often the interval covers the truth, for clusters of eight items of which some lack some.

    Values are skewed, and a noisy score chooses. `ratio_of_means` of sums by cluster equals that of all items here.
    """
    random = np.random.default_rng(clusters)

    def draw(size: int) -> tuple[np.ndarray, np.ndarray]:
        shape = (size, clusters, 8, 5)
        noise = 0.8 * random.normal(size=(size, clusters, 1, 1)) + 0.5 * random.normal(size=(*shape[:3], 1))
        logs = noise + 0.7 * random.normal(size=shape)
        values, chosen = np.exp(logs), (logs + random.normal(size=shape)).argmax(axis=-1)[..., None]
        there = np.arange(8) < random.integers(2, 9, size=(size, clusters, 1))
        gains = np.take_along_axis(values, chosen, -1)[..., 0] - values.mean(axis=-1)
        best = values.max(axis=-1) - values.mean(axis=-1)
        return (gains * there).sum(axis=-1), (best * there).sum(axis=-1)

    gains, best = draw(8_000)
    truth = gains.sum() / best.sum()
    sample = Sample(np.arange(clusters), np.zeros(clusters, dtype=np.int64))
    hits = []
    for gain, most in zip(*draw(samples), strict=True):
        ratio = ratio_of_means(gain, most, sample, 0.95)
        hits.append(ratio.low is None or ratio.high is None or ratio.low <= truth <= ratio.high)
    return float(np.mean(hits))


@pytest.mark.slow
@pytest.mark.parametrize("clusters", [8, 14, 20, 60])
def test_intervals_of_the_share_recovered_cover_at_their_level(clusters: int) -> None:
    # then 95% of them contain the truth, up to the noise of 1,500 samples
    assert coverage(clusters) > 0.935


def test_a_gain_that_may_be_nothing_gives_an_interval_without_ends() -> None:
    # given an oracle that gains on one item of four
    sample = Sample(np.arange(4), np.zeros(4, dtype=np.int64))
    # when the share of its gain is computed
    ratio = ratio_of_means([0.5, 0, 0, 0], [1.0, 0, 0, 0], sample, 0.95)
    # then it says so
    assert (ratio.value, ratio.low, ratio.high, ratio.unbounded) == (0.5, None, None, True)


def test_the_ends_of_the_interval_are_where_the_test_of_the_difference_turns() -> None:
    # given 40 items in 10 clusters
    random = np.random.default_rng(2)
    sample = Sample(np.arange(40) // 4, np.zeros(40, dtype=np.int64))
    gain, most = random.normal(1, 1, 40), random.normal(3, 1, 40)
    # when
    ratio = ratio_of_means(gain, most, sample, 0.95)
    # then
    assert ratio.low is not None and ratio.high is not None
    for end in (ratio.low, ratio.high):
        assert cluster_means(gain - end * most, sample).t_test()[0] == pytest.approx(0.05)


def test_a_strategy_as_good_as_the_oracle_recovers_all() -> None:
    values = [[0.0, 1.0], [2.0, 1.0], [0.5, 0.0]]
    [unit] = units([scored_pools(values, strategies=(strategy_answers("best", [1.0, 2.0, 0.5]),))])
    [row] = recovered_rows(unit, Sample(unit.cluster, unit.group), 0.05)
    assert (row.share, row.ci_low, row.ci_high, row.regret) == pytest.approx((1.0, 1.0, 1.0, 0.0))


def test_candidates_that_differ_by_rounding_only_leave_nothing_to_recover() -> None:
    # given pools whose mean differs from their best in the last digit
    values = [[0.1, 0.1, 0.1], [0.3, 0.3, 0.3]]
    [unit] = units([scored_pools(values, strategies=(strategy_answers("first", [0.1, 0.3]),))])
    # when the share of the gain is computed
    [row] = recovered_rows(unit, Sample(unit.cluster, unit.group), 0.05)
    # then there is none
    assert (row.share, row.ci_low, row.ci_high) == (None, None, None)


def test_the_ceiling_of_several_tasks_weighs_them_as_the_oracle_does() -> None:
    # given a small task that some candidate always solves, and a large one that fails more often than not
    small = scored_pools([[0.0, 1.0]] * 4, task="small")
    large = scored_pools([[0.0, 0.0]] * 30 + [[1.0, 0.0]] * 10, task="large")
    both = units([small, large])[-1]
    # when the ceiling of both is computed
    row = ceiling_row(both, 0.05)
    # then one minus beta is the oracle's mean over the two tasks, and the interval holds beta
    assert (both.n_items, row.all_wrong) == (44, 30)
    assert row.beta == pytest.approx((0 + 0.75) / 2)
    assert row.ci_low < row.beta < row.ci_high
