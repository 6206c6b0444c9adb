"""The share of the oracle's gain that a strategy recovers: its interval covers at its level."""

from __future__ import annotations

import numpy as np
import pytest
from contributing import scored_pools, strategy_answers

from fusion_eval.analysis.ceiling import ceiling_row, recovered_rows
from fusion_eval.analysis.units import units
from fusion_eval.stats.cluster_means import Sample


@pytest.mark.slow
def test_intervals_of_the_share_recovered_cover_at_their_level() -> None:
    # given 300 samples of 50 items, and a strategy whose score is the value with as much noise
    random = np.random.default_rng(4)
    hits = []
    for _ in range(300):
        values = random.normal(size=(50, 5)) + random.normal(size=(50, 1))
        noisy = values + random.normal(size=values.shape)
        chosen = values[np.arange(50), noisy.argmax(axis=1)]
        # when each sample has an interval of the share
        [unit] = units(
            [scored_pools(values.tolist(), strategies=(strategy_answers("bon", chosen.tolist()),))]
        )
        [row] = recovered_rows(unit, Sample(unit.cluster, unit.group), 0.05, 500, 0)
        assert row.ci_low is not None and row.ci_high is not None
        hits.append(row.ci_low <= 2**-0.5 <= row.ci_high)
    # then 95% of them contain the truth, the correlation of score and value, up to the noise of 300 samples
    assert 0.91 < np.mean(hits) < 0.985


def test_a_strategy_as_good_as_the_oracle_recovers_all() -> None:
    values = [[0.0, 1.0], [2.0, 1.0], [0.5, 0.0]]
    [unit] = units([scored_pools(values, strategies=(strategy_answers("best", [1.0, 2.0, 0.5]),))])
    [row] = recovered_rows(unit, Sample(unit.cluster, unit.group), 0.05, 200, 0)
    assert (row.share, row.ci_low, row.ci_high, row.regret) == pytest.approx((1.0, 1.0, 1.0, 0.0))


def test_candidates_that_differ_by_rounding_only_leave_nothing_to_recover() -> None:
    # given pools whose mean differs from their best in the last digit
    values = [[0.1, 0.1, 0.1], [0.3, 0.3, 0.3]]
    [unit] = units([scored_pools(values, strategies=(strategy_answers("first", [0.1, 0.3]),))])
    # when the share of the gain is computed
    [row] = recovered_rows(unit, Sample(unit.cluster, unit.group), 0.05, 200, 0)
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
